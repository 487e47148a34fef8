"""Hems: whether what covers a photo's thighs goes around both legs, as skirts, dresses and long coats do, and where it
ends.

It is looked for in a strip of the picture that has the legs upright. Between the fitted legs there is then cloth of the
thighs' colours, down to a hem that runs on from one leg to the other, and none below. Only sure cases count: trousers
and shorts part between the legs; where their legs touch there is a crease, and they stand off the thighs but little.

Of people whom the picture's edge cuts off, a skirt may end just above it, or not at all: the legs are then looked for
just above the edge; or else cloth of the thighs' colours must go on down to it, closed, and wider than two thighs are.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.dressing.skirt_fit import Outline
from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.records import Motion
from lwgan_cli.texture.leg_strip import Strip
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.skirt_outline import (
    APART,
    CLOTH,
    cloth_of,
    creased,
    ends_of,
    hem_of,
    median_of,
    run_near,
    sides_of,
)
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.truncated_skirt import cut_off_skirt, thighs_width

# of the way from crotch to ankle: what shows the leg below it, or the feet below a long gown; tried in turn
LEG = ((0.8, 0.96), (0.55, 0.92), (0.3, 0.5), (1.0, 1.1), (1.08, 1.2))
GOWN = 0.8  # of that way, to which it is the garment if all of it looks alike
TAPERS = 0.85  # of its width halfway down that it has at its hem: trousers in which legs touch do, gowns don't
BAND = 0.05  # m above the picture's edge that show the legs of whom it cuts off
LEAST, SHORT = 0.08, 0.045  # m of length; of one that stands off so far that nothing else does
LEVEL, LOOP = 0.06, 0.03  # m: of both legs' hems; down between them
NOTCH, WAVE = 0.012, 0.2  # m up between both hems that are as good as none; share of the length that a hem waves by
FILLED, FREE = 0.97, 0.1  # shares of cloth between the legs, and of cloth below the hem
LEAST_FREE = 0.02  # m of legs below it that are seen
WITHIN = 0.03  # m by which legs reach out further below a hem that spans them than right above it
WIDE_GAP, FLARE, WIDE = 0.03, 0.05, 0.1  # m: legs so far apart; cloth that stands off both so much in all; … so far
BESIDE = 0.06  # m around the naked legs that those below a hem are looked for in


def find_skirt(model: BodyModel, motion: Motion, picture: np.ndarray, alpha: np.ndarray) -> Outline | None:
    """The outline of what goes around both legs of a photo's person; None where that is not sure.

    motion of one frame; picture (H, W, 3) uint8, alpha (H, W) float32 in [0, 1].
    """
    strip = Strip.of(model, motion, picture, alpha)
    if strip is None or not _closed(strip):
        return None
    tone = _tone(model, motion, picture)
    alike = True  # thighs and legs: in trousers, or in a gown
    for part in _legs(strip):
        feet = part.start >= strip.ankle
        if feet and not alike:
            break
        covered = slice(strip.rows(*CLOTH).start, round(GOWN * strip.ankle + (1 - GOWN) * strip.crotch))
        cloth, own, apart = cloth_of(strip, tone, covered if feet else strip.rows(*CLOTH), part)
        if cloth is None or apart < APART:
            continue
        alike = False
        hem = hem_of(strip, cloth)
        if _sure(strip, cloth, hem) and not (feet and _tapers(strip, cloth, hem)):
            return Outline(strip.matrix, strip.scale, hem, sides_of(strip, cloth, own))
    return cut_off_skirt(strip, thighs_width(model, motion), picture.shape[0])


def _legs(strip: Strip) -> list[slice]:
    """Rows that may show the legs below a hem, to be tried in turn: boots may hide the leg, and a long skirt; and
    the picture's edge may cut it off."""
    length = strip.ankle - strip.crotch
    parts = [slice(strip.crotch + round(a * length), strip.crotch + round(b * length)) for a, b in LEG]
    if strip.edge < parts[0].stop:
        parts.append(slice(max(strip.crotch, strip.edge - strip.px(BAND)), strip.edge))
    return parts


def _closed(strip: Strip) -> bool:
    """Whether the person covers what lies between the legs, below the crotch."""
    rows = strip.rows(0.02, SHORT)
    middle = strip.axes[rows].mean(1)
    places = zip(range(rows.start, rows.stop), middle, strict=True)
    return all(strip.person[row, strip.at(x, 0.01)].all() for row, x in places)


