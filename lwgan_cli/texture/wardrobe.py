"""Which person gives which part of the surface: what appearance transfer (paper, section 3.4) calls the parts of T.

Parts follow the skinning weights, so that any body file has them. Photos then say where clothes really end: hair goes
with the head however long it is, a top reaches down to its hem, a collar up the neck. Borders are soft along the
surface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from lwgan_cli.body.model import JOINT_NAMES, BodyModel
from lwgan_cli.correspondence.maps import interpolate as draw
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.texture.hair_length import hanging_hair, reaches_shoulders
from lwgan_cli.texture.skin_tone import DEEPENED, INNER, LEAST, OUTER, Tone, from_log, in_spreads, to_lab, to_log
from lwgan_cli.texture.source import Source, read
from lwgan_cli.texture.surface import Surface

GARMENTS = ("upper", "lower", "shoes")
_SIDES = ("left", "right")
_JOINTS = {
    "head": ("head", "neck"),
    "hands": tuple(f"{side}_{joint}" for side in _SIDES for joint in ("wrist", "hand")),
    "upper": ("spine1", "spine2", "spine3", *(f"{s}_{j}" for s in _SIDES for j in ("collar", "shoulder", "elbow"))),
    "lower": ("pelvis", *(f"{side}_{joint}" for side in _SIDES for joint in ("hip", "knee"))),
    "shoes": tuple(f"{side}_{joint}" for side in _SIDES for joint in ("ankle", "foot")),
}
PARTS = tuple(_JOINTS)
LEGS = (PARTS.index("lower"), PARTS.index("shoes"))  # rows of PARTS
FEATHER = 0.03  # m of surface over which one person's part gives way to another's
SHOWN = 0.5  # visibility from which a vertex' colour counts
GLIMPSED = 0.1  # … as hair, which hangs where shoulders turn away
ALIKE = 0.5  # likeness from which a colour counts as skin or hair
STEP = 1.6  # spreads from one vertex to the next, up to which skin goes on into its shade: more is another cloth's edge
FURTHEST = 3.5  # spreads from the skin's tone beyond which nothing is skin, not in the glare either
MOST_BARE = 0.4  # share of the torso's front that may look like skin: more is a shirt of that colour
MOST_HAIR = 0.3  # likewise for hair
LEAST_LIMB = 0.5  # share of a bare patch that lies on arms or legs, where it hangs together with no hand or face
LIMB_ALIKE = 1.5  # … and how near its colour then has to be: grey trousers are near to pale skin
HAIR_APART = 16.0  # Lab: nearer to the hair's colour than that, clothes can't be told from it
MASK_SIDE = 768  # px at which bare vertices are drawn
MASK_REACH, MASK_HOLE = 0.025, 0.008  # m around bare vertices; of what may lie within skin
SPREAD, SPREAD_LAB, FEW = 0.1, 8.0, 4  # m and Lab that count alike where skin and cloth are told apart; samples
STEP_SMOOTH = 7.0  # edges², over which steps between two people's skin are evened out
STEP_FADES = 0.0035  # … and 1 / edges² by how much they fade beyond where they are known, about 25 cm
HEM_STEPS = 48
THIGH = (0.15, 0.55)  # part of the way from knee to hip that even shorts cover, and hardly a top
NEAR = 8  # colours of a garment, or vertices of a neck, that another is compared with
OWN_EDGE = 0.07  # … and around the wearer's own, of which nothing may show
PARTED = 1.4  # spreads between the tints above and below a hem: legs are in its shade
GRADUAL = 0.22  # … and how far either may spread, as a share of that, before it is no hem but a shadow
RINGS = 24  # vertices of trunk and legs that say whether one next to them is bare
LEVEL, ARMPIT = 0.015, 0.08  # m of height that one ring takes, and from the arms' axes down to the armpits
RING = 3.0  # times further apart up and down the neck than around it
STRAND = 0.015  # m that strands may be apart
FEET_SHOWN = 0.05  # of their surface: less, and the picture ends above them
GROWN = 0.04  # m around hanging hair that its weight has moved too
MISTAKEN = 0.01  # m around what shows skin where clothes are, or clothes where skin is, that the photo isn't trusted
SKIN_EDGE = 0.03  # m around clothes where skin stays that of their photo: no border of two photos runs along a hem


def part_of(model: BodyModel) -> np.ndarray:
    """(V,) row of PARTS that moves each vertex most."""
    weights = model.lbs_weights.cpu().numpy()
    rows = [[JOINT_NAMES.index(joint) for joint in joints] for joints in _JOINTS.values()]
    return np.stack([weights[:, joints].sum(1) for joints in rows], 1).argmax(1)


def neck_of(model: BodyModel) -> np.ndarray:
    """(V,) bool: what is of the part of the head and not moved by it."""
    neck: np.ndarray = (part_of(model) == PARTS.index("head")) & (
        model.parts.cpu().numpy() != JOINT_NAMES.index("head")
    )
    return neck


@dataclass(frozen=True)
class Cloth:
    """The surface as a graph: neighbours (V, V) sparse, the lengths of the edges between them in m."""

    edges: sparse.csr_matrix

    @classmethod
    def of(cls, surface: Surface) -> Cloth:
        pairs = np.concatenate([surface.faces[:, [0, 1]], surface.faces[:, [1, 2]], surface.faces[:, [2, 0]]])
        pairs = np.unique(np.sort(pairs, 1), axis=0)
        lengths = np.linalg.norm(surface.vertices[pairs[:, 0]] - surface.vertices[pairs[:, 1]], axis=1)
        lengths = np.maximum(lengths, 1e-6)  # 0 would be no edge
        half = sparse.coo_matrix((lengths, pairs.T), shape=(len(surface.vertices),) * 2)
        return cls((half + half.T).tocsr())

    def feathered(self, inside: np.ndarray, width: float = FEATHER) -> np.ndarray:
        """(V,) in [0, 1] from (V,) bool: a smooth step, `width` m along the surface, in the middle of its border."""
        coo = self.edges.tocoo()
        crossing = inside[coo.row] != inside[coo.col]
        if not crossing.any():
            return inside.astype(float)
        border = np.unique(coo.row[crossing])
        away = dijkstra(self.edges, indices=border, min_only=True, limit=width)
        half_edge = coo.data[crossing].mean() / 2  # the border runs between the vertices
        t = np.clip(np.where(inside, 1, -1) * (away + half_edge) / width + 0.5, 0, 1)
        return t * t * (3 - 2 * t)

    def grown(self, inside: np.ndarray, reach: float) -> np.ndarray:
        """(V,) bool: within `reach` m of `inside` (V,) bool, along the surface."""
        if not inside.any():
            return inside
        return np.isfinite(dijkstra(self.edges, indices=np.flatnonzero(inside), min_only=True, limit=reach))

    def continued(self, values: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        """Values (V, C), those that are `unknown` (V,) bool made of the others': each is its neighbours' mean."""
        near = self.edges.sign()
        laplace = (sparse.diags(np.asarray(near.sum(1)).ravel() + 1e-9) - near).tocsr()
        rows = np.flatnonzero(unknown)
        known = np.where(unknown[:, None], 0, values)
        out = values.copy()
        out[rows] = splu(laplace[rows][:, rows].tocsc()).solve(near[rows] @ known)
        return out

    def reached(self, start: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """(V,) bool: of `allowed` (V,), what hangs together with `start` (V,)."""
        keep = start | allowed
        _, label = connected_components(self.edges[keep][:, keep], directed=False)
        out = np.zeros(len(start), bool)
        out[keep] = np.isin(label, label[start[keep]])
        return out

    def gone_over(self, start: np.ndarray, allowed: np.ndarray, values: np.ndarray, step: float) -> np.ndarray:
        """(V,) bool: of `allowed` (V,), what is reached from `start` (V,) by edges along which values (V, C) change by
        no more than a step."""
        keep, coo = start | allowed, self.edges.tocoo()
        small = np.linalg.norm(values[coo.row] - values[coo.col], axis=1) < step
        small &= keep[coo.row] & keep[coo.col]
        graph = sparse.coo_matrix((coo.data[small], (coo.row[small], coo.col[small])), shape=coo.shape)
        _, label = connected_components(graph, directed=False)
        return keep & np.isin(label, label[start])

    def patches(self, where: np.ndarray) -> list[np.ndarray]:
        """The connected pieces of (V,) bool, as rows of vertices."""
        rows = np.flatnonzero(where)
        count, label = connected_components(self.edges[rows][:, rows], directed=False)
        return [rows[label == piece] for piece in range(count)]


@dataclass(frozen=True)
class Look:
    """What the photo of a person shows at the vertices.

    colours  (V, 3) 0 … 255, seen (V,) bool
    tone     of the face's skin, or else the hands'; None where too little of either is seen
    limbs    `tone` in the colour of all other bare skin, where there is some: faces redden and are made up, but say
             best how light the skin is, as limbs may be in the shade
    bare     (V,) bool: skin
    hair     (V,) bool: hair, wherever it hangs
    upper    (V,) bool: arms and the trunk above the armpits, where glare lies on skin
    hem      height in T-pose, m, at which the top ends and the trousers or the skirt begin
    """

    colours: np.ndarray
    seen: np.ndarray
    tone: Tone | None
    limbs: Tone | None
    bare: np.ndarray
    hair: np.ndarray
    upper: np.ndarray
    hem: float

    @classmethod
    def of(cls, model: BodyModel, surface: Surface, cloth: Cloth, source: Source, offsets: np.ndarray) -> Look:
        """offsets: (V, 3) m T-pose, of hair and clothes."""
        values = read(source.pixels, source.ndc).cpu().numpy()
        colours = values[:, :3] * 255
        visibility = source.visibility.cpu().numpy()
        seen = (visibility > SHOWN) & (values[:, 3] > 0.9)
        part = part_of(model)
        tone = Tone.of(colours[seen & surface.skin]) or Tone.of(colours[seen & (part == PARTS.index("hands"))])
        glimpsed = (visibility > GLIMPSED) & (values[:, 3] > 0.5)
        hair = find_hair(surface, cloth, part, tone, colours, glimpsed)
        loose = reaches_shoulders(surface, source.pixels[3].cpu().numpy(), source.vertices_px(), source.scale)
        hair |= hanging_hair(surface, offsets, colours, glimpsed, visibility < SHOWN, loose)
        bare = find_bare(surface, cloth, part, [tone], colours, seen & ~hair)
        other = Tone.of(colours[bare & (part != PARTS.index("head"))])
        bare = find_bare(surface, cloth, part, [tone, other], colours, seen & ~hair)
        limbs = tone if tone is None or other is None else other.as_bright_as(tone)
        hem = find_hem(model, surface, part, colours, seen & ~bare & ~hair)
        return cls(colours, seen, tone, limbs, bare, hair, _upper(surface, part), hem)


def find_bare(
    surface: Surface,
    cloth: Cloth,
    part: np.ndarray,
    tones: Sequence[Tone | None],
    colours: np.ndarray,
    seen: np.ndarray,
) -> np.ndarray:
    """(V,) bool: seen skin, of the colour of any of the tones. It hangs together with the face or a hand, or lies on
    arms or legs; a shirt of the skin's colour covers the torso, which no neckline does."""
    known = [tone for tone in tones if tone is not None]
    if not known:
        return np.zeros(len(seen), bool)
    alike, shaded = (
        seen & (np.max([tone.likeness(colours, deepened) for tone in known], 0) > ALIKE) for deepened in (0.0, DEEPENED)
    )
    shaded &= part != PARTS.index("shoes")  # brown leather is as skin in the shade
    alike |= cloth.gone_over(alike, shaded, in_spreads(to_log(colours)), STEP)
    torso = (part == PARTS.index("upper")) & ~surface.arms[surface.groups]
    shown = seen & torso
    if np.count_nonzero(alike & torso) > MOST_BARE * max(1, np.count_nonzero(shown)):
        alike &= ~(torso | _trunk(surface) & (part != PARTS.index("head")))
    limbs = surface.arms[surface.groups] | np.isin(part, [PARTS.index("lower"), PARTS.index("shoes")])
    limbs &= ~surface.of_skirt
    anchored = cloth.reached(alike & np.isin(part, [PARTS.index("head"), PARTS.index("hands")]), alike)
    for patch in cloth.patches(alike & ~anchored):
        if limbs[patch].mean() <= LEAST_LIMB:
            continue
        for piece in _parted(patch, surface.vertices[:, 1], colours):
            anchored[piece] = min(tone.distance(np.median(colours[piece], 0)) for tone in known) < LIMB_ALIKE
    bare = anchored & alike
    away = np.min([tone.distance(colours) for tone in known], 0)
    likely = seen & _upper(surface, part) & (away < FURTHEST)
    more = _gone_on(cloth, colours, bare, likely, seen & (away > FURTHEST))
    shirt = np.count_nonzero(more & torso) > MOST_BARE * max(1, np.count_nonzero(shown))
    return bare if shirt else more


