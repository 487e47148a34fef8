"""How far hair hangs down, as told by what a photo shows beside the neck: behind, it hangs as far."""

from __future__ import annotations

import numpy as np

from lwgan_cli.texture.skin_tone import LEAST, to_lab
from lwgan_cli.texture.surface import Surface

STANDS_OFF = 0.008  # m to the side: nearer to the neck it is the neck itself, in the shade
BESIDE, WIDE = 0.12, 0.22  # m from the middle of the body: hair beside the neck, and what may hang from there
ABOVE = 0.02  # m over the arms' axes, down to which hair beside the neck is looked for
LOCK = 5  # vertices beside the neck that it covers at least
GAP, LONGEST = 0.03, 0.45  # m down without any, where it has ended, and m under the chin where it has at last
APART = 16.0  # Lab: clothes that are nearer to the hair's colour can't be told from it
HAIRY = 0.25  # share of a scalp that differs as much from skin, but for being lighter: of a bald one less does
SPREAD = 1.3  # how much wider than the head it falls
REACH = (0.02, 0.05)  # m in front of the hairline, of neck and shoulders, that hair which hangs covers; and head's


def hanging_hair(
    surface: Surface, offsets: np.ndarray, colours: np.ndarray, seen: np.ndarray, hidden: np.ndarray
) -> np.ndarray:
    """(V,) bool: hair as long as a photo shows it, what is seen of it and all of the back of neck and shoulders that is
    hidden, down to where it ends at the side where it is shorter.

    offsets  (V, 3) m T-pose, what is worn; colours (V, 3) 0 … 255 at the vertices, seen (V,) bool: where they count
    hidden   (V,) bool: what no photo shows
    """
    across, high = surface.vertices[:, 0], surface.vertices[:, 1]
    trunk, head = surface.hips & ~surface.limbs, np.zeros(len(surface.axes), bool)
    head[surface.groups[surface.hair]] = True
    near = (trunk | head)[surface.groups] & ~surface.skin & ~surface.hair
    shoulders = float(high[surface.arms[surface.groups]].mean())
    chin = float(high[surface.skin].min()) if surface.skin.any() else shoulders
    sleeves = surface.arms[surface.groups] & ~surface.hands[surface.groups]
    clothes = [seen & trunk[surface.groups] & (high < shoulders), seen & sleeves]
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
    behind = hidden & near & (surface.vertices[:, 2] < line + REACH[0]) & (np.abs(across) < wide) & (high > max(ends))
    hair: np.ndarray = surface.hair | behind | np.any(shown, axis=0)
    return hair


def _end(heights: np.ndarray) -> float:
    """The height m at which what hangs ends: with the first gap below its top."""
    down = np.sort(heights)[::-1]
    gaps = np.flatnonzero(-np.diff(down) > GAP)
    return float(down[gaps[0] if len(gaps) else -1])
