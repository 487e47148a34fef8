"""The landmark file: written, read, refused, and in the right places on the body."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli.body.landmarks import DEPTH_PAIRS, LANDMARKS_FILE, Landmarks, load_landmarks, save_landmarks
from lwgan_cli.body.model import joints_rest, rest_vertices
from lwgan_cli.detection.keypoints import MIRROR
from lwgan_cli.errors import WeightsError
from tests.body.acting import body, landmarks

FLIP = torch.tensor([-1.0, 1.0, 1.0])


def test_written_and_read_again(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    weights = torch.rand(33, 24, generator=rng)
    kept = Landmarks(
        weights / weights.sum(1, keepdim=True),
        torch.randn(33, 3, generator=rng),
        torch.rand(33, generator=rng),
        torch.randn(len(DEPTH_PAIRS), generator=rng),
        torch.rand(len(DEPTH_PAIRS), generator=rng),
    )
    save_landmarks(tmp_path / LANDMARKS_FILE, kept)
    found = load_landmarks(tmp_path)  # a user's weights folder goes before the bundled one
    for name in ("weights", "offsets", "spread", "depth_bias", "depth_spread"):
        assert torch.equal(getattr(found, name), getattr(kept, name))


def test_a_file_of_another_layout_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / LANDMARKS_FILE, weights=np.zeros((33, 24)), offsets=np.zeros((17, 3)), spread=np.zeros(33))
    with pytest.raises(WeightsError, match="offsets"):
        load_landmarks(tmp_path)
    (tmp_path / LANDMARKS_FILE).write_bytes(b"not an archive")
    with pytest.raises(WeightsError):
        load_landmarks(tmp_path)


def test_a_place_is_the_weighted_joints_and_an_offset() -> None:
    marks = landmarks()
    joints = torch.randn(24, 3, generator=torch.Generator().manual_seed(1))
    slow = np.zeros((33, 3))
    for row in range(33):
        for joint in range(24):
            slow[row] += float(marks.weights[row, joint]) * joints[joint].numpy()
        slow[row] += marks.offsets[row].numpy()
    assert np.allclose(marks.rest(joints), slow, atol=1e-5)
    assert torch.allclose(marks.weights.sum(1), torch.ones(33), atol=1e-6)


def test_left_and_right_mirror_each_other() -> None:
    marks = landmarks()
    places = marks.rest(joints_rest(body(), torch.zeros(10)))
    assert (places[MIRROR] * FLIP - places).abs().max() < 2e-3


@pytest.mark.parametrize("beta", [-1.5, 0.0, 1.5])
def test_they_lie_on_the_body_near_what_they_are_called(beta: float) -> None:
    """Learned from detections only; the body file says where its nose, ears, heels and finger tips are."""
    model = body()
    betas = torch.zeros(10)
    betas[0] = beta
    places = landmarks().rest(joints_rest(model, betas))
    vertices = rest_vertices(model, betas)
    tall = float(vertices[:, 1].max() - vertices[:, 1].min())
    names = {0: "nose", 2: "left_eye", 5: "right_eye", 7: "left_ear", 8: "right_ear", 29: "left_heel",
             30: "right_heel", 31: "left_big_toe", 32: "right_big_toe", 19: "left_index_tip"}  # fmt: skip
    for row, name in names.items():
        away = float((places[row] - vertices[model.landmarks[name]]).norm())
        assert away < 0.07 * tall, name
