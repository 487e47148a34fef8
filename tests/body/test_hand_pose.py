"""Hands made of known angles come back from their points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.hand_detect import HandPoints, hand_windows
from lwgan_cli.body.hand_pose import CHAINS, WRISTS, HandShape, with_hands
from lwgan_cli.body.hands import DIGITS, JOINTS_A_HAND, FingerAxes, bent, relaxed_hands
from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest, load_body, skin
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
    assert away[0] > 0.4 and (np.diff(away[4:]) < 0).all() and away[-1] < 0.3 * away[0]
    np.testing.assert_allclose(poses[:, [19, 21]], 0, atol=1e-6)


def test_the_back_taken_for_the_palm_turns_no_wrist(body: BodyModel) -> None:
    motion = motion_of(np.zeros((FRAMES, 24, 3)))
    points = hands_px(body, motion, curl(body, np.full(FRAMES, 20.0)))
    points[..., 1:] = 2 * points[:, :, :1, 1:] - points[..., 1:]  # half a turn about the arm
    poses, _ = with_hands(body, motion, HandPoints(points))
    np.testing.assert_allclose(poses, 0, atol=1e-5)


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