def _tone(model: BodyModel, motion: Motion, picture: np.ndarray) -> Tone | None:
    """The face's skin."""
    face = torch.from_numpy(np.flatnonzero(Surface.of_body(model).skin))
    vertices, _ = skin(model, torch.from_numpy(motion.poses[:1]), torch.from_numpy(motion.betas), vertices=face)
    scale, x, y = motion.picture_camera()[0]
    column, row = np.floor(scale * vertices[0, :, 0].numpy() + x), np.floor(y - scale * vertices[0, :, 1].numpy())
    inside = (column >= 0) & (column < picture.shape[1]) & (row >= 0) & (row < picture.shape[0])
    return Tone.of(picture[row[inside].astype(int), column[inside].astype(int)].astype(np.float64))


def _sure(strip: Strip, cloth: np.ndarray, hem: np.ndarray) -> bool:
    """Whether the garment goes around both legs."""
    if np.isfinite(hem).sum() < strip.px(0.1):
        return False
    guess = round(float(np.nanmedian(hem)))
    ends = [median_of(hem[strip.at(strip.axes[min(guess, len(cloth) - 1), leg], 0.03)]) for leg in (0, 1)]
    if not np.isfinite(ends).all():
        return False
    last = round(min(ends))
    middle = strip.axes.mean(1)
    across = hem[strip.at(middle[min(last, len(middle) - 1)], 0.03)]
    if not len(across) or not np.isfinite(across).all() or last - strip.crotch < SHORT * strip.scale:
        return False
    m = 1 / strip.scale
    notch = last - across.min()
    if (
        (max(ends) - min(ends)) * m > LEVEL
        or notch > max(NOTCH / m, WAVE * (last - strip.crotch))
        or (across.max() - max(ends)) * m > LOOP
    ):
        return False
    start, stop = strip.crotch + strip.px(0.02), round(min(last, across.min())) - strip.px(0.01)
    if any(cloth[row, strip.at(middle[row], 0.01)].mean() < FILLED for row in range(start, stop)):
        return False
    legs = strip.legs[0] | strip.legs[1]
    low = round(max(*ends, across.max()))
    free = slice(low + strip.px(0.015), min(low + strip.px(0.06), strip.edge))
    if free.stop - free.start < strip.px(LEAST_FREE) or free.stop >= len(cloth):
        return False
    if not legs[free].any() or cloth[free][legs[free]].mean() > FREE:
        return False
    first, end, gap = _below(strip, free)
    off = _stands_off(strip, cloth, last, (first, end))
    spans = gap > max(WIDE_GAP, off) and off > -WITHIN and notch * m <= NOTCH  # shorts go with a leg on both sides
    if last - strip.crotch < LEAST * strip.scale and off < WIDE:
        return False
    return (spans or off > FLARE) and not creased(strip, cloth, last)


def _tapers(strip: Strip, cloth: np.ndarray, hem: np.ndarray) -> bool:
    """Whether a garment is narrower at its hem than halfway down to it."""
    last = round(float(np.nanmedian(hem)))
    middle = (strip.crotch + last) // 2
    low, high = (_width(strip, cloth, slice(row - strip.px(0.06), row - strip.px(0.03))) for row in (last, middle))
    return low < TAPERS * high


def _width(strip: Strip, cloth: np.ndarray, rows: slice) -> float:
    """Median px that a garment is wide in some rows, but for arms before it."""
    return float(np.median([end - first for first, end in map(ends_of, cloth[rows] & ~strip.arms[rows])]))


def _below(strip: Strip, rows: slice) -> tuple[float, float, float]:
    """Columns where both legs begin and end in rows below a hem, and m between them, as the picture shows: the naked
    body was fitted to the garment as well, and is too wide."""
    near = cv2.dilate((strip.legs[0] | strip.legs[1])[rows].astype(np.uint8), disk(strip.px(BESIDE))) > 0
    shown = strip.person[rows] & near & ~strip.arms[rows]
    axes = np.sort(strip.axes[rows], axis=1)
    runs = np.array([[run_near(row, at) for at in both] for row, both in zip(shown, axes, strict=True)])
    first, _, _, end = np.median(runs.reshape(-1, 4), 0)
    return float(first), float(end), float(np.median(runs[:, 1, 0] - runs[:, 0, 1])) / strip.scale


def _stands_off(strip: Strip, cloth: np.ndarray, row: int, legs: tuple[float, float]) -> float:
    """m that the garment is wider above a hem than both legs, which begin and end in such columns below it."""
    rows = slice(row - strip.px(0.05), row - strip.px(0.015))
    garment = np.array([ends_of(inside) for inside in cloth[rows] & ~strip.arms[rows]])
    return float(np.median(legs[0] - garment[:, 0] + garment[:, 1] - legs[1])) / strip.scale
