"""Faces made of known actions come back from their points."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.detection.face_detect import N_POINTS, FacePoints, head_window
from lwgan_cli.detection.face_places import load_face_places
from lwgan_cli.fitting.face import (
    ACTION_COST,
    ACTION_SPREAD,
    ASIDE,
    BLINKS,
    LIDS,
    SHUT,
    WIDE,
    FaceModel,
    fit_face,
    kernel,
    rigid,
    smooth,
    solve_strengths,
)
from tests.tiny import tiny_body

FRAMES, FPS = 40, 25.0


@pytest.fixture(scope="module")
def face() -> FaceModel:
    model = FaceModel.of(load_body("open", find_weights_dir()), load_face_places(find_weights_dir()))
    assert model is not None
    return model


def acted(face: FaceModel) -> np.ndarray:
    """(40, 52) calm at first; then the mouth opens, smiles, and the eyes close for a moment and look aside."""
    strengths = np.zeros((FRAMES, 52))
    bump = np.clip(np.sin(np.linspace(-1, 3, FRAMES)), 0, 1)
    for name, most in (("jawOpen", 0.5), ("mouthSmileLeft", 0.7), ("mouthSmileRight", 0.6)):
        strengths[:, face.names.index(name)] = most * bump
    for name in BLINKS:
        strengths[24:27, face.names.index(name)] = (0.5, 1.0, 0.4)
    for name in ("eyeLookInLeft", "eyeLookOutRight"):
        strengths[30:, face.names.index(name)] = 0.6
    return strengths


def film(
    face: FaceModel, neutral: np.ndarray, strengths: np.ndarray, noise: float, seed: int = 0,
    bump: np.ndarray | float = 0.0,
) -> tuple:  # fmt: skip
    """Points of a face that acts while the head turns; and the turns."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 2, len(strengths))
    turns = Rotation.from_euler("yx", np.stack([20 * np.sin(time), 8 * np.cos(2 * time)], 1), degrees=True)
    shown = strengths.copy()
    shown[:, [face.names.index(name) for name in BLINKS]] *= 1 - SHUT
    shape = neutral + np.einsum("ta,anc->tnc", shown @ face.lids(neutral), face.actions) + bump
    seen = 900 * np.einsum("tij,tnj->tni", turns.as_matrix(), shape) + rng.normal(0, noise, shape.shape)
    points = seen * [1, -1, -1] + [300, 700, 0]
    return FacePoints(points.astype(np.float32)), turns


def test_turns_and_actions_come_back(face: FaceModel) -> None:
    strengths = acted(face)
    points, turns = film(face, face.neutral, strengths, noise=0.3)
    found = fit_face(face, points, np.zeros(FRAMES, int), FPS)
    assert found is not None
    assert np.degrees((Rotation.from_matrix(found.turns).inv() * turns).magnitude()).max() < 1.0
    for name in ("jawOpen", "mouthSmileLeft", "mouthSmileRight", *BLINKS, "eyeLookInLeft"):
        column = face.names.index(name)
        assert np.corrcoef(found.strengths[:, column], strengths[:, column])[0, 1] > 0.97, name
        assert np.abs(found.strengths[:, column] - strengths[:, column]).max() < 0.2, name
    quiet = ~strengths.any(0)
    assert found.strengths[:, quiet].mean() < 0.03


def test_another_persons_features_are_shape_and_no_expression(face: FaceModel) -> None:
    """Somebody with a wide mouth, narrow eyes and a long nose, who keeps still, does nothing."""
    rng = np.random.default_rng(3)
    shape = np.linalg.cholesky(kernel(face.neutral, face.neutral) + 1e-10 * np.eye(N_POINTS))
    neutral = face.neutral + 0.6 * shape @ rng.normal(size=(N_POINTS, 3)) * [1, 1, 0.5]
    calm, _ = film(face, neutral, np.zeros((FRAMES, 52)), noise=0.3)
    still = fit_face(face, calm, np.zeros(FRAMES, int), FPS)
    assert still is not None and still.strengths.mean() < 0.02 and still.strengths.max() < 0.35
    strengths = acted(face)
    points, _ = film(face, neutral, strengths, noise=0.3)
    found = fit_face(face, points, np.zeros(FRAMES, int), FPS)
    assert found is not None
    for name in ("jawOpen", "mouthSmileLeft", *BLINKS):
        column = face.names.index(name)
        assert np.corrcoef(found.strengths[:, column], strengths[:, column])[0, 1] > 0.95, name


