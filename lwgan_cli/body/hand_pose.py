"""Fingers and wrists from the hands' points: inverse kinematics bone by bone, within what hands can do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.face import smooth
from lwgan_cli.body.hand_detect import HandPoints
from lwgan_cli.body.hands import DIGITS, JOINTS_A_HAND, FingerAxes, relaxed_hands
from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest
from lwgan_cli.records import Motion

# The detector's points along each digit: three joints and the tip
CHAINS = {"thumb": (1, 2, 3, 4), "index": (5, 6, 7, 8), "middle": (9, 10, 11, 12), "ring": (13, 14, 15, 16),
          "pinky": (17, 18, 19, 20)}  # fmt: skip
PALM = (0, 5, 9, 13, 17)
ELBOWS, WRISTS = (18, 19), (20, 21)
# Degrees that the joints bend, from the palm on, beyond the T-pose's nearly straight fingers
FINGER_LIMITS, THUMB_LIMITS = ((-25, 90), (0, 110), (0, 80)), ((-30, 45), (-15, 60), (-15, 80))
SPREAD_LIMIT = 25.0
WRIST_LIMIT = np.radians(60)  # from the fitted hand: beyond, the detector took the back for the palm
ASTRAY = 0.12  # m from the fitted wrist: a hand further away is another one
TWIST_SHARE = 0.5  # of a hand's turn about the forearm that the forearm itself takes, as pronation does
NOISE = np.radians(3)  # of a frame, per joint
LINGER = 0.15  # s, in which a hand that is lost relaxes


@dataclass(frozen=True)
class HandShape:
    """A body's hands in T-pose: points (2, 21, 3) m as the detector names them, axes of the finger joints."""

    points: np.ndarray
    axes: FingerAxes

    @classmethod
    def of(cls, model: BodyModel) -> HandShape | None:
        """None for a body without fingers."""
        if model.fingers is None:
            return None
        joints = model.fingers.template.double().numpy()
        points = np.zeros((2, 21, 3))
        for side, name in enumerate(("left", "right")):
            points[side, 0] = model.joint_template[WRISTS[side]].double().numpy()
            for digit, chain in CHAINS.items():
                first = side * JOINTS_A_HAND + 3 * DIGITS.index(digit)
                points[side, list(chain[:3])] = joints[first : first + 3]
                points[side, chain[3]] = model.v_template[model.landmarks[f"{name}_{digit}_tip"]].double().numpy()
        return cls(points, FingerAxes.of(model.fingers))


