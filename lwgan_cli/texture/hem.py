"""Hems: whether what covers a photo's thighs goes around both legs, as skirts, dresses and long coats do, and where it
ends.

It is looked for in a strip of the picture that has the legs upright. Between the fitted legs there is then cloth of the
thighs' colours, down to a hem that runs on from one leg to the other, and none below. Only sure cases count: trousers
and shorts part between the legs; where their legs touch there is a crease, and they stand off the thighs but little.

Of people whom the picture's edge cuts off, a skirt may end just above it, or not at all: the legs are then looked for
just above the edge; or else cloth of the thighs' colours must go on down to it, closed, and wider than two thighs are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.ndimage import grey_closing, median_filter
from scipy.spatial import cKDTree

from lwgan_cli.body.model import JOINT_NAMES, BodyModel, joints_rest, rest_vertices, skin
from lwgan_cli.body.skirt import LEGS
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.dressing.skirt_fit import Outline
from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.records import Motion
from lwgan_cli.texture.skin_tone import Tone, to_lab
from lwgan_cli.texture.surface import Surface

FINEST, COARSEST = 400.0, 150.0  # px per metre of the strip
ABOVE, BELOW, ASIDE = 0.15, 0.15, 0.75  # m around the legs that it shows
SHORTEST = 0.3  # m from crotch to ankle in the picture: less is a leg drawn up, or seen from its end
BENT, RAISED = 50.0, 0.4  # degrees of a knee in the picture; share of a thigh's length that it goes down there
LIGHT = 0.6  # how much a difference in brightness counts against one in colour
CLOTH = (-0.02, 0.06)  # m below the crotch that show the garment for sure
# of the way from crotch to ankle: what shows the leg below it, or the feet below a long gown; tried in turn
LEG = ((0.8, 0.96), (0.55, 0.92), (0.3, 0.5), (1.0, 1.1))
GOWN = 0.8  # of that way, to which it is the garment if all of it looks alike
BAND = 0.05  # m above the picture's edge that show the legs of whom it cuts off
SAMPLES, NEAR, FEW = 1000, 4, 50
CLIP = 20.0  # Lab: what differs more differs wholly
SKIN = 0.5  # likeness from which a colour is skin
HAND = 0.03  # m around a fitted arm where anything may be
APART, OWN = 5.0, 4.0  # Lab between the garment and the leg below; within which a colour is the garment's own
LEAST, SHORT = 0.08, 0.045  # m of length; of one that stands off so far that nothing else does
LEVEL, LOOP = 0.06, 0.03  # m: of both legs' hems; down between them
NOTCH, WAVE = 0.012, 0.2  # m up between both hems that are as good as none; share of the length that a hem waves by
FILLED, FREE = 0.97, 0.1  # shares of cloth between the legs, and of cloth below the hem
LEAST_FREE = 0.02  # m of legs below it that are seen
WITHIN = 0.03  # m by which legs reach out further below a hem that spans them than right above it
WIDE_GAP, FLARE, WIDE = 0.03, 0.05, 0.1  # m: legs so far apart; cloth that stands off both so much in all; … so far
OPEN = 0.006  # m beside a garment's colours that the background begins in, where its side is seen …
CUT = 0.02  # … and beside it that lie in the picture
BESIDE = 0.06  # m around the naked legs that those below a hem are looked for in
CREASE, DEEP = 8.0, 1.6  # Lab, and times the deepest fold beside it: where two legs of shorts meet
LONG, RAGGED = 0.15, 0.06  # m of a skirt that is cut off; above the picture's edge, where its hem may wave
WIDER = 0.15  # m by which it is wider than both thighs, more than the widest trousers are; or by …
FLARED, FLARES = 0.015, 0.01  # … so much and so much wider than at the crotch: without a gap, trousers taper
WIDTH, DARK = 0.05, 15.0  # m up and down that tell how wide it is; lightness below which no crease would be seen
CLOSED, FOLD = 0.8, 0.1  # share of the way down between the legs that shows its colours: folds, so wide in m, may not
MOTTLED = 0.02  # m of other colours that a garment's pattern has
AT_EDGE, MOSTLY = 0.01, 0.8  # m from that edge which the cloth reaches; share of its width that does if it is cut off
BEYOND, SLOPE = 0.1, 0.1  # m below the picture's edge that it then ends; of its sides that tell how they go on
_LEFT, _RIGHT = (tuple(f"{side}_{joint}" for joint in LEGS) for side in ("left", "right"))
_ARMS = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist", "hand"))


@dataclass(frozen=True)
class _Strip:
    """matrix (2, 3) from picture px, scale px per metre; rgb (h, w, 3) uint8; cover (h, w) in [0, 1], the person; legs,
    left and right, and arms (h, w) bool, where the naked body has them; within (h, w) bool: of the picture; axes (h, 2)
    columns of left and right leg's axis; crotch, ankle, and edge, rows: from the last one on the picture shows nothing
    between the legs."""

    matrix: np.ndarray
    scale: float
    rgb: np.ndarray
    cover: np.ndarray
    legs: tuple[np.ndarray, np.ndarray]
    arms: np.ndarray
    within: np.ndarray
    axes: np.ndarray
    crotch: int
    ankle: int
    edge: int

    @classmethod
    def of(cls, model: BodyModel, motion: Motion, picture: np.ndarray, alpha: np.ndarray) -> _Strip | None:
        """None where the legs aren't seen at length."""
        vertices, joints = skin(model, torch.from_numpy(motion.poses[:1]), torch.from_numpy(motion.betas))
        scale, x, y = motion.picture_camera()[0]
        body, bones = vertices[0].double().numpy(), joints[0].double().numpy()
        places, knots = (np.stack([scale * p[:, 0] + x, y - scale * p[:, 1]], 1) for p in (body, bones))
        hips, ankles = knots[[1, 2]].mean(0), knots[[7, 8]].mean(0)
        length = float(np.linalg.norm(ankles - hips))
        if length < SHORTEST * scale:
            return None
        down = (ankles - hips) / length
        right = np.array([down[1], -down[0]])
        fine = float(np.clip(scale, COARSEST, FINEST))
        turn = np.stack([right, down]) * fine / scale
        size = (int(2 * ASIDE * fine), int((length / scale + ABOVE + BELOW) * fine))
        matrix = np.concatenate([turn, (np.array([ASIDE, ABOVE]) * fine - turn @ hips)[:, None]], 1)
        mode = cv2.INTER_AREA if scale > fine else cv2.INTER_LINEAR
        centres = matrix + np.array([[0.0, 0.0, 1.0]]) * (turn @ [0.5, 0.5] - 0.5)[:, None]  # OpenCV's lie at whole px
        rgb = cv2.warpAffine(picture, centres, size, flags=mode, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpAffine(alpha, centres, size, flags=cv2.INTER_LINEAR)
        within = cv2.warpAffine(np.ones_like(alpha), centres, size, flags=cv2.INTER_NEAREST) > 0
        flat, knots = places @ turn.T + matrix[:, 2], knots @ turn.T + matrix[:, 2]
        ndc = np.stack(
            [flat[:, 0] / size[0] * 2 - 1, 1 - flat[:, 1] / size[1] * 2, body[:, 2].max() - body[:, 2] + 1], 1
        )
        parts = model.parts.numpy()
        left, right_leg, arms = (
            rasterize(
                torch.from_numpy(ndc[None].astype(np.float32)),
                model.faces[np.isin(parts, [JOINT_NAMES.index(name) for name in names])[model.faces].all(1)],
                (size[1], size[0]),
            ).mask[0].numpy()
            for names in (_LEFT, _RIGHT, _ARMS)
        )  # fmt: skip
        rows = np.arange(size[1])
        axes = np.stack([np.interp(rows, knots[leg, 1], knots[leg, 0]) for leg in ([1, 4, 7], [2, 5, 8])], 1)
        rest, hip = model.v_template.numpy(), float(model.joint_template[1, 0])
        between = (np.abs(rest[:, 0]) < 0.1 * hip) & (rest[:, 1] > float(model.joint_template[4, 1]))
        crotch = flat[between][rest[between, 1].argmin(), 1]
        ankle = round(knots[[7, 8], 1].mean())
        middle = np.stack([axes.mean(1), rows + 0.5, np.ones(len(rows))], 1) @ cv2.invertAffineTransform(matrix).T
        beyond = ((middle < 0) | (middle >= [picture.shape[1], picture.shape[0]])).any(1) & (rows >= crotch)
        edge = int(beyond.argmax()) if beyond.any() else len(rows)
        strip = cls(matrix, fine, rgb, cover, (left, right_leg), arms, within, axes, round(crotch), ankle, edge)
        thighs = np.linalg.norm(bones[[4, 5]] - bones[[1, 2]], axis=1) * fine
        folded = _folded(knots[[1, 4, 7]], thighs[0]) or _folded(knots[[2, 5, 8]], thighs[1])
        return None if folded or strip.ankle - strip.crotch < SHORTEST * fine else strip

    @property
    def person(self) -> np.ndarray:
        """(h, w) bool."""
        inside: np.ndarray = self.cover > 0.5
        return inside

    def px(self, metres: float) -> int:
        return max(1, round(metres * self.scale))

    def rows(self, start: float, end: float) -> slice:
        """Rows so many m below the crotch."""
        return slice(max(0, self.crotch + round(start * self.scale)), max(0, self.crotch + round(end * self.scale)))

    def at(self, column: float, reach: float) -> slice:
        """Columns within so many m."""
        return slice(max(0, round(column - reach * self.scale)), max(0, round(column + reach * self.scale)) + 1)


def find_skirt(model: BodyModel, motion: Motion, picture: np.ndarray, alpha: np.ndarray) -> Outline | None:
    """The outline of what goes around both legs of a photo's person; None where that is not sure.

    motion of one frame; picture (H, W, 3) uint8, alpha (H, W) float32 in [0, 1].
    """
    strip = _Strip.of(model, motion, picture, alpha)
    if strip is None or not _closed(strip):
        return None
    tone = _tone(model, motion, picture)
    alike = True  # thighs and legs: in trousers, or in a gown
    for part in _legs(strip):
        feet = part.start >= strip.ankle
        if feet and not alike:
            break
        covered = slice(strip.rows(*CLOTH).start, round(GOWN * strip.ankle + (1 - GOWN) * strip.crotch))
        cloth, own, apart = _cloth(strip, tone, covered if feet else strip.rows(*CLOTH), part)
        if cloth is None or apart < APART:
            continue
        alike = False
        hem = _hem(strip, cloth)
        if _sure(strip, cloth, hem):
            return Outline(strip.matrix, strip.scale, hem, _sides(strip, cloth, own))
    return _cut_off(strip, _thighs(model, motion), picture.shape[0])


def _folded(leg: np.ndarray, thigh: float) -> bool:
    """Whether a leg, its hip, knee and ankle (3, 2) px of the strip, is drawn up; its thigh px long. Cloth that hangs
    doesn't show between such legs, and their own silhouette looks like a skirt's."""
    upper, lower = np.diff(leg, axis=0)
    bend = np.degrees(abs(np.arctan2(upper[0] * lower[1] - upper[1] * lower[0], upper @ lower)))
    return bool(upper[1] < RAISED * thigh or lower[1] <= 0 or bend > BENT)


def _legs(strip: _Strip) -> list[slice]:
    """Rows that may show the legs below a hem, to be tried in turn: boots may hide the leg, and a long skirt; and
    the picture's edge may cut it off."""
    length = strip.ankle - strip.crotch
    parts = [slice(strip.crotch + round(a * length), strip.crotch + round(b * length)) for a, b in LEG]
    if strip.edge < parts[0].stop:
        parts.append(slice(max(strip.crotch, strip.edge - strip.px(BAND)), strip.edge))
    return parts


def _closed(strip: _Strip) -> bool:
    """Whether the person covers what lies between the legs, below the crotch."""
    rows = strip.rows(0.02, SHORT)
    middle = strip.axes[rows].mean(1)
    places = zip(range(rows.start, rows.stop), middle, strict=True)
    return all(strip.person[row, strip.at(x, 0.01)].all() for row, x in places)


def _tone(model: BodyModel, motion: Motion, picture: np.ndarray) -> Tone | None:
    """The face's skin."""
    face = torch.from_numpy(np.flatnonzero(Surface.of_body(model).skin))
    vertices, _ = skin(model, torch.from_numpy(motion.poses[:1]), torch.from_numpy(motion.betas), vertices=face)
    scale, x, y = motion.picture_camera()[0]
    column, row = np.floor(scale * vertices[0, :, 0].numpy() + x), np.floor(y - scale * vertices[0, :, 1].numpy())
    inside = (column >= 0) & (column < picture.shape[1]) & (row >= 0) & (row < picture.shape[0])
    return Tone.of(picture[row[inside].astype(int), column[inside].astype(int)].astype(np.float64))


def _cloth(strip: _Strip, tone: Tone | None, above: slice, below: slice) -> tuple[np.ndarray | None, np.ndarray, float]:
    """(h, w) bool: pixels of the garment that covers the thighs, arms before it among them, None where too little of it
    is seen; (h, w) bool: those that have its colours, as the rows `above` show them; and how far these are from those
    of the legs below, Lab, which the rows `below` show."""
    legs = strip.legs[0] | strip.legs[1]
    core = cv2.erode(legs.astype(np.uint8), disk(strip.px(0.01))) > 0
    arms = cv2.dilate(strip.arms.astype(np.uint8), disk(strip.px(HAND))) > 0
    shown = core & strip.person & ~arms
    thighs, shanks = np.zeros_like(shown), np.zeros_like(shown)
    thighs[above] = shown[above]
    shanks[below] = shown[below]
    if min(np.count_nonzero(thighs), np.count_nonzero(shanks)) < FEW:
        return None, np.zeros_like(shown), 0.0
    lab = to_lab(strip.rgb.astype(np.float32)) * np.array([LIGHT, 1, 1], np.float32)
    where = strip.person.copy()
    where[: max(0, strip.crotch - strip.px(ABOVE))] = False
    apart = np.zeros(where.shape, np.float32)
    apart[where] = own = _away(lab[thighs], lab[where])
    legs_apart = float(np.median(apart[shanks]))
    bare = shanks & (apart > APART)  # the hem may reach into these rows
    other = _away(lab[bare if np.count_nonzero(bare) >= FEW else shanks], lab[where])
    lead = np.full(where.shape, -CLIP, np.float32)
    lead[where] = np.clip(other - own, -CLIP, CLIP)
    if tone is not None:
        like = np.zeros(where.shape)
        like[where] = tone.likeness(strip.rgb[where])
        if np.median(like[thighs]) < SKIN:
            lead = np.where((like > SKIN) & (apart > OWN), np.minimum(lead, -CLIP / 2), lead).astype(np.float32)
    coloured = (cv2.blur(lead, (3, 3)) > 0) & strip.person
    lead[arms & strip.person] = 0
    found = ((cv2.blur(lead, (3, 3)) > 0) & strip.person) | (arms & strip.person)
    smooth = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, disk(strip.px(0.006)))
    smooth = cv2.morphologyEx(smooth, cv2.MORPH_OPEN, disk(strip.px(0.008)))
    _, pieces = cv2.connectedComponents(smooth)
    most = np.bincount(pieces[thighs])
    most[0] = 0
    cloth = pieces == most.argmax() if most.max() > 0 else None
    return cloth, coloured, legs_apart


