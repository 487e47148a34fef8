"""Parts of pictures, against masks of which all is known."""

from __future__ import annotations

import pytest
import torch

from lwgan_cli.flow.parts import extent, pieces, widened


def ring(side: int = 400, radius: float = 180) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return ((torch.hypot(x - side / 2, y - side / 2) - radius).abs() < 2)[None, None]


@pytest.mark.parametrize("seed", range(3))
def test_pieces_hold_all_of_a_mask_once(seed: int) -> None:
    mask = torch.rand(2, 1, 300, 500, generator=torch.Generator().manual_seed(seed)) > 0.9999
    held = torch.zeros(300, 500)
    for part in pieces(mask):
        held[part] += 1
    assert held.max() == 1 and held[mask.any(0)[0]].min() == 1


def test_pieces_of_a_thin_ring_are_less_than_its_extent() -> None:
    mask = ring()
    area = sum((rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in pieces(mask))
    rows, columns = extent(mask) or (slice(0), slice(0))
    assert area < 0.7 * (rows.stop - rows.start) * (columns.stop - columns.start)


def test_an_empty_mask_has_no_pieces() -> None:
    assert pieces(torch.zeros(1, 1, 20, 30, dtype=torch.bool)) == []


def test_a_widened_part_still_knows_the_part() -> None:
    picture, part = torch.rand(30, 40), (slice(2, 9), slice(33, 39))
    around, within = widened(part, 5, (30, 40))
    assert around == (slice(0, 14), slice(28, 40))
    assert torch.equal(picture[around][within], picture[part])
