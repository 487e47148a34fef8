"""Soft thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import torch


@overload
def smoothstep(value: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray: ...
@overload
def smoothstep(value: torch.Tensor, low: float, high: float) -> torch.Tensor: ...
def smoothstep(value: Any, low: Any, high: Any) -> Any:
    """0 up to `low`, 1 from `high` on, which may be the lesser, a smooth cubic between them."""
    t = ((value - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)
