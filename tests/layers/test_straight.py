"""What straight lines say of a hole, against scenes of which all is known."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.layers.background import fill_hole
from lwgan_cli.layers.push_pull import push_pull
from lwgan_cli.layers.shift_map import ALONG_GROUND, shift_map
from lwgan_cli.layers.straight import expected, steps_out
from lwgan_cli.texture.underlay import ANYWHERE

HEIGHT, WIDTH = 90, 120


def wall_and_curtain() -> np.ndarray:
    """(HEIGHT, WIDTH, 3) float32: a light wall, and from column 70 on a dark curtain in folds."""
    columns = np.arange(WIDTH)
    grey = np.where(columns < 70, 200.0, 60 + 15 * np.sin(columns / 2.0))
    grain = np.random.default_rng(0).normal(0, 1.5, (HEIGHT, WIDTH))
    return np.repeat((grey + grain)[..., None], 3, 2).astype(np.float32)


def someone() -> np.ndarray:
    """(HEIGHT, WIDTH) bool: who stands before the wall, an elbow before the curtain."""
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[15:80, 40:62] = True
    hole[35:60, 30:84] = True
    return hole


def test_an_edge_behind_an_elbow_goes_on() -> None:
    scene, hole = wall_and_curtain(), someone()
    colours, trust = expected(scene, hole)
    assert np.array_equal(colours[~hole], scene[~hole]) and (trust[~hole] == 1).all()
    elbow = hole.copy()
    elbow[:, :62] = False
    smooth = np.abs(push_pull(scene, (~hole).astype(np.float32)) - scene)[elbow].mean()
    assert np.abs(colours - scene)[elbow].mean() < smooth / 2
    assert trust[40:55, 45:58].min() > 0.9  # all lines through the trunk's middle that agree show the wall


@pytest.mark.parametrize("way", [(0, 1), (1, 0), (-1, -1), (1, -1), (2, -1), (-1, 2)])
def test_steps_out_of_a_hole_are_counted(way: tuple[int, int]) -> None:
    hole = np.random.default_rng(0).uniform(size=(12, 15)) < 0.8
    counted = steps_out(hole, np.array(way))
    for y, x in np.ndindex(hole.shape):
        steps, at = 0, (y, x)
        while min(at) >= 0 and at[0] < 12 and at[1] < 15 and hole[at]:
            steps, at = steps + 1, (at[0] + way[0], at[1] + way[1])
        left = min(at) < 0 or at[0] >= 12 or at[1] >= 15
        assert counted[y, x] == (0 if left else steps)


def test_lines_are_not_to_be_trusted_before_a_thicket() -> None:
    scene = np.random.default_rng(1).uniform(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)
    colours, trust = expected(scene, someone())
    assert np.median(trust[someone()]) < 0.4
    assert np.isfinite(colours).all() and colours.min() >= 0 and colours.max() <= 255


def test_a_hole_that_no_line_crosses_is_smooth() -> None:
    scene, hole = wall_and_curtain(), np.zeros((HEIGHT, WIDTH), bool)
    hole[:60, :60] = True  # in a corner; lines across it leave the picture, but for those that slope the other way
    colours, _ = expected(scene, hole)
    assert np.abs(colours[2, 2] - 200).max() < 6
    whole, trust = expected(scene, np.zeros_like(hole))
    assert np.array_equal(whole, scene) and (trust == 1).all()


def test_a_post_behind_an_arm_stands_on() -> None:
    grain = np.random.default_rng(2).normal(0, 2, (HEIGHT, WIDTH))
    scene = np.where(abs(np.arange(WIDTH) - 62) < 9, 180.0, 200.0) + grain
    scene = np.repeat(scene[..., None], 3, 2).round().astype(np.uint8)
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[35:60, 20:100] = True
    filled = fill_hole(scene, hole).astype(float)
    assert np.abs(filled - scene)[hole].mean() < 3.5


def test_scenes_are_filled_along_straight_lines_and_cloth_is_not() -> None:
    assert ALONG_GROUND.straight and not ANYWHERE.straight


def test_what_is_to_be_trusted_decides_between_pieces() -> None:
    """Left of the hole lies red, right of it blue, and nothing near tells which goes on in it."""
    picture = np.full((60, 90, 3), (128, 128, 128), np.float32)
    picture[:, :20], picture[:, 70:] = (200, 40, 40), (40, 40, 200)
    hole = np.zeros((60, 90), bool)
    hole[:, 20:70] = True
    for colour in ((200.0, 40.0, 40.0), (40.0, 40.0, 200.0)):
        picture[hole] = colour
        field = shift_map(picture, hole, hole, ALONG_GROUND, np.ones(hole.shape, np.float32))
        y, x = np.mgrid[:60, :90]
        taken = picture[y + field[..., 0], x + field[..., 1]][:, 35:55]
        assert np.abs(taken - colour).max() < 1
