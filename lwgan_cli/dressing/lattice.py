"""The lattice: few nodes over a body's surface that carry the smooth fields which clothes are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel

HANDS, FEET = (22, 23), (7, 8, 10, 11)
NODES = 3500
RING, FAR = 0.03, 1.0  # m of a limb's length that share one ring; m, beyond anything
# Trunk and limbs, the joints of each and the axis (x, y or z) that it lies along in T-pose.
TUBES = (((0, 3, 6, 9, 13, 14), 1), *(((j,), 1) for j in (1, 2, 4, 5)), *(((j,), 0) for j in (16, 17, 18, 19)))
RIGID_HANDS, RIGID_FEET = 50.0, 12.0  # times smoother there: fingers and toes must not be fitted one by one


@dataclass(frozen=True)
class Lattice:
    """Few nodes, evenly over the surface, that carry a smooth field. Solving for them takes a tenth of the time
    that all vertices would, and a head has no more say than its area.

    spread  (V, N) sparse: a vertex's value from its nodes', rows sum to 1
    bend    (N, N) sparse: energy of second differences between neighbouring nodes, stiffer at hands and feet
    step    (N, N) sparse: energy of first differences
    ring    (N, N) sparse: energy of differences from the mean of the ring about the limb or trunk
    mirror  (N, N) sparse: energy of differences from the body's other side
    radius  (N,) m: how far from the middle of its ring a node is; FAR at head, hands and feet, which have none
    """

    spread: sparse.csr_matrix
    bend: sparse.csr_matrix
    step: sparse.csr_matrix
    ring: sparse.csr_matrix
    mirror: sparse.csr_matrix
    radius: np.ndarray

    @classmethod
    def of(cls, model: BodyModel, nodes: int = NODES) -> Lattice:
        """Neighbours are nodes whose vertices share an edge: the surface connects, not the space between legs."""
        places = model.v_template.cpu().numpy().astype(np.float64)
        chosen = _even_subset(places, nodes)
        count = len(chosen)
        _, nearest = cKDTree(places[chosen]).query(places)
        faces = nearest[model.faces.cpu().numpy()]
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        edges = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], 1), axis=0)
        ones = np.ones(len(edges))
        adjacency = sparse.coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(count, count))
        adjacency = (adjacency + adjacency.T).tocsr()
        degree = np.asarray(adjacency.sum(1)).ravel()
        means = sparse.diags(1 / np.maximum(degree, 1)) @ adjacency
        bend = sparse.diags((degree > 0).astype(float)) - means
        stiff = sparse.diags(_rigidity(model)[chosen])
        around = (adjacency + sparse.identity(count)).tocsr()[nearest].tocoo()
        distance = np.linalg.norm(places[around.row] - places[chosen][around.col], axis=1)
        spacing = np.sqrt((distance**2).mean())
        weight = np.exp(-((distance / (0.6 * spacing)) ** 2))
        spread = sparse.coo_matrix((weight, (around.row, around.col)), shape=(len(places), count)).tocsr()
        spread = sparse.diags(1 / np.asarray(spread.sum(1)).ravel()) @ spread
        partner = nearest[model.mirror.cpu().numpy()[chosen]]
        swap = sparse.coo_matrix((np.ones(count), (np.arange(count), partner)), shape=(count, count))
        apart = sparse.identity(count) - swap
        ring, radius = rings(places[chosen], model.parts.cpu().numpy()[chosen])
        return cls(
            spread.tocsr(),
            (bend.T @ stiff @ bend).tocsr(),
            (sparse.diags(degree) - adjacency).tocsr(),
            ring,
            (apart.T @ apart).tocsr(),
            radius,
        )

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(V,) or (V, C) values at the vertices → (N,) or (N, C), each node's mean of those it carries."""
        mass = np.maximum(np.asarray(self.spread.sum(0)).ravel(), 1e-6)
        return ((self.spread.T @ values).T / mass).T

    def smoothed(self, values: np.ndarray) -> np.ndarray:
        """(V, C) without detail finer than the nodes: toes, ears and lips have normals of their own, along which
        they would swell into one another."""
        for _ in range(2):
            values = self.spread @ self.mean(values)
        return values


_lattices: dict[str, Lattice] = {}


def lattice(model: BodyModel) -> Lattice:
    """The model's lattice, made once."""
    key = f"{model.identity}:{model.n_vertices}"
    if key not in _lattices:
        _lattices[key] = Lattice.of(model)
    return _lattices[key]


def _even_subset(places: np.ndarray, count: int) -> np.ndarray:
    """Indices of about `count` points that lie evenly apart: one from each cell of a grid of fitting size."""
    low, high = 0.002, float(np.ptp(places, axis=0).max())
    rows = np.arange(len(places))
    for _ in range(20):
        cell = np.sqrt(low * high)
        at = np.floor(places / cell).astype(int)
        at -= at.min(0)
        _, rows = np.unique(np.ravel_multi_index(tuple(at.T), tuple(at.max(0) + 1)), return_index=True)
        low, high = (cell, high) if len(rows) > count else (low, cell)
    return rows


def rings(places: np.ndarray, parts: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
    """(N, N) energy of differences from the mean of each node's ring, and (N,) m how far the node is from its middle,
    at T-posed places (N, 3) of joints parts (N,). Heads, hands and feet have none."""
    count = len(places)
    key = np.full(count, -1, np.int64)
    across = np.ones((count, 3))
    for group, (joints, axis) in enumerate(TUBES):
        part = np.isin(parts, joints)
        key[part] = 1000 * group + 500 + np.floor(places[part, axis] / RING).astype(int)
        across[part, axis] = 0
    rows = np.flatnonzero(key >= 0)
    _, ring = np.unique(key[rows], return_inverse=True)
    member = sparse.coo_matrix((np.ones(len(rows)), (ring, rows)), shape=(int(ring.max(initial=-1)) + 1, count))
    per_ring = sparse.diags(1 / np.asarray(member.sum(1)).ravel())
    means = member.T @ per_ring @ member
    radius = np.where(key >= 0, np.linalg.norm((places - means @ places) * across, axis=1), FAR)
    return (sparse.diags((key >= 0).astype(float)) - means).tocsr(), radius


def _rigidity(model: BodyModel) -> np.ndarray:
    """(V,) factor on the smoothness."""
    weights = model.lbs_weights.numpy()
    hands = weights[:, list(HANDS)].sum(1)
    feet = weights[:, list(FEET)].sum(1)
    return 1 + (RIGID_HANDS - 1) * hands + (RIGID_FEET - 1) * feet
