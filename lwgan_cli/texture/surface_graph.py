"""The body's surface as a graph: borders that are soft along it, what is near or hangs together on it, and values that
go on over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import splu

from lwgan_cli.texture.surface import Surface

FEATHER = 0.03  # m of surface over which one person's part gives way to another's


@dataclass(frozen=True)
class Cloth:
    """The surface as a graph: neighbours (V, V) sparse, the lengths of the edges between them in m."""

    edges: sparse.csr_matrix

    @classmethod
    def of(cls, surface: Surface) -> Cloth:
        pairs = np.concatenate([surface.faces[:, [0, 1]], surface.faces[:, [1, 2]], surface.faces[:, [2, 0]]])
        pairs = np.unique(np.sort(pairs, 1), axis=0)
        lengths = np.linalg.norm(surface.vertices[pairs[:, 0]] - surface.vertices[pairs[:, 1]], axis=1)
        lengths = np.maximum(lengths, 1e-6)  # 0 would be no edge
        half = sparse.coo_matrix((lengths, pairs.T), shape=(len(surface.vertices),) * 2)
        return cls((half + half.T).tocsr())

    def feathered(self, inside: np.ndarray, width: float = FEATHER) -> np.ndarray:
        """(V,) in [0, 1] from (V,) bool: a smooth step, `width` m along the surface, in the middle of its border."""
        coo = self.edges.tocoo()
        crossing = inside[coo.row] != inside[coo.col]
        if not crossing.any():
            return inside.astype(float)
        border = np.unique(coo.row[crossing])
        away = dijkstra(self.edges, indices=border, min_only=True, limit=width)
        half_edge = coo.data[crossing].mean() / 2  # the border runs between the vertices
        t = np.clip(np.where(inside, 1, -1) * (away + half_edge) / width + 0.5, 0, 1)
        return t * t * (3 - 2 * t)

    def grown(self, inside: np.ndarray, reach: float) -> np.ndarray:
        """(V,) bool: within `reach` m of `inside` (V,) bool, along the surface."""
        if not inside.any():
            return inside
        return np.isfinite(dijkstra(self.edges, indices=np.flatnonzero(inside), min_only=True, limit=reach))

    def continued(self, values: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        """Values (V, C), those that are `unknown` (V,) bool made of the others': each is its neighbours' mean."""
        near = self.edges.sign()
        laplace = (sparse.diags(np.asarray(near.sum(1)).ravel() + 1e-9) - near).tocsr()
        rows = np.flatnonzero(unknown)
        known = np.where(unknown[:, None], 0, values)
        out = values.copy()
        out[rows] = splu(laplace[rows][:, rows].tocsc()).solve(near[rows] @ known)
        return out

    def reached(self, start: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """(V,) bool: of `allowed` (V,), what hangs together with `start` (V,)."""
        keep = start | allowed
        _, label = connected_components(self.edges[keep][:, keep], directed=False)
        out = np.zeros(len(start), bool)
        out[keep] = np.isin(label, label[start[keep]])
        return out

    def gone_over(self, start: np.ndarray, allowed: np.ndarray, values: np.ndarray, step: float) -> np.ndarray:
        """(V,) bool: of `allowed` (V,), what is reached from `start` (V,) by edges along which values (V, C) change by
        no more than a step."""
        keep, coo = start | allowed, self.edges.tocoo()
        small = np.linalg.norm(values[coo.row] - values[coo.col], axis=1) < step
        small &= keep[coo.row] & keep[coo.col]
        graph = sparse.coo_matrix((coo.data[small], (coo.row[small], coo.col[small])), shape=coo.shape)
        _, label = connected_components(graph, directed=False)
        return keep & np.isin(label, label[start])

    def patches(self, where: np.ndarray) -> list[np.ndarray]:
        """The connected pieces of (V,) bool, as rows of vertices."""
        rows = np.flatnonzero(where)
        count, label = connected_components(self.edges[rows][:, rows], directed=False)
        return [rows[label == piece] for piece in range(count)]
