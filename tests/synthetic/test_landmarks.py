"""What is learned of the detector, from detections whose errors are known."""

from __future__ import annotations

import numpy as np
import torch

from lwgan_cli.body.kinematics import Skeleton, kinematics
from lwgan_cli.body.landmarks import DEPTH_PAIRS
from lwgan_cli.body.model import axis_angle_to_matrix, joints_rest
from lwgan_cli.fitting.fit import LEAN
from lwgan_cli.synthetic.landmarks import solve_depths
from lwgan_cli.synthetic.poses import random_pose
from tests.body.acting import Act, body, landmarks, leaning


def test_a_detector_that_leans_people_forwards_is_seen_through() -> None:
    """Depths with a known lean and known noise, of people seen from all sides: both are found again."""
    rng = np.random.default_rng(0)
    poses = np.stack([random_pose(rng) for _ in range(300)])
    film = Act(poses, np.zeros(10, np.float32), np.ones((300, 3)))
    places = film.places()
    across = places[:, 11] - places[:, 12] + places[:, 23] - places[:, 24]
    up = places[:, [11, 12]].mean(1) - places[:, [23, 24]].mean(1)
    normal = np.cross(across, up)
    towards = normal[:, 2:] / np.linalg.norm(normal, axis=1, keepdims=True)
    noise = rng.normal(0, 0.02, (300, 33))
    noise[:, [11, 12, 23, 24]] = 0  # they tell which way the trunk faces
    space = places.copy()
    space[..., 2] += towards * leaning() + noise
    rest = joints_rest(body(), torch.zeros(10))
    world, joints = kinematics(axis_angle_to_matrix(torch.from_numpy(poses)), Skeleton.of(rest, tuple(body().parents)))
    seen = {
        "world": world.numpy(), "joints": joints.numpy(), "rest": rest.numpy()[None].repeat(300, 0), "space": space,
        "visibility": np.ones((300, 33)),
    }  # fmt: skip
    marks = landmarks()
    bias, spread = solve_depths(seen, marks.weights.numpy(), marks.offsets.numpy())
    assert np.abs(bias - LEAN * marks.depth_bias.numpy()).max() < 0.008
    noisy = np.sqrt([sum(noise[:, point].any() for point in pair) for pair in DEPTH_PAIRS]) * 0.02
    assert np.abs(spread - noisy).max() < 0.008
