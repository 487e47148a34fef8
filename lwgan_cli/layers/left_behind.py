"""What would stay behind of a person in a plate: limbs that motion blurs out of the mask, and things in their hands."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import binary_dilation

from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.layers.push_pull import push_pull
from lwgan_cli.layers.straight import expected

_SIDE = 140  # px, the person's longer side at which it is looked for
# Of that side:
_BLURRED = 0.06  # … so far from the person motion blurs them
_HELD = 0.2  # … so far from a hand what it holds reaches
_TOUCHING = 0.06  # … and so near the hand that begins
_STANDS_OUT = 4.0  # times what most of the surroundings differ from what is expected in their place …
_LEAST = 8.0  # … but no less than that many grey levels
_TRUST = 0.5  # in what is expected
_PLAIN = 4.0  # grey levels that are usual: before a room full of things nobody knows whose they are
_SOFT = 4  # px of _SIDE: so far from what is found its rim, which mixes with the scene, may go
_FEW = 12  # px of it that a piece has at least: corners of furniture and skirting boards are no limbs
_BIN = 12.0  # grey levels that colours differ by at least
_SOLID = 0.95  # of alpha: the person alone
_TOWARDS = 0.9  # cosine between what blur adds to the scene and what the person would


def left_behind(rgb: np.ndarray, alpha: np.ndarray, hole: np.ndarray, hands: np.ndarray) -> np.ndarray:
    """(H, W) bool: what hangs together with the hole and isn't what the scene further off lets expect there, if it has
    the colours of the person beside it, or a hand holds it. What goes on further off is the scene's.

    rgb (H, W, 3) uint8; alpha (H, W) float32 in [0, 1]; hole (H, W) bool, the person with their soft rim; hands (N, 2)
    px, those that are seen
    """
    height, width = hole.shape
    ys, xs = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    longer = float(max(np.ptp(ys), np.ptp(xs))) + 1 if len(ys) else 1.0
    shrink = min(1.0, _SIDE / longer)
    longer, size = longer * shrink, (round(width * shrink), round(height * shrink))
    if not len(ys) or min(size) < 16:
        return np.zeros(hole.shape, bool)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    inside = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    solid = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > _SOLID
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    found = _strange(small, inside, away <= _BLURRED * longer, inside, push_pull(small, solid.astype(np.float32)))
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    for hand in hands * shrink:
        away = np.hypot(x - hand[0], y - hand[1])
        found |= _strange(small, inside, away <= _HELD * longer, inside & (away < _TOUCHING * longer))
    grown = cv2.dilate(found.astype(np.uint8), disk(2)).astype(np.float32)
    return np.asarray(cv2.resize(grown, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5)


def _strange(
    rgb: np.ndarray, inside: np.ndarray, near: np.ndarray, start: np.ndarray, person: np.ndarray | None = None
) -> np.ndarray:
    """(h, w) bool: pieces of what is near (h, w) that are unlike what is expected there of the rest of the scene, touch
    a start (h, w), and end before what is near does; of colours between the scene's and a person's (h, w, 3), if given.

    rgb (h, w, 3) float32; inside (h, w) bool, where the person is
    """
    missing = inside | near
    if missing.all():
        return np.zeros(inside.shape, bool)
    scene, trust = expected(rgb, missing)
    apart = rgb - scene
    size = np.linalg.norm(apart, axis=-1)
    sure = near & ~inside & (trust > _TRUST)
    usual = float(np.median(size[sure])) if sure.any() else np.inf
    if usual > _PLAIN:
        return np.zeros(inside.shape, bool)
    strange = sure & (size > max(_LEAST, _STANDS_OUT * usual))
    if person is None:
        found = strange & _unseen(rgb, ~missing)
    else:
        towards = (apart * (person - scene)).sum(-1) > _TOWARDS * size * np.linalg.norm(person - scene, axis=-1)
        found = strange & towards
    _, pieces = cv2.connectedComponents(found.astype(np.uint8))
    touching, further = (
        np.unique(pieces[cv2.dilate(place.astype(np.uint8), disk(1)) > 0]) for place in (start, ~missing)
    )
    large = np.flatnonzero(np.bincount(pieces.ravel()) >= _FEW)
    found = np.isin(pieces, np.setdiff1d(np.intersect1d(touching, large), [0, *further]))
    return np.asarray(found | strange & (cv2.dilate(found.astype(np.uint8), disk(_SOFT)) > 0))


def _unseen(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(h, w) bool: whose colours, of rgb (h, w, 3), nothing known (h, w) bool has, nor nearly."""
    bins = (rgb // _BIN).astype(int)
    seen = np.zeros((int(255 // _BIN) + 1,) * 3, bool)
    seen[tuple(bins[known].T)] = True
    return np.asarray(~binary_dilation(seen, np.ones((3, 3, 3)))[tuple(bins.T)].T)
