"""How well a result's body points lie where the real clip has them. Points are BlazePose's 33, in picture px."""

from __future__ import annotations

import numpy as np

BODY = (0, *range(11, 17), *range(23, 29))  # nose, shoulders, elbows, wrists, hips, knees, ankles
SURE = 0.5  # visibility from which the real clip's point counts …
FOUND = 0.3  # … and the result's is there


def trusted(points: np.ndarray, visibility: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(T, 13) bool: which of BODY a real clip surely shows, from points (T, 33, 2) and visibility (T, 33); size
    (width, height) px of the picture, which a point must lie in."""
    inside = ((points >= 0) & (points < np.array(size))).all(-1)
    return ((visibility > SURE) & inside)[:, BODY]


def akd(
    result: np.ndarray, visibility: np.ndarray, real: np.ndarray, sure: np.ndarray, height: float
) -> tuple[float, float]:
    """Average keypoint distance, % of the person's height, and missing-keypoint rate (Siarohin et al., 2019).

    result, real  (T, 33, 2) points, NaN where nobody is found
    visibility    (T, 33) of the result's
    sure          (T, 13), see `trusted`
    height        of the person, px
    The distance is over the points that both have, NaN where there are none; the rate, the share of the real clip's
    points that the result lacks.
    """
    apart = np.linalg.norm((result - real)[:, BODY], axis=-1)
    both = sure & (visibility[:, BODY] > FOUND) & np.isfinite(apart)
    distance = 100 * float(apart[both].mean()) / height if both.any() else float("nan")
    return distance, 1 - float(both.sum()) / max(int(sure.sum()), 1)
