"""Which side is left: what a detector can't tell of single pictures, the frames around them do.

From one picture, limbs that cross may be called either way, and somebody whose face doesn't show may face the camera or
turn their back: mirrored at the picture's plane, a body looks the same. Nobody turns round between two frames.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lwgan_cli.detection.keypoints import LEFT_ARM, LEFT_LEG, MIRROR, RIGHT_ARM, RIGHT_LEG
from lwgan_cli.records import Keypoints

ARMS, LEGS, SHANKS = LEFT_ARM + RIGHT_ARM, LEFT_LEG + RIGHT_LEG, LEFT_LEG[2:] + RIGHT_LEG[2:]
HANG_FROM = {ARMS: (11, 12), LEGS: (23, 24), SHANKS: (25, 26)}  # left, right
TOLD_BY = {LEGS: (25, 26), SHANKS: (27, 28)}
READINGS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (  # what is swapped of the arms, of the legs
    ((), ()), (ARMS, LEGS), (ARMS, ()), ((), LEGS), ((), SHANKS),
)  # fmt: skip
# of the crop's side, per frame: the detector is right more often than not, but where it is wrong it is so for many
# frames in a row, which therefore count little; of whole bodies read from behind, most where they begin
BIAS = np.array([0.0, 0.01, 0.01, 0.01, 0.01])
ONSET = np.array([0.0, 0.04, 0.0, 0.0, 0.0])
TURN = 0.25  # what points turn aside in a frame, against what they move: legs that pass one another go on as they did
TWISTED, TWIST = 0.34, 0.05  # cosine of the furthest that shoulders turn against the hips, and what each less costs
# m that knees, or ankles, stand on each other's side, and what each more costs who swaps them to there: of a quick step
# aside, too, each leg lands about where the other was
CROSSED, CROSSING = 0.1, 0.2
FURTHEST = 0.2  # of the crop's side: what goes further in a frame was found wrong, however far it is
DIFFERENCES = {2: (-1, 1), 3: (1, -2, 1)}
AWAY = np.array([1.0, 1.0, -1.0], np.float32)  # mirrored at the picture's plane


def unswap(keypoints: Keypoints) -> tuple[Keypoints, np.ndarray]:
    """Undo swaps of left and right between neighbouring frames: of the arms, of the legs, of what hangs from the knees,
    or of the whole body, front and back with them.

    Each frame is read so that the points move and turn least in all (Viterbi over pairs of `READINGS`) and nobody's
    shoulders face backwards, with a bias towards what the detector said. Returns (T,) bool too: arms were swapped.
    """
    if len(keypoints) < 3 or not keypoints.found.any():
        return keypoints, np.zeros(len(keypoints), bool)
    scale = np.median(keypoints.crop[keypoints.found, 2])
    limbs = [_candidates(keypoints, part, scale) for part in range(2)]
    state = _smoothest(limbs, _twists(keypoints) + _crossings(keypoints))
    points, visibility, world = keypoints.points.copy(), keypoints.visibility.copy(), keypoints.world.copy()
    for t in np.flatnonzero(state):
        if state[t] == 1:
            points[t], visibility[t] = points[t][MIRROR], visibility[t][MIRROR]
            world[t] = world[t][MIRROR] * AWAY
            continue
        limb = READINGS[state[t]][0] or READINGS[state[t]][1]
        rows = np.array(limb)
        hung = np.repeat(world[t, HANG_FROM[limb], 2], len(rows) // 2)
        for values in (points, visibility, world):
            values[t, rows] = values[t, MIRROR[rows]]
        # what is taken for one another hangs on the trunk, whose own sides are as near as they were
        world[t, rows, 2] += hung - hung[::-1]
    swapped = np.array([bool(READINGS[each][0]) for each in state])
    return replace(keypoints, points=points, visibility=visibility, world=world), swapped


def _candidates(keypoints: Keypoints, part: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (T, 5, N, 2) of the arms (part 0) or the legs (1) as each of `READINGS` has them, `scale` px being 1, and
    weight (T, N)."""
    limb = (ARMS, LEGS)[part]
    orders = [[MIRROR[row] if row in swapped[part] else row for row in limb] for swapped in READINGS]
    seen = keypoints.visibility
    return keypoints.points[:, orders] / scale, np.minimum(seen[:, limb], seen[:, MIRROR[list(limb)]])


