"""The keypoint fit against motions that are known, seen through a noisy detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.kinematics import Skeleton, State, kinematics, log_so3, place, project
from lwgan_cli.body.model import axis_angle_to_matrix, joints_rest
from lwgan_cli.errors import InputError
from lwgan_cli.fitting import fit as F
from lwgan_cli.fitting.initial import first_guess, kabsch, shortest_turn
from lwgan_cli.fitting.plane import plane_of
from lwgan_cli.records import Keypoints
from tests.body.acting import HEIGHT, SIZE, Act, act, body, landmarks, pa_mpjpe, seen

NOISE = 0.004  # of the person's height, what BlazePose does on rendered people
FPS = 24.0
LOW = [25, 26, 27, 28, 29, 30, 31, 32]  # knees and feet
LEGS = [1, 2, 4, 5, 7, 8, 10, 11]
UPPER = [12, 15, 16, 17, 18, 19, 20, 21]


def fitted(keypoints: Keypoints, shots: np.ndarray | None = None, fps: float = FPS) -> F.Fit:
    shots = np.zeros(len(keypoints), int) if shots is None else shots
    return F.fit_keypoints(body(), landmarks(), keypoints, shots, fps)


def joints_of(fit: F.Fit) -> np.ndarray:
    skeleton = Skeleton.of(joints_rest(body(), fit.betas), tuple(body().parents))
    return kinematics(fit.state.rotations, skeleton)[1].numpy()


def poses_of(fit: F.Fit) -> np.ndarray:
    return log_so3(fit.state.rotations).numpy()


def places_of(fit: F.Fit) -> np.ndarray:
    return F.landmark_places(fit, body(), landmarks())


def bends(places: np.ndarray) -> np.ndarray:
    """Largest second difference of each frame but the first and last."""
    return np.linalg.norm(np.diff(places, 2, axis=0), axis=-1).max(1)


@pytest.fixture(scope="module")
def film() -> Act:
    return act(24, FPS, seed=0)


@pytest.fixture(scope="module")
def detected(film: Act) -> Keypoints:
    return seen(film, NOISE)


@pytest.fixture(scope="module")
def fit(detected: Keypoints) -> F.Fit:
    return fitted(detected)


# -- what comes out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 2])
def test_a_known_motion_is_found_again(seed: int) -> None:
    film = act(24, FPS, seed=seed)
    keypoints = seen(film, NOISE)
    fit = fitted(keypoints)
    assert pa_mpjpe(joints_of(fit), film.joints()).mean() < 33
    truth = film.px(film.places())
    off = np.linalg.norm(places_of(fit) - truth, axis=-1).mean() / HEIGHT
    detector_off = np.linalg.norm(keypoints.points - truth, axis=-1).mean() / HEIGHT
    assert off < 0.85 * detector_off  # the body and time know better than single detections
    assert F.reprojection(fit, body(), landmarks(), keypoints) < 0.8
    assert fit.valid.all() and fit.betas.abs().max() <= 3


def test_without_noise_the_points_are_met() -> None:
    film = act(12, FPS, seed=3, beat=1.0)
    fit = fitted(seen(film))
    off = np.linalg.norm(places_of(fit) - film.px(film.places()), axis=-1)
    assert off.mean() < 0.004 * HEIGHT
    assert pa_mpjpe(joints_of(fit), film.joints()).mean() < 20


def test_a_single_picture_is_fitted(film: Act) -> None:
    one = Act(film.poses[:1], film.betas, film.camera[:1])
    fit = fitted(seen(one, NOISE), fps=F.STILL)
    assert pa_mpjpe(joints_of(fit), one.joints()).mean() < 60
    assert np.linalg.norm(places_of(fit) - one.px(one.places()), axis=-1).mean() < 0.008 * HEIGHT


def seen_from_four_sides() -> Act:
    """One pose, turned by 0, 90, 180 and 270 degrees."""
    keys = act(4, 1.0, seed=6, yaw=1.0).poses
    for t, degrees in enumerate((0, 90, 180, 270)):
        turn = Rotation.from_euler("y", degrees, degrees=True)
        keys[t, 0] = (turn * Rotation.from_rotvec(keys[0, 0])).as_rotvec()
        keys[t, 1:] = keys[0, 1:]
    return Act(keys, np.zeros(10, np.float32), np.tile([240.0, SIZE[0] / 2, SIZE[1] / 2], (4, 1)))


def test_bodies_in_profile_and_from_behind_are_fitted() -> None:
    around = seen_from_four_sides()
    keys = around.poses
    fit = fitted(seen(around, NOISE), shots=np.arange(4), fps=F.STILL)
    found = axis_angle_to_matrix(torch.from_numpy(poses_of(fit)[:, 0]))
    true = axis_angle_to_matrix(torch.from_numpy(keys[:, 0]))
    assert log_so3(found.transpose(1, 2) @ true).norm(dim=-1).max() < np.radians(25)
    assert pa_mpjpe(joints_of(fit), around.joints()).max() < 100


def test_given_rotations_help_where_the_detector_knows_no_depth() -> None:
    still = seen_from_four_sides()
    keypoints = seen(still, NOISE)
    flat = replace(keypoints, world=keypoints.world * np.array([1, 1, 0], np.float32))
    rng = np.random.default_rng(0)
    off = Rotation.from_rotvec(rng.normal(0, 0.15, (4 * 24, 3))) * Rotation.from_rotvec(still.poses.reshape(-1, 3))
    near = torch.from_numpy(off.as_matrix().reshape(4, 24, 3, 3).astype(np.float32))
    shots = np.arange(4)
    guessed, given = (F.fit_keypoints(body(), landmarks(), flat, shots, F.STILL, start) for start in (None, near))
    errors = [pa_mpjpe(joints_of(fit), still.joints()).mean() for fit in (guessed, given)]
    assert errors[1] < 70 < 0.7 * errors[0]


def test_knees_and_elbows_never_bend_backwards() -> None:
    keys = np.zeros((12, 24, 3), np.float32)
    keys[:, 16, 2], keys[:, 17, 2] = -1.2, 1.2  # stretched legs and arms: noise pushes them past straight
    straight = Act(keys, np.zeros(10, np.float32), np.tile([240.0, SIZE[0] / 2, SIZE[1] / 2], (12, 1)))
    poses = poses_of(fitted(seen(straight, 2 * NOISE)))
    assert poses[:, [4, 5], 0].min() > np.radians(-10)
    assert poses[:, 18, 1].max() < np.radians(10) and poses[:, 19, 1].min() > np.radians(-10)


# -- bad frames --------------------------------------------------------------------------------------------


def test_one_wild_frame_leaves_its_neighbours_alone(detected: Keypoints, fit: F.Fit) -> None:
    rng = np.random.default_rng(3)
    points, world = detected.points.copy(), detected.world.copy()
    points[12] += rng.normal(0, 0.15 * HEIGHT, points[12].shape)
    world[12] += rng.normal(0, 0.2, world[12].shape)
    moved = np.abs(places_of(fitted(replace(detected, points=points, world=world))) - places_of(fit))
    far = moved.max((1, 2)) / HEIGHT
    assert np.delete(far, [11, 12, 13]).max() < 0.005
    assert far[[11, 13]].max() < 0.01
    assert far[12] < 0.1  # and the frame itself is outvoted by its neighbours: the points were .15 off


def test_one_frame_that_saw_somebody_else_leaves_its_neighbours_alone(detected: Keypoints, fit: F.Fit) -> None:
    points = detected.points.copy()
    points[12] += 0.35 * HEIGHT
    moved = np.abs(places_of(fitted(replace(detected, points=points))) - places_of(fit)).max((1, 2))
    assert np.delete(moved, [11, 12, 13]).max() < 0.012 * HEIGHT
    assert moved[[11, 13]].max() < 0.02 * HEIGHT


def test_legs_that_nobody_sees_hold_still(film: Act, detected: Keypoints, fit: F.Fit) -> None:
    """The picture ends above the knees; the detector makes up what is below, and says so."""
    rng = np.random.default_rng(4)
    points, visibility = detected.points.copy(), detected.visibility.copy()
    points[:, LOW] += rng.normal(0, 0.15 * HEIGHT, points[:, LOW].shape).astype(np.float32)
    bottom = int(detected.points[:, LOW, 1].min())
    points[:, LOW, 1] = np.maximum(points[:, LOW, 1], bottom + 5)
    visibility[:, LOW] = 0.07
    cropped = replace(detected, points=points, visibility=visibility, image_size=(SIZE[0], bottom))
    without = fitted(cropped)
    angles = np.degrees(np.linalg.norm(poses_of(without)[:, LEGS], axis=-1))
    steps = log_so3(without.state.rotations[:-1].transpose(-1, -2) @ without.state.rotations[1:])[:, LEGS]
    assert angles.max() < 60
    assert np.degrees(steps.norm(dim=-1).max()) < 10
    assert np.abs(places_of(without) - places_of(fit))[:, 11:17].max() < 0.03 * HEIGHT
    assert F.reprojection(without, body(), landmarks(), cropped) < 0.8


def test_arms_that_leave_the_picture_are_not_guessed_back_into_it(detected: Keypoints) -> None:
    """Head and shoulders: the detector makes up hands before the chest, and is hardly sure of them."""
    bottom = int(detected.points[:, [11, 12], 1].max()) + 20
    points, visibility, world = detected.points.copy(), detected.visibility.copy(), detected.world.copy()
    points[:, [13, 14], 1] = bottom + 60
    points[:, 15:23, 1] = bottom - 10
    world[:, 15:23] = world[:, 11:13].mean(1, keepdims=True) + np.array([0.0, 0.0, 0.3], np.float32)
    visibility[:, 13:] = 0.2
    keypoints = replace(detected, points=points, visibility=visibility, world=world, image_size=(SIZE[0], bottom))
    hands = places_of(fitted(keypoints))[:, 15:23]
    assert (hands[..., 1] > bottom).all()
    sure = replace(keypoints, visibility=np.where(np.arange(33) < 23, np.float32(0.9), visibility))
    assert (places_of(fitted(sure))[:, 15:23, 1] < bottom + 10).mean() > 0.8  # what is surely seen there is there


def test_an_arm_that_never_comes_in_stays_out(detected: Keypoints) -> None:
    """Hands hang below the picture's edge; the detector guesses them there, and one it sees come in for a while."""
    wrists = detected.points[:, [15, 16], 1]
    bottom = int(wrists.max()) + 4
    visibility = detected.visibility.copy()
    visibility[:, 13:] = 0.2
    points = detected.points.copy()
    points[:, 13:23, 1] = bottom + 3
    out = replace(detected, points=points, visibility=visibility, image_size=(SIZE[0], bottom))
    assert (F.out_of_sight(out)[:, 15:23] == 3).all()
    assert (places_of(fitted(out))[:, [15, 16], 1] > bottom - 0.01 * HEIGHT).all()
    visibility[10:14, 15] = 0.9
    edges, outwards = F.edges_left(replace(out, visibility=visibility), plane_of(out))
    assert not outwards[:, 13:23:2].any()
    assert (outwards[:, 14:23:2] == torch.tensor([0.0, -1.0])).all()
    assert torch.isfinite(edges).all()


