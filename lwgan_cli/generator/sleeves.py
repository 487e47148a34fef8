"""Where a photo's sleeves end: what comes out of them is skin, and what they cover isn't, however far up or down the
arm the fit has the wrist."""

from __future__ import annotations

import numpy as np

from lwgan_cli.generator.skin_tone import Tone
from lwgan_cli.generator.surface import Surface

ALIKE = 0.5  # likeness from which a colour counts as skin
ABOVE, BELOW = 0.12, 0.1  # m of forearm and hand, from the wrist, that tell
STEP = 0.01  # m of arm whose colours are taken together …
LEAST = 3  # … where so many are seen
LEAST_CLOTH = 0.5  # of what is seen of the forearm, where there is a sleeve
FURTHEST = (-0.035, 0.055)  # m beyond the wrist: long sleeves end no higher, nor lower


def sleeve_ends(surface: Surface, colours: np.ndarray, shown: np.ndarray, skin: Tone | None) -> np.ndarray:
    """(2,) m beyond the wrist, in T-pose, at which left and right sleeve end: at the wrist where the photo doesn't show
    the hand; NaN for bare arms, and where nothing is known.

    colours (V, 3) 0 … 255 at the vertices, shown (V,) bool: which of them the photo shows; skin the person's
    """
    ends = np.full(2, np.nan)
    if skin is None:
        return ends
    bare = skin.likeness(colours) > ALIKE
    beyond = surface.beyond_wrists
    for side, sign in enumerate((1, -1)):
        arm = shown & surface.arms[surface.groups] & (sign * surface.vertices[:, 0] > 0)
        rows = np.flatnonzero(arm & (beyond > -ABOVE) & (beyond < BELOW))
        ends[side] = _end(beyond[rows], bare[rows])
    return ends


def _end(beyond: np.ndarray, bare: np.ndarray) -> float:
    """The place along an arm that best parts cloth from skin: seen at `beyond` (N,) m, `bare` (N,) bool."""
    edges = np.arange(-ABOVE, BELOW + STEP / 2, STEP)
    cell = np.clip(np.digitize(beyond, edges) - 1, 0, len(edges) - 2)
    count = np.bincount(cell, minlength=len(edges) - 1)
    share = np.bincount(cell, bare, minlength=len(edges) - 1) / np.maximum(count, 1)
    known, up = count >= LEAST, edges[:-1] < -STEP / 2
    if np.count_nonzero(known & up) < LEAST or 1 - share[known & up].mean() < LEAST_CLOTH:
        return float("nan")
    if not (share[known] > ALIKE).any():
        return 0.0
    cloth, skin = np.where(known, 1 - share, 0), np.where(known, share, 0)
    parted = np.r_[0, np.cumsum(cloth)] + np.r_[np.cumsum(skin[::-1])[::-1], 0]
    end = float(edges[parted.argmax()])
    return end if FURTHEST[0] <= end <= FURTHEST[1] else 0.0
