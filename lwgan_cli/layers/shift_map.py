"""Which piece of a picture continues what is known around a hole: one of a few shifts for each missing pixel.

Shift maps (Pritch et al., ICCV 2009): pieces are chosen so that they meet where they agree, and straight edges, folds
of curtains and boards go on instead of fading out. The shifts worth trying are those that fit what is known around
some part of the hole (He and Sun, ECCV 2012, take the most frequent ones of the whole picture).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from scipy import fft

_CELL = 0.1  # of the longer side: parts of the hole that look for shifts of their own
_EACH, _MOST = 3, 48  # shifts for each part, and for all
_APART = 3  # px between those of one part
_RIM = 3  # px: what is known so near a missing pixel speaks for its shift
_LIKE = 0.03  # weight of what is expected in a hole beside known pixels: no flower pot in the middle of a curtain …
_SURE = 0.3  # … and where all straight lines say the same
_FEWER = 0.7  # of the models: only then it is quicker to go on without the rest
_ROUNDS = 3  # of messages along rows and columns
_UNKNOWN = 1e4  # grey levels²: a model that is missing itself


class Reach(NamedTuple):
    """Where models may lie: how far up or down and sideways, of height and width, and the price of going there, grey
    levels² for the picture's longer side; straight: whether straight edges go on in the hole, see `straight`."""

    most: tuple[float, float]
    price: tuple[float, float]
    straight: bool = False

    def cost(self, shifts: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """(...,) grey levels² of shifts (..., 2) in a picture of this shape."""
        cost: np.ndarray = np.abs(shifts) @ np.array(self.price) / max(shape)
        return cost


ALONG_GROUND = Reach((0.3, 0.7), (300.0, 0.0), straight=True)  # scenes repeat along the ground


def shift_map(
    image: np.ndarray,
    hole: np.ndarray,
    wanted: np.ndarray,
    reach: Reach = ALONG_GROUND,
    trust: np.ndarray | None = None,
) -> np.ndarray:
    """(h, w, 2) int: how far away, in px (y, x), each wanted pixel's model lies; 0 elsewhere.

    image (h, w, 3) float32, grey levels, in the hole what may be expected there; hole (h, w) bool, and what of it is
    wanted; trust (h, w) in [0, 1]: how far that may be expected, None: hardly.
    """
    ys, xs = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    shifts = fitting_shifts(image, hole, wanted, reach)
    weight = np.where(hole, _LIKE if trust is None else np.maximum(_LIKE, _SURE * trust), 1).astype(np.float32)
    models, costs = _models(image, hole, shifts, weight, box)
    costs = np.where(wanted[box], costs + reach.cost(shifts, hole.shape)[:, None, None], 0).astype(np.float32)
    labels = choose_models(models, costs, wanted[box])
    out = np.zeros((*hole.shape, 2), np.int64)
    out[box] = np.where(wanted[box][..., None], shifts[labels], 0)
    return out


def fitting_shifts(image: np.ndarray, hole: np.ndarray, wanted: np.ndarray, reach: Reach) -> np.ndarray:
    """(at most _MOST, 2) int: shifts (y, x), each of which takes some part of what is wanted of the hole to where the
    picture is known, and what is known around that part to its like."""
    most = int(reach.most[0] * hole.shape[0]), int(reach.most[1] * hole.shape[1])
    tried = np.stack(np.meshgrid(*(np.arange(-each, each + 1) for each in most), indexing="ij"), -1)
    price = reach.cost(tried, hole.shape)
    ranked: list[list[np.ndarray]] = [[] for _ in range(_EACH)]
    for misfit in _misfits(image, hole, wanted, most):
        cost = misfit + price
        for rank in range(_EACH):
            best = tried[np.unravel_index(cost.argmin(), cost.shape)]
            ranked[rank].append(best)
            low, high = np.maximum(best + most - _APART, 0), best + most + _APART + 1
            cost[low[0] : high[0], low[1] : high[1]] = np.inf
    chosen: list[np.ndarray] = []
    for shift in (shift for rank in ranked for shift in rank):
        if len(chosen) < _MOST and all(np.abs(shift - other).max() > 1 for other in chosen):
            chosen.append(shift)
    return np.array(chosen)


def _misfits(image: np.ndarray, hole: np.ndarray, wanted: np.ndarray, most: tuple[int, int]) -> Iterator[np.ndarray]:
    """For each wanted part of the hole (2·most[0] + 1, 2·most[1] + 1) grey levels², by shift: how unlike what is known
    around the part that is which the shift takes it to, and for how much of the part nothing is known there.

    Sums of squared differences by correlation, all shifts at once; those beyond the picture meet nothing.
    """
    size = [fft.next_fast_len(side + reach, real=True) for side, reach in zip(hole.shape, most, strict=True)]
    grids = np.ix_(*(np.arange(-reach, reach + 1) for reach in most))

    def planes(share: np.ndarray) -> np.ndarray:
        """(5, h, w): a share of the pixels, their colours, and the sum of these squared."""
        colours = np.where(share[..., None], centred, 0)
        return np.concatenate([share[None], np.moveaxis(colours, -1, 0), (colours**2).sum(-1)[None]]).astype(np.float32)

    centred = image - image[~hole].mean(0)
    there = fft.rfft2(planes(~hole), size)
    rim = (cv2.dilate(wanted.astype(np.uint8), np.ones((2 * _RIM + 1,) * 2, np.uint8)) > 0) & ~hole
    for known, lacking in _parts(wanted, rim):
        here = fft.rfft2(planes(known), size).conj()
        apart = here[4] * there[0] + here[0] * there[4] - 2 * (here[1:4] * there[1:4]).sum(0)
        missing = fft.rfft2(lacking.astype(np.float32), size).conj() * there[0]
        apart, met, found = (fft.irfft2(each, size)[grids] for each in (apart, here[0] * there[0], missing))
        met, apart = np.rint(met), apart.clip(0) / 3
        typical = apart.sum() / max(met.sum(), 1)  # of a known pixel that is taken to where nothing is known
        around = (apart + typical * (known.sum() - met)) / max(known.sum(), 1)
        yield around + _UNKNOWN * (1 - found / lacking.sum())


def _parts(hole: np.ndarray, rim: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Parts of a hole (h, w) bool: what of its rim (h, w) is around each, and of the hole itself, (h, w) bool each."""
    side = max(8, round(_CELL * max(hole.shape)))
    for top in range(0, hole.shape[0], side):
        for left in range(0, hole.shape[1], side):
            lacking, known = np.zeros_like(hole), np.zeros_like(hole)
            part = slice(top, top + side), slice(left, left + side)
            lacking[part] = hole[part]
            wider = _wider(part, _RIM)
            known[wider] = rim[wider]
            if lacking.any():
                yield known, lacking


def _models(
    image: np.ndarray, hole: np.ndarray, shifts: np.ndarray, weight: np.ndarray, box: tuple[slice, slice]
) -> tuple[np.ndarray, np.ndarray]:
    """What each pixel of a box becomes under shifts (K, 2), (K, h, w, 3), and what speaks against it, (K, h, w) grey
    levels²: that nothing is known there, or that it is unlike what is known around the pixel or expected in its place;
    weight (H, W) of each pixel of the image in this."""
    height, width = hole.shape
    wider = _wider(box, _RIM)
    y, x = (each[wider] for each in np.mgrid[:height, :width])
    inner = tuple(slice(each.start - out.start, each.stop - out.start) for each, out in zip(box, wider, strict=True))
    here, weight, side = image[wider], weight[wider], (2 * _RIM + 1,) * 2
    models, costs = [], []
    for dy, dx in shifts:
        inside = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        at = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
        model = image[at]
        rim = cv2.blur(((model - here) ** 2).mean(-1) * weight, side)
        models.append(model[inner])
        costs.append((rim + _UNKNOWN * (~inside | hole[at]))[inner])
    return np.stack(models), np.stack(costs)


def _wider(box: tuple[slice, ...], by: int) -> tuple[slice, ...]:
    """A box that goes `by` px further on each side, but not before the picture begins."""
    return tuple(slice(max(each.start - by, 0), each.stop + by) for each in box)


def choose_models(models: np.ndarray, costs: np.ndarray, hole: np.ndarray, seam: float = 0.0) -> np.ndarray:
    """(h, w) int: the model of each missing pixel for which costs (K, h, w) and what neighbours disagree about are
    least, 0 elsewhere.

    Neighbours of different models (K, h, w, 3) disagree by how far these are from each other at both, in grey levels²,
    and by `seam`. Min-sum belief propagation, in turns along rows and columns (Tappen and Freeman, ICCV 2003); models
    that nobody takes after a round are left out of the next, if these are many.
    """
    colours, costs = models[:, hole], costs[:, hole]
    kept = np.arange(len(models))
    vertical = np.zeros_like(costs)
    along, down = (_links(colours, hole, axis, seam) for axis in (1, 0))
    for left in reversed(range(_ROUNDS)):
        level = _messages(costs + vertical, along)
        vertical = _messages(costs + level, down)
        labels = (costs + level + vertical).argmin(0)
        taken = np.unique(labels)
        if left and len(taken) < _FEWER * len(kept):
            kept, costs, vertical = kept[taken], costs[taken], vertical[taken]
            along, down = ([link.between(taken) for link in links] for links in (along, down))
    out = np.zeros(hole.shape, np.int64)
    out[hole] = kept[labels]
    return out


class _Link(NamedTuple):
    """Neighbours in two lines: numbers (N,) of missing pixels in the first and in the second, and what they disagree
    about, apart (K, K, N), by the models of both."""

    first: np.ndarray
    second: np.ndarray
    apart: np.ndarray

    def between(self, models: np.ndarray) -> _Link:
        """The same neighbours, of some of the models only."""
        return self._replace(apart=self.apart[models[:, None], models])


def _links(colours: np.ndarray, hole: np.ndarray, axis: int, seam: float) -> list[_Link]:
    """From each line of the hole (h, w) bool to the next along an axis; colours (K, P, 3) of its pixels."""
    number = np.moveaxis(np.cumsum(hole).reshape(hole.shape) - 1, axis, 0)
    both = np.moveaxis(hole, axis, 0)
    both = both[:-1] & both[1:]
    links = []
    different = (seam * (1 - np.eye(len(colours), dtype=np.float32)))[..., None]
    for line in np.flatnonzero(both.any(1)):
        first, second = number[line, both[line]], number[line + 1, both[line]]
        at = np.concatenate([colours[:, first], colours[:, second]], -1).swapaxes(0, 1)  # (N, K, 6)
        square = (at**2).sum(-1)
        apart = square[:, :, None] + square[:, None] - 2 * at @ at.swapaxes(1, 2)
        apart = np.ascontiguousarray(np.moveaxis(apart, 0, -1))
        apart /= 3
        apart += different
        links.append(_Link(first, second, apart))
    return links


def _messages(costs: np.ndarray, links: list[_Link]) -> np.ndarray:
    """(K, P): what each pixel hears from both sides along links, of costs (K, P)."""
    heard = np.zeros_like(costs)
    for chain in (links, [_Link(link.second, link.first, link.apart) for link in reversed(links)]):
        message = np.zeros_like(costs)
        for first, second, apart in chain:
            told = costs[:, first] + message[:, first]
            least = (told[:, None] + apart).min(0)
            message[:, second] = least - least.min(0)
        heard += message
    return heard
