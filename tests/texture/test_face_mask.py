"""Faces behind masks: what colour their skin has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.texture.face_mask import wears_mask
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, flat, pose, source, surface, vertices

SKIN, MASKED = (190, 135, 110), (38, 34, 36)
ALL = np.ones(len(surface().vertices), bool)


def face_of(below: tuple[int, int, int], above: tuple[int, int, int] = SKIN, light: float = 1.0) -> np.ndarray:
    """(V, 3): a face of two colours that meet at the nose's tip, with noise."""
    nose = surface().vertices[body().landmarks["nose"], 1]
    colours = np.where(surface().vertices[:, 1:2] < nose + 0.01, [below], [above])
    return light * (colours + np.random.default_rng(0).normal(0, 4, colours.shape))


@pytest.mark.parametrize("mask", [MASKED, (235, 238, 240), (90, 140, 190), (150, 190, 170)], ids=str)
@pytest.mark.parametrize("light", [1.0, 0.4])
def test_masks_are_told(mask: tuple[int, int, int], light: float) -> None:
    assert wears_mask(surface(), face_of(mask, light=light), ALL)
    blue = np.array([0.72, 0.86, 1.0])  # light in which skin is hardly redder than blue
    assert mask[0] > mask[2] or wears_mask(surface(), blue * face_of(mask, light=light), ALL)
    unseen = ALL & ~surface().skin
    assert not wears_mask(surface(), face_of(mask, light=light), unseen)
    assert not wears_mask(replace(surface(), skin=~ALL), face_of(mask, light=light), ALL)  # a body without a face


@pytest.mark.parametrize("below", [SKIN, (60, 42, 32), (225, 150, 125), (120, 85, 68)], ids=str)
def test_beards_and_shades_are_no_masks(below: tuple[int, int, int]) -> None:
    assert not wears_mask(surface(), face_of(below), ALL)
    assert not wears_mask(surface(), np.array([0.72, 0.86, 1.0]) * face_of(below), ALL)
    assert not wears_mask(surface(), face_of((205, 205, 210), above=(198, 200, 206)), ALL)  # black and white


def test_behind_a_mask_bare_hands_are_hands() -> None:
    """A hand of the skin's colour, which is none of the mask's, nor that of the other hand, which holds something."""
    rows = pose()
    scale, x, y = CAMERA
    at = vertices(rows)[0].numpy()
    columns, heights = (np.clip(np.rint(each).astype(int), 0, side - 1) for each, side in (
        (x + scale * at[:, 0], SIZE[0]), (y - scale * at[:, 1], SIZE[1])
    ))  # fmt: skip
    nose = int(heights[body().landmarks["nose"]])
    picture = flat((60, 80, 120))
    hand = surface().hands[surface().groups] & (surface().vertices[:, 0] > 0)
    for some in (hand, surface().head):
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                picture[np.clip(heights[some] + dy, 0, SIZE[1] - 1), np.clip(columns[some] + dx, 0, SIZE[0] - 1)] = SKIN
    chin = int(heights[surface().skin].max())
    middle = int(columns[surface().skin].mean())
    plain = picture.copy()
    picture[nose : chin + 2, middle - 16 : middle + 17] = MASKED
    behind, bare = source(rows, picture), source(rows, plain)
    assert behind.masked and not bare.masked
    shown = bare.visibility.numpy()[hand]
    assert shown.mean() > 0.2
    np.testing.assert_allclose(behind.visibility.numpy()[hand].mean(), shown.mean(), rtol=0.05)
