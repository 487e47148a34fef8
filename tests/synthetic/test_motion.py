from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest, skin
from lwgan_cli.synthetic.legs import bend_legs
from lwgan_cli.synthetic.motion import KINDS, perform
from lwgan_cli.synthetic.person import Person
from lwgan_cli.synthetic.poses import arm_rotations
from lwgan_cli.synthetic.truth import standing_heights

FPS, FRAMES = 25.0, 60


@pytest.mark.parametrize("kind", KINDS)
def test_feet_stay_on_the_floor(model: BodyModel, person: Person, kind: str) -> None:
    """No sole sinks, somebody always stands, and a foot that stands doesn't slide."""
    joints = joints_rest(model, person.betas)
    ankle, _ = standing_heights(model, person)
    moves = perform(kind, 1, FRAMES, FPS, joints.double().numpy(), ankle)
    assert moves.poses.shape == (FRAMES, 24, 3) and moves.place.shape == (FRAMES, 3)
    posed = torch.from_numpy(moves.poses)
    shod = (model.v_template[:, 1] < joints[7, 1] + 0.02).nonzero().squeeze(1)
    soles, posed_joints = skin(model, posed, person.betas, person.offsets, shod)
    shift = torch.from_numpy(moves.place)[:, None] - posed_joints[:, :1]
    lowest = (soles + shift)[..., 1].amin(1)
    assert lowest.min() > -0.002 and lowest.max() < 0.010
    ankles = (posed_joints + shift)[:, [7, 8]]
    still = torch.from_numpy(moves.planted[1:] & moves.planted[:-1])
    assert ankles.diff(dim=0).norm(dim=-1)[still].max() < 0.005
    assert moves.planted.any(1).mean() > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_motions_are_smooth_and_repeat_by_seed(model: BodyModel, kind: str) -> None:
    joints = model.joint_template.double().numpy()
    one, again, other = (perform(kind, seed, FRAMES, FPS, joints, 0.08) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.poses, again.poses)
    assert kind == "dance" or np.abs(one.poses - other.poses).max() > 0.01
    _, places = forward_kinematics(torch.from_numpy(one.poses), model.joint_template, model.parents)
    world = places + torch.from_numpy(one.place)[:, None]
    assert world.diff(dim=0).norm(dim=-1).max() * FPS < 6.0  # m/s: no joint jumps
    assert world.diff(dim=0).norm(dim=-1).max() * FPS > 0.02  # and something moves


def test_the_dance_ends_as_it_began(model: BodyModel) -> None:
    joints = model.joint_template.double().numpy()
    moves = perform("dance", 0, 101, FPS, joints, 0.08)  # eight beats of half a second, and the next one
    _, places = forward_kinematics(torch.from_numpy(moves.poses), model.joint_template, model.parents)
    assert (places[0] - places[-1]).norm(dim=-1).max() < 0.08
    assert np.linalg.norm(moves.place[0] - moves.place[-1]) < 0.02
    assert np.ptp(moves.place[:, 1]) > 0.25  # the squat


def test_legs_reach_their_targets(model: BodyModel) -> None:
    """Forward kinematics of the found angles puts the balls of the feet where they were asked for."""
    rng = np.random.default_rng(0)
    joints, count = model.joint_template.double().numpy(), 40
    poses = np.zeros((count, 24, 3))
    poses[:, 0] = rng.normal(0, 0.2, (count, 3))
    pelvis = np.stack([rng.normal(0, 0.05, count), rng.uniform(-0.4, -0.1, count), rng.normal(0, 0.05, count)], 1)
    feet = rng.normal(0, 0.06, (count, 2, 3))
    feet[:, 0, 0] += 0.15
    feet[:, 1, 0] -= 0.15
    feet[..., 1] = rng.uniform(0, 0.1, (count, 2))
    yaw, heel = rng.normal(0, 15, (count, 2)), rng.uniform(0, 30, (count, 2))
    height = 0.09
    place = bend_legs(poses, joints, pelvis, feet, yaw, heel, height)
    rotations, found = forward_kinematics(torch.from_numpy(poses), torch.from_numpy(joints), model.parents)
    found = found.numpy() - joints[0] + place[:, None]
    ball_rise = joints[10, 1] - joints[7, 1] + height
    np.testing.assert_allclose(found[:, [10, 11], 1], feet[..., 1] + ball_rise, atol=1e-6)
    forward = joints[10, 2] - joints[7, 2]
    angle = np.radians(yaw)
    np.testing.assert_allclose(found[:, [10, 11], 0], feet[..., 0] + forward * np.sin(angle), atol=1e-6)
    np.testing.assert_allclose(found[:, [10, 11], 2], feet[..., 2] + forward * np.cos(angle), atol=1e-6)
    assert (poses[:, [4, 5], 0] > 0).all()  # knees bend one way
    toes = rotations[:, [10, 11], :3, :3].numpy() @ np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(toes[..., 1], 1, atol=1e-6)  # toes lie flat under a raised heel


def test_a_leg_too_short_brings_the_body_down(model: BodyModel) -> None:
    joints = model.joint_template.double().numpy()
    poses = np.zeros((1, 24, 3))
    feet = np.array([[[0.6, 0.0, 0.0], [-0.6, 0.0, 0.0]]])
    place = bend_legs(poses, joints, np.zeros((1, 3)), feet, np.zeros((1, 2)), np.zeros((1, 2)), 0.09)
    standing = joints[0, 1] - joints[7, 1] + 0.09
    assert 0.1 < standing - place[0, 1] < 0.4


@pytest.mark.parametrize("side", [1, -1])
def test_arm_angles_mean_what_they_say(model: BodyModel, side: int) -> None:
    """Lifted by 30° the elbow rises by sin 30°; bent with the forearm up, the wrist is above the elbow."""
    pose = np.zeros((3, 24, 3), np.float32)
    for row, angles in enumerate(((30, 0, 0, 0), (0, 90, 0, 0), (0, 0, -90, 90))):
        pose[row, 17 - (side > 0)], pose[row, 19 - (side > 0)] = arm_rotations(side, *angles)
    _, places = forward_kinematics(torch.from_numpy(pose), model.joint_template, model.parents)
    shoulder, elbow, wrist = (places[:, j + (side < 0)] for j in (16, 18, 20))
    upper = elbow - shoulder
    length = upper.norm(dim=1)
    torch.testing.assert_close(upper[0, 1] / length[0], torch.tensor(0.5), atol=1e-3, rtol=0)
    assert upper[1, 2] / length[1] > 0.999
    assert (wrist - elbow)[2, 1] > 0.2


def test_wrong_motions_are_named() -> None:
    joints = np.zeros((24, 3))
    with pytest.raises(ValueError, match="moonwalk"):
        perform("moonwalk", 0, 10, FPS, joints, 0.1)
    with pytest.raises(ValueError, match="0"):
        perform("sway", 0, 0, FPS, joints, 0.1)
