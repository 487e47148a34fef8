"""The official SMPL files (https://smpl.is.tue.mpg.de) as arrays of the open body's layout.

They carry no texture coordinates, mirror map or landmarks, so those are made here: an atlas of their
own (atlas.py), the nearest vertex across the body's middle, and the known vertex numbers of SMPL's mesh.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from lwgan_cli.assets import plain, read_npz, read_pickle
from lwgan_cli.body.atlas import make_atlas
from lwgan_cli.errors import WeightsError
from lwgan_cli.records import N_BETAS, N_JOINTS

N_SMPL_VERTICES, N_SMPL_FACES = 6890, 13776
# By what the files are called: as distributed, and as smplx wants them.
FILES = {
    "smpl-neutral": ("SMPL_NEUTRAL.pkl", "SMPL_NEUTRAL.npz", "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl",
                     "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"),
    "smpl-male": ("SMPL_MALE.pkl", "SMPL_MALE.npz", "basicmodel_m_lbs_10_207_0_v1.0.0.pkl",
                  "basicmodel_m_lbs_10_207_0_v1.1.0.pkl"),
    "smpl-female": ("SMPL_FEMALE.pkl", "SMPL_FEMALE.npz", "basicModel_f_lbs_10_207_0_v1.0.0.pkl",
                    "basicmodel_f_lbs_10_207_0_v1.1.0.pkl"),
}  # fmt: skip
# Vertices of SMPL's mesh: faces, feet and fingertips as in smplx.vertex_ids; knuckles, eye and mouth
# corners are not among those and are found by where they lie (see `landmarks`).
_VERTICES = {
    "nose": 332, "left_eye": 2800, "right_eye": 6260, "left_ear": 583, "right_ear": 4071,
    "left_thumb_tip": 2746, "left_index_tip": 2319, "left_middle_tip": 2445, "left_ring_tip": 2556,
    "left_pinky_tip": 2673, "right_thumb_tip": 6191, "right_index_tip": 5782, "right_middle_tip": 5905,
    "right_ring_tip": 6016, "right_pinky_tip": 6133, "left_big_toe": 3216, "left_small_toe": 3226,
    "left_heel": 3387, "right_big_toe": 6617, "right_small_toe": 6624, "right_heel": 6787,
}  # fmt: skip

# Where points of the face lie, in distances of the nose's tip from the eyes' centre line (y) and of
# the eyes from the middle (x): the open body's proportions.
_FACE = {"eye_inner": (0.61, 1.0), "eye_outer": (1.35, 1.0), "mouth": (0.74, -0.91), "chin": (0.0, -1.85)}
_KNUCKLE = 0.57  # of the way from the wrist to a finger's tip


def read_official(path: Path) -> dict[str, Any]:
    """The arrays of `SMPL_{NEUTRAL,MALE,FEMALE}.pkl` or `.npz`, for `make_body`.

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
    wrong = [f"{key} {arrays[key].shape}, not {shape}" for key, shape in shapes.items() if arrays[key].shape != shape]
    if wrong or parents.shape != (N_JOINTS,):
        raise WeightsError(f"{path}: not SMPL's layout: {'; '.join(wrong) or 'kintree_table'}; see `lwgan weights`")

    vertices = arrays["v_template"].astype(np.float64)
    faces, weights = arrays["f"].astype(np.int64), arrays["weights"].astype(np.float64)
    joints = arrays["J_regressor"] @ vertices
    uv, uv_faces = make_atlas(vertices, faces, weights.argmax(1), joints)
    middle = vertices[:, 0].min() + vertices[:, 0].max()
    mirror = cKDTree(vertices).query(vertices * [-1, 1, 1] + [middle, 0, 0])[1]
    return {
        **arrays,
        "parents": parents,
        "vt": uv,
        "ft": uv_faces,
        "mirror": mirror,
        "landmarks": landmarks(vertices, joints) if count == N_SMPL_VERTICES else {},
    }


def landmarks(vertices: np.ndarray, joints: np.ndarray) -> dict[str, int]:
    """Named vertices of SMPL's mesh: the known ones, and those between them by the face's proportions."""
    found = dict(_VERTICES)
    nose, eye = vertices[found["nose"]], vertices[found["left_eye"]]
    found["head_top"] = int(vertices[:, 1].argmax())
    front = np.flatnonzero(vertices[:, 2] > nose[2] - 0.07)
    for name, (across, up) in _FACE.items():
        for side, sign in (("left_", 1), ("right_", -1)) if across else (("", 1),):
            at = (sign * across * abs(eye[0] - nose[0]) + nose[0], nose[1] + up * (eye[1] - nose[1]))
            found[side + name] = int(front[np.linalg.norm(vertices[front, :2] - at, axis=1).argmin()])
    for side, wrist in (("left", 20), ("right", 21)):
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            tip = vertices[found[f"{side}_{finger}_tip"]]
            at = joints[wrist] + _KNUCKLE * (tip - joints[wrist]) + [0.0, 0.015, 0.0]
            found[f"{side}_{finger}_knuckle"] = int(np.linalg.norm(vertices - at, axis=1).argmin())
    return found
