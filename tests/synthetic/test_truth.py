from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.motion import load_motion, save_motion
from lwgan_cli.synthetic.person import Person
from lwgan_cli.synthetic.scene import KINDS, View, make_scene, with_shadow
from lwgan_cli.synthetic.truth import GroundTruth, fit_errors, lag, random_film, shoot

SIZE = (120, 160)
ATLAS = 256


@pytest.fixture(scope="module")
def truth(model: BodyModel) -> GroundTruth:
    return shoot(random_film(model, 5, 3, SIZE, "step-touch", fps=5, atlas=ATLAS))


def test_a_seed_is_a_film(model: BodyModel, truth: GroundTruth) -> None:
    again = shoot(random_film(model, 5, 3, SIZE, "step-touch", fps=5, atlas=ATLAS))
    np.testing.assert_array_equal(truth.pictures, again.pictures)
    np.testing.assert_array_equal(truth.masks, again.masks)
    np.testing.assert_array_equal(truth.motion.poses, again.motion.poses)
    assert truth.pictures.shape == (3, SIZE[1], SIZE[0], 3) and truth.pictures.dtype == np.uint8
    other = random_film(model, 6, 3, SIZE, atlas=ATLAS)
    assert other.person.look != truth.film.person.look


def test_masks_are_where_the_vertices_are(model: BodyModel, truth: GroundTruth) -> None:
    """All vertices project into the mask or within a pixel of it, and reach its box's four sides."""
    vertices = truth.vertices_px()
    for mask, points in zip(truth.masks, vertices, strict=True):
        rows, columns = np.nonzero(mask)
        assert abs(points[:, 0].min() - columns.min()) < 1.5 and abs(points[:, 0].max() - columns.max() - 1) < 1.5
        assert abs(points[:, 1].min() - rows.min()) < 1.5 and abs(points[:, 1].max() - rows.max() - 1) < 1.5
        padded = np.pad(mask, 1).astype(int)
        near = sum(padded[1 + i : SIZE[1] + 1 + i, 1 + j : SIZE[0] + 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1))
        column, row = points[:, :2].astype(int).T
        assert (near[row, column] > 0).all()


def test_motion_record_poses_the_body_in_the_picture(model: BodyModel, truth: GroundTruth) -> None:
    """The record's crop camera, applied by hand, gives the same picture px."""
    motion = truth.motion
    vertices, _ = skin(model, torch.from_numpy(motion.poses), torch.from_numpy(motion.betas), truth.film.person.offsets)
    s, tx, ty = motion.camera[1]
    cx, cy, side = motion.crop[1]
    x = cx + side / 2 * (s * vertices[1, :, 0].numpy() + tx)
    y = cy - side / 2 * (s * vertices[1, :, 1].numpy() + ty)
    np.testing.assert_allclose(truth.vertices_px()[1, :, :2], np.stack([x, y], 1), atol=2e-3)
    assert motion.body == model.identity


def test_motion_survives_its_file(truth: GroundTruth, tmp_path) -> None:
    save_motion(tmp_path / "truth.npz", truth.motion)
    assert fit_errors(truth, load_motion(tmp_path / "truth.npz")).joints.max() < 1e-3


def test_soles_stand_on_the_scenes_floor(model: BodyModel, truth: GroundTruth) -> None:
    """Camera and floor agree: the lowest vertex lies on the picture row of the floor at its depth."""
    view = truth.film.scene.view
    vertices = truth.vertices_px()
    place = truth.film.performance.place
    pitch = np.radians(view.pitch)
    for points, pelvis in zip(vertices, place, strict=True):
        lowest = points[:, 1].max()
        # a sole reaches 20 cm to either side of the pelvis' depth
        on_floor = view.floor + view.scale * np.sin(pitch) * (pelvis[2] + np.array([-0.3, 0.4]))
        assert on_floor[0] - 1 < lowest < on_floor[1] + 1


def test_errors_are_zero_for_the_truth_and_exact_for_a_shift(truth: GroundTruth) -> None:
    offsets = truth.film.person.offsets
    none = fit_errors(truth, truth.motion, offsets)
    assert none.joints.max() < 1e-6 and none.surface.max() < 1e-6 and none.procrustes.max() < 1e-6
    assert none.acceleration[1] < 1e-6 and np.isnan(none.acceleration[[0, 2]]).all()
    assert none.iou.min() > 0.95  # people so small are all edge
    crop = truth.motion.crop.copy()
    crop[:, 0] += 3  # px to the right
    shifted = fit_errors(truth, replace(truth.motion, crop=crop), offsets)
    expected = 3 / truth.motion.picture_camera()[:, 0] * 1000
    for found in (shifted.joints, shifted.plane, shifted.surface):
        np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert shifted.procrustes.max() < 1e-6 and shifted.acceleration[1] < 1e-6
    assert shifted.iou.max() < 0.9
    naked = fit_errors(truth, truth.motion, torch.zeros_like(offsets))
    assert 2 < naked.surface.mean() < 40 and naked.joints.max() < 1e-6
    assert naked.iou.max() < none.iou.min()


def test_a_fit_without_clothes_is_compared_with_the_naked_body(truth: GroundTruth) -> None:
    assert fit_errors(truth, truth.motion).surface.max() < 1e-6
    poses = truth.motion.poses.copy()
    poses[:, 16, 2] += 0.5  # one arm is raised
    raised = fit_errors(truth, replace(truth.motion, poses=poses))
    arm = (truth.film.model.lbs_weights[:, [16, 18, 20, 22]].sum(1) > 0.99).float().mean()
    assert raised.surface.min() > 1 and arm > 0.02


