"""Arms in front of the body: which of a photo's pixels show them, and so what the photo doesn't show of the rest.

A hand is seldom fitted to the centimetre, and the hand of the photo is not the body model's: what lies beside the
fitted arm may be the arm, and what lies on it the dress. Where the fit leaves it open, each pixel goes with those that
look like it and lie near it: with the fitted arm's inside or with what is far from any arm. Bare hands are told by the
face's skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.skin_tone import LEAST, OUTER, Tone, to_lab
from lwgan_cli.texture.surface import Surface

RESOLUTION = 220.0  # px per metre at which pixels are told apart
ARM_REACH, HAND_REACH = 0.04, 0.08  # m: how far from their place in the fit they may be in the photo
BEYOND = 0.16  # m from a fitted hand, beyond which skin that hangs together is no hand's
BEFORE_FACE = 0.012  # m: how far where they lie before a face, whose colour is theirs and would all be a hand's
CORE = 0.012  # m inside a fitted arm's outline, from which on it is surely arm
NEARBY = 0.2  # m around a hand: where clothes of the skin's colour make that colour tell nothing
MOST_BARE = 0.3  # … if they are more than this share of what is seen there
ALIKE = 0.5  # likeness from which a colour counts as skin
LEAST_HAND = 0.2  # share of a hand's pixels in the fit that skin covers at least, where it is seen …
LEAST_MET = 0.4  # … and where the fit is near enough to it for the photo to tell more than the skin's mean does
ON_HEAD = 0.5  # share of the skin near a hand that is no hand's, if it lies where the fit has the head: a face's
OWN = 2.0  # spreads from most of a hand's skin beyond which a colour is none: trousers in the dark, a shadow
CREASE = 0.005  # m: nails and the shade between fingers, which are skin too
NEIGHBOURS = 4  # pixels that decide
SAMPLES = 3000  # that are compared with, of either kind
SPREAD, SPREAD_LAB = 0.25, 8.0  # m and Lab: distances in place and in colour that count alike
ODD = 3.0  # such distances from which a pixel is neither, but background or what a hand holds
TOUCHING = 2.5  # px between an arm's skin and such as goes on from it
MIXED, FEW = 0.8, 0.05  # of how far from skin all cloth but a few of its pixels is: nearer ones are partly skin
ASIDE = (0.5, 0.8)  # sine of how far a body is turned, over which it comes to be seen from aside
COVERED = (0.012, 0.025)  # m from an arm's pixels between which the surface behind comes to be trusted
MISSED = (0.004, 0.012)  # m from an arm's pixels between which the arm's surface ceases to be …
OFF_SKIN = (0.001, 0.008)  # … and a bare hand's from its skin
SEAM = (0.04, 0.1)  # m from where arm and shoulder meet, over which they come to be apart …
BELOW_ARMPIT = (-0.02, 0.01)  # … and m below there, over which the trunk comes to be under an arm, not of it


@dataclass(frozen=True)
class _Crop:
    """The person's part of a photo, small: lab (h, w, 3), rgb (h, w, 3) 0 … 255, solid (h, w) bool: the person;
    group (h, w) row of `Surface.axes` that the fitted body shows there, -1 for none; bare (h, w) bool where it shows
    legs known to be bare; head (h, w) bool; arms (h, w) bool where its arms lie, hidden or not; places (V, 2) px of
    the vertices; scale px per metre."""

    rgb: np.ndarray
    lab: np.ndarray
    solid: np.ndarray
    group: np.ndarray
    bare: np.ndarray
    head: np.ndarray
    arms: np.ndarray
    places: np.ndarray
    scale: float

    @classmethod
    def of(
        cls, surface: Surface, colours: np.ndarray, alpha: np.ndarray, px: np.ndarray, depth: np.ndarray, scale: float
    ) -> _Crop | None:
        """None where nothing of the body lies in the photo. Arguments as of `arm_trust`."""
        height, width = alpha.shape
        low = np.clip(np.floor(px.min(0)), 0, [width, height]).astype(int)
        high = np.clip(np.ceil(px.max(0)), 0, [width, height]).astype(int)
        if (high - low).min() < 2:
            return None
        part = slice(low[1], high[1]), slice(low[0], high[0])
        size = np.maximum(np.rint((high - low) * min(1.0, RESOLUTION / scale)), 2).astype(int)
        shrink = size / (high - low)
        rgb, solid = (cv2.resize(each[part], size.tolist(), interpolation=cv2.INTER_AREA) for each in (colours, alpha))
        places = (px - low) * shrink
        ndc = np.concatenate([places / size * [2, -2] + [-1, 1], depth[:, None] - depth.min() + 1], 1)
        vertices, faces = torch.from_numpy(ndc[None].astype(np.float32)), torch.from_numpy(surface.faces)
        fragments = rasterize(vertices, faces, (int(size[1]), int(size[0])))
        face = fragments.pix_to_face[0].numpy()
        group = np.where(face >= 0, surface.groups[surface.faces[face, 0]], -1)
        of_arm = surface.arms[surface.groups[surface.faces]].all(1)
        bare = (face >= 0) & (surface.bare & surface.of_limbs[1])[surface.faces[face]].all(-1)
        head = np.isin(group, surface.groups[surface.skin])
        arms = rasterize(vertices, faces[of_arm], (int(size[1]), int(size[0]))).mask[0].numpy()
        return cls(rgb, to_lab(rgb), solid > 0.5, group, bare, head, arms, places, scale * float(shrink.mean()))

    def grown(self, mask: np.ndarray, metres: float) -> np.ndarray:
        """(h, w) bool: within so many metres of the mask."""
        return self.away(mask) <= metres

    def away(self, mask: np.ndarray) -> np.ndarray:
        """(h, w) float32 m to the mask (h, w) bool; infinite where it is empty."""
        if not mask.any():
            return np.full(mask.shape, np.inf, np.float32)
        return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / self.scale

    def at_vertices(self, values: np.ndarray) -> np.ndarray:
        """(V,) of values (h, w), those at the edge beyond it."""
        height, width = values.shape
        x, y = np.clip(self.places.astype(int), 0, [width - 1, height - 1]).T
        return values[y, x]

    def features(self, rows: np.ndarray) -> np.ndarray:
        """(N, 5) what pixels, flat rows (N,), are compared by."""
        y, x = np.divmod(rows, self.solid.shape[1])
        place = np.stack([x, y], 1) / (SPREAD * self.scale)
        return np.concatenate([place, self.lab.reshape(-1, 3)[rows] / SPREAD_LAB], 1)


def arm_trust(
    surface: Surface,
    colours: np.ndarray,
    alpha: np.ndarray,
    px: np.ndarray,
    depth: np.ndarray,
    scale: float,
    skin: Tone | None,
) -> np.ndarray:
    """(V,) float32 in [0, 1]: whether the photo shows a vertex where the fit has it, as far as arms are concerned: 0
    for what arms cover, and for what of the arms is covered or lies elsewhere in the photo.

    colours  (H, W, 3) uint8; alpha (H, W) in [0, 1], the person
    px       (V, 2) where the vertices lie, picture px, depth (V,) away from the viewer; scale px per metre
    skin     the person's; None where it isn't known
    """
    trust = np.ones(len(px), np.float32)
    crop = _Crop.of(surface, colours, alpha, px, depth, scale)
    if crop is None:
        return trust
    side = _sides(surface)
    fitted = (crop.group >= 0) & surface.arms[crop.group]
    core = crop.solid & fitted & (crop.away(~fitted) > CORE)
    face = _face_beside(crop, fitted, skin)
    contested = crop.solid & crop.grown(fitted | crop.arms, ARM_REACH) & ~face
    bare: dict[int, _Bare] = {}
    for hand in np.flatnonzero(surface.hands):
        found = _bare_hand(crop, crop.group == hand, fitted, face, skin)
        if found is not None:
            bare[int(hand)] = found
            contested |= found.near & crop.solid & ~face
            core = (core & (crop.group != hand)) | found.skin
    rest = crop.solid & (crop.group >= 0) & ~contested
    for hand, found in bare.items():
        if found.met < LEAST_HAND:
            core &= ~_as_behind(crop, core & fitted & (side[crop.group] == side[hand]), rest)
    arms, odd = _told_apart(crop, fitted, core, rest, contested)
    arms = arms | _skin_beside(crop, arms, core, rest, skin) & ~face
    behind, own = crop.at_vertices(crop.away(arms | odd)), crop.at_vertices(crop.away(arms | ~crop.solid))
    of_arm = surface.arms[surface.groups]
    trust = np.where(of_arm, 1 - smoothstep(own, *MISSED), smoothstep(behind, *COVERED)).astype(np.float32)
    trust = 1 - (1 - trust) * smoothstep(from_seam(surface), *SEAM).astype(np.float32)
    under = _under(crop, surface, arms, core, skin) * _from_aside(surface, px, depth, scale)
    trust = np.minimum(trust, 1 - under).astype(np.float32)
    for hand, found in bare.items():
        away = crop.at_vertices(crop.away(found.skin))
        is_hand = surface.groups == hand
        on_skin = 1 - smoothstep(away, *OFF_SKIN) if found.met > LEAST_MET else np.zeros_like(away)
        trust[is_hand] = np.minimum(trust, on_skin)[is_hand]
        sleeve = of_arm & ~surface.hands[surface.groups]
        behind = sleeve & (side[surface.groups] != side[hand])
        trust[behind] = np.minimum(trust, smoothstep(away, *COVERED))[behind]
        if surface.sleeved[hand]:
            own = sleeve & ~behind
            trust[own] = np.minimum(trust, smoothstep(away, *OFF_SKIN))[own]
    return trust


def _under(crop: _Crop, surface: Surface, arms: np.ndarray, core: np.ndarray, skin: Tone | None) -> np.ndarray:
    """(V,) in [0, 1]: the trunk where it is below an armpit and at pixels of a bare arm; arms, and their surest pixels,
    core, (h, w) bool. Hair that falls there may be taken for an arm: it hasn't its skin's colour."""
    own = None if skin is None else Tone.of(crop.rgb[core & (skin.likeness(crop.rgb) > ALIKE)])
    if own is None:
        return np.zeros(len(surface.vertices))
    behind = 1 - smoothstep(crop.at_vertices(crop.away(arms & (own.distance(crop.rgb) < OWN))), *COVERED)
    below = smoothstep(below_armpits(surface), *BELOW_ARMPIT)
    return ~surface.arms[surface.groups] * below * behind


def _from_aside(surface: Surface, px: np.ndarray, depth: np.ndarray, scale: float) -> np.ndarray:
    """(V,) in [0, 1]: how far the vertices are on the side of the body from which it is seen; 0 on both where that is
    from the front or from behind. Arguments as of `arm_trust`."""
    seam, left = _seam(surface), surface.vertices[:, 0] > 0
    sides = seam[left[seam]], seam[~left[seam]]
    if not all(len(side) for side in sides):
        return np.zeros(len(px))
    one, other = (np.concatenate([surface.vertices[side], px[side]], 1).mean(0) for side in sides)
    across = np.linalg.norm(one[3:] - other[3:]) / (scale * np.linalg.norm(one[:3] - other[:3]))
    aside = smoothstep(np.sqrt(np.clip(1 - across**2, 0, 1)), *ASIDE)
    near = left if depth[sides[0]].mean() < depth[sides[1]].mean() else ~left
    return np.asarray(aside * near)


def _sides(surface: Surface) -> np.ndarray:
    """(G,) -1 or 1, the side of the body that each group lies on."""
    count = np.maximum(np.bincount(surface.groups, minlength=len(surface.axes)), 1)
    sums = np.bincount(surface.groups, surface.vertices[:, 0], minlength=len(surface.axes))
    side: np.ndarray = np.sign(sums / count)
    return side


def from_seam(surface: Surface) -> np.ndarray:
    """(V,) m from where arms meet the rest of the body, rest pose."""
    seam = _seam(surface)
    if not len(seam):
        return np.full(len(surface.vertices), np.inf)
    away: np.ndarray = cKDTree(surface.vertices[seam]).query(surface.vertices)[0]
    return away


def below_armpits(surface: Surface) -> np.ndarray:
    """(V,) m below where arms meet the rest of the body, rest pose; below 0 above it."""
    seam = _seam(surface)
    if not len(seam):
        return np.full(len(surface.vertices), -np.inf)
    below: np.ndarray = surface.vertices[seam, 1].min() - surface.vertices[:, 1]
    return below


def _seam(surface: Surface) -> np.ndarray:
    """Vertices of the faces where arms meet the rest of the body."""
    of_arm = surface.arms[surface.groups]
    return np.unique(surface.faces[of_arm[surface.faces].any(1) & ~of_arm[surface.faces].all(1)])


@dataclass(frozen=True)
class _Bare:
    """A hand's skin (h, w) bool, none where it is in a pocket; near (h, w) bool, what lies within its reach; met: the
    share of the hand, as the fit has it, that lies on its skin."""

    skin: np.ndarray
    near: np.ndarray
    met: float


def _face_beside(crop: _Crop, arms: np.ndarray, skin: Tone | None) -> np.ndarray:
    """(h, w) bool: what of the head lies beside fitted arms (h, w) bool that lie before it; nothing where no skin is
    known."""
    if skin is None or not (crop.grown(arms, BEFORE_FACE) & crop.head & (skin.likeness(crop.rgb) > ALIKE)).any():
        return np.zeros_like(arms)
    beside: np.ndarray = crop.solid & crop.head & ~crop.grown(arms, BEFORE_FACE)
    return beside


def _bare_hand(crop: _Crop, fitted: np.ndarray, arms: np.ndarray, face: np.ndarray, skin: Tone | None) -> _Bare | None:
    """A hand that the fit shows at `fitted` (h, w); None where it can't be told: it isn't seen, wears a glove, is in
    a sleeve beside the face, or is before something of the skin's colour. face (h, w) bool: what is none before it."""
    if skin is None or not fitted.any():
        return None
    near = crop.grown(fitted, HAND_REACH) & ~face & ~crop.bare  # legs have the hand's colour, and are no hand
    alike = crop.solid & (skin.likeness(crop.rgb) > ALIKE)
    around = crop.solid & crop.grown(fitted, NEARBY) & ~near & ~crop.bare & ~crop.grown(arms, ARM_REACH)
    if not (near & crop.head).any():  # a face, and fair hair, have the hand's colour, but the hand isn't before them
        around &= ~crop.head
    if np.count_nonzero(alike & around) > MOST_BARE * np.count_nonzero(around):
        return None
    hand, size = alike & near, np.count_nonzero(fitted)
    found = np.count_nonzero(hand)
    if np.count_nonzero(hand & fitted) < LEAST_HAND * size and np.count_nonzero(hand & crop.head) > ON_HEAD * found:
        return None
    if found < max(LEAST, LEAST_HAND * size):
        hidden = _like(crop, crop.solid & fitted, around)
        return _Bare(np.zeros_like(hand), near, 0.0) if hidden else None
    own = Tone.of(crop.rgb[hand & fitted])
    hand = hand if own is None else hand & (own.distance(crop.rgb) < OWN)
    hand &= ~_beside(crop, hand, alike & ~crop.bare & ~crop.grown(arms, ARM_REACH), fitted)
    width = 2 * max(1, round(CREASE * crop.scale)) + 1
    closed = cv2.morphologyEx(hand.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((width, width), np.uint8)) > 0
    return _Bare(closed, near, np.count_nonzero(closed & fitted) / size)


