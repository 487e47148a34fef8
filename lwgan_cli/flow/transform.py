"""The transformation flow T between two bodies of one topology, and what is done with it."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F

from lwgan_cli.correspondence.maps import between
from lwgan_cli.records import Flow, Fragments

OUTSIDE = 2.0  # grid value outside the body: beyond the source picture


def transformation_flow(
    source_ndc: torch.Tensor, source_visibility: torch.Tensor, target: Fragments, faces: torch.Tensor
) -> Flow:
    """T: for every pixel of the target's body, where that piece of surface lies in the source.

    The paper (section 3.2, flow composition) takes one source position a face, its barycentre; here the
    target pixel's barycentric coordinates are used, so that T is smooth inside faces and across edges.

    source_ndc         (V, 3) or (V, 2), the source body's projected vertices, x right, y up
    source_visibility  (V,) in [0, 1], interpolated like the positions; or (F,), one value a face
    target             fragments (B, H, W) of the target bodies
    faces              (F, 3), the same for both bodies
    Raises ValueError when source_visibility has neither V nor F entries.
    """
    n_verts, n_faces = len(source_ndc), len(faces)
    per_vertex = len(source_visibility) == n_verts
    if not per_vertex and len(source_visibility) != n_faces:
        raise ValueError(
            f"source_visibility has {len(source_visibility)} entries, need one for each of "
            f"{n_verts} vertices or {n_faces} faces"
        )
    mask = target.mask
    pixel, face, weights = target.covered
    values = [source_ndc[:, 0], -source_ndc[:, 1]]
    if per_vertex:
        values.append(source_visibility)
    inside = between(torch.stack(values, 1).float(), faces.index_select(0, face), weights)
    seen = inside[:, 2] if per_vertex else source_visibility.float().index_select(0, face)
    grid = inside.new_full((mask.numel(), 2), OUTSIDE).index_copy_(0, pixel, inside[:, :2])
    visible = inside.new_zeros(mask.numel()).index_copy_(0, pixel, seen)
    return Flow(grid.view(*mask.shape, 2), visible.view(mask.shape), mask)


def grown(flow: Flow, zoom: torch.Tensor, size: tuple[int, int]) -> Flow:
    """T carried outwards by one pixel, as if the surface went on flat beyond its outline: the photo's own soft
    edges lie there.

    zoom (B,) source px per target px; size (width, height) of the source, px.
    """
    height, width = flow.mask.shape[1:]
    grid, visible, inside = flow.grid.clone(), flow.visible.clone(), flow.mask.clone()
    for dim, axis, stride in ((1, 1, width), (2, 0, 1)):  # the nearest neighbour above or below, then left or right
        step = grid.new_zeros(len(zoom), 2)
        step[:, axis] = 2 * zoom / size[axis]
        for shift in (1, -1):
            near = torch.roll(inside, shift, dim)
            near.narrow(dim, 0 if shift == 1 else near.shape[dim] - 1, 1).fill_(False)
            taken = (near & ~inside).view(-1).nonzero().squeeze(1)
            of = taken - shift * stride
            beyond = grid.view(-1, 2)[of] + shift * step[taken // (height * width)]
            grid.view(-1, 2).index_copy_(0, taken, beyond)
            visible.view(-1).index_copy_(0, taken, visible.view(-1)[of])
            inside.view(-1)[taken] = True
    return Flow(grid, visible, inside)


def select(flow: Flow, keep: torch.Tensor) -> Flow:
    """The flow inside `keep` (B, H, W) bool; elsewhere as outside the body."""
    return replace(
        flow,
        grid=torch.where(keep[..., None], flow.grid, OUTSIDE),
        visible=torch.where(keep, flow.visible, 0.0),
        mask=flow.mask & keep,
    )


def select_parts(flow: Flow, part_map: torch.Tensor, parts: list[int] | torch.Tensor) -> Flow:
    """The flow on some parts of the target's body, as appearance transfer takes them (section 3.4).

    part_map  (B, H, W) integers, -1 on the background
    parts     numbers of the parts to keep
    """
    wanted = torch.as_tensor(parts, device=part_map.device, dtype=part_map.dtype)
    return select(flow, torch.isin(part_map, wanted))


def warp(image: torch.Tensor, grid: torch.Tensor, mode: str = "bilinear", padding_mode: str = "zeros") -> torch.Tensor:
    """Read `image` (S, C, h, w) at `grid` (B, H, W, 2), with S = B or 1: (B, C, H, W).

    With padding_mode `zeros`, 0 where the grid points outside the image.
    """
    if len(image) != len(grid):
        image = image.expand(len(grid), -1, -1, -1)
    return F.grid_sample(image, grid, mode=mode, padding_mode=padding_mode, align_corners=False)
