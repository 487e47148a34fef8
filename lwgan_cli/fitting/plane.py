"""The plane that bodies are fitted in: its unit is the person's height, however little of them the picture shows.

How far detected points are off, how far clothes stand off a body and how fast a body moves are all in proportion to the
body. A picture of head and shoulders shows a quarter of it: what is known to a hundredth of the height is known there
to a twenty-fifth of what is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lwgan_cli.errors import InputError
from lwgan_cli.records import Keypoints

MARGIN = 1.24  # of the person's crop, around what it shows of the person
HEIGHT = 1.7  # m, of people of whom only a part is seen
FEET = slice(27, 33)


@dataclass(frozen=True)
class Plane:
    """The plane that the solver works in: unit `length` px, the person's height; origin at `centre` (x, y) px, y up;
    share: of that height, what the picture shows, 1 for somebody who is seen whole."""

    length: float
    centre: tuple[float, float]
    share: float = 1.0

    def points(self, px: np.ndarray) -> torch.Tensor:
        """Picture px (…, 2) → plane."""
        flat = (px - np.array(self.centre)) / self.length * np.array([1, -1])
        return torch.from_numpy(flat.astype(np.float32))

    def px(self, plane: torch.Tensor) -> np.ndarray:
        """Plane (…, 2) → picture px."""
        return plane.double().numpy() * np.array([1, -1]) * self.length + np.array(self.centre)

    def camera_to_px(self, camera: torch.Tensor) -> np.ndarray:
        """(T, 3) plane camera → (T, 3) px per metre, x px, y px of the body's origin (y down)."""
        px = self.px(camera[:, 1:])
        return np.concatenate([camera[:, :1].double().numpy() * self.length, px], 1)

    def camera_from_px(self, camera: np.ndarray) -> torch.Tensor:
        """The inverse of `camera_to_px`."""
        scale = torch.from_numpy((camera[:, :1] / self.length).astype(np.float32))
        return torch.cat([scale, self.points(camera[:, 1:])], 1)


def plane_of(keypoints: Keypoints) -> Plane:
    """Raises InputError where nobody was found in any frame."""
    found = keypoints.found
    if not found.any():
        raise InputError("nobody was found in the picture: use one that shows a person, head to hips at least")
    crop = keypoints.crop[found]
    shown = whole = float(np.median(crop[:, 2])) / MARGIN
    if inside(keypoints)[found][:, FEET].all(1).mean() < 0.5:
        whole = max(shown, HEIGHT * px_per_m(keypoints))
    return Plane(whole, (float(np.median(crop[:, 0])), float(np.median(crop[:, 1]))), shown / whole)


def inside(keypoints: Keypoints) -> np.ndarray:
    """(T, 33) bool: points that lie in the picture."""
    points = np.nan_to_num(keypoints.points, nan=-1.0)
    within: np.ndarray = ((points > 0) & (points < np.array(keypoints.image_size))).all(-1)
    return within


def px_per_m(keypoints: Keypoints) -> float:
    """How large the detector's metres are in the picture: least squares over the points that it shows, of each frame,
    and the median of those in which somebody was found."""
    rows = keypoints.found
    points, metres = keypoints.points[rows], keypoints.world[rows][..., :2] * np.array([1, -1])
    weight = np.where(inside(keypoints), keypoints.visibility**2, 0)[rows, :, None] + 1e-6
    points, metres = (
        each - (weight * each).sum(1, keepdims=True) / weight.sum(1, keepdims=True) for each in (points, metres)
    )
    scale = (weight * points * metres).sum((1, 2)) / np.maximum((weight * metres**2).sum((1, 2)), 1e-9)
    return float(np.median(scale))
