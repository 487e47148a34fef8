"""Limbs that two fits of one pose have on different sides of the picture plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.fitting.likeness import folded
from lwgan_cli.records import Motion
from tests.body.acting import body
from tests.fitting.test_retarget import motion_of

SHOULDER, ELBOW, OTHER_SHOULDER = 16, 18, 17


def arms(*towards: float, joint: int = SHOULDER) -> Motion:
    """Frames of somebody whose left arm, from a joint on, comes towards the camera by so many degrees."""
    poses = np.zeros((len(towards), 24, 3))
    poses[:, joint, 1] = -np.radians(towards)
    return motion_of(poses, np.tile([150.0, 300.0, 230.0], (len(towards), 1)))


@pytest.mark.parametrize("joint", [SHOULDER, ELBOW])
def test_an_arm_towards_the_camera_is_folded_to_one_away_from_it(joint: int) -> None:
    assert folded(body(), arms(60, joint=joint), arms(-60, joint=joint)) == 0
    assert folded(body(), arms(60, joint=joint), arms(60, joint=joint)) is None
    assert folded(body(), arms(20, joint=joint), arms(-20, joint=joint)) is None  # which pictures tell badly


def test_the_frame_that_shows_the_photos_pose_is_compared() -> None:
    driving = arms(-60, -60, 40)
    poses = driving.poses.copy()
    poses[0, OTHER_SHOULDER, 2] = 1.5  # another pose
    assert folded(body(), arms(60), replace(driving, poses=poses)) == 1
    poses[:, OTHER_SHOULDER, 2] = 1.5
    assert folded(body(), arms(60), replace(driving, poses=poses)) is None


def test_nothing_is_told_of_arms_outside_the_picture() -> None:
    photo, driving = (replace(arms(by), image_size=(320, 480)) for by in (60, -60))
    assert folded(body(), photo, driving) is None
    nobody = replace(arms(-60), valid=np.zeros(1, bool))
    assert folded(body(), arms(60), nobody) is None
