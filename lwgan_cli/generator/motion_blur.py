"""Motion blur: what moves while the shutter is open is smeared along its way.

A reconstruction from one picture and its velocities (McGuire et al., A Reconstruction Filter for Plausible Motion Blur,
2012), of the person's layer alone: what it uncovers is transparent.
"""

from __future__ import annotations

import math

import torch
from torch.nn.functional import max_pool2d, pad

TILE = 8  # px, within which the fastest surface says along which way to look
LEAST = 1.0  # px of a smear that shows
STEP = 3.0  # px between the places that are looked at …
MOST = 24  # … of which there are so many at most


def smeared(rgba: torch.Tensor, way: torch.Tensor, corner: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """The layer as an open shutter sees it.

    rgba     (B, 4, H, W) in [0, 1], colours with straight alpha
    way      (B, 2, H, W) px that the surface moves while the shutter is open, x to the right, y down; 0 beside it
    corner   px of the layer in the picture: what is worked out for tiles must not depend on where the layer begins
    returns  (B, 4, H, W)
    """
    return torch.cat([_smeared(*each, corner) for each in zip(rgba.split(1), way.split(1), strict=True)])


def _smeared(rgba: torch.Tensor, way: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
    """One frame; how finely it is looked at depends on no other."""
    length = way.norm(dim=1, keepdim=True)
    longest = float(length.max())
    if longest < LEAST:
        return rgba
    main = _strongest(way, length, corner)[0]
    row, column = (main.norm(dim=0) >= LEAST).nonzero().unbind(1)
    main = main[:, row, column]  # (2, N)
    main_length, here = main.norm(dim=0), length[0, 0, row, column] / 2
    alpha = rgba[:, 3:]
    planes = torch.cat([rgba[:, :3] * alpha, alpha, length / 2], 1)[0]
    own = planes[:4, row, column]
    total = torch.zeros_like(own)
    count = min(MOST, max(4, math.ceil(longest / STEP)))
    for index in range(count):
        part = (index + 0.5) / count - 0.5
        there = _read(planes, column + part * main[0], row + part * main[1])
        distance = abs(part) * main_length
        comes = (there[4] - distance + 1).clamp(0, 1)  # the surface there passes here
        leaves = (here - distance + 1).clamp(0, 1)  # the surface here uncovers what is there
        # at that moment this pixel shows either what was there, or what it shows now
        total += torch.lerp(own, there[:4], torch.maximum(comes, leaves))
    total /= count
    out = rgba.clone()
    out[0, :3, row, column] = (total[:3] / total[3:].clamp_min(1e-4)).clamp(0, 1)
    out[0, 3, row, column] = total[3]
    return out


def _read(planes: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Planes (C, H, W) bilinearly at columns x (N,) and rows y (N,): (C, N)."""
    height, width = planes.shape[1:]
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor().long().clamp(max=width - 2), y.floor().long().clamp(max=height - 2)
    right, down = x - left, y - top
    upper, lower = (torch.lerp(planes[:, at, left], planes[:, at, left + 1], right) for at in (top, top + 1))
    return torch.lerp(upper, lower, down)


def _strongest(way: torch.Tensor, length: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
    """(B, 2, H, W): the longest way within the tile of each pixel and within those tiles from which one reaches it."""
    height, width = way.shape[2:]
    left, top = corner[0] % TILE, corner[1] % TILE
    edges = (left, -(left + width) % TILE, top, -(top + height) % TILE)
    best_length, at = max_pool2d(pad(length, edges), TILE, return_indices=True)
    tiles = pad(way, edges).flatten(2).gather(2, at.flatten(2).expand(-1, 2, -1)).view(len(way), 2, *at.shape[2:])
    reach = math.ceil(float(length.max()) / 2 / TILE)
    around_length, around = (pad(each, (reach,) * 4) for each in (best_length, tiles))
    best = tiles
    rows, columns = at.shape[2:]
    for down in range(2 * reach + 1):
        for right in range(2 * reach + 1):
            gap = max(0, max(abs(down - reach), abs(right - reach)) - 1) * TILE
            near_length = around_length[..., down : down + rows, right : right + columns]
            near = around[..., down : down + rows, right : right + columns]
            take = (near_length > best_length) & (near_length / 2 > gap)
            best_length, best = torch.where(take, near_length, best_length), torch.where(take, near, best)
    large = best.repeat_interleave(TILE, 2).repeat_interleave(TILE, 3)
    return large[..., top : top + height, left : left + width]
