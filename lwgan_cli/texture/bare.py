"""Where arms and legs are bare, and which of the pixels that the fit has there show skin.

Sleeves and trouser legs come from above and end somewhere, and from there on a limb is bare, all around it and on both
sides alike, down to shoes or gloves: that is decided for whole limbs. Of a limb that is bare, a fit that is off reads
what lies beside it or before it, shorts under a hand, a shoe behind a shank, hair: what is no skin there, and hangs
together with the rim of what is seen, isn't the limb's own. Watches, which go across, and spots amid the skin are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.occlusion import from_seam
from lwgan_cli.texture.skin_tone import Tone, in_spreads, to_log
from lwgan_cli.texture.surface import Surface

ARMS, LEGS = 0, 1  # rows of `Surface.of_limbs`
ALIKE = 0.5  # likeness from which a colour counts as skin
LIGHT, COLOUR = 0.4, 0.07  # spreads of log linear RGB, in light and in the channels' ratios, that any limb is given
WIDER = 2.0  # times that they vary more than the middle of the samples, which makes the tone
SKIN = (3.5, 2.5)  # distances, in spreads, between which a colour comes to be a limb's skin …
PERHAPS = (5.0, 3.5)  # … and to be perhaps: shaded rims of a limb are further off than shoes may be
STEP = 0.02  # m of limb whose colours are taken together …
MOST = 6.0  # … and as how many vertices they count at most
UNLIKE = 1.45  # spreads from the face's tone, of colour and of shade together, as far as any limb's skin is …
UNLIKE_LIMBS = 1.0  # … and from that of the other limbs, where they are bare: a face is made up, and lit otherwise
UNLIKE_HANDS = 0.75  # … and how much further the forearms and hands may be that come out of other sleeves, up there …
FOREARM = (-0.22, -0.035)  # … m beyond the wrist
PALM = 0.05  # m beyond the wrist from which on a hand is bare as a whole: nothing is worn on fingers' ends alone
LEAST_BARE = 18.0  # vertices of skin, and not of cloth, that must be seen
SWITCH = 9.0  # vertices that must disagree for a sleeve to end, or a sock to begin
LOST = 0.5  # share of what is seen of a part of a limb that must be no skin, for the fit to have none of it right
HEM = (0.03, 0.06)  # m from a sleeve's end over which its cloth ceases to be believed: hems run aslant
ARMHOLE = (0.06, 0.12)  # … and from where an arm meets the trunk: tops reach around armpits
WATCH, ACROSS = 0.05, 0.7  # m of limb that something worn on it covers at most, and share of what is seen there
ASLANT = 0.004  # m by which one ring of a limb's vertices goes aslant
GENTLE, MOSTLY = 200.0, 0.5  # spreads per m in the photo's plane, up to which light on skin fades, mostly …
WHITENED = 1.0  # … and spreads that its tint is off those between skin's and white
BETWEEN = (0.25, 0.5, 0.75)  # of the way to a neighbour that shows no skin, where the photo is looked at …
BELIEVED = (0.0, 0.5, 0.8)  # … and how far a vertex is trusted if skin ends there
NONE = np.full((2, 2), np.nan)


def bare_stretches(surface: Surface, colours: np.ndarray, shown: np.ndarray, skin: Tone | None) -> np.ndarray:
    """(2, 2) m along arms and legs, see `Surface.along`, between which they are bare; NaN where they aren't at all, or
    nothing is known. Below a skirt legs are bare unless they are seen to be covered.

    colours (V, 3) 0 … 255 at the vertices, shown (V,) bool: which of them the photo shows; skin the person's
    """
    out = NONE.copy()
    if skin is None:
        return out
    skins, along = limb_skins(surface, colours, shown, skin), surface.along
    likeness = limb_likeness(skins, surface.of_limbs, colours)
    told = [(skin.mean, UNLIKE)]
    for row in np.argsort([_unlike(own.mean, skin.mean) for own in skins]):  # the face tells most of what is most so
        limb, own = surface.of_limbs[row], skins[row].mean
        if not limb.any():
            continue
        start, end = along[limb].min(), along[limb].max()
        cell = ((along - start) / STEP).astype(int)
        rows = shown & limb
        count = np.bincount(cell[rows], minlength=int((end - start) / STEP) + 1)
        share = np.bincount(cell[rows], likeness[rows] > ALIKE, minlength=len(count)) / np.maximum(count, 1)
        weight = np.minimum(count, MOST)
        skinny, covered = weight * share, weight * (1 - share)
        first, last = _stretch(skinny, covered)
        begins, ends = start + first * STEP, start + last * STEP
        # sleeves of another colour end on forearms, whose hands are no cloth however they are lit
        rolled_up = row == ARMS and FOREARM[0] < begins < FOREARM[1] and ends > PALM
        further = UNLIKE_HANDS if rolled_up else 0.0
        likely = any(_unlike(own, other) < furthest + further for other, furthest in told)
        if likely and (skinny - covered)[first:last].sum() >= LEAST_BARE:
            out[row] = -np.inf if first == 0 else begins, np.inf if last == len(count) else ends
            out[row, 1] = np.inf if row == ARMS and out[row, 1] > PALM else out[row, 1]
            told.append((own, UNLIKE_LIMBS))
        elif likely and row == LEGS and surface.of_skirt.any() and covered.sum() < LEAST_BARE:
            out[row] = -np.inf, np.inf
    return out


def _unlike(limb: np.ndarray, skin: np.ndarray) -> float:
    """Spreads of a limb's colour, log (3,), from a skin's that may be lit otherwise: beige cloth is far off, and
    grey."""
    light, *tint = in_spreads(limb - skin)
    return float(np.linalg.norm([min(light, 0), *tint]))


def _stretch(skin: np.ndarray, cloth: np.ndarray) -> tuple[int, int]:
    """The cells [first, last) that best part skin from the cloth before and after it: how much of either (N,) is seen
    in each cell. What isn't seen is covered rather than bare, and bare rather than covered by a shoe."""
    cells = len(skin)
    as_skin, as_cloth = np.r_[0, np.cumsum(cloth)], np.r_[0, np.cumsum(skin)]
    first, last = np.mgrid[: cells + 1, : cells + 1]
    cost = as_cloth[first] + as_skin[last] - as_skin[first] + as_cloth[-1] - as_cloth[last]
    cost += SWITCH * ((first > 0) & (first < cells)) + SWITCH * ((last < cells) & (first < last))
    cost[first > last] = np.inf
    best = np.argwhere(cost <= cost.min() + 1e-6)
    chosen = best[(best[:, 0] * (cells + 1) + best[:, 1]).argmax()]
    return int(chosen[0]), int(chosen[1])


