"""Hair: where it grows, how far it stands off the skull, its strands."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from lwgan_cli.body.model import BodyModel
from lwgan_cli.ramps import smoothstep
from lwgan_cli.synthetic.canvas import Surface
from lwgan_cli.synthetic.drape import ellipsoid_exit, fill_in, smooth
from lwgan_cli.synthetic.look import Hair
from lwgan_cli.synthetic.noise import fractal_noise, value_noise
from lwgan_cli.synthetic.skin import mix

# The lower edge of the hair: degrees round the head from the front, m above the eyes.
_SHORT = ((0, 0.069), (20, 0.074), (38, 0.072), (52, 0.050), (64, 0.018), (76, -0.006), (88, 0.012),
          (112, 0.004), (128, -0.050), (150, -0.072), (180, -0.078))  # fmt: skip
_PINNED = ((0, 0.074), (30, 0.070), (52, 0.050), (64, 0.024), (76, 0.008), (88, 0.014), (112, 0.006),
           (128, -0.035), (150, -0.062), (180, -0.070))  # fmt: skip
_BOB = ((0, 0.072), (30, 0.068), (48, 0.050), (58, 0.010), (66, -0.05), (74, -0.095), (90, -0.12),
        (130, -0.13), (180, -0.13))  # fmt: skip
_LONG = ((0, 0.072), (30, 0.068), (48, 0.050), (58, 0.010), (68, -0.05), (80, -0.10), (96, -0.18),
         (120, -0.23), (180, -0.25))  # fmt: skip
_EDGES = {"short": _SHORT, "crop": _SHORT, "bun": _PINNED, "bob": _BOB, "long": _LONG}
_DOWN = ("bob", "long")  # styles that fall over the ears


def _around(surface: Surface) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """(N,) rad round the head from the front, (N,) m above the eyes on a head of the open body's size,
    (N,) m from the head's axis, and that size."""
    marks = surface.anatomy.landmarks
    unit = float(marks["left_eye"][1] - marks["left_mouth"][1]) / 0.065
    x, y, z = surface.position.unbind(1)
    ear = marks["left_ear"]
    ahead = (z - ear[2]) / unit
    angle = torch.atan2(x.abs() / unit, ahead)
    return angle, (y - marks["left_eye"][1]) / unit, (x * x / unit**2 + ahead * ahead).sqrt(), unit


def cover_hair(surface: Surface, hair: Hair, seed: int) -> torch.Tensor:
    """(N,) m inside the hairline, about; the edge is uneven."""
    angle, up, distance, unit = _around(surface)
    edge = np.array(_EDGES[hair.style])
    table = torch.from_numpy(np.interp(np.arange(181), edge[:, 0], edge[:, 1])).to(up)
    for _ in range(60):  # rounds the corners of the polygon
        table = torch.cat([table[:1], (table[:-2] + 2 * table[1:-1] + table[2:]) / 4, table[-1:]])
    place = torch.rad2deg(angle).clamp(0, 179.99)
    low = place.long()
    line = table[low] + (place - low) * (table[low + 1] - table[low])
    slope = (table[low + 1] - table[low]).abs() * 180 / torch.pi / distance.clamp(min=0.04)
    cover = (up - line) / (1 + slope * slope).sqrt()
    rough = 0.003 if hair.style in _DOWN else 0.007
    cover = cover + rough * (fractal_noise(surface.position * 130 / unit, seed + 401, 2) - 0.5)
    cover = cover + 0.012 * (value_noise(surface.position * 26 / unit, seed + 403) - 0.5)
    if hair.style not in _DOWN:
        ear = surface.anatomy.landmarks["left_ear"]
        x, y, z = surface.position.unbind(1)
        from_ear = torch.stack([(y - ear[1] - 0.002) / 0.036, (z - ear[2] - 0.004) / 0.024], 1) / unit
        outside = (from_ear.norm(dim=1) - 1) * 0.026 * unit
        cover = torch.where(x.abs() > 0.8 * ear[0], torch.minimum(cover, outside), cover)
    if hair.style in _DOWN:  # behind the shoulders, not over them
        aside = 0.092 - surface.position[:, 0].abs() / unit
        cover = torch.where(surface.position[:, 1] < surface.anatomy.y(12), torch.minimum(cover, aside), cover)
    below = surface.position[:, 1] < surface.anatomy.y(9)
    return torch.where(below | (surface.position[:, 0].abs() > surface.anatomy.x(16)), -1.0, cover * unit)


