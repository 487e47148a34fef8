"""LPIPS (Zhang et al., CVPR 2018), version 0.1, as a distance: 0 for the same picture, more the less alike.

Exact to the authors' `lpips` package for AlexNet and VGG-16, from their files: the linear weights (alex.pth, vgg.pth)
together with torchvision's backbone, or a state dictionary of their whole module.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from lwgan_cli.assets import fill, read_tensors, verify
from lwgan_cli.errors import WeightsError

# Layers as torchvision numbers them: (channels in, channels out, kernel, stride, padding), R a ReLU whose output is
# compared, r one whose isn't, and a pooling's kernel.
_ALEX = ((3, 64, 11, 4, 2), "R", 3, (64, 192, 5, 1, 2), "R", 3, (192, 384, 3, 1, 1), "R", (384, 256, 3, 1, 1), "R",
         (256, 256, 3, 1, 1), "R")  # fmt: skip
_VGG = ((3, 64, 3, 1, 1), "r", (64, 64, 3, 1, 1), "R", 2, (64, 128, 3, 1, 1), "r", (128, 128, 3, 1, 1), "R", 2,
        (128, 256, 3, 1, 1), "r", (256, 256, 3, 1, 1), "r", (256, 256, 3, 1, 1), "R", 2,
        (256, 512, 3, 1, 1), "r", (512, 512, 3, 1, 1), "r", (512, 512, 3, 1, 1), "R", 2,
        (512, 512, 3, 1, 1), "r", (512, 512, 3, 1, 1), "r", (512, 512, 3, 1, 1), "R")  # fmt: skip
_CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_SLICE = re.compile(r"net\.slice\d\.(\d+\.(?:weight|bias))")


class Lpips(nn.Module):
    """net: "alex" or "vgg"."""

    def __init__(self, net: str = "alex") -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self._compared = []
        for layer in _ALEX if net == "alex" else _VGG:
            if isinstance(layer, tuple):
                dim_in, dim_out, kernel, stride, padding = layer
                layers.append(nn.Conv2d(dim_in, dim_out, kernel, stride, padding))
            elif isinstance(layer, int):
                layers.append(nn.MaxPool2d(layer, 2))
            else:
                if layer == "R":
                    self._compared.append(len(layers))
                layers.append(nn.ReLU())
        self.features = nn.Sequential(*layers)
        self.lin = nn.ModuleList(nn.Conv2d(dim, 1, 1, bias=False) for dim in _CHANNELS[net])
        self.eval().requires_grad_(False)

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W) in [-1, 1], sides of 64 px or more → distances (B,)."""
        total = one.new_zeros(len(one))
        for a, b, lin in zip(self._features(one), self._features(other), self.lin, strict=True):
            total = total + lin((a - b) ** 2).mean((1, 2, 3))
        return total

    def _features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """What is compared at each level, of length 1 at each pixel."""
        shift, scale = (pictures.new_tensor(v)[:, None, None] for v in (_SHIFT, _SCALE))
        x, found = (pictures - shift) / scale, []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self._compared:
                found.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        return found


def load_lpips(paths: Sequence[Path]) -> Lpips:
    """From the authors' linear weights and torchvision's backbone (two files, in any order), or one file of both.

    Raises WeightsError when a file is missing, damaged, or together they aren't LPIPS on AlexNet or VGG-16.
    """
    what = f"{' + '.join(map(str, paths))} (LPIPS: linear weights and backbone)"
    tensors: dict[str, torch.Tensor] = {}
    for path in paths:
        verify(path)
        tensors |= {_renamed(name): value for name, value in read_tensors(path).items()}
    first = tensors.get("features.0.weight")
    if first is None or "lin.0.weight" not in tensors:
        lacks = "torchvision's AlexNet or VGG-16" if first is None else "LPIPS's linear weights (alex.pth or vgg.pth)"
        raise WeightsError(f"{what}: {lacks} is missing; give both files, with a comma between them")
    network = Lpips("alex" if first.shape[-1] == 11 else "vgg")
    names = network.state_dict().keys()
    kept = {
        name: value for name, value in tensors.items() if name in names or not name.startswith(("classifier", "sc"))
    }
    fill(network, kept, what)
    return network


def _renamed(name: str) -> str:
    """An entry of one of the files, as this module has it."""
    if match := _SLICE.fullmatch(name):
        return f"features.{match[1]}"
    if match := re.fullmatch(r"lin(?:s\.)?(\d)\.model\.\d\.weight", name):
        return f"lin.{match[1]}.weight"
    return name