def _beside(crop: _Crop, hand: np.ndarray, skin: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """(h, w) bool: pieces of what may be a hand's pixels (h, w), off where it is `fitted`, that go on further in the
    `skin` (h, w) off the arms than a hand does: a neck, a chest in a low-cut dress."""
    _, pieces = cv2.connectedComponents((skin | hand).astype(np.uint8))
    far = np.setdiff1d(pieces[skin & ~crop.grown(fitted, BEYOND)], pieces[hand & fitted])
    beside: np.ndarray = np.isin(pieces, far)
    return beside


def _as_behind(crop: _Crop, arm: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(h, w) bool: pixels of an arm (h, w) bool, whose hand isn't where the fit has it, that look like the `rest`
    (h, w) bool nearby: the arm is elsewhere, too, behind the back or in a pocket."""
    out, rows, others = np.zeros_like(arm), np.flatnonzero(arm), np.flatnonzero(rest)
    if len(rows) and len(others) >= NEIGHBOURS:
        tree = cKDTree(crop.features(_few(others)))
        out.ravel()[rows[tree.query(crop.features(rows), NEIGHBOURS)[0].mean(1) < 1]] = True
    return out


def _few(rows: np.ndarray) -> np.ndarray:
    """At most SAMPLES of (N,)."""
    return np.random.default_rng(0).choice(rows, SAMPLES, replace=False) if len(rows) > SAMPLES else rows


def _like(crop: _Crop, some: np.ndarray, others: np.ndarray) -> bool:
    """Whether most of some pixels (h, w) bool have the colours of others."""
    if min(np.count_nonzero(some), np.count_nonzero(others)) < LEAST:
        return False
    away = cKDTree(crop.lab[others]).query(crop.lab[some], NEIGHBOURS)[0].mean(1)
    return bool(np.median(away) < SPREAD_LAB)


def _told_apart(
    crop: _Crop, fitted: np.ndarray, arm: np.ndarray, rest: np.ndarray, contested: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) bool: the pixels that show an arm, of those `contested` and those that surely do, where neither colour nor
    place tells those where it is fitted; and (h, w) bool: those that look like nothing else."""
    open_ = np.flatnonzero(contested & ~arm)
    if not len(open_) or min(np.count_nonzero(arm), np.count_nonzero(rest)) < NEIGHBOURS:
        return arm | contested & fitted, np.zeros_like(arm)
    features = crop.features(open_)
    away = [
        cKDTree(crop.features(_few(np.flatnonzero(mask)))).query(features, NEIGHBOURS)[0].mean(1)
        for mask in (arm, rest)
    ]  # fmt: skip
    outside = np.clip((crop.away(fitted | crop.arms) - crop.away(~fitted)).ravel()[open_] / ARM_REACH, -1, 1)
    out, odd = arm.astype(np.uint8), np.zeros(arm.shape, np.uint8)
    out.ravel()[open_[away[0] - away[1] + outside < 0]] = 1
    odd.ravel()[open_[np.minimum(*away) > ODD]] = 1
    return cv2.medianBlur(out, 3) > 0, cv2.medianBlur(odd, 3) > 0


def _skin_beside(crop: _Crop, arms: np.ndarray, core: np.ndarray, rest: np.ndarray, skin: Tone | None) -> np.ndarray:
    """(h, w) bool: skin beside bare arms (h, w) bool, whose surest pixels are `core` (h, w) bool, that goes on no
    further than an arm lies beside its fit: shoulders, fingers, and what of these their motion mixes with the `rest`
    (h, w) bool. A neck goes on to the face, and a bare chest further."""
    own = None if skin is None else Tone.of(crop.rgb[core & (skin.likeness(crop.rgb) > ALIKE)])
    if skin is None or own is None:
        return np.zeros_like(arms)
    apart = np.minimum(skin.distance(crop.rgb), own.distance(crop.rgb))
    cloth = apart[rest & ~crop.head & (apart > OUTER)]
    mixed = max(OUTER, MIXED * float(np.quantile(cloth, FEW))) if len(cloth) else OUTER
    open_ = crop.solid & (apart < mixed) & ~arms & ~crop.bare
    _, pieces = cv2.connectedComponents(open_.astype(np.uint8), connectivity=4)
    far = pieces[open_ & (crop.head | (crop.away(arms) > HAND_REACH))]
    near = pieces[open_ & (crop.away(arms & (apart < OUTER)) * crop.scale < TOUCHING)]
    beside: np.ndarray = open_ & np.isin(pieces, np.setdiff1d(near, far))
    return beside
