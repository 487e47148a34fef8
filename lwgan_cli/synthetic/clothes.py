"""Tops and bottoms: where they cover the body, how far they stand off it, how they are painted.

Covers are signed distances in m, positive under the cloth, so that one field gives both the painted border
and the step that the hem makes.
"""

from __future__ import annotations

import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.ramps import smoothstep
from lwgan_cli.synthetic.canvas import Anatomy, Surface
from lwgan_cli.synthetic.drape import Tube, ellipsoid_exit, hang, smooth
from lwgan_cli.synthetic.look import Bottom, Top
from lwgan_cli.synthetic.noise import fractal_noise, value_noise
from lwgan_cli.synthetic.patterns import armhole, cloth_coordinates, folds, paint_pattern, weave
from lwgan_cli.synthetic.skin import bump, mix

RIM = 0.020  # m, over which cloth falls back to the body beyond its border
_LEFT_ARM, _LEFT_LEG = [16, 18, 20, 22], [1, 4, 7, 10]


def _hem(anatomy: Anatomy, top: Top) -> float:
    waist = anatomy.y(3)
    return waist + top.hem * (anatomy.crotch - waist)


def _sleeve_end(anatomy: Anatomy, top: Top) -> float:
    return anatomy.x(16) + top.sleeve * (anatomy.x(20) - anatomy.x(16))


def cover_top(surface: Surface, top: Top) -> torch.Tensor:
    """(N,) m inside the top's border."""
    anatomy = surface.anatomy
    x, y, z = surface.position.unbind(1)
    ahead = z - anatomy.joints[12, 2]
    lift = 0.028 if top.kind == "jacket" else 0.0
    line = anatomy.y(12) - 0.006 + lift - (0.50 - 2.2 * lift) * ahead
    if top.neckline == "v" and top.kind != "jacket":
        line = line - 0.55 * (0.085 - x.abs()).clamp(min=0) * smoothstep(ahead, 0.0, 0.05)
    neck = torch.maximum((line - y) * 0.94, x.abs() - 0.75 * anatomy.x(16))
    return torch.minimum(torch.minimum(y - _hem(anatomy, top), _sleeve_end(anatomy, top) - x.abs()), neck)


def cover_bottom(surface: Surface, bottom: Bottom) -> torch.Tensor:
    """(N,) m inside the bottom's border."""
    anatomy = surface.anatomy
    y = surface.position[:, 1]
    end = anatomy.crotch + bottom.length * (anatomy.y(7) - anatomy.crotch)
    return torch.minimum(y - end, anatomy.y(3) - 0.015 - y)


def _share(model: BodyModel, joints: list[int], mirrored: bool) -> torch.Tensor:
    rows = [joint + 1 for joint in joints] if mirrored else joints
    return model.lbs_weights[:, rows].sum(1)


def _push(
    tube: Tube, members: torch.Tensor, normal: torch.Tensor, axis: torch.Tensor, ease: float, flare: float
) -> torch.Tensor:
    """(V, 3) how cloth round a tube stands off the body; along its normal where that runs along the tube."""
    gain = (hang(tube, members, flare) + ease - tube.radius).clamp(min=0)
    facing = (normal @ axis).abs()
    sideways = smoothstep(facing, 0.85, 0.45)
    gain = gain * smoothstep((normal * tube.out).sum(1), -0.1, 0.4)  # not across the gap between the legs
    return (sideways * gain)[:, None] * tube.out + ((1 - sideways) * ease)[:, None] * normal


def dress_top(model: BodyModel, surface: Surface, points: torch.Tensor, joints: torch.Tensor, top: Top) -> torch.Tensor:
    """The dressed points (V, 3) m, T-pose, of points with what is worn below; joints (24, 3) of the shape."""
    cover = cover_top(surface, top)
    near = cover > -0.03
    down = points.new_tensor([0.0, -1.0, 0.0])
    middle = joints.new_tensor([0.0, 1.0, 1.0])
    start, end = joints[12] * middle, joints[0] * middle
    end = torch.stack([end[0], end[1], start[2]])
    arms = [_share(model, _LEFT_ARM, mirrored) for mirrored in (False, True)]
    trunk = near & (arms[0] + arms[1] < 0.35)
    loose = top.ease / 0.012
    chest = smoothstep(cover, 0.0, 0.03) * smoothstep(arms[0] + arms[1], 0.35, 0.1)
    points = smooth(model, points, 0.8 * chest[:, None], 8, surface.normal)  # cloth follows no detail
    push = _push(Tube.of(points, start, end), trunk, surface.normal, down, top.ease, -0.34 + 0.16 * loose)
    for share, joint in zip(arms, (16, 17), strict=True):
        sleeve = near & (share > 0.5)
        if not sleeve.any():
            continue
        a, b = joints[joint], joints[joint + 4]
        axis = torch.nn.functional.normalize(b - a, dim=0)
        flare = min(0.03, -0.02 + 0.05 * loose) if top.kind == "t-shirt" else min(-0.05, -0.18 + 0.07 * loose)
        along = _push(Tube.of(points, a, b), sleeve, surface.normal, axis, 0.7 * top.ease, flare)
        push = push + smoothstep(share, 0.2, 0.8)[:, None] * (along - push)
    dressed = points + smoothstep(cover, -RIM, 0.0)[:, None] * push
    if top.kind == "jacket":  # a collar that stands, and the front's edges
        collar = bump(cover, 0.012, 0.016) * smoothstep(
            surface.position[:, 1] - surface.anatomy.y(12) + 0.05, -0.03, 0.0
        )
        dressed = dressed + (0.010 * collar)[:, None] * surface.normal
    return smooth(model, dressed, 0.6 * smoothstep(cover, -0.004, 0.012)[:, None], 3, surface.normal)