def test_a_blink_closes_any_eyes(face: FaceModel) -> None:
    narrow = face.neutral.copy()
    for pairs in LIDS:
        for up, low in pairs:
            middle = (narrow[up, 1] + narrow[low, 1]) / 2
            narrow[[up, low], 1] = middle + 0.5 * (narrow[[up, low], 1] - middle)
    for neutral in (face.neutral, narrow):
        for others in ({}, {"eyeLookDownLeft": 1.0, "cheekSquintRight": 0.7, "eyeLookInRight": 1.5}):
            for shut in (0.4, 1.0):
                strengths = np.zeros(52)
                for name, strength in {**others, **dict.fromkeys(BLINKS, shut)}.items():
                    strengths[face.names.index(name)] = strength
                moved = neutral + np.einsum("a,anc->nc", strengths @ face.lids(neutral), face.actions)
                np.testing.assert_allclose(face.opening(moved), (1 - shut) * face.opening(neutral), atol=1e-9)


def test_eyes_are_as_wide_as_they_are_seen(face: FaceModel) -> None:
    """Half shut, shut and wider than neutral: in another face's own opening."""
    strengths = np.zeros((FRAMES, 52))
    for name in BLINKS:
        strengths[20:30, face.names.index(name)] = 0.5
        strengths[30:33, face.names.index(name)] = 1.0
    for name in WIDE:
        strengths[33:, face.names.index(name)] = 0.4
    points, _ = film(face, face.neutral, strengths, noise=0.2)
    found = fit_face(face, points, np.zeros(FRAMES, int), FPS)
    assert found is not None
    other = face.neutral.copy()
    for pairs in LIDS:
        for up, _ in pairs:
            other[up, 1] += 0.003
    shape = other + np.einsum("ta,anc->tnc", found.strengths @ face.lids(other), face.actions)
    share = face.opening(shape) / face.opening(other)
    gain = face.opening(face.actions[face.names.index(WIDE[0])])[0] / face.opening(face.neutral)[0]
    wanted_in = {(3, 18): 1.0, (22, 28): 0.5, (31, 32): 0.0, (35, 40): 1 + 0.4 * gain}
    for rows, wanted in wanted_in.items():
        assert np.abs(share[slice(*rows)] - wanted).max() < 0.1, wanted


