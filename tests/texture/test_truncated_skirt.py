"""Skirts that the picture cuts off told from trousers, on painted people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.texture.hem import find_skirt
from tests.body.acting import body
from tests.texture.skirted import CLOTH, cropped, found, hem_row, painted, side_columns, standing
from tests.texture.staging import CAMERA, motion


@pytest.mark.parametrize("apart", [0.0, 0.2])
def test_a_wide_skirt_that_the_picture_cuts_off_goes_on_below_it(apart: float) -> None:
    whole = painted(standing(apart), "skirt", -0.55, 0.2)
    photo = cropped(whole, 0.45)
    outline = found(photo)
    assert outline is not None and not outline.legs
    height = len(photo.picture)
    assert height + 0.05 * CAMERA[0] < hem_row(outline) < height + 0.15 * CAMERA[0]
    for share in (0.3, 0.6, 0.9, 1.1):  # beyond the edge as the sides go on
        row = round(CAMERA[2] - (-0.2 - share * 0.25) * CAMERA[0])
        at = np.flatnonzero(whole.skirt[row])
        assert np.abs(side_columns(outline, row) - [at[0], at[-1] + 1]).max() < 0.02 * CAMERA[0]


def test_a_wide_skirt_that_ends_right_above_the_edge_is_seen_to() -> None:
    photo = cropped(painted(standing(0.2), "skirt", -0.42, 0.2), 0.45)
    outline = found(photo)
    assert outline is not None and not outline.legs
    assert abs(hem_row(outline) - (CAMERA[2] + 0.42 * CAMERA[0])) < 1.5


def test_of_a_skirt_that_is_cut_off_the_cloth_must_go_on_between_the_legs() -> None:
    photo = cropped(painted(standing(0.2), "skirt", -0.55, 0.2), 0.45)
    middle = np.abs(np.arange(photo.person.shape[1]) - CAMERA[1]) < 2
    slit = photo.skirt & middle & (np.arange(len(photo.skirt))[:, None] > CAMERA[2] + 0.2 * CAMERA[0])
    photo.picture[slit] = photo.picture[0, 0]
    assert found(replace(photo, person=photo.person & ~slit)) is None


@pytest.mark.parametrize("edge", [0.3, 0.36, 0.45])
@pytest.mark.parametrize("apart", [-0.03, 0.0, 0.15])
@pytest.mark.parametrize(("hem", "flare"), [(-0.34, 0.0), (-0.34, 0.02), (-0.85, 0.0), (-0.85, 0.03)])
def test_trousers_and_shorts_that_the_picture_cuts_off_are_none(
    hem: float, flare: float, apart: float, edge: float
) -> None:
    assert found(cropped(painted(standing(apart), "trousers", hem, flare), edge)) is None


def test_of_a_skirt_that_the_pictures_side_cuts_off_too_the_other_side_tells_how_wide_it_is() -> None:
    whole, left = painted(standing(0.05), "skirt", -0.55, 0.06), round(CAMERA[1] - 0.10 * CAMERA[0])
    photo = cropped(whole, 0.40)
    shown = motion(photo.rows)
    shown = replace(shown, crop=shown.crop - np.array([[left, 0, 0]], np.float32))
    picture, person = photo.picture[:, left:].copy(), photo.person[:, left:].astype(np.float32)
    outline = find_skirt(body(), shown, picture, person)
    assert outline is not None
    for height in (0.25, 0.30, 0.40):
        row = round(CAMERA[2] + height * CAMERA[0])
        at = np.flatnonzero(whole.skirt[row]) - left
        assert np.abs(side_columns(outline, row) - [at[0], at[-1] + 1]).max() < 0.02 * CAMERA[0]


def test_a_fold_in_the_shade_is_no_gap_between_legs() -> None:
    photo = cropped(painted(standing(0.05), "skirt", -0.55, 0.06), 0.40)
    rows, columns = np.mgrid[: len(photo.skirt), : photo.skirt.shape[1]]
    fold = np.hypot(rows - CAMERA[2] - 0.36 * CAMERA[0], columns - CAMERA[1]) < 0.035 * CAMERA[0]
    photo.picture[fold] = np.array(CLOTH) // 3
    assert found(photo) is not None


def test_a_skirt_is_found_where_the_picture_shows_little_of_the_legs() -> None:
    outline = found(cropped(painted(standing(0.05), "skirt", -0.34, 0.08), 0.40))
    assert outline is not None and outline.legs
    assert abs(hem_row(outline) - (CAMERA[2] + 0.34 * CAMERA[0])) < 1.5
    outline = found(cropped(painted(standing(0.05), "skirt", -0.34, 0.04), 0.36))  # … and nearly nothing
    assert outline is not None and not outline.legs
    assert abs(hem_row(outline) - (CAMERA[2] + 0.34 * CAMERA[0])) < 1.5
