"""A body of 803 vertices for quick tests: SMPL's skeleton in one smooth, watertight skin."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from lwgan_cli.body.atlas import make_atlas
from lwgan_cli.body.build import joint_regressor
from lwgan_cli.body.build_tpose import SMPL_PARENTS
from lwgan_cli.body.model import BodyModel, make_body
from lwgan_cli.body.official import transfer_landmarks

CELL = 0.055  # metres between the grid's points
# The middle and the left side; the right side mirrors it.
_HALF = {
    0: (0, 0, 0), 3: (0, 0.07, 0.01), 6: (0, 0.15, 0.01), 9: (0, 0.27, 0), 12: (0, 0.44, 0.03),
    15: (0, 0.54, 0.06),
    1: (0.11, -0.09, 0.03), 4: (0.13, -0.45, 0.05), 7: (0.13, -0.86, 0.03), 10: (0.14, -0.91, 0.16),
    13: (0.03, 0.37, 0.04), 16: (0.17, 0.35, 0.04), 18: (0.42, 0.35, 0.04), 20: (0.64, 0.35, 0.04),
    22: (0.74, 0.35, 0.04),
}  # fmt: skip
# From a joint to where its part ends, and the part's radius.
_LIMBS = {
    0: ((0, 0.02, 0.03), 0.13), 3: ((0, 0.12, 0.03), 0.13), 6: ((0, 0.22, 0.03), 0.13),
    9: ((0, 0.36, 0.03), 0.13),
    12: ((0, 0.5, 0.05), 0.06), 15: ((0, 0.62, 0.08), 0.09), 1: ((0.13, -0.45, 0.05), 0.085),
    4: ((0.13, -0.86, 0.03), 0.055), 7: ((0.14, -0.91, 0.1), 0.045), 10: ((0.14, -0.91, 0.18), 0.04),
    13: ((0.17, 0.35, 0.04), 0.07), 16: ((0.42, 0.35, 0.04), 0.055), 18: ((0.64, 0.35, 0.04), 0.045),
    20: ((0.74, 0.35, 0.04), 0.04), 22: ((0.82, 0.35, 0.04), 0.04),
}  # fmt: skip
_FLIP = np.array([-1.0, 1.0, 1.0])


def _both_sides() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    joints, ends, radii = np.zeros((24, 3)), np.zeros((24, 3)), np.zeros(24)
    for left, joint in _HALF.items():
        middle = left in (0, 3, 6, 9, 12, 15)
        for row, flip in ((left, 1),) if middle else ((left, 1), (left + 1, _FLIP)):
            joints[row], ends[row], radii[row] = (
                flip * np.array(joint),
                flip * np.array(_LIMBS[left][0]),
                _LIMBS[left][1],
            )
    return joints, ends, radii


def _limb_distances(points: np.ndarray, joints: np.ndarray, ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(N, 24) signed distance of each point from each joint's capsule."""
    axis = ends - joints
    along = ((points[:, None] - joints) * axis).sum(-1) / (axis**2).sum(-1)
    nearest = joints + np.clip(along, 0, 1)[..., None] * axis
    return np.linalg.norm(points[:, None] - nearest, axis=-1) - radii


def _shape_fields(points: np.ndarray) -> np.ndarray:
    """(N, 3, 10) displacement fields, mirrored left to right: stature, breadth, depth, then waves."""
    x, y, z = points.T
    fields = [0.05 * points, 0.08 * np.stack([x, 0 * x, 0 * x], 1), 0.1 * np.stack([0 * x, 0 * x, z], 1)]
    for k in range(1, 8):
        wave = np.sin(2.0 * k * y + k)
        fields.append(0.01 * np.stack([x * wave, 0.3 * np.cos(1.5 * k * y), z * wave], 1))
    return np.stack(fields, -1)