def test_guesses_of_arms_at_the_edge_lie_beyond_it(detected: Keypoints) -> None:
    """A hand below the picture is often guessed just above its edge."""
    bottom = int(detected.points[:, [11, 12], 1].max()) + 60
    points, visibility = detected.points.copy(), detected.visibility.copy()
    points[:, [13, 14], 1] = bottom - 30
    points[:, 15:23, 1] = bottom - 4
    visibility[:, 13:] = 0.3
    keypoints = replace(detected, points=points, visibility=visibility, image_size=(SIZE[0], bottom))
    assert (F.out_of_sight(keypoints)[:, 15:23] == 3).all()
    assert (places_of(fitted(keypoints))[:, [15, 16], 1] > bottom).mean() > 0.9
    points[:, 13:23, 1] = bottom - 0.06 * keypoints.crop[:, 2:]  # further inside a guess is a guess, as before
    assert (F.out_of_sight(replace(keypoints, points=points))[:, 15] < 0).all()


def test_a_large_face_makes_nobody_large(film: Act, detected: Keypoints) -> None:
    """Head and shoulders, and a face larger than on the body that the landmarks were learned on, as it is from near by:
    by its eleven points alone all of the person would be. They are off together, by cm of the body, not of the crop."""
    bottom = int(detected.points[:, [11, 12], 1].max()) + 30
    points, visibility = detected.points.copy(), detected.visibility.copy()
    points[:, :11] += 0.6 * (points[:, :11] - points[:, :11].mean(1, keepdims=True))
    visibility[:, 13:] = 0.1
    side = bottom - points[..., 1].min(1)
    crop = np.stack([points[:, 0, 0], bottom - side / 2, 1.24 * side], 1).astype(np.float32)
    fit = fitted(replace(detected, points=points, visibility=visibility, crop=crop, image_size=(SIZE[0], bottom)))
    larger = fit.plane.camera_to_px(fit.state.camera)[:, 0] / film.camera[:, 0]
    assert np.median(larger) < 1.32
    assert np.linalg.norm(places_of(fit) - points, axis=-1)[:, [11, 12]].mean() < 0.015 * HEIGHT


