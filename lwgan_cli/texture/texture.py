"""Colours for surface that no photo shows: the body's texture atlas, seen and completed.

What the photo shows is written into the atlas. The rest comes from the mirrored side of the body, where that was seen
well; and else from what was seen of the same limb, on either side of the body, see `made_up`. Only what lies well
inside the seen surface is a model for the rest: at its rim, the edge of whatever covers more, a fit that is a
centimetre off reads the colours of the limb in front. At the person's outline, where nothing but background is beside,
the colours carried outwards are read, and so what is made up goes on from what the photo shows next to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.made_up import laid_over, made_up
from lwgan_cli.texture.pieces import Pieces
from lwgan_cli.texture.skin_light import SHARES, lit_alike
from lwgan_cli.texture.skin_tone import GAMMA
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texels import Texels, sample

SEEN = 0.5  # visibility from which the photo shows a vertex
GLIMPSED = 0.02  # … from which it at least lies within the rim of what is shown
_FADE = (0.15, 0.6)  # visibility over which the photo takes over from what is made up
_RIM = 0.02  # m in the photo's plane from the rim of what is seen, from which on a colour is sure …
_OUTLINE = 0.006  # … and from the person's outline, beyond which the photo's colours are the person's own all the same
_LAID = 0.004  # … and on a face that the body's lies on
_BESIDE = 0.02  # m beside a rim: what is seen there lies in front of it, or it is the outline
_DOUBTFUL = 0.3  # share of that way up to which it counts for nothing
_HOLE = 0.13  # m: smaller pieces of unseen surface, mouth and nostrils, have no rim


@dataclass(frozen=True)
class View:
    """One photo and where the body lies in it.

    colours      (H, W, 3) uint8, the person's colours carried outwards past the edge
    vertices_px  (V, 2) picture px
    visibility   (V,) in [0, 1]
    sleeves      (2,) m beyond the wrist where left and right sleeve end; None: not known
    bare         (2, 2) m along arms and legs between which they are bare; None: not known
    shoes        m along the legs at which shoes begin in front; NaN: there are none, or not known
    outdone      (V,) in [0, 1], how far the mirrored side shows a face better; None: not known
    laid         the body's face lies on the photo's, feature by feature
    masked       a mask covers mouth and nose
    light        (V,) log light that bare limbs' skin gets from where it looks, see `skin_light`; None: not known
    """

    colours: np.ndarray
    vertices_px: np.ndarray
    visibility: np.ndarray
    sleeves: np.ndarray | None = None
    bare: np.ndarray | None = None
    shoes: float = float("nan")
    outdone: np.ndarray | None = None
    laid: bool = False
    masked: bool = False
    light: np.ndarray | None = None


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
    worn = next((view.sleeves for view in views if view.sleeves is not None), None)
    surface = surface if worn is None else surface.with_sleeves(worn)
    bare = next((view.bare for view in views if view.bare is not None), None)
    surface = surface if bare is None else surface.with_bare(bare)
    shoes = [view.shoes for view in views if not np.isnan(view.shoes)]
    surface = surface.with_shoes(shoes[0]) if shoes else surface
    surface = surface.with_mask() if any(view.masked for view in views) else surface
    texels = Texels.of(surface.uv, surface.uv_faces, size)
    sureness = [sure(view, surface) for view in views]
    own = _read(views, sureness, texels, surface.faces)
    twin = _read(views, sureness, texels, surface.mirror[surface.faces])
    pieces = Pieces.of(surface, texels)
    twin = lit_alike(pieces, own, twin)
    colours = made_up(pieces, own, twin)
    for seen in (twin, own):
        colours = laid_over(pieces, colours, seen)
    confidence = np.maximum(own[:, 3], np.maximum(0.6 * twin[:, 3], 0.3))
    picture = texels.spread(np.clip(colours / 255, 0, 1))
    return Atlas(picture, texels.scatter(confidence[:, None])[..., 0])


def onto_atlas(surface: Surface, values: np.ndarray, size: int = 512) -> np.ndarray:
    """Vertex values (V, C) as an atlas (size, size, C) float32, charts carried outwards into the gaps between them."""
    texels = Texels.of(surface.uv, surface.uv_faces, size)
    return texels.spread(texels.interpolate(surface.faces, values.astype(np.float32)))


def sure(view: View, surface: Surface) -> np.ndarray:
    """(V,) float32 in [0, 1]: the photo shows a vertex, and well inside the rim of what it shows.

    Where little is seen of a limb, its middle counts as well inside.
    """
    seen = view.visibility > GLIMPSED
    rim = _rim(seen, surface) & ~(surface.shod & surface.toes)  # no gap between toes is a shoe's edge
    if not rim.any():
        return smoothstep(view.visibility, *_FADE).astype(np.float32)
    scale = _pixels_per_metre(view, surface)
    outline = outline_of(view.vertices_px / scale, seen, rim, surface.faces)
    out = smoothstep(view.visibility, *_FADE)
    if view.outdone is not None:
        out = out * (1 - view.outdone)
    for some, far in ((rim & ~outline, _RIM), (outline, _OUTLINE)):
        if some.any():
            away = cKDTree(view.vertices_px[some]).query(view.vertices_px)[0] / scale
            furthest = np.zeros(surface.pieces.max() + 1)
            np.maximum.at(furthest, surface.pieces[seen], away[seen])
            reach = np.minimum(furthest / 2, far)[surface.pieces]
            if view.laid:
                reach = np.where(surface.face, np.minimum(reach, _LAID), reach)
            out = out * np.where(reach > 0, smoothstep(away / np.maximum(reach, 1e-6), _DOUBTFUL, 1.0), 1)
    return out.astype(np.float32)


def outline_of(places: np.ndarray, seen: np.ndarray, rim: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V,) bool: of the `rim` (V,) bool of what is `seen` (V,) bool, what has nothing else that is seen beside it.
    places (V, 2) m in the photo's plane."""
    inner, count = np.zeros_like(places), np.zeros(len(places))
    for start, end in itertools.permutations(range(3), 2):
        both = seen[faces[:, start]] & seen[faces[:, end]]
        np.add.at(inner, faces[both, start], places[faces[both, end]])
        np.add.at(count, faces[both, start], 1)
    outwards = places - inner / np.maximum(count, 1)[:, None]
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-9)
    rows = np.flatnonzero(rim & (count > 0))
    away, _ = cKDTree(places[seen]).query(places[rows] + _BESIDE * outwards[rows])
    out = np.zeros(len(places), bool)
    out[rows] = away > 0.7 * _BESIDE
    return out


