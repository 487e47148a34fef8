"""Keypoints: geometry of crops, swaps undone, the detector on rendered people."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.detection.keypoints import (
    LEFT_LEG,
    RIGHT_LEG,
    cut,
    doubt_doubled,
    doubt_spikes,
    drop_jumps,
    person_box,
    uncut,
)
from lwgan_cli.records import Keypoints, Masks


def ramp(height: int, width: int) -> np.ndarray:
    """A picture whose red and green channels are the pixel centres' x and y."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.stack([x, y, np.zeros_like(x)], -1).astype(np.float32)


@pytest.mark.parametrize("crop", [(100.0, 80.0, 64.0), (90.5, 61.25, 30.0), (120.0, 90.0, 160.0)])
def test_cut_reads_the_right_places(crop: tuple[float, float, float]) -> None:
    cx, cy, side = crop
    size = 64
    got = cut(ramp(180, 240), np.array(crop), size)
    centres = (np.arange(size) + 0.5) / size * side
    inner = slice(4, -4)
    assert np.abs(got[inner, inner, 0] - (cx - side / 2 + centres)[None, inner]).max() < 0.1
    assert np.abs(got[inner, inner, 1] - (cy - side / 2 + centres)[inner, None]).max() < 0.1


def test_uncut_is_the_way_back() -> None:
    crop = np.array([70.0, 50.0, 80.0])
    y, x = np.mgrid[:100, :140] + 0.5
    mask = np.exp(-((x - 66) ** 2 + (y - 55) ** 2) / 200).astype(np.float32)
    back = uncut(cut(mask, crop, 160), crop, (140, 100))
    inside = (np.abs(x - 70) < 36) & (np.abs(y - 50) < 36)
    assert np.abs(back - mask)[inside].max() < 0.02
    assert back[:, :25].max() == 0


def test_person_box_holds_mask_and_seen_points() -> None:
    mask = np.zeros((50, 100), np.float32)
    mask[10:40, 30:50] = 1
    points = np.tile(np.array([[80.0, 50.0]], np.float32), (33, 1))
    points[0] = (130, 20)  # seen, outside the mask
    points[1] = (990, 20)  # a guess far away
    visibility = np.ones(33, np.float32)
    visibility[1] = 0.1
    cx, cy, side = person_box(points, visibility, mask, (200, 100))
    assert cx - side / 2 <= 60 and cx + side / 2 >= 130
    assert cy - side / 2 <= 20 and cy + side / 2 >= 80
    assert side < 110


def walk(frames: int = 20) -> Keypoints:
    """Legs that stride past one another, seen from the side."""
    points = np.zeros((frames, 33, 2), np.float32)
    points[:] = np.random.default_rng(0).uniform(100, 300, (33, 2))
    swing = 40 * np.sin(np.arange(frames) / 5)
    points[:, list(LEFT_LEG), 0] = 200 + swing[:, None]
    points[:, list(RIGHT_LEG), 0] = 200 - swing[:, None] + 12
    masks = Masks.pack([np.zeros((8, 8), np.uint8)] * frames, 8)
    return Keypoints(
        points, np.ones((frames, 33), np.float32), np.zeros((frames, 33, 3), np.float32), masks,
        np.tile(np.array([200, 200, 300], np.float32), (frames, 1)), (400, 400),
    )  # fmt: skip


def test_masks_pack_without_loss() -> None:
    rng = np.random.default_rng(1)
    masks = [rng.integers(0, 256, (16, 16)).astype(np.uint8) for _ in range(3)]
    packed = Masks.pack(masks, 16)
    assert len(packed) == 3
    assert all(np.array_equal(packed[row], mask) for row, mask in enumerate(masks))


def test_a_moment_with_somebody_else_is_dropped() -> None:
    track = walk()
    track.points[7:9] += 150.0  # half of the crop
    mended = drop_jumps(track)
    assert np.flatnonzero(~mended.found).tolist() == [7, 8]
    assert (mended.visibility[7:9] == 0).all() and np.array_equal(mended.points[9:], track.points[9:])


def test_somebody_who_moves_away_for_good_is_kept() -> None:
    track = walk()
    track.points[10:] += 150.0
    assert drop_jumps(track).found.all()
    fast = walk()
    fast.points[:] += 25.0 * np.arange(20, dtype=np.float32)[:, None, None]  # 500 px in 20 frames, a run
    assert drop_jumps(fast).found.all()


def test_points_that_jump_aside_for_a_frame_are_doubted() -> None:
    track = walk()
    track.points[9, [15, 17]] += 60.0  # a fifth of the crop
    track.points[14, 15] -= 60.0
    doubted = doubt_spikes(track)
    expected = np.ones((20, 33), np.float32)
    expected[9, [15, 17]] = expected[14, 15] = 0
    assert np.array_equal(doubted.visibility, expected)
    assert np.array_equal(doubted.points, track.points)


@pytest.mark.parametrize(
    "way",
    [
        [0.0] * 8 + [10, 46, 76, 75, 63, 63],  # an arm thrown up, px
        [0.0] * 6 + [90, 180, 270, 180, 90, 0, 0, 0],  # a jab
        [0.0] * 7 + [250] * 7,  # another pose, or another shot
        [0.0, 60] * 7,  # shaking
    ],
)
def test_fast_moves_are_not_doubted(way: list[float]) -> None:
    track = walk(len(way))
    track.points[:, 15, 1] += np.array(way, np.float32)
    assert (doubt_spikes(track).visibility == 1).all()


def test_a_fast_arm_may_go_round_a_corner() -> None:
    """A hand thrown across the body, in three frames: its way bows."""
    track = walk()
    track.points[10, 15] += (60.0, -50.0)
    track.points[11:, 15] += (120.0, 0.0)
    assert (doubt_spikes(track).visibility == 1).all()


def test_beside_frames_without_a_person_nothing_is_doubted() -> None:
    track = walk()
    track.points[9, 15] += 60.0
    track.points[8] = np.nan
    track.visibility[8] = 0
    assert np.array_equal(doubt_spikes(track).visibility, track.visibility)


def test_a_foot_found_on_the_other_leg_is_doubted() -> None:
    track = walk()
    track.points[:, LEFT_LEG] += np.float32([0, 80])  # feet apart, wherever the legs swing
    assert (doubt_doubled(track).visibility == 1).all()
    track.points[9, RIGHT_LEG[2:]] = track.points[9, LEFT_LEG[2:]]
    expected = np.ones((20, 33), np.float32)
    expected[9, RIGHT_LEG[2:]] = 0
    assert np.array_equal(doubt_doubled(track).visibility, expected)
    track.points[8] = np.nan  # beside a frame without anybody nothing is told
    assert (doubt_doubled(track).visibility == 1).all()


@pytest.mark.parametrize("frames", [1, 3])
def test_feet_that_come_together_are_not_doubted(frames: int) -> None:
    """Both go to meet, for a frame or for longer; or one goes to the other and stays there."""
    track = walk()
    track.points[:, [*LEFT_LEG, *RIGHT_LEG], 0] = 200
    track.points[:, LEFT_LEG, 0] += 40
    track.points[9 : 9 + frames, LEFT_LEG, 0] -= 20
    track.points[9 : 9 + frames, RIGHT_LEG, 0] += 20
    assert (doubt_doubled(track).visibility == 1).all()
    track.points[9:, LEFT_LEG] = track.points[9:, RIGHT_LEG]
    assert (doubt_doubled(track).visibility == 1).all()
