"""From rendered faces to expressions, the detector included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.detection.face_detect import FaceDetector, FacePoints
from lwgan_cli.detection.face_places import load_face_places
from lwgan_cli.fitting.face import BLINKS, FaceModel, fit_face
from lwgan_cli.synthetic.face_places import FIELD, SIZE, nearest_spot, shoot_head
from lwgan_cli.synthetic.person import random_person


@pytest.mark.slow
def test_a_rendered_face_that_turns_talks_and_blinks_is_understood() -> None:
    model = load_body("open", find_weights_dir())
    face = FaceModel.of(model, load_face_places(find_weights_dir()))
    assert face is not None
    person = random_person(model, 4711, 512)
    yaw = 25 * np.sin(np.linspace(0, 5, 16))
    jaw = np.clip(np.sin(np.linspace(-1, 4, 16)), 0, 1) * 0.5
    blink = (np.arange(16) == 12).astype(float)
    turns, found = [], []
    with FaceDetector(static=True) as detector:
        for angle, opened, shut in zip(yaw, jaw, blink, strict=True):
            acts = torch.zeros(52)
            acts[face.names.index("jawOpen")] = opened
            acts[[face.names.index(name) for name in BLINKS]] = shut
            turn = Rotation.from_euler("y", angle, degrees=True)
            _, picture = shoot_head(model, person, acts, turn.as_rotvec())
            turns.append(turn)
            found.append(detector(picture, np.array([SIZE / 2, SIZE / 2, SIZE], np.float32)))
    points = FacePoints.of(found)
    assert points.found.all() and FIELD > 0
    got = fit_face(face, points, np.zeros(16, int), 25.0)
    assert got is not None
    off = Rotation.from_matrix(got.turns).inv() * Rotation.concatenate(turns)
    assert np.degrees(off.magnitude()).max() < 9  # whose face is longer or flatter looks a little up or down …
    unsteady = np.degrees((off.mean().inv() * off).magnitude())  # … always the same, but for a turn to the side:
    assert unsteady.max() < 5.5  # how deep a face is no frontal picture tells, and eight people lie at 2.9 to 4.8
    assert np.sqrt((unsteady**2).mean()) < 3.5  # the eight: 1.7 to 3.0
    assert np.corrcoef(got.strengths[:, face.names.index("jawOpen")], jaw)[0, 1] > 0.85
    shut = got.strengths[:, [face.names.index(name) for name in BLINKS]].mean(1)
    assert shut.argmax() == 12 and shut[12] > 3 * np.delete(shut, 12).mean()


def test_the_nearest_spot_is_no_further_than_any_sampled_one() -> None:
    rng = np.random.default_rng(0)
    vertices, faces = rng.normal(size=(60, 3)), rng.integers(0, 60, (40, 3))
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    faces = np.concatenate([faces] * 2)  # the search looks at forty faces
    points = rng.normal(size=(25, 3))
    corners, bary = nearest_spot(points, vertices, faces)
    assert np.allclose(bary.sum(1), 1) and bary.min() > -1e-9
    distance = np.linalg.norm((vertices[corners] * bary[..., None]).sum(1) - points, axis=1)
    shares = rng.dirichlet(np.ones(3), 4000)
    samples = np.einsum("sk,fkc->fsc", shares, vertices[faces]).reshape(-1, 3)
    nearest = np.linalg.norm(samples[None] - points[:, None], axis=-1).min(1)
    assert (distance <= nearest + 1e-9).all() and (nearest - distance).max() < 0.2
