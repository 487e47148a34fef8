"""The garment that covers a person's thighs, in the strip of their legs: its pixels, by their colours, its hem, its
sides, and whether it has a crease between the legs."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import median_filter
from scipy.spatial import cKDTree

from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.texture.leg_strip import ABOVE, Strip
from lwgan_cli.texture.skin_tone import Tone, to_lab

LIGHT = 0.6  # how much a difference in brightness counts against one in colour
CLOTH = (-0.02, 0.06)  # m below the crotch that show the garment for sure
SAMPLES, NEAR, FEW = 1000, 4, 50
CLIP = 20.0  # Lab: what differs more differs wholly
SKIN = 0.5  # likeness from which a colour is skin
HAND = 0.03  # m around a fitted arm where anything may be
APART, OWN = 5.0, 4.0  # Lab between the garment and the leg below; within which a colour is the garment's own
OPEN = 0.006  # m beside a garment's colours that the background begins in, where its side is seen …
CUT = 0.02  # … and beside it that lie in the picture
CREASE, DEEP = 8.0, 1.6  # Lab, and times the deepest fold beside it: where two legs of shorts meet
MOTTLED = 0.02  # m of other colours that a garment's pattern has
ALONG = 0.02  # m to the side, where a hem that isn't level is less far up
SLIT = 0.02  # m of a row that a mask lacks where cloth is sheer, and the background shows through it


def cloth_of(
    strip: Strip, tone: Tone | None, above: slice, below: slice
) -> tuple[np.ndarray | None, np.ndarray, float]:
    """(h, w) bool: pixels of the garment that covers the thighs, arms before it among them, None where too little of it
    is seen; (h, w) bool: those that have its colours, as the rows `above` show them; and how far these are from those
    of the legs below, Lab, which the rows `below` show."""
    legs = strip.legs[0] | strip.legs[1]
    core = cv2.erode(legs.astype(np.uint8), disk(strip.px(0.01))) > 0
    arms = cv2.dilate(strip.arms.astype(np.uint8), disk(strip.px(HAND))) > 0
    shown = core & strip.person & ~arms
    thighs, shanks = np.zeros_like(shown), np.zeros_like(shown)
    thighs[above] = shown[above]
    shanks[below] = shown[below]
    if min(np.count_nonzero(thighs), np.count_nonzero(shanks)) < FEW:
        return None, np.zeros_like(shown), 0.0
    lab = to_lab(strip.rgb.astype(np.float32)) * np.array([LIGHT, 1, 1], np.float32)
    where = strip.person.copy()
    where[: max(0, strip.crotch - strip.px(ABOVE))] = False
    apart = np.zeros(where.shape, np.float32)
    apart[where] = own = _away(lab[thighs], lab[where])
    legs_apart = float(np.median(apart[shanks]))
    bare = shanks & (apart > APART)  # the hem may reach into these rows
    other = _away(lab[bare if np.count_nonzero(bare) >= FEW else shanks], lab[where])
    lead = np.full(where.shape, -CLIP, np.float32)
    lead[where] = np.clip(other - own, -CLIP, CLIP)
    if tone is not None:
        like = np.zeros(where.shape)
        like[where] = tone.likeness(strip.rgb[where])
        if np.median(like[thighs]) < SKIN:
            lead = np.where((like > SKIN) & (apart > OWN), np.minimum(lead, -CLIP / 2), lead).astype(np.float32)
    coloured = (cv2.blur(lead, (3, 3)) > 0) & strip.person
    lead[arms & strip.person] = 0
    found = ((cv2.blur(lead, (3, 3)) > 0) & strip.person) | (arms & strip.person)
    smooth = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, disk(strip.px(0.006)))
    smooth = cv2.morphologyEx(smooth, cv2.MORPH_OPEN, disk(strip.px(0.008)))
    _, pieces = cv2.connectedComponents(smooth)
    most = np.bincount(pieces[thighs])
    most[0] = 0
    cloth = pieces == most.argmax() if most.max() > 0 else None
    return cloth, coloured, legs_apart


def mottled_cloth_of(strip: Strip) -> tuple[np.ndarray | None, np.ndarray]:
    """(h, w) bool: the garment that covers the thighs, by its own colours alone, arms before it among it, None where
    too little of it is seen; (h, w) bool: its pixels beside the arms."""
    legs = cv2.erode((strip.legs[0] | strip.legs[1]).astype(np.uint8), disk(strip.px(0.01))) > 0
    arms = cv2.dilate(strip.arms.astype(np.uint8), disk(strip.px(HAND))) > 0
    shown = np.zeros_like(legs)
    shown[strip.rows(*CLOTH)] = (legs & strip.person & ~arms)[strip.rows(*CLOTH)]
    own = np.zeros_like(legs)
    if np.count_nonzero(shown) < FEW:
        return None, own
    where = strip.person.copy()
    where[: max(0, strip.crotch - strip.px(ABOVE))] = False
    lab = to_lab(strip.rgb.astype(np.float32)) * np.array([LIGHT, 1, 1], np.float32)
    own[where] = _away(lab[shown], lab[where]) < APART
    closed = cv2.morphologyEx((own | (arms & where)).astype(np.uint8), cv2.MORPH_CLOSE, disk(strip.px(MOTTLED)))
    closed = cv2.morphologyEx(closed & strip.person, cv2.MORPH_OPEN, disk(strip.px(0.008)))
    _, pieces = cv2.connectedComponents(closed)
    most = np.bincount(pieces[shown])
    most[0] = 0
    if most.max() == 0:
        return None, own
    cloth: np.ndarray = pieces == most.argmax()
    return cloth, cloth & own & ~arms


def _away(samples: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """(N,) how far colours (N, 3) are from those of some samples."""
    if len(samples) > SAMPLES:
        samples = np.random.default_rng(0).choice(samples, SAMPLES, replace=False)
    away: np.ndarray = cKDTree(samples).query(colours, NEAR)[0].mean(1)
    return away


def hem_of(strip: Strip, cloth: np.ndarray) -> np.ndarray:
    """(w,) the row below the garment in each column; NaN where there is none below the crotch."""
    rows = np.arange(len(cloth))[:, None]
    low = np.where(cloth, rows + 1, 0).max(0).astype(float)
    low = median_filter(low, strip.px(0.03) | 1)
    return np.where(low > strip.crotch, low, np.nan)


def sides_of(strip: Strip, cloth: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(h, 2) first and last column of a garment in each row: where its own colours (h, w) bool end with the person,
    and else, behind a hand, where it is sheer, or beside the picture, as the other side goes on and the person
    allows."""
    width, even = cloth.shape[1], strip.px(0.02) | 1
    across = np.ones((1, strip.px(SLIT) | 1), np.uint8)
    person = cv2.morphologyEx(strip.person.astype(np.uint8), cv2.MORPH_CLOSE, across) > 0
    sides, hem = [strip.cover, strip.within, person, cloth, cloth & own], hem_of(strip, cloth & own)
    left, leftmost = _left(strip, hem, *sides)
    right, rightmost = _left(strip, hem[::-1], *(each[:, ::-1] for each in sides))
    left, right = _evened(left, even), _evened(width - right, even)
    if np.isnan(left).all() or np.isnan(right).all():
        left, right = np.fmin(left, 2 * strip.axes.mean(1) - right), np.fmax(right, 2 * strip.axes.mean(1) - left)
    whole = np.fmax(_gone_on(left, right), leftmost), np.fmin(_gone_on(right, left), width - rightmost)
    return np.stack(whole, 1)


