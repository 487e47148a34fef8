"""What a photo would show of clothes if the arms were away and the picture larger.

Arms before the body, what hands hold and the picture's edge hide cloth of which the photo shows enough to go on with:
pieces of it are put there as into any hole of a picture (`patch_fill`), at the photo's own resolution. The atlas,
whose texels are millimetres, has no knit and no weave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy import sparse
from scipy.ndimage import gaussian_filter1d
from scipy.sparse.linalg import splu

from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility
from lwgan_cli.layers.patch_fill import fill_patches
from lwgan_cli.layers.push_pull import push_pull
from lwgan_cli.layers.shift_map import Reach
from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.skin_tone import Tone, from_log
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.waist import lower_garment

RESOLUTION = 220.0  # px per metre at which it is told what hides what
SEEN = 0.6  # visibility from which a place is a model for others
HIDDEN = 0.15  # … below which something isn't even to be made up
COVERED = (0.5, 0.9)  # shares of the visibility without arms between which the photo shows a place all the same
RIM = 0.03  # m from the edge of what is known, within which it may be tinged
TINGED, PATTERN = 8.0, 4.0  # levels of 255 towards skin, and times what the cloth's own vary, that a rim isn't cloth
FEW = 30  # px that nothing is made up for
AROUND = 0.3  # m around a hole in which its models lie
BEYOND = (0.1, 0.25)  # m beyond the picture's edge over which what it shows tells less and less
ALIKE, MOST_BARE = 0.5, 0.3  # likeness from which a colour is skin's, and share of it from which it is cloth's too
LEAST = 0.06  # of what is put there, that is known at least
ANYWHERE = Reach((0.8, 0.8), (3000.0, 3000.0))  # cloth goes on up and down as it does sideways
LARGEST = 900  # px, longer side
SPECK = 4e-4  # m², up to which skin in cloth is none, nor cloth in skin
AROUND_HEM = 6.0  # how much sooner a hem goes on around a limb than along it
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (1, -2), (2, 1), (2, -1))  # px, down and right, to neighbours
LEVEL, LEVEL_SPREAD = 3e-4, 4.0  # of the flow between two px, what comes from the same height; px up and down
HEM_SOFT, HEM_RIM = 0.4, 1.5  # px of `RESOLUTION` that a hem is soft over, and beside one that are of neither kind


@dataclass(frozen=True)
class Underlay:
    """pixels      (3, h, w) float32 [0, 1]
    ndc         (V, 2) of the body in it
    visibility  (V,) in [0, 1]: it shows this vertex
    """

    pixels: torch.Tensor
    ndc: torch.Tensor
    visibility: torch.Tensor

    def hiding(self, keep: torch.Tensor) -> Underlay:
        """Without what it shows where `keep` (V,) is 0."""
        return replace(self, visibility=self.visibility * keep)

    def to(self, like: torch.Tensor) -> Underlay:
        """On the device of a tensor."""
        return Underlay(*(each.to(like) for each in (self.pixels, self.ndc, self.visibility)))


@dataclass(frozen=True)
class Shown:
    """What a photo shows: colours (H, W, 3) 0 to 255 and alpha (H, W) in [0, 1] of the person; places (V, 3) px of the
    vertices, depth away from the viewer, and their visibility (V,) in [0, 1]; scale px per metre; skin the face's,
    None where it isn't seen; overhung (V,) bool: what no arm hides, but other clothes."""

    colours: np.ndarray
    alpha: np.ndarray
    places: np.ndarray
    visibility: np.ndarray
    scale: float
    skin: Tone | None
    overhung: np.ndarray


def underlays(surface: Surface, shown: Shown) -> tuple[Underlay, ...]:
    """Of trunk and legs as if no arms were before them, and of the arms; those for which there is something that the
    photo doesn't show, and enough that it does. Bare limbs wear nothing, and socks aren't what trousers go on as."""
    arms, own = surface.arms[surface.groups], ~surface.bare & ~surface.beyond_bare & ~shown.overhung
    trunk = (surface.tubes.any(0) & ~surface.arms)[surface.groups] & own | surface.of_skirt
    sleeves = arms & ~surface.hands[surface.groups] & own
    along = (surface.vertices * surface.axes[surface.groups]).sum(1)
    along = np.where(arms, np.abs(along), along)  # from the trunk outwards on either side
    thighs = surface.vertices[(surface.hips & surface.limbs)[surface.groups], 1]
    hips = float(thighs.max()) if len(thighs) else -np.inf  # a skirt leaves none
    made = (
        _underlay(surface.faces[~arms[surface.faces].all(1)], trunk, along, hips, shown),
        _underlay(surface.faces, sleeves, along, -np.inf, shown),
    )
    return tuple(each for each in made if each is not None)