def dress_bottom(
    model: BodyModel, surface: Surface, points: torch.Tensor, joints: torch.Tensor, bottom: Bottom
) -> torch.Tensor:
    """As `dress_top`, for trousers, shorts and skirts.

    A skirt is two halves that meet between the legs: the surface below has no faces across. It looks like a
    skirt while the legs are near each other, like wide shorts when they part.
    """
    cover = cover_bottom(surface, bottom)
    near = cover > -0.03
    down = points.new_tensor([0.0, -1.0, 0.0])
    middle = joints.new_tensor([0.0, 1.0, 1.0])
    start = joints[3] * middle
    end = torch.stack([start[0], joints[1, 1] - 0.2, start[2]])
    shares = [_share(model, _LEFT_LEG, mirrored) for mirrored in (False, True)]
    hips = near & (surface.position[:, 1] > surface.anatomy.crotch - 0.02)
    push = _push(Tube.of(points, start, end), hips, surface.normal, down, 0.7 * bottom.ease, -0.35)
    if bottom.kind == "skirt":
        target = _skirt(surface, points, joints, hips, bottom)
        # from the hips down the halves' outline takes over
        below = smoothstep(surface.position[:, 1], surface.anatomy.y(1) + 0.05, surface.anatomy.crotch + 0.02)
        push = push + below[:, None] * (target - points - push)
    else:
        for share, joint in zip(shares, (1, 2), strict=True):
            leg = near & (share > 0.5) & (surface.position[:, 1] < surface.anatomy.crotch - 0.02)
            tube = Tube.of(points, joints[joint], joints[joint + 6])
            axis = torch.nn.functional.normalize(joints[joint + 6] - joints[joint], dim=0)
            along = _push(tube, leg, surface.normal, axis, bottom.ease, bottom.flare)
            push = push + smoothstep(share, 0.3, 0.9)[:, None] * (along - push)
    dressed = points + smoothstep(cover, -RIM, 0.0)[:, None] * push
    return smooth(model, dressed, 0.6 * smoothstep(cover, -0.004, 0.012)[:, None], 3, surface.normal)


def _skirt(
    surface: Surface, points: torch.Tensor, joints: torch.Tensor, hips: torch.Tensor, bottom: Bottom
) -> torch.Tensor:
    """(V, 3) where a skirt's surface takes the legs' vertices: out along rays from each leg's axis."""
    side = torch.where(points[:, 0] < 0, -1.0, 1.0)
    one = points.new_tensor([1.0, 0.0, 0.0])
    flip = 1 + (side[:, None] - 1) * one  # mirrors the right leg onto the left
    left = points * flip
    t = ((joints[1, 1] - left[:, 1]) / (joints[1, 1] - joints[7, 1])).clamp(0, 1)
    axis = joints[1] + t[:, None] * (joints[7] - joints[1])
    origin = torch.stack([axis[:, 0], left[:, 1], axis[:, 2]], 1)
    out = (left - origin) * left.new_tensor([1.0, 0.0, 1.0])
    direction = torch.nn.functional.normalize(out, dim=1)
    drop = (joints[1, 1] - left[:, 1]).clamp(min=0)
    spread = 0.08 * drop
    a = points[hips, 0].abs().max() + 0.006 + bottom.ease + spread
    b = (points[hips, 2].max() - points[hips, 2].min()) / 2 + bottom.ease + 0.8 * spread
    centre = (points[hips, 2].max() + points[hips, 2].min()) / 2
    flat = origin.new_tensor([1.0, 0.0, 1.0])
    radii = torch.stack([a, torch.ones_like(a), b], 1)
    place = torch.stack([torch.zeros_like(a), left[:, 1], centre.expand_as(a)], 1)
    reach = ellipsoid_exit((origin - place) * flat, direction, torch.zeros_like(place), radii)
    inner = (origin[:, 0] - 0.003) / (-direction[:, 0]).clamp(min=1e-4)
    reach = torch.where(direction[:, 0] < 0, torch.minimum(reach, inner), reach)
    return (origin + reach[:, None] * direction) * flip


