from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lwgan_cli.frames.timeline import as_rate, constant_rate, resample


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (25, Fraction(25)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        (12.5, Fraction(25, 2)),
        (33 + 1 / 3, Fraction(100, 3)),
        (25.003, Fraction(25003, 1000)),
    ],
)
def test_rates_are_named(fps: float, rate: Fraction) -> None:
    assert as_rate(fps) == rate


@pytest.mark.parametrize(
    "rate", [Fraction(5), Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001), Fraction(37, 3)]
)
@pytest.mark.parametrize("clock", [1e-6, 1e-3])
def test_constant_rate_survives_its_clock(rate: Fraction, clock: float) -> None:
    """Times rounded to the container's clock (a millisecond in Matroska) keep rate and count."""
    times = np.round(np.arange(200) / float(rate) / clock) * clock
    got = constant_rate(times, round(1 / float(rate) / clock) * clock)
    assert abs(float(got / rate) - 1) < 2e-4
    np.testing.assert_array_equal(resample(times, times[-1] + 1 / float(rate), got), np.arange(200))


def test_trembling_and_dropped_frames_keep_the_nominal_rate() -> None:
    rng = np.random.default_rng(1)
    times = np.arange(600) / 30.0
    trembling = times + rng.uniform(-0.3, 0.3, 600) / 30
    assert abs(float(constant_rate(trembling, 1 / 30)) - 30) < 0.05
    dropped = np.delete(times, [100, 300, 301])
    assert constant_rate(dropped, 1 / 30) == 30
    shown = resample(dropped, 20.0, Fraction(30))
    assert len(shown) == 600
    assert shown[100] == shown[99] == 99  # the gap shows what was there


def test_variable_rate_gets_its_average() -> None:
    times = np.concatenate([np.arange(25) / 25, 1 + np.arange(50) / 50])
    assert constant_rate(times, 1 / 50) == Fraction(75, 2)


def test_resampling_shows_the_frame_of_the_moment() -> None:
    """Against looking at every tick for the last frame that had begun, half a tick forgiven."""
    rng = np.random.default_rng(2)
    times = np.sort(rng.uniform(0, 4, 60))
    rate = Fraction(24)
    shown = resample(times, 4.0, rate)
    for tick, index in enumerate(shown):
        moment = times[0] + (tick + 0.5) / 24
        expected = max(number for number, time in enumerate(times) if time < moment)
        assert index == expected


def test_one_frame() -> None:
    assert constant_rate(np.zeros(1), 0.0) == 25
    assert constant_rate(np.zeros(1), 0.1) == 10
