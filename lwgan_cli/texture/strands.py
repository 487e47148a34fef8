"""Strands: the fine texture of hair that no photo shows."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

_AROUND = (24, 56, 112)  # locks around the head, from coarse to fine
_LENGTH = 0.05  # m along which a lock stays the same
_WAVE = 0.12  # rad by which locks wander


def strands(places: np.ndarray) -> np.ndarray:
    """(N,) float32 of mean 0 and deviation 1: light and dark locks that fall from the crown, at places (N, 3) m on a
    head, y up."""
    x, y, z = (places - places.mean(0)).T
    angle, height = np.arctan2(x, z) / (2 * np.pi), (y - y.min()) / _LENGTH
    random = np.random.default_rng(0)
    angle = angle + _WAVE / (2 * np.pi) * _noise(random, angle, height, 6)
    out = np.stack([_noise(random, angle, height, count) for count in _AROUND]).sum(0)
    even: np.ndarray = ((out - out.mean()) / (out.std() + 1e-6)).astype(np.float32)
    return even


def _noise(random: np.random.Generator, angle: np.ndarray, height: np.ndarray, count: int) -> np.ndarray:
    """(N,) about in [-1, 1]: random values at `count` angles (1 a turn) and whole heights, interpolated."""
    grid = random.uniform(-1, 1, (count, int(height.max()) + 2))
    noise: np.ndarray = map_coordinates(grid, [angle % 1 * count, height], order=1, mode="grid-wrap")
    return noise
