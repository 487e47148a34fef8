"""Colours of surface that was not seen, from surface that was: smooth ones by place, and fine texture on top.

The body is dressed alike left and right: each limb takes its colours from what was seen of it and of its twin, at the
same distance along the limb, so that sleeves end at the same place and light and shade of the two sides are evened out.
The torso's back is more like its sides than like what shows in the opening of a jacket. Cloths are told apart by colour
and keep narrow borders, so that a hem goes around the body. The back of the head takes its colour from the hair and
never from the face, and has strands. Where seen surface is laid over made up one, the step between them fades
with the distance: the further from its edge, the larger the part of the edge that decides.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial import cKDTree

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.bare import edges_of
from lwgan_cli.texture.gone_on import gone_on
from lwgan_cli.texture.pieces import Pieces, told_apart
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.strands import strands

SURE = 0.5  # from which a texel's colour is a model for others
_FEW = 30  # texels: with fewer a group takes from the whole body
_GLIMPSE = 0.1  # share of a hand's texels: fewer may be the sleeve's edge
_MOST = 1200  # texels that a group takes its colours from
_ALONG = 0.018  # m along the limb over which the weight of a texel falls to 1/e
_AS_FACE = (0.05, 0.3, 0.6)  # m from all that is seen of bare limbs over which they take this share of the face's tone
_ALONG_SKIN = 0.06  # … of a limb that is bare
_FURTHER = 0.5  # … and by how much more for each m beyond the nearest
_WIDER = (0.2, 0.2)  # likewise around torso and head, along and across: no lock of hair, no fold decides on the back
_AROUND = 0.3  # m across limbs: it is the same all around
_ACROSS = 0.015  # m across torso and head
_ANYWHERE = 0.03  # m in any direction, where a limb takes from the whole body
_AT_ONCE = 256  # points whose tables a processor's cache holds
_ROUNDS = 2  # of which each tells anew which texels are odd
_ODD = 25.0  # grey levels from the mean beyond which a texel loses its say: a strap, a drawstring
_CLOTHS = 400  # texels that say which cloths there are
_CLOTH_APART = 45.0  # grey levels between the means of two cloths
_CRISP = 4  # power by which what prevails at a border of two cloths does so more
_THROUGH = 0.1  # how much a step along the line of sight counts against one across it
_DETAIL = 0.5  # share of the fine texture that is carried to the other side
_DETAIL_LIMIT = 25.0  # grey levels: stronger detail is a pattern with a place of its own
_DETAIL_ALIKE = 40.0  # grey levels: how far the colour below may be from that of where the detail was seen
_LOCKS = 0.008  # m by which locks of hair are longer or shorter than most
_STRANDS = 14.0  # grey levels, the most that strands stand out
_HAIRY = 0.06  # m in any direction over which hair takes the colours of hair: there is but one kind
_ABOVE_WRIST = 0.15  # m of forearm from which an unseen hand takes its colour, where that is bare
_FOLDED, _FOLD_DARK = (8.0, 24.0), 0.25  # 1/m of curvature, and share of the colour: no palm is hollow like that
_STEP_REACH = 0.07  # m over which a step is smoothed out
_STEP_SPREAD = (0.01, 0.7)  # m and share of the distance: the part of the edge that decides
_STEP_NORMAL = 0.05  # m that surface counts as away which faces another way
_SAFE = 0.98  # from which a seen colour is no edge


def made_up(pieces: Pieces, own: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """Colours (N, 3), 0 to 255, for all texels, from what was seen of them and of the mirrored side: own and twin
    (N, 4), colours and how sure they are in [0, 1]."""
    surface = pieces.surface
    if not (np.maximum(own[:, 3], twin[:, 3]) >= SURE).any():
        return np.full((len(own), 3), 127.5, np.float32)  # the photo shows nothing of the body
    layers = surface.averaged(_smooth(pieces, own, twin))  # no step shows where groups meet
    even = _crisp(pieces.texels.interpolate(surface.faces, layers))
    colours = gone_on(pieces, own, twin, even, even + _fine(pieces, own, twin, even))
    return _in_locks(pieces, colours)


def _in_locks(pieces: Pieces, colours: np.ndarray) -> np.ndarray:
    """Colours (N, 3) with hair that ends in locks, and not along a line."""
    kinds = [np.flatnonzero(pieces.hair), np.flatnonzero(~pieces.hair)]
    if not all(len(kind) for kind in kinds):
        return colours
    out, near = colours.copy(), []
    trees = [cKDTree(pieces.places[kind]) for kind in kinds]
    for kind, tree, others, sign in ((kinds[0], trees[1], kinds[1], 1), (kinds[1], trees[0], kinds[0], -1)):
        away, nearest = tree.query(pieces.places[kind], distance_upper_bound=3 * _LOCKS)
        met = np.isfinite(away)
        near.append((kind[met], others[nearest[met]], sign * away[met]))
    rows, other, inside = (np.concatenate(each) for each in zip(*near, strict=True))
    if len(rows):
        locks = strands(pieces.places[rows])
        share = smoothstep(inside + _LOCKS * np.clip(locks, -1.5, 1.5), -_LOCKS, _LOCKS)[:, None]
        of_hair = pieces.hair[rows, None]
        hair, rest = (np.where(of_hair == kind, colours[rows], colours[other]) for kind in (True, False))
        out[rows] = share * hair + (1 - share) * rest
    return out


def laid_over(pieces: Pieces, below: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Colours (N, 3) with those of `seen` (N, 4), the last how sure they are in [0, 1], laid over them.

    What is below is moved towards what is seen at its edge, the less the further from there.
    """
    surface, share = pieces.surface, seen[:, 3:]
    edge = np.flatnonzero((share[:, 0] >= SURE) & (share[:, 0] < _SAFE))
    if not len(edge):
        return share * seen[:, :3] + (1 - share) * below
    edge = _some(edge, pieces.areas[edge])
    apart = np.concatenate([_STEP_NORMAL * pieces.normals, _STEP_REACH * 3 * surface.hair[:, None]], 1)
    at = np.concatenate([pieces.places[edge], pieces.texels.interpolate(surface.faces, apart)[edge]], 1)
    vertices = np.concatenate([surface.vertices, apart], 1)
    away, _ = cKDTree(at).query(vertices, distance_upper_bound=3 * _STEP_REACH)
    near = np.flatnonzero(np.isfinite(away))
    spread = np.hypot(_STEP_SPREAD[0], _STEP_SPREAD[1] * away[near])
    steps = (seen[:, :3] - below)[edge]
    # where the cloth is another one, that is no matter of light
    steps *= 1 - smoothstep(np.linalg.norm(told_apart(steps), axis=1, keepdims=True), _CLOTH_APART, 2 * _CLOTH_APART)
    fades = np.exp(-((away[near] / _STEP_REACH) ** 2))
    moved = np.zeros_like(surface.vertices, dtype=np.float32)
    for start in range(0, len(near), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        nearness = _squares(vertices[near[some]], at) / (2 * spread[some, None] ** 2).astype(np.float32)
        moved[near[some]] = _robust_mean(nearness, steps, steps) * fades[some, None]
    return share * seen[:, :3] + (1 - share) * (below + pieces.texels.interpolate(surface.faces, moved))


def _smooth(pieces: Pieces, own: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """(V, 4·K) colours of the vertices without fine texture: K cloths' colours and their share, premultiplied."""
    surface = pieces.surface
    # Each texel counts twice, as what was seen of it and as what was seen of its twin.
    colours = np.concatenate([own[:, :3], twin[:, :3]])
    places, areas = np.tile(pieces.places, (2, 1)), np.tile(pieces.areas, 2)
    groups, hair = np.tile(pieces.groups, 2), np.tile(pieces.hair, 2)
    source = np.concatenate([own[:, 3], twin[:, 3]]) >= SURE
    vertex = pieces.texels.vertex(surface.faces)
    bare, beside, shod = np.tile(pieces.bare, 2), np.tile(surface.shoe_sides[vertex], 2), surface.shod
    skin = source & np.tile(surface.skin[vertex], 2)
    layers = _layers(colours, _cloths(colours, np.flatnonzero(source), areas))
    out = np.zeros((len(surface.vertices), layers.shape[1]), np.float32)

    def mean(wanted: np.ndarray, rows: np.ndarray, axis: np.ndarray, along: float, across: float) -> None:
        """Of the colours of rows, for the vertices `wanted`: the further from all that was seen, the more decide."""
        rows = _some(rows, areas[rows])
        up, around = _apart(surface.vertices[wanted], places[rows], axis)
        higher, aside = up.min(1, keepdims=True), around.min(1, keepdims=True)
        reach = along + _FURTHER * higher + _WIDER[0] * aside
        out[wanted] = _robust_mean(up / reach + around / (across + _WIDER[1] * aside), colours[rows], layers[rows])

    for group, axis in enumerate(surface.axes):
        wanted = np.flatnonzero((surface.groups == group) & ~surface.hair & ~surface.bare)
        rows = np.flatnonzero(source & surface.dressed_with(group)[groups] & ~hair)
        # no sleeve is like the arm that comes out of it, no shoe like the instep
        worn = rows[~bare[rows] & ~beside[rows]]
        if shod[surface.groups == group].any():  # where the fit is off, the instep lies beyond the shoe's edge
            worn = _no_skin(worn, colours, source & bare if np.count_nonzero(source & bare) >= _FEW else skin)
        rows = worn if len(worn) >= _FEW else rows
        if not len(wanted):
            continue
        glimpse = _GLIMPSE * np.count_nonzero(pieces.groups == group)
        if len(rows) < max(_FEW, glimpse) and surface.hands[group] and np.count_nonzero(skin) >= _FEW:
            limbs = source & bare  # a face may be half hair
            like = _bare_arm(pieces, group, source, colours, limbs if np.count_nonzero(limbs) >= _FEW else skin)
            flat = _robust_mean(np.zeros((1, np.count_nonzero(like))), colours[like], layers[like])
            of_colour = np.arange(flat.shape[1]) % 4 < 3
            out[wanted] = flat * np.where(of_colour, _relief(pieces)[wanted, None], 1)
        elif len(rows) < _FEW:
            mean(wanted, np.flatnonzero(source), axis, _ANYWHERE, _ANYWHERE)
        else:
            mean(wanted, rows, axis, _ALONG, _AROUND if surface.limbs[group] else _ACROSS)
    arms, legs = surface.of_limbs
    for limb, side in itertools.product((arms, legs), (-1, 1)):
        wanted = np.flatnonzero(surface.bare & limb & (side * surface.vertices[:, 0] > 0))
        rows = np.flatnonzero(source & bare & np.tile(limb[pieces.texels.vertex(surface.faces)], 2))
        if not len(wanted):
            continue
        if len(rows) < _FEW:
            rows = np.flatnonzero(skin if np.count_nonzero(skin) >= _FEW else source)
        # all of it at once: no step shows at elbows and knees
        mean(wanted, rows, np.eye(3)[int(limb is legs)], _ALONG_SKIN, _AROUND)
        if np.count_nonzero(skin) >= _FEW:  # what no neighbour is seen of may be lit as the face is
            away = cKDTree(places[rows]).query(surface.vertices[wanted])[0]
            face = _robust_mean(np.zeros((1, np.count_nonzero(skin))), colours[skin], layers[skin])
            out[wanted] += _AS_FACE[2] * smoothstep(away, *_AS_FACE[:2])[:, None] * (face - out[wanted])
        light = np.where(surface.hands[surface.groups], _relief(pieces), 1)[wanted, None]
        out[wanted] *= np.where(np.arange(out.shape[1]) % 4 < 3, light, 1)
    wanted = np.flatnonzero(surface.hair)
    if len(wanted):
        rows, upright = _no_skin(np.flatnonzero(source & hair), colours, skin), np.array([0.0, 1, 0])
        if len(rows) < _FEW:
            mean(wanted, _instead(source, groups == surface.groups[wanted[0]], places), upright, _ANYWHERE, _ANYWHERE)
        else:
            mean(wanted, rows, upright, _HAIRY, _HAIRY)
    return out


def _bare_arm(pieces: Pieces, hand: int, source: np.ndarray, colours: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(N,) bool: the texels that an unseen hand takes its colour from, those of the arm above its wrist where that is
    bare, else what `skin` (N,) bool is known. The texels are counted twice, as in `_smooth`."""
    surface = pieces.surface
    side = np.sign(surface.vertices[surface.groups == hand, 0].mean())
    above = (surface.beyond_wrists > -_ABOVE_WRIST) & (side * surface.vertices[:, 0] > 0)
    above &= surface.arms[surface.groups] & ~surface.hands[surface.groups]
    near = source & np.tile(above[pieces.texels.vertex(surface.faces)], 2)
    tone = Tone.of(colours[skin])
    if tone is None or np.count_nonzero(near) < _FEW:
        return skin
    return near if tone.likeness(np.median(colours[near], 0)) > SURE else skin


def _relief(pieces: Pieces) -> np.ndarray:
    """(V,) in [0, 1]: how light the surface is, darker in its folds, as between and along fingers."""
    around, (start, end) = pieces.surface.vertices, edges_of(pieces.surface)
    away = ((around[start] - around[end]) ** 2).sum(1)
    spread = np.bincount(start, away, len(around)) / np.maximum(np.bincount(start, minlength=len(around)), 1)
    for _ in range(2):
        around = pieces.surface.averaged(around)
    depth = ((around - pieces.surface.vertices) * pieces.normals).sum(1)
    fold: np.ndarray = smoothstep(depth / np.maximum(spread, 1e-9), *_FOLDED)
    return 1 - _FOLD_DARK * fold


def _no_skin(rows: np.ndarray, colours: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Rows of hair, or of a shoe, without those that are nearer to the `skin`'s (N,) bool colour than to theirs."""
    if not len(rows) or not skin.any():
        return rows
    own, other = np.median(colours[rows], 0), np.median(colours[skin], 0)
    away = _squares(colours[rows], np.stack([own, other]))
    return rows[away[:, 0] <= away[:, 1]]


def _cloths(colours: np.ndarray, rows: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """(N,) which of K cloths colours (N, 3) belong to, as told by those of some rows; light and shade tell little."""
    told = told_apart(colours)
    some = _some(rows, areas[rows], _CLOTHS)
    labels = fcluster(linkage(told[some], "average"), _CLOTH_APART, "distance") - 1
    means = np.stack([told[some][labels == label].mean(0) for label in range(labels.max() + 1)])
    nearest: np.ndarray = _squares(told, means).argmin(1)
    return nearest


def _layers(colours: np.ndarray, cloths: np.ndarray) -> np.ndarray:
    """(N, 4·K): colours (N, 3) with a 1 behind them in the layer of their cloth (N,), 0 in all others."""
    out = np.zeros((len(colours), cloths.max() + 1, 4), np.float32)
    out[np.arange(len(colours)), cloths, :3], out[np.arange(len(colours)), cloths, 3] = colours, 1
    return out.reshape(len(colours), -1)


def _crisp(layers: np.ndarray) -> np.ndarray:
    """(N, 3) colours of layers (N, 4·K), whose shares fade into one another, with narrow borders between cloths."""
    each = layers.reshape(len(layers), -1, 4)
    share = np.maximum(each[..., 3:], 0) ** _CRISP
    colours: np.ndarray = (share * each[..., :3] / np.maximum(each[..., 3:], 1e-6)).sum(1) / share.sum(1)
    return colours


def _apart(points: np.ndarray, others: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, S) float32 m each: how far points (P, 3) and others (S, 3) are apart along a unit vector and around the line
    along it through the middle of the points."""
    side = np.roll(axis, 1)
    frame = np.stack([axis, side, np.cross(axis, side)], 1)
    (up, x, z), (other_up, other_x, other_z) = (
        ((each - points.mean(0)) @ frame).astype(np.float32).T for each in (points, others)
    )
    radius, other_radius = np.hypot(x, z), np.hypot(other_x, other_z)
    turn = np.abs(np.subtract.outer(np.arctan2(x, z), np.arctan2(other_x, other_z)))
    arc = np.minimum(turn, 2 * np.pi - turn) * np.add.outer(radius, other_radius) / 2
    return np.abs(np.subtract.outer(up, other_up)), arc + np.abs(np.subtract.outer(radius, other_radius))


def _instead(source: np.ndarray, on_head: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows for a head of which no hair was seen: its top comes closest; whatever was seen where that wasn't either."""
    rows = np.flatnonzero(source & on_head)
    if len(rows) < _FEW:
        return np.flatnonzero(source)
    return rows[np.argsort(-places[rows, 1])[: max(_FEW, len(rows) // 10)]]


def _some(rows: np.ndarray, areas: np.ndarray, most: int = _MOST) -> np.ndarray:
    """At most so many of the rows, spread evenly over the surface."""
    if len(rows) <= most:
        return rows
    share = areas + 1e-12
    return np.random.default_rng(0).choice(rows, most, replace=False, p=share / share.sum())


def _robust_mean(energy: np.ndarray, colours: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(P, C) means of values (S, C) weighted by exp(-energy) (P, S); those of colours (S, 3) far from the colours' mean
    lose their say."""
    told, values = told_apart(colours), values.astype(np.float32)
    out = np.empty((len(energy), values.shape[1]), np.float32)
    for start in range(0, len(energy), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        near = np.exp(energy[rows].min(1, keepdims=True) - energy[rows]).astype(np.float32)
        weights = near
        for _ in range(_ROUNDS):
            mean = weights @ told / weights.sum(1, keepdims=True)
            doubt = _squares(mean / _ODD, told / _ODD)
            doubt += 1
            weights = np.divide(near, doubt, out=doubt)
        out[rows] = weights @ values / weights.sum(1, keepdims=True)
    return out


def _squares(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(P, S) float32 squared distances between points (P, C) and others (S, C)."""
    a, b = points.astype(np.float32), others.astype(np.float32)
    # |a|² + |b|² - 2 a·b as one product of matrices
    left = np.concatenate([a, (a**2).sum(1, keepdims=True), np.ones_like(a[:, :1])], 1)
    right = np.concatenate([-2 * b, np.ones_like(b[:, :1]), (b**2).sum(1, keepdims=True)], 1)
    squares = left @ right.T
    return np.maximum(squares, 0, out=squares)


def _fine(pieces: Pieces, own: np.ndarray, twin: np.ndarray, even: np.ndarray) -> np.ndarray:
    """(N, 3) fine texture for all texels over the colours `even` (N, 3), from straight in front."""
    known = np.where(own[:, 3:] >= SURE, own[:, :3], twin[:, :3])
    source = np.maximum(own[:, 3], twin[:, 3]) >= SURE
    low = pieces.texels.blurred(known, source)
    detail = np.clip(known - low, -_DETAIL_LIMIT, _DETAIL_LIMIT)
    out = _strands(pieces, detail[pieces.hair & source], even)
    sight = _lines_of_sight(pieces, own[:, 3] >= SURE)
    for group in range(len(pieces.surface.axes)):
        rows = (pieces.groups == group) & ~pieces.hair
        wanted, sources = np.flatnonzero(rows), np.flatnonzero(rows & source)
        if len(sources) < _FEW:
            continue
        flat = np.eye(3) + (_THROUGH - 1) * np.outer(sight[group], sight[group])
        _, nearest = cKDTree(pieces.places[sources] @ flat).query(pieces.places[wanted] @ flat, workers=2)
        taken = sources[nearest]
        # fine texture of another cloth is none of this one's
        apart = np.linalg.norm(low[taken] - even[wanted], axis=1, keepdims=True)
        out[wanted] = _DETAIL * detail[taken] * np.exp(-((apart / _DETAIL_ALIKE) ** 2))
    out[pieces.bare] = 0  # what fine texture skin has is of a place
    return out


def _strands(pieces: Pieces, seen: np.ndarray, even: np.ndarray) -> np.ndarray:
    """(N, 3) strands of hair over the colours `even` (N, 3), 0 elsewhere, about as strong as what was `seen` (S, 3) of
    hair stands out; none on a head as bald as its face."""
    out, hair = np.zeros_like(even), pieces.hair
    face = pieces.surface.skin[pieces.texels.vertex(pieces.surface.faces)]
    if hair.any() and face.any() and len(seen) >= _FEW:
        apart = float(np.linalg.norm(np.median(even[hair], 0) - np.median(even[face], 0))) / _DETAIL_ALIKE
        strength = min(float(seen.mean(1).std()), _STRANDS) * min(1.0, apart**2) / np.maximum(even[hair].mean(1), 1)
        out[hair] = (strength * strands(pieces.places[hair]))[:, None] * even[hair]
    return out


def _lines_of_sight(pieces: Pieces, seen: np.ndarray) -> np.ndarray:
    """(G, 3) unit vectors, rest pose: where each group was seen from, at right angles to its axis."""
    surface = pieces.surface
    normals = pieces.normals[pieces.texels.vertex(surface.faces)]
    out = np.zeros_like(surface.axes)
    for group, axis in enumerate(surface.axes):
        mean = normals[seen & (pieces.groups == group)].sum(0)
        mean -= axis * (mean @ axis)
        length = np.linalg.norm(mean)
        fallback = np.array([0.0, 0, 1]) if abs(axis[2]) < 0.5 else np.array([0.0, 1, 0])
        out[group] = mean / length if length > 1e-6 else fallback
    return out
