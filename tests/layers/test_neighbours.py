"""Means, blurs and extremes around pixels, against PyTorch's pooling and SciPy's blur."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn.functional import avg_pool2d, max_pool2d

from lwgan_cli.layers.neighbours import _convolved, gaussian, largest, mean, smallest


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


@pytest.mark.parametrize("sigma", [0.5, 1.3, 3.0])
def test_gaussian_blur_as_scipys_on_every_device(sigma: float) -> None:
    planes = torch.randn(2, 3, 14, 17, generator=torch.Generator().manual_seed(1))
    given, reach = planes.clone(), int(np.ceil(3 * sigma))
    expected = gaussian_filter(
        planes.double().numpy(), (0, 0, sigma, sigma), mode="nearest", radius=(0, 0, reach, reach)
    )
    for blurred in (gaussian(planes, sigma), _convolved(planes, sigma, reach)):
        assert np.abs(blurred.numpy() - expected).max() < 1e-5
    assert torch.equal(planes, given)
