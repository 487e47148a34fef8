"""Photos of one painted body, some under another light."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.generator.colour_match import match_colours, with_gain
from lwgan_cli.generator.skin_tone import GAMMA
from lwgan_cli.generator.source import Source
from tests.generator.staging import pose, source, surface
from tests.generator.test_wardrobe import dressed, painted

PLACES = surface().vertices


def in_light(photo: Source, gain: tuple[float, float, float]) -> Source:
    """The same photo as another camera would have taken it."""
    picture = np.rint(photo.pixels[:3].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    return source(pose(), with_gain(picture, np.array(gain)), photo.pixels[3].numpy())


def test_gains_are_of_linear_light() -> None:
    picture = np.random.default_rng(0).integers(1, 200, (20, 30, 3), np.uint8)
    gain = np.array([1.2, 1.0, 0.7])
    linear = (with_gain(picture, gain) / 255.0) ** GAMMA
    bright = picture > 80
    wanted = (picture / 255.0) ** GAMMA * gain
    assert linear[bright] == pytest.approx(wanted[bright], rel=0.02)
    assert (with_gain(picture, np.ones(3)) == picture).all()
    assert with_gain(np.full((2, 2, 3), 250, np.uint8), gain).max() == 255


@pytest.mark.parametrize("gain", [(1.0, 1.0, 1.0), (0.8, 0.9, 1.1), (0.6, 0.6, 0.6)])
def test_another_light_is_undone(gain: tuple[float, float, float]) -> None:
    photo = painted(dressed())
    first, found = match_colours([photo, in_light(photo, gain)], PLACES)
    assert (first == 1).all()
    assert found == pytest.approx(1 / np.array(gain), rel=0.04)


def test_a_third_photo_is_matched_to_all_before_it() -> None:
    photo = painted(dressed())
    found = match_colours([photo, in_light(photo, (0.7, 0.8, 0.9)), in_light(photo, (1.1, 1.0, 0.9))], PLACES)
    assert found[2] == pytest.approx(1 / np.array([1.1, 1.0, 0.9]), rel=0.04)


def test_photos_that_share_no_surface_stay_as_they_are() -> None:
    photo = painted(dressed())
    left, right = (
        Source(photo.pixels, photo.ndc, photo.visibility * (side * PLACES[:, 0] > 0.1), photo.score, photo.scale)
        for side in (1, -1)
    )
    assert (match_colours([left, right], PLACES)[1] == 1).all()


def test_other_clothes_are_no_light() -> None:
    found = match_colours([painted(dressed(top=(230, 230, 230))), painted(dressed(top=(20, 20, 20)))], PLACES)
    assert (found[1] <= 2.51).all()
