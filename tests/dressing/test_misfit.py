"""What a photo's offsets are worth in other poses, measured on bodies whose shoulders aren't where the model's are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import BodyModel, rest_vertices, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.misfit import Misfit, hold
from tests.body.acting import Act, body, crop_cameras
from tests.dressing.test_dress import crop_round, dressed, iou, rest_normals, smoothed

UP, LEVEL, DOWN = 1.1, 0.0, -1.25  # rad
BETAS = torch.zeros(10)


def holding(arms: float, collars: float = 0.0) -> Act:
    """Both arms held at this angle above the shoulders, collars their share of it; legs apart."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 13, 2], pose[0, 1, 2] = arms - collars, collars, 0.2
    pose[0, [17, 14, 2], 2] = -pose[0, [16, 13, 1], 2]
    return Act(pose, np.zeros(10, np.float32), np.array([[240.0, 240.0, 300.0]]))


def broad(metres: float) -> BodyModel:
    """The body with each shoulder further out."""
    weights, rest = body().lbs_weights, body().v_template
    aside = metres * (weights[:, 16:24].sum(1) + 0.7 * weights[:, 13:15].sum(1)) * rest[:, 0].sign()
    return replace(body(), v_template=rest + torch.stack([aside, 0 * aside, 0 * aside], 1))


@cache
def suit() -> torch.Tensor:
    """(V, 3) m: 2.5 cm on trunk and limbs."""
    bare = body().lbs_weights[:, [7, 8, 10, 11, 15, 20, 21, 22, 23]].sum(1)
    return rest_normals(rest_vertices(body(), BETAS)) * smoothed(0.025 * (1 - bare), 30)[:, None]


def upper(model: BodyModel, film: Act, crop: np.ndarray, offsets: torch.Tensor | None = None) -> np.ndarray:
    """(1, h, 256) bool: its silhouette from the hips up."""
    vertices = skin(model, torch.from_numpy(film.poses), BETAS, offsets)[0]
    seen = rasterize(project(vertices, crop_cameras(film, crop)), model.faces, 256).mask.numpy()
    hips = (1 - float(crop_cameras(film, crop)[0, 2])) * 128
    return seen[:, : int(hips)]


def whole(model: BodyModel, film: Act, crop: np.ndarray, offsets: torch.Tensor | None) -> np.ndarray:
    vertices = skin(model, torch.from_numpy(film.poses), BETAS, offsets)[0]
    return rasterize(project(vertices, crop_cameras(film, crop)), model.faces, 256).mask[0].numpy()


@cache
def worn_by(metres: float, dressed_up: bool, shown: float, rise: float) -> torch.Tensor:
    """(V, 3) m: offsets of a photo of `broad` shoulders, its arms held at this angle; see `later`."""
    photo, clothes = holding(shown), suit() if dressed_up else None
    crop = crop_round(photo)
    return dressed(photo, crop, whole(broad(metres), holding(shown, rise), crop, clothes)).offsets


def later(metres: float, dressed_up: bool, shown: float, then: float, rise: float = 0.0) -> list[float]:
    """Overlap of the upper body with that of shoulders so much further out once the arms are held otherwise, of the
    naked body, in all of the photo's offsets, and without its misfit. rise: of the collars in the photo, of which the
    fit knows nothing."""
    model, clothes = broad(metres), suit() if dressed_up else None
    photo, film = holding(shown), holding(then)
    worn = worn_by(metres, dressed_up, shown, rise)
    pose, poses = torch.from_numpy(photo.poses[0]), torch.from_numpy(film.poses)
    misfit = Misfit.of(body(), pose, BETAS, worn)
    torch.testing.assert_close(misfit.worn(body(), worn, pose[None], BETAS)[0], worn, atol=1e-6, rtol=0)
    crop = crop_round(film)
    truth = upper(model, film, crop, clothes)
    tried = (None, worn, misfit.worn(body(), worn, poses, BETAS)[0])
    return [float(iou(upper(body(), film, crop, each), truth)[0]) for each in tried]


@pytest.mark.parametrize(("shown", "then"), [(UP, DOWN), (DOWN, UP), (UP, LEVEL), (DOWN, LEVEL)])
@pytest.mark.parametrize(("metres", "dressed_up"), [(-0.03, False), (-0.03, True), (0.02, True)])
def test_shoulders_keep_their_breadth_when_arms_are_moved(
    shown: float, then: float, metres: float, dressed_up: bool
) -> None:
    _, turned, kept = later(metres, dressed_up, shown, then)
    assert 1 - kept < 0.85 * (1 - turned)


def test_shoulders_that_rose_with_the_arms_come_down_with_them() -> None:
    naked, turned, kept = later(0.0, False, UP, DOWN, rise=0.35)
    assert naked == 1 and turned < 0.9 and kept > 0.96


@pytest.mark.parametrize(("shown", "then"), [(UP, DOWN), (DOWN, UP)])
def test_clothes_of_a_body_that_fits_stay_as_thick(shown: float, then: float) -> None:
    naked, turned, kept = later(0.0, True, shown, then)
    assert naked < 0.85 and kept > turned - 0.02


def test_a_misfit_holds_by_where_the_arms_point_from_the_chest() -> None:
    photo = torch.zeros(24, 3)
    poses = torch.zeros(5, 24, 3)
    poses[0, 16, 2] = 0.5  # 29 degrees
    poses[1, 16, 1], poses[1, 17, 0] = -1.6, 2.0  # to the front; the other one about its own length
    poses[2, 18, 1] = -1.6  # the forearm alone
    poses[3, [0, 3, 9], 1] = 1.0  # all of the body
    poses[4, 16, 2] = -np.pi / 3
    held = hold(body(), photo, poses)
    want = torch.ones(5, 24)
    want[1, [13, 16, 18]], want[2, 18], want[4, [13, 16, 18]] = 0, 0, 0.5
    torch.testing.assert_close(held, want, atol=1e-3, rtol=0)


def test_of_several_photos_each_holds_in_its_own_pose() -> None:
    rng, upper_half = np.random.default_rng(0), (body().v_template[:, 1] > 0).float()
    worn = torch.from_numpy(rng.normal(0, 0.01, (2, body().n_vertices, 3)).astype(np.float32))
    poses = torch.from_numpy(np.concatenate([holding(arms).poses for arms in (UP, DOWN)]))
    misfits = [Misfit.of(body(), pose, BETAS, each) for pose, each in zip(poses, worn, strict=True)]
    shares = torch.stack([upper_half, 1 - upper_half])
    both = (shares[..., None] * worn).sum(0)
    found = Misfit.together(misfits, shares).worn(body(), both, poses, BETAS)
    for row, other in ((0, 1), (1, 0)):
        alone = misfits[other].worn(body(), worn[other], poses[row : row + 1], BETAS)[0]
        want = shares[row, :, None] * worn[row] + shares[other, :, None] * alone
        torch.testing.assert_close(found[row], want, atol=1e-6, rtol=0)


def test_an_arm_that_skinning_wrings_grows_nothing() -> None:
    worn = 0.03 * torch.ones(body().n_vertices, 3)
    poses = torch.zeros(2, 24, 3)
    poses[0, 16, 0], poses[1, 16, 2], poses[1, 17, 2] = np.pi, np.pi, -np.pi
    misfit = Misfit.of(body(), torch.zeros(24, 3), BETAS, worn)
    assert misfit.worn(body(), worn, poses, BETAS).norm(dim=-1).max() < 0.3
