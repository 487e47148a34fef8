"""Soft thresholds."""

from __future__ import annotations

import numpy as np


def smoothstep(value: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, which may be the lesser, a smooth cubic between them."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
