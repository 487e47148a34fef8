"""Straight edges that go on behind a person, against scenes of which all is known."""

from __future__ import annotations

import numpy as np

from lwgan_cli.layers.background import fill_hole
from lwgan_cli.layers.edges import going_on

HEIGHT, WIDTH = 100, 130


def scene(*grey: np.ndarray) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) float32: grey levels, added up, with some grain."""
    grain = np.random.default_rng(0).normal(0, 1.5, (HEIGHT, WIDTH))
    return np.repeat((sum(grey) + grain)[..., None], 3, 2).astype(np.float32)


def rail(slope: float, level: float = -90) -> np.ndarray:
    """(HEIGHT, WIDTH): a narrow one across the whole picture."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return level * np.clip(2.5 - np.abs(y - 50 - slope * (x - 65)), 0, 1)


def someone() -> np.ndarray:
    """(HEIGHT, WIDTH) bool: who stands in the middle."""
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[12:92, 45:85] = True
    return hole


def emptied(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return np.where(hole[..., None], picture[~hole].mean(0), picture).astype(np.float32)


def test_a_rail_goes_on_whatever_way_it_slopes() -> None:
    hole = someone()
    for slope in (0.0, 0.17, -0.31):
        picture = scene(np.full((HEIGHT, WIDTH), 180.0), rail(slope))
        colours, trust = going_on(emptied(picture, hole), hole)
        on = hole & (rail(slope) < -80)
        assert trust[on].min() > 0.5 and not trust[~hole].any()
        assert np.abs(colours - picture)[on].mean() < 12
        assert trust[20:30].max() == 0  # the wall above it


def test_the_filled_hole_has_it_too() -> None:
    hole = someone()
    picture = scene(np.full((HEIGHT, WIDTH), 180.0), rail(0.17)).round().clip(0, 255).astype(np.uint8)
    filled = fill_hole(picture, hole).astype(float)
    assert np.abs(filled - picture)[hole & (rail(0.17) < -80)].mean() < 15


def test_edges_that_end_behind_somebody_or_are_others_there_do_not() -> None:
    hole = someone()
    left, right = np.arange(WIDTH) < 65, np.arange(WIDTH) >= 65
    for grey in (rail(0.0) * left, rail(0.0) * left + rail(0.0, 60) * right):
        picture = scene(np.full((HEIGHT, WIDTH), 180.0), grey)
        assert not going_on(emptied(picture, hole), hole)[1].any()


def test_a_thicket_has_none() -> None:
    hole = someone()
    picture = np.random.default_rng(1).uniform(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)
    assert going_on(emptied(picture, hole), hole)[1].mean() < 0.01
