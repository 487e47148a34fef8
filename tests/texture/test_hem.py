"""Skirts told from trousers, on painted people."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.texture.skirted import CLOTH, found, hem_row, painted, standing
from tests.texture.staging import CAMERA


@pytest.mark.parametrize("apart", [-0.03, 0.0, 0.05, 0.15])
@pytest.mark.parametrize(
    ("hem", "flare"), [(-0.30, 0.0), (-0.40, 0.012), (-0.45, 0.02), (-0.60, 0.015), (-0.85, 0.0), (-0.85, 0.015)]
)
def test_trousers_and_shorts_are_none(apart: float, hem: float, flare: float) -> None:
    assert found(painted(standing(apart), "trousers", hem, flare)) is None


@pytest.mark.parametrize("flare", [0.05, 0.1])
@pytest.mark.parametrize(("hem", "apart"), [(-0.8, 0.0), (-0.8, 0.12), (-0.88, 0.0), (-0.88, 0.12), (-0.92, 0.0)])
def test_a_gown_down_to_the_ankles_is_told_from_trousers_by_the_feet(hem: float, apart: float, flare: float) -> None:
    outline = found(painted(standing(apart), "skirt", hem, flare))
    assert outline is not None and abs(hem_row(outline) - (CAMERA[2] - hem * CAMERA[0])) < 1.5
    assert found(painted(standing(apart), "trousers", hem, 0.03)) is None


def test_what_tapers_down_to_the_feet_is_no_gown() -> None:
    """But wide trousers in which the legs touch."""
    gown, wide = painted(standing(), "skirt", -0.88, 0.06), painted(standing(), "skirt", -0.5, 0.14)
    assert found(gown) is not None
    wider = wide.skirt & ~gown.skirt
    gown.picture[wider] = wide.picture[wider]
    assert found(replace(gown, person=gown.person | wide.skirt, skirt=gown.skirt | wide.skirt)) is None


@pytest.mark.parametrize("turned", [0.0, 30.0, 90.0])
def test_bare_legs_are_none(turned: float) -> None:
    assert found(painted(standing(0.05, turned), "none")) is None


def test_a_skirt_that_ends_with_the_picture_is_not_sure() -> None:
    photo = painted(standing(), "skirt", -0.55)
    photo.picture[250:] = CLOTH
    shown = photo.person & (np.arange(400)[:, None] < 250)
    assert found(replace(photo, person=shown)) is None


@pytest.mark.parametrize(("hip", "knee"), [(-0.9, 1.5), (-0.6, 1.1)])
def test_between_legs_that_are_drawn_up_nothing_is_sure(hip: float, knee: float) -> None:
    """Seen from the side, in what covers the thighs down to the knees."""
    rows = standing(0.0, 90)
    rows[[1, 2], 0], rows[[4, 5], 0] = hip, knee
    assert found(painted(rows, "skirt", -0.34, 0.06)) is None


def test_what_is_narrower_than_the_legs_below_is_no_skirt() -> None:
    assert found(painted(standing(0.12), "skirt", -0.34, 0.0)) is not None
    assert found(painted(standing(0.12), "skirt", -0.34, -0.04)) is None


def test_nobody_is_no_skirt() -> None:
    photo = painted(standing(), "skirt")
    assert found(replace(photo, person=np.zeros_like(photo.person))) is None


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


def test_a_skirt_nearly_down_to_the_ankles_is_found() -> None:
    outline = found(painted(standing(0.05), "skirt", -0.72))
    assert outline is not None
    assert abs(hem_row(outline) - (CAMERA[2] + 0.72 * CAMERA[0])) < 1.5
