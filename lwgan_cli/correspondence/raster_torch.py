"""The z-buffer in plain torch, on whichever device the vertices are.

The faces of a body at 256² are tiny: most boxes hold no pixel centre, or one to four. Faces are
therefore sorted by the size of their box, and each size is tested as one dense (pixels of the box,
faces) table that goes into the picture by a scatter-minimum. Its int64 keys hold the depth's bits above
the face's rank, so that the nearest face wins and, at equal depth, the lower index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from lwgan_cli.records import Fragments

MIN_DEPTH = 1e-8  # PyTorch3D's kEpsilon: a face with a vertex nearer than this is left out whole
MIN_AREA = 1e-8  # PyTorch3D's kEpsilon: twice the area in NDC² of a face seen edge-on, left out
# Rounding must not open cracks along shared edges: as part of the box's extent, and at most as barycentric.
EDGE_TOLERANCE, MAX_EDGE_TOLERANCE = 1e-6, 1e-3
EMPTY = (1 << 63) - 1
RANK_BITS = 32


@dataclass(frozen=True)
class _Boxes:
    """The K faces whose box holds a pixel centre, in the order of the faces.

    planes  (10, K) float32: barycentric b, then c, as planes over the offset (dx, dy) from the box's first
            pixel (constant, d/dx, d/dy each); depth of corner a, of b and c relative to a; edge tolerance
    first   (2, K) int64, column and row of the box's first pixel
    last    (2, K) int64, column and row of its last pixel
    sample  (K,) int64, index within the batch
    face    (K,) int64, index within the mesh
    """

    planes: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    sample: torch.Tensor
    face: torch.Tensor


def rasterize_torch(
    verts_ndc: torch.Tensor, faces: torch.Tensor, size: tuple[int, int], cull_backfaces: bool = False
) -> Fragments:
    """See `rasterize`. Pixel centres inside a face and on its edges belong to it.

    verts_ndc (B, V, 3) float32, faces (F, 3) int64 on the same device, size (H, W).
    """
    budget = _budget(verts_ndc.device)
    passes = []
    for part in verts_ndc.split(max(1, budget.faces_per_pass // max(1, len(faces)))):
        boxes = _find_boxes(part, faces, size, cull_backfaces)
        passes.append(_resolve(_fill(boxes, len(part), size, budget), boxes, size))
    if len(passes) == 1:
        return passes[0]
    return Fragments(
        pix_to_face=torch.cat([p.pix_to_face for p in passes]),
        bary_coords=torch.cat([p.bary_coords for p in passes]),
        zbuf=torch.cat([p.zbuf for p in passes]),
    )


@dataclass(frozen=True)
class _Budget:
    """What bounds memory: how many faces are prepared, and table cells tested, at once.

    cells_worth_a_step: as many cells take as long to test as the overhead of one more step.
    """

    faces_per_pass: int
    cells_per_step: int
    cells_worth_a_step: int


def _budget(device: torch.device) -> _Budget:
    """Some 50 MB on a CPU; enough to keep a GPU busy."""
    if device.type == "cpu":
        return _Budget(1 << 18, 1 << 18, 1 << 12)
    return _Budget(1 << 21, 1 << 24, 1 << 18)


def _find_boxes(verts_ndc: torch.Tensor, faces: torch.Tensor, size: tuple[int, int], cull_backfaces: bool) -> _Boxes:
    height, width = size
    batch, n_verts, _ = verts_ndc.shape
    # Pixel coordinates, y down, with pixel centres at whole numbers.
    x = (verts_ndc[..., 0] * (width / 2) + (width / 2 - 0.5)).reshape(-1)
    y = (verts_ndc[..., 1] * (-height / 2) + (height / 2 - 0.5)).reshape(-1)
    z = verts_ndc[..., 2].reshape(-1)
    starts = torch.arange(batch, device=faces.device) * n_verts
    corners = (faces.t()[:, None, :] + starts[:, None]).reshape(-1)
    xs, ys, zs = (values.index_select(0, corners).view(3, -1) for values in (x, y, z))
    low_x, high_x, low_y, high_y = _low(xs), _high(xs), _low(ys), _high(ys)
    (ax, bx, cx), (ay, by, cy) = xs, ys
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)  # negative when counter-clockwise, y being down
    # Clamping before rounding keeps infinities finite; NaN fails every comparison.
    first = torch.stack([low_x.clamp(0, width).ceil(), low_y.clamp(0, height).ceil()])
    last = torch.stack([high_x.clamp(-1, width - 1).floor(), high_y.clamp(-1, height - 1).floor()])
    keep = (first <= last).all(0) & (_low(zs) >= MIN_DEPTH) & _high(zs).isfinite()
    keep &= (-area if cull_backfaces else area.abs()) > MIN_AREA * width * height / 4
    kept = keep.nonzero().squeeze(1)

    first, last = first.index_select(1, kept), last.index_select(1, kept)
    ax, bx, cx = xs.index_select(1, kept) - first[0]
    ay, by, cy = ys.index_select(1, kept) - first[1]
    az, bz, cz = zs.index_select(1, kept)
    scale = area.index_select(0, kept).reciprocal()
    extent = torch.maximum(high_x - low_x, high_y - low_y).index_select(0, kept)
    planes = torch.stack(
        [
            (cx * ay - cy * ax) * scale,
            (cy - ay) * scale,
            (ax - cx) * scale,
            (ax * by - ay * bx) * scale,
            (ay - by) * scale,
            (bx - ax) * scale,
            az,
            bz - az,
            cz - az,
            (EDGE_TOLERANCE * extent * extent * scale.abs()).clamp(max=MAX_EDGE_TOLERANCE),
        ]
    )
    sample = kept // max(1, len(faces))
    return _Boxes(planes, first.long(), last.long(), sample, kept - sample * len(faces))


def _low(corners: torch.Tensor) -> torch.Tensor:
    return torch.minimum(torch.minimum(corners[0], corners[1]), corners[2])


def _high(corners: torch.Tensor) -> torch.Tensor:
    return torch.maximum(torch.maximum(corners[0], corners[1]), corners[2])


def _fill(boxes: _Boxes, batch: int, size: tuple[int, int], budget: _Budget) -> torch.Tensor:
    """(B·H·W,) int64 keys: the depth's bits, then the rank in `boxes` of the nearest face."""
    height, width = size
    keys = torch.full((batch * height * width,), EMPTY, dtype=torch.int64, device=boxes.face.device)
    for members, columns, rows in _by_size(boxes, size, budget.cells_worth_a_step):
        for chunk in members.split(max(1, budget.cells_per_step // (columns * rows))):
            _fill_boxes(keys, boxes, chunk, columns, rows, size)
    return keys


def _by_size(boxes: _Boxes, size: tuple[int, int], worth_a_step: int) -> Iterator[tuple[torch.Tensor, int, int]]:
    """Boxes grouped by their size rounded up: yields members (N,), columns, rows."""
    sizes = [1, 2, 3, 4, 6, 8, 12, 16]
    while sizes[-1] < max(size):
        sizes.append(2 * sizes[-1])
    steps = torch.tensor(sizes, device=boxes.face.device)
    step_of = torch.bucketize(torch.arange(max(size), device=boxes.face.device) + 1, steps)
    kind_x, kind_y = step_of.index_select(0, (boxes.last - boxes.first).view(-1)).view(2, -1)
    kind = kind_y * len(sizes) + kind_x
    members = torch.argsort(kind)
    start = end = columns = rows = 0
    for index, count in enumerate(torch.bincount(kind).tolist()):
        if not count:
            continue
        x, y = min(sizes[index % len(sizes)], size[1]), min(sizes[index // len(sizes)], size[0])
        wide, high, n = max(columns, x), max(rows, y), end - start
        if wide * high * (n + count) - columns * rows * n - x * y * count <= worth_a_step:
            columns, rows = wide, high  # padding these boxes costs less than a step of their own
        else:
            yield members[start:end], columns, rows
            start, columns, rows = end, x, y
        end += count
    if end > start:
        yield members[start:end], columns, rows


def _fill_boxes(
    keys: torch.Tensor, boxes: _Boxes, members: torch.Tensor, columns: int, rows: int, size: tuple[int, int]
) -> None:
    """Test `columns` x `rows` pixels of each member's box and keep each pixel's nearest face in `keys`."""
    height, width = size
    planes = boxes.planes.index_select(1, members)
    left, top = boxes.first.index_select(1, members)
    # A box rounded up past the picture's edge starts further in instead.
    back_x, back_y = (width - columns - left).clamp(max=0), (height - rows - top).clamp(max=0)
    start_b, start_c = _evaluate(planes, back_x.float(), back_y.float())
    start = (boxes.sample.index_select(0, members) * height + top + back_y) * width + left + back_x
    offset = torch.arange(columns * rows, device=keys.device)[:, None]
    dy = offset // columns
    dx = offset - dy * columns
    b = torch.addcmul(torch.addcmul(start_b, dx.float(), planes[1]), dy.float(), planes[2])
    c = torch.addcmul(torch.addcmul(start_c, dx.float(), planes[4]), dy.float(), planes[5])
    inside = torch.minimum(torch.minimum(b, c), 1 - (b + c)) >= -planes[9]
    depth = torch.addcmul(torch.addcmul(planes[6], b, planes[7]), c, planes[8]).clamp_(min=MIN_DEPTH)
    key = (depth.view(torch.int32).long() << RANK_BITS) | members
    key.masked_fill_(~inside, EMPTY)
    keys.scatter_reduce_(0, (start + (dy * width + dx)).view(-1), key.view(-1), "amin")


def _evaluate(planes: torch.Tensor, dx: torch.Tensor, dy: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Barycentrics b and c at the offset (dx, dy) from each box's first pixel."""
    b = torch.addcmul(torch.addcmul(planes[0], dx, planes[1]), dy, planes[2])
    c = torch.addcmul(torch.addcmul(planes[3], dx, planes[4]), dy, planes[5])
    return b, c


def _resolve(keys: torch.Tensor, boxes: _Boxes, size: tuple[int, int]) -> Fragments:
    """The keys' faces, and their barycentrics and depth at the pixel centres."""
    height, width = size
    pixel = (keys != EMPTY).nonzero().squeeze(1)
    rank = keys.index_select(0, pixel) & ((1 << RANK_BITS) - 1)
    planes = boxes.planes.index_select(1, rank)
    column, row = pixel % width, (pixel // width) % height
    offset = (torch.stack([column, row]) - boxes.first.index_select(1, rank)).float()
    b, c = _evaluate(planes, offset[0], offset[1])
    weights = torch.stack([1 - b - c, b, c], 1).clamp_(min=0)
    weights /= weights.sum(1, keepdim=True)
    depth = planes[6] + weights[:, 1] * planes[7] + weights[:, 2] * planes[8]
    shape = (-1, height, width)
    pix_to_face = torch.full_like(keys, -1).index_copy_(0, pixel, boxes.face.index_select(0, rank))
    zbuf = depth.new_full((len(keys),), -1.0).index_copy_(0, pixel, depth)
    bary = depth.new_full((len(keys), 3), -1.0).index_copy_(0, pixel, weights)
    return Fragments(pix_to_face.view(shape), bary.view(*shape, 3), zbuf.view(shape))
