"""Photo and driving that fit one pose a little differently, as two fits of one picture do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import skin
from lwgan_cli.body.skirt import settled
from lwgan_cli.dressing.drape import nodes_of
from lwgan_cli.dressing.lattice import TUBES
from lwgan_cli.fitting.likeness import Figure, Likeness, unlikeness
from lwgan_cli.fitting.retarget import Target, joint_px
from lwgan_cli.records import Motion
from lwgan_cli.recovery.registration import registered
from tests.body.acting import act, body
from tests.body.test_skirt import flared
from tests.fitting.test_retarget import motion_of

FRAMES, ROW = 6, 3
CAMERA = np.array([180.0, 310.0, 230.0])


@pytest.fixture(scope="module")
def driving() -> Motion:
    camera = CAMERA + np.arange(FRAMES)[:, None] * np.array([0.5, 9.0, -4.0])
    return motion_of(act(FRAMES, 4.0, seed=2).poses, camera)


def other_fit(driving: Motion, degrees: float) -> Motion:
    """The frame `ROW` as another fit has it: every joint is off, the scale, the place and the shape."""
    rng = np.random.default_rng(5)
    poses = driving.poses[ROW : ROW + 1] + rng.normal(0, np.radians(degrees), (1, 24, 3))
    betas = rng.normal(0, 0.1, 10).astype(np.float32)
    return motion_of(poses, driving.picture_camera()[ROW : ROW + 1] * np.array([1.01, 1, 1]) + [0, 3, -2], betas=betas)


def places(poses: np.ndarray, betas: np.ndarray, camera: np.ndarray, offsets: torch.Tensor) -> np.ndarray:
    """(V, 2) picture px, straight from the definition of the camera."""
    vertices = skin(body(), torch.from_numpy(poses[None].astype(np.float32)), torch.from_numpy(betas), offsets)[0][0]
    scale, x, y = camera
    return np.stack([x + scale * vertices[:, 0].numpy(), y - scale * vertices[:, 1].numpy()], 1)


def bare() -> np.ndarray:
    """(V,) bool: neither hands nor wrists."""
    return (body().lbs_weights[:, 20:24].sum(1) < 0.01).numpy()


def test_the_drivers_pose_like_the_photos_lies_where_the_photo_has_it(driving: Motion) -> None:
    photo = other_fit(driving, 1.0)
    offsets = 0.01 * torch.from_numpy(np.random.default_rng(1).normal(0, 1, (body().n_vertices, 3)).astype(np.float32))
    like = Likeness.of(body(), photo, driving)
    assert like.best == ROW
    target = Target(driving.poses, driving.picture_camera())
    found, worn = registered(body(), photo, target, offsets, None, like)
    ours = places(photo.poses[0], photo.betas, photo.picture_camera()[0], offsets)
    before = places(target.poses[ROW], photo.betas, target.camera[ROW], offsets)
    after = places(found.poses[ROW], photo.betas, found.camera[ROW], worn)
    apart = [np.linalg.norm(each - ours, axis=1)[bare()] for each in (before, after)]
    assert np.median(apart[0]) > 3 and np.median(apart[1]) < 0.25 * np.median(apart[0])
    # a step stays as long as it was, and growing as fast
    np.testing.assert_allclose(np.diff(found.camera[:, 1:], axis=0), np.diff(target.camera[:, 1:], axis=0), atol=1e-9)
    grown = found.camera[:, 0] / target.camera[:, 0]
    np.testing.assert_allclose(grown, grown[0])
    # what no picture shows, depth, is left as the driving has it, but for turns of a limb about its own length
    poses, betas = torch.from_numpy(target.poses[ROW : ROW + 1]), torch.from_numpy(photo.betas)
    deep = [skin(body(), poses, betas, each)[0][0, :, 2] for each in (offsets, worn)]
    nearer = deep[1] - deep[0]
    assert nearer.abs().max() < 0.03
    for tube, _ in TUBES:
        assert nearer[torch.isin(body().parts, torch.tensor(tube))].mean().abs() < 1e-3
    hands = (body().lbs_weights[:, 20:24].sum(1) > 1 - 1e-6).numpy()
    torch.testing.assert_close(worn[hands], offsets[hands], atol=1e-6, rtol=0)


def test_a_forearm_turned_about_itself_stays_round(driving: Motion) -> None:
    """Two fits that have an arm, along the picture, turned by 60 degrees: seen from above it is as wide as before."""
    poses = driving.poses.copy()
    poses[:, 16:20] = 0
    turned = poses[ROW : ROW + 1].copy()
    turned[0, 18, 0] = np.radians(60)
    photo = motion_of(turned, driving.picture_camera()[ROW : ROW + 1])
    act = motion_of(poses, driving.picture_camera())
    target, offsets = Target(poses, driving.picture_camera()), torch.zeros(body().n_vertices, 3)
    like = Likeness.of(body(), photo, act)
    _, worn = registered(body(), photo, target, offsets, None, like)
    forearm = ((body().parts == 18) & (body().lbs_weights[:, 18] > 0.99)).numpy()

    def round_of(offsets: torch.Tensor) -> float:
        """The least over the greatest deviation of a piece of forearm across it, in T-pose."""
        places = (body().v_template + offsets).numpy()[forearm]
        middle = np.abs(places[:, 0] - np.median(places[:, 0])) < 0.02
        return float(np.divide(*np.linalg.svd(np.cov(places[middle, 1:].T))[1][::-1]))

    assert round_of(worn) > 0.6 * round_of(offsets)


def test_a_driver_on_the_head_in_the_photos_place_is_left_alone(driving: Motion) -> None:
    turned = driving.poses[ROW : ROW + 1].copy()
    turned[0, 0] = [0, 0, np.pi]
    photo = motion_of(turned, driving.picture_camera()[ROW : ROW + 1])
    offsets = torch.zeros(body().n_vertices, 3)
    target = Target(driving.poses, driving.picture_camera())
    like = Likeness.of(body(), photo, driving)
    found, worn = registered(body(), photo, target, offsets, None, replace(like, apart=np.full(FRAMES, 0.1)))
    np.testing.assert_array_equal(found.camera, target.camera)
    torch.testing.assert_close(worn, offsets)


def test_a_drape_that_is_carried_there_counts_too(driving: Motion) -> None:
    photo = driving[ROW : ROW + 1]
    drape = torch.zeros(FRAMES, len(nodes_of(body())), 3)
    drape[ROW, :, 1] = 0.02
    offsets = torch.zeros(body().n_vertices, 3)
    like = Likeness.of(body(), photo, driving)
    target = Target(driving.poses, driving.picture_camera())
    found, _ = registered(body(), photo, target, offsets, drape, like)
    away = np.linalg.norm(found.camera[ROW, 1:] - target.camera[ROW, 1:])
    assert abs(away - 0.02 * target.camera[ROW, 0]) < 0.3


def test_a_skirt_lies_there_as_it_hangs(driving: Motion) -> None:
    model, photo = flared()[0], other_fit(driving, 1.0)
    offsets = torch.zeros(model.n_vertices, 3)
    target = Target(driving.poses, driving.picture_camera())
    found, worn = registered(model, photo, target, offsets, None, Likeness.of(model, photo, driving))

    def hanging(poses: np.ndarray, camera: np.ndarray, offsets: torch.Tensor) -> np.ndarray:
        rows, betas = torch.from_numpy(poses[None].astype(np.float32)), torch.from_numpy(photo.betas)
        cloth = settled(model, skin(model, rows, betas, offsets)[0], rows, betas, offsets)[0, body().n_vertices :]
        return camera[1:] + camera[0] * cloth[:, :2].numpy() * [1, -1]

    ours = hanging(photo.poses[0], photo.picture_camera()[0], offsets)
    before = hanging(target.poses[ROW], target.camera[ROW], offsets)
    after = hanging(found.poses[ROW], found.camera[ROW], worn)
    apart = [np.median(np.linalg.norm(each - ours, axis=1)) for each in (before, after)]
    assert apart[0] > 2 and apart[1] < 0.25 * apart[0]
    covered = model.skirt.covered > 0.99  # thighs that went elsewhere would come out of the skirt
    assert covered.any() and worn[: body().n_vertices][covered].abs().max() < 1e-4


def test_a_photo_in_another_pose_changes_nothing(driving: Motion) -> None:
    poses = driving.poses[ROW : ROW + 1].copy()
    poses[0, 16:18, 2] += 1.5  # arms up
    photo = motion_of(poses, CAMERA[None])
    offsets = torch.zeros(body().n_vertices, 3)
    target = Target(driving.poses, driving.picture_camera())
    found, worn = registered(body(), photo, target, offsets, None, Likeness.of(body(), photo, driving))
    np.testing.assert_allclose(found.camera, target.camera, atol=0.1)
    assert worn.abs().max() < 1e-3


def test_the_way_to_another_place_is_motion(driving: Motion) -> None:
    """The photo's pose comes in the first frame and again, much more alike, elsewhere: the first stays in its place."""
    photo = other_fit(driving, 1.0)
    poses = driving.poses.copy()
    poses[0] = poses[ROW] + np.random.default_rng(3).normal(0, np.radians(1.0), (24, 3)).astype(np.float32)
    poses[ROW] = photo.poses[0]
    camera = np.tile(photo.picture_camera(), (FRAMES, 1)) + np.arange(FRAMES)[:, None] * [0, 40, 0] + [0, 8, -6]
    offsets = torch.zeros(body().n_vertices, 3)
    act = motion_of(poses, camera, betas=photo.betas)
    found, _ = registered(body(), photo, Target(poses, camera), offsets, None, Likeness.of(body(), photo, act))
    ours = places(photo.poses[0], photo.betas, photo.picture_camera()[0], offsets)
    apart = [
        np.median(np.linalg.norm(places(poses[0], photo.betas, at, offsets) - ours, axis=1)[bare()])
        for at in (camera[0], found.camera[0])
    ]
    assert apart[0] > 5 and apart[1] < 0.5 * apart[0]
    np.testing.assert_allclose(np.diff(found.camera[:, 1], axis=0), 40, atol=1e-6)
    # where nothing but that other place is like it, nothing is told of where the body lies
    poses[0, 16:18, 2] += 1.0
    act = motion_of(poses, camera, betas=photo.betas)
    found, _ = registered(body(), photo, Target(poses, camera), offsets, None, Likeness.of(body(), photo, act))
    np.testing.assert_allclose(found.camera, camera, atol=0.5)


