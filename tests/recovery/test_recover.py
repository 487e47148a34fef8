"""Photos and clips in, bodies out: records, quality numbers, the whole way on bodies that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.kinematics import State
from lwgan_cli.body.model import axis_angle_to_matrix, skin
from lwgan_cli.errors import InputError
from lwgan_cli.fitting.fit import Fit, landmark_places
from lwgan_cli.fitting.plane import Plane
from lwgan_cli.records import Keypoints, Masks
from lwgan_cli.recovery import recover as R
from lwgan_cli.recovery.watch import CropStore, Watched
from tests.body.acting import HEIGHT, SIZE, Act, act, body, landmarks, pa_mpjpe, seen, silhouettes

NOISE = 0.004


def exact_fit(film: Act) -> Fit:
    plane = Plane(HEIGHT, (230.0, 290.0))
    state = State(axis_angle_to_matrix(torch.from_numpy(film.poses)), plane.camera_from_px(film.camera))
    frames = len(film)
    return Fit(state, torch.from_numpy(film.betas), plane, np.ones(frames, bool), np.zeros(frames, np.int32))


def with_masks(film: Act, keypoints: Keypoints) -> Keypoints:
    masks = silhouettes(film, keypoints.crop)
    return replace(keypoints, masks=Masks.pack([mask.astype(np.uint8) * 255 for mask in masks], masks.shape[1]))


def watched(film: Act, keypoints: Keypoints) -> Watched:
    """Grey people on a grey ground: colours say nothing."""
    store = CropStore()
    for mask in silhouettes(film, keypoints.crop):
        store.append(np.where(mask[..., None], 180, 90).astype(np.uint8).repeat(3, 2))
    nobody = Masks.pack([np.zeros((256, 256), np.uint8)] * len(film), 256)
    return Watched(keypoints, store, np.zeros(len(film), np.int32), others=nobody, people=1)


def test_a_motion_shows_the_body_where_the_fit_has_it() -> None:
    film = act(5, 10.0, seed=2)
    crop = np.array([[200.0, 300.0, 400.0]] * 5) + np.arange(5)[:, None] * np.array([3.0, -2.0, 10.0])
    motion = R.to_motion(exact_fit(film), crop, SIZE, 10.0, "open:1")
    assert np.allclose(motion.picture_camera(), film.camera, atol=1e-2)  # whatever the crops are
    assert np.allclose(motion.crop, crop)
    again = skin(body(), torch.from_numpy(motion.poses), torch.from_numpy(motion.betas))[0]
    assert (again - film.vertices()).abs().max() < 1e-4
    assert (motion.fps, motion.body, motion.image_size, len(motion)) == (10.0, "open:1", SIZE, 5)
    assert motion.valid.all() and motion.shots.dtype == np.int32


@pytest.mark.parametrize("seed", [1, 3])
def test_the_body_of_a_photo(seed: int) -> None:
    film = act(1, seed=seed)
    keypoints = with_masks(film, seen(film, NOISE))
    crop = keypoints.crop
    alpha = silhouettes(film, crop, size=320)[0].astype(np.float32)
    found = R.recover_photo(body(), landmarks(), keypoints, alpha)
    assert np.allclose(found.motion.crop, crop)
    assert len(found.motion) == 1 and found.motion.body == body().identity
    assert found.quality.iou > 0.96 and found.quality.reprojection < 1.0 and np.isnan(found.quality.jitter)
    shown = Act(found.motion.poses, found.motion.betas, found.motion.picture_camera())
    mask, drawn = alpha > 0.5, silhouettes(shown, crop, found.offsets, 320)[0]
    assert (mask & drawn).sum() / (mask | drawn).sum() == pytest.approx(found.quality.iou, abs=0.005)
    assert pa_mpjpe(shown.joints(), film.joints())[0] < 60
    assert np.abs(shown.px(shown.places()) - film.px(film.places())).mean() < 0.02 * HEIGHT


@pytest.mark.parametrize("dense", [False, True])
def test_the_motion_of_a_clip(dense: bool) -> None:
    film = act(6, 12.0, seed=4)
    keypoints = with_masks(film, seen(film, NOISE))
    told: list[int] = []
    motion, quality = R.recover_clip(body(), landmarks(), watched(film, keypoints), 12.0, dense, told.append)
    assert sum(told) == len(motion) == 6 and motion.fps == 12.0
    shown = Act(motion.poses, motion.betas, motion.picture_camera())
    assert pa_mpjpe(shown.joints(), film.joints()).mean() < 50
    off = np.linalg.norm(shown.px(shown.places()) - film.px(film.places()), axis=-1)
    assert off.mean() < 0.015 * HEIGHT
    assert quality.iou > (0.9 if dense else 0.8)
    assert quality.reprojection < 1.2
    assert 0 < quality.jitter < 3


def test_silhouettes_overlap() -> None:
    film = act(4, 10.0, seed=6)
    keypoints = with_masks(film, seen(film))
    assert np.allclose(R.overlap(body(), exact_fit(film), keypoints), 1, atol=0.01)
    other = act(4, 10.0, seed=7)
    ours, theirs = silhouettes(film, keypoints.crop), silhouettes(other, keypoints.crop)
    expected = (ours & theirs).sum((1, 2)) / (ours | theirs).sum((1, 2))
    found = R.overlap(body(), exact_fit(other), keypoints)
    assert np.allclose(found, expected, atol=0.01)
    assert len(R.overlap(body(), exact_fit(film), keypoints, most=2)) == 2


def test_jitter_is_the_mean_second_difference() -> None:
    """Of a person who is found exactly and carried along a parabola."""
    still = act(1, seed=2)
    t = np.arange(8.0)
    camera = still.camera + np.stack([0 * t, 3 * t**2, 4 * t**2], 1)
    film = Act(np.repeat(still.poses, 8, 0), still.betas, camera)
    places = landmark_places(exact_fit(film), body(), landmarks())
    assert np.allclose(np.linalg.norm(np.diff(places, 2, axis=0), axis=-1), 10, atol=0.05)
    keypoints = with_masks(film, seen(film))
    _, quality = R.recover_clip(body(), landmarks(), watched(film, keypoints), 8.0, dense=False)
    height = np.median(keypoints.crop[:, 2]) / 1.24
    assert quality.jitter == pytest.approx(100 * 10 / height, rel=0.1)


def test_nobody_in_the_photo_is_an_input_error() -> None:
    keypoints = seen(act(1))
    nobody = replace(keypoints, points=np.full_like(keypoints.points, np.nan))
    with pytest.raises(InputError, match="nobody"):
        R.recover_photo(body(), landmarks(), nobody, np.zeros((64, 64), np.float32))


def test_jitter_is_counted_within_shots_and_where_somebody_was_seen() -> None:
    """Places that shake by ±1 px have second differences of 4 px; jumps at a cut or over a gap are no jitter."""
    frames = 12
    places = np.zeros((frames, 33, 2))
    places[:, :, 0] = np.where(np.arange(frames) % 2, 1.0, -1.0)[:, None]
    keypoints = seen(act(frames, 25.0, 0), 0.0, 0)
    expected = 100 * 4 / (np.median(keypoints.crop[:, 2]) / 1.24)
    everywhere, one = np.ones(frames, bool), np.zeros(frames, int)
    assert R.jitter(places, everywhere, one, keypoints) == pytest.approx(expected)
    places[6:] += 500.0
    assert R.jitter(places, everywhere, (np.arange(frames) >= 6).astype(int), keypoints) == pytest.approx(expected)
    gap = everywhere.copy()
    gap[5:7] = False
    assert R.jitter(places, gap, one, keypoints) == pytest.approx(expected)
    assert np.isnan(R.jitter(places[:2], everywhere[:2], one[:2], keypoints))
