"""Reading pictures between their pixels, at the few places that a person covers."""

from __future__ import annotations

import torch
from torch.nn.functional import conv2d, grid_sample, pad


def detailed(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels (4, H, W) and, for their colours, how far each pixel stands out from its neighbours: (7, H, W), for
    `photographed`."""
    colours = pixels[None, :3]
    kernel = colours.new_tensor([[0.0, -0.5, 0.0], [-0.5, 2.0, -0.5], [0.0, -0.5, 0.0]]).expand(3, 1, 3, 3)
    return torch.cat([pixels, conv2d(pad(colours, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)[0]])


def photographed(image: torch.Tensor, grid: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A `detailed` photo (7, h, w) read as `sampled` does, (B, 4, H, W), its colours with what bilinear reading between
    pixels takes from them, to second order (and the mean over both axes): at a pixel nothing, half way most."""
    pixel, places = _inside_places(grid, mask)
    values = _read(image, places)
    lost = torch.zeros_like(values[0])
    for along, pixels in zip(places.unbind(-1), (image.shape[2], image.shape[1]), strict=True):
        between = ((along + 1) * (pixels / 2) - 0.5).frac_()
        lost.addcmul_(between, 1 - between, value=0.5)
    values[:3].addcmul_(lost, values[4:]).clamp_(0, 1)
    return _spread(values[:4], pixel, mask)


def sampled(image: torch.Tensor, grid: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """An image (C, h, w) read bilinearly at grid (B, H, W, 2) in [-1, 1] where mask (B, H, W) is True: (B, C, H, W), 0
    elsewhere."""
    pixel, places = _inside_places(grid, mask)
    return _spread(_read(image, places), pixel, mask)


def _inside_places(grid: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which pixels of (B, H, W) a mask holds, (N,), and what grid (B, H, W, 2) says there, (N, 2)."""
    pixel = mask.reshape(-1).nonzero().squeeze(1)
    return pixel, grid.reshape(-1, 2).index_select(0, pixel)


def _read(image: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """An image (C, h, w) at places (N, 2) in [-1, 1], bilinearly: (C, N)."""
    grid = places[None, None]
    return grid_sample(image[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0, :, 0]


def _spread(values: torch.Tensor, pixel: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Values (C, N) of the pixels (N,) of a mask (B, H, W) → (B, C, H, W), 0 elsewhere."""
    out = values.new_zeros(len(values), mask.numel()).index_copy_(1, pixel, values)
    return out.view(len(values), *mask.shape).transpose(0, 1)
