"""How soft edges are, against edges of known softness."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lwgan_cli.layers.softness import edge_softness

PERSON, BEHIND = np.array([200.0, 120, 90]), np.array([40.0, 60, 150])


def disc(softness: float) -> np.ndarray:
    """(H, W) alpha of a disc with a soft edge."""
    fine = cv2.circle(np.zeros((1200, 1200), np.float32), (600, 600), 330, 1, -1)
    if softness:
        fine = cv2.GaussianBlur(fine, (0, 0), 4 * softness)
    return cv2.resize(fine, (300, 300), interpolation=cv2.INTER_AREA)


def shot(alpha: np.ndarray, noise: float = 0.0, behind: np.ndarray = BEHIND) -> np.ndarray:
    picture = alpha[..., None] * PERSON + (1 - alpha[..., None]) * behind
    picture += noise * np.random.default_rng(0).standard_normal(picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [0, 2])
@pytest.mark.parametrize("softness", [1.0, 1.7, 3.0])
def test_a_blurred_outline_is_as_soft_as_it_was_blurred(softness: float, noise: float) -> None:
    assert edge_softness(shot(disc(softness), noise), disc(0)) == pytest.approx(softness, rel=0.15)


def test_the_outline_may_lie_a_little_off() -> None:
    off = np.roll(disc(0), 3, 1)
    assert edge_softness(shot(disc(1.5)), off) == pytest.approx(1.5, rel=0.15)


def test_sharp_edges_are_sharp() -> None:
    assert edge_softness(shot(disc(0)), disc(0)) < 0.6


def test_what_moved_does_not_make_the_photo_soft() -> None:
    alpha = disc(1.0)
    blurred = cv2.GaussianBlur(alpha, (0, 0), 4.0)
    alpha[:140] = blurred[:140]
    assert edge_softness(shot(alpha), disc(0)) < 1.5


def test_nothing_can_be_said_of_an_outline_that_is_not_seen() -> None:
    assert edge_softness(shot(disc(2.0), behind=PERSON + 10), disc(0)) == 0
    assert edge_softness(shot(disc(2.0)), np.zeros((300, 300), np.float32)) == 0
    assert edge_softness(shot(disc(2.0)), np.ones((300, 300), np.float32)) == 0
