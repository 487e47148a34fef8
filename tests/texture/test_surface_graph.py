"""Borders, neighbourhoods and values along a surface: on even sheets, and on the body."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lwgan_cli.body.model import JOINT_NAMES
from lwgan_cli.texture.surface_graph import Cloth
from tests.body.acting import body


def plane(cell: float, size: float = 0.4) -> SimpleNamespace:
    """A square sheet of triangles: vertices (V, 3) m and faces."""
    side = round(size / cell) + 1
    x, y = np.meshgrid(np.arange(side) * cell, np.arange(side) * cell)
    row = np.arange(side * side).reshape(side, side)
    a, b, c, d = row[:-1, :-1].ravel(), row[:-1, 1:].ravel(), row[1:, :-1].ravel(), row[1:, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return SimpleNamespace(vertices=np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1), faces=faces)


@pytest.mark.parametrize("cell", [0.004, 0.01])
def test_a_border_is_a_smooth_step_of_the_same_width_on_every_mesh(cell: float) -> None:
    sheet = plane(cell)
    at = sheet.vertices[:, 0]
    soft = Cloth.of(sheet).feathered(at < 0.2, 0.06)
    inner = np.abs(sheet.vertices[:, 1] - 0.2) < 0.1
    t = np.clip((0.2 - at[inner]) / 0.06 + 0.5, 0, 1)
    assert soft[inner] == pytest.approx(t * t * (3 - 2 * t), abs=0.15)
    assert (soft[at < 0.15] == 1).all() and (soft[at > 0.25] == 0).all()


def test_borders_follow_the_surface_and_jump_no_gap(cloth: Cloth) -> None:
    """The legs are a hand's breadth apart, and far apart along the skin."""
    model = body()
    weights = model.lbs_weights.numpy()
    left = weights[:, [JOINT_NAMES.index("left_hip"), JOINT_NAMES.index("left_knee")]].sum(1) > 0.9
    right = weights[:, [JOINT_NAMES.index("right_hip"), JOINT_NAMES.index("right_knee")]].sum(1) > 0.9
    soft = cloth.feathered(left)
    assert soft[left].mean() > 0.95 and soft[right].max() == 0


def test_what_is_unknown_goes_on_as_its_neighbours_are() -> None:
    """On an even sheet a linear field is its own mean: it comes back exactly."""
    sheet = plane(0.02)
    values = sheet.vertices @ np.array([[1.0, 3], [2, -1], [0, 0]])
    square = (np.abs(sheet.vertices[:, :2] - 0.2) < 0.1).all(1)
    spoilt = np.where(square[:, None], 99.0, values)
    assert Cloth.of(sheet).continued(spoilt, square) == pytest.approx(values, abs=1e-6)
    assert (Cloth.of(sheet).continued(spoilt, np.zeros(len(square), bool)) == spoilt).all()


def test_growing_and_reaching() -> None:
    sheet = plane(0.02)
    x, y = sheet.vertices[:, 0], sheet.vertices[:, 1]
    graph = Cloth.of(sheet)
    grown = graph.grown((x < 0.1) & (y == y.min()), 0.05)
    assert grown[(x < 0.1) & (y < 0.045)].all() and not grown[y > 0.06].any()
    islands = (x < 0.1) | (x > 0.3)
    start = (x == 0) & (y == 0)
    assert (graph.reached(start, islands) == (x < 0.1)).all()
    assert sorted(len(patch) for patch in graph.patches(islands)) == sorted([(x < 0.1).sum(), (x > 0.3).sum()])
    slope = np.where(x < 0.25, x, x + 1)[:, None]
    over = graph.gone_over(start, y < 0.2, slope, 0.1)
    assert (over == ((x < 0.25) & (y < 0.2))).all()