def test_points_lose_trust_little_by_little_beyond_the_edge(detected: Keypoints) -> None:
    """Shoulders at the lower edge, now in the picture, now just out of it, are the same shoulders."""
    side = float(detected.crop[0, 2])

    def trust(beyond: float) -> float:
        points = detected.points.copy()
        points[:, 11, 1] = 600 + beyond * side
        return float(F._trust(replace(detected, points=points, image_size=(SIZE[0], 600)), landmarks())[0, 11])

    inside, just, near, far, gone = (trust(beyond) for beyond in (-0.01, 0.001, 0.05, 0.16, 0.3))
    assert inside > just > 0.9 * inside and just > near > far == pytest.approx(gone) and far < 0.1 * inside


@pytest.mark.parametrize("gap", [slice(9, 13), slice(0, 3), slice(21, 24)])
def test_frames_with_nobody_are_bridged(film: Act, detected: Keypoints, fit: F.Fit, gap: slice) -> None:
    points, visibility, world = detected.points.copy(), detected.visibility.copy(), detected.world.copy()
    points[gap], visibility[gap], world[gap] = np.nan, 0, 0
    crop = detected.crop.copy()
    crop[gap] = (SIZE[0] / 2, SIZE[1] / 2, max(SIZE))
    bridged = fitted(replace(detected, points=points, visibility=visibility, world=world, crop=crop))
    rows = np.arange(24)[gap]
    assert not bridged.valid[rows].any() and bridged.valid.sum() == 24 - len(rows)
    joints = joints_of(bridged)
    assert np.isfinite(joints).all() and np.isfinite(bridged.state.camera.numpy()).all()
    inside = gap.start > 0 and gap.stop < 24
    # no jump in or out of the gap: it bends about as much as the person does elsewhere
    assert bends(places_of(bridged)).max() < (1.2 if inside else 1.5) * bends(places_of(fit)).max()
    error = pa_mpjpe(joints, film.joints())[rows]
    assert error.max() < (50 if inside else 130)  # a smooth way across a gap, a held pose at the ends


