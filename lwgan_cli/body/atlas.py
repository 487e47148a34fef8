"""A texture atlas for bodies that bring none: limbs unrolled as cylinders, hands pressed flat."""

from __future__ import annotations

import numpy as np

_TORSO, _HEAD = (0, 3, 6, 9, 13, 14), (12, 15)
_LEGS, _ARMS = ((1,), (2,), (4,), (5,)), ((16,), (17,), (18,), (19,))
_FEET, _HANDS = ((7, 10), (8, 11)), ((20, 22), (21, 23))
_OCCUPANCY = 1024  # px, the resolution at which charts are free of overlap
_STRIP = 0.1  # height left for single faces
_GAP = 0.02  # metres between charts
_STRETCH = 4.0  # times the chart's scale: at a cylinder's pole a face would be drawn out into a sliver


def make_atlas(
    vertices: np.ndarray, faces: np.ndarray, parts: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates for a body in T-pose.

    vertices (V, 3), faces (F, 3), parts (V,) SMPL joint of a vertex, joints (24, 3). Returns uv (U, 2)
    in [0, 1], v down, and uv_faces (F, 3). Faces of one chart keep their neighbours and proportions
    about; those that would fold over others stand alone in a strip along the bottom.
    """
    face_part = np.sort(parts[faces], 1)[:, 1]
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    charts: list[tuple[np.ndarray, np.ndarray]] = []  # faces, corners' (n, 3, 2) in metres, v down

    def add(chosen: np.ndarray, flat: np.ndarray) -> None:
        if len(chosen):
            charts.append((chosen, flat))

    for group in ((_TORSO,), (_HEAD,), _LEGS):
        for chart in group:
            chosen = np.flatnonzero(np.isin(face_part, chart))
            add(chosen, _unroll(corners[chosen], axis=1, seam=2))
    for chart in _ARMS:
        chosen = np.flatnonzero(np.isin(face_part, chart))
        add(chosen, _unroll(corners[chosen], axis=0, seam=1))
    for chart in _FEET:
        chosen = np.flatnonzero(np.isin(face_part, chart))
        add(chosen, _unroll(corners[chosen], axis=2, seam=1))
    for chart in _HANDS:
        for up in (True, False):
            chosen = np.flatnonzero(np.isin(face_part, chart) & ((normals[:, 1] > 0) == up))
            add(chosen, corners[chosen][..., [0, 2]] * ([1, 1] if up else [-1, 1]))

    uv = np.zeros((len(faces), 3, 2))
    scale = _shelve(charts, uv)
    # Seen from outside all faces turn the same way; one that turns the other way lies under others.
    alone = _signed_area(uv) >= 0
    alone |= (_edges(uv) > _STRETCH * scale * _edges(corners)).any(1)
    radius = np.linalg.norm(corners.mean(1) - joints[face_part], axis=1)
    alone |= _covered(uv, np.where(alone, np.inf, -radius))
    _strip(uv, np.flatnonzero(alone))
    # Corners that share vertex and place become one texture vertex.
    keys = np.concatenate([faces.reshape(-1, 1), np.round(uv.reshape(-1, 2) * 1e7)], 1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return uv.reshape(-1, 2)[first], inverse.reshape(faces.shape)


def _unroll(corners: np.ndarray, axis: int, seam: int) -> np.ndarray:
    """Corners (n, 3, 3) of a limb along `axis`, cut open at the low end of `seam`, as (n, 3, 2) metres.

    Lengths along the axis go on over the caps, where the radius shrinks. Seen from outside, u runs
    right and v down.
    """
    around = 3 - axis - seam
    if len(corners) == 0:
        return np.zeros((0, 3, 2))
    centred = corners - corners.reshape(-1, 3).mean(0)
    angle = np.arctan2(centred[..., around], centred[..., seam])
    straddles = np.ptp(angle, axis=1, keepdims=True) > np.pi
    angle = np.where(straddles & (angle < 0), angle + 2 * np.pi, angle)
    radius = np.hypot(centred[..., around], centred[..., seam])
    typical = np.median(radius)
    along = centred[..., axis]
    end = np.clip(along / (np.abs(along).max() / 2), -1, 1)
    along = along + end * np.maximum(typical - radius, 0)
    if axis == 1:
        return np.stack([angle * typical, -along], -1)
    if axis == 0:
        return np.stack([along, angle * typical], -1)
    return np.stack([angle * typical, along], -1)


def _shelve(charts: list[tuple[np.ndarray, np.ndarray]], uv: np.ndarray) -> float:
    """Places the charts in rows, tallest first, into [0, 1] × [0, 1 − strip]; returns uv per metre."""
    sizes = [np.ptp(flat.reshape(-1, 2), axis=0) + _GAP for _, flat in charts]
    width = 1.2 * np.sqrt(sum(w * h for w, h in sizes))
    width = max(width, *(w for w, _ in sizes))
    x = y = row = 0.0
    places = {}
    for i in sorted(range(len(charts)), key=lambda i: -sizes[i][1]):
        w, h = sizes[i]
        if x + w > width:
            x, y, row = 0.0, y + row, 0.0
        places[i] = (x, y)
        x, row = x + w, max(row, h)
    scale = 1 / max(width, (y + row) / (1 - _STRIP))
    for i, (chosen, flat) in enumerate(charts):
        low = flat.reshape(-1, 2).min(0)
        uv[chosen] = (flat - low + np.array(places[i]) + _GAP / 2) * scale
    return scale


def _edges(corners: np.ndarray) -> np.ndarray:
    """(F, 3) lengths of the sides of (F, 3, D) triangles."""
    return np.linalg.norm(corners - np.roll(corners, 1, 1), axis=-1)


def _signed_area(uv: np.ndarray) -> np.ndarray:
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def _covered(uv: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(F,) faces that share a pixel centre with a face of lower `order`; order inf takes no part."""
    takes_part = np.flatnonzero(np.isfinite(order))
    px = uv[takes_part] * _OCCUPANCY - 0.5
    low = np.ceil(px.min(1)).astype(int)
    extent = np.maximum(np.floor(px.max(1)).astype(int) - low + 1, 0)
    counts = extent.prod(1)
    face = np.repeat(np.arange(len(px)), counts)
    k = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    point = low[face] + np.stack([k % extent[face, 0], k // extent[face, 0]], 1)
    inside = np.ones(len(face), bool)
    for i in range(3):
        a, b = px[face, i], px[face, (i + 1) % 3]
        cross = (b - a)[:, 0] * (point - a)[:, 1] - (b - a)[:, 1] * (point - a)[:, 0]
        inside &= cross < 0
    face, point = face[inside], point[inside]
    cell = point[:, 1] * _OCCUPANCY + point[:, 0]
    by_order = np.lexsort((order[takes_part][face], cell))
    face, cell = face[by_order], cell[by_order]
    loser = np.zeros(len(order), bool)
    loser[takes_part[face[1:][cell[1:] == cell[:-1]]]] = True
    return loser


def _strip(uv: np.ndarray, alone: np.ndarray) -> None:
    """Gives each of the faces `alone` half a cell of a grid along the bottom edge."""
    if len(alone) == 0:
        return
    cells = -(-len(alone) // 2)
    rows = max(1, int(np.sqrt(cells * _STRIP)))
    columns = -(-cells // rows)
    size = np.array([1 / columns, 0.9 * _STRIP / rows])
    # Two triangles a cell, a tenth of it apart, corners counter-clockwise as seen.
    halves = np.array([[[0.05, 0.05], [0.05, 0.8], [0.8, 0.05]], [[0.95, 0.95], [0.95, 0.2], [0.2, 0.95]]])
    i = np.arange(len(alone))
    corner = np.stack([i // 2 % columns, i // 2 // columns], 1)[:, None]
    uv[alone] = (corner + halves[i % 2]) * size + [0.0, 1 - 0.9 * _STRIP]
