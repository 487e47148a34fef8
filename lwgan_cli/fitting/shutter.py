"""How long a clip's shutter was open, told by how far what moves fast is smeared along its way.

A smear takes detail along the motion and leaves it across. The person is painted with sharp colours, smeared by
different lengths, and compared with the real frames in that one number, detail along over detail across, which
neither an error of some px nor the detail of the clothes changes much.
"""

from __future__ import annotations

import cv2
import numpy as np

SHARES = tuple(step / 8 for step in range(9))  # of the time between frames that are tried
LEAST_SPEED = 2.0  # px a frame, from which a smear can be told …
MOST_SPEED = 24.0  # … and beyond which nothing is left of what is smeared
LEAST_PIXELS = 2000  # in which one misplaced edge, the hem of shorts on a plain leg, isn't most of the detail
LEAST_FRAMES, LEAST_SHARE = 3, 0.7  # that tell anything, and of frames that could
SIGMA, ALIKE = 3.0, 20.0  # px, and levels of 255: colours apart by more over such a spot are no smear of one another
AGREED = 25  # percentile of what single frames tell: a smear too many is worse than one too few …
SPREAD = 1.0  # … and by so many deviations they may disagree
TAPS = 7


def open_share(made: np.ndarray, known: np.ndarray, pictures: np.ndarray, velocity: np.ndarray) -> float:
    """The share of the time between two frames that the shutter was open, in [0, 1]; 0 where too little moves to tell.

    made      (T, S, S, 3) uint8, the person as a sharp picture would show them
    known     (T, S, S) bool, where that is so
    pictures  (T, S, S, 3) uint8, the real frames
    velocity  (T, S, S, 2) px a frame at each pixel of the person
    """
    shares, told = [], 0
    for painted, inside, real, moved in zip(made, known, pictures, velocity, strict=True):
        speed = np.linalg.norm(moved, axis=-1)
        # far enough from where the painted person ends that no smear reaches beyond
        room = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3) - speed / 2
        used = (room > 3) & (speed > LEAST_SPEED) & (speed < MOST_SPEED)
        if used.sum() < LEAST_PIXELS:
            continue
        told += 1
        alike = _alike(painted, real, inside)
        used &= alike
        if used.sum() < LEAST_PIXELS:
            continue
        painted = np.where(alike[..., None], painted, real)  # nothing strange is smeared into what is used
        way = moved[used] / speed[used][:, None]
        box = _box(used)
        used = used[box]
        smeared = (_smeared(painted, moved * share, box) for share in SHARES)
        along = np.array([_along(picture, used, way) for picture in smeared])
        left = _along(real[box], used, way)
        if left < along.min():  # less than any shutter leaves: something else took the detail, or it never was there
            continue
        # np.interp wants rising places: less detail is a longer smear
        shares.append(np.interp(-left, -np.minimum.accumulate(along), SHARES))
    enough = max(LEAST_FRAMES, LEAST_SHARE * told)
    if len(shares) < enough:
        return 0.0
    return max(0.0, float(min(np.percentile(shares, AGREED), np.mean(shares) - SPREAD * np.std(shares))))


def _alike(painted: np.ndarray, real: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(S, S) bool: where the painted person, known `inside` (S, S), has the colours of the real one on the whole."""
    weights = inside.astype(np.float32)
    total = np.maximum(cv2.GaussianBlur(weights, (0, 0), SIGMA), 1e-3)
    apart = (painted.astype(np.float32) - real) * weights[..., None]
    return (np.abs(cv2.GaussianBlur(apart, (0, 0), SIGMA)).max(-1) / total) < ALIKE


def _box(used: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of pixels `used` (S, S) and those beside them, which tell slopes."""
    inside = cv2.dilate(used.astype(np.uint8), np.ones((3, 3), np.uint8))
    left, top, width, height = cv2.boundingRect(inside)
    return slice(top, top + height), slice(left, left + width)


def _smeared(picture: np.ndarray, way: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
    """A box of a picture (S, S, 3) uint8: the mean along each pixel's way (S, S, 2) px."""
    down, across = np.mgrid[box].astype(np.float32)
    x, y = np.moveaxis(way[box].astype(np.float32), -1, 0)
    total = np.zeros((*across.shape, 3), np.float32)
    for tap in np.linspace(-0.5, 0.5, TAPS, dtype=np.float32):
        total += cv2.remap(picture, across + tap * x, down + tap * y, cv2.INTER_LINEAR)
    return np.rint(total / TAPS).astype(np.uint8)


def _along(picture: np.ndarray, used: np.ndarray, way: np.ndarray) -> float:
    """Energy of the slope of brightness along the way (N, 2), unit vectors, over that across it, in pixels `used`."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    slope = np.stack([cv2.Sobel(grey, cv2.CV_32F, 1, 0)[used], cv2.Sobel(grey, cv2.CV_32F, 0, 1)[used]], 1)
    along = (slope * way).sum(1)
    across = slope[:, 1] * way[:, 0] - slope[:, 0] * way[:, 1]
    return float((along**2).sum() / max((across**2).sum(), 1e-6))
