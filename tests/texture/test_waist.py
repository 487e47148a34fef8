"""Two garments that one height parts, and one garment whatever its pattern."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch

from lwgan_cli.texture.source import read
from lwgan_cli.texture.waist import bent_thighs, lower_garment, overhang_trust
from tests.body.acting import body
from tests.texture.staging import CAMERA, flat, pose, source, surface, vertices

WHITE, BLUE = np.array([225.0, 220, 215]), np.array([50.0, 70, 120])
ROW, COLUMN = np.mgrid[:60, :40]
SCALE = 200.0  # px per metre
SEEN = surface().vertices[:, 2] > 0.03
THIGHS = (surface().limbs & surface().hips)[surface().groups]
CROTCH = surface().vertices[THIGHS, 1].max()
PX = (surface().vertices[:, :2] + THIGHS[:, None] * [0, 0.1]) * [SCALE, -SCALE]  # thighs drawn up
KNOWN = (COLUMN > 3) & ((ROW - 20) ** 2 + (COLUMN - 30) ** 2 > 40)


def seen(lower: np.ndarray) -> np.ndarray:
    """(60, 40, 3) with some noise: blue where `lower` (60, 40) bool, else white."""
    return np.where(lower[..., None], BLUE, WHITE) + np.random.default_rng(0).normal(0, 6, (60, 40, 3))


def found(lower: np.ndarray) -> np.ndarray | None:
    return lower_garment(KNOWN, seen(lower), 60.0 - ROW)


@pytest.mark.parametrize("waist", [15, 30, 48])
def test_trousers_begin_where_a_top_ends(waist: int) -> None:
    """Its hem waves, and runs aslant."""
    hem = waist + 2 * np.sin(COLUMN / 4) + 0.1 * (COLUMN - 20)
    lower = hem < ROW
    parted = found(lower)
    assert parted is not None
    assert (parted == lower)[KNOWN].mean() > 0.99 and not parted[~KNOWN].any()


def test_trousers_may_have_a_pattern() -> None:
    lower, dots = ROW > 44, (ROW % 5 < 2) & (COLUMN % 5 < 3)
    parted = found(lower & ~dots)
    assert parted is not None
    assert (parted == lower)[KNOWN].mean() > 0.97


def test_prints_and_what_hands_hold_are_of_what_is_around_them() -> None:
    printed, held = ((ROW - row) ** 2 + (COLUMN - 15) ** 2 < 12 for row in (12, 48))
    parted = found((ROW > 30) ^ printed ^ held)
    assert parted is not None
    assert (parted == (ROW > 30))[KNOWN].all()


@pytest.mark.parametrize(
    "lower", [ROW < 0, ROW // 6 % 2 == 0, COLUMN // 6 % 2 == 0, (ROW - 30) ** 2 + (COLUMN - 18) ** 2 < 100]
)
def test_one_garment_has_no_waist(lower: np.ndarray) -> None:
    """Plain, in stripes either way, with a print."""
    assert found(lower) is None


def test_light_and_shade_are_no_garments() -> None:
    shade = np.linspace(1, 0.8, 60)[:, None, None]
    assert lower_garment(KNOWN, seen(ROW < 0) * shade, 60.0 - ROW) is None
    assert lower_garment(ROW < 0, seen(ROW > 30), 60.0 - ROW) is None


def crouching(hem: float, hangs: float, longer: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Trust (V,) in a body of which a blue top ends `hem` m above the crotch, and white trousers begin, seen from in
    front with its thighs bent; and (V,) bool what of the thighs is seen of the top that hangs so many m over them. The
    top is `longer`: its hem lies as much further down on the thighs themselves."""
    height, bent = surface().vertices[:, 1] - CROTCH, THIGHS
    over = bent & (height > -hangs)
    blue = (height > hem - longer) | over
    colours = np.where(blue[:, None], BLUE, WHITE) + np.random.default_rng(0).normal(0, 6, (len(height), 3))
    return overhang_trust(surface(), colours, SEEN.astype(np.float32), PX, SCALE, bent), over & SEEN


def test_a_top_that_hangs_over_bent_thighs_hides_them() -> None:
    trust, over = crouching(0.1, 0.04)
    assert over.sum() > 5 and (trust[over] == 0).all()
    away = THIGHS & (surface().vertices[:, 1] < CROTCH - 0.1)
    assert (trust[away] == 1).all() and (trust[~THIGHS] == 1).all()


@pytest.mark.parametrize(("hem", "hangs", "longer"), [(0.1, -1.0, 0.0), (0.0, 0.25, 0.25), (-2.0, 0.0, 0.0)])
def test_thighs_in_trousers_or_in_a_long_top_or_in_one_garment_are_seen(
    hem: float, hangs: float, longer: float
) -> None:
    assert (crouching(hem, hangs, longer)[0] == 1).all()


def test_a_band_around_a_thigh_is_worn_there() -> None:
    height = surface().vertices[:, 1] - CROTCH
    blue = (height > 0.1) | THIGHS & (np.abs(height + 0.2) < 0.03)
    colours = np.where(blue[:, None], BLUE, WHITE) + np.zeros((len(height), 3))
    assert (overhang_trust(surface(), colours, SEEN.astype(np.float32), PX, SCALE, THIGHS) == 1).all()


def test_thighs_of_who_stands_are_not_bent_and_one_that_is_lifted_is() -> None:
    pose = torch.zeros(24, 3)
    pose[1, 2], pose[2, 0] = 0.5, -1.2  # astride; to the front
    bent = bent_thighs(body(), pose)
    assert bent.any() and (bent == (body().parts == 2).numpy()).all()


def test_a_photo_of_somebody_who_crouches_shows_no_top_on_the_thighs() -> None:
    rows = pose()
    rows[1], rows[2], rows[4, 0], rows[5, 0] = (-1.3, 0, 0.5), (-1.3, 0, -0.5), 1.6, 1.6
    lap = vertices(rows)[0, THIGHS & (np.abs(surface().vertices[:, 0]) < 0.03), 1].max()
    scale, x, y = CAMERA
    picture, row, reach = flat((225, 220, 215)), int(y - scale * (float(lap) + 0.05)), int(0.14 * scale)
    picture[:row, int(x) - reach : int(x) + reach] = (50, 70, 120)
    shown = source(rows, picture)
    with mock.patch("lwgan_cli.texture.source.bent_thighs", return_value=np.zeros(len(THIGHS), bool)):
        as_if_stretched = source(rows, picture)
    blue = (read(shown.pixels, shown.ndc)[:, 0] < 0.4).numpy() & THIGHS & (surface().vertices[:, 1] < CROTCH - 0.06)
    before, after = (blue & (each.visibility > 0.5).numpy() for each in (as_if_stretched, shown))
    assert before.sum() > 5 and not after.any()
    # and what the top hides is no hole that an arm leaves
    made = [np.isin(np.flatnonzero(before), each.overhung).all() for each in (as_if_stretched, shown)]
    assert made == [False, True]
    assert not any(under.visibility[before].any() for under in shown.with_underlays(surface()).underlays)
