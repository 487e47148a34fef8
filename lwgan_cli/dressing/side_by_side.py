"""Legs that stand side by side: where they touch, the person's outline tells of neither where it ends.

What the outline shows of them, their outer sides, would swell or move the whole of a leg, and so each over the other.
Each leg's own outline is therefore held where the two meet: halfway between them. And where a leg lies over a gap that
the person's outline shows, this is where that gap's edge belongs, not at the leg's far side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy import sparse
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.fitting.outline import Outline, outline, within
from lwgan_cli.ramps import smoothstep
from lwgan_cli.records import Fragments

LEGS = (1, 4, 7, 10), (2, 5, 8, 11)  # joints of either
THICKEST = 0.08  # m: more than half a leg's width
TOUCHING = 0.025  # m between legs with nothing of the background in between: they touch
OPPOSED = 0.5  # cosine from which outlines face one another
CROSSED = (0.6, 1.0)  # of half a leg's width that lies over the other, over which they cross and don't just touch
BEHIND = (0.05, 0.1)  # m in depth between their outlines, over which one is behind the other


@dataclass(frozen=True)
class Met:
    """What pulls on the surface where legs meet: vectors (N, 2) px, the legs' outward normals there (N, 2), anchors
    (N, V) of the points that are pulled, trust (N,) in [0, 1]; and the outline, with anchors (M, V), of what of the
    legs lies over the other one where there is background between them."""

    pull: np.ndarray
    direction: np.ndarray
    anchors: sparse.csr_matrix
    trust: np.ndarray
    beyond: Outline
    beyond_anchors: sparse.csr_matrix


@dataclass(frozen=True)
class Alone:
    """A part of the body as if it stood alone: its mask (S, S) bool, outline, and the anchors (N, V) of that."""

    mask: np.ndarray
    edge: Outline
    anchors: sparse.csr_matrix

    @classmethod
    def of(cls, model: BodyModel, joints: Sequence[int], vertices: torch.Tensor, known: np.ndarray) -> Alone:
        size = len(known)
        own = model.faces[torch.isin(model.parts[model.faces], torch.tensor(joints)).all(1)]
        fragments = rasterize(vertices, own, size)
        mask = fragments.mask[0].numpy()
        edge = within(outline(mask, step=max(1, size // 256)), known)
        return cls(mask, edge, anchored(fragments, own, len(model.v_template), edge))

    def some(self, rows: np.ndarray) -> Alone:
        """With some points of the outline only."""
        return Alone(self.mask, Outline(self.edge.points[rows], self.edge.normals[rows]), self.anchors[rows])


@dataclass(frozen=True)
class _Leg:
    """One leg as if it stood alone: its outline, depth (N,) m of that, anchors (N, V), within (S, S) px how far inside
    of it a pixel is, half (S, S) px half its width around a pixel."""

    edge: Outline
    depth: np.ndarray
    anchors: sparse.csr_matrix
    within: np.ndarray
    half: np.ndarray

    @classmethod
    def of(
        cls, model: BodyModel, joints: tuple[int, ...], vertices: torch.Tensor, known: np.ndarray, px_per_m: float
    ) -> _Leg:
        leg = Alone.of(model, joints, vertices, known)
        depth = leg.anchors @ vertices[0, :, 2].double().numpy() * (len(known) / 2 / px_per_m)
        inside = cv2.distanceTransform(leg.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        return cls(leg.edge, depth, leg.anchors, inside, half_widths(inside, px_per_m))


def legs_met(model: BodyModel, vertices: torch.Tensor, person: np.ndarray, known: np.ndarray, px_per_m: float) -> Met:
    """What pulls legs that touch, or lie over one another by a part of their width, to where they meet.

    vertices (1, V, 3) NDC of the crop; person (S, S) bool, its mask: legs with background in between don't touch;
    known (S, S) bool, where the crop lies in the picture; px_per_m of the crop
    """
    legs = [_Leg.of(model, joints, vertices, known, px_per_m) for joints in LEGS]
    points, normals = (np.concatenate([getattr(leg.edge, each) for leg in legs]) for each in ("points", "normals"))
    anchors = sparse.vstack([leg.anchors for leg in legs]).tocsr()
    apart, trust, over = np.zeros_like(points), np.zeros(len(points)), np.zeros(len(points))
    if all(len(leg.edge.points) for leg in legs):
        found = [_facing(own, other) for own, other in (legs, legs[::-1])]
        apart, trust, over = (np.concatenate(each) for each in zip(*found, strict=True))
    x, y = np.clip(points + apart / 2, 0, len(known) - 1).astype(int).T
    near = (over > 0) | (np.linalg.norm(apart, axis=1) < TOUCHING * px_per_m)
    met = np.flatnonzero((trust > 0) & near & person[y, x])
    beyond = np.flatnonzero((trust > 0) & (over > 0) & ~person[y, x])
    return Met(
        apart[met] / 2, normals[met], anchors[met], trust[met],
        Outline(points[beyond], normals[beyond]), anchors[beyond],
    )  # fmt: skip


def _facing(own: _Leg, other: _Leg) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each point of a leg's outline the way (N, 2) px to the other leg's, how far (N,) in [0, 1] they face one
    another, side by side, and how far (N,) px the point lies over the other leg."""
    _, nearest = cKDTree(other.edge.points).query(own.edge.points)
    x, y = own.edge.points.astype(int).T
    over, half = other.within[y, x], np.minimum(own.half[y, x], other.half[y, x])
    trust = -(own.edge.normals * other.edge.normals[nearest]).sum(1) > OPPOSED
    trust = trust * (1 - smoothstep(over / np.maximum(half, 1), *CROSSED))
    trust = trust * (1 - smoothstep(np.abs(own.depth - other.depth[nearest]), *BEHIND))
    return other.edge.points[nearest] - own.edge.points, trust, over


def half_widths(inside: np.ndarray, px_per_m: float) -> np.ndarray:
    """(S, S) px half a leg's width around each pixel, of how far inside of it, (S, S) px, pixels are."""
    reach = max(1, round(THICKEST * px_per_m))
    return cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))


def anchored(fragments: Fragments, faces: torch.Tensor, count: int, edge: Outline) -> sparse.csr_matrix:
    """(N, count) barycentric weights of the surface points that lie at the mesh outline's pixels; faces (F, 3) of
    `count` vertices, as drawn in fragments (1, S, S)."""
    columns, rows = edge.points.astype(int).T
    face = fragments.pix_to_face[0].numpy()[rows, columns]
    bary = fragments.bary_coords[0].numpy()[rows, columns]
    corners = faces.numpy()[face]
    index = np.repeat(np.arange(len(face)), 3)
    return sparse.coo_matrix((bary.ravel(), (index, corners.ravel())), shape=(len(face), count)).tocsr()
