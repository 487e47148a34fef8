"""What a rendered person looks like from other sides: the truth of novel views and transfers.

The person is rendered again from the other side, under a light that has turned with them, or in another's clothes;
with alpha, as nobody knows what stands behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.fitting.retarget import Target
from lwgan_cli.fitting.turn import turn
from lwgan_cli.synthetic.person import ATLAS, Person
from lwgan_cli.synthetic.render import Light, render
from lwgan_cli.synthetic.truth import Film, random_film

MOTION = "sway"  # people stand


def sides(film: Film, person: Person, degrees: Sequence[float]) -> list[np.ndarray]:
    """A person in the film's first pose from other sides, (H, W, 4) uint8 each, straight alpha."""
    like, view = film.model.v_template, film.scene.view
    first = film.motion[:1]
    out = []
    for angle in degrees:
        target = Target(first.poses, first.picture_camera())
        target = turn(film.model, target, first.betas, np.array([angle]), 0.0, looks_down=view.pitch)
        drawn = render(
            film.model, person, like.new_tensor(target.poses), like.new_tensor(target.camera), view.size,
            turned_light(film.scene.light, angle),
        )  # fmt: skip
        alpha = drawn.alpha[0, ..., None]
        # black shows where the person covers a pixel in part; straight colours have none of it
        linear = drawn.pictures[0].permute(1, 2, 0) ** 2.2 / alpha.clamp(min=0.02)
        picture = torch.cat([linear.clamp(0, 1) ** (1 / 2.2), alpha], -1)
        out.append((picture * 255).round().byte().cpu().numpy())
    return out


def turned_light(light: Light, degrees: float) -> Light:
    """The lamp, gone around with the person."""
    c, s = float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
    x, y, z = light.direction
    return replace(light, direction=(c * x + s * z, y, c * z - s * x))


def standing(model: BodyModel, seed: int, size: tuple[int, int], atlas: int = ATLAS) -> Film:
    """Somebody who stands somewhere. size (width, height) px; atlas px, of the texture."""
    return random_film(model, seed, 1, size, MOTION, atlas=atlas)
