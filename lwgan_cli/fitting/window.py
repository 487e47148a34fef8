"""Frames under work, as crops of the person, and how these lie in the plane of the fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lwgan_cli.fitting.plane import Plane


@dataclass(frozen=True)
class CropView:
    """Crops of T frames and how their pixels lie in the solver's plane.

    scale (T,), shift (T, 2): plane = scale · (px · (1, -1)) + shift, px of the S × S crop; share: see `Plane`.
    """

    scale: np.ndarray
    shift: np.ndarray
    size: int
    share: float = 1.0

    def plane(self, px: np.ndarray) -> torch.Tensor:
        """(T, N, 2) crop px → plane."""
        flat = px * np.array([1, -1]) * self.scale[:, None, None] + self.shift[:, None]
        return torch.from_numpy(flat.astype(np.float32))

    def camera(self, plane_camera: torch.Tensor) -> torch.Tensor:
        """(T, 3) plane camera → (T, 3) NDC camera of the crops."""
        half = torch.from_numpy((2 / (self.size * self.scale)).astype(np.float32))
        shift = torch.from_numpy(self.shift.astype(np.float32))
        t = (plane_camera[:, 1:] - shift) * half[:, None] + torch.tensor([-1.0, 1.0])
        return torch.cat([plane_camera[:, :1] * half[:, None], t], 1)

    def __getitem__(self, rows: slice) -> CropView:
        return CropView(self.scale[rows], self.shift[rows], self.size, self.share)

    @classmethod
    def of(cls, crop: np.ndarray, size: int, plane: Plane) -> CropView:
        """crop (T, 3) centre x, y, side in picture px, shown at size × size."""
        crop = crop.astype(np.float64)
        corner = crop[:, :2] - crop[:, 2:] / 2
        scale = crop[:, 2] / size / plane.length
        shift = (corner - np.array(plane.centre)) / plane.length * np.array([1, -1])
        return cls(scale, shift, size, plane.share)


@dataclass(frozen=True)
class Window:
    """T frames under work: pictures (T, S, S, 3) uint8, masks (T, S, S) float32 [0, 1] of the person, their view;
    inside (T, S, S) bool: where they lie in the clip's own picture. Beyond it they repeat its edge, so that nothing
    ends there, but nothing has been seen."""

    pictures: np.ndarray
    masks: np.ndarray
    inside: np.ndarray
    view: CropView

    @property
    def seen(self) -> np.ndarray:
        """(T, S, S) float32 [0, 1]: the person, as far as the picture shows them."""
        return self.masks * self.inside

    def __getitem__(self, rows: slice) -> Window:
        return Window(self.pictures[rows], self.masks[rows], self.inside[rows], self.view[rows])


def in_picture(crop: np.ndarray, size: int, image_size: tuple[int, int]) -> np.ndarray:
    """(T, S, S) bool: which pixels of crops (T, 3) centre x, y, side px, shown at S × S, lie in a picture of size
    (width, height)."""
    corner = crop[:, :2] - crop[:, 2:] / 2
    places = corner[:, :, None] + crop[:, 2, None, None] / size * (np.arange(size) + 0.5)
    here = (places > 0) & (places < np.array(image_size)[:, None])  # (T, 2, S): columns, rows
    inside: np.ndarray = here[:, 1, :, None] & here[:, 0, None]
    return inside
