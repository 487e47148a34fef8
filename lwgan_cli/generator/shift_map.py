"""Which piece of a picture continues what is known around a hole: one of a few shifts for each missing pixel.

Shift maps (Pritch et al., ICCV 2009): pieces are chosen so that they meet where they agree, and straight edges, folds
of curtains and boards go on instead of fading out. The shifts worth trying are those that fit what is known around
some part of the hole (He and Sun, ECCV 2012, take the most frequent ones of the whole picture).
"""

from __future__ import annotations

import cv2
import numpy as np

_CELL = 0.08  # of the longer side: parts of the hole that look for shifts of their own
_EACH, _MOST = 3, 32  # shifts for each part, and for all
_STEP = 3  # px between the shifts that are tried at first
_REACH = (0.3, 0.7)  # how far up or down and sideways they go, of height and width
_SAMPLES = 100  # known and missing pixels of a part that are looked at
_RIM = 3  # px: what is known so near a missing pixel speaks for its shift
_LIKE = 0.03  # weight of smooth colours in a hole beside known ones: no flower pot in the middle of a curtain
_ROUNDS = 3  # of messages along rows and columns
_UNKNOWN = 1e4  # grey levels²: a model that is missing itself


def shift_map(image: np.ndarray, hole: np.ndarray, price: float) -> np.ndarray:
    """(h, w, 2) int: how far away, in px (y, x), each missing pixel's model lies; 0 outside the hole.

    image (h, w, 3) float32, grey levels, in the hole what may be expected there; hole (h, w) bool; price: grey levels²
    per px of vertical shift.
    """
    ys, xs = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    shifts = fitting_shifts(image, hole, price)
    models, costs = _models(image, hole, shifts)
    costs = np.where(hole, costs + price * np.abs(shifts[:, 0])[:, None, None], 0).astype(np.float32)
    labels = _labels(models[:, box[0], box[1]], costs[:, box[0], box[1]], hole[box])
    out = np.zeros((*hole.shape, 2), np.int64)
    out[box] = np.where(hole[box][..., None], shifts[labels], 0)
    return out


def fitting_shifts(image: np.ndarray, hole: np.ndarray, price: float) -> np.ndarray:
    """(at most _MOST, 2) int: shifts (y, x), each of which takes some part of the hole to where the picture is known,
    and what is known around that part to its like."""
    most = [int(reach * side / _STEP) for reach, side in zip(_REACH, hole.shape, strict=True)]
    grids = [_STEP * np.arange(-steps, steps + 1) for steps in most]
    tried = np.stack(np.meshgrid(*grids, indexing="ij"), -1).reshape(-1, 2)
    near = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij"), -1).reshape(-1, 2)
    ranked: list[list[np.ndarray]] = [[] for _ in range(_EACH)]
    for known, lacking in _parts(hole):
        costs = _misfit(image, hole, known, lacking, tried, price)
        for rank in range(_EACH):
            finer = tried[costs.argmin()] + near
            ranked[rank].append(finer[_misfit(image, hole, known, lacking, finer, price).argmin()])
            costs[np.abs(tried - ranked[rank][-1]).max(1) <= _STEP] = np.inf
    chosen: list[np.ndarray] = []
    for shift in (shift for rank in ranked for shift in rank):
        if len(chosen) < _MOST and all(np.abs(shift - other).max() > 1 for other in chosen):
            chosen.append(shift)
    return np.array(chosen)


def _parts(hole: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parts of a hole (h, w) bool: known pixels (N, 2) around each, and missing ones (M, 2) of it, some of them."""
    rim = (cv2.dilate(hole.astype(np.uint8), np.ones((2 * _RIM + 1,) * 2, np.uint8)) > 0) & ~hole
    side = max(8, round(_CELL * max(hole.shape)))
    random = np.random.default_rng(0)
    parts = []
    for top in range(0, hole.shape[0], side):
        for left in range(0, hole.shape[1], side):
            lacking = np.argwhere(hole[top : top + side, left : left + side]) + np.array([top, left])
            low = np.maximum([top - _RIM, left - _RIM], 0)
            known = np.argwhere(rim[low[0] : top + side + _RIM, low[1] : left + side + _RIM]) + low
            if len(lacking):
                parts.append((random.permutation(known)[:_SAMPLES], random.permutation(lacking)[:_SAMPLES]))
    return parts


def _misfit(
    image: np.ndarray, hole: np.ndarray, known: np.ndarray, lacking: np.ndarray, shifts: np.ndarray, price: float
) -> np.ndarray:
    """(K,) grey levels²: how unlike known pixels (N, 2) those are that shifts (K, 2) take them to, and for how many of
    the missing ones (M, 2) nothing is known there; and the price of going up or down."""

    def moved(places: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        at = places + shifts[:, None]
        inside = ((at >= 0) & (at < hole.shape)).all(-1)
        y, x = np.moveaxis(np.where(inside[..., None], at, 0), -1, 0)
        return (y, x), ~inside | hole[y, x]

    cost = _UNKNOWN * moved(lacking)[1].mean(1) + price * np.abs(shifts[:, 0])
    if len(known):
        at, nothing = moved(known)
        apart = ((image[at] - image[known[:, 0], known[:, 1]]) ** 2).mean(-1)
        cost += np.where(nothing, apart[~nothing].mean() if not nothing.all() else 0, apart).mean(1)
    return cost


def _models(image: np.ndarray, hole: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each pixel becomes under shifts (K, 2), (K, h, w, 3), and what speaks against it, (K, h, w) grey levels²:
    that nothing is known there, or that it is unlike what is known around the pixel, or expected in its place."""
    height, width = hole.shape
    y, x = np.mgrid[:height, :width]
    weight, side = np.where(hole, _LIKE, 1).astype(np.float32), (2 * _RIM + 1,) * 2
    models, costs = [], []
    for dy, dx in shifts:
        inside = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        at = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
        models.append(image[at])
        rim = cv2.blur(((models[-1] - image) ** 2).mean(-1) * weight, side)
        costs.append(rim + _UNKNOWN * (~inside | hole[at]))
    return np.stack(models), np.stack(costs)


def _labels(models: np.ndarray, costs: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """(h, w) int: the model of each pixel for which costs (K, h, w) and what neighbours disagree about are least.

    Neighbours of different models disagree by how far these are from each other at both. Min-sum belief propagation,
    in turns along rows and columns (Tappen and Freeman, ICCV 2003); nothing passes through what is known.
    """
    apart = np.square(models[:, None] - models).mean(-1).astype(np.float32)  # (K, K, h, w)
    vertical = np.zeros_like(costs)
    for _ in range(_ROUNDS):
        level = _messages((costs + vertical).swapaxes(-2, -1), apart.swapaxes(-2, -1), hole.T).swapaxes(-2, -1)
        vertical = _messages(costs + level, apart, hole)
    return np.asarray((costs + level + vertical).argmin(0))


def _messages(costs: np.ndarray, apart: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """What each pixel hears from both sides along axis -2 of costs (K, n, m); apart (K, K, n, m), hole (n, m)."""
    heard = np.zeros_like(costs)
    for rows in (range(costs.shape[1] - 1), range(costs.shape[1] - 1, 0, -1)):
        message = np.zeros_like(costs[:, 0])
        for row in rows:
            after = row + rows.step
            told = costs[:, row] + message
            message = (told[:, None] + apart[:, :, row] + apart[:, :, after]).min(0)
            message = np.where(hole[row] & hole[after], message - message.min(0), 0)
            heard[:, after] += message
    return heard
