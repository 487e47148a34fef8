"""Where one garment ends and another begins: a top's hem, told from what is seen of both."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.texture.skin_tone import to_lab

CUTS = np.linspace(0.1, 0.9, 33)  # shares of what is seen that may lie below a hem
LEAST, SAMPLES = 300, 3000  # px that tell, at least and at most
APART = 25.0  # Lab between what is most seen of either garment
PURE = 0.8  # share of either that looks more like itself than like the other: a pattern isn't parted at a height


def lower_garment(known: np.ndarray, colours: np.ndarray, height: np.ndarray) -> np.ndarray | None:
    """(h, w) bool: what of the known (h, w) bool, of colours (h, w, 3) 0 … 255, is of the lower of two garments that
    meet at about one height (h, w) along the body; None where it is one garment."""
    if np.count_nonzero(known) < LEAST:
        return None
    lab, at = to_lab(colours[known].astype(np.float32)), height[known]
    some = np.random.default_rng(0).permutation(len(at))[:SAMPLES]
    some = some[np.argsort(at[some], kind="stable")]
    cuts = (CUTS * len(some)).astype(int)
    parted = [_parted(lab[some], cut) for cut in cuts]
    best = int(np.argmax([purity for purity, _, _ in parted]))
    purity, below, above = parted[best]
    if purity < PURE:
        return None
    lower = np.zeros(known.shape, bool)
    lower[known] = _nearer(lab, below, above)
    return _in_place(lower, known, height - at[some[cuts[best]]])


def _parted(lab: np.ndarray, cut: int) -> tuple[float, np.ndarray, np.ndarray]:
    """How well rows of colours (N, 3), lowest first, are parted at a row: the lesser share of either part that is
    nearer to its own median (3,) than to the other's, 0 where these are alike; and these medians, below and above."""
    below, above = np.median(lab[:cut], 0), np.median(lab[cut:], 0)
    low = _nearer(lab, below, above)
    purity = float(min(low[:cut].mean(), 1 - low[cut:].mean())) if np.linalg.norm(below - above) > APART else 0.0
    return purity, below, above


def _in_place(lower: np.ndarray, known: np.ndarray, height: np.ndarray) -> np.ndarray:
    """(h, w) bool: what is `lower` (h, w) bool of the known (h, w) bool without pieces above the hem, a print, a bow,
    and with those of the other colour below it, what hands hold; height (h, w) above the hem."""
    out = lower.copy()
    for value in (True, False):
        _, labels = cv2.connectedComponents((known & (lower == value)).astype(np.uint8), connectivity=4)
        size = np.maximum(np.bincount(labels.ravel()), 1)
        above = np.bincount(labels.ravel(), height.ravel()) / size > 0
        above[0] = not value
        out[(above == value)[labels]] = not value
    return out & known


def _nearer(lab: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) bool: colours (N, 3) nearer to one (3,) than to the other (3,)."""
    nearer: np.ndarray = np.linalg.norm(lab - one, axis=1) < np.linalg.norm(lab - other, axis=1)
    return nearer
