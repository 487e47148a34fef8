"""Standing feet: found where paths rest, and held in place by the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.kinematics import State, place, project
from lwgan_cli.body.model import axis_angle_to_matrix, joints_rest
from lwgan_cli.fitting import fit as F
from lwgan_cli.fitting.contact import (
    CONTACT_SPREAD,
    HEELS_AND_TOES,
    RESTING,
    SHORTEST,
    WANDER,
    contact_evidence,
    middles,
    sole_places,
    soles_in_view,
    standing,
)
from lwgan_cli.synthetic.motion import perform
from tests.body.acting import HEIGHT, SIZE, Act, act, body, landmarks, seen

FPS = 30.0


def path(*legs: tuple[float, float]) -> np.ndarray:
    """(T, 1, 2): a point that goes on for `seconds` at `speed` heights a second, leg after leg."""
    x = np.cumsum(np.concatenate([np.full(round(seconds * FPS), speed / FPS) for seconds, speed in legs]))
    return np.stack([x, np.zeros(len(x))], -1)[:, None]


def one_shot(places: np.ndarray) -> np.ndarray:
    return np.zeros(len(places), int)


def test_what_rests_stands_and_what_moves_does_not() -> None:
    steps = path((0.5, 0.0), (0.3, 2.0), (0.6, 0.0))
    stands = standing(steps, FPS, one_shot(steps))[:, 0]
    assert stands[:12].tolist() == [1] * 12 and stands[-15:].tolist() == [2] * 15
    assert not stands[17:22].any()
    # a rest that is too short, a drift too fast to be a stand, and one that leaves its place
    assert not standing(path((0.3, 2.0), (SHORTEST / 3, 0.0), (0.3, 2.0)), FPS, np.zeros(19, int)).any()
    fast = path((1.0, 1.2 * RESTING))
    assert not standing(fast, FPS, one_shot(fast)).any()
    creeping = path((2.0, 0.8 * RESTING))
    stands = standing(creeping, FPS, one_shot(creeping))
    for number in np.unique(stands[stands > 0]):
        rows = np.flatnonzero(stands[:, 0] == number)
        assert np.ptp(creeping[rows, 0, 0]) < 2.5 * WANDER


def test_stands_end_with_the_shot_and_points_have_their_own() -> None:
    still = np.zeros((20, 2, 2))
    stands = standing(still, FPS, np.repeat([0, 1], 10))
    assert len(np.unique(stands)) == 4 and (stands > 0).all()
    assert all(len(np.unique(part)) == 1 for part in (stands[:10, 0], stands[10:, 0], stands[:10, 1], stands[10:, 1]))


def test_middles_are_the_means_of_stands() -> None:
    places = np.random.default_rng(0).normal(size=(6, 2, 2))
    stands = np.array([[1, 0], [1, 0], [1, 3], [0, 3], [2, 3], [2, 0]])
    found = middles(places, stands)
    assert np.allclose(found[:3, 0], places[:3, 0].mean(0)) and np.allclose(found[4:, 0], places[4:, 0].mean(0))
    assert np.allclose(found[2:5, 1], places[2:5, 1].mean(0))
    assert np.array_equal(found[3, 0], places[3, 0]) and np.array_equal(found[[0, 1, 5], 1], places[[0, 1, 5], 1])


def performed(kind: str, frames: int = 40, seed: int = 3) -> tuple[Act, np.ndarray]:
    """Somebody whose feet are planted by construction, before a camera at rest; planted (T, 4) bool of the soles."""
    joints = joints_rest(body(), torch.zeros(10)).numpy().astype(np.float64)
    acted = perform(kind, seed, frames, FPS, joints, 0.08)
    origin = acted.place - joints[0]
    scale = HEIGHT / float(np.ptp(body().v_template[:, 1].numpy()))
    x, y = SIZE[0] / 2 + scale * origin[:, 0], 0.5 * SIZE[1] - scale * origin[:, 1]
    camera = np.stack([np.full(frames, scale), x, y], 1)
    return Act(acted.poses, np.zeros(10, np.float32), camera), np.repeat(acted.planted, 2, 1)


def soles_px(fit: F.Fit) -> np.ndarray:
    """(T, 4, 2) px."""
    return F.landmark_places(fit, body(), landmarks())[:, list(HEELS_AND_TOES)]


def slid(places: np.ndarray, planted: np.ndarray) -> float:
    """Mean distance of planted soles from the middle of their stand, px."""
    number = np.cumsum(np.diff(planted.astype(int), axis=0, prepend=0) > 0, axis=0) * planted
    number = np.where(planted, number + 100 * np.arange(4), 0)
    return float(np.linalg.norm(places - middles(places, number), axis=-1)[planted].mean())


@pytest.mark.parametrize("kind", ["squat", "walk"])
def test_the_fit_holds_feet_that_stand_and_lets_the_others_go(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    film, planted = performed(kind)
    keypoints = seen(film, 0.004)
    shots = np.zeros(len(film), int)
    held = F.fit_keypoints(body(), landmarks(), keypoints, shots, FPS)
    monkeypatch.setattr(F, "standing", lambda places, fps, shots: np.zeros(places.shape[:2], int))
    loose = F.fit_keypoints(body(), landmarks(), keypoints, shots, FPS)
    true = film.px(film.places())[:, list(HEELS_AND_TOES)]
    assert slid(true, planted) < 0.1
    assert slid(soles_px(held), planted) < 0.5 * slid(soles_px(loose), planted)
    # what moves is where it was without
    flying = ~planted
    if flying.any():
        errors = [np.linalg.norm(soles_px(fit) - true, axis=-1)[flying].mean() for fit in (held, loose)]
        assert errors[0] < errors[1] + 0.0005 * HEIGHT
    everywhere = [np.linalg.norm(F.landmark_places(f, body(), landmarks()) - film.px(film.places()), axis=-1).mean()
                  for f in (held, loose)]  # fmt: skip
    assert everywhere[0] < 1.02 * everywhere[1]


def test_the_evidence_names_the_soles_and_their_middles() -> None:
    film, _ = performed("squat", 6)
    camera = torch.tensor([0.6, 0.0, 0.1]).repeat(6, 1) + torch.linspace(0, 0.01, 6)[:, None]
    state = State(axis_angle_to_matrix(torch.from_numpy(film.poses)), camera)
    skeleton = film.skeleton()
    stands = np.zeros((6, 4), int)
    stands[1:5, 2] = 1
    term = contact_evidence(landmarks(), skeleton, state, stands)
    assert torch.equal(term.trust > 0, torch.from_numpy(stands > 0))
    assert term.trust.max() == pytest.approx(1 / CONTACT_SPREAD**2)
    places = project(place(term.rest, term.weights, state, skeleton), camera).numpy()
    assert np.allclose(sole_places(landmarks(), skeleton, state), places, atol=1e-6)
    assert np.allclose(term.targets[1:5, 2], places[1:5, 2].mean(0), atol=1e-6)
    assert np.allclose(term.targets[:, 0], places[:, 0], atol=1e-6)


def test_feet_below_the_picture_are_not_known_to_stand() -> None:
    keypoints = seen(act(3, seed=1))
    assert soles_in_view(keypoints).all()
    width, height = keypoints.image_size
    points = keypoints.points.copy()
    points[1, 31] = (width / 2, height + 5)
    points[2] = np.nan
    found = replace(keypoints, points=points)
    assert soles_in_view(found).tolist() == [[True] * 4, [True, False, True, True], [False] * 4]
