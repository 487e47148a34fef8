"""What may be expected in a hole: colours that lie at both ends of straight lines through it.

Rooms are made of straight edges, and what a person hides of one shows above and below them. A colour that is the same
at both ends of a line goes on between them, where a mean of all that lies around would fade from one to the other.
"""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.push_pull import push_pull

_LINES = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (2, -1), (1, -2))  # steps (y, x) along them, px
_AGREE = 12.0  # grey levels that the ends of a line may differ by
_SMOOTH = 1.0  # px: the colour at an end is a mean, not one pixel's noise
_ELSE = 0.02  # weight of smooth colours, against a line as long as the hole whose ends agree


def expected(rgb: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What lies at both ends of lines, and how far it is to be trusted.

    Lines count the more the better their ends agree and the nearer these are; where none agree smooth colours do.

    rgb (h, w, 3) float32, grey levels; hole (h, w) bool, where nothing is known
    returns (h, w, 3) float32, equal to rgb outside the hole, and (h, w) float32 in [0, 1]: 1 there and where all lines
    say the same
    """
    known = (~hole).astype(np.float32)
    colours, trust = push_pull(rgb, known), np.ones(hole.shape, np.float32)
    places = np.argwhere(hole)
    if not len(places):
        return colours, trust
    share = cv2.GaussianBlur(known, (0, 0), _SMOOTH)
    ends = cv2.GaussianBlur(rgb * known[..., None], (0, 0), _SMOOTH) / np.maximum(share, 1e-6)[..., None]
    rest = np.float32(_ELSE / float(np.ptp(places, 0).max() + 2) ** 2)
    total, sums = np.full((len(places), 1), rest), rest * colours[hole]
    squares = rest * (colours[hole] ** 2).mean(1, keepdims=True)
    for line in np.array(_LINES):
        ahead, back = (steps_out(hole, way)[hole][:, None] for way in (line, -line))
        inside = ((ahead > 0) & (back > 0))[:, 0]
        ahead, back, at = ahead[inside], back[inside], places[inside]
        first, second = ends[tuple((at + ahead * line).T)], ends[tuple((at - back * line).T)]
        apart = ((first - second) ** 2).mean(1, keepdims=True)
        weight = np.exp(-apart / _AGREE**2) / (np.linalg.norm(line) * (ahead + back)) ** 2
        between = (first * back + second * ahead) / (ahead + back)
        total[inside] += weight
        sums[inside] += weight * between
        squares[inside] += weight * ((between**2).mean(1, keepdims=True) + apart / 4)
    mean = sums / total
    spread = squares / total - (mean**2).mean(1, keepdims=True)
    colours[hole], trust[hole] = mean, np.exp(-spread.clip(0) / _AGREE**2)[:, 0]
    return colours, trust


def steps_out(hole: np.ndarray, way: np.ndarray) -> np.ndarray:
    """(h, w) int: how many steps along a way (y, x) lead out of the hole; 0: none outside it, or out of the picture."""
    dy, dx = way
    if dy == 0:
        return steps_out(hole.T, way[::-1]).T
    height, width = hole.shape
    steps = np.where(hole, -hole.size, 0)
    here, there = slice(max(-dx, 0), width - max(dx, 0)), slice(max(dx, 0), width - max(-dx, 0))
    # each row from the one that the way leads to, which is done before
    for row in range(height - 1 - dy, -1, -1) if dy > 0 else range(-dy, height):
        np.copyto(steps[row, here], steps[row + dy, there] + 1, where=hole[row, here])
    return steps.clip(0)
