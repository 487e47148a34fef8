"""Cloth that goes on around the body: what was seen of trunk, arms and legs, folded over to their unseen sides.

Trunk and limbs are unrolled, and each unseen place takes the colours of a seen one at the same height: what lies
mirrored at an edge of the seen, or further around. Hems, belts and stripes so go around the body where the photo shows
them, and prints, pleats and folds go on instead of fading. Pieces are chosen so that they meet where they agree, as in
`shift_map`. What shows in a jacket's opening, a print or a row of buttons are no model: the back is like the sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from lwgan_cli.layers.push_pull import push_pull
from lwgan_cli.layers.shift_map import choose_models
from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.pieces import told_apart
from lwgan_cli.texture.skin_tone import in_spreads, to_log

CELL = 0.004  # m, the unrolled picture's pixel
FINER = 2  # times that colours are read more finely
COARSE = 3  # such pixels, at which pieces are chosen
SMOOTH = 0.03  # m along a tube over which its middle and its width are taken
BINS, BEND = 72, 2.0  # angles at which a tube's outline is taken, and how many of them it is smoothed over
APART = 4  # pixels from the nearest texel, beyond which there is no surface: the hole that an arm leaves in a trunk
FOLDS, TURNS = np.radians(12), np.radians(30)  # between the places at which cloth is folded over, and by which it turns
MOST = 28  # ways of going on that are tried
RIM = 2  # coarse pixels: what is known so near a missing one speaks for its piece
UNKNOWN = 1e4  # grey levels²: a model that is missing itself
SIDES = 45.0  # degrees from the middle of what was seen, from which on the side shows the outermost cloth …
AROUND = 0.02, 0.1  # … m up and down
FEW, MANY = 3, 300  # pixels of a side that count at least in a row, and that are compared with
ALIKE, COMMON = 3.0, 0.2  # spreads to a colour of the sides that is the same cloth's, in light and shade; how many are
THICK = 5  # pixels
VARIED, MOTIF = 0.35, 11  # share of the sides that is like one of their colours, below which it is a pattern; pixels
HIGHER = (0.03, 0.06, 0.1, 0.14, 0.2, -0.05, -0.1)  # m further along that cloth is taken from, where none is level …
OFF, ALONG, LOWER = 500.0, 2000.0, 3.0  # … grey levels², and per m; how many times that from below: cloth hangs down
TURNED = 0.15, 1.6  # grey levels² per degree away from the mirrored place: of a limb, and of a trunk, whose folded
# edges would meet in the middle of its back
SEAM = 500.0  # grey levels² for each pixel between pieces
ASLANT = 1000.0  # grey levels², for a model that was hardly seen: it is smeared, or a neighbour's
RING, FAR = 4.0, (0.1, 0.2)  # times further apart along a tube than around it, and m from which that is too far
PATTERN, OTHER = 7, 70.0  # coarse pixels whose mean tells cloths from patterns; grey levels by which that is another
AGAIN = 0.2  # how much a place counts that another way of going on serves too
LEAST = 150  # pixels, of which less tells nothing


@dataclass(frozen=True)
class Tube:
    """A trunk or limb, unrolled.

    along  (M,) m, around (M,) rad in [-π, π): where texels lie on it, as far apart as on the surface: by the way around
           an outline, and not by the angle, at which a flat chest is narrow and its sides are wide
    size   (height, width) px of CELL m of the picture of it, as wide as its usual girth
    start  m along it, where the first row begins
    """

    along: np.ndarray
    around: np.ndarray
    size: tuple[int, int]
    start: float

    @classmethod
    def of(cls, along: np.ndarray, plane: np.ndarray) -> Tube:
        """Of texels that lie `along` (M,) m along it and at `plane` (M, 2) m across it; angles count from the second of
        these axes to the first."""
        start, count = float(along.min()), int(np.ceil(np.ptp(along) / CELL)) + 1
        cell = ((along - start) / CELL).astype(int)
        low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
        np.minimum.at(low, cell, plane)
        np.maximum.at(high, cell, plane)
        met = np.flatnonzero(np.isfinite(low[:, 0]))
        for ends in (low, high):
            for axis in (0, 1):
                whole = np.interp(np.arange(count), met, ends[met, axis])
                ends[:, axis] = gaussian_filter1d(whole, SMOOTH / CELL, mode="nearest")
        middle, half = (low + high) / 2, np.maximum(high - low, CELL) / 2
        across = (plane - middle[cell]) / half[cell]
        angle = np.arctan2(across[:, 0], across[:, 1])
        way = _way_around(cell, angle, (plane - middle[cell]).astype(np.float32), count)
        turns = (angle / (2 * np.pi) + 0.5) % 1 * BINS
        share = map_coordinates(way, np.stack([cell, turns]), order=1, mode="nearest")
        girth = float(np.median(way[:, -1] - way[:, 0]))
        whole = (way[:, -1] - way[:, 0])[cell]
        around = (share / whole * 2 * np.pi + np.pi) % (2 * np.pi) - np.pi
        return cls(along, around, (count, max(8, round(girth / CELL))), start)

    def pixels(self, around: np.ndarray) -> np.ndarray:
        """(2, M) row and column in the picture, if the texels lay at these angles (M,) instead of their own."""
        height, width = self.size
        column = (around / (2 * np.pi) + 0.5) % 1 * width - 0.5
        row = np.clip((self.along - self.start) / CELL - 0.5, 0, height - 1)
        return np.stack([row, column])

    def picture(
        self, values: np.ndarray, finer: int = 1, weight: int | None = None, wanted: np.ndarray | None = None
    ) -> np.ndarray:
        """(h, w, C) of values (M, C) at the texels: each pixel the nearest one's; so many times finer than `size`.

        The values in the column `weight` are 0 in holes where no texel is near, and all those that aren't `wanted`
        (h, w) bool are.
        """
        height, width = finer * self.size[0], finer * self.size[1]
        row, column = (self.pixels(self.around) + 0.5) * finer - 0.5
        texels = np.column_stack([np.tile(row, 3), np.concatenate([column - width, column, column + width])])
        wanted = np.ones((height, width), bool) if wanted is None else wanted
        away, nearest = cKDTree(texels).query(np.argwhere(wanted), workers=2)
        out = np.zeros((height, width, values.shape[1]), np.float32)
        out[wanted] = values[nearest % len(row)]
        if weight is not None:
            _, hole = cv2.connectedComponents((away > APART * finer).astype(np.uint8).reshape(height, width))
            out[~np.isin(hole, [0, *hole[0], *hole[-1]]), weight] = 0
        return out


def _way_around(cell: np.ndarray, angle: np.ndarray, plane: np.ndarray, count: int) -> np.ndarray:
    """(count, BINS + 1) m: the way around a tube's outline from its front, backwards below 0, to angles from -π to π.
    Texels lie in rows cell (M,), at angle (M,) rad and at plane (M, 2) m from the tube's middle."""
    bins = ((angle / (2 * np.pi) + 0.5) % 1 * BINS).astype(int) % BINS
    sums = np.zeros((count, BINS, 3), np.float32)
    np.add.at(sums, (cell, bins), np.column_stack([plane, np.ones(len(plane), np.float32)]))
    weight = np.tile(sums[..., 2], (1, 3))
    outline = np.tile(sums[..., :2] / np.maximum(sums[..., 2:], 1), (1, 3, 1))
    outline = push_pull(outline, (weight > 0).astype(np.float32))[:, BINS : 2 * BINS]
    outline = gaussian_filter1d(outline, SMOOTH / CELL, axis=0, mode="nearest")
    outline = gaussian_filter1d(outline, BEND, axis=1, mode="wrap")
    corners = (outline + np.roll(outline, 1, 1)) / 2
    steps = np.linalg.norm(np.roll(corners, -1, 1) - corners, axis=-1)
    way = np.concatenate([np.zeros((count, 1)), np.maximum(steps, 1e-6).cumsum(1)], 1)
    return way - way[:, BINS // 2, None]


def continued(
    tube: Tube, known: np.ndarray, trust: np.ndarray, sight: float, outer: bool, even: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (M, 3) of a tube's texels as its cloth goes on, and (M,) in [0, 1] how far any was found.

    known   (M, 3) grey levels of what was seen; trust (M,) in [0, 1] how well it was, 0 where it wasn't
    sight   rad, the angle at which it was seen
    outer   only what is like the sides goes on
    even    (M, 3) grey levels of the cloth that is worn there by what was seen at the same height, without its pattern
    """
    picture = tube.picture(np.concatenate([known, trust[:, None], even], 1), weight=3)
    seen = picture[..., 3] > 0
    nothing = np.zeros_like(known), np.zeros(len(known))
    if np.count_nonzero(seen) < LEAST:
        return nothing
    middle = round((sight / (2 * np.pi) + 0.5) * picture.shape[1])
    # what was seen lies at the picture's ends, what is missing in the middle
    picture, seen = (np.roll(each, -middle, 1) for each in (picture, seen))
    picture, sureness, usual = picture[..., :3], picture[..., 3], picture[..., 4:]
    model = outermost(picture, seen) if outer else seen
    small, small_seen, small_model = _shrunk(picture, seen, model)
    ways = _ways(small_seen, small_model)
    if not len(ways):
        return nothing
    sureness, usual = (
        cv2.resize(each, small_seen.shape[::-1], interpolation=cv2.INTER_AREA) for each in (sureness, usual)
    )
    label, found = _chosen(small, small_seen, small_model, sureness, usual, ways, TURNED[outer])
    of_model = np.repeat(np.repeat(model, FINER, 0), FINER, 1)
    wanted = np.roll(of_model, FINER * middle, 1)
    full = tube.picture(np.concatenate([known, trust[:, None]], 1), FINER, wanted=wanted)
    full = np.roll(full, -FINER * middle, 1)
    of_model &= full[..., 3] > 0
    full = push_pull(full[..., :3], of_model.astype(np.float32))
    (height, width), angle = model.shape, (tube.around - sight) % (2 * np.pi)
    row = np.clip((tube.along - tube.start) / CELL, 0, height - 1e-3)
    at = tuple(np.stack([row / height * len(label), angle / (2 * np.pi) * label.shape[1]]).astype(int))
    sign, turn, up = ways[label[at]].T
    place = np.stack([np.clip(row + up * COARSE, 0.5, height - 0.5), (sign * angle + turn) / (2 * np.pi) * width])
    place = place * FINER - 0.5
    planes = np.moveaxis(full, -1, 0)
    colours = np.stack([map_coordinates(plane, place, order=1, mode="grid-wrap") for plane in planes], 1)
    share = cv2.blur(found.astype(np.float32), (3, 3), borderType=cv2.BORDER_REPLICATE)[at]
    here = model[tuple(np.stack([row, angle / (2 * np.pi) * width]).astype(int))]
    return _reached(tube, known, (trust > 0) & here, colours, share, even)


def _reached(
    tube: Tube, known: np.ndarray, model: np.ndarray, colours: np.ndarray, found: np.ndarray, even: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (M, 3) with those that were not `found` (M,) in [0, 1] from the nearest that were or that are a `model`
    (M,) bool of what is known (M, 3), rather around the tube than along it; and (M,) in [0, 1] how near that is: 0 for
    another garment than the `even` (M, 3) one, from above or below."""
    sure = found > 0.5
    taken, open_ = np.flatnonzero(sure | model), np.flatnonzero(~sure & ~model)
    if not len(taken) or not len(open_):
        return colours, found
    radius = tube.size[1] * CELL / (2 * np.pi)
    places = np.stack([RING * tube.along, radius * np.sin(tube.around), radius * np.cos(tube.around)], 1)
    away, nearest = cKDTree(places[taken]).query(places[open_], workers=2)
    filled, share = np.where(model[:, None] & ~sure[:, None], known, colours), np.ones(len(found))
    filled[open_] = filled[taken[nearest]]
    share[open_] = 1 - smoothstep(away, *FAR)
    level = np.abs(tube.along[taken[nearest]] - tube.along[open_]) < AROUND[0]
    share[open_] *= level | (np.linalg.norm(told_apart(filled[open_] - even[open_]), axis=1) < OTHER)
    return filled, share


def outermost(picture: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(h, w) bool: what of an unrolled picture (h, w, 3), where `seen` (h, w), is like its sides, as they are at that
    height or near it, or like what is so both above and below: not what shows in a jacket's opening, nor a print, but
    all of a pattern that goes around. The sides are far from the first column, the middle of what was seen."""
    height, width = seen.shape
    colours = in_spreads(to_log(picture))
    aside = np.minimum(np.arange(width), width - 1 - np.arange(width)) >= SIDES / 360 * width
    sided = seen & aside
    out, varied = np.zeros_like(seen), np.zeros((height, 1), bool)
    near, far = (max(1, round(reach / CELL)) for reach in AROUND)
    has_side = np.flatnonzero(sided.sum(1) >= FEW)
    if not len(has_side):
        return seen

    def sides(top: int, reach: int) -> np.ndarray:
        """(S, 3) colours of the nearest rows that show a side, above and below."""
        band = has_side[np.abs(has_side - top - near / 2) <= 1.5 * reach]
        if not len(band):
            before, after = has_side[has_side < top], has_side[has_side >= top + near]
            band = np.concatenate([before[-2 * reach :], after[: 2 * reach]])
        return _some(colours[band][sided[band]])

    bands = [slice(top, top + near) for top in range(0, height, near)]
    for rows in bands:
        here = np.nonzero(seen[rows])
        for reach in (near, far):
            others = sides(rows.start, reach)
            usual = _usual(others)
            varied[rows] |= usual < VARIED
            share = COMMON * (usual if reach == near or usual < VARIED else 1)
            out[rows][here] |= _alike(colours[rows][here], others) > share
    first = out.copy()
    for rows in bands:
        missed = np.nonzero(seen[rows] & ~first[rows])
        if len(missed[0]):
            joins = np.ones(len(missed[0]), bool)
            for band in (slice(max(rows.start - far, 0), rows.start), slice(rows.stop, rows.stop + far)):
                others = _some(colours[band][first[band]])
                joins &= _alike(colours[rows][missed], others) > COMMON * _usual(others)
            out[rows][missed] = joins
    # between a pattern's colours that the sides show lie others that they don't
    closed = cv2.morphologyEx((out | ~seen).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((MOTIF, MOTIF), np.uint8)) > 0
    out |= closed & seen & varied
    # what is thinner is noise, or a stripe that has the sides' colour by chance
    thick = np.ones((THICK, THICK), np.uint8)
    return out & (cv2.morphologyEx((out | ~seen).astype(np.uint8), cv2.MORPH_OPEN, thick) > 0)


def _some(colours: np.ndarray) -> np.ndarray:
    """At most about MANY of colours (N, 3)."""
    return colours[:: max(1, len(colours) // MANY)]


def _alike(colours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N,) share of the other colours (M, 3) that each of the colours (N, 3) is like; both in spreads."""
    return (cdist(colours, others) < ALIKE).mean(1) if len(others) else np.zeros(len(colours))


def _usual(colours: np.ndarray) -> float:
    """Share of colours (N, 3) that the usual one of them is like: less of a pattern's than of plain cloth's."""
    return float(np.median(_alike(colours, colours))) if len(colours) else 1.0


def _shrunk(picture: np.ndarray, seen: np.ndarray, model: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture (h, w, 3), what is seen of it and what is a model (h, w) bool, COARSE times smaller."""
    size = (max(4, round(seen.shape[1] / COARSE)), max(4, round(seen.shape[0] / COARSE)))
    known = seen.astype(np.float32)
    small = cv2.resize(np.dstack([picture * known[..., None], known]), size, interpolation=cv2.INTER_AREA)
    of_model = cv2.resize(model.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return small[..., :3] / np.maximum(small[..., 3:], 1e-6), small[..., 3] > 0.5, of_model > 0.5


def _led(ways: np.ndarray, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, h, 1) row and (K, 1, w) column of the pixel that ways (K, 3) lead to from each pixel of `like` (h, w)."""
    height, width = like.shape
    angles = (np.arange(width) + 0.5) / width * 2 * np.pi
    target = (ways[:, :1] * angles + ways[:, 1:2]) / (2 * np.pi) % 1 * width
    row = np.arange(height) + ways[:, 2:].astype(int)
    return np.clip(row, 0, height - 1)[..., None], target.astype(int)[:, None] % width


def _ways(seen: np.ndarray, model: np.ndarray) -> np.ndarray:
    """(K, 3) at most MOST ways of going on, those that find a model (h, w) bool for most of what is not `seen` (h, w):
    sign and shift, rad, of the angle at which the model of another lies, and how many rows further along."""
    folds = [(-1.0, 2 * fold) for fold in np.arange(0, np.pi, FOLDS / 2)]
    turns = [(1.0, turn) for turn in np.arange(TURNS, 2 * np.pi - TURNS / 2, TURNS)]
    level = np.array([(*each, 0.0) for each in (*folds, *turns)])

    def best(ways: np.ndarray, missing: np.ndarray, most: int) -> np.ndarray:
        """One by one, those that serve most that none before does, and many others."""
        rows, columns = _led(ways, seen)
        served = (model[rows, columns] & missing).reshape(len(ways), -1)
        total, open_ = served.sum(1), missing.ravel().copy()
        taken: list[int] = []
        for _ in range(min(most, np.count_nonzero(total))):
            gain = AGAIN * total + served @ open_
            gain[taken] = -1
            taken.append(int(gain.argmax()))
            open_ &= ~served[taken[-1]]
        return ways[taken]

    chosen = best(level, ~seen, MOST)
    if not len(chosen):
        return chosen
    rows, columns = _led(chosen, seen)
    missing = ~seen & ~(model[rows, columns]).any(0)
    steps = np.round(np.array(HIGHER) / CELL / COARSE)
    higher = np.array([(*way[:2], step) for way in chosen for step in steps])
    return np.concatenate([chosen, best(higher, missing, MOST // 2)])


def _chosen(
    image: np.ndarray,
    seen: np.ndarray,
    model: np.ndarray,
    sureness: np.ndarray,
    usual: np.ndarray,
    ways: np.ndarray,
    turned: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) row of `ways` (K, 3) for each pixel, and (h, w) bool: whether what it leads to is known, and no other
    garment from above or below than is usual (h, w, 3) there. turned: see TURNED."""
    angles = (np.arange(seen.shape[1]) + 0.5) / seen.shape[1] * 2 * np.pi
    smooth = push_pull(image, seen.astype(np.float32))
    plain, usual = (told_apart(cv2.blur(each, (PATTERN, PATTERN)).reshape(-1, 3)) for each in (smooth, usual))
    plain, usual = (each.reshape(image.shape) for each in (plain, usual))
    models, costs = [], []
    for way, row, column in zip(ways, *_led(ways, seen), strict=True):
        models.append(smooth[row, column])
        rim = cv2.blur(((models[-1] - image) ** 2).mean(-1) * seen, (2 * RIM + 1,) * 2)
        target = way[0] * angles + way[1]
        mirrored = np.abs((target - (np.pi - angles) + np.pi) % (2 * np.pi) - np.pi)
        price = (
            np.where(way[2] < 0, LOWER, 1) * np.sign(np.abs(way[2])) * (OFF + np.abs(way[2]) * COARSE * CELL * ALONG)
        )
        blurred = ASLANT * (1 - sureness[row, column])
        other = np.linalg.norm(plain[row, column] - usual, axis=-1) > OTHER if way[2] else False
        costs.append(rim + UNKNOWN * (~model[row, column] | other) + blurred + turned * np.degrees(mirrored) + price)
    stacked = np.stack(costs).astype(np.float32)
    # a rim of what is seen has a piece too: texels lie there that are not
    hole = cv2.dilate((~seen).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    label = choose_models(np.stack(models), stacked, hole, SEAM)
    return label, np.take_along_axis(stacked, label[None], 0)[0] < UNKNOWN / 2
