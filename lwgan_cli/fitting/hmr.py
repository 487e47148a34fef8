"""HMR (Kanazawa et al., CVPR 2018): the paper's body recovery, a picture in and a body out (section 3.1).

The layout is the official Liquid Warping GAN implementation's: a pre-activation ResNet-50 that halves the
picture in the **last** block of a stage, and a regressor that corrects a mean body three times. Its bodies
live in the camera's space (x right, y down, z away), so that upright ones are turned by π about x, and its
camera is s·(X + t): `to_body` makes records of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lwgan_cli.assets import fill, find_file, read_tensors, verify
from lwgan_cli.body.kinematics import log_so3
from lwgan_cli.body.model import BodyModel, joints_rest
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.errors import WeightsError
from lwgan_cli.records import N_BETAS, N_JOINTS

HMR_FILE = "hmr.safetensors"  # what `lwgan weights import` makes of the official checkpoint
INPUT_SIZE = 224  # px, width and height of the picture
N_THETA = 3 + 3 * N_JOINTS + N_BETAS  # camera, pose, shape
N_ITERATIONS = 3

_STAGES = ((64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1))  # width, blocks, stride of the last one
_EXPANSION = 4


class Pictures(Protocol):
    """A sequence of pictures (H, W, 3) uint8 RGB."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> np.ndarray: ...


class _Bottleneck(nn.Module):
    """x + 1×1, 3×3, 1×1 convolutions, each after its normalisation and ReLU (He et al., 2016)."""

    def __init__(self, dim_in: int, width: int, stride: int) -> None:
        super().__init__()
        dim_out = _EXPANSION * width
        self.bn1 = nn.BatchNorm2d(dim_in)
        self.conv1 = nn.Conv2d(dim_in, width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, dim_out, 1)
        self.shortcut = nn.Sequential(nn.Conv2d(dim_in, dim_out, 1)) if dim_in != dim_out else None
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = F.relu(self.bn1(x))
        around = x[:, :, :: self.stride, :: self.stride] if self.shortcut is None else self.shortcut(before)
        inner = self.conv1(before)
        inner = self.conv2(F.relu(self.bn2(inner)))
        out: torch.Tensor = self.conv3(F.relu(self.bn3(inner))) + around
        return out


class _PreActResNet(nn.Module):
    """Pictures (B, 3, 224, 224) in [-1, 1] → (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        dim = 64
        self.conv1 = nn.Conv2d(3, dim, 7, 2, 3)
        for stage, (width, count, stride) in enumerate(_STAGES, 1):
            blocks = []
            for i in range(count):
                blocks.append(_Bottleneck(dim, width, stride if i == count - 1 else 1))
                dim = _EXPANSION * width
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.post_bn = nn.BatchNorm2d(dim)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.conv1(images), 3, 2, ceil_mode=True)
        for stage in range(1, len(_STAGES) + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        return F.avg_pool2d(F.relu(self.post_bn(x)), 7).flatten(1)


class _Regressor(nn.Module):
    """Features (B, 2048) → theta (B, 85), the mean corrected three times."""

    mean_theta: torch.Tensor

    def __init__(self, dim_in: int = _EXPANSION * _STAGES[-1][0], width: int = 1024) -> None:
        super().__init__()
        self.register_buffer("mean_theta", torch.zeros(N_THETA))
        self.fc_blocks = nn.Sequential()
        for name, layer in (
            ("fc1", nn.Linear(dim_in + N_THETA, width)),
            ("relu1", nn.ReLU()),
            ("dropout1", nn.Dropout(0.5)),
            ("fc2", nn.Linear(width, width)),
            ("relu2", nn.ReLU()),
            ("dropout2", nn.Dropout(0.5)),
            ("fc3", nn.Linear(width, N_THETA)),
        ):
            self.fc_blocks.add_module(name, layer)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        theta = self.mean_theta.expand(len(features), -1)
        for _ in range(N_ITERATIONS):
            theta = theta + self.fc_blocks(torch.cat([features, theta], 1))
        return theta


class Hmr(nn.Module):
    """Pictures → theta; and the joints of SMPL's shapes, that theta's numbers refer to.

    sha256           of the file, hexadecimal
    joints           (24, 3) m, mean shape in T-pose
    joint_shapedirs  (24, 3, 10) m per beta
    """

    joints: torch.Tensor
    joint_shapedirs: torch.Tensor
    sha256 = ""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = _PreActResNet()
        self.regressor = _Regressor()
        self.register_buffer("joints", torch.zeros(N_JOINTS, 3))
        self.register_buffer("joint_shapedirs", torch.zeros(N_JOINTS, 3, N_BETAS))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, 224, 224) in [-1, 1], the person about 0.8 of their height → theta (B, 85).

        Theta is camera s, tx, ty (3), pose (72) axis-angle rad, shape (10), all in HMR's space.
        """
        theta: torch.Tensor = self.regressor(self.resnet(images))
        return theta


