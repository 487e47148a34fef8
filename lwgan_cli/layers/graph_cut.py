"""Graph cuts that sharpen a coarse person mask, with colour models of each neighbourhood."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from lwgan_cli.threads import side_by_side

SURE = 0.97  # the detector's masks are saturated: less than this is doubt

_BAND = 0.0115  # how far off a coarse mask may be, as part of the person's longer side
_LIMB = 0.8  # part of a limb's half-width from which on its axis is sure to be the person
_TILE = 0.4  # side of a neighbourhood, as part of the person's longer side
# Share of sure pixels nearby that colours tell wrongly, over which the mask takes over from them; and for a fine mask.
_DOUBT, _FINE_DOUBT = (0.2, 0.5), (0.05, 0.15)
_SAMPLES = 6000  # colours that a model is fitted to
_JITTER = 5.0  # grey levels; glow and compression widen a background's colours near the person
_COMPONENTS = 5  # OpenCV's GrabCut has five Gaussians a side


class _Models(NamedTuple):
    """OpenCV's two Gaussian mixtures, (1, 65) float64 each."""

    background: np.ndarray
    person: np.ndarray


def local_graph_cut(
    rgb: np.ndarray, coarse: np.ndarray, fine: np.ndarray | None = None, sure: np.ndarray | None = None
) -> np.ndarray:
    """Person or background by colour, within a band around the coarse mask's outline.

    GrabCut (Rother et al. 2004) with fixed models: learnt from the sure pixels of overlapping tiles, so
    that a white shirt doesn't speak for a white wall elsewhere. Where the models don't even tell the
    sure pixels apart, the coarse mask decides.

    rgb     (H, W, 3) uint8, the person and a margin
    coarse  (H, W) float32 in [0, 1]
    fine    (H, W) float32 in [0, 1]: 1 where the mask is not so coarse that doubtful colours should overrule it
    sure    (H, W) bool: the person, whatever the colours say
    returns (H, W) float32 in [0, 1]
    """
    height, width = coarse.shape
    fine = np.zeros(coarse.shape, np.float32) if fine is None else fine
    band = max(2, round(_BAND * max(height, width)))
    state = _initial_state(coarse, band)
    if sure is not None:
        state[sure] = cv2.GC_FGD
    near = cv2.dilate((state >= cv2.GC_PR_BGD).astype(np.uint8), disk(3 * band)) > 0
    side = max(48, int(_TILE * max(height, width)))
    corners = [
        (top, left) for top in range(-side // 2, height, side // 2) for left in range(-side // 2, width, side // 2)
    ]

    def solve(corner: tuple[int, int]) -> tuple[tuple[slice, slice], np.ndarray]:
        top, left = corner
        tile = (
            slice(max(top, 0), min(top + side, height)),
            slice(max(left, 0), min(left + side, width)),
        )
        return tile, _cut_tile(rgb[tile], coarse[tile], fine[tile], state[tile], near[tile], band)

    # Neighbouring tiles overlap by half and fade into one another.
    hann = np.hanning(side + 2)[1:-1] + 1e-3
    total = np.zeros(coarse.shape, np.float32)
    weights = np.zeros(coarse.shape, np.float32)
    for (top, left), (tile, mask) in zip(corners, side_by_side(solve, corners, 2), strict=True):
        rows, columns = tile
        weight = np.outer(
            hann[rows.start - top : rows.stop - top], hann[columns.start - left : columns.stop - left]
        ).astype(np.float32)
        total[tile] += weight * mask
        weights[tile] += weight
    return total / weights


def disk(radius: int) -> np.ndarray:
    """(2·radius + 1)² uint8, a round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _initial_state(coarse: np.ndarray, band: int) -> np.ndarray:
    """(H, W) uint8, OpenCV's GC_ classes: sure beyond the band, probable within."""
    outside = cv2.dilate((coarse > 0.3).astype(np.uint8), disk(band)) == 0
    depth = cv2.distanceTransform((coarse > SURE).astype(np.uint8), cv2.DIST_L2, 5)
    # A forearm is narrower than two bands: its axis is sure all the same, or a graph cut may drop it.
    inside = (depth > 0) & (depth >= np.minimum(band, _LIMB * cv2.dilate(depth, disk(2 * band))))
    state = np.where(coarse > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[outside] = cv2.GC_BGD
    state[inside] = cv2.GC_FGD
    return state


def _cut_tile(
    rgb: np.ndarray, coarse: np.ndarray, fine: np.ndarray, state: np.ndarray, near: np.ndarray, band: int
) -> np.ndarray:
    """(h, w) float32: the tile's cut, or the coarse mask where colours say nothing."""
    person, background = state == cv2.GC_FGD, state == cv2.GC_BGD
    unknown = ~(person | background)
    if np.count_nonzero(unknown) < 4:
        return (state & 1).astype(np.float32)
    if min(np.count_nonzero(person), np.count_nonzero(background)) < 64:
        return coarse
    rgb = np.ascontiguousarray(rgb)
    models = _fit(rgb[person], rgb[background])
    cut = state.copy()
    cv2.grabCut(rgb, cut, None, models.background, models.person, 1, cv2.GC_EVAL_FREEZE_MODEL)
    share = np.zeros(coarse.shape, np.float32)
    share[near] = _person_share(rgb[near], models)
    error = np.maximum(
        _local_mean(1 - share, person & near, 1.5 * band), _local_mean(share, background & near, 1.5 * band)
    )
    low, high = (fine * close + (1 - fine) * far for far, close in zip(_DOUBT, _FINE_DOUBT, strict=True))
    trust = 1 - np.clip((error - low) / (high - low), 0, 1)
    return trust * (cut & 1) + (1 - trust) * coarse


def _fit(person: np.ndarray, background: np.ndarray) -> _Models:
    """Colour models of two sets of pixels, (N, 3) uint8 each."""
    random = np.random.default_rng(0)
    samples = [random.permutation(pixels)[:_SAMPLES] for pixels in (person, background)]
    colours = np.concatenate(samples) + random.normal(0, _JITTER, (sum(map(len, samples)), 3))
    strip = np.clip(colours, 0, 255).astype(np.uint8)[None]
    labels = np.full((1, strip.shape[1]), cv2.GC_BGD, np.uint8)
    labels[:, : len(samples[0])] = cv2.GC_FGD
    models = _Models(np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.setRNGSeed(0)
    # No iteration: OpenCV fits the models to the labelled pixels and returns.
    cv2.grabCut(strip, labels, None, models.background, models.person, 0, cv2.GC_INIT_WITH_MASK)
    return models


def _person_share(colours: np.ndarray, models: _Models) -> np.ndarray:
    """(N,) float32: the person model's likelihood over the sum of both, of (N, 3) uint8 colours."""
    likelihoods = []
    for model in models:
        weight = model[0, :_COMPONENTS]
        mean = model[0, _COMPONENTS : 4 * _COMPONENTS].reshape(_COMPONENTS, 3)
        covariance = model[0, 4 * _COMPONENTS :].reshape(_COMPONENTS, 3, 3)
        total = np.full(len(colours), 1e-12, np.float32)
        for k in np.flatnonzero(weight > 0):
            root = np.linalg.cholesky(covariance[k] + np.eye(3))
            white = (colours - mean[k]).astype(np.float32) @ np.linalg.inv(root).T.astype(np.float32)
            density = np.exp(-0.5 * np.einsum("ij,ij->i", white, white)) / np.prod(np.diag(root))
            total += np.float32(weight[k]) * density.astype(np.float32)
        likelihoods.append(total)
    background, person = likelihoods
    return person / (person + background)


def _local_mean(values: np.ndarray, where: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean of the values at the pixels named; 0.3 far from all of them."""
    weight = where.astype(np.float32)
    mean = cv2.GaussianBlur(values * weight, (0, 0), sigma) + 3e-5
    return mean / (cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-4)
