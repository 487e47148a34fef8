"""Windows of a picture, and the arithmetic of pasting."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.generator.window import Window, paste, project_px


def test_a_window_holds_its_places() -> None:
    places = np.array([[[10.2, -3.7], [55.9, 20.0]], [[30.0, 81.01], [12.0, 5.0]]])
    window = Window.around(places, margin=4)
    assert window == Window((6, -8), (54, 94))  # 10 - 4 … 56 + 4, -4 - 4 … 82 + 4
    assert Window.around(places, margin=0) == Window((10, -4), (46, 86))


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window((10, 20), (30, 40)), Window((10, 20), (30, 40))),
        (Window((-5, -7), (30, 40)), Window((0, 0), (25, 33))),
        (Window((90, 70), (30, 40)), Window((90, 70), (10, 10))),
        (Window((10, -30), (20, 40)), Window((10, 0), (20, 10))),
        (Window((-19, 10), (20, 20)), None),  # a sliver says nothing
        (Window((-20, 10), (20, 20)), None),  # beside the picture
        (Window((300, 300), (5, 5)), None),
    ],
)
def test_a_window_clipped_to_the_picture(window: Window, expected: Window | None) -> None:
    assert window.clipped((100, 80)) == expected


def test_a_windows_ndc_is_the_pictures_pixels() -> None:
    points = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0))
    cameras = torch.tensor([[190.0, 150.0, 180.0], [80.0, -20.0, 410.0]])
    window = Window((-12, 33), (210, 97))
    ndc = window.ndc(points, cameras).numpy()
    px = np.stack([(ndc[..., 0] + 1) / 2 * 210 - 12, (1 - ndc[..., 1]) / 2 * 97 + 33], -1)
    assert np.allclose(px, project_px(points, cameras), atol=1e-3)
    assert np.allclose(ndc[..., 2].min(1), 1)
    order = np.argsort(ndc[..., 2], 1)
    assert np.array_equal(order, np.argsort(-points[..., 2].numpy(), 1))  # z towards the viewer is near


def pasted_slowly(background: np.ndarray, rgba: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """Porter and Duff's over, one pixel at a time."""
    out = background.astype(np.float64)
    channels = background.shape[2]
    for row in range(rgba.shape[1]):
        for column in range(rgba.shape[2]):
            y, x = corner[1] + row, corner[0] + column
            if not (0 <= y < background.shape[0] and 0 <= x < background.shape[1]):
                continue
            *colour, alpha = (float(v) for v in rgba[:, row, column])
            below = background[y, x, 3] / 255 if channels == 4 else 1.0
            total = alpha + below * (1 - alpha)
            for k in range(3):
                mixed = colour[k] * 255 * alpha + background[y, x, k] * below * (1 - alpha)
                out[y, x, k] = mixed / total if total > 0 else 0
            if channels == 4:
                out[y, x, 3] = 255 * total
    return out


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("corner", [(3, 2), (-4, -3), (15, 10), (-2, 8)])
def test_pasting_is_over(channels: int, corner: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    background = rng.integers(0, 256, (16, 20, channels), np.uint8)
    rgba = torch.from_numpy(rng.uniform(0, 1, (4, 9, 11)).astype(np.float32))
    rgba[3, :3], rgba[3, 3:5] = 0.0, 1.0
    before = background.copy()
    found = paste(background, rgba, corner)
    assert found.dtype == np.uint8 and np.array_equal(background, before)
    assert np.abs(found - pasted_slowly(background, rgba.numpy(), corner)).max() <= 0.51


@pytest.mark.parametrize("corner", [(50, 0), (0, 40), (-11, 0), (0, -9)])
def test_a_window_beside_the_picture_leaves_it_as_it_is(corner: tuple[int, int]) -> None:
    background = np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8)
    found = paste(background, torch.ones(4, 9, 11), corner)
    assert np.array_equal(found, background) and found is not background


def test_nothing_over_nothing_is_nothing() -> None:
    empty = np.zeros((8, 8, 4), np.uint8)
    assert paste(empty, torch.zeros(4, 8, 8), (0, 0)).max() == 0
    opaque = paste(empty, torch.ones(4, 8, 8), (0, 0))
    assert (opaque == 255).all()
