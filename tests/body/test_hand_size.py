"""Hands as large as people's, and bare."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.assets import find_weights_dir, read_npz
from lwgan_cli.body.hand_size import bare_hands, with_human_hands
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import JOINT_NAMES


@pytest.fixture(scope="module")
def stored() -> dict[str, np.ndarray]:
    return dict(read_npz(find_weights_dir() / "body.npz"))


def shaped(arrays: dict[str, np.ndarray], betas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, joints and finger joints of a shape, straight from a body file's arrays."""
    vertices = arrays["v_template"] + arrays["shapedirs"].astype(np.float64) @ betas
    joints = np.zeros((24, 3))
    values = arrays["J_regressor_value"][:, None] * vertices[arrays["J_regressor_vertex"]]
    np.add.at(joints, arrays["J_regressor_joint"], values)
    return vertices, joints, arrays["finger_template"] + arrays["finger_shapedirs"].astype(np.float64) @ betas


def test_hands_of_every_shape_are_scaled_about_their_wrists_and_nothing_else_moves(
    stored: dict[str, np.ndarray],
) -> None:
    changed = with_human_hands(stored, 0.8)
    for betas in np.random.default_rng(0).normal(0, 1, (3, 10)):
        vertices, joints, fingers = shaped(stored, betas)
        got, got_joints, got_fingers = shaped(changed, betas)
        expected, expected_fingers = vertices.copy(), fingers.copy()
        for side, (wrist, hand) in enumerate(((20, 22), (21, 23))):
            share = stored["weights"][:, [wrist, hand]].astype(np.float64).sum(1, keepdims=True)
            expected += share * (0.8 - 1) * (vertices - joints[wrist])
            rows = slice(15 * side, 15 * side + 15)
            expected_fingers[rows] = joints[wrist] + 0.8 * (fingers[rows] - joints[wrist])
            joints[hand] = joints[wrist] + 0.8 * (joints[hand] - joints[wrist])
        np.testing.assert_allclose(got, expected, atol=2e-6)
        np.testing.assert_allclose(got_joints, joints, atol=2e-5)
        np.testing.assert_allclose(got_fingers, expected_fingers, atol=2e-5)


def test_hands_measure_what_people_have() -> None:
    model = load_body("open")
    for side in ("left", "right"):
        wrist = model.joint_template[JOINT_NAMES.index(f"{side}_wrist")]
        length = float((model.v_template[model.landmarks[f"{side}_middle_tip"]] - wrist).norm())
        assert 0.105 < length / float(np.ptp(model.v_template[:, 1].numpy())) < 0.111


def test_clothes_leave_hands_bare_and_reach_down_the_forearms() -> None:
    model = load_body("open")
    left = bare_hands(model, torch.ones_like(model.v_template))
    beyond = model.v_template[:, 0].abs() - model.joint_template[20, 0]  # m past the wrist
    assert left[beyond > 0.04].abs().max() == 0
    assert (left[beyond < -0.02] == 1).all()
