"""Skirts told from trousers, on painted people."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lwgan_cli.dressing.skirt_fit import Outline
from lwgan_cli.texture.hem import find_skirt
from tests.body.acting import body
from tests.texture.skirted import CLOTH, SKIN, Painted, painted, standing
from tests.texture.staging import CAMERA, motion


def found(photo: Painted) -> Outline | None:
    return find_skirt(body(), motion(photo.rows), photo.picture, photo.person.astype(np.float32))


def side_columns(outline: Outline, row: int) -> np.ndarray:
    """(2,) the sides' columns at a row of the picture."""
    level = (outline.matrix @ [0, row + 0.5, 1])[1]
    inverse = cv2.invertAffineTransform(outline.matrix)
    return np.array([(inverse @ [outline.sides[round(level), side], level, 1])[0] for side in (0, 1)])


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


@pytest.mark.parametrize("apart", [-0.03, 0.0, 0.05, 0.15])
@pytest.mark.parametrize(
    ("hem", "flare"), [(-0.30, 0.0), (-0.40, 0.012), (-0.45, 0.02), (-0.60, 0.015), (-0.85, 0.0), (-0.85, 0.015)]
)
def test_trousers_and_shorts_are_none(apart: float, hem: float, flare: float) -> None:
    assert found(painted(standing(apart), "trousers", hem, flare)) is None


@pytest.mark.parametrize("flare", [0.05, 0.1])
@pytest.mark.parametrize("apart", [0.0, 0.12])
@pytest.mark.parametrize("hem", [-0.8, -0.88])
def test_a_gown_down_to_the_ankles_is_told_from_trousers_by_the_feet(hem: float, apart: float, flare: float) -> None:
    outline = found(painted(standing(apart), "skirt", hem, flare))
    assert outline is not None and abs(hem_row(outline) - (CAMERA[2] - hem * CAMERA[0])) < 1.5
    assert found(painted(standing(apart), "trousers", hem, 0.03)) is None


@pytest.mark.parametrize("turned", [0.0, 30.0, 90.0])
def test_bare_legs_are_none(turned: float) -> None:
    assert found(painted(standing(0.05, turned), "none")) is None


def test_a_skirt_that_ends_with_the_picture_is_not_sure() -> None:
    photo = painted(standing(), "skirt", -0.55)
    photo.picture[250:] = CLOTH
    shown = photo.person & (np.arange(400)[:, None] < 250)
    assert found(replace(photo, person=shown)) is None


def cropped(photo: Painted, below: float) -> Painted:
    """A photo that ends so many m below the body's origin."""
    row = round(CAMERA[2] + below * CAMERA[0])
    return replace(photo, picture=photo.picture[:row], person=photo.person[:row], skirt=photo.skirt[:row])


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


def test_a_skirt_is_found_where_the_picture_shows_little_of_the_legs() -> None:
    outline = found(cropped(painted(standing(0.05), "skirt", -0.34, 0.08), 0.40))
    assert outline is not None and outline.legs
    assert abs(hem_row(outline) - (CAMERA[2] + 0.34 * CAMERA[0])) < 1.5
    outline = found(cropped(painted(standing(0.05), "skirt", -0.34, 0.04), 0.36))  # … and nearly nothing
    assert outline is not None and not outline.legs
    assert abs(hem_row(outline) - (CAMERA[2] + 0.34 * CAMERA[0])) < 1.5


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


@pytest.mark.parametrize(("hip", "knee"), [(-0.9, 1.5), (-0.6, 1.1)])
def test_between_legs_that_are_drawn_up_nothing_is_sure(hip: float, knee: float) -> None:
    """Seen from the side, in what covers the thighs down to the knees."""
    rows = standing(0.0, 90)
    rows[[1, 2], 0], rows[[4, 5], 0] = hip, knee
    assert found(painted(rows, "skirt", -0.34, 0.06)) is None


def test_what_is_narrower_than_the_legs_below_is_no_skirt() -> None:
    assert found(painted(standing(0.12), "skirt", -0.34, 0.0)) is not None
    assert found(painted(standing(0.12), "skirt", -0.34, -0.04)) is None


