"""What pictures say about where a body's surface lies: outlines, and optical flow from a rendering of it.

Everything happens in square crops of S × S px (`Window`), and only in what of them lies in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.fitting.outline import REACH, match, outline, within
from lwgan_cli.fitting.terms import PointEvidence, TrackEvidence
from lwgan_cli.fitting.window import Window
from lwgan_cli.records import Fragments

FLOW_POINTS = 250  # per frame
TRACK_POINTS = 120
OUTLINE_POINTS = 160
FLOW_SCALE, TRACK_SCALE = 0.03, 0.015  # of what is seen of the person's height: residuals from which flow is doubted
COLOUR_SPREAD = 30.0  # of 255: how well a pixel must match after flow
MAX_FLOW = 0.1  # of the crop; beyond, the flow has lost the surface
NEUTRAL = 127
EDGE_REACH = 2.0  # px over which edges are gathered
EDGE_NOISE = 3.0  # of 255 a pixel: edges as weak as this decide half of the flow across them
LEAST_EDGE = 0.05  # share of the flow that counts where there is no edge at all


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


def part(fragments: Fragments, rows: slice) -> Fragments:
    """Some of the frames."""
    return Fragments(fragments.pix_to_face[rows], fragments.bary_coords[rows], fragments.zbuf[rows])


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


def outline_evidence(
    model: BodyModel, rest: torch.Tensor, fragments: Fragments, window: Window, spread: float, lazy: torch.Tensor,
) -> PointEvidence:  # fmt: skip
    """The body's outline slides along the person mask's.

    rest (V, 3) T-pose vertices; spread: standard deviation of one outline point, plane units; lazy (V,) in [0, 1]:
    share by which a vertex's outline is not to be trusted (hands).
    """
    bodies = fragments.mask.numpy()
    pixels, targets, normals = [], [], []
    for body, mask, inside in zip(bodies, window.masks > 0.5, window.inside, strict=True):
        own, person = within(outline(body, step=2), inside), within(outline(mask), inside)
        index, good = match(own, person, REACH / 2 * window.view.size)
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
        points.rest(model, rest), points.weights(model), window.view.plane(aim), trust, scale=0.04,
        axes=torch.from_numpy(towards.astype(np.float32))[:, :, None],
    )  # fmt: skip


@dataclass(frozen=True)
class Followed:
    """Where optical flow carries pixels of one picture: at (n, 2) integer columns and rows, moved (n, 2) px,
    axes (n, 2, 2) px: along and across the strongest edges there, as long as flow along them is to be trusted;
    weight (n,) in [0, 1] of the whole."""

    at: np.ndarray
    moved: np.ndarray
    axes: np.ndarray
    weight: np.ndarray


def follow(
    flow_of: cv2.DISOpticalFlow, made: np.ndarray, shown: np.ndarray, real: np.ndarray, mask: np.ndarray, count: int
) -> Followed:
    """Follow at most `count` pixels of a picture that was made of the body to the real one.

    made, real (S, S, 3) uint8; shown (S, S) bool: made is known there; mask (S, S) float [0, 1] of the person.
    """
    size = len(made)
    made_grey, real_grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (made, real))
    flow = flow_of.calc(made_grey, real_grey, None)
    grid = _sparse_grid(size)
    at = grid[shown[grid[:, 1], grid[:, 0]]]
    if len(at) > count:
        at = at[np.linspace(0, len(at) - 1, count).astype(int)]
    moved = flow[at[:, 1], at[:, 0]].astype(np.float64)
    landed = np.clip(np.rint(at + moved).astype(int), 0, size - 1)
    difference = np.linalg.norm(
        made[at[:, 1], at[:, 0]].astype(np.float64) - real[landed[:, 1], landed[:, 0]], axis=1
    ) / np.sqrt(3)
    weight = np.exp(-((difference / COLOUR_SPREAD) ** 2)) * mask[landed[:, 1], landed[:, 0]]
    weight = weight * (np.linalg.norm(moved, axis=1) < MAX_FLOW * size)
    return Followed(at, moved, _edge_axes(made_grey, at), weight)


def _edge_axes(grey: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(n, 2, 2) eigenvectors of the structure tensor at pixels (n, 2), as rows, y down; their squared lengths are
    the share of the flow along them that the picture decides (the aperture problem)."""
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    products = (dx * dx, dx * dy, dy * dy)
    xx, xy, yy = (cv2.GaussianBlur(p, (0, 0), EDGE_REACH)[at[:, 1], at[:, 0]].astype(np.float64) for p in products)
    values, vectors = np.linalg.eigh(np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2))
    share = LEAST_EDGE + values.clip(0) / (values.clip(0) + EDGE_NOISE**2)
    return vectors.transpose(0, 2, 1) * np.sqrt(share)[..., None]


