"""What is known of a photo before its plate is made."""

from __future__ import annotations

import numpy as np

from lwgan_cli.pipeline.stage import seen_hands
from lwgan_cli.records import Keypoints, Masks


def test_hands_that_are_hidden_hold_nothing() -> None:
    points, visibility = np.zeros((1, 33, 2), np.float32), np.ones((1, 33), np.float32)
    points[0, 19], points[0, 20] = (30, 40), (50, 60)
    masks = Masks.pack([np.zeros((8, 8), np.uint8)], 8)
    world, crop = np.zeros((1, 33, 3), np.float32), np.array([[32, 32, 64]], np.float32)

    def seen() -> list[list[float]]:
        return seen_hands(Keypoints(points, visibility, world, masks, crop, (64, 64))).tolist()

    assert seen() == [[30, 40], [50, 60]]
    visibility[0, 19] = 0.1
    assert seen() == [[50, 60]]
    visibility[:] = 0
    assert seen() == []