def _rim(seen: np.ndarray, surface: Surface) -> np.ndarray:
    """(V,) bool: vertices that are `seen` (V,) bool beside such that aren't."""
    edges = np.concatenate([surface.faces[:, [0, 1]], surface.faces[:, [1, 2]], surface.faces[:, [2, 0]]])
    hidden = edges[~seen[edges].any(1)]
    graph = sparse.coo_matrix((np.ones(len(hidden), bool), hidden.T), shape=(len(seen),) * 2)
    _, label = connected_components(graph, directed=False)
    low, high = np.full((label.max() + 1, 3), np.inf), np.full((label.max() + 1, 3), -np.inf)
    np.minimum.at(low, label, surface.vertices)
    np.maximum.at(high, label, surface.vertices)
    large = ~seen & ((high - low).max(1)[label] > _HOLE)
    crossing = edges[seen[edges].any(1) & large[edges].any(1)]
    rim = np.zeros(len(seen), bool)
    rim[crossing] = True
    return rim & seen


def _pixels_per_metre(view: View, surface: Surface) -> float:
    """Of the person in the photo, at least 1e-6."""
    seen = view.visibility > SEEN
    start, end = surface.faces[:, 0], surface.faces[:, 1]
    both = seen[start] & seen[end]
    if not both.any():
        return 1e-6
    lengths = np.linalg.norm((surface.vertices[start] - surface.vertices[end])[both], axis=1)
    px = view.vertices_px.astype(np.float64)
    # Foreshortening only makes edges shorter: the longest ones show the scale.
    ratios = np.linalg.norm((px[start] - px[end])[both], axis=1) / np.maximum(lengths, 1e-9)
    return max(float(np.percentile(ratios, 90)), 1e-6)


def _read(views: Sequence[View], sureness: Sequence[np.ndarray], texels: Texels, faces: np.ndarray) -> np.ndarray:
    """(N, 4): colours 0 to 255 at the texels as if their faces were `faces` (F, 3), and how sure they are in [0, 1].

    Where several photos show a texel the one that does so best decides.
    """
    colours = np.stack([_evenly_lit(view, texels, faces) for view in views])
    weights = np.stack([texels.interpolate(faces, each[:, None])[:, 0] for each in sureness])
    share = weights**8 + 1e-12
    share /= share.sum(0)
    return np.concatenate([(share[..., None] * colours).sum(0), weights.max(0)[:, None]], 1).astype(np.float32)


def _evenly_lit(view: View, texels: Texels, faces: np.ndarray) -> np.ndarray:
    """(N, 3) a photo's colours at the texels, bare limbs' as light as if they faced the viewer."""
    colours = sample(view.colours, view.vertices_px, texels, faces)
    if view.light is None:
        return colours
    lit: np.ndarray = colours * np.exp(-texels.interpolate(faces, view.light[:, None]) * SHARES / GAMMA)
    return lit