def _twists(keypoints: Keypoints) -> np.ndarray:
    """(T, 5): what each of `READINGS` costs for shoulders that face elsewhere than the hips."""
    across = keypoints.world[:, [11, 23]] - keypoints.world[:, [12, 24]]
    x, z = (across / np.linalg.norm(across[..., ::2], axis=-1, keepdims=True).clip(1e-6))[..., ::2].transpose(2, 0, 1)
    along, deep = x.prod(1), z.prod(1)  # who is swapped alone keeps their depths
    turned = np.array([-1 if (arms == ARMS) != (legs == LEGS) else 1 for arms, legs in READINGS])
    return TWIST * (TWISTED - deep[:, None] - along[:, None] * turned).clip(0)


def _crossings(keypoints: Keypoints) -> np.ndarray:
    """(T, 5): what each of `READINGS` costs for legs that it crosses further than the detector has them."""
    hips = keypoints.world[:, 23] - keypoints.world[:, 24]
    axis = hips / np.linalg.norm(hips, axis=-1, keepdims=True).clip(1e-6)
    costs = np.zeros((len(keypoints), len(READINGS)))
    for limb, (left, right) in TOLD_BY.items():
        apart = keypoints.world[:, left] - keypoints.world[:, right]
        hung = keypoints.world[:, HANG_FROM[limb], 2]
        swapped = -apart
        swapped[:, 2] += 2 * (hung[:, 0] - hung[:, 1])
        before, after = ((-(each * axis).sum(-1) - CROSSED).clip(0) for each in (apart, swapped))
        costs[:, READINGS.index(((), limb))] = CROSSING * np.nan_to_num(after - before).clip(0)
    return costs


def _smoothest(limbs: list[tuple[np.ndarray, np.ndarray]], alone: np.ndarray) -> np.ndarray:
    """Candidates and weights of arms and of legs, and what each reading costs by itself (T, 5) → (T,) int, rows of
    `READINGS`."""
    count = len(READINGS)
    rows = np.flatnonzero(np.isfinite(limbs[0][0]).all((1, 2, 3)))
    changed = ONSET * ~np.eye(count, dtype=bool)
    cost = np.full((count, count), np.inf)  # of the readings (of the frame before, of this one), at best
    cost[0] = BIAS + ONSET + alone[rows[0]]
    came = []
    for index, t in enumerate(rows[1:], 1):
        last, before = rows[index - 1], rows[max(index - 2, 0)]
        total = cost[..., None] + _way(limbs, (last, t)) + changed  # (before, last, now)
        if t - before == 2:
            total = total + TURN * _way(limbs, (before, last, t))
        came.append(total.argmin(0))
        cost = total.min(0) + BIAS + alone[t]
    last, now = np.unravel_index(cost.argmin(), cost.shape)
    state = np.zeros(len(alone), int)
    state[rows[-1]] = now
    for row, before in zip(rows[-2::-1], came[::-1], strict=True):
        state[row] = last
        last, now = before[last, now], last
    return state


def _way(limbs: list[tuple[np.ndarray, np.ndarray]], frames: tuple[int, ...]) -> np.ndarray:
    """(5, …) for each reading of two frames, how far the points move, of three, how far they turn aside."""
    total = np.zeros(())
    for points, weight in limbs:
        seen = weight[list(frames)].min(0)
        apart = np.zeros(())
        for axis, (frame, times) in enumerate(zip(frames, DIFFERENCES[len(frames)], strict=True)):
            others = [other for other in range(len(frames)) if other != axis]
            apart = apart + np.expand_dims(times * points[frame], others)
        total = total + (np.linalg.norm(apart, axis=-1).clip(max=FURTHEST) * seen).sum(-1) / max(seen.sum(), 1e-3)
    return total
