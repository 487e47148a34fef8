"""Reading between pixels, against pictures that are known everywhere."""

from __future__ import annotations

import numpy as np
import torch

from lwgan_cli.layers.reading import detailed, photographed, sampled


def test_reading_between_the_pixels_loses_little_detail() -> None:
    """A picture that is known everywhere: waves of up to a quarter of a period per pixel."""
    rng = np.random.default_rng(0)
    side, count = 64, 4000
    waves, phases = rng.uniform(-0.25, 0.25, (12, 2)) * 2 * np.pi, rng.uniform(0, 2 * np.pi, (3, 12))

    def value(x: np.ndarray, y: np.ndarray) -> torch.Tensor:
        angles = x[..., None] * waves[:, 0] + y[..., None] * waves[:, 1]
        return torch.from_numpy((0.5 + 0.03 * np.cos(angles[None] + phases[:, None, None]).sum(-1)).astype(np.float32))

    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    pixels = torch.cat([value(columns, rows), torch.rand(1, side, side, generator=torch.Generator().manual_seed(0))])
    places = rng.uniform(3, side - 4, (1, count, 2))
    grid = torch.from_numpy(((places + 0.5) / side * 2 - 1).astype(np.float32))[None]
    true, whole = value(places[..., 0], places[..., 1]), torch.ones(1, 1, count, dtype=torch.bool)
    read = photographed(detailed(pixels), grid, whole)[0]
    plain = sampled(pixels, grid, whole)[0]
    assert (read[:3] - true).std() < 0.6 * (plain[:3] - true).std()
    torch.testing.assert_close(read[3:], plain[3:])  # alpha
    at = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="xy"), -1)[None]
    exact = photographed(detailed(pixels), (at + 0.5) / side * 2 - 1, torch.ones(1, side, side, dtype=torch.bool))
    torch.testing.assert_close(exact[0], pixels, atol=1e-4, rtol=0)  # at the pixels themselves, the photo
