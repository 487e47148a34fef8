from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.metrics.keypoints import BODY, akd, trusted


def test_distance_and_misses_of_known_points() -> None:
    real = np.full((4, 33, 2), 100.0)
    visibility = np.ones((4, 33))
    visibility[:, 27] = 0.4  # an ankle that the real clip hardly shows: of no account
    real[:, 28] = 250.0  # the other is outside the picture
    sure = trusted(real, visibility, (200, 200))
    assert sure.sum() == 4 * (len(BODY) - 2)
    result, theirs = real + np.array([3.0, 4.0]), np.ones((4, 33))
    theirs[0, 15] = 0.1  # a wrist that the result lacks in one frame
    result[3] = np.nan  # nobody found in another
    distance, missing = akd(result, theirs, real, sure, 200.0)
    assert distance == pytest.approx(2.5)
    assert missing == pytest.approx((1 + 11) / 44)


def test_nobody_found_at_all() -> None:
    nobody = np.full((2, 33, 2), np.nan)
    distance, missing = akd(nobody, np.zeros((2, 33)), np.ones((2, 33, 2)), np.ones((2, 13), bool), 100.0)
    assert np.isnan(distance) and missing == 1
