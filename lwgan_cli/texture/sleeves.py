"""Where a photo's sleeves end: what comes out of them is skin, and what they cover isn't, however far up or down the
arm the fit has the wrist. Sleeves that cover half a hand are as wide there as above it."""

from __future__ import annotations

import numpy as np

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.surface import Surface

ALIKE = 0.5  # likeness from which a colour counts as skin
ABOVE, BELOW = 0.12, 0.1  # m of forearm and hand, from the wrist, that tell
STEP = 0.01  # m of arm whose colours are taken together …
LEAST = 3  # … where so many are seen
LEAST_CLOTH = 0.5  # of what is seen of the forearm, where there is a sleeve
CUFF = (-0.06, -0.03)  # m beyond the wrist: the ring of a dressed forearm that says how wide the sleeve is
WIDENED = (-0.03, -0.01)  # m beyond the wrist over which what lies further takes that width …
CLOSED = (-0.01, 0.003)  # … and m beyond the sleeve's end over which it is the hand's again: no edge folds over
FURTHEST = (-0.035, 0.055)  # m beyond the wrist: long sleeves end no higher, nor lower


def sleeve_ends(surface: Surface, colours: np.ndarray, shown: np.ndarray, skin: Tone | None) -> np.ndarray:
    """(2,) m beyond the wrist, in T-pose, at which left and right sleeve end: at the wrist where the photo doesn't show
    the hand; NaN for bare arms, and where nothing is known.

    colours (V, 3) 0 … 255 at the vertices, shown (V,) bool: which of them the photo shows; skin the person's; what the
    surface has bare, see `Surface.with_bare`, has no sleeve
    """
    ends = np.full(2, np.nan)
    if skin is None:
        return ends
    bare = skin.likeness(colours) > ALIKE
    beyond = surface.beyond_wrists
    for side, sign in enumerate((1, -1)):
        arm = shown & surface.arms[surface.groups] & (sign * surface.vertices[:, 0] > 0)
        if surface.bare[arm & (beyond > -ABOVE) & (beyond < FURTHEST[0])].any():
            continue  # a short sleeve ended further up
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


def let_down(surface: Surface, offsets: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """T-pose offsets (V, 3) m of clothes that end at the wrists, with sleeves that go on as tubes to their `ends` (2,),
    see `sleeve_ends`."""
    out = offsets.copy()
    for sign, end in zip((1, -1), ends, strict=True):
        arm = surface.arms[surface.groups] & (sign * surface.vertices[:, 0] > 0)
        beyond = surface.beyond_wrists
        ring = arm & (beyond > CUFF[0]) & (beyond < CUFF[1])
        rows = np.flatnonzero(arm & (beyond > WIDENED[0]) & (beyond < end))
        if not ring.any():
            continue
        dressed = (surface.vertices + offsets)[:, 1:]
        middle = dressed[ring].mean(0)
        width = np.linalg.norm(dressed[ring] - middle, axis=1).mean()
        spoke = dressed[rows] - middle
        radius = np.linalg.norm(spoke, axis=1, keepdims=True)
        share = smoothstep(beyond[rows], *WIDENED) * (1 - smoothstep(beyond[rows] - end, *CLOSED))
        out[rows, 1:] += share[:, None] * np.maximum(width - radius, 0) * spoke / np.maximum(radius, 1e-6)
    return out
