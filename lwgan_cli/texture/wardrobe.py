"""Which person gives which part of the surface: what appearance transfer (paper, section 3.4) calls the parts of T.

What photos show decides where: hair goes with the head however long it is, a top reaches down to its hem, a collar up
the neck, and skin that both leave bare stays the wearer's. Borders are soft along the surface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel
from lwgan_cli.texture.parsing import ARMPIT, NEAR, PARTS, Look, neck_of, part_of, trunk_of
from lwgan_cli.texture.skin_tone import LEAST
from lwgan_cli.texture.source import Source
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.surface_graph import FEATHER, Cloth

GARMENTS = ("upper", "lower", "shoes")
RINGS = 24  # vertices of trunk and legs that say whether one next to them is bare
LEVEL = 0.015  # m of height that one ring takes
RING = 3.0  # times further apart up and down the neck than around it
FEET_SHOWN = 0.05  # of their surface: less, and the picture ends above them
GROWN = 0.04  # m around hanging hair that its weight has moved too
MISTAKEN = 0.01  # m around what shows skin where clothes are, or clothes where skin is, that the photo isn't trusted
SKIN_EDGE = 0.03  # m around clothes where skin stays that of their photo: no border of two photos runs along a hem
OWN_EDGE = 0.07  # … and around the wearer's own, of which nothing may show


def assign(
    model: BodyModel, surface: Surface, cloth: Cloth, looks: Sequence[Look], givers: Mapping[str, int]
) -> np.ndarray:
    """(V,) the row of `looks` that gives each vertex. The wearer is row 0 and gives head, hair and hands, and shoes too
    where only the wearer's photo shows feet.

    givers  GARMENTS → row of whoever's is worn
    """
    part = part_of(model)
    owner = np.zeros(len(part), int)
    for garment, giver in givers.items():
        piece = part == PARTS.index(garment)
        mine, theirs = (looks[row].seen[piece].mean() > FEET_SHOWN for row in (0, giver))
        if garment != "shoes" or theirs or not mine:
            owner[piece] = giver
    upper, lower = givers.get("upper", 0), givers.get("lower", 0)
    if upper != lower:
        trunk = np.isin(part, [PARTS.index("upper"), PARTS.index("lower")]) & ~surface.arms[surface.groups]
        owner[trunk] = np.where(surface.vertices[trunk, 1] > looks[upper].hem, upper, lower)
        owner[surface.of_skirt] = lower
    if upper != 0:
        neck = neck_of(model)
        owner[neck & collared(surface, neck, looks[upper], looks[0])] = upper
    owner[looks[0].hair] = 0
    return owner


def own_skin(surface: Surface, cloth: Cloth, looks: Sequence[Look], owner: np.ndarray) -> np.ndarray:
    """(V,) bool: of what others give, see `assign`, what their clothes leave bare, and the wearer's own leave as well,
    but for a border around all clothes: it stays the wearer's."""
    bare = np.stack([undressed(surface, look) for look in looks])
    given = bare[owner, np.arange(len(owner))]
    return (owner != 0) & ~cloth.grown(~given, SKIN_EDGE) & ~cloth.grown(~bare[0], OWN_EDGE)


def mistaken(cloth: Cloth, look: Look, skin: np.ndarray) -> np.ndarray:
    """(V,) bool: where a photo shows something else on what must be `skin` (V,) bool, an arm that lies beside the
    fitted one, a strap under hair, or the wearer's own collar."""
    return cloth.grown(skin & look.seen & ~look.bare & ~look.hair, MISTAKEN)


def undressed(surface: Surface, look: Look) -> np.ndarray:
    """(V,) bool: bare skin, what the photo doesn't show of it as well. An arm is bare from where its sleeve ends. All
    else is as what is seen of the other side of the body there, or next to it, and rather around legs and trunk than
    along them: clothes end in rings."""
    known = look.seen & ~look.hair
    of_arm, across = surface.arms[surface.groups], surface.vertices[:, 0]
    out, twin = look.bare.copy(), known[surface.mirror]
    bare = np.where(known, look.bare, twin & look.bare[surface.mirror])
    rest = (known | twin) & ~of_arm
    if np.count_nonzero(rest) >= RINGS:
        places = surface.vertices * [1.0, RING, 1.0]
        near = cKDTree(places[rest]).query(places[~of_arm], RINGS)[1]
        level = np.abs(surface.vertices[rest, 1][near] - surface.vertices[~of_arm, 1][:, None]).min(1) < LEVEL
        out[~of_arm] = level & (bare[rest][near].mean(1) > 0.5)
        out &= ~covered(surface, look)
    arms = known & of_arm  # both together: one may be hidden by hair, a bag or the trunk
    out[of_arm] = np.abs(across[of_arm]) > _sleeve(np.abs(across[arms]), look.bare[arms])
    return out


