"""The plane of a fit: there and back, and how large somebody is of whom only a part is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.kinematics import project
from lwgan_cli.errors import InputError
from lwgan_cli.fitting.plane import Plane, inside, plane_of, px_per_m
from lwgan_cli.records import Keypoints
from tests.body.acting import SIZE, Act, act, seen


def test_the_plane_goes_there_and_back() -> None:
    plane = Plane(400.0, (123.0, 77.0))
    px = np.random.default_rng(0).uniform(-50, 700, (3, 5, 2))
    assert np.allclose(plane.px(plane.points(px)), px, atol=1e-3)
    assert np.allclose(plane.points(np.array([123.0, 77.0 - 400])).numpy(), [0, 1])  # up is up
    camera = np.array([[250.0, 300.0, 200.0], [100.0, -20.0, 500.0]])
    assert np.allclose(plane.camera_to_px(plane.camera_from_px(camera)), camera, atol=1e-3)
    # a point projected in the plane is where the same camera in px has it
    point = torch.tensor([[[0.3, -0.7, 0.1]]])
    flat = project(point.expand(2, 1, 3), plane.camera_from_px(camera))
    expected = camera[:, 1:] + camera[:, :1] * np.array([0.3, 0.7])
    assert np.allclose(plane.px(flat)[:, 0], expected, atol=1e-3)


@pytest.fixture(scope="module")
def film() -> Act:
    return act(6, 2.0, seed=3)


def above(keypoints: Keypoints, bottom: int) -> Keypoints:
    """The picture ends at row `bottom`, and so does the person's crop."""
    top = keypoints.points[..., 1].min()
    crop = np.tile(np.float32([SIZE[0] / 2, (top + bottom) / 2, 1.24 * (bottom - top)]), (len(keypoints), 1))
    return replace(keypoints, crop=crop, image_size=(SIZE[0], bottom))


def test_somebody_seen_whole_is_as_high_as_seen(film: Act) -> None:
    keypoints = seen(film)
    plane = plane_of(keypoints)
    assert (plane.length, plane.share) == (pytest.approx(np.median(keypoints.crop[:, 2]) / 1.24), 1.0)


def test_the_height_of_somebody_of_whom_little_is_seen_goes_by_the_detectors_metres(film: Act) -> None:
    keypoints = seen(film)
    true = np.median(film.camera[:, 0])  # px per metre
    for row in (11, 23):  # to the shoulders, to the hips
        bottom = int(keypoints.points[:, row, 1].max()) + 10
        part = above(keypoints, bottom)
        assert px_per_m(part) == pytest.approx(true, rel=0.15)
        plane = plane_of(part)
        assert plane.length == pytest.approx(1.7 * px_per_m(part))
        assert plane.share == pytest.approx(part.crop[0, 2] / 1.24 / plane.length)
        assert plane.share < 0.75
    # what lies beyond the picture doesn't count
    points = part.points.copy()
    points[~inside(part)] += 500
    assert px_per_m(replace(part, points=points)) == pytest.approx(px_per_m(part), rel=1e-3)


def test_frames_in_which_nobody_is_found_say_nothing(film: Act) -> None:
    part = above(seen(film), int(seen(film).points[:, 23, 1].max()))
    points, visibility = part.points.copy(), part.visibility.copy()
    points[2:4], visibility[2:4] = np.nan, 0
    some = plane_of(replace(part, points=points, visibility=visibility))
    assert some.length == pytest.approx(plane_of(part).length, rel=0.05)
    with pytest.raises(InputError):
        plane_of(replace(part, points=np.full_like(points, np.nan), visibility=0 * visibility))
