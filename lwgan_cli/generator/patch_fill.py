"""Filling holes with pieces of the same picture.

Patch-based completion (Wexler et al. 2007) with randomised search (PatchMatch, Barnes et al. 2009) at a
small size finds where each missing pixel's surroundings best continue; the full-size pixels are copied
from there and their gradients integrated (Poisson editing, Pérez et al. 2003), so that no seam shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.fft import dstn, idstn

_RADIUS = 3  # patches are 7 px square
_COARSEST = 40  # px, the longer side of the coarsest picture
_LARGEST = 12_000  # px, the hole at the size of the search
_FEWEST = 64  # patches that are known in full; with fewer there is nothing to copy
_ROUNDS = (8, 6, 4, 3, 2)  # of search and vote, coarse to fine
_SHADING = 0.7  # share of the slow shading that is left out of the comparison of patches
_VERTICAL = 100.0  # grey levels² per px: scenes repeat along the ground rather than upwards


def fill_patches(rgb: np.ndarray, hole: np.ndarray, work_side: int = 320) -> np.ndarray:
    """The picture with its hole filled from elsewhere in it.

    rgb        (H, W, 3) float32 in [0, 255]; what lies in the hole is not looked at
    hole       (H, W) bool, not everywhere true
    work_side  px, the longer side at which the search is done
    returns    (H, W, 3) float32, equal to rgb outside the hole
    """
    height, width = hole.shape
    shrink = min(1.0, work_side / max(height, width), (_LARGEST / max(1, np.count_nonzero(hole))) ** 0.5)
    size = (round(width * shrink), round(height * shrink))
    finest = _make_level(rgb, hole, size) if min(size) >= 4 * _RADIUS else None
    if finest is None or np.count_nonzero(finest.valid) < _FEWEST or not len(finest.targets):
        # Too little is left to copy from: smooth colours, with the grain of what is left.
        known = (~hole).astype(np.float32)
        smooth = push_pull(rgb, known)
        grain = float(np.median(np.abs(rgb - cv2.blur(rgb, (3, 3)))[~hole])) * 1.8
        noise = np.random.default_rng(0).normal(0, grain, rgb.shape[:2]).astype(np.float32)
        return np.where(hole[..., None], smooth + noise[..., None], rgb)
    return _copy(rgb, hole, _search(finest, rgb, hole))


def push_pull(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Smooth filling: (H, W, C) float32 where weight (H, W) in [0, 1] is 0 takes on its surroundings.

    The pyramid of Gortler et al. 1996 (The Lumigraph, section 4.2). Where all is known nothing changes.
    """
    height, width = weight.shape
    if weight.min() >= 1 or max(height, width) <= 2:
        mean = (values * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return values * weight[..., None] + mean * (1 - weight[..., None])
    half = ((width + 1) // 2, (height + 1) // 2)
    premultiplied = np.concatenate([values * weight[..., None], weight[..., None]], 2)
    small = cv2.resize(premultiplied, half, interpolation=cv2.INTER_AREA)
    small_weight = small[..., -1]
    pulled = push_pull(small[..., :-1] / np.maximum(small_weight, 1e-6)[..., None], np.minimum(1, 4 * small_weight))
    large = cv2.resize(pulled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(values.shape)
    return values * weight[..., None] + large * (1 - weight[..., None])


@dataclass(frozen=True)
class _Level:
    """One size of the picture: image (h, w, 3), hole (h, w) bool, and the patches that touch the hole."""

    image: np.ndarray
    hole: np.ndarray
    targets: np.ndarray  # (N,) flat indices of patch centres
    valid: np.ndarray  # (h, w) bool: a patch here is known in full


def _search(finest: _Level, rgb: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """(h, w, 2) int, at the finest level: how far away, in px (y, x), each missing pixel's model lies."""
    levels = [finest]
    while max(levels[-1].hole.shape) > 2 * _COARSEST and min(levels[-1].hole.shape) > 8 * _RADIUS:
        h, w = levels[-1].hole.shape
        smaller = _make_level(rgb, hole, ((w + 1) // 2, (h + 1) // 2))
        if np.count_nonzero(smaller.valid) < _FEWEST or not len(smaller.targets):
            break
        levels.append(smaller)
    random = np.random.default_rng(0)
    levels.reverse()
    places = random.choice(np.flatnonzero(levels[0].valid), len(levels[0].targets))
    for index, level in enumerate(levels):
        image = level.image
        if index:
            places = _inherit(_field(levels[index - 1], places), level)
            image = _vote(level, image, places, np.ones(len(places), np.float32))
        for round_ in range(_ROUNDS[min(index, len(_ROUNDS) - 1)]):
            places, costs = _match(level, image, places, random, passes=2 if round_ else 3)
            image = _vote(level, image, places, costs)
    return _field(finest, places)


def _make_level(rgb: np.ndarray, hole: np.ndarray, size: tuple[int, int]) -> _Level:
    known = 1 - hole.astype(np.float32)
    small = cv2.resize(np.dstack([rgb * known[..., None], known]), size, interpolation=cv2.INTER_AREA)
    small_hole = small[..., 3] < 0.5
    image = small[..., :3] / np.maximum(small[..., 3:], 1e-6)
    filled = push_pull(image, (~small_hole).astype(np.float32))
    # Walls are lit unevenly: patches are compared, and later copied, less their slow shading.
    sigma = 0.12 * max(size)
    image = filled - _SHADING * cv2.GaussianBlur(filled, (0, 0), sigma)
    kernel = np.ones((2 * _RADIUS + 1, 2 * _RADIUS + 1), np.uint8)
    touched = cv2.dilate(small_hole.astype(np.uint8), kernel) > 0
    inside = np.zeros(small_hole.shape, bool)
    inside[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = True
    return _Level(image.astype(np.float32), small_hole, np.flatnonzero(touched & inside), inside & ~touched)


def _patch_offsets(width: int) -> np.ndarray:
    """(49,) steps from a patch's centre to its pixels, in flat indices."""
    steps = np.arange(-_RADIUS, _RADIUS + 1)
    return (steps[:, None] * width + steps).ravel()


def _patches(image: np.ndarray) -> np.ndarray:
    """(h·w, 147) float32, the patch around every pixel; those at the border are padded."""
    padded = cv2.copyMakeBorder(image, *(_RADIUS,) * 4, cv2.BORDER_REPLICATE)
    side = 2 * _RADIUS + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side, 3))
    return np.ascontiguousarray(windows).reshape(-1, side * side * 3)


def _match(
    level: _Level, image: np.ndarray, places: np.ndarray, random: np.random.Generator, passes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Better places (N,) for the target patches, and their costs: mean squared differences."""
    height, width = level.hole.shape
    patches = _patches(image)
    price = _VERTICAL * _COARSEST / max(height, width)
    y, x = np.divmod(level.targets, width)

    def costs_of(rows: np.ndarray, flat: np.ndarray) -> np.ndarray:
        difference = patches[flat]
        difference -= patches[level.targets[rows]]
        squares = np.einsum("ij,ij->i", difference, difference) / difference.shape[1]
        return squares + price * np.abs(flat // width - y[rows])

    everyone = np.arange(len(places))
    places = places.copy()
    costs = costs_of(everyone, places)
    row_of = np.full(height * width, -1)
    row_of[level.targets] = everyone

    def consider(candidate_y: np.ndarray, candidate_x: np.ndarray, rows: np.ndarray) -> None:
        inside = (candidate_y >= 0) & (candidate_y < height) & (candidate_x >= 0) & (candidate_x < width)
        flat = np.where(inside, candidate_y * width + candidate_x, 0)
        use = inside & level.valid.ravel()[flat] & (flat != places[rows])
        rows, flat = rows[use], flat[use]
        new = costs_of(rows, flat)
        better = new < costs[rows]
        places[rows[better]] = flat[better]
        costs[rows[better]] = new[better]

    for _ in range(passes):
        for step in (1, 3):
            for dy, dx in ((0, step), (0, -step), (step, 0), (-step, 0)):
                ny, nx = y + dy, x + dx
                inside = (ny >= 0) & (ny < height) & (nx >= 0) & (nx < width)
                neighbour = np.where(inside, row_of[np.where(inside, ny * width + nx, 0)], -1)
                rows = np.flatnonzero(neighbour >= 0)
                near_y, near_x = np.divmod(places[neighbour[rows]], width)
                consider(near_y - dy, near_x - dx, rows)
        reach = float(max(height, width))
        while reach >= 1:
            here_y, here_x = np.divmod(places, width)
            jump = random.uniform(-1, 1, (2, len(places))) * reach
            consider(np.rint(here_y + 0.3 * jump[0]).astype(int), np.rint(here_x + jump[1]).astype(int), everyone)
            reach /= 3
    return places, costs


def _vote(level: _Level, image: np.ndarray, places: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The hole's pixels as the weighted mean of what the patches that cover them propose."""
    height, width = level.hole.shape
    steps = _patch_offsets(width)
    weight = np.exp(-costs / (2 * np.percentile(costs, 75) + 1e-6)) + 1e-6
    # Patches at the rim know more than those deep inside.
    depth = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 3).ravel()[level.targets]
    weight = (weight * 1.15 ** -np.minimum(depth, 60)).astype(np.float64)
    to = (level.targets[:, None] + steps).ravel()
    proposals = level.image.reshape(-1, 3)[places[:, None] + steps].reshape(-1, 3)
    weights = np.repeat(weight, len(steps))
    total = np.bincount(to, weights, height * width)
    out = image.reshape(-1, 3).copy()
    missing = np.flatnonzero(level.hole.ravel() & (total > 0))
    for channel in range(3):
        sums = np.bincount(to, weights * proposals[:, channel], height * width)
        out[missing, channel] = sums[missing] / total[missing]
    return out.reshape(image.shape)


def _field(level: _Level, places: np.ndarray) -> np.ndarray:
    """(h, w, 2) int offsets (y, x), zero away from the hole."""
    height, width = level.hole.shape
    field = np.zeros((height * width, 2), np.int64)
    field[level.targets, 0] = places // width - level.targets // width
    field[level.targets, 1] = places % width - level.targets % width
    # Patches don't reach the picture's border: its pixels do as their neighbours inside.
    field = field.reshape(height, width, 2)
    r = _RADIUS
    return np.pad(field[r:-r, r:-r], ((r, r), (r, r), (0, 0)), mode="edge")


def _inherit(field: np.ndarray, level: _Level) -> np.ndarray:
    """Places (N,) for a finer level from the coarser level's offsets."""
    height, width = level.hole.shape
    y, x = np.divmod(level.targets, width)
    from_y = np.minimum(y * field.shape[0] // height, field.shape[0] - 1)
    from_x = np.minimum(x * field.shape[1] // width, field.shape[1] - 1)
    scale = np.array([height / field.shape[0], width / field.shape[1]])
    place = np.rint(field[from_y, from_x] * scale).astype(int) + np.stack([y, x], 1)
    place = np.clip(place, _RADIUS, [height - 1 - _RADIUS, width - 1 - _RADIUS])
    return _nearest_valid(level.valid, place[:, 0] * width + place[:, 1])


def _nearest_valid(valid: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Flat indices (N,) moved to the nearest pixel where `valid` (h, w) is true."""
    _, labels = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    where = np.zeros(labels.max() + 1, np.int64)
    where[labels[valid]] = np.flatnonzero(valid)
    return where[labels.ravel()[places]]


def _copy(rgb: np.ndarray, hole: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The full-size picture, its hole made of pixels `offsets` (h, w, 2) away, without seams."""
    height, width = hole.shape
    rows, columns = _hole_window(hole)
    known = ~hole
    scale = np.array([height / offsets.shape[0], width / offsets.shape[1]])
    ys, xs = np.mgrid[rows, columns]
    from_y = np.minimum((ys * offsets.shape[0]) // height, offsets.shape[0] - 1)
    from_x = np.minimum((xs * offsets.shape[1]) // width, offsets.shape[1] - 1)
    missing = hole[rows, columns]
    step = np.where(missing[..., None], np.rint(offsets[from_y, from_x] * scale), 0).astype(int)

    def read(dy: int, dx: int) -> np.ndarray:
        """What each pixel's model has for the neighbour (dy, dx), (h, w, 3)."""
        y = np.clip(ys + step[..., 0] + dy, 0, height - 1)
        x = np.clip(xs + step[..., 1] + dx, 0, width - 1)
        flat = (y * width + x).ravel()
        if not known.ravel()[flat].all():
            flat = _nearest_valid(known, flat)
        return rgb.reshape(-1, 3)[flat].reshape(*y.shape, 3)

    here = read(0, 0)
    # The step from a pixel to its neighbour, as both their models have it: where two pieces meet, the mean.
    right, left, below, above = read(0, 1), read(0, -1), read(1, 0), read(-1, 0)
    across = (right - here)[:, :-1] * 0.5 + (here - left)[:, 1:] * 0.5
    down = (below - here)[:-1] * 0.5 + (here - above)[1:] * 0.5
    part = rgb[rows, columns]
    both = ~missing[:, :-1] & ~missing[:, 1:]
    across[both] = (part[:, 1:] - part[:, :-1])[both]
    both = ~missing[:-1] & ~missing[1:]
    down[both] = (part[1:] - part[:-1])[both]
    solved = _integrate(across, down, np.where(missing[..., None], here, part))
    # Only the window's border was held: carry what differs at the hole's rim smoothly into the hole.
    error = push_pull((solved - part).astype(np.float32), (~missing).astype(np.float32))
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


def _integrate(across: np.ndarray, down: np.ndarray, border: np.ndarray) -> np.ndarray:
    """The picture (h, w, 3) whose differences to the right and downwards come closest to those given.

    across (h, w-1, 3), down (h-1, w, 3); border (h, w, 3) of which the outermost pixels are kept.
    Solved by the discrete sine transform.
    """
    h, w, _ = border.shape
    if min(h, w) < 3:
        return border
    divergence = (across[1:-1, 1:] - across[1:-1, :-1]) + (down[1:, 1:-1] - down[:-1, 1:-1])
    divergence[0] -= border[0, 1:-1]
    divergence[-1] -= border[-1, 1:-1]
    divergence[:, 0] -= border[1:-1, 0]
    divergence[:, -1] -= border[1:-1, -1]
    eigen_y = 2 * np.cos(np.pi * np.arange(1, h - 1) / (h - 1)) - 2
    eigen_x = 2 * np.cos(np.pi * np.arange(1, w - 1) / (w - 1)) - 2
    spectrum = dstn(divergence, type=1, axes=(0, 1)) / (eigen_y[:, None] + eigen_x)[..., None]
    out = border.astype(np.float32, copy=True)
    out[1:-1, 1:-1] = idstn(spectrum, type=1, axes=(0, 1))
    return out
