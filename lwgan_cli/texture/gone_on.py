"""Trunk, arms and legs made up as their cloth goes on around them, see `tubes`."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.pieces import Pieces, told_apart
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.texels import Texels
from lwgan_cli.texture.tubes import Tube, continued

SURE = 0.5  # from which a texel's colour counts
_LIKELY = 0.2  # from which a texel's colour may go on around
_INNER = (0.2, 0.7)  # how far a thigh's surface looks at the other leg, over which it goes on as the leg …
_BETWEEN = 0.8  # … and share of that from which on it lies between the legs, and is no part of the trunk's cloth
_THIGH = (0.2, 0.6)  # … and share of the thigh's length above the knee, over which it goes on as the trunk
_LEAN, _NECK = 0.5, (-0.25, 0.03)  # tangent at which collars are higher behind than in front, and m above the arms
_NAPE = (0.1, 0.14)  # m above the arms over which trunks end: before the neck's upper end there is a chin
_END = (0.015, 0.06)  # m from a leg's or a sleeve's end over which it goes on: shoes have tongues in front alone
_HEM = 0.03  # m of leg below a hem over which it comes to go on: above it is hidden, and of no cloth
_UNDER = 0.12  # m below a skirt's top over which what it covers may stand out of it
_LEVEL = 1.0  # share of the step between two lights of one cloth that is taken out
_ALIKE = 40.0  # grey levels: how far apart two lights of one cloth may be
_COLOURED, _VARIED = (6.0, 12.0), (0.35, 0.5)  # grey levels of colour, and share of light, by which cloth has a pattern
_DIM = 60.0  # grey levels, at least, that its light is a share of
_BLEMISH = 14.0  # grey levels, the most that limbs that are bare or in plain cloth differ from their smooth colour


def gone_on(pieces: Pieces, own: np.ndarray, twin: np.ndarray, even: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(N, 3) colours of all texels, of trunk, arms and legs as their cloth goes on around them, else those `below`."""
    surface = pieces.surface
    sure = own[:, 3] >= _LIKELY
    known, trust = np.where(sure[:, None], own[:, :3], twin[:, :3]), np.maximum(own[:, 3], twin[:, 3])
    trust = np.where(trust >= _LIKELY, trust, 0)
    normals = pieces.normals[pieces.texels.vertex(surface.faces)]
    inner = smoothstep(-normals[:, 0] * np.sign(pieces.places[:, 0]), *_INNER)
    thigh = (surface.hips & surface.tubes[1:].any(0))[pieces.groups]
    low, high = np.quantile(pieces.places[thigh, 1], (0, 1)) if thigh.any() else (0.0, 1.0)  # a skirt leaves none
    of_leg = np.maximum(1 - smoothstep((pieces.places[:, 1] - low) / (high - low), *_THIGH), inner)
    high_arm = surface.vertices[surface.arms[surface.groups], 1].mean()
    skin, shown = _skin(pieces, own, even), ~_within_skirt(pieces)
    out = below + skin[:, None] * (_calmed(below, even) - below)
    for groups in surface.tubes:
        of_trunk = not surface.limbs[groups].all()
        # the surface between the legs lies at the same angles as the one before it
        rows = np.flatnonzero(
            groups[pieces.groups] & ~pieces.hair & ~(of_trunk & (~shown | thigh & (inner > _BETWEEN)))
        )
        axis = surface.axes[groups.argmax()].astype(bool)
        plane = pieces.places[rows][:, ~axis]
        along = pieces.places[rows][:, axis][:, 0]
        if axis[0]:  # up is where cloth hangs from
            along = -np.abs(along)
        elif of_trunk:
            lean = smoothstep(along - high_arm, *_NECK)
            along = along + plane[:, 1] * _LEAN * lean
        unrolled = Tube.of(along, plane)
        here = (trust[rows] > 0) & (sure[rows] if sure[rows].any() else True)
        angle = unrolled.around[here]
        sight = float(np.arctan2(np.sin(angle).mean(), np.cos(angle).mean())) if here.any() else 0.0
        colours, share = continued(unrolled, known[rows], trust[rows], sight, of_trunk, even[rows])
        if not of_trunk:
            calm = _plain(known[rows][here], even[rows][here])
            colours = colours + calm * (_calmed(colours, even[rows]) - colours)
            share = share * np.where(thigh[rows], of_leg[rows], 1) * smoothstep(along - along.min(), *_END)
            if surface.of_skirt.any() and not axis[0]:
                hem = surface.vertices[surface.of_skirt, 1].min()
                share = share * (1 - smoothstep(along, hem - _HEM, hem))
        else:
            share = share * (1 - smoothstep(pieces.places[rows, 1] - high_arm, *_NAPE))
        share = share * ~pieces.bare[rows]  # skin has no cloth's folds
        colours = _in_light(pieces.texels, rows, colours, share, even)
        colours = colours + skin[rows, None] * (_calmed(colours, even[rows]) - colours)
        out[rows] += share[:, None] * (colours - out[rows])
        if of_trunk and surface.of_skirt.any():
            _as_skirt(pieces, out, rows, np.flatnonzero(groups[pieces.groups] & ~pieces.hair & ~shown))
    return out


