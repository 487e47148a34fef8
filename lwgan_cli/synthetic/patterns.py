"""What is woven into or printed on cloth."""

from __future__ import annotations

import torch

from lwgan_cli.ramps import smoothstep
from lwgan_cli.synthetic.canvas import Surface
from lwgan_cli.synthetic.drape import Tube
from lwgan_cli.synthetic.noise import fractal_noise
from lwgan_cli.synthetic.skin import bump, mix


def cloth_coordinates(surface: Surface, limbs: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Places on the unrolled cloth, m: (N,) round and (N,) along the limb or trunk, and (N,) bool: on a limb.

    limbs: "arms" or "legs", the ones that the garment covers.
    """
    anatomy, points = surface.anatomy, surface.position
    joints = anatomy.joints
    trunk = Tube.of(points, joints[12] * joints.new_tensor([0, 1, 1]), joints[0])
    round_trunk = trunk.angle * 0.15
    if limbs == "arms":
        shoulder, wrist = joints[16], joints[20]
        mirrored = points * torch.where(points[:, :1] < 0, -1.0, 1.0) ** points.new_tensor([1.0, 0.0, 0.0])
        limb = Tube.of(mirrored, shoulder, wrist)
        on_limb = points[:, 0].abs() > armhole(surface)
        return (
            torch.where(on_limb, limb.angle * 0.055, round_trunk),
            torch.where(on_limb, limb.along + 0.03, -points[:, 1]),
            on_limb,
        )
    mirrored = points * torch.where(points[:, :1] < 0, -1.0, 1.0) ** points.new_tensor([1.0, 0.0, 0.0])
    limb = Tube.of(mirrored, joints[1], joints[7])
    on_limb = points[:, 1] < anatomy.crotch + 0.03
    return torch.where(on_limb, limb.angle * 0.08, round_trunk), -points[:, 1], on_limb


def armhole(surface: Surface) -> torch.Tensor:
    """(N,) the |x| of the seam between trunk and sleeve at each point's height; it ends in the armpit."""
    shoulder = surface.anatomy.joints[16]
    below = (shoulder[1] - surface.position[:, 1]).clamp(-0.08, 0.12)
    return shoulder[0] + 0.012 + 0.10 * below


def paint_pattern(
    surface: Surface,
    base: torch.Tensor,
    second: torch.Tensor,
    pattern: str,
    limbs: str,
    seed: int,
) -> torch.Tensor:
    """Cloth colours (N, 3): `base` (3,) with a pattern of `second` (3,); pattern as in `look.PATTERNS`."""
    around, along, _ = cloth_coordinates(surface, limbs)
    colours = base.expand(len(surface), 3)
    if pattern == "plain":
        return colours
    rng = torch.Generator().manual_seed(seed)
    pitch = 0.035 + 0.035 * float(torch.rand((), generator=rng))
    if pattern == "stripes":
        wave = torch.remainder(along / pitch, 1.0)
        edge = 0.0012 / pitch
        share = smoothstep(wave, 0.0, edge) * smoothstep(wave, 0.45 + edge, 0.45)
        return mix(colours, second, share)
    if pattern == "checks":
        one = (torch.remainder(along / pitch, 1.0) < 0.5).float()
        other = (torch.remainder(around / pitch, 1.0) < 0.5).float()
        thin = (torch.remainder(along / pitch + 0.25, 1.0) < 0.05).float()
        thin = torch.maximum(thin, (torch.remainder(around / pitch + 0.25, 1.0) < 0.05).float())
        colours = mix(colours, second, 0.42 * (one + other))
        return mix(colours, base * 0.4, 0.5 * thin)
    if pattern == "dots":
        row = (along / pitch).floor()
        u = torch.remainder(around / pitch + 0.5 * torch.remainder(row, 2.0), 1.0) - 0.5
        v = torch.remainder(along / pitch, 1.0) - 0.5
        return mix(colours, second, smoothstep((u * u + v * v).sqrt(), 0.27, 0.23))
    return _paint_logo(surface, colours, second, seed)


def _paint_logo(surface: Surface, colours: torch.Tensor, second: torch.Tensor, seed: int) -> torch.Tensor:
    """A print on the chest: a badge with a figure in it, over two lines of "writing"."""
    x, y, z = surface.position.unbind(1)
    anatomy = surface.anatomy
    centre = 0.35 * anatomy.y(9) + 0.65 * anatomy.y(6) + 0.035
    u, v = x / 0.085, (y - centre) / 0.085
    front = (z > anatomy.joints[9, 2] + 0.03) & (x.abs() < 0.15)
    radius, angle = (u * u + v * v).sqrt(), torch.atan2(v, u)
    kind = seed % 3
    if kind == 0:  # sun over a hill
        disc = smoothstep(radius, 0.98, 0.94)
        hill = smoothstep(-0.15 + 0.35 * torch.cos(u * 3.1) * 0.6 - v, 0.0, 0.05)
        sun = smoothstep(((u - 0.2) ** 2 + (v - 0.42) ** 2).sqrt(), 0.36, 0.32)
        share = disc * (1 - 0.85 * torch.maximum(hill * (radius < 0.86), sun))
    elif kind == 1:  # star
        points = 0.62 + 0.30 * torch.cos(5 * (angle - torch.pi / 2))
        share = smoothstep(radius - points, 0.03, -0.03)
    else:  # rings
        share = smoothstep((radius - 0.78).abs(), 0.16, 0.12) + smoothstep(radius, 0.44, 0.40)
    lines = ((v + 1.25).abs() < 0.09) & (u.abs() < 0.95) & (_letters(u, 3.1) > 0)
    lines |= ((v + 1.52).abs() < 0.05) & (u.abs() < 0.7) & (_letters(u, 5.3) > 0)
    share = torch.maximum(share.clamp(0, 1), lines.float()) * front
    return mix(colours, second, share)


def _letters(u: torch.Tensor, pace: float) -> torch.Tensor:
    """Positive on letters of lines that nobody can read."""
    return torch.sin(u * pace * 11) + torch.sin(u * pace * 17 + 1.3) + 0.9


def weave(surface: Surface, limbs: str, denim: bool, seed: int) -> torch.Tensor:
    """(N,) factor near 1: the cloth's threads and unevenness; twill and wear for denim."""
    around, along, _ = cloth_coordinates(surface, limbs)
    cloud = fractal_noise(surface.position * 14, seed + 201, 3) - 0.5
    grain = fractal_noise(surface.position * 500, seed + 207, 2) - 0.5
    factor = 1 + 0.10 * cloud + 0.05 * grain
    if denim:
        twill = torch.sin((around + along) * 2 * torch.pi / 0.0045)
        threads = fractal_noise(torch.stack([around * 900, along * 90, around * 0], 1), seed + 211, 2) - 0.5
        factor = factor + 0.035 * twill + 0.14 * threads
    return factor


def folds(surface: Surface, limbs: str, seed: int) -> torch.Tensor:
    """(N,) factor near 1: light and shade of folds, deepest at elbows, knees, armpits, waist and groin."""
    around, along, on_limb = cloth_coordinates(surface, limbs)
    anatomy = surface.anatomy
    x, y, _ = surface.position.unbind(1)

    def ridges(across: float, length: float, slant: float, shift: int) -> torch.Tensor:
        place = torch.stack([around * across + slant * along * across, along * length, torch.sign(x) * 3.0], 1)
        noise = fractal_noise(place, seed + 221 + shift, 2)
        return 1 - 4 * (noise - 0.5).abs()

    long_folds = ridges(16, 5, 0.5, 0)
    cross_folds = ridges(9, 34, 0.0, 5)
    if limbs == "arms":
        elbow = anatomy.x(18)
        crossing = on_limb * (bump(x.abs(), elbow, 0.06) + 0.7 * bump(x.abs(), anatomy.x(20), 0.05)) + 0.7 * bump(
            y, anatomy.y(3), 0.06
        ) * (~on_limb)
        lengthwise = 0.5 + 0.5 * bump(x.abs(), anatomy.x(16), 0.08)
    else:
        crossing = (
            bump(y, anatomy.y(4), 0.06) + bump(y, anatomy.y(7) + 0.05, 0.06) + 0.5 * bump(y, anatomy.crotch, 0.05)
        )
        lengthwise = 0.35 + 0.4 * bump(y, anatomy.crotch, 0.12)
    shade = 0.085 * lengthwise * long_folds + 0.13 * crossing.clamp(0, 1) * cross_folds
    return 1 + shade.clamp(-0.28, 0.14)
