"""What a picture shows of the body's surface, face by face and vertex by vertex.

Which faces own a pixel is not enough: at 256² most faces of a body cover no pixel centre at all. Points
of the surface are instead compared with the depth at their pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lwgan_cli.records import Fragments

# All in pixels of the fragments, about 1 cm when a person fills 256².
DEPTH_TOLERANCE = 0.5  # a point this far behind its pixel's depth still counts as the surface seen there
DEPTH_FADE = 1.0  # from there on visibility falls to 0 over this depth
MAX_SLOPE = 3.0  # depth per pixel, of surfaces that turn away; steeper ones could hide behind it
GRAZING = (0.05, 0.25)  # cosines to the viewer over which visibility rises from 0 to 1
# Where a face is probed: its middle, and three points halfway from there to the corners.
PROBES = ((1 / 3, 1 / 3, 1 / 3), (2 / 3, 1 / 6, 1 / 6), (1 / 6, 2 / 3, 1 / 6), (1 / 6, 1 / 6, 2 / 3))
LARGE_FACE = 64.0  # pixels; from here on counting a face's pixels says more than probing it


def face_normals(vertices_ndc: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """(B, F, 3) normals whose length is twice the face's area; the last component points at the viewer.

    Its sign is that of the area in the picture: positive where the face runs counter-clockwise.
    """
    return _normal_planes(vertices_ndc, faces).transpose(1, 2)


def _corners(vertices_ndc: torch.Tensor, faces: torch.Tensor) -> list[torch.Tensor]:
    """x, y and depth, (B, 3, F) each, of the faces' corners a, b, c: so laid out, each is read in one go."""
    corners = faces.t().reshape(-1)
    return [values.index_select(1, corners).unflatten(1, (3, -1)) for values in vertices_ndc.unbind(2)]


def _normal_planes(vertices_ndc: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """(B, 3, F) normals as of `face_normals`."""
    axes = _corners(vertices_ndc, faces)
    ux, uy, uz = (axis[:, 1] - axis[:, 0] for axis in axes)
    vx, vy, vz = (axis[:, 2] - axis[:, 0] for axis in axes)
    return torch.stack([uz * vy - uy * vz, ux * vz - uz * vx, ux * vy - uy * vx], 1)


def vertex_normals(vertices_ndc: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """(B, V, 3) sums of the adjoining faces' normals, weighted by area; see `face_normals`."""
    normals = _normal_planes(vertices_ndc, faces).flatten(0, 1)
    sums = normals.new_zeros(len(normals), vertices_ndc.shape[1])
    for corner in faces.unbind(1):
        sums.index_add_(1, corner, normals)
    return sums.view(-1, 3, vertices_ndc.shape[1]).transpose(1, 2)


def facing(normals: torch.Tensor) -> torch.Tensor:
    """(...,) cosine between normals (..., 3) and the direction to the viewer; 0 where there is no normal."""
    x, y, z = normals.unbind(-1)
    length = (x * x + y * y + z * z).sqrt()
    return torch.where(length > 0, z / length.clamp(min=1e-30), 0.0)


def directions(ndc: torch.Tensor, size: tuple[int, int, int], faces: torch.Tensor) -> torch.Tensor:
    """(B, V, 3) unit normals, x right, y up, z to the viewer; ndc (B, V, 3) of a picture, size (width, height, depth)
    px that its [-1, 1] stand for."""
    return F.normalize(vertex_normals(ndc * ndc.new_tensor(size), faces), dim=-1)


def vertex_visibility(fragments: Fragments, vertices_ndc: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """How well the picture shows each vertex: (B, V) float32 in [0, 1].

    1 where the vertex lies on the surface that the z-buffer holds and faces the viewer; falls to 0 over
    grazing angles and over depth, so that it can be interpolated inside faces; 0 outside the picture.

    fragments     of `vertices_ndc` and `faces`
    vertices_ndc  (B, V, 3) as rasterized
    faces         (F, 3), counter-clockwise as seen from outside
    """
    cosine = facing(vertex_normals(vertices_ndc, faces))
    shown = _shown(fragments, vertices_ndc, cosine)
    edge = ((cosine - GRAZING[0]) / (GRAZING[1] - GRAZING[0])).clamp(0, 1)
    return shown * edge * edge * (3 - 2 * edge)


def visible_faces(
    fragments: Fragments, vertices_ndc: torch.Tensor, faces: torch.Tensor, min_share: float = 0.25
) -> torch.Tensor:
    """How much of each face the picture shows: (B, F) float32 in [0, 1], the share of its area.

    Faces that look away count as unseen, and so do those of which less than `min_share` is shown. Small
    faces are probed at four points, large ones by their pixels. Arguments as in `vertex_visibility`.
    """
    batch, height, width = fragments.pix_to_face.shape
    n_faces = len(faces)
    normals = face_normals(vertices_ndc, faces)
    cosine = facing(normals)
    corners = _corners(vertices_ndc, faces)
    probes = [
        torch.stack([i * at[:, 0] + j * at[:, 1] + k * at[:, 2] for at in corners], 1).transpose(1, 2)
        for i, j, k in PROBES
    ]
    share = torch.stack([_shown(fragments, points, cosine) for points in probes]).mean(0)
    pixels = normals[..., 2] / 2 * (height * width / 4)
    owner = fragments.pix_to_face + torch.arange(batch, device=faces.device)[:, None, None] * n_faces
    owned = torch.bincount(owner[fragments.mask], minlength=batch * n_faces).view(batch, n_faces)
    share = torch.where(pixels >= LARGE_FACE, (owned / pixels.clamp(min=1)).clamp(max=1), share)
    return torch.where((cosine > 0) & (share >= min_share), share, 0.0)


def _shown(fragments: Fragments, points_ndc: torch.Tensor, cosine: torch.Tensor) -> torch.Tensor:
    """(B, N) in [0, 1]: the z-buffer holds nothing in front of points (B, N, 3) of a surface so inclined.

    Where the point's pixel is empty nothing can be in front: the surface there missed the pixel's centre.
    """
    batch, height, width = fragments.zbuf.shape
    x, y, depth = points_ndc.unbind(-1)
    column, row = ((x + 1) * (width / 2)).floor(), ((1 - y) * (height / 2)).floor()
    in_picture = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = column.clamp(0, width - 1).long(), row.clamp(0, height - 1).long()
    front = fragments.zbuf.view(batch, -1).gather(1, row * width + column)
    pixel = 2 / min(height, width)
    slope = (1 - cosine * cosine).clamp(min=0).sqrt() / cosine.abs().clamp(min=1e-6)
    behind = (depth - front) / pixel - DEPTH_TOLERANCE - slope.clamp(max=MAX_SLOPE)
    shown = (1 - behind / DEPTH_FADE).clamp(0, 1)
    return torch.where(front < 0, 1.0, shown) * in_picture
