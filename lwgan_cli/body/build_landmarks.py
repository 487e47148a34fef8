"""Vertices with names: what the detector's points and the fit's losses refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lwgan_cli.body.build_tpose import SMPL_JOINTS, finger_bones


def find_landmarks(
    vertices: np.ndarray,
    faces: np.ndarray,
    groups: Mapping[str, np.ndarray],
    weights: np.ndarray,
    finger_weights: np.ndarray,
    fingers: np.ndarray,
    keypoints: Mapping[str, np.ndarray],
    mirror: np.ndarray,
) -> dict[str, int]:
    """Name → vertex, all on the visible surface; the right side is the mirror of the left.

    vertices (V, 3) of the template in T-pose, faces (F, 3) the visible ones, groups name → (V,) bool,
    the vertices of a face group, weights (V, 24), finger_weights (V, 30), fingers (30, 3) the finger
    joints, keypoints name → (V,) weights of a point, mirror (V,).
    """
    seen = np.zeros(len(vertices), bool)
    seen[faces] = True

    def nearest(point: np.ndarray, mask: np.ndarray) -> int:
        candidates = np.flatnonzero(mask & seen)
        return int(candidates[np.linalg.norm(vertices[candidates] - point, axis=1).argmin()])

    def farthest(direction: Sequence[float] | np.ndarray, mask: np.ndarray) -> int:
        candidates = np.flatnonzero(mask & seen)
        return int(candidates[(vertices[candidates] @ np.asarray(direction)).argmax()])

    def point(name: str) -> np.ndarray:
        return keypoints[name] @ vertices

    head = groups["head"]
    middle = head & (np.abs(vertices[:, 0]) < 1e-3)
    near_nose = np.linalg.norm(vertices - point("nose"), axis=1) < 0.03
    mouth = head & groups["mouth_cavity"]
    below = vertices[:, 1] < vertices[mouth, 1].mean() - 0.03
    lids = head & groups["eye_cavity.L"]
    found = {
        "nose": farthest((0.0, 0.0, 1.0), middle & near_nose),
        "chin": farthest((0.0, 0.0, 1.0), middle & below),
        "head_top": farthest((0.0, 1.0, 0.0), middle),
        "left_eye_inner": farthest((-1.0, 0.0, 0.0), lids),
        "left_eye_outer": farthest((1.0, 0.0, 0.0), lids),
        "left_ear": nearest(point("left_ear"), head),
        "left_mouth": farthest((1.0, 0.0, 0.0), mouth),
    }

    between = vertices[[found["left_eye_inner"], found["left_eye_outer"]]].mean(0)
    found["left_eye"] = nearest(between + np.array([0.0, 0.0, 0.01]), groups["eye_front.L"])

    names = finger_bones()[0]
    for finger in ("thumb", "index", "middle", "ring", "pinky"):
        last = names.index(f"left_{finger}3")
        along = fingers[last] - fingers[last - 1]
        found[f"left_{finger}_tip"] = farthest(along, finger_weights[:, last] > 0.5)
        # The thumb's first joint lies in the palm; what is called its knuckle is the second.
        knuckle = last - 1 if finger == "thumb" else last - 2
        above = fingers[knuckle] + np.array([0.0, 0.02, 0.0])
        found[f"left_{finger}_knuckle"] = nearest(above, groups["hand.L"])
    ankle, foot = (SMPL_JOINTS.index(f"left_{name}") for name in ("ankle", "foot"))
    toes = weights[:, foot] > 0.5
    low = vertices[:, 1] < vertices[toes, 1].max()
    found["left_heel"] = farthest((0.0, 0.0, -1.0), (weights[:, ankle] > 0.5) & low)
    for name in ("big_toe", "small_toe"):
        found[f"left_{name}"] = nearest(point(f"left_{name}"), toes)

    both = dict(found)
    for name, vertex in found.items():
        if name.startswith("left_"):
            both["right_" + name.removeprefix("left_")] = int(mirror[vertex])
    return both
