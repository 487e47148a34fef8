from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from lwgan_cli.metrics.picture import l1, laplacian_energy, ms_ssim, psnr, sharpness, ssim, ssim_map


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


def large(noise: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    one = cv2.resize(rng.integers(0, 256, (30, 25, 3), np.uint8), (201, 190), interpolation=cv2.INTER_CUBIC)
    return one, np.clip(one + rng.normal(0, noise, one.shape), 0, 255).astype(np.uint8)


def test_ms_ssim_is_the_product_over_scales() -> None:
    """Against scikit-image's Gaussian SSIM at each scale: where the means agree, luminance is 1, and what remains is
    contrast and structure. The coarsest scale has all three."""
    one, other = (each.astype(np.float64) for each in large(25.0))
    weights, value = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333), np.ones(3)
    for scale, weight in enumerate(weights):
        gauss = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True)
        for channel in range(3):
            a, b = one[..., channel], other[..., channel]
            whole = structural_similarity(a, b, **gauss)[1]
            if scale < 4:  # divided by the luminance term, from means of its own
                mean_a, mean_b = (gaussian_filter(v, 1.5, truncate=3.5) for v in (a, b))
                c1 = (0.01 * 255) ** 2
                whole = whole * (mean_a**2 + mean_b**2 + c1) / (2 * mean_a * mean_b + c1)
            value[channel] *= whole[5:-5, 5:-5].mean() ** weight
        one, other = (each[: len(each) // 2 * 2, : each.shape[1] // 2 * 2] for each in (one, other))
        one, other = ((e[::2, ::2] + e[1::2, ::2] + e[::2, 1::2] + e[1::2, 1::2]) / 4 for e in (one, other))
    assert ms_ssim(*large(25.0)) == pytest.approx(value.mean(), abs=1e-6)


def test_ms_ssim_at_its_ends() -> None:
    one, other = large(25.0)
    assert ms_ssim(one, one) == pytest.approx(1.0)
    assert ms_ssim(one, 255 - one) == 0
    assert ms_ssim(one, large(60.0)[1]) < ms_ssim(one, other) < 1
    assert np.isnan(ms_ssim(one[:175], other[:175]))


def test_l1_of_a_known_error() -> None:
    one = np.full((20, 20, 3), 100, np.uint8)
    other = one.copy()
    other[:10] -= 51
    mask = np.zeros((20, 20), bool)
    mask[:10] = True
    assert l1(one, other) == pytest.approx(0.1) and l1(one, other, mask) == pytest.approx(0.2)
    assert l1(one, other, ~mask) == 0 and np.isnan(l1(one, other, np.zeros_like(mask)))
