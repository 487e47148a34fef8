"""The scores of other sides, on the tiny body: the truth scores full marks, and what is wrong is seen."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.evaluation.views import Score, mean, score, sides, standing, table, turned_light
from lwgan_cli.synthetic.render import Light
from lwgan_cli.synthetic.truth import Film, shoot
from tests.tiny import tiny_body


@pytest.fixture(scope="module")
def film() -> Film:
    return standing(tiny_body(), 1, (180, 240), 256)


@pytest.fixture(scope="module")
def truth(film: Film) -> list[np.ndarray]:
    return sides(film, film.person, [0.0, 90.0, 180.0])


def test_the_truth_is_true(truth: list[np.ndarray]) -> None:
    for picture in truth:
        assert score(0.0, picture, picture) == Score(0.0, 1.0, 99.0, pytest.approx(1.0), 1.0)


def test_side_0_is_the_photo(film: Film, truth: list[np.ndarray]) -> None:
    shot = shoot(film)
    inside = shot.masks[0] == 255
    assert np.abs(truth[0][..., :3].astype(int) - shot.pictures[0])[inside].max() <= 1
    assert np.abs(truth[0][..., 3].astype(int) - shot.masks[0]).max() <= 1


def test_opposite_sides_are_mirrored(truth: list[np.ndarray]) -> None:
    alpha = [np.nonzero(each[..., 3].any(0))[0][[0, -1]] for each in (truth[0], truth[2])]
    assert np.ptp(alpha[0]) == pytest.approx(np.ptp(alpha[1]), abs=2)
    assert score(0.0, truth[1], truth[0]).iou < 0.8


def test_what_is_wrong_costs(truth: list[np.ndarray]) -> None:
    real = truth[0]
    moved, dark, bare = np.roll(real, 5, 1), real.copy(), real.copy()
    dark[..., :3] = dark[..., :3] * 0.7
    bare[: real.shape[0] // 2] = 0
    assert score(0.0, moved, real).iou < 0.8 and score(0.0, moved, real).ssim < 0.9
    assert score(0.0, dark, real).iou == 1 and score(0.0, dark, real).psnr < 25
    assert score(0.0, bare, real).iou < 0.7


def test_the_lamp_goes_around_with_the_person() -> None:
    light = Light(direction=(0.0, 0.5, 1.0))
    assert turned_light(light, 90).direction == pytest.approx((1.0, 0.5, 0.0))
    assert turned_light(light, 360).direction == pytest.approx(light.direction)


def test_tables() -> None:
    rows = [Score(30.0, 0.5, 20.0, 1.0, 0.9), Score(60.0, 0.7, 10.0, 0.5, 0.7)]
    assert mean(rows) == Score(45.0, pytest.approx(0.6), 15.0, 0.75, pytest.approx(0.8))
    lines = table("degrees", {"30": rows[0], "all": rows[1]}).splitlines()
    assert lines[2:] == ["| 30 | 0.500 | 20.0 | 1.00 | 0.900 |", "| all | 0.700 | 10.0 | 0.50 | 0.700 |"]