def unseen_skin(
    surface: Surface, cloth: Cloth, part: np.ndarray, bare: np.ndarray, seen: np.ndarray, skin: np.ndarray,
    colours: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(V,) in [0, 1]: neck, trunk and legs that are `bare` (V,) bool and not `seen` (V,) bool, below hair that is
    another's, or seen as something else than `skin` (V,) bool, below a hem that hangs lower than the skirt's; and the
    colours (V, 3) of skin there, as it goes on from what is seen of it, colours (V, 3) 0 … 255."""
    known, legs = bare & seen & skin, (part == PARTS.index("lower")) & surface.limbs[surface.groups]
    other = cloth.grown(bare & seen & ~skin & legs, MISTAKEN) & legs & bare
    wanted = bare & ~seen & trunk_of(surface) | other
    known &= ~wanted
    if not wanted.any() or np.count_nonzero(known) < LEAST:
        return np.zeros(len(bare)), colours
    return cloth.feathered(wanted, MISTAKEN), cloth.continued(colours, ~known)


def covered(surface: Surface, look: Look) -> np.ndarray:
    """(V,) bool: the trunk below the armpits at heights at which the photo shows more clothes on it than skin: what
    shows of that at its sides is an arm's."""
    high, of_arm = surface.vertices[:, 1], surface.arms[surface.groups]
    trunk = trunk_of(surface) & (high < high[of_arm].mean() - ARMPIT)
    ring = np.floor((high - high.min()) / LEVEL).astype(int)
    known = trunk & look.seen & ~look.hair
    count, skin = (np.bincount(ring, known & each, minlength=ring.max() + 1) for each in (True, look.bare))
    out: np.ndarray = trunk & (skin <= count / 2)[ring]
    return out


def _sleeve(along: np.ndarray, bare: np.ndarray) -> float:
    """The place along an arm that best parts cloth from skin, seen at `along` (N,) m, `bare` (N,) bool; all is cloth
    where nothing is."""
    if not len(along):
        return float("inf")
    order = np.argsort(along)
    parted = np.r_[0, np.cumsum(np.where(bare[order], -1, 1))]
    return float(np.r_[0, along[order]][parted.argmax()])


def collared(surface: Surface, neck: np.ndarray, *looks: Look) -> np.ndarray:
    """(V,) bool: where on the neck (V,) any of the photos shows a collar. Collars are rings: what no photo shows goes
    with what is seen next to it, and rather around the neck than up and down."""
    worn = np.any([look.seen & ~look.bare & ~look.hair for look in looks], axis=0)
    known = neck & np.any([look.seen & ~look.hair for look in looks], axis=0)
    if not (known & worn).any():
        return np.zeros(len(neck), bool)
    places = surface.vertices * np.array([1.0, RING, 1.0])
    near = cKDTree(places[known]).query(places, min(NEAR, np.count_nonzero(known)))[1]
    return worn[known][near].reshape(len(neck), -1).mean(1) > 0.5


def shares(cloth: Cloth, owner: np.ndarray, count: int) -> np.ndarray:
    """(count, V) how much of each vertex each of `count` people gives; sums to 1."""
    soft = np.stack([cloth.feathered(owner == row) for row in range(count)])
    return soft / soft.sum(0)


def worn_offsets(cloth: Cloth, part: np.ndarray, look: Look, offsets: np.ndarray) -> np.ndarray:
    """T-pose offsets (V, 3) m of somebody's clothes, as they would be without that person's head and hair."""
    other = (part == PARTS.index("head")) | cloth.grown(look.hair, GROWN)
    return cloth.continued(offsets, other)


def hidden(
    surface: Surface, cloth: Cloth, part: np.ndarray, look: Look, given: np.ndarray, gives: Sequence[str]
) -> np.ndarray:
    """(V,) bool: what of a photo must not be used: all but the surface that it gives (V,) and a border, and where it
    gives a top or trousers alone, the other one."""
    away = ~cloth.grown(given, FEATHER)
    trunk = np.isin(part, [PARTS.index("upper"), PARTS.index("lower")]) & ~surface.arms[surface.groups]
    above = surface.vertices[:, 1] > look.hem
    if "upper" not in gives:
        away |= trunk & above
    if "lower" not in gives:
        away |= trunk & ~above
    return away


def hiding(source: Source, away: np.ndarray, faces: torch.Tensor) -> Source:
    """The source without what it shows at some vertices (V,) bool."""
    keep = torch.from_numpy(~away).to(source.visibility)
    under = tuple(each.hiding(keep) for each in source.underlays)
    score = source.score * keep[faces].amin(1)
    return replace(source, visibility=source.visibility * keep, score=score, underlays=under)
