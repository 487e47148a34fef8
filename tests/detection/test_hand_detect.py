"""Hands that aren't there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lwgan_cli.detection.hand_detect import AROUND, HANDS, HandPoints, made_up
from lwgan_cli.records import Keypoints, Masks

FRAMES, SIZE = 4 * AROUND, (600, 600)


def masks_of(mask: np.ndarray) -> Masks:
    return Masks.pack([mask] * FRAMES, 256)


def below(top: float) -> np.ndarray:
    """A mask of the lower end of the picture, from y px on."""
    mask = np.zeros((256, 256), np.uint8)
    mask[round((top + 50) / 700 * 256) :] = 255
    return mask


def half_body() -> Keypoints:
    """Shoulders and elbows of a large body whose elbows lie at the lower edge, wrists before the chest."""
    points = np.full((33, 2), 300.0, np.float32)
    points[[11, 12]], points[[13, 14]] = [[450, 300], [150, 300]], [[480, 590], [120, 590]]
    points[list(HANDS[0])], points[list(HANDS[1])] = [520, 380], [80, 380]
    still = np.tile(points, (FRAMES, 1, 1))
    ones = np.ones((FRAMES, 33), np.float32)
    crop = np.tile(np.array([300, 300, 700], np.float32), (FRAMES, 1))
    masks = masks_of(below(560))
    return Keypoints(still, ones, np.zeros((FRAMES, 33, 3), np.float32), masks, crop, SIZE)


def hands(*rows: int) -> HandPoints:
    """Of which the right one is found in some frames."""
    points = np.full((FRAMES, 2, 21, 3), np.nan, np.float32)
    points[list(rows), 1] = 1.0
    return HandPoints(points)


def test_hands_that_nobody_finds_before_arms_that_leave_the_picture_are_made_up() -> None:
    one_shot = np.zeros(FRAMES, int)
    doubted = made_up(half_body(), hands(0), one_shot)
    assert doubted[:, HANDS[0]].all() and not np.delete(doubted, [*HANDS[0], *HANDS[1]], 1).any()
    assert not doubted[: AROUND + 1, HANDS[1]].any() and doubted[AROUND + 1 :, HANDS[1]].all()
    two = (np.arange(FRAMES) > 1).astype(int)  # what another shot shows says nothing
    assert made_up(half_body(), hands(0), two)[2:, HANDS[1]].all()


def test_hands_of_whole_arms_and_small_ones_are_believed() -> None:
    one_shot, body = np.zeros(FRAMES, int), half_body()
    points = body.points.copy()
    points[:, [13, 14], 1] = 480
    assert not made_up(replace(body, points=points), hands(), one_shot).any()
    small = replace(body, points=body.points / 10 + [0, 540], crop=body.crop / 10)
    assert not made_up(small, hands(), one_shot).any()


def test_fists_beside_the_trunk_that_the_mask_shows_are_believed() -> None:
    body = half_body()
    shown = below(560)
    column, row = ((body.points[0, HANDS[0][0]] - body.crop[0, :2]) / body.crop[0, 2] + 0.5) * 256
    shown[int(row) - 8 : int(row) + 8, int(column) - 8 : int(column) + 8] = 255
    doubted = made_up(replace(body, masks=masks_of(shown)), hands(), np.zeros(FRAMES, int))
    assert not doubted[:, HANDS[0]].any() and doubted[:, HANDS[1]].all()


def test_an_elbow_before_the_picture_s_edge_bends_within_it() -> None:
    """The background shows between: the person isn't cut off there."""
    one_shot, body = np.zeros(FRAMES, int), half_body()
    points = body.points.copy()
    points[:, [13, 14], 1] = 575
    mask = below(540)
    last = round((593 + 50) / 700 * 256)  # the mask's row 7 px above the edge
    mask[last:] = 0
    apart = replace(body, points=points, masks=masks_of(mask))
    assert made_up(replace(body, points=points), hands(), one_shot).any()
    assert not made_up(apart, hands(), one_shot).any()
    mask[last:, 90:140] = 255  # somewhere else it is: the trunk
    assert not made_up(replace(apart, masks=masks_of(mask)), hands(), one_shot).any()
    points[:, [13, 14], 1] = 610  # beyond
    assert made_up(replace(apart, points=points), hands(), one_shot).any()


def test_hands_that_touch_for_a_moment_are_as_doubtful_as_before_and_after() -> None:
    body = half_body()
    points = body.points.copy()
    points[5, list(HANDS[0])], points[5, list(HANDS[1])] = [310, 380], [290, 380]
    assert made_up(replace(body, points=points), hands(), np.zeros(FRAMES, int))[5, HANDS[0]].all()
