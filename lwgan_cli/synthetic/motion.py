"""Plausible motions: where the feet step, how the trunk follows, what the arms do.

The world's floor is y = 0, the viewer stands towards +z. Feet are placed and legs are bent to reach them, so
that standing feet neither slide nor sink. All motions are smooth; all but `walk`'s start are periodic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lwgan_cli.synthetic.legs import bend_legs
from lwgan_cli.synthetic.poses import (
    HEAD,
    LEFT_COLLAR,
    LEFT_ELBOW,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NECK,
    SPINE1,
    SPINE2,
    SPINE3,
    about,
    arm_rotations,
)

_STANCE = 0.115  # m from the middle to each foot


@dataclass(frozen=True)
class Performance:
    """A body moving about the world over T frames.

    poses   (T, 24, 3) float32 axis-angle
    place   (T, 3) float32 m, where the pelvis joint is
    planted (T, 2) bool: left and right foot stand flat on the floor
    """

    poses: np.ndarray
    place: np.ndarray
    planted: np.ndarray


@dataclass
class _Plan:
    """What a choreography decides, over T frames; angles in degrees, lengths in m.

    pelvis  (T, 3) x, rise over the standing height, z
    yaw     (T,) of the body; trunk (T, 3) lean ahead, turn, lean aside; head (T, 3) nod, turn, tilt
    feet    (T, 2, 3) x, lift, z of the balls of the feet; foot_yaw (T, 2); heel (T, 2) raise
    arms    (T, 2, 4) lift, ahead, twist, bend; left, right
    """

    pelvis: np.ndarray
    yaw: np.ndarray
    trunk: np.ndarray
    head: np.ndarray
    feet: np.ndarray
    foot_yaw: np.ndarray
    heel: np.ndarray
    arms: np.ndarray


def _ease(x: np.ndarray) -> np.ndarray:
    """0 to 1 with neither jerk at the ends."""
    x = np.clip(x, 0, 1)
    return x**3 * (x * (6 * x - 15) + 10)


def _pulse(t: np.ndarray, start: float, end: float, rise: float) -> np.ndarray:
    """1 between start and end, with eased flanks of length `rise` inside."""
    return _ease((t - start) / rise) * _ease((end - t) / rise)


def _standing(frames: int) -> _Plan:
    zeros = np.zeros
    plan = _Plan(
        zeros((frames, 3)), zeros(frames), zeros((frames, 3)), zeros((frames, 3)),
        zeros((frames, 2, 3)), zeros((frames, 2)), zeros((frames, 2)), zeros((frames, 2, 4)),
    )  # fmt: skip
    plan.feet[:, 0, 0], plan.feet[:, 1, 0] = _STANCE, -_STANCE
    plan.foot_yaw[:] = (8, -8)
    plan.arms[:] = (-68, 0, -10, 18)
    return plan


def _step(plan: _Plan, t: np.ndarray, foot: int, start: float, end: float, to: Sequence[float], lift: float) -> None:
    """From `start` to `end` a foot moves to x, z, yaw = `to` and stays there."""
    s = (t - start) / (end - start)
    path = _ease(s)
    target = np.array([to[0], 0.0, to[1]])
    plan.feet[:, foot] += path[:, None] * (target - plan.feet[:, foot])
    plan.foot_yaw[:, foot] += path * (to[2] - plan.foot_yaw[:, foot])
    swing = np.where((s > 0) & (s < 1), np.sin(np.pi * np.clip(s, 0, 1)) ** 2, 0)
    plan.feet[:, foot, 1] += lift * swing
    plan.heel[:, foot] += 200 * lift * np.where(s < 1, swing * (1 - np.clip(s, 0, 1)) * 2, 0)


def _sway(t: np.ndarray, rng: np.random.Generator) -> _Plan:
    plan = _standing(len(t))
    phase, reach = 2 * np.pi * t / rng.uniform(2.5, 4), rng.uniform(0.015, 0.04)
    plan.pelvis[:, 0] = reach * np.sin(phase)
    plan.pelvis[:, 1] = -0.012
    plan.trunk[:, 2] = 60 * reach * np.sin(phase)
    plan.trunk[:, 1] = rng.normal(0, 4) * np.sin(phase + 0.5)
    plan.head[:, 1] = rng.normal(0, 10) * np.sin(phase / 2)
    plan.yaw[:] = rng.normal(0, 15)
    plan.arms[:, :, 0] += rng.uniform(0, 12) + 4 * np.sin(phase)[:, None]
    plan.arms[:, :, 3] += rng.uniform(0, 20)
    _turn_feet(plan)
    return plan


def _wave(t: np.ndarray, rng: np.random.Generator) -> _Plan:
    plan = _sway(t, rng)
    arm, speed = int(rng.integers(2)), rng.uniform(1.2, 2.2)
    up = _pulse(t, 0.1, t[-1] + 0.3, 0.7)
    target = np.array([rng.uniform(-5, 25), 20, -80, 70])
    plan.arms[:, arm] += up[:, None] * (target - plan.arms[:, arm])
    plan.arms[:, arm, 3] += up * 28 * np.sin(2 * np.pi * speed * t)
    plan.head[:, 2] += 5 * up * (1 if arm else -1)
    return plan


def _walk(t: np.ndarray, rng: np.random.Generator) -> _Plan:
    """On the spot: knees are lifted in turn, arms swing against them."""
    plan = _standing(len(t))
    phase = np.pi * rng.uniform(1.6, 2.2) * t
    swing = np.sin(phase)
    lift = rng.uniform(0.08, 0.2)
    for foot, up in ((0, np.clip(swing, 0, None) ** 2), (1, np.clip(-swing, 0, None) ** 2)):
        plan.feet[:, foot, 1] = lift * up
        plan.feet[:, foot, 2] = 0.1 * up
        plan.heel[:, foot] = 25 * up
    plan.pelvis[:, 0] = -0.035 * swing
    plan.pelvis[:, 1] = -0.02 + 0.012 * np.cos(2 * phase)
    plan.trunk[:, 0], plan.trunk[:, 1] = 4, 7 * swing
    plan.arms[:, :, 1] = np.stack([-55 * swing, 55 * swing], 1)
    plan.arms[:, :, 0] += 12
    plan.arms[:, :, 3] = 45 + 15 * np.stack([-swing, swing], 1)
    plan.yaw[:] = rng.normal(0, 30)
    _turn_feet(plan)
    return plan


def _squat(t: np.ndarray, rng: np.random.Generator) -> _Plan:
    plan = _standing(len(t))
    wide, period = rng.uniform(1.2, 1.7), rng.uniform(1.8, 2.6)
    plan.feet[:, :, 0] *= wide
    plan.foot_yaw *= 2.2
    down = (1 - np.cos(2 * np.pi * t / period)) / 2
    _sink(plan, rng.uniform(0.25, 0.42) * down)
    forwards = np.array([-5.0, 75, -20, 20])
    plan.arms += down[:, None, None] * (forwards - plan.arms)
    plan.yaw[:] = rng.normal(0, 25)
    _turn_feet(plan)
    return plan


def _sink(plan: _Plan, by: np.ndarray) -> None:
    """Bend the knees: the pelvis goes back, the trunk ahead."""
    plan.pelvis[:, 1] -= by
    plan.pelvis[:, 2] -= 0.35 * by
    plan.trunk[:, 0] += 75 * by
    plan.head[:, 0] -= 45 * by


def _turn(t: np.ndarray, rng: np.random.Generator) -> _Plan:
    """Small steps round the vertical, a full turn or part of one and back."""
    plan = _standing(len(t))
    beat = 0.45
    goal = float(rng.choice([-1, 1]) * rng.uniform(60, 180))
    steps = max(2, int(t[-1] / beat))
    per = goal / max(1, steps // 2)
    plan.foot_yaw[:] = (8, -8)
    angle = 0.0
    for k in range(steps):
        angle += per if k < steps // 2 else -per
        plan.yaw += (angle - plan.yaw[-1]) * _ease((t - k * beat) / (1.5 * beat))
        foot = int((k + (goal > 0)) % 2 == 0)
        place = about("y", angle).apply([_STANCE * (1, -1)[foot], 0, 0])
        _step(plan, t, foot, k * beat, (k + 0.8) * beat, (place[0], place[2], angle + (8, -8)[foot]), 0.05)
    plan.pelvis[:, 1] = -0.025 - 0.01 * np.cos(2 * np.pi * t / beat)
    plan.arms[:, :, 0] += 14 + 5 * np.sin(2 * np.pi * t / (2 * beat))[:, None]
    plan.arms[:, :, 3] += 20
    return plan


def _step_touch(t: np.ndarray, rng: np.random.Generator) -> _Plan:
    beat = rng.uniform(0.42, 0.6)
    plan = _standing(len(t))
    reach = rng.uniform(0.2, 0.36)
    _side_steps(plan, t, beat, reach, int(np.ceil(t[-1] / beat)) + 1)
    b = t / beat
    style = int(rng.integers(3))
    if style == 0:  # both arms wave from side to side
        wave = np.sin(np.pi * b / 2)
        plan.arms[:, 0], plan.arms[:, 1] = (
            _blend((-10, 10, -60, 50), 35 * wave),
            _blend((-10, 10, -60, 50), -35 * wave),
        )
    elif style == 1:  # elbows pump
        pump = np.sin(np.pi * b)
        plan.arms[:, 0], plan.arms[:, 1] = (
            _blend((-45, 25, -20, 85), 18 * pump),
            _blend((-45, 25, -20, 85), -18 * pump),
        )
    else:  # overhead on every second bar
        up = (1 - np.cos(np.pi * b / 2)) / 2
        plan.arms[:] = _blend((-55, 5, -30, 30), 100 * up)[:, None]
    plan.trunk[:, 1] = 6 * np.sin(np.pi * b / 2)
    plan.head[:, 0] = 4 * np.cos(2 * np.pi * b)
    plan.yaw[:] = rng.normal(0, 15)
    _turn_feet(plan)
    return plan


def _blend(rest: Sequence[float], lift: np.ndarray) -> np.ndarray:
    """(T, 4) one arm's angles: `rest` with its lift moved by (T,) degrees."""
    arm = np.tile(np.array(rest, float), (len(lift), 1))
    arm[:, 0] += lift
    return arm