def _underlay(faces: np.ndarray, worn: np.ndarray, along: np.ndarray, hips: float, shown: Shown) -> Underlay | None:
    """Of the vertices that are `worn` (V,) bool, with nothing but `faces` (F, 3) to hide them; along (V,) m, where they
    lie along the trunk or limb, below `hips` of which no skin is bare."""
    square = _Square.around(worn, shown)
    if square is None:
        return None
    ndc, kept = torch.from_numpy(square.ndc(shown.places))[None], torch.from_numpy(faces)
    fragments = rasterize(ndc, kept, (square.side, square.side))
    visibility = vertex_visibility(fragments, ndc, kept)[0].numpy() * worn
    visibility *= 1 - smoothstep(_beyond(shown) / shown.scale, *BEYOND)
    both = np.stack([visibility, shown.visibility * worn, along * square.per_metre], 1).astype(np.float32)
    visibility *= 1 - smoothstep(shown.visibility / np.maximum(visibility, 1e-6), *COVERED)
    there, seen, height = interpolate(fragments, kept, torch.from_numpy(both))[0].permute(2, 0, 1).numpy()
    colours = square.read(shown.colours)
    known = (seen > SEEN) & (square.read(shown.alpha) > 0.5)
    known, bare = _cloth(known, colours, shown.skin, height < hips * square.per_metre)
    if not bare.any():
        known &= ~tinged(colours, known, square.per_metre, shown.skin)
    covered = (there > HIDDEN) & (seen < COVERED[0] * there) & ~known
    if np.count_nonzero(covered) < FEW or np.count_nonzero(known) < LEAST * np.count_nonzero(covered):
        return None
    part = _box(covered, round(AROUND * square.per_metre))
    if not known[part].any():  # a model for what is hidden lies far off, if anywhere
        return None
    kind = bare if bare.any() else lower_garment(known, colours, height)
    hems = None
    if kind is not None:
        kind = _without_specks(kind, known, SPECK * square.per_metre**2)
        hems = hemmed(kind[part], known[part], covered[part], height[part])
    picture, at = _painted(shown, square, part, known[part], covered[part], hems)
    return Underlay(
        torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1) / 255, np.float32)).clamp(0, 1),
        torch.from_numpy(at.astype(np.float32)),
        torch.from_numpy(visibility.astype(np.float32)),
    )


@dataclass(frozen=True)
class _Square:
    """A square part of the photo's plane, which may reach beyond its edge: corner (2,) px of the photo, span px of it,
    side px as it is looked at, per_metre px of these."""

    corner: np.ndarray
    span: float
    side: int
    per_metre: float

    @classmethod
    def around(cls, worn: np.ndarray, shown: Shown) -> _Square | None:
        """What of the vertices `worn` (V,) bool lies in the photo or not far beyond its edge; None where none does."""
        near = shown.places[worn & (_beyond(shown) < BEYOND[1] * shown.scale), :2]
        if not len(near):
            return None
        corner = np.floor(near.min(0)) - 1
        span = float((near.max(0) + 1 - corner).max())
        side = max(8, round(span * min(1.0, RESOLUTION / shown.scale)))
        return cls(corner, span, side, side / span * shown.scale)

    def ndc(self, places: np.ndarray) -> np.ndarray:
        """(V, 3) float32 of places (V, 3) px."""
        flat = (places[:, :2] - self.corner) / self.span * [2, -2] + [-1, 1]
        depth = (places[:, 2:] - places[:, 2:].min()) / self.span * 2 + 1
        return np.concatenate([flat, depth], 1).astype(np.float32)

    def read(self, planes: np.ndarray) -> np.ndarray:
        """(side, side, …) of what planes (H, W, …) of the photo show in it, 0 beyond the photo."""
        onto = _onto(self.corner, np.full(2, self.side / self.span))
        return cv2.warpAffine(planes.astype(np.float32), onto, (self.side, self.side))


