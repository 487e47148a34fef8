"""Plausible random poses, joint by joint within its limits; SMPL's joints, T-pose axes (x left, y up)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

LEFT_HIP, RIGHT_HIP, SPINE1, LEFT_KNEE, RIGHT_KNEE, SPINE2, LEFT_ANKLE, RIGHT_ANKLE, SPINE3 = range(1, 10)
LEFT_FOOT, RIGHT_FOOT, NECK, LEFT_COLLAR, RIGHT_COLLAR, HEAD, LEFT_SHOULDER, RIGHT_SHOULDER = range(10, 18)
LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = range(18, 22)


def about(axis: str, degrees: np.ndarray | float) -> Rotation:
    """Rotations about x, y or z; degrees () or (T,)."""
    turn = np.zeros((*np.shape(degrees), 3))
    turn[..., "xyz".index(axis)] = np.radians(degrees)
    return Rotation.from_rotvec(turn)


def arm_rotations(
    side: int,
    lift: np.ndarray | float,
    ahead: np.ndarray | float,
    twist: np.ndarray | float,
    bend: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray]:
    """Shoulder and elbow, axis-angle (..., 3) each, of an arm; side +1 left, -1 right; all angles in degrees.

    lift: of the upper arm over the horizontal; ahead: its turn forwards about the vertical; twist: about the
    arm itself, -90 points the bent forearm up; bend: of the elbow.
    """
    lift, ahead, twist, bend = np.broadcast_arrays(lift, ahead, twist, bend)
    # first the bone's direction (lift, then ahead about the vertical), then the twist about the bone itself
    shoulder = about("y", -side * ahead) * about("z", side * lift) * about("x", twist)
    elbow = np.zeros((*np.shape(bend), 3))
    elbow[..., 1] = -side * np.radians(bend)
    return shoulder.as_rotvec(), elbow


def _arm(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """collar, shoulder, elbow, wrist of one arm; side +1 left, -1 right."""
    kind = rng.choice(["down", "out", "up", "front", "akimbo"], p=[0.4, 0.2, 0.12, 0.2, 0.08])
    lift = {"down": (-72, 12), "out": (-10, 20), "up": (60, 18), "front": (-35, 25), "akimbo": (-50, 8)}[kind]
    ahead = {"down": (0, 15), "out": (0, 20), "up": (0, 20), "front": (60, 20), "akimbo": (-15, 8)}[kind]
    bend = {"down": (15, 15), "out": (25, 30), "up": (30, 30), "front": (50, 35), "akimbo": (95, 12)}[kind]
    raise_by = np.clip(rng.normal(*lift), -82, 85)
    twist = rng.normal(0, 20) + (-35 if kind == "akimbo" else 0)
    shoulder, elbow = arm_rotations(
        side, raise_by, np.clip(rng.normal(*ahead), -40, 110), twist, np.clip(rng.normal(*bend), 2, 140)
    )
    wrist = np.radians(rng.normal(0, [15, 10, 15]))
    collar = np.radians([0, rng.normal(0, 4), side * (max(raise_by, 0) * 0.25 + rng.normal(0, 4))])
    return collar, shoulder, elbow, wrist


def _leg(rng: np.random.Generator, side: int, flexion: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """hip, knee, ankle of one leg; flexion of the hip in degrees."""
    spread = abs(rng.normal(6, 8)) + max(flexion - 30, 0) * 0.15
    hip = Rotation.from_euler("z", side * spread, degrees=True) * Rotation.from_euler("x", -flexion, degrees=True)
    hip = hip * Rotation.from_euler("y", side * rng.normal(5, 10), degrees=True)
    knee = np.radians(np.clip(rng.normal(abs(flexion) * 1.2 + 6, 12), 1, 140))
    ankle = np.radians([rng.normal(-0.3 * np.degrees(knee) * 0.3, 6), rng.normal(0, 5), rng.normal(0, 4)])
    return hip.as_rotvec(), np.array([knee, 0, 0]), ankle


def random_pose(rng: np.random.Generator, yaw: float | None = None) -> np.ndarray:
    """One pose (24, 3), axis-angle rad.

    yaw: turn of the whole body about the vertical in degrees, 0 faces the viewer; None: any, mostly near 0.
    """
    pose = np.zeros((24, 3))
    kind = rng.choice(["stand", "walk", "squat", "one leg"], p=[0.45, 0.25, 0.15, 0.15])
    left, right = {
        "stand": (rng.normal(3, 5), rng.normal(3, 5)),
        "walk": ((swing := rng.normal(0, 28)), -swing),
        "squat": ((depth := rng.uniform(20, 95)) + rng.normal(0, 5), depth + rng.normal(0, 5)),
        "one leg": tuple(rng.permutation([rng.normal(3, 4), rng.uniform(30, 95)])),
    }[kind]
    pose[LEFT_HIP], pose[LEFT_KNEE], pose[LEFT_ANKLE] = _leg(rng, 1, left)
    pose[RIGHT_HIP], pose[RIGHT_KNEE], pose[RIGHT_ANKLE] = _leg(rng, -1, right)
    lean = np.radians(rng.normal(0, [7, 8, 5]) + (rng.uniform(5, 30) if kind == "squat" else 0) * np.array([1, 0, 0]))
    for joint, share in ((SPINE1, 0.4), (SPINE2, 0.35), (SPINE3, 0.25)):
        pose[joint] = lean * share
    pose[NECK] = np.radians(rng.normal(0, [8, 12, 6]))
    pose[HEAD] = np.radians(rng.normal(0, [8, 14, 6]))
    for side, joints in ((1, (13, 16, 18, 20)), (-1, (14, 17, 19, 21))):
        pose[list(joints)] = _arm(rng, side)
    if yaw is None:
        yaw = rng.normal(0, 35) if rng.random() < 0.7 else rng.uniform(-180, 180)
    tilt = np.radians(rng.normal(0, [5, 0, 3]))
    pose[0] = (Rotation.from_rotvec(tilt) * Rotation.from_euler("y", yaw, degrees=True)).as_rotvec()
    return pose.astype(np.float32)
