"""Colours for surface that no photo shows: the body's texture atlas, seen and completed.

What the photo shows is written into the atlas. The rest comes, in this order, from the mirrored side of
the body, where that was seen; and from the same limb or the same height of the torso: the colour from the
rim of what was seen, nearest along the surface and at the same height (the side of a jacket says more about
its back than the shirt in its opening), and fine texture from straight in front. The back of the head takes
its colour from the hair and never from the face. A correction that fades with distance closes the steps
where seen and made up surface meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.body.model import JOINT_NAMES, BodyModel
from lwgan_cli.correspondence.rasterizer import rasterize

SEEN = 0.5  # visibility from which a texel's colour is a model for others
_FADE = (0.15, 0.6)  # visibility over which the photo takes over from what is made up
_RIM_NEIGHBOURS = 48
_RIM_SOURCES = 6000  # texels, at most, that colours of the rim are taken from
_ACROSS = 0.35  # how much a step around a limb counts against one along it
_THROUGH = 0.1  # how much a step along the line of sight counts against one across it
_DETAIL = 0.5  # share of the fine texture that is carried to the other side
_DETAIL_LIMIT = 25.0  # grey levels: stronger detail is a pattern with a place of its own
_STEP_REACH = 0.04  # part of the atlas' side over which a step is smoothed out
_HAND_REACH = 0.05  # metres: how far from its place in the fit a hand may be in the photo
_FEW = 30  # sources: with fewer a group takes from the whole body

# Surface is made up from surface of the same group of joints only.
_GROUPS = {
    "torso": ("pelvis", "spine1", "spine2", "spine3", "neck", "left_collar", "right_collar"),
    "head": ("head",),
    **{f"{side}_upper_arm": (f"{side}_shoulder",) for side in ("left", "right")},
    **{f"{side}_forearm": (f"{side}_elbow",) for side in ("left", "right")},
    **{f"{side}_hand": (f"{side}_wrist", f"{side}_hand") for side in ("left", "right")},
    **{f"{side}_thigh": (f"{side}_hip",) for side in ("left", "right")},
    **{f"{side}_shank": (f"{side}_knee",) for side in ("left", "right")},
    **{f"{side}_foot": (f"{side}_ankle", f"{side}_foot") for side in ("left", "right")},
}


@dataclass(frozen=True)
class Surface:
    """The body's surface as far as textures are concerned; arrays of numpy.

    vertices  (V, 3) rest pose, metres, y up, z forward
    faces     (F, 3) rows of vertices; uv_faces (F, 3) rows of uv
    uv        (U, 2) in [0, 1], u right, v down
    mirror    (V,) vertex on the other side
    groups    (V,) int, surface is only made up from its own group
    axes      (G, 3) unit vectors, the direction along which each group is laid out
    hair      (V,) bool: where hair grows
    skin      (V,) bool: where the face's skin shows; hands take its colour where they were not seen
    hands     (G,) bool: the groups that are bare when nothing else is known
    covers    (G,) bool: the groups that may hide others in a photo, hands and forearms
    arms      (G,) bool: the groups of the arms, hands included
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    mirror: np.ndarray
    groups: np.ndarray
    axes: np.ndarray
    hair: np.ndarray
    skin: np.ndarray
    hands: np.ndarray
    covers: np.ndarray
    arms: np.ndarray

    @classmethod
    def of_body(cls, model: BodyModel) -> Surface:
        group_of = {joint: i for i, joints in enumerate(_GROUPS.values()) for joint in joints}
        vertices = model.v_template.cpu().numpy().astype(np.float64)
        parts = model.parts.cpu().numpy()
        # In T-pose arms and hands lie along x, feet along z, all else along y.
        lies = {"arm": (1, 0, 0), "hand": (1, 0, 0), "foot": (0, 0, 1)}
        axes = [next((a for end, a in lies.items() if name.endswith(end)), (0, 1, 0)) for name in _GROUPS]
        hair, skin = _hair_and_skin(vertices, parts == JOINT_NAMES.index("head"), model.landmarks)
        return cls(
            vertices=vertices,
            faces=model.faces.cpu().numpy(),
            uv=model.uv.cpu().numpy(),
            uv_faces=model.uv_faces.cpu().numpy(),
            mirror=model.mirror.cpu().numpy(),
            groups=np.array([group_of[name] for name in JOINT_NAMES])[parts],
            axes=np.array(axes, np.float64),
            hair=hair,
            skin=skin,
            hands=np.array([name.endswith("hand") for name in _GROUPS]),
            covers=np.array([name.endswith(("hand", "forearm")) for name in _GROUPS]),
            arms=np.array([name.endswith(("hand", "arm")) for name in _GROUPS]),
        )