def test_procrustes_takes_out_a_turn_and_a_scale_but_no_pose(truth: GroundTruth) -> None:
    turned = replace(
        truth.motion, poses=truth.motion.poses.copy(), camera=truth.motion.camera * np.float32([1.2, 1, 1])
    )
    for row, pose in enumerate(turned.poses):
        turn = Rotation.from_rotvec([0.1, 0.3, -0.1]) * Rotation.from_rotvec(pose[0])
        turned.poses[row, 0] = turn.as_rotvec()
    errors = fit_errors(truth, turned)
    assert errors.joints.min() > 30 and errors.procrustes.max() < 0.1


def test_acceleration_is_that_of_a_jerk(truth: GroundTruth) -> None:
    crop = truth.motion.crop.copy()
    crop[1, 1] += 2  # px down, in the middle frame alone
    errors = fit_errors(truth, replace(truth.motion, crop=crop))
    assert errors.acceleration[1] == pytest.approx(4 / truth.motion.picture_camera()[1, 0] * 1000, rel=1e-3)


def test_slide_is_how_far_standing_feet_wander(model: BodyModel) -> None:
    """A squat's feet stand all the while: a camera that swings ± 2 px takes them with it; one that is off doesn't."""
    film = random_film(model, 5, 6, SIZE, "squat", fps=5, atlas=ATLAS)
    assert film.performance.planted.all()
    still = shoot(film)
    camera = still.motion.camera.copy()
    off = camera + np.array([0, 0.1, 0.05], np.float32)
    assert fit_errors(still, replace(still.motion, camera=off)).slide.max() < 1e-3
    swinging = camera.copy()
    px = still.motion.crop[0, 2] / 2
    swinging[:, 1] += np.array([2, -2] * 3, np.float32) / px
    to_mm = 1000 / still.motion.picture_camera()[0, 0]
    errors = fit_errors(still, replace(still.motion, camera=swinging))
    np.testing.assert_allclose(errors.slide, 2 * to_mm, rtol=1e-3)
    lifted = replace(film, performance=replace(film.performance, planted=np.zeros((6, 2), bool)))
    assert np.isnan(fit_errors(replace(still, film=lifted), still.motion).slide).all()


@pytest.mark.parametrize("late", [-2.0, 0.0, 0.4, 1.0, 3.0])
def test_lag_is_found_to_a_fraction_of_a_frame(late: float) -> None:
    def swing(at: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(at / 3)[:, None] * [1.0, 0.5, 2.0], np.cos(at / 4)[:, None] * [0.3, 1.0, 0.2]], -1)

    at = np.arange(60.0)
    assert lag(swing(at - late), swing(at)) == pytest.approx(late, abs=0.1)


def test_lag_needs_time_and_motion_that_is_alike() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 60, 3, 2))
    assert np.isnan(lag(*noise))
    assert np.isnan(lag(np.zeros((8, 3, 2)), np.zeros((8, 3, 2))))
    assert np.isnan(lag(np.zeros((40, 3, 2)), np.zeros((40, 3, 2))))


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_are_pictures_with_a_floor(kind: str) -> None:
    view = View.framing(SIZE, 1.7)
    scene, again = make_scene(kind, 3, view), make_scene(kind, 3, view)
    assert torch.equal(scene.background, again.background)
    assert scene.background.shape == (3, SIZE[1], SIZE[0])
    assert scene.background.min() >= 0 and scene.background.max() <= 1
    assert scene.background.std() > 0.01
    assert 0.4 * SIZE[1] < scene.wall < view.floor
    assert not torch.equal(scene.background, make_scene(kind, 4, view).background)


def test_unknown_scenes_are_named() -> None:
    with pytest.raises(ValueError, match="moon"):
        make_scene("moon", 0, View.framing(SIZE, 1.7))


def test_view_puts_the_floor_and_the_person(model: BodyModel) -> None:
    view = View.framing(SIZE, 1.7, fill=0.8, pitch=5)
    points = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.7, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]])
    px = view.project(points)
    torch.testing.assert_close(px[0], torch.tensor([view.centre, view.floor]))
    assert abs(float(px[0, 1] - px[1, 1]) - 0.8 * SIZE[1] * np.cos(np.radians(5))) < 0.01
    assert abs(float(px[2, 0] - px[0, 0]) - 0.5 * view.scale) < 0.01
    assert abs(float(px[3, 1] - px[0, 1]) - view.scale * np.sin(np.radians(5))) < 0.01


def test_shadow_lies_on_the_floor_and_darkest_at_the_feet(model: BodyModel, person: Person) -> None:
    view = View.framing((240, 320), 1.75)
    scene = make_scene("studio", 1, view)
    rest, _ = skin(model, torch.zeros(1, 24, 3), person.betas, person.offsets)
    world = rest - torch.stack([torch.zeros(()), rest[..., 1].min(), torch.zeros(())])
    shadow = scene.background - with_shadow(scene, world, model.faces)[0]
    assert (shadow >= -1e-6).all()
    assert shadow[:, : int(scene.wall) - 2].abs().max() == 0
    row, column = divmod(int(shadow.mean(0).argmax()), 240)
    feet = view.project(world[0][world[0, :, 1] < 0.05])
    assert (feet - torch.tensor([column + 0.5, row + 0.5])).norm(dim=1).min() < 12
    lifted = scene.background - with_shadow(scene, world + torch.tensor([0.0, 0.5, 0.0]), model.faces)[0]
    assert lifted.max() < 0.8 * shadow.max()
