"""Times of frames: which constant rate a stream has, and which frame is shown at each tick of it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

NTSC = Fraction(1000, 1001)
DEFAULT_FPS = Fraction(25)
SLOT = 0.45  # frames; that near to its tick a frame still rounds to it, with room for the clock's rounding
NOMINAL = 0.03  # an average this near to the usual gap's rate: the usual rate, with a few frames dropped


def as_rate(fps: float) -> Fraction:
    """The fraction that `fps` stands for: 29.97 is 30000/1001."""
    whole = round(fps)
    for rate in (Fraction(whole), whole * NTSC):
        if rate > 0 and abs(fps - rate) < 1e-4 and (rate.denominator == 1 or whole % 6 == 0):
            return rate
    return Fraction(fps).limit_denominator(10_000)


def constant_rate(times: np.ndarray, last_duration: float, declared: float = 0.0) -> Fraction:
    """The rate at which frames shown at `times` are handed on.

    times          (T,) float64, seconds, ascending
    last_duration  seconds that the last frame is shown; 0 where unknown
    declared       the rate by the file's header, to two decimals; 0 where unknown

    A stream whose frames all lie near the ticks of one rate keeps that rate, and with it its count of frames,
    even when its clock is coarse or trembles. One that drops a frame now and then has its nominal rate. Any
    other has variable rate, and gets its average.
    """
    span = float(times[-1] - times[0])
    if len(times) < 2 or span <= 0:
        return as_rate(1 / last_duration) if last_duration > 0 else DEFAULT_FPS
    mean = (len(times) - 1) / span
    if 0.5 < last_duration * mean < 1.5:  # the better estimate where the clock is coarse
        mean = len(times) / (span + last_duration)
    ticks = np.arange(len(times))
    whole = round(declared)
    named = [rate for rate in (Fraction(whole), whole * NTSC) if abs(rate - Fraction(declared)) < 5.1e-3]
    for rate in (*named, _usual(mean), Fraction(mean).limit_denominator(10_000)):
        if rate > 0 and np.abs((times - times[0]) * float(rate) - ticks).max() < SLOT:
            return rate
    gaps = np.diff(times)
    nominal = _usual(1 / float(np.median(gaps[gaps > 0])))
    if abs(mean / float(nominal) - 1) < NOMINAL:
        return nominal
    return Fraction(len(times) / (span + last_duration)).limit_denominator(10_000)


def _usual(rate: float) -> Fraction:
    """The whole or NTSC rate next to `rate` if one lies within 0.2 %, else `rate`."""
    whole = max(1, round(rate))
    near = min((Fraction(whole), whole * NTSC), key=lambda candidate: abs(rate - candidate))
    return near if abs(rate / near - 1) < 2e-3 else Fraction(rate).limit_denominator(10_000)


def ticks_between(start: float, end: float, rate: Fraction) -> int:
    """How many frames of `rate` lie in [start, end) seconds; at least 1."""
    return max(1, round((end - start) * float(rate)))


def resample(times: np.ndarray, end: float, rate: Fraction) -> np.ndarray:
    """(N,) int64: the frame shown at each tick of `rate` from times[0] to `end`: the last one that rounds to
    it or to a tick before it."""
    slots = np.round((times - times[0]) * float(rate) + 1e-9).astype(np.int64)
    shown = np.searchsorted(slots, np.arange(ticks_between(times[0], end, rate)), side="right") - 1
    return np.clip(shown, 0, len(times) - 1)
