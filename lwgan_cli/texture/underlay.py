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

from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility
from lwgan_cli.layers.patch_fill import fill_patches
from lwgan_cli.layers.shift_map import Reach
from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.surface import Surface

RESOLUTION = 220.0  # px per metre at which it is told what hides what
SEEN = 0.6  # visibility from which a place is a model for others
HIDDEN = 0.15  # … below which something isn't even to be made up
COVERED = (0.5, 0.9)  # shares of the visibility without arms between which the photo shows a place all the same
FEW = 30  # px that nothing is made up for
AROUND = 0.3  # m around a hole in which its models lie
BEYOND = (0.1, 0.25)  # m beyond the picture's edge over which what it shows tells less and less
ALIKE, MOST_BARE = 0.5, 0.3  # likeness from which a colour is skin's, and share of it from which it is cloth's too
LEAST = 0.06  # of what is put there, that is known at least
ANYWHERE = Reach((0.8, 0.8), (3000.0, 3000.0))  # cloth goes on up and down as it does sideways
LARGEST = 900  # px, longer side


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
    None where it isn't seen."""

    colours: np.ndarray
    alpha: np.ndarray
    places: np.ndarray
    visibility: np.ndarray
    scale: float
    skin: Tone | None


def underlays(surface: Surface, shown: Shown) -> tuple[Underlay, ...]:
    """Of trunk and legs as if no arms were before them, and of the arms; those for which there is something that the
    photo doesn't show, and enough that it does. Bare limbs wear nothing."""
    arms = surface.arms[surface.groups]
    trunk = (surface.tubes.any(0) & ~surface.arms)[surface.groups] & ~surface.bare | surface.of_skirt
    sleeves = arms & ~surface.hands[surface.groups] & ~surface.bare
    made = (
        _underlay(surface.faces[~arms[surface.faces].all(1)], trunk, shown),
        _underlay(surface.faces, sleeves, shown),
    )
    return tuple(each for each in made if each is not None)


def _underlay(faces: np.ndarray, worn: np.ndarray, shown: Shown) -> Underlay | None:
    """Of the vertices that are `worn` (V,) bool, with nothing but `faces` (F, 3) to hide them."""
    square = _Square.around(worn, shown)
    if square is None:
        return None
    ndc, kept = torch.from_numpy(square.ndc(shown.places))[None], torch.from_numpy(faces)
    fragments = rasterize(ndc, kept, (square.side, square.side))
    visibility = vertex_visibility(fragments, ndc, kept)[0].numpy() * worn
    visibility *= 1 - smoothstep(_beyond(shown) / shown.scale, *BEYOND)
    both = np.stack([visibility, shown.visibility * worn], 1).astype(np.float32)
    visibility *= 1 - smoothstep(shown.visibility / np.maximum(visibility, 1e-6), *COVERED)
    there, seen = interpolate(fragments, kept, torch.from_numpy(both))[0].permute(2, 0, 1).numpy()
    known = _cloth((seen > SEEN) & (square.read(shown.alpha) > 0.5), square.read(shown.colours), shown.skin)
    covered = (there > HIDDEN) & (seen < COVERED[0] * there) & ~known
    if np.count_nonzero(covered) < FEW or np.count_nonzero(known) < LEAST * np.count_nonzero(covered):
        return None
    part = _box(covered, round(AROUND * square.per_metre))
    picture, at = _painted(shown, square, part, known[part], covered[part])
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


def _cloth(known: np.ndarray, colours: np.ndarray, skin: Tone | None) -> np.ndarray:
    """What of the known (h, w) bool, of colours (h, w, 3), goes on: not the little skin that a neckline shows."""
    if skin is None:
        return known
    bare = known & (skin.likeness(colours) > ALIKE)
    return known if np.count_nonzero(bare) > MOST_BARE * np.count_nonzero(known) else known & ~bare


def _painted(
    shown: Shown, square: _Square, part: tuple[slice, slice], known: np.ndarray, covered: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) that part of the square with what is covered (h', w') bool made of what is known (h', w') bool, and
    (V, 2) NDC of the vertices in it."""
    low = np.array([part[1].start, part[0].start]) * square.span / square.side + square.corner
    extent = np.array(covered.shape[::-1]) * square.span / square.side
    size = np.maximum(np.rint(extent * min(1.0, LARGEST / extent.max())), 1).astype(int)
    picture = cv2.warpAffine(
        shown.colours.astype(np.float32), _onto(low, size / extent), size.tolist(), borderMode=cv2.BORDER_REPLICATE
    )
    sure, wanted = (cv2.resize(each.astype(np.float32), size.tolist()) for each in (known, covered))
    filled = fill_patches(picture, sure < 0.75, wanted=wanted > 0, reach=ANYWHERE)
    return filled, (shown.places[:, :2] - low) / extent * [2, -2] + [-1, 1]


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
