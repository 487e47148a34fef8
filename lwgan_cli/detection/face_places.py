"""Where the 478 points of the face mesh lie on the body's surface.

Learned from face meshes on rendered people (`lwgan_cli.synthetic.face_places`, which writes weights/face.npz). The
places are spots of the surface, so that they follow shape, clothes and facial actions as any other piece of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lwgan_cli.assets import find_file, read_npz, verify
from lwgan_cli.body.model import BodyModel
from lwgan_cli.detection.face_detect import N_POINTS
from lwgan_cli.errors import WeightsError

FACE_FILE = "face.npz"
IRIS = slice(468, 478)


@dataclass(frozen=True)
class FacePlaces:
    """corners (478, 3) int64 vertices of the open body around each point; bary (478, 3) their shares; spread (478,)
    m, typical distance of a detection from this place."""

    corners: torch.Tensor
    bary: torch.Tensor
    spread: torch.Tensor

    def of(self, vertices: torch.Tensor) -> torch.Tensor:
        """Vertices (..., V, C) → points (..., 478, C)."""
        return (vertices[..., self.corners, :] * self.bary[..., None]).sum(-2)


def save_face_places(path: Path, places: FacePlaces) -> None:
    """Writes the weights file that `load_face_places` reads."""
    np.savez_compressed(
        path,
        corners=places.corners.numpy().astype(np.uint16),
        bary=places.bary.numpy().astype(np.float16),
        spread=places.spread.numpy().astype(np.float16),
    )


def load_face_places(weights_dir: Path | str | None = None) -> FacePlaces:
    """The file of the user's weights folder, else the bundled one.

    Raises WeightsError where face.npz is missing, damaged or of another layout.
    """
    path = find_file(FACE_FILE, weights_dir)
    if path is None:
        raise WeightsError(f"{FACE_FILE} is in no weights folder: install lwgan again")
    verify(path)
    stored = read_npz(path)
    for name, shape in {"corners": (N_POINTS, 3), "bary": (N_POINTS, 3), "spread": (N_POINTS,)}.items():
        if name not in stored or np.shape(stored[name]) != shape:
            raise WeightsError(f"{path} is not a file of face points ({name} {shape} is missing): restore it")
    bary = torch.from_numpy(stored["bary"].astype(np.float32))
    return FacePlaces(
        torch.from_numpy(stored["corners"].astype(np.int64)),
        bary / bary.sum(1, keepdim=True),
        torch.from_numpy(stored["spread"].astype(np.float32)),
    )


def eyeballs(model: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """(V,) bool of right and left eyeball: pieces of surface that hang together with nothing else."""
    faces = model.faces.cpu().numpy()
    links = coo_matrix(
        (np.ones(2 * len(faces)), (faces[:, :2].T.ravel(), faces[:, 1:].T.ravel())), shape=(model.n_vertices,) * 2
    )
    _, piece = connected_components(links, directed=False)
    right, left = (piece == piece[model.landmarks[name]] for name in ("right_eye", "left_eye"))
    return right, left
