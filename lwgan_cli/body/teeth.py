"""Two rows of teeth for the open body, whose data has none: a mouth that opens shows them.

They are hidden faces like the rest of the mouth's inside. The upper row hangs from the skull, the lower one from the
jaw; their texture has a free strip of the atlas to itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

HEAD = 15
GROUP = "teeth"
_COLUMNS, _ROWS = 24, 4  # cells along a row and up a tooth
_ARCH = 68.0  # degrees of the ellipse to either side
_HALF_WIDTH, _DEPTH = 0.0265, 0.045  # m, half axes of the dental arch
_BEHIND = 0.0065  # m, from the inner lips' front to the teeth
_UPPER = (0.0160, -0.0032)  # m over the line between the lips: gum and edge, of which talk shows little
_LOWER = (-0.0010, -0.0145)  # edge, behind the upper row while the mouth is shut, and gum
_OVERBITE = 0.0018  # m that the lower row stands further back
_TONGUE = (0.0, -0.006, -0.014)  # m that it lies lower and further back than the data has it, behind the teeth
_STRIPS = ((0.012, 0.046), (0.056, 0.090))  # u of the atlas, upper and lower row …
_ALONG = (0.47, 0.81)  # … and v, along the arch from the right to the left


def add_teeth(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of `body.npz` with the teeth's vertices and faces after the others.

    Reads and extends v_template, shapedirs, weights, f, vt, ft, mirror, face_group, group_names, group_hidden and
    the action_ arrays.
    """
    rest = np.asarray(arrays["v_template"], np.float64)
    groups = arrays["group_names"].tolist()
    inside = np.unique(arrays["f"][arrays["face_group"] == groups.index("mouth_cavity")])
    middle = inside[np.abs(rest[inside, 0]) < 1e-3]
    lips = rest[middle[np.argsort(-rest[middle, 2])[:2]]].mean(0)  # where the lips meet
    jaw_end = middle[np.linalg.norm(rest[middle] - lips + [0, 0.018, 0.012], axis=1).argmin()]
    vertices, uv, faces, uv_faces = [], [], [], []
    for row, ((top, bottom), (left, right)) in enumerate(zip((_UPPER, _LOWER), _STRIPS, strict=True)):
        angle = np.radians(np.linspace(-_ARCH, _ARCH, _COLUMNS + 1))
        up = np.linspace(top, bottom, _ROWS + 1)
        front = lips[2] - _BEHIND - row * _OVERBITE
        grid = np.stack(np.broadcast_arrays(
            _HALF_WIDTH * np.sin(angle)[:, None],
            lips[1] + up[None],
            front - _DEPTH * (1 - np.cos(angle))[:, None],
        ), -1)  # fmt: skip
        texture = np.stack(
            np.broadcast_arrays(
                np.linspace(left, right, _ROWS + 1)[None], np.linspace(*_ALONG, _COLUMNS + 1)[:, None]
            ), -1
        )  # fmt: skip
        at = np.arange(grid[..., 0].size).reshape(grid.shape[:2]) + row * grid[..., 0].size
        a, b, c, d = at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]  # b lies to the left of a, d below it
        cells = np.concatenate([np.stack([a, c, b], -1), np.stack([a, d, c], -1)]).reshape(-1, 3)
        vertices.append(grid.reshape(-1, 3))
        uv.append(texture.reshape(-1, 2))
        faces.append(cells + len(rest))
        uv_faces.append(cells + len(arrays["vt"]))
    teeth = np.concatenate(vertices)
    body = rest.copy()
    body[np.unique(arrays["f"][arrays["face_group"] == groups.index("tongue")])] += _TONGUE
    near = inside[cKDTree(rest[inside]).query(teeth)[1]]
    lower = np.arange(len(teeth)) >= len(teeth) // 2
    weights = np.zeros((len(teeth), arrays["weights"].shape[1]), arrays["weights"].dtype)
    weights[:, HEAD] = 1
    index, vertex, offset = arrays["action_index"], arrays["action_vertex"], arrays["action_offset"]
    jaw = [i for i, name in enumerate(arrays["action_names"].tolist()) if name.startswith("jaw")]
    rows = np.flatnonzero(np.isin(index, jaw) & (vertex == jaw_end))
    moved = len(rest) + np.flatnonzero(lower)
    return {
        **arrays,
        "v_template": np.concatenate([body, teeth]).astype(np.float32),
        "shapedirs": np.concatenate([arrays["shapedirs"], arrays["shapedirs"][near]]),
        "weights": np.concatenate([arrays["weights"], weights]),
        "f": np.concatenate([arrays["f"].astype(np.int64), *faces]),
        "vt": np.concatenate([arrays["vt"], *uv]).astype(np.float32),
        "ft": np.concatenate([arrays["ft"].astype(np.int64), *uv_faces]),
        "mirror": np.concatenate([arrays["mirror"].astype(np.int64), len(rest) + _mirrored()]),
        "face_group": np.concatenate([arrays["face_group"], np.full(sum(map(len, faces)), len(groups), np.uint8)]),
        "group_names": np.array([*groups, GROUP]),
        "group_hidden": np.append(arrays["group_hidden"], True),
        "action_index": np.concatenate([index, np.repeat(index[rows], len(moved))]),
        "action_vertex": np.concatenate([vertex.astype(np.int64), np.tile(moved, len(rows))]),
        "action_offset": np.concatenate([offset, np.repeat(offset[rows], len(moved), 0)]),
    }


def _mirrored() -> np.ndarray:
    """Each tooth vertex's row on the other side."""
    grid = np.arange(2 * (_COLUMNS + 1) * (_ROWS + 1)).reshape(2, _COLUMNS + 1, _ROWS + 1)
    return grid[:, ::-1].ravel()
