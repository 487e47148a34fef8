"""The soft shadow that a person casts on a plain backdrop: left in a plate, it would stand there without them."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.layers.push_pull import push_pull

_SIDE = 320  # px, the longer side at which shadows are looked for
_REACH = 0.16, 0.32, 0.5  # of the person's longer side: so far from them shadows go, that of the head the furthest
_LEAST = 0.1, 0.03, 0.03  # share of the picture that must be further off, to tell what the backdrop is
_DIM = 0.015  # darker than the backdrop by less than this is none …
_DARK = 0.5  # … and by more an object
_TINT, _AMBIENT = 0.05, 0.3  # a shadow dims all colours alike, or nearly: to so much, or that share of how much it does
_UNEVEN = 3  # times what most of the backdrop differs from its surroundings: less may be a part of it
_PLAIN = 0.03  # median roughness of a backdrop on which soft shadows show, relative to its brightness


def soft_shadow(rgb: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels beside a hole that are darker than the plain backdrop further off, and as smooth.

    rgb (H, W, 3) uint8; hole (H, W) bool, the person with their soft rim. Nothing where the backdrop isn't plain.
    """
    height, width = hole.shape
    nothing = np.zeros(hole.shape, bool)
    ys, xs = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    shrink = min(1.0, _SIDE / max(height, width))
    size = (round(width * shrink), round(height * shrink))
    if not len(ys) or min(size) < 16:
        return nothing
    longer = shrink * float(max(np.ptp(ys), np.ptp(xs)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) + 1
    inside = cv2.resize(hole.astype(np.uint8), size, interpolation=cv2.INTER_LINEAR) > 0
    found = np.zeros_like(inside)
    for share, least in zip(_REACH, _LEAST, strict=True):
        shadow, on_edge = _within_reach(small, inside, max(2, round(share * longer)), least)
        found |= _touching(shadow, inside | found)
        if not on_edge:
            break
    if found.any():
        found |= specks(~(found | inside), (_REACH[0] * longer / 2) ** 2)  # too little of a backdrop to stay
    return cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5


def _within_reach(small: np.ndarray, inside: np.ndarray, reach: int, least: float) -> tuple[np.ndarray, bool]:
    """(h, w) bool: shadow of what is `inside` (h, w) bool in a picture (h, w, 3) from 1 on, at most `reach` px away,
    and whether it goes on there; none where less than `least` of the picture is further off."""
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    far, near = distance > reach, (distance > 0) & (distance <= reach)
    if far.sum() < least * far.size or not near.any():
        return np.zeros_like(inside), False
    known = (~inside).astype(np.float32)

    def around(values: np.ndarray, size: int) -> np.ndarray:
        """Means of what is known of values (h, w) or (h, w, 3): beside the person not theirs, nor what is behind."""
        weight = known if values.ndim == 2 else known[..., None]
        means = cv2.blur(values * weight, (size, size)) / np.maximum(cv2.blur(known, (size, size)), 1e-6).reshape(
            weight.shape
        )
        return np.asarray(means)

    smooth = around(small, 5)
    backdrop = cv2.GaussianBlur(push_pull(small, far.astype(np.float32)), (0, 0), reach / 2)
    rough = np.abs(small / np.maximum(smooth, 1) - 1).max(-1)
    share = smooth / backdrop
    plain = around(rough, 9) < _PLAIN
    dimmed = 1 - share.mean(-1)
    darker = (
        near & plain & (dimmed > _DIM) & (smooth.mean(-1) < (1 - _DIM) * _row_levels(small.mean(-1), distance)[:, None])
    )
    shadow = darker & (dimmed < _DARK) & (np.ptp(share, axis=-1) < np.maximum(_TINT, _AMBIENT * dimmed))
    shadow &= _deeper(shadow, dimmed, _UNEVEN * float(np.percentile(np.abs(dimmed[far]), 75)))
    shadow = _touching(shadow, inside)
    # next to the person it is darkest, and takes on their colours
    closed = cv2.morphologyEx((shadow | inside).astype(np.uint8), cv2.MORPH_CLOSE, disk(reach // 3))
    shadow |= (closed > 0) & darker
    grown = (cv2.dilate(shadow.astype(np.uint8), disk(4)) > 0) & ~far
    return grown, bool((shadow & (distance > 0.9 * reach)).any())


def _touching(shadow: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(h, w) bool: pieces of shadow (h, w) that reach what is `inside` (h, w)."""
    _, pieces = cv2.connectedComponents((shadow | inside).astype(np.uint8))
    return np.asarray(shadow & np.isin(pieces, np.unique(pieces[inside])))


def _deeper(shadow: np.ndarray, dimmed: np.ndarray, than: float) -> np.ndarray:
    """(h, w) bool: pieces of shadow (h, w) that are mostly dimmed (h, w) by more `than` so much."""
    _, pieces = cv2.connectedComponents(shadow.astype(np.uint8))
    return np.asarray(np.isin(pieces, [p for p in np.unique(pieces[shadow]) if np.median(dimmed[pieces == p]) > than]))


def specks(known: np.ndarray, least: float) -> np.ndarray:
    """(h, w) bool: pieces of what is known, (h, w) bool, of less than `least` px."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(known.astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < least
    small[0] = False
    return np.asarray(small[pieces])


def _row_levels(brightness: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(h,) what most of the quarter of each row that is furthest from the person, distance (h, w), exceed in brightness
    (h, w); 0 where the person fills the row. A floor that darkens towards the viewer is no shadow."""
    levels = np.zeros(len(distance))
    for row in np.flatnonzero(distance.any(1)):
        free = distance[row] > 0
        furthest = distance[row] >= np.percentile(distance[row][free], 75)
        levels[row] = np.percentile(brightness[row][furthest], 25)
    return levels
