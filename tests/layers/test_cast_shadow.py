"""Soft shadows on backdrops, against scenes whose shadow is painted in."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.background import background_plate, person_hole
from lwgan_cli.layers.cast_shadow import soft_shadow
from tests.layers.test_background import HEIGHT, WIDTH, composite, pebbles, person, psnr


def backdrop() -> np.ndarray:
    """(H, W, 3) float32: a studio's wall, lit from one side, on a floor that darkens towards the viewer."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    grey = 225 - 0.06 * columns - 0.6 * np.maximum(rows - 190, 0)
    noise = np.random.default_rng(0).normal(0, 1, (HEIGHT, WIDTH))
    return np.stack([grey + noise, grey + noise - 3, grey + noise - 9], 2)


def cast(alpha: np.ndarray, strength: float = 0.15, larger: float = 1.0, aside: int = 22) -> np.ndarray:
    """(H, W, 1) what the person's shadow, soft, larger than them and some px aside, leaves of the light."""
    moved = cv2.warpAffine(alpha, np.float32([[larger, 0, aside], [0, larger, 4]]), (WIDTH, HEIGHT))
    return 1 - strength * cv2.GaussianBlur(moved, (0, 0), 4)[..., None]


def test_the_shadow_on_the_wall_goes_with_the_person() -> None:
    scene, alpha = backdrop(), person()
    light = cast(alpha)
    picture = composite(scene * light, alpha)
    shadow = soft_shadow(picture, person_hole(alpha))
    dimmed = (1 - light[..., 0] > 0.04) & ~person_hole(alpha)
    dimmed[190:] = False
    assert shadow[dimmed].mean() > 0.9
    assert shadow[light[..., 0] > 0.999].mean() < 0.01
    assert psnr(background_plate(picture, alpha), scene, dimmed) > 32


def test_a_deep_shadow_in_the_room_s_warmer_light_goes_too() -> None:
    """What reaches it comes from walls and lamps, and the deeper it is the more it has of their colour."""
    scene, alpha = backdrop(), person()
    gone = 1 - cast(alpha, 0.45, 1.3, -60)
    picture = composite(scene * (1 - gone * np.float32([0.86, 1.0, 1.14])), alpha)
    hole = person_hole(alpha)
    deep = (gone[..., 0] > 0.25) & ~hole
    deep[190:] = False
    assert soft_shadow(picture, hole)[deep].mean() > 0.95


def test_a_long_shadow_on_the_floor_goes_whole() -> None:
    """It begins at the feet, on a backdrop that is darkest at its edges."""
    alpha = person()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    scene = backdrop() * (1 - 0.1 * ((columns / WIDTH - 0.5) * 2) ** 2)[..., None]
    solid = alpha > 0.5
    low, tall = int(np.flatnonzero(solid.any(1))[-1]), float(np.ptp(np.flatnonzero(solid.any(1))))
    foot = float(np.flatnonzero(solid[low - 6]).mean())
    along = np.clip((foot - columns) / (0.45 * tall), 0, 1)
    streak = ((np.abs(rows - low + 6) < 6) & (along > 0) & (along < 1)).astype(np.float32)
    light = 1 - 0.3 * cv2.GaussianBlur(streak, (0, 0), 2)[..., None]
    hole = person_hole(alpha)
    shadow = soft_shadow(composite(scene * light, alpha), hole)
    dimmed = (1 - light[..., 0] > 0.08) & ~hole
    assert (foot - columns[dimmed]).max() > 0.4 * tall  # further than most go
    assert shadow[dimmed].mean() > 0.9
    assert shadow[light[..., 0] > 0.999].mean() < 0.02


def test_a_backdrop_without_a_shadow_is_left_as_it_is() -> None:
    alpha = person()
    assert soft_shadow(composite(backdrop(), alpha), person_hole(alpha)).mean() < 0.005


def test_coloured_things_and_rough_ground_are_no_shadow() -> None:
    alpha = person()
    curtain = backdrop()
    curtain[:, 190:230] *= (0.95, 0.8, 0.7)
    assert not soft_shadow(composite(curtain, alpha), person_hole(alpha))[:, 195:225].any()
    picture = composite(pebbles() * cast(alpha), alpha)
    assert soft_shadow(picture, person_hole(alpha)).mean() < 0.01


def test_clouds_of_a_painted_backdrop_are_no_shadow() -> None:
    alpha = person()
    shares = []
    for seed in range(8):
        cloud = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 14)
        clouds = backdrop() * (1 + 0.06 * cloud / cloud.std())[..., None]
        shares.append(soft_shadow(composite(clouds, alpha), person_hole(alpha)).mean())
    assert np.mean(shares) < 0.01


def test_without_a_person_there_is_no_shadow() -> None:
    assert not soft_shadow(backdrop().astype(np.uint8), np.zeros((HEIGHT, WIDTH), bool)).any()