def _side_steps(plan: _Plan, t: np.ndarray, beat: float, reach: float, beats: int) -> None:
    """Right, close, left, close: one foot a beat. Starts and ends every fourth beat on the left."""
    half = reach / 2
    plan.feet[:, 0, 0], plan.feet[:, 1, 0] = half + _STANCE, half - _STANCE
    for k in range(beats):
        centre = (-half, half)[(k // 2) % 2]
        foot = (1, 0, 0, 1)[k % 4]
        to = centre + (_STANCE, -_STANCE)[foot]
        _step(plan, t, foot, k * beat, (k + 0.8) * beat, (to, 0.0, (8, -8)[foot]), 0.07)
    plan.pelvis[:, 0] = half * np.cos(np.pi * t / beat / 2)
    plan.pelvis[:, 1] = -0.035 - 0.018 * np.cos(2 * np.pi * t / beat)
    plan.trunk[:, 2] += 4 * np.sin(np.pi * t / beat / 2)


def _dance(t: np.ndarray, rng: np.random.Generator) -> _Plan:
    """Eight beats of half a second: side steps with waving arms, a quarter turn and back, a squat."""
    beat = 0.5
    plan = _standing(len(t))
    _side_steps(plan, t, beat, 0.30, 4)
    b = t / beat
    x = 0.15
    settle = _ease((b - 4) / 0.5)
    plan.pelvis[:, 0] += settle * (x - plan.pelvis[:, 0])
    # beats 4 and 5: the right foot goes round, the body with it; 6: back, wider; 7: squat
    angle = 65.0
    plan.yaw += angle * (_ease((b - 3.9) / 1.1) - _ease((b - 5.5) / 1.1))
    plan.trunk[:, 1] += 12 * (_pulse(b, 3.9, 5.2, 0.6) - _pulse(b, 5.4, 6.6, 0.6))
    round_x, round_z = x + 0.02, 0.24
    _step(plan, t, 1, 4 * beat, 4.8 * beat, (round_x, round_z, angle - 8), 0.07)
    _step(plan, t, 0, 4.75 * beat, 5.35 * beat, (x + _STANCE, 0.0, angle - 15), 0.03)
    _step(plan, t, 1, 5.5 * beat, 6.2 * beat, (x - 1.25 * _STANCE, 0.0, -18.0), 0.07)
    _step(plan, t, 0, 6.0 * beat, 6.55 * beat, (x + 1.1 * _STANCE, 0.0, 14.0), 0.03)
    _step(plan, t, 1, 7.45 * beat, 7.95 * beat, (x - _STANCE, 0.0, -8.0), 0.03)
    plan.pelvis[:, 2] += 0.06 * _pulse(b, 4.0, 6.2, 0.8)
    _sink(plan, 0.30 * _pulse(b, 6.2, 7.9, 0.8))
    plan.feet[:, 0, 0] += (x + _STANCE - plan.feet[:, 0, 0]) * _ease((b - 7.4) / 0.5)
    plan.foot_yaw[:, 0] += (8 - plan.foot_yaw[:, 0]) * _ease((b - 7.4) / 0.5)
    wave = np.sin(np.pi * b / 2)
    side_steps = 1 - _ease((b - 3.6) / 0.6) + _ease((b - 7.5) / 0.5)
    left, right = _blend((-8, 15, -55, 40), 42 * wave), _blend((-8, 15, -55, 40), -42 * wave)
    left[:, 3] += 25 * np.cos(np.pi * b)
    right[:, 3] -= 25 * np.cos(np.pi * b)
    up, low = np.array([48.0, 15, -70, 35]), np.array([-35.0, 20, -20, 60])
    turned = _pulse(b, 3.6, 6.4, 0.7)[:, None]
    squat = _pulse(b, 5.9, 8.0, 0.7)[:, None]
    forwards = np.array([-6.0, 72, -25, 25])
    total = side_steps[:, None] + turned + squat
    plan.arms[:, 0] = (side_steps[:, None] * left + turned * up + squat * forwards) / total
    plan.arms[:, 1] = (side_steps[:, None] * right + turned * low + squat * forwards) / total
    plan.head[:, 1] -= 0.35 * plan.yaw
    plan.head[:, 0] += 4 * np.cos(2 * np.pi * b)
    return plan


def _turn_feet(plan: _Plan) -> None:
    """Carry feet and pelvis, laid out for a body that faces the viewer, round with the body's yaw."""
    turn = about("y", plan.yaw)
    for foot in range(2):
        plan.feet[:, foot] = turn.apply(plan.feet[:, foot])
    plan.pelvis[:] = turn.apply(plan.pelvis)
    plan.foot_yaw += plan.yaw[:, None]


_KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], _Plan]] = {
    "sway": _sway,
    "wave": _wave,
    "walk": _walk,
    "squat": _squat,
    "turn": _turn,
    "step-touch": _step_touch,
    "dance": _dance,
}
KINDS = tuple(_KINDS)