def _as_skirt(pieces: Pieces, colours: np.ndarray, shown: np.ndarray, covered: np.ndarray) -> None:
    """Gives texels `covered` (C,) by the top of a skirt the colours (N, 3) of those `shown` (S,) nearest to them."""
    top = pieces.surface.vertices[pieces.surface.of_skirt, 1].max()
    near = covered[pieces.places[covered, 1] > top - _UNDER]
    if len(near) and len(shown):
        _, nearest = cKDTree(pieces.places[shown]).query(pieces.places[near], workers=2)
        colours[near] = colours[shown[nearest]]


def _within_skirt(pieces: Pieces) -> np.ndarray:
    """(N,) bool: texels of a skirt's inner side, and of the body that it covers: they lie where its outer side does."""
    surface = pieces.surface
    of_skirt = np.flatnonzero(surface.of_skirt)
    if not len(of_skirt):
        return np.zeros(len(pieces.groups), bool)
    vertex = pieces.texels.vertex(surface.faces)
    covered = ~surface.of_skirt & (surface.vertices[:, 1] < surface.vertices[of_skirt, 1].max())
    covered[of_skirt[len(of_skirt) // 2 :]] = True  # see `body.skirt.put_around`
    within: np.ndarray = covered[vertex]
    return within


def _skin(pieces: Pieces, own: np.ndarray, even: np.ndarray) -> np.ndarray:
    """(N,) in [0, 1]: arms and legs whose smooth colour `even` (N, 3) is the skin's, as `own` (N, 4) shows the face."""
    surface = pieces.surface
    face = surface.skin[pieces.texels.vertex(surface.faces)] & (own[:, 3] >= SURE)
    tone = Tone.of(own[face, :3])
    if tone is None:
        return np.zeros(len(own))
    likeness: np.ndarray = surface.limbs[pieces.groups] * tone.likeness(even)
    for limb in surface.of_limbs:  # arms and legs of which it is known where they are bare
        rows = limb[pieces.texels.vertex(surface.faces)]
        if pieces.bare[rows].any():
            likeness[rows] = pieces.bare[rows]
    return likeness


def _calmed(colours: np.ndarray, even: np.ndarray) -> np.ndarray:
    """Colours (M, 3) near to `even` (M, 3): what stands out on skin or plain cloth has a place of its own."""
    return even + _BLEMISH * np.tanh((colours - even) / _BLEMISH)


def _plain(known: np.ndarray, even: np.ndarray) -> float:
    """[0, 1]: how far what was seen of a limb's cloth, known (M, 3), differs from its smooth colour, even (M, 3), in
    nothing but light: the shadow in the crook of a raised arm is no pattern that goes on all around a sleeve."""
    if not len(known):
        return 0.0
    apart = known - even
    light = apart.mean(1)
    colour = np.sqrt(((apart - light[:, None]) ** 2).sum(1).mean())
    varied = np.sqrt((light**2).mean()) / max(even.mean(), _DIM)
    return float((1 - smoothstep(colour, *_COLOURED)) * (1 - smoothstep(varied, *_VARIED)))


def _in_light(texels: Texels, rows: np.ndarray, colours: np.ndarray, share: np.ndarray, even: np.ndarray) -> np.ndarray:
    """Colours (M, 3) of the texels `rows` (M,) as light as those `even` (N, 3), where both are of one cloth: what lay
    in the shade of an arm doesn't make the other side of the body dark. share (M,): how much each counts."""
    of_all = np.zeros((len(texels.rows), 3), np.float32)
    weight = np.zeros(len(of_all), np.float32)
    of_all[rows], weight[rows] = colours, share
    low = texels.blurred(of_all, weight)[rows]
    step = even[rows] - low
    told = np.linalg.norm(told_apart(step), axis=1, keepdims=True)
    moved: np.ndarray = colours + _LEVEL * np.exp(-((told / _ALIKE) ** 2)) * step
    return moved
