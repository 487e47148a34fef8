"""Legs bent so that the feet stand where they are put (two-bone inverse kinematics, in closed form)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from lwgan_cli.synthetic.poses import about

_HIP, _KNEE, _ANKLE, _BALL = 1, 4, 7, 10
_STRAIGHTEST = np.radians(4.0)  # knees never lock
_SOFT = 0.012  # m, over which a leg that can't reach takes the pelvis down


def _column(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def _frame(down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(T, 3, 3) rotations whose columns are `across` made square to `down`, `down`, and their product."""
    down = _column(down)
    across = _column(across - (across * down).sum(-1, keepdims=True) * down)
    return np.stack([across, down, np.cross(across, down)], -1)


def _reach(upper: np.ndarray, lower: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """(T, 3) from hip to ankle in the thigh's frame, knees bent by (T,) rad about x."""
    c, s = np.cos(bend), np.sin(bend)
    y, z = c * lower[1] - s * lower[2], s * lower[1] + c * lower[2]
    return upper + np.stack([np.full_like(bend, lower[0]), y, z], -1)


def _knee_bend(upper: np.ndarray, lower: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(T,) rad such that hip and ankle are `distance` (T,) apart, between straight and fully bent."""
    # |u + R(b)·l|² = u² + l² + 2·(u_x·l_x + A·cos b + B·sin b)
    a = upper[1] * lower[1] + upper[2] * lower[2]
    b = upper[2] * lower[1] - upper[1] * lower[2]
    wanted = (distance**2 - upper @ upper - lower @ lower) / 2 - upper[0] * lower[0]
    bend = np.arctan2(b, a) + np.arccos(np.clip(wanted / np.hypot(a, b), -1, 1))
    return np.clip(bend, _STRAIGHTEST, np.radians(150))


def bend_legs(
    poses: np.ndarray,
    joints: np.ndarray,
    pelvis: np.ndarray,
    feet: np.ndarray,
    foot_yaw: np.ndarray,
    heel: np.ndarray,
    ankle_height: float,
) -> np.ndarray:
    """Fill hips, knees, ankles and feet of `poses` (T, 24, 3), whose root is set; returns the pelvis joint's
    places (T, 3) m, floor at y = 0.

    pelvis (T, 3): x, rise over standing, z; feet (T, 2, 3): x, lift, z of the foot's middle; foot_yaw (T, 2)
    degrees about the vertical; heel (T, 2) degrees that it is raised about the ball of the foot; joints
    (24, 3) T-pose; ankle_height m from ankle to sole. Where a leg is too short the pelvis comes down.
    """
    root = Rotation.from_rotvec(poses[:, 0])
    ankles, turns, limits = [], [], []
    straight = np.full(1, _STRAIGHTEST)
    stance = np.array([0, joints[0, 1] - joints[_ANKLE, 1] + ankle_height, 0])
    for side in range(2):
        hip, knee, ankle, ball = (joints[j + side] for j in (_HIP, _KNEE, _ANKLE, _BALL))
        yaw = about("y", foot_yaw[:, side])
        turn = yaw * about("x", heel[:, side])
        ahead = ball - ankle
        height = np.array([0.0, ankle_height, 0.0])
        ground = feet[:, side] + height + yaw.apply(ahead * [0, 1, 1])  # of the ball, over the sole
        ankles.append(ground - turn.apply(ahead))
        turns.append(turn)
        longest = 0.999 * np.linalg.norm(_reach(knee - hip, ankle - knee, straight))
        from_pelvis = root.apply(hip - joints[0])
        aside = (ankles[side] - pelvis - from_pelvis) * [1, 0, 1]
        drop = np.sqrt(np.clip(longest**2 - (aside**2).sum(-1), 0.01, None))
        limits.append(ankles[side][:, 1] + drop - from_pelvis[:, 1])
    wanted = pelvis[:, 1] + stance[1]
    # a soft minimum, so that a leg that comes to its end doesn't jerk the body
    heights = np.stack([wanted, *limits], -1)
    lowest = heights.min(-1, keepdims=True)
    soft = lowest[:, 0] - _SOFT * np.log(np.exp((lowest - heights) / _SOFT).sum(-1))
    place = np.stack([pelvis[:, 0], soft, pelvis[:, 2]], -1)
    for side in range(2):
        hip, knee, ankle = (joints[j + side] for j in (_HIP, _KNEE, _ANKLE))
        to_ankle = ankles[side] - (place + root.apply(hip - joints[0]))
        bend = _knee_bend(knee - hip, ankle - knee, np.linalg.norm(to_ankle, axis=-1))
        across = np.array([1.0, 0.0, 0.0])
        knee_yaw = about("y", foot_yaw[:, side])
        rest = _frame(_reach(knee - hip, ankle - knee, bend), np.broadcast_to(across, to_ankle.shape))
        target = _frame(to_ankle, knee_yaw.apply(across))
        thigh = Rotation.from_matrix(target @ rest.transpose(0, 2, 1))
        shank = thigh * about("x", np.degrees(bend))
        poses[:, _HIP + side] = (root.inv() * thigh).as_rotvec()
        poses[:, _KNEE + side, 0] = bend
        poses[:, _ANKLE + side] = (shank.inv() * turns[side]).as_rotvec()
        poses[:, _BALL + side, 0] = -np.radians(heel[:, side])
    return place