def flow_evidence(
    model: BodyModel, rest: torch.Tensor, fragments: Fragments, rendered: np.ndarray, known: np.ndarray,
    window: Window, spread: float,
) -> PointEvidence:  # fmt: skip
    """Where optical flow carries the surface from a rendering of it to the real picture.

    rendered (T, S, S, 3) uint8; known (T, S, S) bool: the rendering has a colour there; spread as of `flow_spread`.
    """
    frames = zip(
        rendered, known, fragments.mask.numpy(), window.pictures, window.masks, window.inside, strict=True
    )  # fmt: skip
    followed = [
        follow_body(image, shown, body, picture, mask, inside, FLOW_POINTS)
        for image, shown, body, picture, mask, inside in frames
    ]
    points, moved, axes, trust = _gathered(fragments, followed, FLOW_POINTS, flow_spread(spread, window))
    targets = window.view.plane(points.px + moved)
    scale = FLOW_SCALE * window.view.share
    return PointEvidence(points.rest(model, rest), points.weights(model), targets, trust, scale, axes)


def flow_spread(spread: float, window: Window) -> float:
    """Standard deviation of flow, plane units, that is `spread` for somebody seen whole: flow is off by a share of what
    the picture shows, as pixels are, and the surface that follows it by a share of the body; this is midway."""
    return spread * float(np.sqrt(window.view.share))


def follow_body(
    image: np.ndarray, shown: np.ndarray, body: np.ndarray, picture: np.ndarray, mask: np.ndarray,
    inside: np.ndarray, count: int,
) -> Followed:  # fmt: skip
    """Follow at most `count` pixels of a rendered body to the real picture.

    image (S, S, 3) uint8, the rendering, known where shown (S, S) bool; body (S, S) bool, what it covers; picture
    (S, S, 3) uint8 and mask (S, S) float [0, 1] of the real person; inside (S, S) bool: where they lie in the picture,
    beyond which they only repeat its edge.
    """
    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = np.full_like(picture, NEUTRAL)
    real = cv2.blendLinear(picture, grey, mask, 1 - mask)
    # surface of unknown colour borrows the real picture: no flow there, and none from its edges
    made = cv2.copyTo(real, body.view(np.uint8), grey)
    shown = shown & inside
    made = cv2.copyTo(image, shown.view(np.uint8), made)
    return follow(flow_of, made, shown, real, mask * inside, count)


def track_evidence(
    model: BodyModel, rest: torch.Tensor, fragments: Fragments, before: np.ndarray, known: np.ndarray,
    window: Window, spread: float,
) -> TrackEvidence:  # fmt: skip
    """How the surface moves from each frame to the next, by optical flow from what the one shows of it, carried
    along with the body, to the other.

    fragments of T frames; before (T - 1, S, S, 2) px: where the surface at each pixel of frames 1… was one frame
    before; known (T - 1, S, S) bool: it was seen there; spread as of `flow_spread`.
    """
    pictures, masks, view = window.pictures, window.seen, window.view
    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    followed = []
    for t in range(1, len(pictures)):
        shown = known[t - 1] & window.inside[t]
        image = cv2.remap(pictures[t - 1], before[t - 1] - np.float32(0.5), None, cv2.INTER_LINEAR)
        made = np.where(shown[..., None], image, pictures[t])
        followed.append(follow(flow_of, made, shown, pictures[t], masks[t], TRACK_POINTS))
    points, moved, axes, trust = _gathered(
        part(fragments, slice(1, None)), followed, TRACK_POINTS, flow_spread(spread, window)
    )
    start = np.zeros_like(points.px)
    for t, one in enumerate(followed):
        start[t, : len(one.at)] = before[t][one.at[:, 1], one.at[:, 0]]
    step = view[1:].plane(points.px + moved) - view[:-1].plane(start)
    return TrackEvidence(points.rest(model, rest), points.weights(model), step, trust, axes, TRACK_SCALE * view.share)


def _gathered(
    fragments: Fragments, followed: list[Followed], count: int, spread: float
) -> tuple[SurfacePoints, np.ndarray, torch.Tensor, torch.Tensor]:
    """Followed pixels of T frames as surface points, moved (T, N, 2) px, axes (T, N, 2, 2) y up, trust (T, N)."""
    points = points_at(fragments, [one.at for one in followed], count)
    moved, axes = np.zeros_like(points.px), np.zeros((*points.px.shape, 2))
    trust = np.zeros(points.used.shape)
    for t, one in enumerate(followed):
        n = len(one.at)
        moved[t, :n], axes[t, :n], trust[t, :n] = one.moved, one.axes * np.array([1, -1]), one.weight
    trust = trust * (200 / np.maximum(points.used.sum(1, keepdims=True), 1)) / spread**2
    return points, moved, torch.from_numpy(axes.astype(np.float32)), torch.from_numpy(trust.astype(np.float32))


def _sparse_grid(size: int) -> np.ndarray:
    step = max(2, size // 64)
    columns, rows = np.meshgrid(np.arange(step // 2, size, step), np.arange(step // 2, size, step))
    return np.stack([columns.ravel(), rows.ravel()], 1)
