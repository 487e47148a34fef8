"""Meshes with closed forms, in body space, counter-clockwise as seen from outside."""

from __future__ import annotations

import math

import numpy as np
import torch

RECORDED = ("soup", "square", "sphere")


def sphere(n_around: int = 48, n_down: int = 32, radius: float = 0.8) -> tuple[torch.Tensor, torch.Tensor]:
    """Around the origin, poles up and down."""
    polar = torch.linspace(0, math.pi, n_down + 1, dtype=torch.float64)[:, None]
    around = torch.arange(n_around, dtype=torch.float64)[None] * (2 * math.pi / n_around)
    points = torch.stack([polar.sin() * around.sin(), polar.cos().expand(-1, n_around), polar.sin() * around.cos()], 2)
    faces = []
    for i in range(n_down):
        for j in range(n_around):
            a, b = i * n_around + j, i * n_around + (j + 1) % n_around
            faces += [(a, a + n_around, b), (b, a + n_around, b + n_around)]
    return (radius * points).reshape(-1, 3).float(), torch.tensor(faces)


def sheet(
    x: tuple[float, float], y: tuple[float, float], z: float, columns: int = 1, rows: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """A rectangle that faces the viewer, in columns x rows x 2 triangles."""
    ys, xs = torch.meshgrid(torch.linspace(*y, rows + 1), torch.linspace(*x, columns + 1), indexing="ij")
    faces = []
    for i in range(rows):
        for j in range(columns):
            a = i * (columns + 1) + j
            faces += [(a, a + 1, a + columns + 2), (a, a + columns + 2, a + columns + 1)]
    return torch.stack([xs, ys, torch.full_like(xs, z)], 2).reshape(-1, 3), torch.tensor(faces)


def joined(*meshes: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """One mesh of several."""
    verts, faces, first = [], [], 0
    for v, f in meshes:
        verts.append(v)
        faces.append(f + first)
        first += len(v)
    return torch.cat(verts), torch.cat(faces)


def turn(degrees: float) -> torch.Tensor:
    """(3, 3) rotation about the vertical axis: a positive angle turns the front to the viewer's right."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])


def pixel_centres(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """NDC x and y (H, W) of the pixel centres."""
    x = (2 * torch.arange(width, dtype=torch.float64) + 1) / width - 1
    y = 1 - (2 * torch.arange(height, dtype=torch.float64) + 1) / height
    return x.expand(height, -1).float(), y[:, None].expand(-1, width).float()


class Reference:
    """The slow, obvious rasterizer: every face at every pixel, in float64.

    distance  (F, H, W) px, how far inside the face the pixel centre is; negative outside
    depth     (F, H, W) of the face's plane at the pixel centre
    bary      (F, H, W, 3)
    Faces that no rasterizer draws (behind the viewer, seen edge-on, not finite) have distance -inf.
    """

    def __init__(self, verts_ndc: torch.Tensor, faces: torch.Tensor, size: tuple[int, int]) -> None:
        height, width = size
        corners = verts_ndc.double().numpy()[faces.numpy()]
        self.distance = np.full((len(faces), height, width), -np.inf)
        self.depth = np.zeros_like(self.distance)
        self.bary = np.zeros((*self.distance.shape, 3))
        i, j = np.mgrid[:height, :width]
        for f, triangle in enumerate(corners):
            if not np.isfinite(triangle).all() or triangle[:, 2].min() < 1e-8:
                continue
            x, y = (triangle[:, 0] + 1) * width / 2 - 0.5, (1 - triangle[:, 1]) * height / 2 - 0.5
            area = _cross(x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0])
            if abs(area) <= 1e-8 * width * height / 4:
                continue
            edges = []
            for k, (p, q) in enumerate([(1, 2), (2, 0), (0, 1)]):
                twice = _cross(x[q] - x[p], y[q] - y[p], j - x[p], i - y[p])
                self.bary[f, ..., k] = twice / area
                edges.append(twice * np.sign(area) / np.hypot(x[q] - x[p], y[q] - y[p]))
            self.distance[f] = np.minimum.reduce(edges)
            self.depth[f] = self.bary[f] @ triangle[:, 2]

    def nearest(self) -> np.ndarray:
        """(H, W) the face each pixel shows, the lower index at equal depth; -1 where none."""
        depth = np.where(self.distance >= 0, self.depth, np.inf)
        return np.where(np.isinf(depth.min(0)), -1, depth.argmin(0))


def _cross(ax: np.ndarray, ay: np.ndarray, bx: np.ndarray, by: np.ndarray) -> np.ndarray:
    return ax * by - ay * bx
