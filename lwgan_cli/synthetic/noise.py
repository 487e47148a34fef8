"""Smooth random fields over space, the raw material of skin, cloth, walls and trees."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F

_CELLS = 32  # the lattice repeats after as many cells


@lru_cache(maxsize=16)
def _lattice(seed: int) -> torch.Tensor:
    """(1, 1, 33, 33, 33) uniform in [0, 1], its last layer a copy of the first: it tiles space."""
    generator = torch.Generator().manual_seed(seed)
    cells = torch.rand(_CELLS, _CELLS, _CELLS, generator=generator)
    for axis in range(3):
        cells = torch.cat([cells, cells.narrow(axis, 0, 1)], axis)
    return cells[None, None]


def value_noise(points: torch.Tensor, seed: int) -> torch.Tensor:
    """Random values at the integer points of space, smoothly interpolated.

    points (..., 2) or (..., 3), in cells; returns (...) in [0, 1], for a seed the same on every device.
    """
    if points.shape[-1] == 2:
        points = F.pad(points, (0, 1), value=0.5)
    cell = points.floor()
    fraction = points - cell
    eased = fraction * fraction * (3 - 2 * fraction)
    place = torch.remainder(cell, _CELLS) + eased
    # grid_sample wants (z, y, x) volumes and x first in the grid; any order of axes is as random
    grid = (place / _CELLS * 2 - 1).reshape(1, -1, 1, 1, 3)
    lattice = _lattice(seed).to(points)
    return F.grid_sample(lattice, grid, align_corners=True).view(points.shape[:-1])


def fractal_noise(points: torch.Tensor, seed: int, octaves: int = 4) -> torch.Tensor:
    """Octaves of value noise, each twice as fine and half as strong; (...) in [0, 1], mean 1/2."""
    total, weight = torch.zeros_like(points[..., 0]), 0.0
    for octave in range(octaves):
        share = 0.5**octave
        # shifted, so that the octaves' lattices don't share their origin
        total = total + share * value_noise(points * 2**octave + 7.3 * octave, seed + octave)
        weight += share
    return total / weight
