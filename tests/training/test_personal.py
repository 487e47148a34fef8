from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.body.model import skin
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.metrics.mask import iou
from lwgan_cli.texture.source import picture_ndc
from lwgan_cli.training.personal import Portrait, own_subjects
from lwgan_cli.training.prepare import Photo
from lwgan_cli.training.sample import Staged
from tests.training.people import body, photo, pose


def lopsided() -> np.ndarray:
    """(24, 3) one arm up, one down, a little turned."""
    rows = pose(25.0)
    rows[16, 2], rows[17, 2], rows[4, 0] = 0.6, 1.2, 0.5
    return rows


def portrait(rows: np.ndarray, seed: int = 0) -> Portrait:
    return Portrait(photo(rows, seed), np.zeros(10, np.float32), np.zeros((body().n_vertices, 3), np.float32))


def silhouette(of: Portrait) -> np.ndarray:
    """(H, W) bool: where the portrait's numbers have the body."""
    height, width = of.photo.picture.shape[:2]
    vertices, _ = skin(
        body(), torch.from_numpy(of.photo.pose[None]), torch.from_numpy(of.betas), torch.from_numpy(of.offsets)
    )
    ndc = picture_ndc(vertices, torch.from_numpy(of.photo.camera[None].astype(np.float32)), (width, height))
    ndc[..., 2] += 1 - ndc[..., 2].min()
    return rasterize(ndc, body().faces, (height, width)).mask[0].numpy()


def test_the_mirror_image_has_its_body_where_it_shows_it() -> None:
    before = portrait(lopsided())
    bump = np.zeros((body().n_vertices, 3), np.float32)
    bump[body().parts.numpy() == 4, 0] = 0.04  # one knee is thick
    before = replace(before, offsets=bump)
    after = before.mirrored(body())
    assert np.array_equal(after.photo.picture, before.photo.picture[:, ::-1])
    assert iou(silhouette(after), silhouette(before)[:, ::-1]) > 0.97
    assert iou(silhouette(after), silhouette(before)) < 0.9  # which shows that the test sees something
    again = after.mirrored(body())
    assert np.allclose(again.photo.pose, before.photo.pose) and np.allclose(again.photo.camera, before.photo.camera)


@pytest.mark.slow
def test_one_photo_becomes_itself_with_parts_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwgan_cli.training.personal.VARIANTS", 2)
    made = own_subjects(body(), [portrait(pose())], np.random.default_rng(0))
    assert len(made) == 2 * 3 and all(subject.exact and len(subject) == 1 for subject in made)
    seen = [float(subject.stills[0].visibility.astype(np.float32).sum()) for subject in made]
    for whole, *partly in (seen[:3], seen[3:]):
        assert max(partly) < 0.9 * whole and min(partly) > 0.1 * whole
    for subject in made[:3]:
        assert np.array_equal(subject.picture(0)[..., :3], photo(pose()).picture)
        assert subject.background is None
    hidden, shown = made[1].stills[0], made[0].stills[0]
    assert (hidden.score <= shown.score).all() and (hidden.score < shown.score).any()


@pytest.mark.slow
def test_two_photos_become_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwgan_cli.training.personal.VARIANTS", 0)
    larger = portrait(pose(30.0), 1)
    grown = cv2.resize(larger.photo.picture, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LINEAR)
    alpha = cv2.resize(larger.photo.alpha, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LINEAR)
    larger = replace(larger, photo=Photo(grown, alpha, larger.photo.pose, larger.photo.camera * 1.5))
    made = own_subjects(body(), [portrait(pose()), larger], np.random.default_rng(0))
    assert len(made) == 4 * 2
    self_made, from_other = made[:2]
    assert self_made.exact and not from_other.exact
    target = from_other.picture(0)
    assert target.shape[:2] == self_made.plate.shape[:2] == (192, 128)
    staged = Staged(body(), from_other)
    poses, cameras = staged.cameras(np.array([0]), np.random.default_rng(0))
    assert np.array_equal(poses[0], pose(30.0)) and np.allclose(cameras[0], from_other.cameras[0])
    there = Portrait(Photo(target[..., :3], target[..., 3] / 255, poses[0], cameras[0]), np.zeros(10), larger.offsets)
    there = replace(there, betas=np.zeros(10, np.float32))
    assert iou(silhouette(there), target[..., 3] > 127) > 0.9
    outside = target[..., 3] == 0
    apart = np.abs(from_other.plate.astype(int) - target[..., :3]).max(2)
    assert np.median(apart[outside & ~from_other.hole]) == 0  # the scene is the other photo's