def solve_hand(shape: HandShape, side: int, seen: np.ndarray) -> tuple[Rotation, np.ndarray]:
    """Orientations of one hand, T-pose's axes to the viewer's, and its finger poses (T, 15, 3) axis-angle rad.

    side 0 left, 1 right; seen (T, 21, 3) y up, towards the viewer, any unit and origin.
    """
    rest = shape.points[side]
    palm = list(PALM)
    fixed = rest[palm] - rest[palm].mean(0)
    moved = seen[:, palm] - seen[:, palm].mean(1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("tni,nj->tij", moved, fixed))
    sign = np.ones((len(seen), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    hand = Rotation.from_matrix((u * sign[:, None]) @ vt)
    poses = np.zeros((len(seen), JOINTS_A_HAND, 3))
    for digit, chain in CHAINS.items():
        limits = np.radians(THUMB_LIMITS if digit == "thumb" else FINGER_LIMITS)
        above = hand
        for joint, (start, end) in enumerate(pairwise(chain)):
            row = 3 * DIGITS.index(digit) + joint
            flexion, spread = (
                axes[side * JOINTS_A_HAND + row].double().numpy() for axes in (shape.axes.flexion, shape.axes.spread)
            )
            bone = rest[end] - rest[start]
            aim = above.inv().apply(seen[:, end] - seen[:, start])
            if joint == 0:
                turn = _swing(np.broadcast_to(bone, aim.shape), aim)
                wide = np.radians(SPREAD_LIMIT)
                vector = np.outer(np.clip(turn @ flexion, *limits[0]), flexion)
                vector += np.outer(np.clip(turn @ spread, -wide, wide), spread)
            else:
                across = bone - flexion * (bone @ flexion)
                reach = aim - np.outer(aim @ flexion, flexion)
                angle = np.arctan2(np.cross(across, reach) @ flexion, reach @ across)
                vector = np.outer(np.clip(angle, *limits[joint]), flexion)
            poses[:, row] = vector
            above = above * Rotation.from_rotvec(vector)
    return hand, poses


def _swing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T, 3) axis-angle of the smallest rotations that take the directions a (T, 3) to those of b."""
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    return axis / np.maximum(sine, 1e-12) * np.arctan2(sine, (a * b).sum(1, keepdims=True))


def with_hands(model: BodyModel, motion: Motion, points: HandPoints) -> tuple[np.ndarray, np.ndarray | None]:
    """Poses (T, 24, 3) of a motion with its wrists as the hands show them, and finger poses (T, 30, 3).

    Hands at rest where none were found, also over gaps; None for a body without fingers.
    """
    shape, relaxed = HandShape.of(model), relaxed_hands(model)
    if shape is None or relaxed is None:
        return motion.poses, None
    poses = motion.poses.copy()
    fingers = np.repeat(relaxed.double().numpy()[None], len(motion), 0)
    transforms, joints = forward_kinematics(
        torch.from_numpy(poses), joints_rest(model, torch.from_numpy(motion.betas)), model.parents
    )
    world = transforms[..., :3, :3].double().numpy()
    for side in (0, 1):
        rows = np.flatnonzero(points.found[:, side])
        if not len(rows):
            continue
        seen = points.points[rows, side].astype(np.float64) * [1, -1, -1]
        hand, curled = solve_hand(shape, side, seen)
        near = (Rotation.from_matrix(world[rows, WRISTS[side]]).inv() * hand).magnitude() < WRIST_LIMIT
        scale, x, y = motion.picture_camera()[rows].T
        across, up = joints[rows, WRISTS[side], :2].double().numpy().T
        apart = np.hypot((seen[:, 0, 0] - x) / scale - across, (seen[:, 0, 1] + y) / scale - up)
        near &= apart < ASTRAY
        rows, hand, curled = rows[near], hand[near], curled[near]
        if not len(rows):
            continue
        own = slice(side * JOINTS_A_HAND, (side + 1) * JOINTS_A_HAND)
        wrist = Rotation.from_matrix(world[rows, ELBOWS[side]]).inv() * hand
        vectors = wrist.as_rotvec()
        for shot in np.unique(motion.shots[rows]):
            here = np.flatnonzero(motion.shots[rows] == shot)
            flat = curled[here].reshape(len(here), -1)
            curled[here] = smooth(flat, rows[here], NOISE).reshape(len(here), JOINTS_A_HAND, 3)
            vectors[here] = smooth(vectors[here], rows[here], NOISE)
        every = np.arange(len(motion))
        distance = np.abs(every[:, None] - rows) + 1e6 * (motion.shots[:, None] != motion.shots[rows])
        nearest = distance.argmin(1)
        trust = np.exp(-distance[every, nearest] / max(LINGER * motion.fps, 0.5))
        fingers[:, own] += trust[:, None, None] * (curled[nearest] - fingers[:, own])
        _turn_wrist(poses, side, vectors[nearest], trust)
    return poses, fingers.astype(np.float32)


def _turn_wrist(poses: np.ndarray, side: int, wanted: np.ndarray, trust: np.ndarray) -> None:
    """Turns the wrist of poses (T, 24, 3), in place, towards orientations `wanted` (T, 3) axis-angle in the forearm's
    frame; the forearm takes its share of the twist about its own axis."""
    elbow, wrist = (Rotation.from_rotvec(poses[:, joint]) for joint in (ELBOWS[side], WRISTS[side]))
    lacks = (Rotation.from_rotvec(wanted) * wrist.inv()).as_rotvec() * trust[:, None]
    turned = Rotation.from_rotvec(lacks) * wrist
    twist = np.zeros_like(lacks)
    twist[:, 0] = TWIST_SHARE * lacks[:, 0]
    share = Rotation.from_rotvec(twist)
    poses[:, ELBOWS[side]] = (elbow * share).as_rotvec()
    poses[:, WRISTS[side]] = (share.inv() * turned).as_rotvec()
