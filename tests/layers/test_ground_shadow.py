"""Shadows under feet, against scenes whose shadow is painted in."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.ground_shadow import GroundShadow, Shadows, ground_shadow
from tests.layers.test_background import HEIGHT, WIDTH, composite, person, psnr, wall_and_floor

FEET = np.array([[146.0, 214.0], [174.0, 214.0]])
SCALE = 100.0  # px per metre


def plain() -> np.ndarray:
    """(H, W, 3) float32: a wall above a floor."""
    grey = np.where(np.arange(HEIGHT) < 180, 200, 150).astype(np.float32)
    return np.repeat(np.tile(grey[:, None], WIDTH)[..., None], 3, 2)


def sideways(px: float) -> np.ndarray:
    """(2, 2): both feet outwards."""
    return np.array([[-px, 0], [px, 0]])


def light(feet: np.ndarray, strength: float = 0.4) -> np.ndarray:
    """(H, W, 1): what is left of the light around each foot."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    near = [np.exp(-((x - foot[0]) ** 2 / 300 + (y - foot[1]) ** 2 / 60)) for foot in feet]
    return (1 - strength * np.maximum(*near))[..., None]


def found(scene: np.ndarray) -> GroundShadow:
    picture = composite(scene * light(FEET), person())
    shadow = ground_shadow(picture, scene.astype(np.uint8), person(), FEET, SCALE)
    assert shadow is not None
    return shadow


def test_it_goes_with_the_feet() -> None:
    scene, shadow = plain(), found(plain())
    for left, right in ((0, 0), (-20, 30)):
        feet = FEET + np.array([[left, 6], [right, 6]])
        ours = shadow.under(scene.astype(np.uint8), feet, SCALE / shadow.scale)
        real, where = scene * light(feet), light(feet)[..., 0] < 0.9
        assert psnr(ours, real, where) > psnr(scene, real, where) + 4.5
        assert np.array_equal(ours[:170], scene[:170])


def test_the_shadow_of_a_lifted_foot_stays_below_and_that_of_a_walker_does_not() -> None:
    shadow, scene = found(plain()), plain().astype(np.uint8)
    feet = np.repeat(FEET[None], 60, 0)
    feet[28:32, 0, 1] -= 40
    lifted = Shadows(shadow, feet, np.full(60, SCALE), fps=25)
    stands, jumps = ((scene - lifted(scene, frame))[..., 0].astype(float) for frame in (0, 30))
    right = np.arange(WIDTH) > FEET[1, 0] + 2
    assert np.abs(jumps - stands)[:, right].max() <= 3
    assert 0 < jumps[:, : int(FEET[0, 0])].max() < 0.15 * stands.max()  # 0.4 m above the ground little is left
    assert np.abs(jumps - stands).max(1).argmax() > FEET[0, 1] - 5
    feet[..., 1] -= np.linspace(0, 20, 60)[:, None]
    nearer = Shadows(shadow, feet, np.full(60, SCALE), fps=25)(scene, 59).astype(int)
    assert (scene - nearer)[..., 0].sum(1).argmax() < FEET[0, 1] - 12
    to_and_fro = np.repeat(FEET[None], 60, 0)
    to_and_fro[..., 1] += 20 * np.sin(np.arange(60) / 60 * np.pi)[:, None]  # quicker than a second, and yet no jump
    going = Shadows(shadow, to_and_fro, np.full(60, SCALE), fps=25)
    for frame in (0, 15, 45):
        assert np.array_equal(going(scene, frame), shadow.under(scene, to_and_fro[frame], SCALE / shadow.scale))


def test_feet_that_come_together_leave_nothing_where_they_stood() -> None:
    scene, apart, close = plain(), FEET + sideways(40), FEET + sideways(-8)
    bridged = (light(apart) * light(apart + sideways(-30), 0.1)).astype(np.float32)[..., 0]
    shadow = GroundShadow(bridged, (0, 0), apart, SCALE)
    x = np.abs(np.arange(WIDTH) - FEET[:, 0].mean())
    ours = shadow.under(scene.astype(np.uint8), close, 1.0)
    assert ours[214, x < 12].max() < 125
    assert ours[180:, x > 70].min() > 147
    same = shadow.under(scene.astype(np.uint8), apart, 1.0)
    assert np.abs(same - scene * bridged[..., None]).max() < 2


def test_it_is_as_large_as_the_person() -> None:
    shadow, scene = found(plain()), plain()
    large = cv2.resize(scene, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    feet = np.repeat(FEET[None], 2, 0)
    drawn = Shadows(shadow, 3 * feet, np.full(2, 3 * SCALE), fps=25)(large, 0)
    small = Shadows(shadow, feet, np.full(2, SCALE), fps=25)(scene.astype(np.uint8), 0)
    assert psnr(cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), small, small[..., 0] < 140) > 35


def test_feet_outside_the_picture_leave_it_as_it_is() -> None:
    scene = plain().astype(np.uint8)
    assert np.array_equal(found(plain()).under(scene, FEET + np.array([900, 0]), 1.0), scene)


def test_ground_that_is_uneven_has_no_shadow_of_its_own() -> None:
    scene = wall_and_floor()
    other = cv2.addWeighted(scene, 0.95, wall_and_floor()[:, ::-1], 0.05, -2)
    assert ground_shadow(composite(other, person()), scene, person(), FEET, SCALE) is None


def test_without_a_person_there_is_none() -> None:
    nobody = np.zeros((HEIGHT, WIDTH), np.float32)
    assert ground_shadow(wall_and_floor(), wall_and_floor(), nobody, FEET, SCALE) is None