@dataclass(frozen=True)
class View:
    """One photo and where the body lies in it.

    colours      (H, W, 3) uint8, the person's colours carried outwards past the edge
    vertices_px  (V, 2) picture px
    visibility   (V,) in [0, 1]
    """

    colours: np.ndarray
    vertices_px: np.ndarray
    visibility: np.ndarray


@dataclass(frozen=True)
class Atlas:
    """Colours of the whole surface.

    colours     (A, A, 3) float32 in [0, 1], charts carried outwards into the gaps between them
    confidence  (A, A) float32 in [0, 1]: 1 seen, 0.6 the mirrored side was seen, 0.3 made up, 0 no surface
    """

    colours: np.ndarray
    confidence: np.ndarray


def complete_views(views: Sequence[View], surface: Surface, size: int = 512) -> Atlas:
    """The completed atlas of one or several photos; see the module's top for how."""
    texels = _Texels.of(surface, size)
    # Beside a hand the photo may show the hand: no model for the surface behind, and worse than a guess.
    views = [replace(view, visibility=view.visibility * ~beside_hands(view, surface)) for view in views]
    seen, seen_weight = _merge([_sample(view, texels, surface.faces) for view in views])
    mirrored_faces = surface.mirror[surface.faces]
    mirrored, mirrored_weight = _merge([_sample(view, texels, mirrored_faces) for view in views])

    from_photo, from_mirror = _ramp(seen_weight), _ramp(mirrored_weight)
    known = np.where((seen_weight >= SEEN)[:, None], seen, mirrored)
    source = np.maximum(seen_weight, mirrored_weight) >= SEEN
    beyond_doubt = seen_weight >= 0.95
    needed = ~beyond_doubt & (from_mirror < 1)
    made_up = np.zeros_like(seen)
    if source.any():
        made_up[needed] = _make_up(surface, texels, known, source, seen_weight, needed)
    else:
        made_up[:] = 127.5  # the photo shows nothing of the body
    base = from_mirror[:, None] * mirrored + (1 - from_mirror[:, None]) * made_up

    border = (seen_weight > _FADE[0]) & ~beyond_doubt
    base += _close_steps(texels, seen - base, border, seen_weight >= _FADE[1])
    blended = from_photo[:, None] * seen + (1 - from_photo[:, None]) * base
    confidence = np.maximum(from_photo, np.maximum(0.6 * from_mirror, 0.3))
    picture = texels.spread(np.clip(blended / 255, 0, 1))
    return Atlas(picture, texels.scatter(confidence[:, None])[..., 0])


def onto_atlas(surface: Surface, values: np.ndarray, size: int = 512) -> np.ndarray:
    """Vertex values (V, C) as an atlas (size, size, C) float32, charts carried outwards into the gaps between them."""
    texels = _Texels.of(surface, size)
    return texels.spread(texels.interpolate(surface.faces, values.astype(np.float32)))


