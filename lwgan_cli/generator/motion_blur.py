"""Motion blur: what moves while the shutter is open is smeared along its way.

A reconstruction from one picture and its velocities (McGuire et al., A Reconstruction Filter for Plausible Motion Blur,
2012), of the person's layer alone: what it uncovers is transparent.
"""

from __future__ import annotations

import math

import torch
from torch.nn.functional import grid_sample, max_pool2d, pad

from lwgan_cli.flow.parts import extent

TILE = 8  # px, within which the fastest surface says along which way to look
LEAST = 1.0  # px of a smear that shows
STEP = 3.0  # px between the places that are looked at, at most …
COUNTS = (4, 8, 16, 24)  # … of which there are so many


def smeared(rgba: torch.Tensor, way: torch.Tensor, corner: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """The layer as an open shutter sees it.

    rgba     (B, 4, H, W) in [0, 1], colours with straight alpha
    way      (B, 2, H, W) px that the surface moves while the shutter is open, x to the right, y down; 0 beside it
    corner   px of the layer in the picture: what is worked out for tiles must not depend on where the layer begins
    returns  (B, 4, H, W)
    """
    return torch.cat([_smeared(*each, corner) for each in zip(rgba.split(1), way.split(1), strict=True)])


def _smeared(rgba: torch.Tensor, way: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
    """One frame; how finely a pixel is looked at depends on no other."""
    length = torch.hypot(way[:, :1], way[:, 1:])
    box = extent(length >= LEAST)
    if box is None:
        return rgba
    # nothing changes, or is read, farther from what moves than this
    margin = 2 * TILE * (1 + math.ceil(float(length.max()) / 2 / TILE))
    rows, columns = box
    top, left = max(0, rows.start - margin), max(0, columns.start - margin)
    part = (..., slice(top, rows.stop + margin), slice(left, columns.stop + margin))
    main = _strongest(way[part], length[part], (corner[0] + left, corner[1] + top))[0]
    out = rgba.clone()
    _expose(out[part], rgba[part], main, length[part] / 2)
    return out


def _expose(out: torch.Tensor, rgba: torch.Tensor, main: torch.Tensor, half: torch.Tensor) -> None:
    """Fills out (1, 4, H, W) where main (2, H, W), the px along which to look, is long enough; half (1, 1, H, W) px of
    each pixel's own way."""
    alpha = rgba[:, 3:]
    planes = torch.cat([rgba[:, :3] * alpha, alpha, half], 1)
    length = torch.hypot(main[0], main[1])
    row, column = (length >= LEAST).nonzero().unbind(1)
    finer = torch.bucketize(length[row, column] / STEP, length.new_tensor(COUNTS[:-1]))
    for kind, count in enumerate(COUNTS):
        member = (finer == kind).nonzero().squeeze(1)
        y, x = row.index_select(0, member), column.index_select(0, member)
        *own, here = planes[0, :, y, x]
        colour, way, distance = torch.stack(own), main[:, y, x], length[y, x]
        total = torch.zeros_like(colour)
        for index in range(count):
            part = (index + 0.5) / count - 0.5
            there = _read(planes, x + part * way[0], y + part * way[1])
            away = 1 - abs(part) * distance
            comes = (there[4] + away).clamp_(0, 1)  # the surface there passes here
            leaves = (here + away).clamp_(0, 1)  # the surface here uncovers what is there
            # at that moment this pixel shows either what was there, or what it shows now
            total += torch.lerp(colour, there[:4], torch.maximum(comes, leaves))
        total /= count
        out[0, :3, y, x] = (total[:3] / total[3:].clamp_min(1e-4)).clamp(0, 1)
        out[0, 3, y, x] = total[3]


def _read(planes: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Planes (1, C, H, W) bilinearly at columns x (N,) and rows y (N,): (C, N)."""
    height, width = planes.shape[2:]
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], -1)
    return grid_sample(planes, grid[None, None], padding_mode="border", align_corners=True)[0, :, 0]


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
