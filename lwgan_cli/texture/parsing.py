"""Human parsing on the surface: the body's parts, and what a photo shows of skin, hair and clothes at the vertices.

Parts follow the skinning weights, so that any body file has them. Photos then say where clothes really end: hair hangs
down however long it is, skin goes on to where a sleeve or a neckline begins, a top reaches down to its hem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from lwgan_cli.body.model import JOINT_NAMES, BodyModel
from lwgan_cli.texture.hair_length import hanging_hair, reaches_shoulders
from lwgan_cli.texture.skin_tone import DEEPENED, LEAST, Tone, in_spreads, to_lab, to_log
from lwgan_cli.texture.source import Source, read
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.surface_graph import Cloth

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
HEM_STEPS = 48
THIGH = (0.15, 0.55)  # part of the way from knee to hip that even shorts cover, and hardly a top
NEAR = 8  # colours of a garment, or vertices of a neck, that another is compared with
FEW = 4  # samples that skin and cloth are told apart by
PARTED = 1.4  # spreads between the tints above and below a hem: legs are in its shade
GRADUAL = 0.22  # … and how far either may spread, as a share of that, before it is no hem but a shadow
ARMPIT = 0.08  # m from the arms' axes down to the armpits
STRAND = 0.015  # m that strands may be apart


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
        alike &= ~(torso | trunk_of(surface) & (part != PARTS.index("head")))
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


def trunk_of(surface: Surface) -> np.ndarray:
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