def cloth_share(cover: torch.Tensor, texel: float) -> torch.Tensor:
    """(N,) share of a texel under the cloth."""
    return smoothstep(cover, -0.6 * texel, 0.6 * texel)


def strip(x: torch.Tensor, centre: float | torch.Tensor, half: float, soft: float) -> torch.Tensor:
    """1 where x is within `half` of the centre, soft over `soft`."""
    return smoothstep((x - centre).abs(), half + soft, half - soft)


def shadow_below(colours: torch.Tensor, cover: torch.Tensor) -> torch.Tensor:
    """The rim below a hem lies in the cloth's shadow."""
    return colours * (1 - 0.38 * smoothstep(cover, -RIM * 1.2, -0.001))[:, None]


def paint_top(surface: Surface, colours: torch.Tensor, top: Top, texel: float, seed: int) -> torch.Tensor:
    """Paint the top over colours (N, 3)."""
    cover = cover_top(surface, top)
    rows = (cover > -0.03).nonzero().squeeze(1)
    worn, under, cover = surface[rows], colours[rows], cover[rows]
    base, second = colours.new_tensor(top.colour), colours.new_tensor(top.second)
    cloth = paint_pattern(worn, base, second, top.pattern, "arms", seed)
    x, y, _ = worn.position.unbind(1)
    anatomy = worn.anatomy
    around, _, on_limb = cloth_coordinates(worn, "arms")
    stitch = torch.zeros_like(x)
    stitch = torch.maximum(stitch, 0.8 * strip(x.abs(), armhole(worn), 0.0015, texel))
    side = (around.abs() - 0.15 * torch.pi / 2).abs()
    stitch = torch.maximum(stitch, 0.5 * strip(side, 0.0, 0.001, texel) * (~on_limb))
    hem, cuff = y - _hem(anatomy, top), _sleeve_end(anatomy, top) - x.abs()
    neck = torch.where(torch.minimum(hem, cuff) > cover + 1e-4, cover, torch.full_like(cover, 1.0))
    if top.kind == "jacket":
        ribs = 0.5 + 0.5 * torch.sin(around * 2 * torch.pi / 0.006)
        band = torch.maximum(smoothstep(hem, 0.052, 0.048) * (~on_limb), smoothstep(cuff, 0.047, 0.043))
        band = torch.maximum(band, smoothstep(neck, 0.020, 0.017))
        cloth = mix(cloth, second * (0.75 + 0.25 * ribs)[:, None], band)
        front = around.abs() < 0.2
        teeth = 0.55 + 0.45 * torch.sign(torch.sin(y * 2 * torch.pi / 0.006))
        zip_line = strip(x, 0.0, 0.004, texel) * front
        cloth = mix(cloth, base * 0.5, strip(x, 0.0, 0.011, texel) * front)
        cloth = mix(cloth, colours.new_tensor([0.72, 0.72, 0.74]) * teeth[:, None], zip_line)
        slant = (y - (anatomy.y(0) + 0.045)) - 1.6 * (x.abs() - 0.105)
        pocket = strip(slant, 0.0, 0.0045, texel) * ((x.abs() > 0.08) & (x.abs() < 0.13)) * front
        cloth = mix(cloth, base * 0.35, pocket)
    else:
        stitch = torch.maximum(stitch, 0.7 * strip(hem, 0.022, 0.001, texel) * (~on_limb))
        stitch = torch.maximum(stitch, 0.7 * strip(cuff, 0.020, 0.001, texel))
        rib = smoothstep(neck, 0.017, 0.015)
        trim = second if top.pattern in ("plain", "stripes") and seed % 2 else base * 0.88
        cloth = mix(cloth, trim, rib)
        stitch = torch.maximum(stitch, 0.6 * strip(neck, 0.017, 0.001, texel))
    cloth = cloth * (1 - 0.35 * stitch)[:, None]
    light = weave(worn, "arms", False, seed) * folds(worn, "arms", seed)
    armpit = bump(x.abs(), anatomy.x(16), 0.05) * bump(y, anatomy.y(16) - 0.10, 0.05)
    cloth = cloth * (light * (1 - 0.25 * armpit))[:, None]
    under = shadow_below(under, cover)
    out = colours.clone()
    out[rows] = mix(under, cloth, cloth_share(cover, texel))
    return out


