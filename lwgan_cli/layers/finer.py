"""Shift maps taken to a larger size: pieces found at a small one are moved to where their edges meet those around them.

A px of the size at which pieces are looked for is several of the photo, and so far a board or the line between wall and
floor would jump where two of them meet.
"""

from __future__ import annotations

import itertools
import math
from functools import partial

import cv2
import numpy as np
from scipy.ndimage import find_objects

_BAND = 1.5  # px of the smaller size: so far around a piece it is compared with what lies there
_MADE_UP = 0.3  # weight of what is made up of it, beside what is known
_SAMPLES = 400  # px of it that are looked at, at most
_FEW = 0.005  # of a hole: a smaller piece stays
_KNOWN = 0.5  # of what is compared
_GAIN = 0.95  # of the squared difference that may remain, or a piece stays


def pieces_of(offsets: np.ndarray, hole: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(K, 2) int shifts that a hole (h, w) bool takes in a picture of another shape (H, W), and (H, W) int which of
    them each pixel does; outside the hole the nearest pixel's.

    offsets (h, w, 2) int: the hole's shift map
    """
    taken = offsets[hole]
    _, first, which = np.unique(taken @ [2 * np.abs(taken).max() + 1, 1], return_index=True, return_inverse=True)
    labels = np.zeros(hole.shape, np.int64)
    labels[hole] = which
    labels = labels.ravel()[nearest(hole)]
    rows, columns = (np.arange(side) * few // side for side, few in zip(shape, hole.shape, strict=True))
    return np.rint(taken[first] * (np.array(shape) / hole.shape)).astype(np.int64), labels[rows[:, None], columns]


def rounded(labels: np.ndarray, hole: np.ndarray, by: float) -> np.ndarray:
    """(H, W) int: labels of a hole (H, W) bool whose pieces have lost the corners that px of a smaller size gave them.

    by: standard deviation, px, of what is looked at around each pixel, which takes the label that most of it has
    """
    ys, xs = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    margin = math.ceil(by)
    box = tuple(slice(max(0, each[0] - margin), each[-1] + margin + 1) for each in (ys, xs))
    part, out = labels[box], labels.copy()
    most = np.full(part.shape, -1, np.float32)
    for label in np.unique(part):
        share = cv2.GaussianBlur((part == label).astype(np.float32), (0, 0), by)
        more = share > most
        most[more], out[box][more] = share[more], label
    return out


def nearest(valid: np.ndarray) -> np.ndarray:
    """(h, w) int: flat indices of the nearest pixels where `valid` (h, w) is true."""
    _, labels = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    where = np.zeros(labels.max() + 1, np.int64)
    where[labels[valid]] = np.flatnonzero(valid)
    return np.asarray(where[labels])


def aligned(image: np.ndarray, hole: np.ndarray, shifts: np.ndarray, labels: np.ndarray, coarse: float) -> np.ndarray:
    """(K, 2) int: shifts changed by up to about `coarse` px each, those of the largest pieces first, to where these are
    most like what is around them.

    image (h, w, 3) float32; hole (h, w) bool; shifts (K, 2) int (y, x); labels (h, w) int, the shift of each pixel in
    the hole
    """
    span, band = math.ceil(coarse), max(2, round(_BAND * coarse))
    labels, shifts = np.where(hole, labels, -1), shifts.copy()
    canvas, weight = image.copy(), (~hole).astype(np.float32)

    def lay(places: np.ndarray, shift: np.ndarray) -> None:
        """Pixels (N, 2) of the hole as a shift (2,), or those of each (N, 2), makes them."""
        ys, xs = places.T
        canvas[ys, xs], found = _read(image, hole, ys + shift[..., 0], xs + shift[..., 1])
        weight[ys, xs] = _MADE_UP * found

    lay(np.argwhere(hole), shifts[labels[hole]])
    every_other = range(-2 * (span // 2), span + 1, 2)
    kernel, boxes, sizes = np.ones((2 * band + 1,) * 2, np.uint8), find_objects(labels + 1), np.bincount(labels[hole])
    for piece in sizes.argsort()[::-1]:
        if sizes[piece] < _FEW * sizes.sum():
            break
        box = tuple(slice(max(each.start - band, 0), each.stop + band) for each in boxes[piece])
        corner, mine = np.array([each.start for each in box]), labels[box] == piece
        around = np.argwhere((cv2.dilate(mine.astype(np.uint8), kernel) > 0) & ~mine & (weight[box] > 0))
        if not len(around):
            continue
        ys, xs = (around[:: max(1, len(around) // _SAMPLES)] + corner).T
        unlike = partial(
            _unlike, image, hole, (ys + shifts[piece, 0], xs + shifts[piece, 1]), canvas[ys, xs], weight[ys, xs]
        )
        cost = {(dy, dx): unlike(dy, dx) for dy in every_other for dx in every_other}
        best = min(cost, key=cost.__getitem__)
        beside = itertools.product(*(range(each - 1, each + 2) for each in best))
        cost |= {(dy, dx): unlike(dy, dx) for dy, dx in beside if (dy, dx) not in cost}
        best = min(cost, key=cost.__getitem__)
        if cost[best] < _GAIN * cost[0, 0]:
            shifts[piece] += best
            lay(np.argwhere(mine) + corner, shifts[piece])
    return shifts


def _read(image: np.ndarray, hole: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) colours at places, the nearest in the picture, and (N,) bool whether they are known."""
    height, width = hole.shape
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    return image[y, x], inside & ~hole[y, x]


def _unlike(
    image: np.ndarray, hole: np.ndarray, at: tuple[np.ndarray, np.ndarray], target: np.ndarray, weight: np.ndarray,
    dy: int, dx: int,
) -> float:  # fmt: skip
    """Grey levels² between what lies (dy, dx) from places `at`, (N,) each, and a target (N, 3) of weight (N,); more
    where some of it isn't known, infinite where most isn't."""
    colours, found = _read(image, hole, at[0] + dy, at[1] + dx)
    share = float(weight[found].sum() / weight.sum())
    if share < _KNOWN:
        return math.inf
    apart = ((colours - target)[found] ** 2).mean(-1)
    return float(np.average(apart, weights=weight[found])) * (2 - share)
