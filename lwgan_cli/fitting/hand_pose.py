"""Fingers and wrists from the hands' points: inverse kinematics bone by bone, within what hands can do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.hands import DIGITS, JOINTS_A_HAND, FingerAxes, relaxed_hands
from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest
from lwgan_cli.detection.hand_detect import HandPoints
from lwgan_cli.fitting.face import smooth
from lwgan_cli.records import Motion

# The detector's points along each digit: three joints and the tip
CHAINS = {"thumb": (1, 2, 3, 4), "index": (5, 6, 7, 8), "middle": (9, 10, 11, 12), "ring": (13, 14, 15, 16),
          "pinky": (17, 18, 19, 20)}  # fmt: skip
PALM = (0, 5, 9, 13, 17)
ELBOWS, WRISTS = (18, 19), (20, 21)
# Degrees that the joints bend, from the palm on, beyond the T-pose's nearly straight fingers
FINGER_LIMITS, THUMB_LIMITS = ((-25, 90), (0, 110), (0, 80)), ((-30, 45), (-15, 60), (-15, 80))
SPREAD_LIMIT = 25.0
# Radians that a hand bends from the forearm, and turns about it from T-pose, the palm forwards below 0; with room for a
# fitted forearm that is turned wrongly. Beyond, the detector took the back for the palm
BEND_LIMIT, TURN_LIMITS = np.radians(85), np.radians((-150, 105))
LEAP = np.radians(50)  # from most of the frames around: what so little agrees with them was seen wrongly …
AROUND = 0.1  # s
ASTRAY = 0.12  # m from the fitted wrist: a hand further away is another one
TWIST_SHARE = 0.5  # of a hand's turn about the forearm that the forearm itself takes, as pronation does
NOISE = np.radians(3)  # of a frame, per joint
SLACK = 0.05  # m: a wrist is moved by what the picture says the better, the longer the lever is that does it
REACH = np.radians(25)  # that forearms are turned at most to bring hands to their places
LINGER = 0.3  # s, in which a hand that is lost relaxes
BRIDGED = 0.5  # s: one that is found again so soon was only blurred, and moves on from here to there


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


def bearable(forearm: Rotation, hand: Rotation) -> np.ndarray:
    """(T,) bool: which orientations an arm lets its hand have."""
    x, y, z, w = (forearm.inv() * hand).as_quat().T
    bend = 2 * np.arctan2(np.hypot(y, z), np.hypot(x, w))
    turn = (2 * np.arctan2(x, w) + np.pi) % (2 * np.pi) - np.pi
    fits: np.ndarray = (bend < BEND_LIMIT) & (turn > TURN_LIMITS[0]) & (turn < TURN_LIMITS[1])
    return fits


def steady(wrist: Rotation, rows: np.ndarray, fps: float) -> np.ndarray:
    """(N,) bool: which of a clip's orientations, at frames `rows` (N,), agree with most of those around them in time.
    Of what was seen for one frame alone nothing says that it was a hand."""
    good, near = np.zeros(len(rows), bool), max(round(AROUND * fps), 1)
    for index, row in enumerate(rows):
        around = np.flatnonzero((np.abs(rows - row) <= near) & (rows != row))
        if len(around):
            good[index] = np.median((wrist[index].inv() * wrist[around]).magnitude()) < LEAP
    return good


def reach(arm: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """Turns (T, 3), axis-angle, of forearms about their elbows that move the wrists, (T, 3) m from there, by about
    `aim` (T, 2) m in the picture; damped, as what points at the viewer and what is too short can't get there."""
    turn = Rotation.identity(len(arm))
    for _ in range(2):
        now = turn.apply(arm)
        x, y, z = now.T
        none = np.zeros_like(x)
        jacobian = np.stack([np.stack([none, z, -y], 1), np.stack([-z, none, x], 1)], 1)  # of ω × arm
        square = jacobian @ jacobian.transpose(0, 2, 1) + SLACK**2 * np.eye(2)
        left = aim - (now - arm)[:, :2]
        step = jacobian.transpose(0, 2, 1) @ np.linalg.solve(square, left[..., None])
        turn = Rotation.from_rotvec(step[..., 0]) * turn
    vector = turn.as_rotvec()
    angle = np.linalg.norm(vector, axis=1, keepdims=True)
    return vector * np.minimum(1, REACH / np.maximum(angle, 1e-9))


