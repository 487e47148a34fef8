"""The z-buffer in plain torch, on whichever device the vertices are.

The faces of a body at 256² are tiny: most boxes hold no pixel centre, or one to four. Faces are
therefore sorted by the size of their box, and each size is tested as one dense (pixels of the box,
faces) table that goes into the picture by a scatter-minimum. Its int64 keys hold the depth's bits above
the face's index, so that the nearest face wins and, at equal depth, the lower index.

Faces that run counter-clockwise go first: of a closed body, they hide most of the others, which are then
left out by a look at the farthest depth within their box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from lwgan_cli.records import Fragments

MIN_DEPTH = 1e-8  # PyTorch3D's kEpsilon: a face with a vertex nearer than this is left out whole
MIN_AREA = 1e-8  # PyTorch3D's kEpsilon: twice the area in NDC² of a face seen edge-on, left out
# Rounding must not open cracks along shared edges: as part of the box's extent, and at most as barycentric.
EDGE_TOLERANCE, MAX_EDGE_TOLERANCE = 1e-6, 1e-3
# A float32 as a float64 ends in 29 zero bits. With an index of 28 in them it still rounds to the same float32.
INDEX_BITS = 28
EMPTY = 0x7FF << 52  # the bits of infinity
HIDING_SIZE = 16  # px, a power of two: boxes up to this side are looked up for being hidden


@dataclass(frozen=True)
class _Triangles:
    """K faces of a pass, each with a box of pixels.

    corners  (9, K) float32: x of corners a, b, c, their y in px (y down, pixel centres at whole numbers), depths
    box      (4, K) float32, column and row of the first pixel, of the last
    area     (K,) twice the area in px², negative where the face runs counter-clockwise (y being down)
    pixel    (K,) int64, the first pixel's place in the pass: (sample · H + row) · W + column
    index    (K,) int64, sample · F + face
    """

    corners: torch.Tensor
    box: torch.Tensor
    area: torch.Tensor
    pixel: torch.Tensor
    index: torch.Tensor

    def __getitem__(self, members: torch.Tensor) -> _Triangles:
        return _Triangles(
            self.corners.index_select(1, members),
            self.box.index_select(1, members),
            self.area.index_select(0, members),
            self.pixel.index_select(0, members),
            self.index.index_select(0, members),
        )


@dataclass(frozen=True)
class _Drawn:
    """K triangles that were drawn, whatever their order.

    planes  (10, K) float32: barycentric b, then c, as planes over the offset (dx, dy) from the box's first
            pixel (constant, d/dx, d/dy each); depth of corner a, of b and c relative to a; edge tolerance
    pixel, index   as of `_Triangles`
    """

    planes: torch.Tensor
    pixel: torch.Tensor
    index: torch.Tensor


def rasterize_torch(
    verts_ndc: torch.Tensor, faces: torch.Tensor, size: tuple[int, int], cull_backfaces: bool = False
) -> Fragments:
    """See `rasterize`. Pixel centres inside a face and on its edges belong to it.

    verts_ndc (B, V, 3) float32, faces (F, 3) int64 on the same device, size (H, W).
    """
    shape = (len(verts_ndc), *size)
    picture = Fragments(
        pix_to_face=faces.new_full(shape, -1),
        bary_coords=verts_ndc.new_full((*shape, 3), -1.0),
        zbuf=verts_ndc.new_full(shape, -1.0),
    )
    if not len(faces):
        return picture
    budget = _budget(verts_ndc.device)
    samples = max(1, budget.faces_per_pass // len(faces))
    for start in range(0, len(verts_ndc), samples):
        rows = slice(start, start + samples)
        part = Fragments(picture.pix_to_face[rows], picture.bary_coords[rows], picture.zbuf[rows])
        _draw(part, verts_ndc[rows], faces, cull_backfaces, budget)
    return picture


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
        return _Budget(1 << 18, 1 << 16, 1 << 13)
    return _Budget(1 << 21, 1 << 24, 1 << 18)


def _draw(
    picture: Fragments, verts_ndc: torch.Tensor, faces: torch.Tensor, cull_backfaces: bool, budget: _Budget
) -> None:
    """Draw the samples of one pass into an empty picture."""
    batch, height, width = picture.zbuf.shape
    triangles = _find_triangles(verts_ndc, faces, (height, width))
    keys = torch.full((batch * height * width,), EMPTY, dtype=torch.int64, device=faces.device)
    depths = triangles.corners[6:]
    near, far = _low(depths), _high(depths)
    drawable = (near >= MIN_DEPTH) & far.isfinite()
    least = MIN_AREA * width * height / 4
    front = (drawable & (triangles.area < -least)).nonzero().squeeze(1)
    drawn = [_fill(keys, triangles, front, (height, width), budget)]
    if not cull_backfaces:
        back = (drawable & (triangles.area > least)).nonzero().squeeze(1)
        # Within the edge tolerance a face's plane reaches a little nearer than its corners.
        near = near - 2 * MAX_EDGE_TOLERANCE * (far - near) - 1e-6 * far
        back = _unhidden(keys, triangles, back, near, width)
        drawn.append(_fill(keys, triangles, back, (height, width), budget))
    _resolve(picture, keys, drawn, len(faces))


def _find_triangles(verts_ndc: torch.Tensor, faces: torch.Tensor, size: tuple[int, int]) -> _Triangles:
    """Those whose box holds a pixel centre, in the order of the faces."""
    (height, width), n_faces = size, len(faces)
    places = faces.t().reshape(-1)
    x, y, z = (values.index_select(1, places) for values in verts_ndc.unbind(2))  # (B, 3F)
    x, y = x.mul_(width / 2).add_(width / 2 - 0.5), y.mul_(-height / 2).add_(height / 2 - 0.5)
    xs, ys = (values.view(-1, 3, n_faces).unbind(1) for values in (x, y))
    # Clamping before rounding keeps infinities finite; NaN fails every comparison.
    left, top = _low(xs).clamp_(0, width).ceil_(), _low(ys).clamp_(0, height).ceil_()
    right, bottom = _high(xs).clamp_(-1, width - 1).floor_(), _high(ys).clamp_(-1, height - 1).floor_()
    index = ((left <= right) & (top <= bottom)).view(-1).nonzero().squeeze(1)
    sample = index // n_faces
    at = index + sample * (2 * n_faces) + torch.arange(3, device=faces.device)[:, None] * n_faces
    corners = torch.cat([values.view(-1).index_select(0, at.view(-1)) for values in (x, y, z)]).view(9, -1)
    box = torch.stack([edge.view(-1).index_select(0, index) for edge in (left, top, right, bottom)])
    ax, bx, cx, ay, by, cy = corners[:6]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    pixel = (sample * height + box[1].long()) * width + box[0].long()
    return _Triangles(corners, box, area, pixel, index)


def _low(corners: Sequence[torch.Tensor] | torch.Tensor) -> torch.Tensor:
    return torch.minimum(torch.minimum(corners[0], corners[1]), corners[2])


def _high(corners: Sequence[torch.Tensor] | torch.Tensor) -> torch.Tensor:
    return torch.maximum(torch.maximum(corners[0], corners[1]), corners[2])


def _unhidden(
    keys: torch.Tensor, triangles: _Triangles, members: torch.Tensor, near: torch.Tensor, width: int
) -> torch.Tensor:
    """Those of `members` (N,) that could own a pixel which already has these keys, by their nearest depth (K,)."""
    near, pixel = near.index_select(0, members), triangles.pixel.index_select(0, members)
    left, top, right, bottom = triangles.box.index_select(1, members)
    extent = torch.maximum(right - left, bottom - top) + 1
    hidden = torch.zeros_like(extent, dtype=torch.bool)
    far = keys.view(torch.float64).float()  # over squares from each pixel on; infinite where anything is empty
    side = 1
    while True:
        hidden |= (near > far.index_select(0, pixel)) & (extent <= side)
        if side == HIDING_SIZE:
            return members[~hidden]
        far = _larger_ahead(_larger_ahead(far, side), side * width)
        side *= 2


def _larger_ahead(values: torch.Tensor, step: int) -> torch.Tensor:
    """(N,) the larger of each value and the one `step` further on. Beyond the end of a row the next one follows:
    more is looked at than need be, never less."""
    larger = torch.empty_like(values)
    larger[-step:] = values[-step:]
    torch.maximum(values[:-step], values[step:], out=larger[:-step])
    return larger


def _fill(
    keys: torch.Tensor, triangles: _Triangles, members: torch.Tensor, size: tuple[int, int], budget: _Budget
) -> _Drawn:
    """Draw `members` (N,) of the triangles into keys (B·H·W,)."""
    height, width = size
    order, groups = _by_size(triangles.box.index_select(1, members), size, budget.cells_worth_a_step)
    triangles = triangles[members.index_select(0, order)]
    planes = _planes(triangles)
    start_x, start_y = triangles.box[:2].clone()
    for low, high, columns, rows in groups:  # a box rounded up past the picture's edge starts further in instead
        start_x[low:high].clamp_(max=width - columns)
        start_y[low:high].clamp_(max=height - rows)
    start_x -= triangles.box[0]
    start_y -= triangles.box[1]
    b, c = _evaluate(planes, start_x, start_y)
    started = torch.stack([b, *planes[1:3], c, *planes[4:]])
    pixel = triangles.pixel + start_y.long() * width + start_x.long()
    for low, high, columns, rows in groups:
        cells = _cells(columns, rows, width, keys.device)
        step = max(1, budget.cells_per_step // (columns * rows))
        for first in range(low, high, step):
            part = slice(first, min(first + step, high))
            _fill_boxes(keys, started[:, part], pixel[part], triangles.index[part], cells)
    return _Drawn(planes, triangles.pixel, triangles.index)


@dataclass(frozen=True)
class _Cells:
    """The C cells of a box: dx, dy (C, 1) float32 px from its first pixel, step (C, 1) int64 from there in `keys`."""

    dx: torch.Tensor
    dy: torch.Tensor
    step: torch.Tensor


def _cells(columns: int, rows: int, width: int, device: torch.device) -> _Cells:
    cell = torch.arange(columns * rows, device=device)[:, None]
    dy = cell // columns
    dx = cell - dy * columns
    return _Cells(dx.float(), dy.float(), dy * width + dx)


def _planes(triangles: _Triangles) -> torch.Tensor:
    """See `_Drawn`."""
    left, top = triangles.box[:2]
    ax, bx, cx = triangles.corners[:3] - left
    ay, by, cy = triangles.corners[3:6] - top
    az, bz, cz = triangles.corners[6:]
    scale = triangles.area.reciprocal()
    xs, ys = triangles.corners[:3], triangles.corners[3:6]
    extent = torch.maximum(_high(xs) - _low(xs), _high(ys) - _low(ys))
    return torch.stack(
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
            (EDGE_TOLERANCE * extent * extent * scale.abs()).clamp_(max=MAX_EDGE_TOLERANCE),
        ]
    )


def _by_size(
    box: torch.Tensor, size: tuple[int, int], worth_a_step: int
) -> tuple[torch.Tensor, list[tuple[int, int, int, int]]]:
    """Boxes (4, N) sorted by their size rounded up: their order (N,), and groups of it, each start, end, columns,
    rows."""
    sizes = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16]
    while sizes[-1] < max(size):
        sizes += [sizes[-2] * 2, sizes[-1] * 2]
    steps = torch.tensor(sizes, device=box.device)
    step_of = torch.bucketize(torch.arange(max(size), device=box.device) + 1, steps)
    kind_x, kind_y = step_of.index_select(0, (box[2:] - box[:2]).long().view(-1)).view(2, -1)
    kind = kind_y * len(sizes) + kind_x
    return torch.argsort(kind), list(_merged(torch.bincount(kind).tolist(), sizes, size, worth_a_step))


def _merged(
    counts: list[int], sizes: list[int], size: tuple[int, int], worth_a_step: int
) -> Iterator[tuple[int, int, int, int]]:
    """The groups of `_by_size`: boxes that cost less padded than in a step of their own join the smaller ones."""
    start = end = columns = rows = 0
    for index, count in enumerate(counts):
        if not count:
            continue
        x, y = min(sizes[index % len(sizes)], size[1]), min(sizes[index // len(sizes)], size[0])
        wide, high, n = max(columns, x), max(rows, y), end - start
        if wide * high * (n + count) - columns * rows * n - x * y * count <= worth_a_step:
            columns, rows = wide, high
        else:
            yield start, end, columns, rows
            start, columns, rows = end, x, y
        end += count
    if end > start:
        yield start, end, columns, rows


def _fill_boxes(
    keys: torch.Tensor, planes: torch.Tensor, pixel: torch.Tensor, index: torch.Tensor, cells: _Cells
) -> None:
    """Test the cells of each box, whose first pixel is `pixel` (N,), and keep each pixel's nearest face in `keys`."""
    b, c = _evaluate(planes, cells.dx, cells.dy)
    inside = torch.minimum(torch.minimum(b, c), 1 - (b + c)) >= -planes[9]
    depth = torch.addcmul(torch.addcmul(planes[6], b, planes[7]), c, planes[8]).clamp_(min=MIN_DEPTH)
    key = torch.where(inside, depth, torch.inf).double().view(torch.int64).bitwise_or_(index)
    keys.scatter_reduce_(0, (pixel + cells.step).view(-1), key.view(-1), "amin")


