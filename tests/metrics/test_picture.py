from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from lwgan_cli.metrics.picture import laplacian_energy, psnr, sharpness, ssim, ssim_map


def pictures(seed: int = 0, noise: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """A picture with detail and a noisier one."""
    rng = np.random.default_rng(seed)
    one = cv2.resize(rng.integers(0, 256, (12, 9, 3), np.uint8), (61, 83), interpolation=cv2.INTER_CUBIC)
    other = np.clip(one + rng.normal(0, noise, one.shape), 0, 255).astype(np.uint8)
    return one, other


def test_ssim_is_scikit_images() -> None:
    for noise in (0.0, 3.0, 40.0):
        one, other = pictures(noise=noise)
        value, whole = structural_similarity(one, other, channel_axis=2, full=True)
        assert ssim(one, other) == pytest.approx(value, abs=1e-9)
        assert np.allclose(ssim_map(one, other), whole, atol=1e-9)


def test_ssim_inside_a_mask() -> None:
    one, other = pictures()
    mixed = one.copy()
    mixed[:40] = other[:40]
    below = np.zeros(one.shape[:2], bool)
    below[50:] = True
    assert ssim(one, mixed, below) == 1.0
    assert ssim(one, mixed, ~below) < 0.99
    assert np.isnan(ssim(one, mixed, np.zeros_like(below)))


def test_psnr_is_scikit_images() -> None:
    one, other = pictures()
    assert psnr(one, other) == pytest.approx(peak_signal_noise_ratio(one, other), abs=1e-9)


def test_psnr_of_a_known_error() -> None:
    one = np.full((20, 20, 3), 100, np.uint8)
    other = one.copy()
    other[:10] += 10
    mask = np.zeros((20, 20), bool)
    mask[:10] = True
    assert psnr(one, other, mask) == pytest.approx(10 * np.log10(255**2 / 100))
    assert psnr(one, other, ~mask) == 99.0
    assert np.isnan(psnr(one, other, np.zeros_like(mask)))


def test_blur_lowers_sharpness_although_it_may_raise_psnr() -> None:
    real, noisy = pictures(noise=30)
    blurred = cv2.GaussianBlur(noisy, (0, 0), 2)
    everywhere = np.ones(real.shape[:2], bool)
    assert psnr(blurred, real) > psnr(noisy, real)
    assert sharpness(blurred, noisy, everywhere) < 0.1
    assert sharpness(real, real, everywhere) == 1.0


def test_laplacian_energy_of_a_checkerboard() -> None:
    board = (np.indices((16, 16)).sum(0) % 2 * 10).astype(np.uint8)
    picture = np.repeat(board[..., None], 3, 2)
    inner = np.zeros((16, 16), bool)
    inner[2:-2, 2:-2] = True
    assert laplacian_energy(picture, inner) == pytest.approx(40.0**2)


def test_pictures_that_do_not_fit_are_refused() -> None:
    one, other = pictures()
    with pytest.raises(ValueError, match="compared"):
        psnr(one, other[:-1])
    with pytest.raises(ValueError, match="window"):
        ssim(one[:5], other[:5])
