"""Where the person ends: masks refined to the picture's edges, and the person's colours beyond them.

The detector's person mask is smooth, 256 pixels across the person, and several picture pixels off.
Warping needs the true edge: what lies inside moves with the body, what lies outside must not.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from lwgan_cli.detection.keypoints import native_stderr_silenced
from lwgan_cli.detection.solutions import solution
from lwgan_cli.errors import LwganError
from lwgan_cli.layers.graph_cut import SURE, disk, local_graph_cut

_WORK_SIDE = 720  # the graph cut sees the person at most this large, px
_COARSE_WEIGHT = 0.25  # share of the coarse mask in what the guided filter sees
_DEEP = 0.02  # part of the person's longer side: so far inside its outline the coarse mask is sure of the person
_HEAD = (0.8, 1.1)  # times the distance from the face to the middle of the shoulders, over which the head ends
_BELIEVED = 0.9  # share of the sure head that a closer look must see, to be believed at all …
_TRUSTED = 0.98  # … and in full


class Window(NamedTuple):
    """A rectangle of the picture, px, right and lower edge excluded."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def rows_columns(self) -> tuple[slice, slice]:
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def refine_mask(
    rgb: np.ndarray,
    coarse: np.ndarray,
    doubt: np.ndarray | None = None,
    fine: np.ndarray | None = None,
    sure: np.ndarray | None = None,
) -> np.ndarray:
    """A person mask that follows the picture's edges, at the picture's resolution.

    Graph cuts (GrabCut, Rother et al. 2004) with colour models of the neighbourhood decide within a band
    around the coarse mask's outline, and the guided filter (He et al. 2010) gives the result the edges'
    place and softness. The coarse mask stands further than the band from its outline, along the axis of
    limbs, and where person and background have the same colours.

    rgb     (H, W, 3) uint8
    coarse  (H, W) float32, person probability in [0, 1]
    doubt   (H, W) bool: pixels that the coarse mask may have wrong although it is sure of them,
            such as a gap between arm and torso that a fitted body leaves open
    fine    (H, W) float32 in [0, 1]: how far the mask comes from a closer look, which knows the outline better than
            doubtful colours do, dark hair before the night sky for one
    sure    (H, W) bool: the person for certain, whatever the colours say: the bones of a hand that motion smears
    returns (H, W) float32, alpha in [0, 1]; all zeros where `coarse` sees nobody
    """
    _check_pair(rgb, coarse)
    window = _person_window(coarse)
    if window is None:
        return np.zeros(coarse.shape, np.float32)
    part = np.ascontiguousarray(rgb[window.rows_columns])
    prior = coarse[window.rows_columns].astype(np.float32)
    if doubt is not None:
        doubted = doubt[window.rows_columns]
        prior[doubted] = np.minimum(prior[doubted], 0.5)
    height, width = prior.shape
    shrink = min(1.0, _WORK_SIDE / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small_prior = cv2.resize(prior, size, interpolation=cv2.INTER_AREA)
    small_fine = None if fine is None else cv2.resize(fine[window.rows_columns], size, interpolation=cv2.INTER_AREA)
    small_sure = None
    if sure is not None:
        small_sure = cv2.resize(sure[window.rows_columns].astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    cut = local_graph_cut(small, small_prior, small_fine, small_sure)
    mixed = (1 - _COARSE_WEIGHT) * cut + _COARSE_WEIGHT * small_prior
    mixed = cv2.resize(mixed, (width, height), interpolation=cv2.INTER_LINEAR)

    radius = max(2, round(0.013 * max(height, width)))
    alpha = _guided(part, mixed, radius, gain=5.0)  # the place of the edge
    alpha = _guided(part, alpha, max(2, radius * 3 // 8), gain=1.3)  # its softness
    inner = cv2.erode((prior > SURE).astype(np.uint8), disk(2 * radius), borderValue=1)
    outer = cv2.dilate((prior > 0.3).astype(np.uint8), disk(2 * radius))
    out = np.zeros(coarse.shape, np.float32)
    out[window.rows_columns] = np.where(inner > 0, 1, np.where(outer == 0, 0, alpha))
    return out


def head_window(landmarks: np.ndarray, width: int, height: int) -> Window | None:
    """Head and shoulders, hat and hair included: what a portrait segmenter is made for.

    landmarks  (33, 2), BlazePose's points in picture px
    returns    the square clipped to the picture; None where it is too small to be of use
    """
    centre, reach = head_circle(landmarks)
    if not np.isfinite(reach):
        return None
    side = 1.9 * reach
    low = np.floor(centre - side).astype(int)
    high = np.ceil(centre + side).astype(int)
    window = Window(
        int(np.clip(low[0], 0, width)),
        int(np.clip(low[1], 0, height)),
        int(np.clip(high[0], 0, width)),
        int(np.clip(high[1], 0, height)),
    )
    return window if min(window.x1 - window.x0, window.y1 - window.y0) >= 32 else None


def segment_head(rgb: np.ndarray, window: Window) -> np.ndarray:
    """Person probability inside a head-and-shoulders window, by mediapipe's portrait segmenter.

    rgb     (H, W, 3) uint8, the whole picture
    returns (window height, window width) float32 in [0, 1]
    """
    with (
        native_stderr_silenced(),
        solution("selfie_segmentation").SelfieSegmentation(model_selection=0) as segmenter,
    ):
        mask = segmenter.process(np.ascontiguousarray(rgb[window.rows_columns])).segmentation_mask
    if mask is None:
        raise LwganError("mediapipe's portrait segmenter returned no mask: check the mediapipe installation")
    return np.asarray(mask, np.float32)


def merge_head(coarse: np.ndarray, head: np.ndarray, window: Window, landmarks: np.ndarray) -> np.ndarray:
    """The coarse mask with head, hair and hat from a closer look at them.

    Around the face the closer look replaces the coarse mask, fading out towards the shoulders. Of what
    it sees, only what hangs together with the person counts: not a second face beside the first. It takes
    away nothing from the depth of the coarse mask, such as a raised hand or a print on a shirt, and one that
    misses part of a head that the coarse mask is sure of (a swimming cap, a face made unrecognisable) has seen
    something else than the person, and is left out.

    coarse     (H, W) float32 in [0, 1]
    head       (window height, window width) float32 in [0, 1]
    landmarks  (33, 2), picture px
    returns    (H, W) float32 in [0, 1]
    """
    centre, reach = head_circle(landmarks)
    rows, columns = window.rows_columns
    y = np.arange(window.y0, window.y1)[:, None] + 0.5 - centre[1]
    x = np.arange(window.x0, window.x1)[None] + 0.5 - centre[0]
    weight = np.clip((1.7 - np.hypot(x, y) / reach) / 0.5, 0, 1).astype(np.float32)
    # Towards the window's own border the segmenter sees half a shoulder and no context.
    height, width = coarse.shape
    inset_x = np.minimum(
        np.inf if window.x0 == 0 else x - x[0, 0] + 1, np.inf if window.x1 == width else x[0, -1] - x + 1
    )
    inset_y = np.minimum(
        np.inf if window.y0 == 0 else y - y[0, 0] + 1, np.inf if window.y1 == height else y[-1, 0] - y + 1
    )
    weight *= np.clip(np.minimum(inset_x, inset_y) / (0.2 * reach), 0, 1)
    count, labels = cv2.connectedComponents((head > 0.3).astype(np.uint8))
    inner = (coarse[rows, columns] > 0.5) & (np.hypot(x, y) < reach)
    kept = np.zeros(count, bool)
    kept[np.unique(labels[inner])] = True
    kept[0] = True
    seen = np.where(kept[labels], head, 0)
    sure = _sure(coarse)[rows, columns]
    inside = sure & (np.hypot(x, y) < reach)
    if inside.any():
        weight *= np.clip((float(seen[inside].mean()) - _BELIEVED) / (_TRUSTED - _BELIEVED), 0, 1)
    seen = np.maximum(seen, sure)
    out = coarse.astype(np.float32, copy=True)
    out[rows, columns] = weight * seen + (1 - weight) * coarse[rows, columns]
    return out


def around_head(shape: tuple[int, ...], landmarks: np.ndarray) -> np.ndarray:
    """(H, W) float32 in [0, 1]: 1 on the head of landmarks (33, 2), picture px, 0 from the shoulders on."""
    centre, reach = head_circle(landmarks)
    y, x = np.ogrid[: shape[0], : shape[1]]
    away = np.hypot(x + 0.5 - centre[0], y + 0.5 - centre[1]) / reach
    return np.clip((_HEAD[1] - away) / (_HEAD[1] - _HEAD[0]), 0, 1).astype(np.float32)


def _sure(coarse: np.ndarray) -> np.ndarray:
    """(H, W) bool: where a coarse mask (H, W) is sure of the person, well inside its outline."""
    window = _person_window(coarse)
    if window is None:
        return np.zeros(coarse.shape, bool)
    deep = max(1, round(_DEEP * max(window.x1 - window.x0, window.y1 - window.y0)))
    return cv2.erode((coarse > SURE).astype(np.uint8), disk(deep), borderValue=1) > 0


def extend_colours(
    rgb: np.ndarray, alpha: np.ndarray, reach: int | None = None, erode: int | None = None
) -> np.ndarray:
    """The picture with the person's own colours carried outwards over the rim and beyond.

    A warp that reads a little outside the person, or in the rim where person and background mix, then
    still finds the person's colours. Each pixel takes the colour of the nearest sure pixel, smoothed
    more the further it had to go.

    rgb     (H, W, 3) uint8
    alpha   (H, W) float32 in [0, 1]
    reach   how far outwards, px; the picture stays as it is beyond. Default: 4 % of the person's longer side
    erode   width of the rim inside the mask that is not trusted, px. Default: 2 px per 1000 of that side
    returns (H, W, 3) uint8; equal to `rgb` in the mask's interior
    """
    _check_pair(rgb, alpha)
    window = _person_window(alpha, 0.5)
    if window is None:
        return rgb.copy()
    longer = max(window.x1 - window.x0, window.y1 - window.y0)
    erode = max(1, round(0.002 * longer)) if erode is None else erode
    reach = max(4, round(0.04 * longer)) if reach is None else reach
    height, width = alpha.shape
    window = Window(
        max(0, window.x0 - reach), max(0, window.y0 - reach),
        min(width, window.x1 + reach), min(height, window.y1 + reach),
    )  # fmt: skip
    part = rgb[window.rows_columns]
    opaque = (alpha[window.rows_columns] > 0.95).astype(np.uint8)
    sure = cv2.erode(opaque, disk(erode), borderValue=1)
    if not sure.any():
        sure = opaque if opaque.any() else (alpha[window.rows_columns] > 0.5).astype(np.uint8)
    filled, distance = _nearest_colour(part, sure)
    out = rgb.copy()
    near = (sure == 0) & (distance <= reach + erode)
    out[window.rows_columns][near] = filled[near]
    return out


def _nearest_colour(rgb: np.ndarray, sure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours (H, W, 3) uint8 of the nearest sure pixel, smoothed with distance; that distance, px."""
    distance, labels = cv2.distanceTransformWithLabels(
        1 - sure, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # A single pixel carried outwards makes a streak of its noise: carry a small mean instead.
    weight = sure.astype(np.float32)
    mean = (
        cv2.blur(rgb.astype(np.float32) * weight[..., None], (3, 3))
        / np.maximum(cv2.blur(weight, (3, 3)), 1e-6)[..., None]
    )
    ys, xs = np.nonzero(sure)
    colours = np.zeros((labels.max() + 1, 3), np.float32)
    colours[labels[ys, xs]] = mean[ys, xs]
    near = colours[labels]
    filled = near
    for sigma, start in ((1.5, 2.0), (4.0, 6.0)):
        share = np.clip((distance - start) / start, 0, 1)[..., None]
        filled = filled * (1 - share) + cv2.GaussianBlur(near, (0, 0), sigma) * share
    return np.clip(filled + 0.5, 0, 255).astype(np.uint8), distance


def _guided(rgb: np.ndarray, mask: np.ndarray, radius: int, gain: float) -> np.ndarray:
    """The mask filtered along the picture's edges, its slope steepened by `gain`, clipped to [0, 1]."""
    filtered = cv2.ximgproc.guidedFilter(rgb, np.ascontiguousarray(mask, np.float32), radius, 1e-4 * 255**2)
    return np.clip((filtered - 0.5) * gain + 0.5, 0, 1).astype(np.float32)


def _person_window(mask: np.ndarray, threshold: float = 0.3) -> Window | None:
    """The mask's bounding box with a margin for the background that the cut must know; None where empty."""
    columns = np.flatnonzero((mask > threshold).any(0))
    rows = np.flatnonzero((mask > threshold).any(1))
    if not len(rows):
        return None
    margin = max(8, round(0.05 * max(np.ptp(columns), np.ptp(rows))))
    height, width = mask.shape
    return Window(
        max(0, int(columns[0]) - margin), max(0, int(rows[0]) - margin),
        min(width, int(columns[-1]) + 1 + margin), min(height, int(rows[-1]) + 1 + margin),
    )  # fmt: skip


def head_circle(landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """The face's centre (2,) and its distance to the middle of the shoulders, picture px."""
    face = landmarks[:11].mean(0)
    return face, float(np.linalg.norm(landmarks[11:13].mean(0) - face))


def _check_pair(rgb: np.ndarray, mask: np.ndarray) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise LwganError(f"a picture must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
    if mask.shape != rgb.shape[:2]:
        raise LwganError(f"a mask of {mask.shape} doesn't fit a picture of {rgb.shape[:2]}: resize it first")