def test_a_clip_that_shows_the_person_seldom_is_fitted(film: Act, detected: Keypoints) -> None:
    points, visibility, world = detected.points.copy(), detected.visibility.copy(), detected.world.copy()
    gone = np.arange(24) >= 8  # two thirds: the usual frame has nobody in it
    points[gone], visibility[gone], world[gone] = np.nan, 0, 0
    seldom = fitted(replace(detected, points=points, visibility=visibility, world=world))
    joints = joints_of(seldom)
    assert np.isfinite(joints).all() and pa_mpjpe(joints, film.joints())[:8].mean() < 40
    keypoints = replace(detected, points=points, visibility=visibility, world=world)
    skeleton = Skeleton.of(joints_rest(body(), seldom.betas), tuple(body().parents))
    _, depths = F.keypoint_evidence(landmarks(), skeleton, keypoints, seldom.plane, slice(None))
    _, whole = F.keypoint_evidence(landmarks(), skeleton, detected, seldom.plane, slice(None))
    np.testing.assert_allclose(depths[0].difference[:8], whole[0].difference[:8], atol=0.05)


def test_nobody_at_all_is_an_input_error(detected: Keypoints) -> None:
    nobody = replace(detected, points=np.full_like(detected.points, np.nan))
    with pytest.raises(InputError, match="nobody"):
        fitted(nobody)


