"""What the mask missed of a person, against scenes whose background is known."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.background import fill_hole, person_hole
from lwgan_cli.layers.left_behind import left_behind
from tests.layers.test_background import HEIGHT, WIDTH, composite, pebbles, person, psnr

HAND = np.array([[200.0, 110.0]])


def wall() -> np.ndarray:
    """(H, W, 3) uint8: a wall with a stripe across, a little grain."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    grey = np.where(np.abs(rows - 0.5 * columns - 40) < 14, 150.0, 210.0)
    grain = np.random.default_rng(0).normal(0, 1, grey.shape)
    return np.stack([grey + grain, grey + grain + 8, grey + grain + 12], 2).clip(0, 255).astype(np.uint8)


def reaching() -> np.ndarray:
    """(H, W) float32: the person, an arm stretched out to HAND."""
    alpha = person()
    cv2.line(alpha, (170, 90), (200, 110), 1.0, 9)
    return alpha


def test_a_limb_in_motion_does_not_stay() -> None:
    scene, alpha = wall(), reaching()
    smear = cv2.line(np.zeros((HEIGHT, WIDTH), np.float32), (178, 86), (206, 104), 1.0, 5)  # above the arm
    moving = np.maximum(alpha, 0.5 * cv2.GaussianBlur(smear, (0, 0), 1))
    picture, hole = composite(scene, moving), person_hole(alpha)
    missed = (moving > 0.2) & ~hole
    assert missed.sum() > 30
    found = left_behind(picture, alpha, hole, HAND)
    assert found[missed].mean() > 0.9
    assert (found & ~hole & (moving < 0.02)).sum() < 1.5 * missed.sum()  # and little else
    plate = fill_hole(picture, person_hole(alpha, picture, hands=HAND))
    assert psnr(plate, scene, missed) > psnr(fill_hole(picture, hole), scene, missed) + 6


def test_a_ball_in_a_hand_goes_whole_and_without_a_hand_stays() -> None:
    alpha = reaching()
    ball = cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (207, 120), 12, 1, -1) > 0
    picture = composite(wall(), alpha)
    picture[ball & (alpha < 0.5)] = (230, 120, 20)
    hole = person_hole(alpha)
    assert left_behind(picture, alpha, hole, HAND)[ball & ~hole].mean() > 0.97
    assert not left_behind(picture, alpha, hole, np.zeros((0, 2)))[ball & ~hole].any()


def test_a_table_that_a_hand_lies_on_stays() -> None:
    alpha = reaching()
    picture = composite(wall(), alpha)
    picture[116:124, 190:][alpha[116:124, 190:] < 0.5] = (90, 60, 30)
    hole = person_hole(alpha)
    assert not (left_behind(picture, alpha, hole, HAND) & ~hole).any()


def test_fingers_that_the_mask_misses_do_not_stay_whatever_the_scene() -> None:
    alpha = reaching()
    fingers = cv2.line(np.zeros((HEIGHT, WIDTH), np.float32), (200, 110), (206, 114), 1.0, 3)
    picture = composite(pebbles(), np.maximum(alpha, fingers))
    missed = (fingers > 0.5) & ~person_hole(alpha, picture)
    assert missed.sum() > 5
    hole = person_hole(alpha, picture, hands=HAND)
    assert hole[missed].all() and not hole[:, 215:].any()


def test_before_pebbles_and_without_anybody_nothing_is_found() -> None:
    alpha = reaching()
    picture = composite(pebbles(), alpha)
    hole = person_hole(alpha)
    assert not left_behind(picture, alpha, hole, HAND).any()
    assert not left_behind(picture, np.zeros_like(alpha), np.zeros_like(hole), HAND).any()
