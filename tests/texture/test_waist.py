"""Two garments that one height parts, and one garment whatever its pattern."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.texture.waist import lower_garment

WHITE, BLUE = np.array([225.0, 220, 215]), np.array([50.0, 70, 120])
ROW, COLUMN = np.mgrid[:60, :40]
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
