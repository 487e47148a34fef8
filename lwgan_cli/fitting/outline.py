"""Outlines of masks, and which piece of one belongs to which piece of another."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

REACH = 0.16  # of the picture's side: outlines further apart than this are not the same edge
NORMAL_PX = 12.0  # a disagreeing normal costs like this many px of 256
AT_EDGE = 3  # px from the picture's edge over which no outline is known: the mask's own lies along it
MIN_AGREE = 0.3  # cosine between the normals of matched outlines


@dataclass(frozen=True)
class Outline:
    """points (N, 2) px and outward unit normals (N, 2) along the edges of a mask, holes included."""

    points: np.ndarray
    normals: np.ndarray


def outline(mask: np.ndarray, step: int = 1) -> Outline:
    """mask (S, S) bool → its edges' pixels, every `step`-th. The picture's own border is no edge: a body that
    leaves the picture goes on there."""
    size = mask.shape[0]
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    points, normals = [], []
    reach = max(2, size // 100)
    for contour in contours:
        if len(contour) < 4 * reach:
            continue
        line = contour[:, 0].astype(np.float64)
        ahead, behind = np.roll(line, -reach, 0), np.roll(line, reach, 0)
        tangent = ahead - behind
        # OpenCV walks outer contours with the inside on one side, holes on the other: one formula serves
        normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
        length = np.linalg.norm(normal, axis=1)
        inner = ((line > 1) & (line < size - 2)).all(1) & (length > 1e-6)
        rows = np.flatnonzero(inner)[::step]
        points.append(line[rows] + 0.5)
        normals.append(normal[rows] / length[rows, None])
    if not points:
        return Outline(np.zeros((0, 2)), np.zeros((0, 2)))
    at, towards = np.concatenate(points), np.concatenate(normals)
    # make sure of the sign from the mask itself
    probe = np.clip((at + 2.5 * towards).astype(int), 0, size - 1)
    back = np.clip((at - 2.5 * towards).astype(int), 0, size - 1)
    inward = mask[probe[:, 1], probe[:, 0]].astype(int) - mask[back[:, 1], back[:, 0]].astype(int)
    towards[inward > 0] *= -1
    return Outline(at, towards)


def within(edge: Outline, known: np.ndarray) -> Outline:
    """What of an outline lies in the picture, known (S, S) bool, and not at its very edge."""
    if known.all():
        return edge
    inner = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=AT_EDGE, borderValue=1) > 0
    column, row = edge.points.astype(int).T
    return Outline(edge.points[inner[row, column]], edge.normals[inner[row, column]])


def match(own: Outline, other: Outline, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """For each point of `own` the nearest of `other` with a similar normal: indices, whether they count."""
    if not len(own.points) or not len(other.points):
        return np.zeros(len(own.points), int), np.zeros(len(own.points), bool)
    weight = reach / REACH / 256 * NORMAL_PX
    tree = cKDTree(np.hstack([other.points, weight * other.normals]))
    _, index = tree.query(np.hstack([own.points, weight * own.normals]))
    distance = np.linalg.norm(other.points[index] - own.points, axis=1)
    agree = (own.normals * other.normals[index]).sum(1)
    return index, (distance < reach) & (agree > MIN_AGREE)
