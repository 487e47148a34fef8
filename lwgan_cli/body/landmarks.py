"""Where the detector's 33 points lie on the body.

A detector's "hip" is not SMPL's hip joint. Each of BlazePose's points is tied to the skeleton as a virtual
vertex: a T-pose place and skinning weights, learned from detections on rendered people
(`lwgan_cli.synthetic.landmarks`, which writes weights/landmarks.npz).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.errors import WeightsError
from lwgan_cli.records import N_JOINTS, N_LANDMARKS


@dataclass(frozen=True)
class Landmarks:
    """weights (33, 24), rows sum to 1; offsets (33, 3) m from the weighted mean of the T-pose joints;
    spread (33,), typical distance of a detection from this place, as a fraction of the person's height."""

    weights: torch.Tensor
    offsets: torch.Tensor
    spread: torch.Tensor

    def rest(self, joints_rest: torch.Tensor) -> torch.Tensor:
        """joints_rest (24, 3) m of one shape → T-pose places (33, 3) m."""
        return self.weights @ joints_rest + self.offsets


def save_landmarks(path: Path, landmarks: Landmarks) -> None:
    np.savez_compressed(
        path,
        weights=landmarks.weights.numpy().astype(np.float32),
        offsets=landmarks.offsets.numpy().astype(np.float32),
        spread=landmarks.spread.numpy().astype(np.float32),
    )


def load_landmarks(weights_dir: Path) -> Landmarks:
    """Raises WeightsError where weights/landmarks.npz is missing or of another layout."""
    path = weights_dir / "landmarks.npz"
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name].astype(np.float32) for name in ("weights", "offsets", "spread")}
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path} is missing: restore the weights folder, or name one with --weights"
        ) from error
    except (KeyError, ValueError, OSError) as error:
        raise WeightsError(f"{path} is not a landmark file ({error}): restore it from the project") from error
    shapes = {"weights": (N_LANDMARKS, N_JOINTS), "offsets": (N_LANDMARKS, 3), "spread": (N_LANDMARKS,)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise WeightsError(
                f"{path}: {name} is {arrays[name].shape}, not {shape}: restore it from the project"
            )
    return Landmarks(**{name: torch.from_numpy(value) for name, value in arrays.items()})
