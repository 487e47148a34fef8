"""Other sides of a person, against rotating the posed vertices themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import joints_rest, skin
from lwgan_cli.fitting.retarget import SOLES, Target
from lwgan_cli.fitting.turn import turn
from tests.body.acting import act, body

BETAS = np.linspace(0.5, -0.5, 10).astype(np.float32)
SCALE = 120.0


def places(target: Target) -> np.ndarray:
    """(T, V, 3) px right and down, and towards the viewer."""
    vertices = skin(body(), torch.from_numpy(target.poses.astype(np.float32)), torch.from_numpy(BETAS))[0].numpy()
    scale, x, y = target.camera.T[:, :, None]
    return np.stack([x + scale * vertices[..., 0], y - scale * vertices[..., 1], scale * vertices[..., 2]], -1)


@pytest.fixture(scope="module")
def target() -> Target:
    """Three poses of somebody who walks to the right and down the picture."""
    camera = np.array([[SCALE, 200.0, 150.0], [SCALE, 230.0, 155.0], [SCALE, 260.0, 140.0]])
    return Target(act(3, 8.0, seed=5).poses, camera)


def test_no_turn_and_a_whole_one_change_nothing(target: Target) -> None:
    for degrees in (0.0, 360.0, -720.0):
        same = turn(body(), target, BETAS, np.full(3, degrees), 0.0)
        assert np.abs(places(same) - places(target)).max() < 1e-2
        assert same.camera == pytest.approx(target.camera, abs=1e-6)


@pytest.mark.parametrize("degrees", [-90.0, 40.0, 180.0])
@pytest.mark.parametrize("elevation", [0.0, 25.0])
def test_the_whole_surface_turns_about_the_pelvis(target: Target, degrees: float, elevation: float) -> None:
    before, after = places(target), places(turn(body(), target, BETAS, np.full(3, degrees), elevation))
    pelvis = joints_rest(body(), torch.from_numpy(BETAS))[0].numpy()
    middle = np.array([target.camera[0, 1] + SCALE * pelvis[0], target.camera[0, 2] - SCALE * pelvis[1]])
    view = Rotation.from_euler("x", elevation, degrees=True) * Rotation.from_euler("y", degrees, degrees=True)
    first = (before[0] - [*middle, SCALE * pelvis[2]]) * [1, -1, 1]
    expected = view.apply(first) * [1, -1, 1] + [*middle, SCALE * pelvis[2]]
    apart = after[0] - expected
    assert np.abs(apart[:, [0, 2]]).max() < 1e-2
    assert np.ptp(apart[:, 1]) < 1e-2  # as a whole it moves up or down, for its feet
    soles = [body().landmarks[name] for name in SOLES]
    floor = before[0, soles, 1].max() - middle[1]
    assert apart[0, 1] == pytest.approx(floor * (1 - np.cos(np.radians(elevation))), abs=1e-2)


@pytest.mark.parametrize("elevation", [0.0, 20.0])
def test_head_and_shoulders_turn_about_the_middle_of_what_is_seen_of_them(target: Target, elevation: float) -> None:
    poses = target.poses.copy()
    poses[:, 0] = [0.5, 0.0, 0.2]  # leaning towards the camera and aside: the head is far from over the pelvis
    leaning = Target(poses, target.camera)
    top = places(leaning)[0, :, 1].min()
    size = (400, int(top) + 60)  # px: the picture ends below the shoulders
    before = places(leaning)[0]
    seen = (before[:, :2] > 0).all(1) & (before[:, :2] < np.array(size)).all(1)
    middle = before[seen].mean(0)
    after = places(turn(body(), leaning, BETAS, np.full(3, 70.0), elevation, size=size))[0]
    view = Rotation.from_euler("x", elevation, degrees=True) * Rotation.from_euler("y", 70, degrees=True)
    around = view.apply((before - middle) * [1, -1, 1]) * [1, -1, 1]
    apart = after - around
    assert 100 < seen.sum() < 0.9 * len(seen)
    assert np.ptp(apart, axis=0).max() < 1e-2 and apart[0, 0] == pytest.approx(middle[0], abs=1e-2)
    if not elevation:
        assert apart[0, 1] == pytest.approx(middle[1], abs=1e-2)
    whole = turn(body(), leaning, BETAS, np.full(3, 70.0), elevation, size=(4000, 4000))
    assert whole.camera == pytest.approx(turn(body(), leaning, BETAS, np.full(3, 70.0), elevation).camera)


def test_who_leans_towards_a_camera_that_looks_down_stands_upright_from_the_side() -> None:
    standing = np.zeros((1, 24, 3), np.float32)
    standing[0, 0, 0] = np.radians(10)
    target = Target(standing, np.array([[SCALE, 200.0, 150.0]]))
    leans = {}
    for degrees in (0.0, 90.0):
        turned = turn(body(), target, BETAS, np.array([degrees]), 0.0, looks_down=10.0)
        at = places(turned)[0]
        crown, soles = at[body().landmarks["head_top"]], at[[body().landmarks[name] for name in SOLES]].mean(0)
        leans[degrees] = np.degrees(np.arctan2(crown - soles, soles[1] - crown[1]))  # aside, -, towards the viewer
    assert abs(leans[0.0][0]) < 1 and abs(leans[90.0][0]) < 5
    plain = places(turn(body(), target, BETAS, np.array([90.0]), 0.0))[0]
    crown, soles = plain[body().landmarks["head_top"]], plain[[body().landmarks[name] for name in SOLES]].mean(0)
    apart = np.degrees(np.arctan2(crown[0] - soles[0], soles[1] - crown[1])) - leans[90.0][0]
    assert apart == pytest.approx(10, abs=0.5)


def test_heights_stay_and_steps_are_seen_from_the_side_that_the_camera_has_reached(target: Target) -> None:
    pelvis = joints_rest(body(), torch.from_numpy(BETAS))[0].numpy()
    start = target.camera[0, 1] + SCALE * pelvis[0]
    for degrees, share in ((180.0, -1.0), (90.0, 0.0), (60.0, 0.5)):
        turned = turn(body(), target, BETAS, np.full(3, degrees), 0.0)
        assert turned.camera[:, 2] == pytest.approx(target.camera[:, 2])
        assert np.abs(places(turned)[..., 1] - places(target)[..., 1]).max() < 1e-2
        across = turned.camera[:, 1] + SCALE * pelvis[0] - start
        assert across == pytest.approx(share * np.array([0, 30, 60]), abs=1e-6)


def test_the_pivot_s_feet_keep_their_place(target: Target) -> None:
    turned = turn(body(), target, BETAS, np.array([0.0, 90.0, 180.0]), 0.0, pivot=1)
    pelvis = SCALE * joints_rest(body(), torch.from_numpy(BETAS))[0].numpy()[0]
    assert turned.camera[1, 1] + pelvis == pytest.approx(target.camera[1, 1] + pelvis)
    # the last frame stood 30 px to the right of it, and from behind stands as far to the left
    assert turned.camera[2, 1] - turned.camera[1, 1] == pytest.approx(-30)


def test_positive_degrees_turn_the_person_to_their_left() -> None:
    """The left hand, on the viewer's right, goes away from the viewer."""
    target = Target(np.zeros((1, 24, 3), np.float32), np.array([[SCALE, 200.0, 150.0]]))
    hand = body().landmarks["left_middle_tip"]
    before, after = places(target)[0, hand], places(turn(body(), target, BETAS, np.array([45.0]), 0.0))[0, hand]
    assert before[0] > 210 and after[2] < before[2] - 10