@dataclass(frozen=True)
class _Texels:
    """The N texels that carry surface: rows of the atlas, and where on the surface they lie."""

    size: int
    rows: np.ndarray  # (N,) flat indices
    face: np.ndarray  # (N,)
    bary: np.ndarray  # (N, 3) float32

    @classmethod
    def of(cls, surface: Surface, size: int) -> _Texels:
        plane = surface.uv.astype(np.float32) * [2, -2] + [-1, 1]
        flat = np.concatenate([plane, np.ones((len(plane), 1))], 1).astype(np.float32)
        fragments = rasterize(torch.from_numpy(flat)[None], torch.from_numpy(surface.uv_faces), size, "torch")
        face = fragments.pix_to_face[0].numpy().ravel()
        rows = np.flatnonzero(face >= 0)
        return cls(size, rows, face[rows], fragments.bary_coords[0].numpy().reshape(-1, 3)[rows])

    def interpolate(self, faces: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Vertex values (V, C) → (N, C)."""
        return np.einsum("nk,nkc->nc", self.bary, values[faces[self.face]])

    def vertex(self, faces: np.ndarray) -> np.ndarray:
        """(N,) the vertex nearest to each texel."""
        return faces[self.face, self.bary.argmax(1)]

    def scatter(self, values: np.ndarray) -> np.ndarray:
        """(N, C) → (A, A, C) float32, zero where there is no surface."""
        out = np.zeros((self.size * self.size, values.shape[1]), np.float32)
        out[self.rows] = values
        return out.reshape(self.size, self.size, -1)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """(N, C) → (A, A, C) float32, the gaps filled from the nearest texel."""
        empty = np.ones(self.size * self.size, np.uint8)
        empty[self.rows] = 0
        _, labels = cv2.distanceTransformWithLabels(
            empty.reshape(self.size, self.size), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        row_of = np.zeros(labels.max() + 1, np.int64)
        row_of[labels.ravel()[self.rows]] = np.arange(len(self.rows))
        return values[row_of[labels]].astype(np.float32)


def _sample(view: View, texels: _Texels, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photo's colours (N, 3) at the texels, 0 to 255, and how well it shows them (N,)."""
    weight = texels.interpolate(faces, view.visibility.astype(np.float32)[:, None])[:, 0]
    places = texels.interpolate(faces, view.vertices_px.astype(np.float32))
    picture, shrink = _fitting(view.colours, places, texels)
    x, y = (places * shrink - 0.5).astype(np.float32).T
    # remap takes no more than 32767 rows or columns at once.
    width = 4096
    padded = -len(x) % width
    grid = [np.pad(axis, (0, padded)).reshape(-1, width) for axis in (x, y)]
    colours = cv2.remap(picture, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colours.reshape(-1, 3)[: len(x)].astype(np.float32), weight


def _fitting(picture: np.ndarray, places: np.ndarray, texels: _Texels) -> tuple[np.ndarray, float]:
    """The photo made as small as the atlas' texels are on it, and by how much, so that none is skipped."""
    neighbours = np.flatnonzero(np.diff(texels.rows) == 1)
    if not len(neighbours):
        return picture, 1.0
    step = float(np.percentile(np.linalg.norm(places[neighbours + 1] - places[neighbours], axis=1), 75))
    if step < 1.5:
        return picture, 1.0
    shrink = 1 / step
    return cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), shrink


def beside_hands(view: View, surface: Surface) -> np.ndarray:
    """(V,) bool: not of an arm, but so near a visible hand or forearm in the photo that those may cover it.

    A hand is seldom fitted to the centimetre, and the hand of the photo is not the body model's.
    """
    seen = view.visibility > SEEN
    covers = surface.covers[surface.groups]
    if not (covers & seen).any():
        return np.zeros(len(seen), bool)
    px = view.vertices_px.astype(np.float64)
    start, end = surface.faces[:, 0], surface.faces[:, 1]
    both = seen[start] & seen[end]
    lengths = np.linalg.norm((surface.vertices[start] - surface.vertices[end])[both], axis=1)
    # Foreshortening only makes edges shorter: the longest ones show the scale, px per metre.
    ratios = np.linalg.norm((px[start] - px[end])[both], axis=1) / np.maximum(lengths, 1e-9)
    reach = _HAND_REACH * float(np.percentile(ratios, 90)) if len(ratios) else 0.0
    distance, _ = cKDTree(px[covers & seen]).query(px, distance_upper_bound=reach)
    return np.isfinite(distance) & ~surface.arms[surface.groups]


def _merge(samples: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Several photos' colours and weights as one: the photo that shows a texel best decides."""
    colours, weights = np.stack([c for c, _ in samples]), np.stack([w for _, w in samples])
    share = weights**8 + 1e-12
    share /= share.sum(0)
    return (share[..., None] * colours).sum(0), weights.max(0)


def _make_up(
    surface: Surface,
    texels: _Texels,
    known: np.ndarray,
    source: np.ndarray,
    seen_weight: np.ndarray,
    needed: np.ndarray,
) -> np.ndarray:
    """Colours (M, 3) for the texels `needed` from those that are `source`; see the module's top."""
    places = texels.interpolate(surface.faces, surface.vertices.astype(np.float32))
    vertex = texels.vertex(surface.faces)
    groups, hair = surface.groups[vertex], surface.hair[vertex]
    sight = _lines_of_sight(surface, texels, source & (seen_weight >= SEEN), groups)
    detail = _detail(texels, known, source)
    # Smooth colours are found for vertices and interpolated; fine texture for each texel.
    smooth = np.zeros((len(surface.vertices), 3), np.float32)
    fine = np.zeros_like(known)
    skin = source & surface.skin[vertex]
    for group in range(len(surface.axes)):
        for of_hair in (False, True):
            wanted = np.flatnonzero((surface.groups == group) & (surface.hair == of_hair))
            if not len(wanted):
                continue
            sources = np.flatnonzero(source & (groups == group) & (hair == of_hair))
            if len(sources) < _FEW and surface.hands[group] and np.count_nonzero(skin) >= _FEW:
                smooth[wanted] = np.median(known[skin], 0)
                continue
            sources = _enough(sources, source, groups == group, places, of_hair)
            stretch = _stretch(surface.axes[group], _ACROSS)
            smooth[wanted] = _near_mean(surface.vertices[wanted], places[sources], known[sources], stretch)
            texel_rows = np.flatnonzero(needed & (groups == group) & (hair == of_hair))
            if len(texel_rows):
                flat = _stretch(sight[group], 1.0, _THROUGH)
                _, nearest = cKDTree(places[sources] @ flat).query(places[texel_rows] @ flat, workers=2)
                fine[texel_rows] = detail[sources[nearest]]
    return (texels.interpolate(surface.faces, smooth) + _DETAIL * fine)[needed]


def _enough(
    sources: np.ndarray, source: np.ndarray, in_group: np.ndarray, places: np.ndarray, of_hair: bool
) -> np.ndarray:
    """Rows to take colours from: those asked for, or else the next best."""
    if len(sources) >= _FEW:
        return sources
    group_rows = np.flatnonzero(source & in_group)
    if len(group_rows) < _FEW:
        return np.flatnonzero(source)
    if not of_hair:
        return group_rows
    # A head of which no hair was seen: its top comes closest.
    return group_rows[np.argsort(-places[group_rows, 1])[: max(_FEW, len(group_rows) // 10)]]


def _near_mean(points: np.ndarray, places: np.ndarray, colours: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """(P, 3) colour of the sources nearest to each point, distances measured after `stretch` (3, 3).

    The mean of the middle half by brightness: a strap or a drawstring on the rim doesn't colour the back.
    """
    if len(places) > _RIM_SOURCES:
        rows = np.random.default_rng(0).permutation(len(places))[:_RIM_SOURCES]
        places, colours = places[rows], colours[rows]
    count = min(_RIM_NEIGHBOURS, len(places))
    _, nearest = cKDTree(places @ stretch).query(points @ stretch, count, workers=2)
    near = colours[nearest.reshape(len(points), count)]
    order = near.sum(2).argsort(1)[:, count // 4 : max(count // 4 + 1, count - count // 4)]
    return np.take_along_axis(near, order[..., None], 1).mean(1)


def _stretch(axis: np.ndarray, across: float, along: float = 1.0) -> np.ndarray:
    """(3, 3) symmetric: scales by `along` along the unit vector, by `across` at right angles to it."""
    return across * np.eye(3) + (along - across) * np.outer(axis, axis)


def _lines_of_sight(surface: Surface, texels: _Texels, seen: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(G, 3) unit vectors, rest pose: where each group was seen from, at right angles to its axis."""
    corners = surface.vertices[surface.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    out = np.zeros_like(surface.axes)
    for group, axis in enumerate(surface.axes):
        mean = normals[texels.face[seen & (groups == group)]].sum(0)
        mean -= axis * (mean @ axis)
        length = np.linalg.norm(mean)
        fallback = np.array([0.0, 0, 1]) if abs(axis[2]) < 0.5 else np.array([0.0, 1, 0])
        out[group] = mean / length if length > 1e-6 else fallback
    return out


def _detail(texels: _Texels, known: np.ndarray, source: np.ndarray) -> np.ndarray:
    """(N, 3) what the known colours have beyond their surroundings in the atlas."""
    weight = source[:, None].astype(np.float32)
    picture = texels.scatter(np.concatenate([known * weight, weight], 1))
    blurred = cv2.GaussianBlur(picture, (0, 0), 0.012 * texels.size).reshape(-1, 4)[texels.rows]
    return np.clip(known - blurred[:, :3] / np.maximum(blurred[:, 3:], 1e-4), -_DETAIL_LIMIT, _DETAIL_LIMIT) * weight


def _close_steps(texels: _Texels, step: np.ndarray, border: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(N, 3) correction of made up colours: the step at the border of what was seen, fading from there."""
    weight = border[:, None].astype(np.float32)
    picture = texels.scatter(np.concatenate([step * weight, weight], 1))
    reach = _STEP_REACH * texels.size
    total = np.zeros_like(picture)
    for sigma, share in ((reach / 8, 1.0), (reach / 3, 1e-2), (reach, 1e-4)):  # near steps count first
        total += share * cv2.GaussianBlur(picture, (0, 0), sigma)
    mean = total[..., :3] / np.maximum(total[..., 3:], 1e-9)
    far = np.ones(texels.size * texels.size, np.uint8)
    far[texels.rows[seen | border]] = 0
    distance = cv2.distanceTransform(far.reshape(texels.size, texels.size), cv2.DIST_L2, 5)
    fade = np.exp(-((np.minimum(distance, 9 * reach) / reach) ** 2))
    fade[total[..., 3] < 1e-9] = 0
    return (mean * fade[..., None]).reshape(-1, 3)[texels.rows]


def _hair_and_skin(
    vertices: np.ndarray, head: np.ndarray, landmarks: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """(V,) bool where hair grows, (V,) bool where the face's skin shows; rest pose, face towards +z."""
    eyes = vertices[[landmarks["left_eye"], landmarks["right_eye"]]].mean(0)
    ears = vertices[[landmarks["left_ear"], landmarks["right_ear"]]].mean(0)
    top, chin = vertices[landmarks["head_top"]], vertices[landmarks["chin"]]
    _, y, z = vertices.T
    behind = z < ears[2] - 0.1 * (eyes[2] - ears[2])
    hair = head & ((y > eyes[1] + 0.7 * (top[1] - eyes[1])) | (behind & (y > chin[1])))
    front = z > ears[2] + 0.5 * (eyes[2] - ears[2])
    skin = head & front & (y < eyes[1]) & (y > chin[1])
    return hair, skin


def _ramp(visibility: np.ndarray) -> np.ndarray:
    t = np.clip((visibility - _FADE[0]) / (_FADE[1] - _FADE[0]), 0, 1)
    return t * t * (3 - 2 * t)
