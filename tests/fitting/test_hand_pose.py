"""Hands made of known angles come back from their points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.hands import DIGITS, JOINTS_A_HAND, FingerAxes, bent, relaxed_hands
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest, skin
from lwgan_cli.detection.hand_detect import WINDOW, HandPoints, Look, hand_windows
from lwgan_cli.fitting.hand_pose import CHAINS, PALM, WRISTS, HandShape, with_hands
from lwgan_cli.records import Motion
from tests.tiny import tiny_body

FRAMES = 12


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body("open", find_weights_dir())


def motion_of(poses: np.ndarray) -> Motion:
    frames = len(poses)
    return Motion(
        poses=poses.astype(np.float32),
        betas=np.zeros(10, np.float32),
        camera=np.tile(np.array([0.9, 0, 0], np.float32), (frames, 1)),
        crop=np.tile(np.array([400, 400, 800], np.float32), (frames, 1)),
        image_size=(800, 800),
        fps=25.0,
        valid=np.ones(frames, bool),
        body="open:",
        shots=np.zeros(frames, np.int32),
    )


def hands_px(body: BodyModel, motion: Motion, hands: torch.Tensor) -> np.ndarray:
    """(T, 2, 21, 3) px, y down, z away: the finger joints as blends of the body's and fingers' transforms."""
    assert body.fingers is not None
    poses, betas = torch.from_numpy(motion.poses), torch.from_numpy(motion.betas)
    vertices, joints = skin(body, poses, betas, hands=hands)
    _, places = body.fingers.chains(hands, body.fingers.rest(betas))
    rest = joints_rest(body, betas)
    transforms, _ = forward_kinematics(poses, rest, body.parents)
    points = torch.zeros(len(poses), 2, 21, 3)
    for side, name in enumerate(("left", "right")):
        wrist = WRISTS[side]
        points[:, side, 0] = joints[:, wrist]
        for digit, chain in CHAINS.items():
            first = side * JOINTS_A_HAND + 3 * DIGITS.index(digit)
            arms = places[:, first : first + 3] - rest[wrist]
            turned = (transforms[:, None, wrist, :3, :3] @ arms[..., None])[..., 0]
            points[:, side, list(chain[:3])] = joints[:, wrist, None] + turned
            points[:, side, chain[3]] = vertices[:, body.landmarks[f"{name}_{digit}_tip"]]
    return (360 * points.double().numpy() * [1, -1, -1] + [400, 400, 0]).astype(np.float32)


def curl(body: BodyModel, amount: np.ndarray) -> torch.Tensor:
    """(T, 30, 3): hands that close by amounts (T,), degrees a joint; the fingers, not the thumbs, a little together."""
    assert body.fingers is not None
    axes = FingerAxes.of(body.fingers)
    flexion = torch.from_numpy(np.radians(amount).astype(np.float32))[:, None].expand(-1, 2 * JOINTS_A_HAND).clone()
    thumbs = [side * JOINTS_A_HAND + 3 * DIGITS.index("thumb") + joint for side in (0, 1) for joint in range(3)]
    flexion[:, thumbs] *= 0.4
    spread = torch.zeros_like(flexion)
    spread[:, ::3] = -0.5 * axes.spread_angle[::3]
    return bent(axes, flexion, spread)


def test_closing_hands_and_turned_wrists_come_back(body: BodyModel) -> None:
    rng = np.random.default_rng(0)
    poses = np.repeat(rng.normal(0, 0.2, (1, 24, 3)), FRAMES, 0)
    true = poses.copy()
    true[:, 20] += [0.5, 0.2, -0.3]
    true[:, 21] += [-0.4, -0.1, 0.2]
    truth, hands = motion_of(true), curl(body, np.linspace(5, 60, FRAMES))
    seen = HandPoints(hands_px(body, truth, hands))
    got, fingers = with_hands(body, motion_of(poses), seen)
    assert fingers is not None
    again = hands_px(body, motion_of(got), torch.from_numpy(fingers))
    relaxed = relaxed_hands(body)
    assert relaxed is not None
    before = hands_px(body, motion_of(poses), relaxed.expand(FRAMES, -1, -1))

    def error_mm(points: np.ndarray) -> float:
        own = points - points[:, :, :1] - (seen.points - seen.points[:, :, :1])
        return float(np.linalg.norm(own, axis=-1).mean() / 0.36)

    assert error_mm(again) < 6 and error_mm(before) > 20


def test_hands_that_nobody_sees_are_at_rest(body: BodyModel) -> None:
    motion = motion_of(np.zeros((FRAMES, 24, 3)))
    points = hands_px(body, motion, curl(body, np.full(FRAMES, 70.0)))
    points[:, 1] = np.nan
    points[4:, 0] = np.nan
    poses, fingers = with_hands(body, motion, HandPoints(points))
    relaxed = relaxed_hands(body)
    assert fingers is not None and relaxed is not None
    np.testing.assert_allclose(fingers[:, 15:], np.repeat(relaxed[None, 15:].numpy(), FRAMES, 0), atol=1e-6)
    away = np.linalg.norm(fingers[:, :15] - relaxed[:15].numpy(), axis=-1).mean(1)
    assert away[0] > 0.4 and (np.diff(away[4:]) < 0).all() and away[-1] < 0.4 * away[0]
    np.testing.assert_allclose(poses[:, [19, 21]], 0, atol=1e-6)


def test_the_back_taken_for_the_palm_turns_no_wrist(body: BodyModel) -> None:
    motion = motion_of(np.zeros((FRAMES, 24, 3)))
    points = hands_px(body, motion, curl(body, np.full(FRAMES, 20.0)))
    points[..., 1:] = 2 * points[:, :, :1, 1:] - points[..., 1:]  # half a turn about the arm
    poses, _ = with_hands(body, motion, HandPoints(points))
    np.testing.assert_allclose(poses, 0, atol=1e-5)


def test_a_wrist_bent_back_is_believed_and_one_frame_that_leaps_is_not(body: BodyModel) -> None:
    motion = motion_of(np.zeros((FRAMES, 24, 3)))
    true = motion.poses.copy()
    true[:, 20, 2] = np.radians(75)
    points = hands_px(body, motion_of(true), curl(body, np.full(FRAMES, 5.0)))
    turned = motion.poses.copy()
    turned[:, 20, 0] = np.radians(-100)
    points[6] = hands_px(body, motion_of(turned), curl(body, np.full(FRAMES, 80.0)))[6]
    points[:, 1] = np.nan
    poses, fingers = with_hands(body, motion, HandPoints(points))
    assert fingers is not None
    bent = np.degrees(poses[:, 20, 2] + poses[:, 18, 2])
    assert np.abs(bent - 75).max() < 12 and np.ptp(bent) < 1
    assert np.linalg.norm(fingers[6] - fingers[5]) < 0.01  # lost for a moment: not at rest in between


def test_what_a_clip_shows_for_one_frame_is_no_hand_but_a_photo_has_no_more(body: BodyModel) -> None:
    motion = motion_of(np.zeros((FRAMES, 24, 3)))
    points = hands_px(body, motion, curl(body, np.full(FRAMES, 70.0)))
    points[np.arange(FRAMES) != 5] = np.nan
    relaxed = relaxed_hands(body)
    assert relaxed is not None
    _, fingers = with_hands(body, motion, HandPoints(points))
    np.testing.assert_allclose(fingers, np.repeat(relaxed[None].numpy(), FRAMES, 0), atol=1e-6)
    _, fingers = with_hands(body, motion[5:6], HandPoints(points[5:6]))
    assert fingers is not None and np.linalg.norm(fingers[0] - relaxed.numpy(), axis=-1).mean() > 0.4


def test_forearms_bring_the_hands_to_their_places(body: BodyModel) -> None:
    true = np.zeros((FRAMES, 24, 3))
    true[:, 16, 2], true[:, 18, 1] = -0.8, -1.0
    wrong = true.copy()
    wrong[:, 18, 1:] += [0.12, 0.1]
    seen = hands_px(body, motion_of(true), curl(body, np.full(FRAMES, 10.0)))
    seen[:, 1] = np.nan
    got, fingers = with_hands(body, motion_of(wrong), HandPoints(seen))
    assert fingers is not None

    def off_mm(poses: np.ndarray) -> float:
        hands = hands_px(body, motion_of(poses), torch.from_numpy(fingers))
        return float(np.linalg.norm(hands[:, 0, PALM, :2] - seen[:, 0, PALM, :2], axis=-1).mean() / 0.36)

    assert off_mm(wrong) > 20 and off_mm(got) < 8
    np.testing.assert_allclose(got[:, [16, 17, 19]], wrong[:, [16, 17, 19]], atol=1e-6)


@pytest.mark.parametrize("aside", [0.0, 45.0, -120.0])
def test_looks_know_where_their_pixels_lie(aside: float) -> None:
    dots = np.array([[210.5, 160.5], [180.5, 140.5], [220.5, 130.5]])
    picture = np.zeros((300, 400, 3), np.uint8)
    for channel, (x, y) in enumerate(dots.astype(int)):
        picture[y - 2 : y + 3, x - 2 : x + 3, channel] = 255
    look = Look.along(np.array([200, 150, 100]), np.array([30.0, 10.0]), 1.3, aside)
    crop = look.crop(picture).astype(np.float64)
    rows, columns = np.indices(crop.shape[:2]) + 0.5
    seen = [[(columns * c).sum() / c.sum(), (rows * c).sum() / c.sum(), 0.2 * WINDOW] for c in np.moveaxis(crop, 2, 0)]
    back = look.back(np.array(seen) / WINDOW)
    np.testing.assert_allclose(back[:, :2], dots, atol=0.1)
    np.testing.assert_allclose(back[:, 2], 0.2 * 130, atol=1e-3)
    if not aside:  # the forearm points up
        ahead = look.back(np.array([[0.5, 0.0, 0.0]]))[0, :2] - [200, 150]
        np.testing.assert_allclose(ahead / np.linalg.norm(ahead), np.array([3, 1]) / np.sqrt(10), atol=1e-6)


def test_windows_hold_the_hands_and_need_size() -> None:
    points = np.zeros((33, 2))
    points[[11, 12]] = [[300, 100], [200, 100]]
    points[13], points[15], points[19] = [320, 200], [330, 300], [335, 350]
    left, right = hand_windows(points, np.r_[np.ones(16), np.zeros(17)])
    assert left is not None and right is None
    assert (np.abs(points[[15, 19]] - left[:2]) < left[2] / 2).all()
    assert hand_windows(points / 10, np.ones(33)) == [None, None]


def test_a_body_without_fingers_keeps_its_wrists() -> None:
    motion = motion_of(np.full((2, 24, 3), 0.1))
    poses, fingers = with_hands(tiny_body(), motion, HandPoints(np.full((2, 2, 21, 3), np.nan, np.float32)))
    assert fingers is None and poses is motion.poses
    assert HandShape.of(tiny_body()) is None
