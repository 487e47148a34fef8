"""What gravity and anatomy say of people who stand, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.kinematics import log_so3, place
from lwgan_cli.fitting import stance as S
from lwgan_cli.fitting.fit import STILL, fit_keypoints, landmark_places
from lwgan_cli.fitting.terms import DepthEvidence
from lwgan_cli.records import Keypoints
from tests.body.acting import HEIGHT, SIZE, Act, landmarks, seen
from tests.body.acting import body as open_body


def people(count: int) -> np.ndarray:
    """(count, 24, 3) poses of people who stand with hanging arms."""
    poses = np.zeros((count, 24, 3), np.float32)
    poses[:, 16, 2], poses[:, 17, 2] = -1.2, 1.2
    return poses


def acted(poses: np.ndarray) -> Act:
    camera = np.tile([240.0, SIZE[0] / 2, SIZE[1] / 2], (len(poses), 1))
    return Act(poses, np.zeros(10, np.float32), camera)


def off(term: DepthEvidence, film: Act) -> torch.Tensor:
    """(T, P) m: how far the true depths are from what the term asks for."""
    depths = torch.from_numpy(film.places()).float()[..., 2:]
    return (term.mix @ depths)[..., 0] - term.difference


def test_balance_knows_leaning_from_standing() -> None:
    """The sum of depths that it asks for: of a standing body, of one that leans back by 20°, of one that lies."""
    poses = people(3)
    poses[1, 0, 0], poses[2, 0, 2] = np.radians(-20), np.radians(90)
    film = acted(poses)
    targets = torch.from_numpy((film.px(film.places()) * np.array([1, -1]) / HEIGHT).astype(np.float32))
    term = S.balance(landmarks().rest(film.skeleton().joints_rest), landmarks(), targets, torch.ones(3, 33))
    assert torch.allclose(term.mix.sum(-1), torch.zeros(3, 1), atol=1e-5)
    depth = (term.mix @ torch.from_numpy(film.places()).float()[..., 2:])[:, 0, 0]
    assert abs(float(depth[0])) < 0.08
    fallen = float(depth[0] - depth[1])
    assert fallen == pytest.approx(0.95 * np.sin(np.radians(20)), abs=0.08)  # the centre of mass, 0.95 m up
    trust = term.trust[:, 0] * S.BALANCE_SPREAD**2
    assert trust[0] > 0.9 and trust[1] > 0.9 and trust[2] == 0


def test_who_is_cut_off_by_the_picture_is_asked_to_stand_upright_and_who_lies_or_is_seen_whole_nothing() -> None:
    poses = people(3)
    poses[1, [3, 6, 9], 0] = np.radians(10)  # a bow
    poses[2, 0, 2] = np.radians(90)
    film = acted(poses)
    places = film.places()
    targets = torch.from_numpy((film.px(places) * np.array([1, -1]) / HEIGHT).astype(np.float32))
    rest, towards = landmarks().rest(film.skeleton().joints_rest), S.facing(torch.from_numpy(places).float())
    cut = torch.ones(3, 33)
    cut[:, 25:] = 0
    whole = S.upright_trunk(rest, landmarks(), targets, torch.ones(3, 33), towards)
    term = S.upright_trunk(rest, landmarks(), targets, cut, towards)
    doubted = torch.ones(3, 33)
    doubted[:, 25:] = 0.2  # feet are never seen as well as a face
    barely = S.upright_trunk(rest, landmarks(), targets, doubted, towards)
    assert (whole.trust == 0).all() and (barely.trust == 0).all() and (term.trust[2] == 0).all()
    assert (term.trust[:2] * S.TRUNK_SPREAD**2 > 0.9).all()
    apart = off(term, film)
    assert apart[0].abs().max() < 0.03
    shoulders, hips = (places[1, rows, 2].mean() for rows in ([11, 12], [23, 24]))
    straight = places[0, [11, 12], 2].mean() - places[0, [23, 24], 2].mean()
    assert float(apart[1, 0]) == pytest.approx(shoulders - hips - straight, abs=0.02) and apart[1, 0] > 0.08


def test_straight_bodies_are_asked_nothing_and_bent_ones_know_it() -> None:
    poses = people(4)
    poses[1, 0, 1] = np.pi  # seen from behind
    poses[2, 1, 0], poses[2, 4, 0] = np.radians(-30), np.radians(60)  # a bent left knee
    poses[3, [3, 6, 9], 0] = np.radians(10)  # a bow
    film = acted(poses)
    rest, trust = landmarks().rest(film.skeleton().joints_rest), torch.ones(4, 33)
    towards = S.facing(torch.from_numpy(film.places()).float())
    assert towards[0] > 0.95 and towards[1] < -0.95
    knees = off(S.straight_knees(rest, landmarks(), trust, towards, 0.05), film)
    hips = off(S.straight_hips(rest, landmarks(), trust, towards), film)
    assert knees[:2].abs().max() < 5e-3 and hips[:2].abs().max() < 5e-3
    assert knees[2, 0] == pytest.approx(0.385 * np.sin(np.radians(30)), abs=0.03) and abs(knees[2, 1]) < 5e-3
    assert hips[3, 0] > 0.05 and knees[3].abs().max() < 5e-3


@pytest.mark.parametrize("short", [1.0, 0.94])
def test_a_standing_person_has_straight_knees_whatever_the_detector_guesses(short: float) -> None:
    """The detector sees shanks that lean back by 15°, on a person whose legs are as long as the body's or shorter."""
    film = acted(people(1))
    keypoints = seen(film, 0.002)
    hips = keypoints.points[:, [23, 24]].mean(1)
    below = keypoints.points[..., 1] > hips[:, None, 1]
    keypoints.points[..., 1] -= np.where(below, (1 - short) * (keypoints.points[..., 1] - hips[:, None, 1]), 0)
    keypoints.world[:, 27:33, 2] -= 0.38 * np.sin(np.radians(15))
    fit = fit_keypoints(open_body(), landmarks(), keypoints, np.zeros(1, int), STILL)
    bend = np.degrees(log_so3(fit.state.rotations)[0, [4, 5], 0].numpy())
    assert np.abs(bend).max() < 10