# -- time --------------------------------------------------------------------------------------------------


def test_smoothing_ends_at_a_cut() -> None:
    first, second = act(12, FPS, seed=1), act(12, FPS, seed=5)
    camera = np.concatenate([first.camera, second.camera + np.array([60, 30, -40])])
    film = Act(np.concatenate([first.poses, second.poses]), first.betas, camera)
    keypoints = seen(film, NOISE)
    around = slice(10, 14)
    errors = {}
    for name, shots in (("two shots", np.repeat([0, 1], 12)), ("one shot", np.zeros(24, int))):
        fit = fitted(keypoints, shots)
        off = np.linalg.norm(places_of(fit) - film.px(film.places()), axis=-1).mean(1) / HEIGHT
        errors[name] = off[around].max(), pa_mpjpe(joints_of(fit), film.joints())[around].max()
    assert errors["two shots"][0] < 0.006 and errors["two shots"][1] < 45
    # blended, the two poses would be visibly wrong: the test above can fail
    assert errors["one shot"][0] > 0.01 and errors["one shot"][1] > 60


def wrist_speeds(places: np.ndarray, fps: float) -> np.ndarray:
    """(T - 1, 2) of both wrists against the hips, px/s."""
    hips = places[:, [23, 24]].mean(1, keepdims=True)
    return np.linalg.norm(np.diff(places[:, [15, 16]] - hips, axis=0), axis=-1) * fps


@pytest.mark.parametrize(("fps", "frames"), [(24.0, 40), (50.0, 50)])
def test_smoothing_does_not_lag(fps: float, frames: int) -> None:
    film = act(frames, fps, seed=1, beat=0.4)
    fit = fitted(seen(film, NOISE), fps=fps)
    found, true = wrist_speeds(places_of(fit), fps), wrist_speeds(film.px(film.places()), fps)
    found, true = (v - v.mean(0) for v in (found, true))
    lags = range(-3, 4)
    likeness = np.array(
        [
            np.mean(found[max(0, lag) : len(found) + min(0, lag)] * true[max(0, -lag) : len(true) - max(0, lag)])
            for lag in lags
        ]
    )
    best = int(likeness.argmax())
    assert lags[best] == 0
    before, at, after = likeness[best - 1 : best + 2]
    assert abs(0.5 * (before - after) / (before - 2 * at + after)) < 0.15  # frames, between the samples too


def test_few_fast_frames_are_not_flattened() -> None:
    """At 5 frames a second a new pose every 0.4 s leaves hardly two frames alike."""
    film = act(15, 5.0, seed=1, beat=0.4)
    fit = fitted(seen(film, NOISE), fps=5.0)
    truth = film.px(film.places())
    assert np.linalg.norm(places_of(fit) - truth, axis=-1).mean() < 0.006 * HEIGHT
    found, true = wrist_speeds(places_of(fit), 5.0), wrist_speeds(truth, 5.0)
    assert found.mean() == pytest.approx(true.mean(), rel=0.08)
    assert found.max() > 0.9 * true.max()


def test_a_still_person_is_steadier_than_the_detector() -> None:
    still = act(1, FPS, seed=2)
    film = Act(np.repeat(still.poses, 30, 0), still.betas, np.repeat(still.camera, 30, 0))
    keypoints = seen(film, NOISE)
    shaken = np.linalg.norm(np.diff(places_of(fitted(keypoints)), 2, axis=0), axis=-1).mean()
    assert shaken < 0.5 * np.linalg.norm(np.diff(keypoints.points, 2, axis=0), axis=-1).mean()


def test_windows_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch, fit: F.Fit, detected: Keypoints) -> None:
    monkeypatch.setattr(F, "WINDOW", 10)
    monkeypatch.setattr(F, "OVERLAP", 4)
    pieces = fitted(detected)
    assert np.abs(places_of(pieces) - places_of(fit)).max() < 0.02 * HEIGHT
    assert bends(places_of(pieces)).max() < 1.2 * bends(places_of(fit)).max()


# -- parts of it -------------------------------------------------------------------------------------------


