"""A dressed person: shape, T-pose offsets and a texture, made from a `Look`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from lwgan_cli.body.model import BodyModel, joints_rest, rest_vertices
from lwgan_cli.synthetic.canvas import Canvas, Surface, make_canvas, unit_normals, vertex_surface
from lwgan_cli.synthetic.clothes import (
    dress_bottom,
    dress_top,
    paint_bottom,
    paint_top,
)
from lwgan_cli.synthetic.hair import dress_hair, paint_hair
from lwgan_cli.synthetic.look import Look, random_look
from lwgan_cli.synthetic.shoes import dress_shoes, paint_shoes
from lwgan_cli.synthetic.skin import bump, paint_skin

ATLAS = 1024


@dataclass(frozen=True, eq=False)
class Person:
    """betas (10,); offsets (V, 3) m in T-pose; texture (3, A, A) sRGB in [0, 1]; texel, m, the median width
    of its texels on the body; the look it was made from."""

    betas: torch.Tensor
    offsets: torch.Tensor
    texture: torch.Tensor
    texel: float
    look: Look


def make_person(model: BodyModel, look: Look, atlas: int = ATLAS) -> Person:
    """Dress and paint a body. atlas: side of the texture, px; 2048 for people larger than about 600 px."""
    surface = vertex_surface(model)
    betas = model.v_template.new_tensor(look.betas)
    rest, joints = rest_vertices(model, betas), joints_rest(model, betas)
    points = _smile(surface, rest, look.face.smile)
    points = dress_shoes(model, surface, points, look.shoes)
    points = dress_bottom(model, surface, points, joints, look.bottom)
    points = dress_top(model, surface, points, joints, look.top)
    points = dress_hair(model, surface, points, joints, look.hair, look.seed)
    canvas = make_canvas(model, atlas)
    colours = paint_skin(canvas.surface, look)
    shod = _lying(model, canvas, dress_shoes(model, surface, surface.position, look.shoes))
    colours = paint_shoes(shod, colours, look.shoes, canvas.texel, look.seed)
    colours = paint_bottom(canvas.surface, colours, look.bottom, canvas.texel, look.seed)
    colours = paint_top(canvas.surface, colours, look.top, canvas.texel, look.seed)
    hair = dress_hair(model, surface, surface.position, surface.anatomy.joints, look.hair, look.seed)
    colours = paint_hair(canvas.surface, _lying(model, canvas, hair), colours, look.hair, look.seed)
    return Person(betas, points - rest, canvas.finish(colours.clamp(0, 1)), canvas.texel, look)


def random_person(model: BodyModel, seed: int, atlas: int = ATLAS) -> Person:
    """The person of a seed: the same on every run."""
    return make_person(model, random_look(seed, model.name == "open"), atlas)


def _lying(model: BodyModel, canvas: Canvas, points: torch.Tensor) -> Surface:
    """The canvas where its texels lie on a dressed mean shape (V, 3): shoes and hair are painted by their own
    shape, not by that of the toes and ears which they were made from."""
    drawn = canvas.interpolate(torch.cat([points, unit_normals(points, model.faces)], 1))
    return replace(canvas.surface, position=drawn[:, :3], normal=drawn[:, 3:])


def _smile(surface: Surface, points: torch.Tensor, amount: float) -> torch.Tensor:
    """Draws the mouth's corners up and out, and lifts the cheeks."""
    mouth = surface.anatomy.landmarks["left_mouth"]
    mirrored = surface.position * surface.position.new_tensor([1.0, 1.0, 1.0])
    mirrored = torch.cat([mirrored[:, :1].abs(), mirrored[:, 1:]], 1)
    side = torch.sign(surface.position[:, :1])
    corner = bump((mirrored - mouth).norm(dim=1), 0.0, 0.013)[:, None]
    cheek = bump((mirrored - mouth - mouth.new_tensor([0.017, 0.03, 0.0])).norm(dim=1), 0.0, 0.018)[:, None]
    move = corner * points.new_tensor([0.0028, 0.0050, -0.0022]) + cheek * points.new_tensor([0.0005, 0.002, 0.0022])
    return points + amount * move * torch.cat([side, torch.ones_like(side), torch.ones_like(side)], 1)