def perform(kind: str, seed: int, frames: int, fps: float, joints: np.ndarray, ankle_height: float) -> Performance:
    """A motion of T = `frames` frames.

    kind          one of KINDS
    joints        (24, 3) m, the body's joints in T-pose
    ankle_height  m from the ankle joints down to the soles (of the shoes) in T-pose

    Raises ValueError for an unknown kind or no frames.
    """
    if kind not in _KINDS:
        raise ValueError(f"unknown motion {kind!r}: choose one of {', '.join(KINDS)}")
    if frames < 1:
        raise ValueError(f"a motion needs at least one frame, got {frames}")
    rng = np.random.default_rng(seed)
    plan = _KINDS[kind](np.arange(frames) / fps, rng)
    poses = np.zeros((frames, 24, 3))
    lean = np.radians(plan.trunk)
    poses[:, 0] = (about("y", plan.yaw) * about("x", 0.3 * plan.trunk[:, 0])).as_rotvec()
    for joint, share in ((SPINE1, 0.3), (SPINE2, 0.25), (SPINE3, 0.15)):
        poses[:, joint] = share * lean
    for joint in (NECK, HEAD):
        poses[:, joint] = np.radians(plan.head) / 2
    for side, arm in ((1, 0), (-1, 1)):
        lift, ahead, twist, bend = plan.arms[:, arm].T
        shoulder, elbow = arm_rotations(side, lift, ahead, twist, np.clip(bend, 2, 140))
        poses[:, LEFT_SHOULDER + arm], poses[:, LEFT_ELBOW + arm] = shoulder, elbow
        poses[:, LEFT_COLLAR + arm, 2] = side * np.radians(np.clip(lift, 0, None) * 0.25)
        poses[:, LEFT_WRIST + arm, 2] = side * np.radians(-6)
    place = bend_legs(poses, joints, plan.pelvis, plan.feet, plan.foot_yaw, plan.heel, ankle_height)
    planted = (plan.feet[:, :, 1] < 1e-3) & (plan.heel < 0.5)
    return Performance(poses.astype(np.float32), place.astype(np.float32), planted)