def test_reprojection_is_the_mean_distance_of_what_is_well_seen(detected: Keypoints, fit: F.Fit) -> None:
    exact = replace(detected, points=places_of(fit).astype(np.float32))
    assert F.reprojection(fit, body(), landmarks(), exact) < 1e-3
    points, visibility = exact.points.copy(), exact.visibility.copy()
    points[:, ::2] += (3.0, 4.0)
    share = 100 * (5.0 / (exact.crop[:, 2] / 1.24)).mean() * 17 / 33
    shifted = replace(exact, points=points)
    assert F.reprojection(fit, body(), landmarks(), shifted) == pytest.approx(share, rel=1e-3)
    visibility[:, ::2] = 0.3
    assert F.reprojection(fit, body(), landmarks(), replace(shifted, visibility=visibility)) < 1e-3


def test_the_shape_is_found_when_the_poses_are_known() -> None:
    film = act(12, 2.0, seed=9)
    plane = plane_of(seen(film))
    rotations = axis_angle_to_matrix(torch.from_numpy(film.poses))
    state = State(rotations, plane.camera_from_px(film.camera))
    targets = plane.points(film.px(film.places()))
    trust = torch.full((12, 33), 1 / 0.004**2)
    betas = F.fit_shape(body(), landmarks(), state, targets, trust)
    found, true, mean = (
        landmarks().rest(joints_rest(body(), shape)) for shape in (betas, torch.from_numpy(film.betas), torch.zeros(10))
    )
    # proportions, up to scale: how tall somebody is, no picture says
    found, true, mean = (places[None].numpy() for places in (found, true, mean))
    assert pa_mpjpe(found, true)[0] < 0.4 * pa_mpjpe(mean, true)[0]


def test_kabsch_equals_scipys() -> None:
    rng = np.random.default_rng(0)
    source = rng.normal(0, 1, (4, 3))
    target = rng.normal(0, 1, (6, 4, 3))
    found = kabsch(torch.from_numpy(source).float(), torch.from_numpy(target).float()).numpy()
    centred = source - source.mean(0)
    for t in range(6):
        expected, _ = Rotation.align_vectors(target[t] - target[t].mean(0), centred)
        assert np.allclose(found[t], expected.as_matrix(), atol=1e-4)


def test_the_shortest_turn_is_shortest() -> None:
    rng = np.random.default_rng(1)
    start, end = (rng.normal(0, 1, (50, 3)) for _ in range(2))
    start[:, 0], end[0] = start[:, 0], start[0]  # one that need not turn
    start, end = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (start, end))
    turn = shortest_turn(torch.from_numpy(start).float(), torch.from_numpy(end).float())
    assert np.allclose((turn @ torch.from_numpy(start).float()[..., None])[..., 0], end, atol=1e-5)
    angle = Rotation.from_matrix(turn.numpy()).magnitude()
    assert np.allclose(angle, np.arccos(np.clip((start * end).sum(1), -1, 1)), atol=1e-3)


def test_the_first_guess_is_near_enough() -> None:
    film = act(16, 2.0, seed=11)
    keypoints = seen(film)
    plane = plane_of(keypoints)
    marks, skeleton = landmarks(), film.skeleton()
    world = torch.from_numpy(keypoints.world)
    rest, points, hanging = marks.rest(skeleton.joints_rest), plane.points(keypoints.points), F.priors(24.0).mean
    guess = first_guess(skeleton, rest, world, points, torch.ones(16, 33), hanging)
    found = place(rest, marks.weights, guess, skeleton)
    limbs = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
    off = plane.px(project(found, guess.camera)) - film.px(film.places())
    assert np.linalg.norm(off[:, limbs], axis=-1).mean() < 0.04 * HEIGHT
    # arms of which nothing is seen hang, whatever the detector makes up
    unseen = torch.ones(16, 33)
    unseen[:, 15], unseen[:, [14, 16]] = 0, 0
    half = first_guess(skeleton, rest, world, points, unseen, hanging)
    turns = log_so3(half.rotations)
    torch.testing.assert_close(turns[:, [17, 18, 19]], hanging[[17, 18, 19]].expand(16, 3, 3), atol=1e-5, rtol=0)
    others = [joint for joint in range(24) if joint not in (17, 18, 19)]
    torch.testing.assert_close(half.rotations[:, others], guess.rotations[:, others])
