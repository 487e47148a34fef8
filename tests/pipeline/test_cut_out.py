"""The mask of a photo's person: arms, ends of limbs, and what of it the fit sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.load import load_body
from lwgan_cli.detection.keypoints import FEET
from lwgan_cli.pipeline.cut_out import DRESS_SIZE, crop_alpha, lost_ends, person_alpha, raised_arms
from lwgan_cli.records import Keypoints, Masks
from lwgan_cli.recovery.watch import watch
from lwgan_cli.synthetic.person import random_person
from lwgan_cli.synthetic.poses import arm_rotations
from lwgan_cli.synthetic.render import render
from lwgan_cli.synthetic.scene import View, make_scene
from lwgan_cli.synthetic.truth import to_uint8
from tests.body.acting import act, seen


@pytest.mark.parametrize("whole", [True, False])
def test_a_mask_goes_on_below_the_picture_only_for_people_who_do(whole: bool) -> None:
    keypoints: Keypoints = seen(act(1, seed=1))
    width, height = keypoints.image_size
    points = keypoints.points.copy()
    points[0, FEET] = (width / 2, height - 3 if whole else height + 200)
    keypoints = replace(keypoints, points=points, crop=np.array([[width / 2, height, 200]], np.float32))
    alpha = np.zeros((height, width), np.float32)
    alpha[height // 2 :, width // 2 - 20 : width // 2 + 20] = 1  # stands on the picture's lower edge
    found = crop_alpha(alpha, keypoints)
    assert found.shape == (DRESS_SIZE, DRESS_SIZE)
    middle = DRESS_SIZE // 2
    assert found[: middle - 4, middle].min() == 1
    assert found[middle + 4 :, middle].mean() == pytest.approx(0 if whole else 1, abs=1e-3)


def test_arms_raised_beside_the_head_stay_in_the_mask() -> None:
    """Seen from behind: a closer look at the head takes them, and the shoulders, for background."""
    model, size = load_body("open"), (384, 512)
    person = random_person(model, 29, 512)
    pose = np.zeros((1, 24, 3))
    pose[0, 0] = Rotation.from_euler("y", 180, degrees=True).as_rotvec()
    for side, shoulder, elbow, collar in ((1, 16, 18, 13), (-1, 17, 19, 14)):
        pose[0, shoulder], pose[0, elbow] = arm_rotations(side, 75, 10, -20, 15)
        pose[0, collar, 2] = side * np.radians(19)
    view = View.framing(size, 1.7, 0.74, 4.0)
    scene = make_scene("studio", 9, view)
    camera = torch.tensor([[0.85 * view.scale, size[0] / 2, size[1] / 2 + 0.13 * view.scale]])
    shown = render(
        model, person, torch.from_numpy(pose.astype(np.float32)), camera, size, scene.light, scene.background,
    )  # fmt: skip
    clean = to_uint8(shown.pictures[0]).permute(1, 2, 0).numpy()
    picture = np.clip(clean + np.random.default_rng(9).normal(0, 3, clean.shape), 0, 255).astype(np.uint8)
    mask = shown.alpha[0].numpy() > 0.5
    keypoints = watch([picture], static=True).keypoints
    found = person_alpha(picture, keypoints) > 0.5
    assert (found & mask).sum() > 0.95 * (found | mask).sum()


def test_a_raised_arm_is_as_thick_from_the_side_to_its_finger_tips() -> None:
    points = np.full((33, 2), 100, np.float32)
    points[[12, 14, 16, 20]] = (100, 120), (130, 120), (150, 80), (152, 70)
    points[[11, 13, 15, 19]] = (98, 120), (98, 150), (98, 180), (98, 190)
    points[23:25] = (98, 200), (102, 200)
    points[0] = (110, 80)
    keypoints = Keypoints(
        points[None], np.ones((1, 33), np.float32), np.zeros((1, 33, 3), np.float32), Masks((), 256),
        np.array([[100, 150, 200]], np.float32), (200, 250),
    )  # fmt: skip
    drawn, between = raised_arms(keypoints)
    assert drawn[74:76, 145:157].all()  # the hand
    assert drawn[113:127, 120].all() and not drawn[100, 120]  # the forearm, a sixth of the trunk thick
    assert not drawn[160:, 98].any()  # the other one hangs
    assert between[90, 125] and not between[70, 100] and not (between & drawn).any()


def test_ends_of_limbs_that_colours_lost_are_known_by_their_bones() -> None:
    points, seen = np.full((33, 2), 100, np.float32), np.ones(33, np.float32)
    points[[13, 15, 17, 19]] = (40, 100), (40, 160), (30, 180), (50, 180)
    points[[14, 16]] = (160, 100), (160, 160)
    points[23:25] = 100, 200
    seen[[17 + 1, 20]] = 0  # this hand isn't
    keypoints = Keypoints(
        points[None], seen[None], np.zeros((1, 33, 3), np.float32), Masks((), 256),
        np.array([[100, 150, 200]], np.float32), (200, 250),
    )  # fmt: skip
    coarse = np.ones((250, 200), np.float32)
    coarse[:130, :60] = 0.1
    alpha = np.ones_like(coarse)
    assert not lost_ends(keypoints, coarse, alpha).any()
    alpha[:, :60] = 0
    lost = lost_ends(keypoints, coarse, alpha)
    assert lost[140, 40] and lost[170, 40]  # the forearm, and the hand
    assert lost[190, 40] and not lost[200, 40]  # fingers
    assert not lost[120, 40] and not lost[140, 50] and not lost[:, 60:].any()
    coarse[183:, :60] = 0.9  # enough for bones, not for where fingers are guessed
    assert lost_ends(keypoints, coarse, alpha)[170, 40] and not lost_ends(keypoints, coarse, alpha)[190, 40]