def _away(samples: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """(N,) how far colours (N, 3) are from those of some samples."""
    if len(samples) > SAMPLES:
        samples = np.random.default_rng(0).choice(samples, SAMPLES, replace=False)
    away: np.ndarray = cKDTree(samples).query(colours, NEAR)[0].mean(1)
    return away


def _hem(strip: _Strip, cloth: np.ndarray) -> np.ndarray:
    """(w,) the row below the garment in each column; NaN where there is none below the crotch."""
    rows = np.arange(len(cloth))[:, None]
    low = np.where(cloth, rows + 1, 0).max(0).astype(float)
    low = median_filter(low, strip.px(0.03) | 1)
    return np.where(low > strip.crotch, low, np.nan)


def _sure(strip: _Strip, cloth: np.ndarray, hem: np.ndarray) -> bool:
    """Whether the garment goes around both legs."""
    if np.isfinite(hem).sum() < strip.px(0.1):
        return False
    guess = round(float(np.nanmedian(hem)))
    ends = [_median(hem[strip.at(strip.axes[min(guess, len(cloth) - 1), leg], 0.03)]) for leg in (0, 1)]
    if not np.isfinite(ends).all():
        return False
    last = round(min(ends))
    middle = strip.axes.mean(1)
    across = hem[strip.at(middle[min(last, len(middle) - 1)], 0.03)]
    if not len(across) or not np.isfinite(across).all() or last - strip.crotch < SHORT * strip.scale:
        return False
    m = 1 / strip.scale
    notch = last - across.min()
    if (
        (max(ends) - min(ends)) * m > LEVEL
        or notch > max(NOTCH / m, WAVE * (last - strip.crotch))
        or (across.max() - max(ends)) * m > LOOP
    ):
        return False
    start, stop = strip.crotch + strip.px(0.02), round(min(last, across.min())) - strip.px(0.01)
    if any(cloth[row, strip.at(middle[row], 0.01)].mean() < FILLED for row in range(start, stop)):
        return False
    legs = strip.legs[0] | strip.legs[1]
    low = round(max(*ends, across.max()))
    free = slice(low + strip.px(0.015), min(low + strip.px(0.06), strip.edge))
    if free.stop - free.start < strip.px(LEAST_FREE) or free.stop >= len(cloth):
        return False
    if not legs[free].any() or cloth[free][legs[free]].mean() > FREE:
        return False
    first, end, gap = _below(strip, free)
    off = _stands_off(strip, cloth, last, (first, end))
    spans = gap > max(WIDE_GAP, off) and off > -WITHIN and notch * m <= NOTCH  # shorts go with a leg on both sides
    if last - strip.crotch < LEAST * strip.scale and off < WIDE:
        return False
    return (spans or off > FLARE) and not _creased(strip, cloth, last)


def _median(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _ends(mask: np.ndarray) -> tuple[int, int]:
    """First and last column + 1 of a row's pixels."""
    at = np.flatnonzero(mask)
    return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)


def _run(mask: np.ndarray, column: float) -> tuple[int, int]:
    """First and last column + 1 of the run of a row's pixels that is nearest to a column."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    away = np.maximum(edges[:, 0] - column, column - edges[:, 1])
    return tuple(edges[away.argmin()].tolist()) if len(edges) else (0, 0)


def _below(strip: _Strip, rows: slice) -> tuple[float, float, float]:
    """Columns where both legs begin and end in rows below a hem, and m between them, as the picture shows: the naked
    body was fitted to the garment as well, and is too wide."""
    near = cv2.dilate((strip.legs[0] | strip.legs[1])[rows].astype(np.uint8), disk(strip.px(BESIDE))) > 0
    shown = strip.person[rows] & near & ~strip.arms[rows]
    axes = np.sort(strip.axes[rows], axis=1)
    runs = np.array([[_run(row, at) for at in both] for row, both in zip(shown, axes, strict=True)])
    first, _, _, end = np.median(runs.reshape(-1, 4), 0)
    return float(first), float(end), float(np.median(runs[:, 1, 0] - runs[:, 0, 1])) / strip.scale


def _stands_off(strip: _Strip, cloth: np.ndarray, row: int, legs: tuple[float, float]) -> float:
    """m that the garment is wider above a hem than both legs, which begin and end in such columns below it."""
    rows = slice(row - strip.px(0.05), row - strip.px(0.015))
    garment = np.array([_ends(inside) for inside in cloth[rows] & ~strip.arms[rows]])
    return float(np.median(legs[0] - garment[:, 0] + garment[:, 1] - legs[1])) / strip.scale


def _creased(strip: _Strip, cloth: np.ndarray, row: int) -> bool:
    """Whether the deepest fold lies in the middle: two legs meet there."""
    reach, light = strip.px(0.08), to_lab(strip.rgb.astype(np.float32))[..., 0]
    rows = np.arange(strip.crotch + strip.px(0.02), row - strip.px(0.01))
    columns = np.rint(strip.axes.mean(1)[rows, None]).astype(int) + np.arange(-reach, reach + 1)
    columns = columns.clip(0, cloth.shape[1] - 1)
    inside = cloth[rows[:, None], columns]
    mean = (light[rows[:, None], columns] * inside).sum(0) / np.maximum(inside.sum(0), 1)
    dark = median_filter(mean, reach | 1) - mean
    middle = np.abs(np.arange(-reach, reach + 1)) <= strip.px(0.015)
    deepest = float(dark[middle].max())
    return deepest > CREASE and deepest > DEEP * float(dark[~middle].max())


def _sides(strip: _Strip, cloth: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(h, 2) first and last column of a garment in each row: where its own colours (h, w) bool end with the person,
    and else, behind a hand or beside the picture, as the other side goes on and the person allows."""
    width, even = cloth.shape[1], strip.px(0.02) | 1
    sides = [strip.cover, strip.within, strip.person, cloth, cloth & own]
    left, leftmost = _left(strip, *sides)
    right, rightmost = _left(strip, *(each[:, ::-1] for each in sides))
    left, right = _evened(left, even), _evened(width - right, even)
    if np.isnan(left).all() or np.isnan(right).all():
        left, right = np.fmin(left, 2 * strip.axes.mean(1) - right), np.fmax(right, 2 * strip.axes.mean(1) - left)
    whole = np.fmax(_gone_on(left, right), leftmost), np.fmin(_gone_on(right, left), width - rightmost)
    return np.stack(whole, 1)


def _left(
    strip: _Strip, cover: np.ndarray, within: np.ndarray, person: np.ndarray, cloth: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(h,) the column where a garment ends to the left and the person with it, NaN where a hand goes on or hides it, or
    the picture ends; and (h,) that where the person ends, of the garment's rows, NaN where the picture does.

    cover (h, w) in [0, 1]; within the picture, person, cloth, arms before it included, and what of it has its own
    colours (h, w) bool
    """
    ends, most = np.full(len(own), np.nan), np.full(len(own), np.nan)
    for row in np.flatnonzero(cloth.any(1)):
        first = int(own[row].argmax())
        last = _run(person[row], first)[0]
        if not within[row, max(0, last - strip.px(CUT))]:
            continue
        most[row] = last
        if own[row, first] and not person[row, max(0, first - strip.px(OPEN)) : first].all():
            ends[row] = _edge(strip, cover[row], first)
    return ends, most


def _edge(strip: _Strip, cover: np.ndarray, first: int) -> float:
    """Where a person's edge lies in a row of the strip, cover (w,) in [0, 1], just before the first pixel of a garment;
    that pixel's own edge where the person goes on."""
    for at in range(first, max(0, first - strip.px(0.01)), -1):
        inside, outside = float(cover[at]), float(cover[at - 1])
        if outside <= 0.5 < inside:
            return at - 0.5 + (0.5 - outside) / (inside - outside)
    return float(first)


def _evened(side: np.ndarray, size: int) -> np.ndarray:
    """(h,) columns with their outliers taken out; NaN stays."""
    known, out = np.flatnonzero(np.isfinite(side)), side.copy()
    if len(known):
        out[known] = median_filter(side[known], size)
    return out


def _gone_on(side: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(h,) columns of one side, known everywhere: evenly between known rows, and beyond the last of these as much wider
    as the other side (h,) is there."""
    known, rows = np.flatnonzero(np.isfinite(side)), np.arange(len(side))
    if not len(known):
        return side
    out = np.interp(rows, known, side[known])
    both = np.flatnonzero(np.isfinite(other))
    if len(both):
        wider = np.interp(rows, both, other[both])
        out -= np.where(rows > known[-1], wider - wider[known[-1]], 0)
        out -= np.where(rows < known[0], wider - wider[known[0]], 0)
    return out


def _thighs(model: BodyModel, motion: Motion) -> float:
    """m that both of a person's thighs are wide, side by side."""
    betas = torch.from_numpy(motion.betas)
    joints = joints_rest(model, betas)
    half = float(joints[[1, 4], 1].mean())
    rest = rest_vertices(model, betas).numpy()
    at = (np.abs(rest[:, 1] - half) < 0.02) & np.isin(model.parts.numpy(), [JOINT_NAMES.index("left_hip")])
    return 2 * float(np.ptp(rest[at, 0]))


def _cut_off(strip: _Strip, thighs: float, height: int) -> Outline | None:
    """The outline of a skirt that the lower edge of a picture, `height` px high, cuts off, or that ends just above it;
    None where that isn't sure. Its hem is put beyond the edge. thighs: m that both are wide."""
    if strip.edge >= strip.ankle or strip.edge - strip.crotch < LONG * strip.scale:
        return None
    across, down = strip.matrix[1, :2]
    if down <= abs(across):  # lying
        return None
    cloth, own = _mottled(strip)
    if cloth is None:
        return None
    middle = np.rint(strip.axes.mean(1)).astype(int)
    last = strip.edge - strip.px(RAGGED)
    between = [(row, strip.at(middle[row], 0.01)) for row in range(strip.crotch + strip.px(0.02), last)]
    closed = all(strip.person[at].all() for at in between)
    if not closed or np.mean([cloth[at].all() for at in between]) < CLOSED:
        return None
    seen = cloth & (np.arange(len(cloth)) < last)[:, None]
    sides = _sides(strip, seen, own)
    width = np.diff(sides, axis=1)[:, 0] / strip.scale
    high, low = (_median(width[part]) for part in (strip.rows(0, WIDTH), slice(last - strip.px(WIDTH), last)))
    dark = np.median(to_lab(strip.rgb[cloth].astype(np.float32))[:, 0]) < DARK
    flared = not dark and low > max(thighs + FLARED, high + FLARES)
    if not (flared or low > thighs + WIDER) or _creased(strip, cloth, last):
        return None
    hem, bottom = _without_folds(_hem(strip, cloth), strip.px(FOLD)), _lower_edge(strip, height)
    reaches = hem >= bottom - strip.px(AT_EDGE)
    goes_on = reaches[slice(*_ends(cloth[last - 1]))].mean() > MOSTLY
    hem = np.where(reaches, bottom + (BEYOND * strip.scale if goes_on else 0), hem)
    sides = _onwards(sides, last - strip.px(0.02), strip.px(SLOPE))
    return Outline(strip.matrix, strip.scale, hem, sides, legs=False)


def _without_folds(hem: np.ndarray, width: int) -> np.ndarray:
    """(w,) rows of a hem that folds of less than `width` px, in the shade down there, don't take up."""
    out, known = hem.copy(), np.flatnonzero(np.isfinite(hem))
    if len(known):
        out[known] = grey_closing(np.pad(hem[known], width, mode="edge"), width)[width:-width]
    return out


def _lower_edge(strip: _Strip, height: int) -> np.ndarray:
    """(w,) the row in which the lower edge of a picture, `height` px high, crosses each column."""
    (x, y), (dx, dy) = strip.matrix @ [0, height, 1], strip.matrix[:, 0]
    rows: np.ndarray = y + (np.arange(strip.cover.shape[1]) + 0.5 - x) * dy / dx
    return rows


def _onwards(sides: np.ndarray, last: int, over: int) -> np.ndarray:
    """Sides (h, 2) that go on below a row as they have done over the last rows, and never inwards."""
    out, rows = sides.copy(), np.arange(last - over, last)
    for side, outwards in ((0, -1), (1, 1)):
        known = sides[rows, side]
        if np.isfinite(known).all():
            slope, at = np.polyfit(rows - last, known, 1)
            slope = outwards * max(0.0, outwards * slope)
            out[last:, side] = at + slope * (np.arange(last, len(out)) - last)
    return out


def _mottled(strip: _Strip) -> tuple[np.ndarray | None, np.ndarray]:
    """(h, w) bool: the garment that covers the thighs, by its own colours alone, arms before it among it, None where
    too little of it is seen; (h, w) bool: its pixels beside the arms."""
    legs = cv2.erode((strip.legs[0] | strip.legs[1]).astype(np.uint8), disk(strip.px(0.01))) > 0
    arms = cv2.dilate(strip.arms.astype(np.uint8), disk(strip.px(HAND))) > 0
    shown = np.zeros_like(legs)
    shown[strip.rows(*CLOTH)] = (legs & strip.person & ~arms)[strip.rows(*CLOTH)]
    own = np.zeros_like(legs)
    if np.count_nonzero(shown) < FEW:
        return None, own
    where = strip.person.copy()
    where[: max(0, strip.crotch - strip.px(ABOVE))] = False
    lab = to_lab(strip.rgb.astype(np.float32)) * np.array([LIGHT, 1, 1], np.float32)
    own[where] = _away(lab[shown], lab[where]) < APART
    closed = cv2.morphologyEx((own | (arms & where)).astype(np.uint8), cv2.MORPH_CLOSE, disk(strip.px(MOTTLED)))
    closed = cv2.morphologyEx(closed & strip.person, cv2.MORPH_OPEN, disk(strip.px(0.008)))
    _, pieces = cv2.connectedComponents(closed)
    most = np.bincount(pieces[shown])
    most[0] = 0
    if most.max() == 0:
        return None, own
    cloth: np.ndarray = pieces == most.argmax()
    return cloth, cloth & own & ~arms
