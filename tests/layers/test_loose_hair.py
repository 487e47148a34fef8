"""Strands that a mask missed, drawn on walls."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.background import person_hole
from lwgan_cli.layers.loose_hair import loose_strands

SIDE, FACE, REACH = 400, np.array([200.0, 180.0]), 130.0
HAIR = (40, 30, 20)


def portrait(wall: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 a dark head and shoulders before a wall, (H, W) float32 its alpha."""
    alpha = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(alpha, (200, 180), 80, 1.0, -1)
    cv2.rectangle(alpha, (80, 300), (320, 400), 1.0, -1)
    if wall is None:
        wall = np.full((SIDE, SIDE, 3), 190.0) + np.random.default_rng(0).normal(0, 1, (SIDE, SIDE, 1))
    picture = np.where(alpha[..., None] > 0, np.array(HAIR), wall)
    return picture.clip(0, 255).astype(np.uint8), alpha


def strand(picture: np.ndarray, colour: tuple[int, int, int], to: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: a thin line drawn into the picture, from the head."""
    line = np.zeros((SIDE, SIDE), np.uint8)
    cv2.line(line, (270, 180), to, 1, 2)
    picture[line > 0] = colour
    return line > 0


def test_a_strand_that_the_mask_missed_belongs_to_the_hole() -> None:
    picture, alpha = portrait()
    thin = strand(picture, (130, 125, 120), (310, 220))
    hole = person_hole(alpha, picture)
    missed = thin & ~hole
    assert missed.sum() > 20
    assert loose_strands(picture, alpha, hole, FACE, REACH)[missed].mean() > 0.9
    assert person_hole(alpha, picture, (FACE, REACH))[missed].mean() > 0.9


def test_nothing_is_found_on_a_bare_wall_or_a_busy_one() -> None:
    picture, alpha = portrait()
    assert loose_strands(picture, alpha, alpha > 0, FACE, REACH).mean() < 0.001
    busy = cv2.resize(np.random.default_rng(1).uniform(60, 200, (80, 80, 3)), (SIDE, SIDE))
    picture, alpha = portrait(busy)
    assert not loose_strands(picture, alpha, alpha > 0, FACE, REACH).any()


def test_what_goes_on_or_has_other_colours_is_the_scenes() -> None:
    for colour, to in (((130, 125, 120), (399, 190)), ((250, 190, 190), (310, 220))):
        picture, alpha = portrait()
        thin = strand(picture, colour, to)
        hole = person_hole(alpha, picture)
        assert loose_strands(picture, alpha, hole, FACE, REACH)[thin & ~hole].mean() < 0.1


def test_before_a_room_with_things_nothing_is_taken_for_a_strand() -> None:
    picture, alpha = portrait()
    for row in range(60, 290, 40):  # a bedstead's bars, a picture's frame …
        cv2.line(picture, (20, row), (120, row), (90, 85, 80), 4)
        cv2.line(picture, (285, row), (380, row), (90, 85, 80), 4)
    strand(picture, (130, 125, 120), (310, 220))  # … and one that ends beside the head
    assert not loose_strands(picture, alpha, person_hole(alpha, picture), FACE, REACH).any()


def test_a_head_outside_the_picture_has_no_strands() -> None:
    picture, alpha = portrait()
    assert not loose_strands(picture, alpha, alpha > 0, np.array([-900.0, 180.0]), REACH).any()
