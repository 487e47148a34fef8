"""Flows at another resolution, without mixing what does not touch.

Plain bilinear interpolation of T mixes body with background along the outline, and an arm with the torso
behind it: the positions in between belong to neither and tear. Here each pixel of the result belongs to
the nearest body pixel of the given flow, its anchor. Corners of the anchor's cell that are connected to
it are interpolated; the others are replaced by what the anchor's own surface would have there.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from lwgan_cli.flow.parts import Part
from lwgan_cli.flow.transform import OUTSIDE
from lwgan_cli.records import Flow

# A step of T between neighbouring pixels is a jump to another surface when it is longer than
# JUMP_BASE pixels + JUMP_RATIO times the shorter of the steps before and after it.
JUMP_BASE, JUMP_RATIO = 2.0, 3.0
MIN_COVERAGE = 1e-3  # well above the rounding of the interpolated mask

_Cells = tuple[torch.Tensor, torch.Tensor]  # see `_cells`


def bilinear(planes: torch.Tensor, size: tuple[int, int], part: Part | None = None) -> torch.Tensor:
    """Planes (B, C, h, w) at size (H, W), pixel centres at +0.5: (B, C, *size), or that part of it."""
    if tuple(planes.shape[2:]) == tuple(size):
        return planes if part is None else planes[..., part[0], part[1]]
    if part is None and planes.is_cpu and planes.dtype == torch.float32 and not planes.requires_grad:
        return _resized(planes, size)
    if part is None:
        return F.interpolate(planes, size, mode="bilinear", align_corners=False)
    return _read(planes, *_cells_of(part, (planes.shape[2], planes.shape[3]), size, planes.device))


def _resized(planes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """`bilinear` by OpenCV, which takes a tenth of PyTorch's time on a CPU and differs by its rounding, 4e-5."""
    old = planes.contiguous().numpy()
    new = np.empty((*old.shape[:2], *size), np.float32)
    for row, column in np.ndindex(old.shape[:2]):
        cv2.resize(old[row, column], size[::-1], dst=new[row, column], interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(new)


def resize_flow(flow: Flow, size: tuple[int, int], coverage: float = 0.5, part: Part | None = None) -> Flow:
    """T at size (H, W), larger or smaller, for warping at the photo's resolution or a network's level.

    coverage  in [0, 1): pixels belong to the result where the body's bilinearly interpolated mask exceeds
              it; 0 reaches as far as the interpolation does, for soft outlines
    part      of the result, at its share of the cost
    """
    height, width = flow.mask.shape[1:]
    if (height, width) == tuple(size):
        return flow if part is None else _cut(flow, part)
    (row, down), (column, right) = _cells_of(part, (height, width), size, flow.mask.device)
    if part is not None:  # cells, their neighbours, and what tells whether those are joined
        first = [max(0, int(each[0]) - 4) for each in (row, column)]
        flow = _cut(flow, (slice(first[0], int(row[-1]) + 4), slice(first[1], int(column[-1]) + 4)))
        row, column = row - first[0], column - first[1]
    inside = flow.mask
    planes = flow.grid.new_empty(len(inside), 4, *inside.shape[1:])
    planes[:, :2], planes[:, 2], planes[:, 3] = flow.grid.permute(0, 3, 1, 2), flow.visible, inside
    planes[:, :3] *= inside[:, None]
    values = planes[:, :3].permute(0, 2, 3, 1)
    planes = bilinear(planes, size) if part is None else _read(planes, (row, down), (column, right))
    mask = planes[:, 3] > max(coverage, MIN_COVERAGE)

    joined_x = inside[:, :, 1:] & inside[:, :, :-1] & ~_jumps(flow.grid, inside, 2, (height, width))
    joined_y = inside[:, 1:] & inside[:, :-1] & ~_jumps(flow.grid, inside, 1, (height, width))
    # Padded by one pixel all around, cell (i, j) has its corners at rows i, i + 1 and columns j, j + 1.
    joined_x, joined_y = F.pad(joined_x, (1, 1, 1, 1)), F.pad(joined_y, (1, 1, 1, 1))
    whole = joined_x[:, :-1] & joined_x[:, 1:] & joined_y[:, :, :-1] & joined_y[:, :, 1:]
    torn = mask & ~whole.index_select(1, row).index_select(2, column)

    sample, i, j = torn.nonzero().unbind(1)
    cell = (sample, row[i], column[j])
    planes[sample, :3, i, j] = _mend(values, inside, joined_x, joined_y, cell, right[j], down[i])
    empty = ~mask
    planes[:, :2].masked_fill_(empty[:, None], OUTSIDE)
    visible = planes[:, 2].clamp(0, 1).masked_fill_(empty, 0.0)
    return Flow(planes[:, :2].permute(0, 2, 3, 1).contiguous(), visible, mask)


def _cut(flow: Flow, part: Part) -> Flow:
    return Flow(*(each[:, part[0], part[1]] for each in (flow.grid, flow.visible, flow.mask)))


def _cells_of(
    part: Part | None, old: tuple[int, int], new: tuple[int, int], device: torch.device
) -> tuple[_Cells, _Cells]:
    """The rows' cells and the columns'."""
    rows, columns = (_cells(was, size, device) for was, size in zip(old, new, strict=True))
    if part is None:
        return rows, columns
    return (rows[0][part[0]], rows[1][part[0]]), (columns[0][part[1]], columns[1][part[1]])


def _cells(old: int, new: int, device: torch.device) -> _Cells:
    """Along one axis, for each new pixel: its cell in the padded old pixels, and its place in the cell."""
    place = (torch.arange(new, device=device) + 0.5) * (old / new) - 0.5 + 1
    cell = place.floor()
    return cell.long(), place - cell


def _read(planes: torch.Tensor, rows: _Cells, columns: _Cells) -> torch.Tensor:
    """Planes (B, C, h, w) between their pixels, at the edge as there."""
    for dim, (cell, place) in ((2, rows), (3, columns)):
        before, after = (planes.index_select(dim, (cell + step).clamp(0, planes.shape[dim] - 1)) for step in (-1, 0))
        planes = torch.lerp(before, after, place[:, None] if dim == 2 else place)
    return planes


def _jumps(grid: torch.Tensor, inside: torch.Tensor, axis: int, whole: tuple[int, int]) -> torch.Tensor:
    """Bool, one shorter than `inside` along `axis`: T jumps to another surface between these two pixels, which may be
    of a part; whole (H, W) px."""
    size = inside.shape[axis]
    step_x, step_y = grid.diff(dim=axis).unbind(3)
    step = torch.hypot(step_x * (whole[1] / 2), step_y * (whole[0] / 2))
    both = inside.narrow(axis, 1, size - 1) & inside.narrow(axis, 0, size - 1)
    known = torch.where(both, step, torch.inf)
    edge = torch.full_like(known.narrow(axis, 0, 1), torch.inf)
    around = torch.cat([edge, known, edge], axis)
    near = torch.minimum(around.narrow(axis, 0, size - 1), around.narrow(axis, 2, size - 1))
    return step > JUMP_BASE + JUMP_RATIO * torch.where(near.isinf(), 0.0, near)


def _mend(
    values: torch.Tensor,
    inside: torch.Tensor,
    joined_x: torch.Tensor,
    joined_y: torch.Tensor,
    cell: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    right: torch.Tensor,
    down: torch.Tensor,
) -> torch.Tensor:
    """(N, 3) values at N places (right, down) in [0, 1]² of cells that are not whole.

    values (B, h, w, 3): T and visibility; inside (B, h, w); joined_x (B, h + 2, w + 1) and joined_y
    (B, h + 1, w + 2): neighbouring pixels are of one surface, padded by one.
    """
    sample, row, column = cell
    values = F.pad(values, (0, 0, 1, 1, 1, 1))
    inside = F.pad(inside, (1, 1, 1, 1))
    reach = torch.stack(
        [
            inside[sample, row + y, column + x] * (1e-6 + _side(right, x) * _side(down, y))
            for y in (0, 1)
            for x in (0, 1)
        ]
    )
    nearest = reach.argmax(0)
    ay, ax = nearest // 2, nearest % 2
    row_a, column_a, row_o, column_o = row + ay, column + ax, row + 1 - ay, column + 1 - ax
    to_x, to_y = joined_x[sample, row_a, column], joined_y[sample, row, column_a]
    around = (to_x & joined_y[sample, row, column_o]) | (to_y & joined_x[sample, row_o, column])

    anchor = values[sample, row_a, column_a]
    slope_x = _slope(values, joined_x, sample, row_a, column_a, 1) * (1 - 2 * ax)[:, None]
    slope_y = _slope(values, joined_y, sample, row_a, column_a, 0) * (1 - 2 * ay)[:, None]
    step_x = torch.where(to_x[:, None], values[sample, row_a, column_o] - anchor, slope_x)
    step_y = torch.where(to_y[:, None], values[sample, row_o, column_a] - anchor, slope_y)
    across = torch.where(around[:, None], values[sample, row_o, column_o] - anchor, step_x + step_y)
    x = (right - ax).abs()[:, None].to(values.dtype)
    y = (down - ay).abs()[:, None].to(values.dtype)
    return anchor + x * step_x + y * step_y + x * y * (across - step_x - step_y)


def _side(place: torch.Tensor, side: int) -> torch.Tensor:
    return place if side else 1 - place


def _slope(
    values: torch.Tensor,
    joined: torch.Tensor,
    sample: torch.Tensor,
    row: torch.Tensor,
    column: torch.Tensor,
    along_x: int,
) -> torch.Tensor:
    """(N, 3) change of T per pixel towards larger x (or y) at body pixels, from the neighbour that is joined.

    0 where none is, and for the visibility.
    """
    dy, dx = 1 - along_x, along_x
    here = values[sample, row, column]
    after = joined[sample, row, column][:, None]
    before = joined[sample, row - dy, column - dx][:, None]
    forward = values[sample, row + dy, column + dx] - here
    backward = torch.where(before, here - values[sample, row - dy, column - dx], 0.0)
    slope = torch.where(after, forward, backward)
    return slope * slope.new_tensor([1.0, 1.0, 0.0])
