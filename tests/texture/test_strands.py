"""Hair's made up strands, on a cylinder."""

from __future__ import annotations

import numpy as np

from lwgan_cli.texture.strands import strands

RADIUS, HEIGHT = 0.09, 0.2  # m


def on_cylinder(rows: int = 60, columns: int = 720) -> np.ndarray:
    """(rows, columns) strands, top to bottom and once around from the front."""
    angle, y = np.meshgrid(np.linspace(0, 2 * np.pi, columns, endpoint=False), np.linspace(0, HEIGHT, rows))
    places = np.stack([RADIUS * np.sin(angle), y, RADIUS * np.cos(angle)], -1)
    return strands(places.reshape(-1, 3)).reshape(rows, columns)


def test_strands_are_as_light_as_dark() -> None:
    drawn = on_cylinder()
    assert abs(drawn.mean()) < 1e-3 and abs(drawn.std() - 1) < 1e-3
    assert np.array_equal(drawn, on_cylinder())


def test_strands_fall() -> None:
    """Over 1 cm they change far less along a lock than across."""
    drawn = on_cylinder()
    down = np.abs(drawn[3:] - drawn[:-3]).mean()
    around = np.abs(np.roll(drawn, 13, 1) - drawn).mean()
    assert down < 0.6 * around


def test_no_seam_at_the_back_or_in_front() -> None:
    drawn = on_cylinder()
    steps = np.abs(np.roll(drawn, -1, 1) - drawn)
    for column in (359, 360, 719):
        assert steps[:, column].mean() < 3 * steps.mean()