@lru_cache(maxsize=1)
def tiny_body() -> BodyModel:
    """A BodyModel of 803 vertices with everything that the open body has."""
    joints, ends, radii = _both_sides()
    low, high = np.array([-0.91, -1.02, -0.2]), np.array([0.91, 0.8, 0.3])
    counts = np.ceil((high - low) / CELL).astype(int) + 1
    low[0] = -(counts[0] - 1) * CELL / 2  # the grid is symmetric in x
    grid = np.stack(np.meshgrid(*(low[k] + CELL * np.arange(counts[k]) for k in range(3)), indexing="ij"), -1)
    distance = _limb_distances(grid.reshape(-1, 3), joints, ends, radii)
    # Smooth union, so that limbs grow out of the trunk.
    union = -0.02 * np.log(np.exp(-distance / 0.02).sum(1)).reshape(counts)
    vertices, faces, _, _ = marching_cubes(union, 0.0, spacing=(CELL,) * 3, gradient_direction="ascent")
    vertices = vertices.astype(np.float64) + low
    vertices, faces = _weld(vertices, faces.astype(np.int64))

    distance = _limb_distances(vertices, joints, ends, radii)
    weights = np.exp(-np.maximum(distance - distance.min(1, keepdims=True), 0) / 0.015)
    weights[weights < 0.02] = 0
    weights /= weights.sum(1, keepdims=True)
    shapedirs = _shape_fields(vertices)
    uv, uv_faces = make_atlas(vertices, faces, weights.argmax(1), joints)
    names, points, parts = _reference()
    arrays = {
        "v_template": vertices,
        "shapedirs": shapedirs,
        "J_regressor": joint_regressor(vertices, shapedirs, joints, _shape_fields(joints), np.arange(len(vertices))),
        "weights": weights,
        "parents": SMPL_PARENTS,
        "f": faces,
        "vt": uv,
        "ft": uv_faces,
        "mirror": cKDTree(vertices).query(vertices * _FLIP)[1],
        "landmarks": transfer_landmarks(vertices, joints, names, points, parts, joints),
    }
    return make_body(arrays, "tiny", "0" * 64)


def _weld(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices nearer than a sixth of a cell become one, in their middle; faces that lose a corner go."""
    near = cKDTree(vertices).sparse_distance_matrix(cKDTree(vertices), CELL / 6)
    count, label = connected_components(near, directed=False)
    merged = np.stack([np.bincount(label, vertices[:, k]) for k in range(3)], 1)
    merged /= np.bincount(label)[:, None]
    faces = label[faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    assert count == len(np.unique(faces[whole]))
    return merged, faces[whole][:, ::-1]


def _reference() -> tuple[dict[str, int], np.ndarray, np.ndarray]:
    """Landmarks of the tiny figure as points in space, and the joints that move them."""
    left = {
        "eye": ((0.03, 0.62, 0.16), 15), "eye_inner": ((0.02, 0.62, 0.16), 15),
        "eye_outer": ((0.05, 0.62, 0.15), 15),
        "ear": ((0.09, 0.6, 0.07), 15), "mouth": ((0.02, 0.55, 0.16), 15), "heel": ((0.13, -0.92, -0.03), 7),
        "big_toe": ((0.12, -0.92, 0.22), 10), "small_toe": ((0.17, -0.92, 0.19), 10),
    }  # fmt: skip
    for i, finger in enumerate(("thumb", "index", "middle", "ring", "pinky")):
        z = 0.08 - 0.02 * i
        left[f"{finger}_tip"] = ((0.74 if finger == "thumb" else 0.86, 0.35, z), 22)
        left[f"{finger}_knuckle"] = ((0.74, 0.39, z), 20)
    points = {"nose": ((0, 0.59, 0.18), 15), "chin": ((0, 0.52, 0.14), 15), "head_top": ((0, 0.71, 0.08), 15)}
    for name, (place, joint) in left.items():
        points[f"left_{name}"] = (place, joint)
        points[f"right_{name}"] = (tuple(_FLIP * place), joint if joint == 15 else joint + 1)
    names = {name: i for i, name in enumerate(points)}
    places = np.array([place for place, _ in points.values()], float)
    return names, places, np.array([joint for _, joint in points.values()])
