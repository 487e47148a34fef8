"""Arms that hang beside the trunk in loose clothes, rendered; what the outline hides is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.body.model import rest_vertices
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.dress import dress
from lwgan_cli.dressing.hanging_arms import ARMS, find_seam, pulled
from lwgan_cli.fitting.outline import Outline
from tests.body.acting import Act, body, crop_cameras, crops, silhouettes
from tests.dressing.test_dress import rest_normals, smoothed

ALL = [*ARMS[0], *ARMS[1]]
SLEEVE, SHIRT = 0.03, 0.05  # m


def hanging(lift: float) -> Act:
    """Arms beside the trunk, legs apart; lift rad from straight down."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 16, 2], pose[0, 17, 2] = lift - np.pi / 2, np.pi / 2 - lift
    pose[0, 1, 2], pose[0, 2, 2] = 0.1, -0.1
    return Act(pose, np.zeros(10, np.float32), np.array([[240.0, 240.0, 300.0]]))


def crop_round(film: Act) -> np.ndarray:
    return crops(film.px(film.places())) * np.array([1, 1, 1.06], np.float32)


def clothes() -> torch.Tensor:
    """(V, 3) m: wide sleeves and a wider shirt."""
    weights = body().lbs_weights
    thick = SLEEVE * weights[:, ALL].sum(1) + SHIRT * weights[:, [0, 3, 6]].sum(1)
    return smoothed(thick, 10)[:, None] * rest_normals(rest_vertices(body(), torch.zeros(10)))


def seam_of(film: Act, person: np.ndarray) -> tuple[Outline, torch.Tensor, float]:
    cameras = crop_cameras(film, crop_round(film))
    scale = float(cameras[0, 0]) * len(person) / 2
    vertices = project(film.vertices(), cameras)
    return find_seam(body(), vertices, person, np.ones_like(person), scale), vertices, scale


def dressed_person(film: Act) -> np.ndarray:
    """(S, S) bool, without the gaps that arms leave."""
    mask = silhouettes(film, crop_round(film), clothes(), 512)[0].astype(np.uint8)
    top = int(np.flatnonzero(mask.any(1))[0]) + 60
    closed = mask.copy()
    closed[top:300] = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, 41), np.uint8))[top:300]
    return closed > 0


def widths(film: Act, offsets: torch.Tensor, joints: tuple[int, ...]) -> np.ndarray:
    """(N,) px across a horizontal arm at its columns, arms stretched out."""
    out = Act(np.zeros_like(film.poses), film.betas, film.camera)
    vertices = project(out.vertices(offsets), crop_cameras(out, crop_round(out)))
    own = body().faces[torch.isin(body().parts[body().faces], torch.tensor(joints)).all(1)]
    across: np.ndarray = rasterize(vertices, own, 512).mask[0].numpy().sum(0)
    return across[across > 4][12:-12]


@pytest.mark.parametrize("lift", [0.12, 0.2])
def test_sleeves_against_a_shirt_are_as_wide_as_they_are_outside(lift: float) -> None:
    film, person = hanging(lift), dressed_person(hanging(lift))
    camera = crop_cameras(film, crop_round(film))[0]
    found = dress(body(), torch.from_numpy(film.poses[0]), torch.from_numpy(film.betas), camera, person * 1.0)
    assert found.iou > 0.97
    for arm in ARMS:
        naked, worn, true = (widths(film, each, arm[1:]) for each in (0 * clothes(), found.offsets, clothes()))
        count = min(len(naked), len(worn), len(true))
        ratio = np.median(worn[:count] / true[:count])
        assert 0.85 < ratio < 1.25
        assert np.percentile(worn[:count] / naked[:count], 5) > 1.05  # no sleeve is thinner than its arm
    # nor does the shirt take the sleeves' place: the waist is no wider than it was
    waist = (body().lbs_weights[:, [0, 3]].sum(1) > 0.95) & (body().v_template[:, 0].abs() > 0.1)
    out = (found.offsets * rest_normals(rest_vertices(body(), torch.zeros(10)))).sum(1)[waist]
    assert float(out.quantile(0.9)) < SHIRT + 0.02


def test_the_seam_lies_between_arm_and_trunk() -> None:
    film = hanging(0.2)
    person = dressed_person(film)
    seam, _, scale = seam_of(film, person)
    naked = silhouettes(film, crop_round(film), size=512)[0]
    assert len(seam.points) * 2 > 0.3 * scale  # both arms, most of their length
    x, y = seam.points.astype(int).T
    assert person[y, x].all() and naked[y, x].mean() < 0.35
    # towards the trunk
    middle = len(person) / 2 - x
    assert (np.sign(seam.normals[:, 0]) == np.sign(middle)).all()


def test_arms_that_stand_free_have_no_seam() -> None:
    film = hanging(0.7)
    seam, vertices, scale = seam_of(film, silhouettes(film, crop_round(film), size=512)[0])
    assert not len(seam.points)
    none = pulled(body(), seam, vertices, np.ones((512, 512), bool), scale)
    assert not len(none.pull) and none.anchors.shape == (0, body().n_vertices)


def test_a_touch_is_no_seam() -> None:
    """A blob between arm and trunk that is shorter than any sleeve."""
    film = hanging(0.35)
    person = silhouettes(film, crop_round(film), size=512)[0]
    seam, *_ = seam_of(film, person)
    filled = cv2.morphologyEx(person.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 61), np.uint8)) > 0
    rows = np.flatnonzero((filled & ~person).any(1))
    touched = person.copy()
    touched[rows[len(rows) // 2] : rows[len(rows) // 2] + 6] = filled[rows[len(rows) // 2] : rows[len(rows) // 2] + 6]
    assert not len(seam.points) and not len(seam_of(film, touched)[0].points)


def test_outlines_are_pulled_onto_the_seam() -> None:
    film = hanging(0.2)
    seam, vertices, scale = seam_of(film, dressed_person(film))
    found = pulled(body(), seam, vertices, np.ones((512, 512), bool), scale)
    ends = found.points + found.pull
    apart = np.linalg.norm(ends[:, None] - seam.points[None], axis=2).min(1)
    np.testing.assert_allclose(apart, 0, atol=1e-9)
    weights = body().lbs_weights[:, ALL].sum(1).numpy()
    of_arm = found.anchors @ weights
    assert (of_arm > 0.95).sum() > 20 and (of_arm < 0.05).sum() > 20  # both sides give way
    np.testing.assert_allclose(found.anchors.sum(1), 1, atol=1e-5)
