"""The texels of a texture atlas: where on the body's surface they lie, and what a picture shows there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lwgan_cli.correspondence.rasterizer import rasterize


@dataclass(frozen=True)
class Texels:
    """The N texels that carry surface: rows of the atlas, and where on the surface they lie."""

    size: int
    rows: np.ndarray  # (N,) flat indices
    face: np.ndarray  # (N,)
    bary: np.ndarray  # (N, 3) float32

    @classmethod
    def of(cls, uv: np.ndarray, uv_faces: np.ndarray, size: int) -> Texels:
        """Of charts uv (U, 2) in [0, 1], u right, v down, with faces (F, 3), in an atlas of size px."""
        plane = uv.astype(np.float32) * [2, -2] + [-1, 1]
        flat = np.concatenate([plane, np.ones((len(plane), 1))], 1).astype(np.float32)
        fragments = rasterize(torch.from_numpy(flat)[None], torch.from_numpy(uv_faces), size, "torch")
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

    def blurred(self, known: np.ndarray, source: np.ndarray) -> np.ndarray:
        """(N, 3) what surrounds the known colours in the atlas, of those that are `source` (N,) bool."""
        weight = source[:, None].astype(np.float32)
        picture = self.scatter(np.concatenate([known * weight, weight], 1))
        blurred = cv2.GaussianBlur(picture, (0, 0), 0.012 * self.size).reshape(-1, 4)[self.rows]
        return blurred[:, :3] / np.maximum(blurred[:, 3:], 1e-4)

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


def sample(picture: np.ndarray, vertices_px: np.ndarray, texels: Texels, faces: np.ndarray) -> np.ndarray:
    """(N, 3) colours, 0 to 255, of a picture (H, W, 3) uint8 at the texels; vertices_px (V, 2), faces (F, 3)."""
    places = texels.interpolate(faces, vertices_px.astype(np.float32))
    picture, shrink = _fitting(picture, places, texels)
    x, y = (places * shrink - 0.5).astype(np.float32).T
    # remap takes no more than 32767 rows or columns at once.
    width = 4096
    padded = -len(x) % width
    grid = [np.pad(axis, (0, padded)).reshape(-1, width) for axis in (x, y)]
    colours = cv2.remap(picture, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colours.reshape(-1, 3)[: len(x)].astype(np.float32)


def _fitting(picture: np.ndarray, places: np.ndarray, texels: Texels) -> tuple[np.ndarray, float]:
    """The photo made as small as the atlas' texels are on it, and by how much, so that none is skipped."""
    neighbours = np.flatnonzero(np.diff(texels.rows) == 1)
    if not len(neighbours):
        return picture, 1.0
    step = float(np.percentile(np.linalg.norm(places[neighbours + 1] - places[neighbours], axis=1), 75))
    if step < 1.5:
        return picture, 1.0
    shrink = 1 / step
    return cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), shrink
