"""How near a picture is to another: SSIM, MS-SSIM, PSNR, L1, sharpness. Pictures are (H, W, C) uint8."""

from __future__ import annotations

import cv2
import numpy as np

_WINDOW = 7  # px
_K1, _K2 = 0.01, 0.03
_C1, _C2 = (_K1 * 255) ** 2, (_K2 * 255) ** 2
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights of the scales, from fine to coarse
_GAUSS, _SIGMA = 11, 1.5  # px


def ssim_map(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Structural similarity at each pixel and channel, (H, W, C) float64 (Wang et al., 2004).

    A uniform 7×7 window and sample covariances, as scikit-image's `structural_similarity` has it.
    Raises ValueError for pictures of different shapes or smaller than the window.
    """
    _check_pair(one, other)
    if min(one.shape[:2]) < _WINDOW:
        raise ValueError(f"pictures of {one.shape} are smaller than SSIM's window of {_WINDOW} px")
    x, y = one.astype(np.float64), other.astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (_WINDOW, _WINDOW), borderType=cv2.BORDER_REFLECT).reshape(x.shape)

    mean_x, mean_y = mean(x), mean(y)
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    var_x, var_y = unbiased * (mean(x * x) - mean_x**2), unbiased * (mean(y * y) - mean_y**2)
    covariance = unbiased * (mean(x * y) - mean_x * mean_y)
    top = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    return top / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))


def ssim(one: np.ndarray, other: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean structural similarity, see `mean_ssim`."""
    return mean_ssim(ssim_map(one, other), mask)


def mean_ssim(values: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The mean of `ssim_map`; the picture's border of 3 px is left out, or, with a mask (H, W) bool, all that lies
    outside it. NaN for an empty mask."""
    if mask is not None:
        return float(values[mask].mean()) if mask.any() else float("nan")
    edge = _WINDOW // 2
    return float(values[edge:-edge, edge:-edge].mean())


def ms_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity over five scales (Wang, Simoncelli and Bovik, 2003).

    Contrast and structure at every scale, luminance at the coarsest alone, in a Gaussian window of 11 px and σ 1.5
    that lies whole within the picture; between scales, means of 2×2 px. A channel whose contrast disagrees in sign
    counts 0. NaN where the shorter side is below 176 px, as the coarsest scale then holds no window.
    Raises ValueError for pictures of different shapes.
    """
    _check_pair(one, other)
    if min(one.shape[:2]) < _GAUSS * 2 ** (len(_SCALES) - 1):
        return float("nan")
    x, y = one.astype(np.float64), other.astype(np.float64)
    values = np.ones(one.shape[2])
    for scale, weight in enumerate(_SCALES):
        if scale:
            x, y = _halved(x), _halved(y)
        mean_x, mean_y = _gauss(x), _gauss(y)
        variances = _gauss(x * x) - mean_x**2 + _gauss(y * y) - mean_y**2
        similar = (2 * (_gauss(x * y) - mean_x * mean_y) + _C2) / (variances + _C2)
        if scale == len(_SCALES) - 1:
            similar = similar * (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
        values = values * np.maximum(similar.mean((0, 1)), 0) ** weight
    return float(values.mean())


def _gauss(values: np.ndarray) -> np.ndarray:
    """Means (H - 10, W - 10, C) of values (H, W, C) in a Gaussian window."""
    edge = _GAUSS // 2
    blurred = cv2.GaussianBlur(values, (_GAUSS, _GAUSS), _SIGMA).reshape(values.shape)
    return blurred[edge:-edge, edge:-edge]


def _halved(values: np.ndarray) -> np.ndarray:
    """Means of 2×2 px; a last odd row or column goes."""
    height, width = values.shape[0] // 2, values.shape[1] // 2
    blocks = values[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1)
    halved: np.ndarray = blocks.mean((1, 3))
    return halved


def l1(one: np.ndarray, other: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean absolute difference, pictures in [0, 1], over the picture or a mask (H, W) bool of it; NaN for an empty
    mask. Raises ValueError for pictures of different shapes."""
    _check_pair(one, other)
    error = np.abs(one.astype(np.float64) - other) / 255
    values = error if mask is None else error[mask]
    return float(values.mean()) if values.size else float("nan")


def psnr(one: np.ndarray, other: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio, dB, over the picture or a mask (H, W) bool of it; at most 99.

    NaN for an empty mask. Raises ValueError for pictures of different shapes.
    """
    _check_pair(one, other)
    error = (one.astype(np.float64) - other.astype(np.float64)) ** 2
    values = error if mask is None else error[mask]
    if not values.size:
        return float("nan")
    return float(min(99.0, 10 * np.log10(255**2 / max(values.mean(), 1e-9))))


def laplacian_energy(picture: np.ndarray, mask: np.ndarray) -> float:
    """Mean squared Laplacian of the brightness inside a mask (H, W) bool: what is lost by blur. NaN where empty."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    values = cv2.Laplacian(grey, cv2.CV_64F)[mask]
    return float((values**2).mean()) if values.size else float("nan")


def sharpness(result: np.ndarray, real: np.ndarray, mask: np.ndarray) -> float:
    """Laplacian energy inside a mask (H, W) bool, result over real: 1 is as sharp, less is blurred."""
    return laplacian_energy(result, mask) / max(laplacian_energy(real, mask), 1e-6)


def _check_pair(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape != other.shape:
        raise ValueError(f"pictures of {one.shape} and {other.shape} can't be compared")
