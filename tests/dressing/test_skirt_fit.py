"""Legs that nobody saw, against where the joints are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import JOINT_NAMES, skin
from lwgan_cli.dressing.skirt_fit import hanging_out_of_sight, straightened
from lwgan_cli.records import Motion
from tests.body.acting import body
from tests.texture.staging import motion

LEGS = [JOINT_NAMES.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("hip", "knee", "ankle")]


def crouching(share: float = 1.0, turn: float = 0.0, lean: float = 0.3) -> np.ndarray:
    """(24, 3) thighs raised and spread, knees bent, by a share of the whole; the pelvis turned by degrees and leaning
    forwards by rad."""
    rows = np.zeros((24, 3), np.float32)
    rows[0] = [0.0, np.radians(turn), 0.0] if turn else [lean, 0.0, 0.0]
    rows[3], rows[16] = [0.1, 0.0, 0.0], [0.0, 0.0, -0.7]
    hip = lean if not turn else 0.0
    rows[[1, 2], 0], rows[[4, 5], 0] = -hip - 0.8 * share, 1.2 * share
    if not hip:
        rows[1, 2], rows[2, 2] = 0.4 * share, -0.4 * share
    return rows


def bones(shown: Motion) -> np.ndarray:
    """(2, 2, 3) unit vectors: thigh and shank of the left and the right leg."""
    joints = skin(body(), torch.from_numpy(shown.poses), torch.from_numpy(shown.betas))[1][0].numpy()
    along = np.diff(joints[LEGS].reshape(2, 3, 3), axis=1)
    unit: np.ndarray = along / np.linalg.norm(along, axis=-1, keepdims=True)
    return unit


def resting() -> np.ndarray:
    return bones(motion(np.zeros((24, 3), np.float32)))


@pytest.mark.parametrize(("turn", "lean"), [(0.0, 0.0), (0.0, 0.3), (50.0, 0.0)])
def test_legs_nobody_saw_hang_straight(turn: float, lean: float) -> None:
    rows = crouching(1.0, turn, lean)
    shown = motion(rows)
    hung = straightened(shown, rows)
    about = np.radians(turn)
    yaw = np.array([[np.cos(about), 0, np.sin(about)], [0, 1, 0], [-np.sin(about), 0, np.cos(about)]])
    assert np.abs(bones(shown) - resting() @ yaw.T).max() > 0.3
    np.testing.assert_allclose(bones(hung), resting() @ yaw.T, atol=1e-4)
    others = np.setdiff1d(np.arange(24), [1, 2, 4, 5, 7, 8, 10, 11])
    np.testing.assert_array_equal(hung.poses[:, others], shown.poses[:, others])
    np.testing.assert_allclose(straightened(hung, rows).poses, hung.poses, atol=1e-5)


def test_who_bends_the_legs_further_is_straightened_by_as_much() -> None:
    guess = crouching(0.5, lean=0.0)
    shown = straightened(motion(crouching(1.0, lean=0.0)), guess)
    assert np.abs(shown.poses[0, [4, 5], 0] - 0.6).max() < 1e-5
    np.testing.assert_allclose(bones(shown), bones(motion(guess)), atol=1e-4)


def test_who_stands_goes_on_standing() -> None:
    rows = crouching(0.0, lean=0.0)
    rows[[1, 2], 0] = 0.2  # both legs back: the other way than the guess
    shown = motion(rows)
    np.testing.assert_allclose(straightened(shown, crouching(1.0, lean=0.0)).poses, shown.poses, atol=1e-6)


def test_who_lies_is_left_alone() -> None:
    guess = crouching(1.0, lean=0.0)
    rows = guess.copy()
    rows[0] = [np.pi / 2, 0.0, 0.0]
    np.testing.assert_allclose(straightened(motion(rows), guess).poses, motion(rows).poses, atol=1e-5)


def test_each_frame_has_its_own_legs() -> None:
    guess = crouching()
    both = np.stack([guess, crouching(0.0)])
    shown = replace(motion(guess), poses=both)
    np.testing.assert_allclose(
        straightened(shown, guess).poses[1], straightened(motion(both[1]), guess).poses[0], atol=1e-6
    )


def test_legs_that_a_picture_ends_above_hang() -> None:
    rows = crouching(0.5, lean=0.0)
    whole = motion(rows)
    np.testing.assert_allclose(hanging_out_of_sight(body(), whole).poses, whole.poses, atol=1e-5)
    scale, _, y = whole.picture_camera()[0]
    cut = replace(whole, image_size=(whole.image_size[0], round(y + 0.25 * scale)))
    np.testing.assert_allclose(bones(hanging_out_of_sight(body(), cut)), resting(), atol=1e-4)
