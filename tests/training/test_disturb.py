from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.body.model import forward_kinematics, joints_rest
from lwgan_cli.metrics.mask import iou
from lwgan_cli.synthetic.poses import random_pose
from lwgan_cli.training.disturb import (
    disturbed_alpha,
    disturbed_camera,
    disturbed_pose,
    disturbed_shape,
    exposed,
    stored,
)
from tests.tiny import tiny_body


def joints_of(pose: np.ndarray) -> np.ndarray:
    rest = joints_rest(tiny_body(), torch.zeros(10))
    return forward_kinematics(torch.from_numpy(pose)[None], rest, tiny_body().parents)[1][0].numpy()


def errors(amount: float, people: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Mean error of the joints of each of some people, m: in the picture's plane, and in depth."""
    rest = joints_rest(tiny_body(), torch.zeros(10)).numpy()
    plane, depth = [], []
    for seed in range(people):
        rng = np.random.default_rng(seed)
        pose = random_pose(rng)
        off = joints_of(disturbed_pose(pose, rest, tiny_body().parents, rng, amount)) - joints_of(pose)
        plane.append(np.hypot(off[:, 0], off[:, 1]).mean())
        depth.append(np.abs(off[:, 2]).mean())
    return np.array(plane), np.array(depth)


def test_poses_are_off_as_fits_are() -> None:
    """Fits of rendered people are off by 8 to 17 mm in the plane and 30 to 80 mm in depth."""
    plane, depth = errors(1.0)
    assert 0.008 < np.median(plane) < 0.017
    assert 0.025 < np.median(depth) < 0.080
    assert np.median(depth) > 2 * np.median(plane)


def test_no_disturbance_leaves_the_pose() -> None:
    plane, depth = errors(0.0, 5)
    assert plane.max() < 1e-5 and depth.max() < 1e-5


def test_shape_and_camera_stay_near() -> None:
    rng = np.random.default_rng(0)
    betas = np.stack([disturbed_shape(np.zeros(10), rng) for _ in range(400)])
    assert 0.1 < betas[:, 0].std() < 0.15 and 0.18 < betas[:, 1:].std() < 0.22
    camera = np.tile([[250.0, 100.0, 200.0]], (400, 1))
    off = disturbed_camera(camera, rng) - camera
    assert off[:, 0].std() == pytest.approx(2.5, rel=0.15)  # 1 %
    assert off[:, 1:].std() == pytest.approx(1.0, rel=0.15)  # 4 mm


def test_masks_wander_by_as_much_as_asked() -> None:
    disk = cv2.circle(np.zeros((200, 200), np.float32), (100, 100), 70, 1.0, -1)
    inside = cv2.distanceTransform((disk > 0).astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((disk == 0).astype(np.uint8), cv2.DIST_L2, 5)
    overlaps = []
    for depth in (0.0, 1.0, 4.0):
        wandered = disturbed_alpha(disk, np.random.default_rng(1), 20.0, depth)
        overlaps.append(iou(wandered, disk > 0.5))
        far = (inside > 5 * depth + 4) | (outside > 5 * depth + 4)
        assert np.array_equal(wandered[far], disk[far])
    assert overlaps[0] > 0.98 > overlaps[1] > overlaps[2] > 0.8


def test_a_mask_without_an_edge_stays() -> None:
    rng = np.random.default_rng(0)
    for value in (0.0, 1.0):
        mask = np.full((20, 30), value, np.float32)
        assert np.array_equal(disturbed_alpha(mask, rng, 5.0, 3.0), mask)


def test_a_sensor_adds_as_much_noise_as_asked() -> None:
    picture = np.full((64, 64, 3), (200, 120, 40), np.uint8)
    noise = exposed(picture, 3.0, np.random.default_rng(0)).astype(float) - picture
    assert noise.std() == pytest.approx(3.0, rel=0.05)
    assert abs(noise.mean()) < 0.2


def test_a_jpeg_keeps_channels_apart() -> None:
    picture = np.full((64, 64, 3), (200, 120, 40), np.uint8)
    seen = stored(picture, np.random.default_rng(0))
    assert seen.shape == picture.shape and seen.dtype == np.uint8
    assert np.abs(seen.astype(int) - picture).max() < 8
