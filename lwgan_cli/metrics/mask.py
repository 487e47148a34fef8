"""How well masks agree."""

from __future__ import annotations

import numpy as np


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks of one shape, bool, or [0, 1] cut at one half; 1 where both are empty."""
    a, b = (mask if mask.dtype == bool else mask > 0.5 for mask in (one, other))
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
