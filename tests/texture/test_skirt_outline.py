"""Cloth, hems, sides and creases of painted people's skirts."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.texture.skirted import CLOTH, SKIN, found, hem_row, painted, side_columns, standing
from tests.texture.staging import CAMERA


@pytest.mark.parametrize("apart", [0.0, 0.12])
@pytest.mark.parametrize("hem", [-0.34, -0.55])
def test_a_skirt_is_found_and_so_are_its_hem_and_sides(apart: float, hem: float) -> None:
    photo = painted(standing(apart), "skirt", hem)
    outline = found(photo)
    assert outline is not None
    inverse = cv2.invertAffineTransform(outline.matrix)
    columns = np.flatnonzero(np.isfinite(outline.hem))
    places = np.stack([columns, outline.hem[columns]], 1) @ inverse[:, :2].T + inverse[:, 2]
    below = CAMERA[2] - hem * CAMERA[0]
    assert np.abs(np.median(places[:, 1]) - below) < 1.5
    for share in (0.3, 0.6, 0.9):
        row = round(CAMERA[2] - (-0.2 + share * (hem + 0.2)) * CAMERA[0])
        at = np.flatnonzero(photo.skirt[row])
        assert np.abs(side_columns(outline, row) - [at[0], at[-1] + 1]).max() < 2.5


@pytest.mark.parametrize("shown", [0.0, 0.12])
def test_behind_a_hand_a_skirt_goes_on_as_on_the_other_side(shown: float) -> None:
    """A hand beside the lower half of a wide skirt, m of which it covers."""
    photo = painted(standing(), "skirt", -0.4, 0.1)
    rows, columns = np.arange(400)[:, None], np.arange(photo.person.shape[1])
    edge = np.where(photo.skirt.any(1), photo.skirt.argmax(1), 0)[:, None]
    low = (rows > CAMERA[2] + 0.25 * CAMERA[0]) & (rows < CAMERA[2] + 0.42 * CAMERA[0])
    hand = (
        low & (columns < edge + 0.04 * CAMERA[0]) & (columns > edge - shown * CAMERA[0]) & photo.skirt.any(1)[:, None]
    )
    photo.picture[hand] = SKIN
    outline = found(replace(photo, person=photo.person | hand))
    assert outline is not None
    for height in (0.28, 0.34, 0.38):
        row = round(CAMERA[2] + height * CAMERA[0])
        at = np.flatnonzero(photo.skirt[row])
        assert np.abs(side_columns(outline, row) - [at[0], at[-1] + 1]).max() < 0.015 * CAMERA[0]


def test_below_the_corner_of_a_slanting_hem_the_side_goes_on() -> None:
    photo = painted(standing(), "skirt", -0.5, 0.1)
    rows, columns = np.arange(400)[:, None], np.arange(photo.person.shape[1])
    hem = CAMERA[2] + 0.5 * CAMERA[0]
    right = columns - np.flatnonzero(photo.skirt.any(0))[-1]
    corner = photo.skirt & (rows > hem - 0.06 * CAMERA[0] - right * 0.3)
    photo.picture[corner] = photo.picture[0, 0]
    outline = found(replace(photo, person=photo.person & ~corner))
    assert outline is not None
    for height in (0.46, 0.49):
        row = round(CAMERA[2] + height * CAMERA[0])
        at = np.flatnonzero(photo.skirt[row])
        assert abs(side_columns(outline, row)[1] - at[-1]) < 0.02 * CAMERA[0]


def test_a_skirt_goes_on_past_a_slit_of_the_mask_in_its_sheer_side() -> None:
    photo = painted(standing(), "skirt", -0.5, 0.05)
    rows = np.arange(400)[:, None]
    first = np.where(photo.skirt.any(1), photo.skirt.argmax(1), 0)[:, None]
    into = (np.arange(photo.person.shape[1]) - first) / CAMERA[0]
    low = photo.skirt & (rows > CAMERA[2] + 0.3 * CAMERA[0]) & (rows < CAMERA[2] + 0.45 * CAMERA[0])
    photo.picture[low & (into < 0.03)] = (170, 130, 120)
    slit = low & (into > 0.015) & (into < 0.03)
    outline = found(replace(photo, person=photo.person & ~slit))
    assert outline is not None
    row = round(CAMERA[2] + 0.38 * CAMERA[0])
    assert abs(side_columns(outline, row)[0] - first[row, 0]) < 0.01 * CAMERA[0]


def test_a_border_of_another_colour_is_no_hem() -> None:
    photo = painted(standing(0.12), "skirt", -0.6)
    lower = photo.skirt & (np.arange(400)[:, None] > CAMERA[2] + 0.38 * CAMERA[0])
    photo.picture[lower] = (105, 45, 60)
    outline = found(photo)
    assert outline is not None
    assert abs(hem_row(outline) - (CAMERA[2] + 0.6 * CAMERA[0])) < 1.5


def test_a_skirt_is_told_from_legs_that_end_in_shoes_of_its_colour() -> None:
    photo = painted(standing(0.05), "skirt", -0.34, 0.06)
    low = photo.person & (np.arange(400)[:, None] > CAMERA[2] + 0.55 * CAMERA[0])
    photo.picture[low] = CLOTH
    assert found(photo) is not None


def test_a_crease_tells_wide_shorts() -> None:
    photo = painted(standing(0.12), "skirt", -0.4)
    middle = np.abs(np.arange(photo.person.shape[1]) - CAMERA[1]) < 1.5
    photo.picture[photo.skirt & middle] = (90, 15, 20)
    assert found(photo) is None
