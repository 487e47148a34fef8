"""Legs that look short, against skinning the answer and looking at it from both sides."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import skin
from lwgan_cli.fitting.stance import LOOKING_DOWN
from lwgan_cli.fitting.straight_legs import straight_legs
from tests.body.acting import body

BETAS = np.linspace(0.3, -0.3, 10).astype(np.float32)
HIPS, KNEES, ANKLES = (1, 2), (4, 5), (7, 8)


def bent(hips: float, knees: float, yaw: float = 0.0, side: slice = slice(0, 2)) -> np.ndarray:
    """(24, 3) legs bent forward at the hips and back at the knees, rad; feet level."""
    pose = np.zeros((24, 3), np.float32)
    pose[0, 1] = yaw
    pose[list(HIPS[side]), 0], pose[list(KNEES[side]), 0], pose[list(ANKLES[side]), 0] = -hips, knees, hips - knees
    return pose


def posed(pose: np.ndarray, offsets: torch.Tensor) -> np.ndarray:
    places: np.ndarray = skin(body(), torch.from_numpy(pose)[None], torch.from_numpy(BETAS), offsets)[0][0].numpy()
    return places


def around(joint: int, places: np.ndarray) -> np.ndarray:
    """(3,) middle of the surface that moves with a joint and the one it hangs from, as much with one as the other."""
    weights = body().lbs_weights.numpy()
    both = weights[:, joint] * weights[:, body().parents[joint]]
    middle: np.ndarray = (both[:, None] * places).sum(0) / both.sum()
    return middle


@pytest.fixture(scope="module")
def offsets() -> torch.Tensor:
    return 0.01 * torch.randn(body().n_vertices, 3, generator=torch.Generator().manual_seed(0))


def test_legs_that_only_look_short_are_straight_and_the_picture_stays(offsets: torch.Tensor) -> None:
    pose = bent(0.45, 1.0)
    before, straight = posed(pose, offsets), posed(bent(0.0, 0.0), offsets)
    after = posed(pose, straight_legs(body(), pose, BETAS, offsets))
    assert np.abs(after - before)[:, :2].max() < 1e-4
    for hip, knee, ankle in zip(HIPS, KNEES, ANKLES, strict=True):
        line = [[around(joint, places)[2] for joint in (hip, knee, ankle)] for places in (before, after, straight)]
        bow = [row[1] - (row[0] + row[2]) / 2 for row in line]
        assert bow[0] > bow[2] + 0.1  # bent
        assert abs(bow[1] - bow[2]) < 0.02
    height = np.ptp(after[:, 1])
    feet, trunk = (after[np.isin(body().parts.numpy(), part)].mean(0) for part in ((7, 8), (0, 3, 6)))
    lean = (trunk[1] - feet[1]) * math.tan(math.radians(LOOKING_DOWN))
    assert abs(trunk[2] - lean - feet[2]) < 0.06 * height


@pytest.mark.parametrize(
    "pose",
    [
        bent(1.3, 1.5),  # a squat: thighs towards the viewer
        bent(0.45, 1.0, yaw=math.pi / 2),  # from the side, where the bend shows
        bent(0.0, 0.0),
    ],
)
def test_other_legs_stay(offsets: torch.Tensor, pose: np.ndarray) -> None:
    places = [posed(pose, each) for each in (offsets, straight_legs(body(), pose, BETAS, offsets))]
    knees = np.isin(body().parts.numpy(), KNEES)
    assert np.abs(places[1] - places[0])[knees, 2].mean() < 0.06
    assert np.abs(places[1] - places[0])[:, :2].max() < 1e-4


def test_a_lifted_leg_stays_bent(offsets: torch.Tensor) -> None:
    pose = bent(0.5, 1.6, side=slice(0, 1))
    left = np.isin(body().parts.numpy(), (4, 7))
    places = [posed(pose, each) for each in (offsets, straight_legs(body(), pose, BETAS, offsets))]
    assert np.abs(places[1] - places[0])[left].max() < 0.01
