"""Means and extremes around pixels, against PyTorch's pooling."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from lwgan_cli.layers.neighbours import largest, mean, smallest


@pytest.mark.parametrize("size", [(9, 7), (1, 6), (3, 2)])
@pytest.mark.parametrize("reach", [1, 2, 4])
def test_as_pooling_at_stride_one(size: tuple[int, int], reach: int) -> None:
    planes = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    given, side = planes.clone(), 2 * reach + 1
    assert torch.allclose(mean(planes, reach), avg_pool2d(planes, side, 1, reach, count_include_pad=False), atol=1e-6)
    assert torch.equal(largest(planes, reach), max_pool2d(planes, side, 1, reach))
    assert torch.equal(smallest(planes, reach), -max_pool2d(-planes, side, 1, reach))
    assert torch.equal(planes, given)  # what was given is left alone


def test_infinities_are_numbers_like_others() -> None:
    planes = torch.tensor([[-torch.inf, 1.0, torch.inf, 0.0]])
    assert largest(planes).tolist() == [[1.0, torch.inf, torch.inf, torch.inf]]
    assert smallest(planes).tolist() == [[-torch.inf, -torch.inf, 0.0, 0.0]]