def test_a_skirt_is_told_from_legs_that_end_in_shoes_of_its_colour() -> None:
    photo = painted(standing(0.05), "skirt", -0.34, 0.06)
    low = photo.person & (np.arange(400)[:, None] > CAMERA[2] + 0.55 * CAMERA[0])
    photo.picture[low] = CLOTH
    assert found(photo) is not None


def test_nobody_is_no_skirt() -> None:
    photo = painted(standing(), "skirt")
    assert found(replace(photo, person=np.zeros_like(photo.person))) is None


def hem_row(outline: Outline) -> float:
    """The picture's row at which most of the hem lies."""
    columns = np.flatnonzero(np.isfinite(outline.hem))
    places = np.stack([columns, outline.hem[columns]], 1) @ cv2.invertAffineTransform(outline.matrix)[:, :2].T
    return float(np.median(places[:, 1]) + cv2.invertAffineTransform(outline.matrix)[1, 2])


def test_a_hem_may_wave_between_the_legs() -> None:
    photo = painted(standing(0.05), "skirt", -0.34, 0.06)
    rows = np.arange(400)[:, None]
    below, middle = CAMERA[2] + 0.34 * CAMERA[0], np.abs(np.arange(photo.person.shape[1]) - CAMERA[1]) < 5
    bare = photo.skirt & (rows >= below - 0.02 * CAMERA[0]) & middle
    photo.picture[bare] = photo.picture[0, 0]
    assert found(replace(photo, person=photo.person & ~bare)) is not None


@pytest.mark.parametrize(("inner", "outer"), [(0.02, 0.0), (0.0, 0.03)])
def test_a_narrow_skirt_is_found_over_legs_thinner_than_the_fitted_ones(inner: float, outer: float) -> None:
    """As where the body was fitted to the skirt as well; m that the photo's legs lack within and outside."""
    photo = painted(standing(-0.08), "skirt", -0.28, 0.0)
    legs = photo.person & ~photo.skirt & (np.arange(400)[:, None] > CAMERA[2] + 0.2 * CAMERA[0])
    across = np.ones((1, 2 * round(outer * CAMERA[0]) + 1), np.uint8)
    middle = np.abs(np.arange(photo.person.shape[1]) - CAMERA[1]) < inner * CAMERA[0]
    both = cv2.morphologyEx(legs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 31), np.uint8))
    bare = legs & ((cv2.erode(both, across) == 0) | middle)
    photo.picture[bare] = photo.picture[0, 0]
    assert found(replace(photo, person=photo.person & ~bare)) is not None


def test_a_very_short_skirt_is_found_where_it_stands_off_far() -> None:
    assert found(painted(standing(0.0), "skirt", -0.24, 0.08)) is not None
    assert found(painted(standing(0.0), "skirt", -0.24, 0.03)) is None


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


def test_a_border_of_another_colour_is_no_hem() -> None:
    photo = painted(standing(0.12), "skirt", -0.6)
    lower = photo.skirt & (np.arange(400)[:, None] > CAMERA[2] + 0.38 * CAMERA[0])
    photo.picture[lower] = (105, 45, 60)
    outline = found(photo)
    assert outline is not None
    assert abs(hem_row(outline) - (CAMERA[2] + 0.6 * CAMERA[0])) < 1.5


def test_a_skirt_nearly_down_to_the_ankles_is_found() -> None:
    outline = found(painted(standing(0.05), "skirt", -0.72))
    assert outline is not None
    assert abs(hem_row(outline) - (CAMERA[2] + 0.72 * CAMERA[0])) < 1.5


def test_a_crease_tells_wide_shorts() -> None:
    photo = painted(standing(0.12), "skirt", -0.4)
    middle = np.abs(np.arange(photo.person.shape[1]) - CAMERA[1]) < 1.5
    photo.picture[photo.skirt & middle] = (90, 15, 20)
    assert found(photo) is None
