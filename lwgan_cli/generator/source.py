"""The source: everything about a photo that is worked out once and then read for every frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility, visible_faces
from lwgan_cli.flow.sources import face_scores
from lwgan_cli.records import Motion

RASTER = 512  # px of the photo's crop at which visibility is decided


@dataclass(frozen=True)
class Source:
    """One photo of the person, ready to be warped.

    pixels      (4, H, W) float32 [0, 1]: colours carried outward past the person's edge, and alpha
    ndc         (V, 3) the dressed body in the photo, NDC of the whole picture
    visibility  (V,) in [0, 1]: the photo shows this vertex
    score       (F,) how well it shows each face, see `flow.sources.face_scores`
    scale       px per metre
    """

    pixels: torch.Tensor
    ndc: torch.Tensor
    visibility: torch.Tensor
    score: torch.Tensor
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px."""
        return self.pixels.shape[2], self.pixels.shape[1]

    def vertices_px(self) -> np.ndarray:
        """(V, 2) picture px."""
        width, height = self.size
        x, y = self.ndc[:, 0].cpu().numpy(), self.ndc[:, 1].cpu().numpy()
        return np.stack([(x + 1) / 2 * width, (1 - y) / 2 * height], 1)


def picture_ndc(vertices: torch.Tensor, camera_px: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(B, V, 3) m under cameras (B, 3) in px (`Motion.picture_camera`) → NDC of a picture (width, height):
    x right, y up, depth in the units of x."""
    width, height = size
    scale, x, y = camera_px[:, None].unbind(-1)
    return torch.stack(
        [
            (scale * vertices[..., 0] + x) * (2 / width) - 1,
            1 - (y - scale * vertices[..., 1]) * (2 / height),
            -scale * vertices[..., 2] * (2 / width),
        ],
        -1,
    )


def prepare_source(
    model: BodyModel,
    motion: Motion,
    offsets: torch.Tensor,
    colours: np.ndarray,
    alpha: np.ndarray,
    backend: str = "auto",
) -> Source:
    """A `Source` of a fitted photo.

    motion   one frame; offsets (V, 3) m T-pose
    colours  (H, W, 3) uint8, extended past the person's edge; alpha (H, W) float32 [0, 1]
    """
    device = model.v_template.device
    poses, betas = torch.from_numpy(motion.poses).to(device), torch.from_numpy(motion.betas).to(device)
    vertices, _ = skin(model, poses, betas, offsets)
    crop_ndc = project(vertices, torch.from_numpy(motion.camera).to(device))
    fragments = rasterize(crop_ndc, model.faces, RASTER, backend)
    visibility = vertex_visibility(fragments, crop_ndc, model.faces)[0]
    shown = visible_faces(fragments, crop_ndc, model.faces)[0]
    score = face_scores(crop_ndc[0], model.faces, shown, float(motion.crop[0, 2]) / 2)
    camera = torch.from_numpy(motion.picture_camera().astype(np.float32)).to(device)
    height, width = alpha.shape
    ndc = picture_ndc(vertices, camera, (width, height))[0]
    pixels = np.concatenate([colours.astype(np.float32) / 255, alpha[..., None].astype(np.float32)], 2)
    return Source(torch.from_numpy(pixels.transpose(2, 0, 1).copy()).to(device), ndc, visibility, score, float(camera[0, 0]))
