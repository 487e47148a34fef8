"""Left and right over time: swaps of limbs and of the whole body undone, true crossings and turns left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.detection.keypoints import LEFT_ARM, LEFT_LEG, MIRROR, RIGHT_ARM, RIGHT_LEG
from lwgan_cli.detection.sides import READINGS, SHANKS, _twists, unswap
from lwgan_cli.records import Keypoints, Masks
from tests.detection.test_keypoints import walk

HALF = 60.0  # px from the body's middle to its sides


def turning(degrees: np.ndarray) -> Keypoints:
    """A stiff body that stands and is turned about the vertical."""
    frames = len(degrees)
    body = np.random.default_rng(0).uniform(-HALF, HALF, (33, 3)) * np.array([0.1, 1.0, 0.3])
    body[[*LEFT_ARM, *LEFT_LEG], 0] += HALF
    body[[*RIGHT_ARM, *RIGHT_LEG], 0] -= HALF
    yaw = np.radians(degrees)
    turn = np.zeros((frames, 3, 3))
    turn[:, 1, 1] = 1
    turn[:, 0, 0] = turn[:, 2, 2] = np.cos(yaw)
    turn[:, 0, 2], turn[:, 2, 0] = np.sin(yaw), -np.sin(yaw)
    world = np.einsum("tij,nj->tni", turn, body).astype(np.float32)
    points = world[..., :2] * np.float32([1, -1]) + 200
    masks = Masks.pack([np.zeros((8, 8), np.uint8)] * frames, 8)
    crop = np.tile(np.array([200, 200, 300], np.float32), (frames, 1))
    return Keypoints(points, np.ones((frames, 33), np.float32), world, masks, crop, (400, 400))


def turned_round(truth: Keypoints, rows: list[int]) -> Keypoints:
    """What a detector says that takes front for back in some frames."""
    seen = turning(np.zeros(len(truth)))
    seen.points[:], seen.world[:] = truth.points, truth.world
    for row in rows:
        seen.points[row] = truth.points[row, MIRROR]
        seen.world[row] = truth.world[row, MIRROR] * np.float32([1, 1, -1])
    return seen


def test_swapped_frames_are_swapped_back_and_true_crossings_stay() -> None:
    truth = walk()
    assert np.array_equal(unswap(truth)[0].points, truth.points)
    broken = walk()
    for frame in (5, 6, 12):
        broken.points[frame][list(LEFT_LEG + RIGHT_LEG)] = truth.points[frame][list(RIGHT_LEG + LEFT_LEG)]
    fixed, arms = unswap(broken)
    assert np.abs(fixed.points - truth.points).max() == 0 and not arms.any()


def test_legs_are_read_wrong_for_many_frames_in_a_row() -> None:
    truth, broken = walk(40), walk(40)
    apart = np.abs(truth.points[:, 25, 0] - truth.points[:, 26, 0])
    wrong = slice(20, 29)
    assert apart[[19, 20, 28, 29]].min() > 30  # it begins and ends while the legs are apart
    broken.points[wrong, LEFT_LEG + RIGHT_LEG] = truth.points[wrong, RIGHT_LEG + LEFT_LEG]
    assert np.array_equal(unswap(broken)[0].points, truth.points)


def test_shanks_are_taken_for_one_another_below_knees_that_are_not() -> None:
    truth = turning(np.full(9, 90.0))
    truth.points[:, SHANKS[:3], 0] += 60
    seen = turned_round(truth, [])
    seen.points[4, SHANKS] = truth.points[4, SHANKS[3:] + SHANKS[:3]]
    knees = truth.world[4, [25, 26], 2]
    seen.world[4, SHANKS] = truth.world[4, SHANKS[3:] + SHANKS[:3]]
    seen.world[4, SHANKS, 2] += np.repeat(knees - knees[::-1], 3)
    fixed, _ = unswap(seen)
    assert np.array_equal(fixed.points, truth.points)
    assert np.abs(fixed.world - truth.world).max() < 1e-4 * HALF


@pytest.mark.parametrize("limb", [LEFT_LEG + RIGHT_LEG, SHANKS], ids=["legs", "shanks"])
def test_a_quick_step_aside_crosses_no_legs(limb: tuple[int, ...]) -> None:
    """Each leg lands where the other stood: swapped before, they would hardly have moved."""
    truth = turning(np.zeros(9))
    truth.points[4:, limb, 0] += 2 * HALF
    assert np.array_equal(unswap(replace(truth, world=truth.world / 150))[0].points, truth.points)


def test_one_found_elsewhere_does_not_turn_its_neighbours_round() -> None:
    """Somebody whose far leg is found on the near one for a frame, amid a stride: the frames around it stay."""
    truth = walk(12)
    truth.points[:, LEFT_LEG[2:], 1] = 260
    truth.points[:, RIGHT_LEG[2:], 1] = 180
    seen = replace(truth, points=truth.points.copy())
    seen.points[1, RIGHT_LEG[2:]] = truth.points[1, LEFT_LEG[2:]]
    assert np.array_equal(unswap(seen)[0].points, seen.points)


def test_shoulders_face_where_the_hips_do() -> None:
    """Arms or legs alone are not swapped of somebody who is seen from the front; from the side they may be."""
    alone = np.array([(11 in arms) != (23 in legs) for arms, legs in READINGS])
    front, side = (_twists(turning(np.full(3, degrees)))[1] for degrees in (0.0, 90.0))
    assert (front[alone] > 0.05).all() and (front[~alone] == 0).all()
    assert side.max() == 0


def test_frames_without_a_person_are_passed_over() -> None:
    gap = walk()
    gap.points[8:11] = np.nan
    gap.visibility[8:11] = 0
    fixed, _ = unswap(gap)
    assert np.isnan(fixed.points[8:11]).all()
    assert np.array_equal(fixed.points[11:], gap.points[11:])


@pytest.mark.parametrize("side", [0.0, 180.0])
def test_nobody_turns_round_between_two_frames(side: float) -> None:
    """Front and back are what most frames of a steady body say, however long the detector is wrong in one go."""
    truth = turning(side + 20 * np.sin(np.arange(60) / 9))
    wrong = [7, *range(20, 42), 50]
    fixed, arms = unswap(turned_round(truth, wrong))
    assert np.array_equal(fixed.points, truth.points) and np.array_equal(fixed.world, truth.world)
    assert np.flatnonzero(arms).tolist() == wrong


def test_who_turns_round_for_good_does() -> None:
    truth = turning(np.linspace(0, 540, 60))
    fixed, arms = unswap(truth)
    assert np.array_equal(fixed.points, truth.points) and not arms.any()


def test_legs_taken_for_one_another_leave_the_pelvis_as_it_was_read() -> None:
    """From the side: the near hip stays the near one, and each leg keeps its bend."""
    truth = turning(np.full(9, 90.0))
    legs, others = list(LEFT_LEG + RIGHT_LEG), list(RIGHT_LEG + LEFT_LEG)
    truth.points[:, LEFT_LEG[1:], 0] += 50
    seen = turned_round(truth, [])
    seen.points[4, legs] = truth.points[4, others]
    hips = truth.world[4, [LEFT_LEG[0], RIGHT_LEG[0]], 2]
    seen.world[4, legs, 2] = truth.world[4, others, 2] + np.repeat(hips - hips[::-1], 5)
    seen.world[4, legs, :2] = truth.world[4, others, :2]
    fixed, _ = unswap(seen)
    assert np.array_equal(fixed.points, truth.points)
    assert np.abs(fixed.world - truth.world).max() < 1e-4 * HALF