def _left(
    strip: Strip, hem: np.ndarray, cover: np.ndarray, within: np.ndarray, person: np.ndarray, cloth: np.ndarray,
    own: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(h,) the column where a garment ends to the left and the person with it, NaN where a hand goes on or hides it, or
    the picture ends, or where it is the hem that ends there; and (h,) that where the person ends, of the garment's
    rows, NaN where the picture does, or the hem.

    hem (w,) rows; cover (h, w) in [0, 1]; within the picture, person, cloth, arms before it included, and what of it
    has its own colours (h, w) bool
    """
    ends, most = np.full(len(own), np.nan), np.full(len(own), np.nan)
    for row in np.flatnonzero(cloth.any(1)):
        first = int(own[row].argmax())
        if abs(row - hem[max(0, first - strip.px(ALONG))]) < strip.px(ALONG):
            break
        last = run_near(person[row], first)[0]
        if not within[row, max(0, last - strip.px(CUT))]:
            continue
        most[row] = last
        if own[row, first] and not person[row, max(0, first - strip.px(OPEN)) : first].all():
            ends[row] = _edge(strip, cover[row], first)
    return ends, most


def _edge(strip: Strip, cover: np.ndarray, first: int) -> float:
    """Where a person's edge lies in a row of the strip, cover (w,) in [0, 1], just before the first pixel of a garment;
    that pixel's own edge where the person goes on."""
    for at in range(first, max(0, first - strip.px(0.01)), -1):
        inside, outside = float(cover[at]), float(cover[at - 1])
        if outside <= 0.5 < inside:
            return at - 0.5 + (0.5 - outside) / (inside - outside)
    return float(first)


def _evened(side: np.ndarray, size: int) -> np.ndarray:
    """(h,) columns with their outliers taken out; NaN stays."""
    known, out = np.flatnonzero(np.isfinite(side)), side.copy()
    if len(known):
        out[known] = median_filter(side[known], size)
    return out


def _gone_on(side: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(h,) columns of one side, known everywhere: evenly between known rows, and beyond the last of these as much wider
    as the other side (h,) is there."""
    known, rows = np.flatnonzero(np.isfinite(side)), np.arange(len(side))
    if not len(known):
        return side
    out = np.interp(rows, known, side[known])
    both = np.flatnonzero(np.isfinite(other))
    if len(both):
        wider = np.interp(rows, both, other[both])
        out -= np.where(rows > known[-1], wider - wider[known[-1]], 0)
        out -= np.where(rows < known[0], wider - wider[known[0]], 0)
    return out


def creased(strip: Strip, cloth: np.ndarray, row: int) -> bool:
    """Whether the deepest fold lies in the middle: two legs meet there."""
    reach, light = strip.px(0.08), to_lab(strip.rgb.astype(np.float32))[..., 0]
    rows = np.arange(strip.crotch + strip.px(0.02), row - strip.px(0.01))
    columns = np.rint(strip.axes.mean(1)[rows, None]).astype(int) + np.arange(-reach, reach + 1)
    columns = columns.clip(0, cloth.shape[1] - 1)
    inside = cloth[rows[:, None], columns]
    mean = (light[rows[:, None], columns] * inside).sum(0) / np.maximum(inside.sum(0), 1)
    dark = median_filter(mean, reach | 1) - mean
    middle = np.abs(np.arange(-reach, reach + 1)) <= strip.px(0.015)
    deepest = float(dark[middle].max())
    return deepest > CREASE and deepest > DEEP * float(dark[~middle].max())


def median_of(values: np.ndarray) -> float:
    """The median of the finite values (N,); NaN where there are none."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def ends_of(mask: np.ndarray) -> tuple[int, int]:
    """First and last column + 1 of a row's pixels."""
    at = np.flatnonzero(mask)
    return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)


def run_near(mask: np.ndarray, column: float) -> tuple[int, int]:
    """First and last column + 1 of the run of a row's pixels that is nearest to a column."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    away = np.maximum(edges[:, 0] - column, column - edges[:, 1])
    return tuple(edges[away.argmin()].tolist()) if len(edges) else (0, 0)
