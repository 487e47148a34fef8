"""Grids of pictures, and pictures that are held."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.pipeline.layout import Grid, held


@pytest.mark.parametrize(("count", "size", "shape"), [
    (4, (480, 640), (2, 2)),
    (2, (480, 640), (2, 1)),
    (12, (100, 100), (3, 4)),
    (3, (1000, 100), (1, 3)),
    (1, (64, 48), (1, 1)),
])  # fmt: skip
def test_grids_are_nearly_square(count: int, size: tuple[int, int], shape: tuple[int, int]) -> None:
    grid = Grid.of(count, size, 0)
    assert sorted((grid.columns, grid.rows)) == sorted(shape)
    assert grid.cell == size and grid.columns * grid.rows >= count


@pytest.mark.parametrize("count", range(1, 40))
def test_grids_hold_all_and_stay_within_the_longest_side(count: int) -> None:
    for size in ((480, 640), (1280, 720), (64, 64)):
        grid = Grid.of(count, size, 600)
        assert grid.columns * (grid.rows - 1) < count <= grid.columns * grid.rows
        assert max(grid.size) <= 600 and not (grid.cell[0] % 2 or grid.cell[1] % 2)
        assert grid.cell[0] / grid.cell[1] == pytest.approx(size[0] / size[1], abs=0.1)


def test_pictures_stand_in_their_cells_row_by_row() -> None:
    grid = Grid(3, 2, (4, 2))
    whole = grid.fill(np.full((6, 12, 3), 10 * k, np.uint8) for k in range(5))
    assert whole.shape == (4, 12, 3)
    assert whole[::2, ::4, 0].tolist() == [[0, 10, 20], [30, 40, 255]]
    assert (whole[:2, 4:8] == 10).all()
    assert Grid(2, 1, (2, 2)).fill([np.ones((2, 2, 4), np.uint8)])[0, 2:].max() == 0


def test_held_pictures() -> None:
    def numbers(rows: list[int]) -> list[int]:
        return [int(picture[0]) for picture in held((np.array([k]) for k in range(6)), rows)]

    assert numbers([0, 1, 2]) == [0, 1, 2]
    assert numbers([0, 1, 1, 1, 2, 5]) == [0, 1, 1, 1, 2, 5]
    assert numbers([2, 2]) == [2, 2]
