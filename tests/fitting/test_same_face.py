"""Whether a driving shows the photo's own face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.detection.face_detect import N_POINTS, FacePoints
from lwgan_cli.detection.face_places import load_face_places
from lwgan_cli.fitting.face import FaceModel, fit_face, kernel
from lwgan_cli.fitting.same_face import frame_of
from lwgan_cli.records import Motion
from tests.fitting.test_face import FPS, FRAMES, acted, film
from tests.pipeline.test_motion_input import numbered_motion


@pytest.fixture(scope="module")
def face() -> FaceModel:
    model = FaceModel.of(load_body("open", find_weights_dir()), load_face_places(find_weights_dir()))
    assert model is not None
    return model


def somebody(face: FaceModel, seed: int) -> np.ndarray:
    """(478, 3) a neutral face."""
    shape = np.linalg.cholesky(kernel(face.neutral, face.neutral) + 1e-10 * np.eye(N_POINTS))
    return face.neutral + 0.6 * shape @ np.random.default_rng(seed).normal(size=(N_POINTS, 3)) * [1, 1, 0.5]


def driving(face: FaceModel, points: FacePoints) -> Motion:
    found = fit_face(face, points, np.zeros(FRAMES, int), FPS)
    assert found is not None
    motion = numbered_motion(FRAMES, FPS)
    return replace(
        motion,
        face=found.strengths.astype(np.float32),
        features=found.features.astype(np.float16),
        neutral=found.neutral.astype(np.float32),
    )


def test_the_photos_own_face_is_found_and_nobody_elses(face: FaceModel) -> None:
    anna, ben = somebody(face, 1), somebody(face, 2)
    motion = driving(face, film(face, anna, acted(face), noise=0.3)[0])
    again = film(face, anna, acted(face), noise=0.3, seed=1)[0].points
    frame = frame_of(face, 1.7 * again[18] + np.float32(40), motion)  # in a larger picture, elsewhere
    assert frame is not None and abs(frame - 18) <= 1
    other = film(face, ben, acted(face), noise=0.3, seed=1)[0].points
    assert all(frame_of(face, points, motion) is None for points in other[::5])
    assert frame_of(face, again[18], replace(motion, neutral=None)) is None
