"""Loose strands beside a person before a plain backdrop: left in a plate, they would stand there without them."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.layers.push_pull import push_pull

_SIDE = 1280  # px, the longer side at which strands are looked for, at most
# Of the distance from the face to the middle of the shoulders:
_AROUND = 1.8  # … so far from the face strands are looked for
_REACH = 0.5  # … so far from the person they go
_BROAD = 0.12  # … and what is about so broad is none
_STANDS_OUT = 5.0  # times what most of the backdrop differs from its surroundings …
_LEAST, _PLAIN = 6.0, 3.0  # … but no less than that many grey levels; and how little that must be for a plain one
_OUTER, _THINGS = 0.7, 0.02  # of the reach: who has so large a share of things further off has a room behind them
_SOLID = 0.95  # of alpha: the person alone
_TOWARDS = 0.8  # cosine between what a strand adds to the backdrop and what hair would


def loose_strands(rgb: np.ndarray, alpha: np.ndarray, hole: np.ndarray, face: np.ndarray, reach: float) -> np.ndarray:
    """(H, W) bool: narrow things around a head that hang together with the hole in a plain backdrop, and whose colours
    lie between the backdrop's and the hair's beside them. What goes on further off is the scene's.

    rgb (H, W, 3) uint8; alpha (H, W) float32 in [0, 1]; hole (H, W) bool, the person with their soft rim
    face (2,) px, the middle of the face; reach px from there to the middle of the shoulders
    """
    height, width = hole.shape
    out = np.zeros(hole.shape, bool)
    low = np.clip(np.floor(face - _AROUND * reach), 0, None).astype(int)
    high = np.minimum(np.ceil(face + _AROUND * reach), [width, height]).astype(int)
    if not (high - low > 8).all():
        return out
    part = (slice(low[1], high[1]), slice(low[0], high[0]))
    shrink = min(1.0, _SIDE / max(high - low))
    size = (max(1, round((high[0] - low[0]) * shrink)), max(1, round((high[1] - low[1]) * shrink)))
    inside = cv2.resize(hole[part].astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    solid = cv2.resize(alpha[part], size, interpolation=cv2.INTER_AREA) > _SOLID
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    beside = ~inside & (distance <= _REACH * reach * shrink)
    if not beside.any() or not solid.any():
        return out
    small = cv2.resize(rgb[part], size, interpolation=cv2.INTER_AREA)
    backdrop = push_pull(small.astype(np.float32), (~inside).astype(np.float32))
    backdrop = np.where(inside[..., None], backdrop, small).clip(0, 255).astype(np.uint8)
    backdrop = cv2.medianBlur(backdrop, min(2 * round(_BROAD / 2 * reach * shrink) + 1, 255)).astype(np.float32)
    apart = small - backdrop
    size_apart = np.linalg.norm(apart, axis=-1)
    usual = float(np.median(size_apart[beside]))
    outstanding = size_apart > max(_LEAST, _STANDS_OUT * usual)
    outer = beside & (distance > _OUTER * _REACH * reach * shrink)
    if usual > _PLAIN or (outer.any() and outstanding[outer].mean() > _THINGS):
        return out
    hair = push_pull(small.astype(np.float32), solid.astype(np.float32)) - backdrop
    towards = (apart * hair).sum(-1) > _TOWARDS * size_apart * np.linalg.norm(hair, axis=-1)
    found = beside & towards & outstanding
    joined = cv2.morphologyEx((found | inside).astype(np.uint8), cv2.MORPH_CLOSE, disk(2)) > 0
    _, pieces = cv2.connectedComponents((joined & ~inside).astype(np.uint8))
    rim = cv2.dilate(inside.astype(np.uint8), disk(1)) > 0
    further = distance > _REACH * reach * shrink - 2
    strands = np.isin(pieces, np.setdiff1d(pieces[rim & joined], [0, *np.unique(pieces[further])])) & joined
    grown = cv2.dilate(strands.astype(np.uint8), disk(2))
    out[part] = cv2.resize(grown, (high[0] - low[0], high[1] - low[1]), interpolation=cv2.INTER_NEAREST) > 0
    return out
