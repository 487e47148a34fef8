"""How far hair hangs down, as told by what a photo shows beside the neck: behind, it hangs as far.

Hair that goes behind both shoulders hides its end: it is taken to reach the middle of the shoulder blades, between hair
that just reaches the back and hair down to the waist. That it goes behind them, the outline tells: hair that ends above
them, or is tied together, leaves a neck.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from lwgan_cli.texture.skin_tone import LEAST, to_lab
from lwgan_cli.texture.strands import strands
from lwgan_cli.texture.surface import Surface

STANDS_OFF = 0.008  # m to the side: nearer to the neck it is the neck itself, in the shade
BESIDE, WIDE = 0.12, 0.22  # m from the middle of the body: hair beside the neck, and what may hang from there
ABOVE = 0.02  # m over the arms' axes, down to which hair beside the neck is looked for
LOCK = 5  # vertices beside the neck that it covers at least
GAP, LONGEST = 0.03, 0.45  # m down without any, where it has ended, and m under the chin where it has at last
APART = 16.0  # Lab: clothes that are nearer to the hair's colour can't be told from it
HAIRY = 0.25  # share of a scalp that differs as much from skin, but for being lighter: of a bald one less does
SPREAD = 1.3  # how much wider than the head it falls
BLADES = 0.13  # m below the shoulders, the middle of their blades, where hair ends that goes behind them
SHORTER, RAGGED = 0.05, 0.025  # m by which it does so higher at the sides, and, about, here and there
TAPER = 0.15  # m by which it is narrower at either side for each m below the shoulders
NARROWER = 0.015  # m by which the outline draws in between ears and shoulders where there is a neck
ROWS, COLUMNS = 48, 64  # places between ears and shoulders, and sidewards from there, where the outline is looked for
WIDEST = 0.25  # m sidewards
REACH = (0.02, 0.05)  # m in front of the hairline, of neck and shoulders, that hair which hangs covers; and head's


def hanging_hair(
    surface: Surface,
    offsets: np.ndarray,
    colours: np.ndarray,
    seen: np.ndarray,
    hidden: np.ndarray,
    loose: bool = False,
) -> np.ndarray:
    """(V,) bool: hair as long as a photo shows it, what is seen of it and all of the back of neck and shoulders that is
    hidden, down to where it ends at the side where it is shorter.

    offsets  (V, 3) m T-pose, what is worn; colours (V, 3) 0 … 255 at the vertices, seen (V,) bool: where they count
    hidden   (V,) bool: what no photo shows
    loose    it goes down to both shoulders, see `reaches_shoulders`
    """
    across, high = surface.vertices[:, 0], surface.vertices[:, 1]
    trunk, head = surface.hips & ~surface.limbs, np.zeros(len(surface.axes), bool)
    head[surface.groups[surface.hair]] = True
    near = (trunk | head)[surface.groups] & ~surface.skin & ~surface.hair
    shoulders = float(high[surface.arms[surface.groups]].mean())
    chin = float(high[surface.skin].min()) if surface.skin.any() else shoulders
    sleeves = surface.arms & ~surface.hands
    clothes = [seen & trunk[surface.groups] & (high < shoulders), seen & sleeves[surface.groups]]
    kinds = [surface.hair & seen, surface.skin & seen, *clothes]
    if min(np.count_nonzero(kind) for kind in kinds[:2]) < LEAST:
        return surface.hair
    medians = np.stack([np.median(to_lab(colours[kind]), 0) for kind in kinds if kind.any()])
    from_skin = to_lab(colours[surface.hair & seen]) - medians[1]
    from_skin[:, 0] = np.minimum(from_skin[:, 0], 0)  # bald heads gleam
    if (np.linalg.norm(from_skin, axis=1) > APART).mean() < HAIRY:
        return surface.hair
    apart = np.linalg.norm(medians[2:] - medians[0], axis=1).min(initial=np.inf)
    away = np.linalg.norm(to_lab(colours)[:, None] - medians, axis=-1)
    top = max(chin, float(high[surface.hair].min()))  # a bob ends beside the jaw
    locks = seen & near & (high < top) & (high > chin - LONGEST) & (away.argmin(1) == 0)
    beside = locks & (np.abs(across) < BESIDE) & (high > shoulders + ABOVE)
    beside &= offsets[:, 0] * np.sign(across) > STANDS_OFF
    sides = [across > 0, across < 0]
    hangs = [np.count_nonzero(beside & side) >= LOCK for side in sides]
    if not any(hangs):
        return surface.hair
    locks &= np.abs(across) < WIDE
    ends = [
        _end(high[locks & side]) if hang and apart > APART else shoulders + 2 * ABOVE
        for side, hang in zip(sides, hangs, strict=True)
    ]
    shown = [locks & side & (high >= end) for side, hang, end in zip(sides, hangs, ends, strict=True) if hang]
    line = float(surface.vertices[surface.hair & (high < chin + REACH[1]), 2].max())
    wide = SPREAD * float(np.abs(across[surface.hair]).max())
    before = [end for end, hang in zip(ends, hangs, strict=True) if hang and end < shoulders]
    lowest = max(ends) if not loose else max(before, default=shoulders - BLADES)
    narrower = TAPER * np.maximum(shoulders - high, 0)
    behind = hidden & near & (surface.vertices[:, 2] < line + REACH[0]) & (np.abs(across) + narrower < wide)
    behind &= high > lowest + (_uneven(surface, wide) if lowest < shoulders else 0)
    if apart > APART:  # over the arms it hangs too: no sleeve goes on in its colour
        shown += [seen & sleeves[surface.groups] & (away.argmin(1) == 0) & side for side in np.array(sides)[hangs]]
    hair: np.ndarray = surface.hair | behind | np.any(shown, axis=0)
    return hair


def reaches_shoulders(surface: Surface, alpha: np.ndarray, px: np.ndarray, scale: float) -> bool:
    """Whether, on both sides, a person's outline goes down from the ears to the shoulders without drawing in to a neck.

    alpha (H, W) in [0, 1]; px (V, 2) where the vertices lie in it; scale px per metre
    """
    trunk, (across, high, _) = (surface.hips & ~surface.limbs)[surface.groups], surface.vertices.T
    shoulders = float(high[surface.arms[surface.groups]].mean())
    base = px[trunk & (np.abs(high - shoulders) < ABOVE) & (np.abs(across) < BESIDE / 2)]
    if not (len(base) and surface.hair.any() and surface.ears.any()):
        return False
    low = base.mean(0)
    up = px[surface.hair].mean(0) - low
    up /= max(float(np.linalg.norm(up)), 1e-6)
    ears = float(((px[surface.ears] - low) @ up).min())
    middles = low + np.linspace(ears, 0, ROWS)[:, None] * up
    away = np.linspace(0, WIDEST * scale, COLUMNS)
    for side in (-1, 1):
        places = middles[:, None] + side * away[:, None] * [-up[1], up[0]]
        solid = _at(alpha, places) > 0.5
        reach = away[np.where(solid.all(1), COLUMNS - 1, np.argmin(solid, 1))]  # (ROWS,) px to the outline
        if (np.maximum.accumulate(reach) - reach).max() > NARROWER * scale:
            return False
    return True


def _at(plane: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(…) of a plane (H, W) at places (…, 2) px, 0 beyond it."""
    values: np.ndarray = map_coordinates(plane, [places[..., 1] - 0.5, places[..., 0] - 0.5], order=1)
    return values


def _uneven(surface: Surface, wide: float) -> np.ndarray:
    """(V,) m by which locks end higher than the longest on the back, where no hand cut them straight: those at its
    sides, `wide` m from the middle, most, and each by as much as it happens to."""
    locks = strands(surface.vertices)[:, None]
    for _ in range(2):  # none finer than what stands between two vertices
        locks = surface.averaged(locks)
    uneven: np.ndarray = SHORTER * (surface.vertices[:, 0] / wide) ** 2 + RAGGED * np.maximum(locks[:, 0], 0)
    return uneven


def _end(heights: np.ndarray) -> float:
    """The height m at which what hangs ends: with the first gap below its top."""
    down = np.sort(heights)[::-1]
    gaps = np.flatnonzero(-np.diff(down) > GAP)
    return float(down[gaps[0] if len(gaps) else -1])
