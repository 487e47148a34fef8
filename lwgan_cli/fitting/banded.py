"""Smoothness over time, and the block-pentadiagonal systems it makes of a clip's frames."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded


def time_coupling(shots: np.ndarray, acceleration: np.ndarray, drift: np.ndarray) -> list[np.ndarray]:
    """Hessian of ½ Σ drift · (x_{t+1} - x_t)² + ½ Σ acceleration · (x_{t+2} - 2 x_{t+1} + x_t)², never across shots.

    shots (T,) int: frames with different numbers belong to different shots; acceleration, drift (n,).
    Returns for time distance d = 0, 1, 2 the diagonals (T - d, n) that couple frame t with frame t + d.
    """
    first, second = _within(shots)
    n, steps = len(acceleration), len(shots)
    here, next_, after = (np.zeros((max(steps - d, 0), n)) for d in range(3))
    here[:-1] += first * drift
    here[1:] += first * drift
    next_ -= first * drift
    here[:-2] += second * acceleration
    here[1:-1] += 4 * second * acceleration
    here[2:] += second * acceleration
    next_[:-1] -= 2 * second * acceleration
    next_[1:] -= 2 * second * acceleration
    after += second * acceleration
    return [here, next_, after]


def time_gradient(motion: np.ndarray, shots: np.ndarray, acceleration: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """Gradient (T, n) of the same terms. motion (T, n): the last three columns are values, all others are steps since
    the frame before."""
    first, second = _within(shots)
    speed = motion.copy()
    speed[1:, -3:] = np.diff(motion[:, -3:], axis=0)
    gradient = np.zeros_like(motion)
    pull = speed[1:] * first * drift
    gradient[1:] += pull
    gradient[:-1] -= pull
    pull = (speed[2:] - speed[1:-1]) * second * acceleration
    gradient[2:] += pull
    gradient[1:-1] -= 2 * pull
    gradient[:-2] += pull
    return gradient


def _within(shots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T - 1, 1) and (T - 2, 1) bool: first and second differences that don't reach across a change of shot."""
    same = shots[1:] == shots[:-1]
    return same[:, None], (same[1:] & same[:-1])[:, None]


def solve_banded(
    hessian: np.ndarray, gradient: np.ndarray, coupling: list[np.ndarray], between: np.ndarray | None = None
) -> np.ndarray:
    """Solve the block-pentadiagonal system.

    hessian (T, n, n), gradient (T, n), coupling: see `time_coupling`; between (T - 1, n, n): whole blocks at rows of
    t + 1 and columns of t. Returns the step (T, n) = -H⁻¹ g.
    """
    steps, n = gradient.shape
    if between is None and not any(diagonal.any() for diagonal in coupling[1:]):  # unrelated frames: each on its own
        alone = hessian + coupling[0][:, :, None] * np.eye(n)
        return -np.linalg.solve(alone, gradient[..., None])[..., 0]
    reach = min(2, steps - 1)
    bandwidth = max(n * reach, n - 1 if between is None else 2 * n - 1)
    # LAPACK's lower form, a column of the matrix in each row here: banded[j, i - j] = A[i, j]
    banded = np.zeros((steps, n, bandwidth + 1))
    for column in range(n):
        banded[:, column, : n - column] = hessian[:, column:, column]
        if between is not None:
            banded[:-1, column, n - column : 2 * n - column] = between[:, :, column]
    for d, diagonal in enumerate(coupling[: reach + 1]):
        banded[: steps - d, :, d * n] += diagonal
    flat = banded.reshape(steps * n, -1).T
    step = solveh_banded(flat, gradient.ravel(), lower=True, overwrite_ab=True, check_finite=False)
    return -step.reshape(steps, n)
