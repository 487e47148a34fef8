"""PyTorch3D's rasterizer behind this project's conventions. Imported only where it is installed."""

from __future__ import annotations

import torch
from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
from pytorch3d.structures import Meshes

from lwgan_cli.records import Fragments


def rasterize_pytorch3d(
    verts_ndc: torch.Tensor, faces: torch.Tensor, size: tuple[int, int], cull_backfaces: bool = False
) -> Fragments:
    """See `rasterize`. verts_ndc (B, V, 3) float32, faces (F, 3) int64 on the same device, size (H, W)."""
    batch, n_faces, shorter = len(verts_ndc), len(faces), min(size)
    # PyTorch3D's NDC has +x to the left, and only the picture's shorter side spans [-1, 1].
    flip = verts_ndc.new_tensor([-size[1] / shorter, size[0] / shorter, 1.0])
    pix_to_face, zbuf, bary_coords, _ = rasterize_meshes(
        Meshes(verts=verts_ndc * flip, faces=faces.expand(batch, -1, -1)),
        image_size=size,
        blur_radius=0.0,
        faces_per_pixel=1,
        perspective_correct=False,
        clip_barycentric_coords=False,
        cull_backfaces=cull_backfaces,
    )
    # PyTorch3D numbers the faces of the whole batch in one row.
    first = torch.arange(batch, device=faces.device)[:, None, None] * n_faces
    pix_to_face = pix_to_face[..., 0]
    return Fragments(
        pix_to_face=torch.where(pix_to_face >= 0, pix_to_face - first, pix_to_face),
        bary_coords=bary_coords[..., 0, :],
        zbuf=zbuf[..., 0],
    )
