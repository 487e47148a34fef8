"""The part of a picture that a person is drawn in: where it lies, and how what was drawn there is laid over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

MARGIN = 10  # px around a body that are drawn
LEAST_WINDOW = 8  # px; less of a person can't be told from nothing


def project_px(vertices: torch.Tensor, camera_px: torch.Tensor) -> np.ndarray:
    """(B, V, 3) m under cameras (B, 3) px (`Motion.picture_camera`) → (B, V, 2) picture px."""
    return places_px(vertices, camera_px).cpu().numpy()


def places_px(vertices: torch.Tensor, camera_px: torch.Tensor) -> torch.Tensor:
    """As `project_px`, where the vertices are."""
    scale, x, y = camera_px[:, None].unbind(-1)
    return torch.stack([scale * vertices[..., 0] + x, y - scale * vertices[..., 1]], -1)


@dataclass(frozen=True)
class Window:
    """The part of the picture that is drawn, the same for a chunk of frames: corner (x, y) px of its upper left
    pixel, which may lie outside the picture, and size (width, height) px."""

    corner: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def around(cls, places: np.ndarray, margin: int = MARGIN) -> Window:
        """The smallest that holds places (…, 2) px with a margin."""
        low = np.floor(places.reshape(-1, 2).min(0)).astype(int) - margin
        high = np.ceil(places.reshape(-1, 2).max(0)).astype(int) + margin
        return cls((int(low[0]), int(low[1])), (int(high[0] - low[0]), int(high[1] - low[1])))

    def clipped(self, size: tuple[int, int]) -> Window | None:
        """What of it lies inside a picture (width, height); None where that is less than a few px."""
        (x, y), (w, h) = self.corner, self.size
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, size[0]), min(y + h, size[1])
        if right - left < LEAST_WINDOW or bottom - top < LEAST_WINDOW:
            return None
        return Window((left, top), (right - left, bottom - top))

    def ndc(self, vertices: torch.Tensor, camera_px: torch.Tensor) -> torch.Tensor:
        """(B, V, 3) m under cameras (B, 3) px (`Motion.picture_camera`) → NDC of the window, depth from 1 on."""
        width, height = self.size
        scale, x, y = camera_px[:, None].unbind(-1)
        across = (scale * vertices[..., 0] + x - self.corner[0]) * (2 / width) - 1
        up = 1 - (y - scale * vertices[..., 1] - self.corner[1]) * (2 / height)
        depth = -scale * vertices[..., 2] * (2 / height)
        return torch.stack([across, up, depth - depth.amin(1, keepdim=True) + 1], -1)


def paste(background: np.ndarray, rgba: torch.Tensor, corner: tuple[int, int]) -> np.ndarray:
    """One window over a picture: background (H, W, 3 or 4) uint8, rgba (4, h, w), corner (column, row).

    Returns a new (H, W, C) uint8. With four channels the background's alpha is composited too.
    """
    height, width = background.shape[:2]
    side_y, side_x = rgba.shape[1:]
    x0, y0 = int(corner[0]), int(corner[1])
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x0 + side_x, width), min(y0 + side_y, height)
    out = background.copy()
    if left >= right or top >= bottom:
        return out
    part = rgba[:, top - y0 : bottom - y0, left - x0 : right - x0].cpu().numpy()
    inside = np.flatnonzero(part[3] > 0)  # most of a window is empty
    part = part.reshape(4, -1).take(inside, 1)
    pixel = inside + inside // (right - left) * (width - (right - left)) + (top * width + left)
    out = out.reshape(height * width, -1)
    under = out.take(pixel, 0).T.astype(np.float32)
    alpha = part[3:]
    if len(under) == 4:
        below = under[3:] / 255 * (1 - alpha)
        total = alpha + below
        colour = (part[:3] * 255 * alpha + under[:3] * below) / np.maximum(total, 1e-6)
        mixed = np.concatenate([colour, total * 255])
    else:
        mixed = part[:3] * 255 - under
        mixed *= alpha
        mixed += under
    out[pixel] = np.clip(np.rint(mixed, out=mixed), 0, 255, out=mixed).T.astype(np.uint8)
    return out.reshape(background.shape)
