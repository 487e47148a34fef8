"""Pictures drawn from fragments: attributes, correspondence maps, part maps, silhouettes."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.records import Fragments


def interpolate(
    fragments: Fragments, faces: torch.Tensor, values: torch.Tensor, where: torch.Tensor | None = None
) -> torch.Tensor:
    """Vertex values at the pixels, by the barycentric coordinates; 0 outside the body.

    faces   (F, 3), in the order of the rasterized faces; they may index other vertices than those that
            were rasterized (UV vertices, with seams)
    values  (V, C) for every sample, or (B, V, C)
    where   (B, H, W) bool, pixels of the body that are wanted; the others are 0 too. None: all
    Returns (B, H, W, C) of the values' type.
    """
    shape = fragments.pix_to_face.shape
    covered = fragments.covered if where is None else fragments.at(where.view(-1).nonzero().squeeze(1))
    pixel, face, weights = covered
    corner = faces.index_select(0, face)
    if values.dim() == 3:
        corner = corner + (pixel // (shape[1] * shape[2]) * values.shape[1])[:, None]
    channels = values.shape[-1]
    mixed = between(values.reshape(-1, channels), corner, weights.to(values.dtype))
    out = values.new_zeros((fragments.pix_to_face.numel(), channels))
    out.index_copy_(0, pixel, mixed)
    return out.view(*shape, channels)


def between(values: torch.Tensor, corners: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(N, C) mixed from values (V, C) at corners (N, 3), rows of them, by weights (N, 3)."""
    a, b, c = (values.index_select(0, each) for each in corners.unbind(1))
    u, v, w = weights.split(1, 1)
    return torch.addcmul(torch.addcmul(u * a, v, b), w, c)


def face_barycentres(uv: torch.Tensor, uv_faces: torch.Tensor) -> torch.Tensor:
    """(F, 2) the middle of each face in the UV atlas, from uv (Vt, 2) and uv_faces (F, 3)."""
    return uv[uv_faces].mean(1)


def correspondence_map(fragments: Fragments, face_uv: torch.Tensor) -> torch.Tensor:
    """The paper's correspondence map C (section 3.1, flow composition; inputs of the three streams).

    face_uv  (F, 2) in [0, 1], one UV barycentre a face, see `face_barycentres`
    Returns (B, 3, H, W): (u, v, 0) on the body, (0, 0, 1) on the background.
    """
    mask = fragments.mask
    uv = face_uv[fragments.pix_to_face.clamp(min=0)] * mask[..., None]
    return torch.cat([uv, (~mask)[..., None].to(uv.dtype)], 3).permute(0, 3, 1, 2).contiguous()


def part_map(fragments: Fragments, face_parts: torch.Tensor) -> torch.Tensor:
    """(B, H, W) int64 part at each pixel, -1 on the background, from face_parts (F,) integers."""
    parts = face_parts.long()[fragments.pix_to_face.clamp(min=0)]
    return torch.where(fragments.mask, parts, -1)


def face_parts(vertex_parts: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """(F,) the part that most corners of a face belong to (its first corner's when all differ)."""
    a, b, c = vertex_parts[faces].unbind(1)
    return torch.where(b == c, b, a)


def silhouette(
    vertices_ndc: torch.Tensor,
    faces: torch.Tensor,
    size: int | tuple[int, int],
    supersample: int = 2,
    backend: str = "auto",
) -> torch.Tensor:
    """(B, H, W) float32 in [0, 1], the share of each pixel that the body covers.

    `supersample`² points a pixel are looked at; arguments else as in `rasterize`.
    """
    height, width = (size, size) if isinstance(size, int) else size
    fine = (height * supersample, width * supersample)
    # One sample at a time: the fine picture is supersample² times as large.
    rows = [
        F.avg_pool2d(rasterize(part, faces, fine, backend).mask.float(), supersample) for part in vertices_ndc.split(1)
    ]
    return torch.cat(rows) if rows else vertices_ndc.new_zeros((0, height, width))
