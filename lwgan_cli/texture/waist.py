"""Where one garment ends and another begins: a top's hem, told from what is seen of both."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree
from torch.nn.functional import normalize

from lwgan_cli.body.model import BodyModel, axis_angle_to_matrix
from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.glimpses import GLIMPSED
from lwgan_cli.texture.occlusion import COVERED
from lwgan_cli.texture.skin_tone import to_lab
from lwgan_cli.texture.surface import Surface

CUTS = np.linspace(0.1, 0.9, 33)  # shares of what is seen that may lie below a hem
LEAST, SAMPLES = 300, 3000  # px that tell, at least and at most
FEW, SEEN = 100, 0.5  # vertices that do at least; visibility from which they tell
APART = 25.0  # Lab between what is most seen of either garment
PURE = 0.85  # mean share of both that looks more like itself than like the other: a pattern isn't parted at a height
HIPS, KNEES = (1, 2), (4, 5)
BENT = np.radians(45)
WAVES = 0.03  # m up and down of a hem
HANGS = 0.06  # m in the picture that a top hangs out over thighs


def lower_garment(known: np.ndarray, colours: np.ndarray, height: np.ndarray) -> np.ndarray | None:
    """(h, w) bool: what of the known (h, w) bool, of colours (h, w, 3) 0 … 255, is of the lower of two garments that
    meet at about one height (h, w) along the body; None where it is one garment."""
    if np.count_nonzero(known) < LEAST:
        return None
    lab, at = to_lab(colours[known].astype(np.float32)), height[known]
    hem = _hem(lab, at)
    if hem is None:
        return None
    level, below, above = hem
    lower = np.zeros(known.shape, bool)
    lower[known] = _nearer(lab, below, above)
    return _in_place(lower, known, height - level)


def overhang_trust(
    surface: Surface, colours: np.ndarray, visibility: np.ndarray, px: np.ndarray, scale: float, bent: np.ndarray
) -> np.ndarray:
    """(V,) float32 in [0, 1], 0 for what a top that hangs out before a crouching body hides of its thighs: near the
    trunk they look like the top there, further down than it ends on the trunk.

    colours (V, 3) 0 … 255 at the vertices; visibility (V,) in [0, 1], of the person's own; px (V, 2) where they lie,
    picture px; scale px per metre; bent (V,) bool: on thighs that are, see `bent_thighs`
    """
    trust = np.ones(len(px), np.float32)
    worn = surface.tubes[0][surface.groups] & ~surface.bare & ~surface.of_skirt
    known = worn & (visibility > SEEN)
    if np.count_nonzero(known) < FEW or not (known & bent).any():
        return trust
    lab, height = to_lab(colours.astype(np.float32)), surface.vertices[:, 1]
    hem = _hem(lab[known], height[known])
    if hem is None:
        return trust
    level, below, above = hem
    upper = ~_nearer(lab, below, above)
    hangs = known & upper & ~surface.of_limbs[1]
    over = worn & (visibility > GLIMPSED) & bent & upper & (height < level - WAVES)
    if hangs.any() and over.any():
        over[over] = cKDTree(px[hangs]).query(px[over])[0] < HANGS * scale
    if hangs.any() and over.any():
        trust[bent] = smoothstep(cKDTree(px[over]).query(px[bent])[0] / scale, *COVERED)
    return trust


def bent_thighs(model: BodyModel, pose: torch.Tensor) -> np.ndarray:
    """(V,) bool: vertices of thighs that a pose (24, 3) bends away from the trunk's line by more than `BENT`."""
    rest, bent = model.joint_template, torch.zeros(len(model.parts), dtype=torch.bool, device=model.parts.device)
    for hip, knee in zip(HIPS, KNEES, strict=True):
        bone = normalize(rest[knee] - rest[hip], dim=0)
        if float(bone @ axis_angle_to_matrix(pose[hip]) @ bone) < np.cos(BENT):
            bent |= model.parts == hip
    return bent.cpu().numpy()


def _hem(lab: np.ndarray, at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray] | None:
    """Height of the hem between two garments of colours (N, 3) at heights (N,), and what is most seen of them (3,)
    below and above it; None where it is one garment."""
    some = np.random.default_rng(0).permutation(len(at))[:SAMPLES]
    some = some[np.argsort(at[some], kind="stable")]
    cuts = (CUTS * len(some)).astype(int)
    parted = [_parted(lab[some], cut) for cut in cuts]
    best = int(np.argmax([purity for purity, _, _ in parted]))
    purity, below, above = parted[best]
    return None if purity < PURE else (float(at[some[cuts[best]]]), below, above)


def _parted(lab: np.ndarray, cut: int) -> tuple[float, np.ndarray, np.ndarray]:
    """How well rows of colours (N, 3), lowest first, are parted at a row: the mean share of both parts that is nearer
    to its own median (3,) than to the other's, 0 where these are alike; and these medians, below and above. Either may
    have a pattern: the lesser share would be best where less of that counts."""
    below, above = np.median(lab[:cut], 0), np.median(lab[cut:], 0)
    low = _nearer(lab, below, above)
    purity = float(low[:cut].mean() + 1 - low[cut:].mean()) / 2 if np.linalg.norm(below - above) > APART else 0.0
    return purity, below, above


def _in_place(lower: np.ndarray, known: np.ndarray, height: np.ndarray) -> np.ndarray:
    """(h, w) bool: what is `lower` (h, w) bool of the known (h, w) bool without pieces above the hem, a print, a bow,
    and with those of the other colour below it, what hands hold; height (h, w) above the hem."""
    out = lower.copy()
    for value in (True, False):
        _, labels = cv2.connectedComponents((known & (lower == value)).astype(np.uint8), connectivity=4)
        size = np.maximum(np.bincount(labels.ravel()), 1)
        above = np.bincount(labels.ravel(), height.ravel()) / size > 0
        above[0] = not value
        out[(above == value)[labels]] = not value
    return out & known


def _nearer(lab: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) bool: colours (N, 3) nearer to one (3,) than to the other (3,)."""
    nearer: np.ndarray = np.linalg.norm(lab - one, axis=1) < np.linalg.norm(lab - other, axis=1)
    return nearer
