"""Shadows below the feet on ground that isn't plain, against scenes into which they are painted."""

from __future__ import annotations

import numpy as np

from lwgan_cli.layers.background import person_hole
from lwgan_cli.layers.below_feet import below_feet
from lwgan_cli.layers.cast_shadow import soft_shadow
from tests.layers.test_background import HEIGHT, WIDTH, composite, person

Y, X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
NEAR = np.random.default_rng(0).normal(0, 9, (HEIGHT, WIDTH, 1))


def floor() -> np.ndarray:
    """(H, W, 3) float32: a grey wall above a rough floor of planks, whose rows differ."""
    grey = np.where(Y < 150, 190.0, 120 + 25 * np.sin(Y / 2))
    return (grey[..., None] + NEAR).repeat(3, 2).astype(np.float32)


def mirrored(feet: np.ndarray) -> np.ndarray:
    """(H, W) in [0, 1]: what a glossy floor shows of the legs, softly, up to 24 px below the lowest of the feet."""
    low, middle = np.nonzero(feet)[0].max(), np.nonzero(feet)[1].mean()
    return np.exp(-(((X - middle) / 16) ** 4)) * (low < Y) * (low + 24 > Y)


def feet_of(alpha: np.ndarray) -> np.ndarray:
    feet = alpha > 0.5
    feet[: np.nonzero(feet.any(1))[0][-1] - 6] = False
    return feet


def test_a_mirror_image_goes_with_the_person() -> None:
    alpha = person()
    feet, image = feet_of(alpha), mirrored(feet_of(alpha))
    picture = composite(floor() * (1 - 0.45 * image[..., None]), alpha)
    hole = person_hole(alpha)
    left = (image > 0.6) & ~hole
    assert soft_shadow(picture, hole)[left].mean() < 0.1  # the ground isn't plain
    found = below_feet(picture, hole, feet)
    assert left.sum() > 150 and found[left].mean() > 0.85
    assert found[(image < 0.05) & ~hole].mean() < 0.01
    assert person_hole(alpha, picture)[left].mean() > 0.85


def test_ground_without_one_stays() -> None:
    alpha = person()
    picture = composite(floor(), alpha)
    assert not below_feet(picture, person_hole(alpha), feet_of(alpha)).any()


def test_what_goes_on_to_a_side_or_is_nothing_like_a_shadow_stays() -> None:
    alpha = person()
    feet = feet_of(alpha)
    low, middle = np.nonzero(feet)[0].max(), np.nonzero(feet)[1].mean()
    board = ((low < Y) & (low + 20 > Y) & (middle - 12 < X)).astype(np.float32)
    for image, colours in ((board, (0.5, 0.5, 0.5)), (mirrored(feet), (0.9, 0.2, 0.2)), (mirrored(feet), (0.9,) * 3)):
        picture = composite(floor() * (1 - image[..., None] * np.float32(colours)), alpha)
        assert not below_feet(picture, person_hole(alpha), feet).any()


def test_who_leaves_the_picture_has_no_feet_in_it() -> None:
    alpha = person()
    feet, image = feet_of(alpha), mirrored(feet_of(alpha))
    picture = composite(floor() * (1 - 0.45 * image[..., None]), alpha)
    low = np.nonzero(feet)[0].max() + 1
    assert not below_feet(picture[:low], person_hole(alpha)[:low], feet[:low]).any()
