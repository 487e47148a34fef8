"""The official SMPL files (https://smpl.is.tue.mpg.de) as arrays of the open body's layout.

They carry no texture coordinates, mirror map or landmarks, so those are made here: an atlas of their
own (atlas.py), the nearest vertex across the body's middle, known vertex numbers of SMPL's mesh, and
what those leave out by the open body's proportions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from lwgan_cli.assets import plain, read_npz, read_pickle
from lwgan_cli.body.atlas import make_atlas
from lwgan_cli.errors import WeightsError
from lwgan_cli.records import N_BETAS, N_JOINTS

N_SMPL_VERTICES = 6890
MAP_FILE = "smpl_map.npz"
# By what the files are called: as distributed, and as smplx wants them.
FILES = {
    "smpl-neutral": ("SMPL_NEUTRAL.pkl", "SMPL_NEUTRAL.npz", "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl",
                     "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"),
    "smpl-male": ("SMPL_MALE.pkl", "SMPL_MALE.npz", "basicmodel_m_lbs_10_207_0_v1.0.0.pkl",
                  "basicmodel_m_lbs_10_207_0_v1.1.0.pkl"),
    "smpl-female": ("SMPL_FEMALE.pkl", "SMPL_FEMALE.npz", "basicModel_f_lbs_10_207_0_v1.0.0.pkl",
                    "basicmodel_f_lbs_10_207_0_v1.1.0.pkl"),
}  # fmt: skip
# Vertices of SMPL's mesh, as in smplx.vertex_ids.
_VERTICES = {
    "nose": 332, "left_eye": 2800, "right_eye": 6260, "left_ear": 583, "right_ear": 4071,
    "left_thumb_tip": 2746, "left_index_tip": 2319, "left_middle_tip": 2445, "left_ring_tip": 2556,
    "left_pinky_tip": 2673, "right_thumb_tip": 6191, "right_index_tip": 5782, "right_middle_tip": 5905,
    "right_ring_tip": 6016, "right_pinky_tip": 6133, "left_big_toe": 3216, "left_small_toe": 3226,
    "left_heel": 3387, "right_big_toe": 6617, "right_small_toe": 6624, "right_heel": 6787,
}  # fmt: skip


def read_official(path: Path) -> dict[str, Any]:
    """The arrays of `SMPL_{NEUTRAL,MALE,FEMALE}.pkl` or `.npz`, for `make_body`, but for landmarks.

    Of more than ten shape directions the first ten are taken.

    Raises: WeightsError when the file can't be read, carries code, or isn't SMPL's.
    """
    stored = read_npz(path) if path.suffix == ".npz" else read_pickle(path)
    needed = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
    missing = [key for key in needed if key not in stored]
    if missing:
        raise WeightsError(f"{path}: no SMPL file, it lacks {', '.join(missing)}; see `lwgan weights`")
    try:
        arrays = {key: np.asarray(plain(stored[key])) for key in needed}
        count = len(arrays["v_template"])
        parents = arrays["kintree_table"][0].astype(np.int64)
        # The root's parent is stored as 2³² − 1.
        parents[0] = -1
        arrays["shapedirs"] = arrays["shapedirs"][:, :, :N_BETAS]
        shapes = {
            "v_template": (count, 3),
            "shapedirs": (count, 3, N_BETAS),
            "posedirs": (count, 3, 9 * (N_JOINTS - 1)),
            "J_regressor": (N_JOINTS, count),
            "weights": (count, N_JOINTS),
            "f": (len(arrays["f"]), 3),
        }
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise WeightsError(f"{path}: no SMPL file ({error}); see `lwgan weights`") from error
    wrong = [
        f"{key} {arrays[key].shape}, not {shape}"
        for key, shape in {**shapes, "kintree_table": (2, N_JOINTS)}.items()
        if arrays[key].shape != shape
    ]
    if not wrong and not 0 <= arrays["f"].min() <= arrays["f"].max() < count:
        wrong = [f"faces name vertices outside 0…{count - 1}"]
    if wrong:
        raise WeightsError(f"{path}: not SMPL's layout: {'; '.join(wrong)}; see `lwgan weights`")

    vertices = arrays["v_template"].astype(np.float64)
    faces, weights = arrays["f"].astype(np.int64), arrays["weights"].astype(np.float64)
    joints = arrays["J_regressor"] @ vertices
    uv, uv_faces = make_atlas(vertices, faces, weights.argmax(1), joints)
    if "vert_sym_idxs" in stored:
        mirror = np.asarray(plain(stored["vert_sym_idxs"])).astype(np.int64).ravel()
    else:
        middle = vertices[:, 0].min() + vertices[:, 0].max()
        mirror = cKDTree(vertices).query(vertices * [-1, 1, 1] + [middle, 0, 0])[1]
    return {
        **arrays,
        "parents": parents,
        "vt": uv,
        "ft": uv_faces,
        "mirror": mirror,
    }


def read_mapper(path: Path) -> np.ndarray:
    """(F, 2) float32: what the official implementation's correspondence map says of SMPL's faces, from its mapper.txt,
    a Wavefront OBJ. u to the right, v down; a face's place is the middle of its first two corners.

    Raises: WeightsError when it is no such file.
    """
    places: list[list[float]] = []
    corners: list[list[int]] = []
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            kind, *rest = line.split() or [""]
            if kind == "vt":
                places.append([float(rest[0]), 1 - float(rest[1])])
            elif kind == "f":
                corners.append([int(corner.split("/")[1]) - 1 for corner in rest[:2]])
        found = np.array(places)[np.array(corners)].mean(1).astype(np.float32)
        if found.ndim != 2 or np.min(corners) < 0 or not np.isfinite(found).all():
            raise ValueError("a face without a place")
    except (OSError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: no mapper.txt of texture coordinates ({error}); get it again") from error
    return found


def read_map(path: Path, n_faces: int) -> np.ndarray:
    """(n_faces, 2) float32 that `lwgan weights import` made of a mapper.txt.

    Raises: WeightsError when it is no such file, or another mesh's.
    """
    stored = read_npz(path)
    found = np.asarray(stored.get("face_uv", ()))
    if found.shape != (n_faces, 2):
        raise WeightsError(f"{path}: places of {len(found)} faces, and the body has {n_faces}; import mapper.txt again")
    return found


def transfer_landmarks(
    vertices: np.ndarray,
    joints: np.ndarray,
    names: Mapping[str, int],
    points: np.ndarray,
    parts: np.ndarray,
    anchors: np.ndarray,
) -> dict[str, int]:
    """Named vertices for a mesh that has no names: known ones for SMPL's own mesh, else by proportion.

    vertices (V, 3) and joints (24, 3) of that mesh in T-pose; names → rows of points (N, 3), with the
    joint that moves each in parts (N,), and anchors (24, 3): another body in T-pose and its joints. A
    point's offset from its joint, or from the nose in the face, scales with the stature.
    """
    found = dict(_VERTICES) if len(vertices) == N_SMPL_VERTICES else {}
    scale = np.ptp(vertices[:, 1]) / np.ptp(points[:, 1])
    tree = cKDTree(vertices)

    def place(point: np.ndarray, here: np.ndarray, there: np.ndarray) -> int:
        return int(tree.query(there + scale * (point - here))[1])

    nose = names["nose"]
    found.setdefault("nose", place(points[nose], anchors[parts[nose]], joints[parts[nose]]))
    for name, i in names.items():
        in_face = "eye" in name or "mouth" in name or name == "chin"
        here = points[nose] if in_face else anchors[parts[i]]
        there = vertices[found["nose"]] if in_face else joints[parts[i]]
        found.setdefault(name, place(points[i], here, there))
    return found