def _cloth(
    known: np.ndarray, colours: np.ndarray, skin: Tone | None, dressed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What of the known (h, w) bool, of colours (h, w, 3), goes on: not the little skin that a neckline shows; and
    (h, w) bool: what of it is bare skin. dressed (h, w) bool: what has its colour and is none, beige trousers."""
    if skin is None:
        return known, np.zeros_like(known)
    bare = known & (skin.likeness(colours) > ALIKE) & ~dressed
    if np.count_nonzero(bare) > MOST_BARE * np.count_nonzero(known):
        return known, bare
    return known & ~bare, np.zeros_like(known)


def tinged(colours: np.ndarray, known: np.ndarray, per_metre: float, skin: Tone | None) -> np.ndarray:
    """(h, w) bool: pixels at the edge of the known cloth (h, w) bool, beside skin, that are partly such, more so than
    its pattern is: rims of necklines and of hands in motion, and the light that these throw. Where they stayed, they
    would tinge what is made.

    colours (h, w, 3) in [0, 255]; per_metre px; skin None: none is known, and nothing tinged
    """
    nothing = np.zeros_like(known)
    inner = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 5) > RIM * per_metre
    if skin is None or not inner.any():
        return nothing
    bare = (skin.likeness(colours) > ALIKE) & ~known
    beside = cv2.distanceTransform((~bare).astype(np.uint8), cv2.DIST_L2, 5) < RIM * per_metre
    cloth = cv2.GaussianBlur(push_pull(colours, inner.astype(np.float32)), (0, 0), RIM * per_metre)
    whole = from_log(skin.mean) - cloth
    found = nothing
    for part, way in ((colours - cloth, whole), (_chroma(colours - cloth), _chroma(whole))):
        along = (part * way).sum(-1) / np.maximum(np.linalg.norm(way, axis=-1), 1e-6)
        found |= along > max(TINGED, PATTERN * float(np.sqrt((along[inner] ** 2).mean())))
    return cv2.dilate((found & known & beside & ~inner).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _chroma(colours: np.ndarray) -> np.ndarray:
    """Colours (…, 3) or differences of such without their brightness."""
    return colours - colours.mean(-1, keepdims=True)


def _without_specks(kind: np.ndarray, known: np.ndarray, least: float) -> np.ndarray:
    """One kind (h, w) bool of what is known (h, w) bool, pieces of which, and of the other, of less than `least` px
    are of what surrounds them."""
    kind = kind.copy()
    for value in (True, False):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            (known & (kind == value)).astype(np.uint8), connectivity=4
        )
        small = stats[:, cv2.CC_STAT_AREA] < least
        small[0] = False
        kind[small[labels]] = not value
    return kind


def hemmed(bare: np.ndarray, known: np.ndarray, covered: np.ndarray, height: np.ndarray) -> np.ndarray:
    """(h, w) in [0, 1]: where skin is bare, or the lower of two garments worn, as what is `bare` (h, w) bool of the
    known (h, w) bool goes on into what is covered (h, w) bool: rather around a limb or the trunk, at the height (h, w)
    px along it, than along it, as hems do.

    Heat that flows from what is known, and in little from all that is known at the same height, the other leg's; 0.5
    is the hem.
    """
    number = np.full(bare.shape, -1)
    inside = known | covered
    number[inside] = np.arange(np.count_nonzero(inside))
    starts, ends, flows = [], [], []
    rows, columns = bare.shape
    for down, right in STEPS:
        here = slice(0, rows - down), slice(max(0, -right), columns - max(0, right))
        there = slice(down, rows), slice(max(0, right), columns + min(0, right))
        both = inside[here] & inside[there] & (covered[here] | covered[there])
        climb = (height[there] - height[here])[both].astype(np.float64) / np.hypot(down, right)
        starts.append(number[here][both])
        ends.append(number[there][both])
        flows.append(1 / (1 + (AROUND_HEM * climb) ** 2) / np.hypot(down, right))
    start, end, flow = (np.concatenate(each) for each in (starts, ends, flows))
    count = np.count_nonzero(inside)
    links = sparse.coo_matrix((flow, (start, end)), shape=(count, count)).tocsr()
    links = links + links.T
    open_, held = np.flatnonzero(covered[inside]), np.flatnonzero(~covered[inside])
    leaving = sparse.diags(np.asarray(links.sum(1)).ravel() + LEVEL)
    heat = bare[inside].astype(np.float64)
    system = (leaving - links)[open_][:, open_].tocsc()
    level = _at_height(height[inside][held], heat[held], height[inside][open_])
    right_side = links[open_][:, held] @ heat[held] + LEVEL * level
    heat[open_] = splu(system, permc_spec="MMD_AT_PLUS_A").solve(right_side)
    out = np.zeros(bare.shape, np.float32)
    out[inside] = heat
    return push_pull(out[..., None], inside.astype(np.float32))[..., 0]


def _at_height(known: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(M,) the mean of values (N,) known at heights (N,) px, at the heights wanted (M,) px; above and below all of them
    that of the nearest."""
    low = min(known.min(), wanted.min())
    at, count = (known - low).astype(int), int(max(known.max(), wanted.max()) - low) + 1
    sums, met = (
        gaussian_filter1d(np.bincount(at, each, count).astype(np.float64), LEVEL_SPREAD, mode="constant")
        for each in (values, np.ones_like(values))
    )
    sure = np.flatnonzero(met > met.max() * 1e-3)
    return np.interp(wanted - low - 0.5, sure, sums[sure] / met[sure])


def _painted(
    shown: Shown, square: _Square, part: tuple[slice, slice], known: np.ndarray, covered: np.ndarray,
    hems: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(h, w, 3) that part of the square with what is covered (h', w') bool made of what is known (h', w') bool, and
    (V, 2) NDC of the vertices in it; hems (h', w') in [0, 1], where that is one of two kinds, skin or what is worn
    below, which is made of its kind alone, as the other is of its own; None: there is one kind."""
    low = np.array([part[1].start, part[0].start]) * square.span / square.side + square.corner
    extent = np.array(covered.shape[::-1]) * square.span / square.side
    size = np.maximum(np.rint(extent * min(1.0, LARGEST / extent.max())), 1).astype(int)
    picture = cv2.warpAffine(
        shown.colours.astype(np.float32), _onto(low, size / extent), size.tolist(), borderMode=cv2.BORDER_REPLICATE
    )
    sure, wanted = (cv2.resize(each.astype(np.float32), size.tolist()) for each in (known, covered))
    at = (shown.places[:, :2] - low) / extent * [2, -2] + [-1, 1]
    if hems is None:
        return fill_patches(picture, sure < 0.75, wanted=wanted > 0, reach=ANYWHERE), at
    zoom = size[0] / covered.shape[1]
    one = cv2.resize(hems, size.tolist()) > 0.5
    share = cv2.GaussianBlur(one.astype(np.float32), (0, 0), HEM_SOFT * max(1.0, zoom))
    rim = np.ones((2 * max(1, round(HEM_RIM * zoom)) + 1,) * 2, np.uint8)
    filled = np.zeros_like(picture)
    for mine, kind in ((share, one), (1 - share, ~one)):
        pure = (sure >= 0.75) & (cv2.erode(kind.astype(np.uint8), rim, borderValue=1) > 0)
        needed = (wanted > 0) & (mine > 0)
        made = fill_patches(picture, ~pure, wanted=needed, reach=ANYWHERE) if needed.any() and pure.any() else picture
        filled += mine[..., None] * made
    filled = np.where((sure >= 0.75)[..., None], picture, filled)
    return filled, at


def _beyond(shown: Shown) -> np.ndarray:
    """(V,) px that vertices lie beyond the picture's edge, 0 within."""
    places, size = shown.places[:, :2], np.array(shown.alpha.shape[::-1])
    beyond: np.ndarray = np.maximum(np.maximum(-places, places - size), 0).max(1)
    return beyond


def _onto(corner: np.ndarray, zoom: np.ndarray) -> np.ndarray:
    """(2, 3) from the px of a photo to those of a picture with this corner (2,) px of it, zoom (2,) times larger."""
    return np.concatenate([np.diag(zoom), ((0.5 - corner) * zoom - 0.5)[:, None]], 1)


def _box(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns of a mask (h, w), with a margin where there is room."""
    rows, columns = (
        slice(max(0, held[0] - margin), min(len(any_of), held[-1] + 1 + margin))
        for any_of in (mask.any(1), mask.any(0))
        for held in (np.flatnonzero(any_of),)
    )
    return rows, columns
