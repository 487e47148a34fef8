"""Where the detector's 33 points lie on the body.

A detector's "hip" is not SMPL's hip joint. Each of BlazePose's points is tied to the skeleton as a virtual
vertex: a T-pose place and skinning weights, learned from detections on rendered people
(`lwgan_cli.synthetic.landmarks`, which writes weights/landmarks.npz).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.assets import find_file, read_npz, verify
from lwgan_cli.errors import WeightsError
from lwgan_cli.records import N_JOINTS, N_LANDMARKS

LANDMARKS_FILE = "landmarks.npz"
# pairs of landmarks along the limbs and across the trunk, whose depth differences the detector knows
DEPTH_PAIRS = (
    (11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (25, 27), (24, 26), (26, 28),
    (11, 12), (23, 24), (11, 23), (12, 24), (27, 31), (28, 32), (7, 8), (0, 7), (0, 8), (11, 0), (12, 0),
)  # fmt: skip


@dataclass(frozen=True)
class Landmarks:
    """weights (33, 24), rows sum to 1; offsets (33, 3) m from the weighted mean of the T-pose joints;
    spread (33,), typical distance of a detection from this place, as a fraction of the person's height;
    depth_bias, depth_spread (P,) m: of the detector's depth differences, `DEPTH_PAIRS`, what they say too much of who
    faces the viewer, and how far they are off else."""

    weights: torch.Tensor
    offsets: torch.Tensor
    spread: torch.Tensor
    depth_bias: torch.Tensor
    depth_spread: torch.Tensor

    def rest(self, joints_rest: torch.Tensor) -> torch.Tensor:
        """joints_rest (24, 3) m of one shape → T-pose places (33, 3) m."""
        return self.weights @ joints_rest + self.offsets


def save_landmarks(path: Path, landmarks: Landmarks) -> None:
    """Writes the weights file that `load_landmarks` reads."""
    stored = {field.name: getattr(landmarks, field.name).numpy().astype(np.float32) for field in fields(Landmarks)}
    np.savez_compressed(path, **stored)


def load_landmarks(weights_dir: Path | str | None = None) -> Landmarks:
    """The file of the user's weights folder, else the bundled one.

    Raises WeightsError where landmarks.npz is missing, damaged or of another layout.
    """
    path = find_file(LANDMARKS_FILE, weights_dir)
    if path is None:
        raise WeightsError(f"{LANDMARKS_FILE} is in no weights folder: install lwgan again")
    verify(path)
    stored = read_npz(path)
    shapes = {
        "weights": (N_LANDMARKS, N_JOINTS),
        "offsets": (N_LANDMARKS, 3),
        "spread": (N_LANDMARKS,),
        "depth_bias": (len(DEPTH_PAIRS),),
        "depth_spread": (len(DEPTH_PAIRS),),
    }
    tensors = {}
    for name, shape in shapes.items():
        if name not in stored or np.shape(stored[name]) != shape:
            raise WeightsError(f"{path} is not a landmark file ({name} {shape} is missing): restore it")
        tensors[name] = torch.from_numpy(np.asarray(stored[name], np.float32))
    return Landmarks(**tensors)