def _parted(patch: np.ndarray, high: np.ndarray, colours: np.ndarray) -> list[np.ndarray]:
    """Rows of vertices `patch` (N,) above and below the height that best parts their colours (V, 3), where it does, as
    shorts in about the skin's colour end there: high (V,) m."""
    rows = patch[np.argsort(high[patch])]
    points = in_spreads(to_log(colours[rows]))[:, 1:]
    least, parts = np.inf, [rows]
    for cut in np.linspace(0, len(rows), HEM_STEPS + 2).astype(int)[1:-1]:
        if min(cut, len(rows) - cut) < LEAST:
            continue
        below, above = np.median(points[:cut], 0), np.median(points[cut:], 0)
        apart = float(np.linalg.norm(below - above))
        spread = sum(np.linalg.norm(each, axis=1).sum() for each in (points[:cut] - below, points[cut:] - above))
        if spread < least:
            least = spread
            hem = apart > PARTED and spread < GRADUAL * apart * len(rows)
            parts = [rows[:cut], rows[cut:]] if hem else [rows]
    return parts


def _trunk(surface: Surface) -> np.ndarray:
    """(V,) bool: the body between neck, arms and thighs."""
    trunk: np.ndarray = (surface.hips & ~surface.limbs)[surface.groups]
    return trunk


