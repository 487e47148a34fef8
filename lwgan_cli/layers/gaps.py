"""Gaps that a detector closes: between arm and trunk, and between the legs."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.detection.keypoints import cut, uncut
from lwgan_cli.dressing.side_by_side import LEGS, half_widths
from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.records import Fragments, Motion

ARMS = (18, 20, 22), (19, 21, 23)  # forearms and hands
TRUNK = (0, 1, 2, 3, 4, 5, 6)  # … and thighs
SIZE = 256  # px of the crop in which they are looked for
REACH = 0.05  # m: half the width of gaps between limbs that a detector closes
CLOTH = 0.012  # m of cloth that narrows them
LEAST = 0.0006  # m²
CORE = 0.5  # of a limb's half-width, how far from its middle it surely is that limb
BETWEEN = 0.06  # m: half of what is between the cores of two limbs that are side by side
NARROW = 0.02  # m: half the width of gaps that a mask which is refined once more may lose
BESIDE = 0.006  # m beside what is in doubt, over which an edge found there is soft


def closed_gaps(model: BodyModel, motion: Motion, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: pixels of the person's mask in narrow places between parts of the naked body, and between its
    legs; and those between forearms and what they hang beside, that a fit which is a little off may well close.

    They may be background that the detector missed, or a skirt: what `matte.refine_mask` calls doubt.

    motion of one frame; alpha (H, W) float32 in [0, 1], the mask of the whole picture.
    """
    crop, size = motion.crop[0], (alpha.shape[1], alpha.shape[0])
    vertices, _ = skin(model, torch.from_numpy(motion.poses), torch.from_numpy(motion.betas))
    vertices = project(vertices, torch.from_numpy(motion.camera))
    fragments = rasterize(vertices, model.faces, SIZE)
    body = fragments.mask[0].numpy().astype(np.uint8)
    mask = cut((alpha * 255).astype(np.uint8), crop, SIZE) > 127
    px_per_m = float(motion.camera[0, 0]) * SIZE / 2
    reach, cloth = max(1, round(REACH * px_per_m)), max(1, round(CLOTH * px_per_m))
    closed = cv2.morphologyEx(body, cv2.MORPH_CLOSE, disk(reach)) > 0
    places = mask & closed & (cv2.dilate(body, disk(cloth)) == 0)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(places.astype(np.uint8))
    large = [p for p in range(1, count) if stats[p, cv2.CC_STAT_AREA] > LEAST * px_per_m**2]
    between = partial(_between, model, vertices, fragments, mask, px_per_m)
    left, right = (between(arm, TRUNK) for arm in ARMS)
    doubts = np.isin(pieces, large) | between(*LEGS), left | right
    gaps, beside_arms = (uncut(doubt.astype(np.uint8) * 255, crop, size) > 127 for doubt in doubts)
    return gaps, beside_arms


def _between(
    model: BodyModel, vertices: torch.Tensor, fragments: Fragments, mask: np.ndarray, px_per_m: float,
    first: tuple[int, ...], second: tuple[int, ...],
) -> np.ndarray:  # fmt: skip
    """(S, S) bool: what joins two limbs, or a limb and the trunk, in the mask (S, S) bool, and open places in it: all
    between their cores, each from half its half-width outwards, that nothing else is drawn before. A fit is a
    centimetre off, and may well close a gap that is narrower.

    vertices (1, V, 3) NDC of what the fragments (1, S, S) show; first, second: the parts of each."""
    parts, faces = model.parts.cpu(), model.faces.cpu()
    part = torch.where(fragments.mask, parts[faces[fragments.pix_to_face.clamp_min(0), 0]], -1)[0].numpy()
    reach, cores = disk(max(1, round(BETWEEN * px_per_m))), []
    for limb in (first, second):
        own = faces[torch.isin(parts[faces], torch.tensor(limb)).all(1)]
        drawn = rasterize(vertices, own, SIZE).mask[0].numpy().astype(np.uint8)
        depth = cv2.distanceTransform(drawn, cv2.DIST_L2, 5)
        cores.append((depth > CORE * half_widths(depth, px_per_m)).astype(np.uint8))
    both, *each = (cv2.morphologyEx(core, cv2.MORPH_CLOSE, reach) > 0 for core in (cores[0] | cores[1], *cores))
    between = both & ~(each[0] | each[1]) & np.isin(part, [-1, *first, *second])
    _, pieces = cv2.connectedComponents((between & mask).astype(np.uint8))
    one, other = (np.unique(pieces[cv2.dilate(core, disk(1)) > 0]) for core in cores)
    joining = np.isin(pieces, np.setdiff1d(np.intersect1d(one, other), 0))
    beside = cv2.dilate(joining.astype(np.uint8), reach) > 0
    found: np.ndarray = joining | (between & ~mask & beside)
    return found


def with_gaps(
    alpha: np.ndarray, opened: np.ndarray, gaps: np.ndarray, beside_arms: np.ndarray, px_per_m: float
) -> np.ndarray:
    """A mask `opened` (H, W) float32 in [0, 1], refined anew from alpha (H, W) with the gaps and what is beside arms,
    (H, W) bool each, in doubt, that closes neither these, nor what is right beside them, nor other narrow places: a
    mask that is refined once more may lose what is narrow. Without gaps it is only looked at beside the arms."""
    least = np.minimum(alpha, opened)
    if not gaps.any():
        return np.where(_away(beside_arms) <= BESIDE * px_per_m, least, alpha)
    person = alpha > 0.5
    wide = _away(person) > NARROW * px_per_m
    narrow = ~person & (_away(wide) > NARROW * px_per_m)
    held = narrow | (_away(gaps | beside_arms) <= BESIDE * px_per_m)
    return np.where(held, least, opened)


def _away(mask: np.ndarray) -> np.ndarray:
    """(H, W) float32 px to the mask (H, W) bool; far where it is empty."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
