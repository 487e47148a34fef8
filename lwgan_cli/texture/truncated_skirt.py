"""Skirts of people whom the picture's lower edge cuts off, without their hem, or with it right above the edge.

Cloth of the thighs' colours must go on down to the edge, closed, and wider than two thighs are.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import grey_closing

from lwgan_cli.body.model import JOINT_NAMES, BodyModel, joints_rest, rest_vertices
from lwgan_cli.dressing.skirt_fit import Outline
from lwgan_cli.records import Motion
from lwgan_cli.texture.leg_strip import Strip
from lwgan_cli.texture.skin_tone import to_lab
from lwgan_cli.texture.skirt_outline import (
    creased,
    ends_of,
    hem_of,
    median_of,
    mottled_cloth_of,
    sides_of,
)

LONG, RAGGED = 0.15, 0.06  # m of a skirt that is cut off; above the picture's edge, where its hem may wave
WIDER = 0.15  # m by which it is wider than both thighs, more than the widest trousers are; or by …
FLARED, FLARES = 0.015, 0.01  # … so much and so much wider than at the crotch: without a gap, trousers taper
WIDTH, DARK = 0.05, 15.0  # m up and down that tell how wide it is; lightness below which no crease would be seen
CLOSED, FOLD = 0.8, 0.1  # share of the way down between the legs that shows its colours: folds, so wide in m, may not
AT_EDGE, MOSTLY = 0.01, 0.8  # m from that edge which the cloth reaches; share of its width that does if it is cut off
BEYOND, SLOPE = 0.1, 0.1  # m below the picture's edge that it then ends; of its sides that tell how they go on


def cut_off_skirt(strip: Strip, thighs: float, height: int) -> Outline | None:
    """The outline of a skirt that the lower edge of a picture, `height` px high, cuts off, or that ends just above it;
    None where that isn't sure. Its hem is put beyond the edge. thighs: m that both are wide."""
    if strip.edge >= strip.ankle or strip.edge - strip.crotch < LONG * strip.scale:
        return None
    across, down = strip.matrix[1, :2]
    if down <= abs(across):  # lying
        return None
    cloth, own = mottled_cloth_of(strip)
    if cloth is None:
        return None
    middle = np.rint(strip.axes.mean(1)).astype(int)
    last = strip.edge - strip.px(RAGGED)
    between = [(row, strip.at(middle[row], 0.01)) for row in range(strip.crotch + strip.px(0.02), last)]
    closed = all(strip.person[at].all() for at in between)
    if not closed or np.mean([cloth[at].all() for at in between]) < CLOSED:
        return None
    seen = cloth & (np.arange(len(cloth)) < last)[:, None]
    sides = sides_of(strip, seen, own)
    width = np.diff(sides, axis=1)[:, 0] / strip.scale
    high, low = (median_of(width[part]) for part in (strip.rows(0, WIDTH), slice(last - strip.px(WIDTH), last)))
    dark = np.median(to_lab(strip.rgb[cloth].astype(np.float32))[:, 0]) < DARK
    flared = not dark and low > max(thighs + FLARED, high + FLARES)
    if not (flared or low > thighs + WIDER) or creased(strip, cloth, last):
        return None
    hem, bottom = _without_folds(hem_of(strip, cloth), strip.px(FOLD)), _lower_edge(strip, height)
    reaches = hem >= bottom - strip.px(AT_EDGE)
    goes_on = reaches[slice(*ends_of(cloth[last - 1]))].mean() > MOSTLY
    hem = np.where(reaches, bottom + (BEYOND * strip.scale if goes_on else 0), hem)
    sides = _onwards(sides, last - strip.px(0.02), strip.px(SLOPE))
    return Outline(strip.matrix, strip.scale, hem, sides, legs=False)


def thighs_width(model: BodyModel, motion: Motion) -> float:
    """m that both of a person's thighs are wide, side by side."""
    betas = torch.from_numpy(motion.betas)
    joints = joints_rest(model, betas)
    half = float(joints[[1, 4], 1].mean())
    rest = rest_vertices(model, betas).numpy()
    at = (np.abs(rest[:, 1] - half) < 0.02) & np.isin(model.parts.numpy(), [JOINT_NAMES.index("left_hip")])
    return 2 * float(np.ptp(rest[at, 0]))


def _without_folds(hem: np.ndarray, width: int) -> np.ndarray:
    """(w,) rows of a hem that folds of less than `width` px, in the shade down there, don't take up."""
    out, known = hem.copy(), np.flatnonzero(np.isfinite(hem))
    if len(known):
        out[known] = grey_closing(np.pad(hem[known], width, mode="edge"), width)[width:-width]
    return out


def _lower_edge(strip: Strip, height: int) -> np.ndarray:
    """(w,) the row in which the lower edge of a picture, `height` px high, crosses each column."""
    (x, y), (dx, dy) = strip.matrix @ [0, height, 1], strip.matrix[:, 0]
    rows: np.ndarray = y + (np.arange(strip.cover.shape[1]) + 0.5 - x) * dy / dx
    return rows


def _onwards(sides: np.ndarray, last: int, over: int) -> np.ndarray:
    """Sides (h, 2) that go on below a row as they have done over the last rows, and never inwards."""
    out, rows = sides.copy(), np.arange(last - over, last)
    for side, outwards in ((0, -1), (1, 1)):
        known = sides[rows, side]
        if np.isfinite(known).all():
            slope, at = np.polyfit(rows - last, known, 1)
            slope = outwards * max(0.0, outwards * slope)
            out[last:, side] = at + slope * (np.arange(last, len(out)) - last)
    return out
