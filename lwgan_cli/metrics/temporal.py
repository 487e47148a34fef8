"""How a result moves, against the real clip: as steadily, as fast, as late; and whether surfaces keep their colours."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np

from lwgan_cli.metrics.keypoints import BODY

_REACH = 0.25  # of the clip's length that a lag is looked for
_LEAST = 15  # steps between frames below which a lag can't be told
_KNOWN = 0.7  # of the steps that a point must be seen in for its lag
_ALIKE = 0.5  # correlation from which two motions are one
_AGREE = 1.0  # px within which the flow back must end where the flow began


def _differences(points: np.ndarray, sure: np.ndarray, order: int) -> np.ndarray:
    """(T - order, 13) px: lengths of the differences over time, NaN where a point isn't sure in every frame of them."""
    shown = np.where(sure[..., None], points[:, BODY], np.nan)
    return np.linalg.norm(np.diff(shown, order, axis=0), axis=-1)


def jitter(result: np.ndarray, real: np.ndarray, sure: np.ndarray) -> float:
    """Mean second difference of the points, result over real: 1 is as steady as real, more shakes.

    result, real  (T, 33, 2) px; sure (T, 13), see `keypoints.trusted`. NaN for fewer than five frames.
    """
    ours, theirs = _differences(result, sure, 2), _differences(real, sure, 2)
    return _ratio(ours, theirs, lambda v: float(v.mean())) if len(ours) > 2 else float("nan")


def speed(result: np.ndarray, real: np.ndarray, sure: np.ndarray) -> float:
    """95th percentile of the points' speed, result over real: motion that is smoothed too much scores below 1.
    Arguments as in `jitter`; NaN for fewer than four frames."""
    ours, theirs = _differences(result, sure, 1), _differences(real, sure, 1)
    return _ratio(ours, theirs, lambda v: float(np.percentile(v, 95))) if len(ours) > 2 else float("nan")


def _ratio(ours: np.ndarray, theirs: np.ndarray, of: Callable[[np.ndarray], float]) -> float:
    both = np.isfinite(ours) & np.isfinite(theirs)
    below = float(of(theirs[both])) if both.any() else 0.0
    return float(of(ours[both])) / below if below > 0 else float("nan")


def lag(result: np.ndarray, real: np.ndarray, sure: np.ndarray) -> float:
    """Frames by which the result moves later than the real clip, below 0 earlier.

    Where the cross-correlation of the points' speeds, each brought to mean 0 and deviation 1 over the overlap, is
    highest; a parabola through the neighbours tells parts of a frame. Arguments as in `jitter`. NaN for clips below
    16 frames, and for points that move too little, or too differently, to tell.
    """
    ours, theirs = _differences(result, sure, 1), _differences(real, sure, 1)
    steps = len(ours)
    reach = int(steps * _REACH)
    known = np.isfinite(ours) & np.isfinite(theirs)
    mostly = known.mean(0) > _KNOWN
    if steps < _LEAST or not mostly.any():
        return float("nan")
    # a point that isn't seen moves as it does on average, and says nothing
    ours, theirs = (np.where(known, each, np.nan)[:, mostly] for each in (ours, theirs))
    ours, theirs = (np.where(np.isnan(each), np.nanmean(each, 0), each) for each in (ours, theirs))
    scores = np.full(2 * reach + 3, -np.inf)
    for shift in range(-reach, reach + 1):
        late = ours[max(shift, 0) : steps + min(shift, 0)]
        early = theirs[max(-shift, 0) : steps - max(shift, 0)]
        scores[shift + reach + 1] = _correlation(late, early)
    best = 1 + int(scores[1:-1].argmax())
    before, top, after = scores[best - 1 : best + 2]
    if not (top > _ALIKE and np.isfinite(before) and np.isfinite(after)):
        return float("nan")
    bend = before - 2 * top + after
    return best - reach - 1 + float((before - after) / (2 * bend) if bend < 0 else 0.0)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Mean correlation coefficient over the columns of (T, P); -inf where none varies."""
    one, other = one - one.mean(0), other - other.mean(0)
    power = np.sqrt((one**2).sum(0) * (other**2).sum(0))
    moves = power > 1e-9
    return float(((one * other).sum(0)[moves] / power[moves]).mean()) if moves.any() else -np.inf


def warping_error(pictures: Iterable[np.ndarray]) -> float:
    """Mean squared difference, summed over channels in [0, 1], of each picture from the next one warped back to it
    (Lai et al., 2018), where the flow there and back agrees; the flow is DIS's. NaN for a single picture.

    pictures  (H, W, 3) uint8, of one size
    """
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    errors = []
    before: np.ndarray | None = None
    for picture in pictures:
        if before is not None:
            one, two = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, picture))
            there, back = dis.calc(one, two, None), dis.calc(two, one, None)
            y, x = np.mgrid[: one.shape[0], : one.shape[1]].astype(np.float32)
            places = x + there[..., 0], y + there[..., 1]
            seen = (places[0] >= 0) & (places[0] < x.shape[1] - 1) & (places[1] >= 0) & (places[1] < x.shape[0] - 1)
            returned = there + cv2.remap(back, *places, cv2.INTER_LINEAR)
            seen &= np.linalg.norm(returned, axis=-1) < _AGREE
            warped = cv2.remap(picture, *places, cv2.INTER_LINEAR)
            squared = ((warped.astype(np.float64) - before) ** 2).sum(-1) / 255**2
            if seen.any():
                errors.append(float(squared[seen].mean()))
        before = picture
    return float(np.mean(errors)) if errors else float("nan")