def _upper(surface: Surface, part: np.ndarray) -> np.ndarray:
    """(V,) bool: arms, and the trunk above the armpits."""
    high, of_arm = surface.vertices[:, 1], surface.arms[surface.groups]
    upper: np.ndarray = of_arm | (part == PARTS.index("upper")) & (high > high[of_arm].mean() - ARMPIT)
    return upper


def _gone_on(
    cloth: Cloth, colours: np.ndarray, bare: np.ndarray, likely: np.ndarray, clothes: np.ndarray
) -> np.ndarray:
    """(V,) bool: of what is `likely` (V,) bool skin, in the glare or in a shade of its own, what hangs together with
    what surely is, `bare` (V,) bool, and looks more like it than like any of the `clothes` (V,) bool."""
    if min(np.count_nonzero(bare), np.count_nonzero(clothes)) < LEAST:
        return bare
    lab, rows = to_lab(colours), np.flatnonzero(likely)
    skin, other = (cKDTree(lab[kind]).query(lab[rows], FEW)[0].mean(1) for kind in (bare, clothes))
    alike = np.zeros(len(bare), bool)
    alike[rows[skin < other]] = True
    return cloth.reached(bare, alike)


def find_hair(
    surface: Surface, cloth: Cloth, part: np.ndarray, skin: Tone | None, colours: np.ndarray, seen: np.ndarray
) -> np.ndarray:
    """(V,) bool: where hair grows, and what hangs down from there in its colour, to the chest, and not in that of
    `skin`, which is as dark in the chin's shade."""
    scalp = surface.hair & seen
    tone = Tone.of(colours[scalp])
    body = np.isin(part, [PARTS.index("upper"), PARTS.index("head")]) & ~surface.skin & ~surface.hair
    high = surface.vertices[:, 1]
    chin = surface.vertices[surface.skin, 1].min() if surface.skin.any() else high.max()
    down = body & (high > chin - 0.4) & seen
    if tone is None or not down.any():
        return surface.hair
    torso = down & (part == PARTS.index("upper"))
    if torso.any():
        apart = np.median(to_lab(colours[torso]), 0) - np.median(to_lab(colours[scalp]), 0)
        if np.linalg.norm(apart) < HAIR_APART:
            return surface.hair
    alike = down & (tone.likeness(colours) > ALIKE)
    if skin is not None:
        alike &= tone.distance(colours) < skin.distance(colours)
    hanging = surface.hair | alike & cloth.reached(surface.hair, cloth.grown(alike, STRAND))
    if np.count_nonzero(hanging & torso) > MOST_HAIR * max(1, np.count_nonzero(torso)):
        return surface.hair
    return hanging