def sightings(
    shape: HandShape, side: int, points: np.ndarray, motion: Motion, forearm: Rotation, elbow: np.ndarray,
    wrist: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Frames (N,) in which one of a motion's hands is seen, and what it does there, (N, 51) rad, steadied: how far the
    forearm turns to bring it to its place and how it lies to the forearm then, both axis-angle, in the forearm's axes,
    and its fingers.

    points (T, 21, 3) as in `HandPoints`; forearm (T,), elbow and wrist (T, 3) m: where the motion has them.
    """
    seen, (scale, x, y) = points.astype(np.float64) * [1, -1, -1], motion.picture_camera().T
    places = (seen[..., :2] - np.stack([x, -y], 1)[:, None]) / scale[:, None, None]  # m
    rows = np.flatnonzero(np.linalg.norm(places[:, 0] - wrist[:, :2], axis=1) < ASTRAY)
    if not len(rows):
        return rows, np.zeros((0, 51))
    hand, curled = solve_hand(shape, side, seen[rows])
    palm = (shape.points[side, list(PALM)] - shape.points[side, 0]).mean(0)
    aim = places[rows][:, list(PALM)].mean(1) - (wrist[rows] + hand.apply(palm))[:, :2]
    before = forearm[rows]
    lift = before.inv().apply(reach((wrist - elbow)[rows], aim))
    moved = before * Rotation.from_rotvec(lift)
    good = bearable(moved, hand)
    bent = moved.inv() * hand
    for shot in np.unique(motion.shots[rows[good]]) if len(motion) > 1 else ():
        here = np.flatnonzero(good & (motion.shots[rows] == shot))
        good[here] = steady(bent[here], rows[here], motion.fps)
    rows, values = rows[good], [lift[good], bent.as_rotvec()[good], curled.reshape(len(good), -1)[good]]
    for shot in np.unique(motion.shots[rows]):
        here = np.flatnonzero(motion.shots[rows] == shot)
        for each in values:
            each[here] = smooth(each[here], rows[here], NOISE)
    return rows, np.concatenate(values, 1)


def with_hands(model: BodyModel, motion: Motion, points: HandPoints) -> tuple[np.ndarray, np.ndarray | None]:
    """Poses (T, 24, 3) of a motion with its forearms and wrists as the hands show them, and finger poses (T, 30, 3).

    Hands at rest where none were found, also over longer gaps; None for a body without fingers.
    """
    shape, relaxed = HandShape.of(model), relaxed_hands(model)
    if shape is None or relaxed is None:
        return motion.poses, None
    poses = motion.poses.copy()
    fingers = np.repeat(relaxed.double().numpy()[None], len(motion), 0)
    transforms, joints = forward_kinematics(
        torch.from_numpy(poses), joints_rest(model, torch.from_numpy(motion.betas)), model.parents
    )
    places = joints.double().numpy()
    for side, (elbow, wrist) in enumerate(zip(ELBOWS, WRISTS, strict=True)):
        forearm = Rotation.from_matrix(transforms[:, elbow, :3, :3].double().numpy())
        rows, values = sightings(
            shape, side, points.points[:, side], motion, forearm, places[:, elbow], places[:, wrist]
        )
        if not len(rows):
            continue
        every, trust = spread_out(values, rows, motion.shots, motion.fps)
        lift, bent, curled = np.split(every, [3, 6], 1)
        lifted = Rotation.from_rotvec(poses[:, elbow]) * Rotation.from_rotvec(trust[:, None] * lift)
        poses[:, elbow] = lifted.as_rotvec()
        _turn_wrist(poses, side, bent, trust)
        own = slice(side * JOINTS_A_HAND, (side + 1) * JOINTS_A_HAND)
        fingers[:, own] += trust[:, None, None] * (curled.reshape(-1, JOINTS_A_HAND, 3) - fingers[:, own])
    return poses, fingers.astype(np.float32)


def spread_out(values: np.ndarray, rows: np.ndarray, shots: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Values (N, C) at the frames `rows` of a clip at all of its frames, (T, C), and trust (T,) in [0, 1].

    In between they change evenly; trust fades away from the frames, but for gaps so short as `BRIDGED`. shots (T,).
    """
    frames = np.arange(len(shots))
    every, trust = np.zeros((len(shots), values.shape[1])), np.zeros(len(shots))
    for shot in np.unique(shots[rows]):
        here, known = frames[shots == shot], shots[rows] == shot
        at = rows[known]
        every[here] = np.stack([np.interp(here, at, column) for column in values[known].T], 1)
        after = np.searchsorted(at, here).clip(0, len(at) - 1)
        before = (np.searchsorted(at, here, side="right") - 1).clip(0)
        away = np.minimum(np.abs(at[after] - here), np.abs(at[before] - here))
        within = (at[before] <= here) & (here <= at[after])
        away[within & (at[after] - at[before] <= BRIDGED * fps)] = 0
        trust[here] = np.exp(-away / max(LINGER * fps, 0.5))
    return every, trust


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