def test_who_looks_down_most_of_the_time_is_not_startled(face: FaceModel) -> None:
    """Half shut in two thirds of the frames, the calmest ones: eyes that open are no wider than open."""
    strengths = np.zeros((FRAMES, 52))
    for name in BLINKS:
        strengths[: 2 * FRAMES // 3, face.names.index(name)] = 0.45
    points, _ = film(face, face.neutral, strengths, noise=0.2)
    found = fit_face(face, points, np.zeros(FRAMES, int), FPS)
    assert found is not None
    for blink, wide in zip(BLINKS, WIDE, strict=True):
        assert found.strengths[:, face.names.index(wide)].max() < 0.2
        shut = found.strengths[:, face.names.index(blink)]
        np.testing.assert_allclose(shut[[5, 15, 38]], strengths[[5, 15, 38], face.names.index(blink)], atol=0.12)


def test_what_actions_do_not_do_is_left_over(face: FaceModel) -> None:
    """A corner of the mouth and the chin that go where no action takes them, while the head turns and a mouth opens."""
    strengths = np.zeros((FRAMES, 52))
    strengths[20:, face.names.index("jawOpen")] = 0.4
    bump = np.zeros((FRAMES, N_POINTS, 3))
    for point, move in ((61, (-0.004, -0.003, 0)), (9, (0.0, 0.004, 0))):
        near = np.exp(-((np.linalg.norm(face.neutral - face.neutral[point], axis=1) / 0.012) ** 2))
        bump[15:] += near[:, None] * move
    points, _ = film(face, face.neutral, strengths, noise=0.1, bump=bump)
    found = fit_face(face, points, np.zeros(FRAMES, int), FPS)
    assert found is not None and np.abs(found.features[:10]).max() < 1e-3
    matrix = face.lids(found.neutral)
    shape = found.neutral + np.einsum("ta,anc->tnc", found.strengths @ matrix, face.actions) + found.features
    true = face.neutral + np.einsum("ta,anc->tnc", strengths @ face.lids(face.neutral), face.actions) + bump
    moved, wanted = (each[30] - each[5] for each in (shape, true))
    plain = found.neutral + np.einsum("ta,anc->tnc", found.strengths @ matrix, face.actions)
    told = ~face.around_eyes.any(0)
    error, without = (np.linalg.norm((each - wanted)[told, :2], axis=1) for each in (moved, plain[30] - plain[5]))
    assert error.max() < 1.2e-3 < 0.5 * without.max()
    for eye in face.around_eyes:
        assert np.ptp(found.features[:, eye], axis=1).max() < 1e-6


@pytest.mark.parametrize("apart", [0.003, -0.003])
def test_eyes_that_stand_close_do_not_squint(face: FaceModel, apart: float) -> None:
    """Irises further apart than the body's, or less: somebody else's eyes look aside together."""
    neutral = face.neutral.copy()
    neutral[468:473, 0] -= apart
    neutral[473:478, 0] += apart
    strengths = np.zeros((FRAMES, 52))
    for name in ("eyeLookInLeft", "eyeLookOutRight"):
        strengths[25:, face.names.index(name)] = 0.8
    for frames in (FRAMES, 1):
        points, _ = film(face, neutral, strengths[:frames], noise=0.2)
        found = fit_face(face, points, np.zeros(frames, int), FPS)
        assert found is not None
        aside = {name: found.strengths[:, face.names.index(name)] for pair in ASIDE for name in pair}
        assert max(values[:20].max() for values in aside.values()) < 0.12
        if frames > 1:
            for name in ("eyeLookInLeft", "eyeLookOutRight"):
                np.testing.assert_allclose(aside[name][28:], 0.8, atol=0.15)


def test_a_photo_of_an_open_mouth_is_not_taken_for_a_shape(face: FaceModel) -> None:
    strengths = np.zeros((1, 52))
    strengths[0, face.names.index("jawOpen")] = 0.5
    points, _ = film(face, face.neutral, strengths, noise=0.2)
    found = fit_face(face, points, np.zeros(1, int), FPS)
    assert found is not None
    gap = found.neutral[13, 1] - found.neutral[14, 1]
    assert gap < (face.neutral[13, 1] - face.neutral[14, 1]) + 0.002
    assert found.strengths[0, face.names.index("jawOpen")] > 0.3


def test_a_lost_face_fades_to_neutral_and_cuts_are_not_crossed(face: FaceModel) -> None:
    strengths = np.zeros((FRAMES, 52))
    strengths[10:, face.names.index("jawOpen")] = 0.5
    points, _ = film(face, face.neutral, strengths, noise=0.1)
    points.points[20:] = np.nan
    found = fit_face(face, points, np.zeros(FRAMES, int), FPS)
    assert found is not None
    jaw = found.strengths[:, face.names.index("jawOpen")]
    assert jaw[15] > 0.35 and (np.diff(jaw[20:]) <= 0).all() and jaw[-1] < 0.02 and found.trust[-1] < 0.05
    cut = fit_face(face, points, (np.arange(FRAMES) >= 25).astype(int), FPS)
    assert cut is not None and cut.trust[25:].max() < 1e-6
    assert fit_face(face, FacePoints.of([None] * 3), np.zeros(3, int), FPS) is None


def test_strengths_solve_the_bounded_problem() -> None:
    """Against projected gradient descent."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(52, 80))
    hessian, gradient = root @ root.T / 10, rng.normal(0, 20, 52)
    most = np.where(np.arange(52) % 7 == 0, 0.0, 1.2)
    got = solve_strengths(hessian[None], gradient[None], most, sweeps=500)[0]
    full, slope = hessian + np.eye(52) / ACTION_SPREAD**2, gradient - ACTION_COST
    slow, stride = np.zeros(52), 1 / np.linalg.eigvalsh(full)[-1]
    for _ in range(20000):
        slow = np.clip(slow - stride * (full @ slow - slope), 0, most)
    np.testing.assert_allclose(got, slow, atol=5e-3)
    both = solve_strengths(np.stack([2 * hessian, hessian]), np.stack([-gradient, gradient]), most, sweeps=500)
    np.testing.assert_allclose(both[1], got, atol=5e-3)  # whatever other frames hold


def test_similarities_come_back() -> None:
    rng = np.random.default_rng(1)
    shape, turns = rng.normal(size=(30, 3)), Rotation.random(5, random_state=2)
    scale, shift = rng.uniform(1, 9, 5), rng.normal(0, 50, (5, 3))
    seen = scale[:, None, None] * np.einsum("tij,nj->tni", turns.as_matrix(), shape) + shift[:, None]
    pose = rigid(seen, shape, rng.uniform(0.1, 1, 30))
    np.testing.assert_allclose(pose.turns, turns.as_matrix(), atol=1e-9)
    np.testing.assert_allclose(pose.scale, scale)
    np.testing.assert_allclose(pose.back(seen), np.broadcast_to(shape, seen.shape), atol=1e-9)


def test_smoothing_takes_out_noise_and_leaves_a_blink() -> None:
    rng = np.random.default_rng(0)
    true = np.zeros((60, 2))
    true[30:32, 0] = 1.0
    given = true + rng.normal(0, 0.02, true.shape)
    got = smooth(given, np.arange(60), 0.02)
    assert np.abs(got - true)[:, 1].mean() < 0.6 * np.abs(given - true)[:, 1].mean()
    assert got[30:32, 0].min() > 0.9 and np.abs(got[[28, 33], 0]).max() < 0.1


def test_values_are_smoothed_each_for_itself() -> None:
    """Once round, against the dense system of each column."""
    rng = np.random.default_rng(0)
    times, noise = np.array([0, 1, 2, 5, 6, 9, 10]), 0.5
    given = rng.normal(size=(7, 5))
    gaps, steps = np.diff(times), np.diff(np.eye(7), axis=0)
    for column, got in zip(given.T, smooth(given, times, noise, rounds=1).T, strict=True):
        weight = 2 / (1 + (steps @ column / gaps / (3 * noise)) ** 2) ** 2 / gaps
        np.testing.assert_allclose(got, np.linalg.solve(np.eye(7) + steps.T @ np.diag(weight) @ steps, column))


def test_a_body_without_actions_has_no_face() -> None:
    assert FaceModel.of(tiny_body(), load_face_places(find_weights_dir())) is None


def test_the_head_window_needs_a_head_that_is_large_enough() -> None:
    points = np.full((33, 2), 500.0)
    points[:11] += np.random.default_rng(0).uniform(-40, 40, (11, 2))
    window = head_window(points, np.ones(33))
    assert window is not None
    assert (np.abs(points[:11] - window[:2]) < window[2] / 2).all()
    assert head_window(points, np.zeros(33)) is None
    assert head_window(points / 20, np.ones(33)) is None
    assert head_window(np.full((33, 2), np.nan), np.ones(33)) is None
