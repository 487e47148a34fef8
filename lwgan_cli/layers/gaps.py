"""Gaps that a detector closes: between arm and trunk or between the legs, where the fitted body leaves one open."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.detection.keypoints import cut, uncut
from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.records import Motion

SIZE = 256  # px of the crop in which they are looked for
REACH = 0.05  # m: half the width of gaps between limbs that a detector closes
CLOTH = 0.012  # m of cloth that narrows them
LEAST = 0.0006  # m²


def closed_gaps(model: BodyModel, motion: Motion, alpha: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels of the person's mask in narrow places between parts of the naked body.

    They may be background that the detector missed, or a skirt: what `matte.refine_mask` calls doubt.

    motion of one frame; alpha (H, W) float32 in [0, 1], the mask of the whole picture.
    """
    crop, size = motion.crop[0], (alpha.shape[1], alpha.shape[0])
    vertices, _ = skin(model, torch.from_numpy(motion.poses), torch.from_numpy(motion.betas))
    fragments = rasterize(project(vertices, torch.from_numpy(motion.camera)), model.faces, SIZE)
    body = fragments.mask[0].numpy().astype(np.uint8)
    mask = cut((alpha * 255).astype(np.uint8), crop, SIZE) > 127
    px_per_m = float(motion.camera[0, 0]) * SIZE / 2
    reach, cloth = max(1, round(REACH * px_per_m)), max(1, round(CLOTH * px_per_m))
    closed = cv2.morphologyEx(body, cv2.MORPH_CLOSE, disk(reach)) > 0
    places = mask & closed & (cv2.dilate(body, disk(cloth)) == 0)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(places.astype(np.uint8))
    large = [p for p in range(1, count) if stats[p, cv2.CC_STAT_AREA] > LEAST * px_per_m**2]
    return np.asarray(uncut(np.isin(pieces, large).astype(np.uint8) * 255, crop, size) > 127)