@dataclass(frozen=True)
class LimbSkin:
    """The skin of arms or of legs, lit as it is: mean (3,) of log linear RGB, and the whitening (3, 3) of it."""

    mean: np.ndarray
    whitening: np.ndarray

    @classmethod
    def of(cls, tone: Tone) -> LimbSkin:
        """From the tone of samples."""
        light = np.full((3, 3), 1 / 3)
        least = LIGHT**2 * light + COLOUR**2 * (np.eye(3) - light)
        return cls(tone.mean, np.linalg.cholesky(np.linalg.inv(WIDER * tone.covariance + least)))

    def likeness(self, colours: np.ndarray, ends: tuple[float, float] = SKIN) -> np.ndarray:
        """(N,) in [0, 1]: how well colours (N, 3), RGB 0 … 255, go with it."""
        away = np.linalg.norm((to_log(colours) - self.mean) @ self.whitening, axis=1)
        return np.clip((ends[0] - away) / (ends[0] - ends[1]), 0, 1)


def limb_skins(surface: Surface, colours: np.ndarray, shown: np.ndarray, skin: Tone) -> list[LimbSkin | Tone]:
    """Of arms and of legs; the face's where too little is seen of theirs."""
    alike = shown & (skin.likeness(colours) > ALIKE) & ~surface.ends
    tones = (Tone.of(colours[limb & alike]) for limb in surface.of_limbs)
    return [skin if tone is None else LimbSkin.of(tone) for tone in tones]


