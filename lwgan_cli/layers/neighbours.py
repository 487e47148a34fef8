"""Means, blurs, maxima and minima over the pixels around each pixel.

PyTorch's pooling at stride 1, and on a CPU, where that is ten times as slow, OpenCV's filters.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad

_Filter = Callable[[np.ndarray, np.ndarray], object]  # (H, W) float32 given, and written


def mean(planes: torch.Tensor, reach: int = 1) -> torch.Tensor:
    """(…, C, H, W) → the same: the mean over the 2·reach + 1 squared pixels around each, those inside the picture."""
    side = 2 * reach + 1
    if not planes.is_cpu:
        return avg_pool2d(planes, side, 1, reach, count_include_pad=False)

    def means(given: np.ndarray, out: np.ndarray) -> None:
        cv2.boxFilter(given, -1, (side, side), dst=out, borderType=cv2.BORDER_CONSTANT)

    out = _filtered(planes, means)
    for plane in (out.numpy(), out.numpy().swapaxes(-1, -2)):  # at the edge, what lies outside was counted as nothing
        places = np.arange(plane.shape[-2])
        counted = np.minimum(places + reach, len(places) - 1) - np.maximum(places - reach, 0) + 1
        missed = (side / counted).astype(np.float32)[:, None]
        end = max(reach, len(places) - reach)
        plane[..., :reach, :] *= missed[:reach]
        plane[..., end:, :] *= missed[end:]
    return out


def gaussian(planes: torch.Tensor, sigma: float) -> torch.Tensor:
    """(…, C, H, W) → the same, blurred by a Gaussian of deviation sigma px; what lies outside counts as the edge."""
    reach = bell_reach(sigma)
    if planes.is_cpu:
        side = (2 * reach + 1, 2 * reach + 1)
        return _filtered(
            planes, lambda given, out: cv2.GaussianBlur(given, side, sigma, dst=out, borderType=cv2.BORDER_REPLICATE)
        )
    return _convolved(planes, sigma, reach)


def bell_reach(sigma: float) -> int:
    """px around each pixel that `gaussian` looks at."""
    return max(1, math.ceil(3 * sigma))


def largest(planes: torch.Tensor, reach: int = 1) -> torch.Tensor:
    """(…, C, H, W) → the same: the maximum over the 2·reach + 1 squared pixels around each (dilation)."""
    if not planes.is_cpu:
        return max_pool2d(planes, 2 * reach + 1, 1, reach)
    window = _window(reach)
    return _filtered(planes, lambda given, out: cv2.dilate(given, window, dst=out, borderValue=-np.inf))


def smallest(planes: torch.Tensor, reach: int = 1) -> torch.Tensor:
    """(…, C, H, W) → the same: the minimum over the 2·reach + 1 squared pixels around each (erosion)."""
    if not planes.is_cpu:
        return -max_pool2d(-planes, 2 * reach + 1, 1, reach)
    window = _window(reach)
    return _filtered(planes, lambda given, out: cv2.erode(given, window, dst=out, borderValue=np.inf))


def _convolved(planes: torch.Tensor, sigma: float, reach: int) -> torch.Tensor:
    """`gaussian` for any device."""
    bell = torch.exp(-torch.arange(-reach, reach + 1, device=planes.device).square() / (2 * sigma**2))
    bell = (bell / bell.sum()).to(planes)
    flat = pad(planes.reshape(-1, 1, *planes.shape[-2:]), (reach,) * 4, mode="replicate")
    return conv2d(conv2d(flat, bell[None, None, None]), bell[None, None, :, None]).view_as(planes)


def _window(reach: int) -> np.ndarray:
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)


def _filtered(planes: torch.Tensor, work: _Filter) -> torch.Tensor:
    """float32 planes (…, H, W) of a CPU, each through an OpenCV filter that leaves its size."""
    given = planes.contiguous().numpy().reshape(-1, *planes.shape[-2:])
    out = np.empty_like(given)
    for plane, result in zip(given, out, strict=True):
        work(plane, result)
    return torch.from_numpy(out).reshape(planes.shape)
