"""People from other sides, on the tiny body."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.evaluation.views import sides, standing, turned_light
from lwgan_cli.metrics.mask import iou
from lwgan_cli.synthetic.render import Light
from lwgan_cli.synthetic.truth import Film, shoot
from tests.tiny import tiny_body


@pytest.fixture(scope="module")
def film() -> Film:
    return standing(tiny_body(), 1, (180, 240), 256)


@pytest.fixture(scope="module")
def truth(film: Film) -> list[np.ndarray]:
    return sides(film, film.person, [0.0, 90.0, 180.0])


def test_side_0_is_the_photo(film: Film, truth: list[np.ndarray]) -> None:
    shot = shoot(film)
    inside = shot.masks[0] == 255
    assert np.abs(truth[0][..., :3].astype(int) - shot.pictures[0])[inside].max() <= 1
    assert np.abs(truth[0][..., 3].astype(int) - shot.masks[0]).max() <= 1


def test_opposite_sides_are_mirrored(truth: list[np.ndarray]) -> None:
    alpha = [np.nonzero(each[..., 3].any(0))[0][[0, -1]] for each in (truth[0], truth[2])]
    assert np.ptp(alpha[0]) == pytest.approx(np.ptp(alpha[1]), abs=2)
    front, side, back = (each[..., 3] > 127 for each in truth)
    assert iou(front, side) < 0.8 < iou(front, back[:, ::-1])


def test_the_lamp_goes_around_with_the_person() -> None:
    light = Light(direction=(0.0, 0.5, 1.0))
    assert turned_light(light, 90).direction == pytest.approx((1.0, 0.5, 0.0))
    assert turned_light(light, 360).direction == pytest.approx(light.direction)
