"""Soft thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Values = TypeVar("Values", "np.ndarray", "torch.Tensor")


def smoothstep(value: Values, low: float | Values, high: float | Values) -> Values:
    """0 up to `low`, 1 from `high` on, which may be the lesser, a smooth cubic between them."""
    t = ((value - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)
