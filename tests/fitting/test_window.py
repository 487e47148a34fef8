"""Crops under work: what of them lies in the picture."""

from __future__ import annotations

import numpy as np

from lwgan_cli.detection.keypoints import cut
from lwgan_cli.fitting.outline import outline, within
from lwgan_cli.fitting.window import CropView, Window, in_picture

SIDE = 64
CROPS = np.array([[50.0, 40.0, 60.0], [10.0, 75.0, 90.0], [90.0, 10.0, 33.0]], np.float32)


def test_crops_know_where_the_picture_ends() -> None:
    """As a white picture on black ground is cut."""
    found = in_picture(CROPS, SIDE, (100, 80))
    drawn = np.stack([cut(np.full((80, 100), 255, np.uint8), crop, SIDE) > 127 for crop in CROPS])
    assert found.shape == (3, SIDE, SIDE) and found[0].all() and not found[1].all()
    assert (found != drawn).mean() < 0.01


def test_windows_are_cut_by_frames_and_see_nobody_beyond_the_picture() -> None:
    view = CropView(np.ones(3), np.zeros((3, 2)), SIDE, 0.5)
    window = Window(
        np.zeros((3, SIDE, SIDE, 3), np.uint8), np.full((3, SIDE, SIDE), 0.7, np.float32),
        in_picture(CROPS, SIDE, (100, 80)), view,
    )  # fmt: skip
    last = window[2:]
    assert last.pictures.shape[0] == last.masks.shape[0] == last.inside.shape[0] == len(last.view.scale) == 1
    assert last.view.share == 0.5
    assert np.array_equal(window.seen > 0, window.inside) and np.isclose(window.seen.max(), 0.7)


def test_outlines_end_before_the_picture_does() -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[10:, 20:40] = True  # goes on below
    known = np.ones_like(mask)
    known[50:] = False
    edge = outline(mask)
    inner = within(edge, known)
    assert edge.points[:, 1].max() > 60 and 44 < inner.points[:, 1].max() < 48
    assert np.array_equal(within(edge, np.ones_like(mask)).points, edge.points)