def hmr_tensors(tensors: Mapping[str, torch.Tensor], what: str) -> dict[str, torch.Tensor]:
    """The tensors of `Hmr` from the official checkpoint, or from itself.

    The official file carries the SMPL model too, of which the joints alone are kept.

    Raises: WeightsError when SMPL's part of it is missing or of another layout; `what` is for the message.
    """
    kept = {name: value for name, value in tensors.items() if not name.startswith("smpl.")}
    if "joints" not in kept:
        try:
            regressor = tensors["smpl.J_regressor"].double()
            vertices = tensors["smpl.v_template"].double()
            shapedirs = tensors["smpl.shapedirs"].double().reshape(N_BETAS, len(vertices), 3)
            kept["joints"] = (regressor.T @ vertices).float()
            kept["joint_shapedirs"] = torch.einsum("vj,kvc->jck", regressor, shapedirs).float()
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{what}: another layout: its SMPL part is not HMR's ({error})") from error
    # Checkpoints older than PyTorch 0.4.1 don't count batches.
    for name in [name for name in kept if name.endswith(".running_mean")]:
        kept.setdefault(name.replace("running_mean", "num_batches_tracked"), torch.tensor(0))
    return kept


def load_hmr(path: Path) -> Hmr:
    """HMR from the official implementation's checkpoint, or from what `lwgan weights import` made of it.

    Raises: WeightsError when the file is missing, damaged or of another layout.
    """
    what = f"{path} (HMR)"
    network = Hmr()
    network.sha256 = verify(path)
    fill(network, hmr_tensors(read_tensors(path), what), what)
    return network.eval().requires_grad_(False)


def find_hmr(weights: Path | None = None) -> Hmr:
    """HMR that `lwgan weights import` has put into a folder of the search path, `weights` first.

    Raises: WeightsError as `load_hmr`, and when there is none.
    """
    path = find_file(HMR_FILE, weights)
    if path is None:
        raise WeightsError(
            f"--fitter hmr: {HMR_FILE} lies in no weights folder; take HMR in with `lwgan weights import "
            "hmr_tf2pt.pth` (weights/README.md says where it comes from), or use --fitter best"
        )
    return load_hmr(path)


def to_body(hmr: Hmr, theta: torch.Tensor, model: BodyModel) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Theta (T, 85) of one person as records: poses (T, 24, 3), betas (10,), camera (T, 3) of the picture's crop.

    Betas mean something with the official SMPL files alone; for another body they are 0, and the camera's
    scale makes up for the size of its skeleton. The pelvis lies where HMR sees it.
    """
    scale, shift = theta[:, :1], theta[:, 1:3]
    poses, shapes = theta[:, 3:75].unflatten(1, (N_JOINTS, 3)), theta[:, 75:]
    is_smpl = model.name.startswith("smpl")
    betas = shapes.mean(0) if is_smpl else torch.zeros_like(shapes[0])

    upright = theta.new_tensor([1.0, -1.0, -1.0]).diag()  # π about x
    root = log_so3(upright @ axis_angle_to_matrix(poses[:, 0]))
    theirs = hmr.joints + torch.einsum("jck,tk->tjc", hmr.joint_shapedirs, shapes)
    ours = joints_rest(model, betas)
    factor = _size(theirs, model.parents) / _size(ours[None], model.parents)
    ours_scale = scale * factor[:, None]
    # y down to y up; their pelvis, which a turn of the root leaves in place, onto ours
    place = scale * (theirs[:, 0, :2] + shift) * theta.new_tensor([1.0, -1.0])
    camera = torch.cat([ours_scale, place - ours_scale * ours[0, :2]], 1)
    return torch.cat([root[:, None], poses[:, 1:]], 1), betas, camera


def first_rotations(hmr: Hmr, model: BodyModel, pictures: Pictures, batch: int = 16) -> torch.Tensor:
    """(T, 24, 3, 3) rotations of the joints for the fit to begin with, from square pictures (S, S, 3) uint8 RGB of
    the person, such as `Watched.crops`."""
    found = []
    for first in range(0, len(pictures), batch):
        rows = range(first, min(first + batch, len(pictures)))
        small = [cv2.resize(pictures[i], (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA) for i in rows]
        images = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            poses, _, _ = to_body(hmr, hmr(images.to(hmr.joints.device)), model)
        found.append(axis_angle_to_matrix(poses).cpu())
    return torch.cat(found)


def _size(joints: torch.Tensor, parents: tuple[int, ...]) -> torch.Tensor:
    """(T,) the sum of all bones' lengths, from rest joints (T, 24, 3)."""
    return (joints[:, 1:] - joints[:, list(parents[1:])]).norm(dim=-1).sum(1)
