from __future__ import annotations

import numpy as np

from lwgan_cli.metrics.mask import iou


def test_overlap_of_two_squares() -> None:
    one, other = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    one[:10, :10], other[5:15, :10] = True, True
    assert iou(one, other) == 50 / 150
    assert iou(one, one) == 1.0
    assert iou(one, ~one) == 0.0


def test_soft_masks_are_cut_at_a_half() -> None:
    soft = np.linspace(0, 1, 11)[None].astype(np.float32)
    assert iou(soft, soft > 0.5) == 1.0
    assert iou(soft, soft > 0.85) == 2 / 5


def test_two_empty_masks_agree() -> None:
    assert iou(np.zeros((3, 3)), np.zeros((3, 3), bool)) == 1.0