def test_likeness_counts_what_the_pictures_show(driving: Motion) -> None:
    photo, size = replace(driving[:1], poses=np.zeros((1, 24, 3), np.float32)), driving.image_size
    joints = joint_px(body(), photo.poses, photo.betas, photo.picture_camera())[0]
    knees = int(joints[4:6, 1].min()) - 2
    poses = photo.poses.copy()
    poses[:, 4:6, 0] += 1.0
    bent = replace(photo, poses=poses)
    assert Likeness.of(body(), photo, bent).least > 0.05
    half = [replace(each, image_size=(size[0], knees)) for each in (photo, bent)]
    assert Likeness.of(body(), *half).least < 1e-6
    # legs that one of two pictures shows are below the other's edge, and may be anywhere there
    assert Likeness.of(body(), photo, half[1]).least < 1e-6 and Likeness.of(body(), half[1], photo).least < 1e-6
    # what one picture has outside and the other inside is off by its way to the edge
    low, high = np.zeros((1, 2)), np.array([[2.0, 1.0]])
    ours = np.array([[[0.5, 0.5], [1.0, 0.5], [1.7, 0.5], [1.9, 0.9]]])
    theirs = ours.copy()
    theirs[0, 2] = [1.5, -7.0]
    theirs[0, 3] = [2.5, 1.5]
    apart = unlikeness(Figure(ours, low, high), Figure(theirs, low, high))
    np.testing.assert_allclose(apart, np.sqrt((0.3**2 + 0.1**2) / 4))
    np.testing.assert_allclose(unlikeness(Figure(theirs, low, high), Figure(ours, low, high)), apart)


def test_likeness_knows_the_frame_and_counts_no_empty_ones(driving: Motion) -> None:
    photo = driving[ROW : ROW + 1]
    like = Likeness.of(body(), photo, driving)
    assert like.best == ROW and like.least < 1e-6 and like.sure == 1
    assert abs(like.share.sum() - 1) < 1e-9
    valid = np.arange(FRAMES) != ROW
    without = Likeness.of(body(), photo, replace(driving, valid=valid))
    assert without.share[ROW] == 0 and without.least > 0
    nobody = Likeness.of(body(), photo, replace(driving, valid=np.zeros(FRAMES, bool)))
    assert nobody.sure == 0 and np.isfinite(nobody.share).all()
