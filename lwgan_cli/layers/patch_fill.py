"""Filling holes with pieces of the same picture.

At a small size a shift map says where each missing pixel's model lies (`shift_map`), at the full size its pieces are
aligned (`finer`), their pixels copied and the gradients integrated (Poisson editing, Pérez et al. 2003), so that no
seam shows. Where pieces of a scene meet that are too unlike to be one thing under other light, their seam stays: an
edge in a place that may be wrong is less to be seen than the smear of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.fft import dstn, idstn

from lwgan_cli.layers.edges import going_on
from lwgan_cli.layers.finer import aligned, nearest, pieces_of, rounded
from lwgan_cli.layers.push_pull import push_pull
from lwgan_cli.layers.shift_map import ALONG_GROUND, Reach, shift_map
from lwgan_cli.layers.straight import expected

_SMALLEST = 12  # px, the shorter side of a picture to copy from
_LARGEST = 5_000  # px, the hole at the size of the search
_MOST_MISSING = 0.95  # share of what is known or wanted
_BLEND = 0.05  # of the longer side: how far pieces take on their neighbours' brightness
_UNLIKE = 60.0  # grey levels by which pieces of a scene differ that don't: no light does that
_ROUND = 0.7  # px of the size of the search: outlines of pieces are rounded by so much


def fill_patches(
    rgb: np.ndarray,
    hole: np.ndarray,
    work_side: int = 320,
    wanted: np.ndarray | None = None,
    reach: Reach = ALONG_GROUND,
) -> np.ndarray:
    """The picture with its hole filled from elsewhere in it.

    rgb        (H, W, 3) float32 in [0, 255]; what lies in the hole is not looked at
    hole       (H, W) bool, not everywhere true
    work_side  px, the longer side at which the search is done
    wanted     (H, W) bool, what of the hole matters; the rest takes the nearest colours. None: all of it
    reach      where pieces may come from
    returns    (H, W, 3) float32, equal to rgb outside the hole
    """
    height, width = hole.shape
    wanted = hole if wanted is None else wanted & hole
    shrink = min(1.0, work_side / max(height, width), (_LARGEST / max(1, np.count_nonzero(wanted))) ** 0.5)
    size = (round(width * shrink), round(height * shrink))
    if min(size) >= _SMALLEST:
        small, small_hole, trust = _shrunk(rgb, hole, size, reach.straight)
        part = small_hole & (cv2.resize(wanted.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0)
        missing = np.count_nonzero(part)
        if 0 < missing < _MOST_MISSING * (missing + np.count_nonzero(~small_hole)):
            offsets = shift_map(small, small_hole, part, reach, trust)
            shifts, labels = pieces_of(offsets, part, hole.shape)
            if shrink < 1:
                if reach.straight:
                    labels = rounded(labels, hole, _ROUND / shrink)
                shifts = aligned(rgb, hole, shifts, labels, 1 / shrink)
            return _copy(rgb, hole, shifts[labels], _UNLIKE if reach.straight else np.inf)
    # Too little is left to copy from: smooth colours, with the grain of what is left.
    known = (~hole).astype(np.float32)
    smooth = push_pull(rgb, known)
    grain = float(np.median(np.abs(rgb - cv2.blur(rgb, (3, 3)))[~hole])) * 1.8
    noise = np.random.default_rng(0).normal(0, grain, rgb.shape[:2]).astype(np.float32)
    return np.where(hole[..., None], smooth + noise[..., None], rgb)


def _shrunk(
    rgb: np.ndarray, hole: np.ndarray, size: tuple[int, int], straight: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The picture at size (w, h), its hole (h, w) bool, in which it is smooth or, where straight edges go on, what may
    be expected with trust (h, w) in [0, 1]."""
    known = 1 - hole.astype(np.float32)
    small = cv2.resize(np.dstack([rgb * known[..., None], known]), size, interpolation=cv2.INTER_AREA)
    small_hole = small[..., 3] < 0.5
    colours = small[..., :3] / np.maximum(small[..., 3:], 1e-6)
    if straight:
        colours, trust = expected(colours, small_hole)
        made, sure = going_on(colours, small_hole)
        colours, trust = colours + sure[..., None] * (made - colours), np.maximum(trust, sure)
        return colours, small_hole, trust
    return push_pull(colours, (~small_hole).astype(np.float32)), small_hole, None


