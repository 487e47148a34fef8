"""Shift maps, against patterns whose continuation is known and against every possible labelling."""

from __future__ import annotations

import itertools

import numpy as np

from lwgan_cli.layers.shift_map import ALONG_GROUND, Reach, choose_models, fitting_shifts, shift_map

SIDE = 96


def stripes(period: int) -> np.ndarray:
    """(SIDE, SIDE, 3) float32: columns of random colours that repeat, and are a little like their neighbours."""
    row = np.random.default_rng(0).uniform(0, 255, (period, 3))
    row = (np.roll(row, 1, 0) + np.roll(row, -1, 0) + row) / 3
    return np.repeat(row[np.arange(SIDE) % period][None], SIDE, 0).astype(np.float32)


def square_hole() -> np.ndarray:
    hole = np.zeros((SIDE, SIDE), bool)
    hole[30:60, 40:64] = True
    return hole


def test_the_shifts_of_a_repeating_pattern_are_its_periods() -> None:
    shifts = fitting_shifts(stripes(30), square_hole(), square_hole(), ALONG_GROUND)
    sideways = shifts[shifts[:, 0] == 0, 1]
    assert {-30, 30} <= set(sideways.tolist())


def test_every_missing_pixel_takes_its_own_colour_of_a_repeating_pattern() -> None:
    picture, hole = stripes(30), square_hole()
    field = shift_map(np.where(hole[..., None], 128, picture).astype(np.float32), hole, hole)
    y, x = np.mgrid[:SIDE, :SIDE]
    y, x = y + field[..., 0], x + field[..., 1]
    assert not hole[y, x].any()
    assert np.abs(picture[y, x] - picture)[hole].max() == 0
    assert not field[~hole].any()


def test_an_edge_goes_straight_on() -> None:
    picture = np.full((SIDE, SIDE, 3), 60, np.float32)
    picture[:, 52:] = (210, 180, 30)
    hole = square_hole()
    field = shift_map(np.where(hole[..., None], 120, picture).astype(np.float32), hole, hole)
    y, x = np.mgrid[:SIDE, :SIDE]
    filled = picture[y + field[..., 0], x + field[..., 1]]
    assert np.abs(filled - picture).max(-1)[hole].astype(bool).mean() < 0.05


def test_only_what_is_wanted_of_a_hole_is_looked_after() -> None:
    picture, hole = stripes(30), square_hole()
    wanted = hole.copy()
    wanted[:, :52] = False
    field = shift_map(np.where(hole[..., None], 128, picture).astype(np.float32), hole, wanted)
    y, x = np.mgrid[:SIDE, :SIDE]
    assert not hole[y + field[..., 0], x + field[..., 1]][wanted].any()
    assert not field[~wanted].any()


def test_pieces_come_from_no_further_than_they_may_and_rather_from_where_it_is_cheap() -> None:
    picture, hole = np.random.default_rng(1).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32), square_hole()
    near = fitting_shifts(picture, hole, hole, Reach((0.4, 0.1), (0.0, 0.0)))
    assert np.abs(near[:, 0]).max() <= 0.4 * SIDE and np.abs(near[:, 1]).max() <= 0.1 * SIDE
    level, upright = (
        fitting_shifts(picture, hole, hole, Reach((0.5, 0.5), price)) for price in ((1e6, 0.0), (0.0, 1e6))
    )
    assert np.abs(level[:, 0]).mean() < np.abs(upright[:, 0]).mean()
    assert np.abs(level[:, 1]).mean() > np.abs(upright[:, 1]).mean()


def test_labels_of_a_chain_are_the_best_of_all() -> None:
    random = np.random.default_rng(3)
    models = random.uniform(0, 10, (3, 1, 6, 3)).astype(np.float32)
    costs = random.uniform(0, 40, (3, 1, 6)).astype(np.float32)
    columns = np.arange(6)

    def energy(labels: tuple[int, ...]) -> float:
        chosen = np.array(labels)
        apart = ((models[chosen[:-1], 0] - models[chosen[1:], 0]) ** 2).mean(
            -1
        )  # (5, 6): of neighbours, at every pixel
        return float(costs[chosen, 0, columns].sum() + sum(apart[i, i] + apart[i, i + 1] for i in range(5)))

    best = min(itertools.product(range(3), repeat=6), key=energy)
    assert tuple(choose_models(models, costs, np.ones((1, 6), bool))[0]) == best