def test_a_squat_from_the_front_is_left_a_squat() -> None:
    poses = people(1)
    poses[0, [1, 2], 0], poses[0, [4, 5], 0], poses[0, 0, 0] = np.radians(-70), np.radians(80), np.radians(5)
    fit = fit_keypoints(open_body(), landmarks(), seen(acted(poses), 0.002), np.zeros(1, int), STILL)
    bend = np.degrees(log_so3(fit.state.rotations)[0, [4, 5], 0].numpy())
    assert bend.min() > 65


def test_a_vertical_leg_seen_from_near_by_is_upright_again() -> None:
    """Seen along the rays of a camera at the hips' height, the leg's points lie on a circle round the camera."""
    down = np.linspace(0, -0.9, 33)
    ray = np.arctan2(down, S.DISTANCE)
    lean = np.concatenate([[0], np.cumsum(np.tan((ray[1:] + ray[:-1]) / 2) * np.abs(np.diff(down)))])
    points = torch.from_numpy(np.stack([np.zeros(33), down, lean], 1))
    assert points[-1, 2] < -0.08
    assert S.without_perspective(points)[:, 2].abs().max() < 2e-3
    above = torch.rand(33, 3)
    assert torch.equal(S.without_perspective(above), above)


@pytest.mark.parametrize(("depth", "visible", "before"), [(0.01, 1.0, True), (-0.06, 1.0, False), (0.03, 0.1, False)])
def test_a_hand_over_a_thigh_is_before_it_or_behind_it(depth: float, visible: float, before: bool) -> None:
    """The detector has the arm about in the plane of the leg, and sees it or doesn't."""
    poses = people(1)
    poses[0, 16, 2], poses[0, 16, 1], poses[0, 18, 1] = -1.62, -0.25, -0.55
    film = acted(poses)
    hand, hip, knee = film.places()[0][[19, 23, 25]]
    keypoints = seen(film)
    assert abs(hand[0] - (hip[0] + knee[0]) / 2) < S.OVER_THIGH[0] and knee[1] < hand[1] < hip[1]
    share = (hip[1] - hand[1]) / (hip[1] - knee[1])
    thigh = (1 - share) * keypoints.world[0, 23, 2] + share * keypoints.world[0, 25, 2]
    keypoints.world[0, [13, 15, 17, 19, 21], 2] = thigh + depth
    keypoints.visibility[0, [15, 17, 19, 21]] *= visible
    fit = fit_keypoints(open_body(), landmarks(), keypoints, np.zeros(1, int), STILL)
    skeleton = film.skeleton()
    at = place(landmarks().rest(skeleton.joints_rest), landmarks().weights, fit.state, skeleton)[0].numpy()
    axis = at[23] + (at[23, 1] - at[19, 1]) / (at[23, 1] - at[25, 1]) * (at[25] - at[23])
    assert at[19, 2] - axis[2] > 0.08 if before else at[19, 2] - axis[2] < -0.05


def test_a_hand_that_is_behind_the_head_is_fitted_there_wherever_the_detector_has_it() -> None:
    """A hand at the head, by the detector before it; in the picture it stays where it is."""
    poses = people(3)
    raised = Rotation.from_euler("z", 40, True) * Rotation.from_euler("x", -50, True)
    poses[:, 16], poses[:, 18, 1] = raised.as_rotvec(), -2.1
    film = acted(poses)
    keypoints = seen(film)
    behind = np.array([[True, False]] * 3)

    def hands(keypoints: Keypoints) -> np.ndarray:
        """m before the ears, of left wrist and knuckle; how far the latter is off in the picture, px."""
        fit = fit_keypoints(open_body(), landmarks(), keypoints, np.zeros(3, int), STILL)
        at = place(landmarks().rest(film.skeleton().joints_rest), landmarks().weights, fit.state, film.skeleton())
        off = np.linalg.norm(landmark_places(fit, open_body(), landmarks()) - keypoints.points, axis=-1)[:, 19]
        depth = (at[:, [15, 19], 2] - at[:, [7, 8], 2].mean(1, keepdim=True)).numpy()
        return np.concatenate([depth, off[:, None]], 1)

    before, told = hands(keypoints), hands(replace(keypoints, behind=behind))
    assert (before[:, :2] > 0).all() and (told[:, :2] < -0.04).all()
    assert (told[:, 2] < 0.02 * HEIGHT).all()
    right = hands(replace(keypoints, behind=behind[:, ::-1]))  # that hangs
    assert np.allclose(right[:, :2], before[:, :2], atol=0.05)