def find_hem(model: BodyModel, surface: Surface, part: np.ndarray, colours: np.ndarray, seen: np.ndarray) -> float:
    """The height in T-pose, m, that best parts the colours of the chest from those of the thighs; between the two, by
    the skinning weights, where the photo doesn't tell."""
    high = surface.vertices[:, 1]
    trunk = np.isin(part, [PARTS.index("upper"), PARTS.index("lower")]) & ~surface.arms[surface.groups]
    above = high[trunk & (part == PARTS.index("upper"))]
    waist, chest = float(above.min()), float(np.median(above))
    hip, knee = (float(model.joint_template[JOINT_NAMES.index(f"left_{joint}"), 1]) for joint in ("hip", "knee"))
    low, middle = (knee + part_way * (hip - knee) for part_way in THIGH)
    zone = seen & trunk & (high > low) & (high < chest)
    samples = [colours[seen & trunk & where] for where in (high > chest, (high > low) & (high < middle))]
    if min(len(each) for each in samples) < LEAST or np.count_nonzero(zone) < LEAST:
        return waist
    lab = to_lab(colours[zone])
    to_top, to_bottom = (cKDTree(to_lab(each)).query(lab, NEAR)[0].mean(1) for each in samples)
    lead = np.clip(to_bottom - to_top, -20, 20)  # how much more a vertex looks like the top
    steps = np.linspace(low, chest, HEM_STEPS)
    gain = np.array([lead[high[zone] > step].sum() - lead[high[zone] <= step].sum() for step in steps])
    if np.abs(lead).mean() < 3:  # top and trousers of one colour
        return waist
    return float(steps[gain.argmax()])


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
    wanted = bare & ~seen & _trunk(surface) | other
    known &= ~wanted
    if not wanted.any() or np.count_nonzero(known) < LEAST:
        return np.zeros(len(bare)), colours
    return cloth.feathered(wanted, MISTAKEN), cloth.continued(colours, ~known)


