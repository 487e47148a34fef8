"""Which side is left: what a detector can't tell of single pictures, the frames around them do.

From one picture, limbs that cross may be called either way, and somebody whose face doesn't show may face the camera or
turn their back: mirrored at the picture's plane, a body looks the same. Nobody turns round between two frames.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lwgan_cli.detection.keypoints import LEFT_ARM, LEFT_LEG, MIRROR, RIGHT_ARM, RIGHT_LEG
from lwgan_cli.records import Keypoints

ARMS, LEGS = LEFT_ARM + RIGHT_ARM, LEFT_LEG + RIGHT_LEG
READINGS = ((False, False), (True, True), (True, False), (False, True))  # arms swapped, legs swapped
# of the crop's side, per frame: the detector is right more often than not; who is read from behind is so for many
# frames in a row, which therefore count little, and most where they begin
BIAS = np.array([0.0, 0.01, 0.03, 0.03])
ONSET = np.array([0.0, 0.04, 0.0, 0.0])
AWAY = np.array([1.0, 1.0, -1.0], np.float32)  # mirrored at the picture's plane


def unswap(keypoints: Keypoints) -> tuple[Keypoints, np.ndarray]:
    """Undo swaps of left and right between neighbouring frames: of the arms, of the legs, or of the whole body, front
    and back with them.

    Each frame is read so that the points move least in all (Viterbi over `READINGS`), with a bias towards what the
    detector said. Returns (T,) bool too: arms were swapped.
    """
    if len(keypoints) < 3 or not keypoints.found.any():
        return keypoints, np.zeros(len(keypoints), bool)
    scale = np.median(keypoints.crop[keypoints.found, 2])
    arms, legs = (_candidates(keypoints, rows) for rows in (ARMS, LEGS))
    state = _fewest_jumps([(points / scale, weight) for points, weight in (arms, legs)])
    points, visibility, world = keypoints.points.copy(), keypoints.visibility.copy(), keypoints.world.copy()
    for t in np.flatnonzero(state):
        if state[t] == 1:
            points[t], visibility[t] = points[t][MIRROR], visibility[t][MIRROR]
            world[t] = world[t][MIRROR] * AWAY
            continue
        rows = np.array(ARMS if READINGS[state[t]][0] else LEGS)
        trunk = np.repeat(world[t, rows[[0, len(rows) // 2]], 2], len(rows) // 2)  # depth of the side's hip or shoulder
        for values in (points, visibility, world):
            values[t, rows] = values[t, MIRROR[rows]]
        # what is taken for one another hangs on the trunk, whose own sides are as near as they were
        world[t, rows, 2] += trunk - trunk[::-1]
    swapped = np.array([READINGS[each][0] for each in state])
    return replace(keypoints, points=points, visibility=visibility, world=world), swapped


def _candidates(keypoints: Keypoints, rows: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Points (T, 2, N, 2) px as they are and swapped, weight (T, N)."""
    index = np.array(rows)
    points, seen = keypoints.points, keypoints.visibility
    return np.stack([points[:, index], points[:, MIRROR[index]]], 1), np.minimum(seen[:, index], seen[:, MIRROR[index]])


def _fewest_jumps(limbs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Candidates and weights of arms and of legs, shares of the crop → (T,) int, rows of `READINGS`."""
    swaps = np.array(READINGS, int)  # (4, 2)
    steps = len(limbs[0][0])
    there = np.isfinite(limbs[0][0]).all((1, 2, 3))
    cost, came = (BIAS + ONSET) * there[0], np.tile(np.arange(len(swaps)), (steps, 1))
    last: int | None = 0 if there[0] else None
    for t in range(1, steps):
        if not there[t]:
            continue
        if last is not None:
            moved = np.zeros((len(swaps), len(swaps)))  # from, to
            for limb, (points, weight) in enumerate(limbs):
                pair = np.minimum(weight[t], weight[last])
                apart = np.linalg.norm(points[t][None] - points[last][:, None], axis=-1)  # (from, to, N)
                jump = (apart * pair / max(pair.sum(), 1e-3)).sum(-1)
                moved += jump[swaps[:, limb, None], swaps[None, :, limb]]
            total = cost[:, None] + moved + ONSET * ~np.eye(len(swaps), dtype=bool)
            came[t], cost = total.argmin(0), total.min(0)
        cost = cost + BIAS
        last = t
    state, now = np.zeros(steps, int), int(cost.argmin())
    for t in range(steps - 1, -1, -1):
        state[t] = now
        now = came[t, now]
    return state
