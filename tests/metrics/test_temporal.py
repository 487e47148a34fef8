from __future__ import annotations

import cv2
import numpy as np
import pytest

from lwgan_cli.metrics.temporal import jitter, lag, speed, warping_error

SURE = np.ones((60, 13), bool)


def dance(times: np.ndarray) -> np.ndarray:
    """(T, 33, 2) px: points that swing, each by its own rhythm."""
    rng = np.random.default_rng(2)
    rhythm, phase = rng.uniform(0.15, 0.35, 33), rng.uniform(0, 6, 33)
    swing = np.sin(rhythm * times[:, None] + phase) + 0.5 * np.sin(2.3 * rhythm * times[:, None])
    return 40 * np.stack([swing, np.cos(0.7 * rhythm * times[:, None])], -1)


@pytest.mark.parametrize("late", [-2.0, 0.0, 1.0, 3.0, 2.5])
def test_lag_is_found_again(late: float) -> None:
    times = np.arange(60.0)
    assert lag(dance(times - late), dance(times), SURE) == pytest.approx(late, abs=0.15)


def test_lag_of_stillness_and_of_little() -> None:
    still, rng = np.zeros((60, 33, 2)), np.random.default_rng(0)
    assert np.isnan(lag(still, dance(np.arange(60.0)), SURE))
    assert np.isnan(lag(*rng.normal(0, 1, (2, 60, 33, 2)), SURE))  # the detector's noise alone
    assert np.isnan(lag(dance(np.arange(60.0) - 20), dance(np.arange(60.0)), SURE))  # later than is looked for
    assert np.isnan(lag(dance(np.arange(15.0)), dance(np.arange(15.0)), SURE[:15]))


def test_points_out_of_sight_do_not_lag() -> None:
    times = np.arange(60.0)
    result, sure = dance(times - 2), SURE.copy()
    result[10:14, 15] = np.nan
    sure[20:, 3] = False
    assert lag(result, dance(times), sure) == pytest.approx(2, abs=0.15)


def test_slow_and_shaking() -> None:
    real = dance(np.arange(60.0))
    assert speed(real, real, SURE) == jitter(real, real, SURE) == 1
    assert speed(0.5 * real, real, SURE) == pytest.approx(0.5)
    assert jitter(0.5 * real, real, SURE) == pytest.approx(0.5)
    shaken = real + np.random.default_rng(0).normal(0, 3, real.shape)
    assert jitter(shaken, real, SURE) > 2 > 1.5 > speed(shaken, real, SURE)
    assert np.isnan(jitter(real[:4], real[:4], SURE[:4]))


def walk(flicker: float = 0.0, count: int = 6) -> list[np.ndarray]:
    """A textured plane that moves by (3, 1) px a frame, its brightness going up and down."""
    wall = np.random.default_rng(3).uniform(70, 180, (40, 60, 3)).astype(np.float32)
    wall = cv2.resize(wall, (240, 160), interpolation=cv2.INTER_CUBIC)
    frames = [wall[t : t + 120, 3 * t : 3 * t + 180] + flicker * (-1) ** t for t in range(count)]
    return [np.clip(frame, 0, 255).round().astype(np.uint8) for frame in frames]


def test_warping_error_follows_the_motion_and_sees_flicker() -> None:
    """Two frames that differ by 2·f everywhere: 3 channels · (2 f / 255)²."""
    steady = warping_error(walk())
    assert steady < 2e-4
    assert warping_error(walk(flicker=6)) == pytest.approx(3 * (12 / 255) ** 2, rel=0.15)
    apart = [((a / 255.0 - b / 255.0) ** 2).sum(-1).mean() for a, b in zip(walk(), walk()[1:], strict=False)]
    assert steady < np.mean(apart) / 50  # what it would be without following the motion
    assert np.isnan(warping_error(walk(count=1)))
