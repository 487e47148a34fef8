"""How soft a photo's edges are: what is laid over a scene with harder edges than the photo's looks cut out."""

from __future__ import annotations

import cv2
import numpy as np

REACH = 10.0  # px across the outline that are looked at, to either side
STEP = 0.5  # px between looks
ENDS = 6.0  # px from the outline, beyond which the person and what is behind them are taken as they are
CONTRAST = 40.0  # levels between the two from which their edge can be measured …
CALM = 0.12  # … and share of it that either may vary
LEAST = 40  # places of the outline
MOST_PLACES = 4000
SHARPER = 35  # percentile of the outline's softness that is the photo's
MOST = 5.0  # px; softer than this is haze, not an edge


def edge_softness(rgb: np.ndarray, alpha: np.ndarray) -> float:
    """Standard deviation, px, of the Gaussian by which the person's outline is blurred in a photo.

    A step blurred by a Gaussian of deviation σ is at its steepest 1 / (σ √(2π)) of its height a px. Looked at where the
    colours to both sides differ and are calm; of these the sharper third counts, as what moves fast or is further away
    is blurred by more than the camera and the file.

    rgb     (H, W, 3) uint8
    alpha   (H, W) float32 in [0, 1], the person
    returns 0 where no such place is found; about 0.5 for edges as sharp as pixels can be; at most MOST
    """
    places, normals = _outline(alpha)
    if len(places) < LEAST:
        return 0.0
    if len(places) > MOST_PLACES:
        chosen = np.linspace(0, len(places) - 1, MOST_PLACES).astype(int)
        places, normals = places[chosen], normals[chosen]
    along = np.arange(-REACH, REACH + STEP / 2, STEP)
    at = (places[:, None] + normals[:, None] * along[None, :, None]).astype(np.float32)  # (N, T, 2), outwards
    inside = ((at >= 0) & (at <= [rgb.shape[1] - 1, rgb.shape[0] - 1])).all((1, 2))
    at = at[inside]
    if len(at) < LEAST:
        return 0.0
    seen = cv2.remap(rgb, at[..., 0], at[..., 1], cv2.INTER_LINEAR).astype(np.float32)  # (N, T, 3)
    person, behind = seen[:, along < -ENDS], seen[:, along > ENDS]
    step = behind.mean(1) - person.mean(1)
    height = np.linalg.norm(step, axis=1)
    clear = height > CONTRAST
    profile = (seen[clear] * step[clear, None]).sum(-1) / height[clear, None] ** 2  # rises by 1
    calm = np.maximum(profile[:, along < -ENDS].std(1), profile[:, along > ENDS].std(1)) < CALM
    if calm.sum() < LEAST:
        return 0.0
    steepest = (profile[calm, 2:] - profile[calm, :-2]).max(1) / (2 * STEP)
    softness = 1 / (np.sqrt(2 * np.pi) * steepest)
    return float(min(np.percentile(softness, SHARPER), MOST))


def _outline(alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (N, 2) px where alpha passes a half, and the ways out there, (N, 2), of length 1."""
    smooth = cv2.GaussianBlur(np.ascontiguousarray(alpha, np.float32), (0, 0), 2.0)
    solid = (smooth > 0.5).astype(np.uint8)
    rows, columns = np.nonzero(solid & ~cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=1) & 1)
    ways = np.stack([-cv2.Sobel(smooth, cv2.CV_32F, *order)[rows, columns] for order in ((1, 0), (0, 1))], 1)
    length = np.linalg.norm(ways, axis=1, keepdims=True)
    there = length[:, 0] > 1e-6
    return np.stack([columns, rows], 1)[there].astype(np.float64), ways[there] / length[there]
