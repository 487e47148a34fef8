"""Smooth filling of what is missing, from all that lies around it."""

from __future__ import annotations

import cv2
import numpy as np


def push_pull(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Smooth filling: (H, W, C) float32 where weight (H, W) in [0, 1] is 0 takes on its surroundings.

    The pyramid of Gortler et al. 1996 (The Lumigraph, section 4.2). Where all is known nothing changes.
    """
    height, width = weight.shape
    if weight.min() >= 1 or max(height, width) <= 2:
        mean = (values * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return values * weight[..., None] + mean * (1 - weight[..., None])
    half = ((width + 1) // 2, (height + 1) // 2)
    premultiplied = np.concatenate([values * weight[..., None], weight[..., None]], 2)
    small = cv2.resize(premultiplied, half, interpolation=cv2.INTER_AREA)
    small_weight = small[..., -1]
    pulled = push_pull(small[..., :-1] / np.maximum(small_weight, 1e-6)[..., None], np.minimum(1, 4 * small_weight))
    large = cv2.resize(pulled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return values * weight[..., None] + large * (1 - weight[..., None])
