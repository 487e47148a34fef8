"""Crowns: hair above the picture's upper edge, where that cuts a head off.

The picture's first row says where hair begins and ends, and in which colours. It goes on above as locks do over a
head: in arcs from one side to the other, each as far from the middle as it is where the picture ends.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.source import Source

STANDS_OFF = 0.04  # m, the most that hair stands off a head's top, as far as it does at its sides
WIDEST = 0.2  # m from the middle of the head, beyond which it is something else
FOREHEAD, LOCKS = 0.5, 0.6  # share of the height over which what isn't hair ends, and of the width from which hair is …
SURE = 0.88  # … up to where it surely is
BEYOND = 1.3  # times the arc within which the edge's softness lies
MIDDLE = 0.5  # sine from the middle over which the locks of both sides meet
ROWS = 3  # of the picture, whose mean counts


def crowned(source: Source, head: np.ndarray) -> Source:
    """The photo with what is missing of hair above it, as a larger picture; the source itself where the picture's upper
    edge doesn't cut off the `head` (V,) bool."""
    places, (width, height) = source.vertices_px(), source.size
    if not head.any() or float(places[head, 1].min()) >= 0:
        return source
    rows = source.pixels[:, : min(ROWS, height)].mean(1).cpu().numpy()  # (4, W)
    near = places[head & (np.abs(places[:, 1]) < 2 * STANDS_OFF * source.scale)]
    ends = None if not len(near) else _ends(rows[3], near[:, 0], WIDEST * source.scale)
    if ends is None:
        return source
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    off = np.clip(half - float(np.ptp(near[:, 0])) / 2, 0, STANDS_OFF * source.scale)
    rise = float(off - places[head, 1].min())
    added = int(np.ceil(BEYOND * rise))
    up, across = np.mgrid[added:0:-1, 0:width] - 0.5
    up, across = up / rise, (across + 1 - middle) / half
    arc = np.hypot(up, across)
    held = LOCKS * smoothstep(up, 0.0, FOREHEAD)
    lock = held + (1 - held) * np.minimum(arc, 1)
    lock = np.minimum(lock, SURE + (1 - SURE) * (1 - smoothstep(up, 0.0, FOREHEAD)))
    left, right = (
        np.stack([_read(row, middle + side * half * at) for row, at in zip(rows, (lock, lock, lock, arc), strict=True)])
        for side in (-1, 1)
    )
    share = smoothstep(across / np.maximum(arc, 1e-6), -MIDDLE, MIDDLE)
    crown = left + share * (right - left)
    crown[3] *= arc < BEYOND
    whole = torch.cat([torch.from_numpy(crown.astype(np.float32)).to(source.pixels), source.pixels], 1)
    ndc = source.ndc.clone()
    ndc[:, 1] = (ndc[:, 1] * height - added) / (height + added)
    return replace(source, pixels=whole, ndc=ndc)


def _read(row: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A row of pixels (W,) at places (h, w) px."""
    values: np.ndarray = map_coordinates(row, [at - 0.5], order=1, mode="nearest")
    return values


def _ends(alpha: np.ndarray, inside: np.ndarray, widest: float) -> tuple[float, float] | None:
    """First and last px of what alpha (W,) shows around the places `inside` (N,) px of a head; None where it shows
    nothing there."""
    solid = alpha > 0.5
    middle = int(np.clip(np.median(inside), 0, len(alpha) - 1))
    if not solid[middle]:
        return None
    first = middle - int(np.argmin(np.append(solid[middle::-1], False))) + 1
    last = middle + int(np.argmin(np.append(solid[middle:], False)))
    return max(float(first), middle - widest), min(float(last), middle + widest)
