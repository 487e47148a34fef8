"""SphereFace-20 (Liu et al., CVPR 2017), for the face identity loss. The official sphere20a layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lwgan_cli.assets import fill, read_tensors, verify

SPHEREFACE_FILE = "sphereface20.safetensors"  # what `lwgan weights import` makes of the official checkpoint
FACE_SIZE = (112, 96)  # height, width

_STAGES = ((64, 3), (128, 5), (256, 9), (512, 3))  # channels and convolutions; the first of a stage halves the size


class SphereFace20(nn.Module):
    """Twenty layers with PReLU, frozen; fc6, the classifier over the training's people, is left out."""

    def __init__(self) -> None:
        super().__init__()
        before = 3
        for stage, (dim, count) in enumerate(_STAGES, 1):
            for i in range(1, count + 1):
                self.add_module(f"conv{stage}_{i}", nn.Conv2d(before if i == 1 else dim, dim, 3, 2 if i == 1 else 1, 1))
                self.add_module(f"relu{stage}_{i}", nn.PReLU(dim))
            before = dim
        self.fc5 = nn.Linear(before * 7 * 6, 512)
        self.eval().requires_grad_(False)

    def forward(self, faces: torch.Tensor) -> list[torch.Tensor]:
        """Faces (B, 3, 112, 96) in [-1, 1] → the four stages' features, then the identity (B, 512)."""
        outputs = []
        x = faces
        for stage, (_, count) in enumerate(_STAGES, 1):
            x = self._layer(x, stage, 1)
            for i in range(2, count, 2):
                x = x + self._layer(self._layer(x, stage, i), stage, i + 1)
            outputs.append(x)
        return [*outputs, self.fc5(x.flatten(1))]

    def _layer(self, x: torch.Tensor, stage: int, i: int) -> torch.Tensor:
        out: torch.Tensor = self.get_submodule(f"relu{stage}_{i}")(self.get_submodule(f"conv{stage}_{i}")(x))
        return out


def sphereface_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What this module keeps of a sphere20a state dictionary: all but the classifier."""
    return {name: value for name, value in tensors.items() if not name.startswith("fc6.")}


def load_sphereface(path: Path) -> SphereFace20:
    """SphereFace-20 from the official checkpoint, or from what `lwgan weights import` made of it.

    Raises: WeightsError when the file is missing, damaged or of another layout.
    """
    verify(path)
    network = SphereFace20()
    fill(network, sphereface_tensors(read_tensors(path)), f"{path} (SphereFace-20)")
    return network


def head_boxes(points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(B, 4) int64 boxes around heads: left, right, top, bottom in px, right and bottom not included.

    points  (B, N, 2) picture px, x right, y down: neck, top of the head, nose, eyes, ears
    size    (height, width) of the pictures
    The official box: the points' extent, 5 % of the picture more on the left, right and above, within the
    picture. A head outside the picture gets a box of two pixels at its edge.
    """
    height, width = size
    limit = points.new_tensor([width, height])
    places = points / limit
    low, high = places.amin(1) - 0.05, places.amax(1) + places.new_tensor([0.05, 0.0])
    first = (low.clamp(0, 1) * limit).long()
    last = (high.clamp(0, 1) * limit).long()
    first = torch.minimum(first, limit.long() - 2)
    last = torch.maximum(last, first + 2)
    return torch.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], 1)


def crop_heads(images: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int] = FACE_SIZE) -> torch.Tensor:
    """The pictures (B, C, H, W) inside boxes (B, 4) of `head_boxes`, at `size`: (B, C, height, width).

    Bilinear with aligned corners, as in the official implementation; differentiable in the pictures.
    """
    height, width = images.shape[2:]
    left, right, top, bottom = boxes.to(images.dtype)[:, :, None].unbind(1)
    x = left + (right - 1 - left) * torch.linspace(0, 1, size[1], device=images.device)
    y = top + (bottom - 1 - top) * torch.linspace(0, 1, size[0], device=images.device)
    x, y = 2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1
    grid = torch.stack([x[:, None].expand(-1, size[0], -1), y[:, :, None].expand(-1, -1, size[1])], 3)
    return F.grid_sample(images, grid, align_corners=True)