def limb_likeness(
    skins: Sequence[LimbSkin | Tone], limbs: np.ndarray, colours: np.ndarray, ends: tuple[float, float] = SKIN
) -> np.ndarray:
    """(N,) in [0, 1]: how well colours (N, 3) go with the skin of the limb, `limbs` (2, N) bool, that they are of."""
    out = np.zeros(len(colours))
    for limb, skin in zip(limbs, skins, strict=True):
        out[limb] = skin.likeness(colours[limb], ends) if isinstance(skin, LimbSkin) else skin.likeness(colours[limb])
    return out


def skin_trust(
    surface: Surface, stretches: np.ndarray, shown: np.ndarray, glimpsed: np.ndarray, likeness: np.ndarray,
    between: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(V,) float32 in [0, 1]: 0 where bare limbs should be and the photo shows something else.

    surface     with_bare(stretches)
    shown       (V,) bool, what the photo shows; glimpsed (V,) bool, and what of it at least a glimpse
    likeness    (V,) in [0, 1] of the colours at the vertices to the limbs' skin
    between     (3, E) likewise at BETWEEN of the way from the first to the second of `bare_edges`
    """
    trust = np.ones(len(shown), np.float32)
    odd = _strange(surface, shown, glimpsed, likeness)
    if not odd.any():
        return trust
    trust[odd] = 0
    off_hem = odd & ~_next_to(surface, odd, glimpsed & ~surface.bare)  # cloth beside an arm, and none of a sleeve
    loose = off_hem.copy()
    start, end = bare_edges(surface)
    for skin, believed in zip(between[::-1], BELIEVED[::-1], strict=True):
        met = odd[end] & (skin <= ALIKE)
        trust[start[met]] = np.minimum(trust[start[met]], believed)
        loose[start[met & off_hem[end]]] = True
    away = np.full(len(odd), np.inf)
    for limb, ends in zip(surface.of_limbs, stretches, strict=True):
        away[limb] = np.nan_to_num(np.abs(surface.along[limb, None] - ends).min(1), nan=np.inf, posinf=np.inf)
    near_hem = np.where(loose, 0, 1 - smoothstep(away, *HEM))
    near_hem = np.maximum(near_hem, 1 - smoothstep(from_seam(surface), *ARMHOLE))
    trust = np.maximum(trust, near_hem).astype(np.float32)
    seen = surface.bare & shown
    for group in np.unique(surface.groups[seen & odd]):
        of_group = seen & (surface.groups == group)
        if np.count_nonzero(odd & of_group) > LOST * np.count_nonzero(of_group):
            trust[surface.groups == group] = 0
    return trust


def in_glare(
    surface: Surface, skins: Sequence[LimbSkin | Tone], shown: np.ndarray, colours: np.ndarray, likeness: np.ndarray,
    between: np.ndarray, lengths: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """(V,) bool: what of bare limbs is lighter than their skin, and as white as a shoe, but for the most part goes
    over into it gently: light that gleams on skin fades, and all that is beside a limb or before it has an edge.

    surface, shown, likeness as of `skin_trust`; skins of the limbs; colours (V, 3) 0 … 255 at the vertices, between
    (3, E, 3) those at BETWEEN of the way from the first to the second of `bare_edges`, which the photo shows `lengths`
    (E,) m long
    """
    skin, gleaming = surface.bare & shown & (likeness > ALIKE), np.zeros(len(colours), bool)
    for limb, own in zip(surface.of_limbs, skins, strict=True):
        gleaming[limb] = _gleaming(to_log(colours[limb]), own.mean)
    gleaming &= surface.bare & shown & ~skin
    start, end = bare_edges(surface)
    label = _patches(gleaming, start, end)
    along = in_spreads(to_log(np.concatenate([colours[None, start], between, colours[None, end]])))
    steps = np.linalg.norm(np.diff(along, axis=0), axis=-1).max(0) * (len(BETWEEN) + 1)
    border = gleaming[start] & skin[end]
    count, gentle = (
        np.bincount(label[start[rows]], minlength=label.max() + 1)
        for rows in (border, border & (steps < GENTLE * lengths))
    )
    out: np.ndarray = gleaming & (gentle > MOSTLY * count)[label]
    return out


def _patches(where: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(V,) int: which connected piece of (V,) bool each vertex is of, by edges from `start` (E,) to `end` (E,); all
    others are of pieces of their own."""
    joined = where[start] & where[end]
    graph = sparse.coo_matrix((np.ones(joined.sum(), bool), (start[joined], end[joined])), shape=(len(where),) * 2)
    label: np.ndarray = connected_components(graph, directed=False)[1]
    return label


def _gleaming(logs: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(N,) bool: log colours (N, 3), lighter than the skin's (3,) and tinted no more: white light lies on it."""
    (light, *tint), points = in_spreads(skin), in_spreads(logs)
    share = np.clip(points[:, 1:] @ tint / max(float(np.dot(tint, tint)), 1e-6), 0, 1)
    off = np.linalg.norm(points[:, 1:] - share[:, None] * tint, axis=1)
    gleaming: np.ndarray = (points[:, 0] > light) & (off < WHITENED)
    return gleaming


def _strange(surface: Surface, shown: np.ndarray, glimpsed: np.ndarray, likeness: np.ndarray) -> np.ndarray:
    """(V,) bool: what isn't bare limbs' skin, and hangs together with the rim of what is seen. A glimpse of what lies
    beside a limb is drawn, too."""
    bare, seen = surface.bare & glimpsed, surface.bare & shown
    odd = bare & (likeness <= ALIKE)
    start, end = edges_of(surface)
    label = _patches(odd, start, end)
    at_rim = np.zeros(label.max() + 1, bool)
    at_rim[label[start[odd[start] & ~bare[end]]]] = True
    for each in np.unique(label[seen & odd & at_rim[label]]):
        at_rim[each] = not _worn(surface, seen & odd & (label == each), odd, seen)
    return odd & at_rim[label]


def _next_to(surface: Surface, where: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(V,) bool: the connected pieces of (V,) bool that lie beside `others` (V,) bool."""
    start, end = edges_of(surface)
    label = _patches(where, start, end)
    return where & np.isin(label, label[start[where[start] & others[end]]])


def _worn(surface: Surface, rows: np.ndarray, odd: np.ndarray, seen: np.ndarray) -> bool:
    """Whether what lies at `rows` (V,) bool is worn on a limb, as a watch is: it goes across what is `seen` (V,) bool
    of it, and there is skin before and after it."""
    along = surface.along
    low, high = along[rows].min(), along[rows].max()
    if high - low > WATCH:
        return False
    limb = seen & (surface.of_limbs[:, rows].any(1)[:, None] & surface.of_limbs).any(0)
    limb &= np.sign(surface.vertices[:, 0]) == np.sign(surface.vertices[rows, 0].mean())
    here = limb & (along >= low - ASLANT) & (along <= high + ASLANT)
    before, after = (limb & (along > a) & (along < b) & ~odd for a, b in ((low - WATCH, low), (high, high + WATCH)))
    return bool(rows.sum() > ACROSS * here.sum() and before.any() and after.any())


def edges_of(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """(E,) start and (E,) end of every edge of the surface, each either way."""
    start, end = surface.faces[:, [0, 1, 2, 1, 2, 0]].T.ravel(), surface.faces[:, [1, 2, 0, 0, 1, 2]].T.ravel()
    return start, end


def bare_edges(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Of `edges_of` those within what is bare."""
    start, end = edges_of(surface)
    within = surface.bare[start] & surface.bare[end]
    return start[within], end[within]