def covered(surface: Surface, look: Look) -> np.ndarray:
    """(V,) bool: the trunk below the armpits at heights at which the photo shows more clothes on it than skin: what
    shows of that at its sides is an arm's."""
    high, of_arm = surface.vertices[:, 1], surface.arms[surface.groups]
    trunk = _trunk(surface) & (high < high[of_arm].mean() - ARMPIT)
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


def on_photo(source: Source, faces: torch.Tensor, values: np.ndarray) -> np.ndarray:
    """(h, w, C) float32: vertex values (V, C) drawn where the body lies in the photo, within MASK_SIDE px; 0
    elsewhere."""
    width, height = source.size
    shrink = min(1.0, MASK_SIDE / max(width, height))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    ndc, faces = source.ndc.cpu(), faces.cpu()
    ndc = torch.cat([ndc[:, :2], ndc[:, 2:] - ndc[:, 2:].amin() + 1], 1)
    return draw(rasterize(ndc[None], faces, size), faces, torch.from_numpy(values.astype(np.float32)))[0].numpy()


def skin_mask(
    source: Source, faces: torch.Tensor, look: Look, limbs: np.ndarray, tones: Sequence[Tone], picture: np.ndarray
) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the skin of a photo (H, W, 3) uint8, on and around those of the `limbs` (V,) bool that
    are bare, to the pixel by its colour, which is that of any of the tones and not that of the clothes beside it."""
    near, glare = on_photo(source, faces, np.stack([look.bare & limbs, look.upper], 1)).transpose(2, 0, 1)
    shrink = max(near.shape) / max(picture.shape)
    reach = max(1, round(MASK_REACH * source.scale * shrink))
    near = cv2.blur(cv2.dilate(near, np.ones((2 * reach + 1,) * 2)), (reach, reach))
    near *= _no_cloth(source, look, near > 0, picture)
    near, glare = (cv2.resize(each, source.size, interpolation=cv2.INTER_LINEAR) for each in (near, glare))
    rows, columns = np.nonzero(near > 0)
    skin = np.zeros(picture.shape[:2], np.float32)
    away = np.min([tone.distance(picture[rows, columns]) for tone in tones], 0)
    further = (FURTHEST - OUTER) * glare[rows, columns]
    skin[rows, columns] = np.clip((OUTER + further - away) / (OUTER - INNER), 0, 1)
    # nails, freckles and the shade between fingers are skin too
    hole = max(1, round(MASK_HOLE * source.scale))
    skin = cv2.morphologyEx(skin, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * hole + 1,) * 2))
    return cv2.GaussianBlur(skin * near, (0, 0), 1.0)


def _no_cloth(source: Source, look: Look, where: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """(h, w) float32, 0 for those of the pixels `where` (h, w) bool whose colour and place in the photo (H, W, 3) are
    nearer to clothes than to skin; 1 elsewhere."""
    out = np.ones(where.shape, np.float32)
    kinds = [look.seen & look.bare, look.seen & ~look.bare & ~look.hair]
    rows, columns = np.nonzero(where)
    if not len(rows) or min(np.count_nonzero(kind) for kind in kinds) < NEAR:
        return out
    small = cv2.resize(picture, where.shape[::-1], interpolation=cv2.INTER_AREA)
    shrink = max(where.shape) / max(picture.shape)
    px = source.vertices_px() / (SPREAD * source.scale)
    at = np.stack([columns, rows], 1) / (SPREAD * source.scale * shrink)
    at = np.concatenate([at, to_lab(small[rows, columns]) / SPREAD_LAB], 1)
    points = np.concatenate([px, to_lab(look.colours) / SPREAD_LAB], 1)
    skin, clothes = (cKDTree(points[kind]).query(at, FEW)[0].mean(1) for kind in kinds)
    out[rows, columns] = skin < clothes
    return cv2.medianBlur(out, 3)


def steps_of_skin(cloth: Cloth, look: Look, colours: np.ndarray, wearer: Look) -> np.ndarray:
    """(V, 3) of log colours: what takes skin of `colours` (V, 3) 0 … 255 to the wearer's where both photos show it;
    it fades out over the skin that the wearer's doesn't show."""
    known = look.bare & look.seen & wearer.bare & wearer.seen
    apart = np.where(known[:, None], to_log(wearer.colours) - to_log(colours), 0)
    near = cloth.edges.sign()
    laplace = sparse.diags(np.asarray(near.sum(1)).ravel()) - near
    system = sparse.diags(known.astype(float)) + STEP_SMOOTH * (laplace + STEP_FADES * sparse.identity(len(known)))
    steps: np.ndarray = splu(system.tocsc()).solve(apart)
    return steps


def relit(picture: np.ndarray, mask: np.ndarray, source: Source, faces: torch.Tensor, steps: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 with what is `mask` (H, W) in [0, 1] taken on by steps (V, 3) of log colours."""
    drawn = on_photo(source, faces, np.concatenate([steps, np.ones((len(steps), 1))], 1))
    reach = 2 * max(1, round(MASK_REACH * source.scale * max(drawn.shape) / max(picture.shape))) + 1
    drawn = cv2.blur(drawn, (reach, reach))
    field = cv2.resize(drawn[..., :3] / np.maximum(drawn[..., 3:], 1e-3), source.size, interpolation=cv2.INTER_LINEAR)
    rows, columns = np.nonzero(mask > 0)
    out, share = picture.copy(), mask[rows, columns, None]
    given = picture[rows, columns].astype(np.float32)
    changed = from_log(to_log(given) + field[rows, columns])
    out[rows, columns] = np.rint(share * changed + (1 - share) * given).astype(np.uint8)
    return out


def hiding(source: Source, away: np.ndarray, faces: torch.Tensor) -> Source:
    """The source without what it shows at some vertices (V,) bool."""
    keep = torch.from_numpy(~away).to(source.visibility)
    under = tuple(each.hiding(keep) for each in source.underlays)
    score = source.score * keep[faces].amin(1)
    return replace(source, visibility=source.visibility * keep, score=score, underlays=under)