def _evaluate(planes: torch.Tensor, dx: torch.Tensor, dy: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Barycentrics b and c at the offset (dx, dy) from each box's first pixel."""
    b = torch.addcmul(torch.addcmul(planes[0], dx, planes[1]), dy, planes[2])
    c = torch.addcmul(torch.addcmul(planes[3], dx, planes[4]), dy, planes[5])
    return b, c


def _resolve(picture: Fragments, keys: torch.Tensor, drawn: list[_Drawn], n_faces: int) -> None:
    """Write the keys' faces, and their barycentrics and depth at the pixel centres."""
    batch, _, width = picture.zbuf.shape
    index = torch.cat([each.index for each in drawn])
    rank_of = index.new_empty(batch * n_faces)
    rank_of.scatter_(0, index, torch.arange(len(index), device=index.device))
    row, column = (keys < EMPTY).view(-1, width).nonzero().unbind(1)
    pixel = row * width + column
    rank = rank_of.index_select(0, keys.index_select(0, pixel) & ((1 << INDEX_BITS) - 1))
    planes = torch.cat([each.planes for each in drawn], 1).index_select(1, rank)
    # of each triangle: its face, and where its box begins
    first = torch.cat([each.pixel for each in drawn])
    top = first // width
    dx = column - (first - top * width).index_select(0, rank)
    dy = row - top.index_select(0, rank)
    b, c = _evaluate(planes, dx.float(), dy.float())
    weights = [each.clamp_(min=0) for each in (1 - b - c, b, c)]
    total = weights[0] + weights[1] + weights[2]
    a, b, c = (each.div_(total) for each in weights)
    depth = torch.addcmul(torch.addcmul(planes[6], b, planes[7]), c, planes[8])
    picture.pix_to_face.view(-1).scatter_(0, pixel, (index % n_faces).index_select(0, rank))
    picture.zbuf.view(-1).scatter_(0, pixel, depth)
    place = pixel * 3
    for values in (a, b, c):
        picture.bary_coords.view(-1).scatter_(0, place, values)
        place += 1