def paint_bottom(surface: Surface, colours: torch.Tensor, bottom: Bottom, texel: float, seed: int) -> torch.Tensor:
    """Paint trousers, shorts or a skirt over colours (N, 3)."""
    cover = cover_bottom(surface, bottom)
    rows = (cover > -0.03).nonzero().squeeze(1)
    worn, under, cover = surface[rows], colours[rows], cover[rows]
    base, second = colours.new_tensor(bottom.colour), colours.new_tensor(bottom.second)
    seed = seed + 1000
    cloth = paint_pattern(worn, base, second, bottom.pattern, "legs", seed)
    x, y, z = worn.position.unbind(1)
    anatomy = worn.anatomy
    around, _, on_limb = cloth_coordinates(worn, "legs")
    angle = around / torch.where(on_limb, 0.08, 0.15)
    if bottom.denim:
        faded = bump(y, anatomy.y(1) - 0.18, 0.14) * bump(angle, 0.15, 0.55)
        faded = (faded + 0.6 * bump(y, anatomy.y(4), 0.07) * bump(angle, 0.1, 0.6)).clamp(0, 1)
        faded = faded * smoothstep(y, anatomy.crotch + 0.03, anatomy.crotch - 0.06)
        cloth = mix(cloth, (base * 0.5 + 0.5).clamp(0, 1) * base.new_tensor([0.92, 0.97, 1.0]), 0.35 * faded)
    thread = colours.new_tensor([0.72, 0.52, 0.25]) if bottom.denim else base * 0.6
    waist = anatomy.y(3) - 0.015
    front = z > anatomy.joints[0, 2]
    inner = (angle + torch.pi / 2).abs() < 0.6
    seam = torch.zeros_like(x)
    if bottom.kind != "skirt":
        seam = torch.maximum(seam, strip(angle.abs(), torch.pi / 2, 0.012, 0.02))
        fly = strip(x, 0.022, 0.001, texel) * front * (y > anatomy.crotch + 0.07) * (y < waist - 0.04)
        middle = strip(x, 0.0, 0.0012, texel) * (y < waist - 0.04) * (~on_limb)
        pocket_line = (y - (waist - 0.05)) + 0.9 * (x.abs() - 0.075)
        pocket = strip(pocket_line, -0.02, 0.0014, texel) * front * (x.abs() > 0.06) * (y < waist - 0.035)
        patch_x, patch_y = (x.abs() - 0.085).abs(), (y - (anatomy.y(1) + 0.035)).abs()
        patch = strip(torch.maximum(patch_x - 0.055, patch_y - 0.06), 0.0, 0.0014, texel) * (~front)
        seam = torch.stack([seam, fly, middle, pocket, patch]).amax(0)
    seam = torch.maximum(seam, strip(y, waist - 0.038, 0.001, texel) + strip(cover, 0.022, 0.001, texel))
    cloth = mix(cloth, thread, 0.75 * seam.clamp(0, 1))
    cloth = cloth * (1 - 0.22 * smoothstep((y - (waist - 0.0385)).abs(), 0.0045, 0.0))[:, None]
    light = weave(worn, "legs", bottom.denim, seed) * folds(worn, "legs", seed)
    cloth = cloth * light[:, None]
    if bottom.kind == "skirt":
        cloth = cloth * (1 - 0.5 * (inner & on_limb).float())[:, None]
        pleats = torch.sin(angle * 9 + 1.5 * fractal_noise(worn.position * 6, seed + 5, 2))
        cloth = cloth * (1 + 0.10 * pleats * smoothstep(y, waist - 0.05, waist - 0.2))[:, None]
    else:
        cloth = cloth * (1 - 0.25 * bump(x, 0.0, 0.03) * bump(y, anatomy.crotch, 0.05))[:, None]
    if bottom.belt is not None:
        leather = colours.new_tensor(bottom.belt) * (0.85 + 0.3 * value_noise(worn.position * 120, seed))[:, None]
        cloth = mix(cloth, leather, strip(y, waist - 0.02, 0.015, texel))
        box = torch.maximum((x.abs() - 0.022), (y - (waist - 0.02)).abs() - 0.016)
        cloth = mix(cloth, colours.new_tensor([0.75, 0.70, 0.55]), strip(box, 0.0, 0.003, texel) * front)
    under = shadow_below(under, cover)
    out = colours.clone()
    out[rows] = mix(under, cloth, cloth_share(cover, texel))
    return out