def dress_hair(
    model: BodyModel, surface: Surface, points: torch.Tensor, joints: torch.Tensor, hair: Hair, seed: int
) -> torch.Tensor:
    """points (V, 3) m, T-pose; joints (24, 3) of the shape. Returns the points with hair."""
    cover = cover_hair(surface, hair, seed)
    skull = points[(surface.position[:, 1] > surface.anatomy.landmarks["left_eye"][1] + 0.03)]
    low, high = skull.amin(0), skull.amax(0)
    half = (high - low) / 2
    centre = torch.stack([points.new_zeros(()), high[1] - half[0] * 1.25, (low[2] + high[2]) / 2])
    width = float(half[0])
    if hair.style in _DOWN:
        _, _, _, unit = _around(surface)
        ears = (surface.position - surface.anatomy.landmarks["left_ear"]).norm(dim=1) < 0.048 * unit
        mirrored = surface.position * surface.position.new_tensor([-1.0, 1.0, 1.0])
        ears |= (mirrored - surface.anatomy.landmarks["left_ear"]).norm(dim=1) < 0.048 * unit
        points = fill_in(model, points, ears & (cover > -0.004))
        neck = joints[12] + points.new_tensor([0.0, -0.02, 0.0])
    else:
        neck = centre
    t = ((centre[1] - points[:, 1]) / (centre[1] - neck[1]).clamp(min=1e-3)).clamp(0, 1)[:, None]
    origin = centre + t * (neck - centre)
    away = points - origin
    radius = away.norm(dim=1)
    direction = F.normalize(away, dim=1)
    cap = points.new_tensor([1.0, 1.0, 1.0]) * half[0] * points.new_tensor([1.0, 1.3, 1.0])
    cap = torch.stack([cap[0], high[1] - centre[1], half[2]])
    volume = {"crop": 0.007, "short": 0.017, "bun": 0.008, "bob": 0.018, "long": 0.018}[hair.style]
    lift = (
        0.6
        + 0.8 * smoothstep(direction[:, 1], 0.0, 1.0)
        + 0.45 * (value_noise(surface.position * 28, seed + 405) - 0.5)
    )
    if hair.style == "short":  # a fringe swept to one side
        swept = smoothstep(direction[:, 2], 0.5, 1.0) * smoothstep(hair.parting * points[:, 0] / width, -1.0, 1.0)
        lift = lift + 0.9 * swept
    reach = torch.maximum(radius, 0.97 * ellipsoid_exit(origin, direction, centre, cap)) + volume * lift
    if hair.style == "bun":
        ball = centre + points.new_tensor([0.0, 0.80, -0.72]) * cap * 1.22
        size = points.new_tensor([0.58, 0.55, 0.58]) * width
        reach = torch.maximum(reach, ellipsoid_exit(origin, direction, ball, size))
    if hair.style in _DOWN:
        bottom = joints[12, 1] - (0.0 if hair.style == "bob" else 0.085)
        drop = (centre[1] - bottom) / 2
        curtain = torch.stack([centre[0], centre[1] - drop * 0.95, centre[2] - 0.22 * width])
        radii = torch.stack([half[0] * 1.34, drop * 1.55, half[2] * 1.02])
        reach = torch.maximum(reach, ellipsoid_exit(origin, direction, curtain, radii) + 0.4 * volume * (lift - 1))
    raised = smoothstep(cover, -0.002, 0.020 if hair.style in _DOWN else 0.028)[:, None]
    dressed = points + raised * (origin + reach[:, None] * direction - points)
    return smooth(model, dressed, 0.5 * smoothstep(cover, 0.0, 0.012)[:, None], 3 if hair.style in _DOWN else 1)


def paint_hair(surface: Surface, lying: Surface, colours: torch.Tensor, hair: Hair, seed: int) -> torch.Tensor:
    """Paint hair over colours (N, 3). `lying`: where the surface's points lie once the hair is on, so that
    strands run over covered ears and not round them."""
    cover = cover_hair(surface, hair, seed)
    rows = (cover > -0.012).nonzero().squeeze(1)
    worn, under, cover = lying[rows], colours[rows], cover[rows]
    angle, up, distance, unit = _around(worn)
    side = torch.sign(worn.position[:, 0])
    parting = hair.parting * 0.03
    # Strands run down from the crown; near the crown the angle says little, the place says it all.
    crown = smoothstep(distance, 0.045, 0.02)
    run = torch.stack([angle * side * 34, up * 14, distance * 0], 1)
    over = torch.stack([worn.position[:, 0] * 420, worn.position[:, 2] * 60, worn.position[:, 1] * 60], 1)
    strands = fractal_noise(run, seed + 411, 3) * (1 - crown) + fractal_noise(over, seed + 415, 3) * crown
    fine = value_noise(run * worn.position.new_tensor([6.0, 1.0, 1.0]), seed + 419)
    base = colours.new_tensor(hair.colour)
    shade = 0.55 + 0.75 * strands + 0.25 * (fine - 0.5)
    ring = torch.exp(-(((up - 0.085) / 0.022) ** 2)) * smoothstep(strands, 0.35, 0.7)
    painted = base * shade[:, None] + (0.10 * ring)[:, None] * (base * 0.5 + 0.5)
    if hair.style in ("short", "bob", "long"):
        line = (worn.position[:, 0] / unit - parting).abs()
        part = smoothstep(line, 0.0035, 0.0012) * (up > 0.06) * (worn.position[:, 2] > worn.anatomy.joints[15, 2])
        painted = painted * (1 - 0.45 * part)[:, None]
    if hair.style == "crop":
        painted = mix(under, painted, 0.75 + 0.25 * fine)
    roots = smoothstep(cover + 0.006 * (fine - 0.5), -0.003, 0.003)
    shadowed = under * (1 - 0.3 * smoothstep(cover, -0.012, 0.0))[:, None]
    out = colours.clone()
    out[rows] = mix(shadowed, painted.clamp(0, 1), roots)
    return out
