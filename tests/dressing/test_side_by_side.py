"""Legs that touch in the photo, rendered in closed stances."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.body.model import rest_vertices
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.dress import dress
from lwgan_cli.dressing.side_by_side import LEGS, Met, legs_met
from tests.body.acting import MASK_SIZE, Act, body, crop_cameras, crops, silhouettes
from tests.dressing.test_dress import rest_normals


def closed(turn: float = 0.0, stride: float = 0.0) -> Act:
    """Legs together, arms apart; turned about the vertical, and a stride forward and back, degrees."""
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 0, 1] = np.radians(turn)
    pose[0, 16, 2], pose[0, 17, 2] = -0.9, 0.9
    pose[0, 1], pose[0, 2] = (np.radians(stride), 0, -0.12), (-np.radians(stride), 0, 0.12)
    return Act(pose, np.zeros(10, np.float32), np.array([[240.0, 240.0, 300.0]]))


def crop_round(film: Act) -> np.ndarray:
    return crops(film.px(film.places())) * np.array([1, 1, 1.06], np.float32)


def legs(film: Act, crop: np.ndarray, offsets: torch.Tensor | None = None, size: int = MASK_SIZE) -> list[np.ndarray]:
    """(S, S) bool of each, as if it stood alone."""
    vertices = project(film.vertices(offsets), crop_cameras(film, crop))
    parts = body().parts[body().faces]
    drawn = [rasterize(vertices, body().faces[torch.isin(parts, torch.tensor(leg)).all(1)], size) for leg in LEGS]
    return [each.mask[0].numpy() for each in drawn]


def padded(thick: float) -> torch.Tensor:
    """(V, 3) m of cloth all around the legs."""
    legs_only = torch.isin(body().parts, torch.tensor([*LEGS[0], *LEGS[1]]))
    return thick * legs_only[:, None] * rest_normals(rest_vertices(body(), torch.zeros(10)))


def met(film: Act, offsets: torch.Tensor | None = None, person: np.ndarray | None = None) -> Met:
    crop = crop_round(film)
    person = silhouettes(film, crop, offsets)[0] if person is None else person
    cameras = crop_cameras(film, crop)
    scale = float(cameras[0, 0]) * len(person) / 2
    return legs_met(body(), project(film.vertices(offsets), cameras), person, np.ones_like(person), scale)


@pytest.mark.parametrize("wide", [0, 6])
def test_legs_that_touch_end_where_they_meet(wide: int) -> None:
    """In trousers without a gap between them, wider than the body by so many px."""
    film = closed()
    crop = crop_round(film)
    naked = silhouettes(film, crop, size=512)[0].astype(np.uint8)
    left, right = legs(film, crop, size=512)
    top = int(np.flatnonzero((left | right).any(1))[0])
    mask = cv2.dilate(cv2.morphologyEx(naked, cv2.MORPH_CLOSE, np.ones((1, 31), np.uint8)), np.ones((1, 2 * wide + 1)))
    mask[:top] = naked[:top]
    pose, betas = torch.from_numpy(film.poses[0]), torch.from_numpy(film.betas)
    found = dress(body(), pose, betas, crop_cameras(film, crop)[0], mask.astype(np.float32))
    left, right = legs(film, crop, found.offsets, size=512)
    assert found.iou > 0.97
    assert (left & right).sum() < 0.025 * (left | right).sum()
    # either is as wide as the other one, and neither edge leaps
    rows = np.flatnonzero((left.sum(1) > 8) & (right.sum(1) > 8))[40:-40]
    ratio = left[rows].sum(1) / right[rows].sum(1)
    inner = [np.array([np.flatnonzero(leg[row])[edge] for row in rows]) for leg, edge in ((left, 0), (right, -1))]
    assert np.abs(np.log(ratio)).max() < 0.25
    assert all(np.abs(np.diff(edge)).max() <= 3 for edge in inner)


def test_legs_over_one_another_are_pulled_halfway_back() -> None:
    film, thick = closed(), padded(0.03)
    found = met(film, thick)
    left, right = legs(film, crop_round(film), thick)
    over = (left & right).sum(1).max()
    assert over > 4 and len(found.pull) > 40
    back = (found.pull * found.direction).sum(1)
    assert np.median(back) < 0 and np.abs(back).max() <= over / 2 + 1
    assert np.allclose(np.asarray(found.anchors.sum(1)).ravel(), 1, atol=1e-4)


def test_one_leg_before_the_other_is_no_touch() -> None:
    film = closed(turn=90, stride=12)
    left, right = legs(film, crop_round(film))
    assert (left & right).sum() > 200  # they overlap all the same
    assert len(met(film).pull) == 0


def test_legs_with_background_in_between_do_not_touch() -> None:
    film = closed()
    crop = crop_round(film)
    left, right = legs(film, crop)
    assert not (left & right).sum() > 20
    filled = np.ones_like(left)
    together, apart = met(film, person=filled), met(film, person=silhouettes(film, crop)[0])
    assert len(together.pull) > len(apart.pull) + 20
    assert ((together.pull * together.direction).sum(1) > 0).mean() > 0.8  # towards one another


def test_a_gap_over_which_a_leg_lies_opens_and_dents_no_outer_side() -> None:
    film, thick = closed(), padded(0.03)
    crop = crop_round(film)
    left, right = legs(film, crop, thick, size=512)
    mask = silhouettes(film, crop, thick, size=512)[0].astype(np.uint8)
    over = np.flatnonzero((left & right).any(1))
    row = int(over[len(over) // 2])
    column = int(np.flatnonzero((left & right)[row]).mean())
    gap = cv2.ellipse(np.zeros_like(mask), (column, row), (5, 40), 0, 0, 360, 1, -1) > 0
    mask[gap] = 0
    assert len(met(film, thick, cv2.resize(mask, (MASK_SIZE, MASK_SIZE)) > 0).beyond.points) > 20
    thicker = replace(body(), v_template=body().v_template + thick)
    pose, betas = torch.from_numpy(film.poses[0]), torch.from_numpy(film.betas)
    found = dress(thicker, pose, betas, crop_cameras(film, crop)[0], mask.astype(np.float32))
    now = legs(film, crop, thick + found.offsets, size=512)
    assert ((now[0] | now[1])[gap]).mean() < 0.3
    for before, after, outer in ((left, now[0], -1), (right, now[1], 0)):
        for at in range(row - 50, row + 50):
            assert abs(int(np.flatnonzero(before[at])[outer]) - int(np.flatnonzero(after[at])[outer])) <= 2


def test_a_leg_beyond_the_crop_pulls_nothing() -> None:
    film = closed()
    cameras = crop_cameras(film, crop_round(film))
    cameras[:, 1] += 10
    person = np.zeros((MASK_SIZE, MASK_SIZE), bool)
    found = legs_met(body(), project(film.vertices(), cameras), person, ~person, 100.0)
    assert len(found.pull) == 0 and found.anchors.shape == (0, body().n_vertices)
