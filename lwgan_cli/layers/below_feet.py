"""Shadows and mirror images below the feet on ground that isn't plain: left in a plate, they would stay there."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.graph_cut import disk

_SIDE = 160  # px, the person's longer side at which they are looked for
# Of that side:
_ABOVE, _BELOW = 0.05, 0.35  # … so far above both feet and below them; most of one lies no higher than the lower foot
_BESIDE = 0.15  # … and so far to their sides; the ground …
_GROUND = 0.3  # … that goes on for so much further tells what is usual
_LEAST_GROUND = 8  # px of a row that are known of it, on either side
_DIM = 0.06  # darker than the ground in the same row by less than this is none …
_STANDS_OUT = 3.0  # … or by fewer times than what most of the ground differs from its row's mean
_SIDES = 0.15  # share of its brightness by which the ground to both sides may differ in a row: more are other things
_UNEVEN = 0.1  # share of its brightness by which most of the ground may differ: more tells nothing
_TINT, _AMBIENT = 0.05, 0.6  # they dim all colours alike, to so much, or that share of how much they do
_DARK = 0.7  # darker than the ground by more is a thing
_FEW = 20  # px that one has at least


def below_feet(rgb: np.ndarray, hole: np.ndarray, feet: np.ndarray) -> np.ndarray:
    """(H, W) bool: what hangs together with the hole below somebody's feet, is darker than the ground to both sides of
    it, and ends before that.

    rgb (H, W, 3) uint8; hole (H, W) bool, the person with their soft rim; feet (H, W) bool, the lower ends of the legs
    """
    height, width = hole.shape
    nothing = np.zeros(hole.shape, bool)
    ys, xs = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    if not feet.any() or feet[-1].any():  # legs that go on below the picture have no feet in it
        return nothing
    longer = float(max(np.ptp(ys), np.ptp(xs))) + 1
    shrink = min(1.0, _SIDE / longer)
    longer, size = longer * shrink, (round(width * shrink), round(height * shrink))
    if min(size) < 16:
        return nothing
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) + 1
    inside = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    rows, columns = np.nonzero(cv2.resize(feet.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0)
    top, low = rows.min() - round(_ABOVE * longer), rows.max() + round(_BELOW * longer)
    left, right = columns.min() - round(_BESIDE * longer), columns.max() + round(_BESIDE * longer)
    far = round(_GROUND * longer)
    top, start = max(top, 0), max(left - far, 0)
    part = slice(top, low + 1), slice(start, right + far + 1)
    found = np.zeros_like(inside)
    found[part] = _darker(small[part], inside[part], left - start, right - start, rows.max() - _ABOVE * longer - top)
    grown = cv2.dilate(found.astype(np.uint8), disk(2)).astype(np.float32)
    return np.asarray(cv2.resize(grown, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5)


def _darker(ground: np.ndarray, inside: np.ndarray, left: int, right: int, above: float) -> np.ndarray:
    """(h, w) bool: pieces of the ground (h, w, 3) from 1 on, between columns left and right, that begin at what is
    `inside` (h, w) and are darker than what lies in the same rows to both sides; their middle not `above` that row."""
    nothing = np.zeros_like(inside)
    known = (~inside).astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(known, (0, 0), 1.0), 1e-6)[..., None]
    smooth = cv2.GaussianBlur(ground * known[..., None], (0, 0), 1.0) / share
    columns = np.arange(ground.shape[1])
    (first, enough), (second, as_well) = (_level(smooth, ~inside & side) for side in (columns < left, columns > right))
    both = (enough & as_well)[:, None] & ~inside
    beside = both & ((columns < left) | (columns > right))
    if not beside.any():
        return nothing
    middles = left / 2, (right + ground.shape[1]) / 2
    along = np.clip((columns - middles[0]) / (middles[1] - middles[0]), 0, 1)[:, None]
    ratio = smooth / (first[:, None] * (1 - along) + second[:, None] * along)
    dimmed = 1 - ratio.mean(-1)
    uneven = float(np.percentile(np.abs(dimmed[beside]), 75))
    if uneven > _UNEVEN:
        return nothing
    dark = both & ~beside & (dimmed > max(_DIM, _STANDS_OUT * uneven))
    dark &= np.ptp(ratio, axis=-1) < np.maximum(_TINT, _AMBIENT * dimmed)
    _, pieces, stats, middle = cv2.connectedComponentsWithStats(dark.astype(np.uint8))
    touching = np.unique(pieces[cv2.dilate(inside.astype(np.uint8), disk(1)) > 0])
    ends = np.unique(pieces[:, [left, right]])
    fit = np.flatnonzero((stats[:, cv2.CC_STAT_AREA] >= _FEW) & (middle[:, 1] > above))
    unlike = 2 * np.abs(first - second).mean(1) / (first + second).mean(1)
    found = nothing
    for piece in np.setdiff1d(np.intersect1d(touching, fit), [0, *ends]):
        where = pieces == piece
        if np.percentile(dimmed[where], 90) < _DARK and np.median(unlike[np.nonzero(where)[0]]) < _SIDES:
            found = found | where
    return found


def _level(ground: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h, 3): the colours in the middle of each row's free ones, by brightness, of ground (h, w, 3) and free (h, w)
    bool, 1 where there are none; and (h,) bool, whether these are enough."""
    rows, count = np.arange(len(ground)), free.sum(1)
    ranked = np.where(free, ground.mean(-1), np.inf).argsort(1)
    level = ground[rows, ranked[rows, np.maximum(count - 1, 0) // 2]]
    return np.where(count[:, None] > 0, level, 1), count >= _LEAST_GROUND
