"""Masks and rims, on figures whose true edge is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lwgan_cli.errors import LwganError
from lwgan_cli.layers.matte import (
    Window,
    around_head,
    extend_colours,
    head_window,
    merge_head,
    refine_mask,
)

HEIGHT, WIDTH = 480, 360


def noise(seed: int, sigma: float, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(H, W, 3) smooth noise of unit variance."""
    raw = np.random.default_rng(seed).normal(0, 1, (*size, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(raw, (0, 0), sigma)
    return smooth / smooth.std()


def figure() -> np.ndarray:
    """(H, W) float32 alpha of a standing figure: thin arms, a gap between the legs, smooth edges."""
    mask = np.zeros((HEIGHT * 4, WIDTH * 4), np.uint8)
    centre = WIDTH * 2
    cv2.circle(mask, (centre, 320), 130, 255, -1)
    cv2.ellipse(mask, (centre, 860), (210, 420), 0, 0, 360, 255, -1)
    for side in (-1, 1):
        cv2.line(mask, (centre + side * 150, 600), (centre + side * 470, 1000), 255, 70)
        cv2.line(mask, (centre + side * 90, 1150), (centre + side * 170, 1760), 255, 120)
    return cv2.resize(mask, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def scene(alpha: np.ndarray, person: tuple, ground: tuple, texture: float = 18.0) -> np.ndarray:
    """(H, W, 3) uint8: a textured figure in front of a textured ground."""
    front = np.array(person, np.float32) + texture * noise(1, 3)
    behind = np.array(ground, np.float32) + texture * noise(2, 4)
    mixed = alpha[..., None] * front + (1 - alpha[..., None]) * behind + 2 * noise(3, 0.5)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def blurred_and_off(alpha: np.ndarray) -> np.ndarray:
    """What a detector makes of it: smooth, steep, some pixels off in a way that changes along the outline."""
    shift = 3.5 * noise(5, 40)[..., :2]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    moved = cv2.remap(alpha, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_LINEAR)
    return np.clip((cv2.GaussianBlur(moved, (0, 0), 3) - 0.4) * 4 + 0.5, 0, 1).astype(np.float32)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a > 0.5, b > 0.5
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    ("person", "ground"),
    [((180, 60, 50), (90, 120, 150)), ((30, 30, 40), (150, 150, 140)), ((210, 205, 200), (110, 140, 80))],
)
def test_refined_masks_lie_much_closer_to_the_truth(person: tuple, ground: tuple) -> None:
    alpha = figure()
    rgb, coarse = scene(alpha, person, ground), blurred_and_off(alpha)
    refined = refine_mask(rgb, coarse)
    assert refined.dtype == np.float32 and refined.min() >= 0 and refined.max() <= 1
    assert iou(coarse, alpha) < 0.93
    assert iou(refined, alpha) > 0.975
    assert np.abs(refined - alpha).sum() < 0.4 * np.abs(coarse - alpha).sum()


def test_where_colours_say_nothing_the_coarse_mask_stands() -> None:
    alpha = figure()
    rgb, coarse = scene(alpha, (120, 120, 120), (120, 120, 120), texture=10), blurred_and_off(alpha)
    assert iou(refine_mask(rgb, coarse), alpha) > iou(coarse, alpha) - 0.02


def test_doubtful_colours_do_not_overrule_a_closer_look() -> None:
    """Dark hair before a dark, mixed backdrop: half of what lies behind has its colour."""
    alpha = figure()
    rgb = scene(alpha, (40, 40, 45), (40, 40, 45), texture=8)
    columns = np.arange(WIDTH) // 6 % 2 == 0
    rgb[:, columns] = np.where((alpha < 0.5)[:, columns, None], np.uint8(90), rgb[:, columns])
    look = cv2.GaussianBlur(alpha, (0, 0), 2)
    plain, fine = (refine_mask(rgb, look, fine=each) for each in (None, np.ones(alpha.shape, np.float32)))
    assert iou(fine, alpha) > 0.97
    assert np.abs(fine - alpha).sum() < 0.8 * np.abs(plain - alpha).sum()


def test_the_head_ends_above_the_shoulders() -> None:
    head = around_head((HEIGHT, WIDTH), landmarks())
    assert head[100, 180] == 1 and head[60, 150] == 1
    assert head[180, 180] == 0 and head[300, 180] == 0


def test_far_from_the_outline_the_coarse_mask_stands() -> None:
    alpha = figure()
    rgb = scene(alpha, (180, 60, 50), (90, 120, 150))
    rgb[200:216, 170:190] = (90, 120, 150)  # a patch on the chest, of the background's colour
    rgb[30:60, 10:40] = (180, 60, 50)  # something of the person's colour elsewhere
    refined = refine_mask(rgb, blurred_and_off(alpha))
    assert refined[200:216, 170:190].min() == 1
    assert refined[30:60, 10:40].max() == 0


def test_a_gap_that_the_coarse_mask_closes_opens_where_it_is_doubted() -> None:
    alpha = figure()
    rgb = scene(alpha, (180, 60, 50), (90, 120, 150))
    gap = np.zeros(alpha.shape, bool)
    gap[150:260, 160:200] = True
    rgb[gap] = scene(np.zeros_like(alpha), (0, 0, 0), (90, 120, 150))[gap]
    coarse = blurred_and_off(alpha)
    assert refine_mask(rgb, coarse)[gap].mean() > 0.7
    doubt = cv2.dilate(gap.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert refine_mask(rgb, coarse, doubt)[gap].mean() < 0.1


def test_a_limb_whose_colours_say_nothing_stays_where_its_bone_is_known() -> None:
    """A forearm of the background's colours, which the coarse mask isn't sure of."""
    alpha = figure()
    rgb = scene(alpha, (180, 60, 50), (90, 120, 150))
    forearm = np.zeros(alpha.shape, np.uint8)
    cv2.line(forearm, (240, 178), (297, 249), 1, 24)
    pale = (forearm > 0) & (alpha > 0.5)
    rgb[pale] = scene(alpha, (95, 120, 145), (90, 120, 150))[pale]
    coarse, bone = blurred_and_off(alpha), np.zeros(alpha.shape, np.uint8)
    coarse[forearm > 0] *= 0.8
    cv2.line(bone, (240, 178), (290, 241), 1, 5)
    assert refine_mask(rgb, coarse)[pale].mean() < 0.6
    assert refine_mask(rgb, coarse, sure=(bone > 0) & (coarse > 0.5))[pale].mean() > 0.7


def test_nobody_gives_an_empty_mask() -> None:
    rgb = scene(figure(), (180, 60, 50), (90, 120, 150))
    assert refine_mask(rgb, np.zeros((HEIGHT, WIDTH), np.float32)).max() == 0


def test_refining_twice_gives_the_same() -> None:
    alpha = figure()
    rgb, coarse = scene(alpha, (180, 60, 50), (90, 120, 150)), blurred_and_off(alpha)
    assert np.array_equal(refine_mask(rgb, coarse), refine_mask(rgb, coarse))


def test_masks_of_another_size_are_refused() -> None:
    rgb = scene(figure(), (180, 60, 50), (90, 120, 150))
    with pytest.raises(LwganError, match=r"\(10, 10\)"):
        refine_mask(rgb, np.zeros((10, 10), np.float32))
    with pytest.raises(LwganError, match="float64"):
        refine_mask(rgb.astype(float), np.zeros((HEIGHT, WIDTH), np.float32))


def landmarks() -> np.ndarray:
    """(33, 2) a face at (180, 100), shoulders 70 px below it."""
    points = np.full((33, 2), 300.0)
    points[:11] = (180, 100)
    points[11:13] = ((220, 170), (140, 170))
    return points


def test_the_head_window_holds_head_and_shoulders_and_stays_in_the_picture() -> None:
    window = head_window(landmarks(), WIDTH, HEIGHT)
    assert window is not None
    assert window.y0 == 0 and 0 <= window.x0 < 100 and 260 < window.x1 <= WIDTH and 200 < window.y1 <= HEIGHT
    assert head_window(landmarks() + 5000, WIDTH, HEIGHT) is None
    assert head_window(np.full((33, 2), np.nan), WIDTH, HEIGHT) is None


def test_a_closer_look_adds_the_hat_but_not_the_neighbour() -> None:
    coarse = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(coarse, (180, 100), 35, 1.0, -1)
    cv2.rectangle(coarse, (130, 150), (230, 400), 1.0, -1)
    window = head_window(landmarks(), WIDTH, HEIGHT)
    assert window is not None
    look = coarse.copy()
    cv2.ellipse(look, (180, 70), (70, 25), 0, 0, 360, 1.0, -1)  # a hat's brim
    cv2.circle(look, (290, 60), 20, 1.0, -1)  # somebody else
    look[390:] = 0
    merged = merge_head(coarse, look[window.rows_columns], window, landmarks())
    assert merged[70, 120] > 0.9 and merged[70, 240] > 0.9
    assert merged[60, 290] < 0.1
    assert np.array_equal(merged[window.y1 :], coarse[window.y1 :])


def upright() -> np.ndarray:
    """(H, W) float32: a coarse mask of head and trunk."""
    coarse = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.circle(coarse, (180, 100), 35, 1.0, -1)
    cv2.rectangle(coarse, (130, 150), (230, 400), 1.0, -1)
    cv2.rectangle(coarse, (165, 125), (195, 160), 1.0, -1)
    return coarse


def test_a_closer_look_that_misses_the_head_is_not_believed() -> None:
    coarse = upright()
    window = head_window(landmarks(), WIDTH, HEIGHT)
    assert window is not None
    look = coarse.copy()
    look[:95] *= 0.3  # a cap it doesn't know …
    cv2.ellipse(look, (120, 110), (30, 60), 20, 0, 360, 1.0, -1)  # … and a coat on the wall
    merged = merge_head(coarse, look[window.rows_columns], window, landmarks())
    assert np.array_equal(merged, coarse)


def test_a_closer_look_takes_nothing_from_the_depth_of_the_coarse_mask() -> None:
    coarse = upright()
    window = head_window(landmarks(), WIDTH, HEIGHT)
    assert window is not None
    look = coarse.copy()
    cv2.circle(look, (180, 185), 12, 0.0, -1)  # a print on the shirt
    look[60:140, 210:] = 0  # the rim of the head
    merged = merge_head(coarse, look[window.rows_columns], window, landmarks())
    assert merged[185, 180] == 1
    assert merged[100, 213] < 0.2


def test_the_window_slices_rows_then_columns() -> None:
    assert Window(1, 2, 3, 5).rows_columns == (slice(2, 5), slice(1, 3))


def test_extended_colours_keep_the_interior_and_hide_the_background() -> None:
    alpha = figure()
    person, ground = np.array((200, 40, 40)), np.array((20, 60, 220))
    rgb = scene(alpha, tuple(person), tuple(ground), texture=4)
    extended = extend_colours(rgb, alpha, reach=12)
    interior = cv2.erode((alpha > 0.99).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.array_equal(extended[interior], rgb[interior])
    rim = (cv2.dilate((alpha > 0.5).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0) & ~interior
    assert np.abs(extended[rim].astype(int) - person).max() < 45  # the background differs by up to 180
    far = cv2.dilate((alpha > 0.05).astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
    assert np.array_equal(extended[far], rgb[far])


def test_each_colour_goes_to_its_own_side() -> None:
    alpha = np.zeros((100, 100), np.float32)
    alpha[30:70, 30:70] = 1
    rgb = np.full((100, 100, 3), 255, np.uint8)
    rgb[30:70, 30:50] = (200, 0, 0)
    rgb[30:70, 50:70] = (0, 200, 0)
    extended = extend_colours(rgb, alpha, reach=10).astype(int)
    assert np.abs(extended[40:60, 22:29] - (200, 0, 0)).max() <= 2
    assert np.abs(extended[40:60, 71:78] - (0, 200, 0)).max() <= 2


def test_without_a_person_colours_stay() -> None:
    rgb = scene(figure(), (180, 60, 50), (90, 120, 150))
    assert np.array_equal(extend_colours(rgb, np.zeros((HEIGHT, WIDTH), np.float32)), rgb)
