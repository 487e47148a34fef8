"""Shoes: a cap over folded toes, a flat sole, laces."""

from __future__ import annotations

import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.ramps import smoothstep
from lwgan_cli.synthetic.canvas import Surface
from lwgan_cli.synthetic.clothes import RIM, cloth_share, shadow_below, strip
from lwgan_cli.synthetic.drape import ellipsoid_exit, fill_in, smooth
from lwgan_cli.synthetic.look import Shoes
from lwgan_cli.synthetic.noise import fractal_noise
from lwgan_cli.synthetic.skin import bump, mix


def cover_shoes(surface: Surface, shoes: Shoes) -> torch.Tensor:
    """(N,) m below the shaft's edge."""
    anatomy = surface.anatomy
    ahead = surface.position[:, 2] - anatomy.joints[7, 2]
    dip = 0.30 * ahead.clamp(0, 0.08) if shoes.height < 0.08 else 0.0
    return anatomy.y(7) + shoes.height - surface.position[:, 1] - dip


def dress_shoes(model: BodyModel, surface: Surface, points: torch.Tensor, shoes: Shoes) -> torch.Tensor:
    """Shoes with a flat sole `thickness` m below the foot; toes are folded out into one cap."""
    cover = cover_shoes(surface, shoes)
    anatomy = surface.anatomy
    ankle, toes = anatomy.joints[7], anatomy.landmarks["left_big_toe"]
    knuckles = 0.55 * anatomy.joints[10, 2] + 0.45 * toes[2] - 0.028
    toe_area = (surface.position[:, 2] > knuckles) & (surface.position[:, 1] < anatomy.y(7))
    tip = float(points[model.landmarks["left_big_toe"], 2])
    points = fill_in(model, points, toe_area)
    dressed = points.clone()
    for mirrored in (False, True):
        foot = (cover > -RIM) & ((surface.position[:, 0] < 0) == mirrored)
        own = points[foot]
        floor = own[:, 1].min()
        low, high = own.amin(0), own.amax(0)
        size = high - low
        ball = points.new_tensor([(low[0] + high[0]) / 2, floor + 0.026, high[2] - 0.055])
        heel = points.new_tensor([(low[0] + high[0]) / 2, floor + 0.030, low[2] + 0.045])
        t = ((own[:, 2] - heel[2]) / (ball[2] - heel[2])).clamp(0, 1)[:, None]
        origin = heel + t * (ball - heel)
        direction = torch.nn.functional.normalize(own - origin, dim=1)
        width, length = size[0] / 2, ball[2] - heel[2]
        solids = (
            (ball, (width + 0.006, 0.040, tip + 0.012 - float(ball[2]))),
            (heel, (0.8 * width, 0.060, 0.055)),
            ((ball + heel) / 2 + points.new_tensor([0.0, 0.010, 0.0]), (0.88 * width, 0.058, 0.62 * length)),
        )
        # Below their middle the solids are upright cylinders, that end at the flat sole.
        tall = torch.where(direction[:, 1:2] < 0, 50.0, 1.0)
        tall = torch.cat([torch.ones_like(tall), tall, torch.ones_like(tall)], 1)
        reach = torch.stack(
            [
                ellipsoid_exit(origin, direction, centre, points.new_tensor([float(r) for r in radii]) * tall)
                for centre, radii in solids
            ]
        ).amax(0)
        sole = (origin[:, 1] - (floor - shoes.thickness)) / (-direction[:, 1]).clamp(min=1e-4)
        reach = torch.where(direction[:, 1] < 0, torch.minimum(reach, sole), reach)
        worn = origin + reach[:, None] * direction
        above = smoothstep(surface.position[foot, 1], float(ankle[1]) - 0.045, float(ankle[1]) - 0.005)
        shaft = own + 0.007 * surface.normal[foot]
        worn = worn + above[:, None] * (shaft - worn)
        dressed[foot] = points[foot] + smoothstep(cover[foot], -RIM, 0.0)[:, None] * (worn - points[foot])
    return smooth(model, dressed, 0.5 * smoothstep(cover, 0.0, 0.02)[:, None], 3)


def paint_shoes(surface: Surface, colours: torch.Tensor, shoes: Shoes, texel: float, seed: int) -> torch.Tensor:
    """Paint socks and shoes over colours (N, 3)."""
    cover = cover_shoes(surface, shoes)
    rows = (cover > -0.12).nonzero().squeeze(1)
    worn, under, cover = surface[rows], colours[rows], cover[rows]
    anatomy = worn.anatomy
    x, y, z = worn.position.unbind(1)
    knit = 0.97 + 0.03 * torch.sin(z * 2 * torch.pi / 0.006)
    under = mix(under, colours.new_tensor(shoes.sock) * knit[:, None], cloth_share(cover + 0.10, texel))
    under = shadow_below(under, cover)
    upper = colours.new_tensor(shoes.colour)
    grain = 1 + 0.12 * (fractal_noise(worn.position * 60, seed + 301, 3) - 0.5)
    leather = upper * grain[:, None]
    floor, toe = anatomy.sole, float(anatomy.landmarks["left_big_toe"][2])
    middle = float(anatomy.joints[10, 0])
    across = x.abs() - middle
    top_side = worn.normal[:, 1] > 0.1
    forward = z - anatomy.joints[7, 2]
    length = toe - float(anatomy.joints[7, 2])
    u = forward / length
    # toe cap, tongue, laces, heel counter
    leather = mix(leather, upper * 0.82, smoothstep(u, 0.70, 0.72) * 0.7)
    leather = leather * (1 - 0.35 * strip(u, 0.71, 0.008, 0.004))[:, None]
    tongue = strip(across, 0.0, 0.019, 0.002) * strip(u, 0.36, 0.26, 0.01) * top_side
    leather = mix(leather, upper * 0.65, tongue)
    lace = smoothstep(torch.sin(u * 2 * torch.pi * 7.5), -0.25, 0.05) * strip(across, 0.0, 0.024, 0.002)
    leather = mix(leather, colours.new_tensor(shoes.laces), lace * strip(u, 0.36, 0.23, 0.01) * top_side)
    heel = smoothstep(u, -0.06, -0.10) * (y > floor + 0.03)
    leather = mix(leather, upper * 0.7, 0.6 * heel)
    stripe = strip(u - 2.2 * (y - floor), 0.18, 0.05, 0.01) * (~top_side | (across.abs() > 0.025))
    leather = mix(leather, colours.new_tensor(shoes.sole), 0.8 * stripe * (y > floor + 0.02) * (seed % 2))
    rubber = colours.new_tensor(shoes.sole) * (0.95 + 0.05 * torch.sin(u * 120))[:, None]
    welt = floor + 0.020
    leather = mix(leather, rubber, smoothstep(y, welt + 0.002, welt))
    leather = leather * (1 - 0.3 * bump(y, welt + 0.002, 0.0022))[:, None]
    out = colours.clone()
    out[rows] = mix(under, leather, cloth_share(cover, texel))
    return out
