"""Arms that the picture's edge cuts off, of a person drawn as a mask."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lwgan_cli.detection.hand_detect import HandPoints
from lwgan_cli.detection.leaving import AROUND, TOLD, let_out
from lwgan_cli.records import Keypoints, Masks

FRAMES, SIZE = 6, (400, 600)
HEAD, SHOULDERS, HIPS = (200, 120), ((260, 220), (140, 220)), ((240, 460), (160, 460))
ELBOWS, LIMB = ((330, 320), (70, 320)), 40
RIGHT = [14, 16, 18, 20, 22]
ONE_SHOT = np.zeros(FRAMES, int)


def person(*limbs: tuple[tuple[int, int], tuple[int, int]], head: tuple[int, int] = HEAD) -> Masks:
    """A mask of head and trunk, and limbs from one place to another, px."""
    mask = np.zeros(SIZE[::-1], np.uint8)
    cv2.fillConvexPoly(mask, np.array([*SHOULDERS, HIPS[1], HIPS[0]], np.int32), 255)
    cv2.line(mask, head, (head[0], 240), 255, 60)
    for start, end in limbs:
        cv2.line(mask, start, end, 255, LIMB)
    square = cv2.copyMakeBorder(mask, 0, 0, 100, 100, cv2.BORDER_REPLICATE)
    return Masks.pack([cv2.resize(square, (256, 256))] * FRAMES, 256)


def keypoints(masks: Masks, wrist: tuple[int, int], seen: float = 0.4, elbow: float = 0.9) -> Keypoints:
    """Somebody whose right wrist, and hand, the detector has at a place, px."""
    points = np.full((33, 2), HEAD, np.float32)
    points[[11, 12, 13, 14]], points[[23, 24]] = [*SHOULDERS, *ELBOWS], HIPS
    points[[15, 17, 19, 21]], points[[16, 18, 20, 22]] = (330, 400), wrist
    points[25:] = (200, 590)
    visibility = np.ones(33, np.float32)
    visibility[RIGHT], visibility[14] = seen, elbow
    world = np.zeros((33, 3), np.float32)
    world[:, :2] = (points - HIPS[0]) / 300 * [1, -1]
    world[16, 2] = 0.2
    crop = np.tile(np.array([200, 300, 600], np.float32), (FRAMES, 1))
    still = (np.tile(each, (FRAMES, *[1] * each.ndim)) for each in (points, visibility, world))
    return Keypoints(*still, masks, crop, SIZE)


def hands(*rows: int, at: tuple[int, int] = (60, 330)) -> HandPoints:
    """The right one is found in some frames."""
    points = np.full((FRAMES, 2, 21, 3), np.nan, np.float32)
    points[list(rows), 1, :, :2] = at
    return HandPoints(points)


UPPER, OUT = (SHOULDERS[1], ELBOWS[1]), (ELBOWS[1], (0, 300))  # an upper arm, and a forearm out of the picture


def test_a_forearm_that_the_edge_cuts_off_goes_on_beyond_it() -> None:
    body = keypoints(person(UPPER, OUT), (58, 330))
    mended, left = let_out(body, hands(2), ONE_SHOT)
    assert (mended.points[:, [16, 18, 20, 22], 0] < -10).all()
    arm = mended.points[:, 16] - mended.points[:, 14]
    towards = np.array(OUT[1]) - OUT[0]
    assert np.allclose(arm[:, 1] / arm[:, 0], towards[1] / towards[0], atol=0.05)
    assert (mended.visibility[:, RIGHT[1:]] == TOLD).all() and (mended.visibility[:, 14] > 0.8).all()
    assert np.allclose(mended.world[:, 16, 2], mended.world[:, 14, 2])  # flat: nothing is known of its depth
    assert mended.world[0, 16, 0] < mended.world[0, 14, 0]
    assert not left.found.any()  # what was found in one frame alone was no hand
    others = np.delete(np.arange(33), RIGHT)
    assert np.array_equal(mended.points[:, others], body.points[:, others])


@pytest.mark.parametrize("end", [(50, 316), (60, 380)])
def test_a_forearm_that_ends_in_the_picture_is_believed(end: tuple[int, int]) -> None:
    beside = ((0, 330), (1, 330))  # somebody else, whom the edge cuts off
    body = keypoints(person(UPPER, (ELBOWS[1], end), beside), end)
    assert np.array_equal(let_out(body, hands(), ONE_SHOT)[0].points, body.points)


def test_hands_that_are_found_and_wrists_that_are_seen_are_believed() -> None:
    masks = person(UPPER, OUT)
    body = keypoints(masks, (30, 310))
    assert np.array_equal(let_out(body, hands(1, 2, 3, 4, 5, 0), ONE_SHOT)[0].points, body.points)
    seen = keypoints(masks, (30, 310), seen=0.99)
    assert np.array_equal(let_out(seen, hands(), ONE_SHOT)[0].points, seen.points)
    inside = keypoints(masks, (80, 400), seen=0.8)  # seen well enough, as it isn't by the edge
    assert np.array_equal(let_out(inside, hands(), ONE_SHOT)[0].points, inside.points)


def test_an_elbow_at_the_edge_bends_within_the_picture() -> None:
    """Its own tip is what the edge cuts."""
    body = keypoints(person((SHOULDERS[1], (10, 300)), ((10, 300), (140, 400))), (140, 400))
    body.points[:, 14] = (20, 300)
    assert np.array_equal(let_out(body, hands(), ONE_SHOT)[0].points, body.points)


def test_an_arm_that_is_seen_nowhere_leaves_where_the_mask_does() -> None:
    raised = person((SHOULDERS[1], (0, 160)))
    mended, _ = let_out(keypoints(raised, (170, 380), 0.05, 0.05), hands(), ONE_SHOT)
    arm = mended.points[:, [14, 16]]
    assert (arm[..., 0] < 50).all() and (arm[:, 1] < arm[:, 0]).all()  # up and out
    assert (mended.visibility[:, RIGHT] == TOLD).all()


def test_an_arm_leaves_on_its_own_side() -> None:
    """Of somebody who is turned, the other arm may be as near."""
    body = keypoints(person(((140, 160), (240, 0)), head=(80, 100)), (170, 380), 0.05, 0.05)
    body.points[:, [11, 12]], body.points[:, :11] = [(170, 160), (140, 160)], (80, 100)
    assert np.array_equal(let_out(body, hands(), ONE_SHOT)[0].points, body.points)
    body.points[:, 11] = (110, 160)
    assert (let_out(body, hands(), ONE_SHOT)[0].points[:, 16, 1] < 0).all()


def test_what_the_edge_cuts_of_others_is_no_arm() -> None:
    head = keypoints(person(head=(150, 0)), (170, 380), 0.05, 0.05)
    head.points[:, :11] = (150, 60)
    assert np.array_equal(let_out(head, hands(), ONE_SHOT)[0].points, head.points)
    # the other arm's forearm, before the trunk
    other = keypoints(person((SHOULDERS[1], (0, 240))), (170, 380), 0.05, 0.05)
    other.points[:, 13], other.points[:, 15] = (160, 235), (20, 240)
    assert np.array_equal(let_out(other, hands(), ONE_SHOT)[0].points, other.points)
    trunk = keypoints(person(UPPER, *(((x, 270), (x, 370)) for x in range(0, 90, 10))), (58, 330))
    assert np.array_equal(let_out(trunk, hands(), ONE_SHOT)[0].points, trunk.points)


def test_the_frames_around_have_to_agree() -> None:
    body = keypoints(person(UPPER, OUT), (58, 330))
    astray = body.points.copy()
    astray[3, [16, 18, 20, 22]] = (71, 300)  # there, an elbow whose forearm goes anywhere
    astray[3, 14] = (71, 200)
    mended, _ = let_out(replace(body, points=astray), hands(), ONE_SHOT)
    assert (mended.points[:, 16, 0] < 0).all()
    seen = body.visibility.copy()
    seen[:, 16] = 0.99
    seen[3, 16] = 0.4
    alone = replace(body, visibility=seen)
    assert np.array_equal(let_out(alone, hands(), ONE_SHOT)[0].points, body.points)
    shots = ONE_SHOT.copy()
    shots[3 + AROUND - 1 :] = 1  # the last frames are a shot of their own
    seen[4:, 16] = 0.4
    later = let_out(replace(body, visibility=seen), hands(), shots)[0].points
    assert (later[4:, 16, 0] < 0).all() and np.array_equal(later[:4], body.points[:4])
