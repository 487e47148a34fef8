"""Projection and rasterization behind one function, whichever back-end does the work."""

from __future__ import annotations

from dataclasses import fields
from importlib.util import find_spec

import torch

from lwgan_cli.correspondence.raster_torch import rasterize_torch
from lwgan_cli.errors import UsageError
from lwgan_cli.records import Fragments

BACKENDS = ("auto", "torch", "pytorch3d")
SCATTER_DEVICES = ("cpu", "cuda")  # the others have no int64 scatter-minimum; a CPU draws for them
NEAREST_DEPTH = 1.0  # where `project` puts the vertex nearest to the viewer


def project(vertices: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
    """Weak-perspective projection of body space into the crop's NDC.

    vertices  (B, V, 3) or (V, 3), metres, y up, z towards the viewer
    camera    (B, 3) or (3,): s, tx, ty
    Returns (B, V, 3) of (x right, y up, depth away from the viewer), all in units of NDC. The depth is
    -s·Z moved so that each sample's nearest vertex lies at 1: a weak-perspective camera stands nowhere,
    and the rasterizer leaves out what is not in front of it.
    """
    vertices = vertices if vertices.dim() == 3 else vertices[None]
    scale, shift = camera.reshape(-1, 1, 3).split([1, 2], dim=2)
    depth = -scale * vertices[..., 2:]
    depth = depth - depth.amin(1, keepdim=True) + NEAREST_DEPTH
    plane = scale * vertices[..., :2] + shift
    return torch.cat([plane, depth], 2)


def choose_backend(backend: str, device: torch.device) -> str:
    """`torch` or `pytorch3d`: what `auto` means on this device, and whether what was asked for is there.

    Raises UsageError when the name is unknown, or PyTorch3D is asked for and not installed.
    """
    if backend not in BACKENDS:
        raise UsageError(f"unknown rasterizer {backend!r}: choose one of {', '.join(BACKENDS)}")
    installed = backend != "torch" and find_spec("pytorch3d") is not None
    if backend == "pytorch3d" and not installed:
        raise UsageError(
            "rasterizer 'pytorch3d' was asked for but PyTorch3D is not installed: "
            "install it (the README says how), or use --rasterizer torch"
        )
    if backend == "auto":
        return "pytorch3d" if installed and device.type == "cuda" else "torch"
    return backend


@torch.no_grad()
def rasterize(
    vertices_ndc: torch.Tensor,
    faces: torch.Tensor,
    size: int | tuple[int, int],
    backend: str = "auto",
    cull_backfaces: bool = False,
) -> Fragments:
    """The nearest face at each pixel centre: no blur, one face a pixel, affine barycentrics.

    vertices_ndc    (B, V, 3): x right, y up, depth away from the viewer; [-1, 1]² spans the picture, so
                    that row i, column j has its centre at x = (2j + 1) / W - 1, y = 1 - (2i + 1) / H
    faces           (F, 3) integers
    size            H = W, or (H, W)
    backend         `auto` is PyTorch3D where it is installed and the vertices are on CUDA, else torch
    cull_backfaces  leave out faces that run clockwise as seen by the viewer

    As in PyTorch3D, a face is left out whole when one of its vertices is nearer than depth 1e-8, or when
    it is seen edge-on. A pixel centre exactly on an edge belongs to the face with the torch back-end, so
    that a closed surface has no cracks; PyTorch3D leaves such centres to the faces behind.
    Raises UsageError for a back-end that is unknown or missing, ValueError for wrong shapes.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if vertices_ndc.dim() != 3 or vertices_ndc.shape[2] != 3:
        raise ValueError(f"vertices_ndc must be (B, V, 3), got {tuple(vertices_ndc.shape)}")
    if faces.dim() != 2 or faces.shape[1] != 3:
        raise ValueError(f"faces must be (F, 3), got {tuple(faces.shape)}")
    if height < 1 or width < 1:
        raise ValueError(f"size must be at least one pixel, got {height}x{width}")
    verts = vertices_ndc.to(torch.float32)
    faces = faces.to(device=verts.device, dtype=torch.int64)
    if choose_backend(backend, verts.device) == "pytorch3d":
        from lwgan_cli.correspondence.raster_pytorch3d import rasterize_pytorch3d

        return rasterize_pytorch3d(verts, faces, (height, width), cull_backfaces)
    if verts.device.type in SCATTER_DEVICES:
        return rasterize_torch(verts, faces, (height, width), cull_backfaces)
    drawn = rasterize_torch(verts.cpu(), faces.cpu(), (height, width), cull_backfaces)
    return Fragments(*(getattr(drawn, field.name).to(verts.device) for field in fields(drawn)))
