"""What pictures say about where a body's surface lies: outlines, and optical flow from a rendering of it.

Everything happens in square crops of S × S px; `Plane` coordinates are reached by `CropView`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lwgan_cli.body.fit import Plane
from lwgan_cli.body.model import BodyModel
from lwgan_cli.body.outline import REACH, match, outline
from lwgan_cli.body.solver import PointEvidence
from lwgan_cli.records import Fragments

FLOW_POINTS = 500  # per frame
OUTLINE_POINTS = 160
COLOUR_SPREAD = 30.0  # of 255: how well a pixel must match after flow
MAX_FLOW = 0.1  # of the crop; beyond, the flow has lost the surface
NEUTRAL = 127.0


@dataclass(frozen=True)
class SurfacePoints:
    """Spots of the surface, N per frame: face (T, N) int64, bary (T, N, 3), px (T, N, 2) where the fragments show
    them, used (T, N) bool (rows are padded)."""

    face: torch.Tensor
    bary: torch.Tensor
    px: np.ndarray
    used: np.ndarray

    def rest(self, model: BodyModel, rest_vertices: torch.Tensor) -> torch.Tensor:
        """(T, N, 3) m, T-pose."""
        return (rest_vertices[model.faces[self.face]] * self.bary[..., None]).sum(-2)

    def weights(self, model: BodyModel) -> torch.Tensor:
        """(T, N, 24) skinning weights."""
        return (model.lbs_weights[model.faces[self.face]] * self.bary[..., None]).sum(-2)


def points_at(fragments: Fragments, pixels: list[np.ndarray], count: int) -> SurfacePoints:
    """The surface at given pixels: per frame (n, 2) integer columns and rows, padded or cut to `count`."""
    frames = len(pixels)
    face = torch.zeros(frames, count, dtype=torch.int64)
    bary = torch.zeros(frames, count, 3)
    bary[..., 0] = 1
    px, used = np.zeros((frames, count, 2)), np.zeros((frames, count), bool)
    for t, at in enumerate(pixels):
        if len(at) > count:
            at = at[np.linspace(0, len(at) - 1, count).astype(int)]
        n = len(at)
        columns, rows = torch.from_numpy(at[:, 0]), torch.from_numpy(at[:, 1])
        face[t, :n] = fragments.pix_to_face[t, rows, columns].clamp_min(0)
        bary[t, :n] = fragments.bary_coords[t, rows, columns]
        px[t, :n] = at + 0.5
        used[t, :n] = True
    return SurfacePoints(face, bary, px, used)


@dataclass(frozen=True)
class CropView:
    """Crops of T frames and how their pixels lie in the solver's plane.

    scale (T,), shift (T, 2): plane = scale · (px · (1, -1)) + shift, px of the S × S crop.
    """

    scale: np.ndarray
    shift: np.ndarray
    size: int

    def plane(self, px: np.ndarray) -> torch.Tensor:
        """(T, N, 2) crop px → plane."""
        flat = px * np.array([1, -1]) * self.scale[:, None, None] + self.shift[:, None]
        return torch.from_numpy(flat.astype(np.float32))

    def camera(self, plane_camera: torch.Tensor) -> torch.Tensor:
        """(T, 3) plane camera → (T, 3) NDC camera of the crops."""
        half = torch.from_numpy((2 / (self.size * self.scale)).astype(np.float32))
        shift = torch.from_numpy(self.shift.astype(np.float32))
        t = (plane_camera[:, 1:] - shift) * half[:, None] + torch.tensor([-1.0, 1.0])
        return torch.cat([plane_camera[:, :1] * half[:, None], t], 1)

    @classmethod
    def of(cls, crop: np.ndarray, size: int, plane: Plane) -> CropView:
        """crop (T, 3) centre x, y, side in picture px, shown at size × size."""
        crop = crop.astype(np.float64)
        corner = crop[:, :2] - crop[:, 2:] / 2
        scale = crop[:, 2] / size / plane.length
        shift = (corner - np.array(plane.centre)) / plane.length * np.array([1, -1])
        return cls(scale, shift, size)


def outline_evidence(
    model: BodyModel, rest: torch.Tensor, fragments: Fragments, masks: np.ndarray, view: CropView, spread: float,
    lazy: torch.Tensor,
) -> PointEvidence:  # fmt: skip
    """The body's outline slides along the person mask's.

    rest (V, 3) T-pose vertices; masks (T, S, S) bool; spread: standard deviation of one outline point, plane
    units; lazy (V,) in [0, 1]: share by which a vertex's outline is not to be trusted (hands).
    """
    bodies = fragments.mask.numpy()
    pixels, targets, normals = [], [], []
    for body, mask in zip(bodies, masks, strict=True):
        own, person = outline(body, step=2), outline(mask)
        index, good = match(own, person, REACH / 2 * view.size)
        rows = np.flatnonzero(good)
        if len(rows) > OUTLINE_POINTS:
            rows = rows[np.linspace(0, len(rows) - 1, OUTLINE_POINTS).astype(int)]
        pixels.append((own.points[rows] - 0.5).astype(np.int64))
        targets.append(person.points[index[rows]])
        normals.append(person.normals[index[rows]])
    points = points_at(fragments, pixels, OUTLINE_POINTS)
    aim, towards = np.zeros_like(points.px), np.zeros_like(points.px)
    for t, (target, normal) in enumerate(zip(targets, normals, strict=True)):
        aim[t, : len(target)], towards[t, : len(target)] = target, normal * np.array([1, -1])
    eager = 1 - (lazy[model.faces[points.face]] * points.bary).sum(-1)
    count = np.maximum(points.used.sum(1, keepdims=True), 1)
    trust = torch.from_numpy((points.used * (100 / count) / spread**2).astype(np.float32)) * eager.clamp(0, 1)
    return PointEvidence(
        points.rest(model, rest), points.weights(model), view.plane(aim), trust, scale=0.04,
        normals=torch.from_numpy(towards.astype(np.float32)),
    )  # fmt: skip


def flow_evidence(
    model: BodyModel, rest: torch.Tensor, fragments: Fragments, rendered: np.ndarray, known: np.ndarray,
    pictures: np.ndarray, masks: np.ndarray, view: CropView, spread: float,
) -> PointEvidence:  # fmt: skip
    """Where optical flow carries the surface from a rendering of it to the real picture.

    rendered, pictures (T, S, S, 3) uint8; known (T, S, S) bool: the rendering has a colour there; masks
    (T, S, S) float [0, 1] of the real person.
    """
    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    size = view.size
    grid = _sparse_grid(size)
    pixels, targets, weights = [], [], []
    bodies = fragments.mask.numpy()
    for image, shown, body, picture, mask in zip(rendered, known, bodies, pictures, masks, strict=True):
        soft = mask[..., None]
        real = picture * soft + NEUTRAL * (1 - soft)
        # surface of unknown colour borrows the real picture: no flow there, and none from its edges
        made = np.where(shown[..., None], image, np.where(body[..., None], real, NEUTRAL))
        real_grey = cv2.cvtColor(real.astype(np.uint8), cv2.COLOR_RGB2GRAY)
        made_grey = cv2.cvtColor(made.astype(np.uint8), cv2.COLOR_RGB2GRAY)
        flow = flow_of.calc(made_grey, real_grey, None)
        at = grid[shown[grid[:, 1], grid[:, 0]]]
        if len(at) > FLOW_POINTS:
            at = at[np.linspace(0, len(at) - 1, FLOW_POINTS).astype(int)]
        moved = flow[at[:, 1], at[:, 0]].astype(np.float64)
        landed = np.clip(np.rint(at + moved).astype(int), 0, size - 1)
        difference = np.linalg.norm(
            made[at[:, 1], at[:, 0]].astype(np.float64) - real[landed[:, 1], landed[:, 0]], axis=1
        ) / np.sqrt(3)
        texture = cv2.GaussianBlur(np.abs(cv2.Laplacian(made_grey, cv2.CV_32F)), (0, 0), 2)[at[:, 1], at[:, 0]]
        weight = np.exp(-((difference / COLOUR_SPREAD) ** 2)) * mask[landed[:, 1], landed[:, 0]]
        weight = weight * (np.linalg.norm(moved, axis=1) < MAX_FLOW * size) * (0.15 + texture / (texture + 4))
        pixels.append(at)
        targets.append(at + 0.5 + moved)
        weights.append(weight)
    points = points_at(fragments, pixels, FLOW_POINTS)
    aim, trust = np.zeros_like(points.px), np.zeros(points.used.shape)
    for t, (target, weight) in enumerate(zip(targets, weights, strict=True)):
        aim[t, : len(target)], trust[t, : len(target)] = target, weight
    count = np.maximum(points.used.sum(1, keepdims=True), 1)
    trust = trust * (200 / count) / spread**2
    return PointEvidence(
        points.rest(model, rest), points.weights(model), view.plane(aim), torch.from_numpy(trust.astype(np.float32)),
        scale=0.03,
    )  # fmt: skip


def _sparse_grid(size: int) -> np.ndarray:
    step = max(2, size // 64)
    columns, rows = np.meshgrid(np.arange(step // 2, size, step), np.arange(step // 2, size, step))
    return np.stack([columns.ravel(), rows.ravel()], 1)