def _copy(rgb: np.ndarray, hole: np.ndarray, offsets: np.ndarray, unlike: float) -> np.ndarray:
    """The full-size picture, its hole made of pixels `offsets` (h, w, 2) away, without seams but between pieces that
    are more `unlike` than so many grey levels."""
    height, width = hole.shape
    rows, columns = _hole_window(hole)
    ys, xs = np.mgrid[rows, columns]
    missing = hole[rows, columns]
    step = np.where(missing[..., None], offsets[rows, columns], 0)
    part, known = rgb[rows, columns], nearest(~hole)

    def read(at: tuple[np.ndarray, np.ndarray], step: np.ndarray) -> np.ndarray:
        """(N, 3): what lies steps (N, 2) away from pixels (y, x) of the picture."""
        y, x = np.clip(at[0] + step[:, 0], 0, height - 1), np.clip(at[1] + step[:, 1], 0, width - 1)
        return rgb.reshape(-1, 3)[known[y, x]]

    def differences(axis: int) -> np.ndarray:
        """From each pixel to the next along an axis: where two pieces meet, the mean of what both their models have, or
        what they differ by where that is much."""
        values = np.diff(here, axis=axis)
        cut = slice(-1), slice(1, None)
        lower, upper = cut if axis == 0 else tuple((slice(None), each) for each in cut)
        seam = (step[lower] != step[upper]).any(-1)
        ends = [(ys[each][seam], xs[each][seam]) for each in (lower, upper)]
        made = [missing[each][seam, None] for each in (lower, upper)]
        steps = [step[each][seam] for each in (lower, upper)]  # what is known continues as the piece beside it does
        steps = [np.where(made[0], *steps), np.where(made[1], *reversed(steps))]
        smooth = sum(read(ends[1], each) - read(ends[0], each) for each in steps) / 2
        step_up = values[seam] - smooth
        values[seam] -= step_up * np.exp(-(step_up**2).mean(-1, keepdims=True) / unlike**2)
        return values

    here = part.copy()
    here[missing] = read((ys[missing], xs[missing]), step[missing])
    reach = _BLEND * max(height, width)
    solved = _integrate(differences(1), differences(0), here, reach)
    # Only the window's border was held: carry what differs at the hole's rim smoothly a little into the hole.
    error = push_pull(solved - part, (~missing).astype(np.float32))
    error *= np.exp(-cv2.distanceTransform(missing.astype(np.uint8), cv2.DIST_L2, 5) / reach)[..., None]
    out = rgb.copy()
    out[rows, columns] = np.where(missing[..., None], solved - error, part)
    return out


def _hole_window(hole: np.ndarray) -> tuple[slice, slice]:
    """The hole's bounding box and 8 px around it, within the picture."""
    ys, xs = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    return (
        slice(max(0, ys[0] - 8), min(hole.shape[0], ys[-1] + 9)),
        slice(max(0, xs[0] - 8), min(hole.shape[1], xs[-1] + 9)),
    )


def _integrate(across: np.ndarray, down: np.ndarray, colours: np.ndarray, reach: float) -> np.ndarray:
    """The picture (h, w, 3) whose differences to the right and downwards come closest to those given, and further
    than `reach` px from where these disagree with the colours closest to those (screened Poisson, Bhat et al. 2008).

    across (h, w-1, 3), down (h-1, w, 3); colours (h, w, 3), the outermost of which are kept.
    Solved by the discrete sine transform.
    """
    h, w, _ = colours.shape
    if min(h, w) < 3:
        return colours
    pull = 1 / reach**2
    divergence = (across[1:-1, 1:] - across[1:-1, :-1]) + (down[1:, 1:-1] - down[:-1, 1:-1])
    divergence -= pull * colours[1:-1, 1:-1]
    divergence[0] -= colours[0, 1:-1]
    divergence[-1] -= colours[-1, 1:-1]
    divergence[:, 0] -= colours[1:-1, 0]
    divergence[:, -1] -= colours[1:-1, -1]
    eigen_y, eigen_x = (2 * np.cos(np.pi * np.arange(1, side - 1) / (side - 1)) - 2 for side in (h, w))
    eigen = (eigen_y[:, None] + eigen_x - pull).astype(colours.dtype)[..., None]
    out = colours.copy()
    out[1:-1, 1:-1] = idstn(dstn(divergence, type=1, axes=(0, 1)) / eigen, type=1, axes=(0, 1))
    return out
