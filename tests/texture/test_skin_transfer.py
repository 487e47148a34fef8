"""The pixels of skin in photos of painted bodies, and how they take on the wearer's colours."""

from __future__ import annotations

import numpy as np

from lwgan_cli.texture.parsing import PARTS, Look, part_of
from lwgan_cli.texture.skin_tone import from_log, to_log
from lwgan_cli.texture.skin_transfer import relit, skin_mask, steps_of_skin
from lwgan_cli.texture.surface_graph import Cloth
from tests.body.acting import body
from tests.texture.clothed import BLUE, RED, SKIN, WHITE, dressed, look_of, painted
from tests.texture.staging import surface


def test_the_mask_of_skin_is_the_skin_s_pixels(cloth: Cloth) -> None:
    colours = dressed()
    photo = painted(colours)
    look = Look.of(body(), surface(), cloth, photo, np.zeros_like(surface().vertices))
    picture = (photo.pixels[:3].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    assert look.tone is not None
    mask = skin_mask(photo, body().faces, look, np.ones(len(colours), bool), [look.tone], picture)
    inside = photo.pixels[3].numpy() > 0.5
    skin = inside & (np.abs(picture.astype(int) - SKIN).max(-1) < 8)
    cloth_px = inside & (np.abs(picture.astype(int)[..., None, :] - [RED, BLUE, WHITE]).max(-1).min(-1) < 8)
    assert mask[skin].mean() > 0.85 and mask[cloth_px].mean() < 0.02


def test_steps_of_skin_meet_the_wearer_and_fade(cloth: Cloth) -> None:
    """Her legs aren't seen: near what is, they take its step, far from it none."""
    colours = dressed()
    shanks = (part_of(body()) == PARTS.index("lower")) & (surface().vertices[:, 1] < -0.55)
    colours[shanks] = SKIN
    look, wearer = look_of(colours, cloth), look_of(dressed(), cloth)
    step = np.array([0.3, -0.1, 0.2])
    darker = from_log(to_log(look.colours) - step)
    steps = steps_of_skin(cloth, look, darker, wearer)
    both = look.bare & wearer.bare & look.seen & wearer.seen
    assert np.abs(steps[both] - step).mean() < 0.08
    assert np.abs(steps[shanks & (surface().vertices[:, 1] < -0.7)]).max() < 0.02
    photo = painted(dressed())
    picture = (photo.pixels[:3].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    lit = relit(picture, np.ones(picture.shape[:2], np.float32), photo, body().faces, np.tile(step, (len(colours), 1)))
    body_px = photo.pixels[3].numpy() > 0.5
    assert np.abs(lit[body_px] - from_log(to_log(picture[body_px]) + step)).max() < 2
    assert (relit(picture, np.zeros(picture.shape[:2], np.float32), photo, body().faces, steps) == picture).all()
