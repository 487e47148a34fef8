"""Pieces at a larger size, against pictures whose continuation is known."""

from __future__ import annotations

import numpy as np

from lwgan_cli.layers.background import fill_hole
from lwgan_cli.layers.finer import aligned, nearest, pieces_of, rounded

SIDE = 96


def boards(period: int) -> np.ndarray:
    """(SIDE, SIDE, 3) float32: a pattern that repeats sideways, its neighbours alike."""
    tile = np.random.default_rng(0).uniform(0, 255, (SIDE, period, 3))
    for axis in (0, 1):
        tile = (np.roll(tile, 1, axis) + tile + np.roll(tile, -1, axis)) / 3
    return tile[:, np.arange(SIDE) % period].astype(np.float32)


def square_hole() -> np.ndarray:
    hole = np.zeros((SIDE, SIDE), bool)
    hole[30:60, 40:64] = True
    return hole


def test_shifts_that_are_nearly_right_become_so() -> None:
    hole = square_hole()
    halves = (np.arange(SIDE)[:, None] >= 45) + np.zeros((1, SIDE), int)
    for off in ((0, 2), (0, -3), (0, 1)):
        wrong = np.array([(0, 29), (0, -29)]) + off
        assert aligned(boards(29), hole, wrong, halves, 4.0).tolist() == [[0, 29], [0, -29]]


def test_shifts_that_are_right_stay() -> None:
    hole = square_hole()
    right = np.array([(0, 29)])
    assert aligned(boards(29), hole, right, np.zeros((SIDE, SIDE), int), 4.0).tolist() == right.tolist()


def test_shifts_do_not_lead_into_the_hole_or_out_of_the_picture() -> None:
    picture, hole = np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32), square_hole()
    for shift in ((0, 29), (33, 0), (-33, 0)):
        moved = aligned(picture, hole, np.array([shift]), np.zeros((SIDE, SIDE), int), 3.0)[0]
        assert np.abs(moved - shift).max() <= 5
        rows, columns = np.nonzero(hole)
        rows, columns = rows + moved[0], columns + moved[1]
        inside = (rows >= 0) & (rows < SIDE) & (columns >= 0) & (columns < SIDE)
        assert inside.mean() > 0.8
        assert hole[rows[inside], columns[inside]].mean() < 0.2


def test_pieces_are_the_same_at_another_size() -> None:
    hole = square_hole()
    offsets = np.zeros((SIDE, SIDE, 2), np.int64)
    offsets[hole] = (3, -7)
    offsets[45:60, 40:64] = (-2, 10)
    shifts, labels = pieces_of(offsets, hole, (2 * SIDE, 3 * SIDE))
    field = shifts[labels]
    assert field.shape == (2 * SIDE, 3 * SIDE, 2)
    assert (field[61:89, 121:191] == (6, -21)).all() and (field[91:119, 121:191] == (-4, 30)).all()
    assert (field[:58] == (6, -21)).all()  # beyond the hole as at its nearest pixel


def test_the_nearest_true_pixel_is_the_nearest() -> None:
    valid = np.random.default_rng(1).uniform(size=(20, 20)) < 0.05
    places = np.argwhere(valid)
    found = np.stack(np.unravel_index(nearest(valid), valid.shape), -1)
    assert valid[found[..., 0], found[..., 1]].all()
    at = np.stack(np.mgrid[:20, :20], -1)
    least = np.linalg.norm(at[:, :, None] - places, axis=-1).min(-1)
    assert np.abs(np.linalg.norm(at - found, axis=-1) - least).max() < 0.5  # 5x5 chamfer distances


def test_slanting_boards_meet_to_the_pixel() -> None:
    """At the size of the search their edges fall between its pixels."""
    rows, columns = np.mgrid[:960, :720]
    picture = np.where((columns + 0.37 * rows) % 61 < 7, 60, 150) + np.random.default_rng(2).normal(0, 1, (960, 720))
    picture = np.repeat(picture[..., None], 3, 2).clip(0, 255).astype(np.uint8)
    hole = np.zeros((960, 720), bool)
    hole[180:880, 330:400] = True
    hole[840:880, 280:450] = True
    wrong = np.abs(fill_hole(picture, hole).astype(int) - picture).mean(-1)[hole]
    assert wrong.mean() < 2.6 and (wrong > 30).mean() < 0.01


def test_pieces_lose_their_corners_and_nothing_else() -> None:
    hole, (y, x) = square_hole(), np.mgrid[:SIDE, :SIDE]
    stairs = (x // 6 > y // 6 - 0).astype(int)
    smooth = rounded(stairs, hole, 4.0)
    changed = smooth != stairs
    assert changed.any() and set(np.unique(smooth)) == {0, 1}
    straight = ((x - y) > 3).astype(int)
    inner = hole & (np.abs(x - 51) < 8) & (np.abs(y - 45) < 10)
    assert (smooth != straight)[inner].sum() < (stairs != straight)[inner].sum() / 2
    level = (y > 45).astype(int)
    assert np.array_equal(rounded(level, hole, 4.0), level)
