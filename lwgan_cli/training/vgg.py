"""VGG-19's features (Simonyan and Zisserman, 2015), for the perceptual loss. torchvision's layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from lwgan_cli.assets import fill, read_tensors, verify

VGG_FILE = "vgg19.safetensors"  # what `lwgan weights import` makes of torchvision's checkpoint
# Weights of the five levels in the official perceptual loss, from fine to coarse.
LEVEL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)

_CONVOLUTIONS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512, 512, 512, 512, "pool", 512)
_OUTPUTS = (1, 6, 11, 20, 29)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 in torchvision's numbering


class Vgg19(nn.Module):
    """`features` of torchvision's vgg19 up to relu5_1, frozen."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        dim = 3
        for out in _CONVOLUTIONS:
            if isinstance(out, int):
                layers += [nn.Conv2d(dim, out, 3, padding=1), nn.ReLU(inplace=True)]
                dim = out
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Images (B, 3, H, W) in [-1, 1], sides of 16 px or more → five features, (B, 64, H, W) to
        (B, 512, H/16, W/16).

        As in the official implementation, ImageNet's mean and deviation are not applied.
        """
        outputs = []
        for i, layer in enumerate(self.features):
            images = layer(images)
            if i in _OUTPUTS:
                outputs.append(images)
        return outputs


def vgg_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What this module keeps of a vgg19 state dictionary: neither the classifier nor layers past relu5_1."""
    last = _OUTPUTS[-1]
    return {
        name: value
        for name, value in tensors.items()
        if not name.startswith("classifier.")
        and not (name.startswith("features.") and name.split(".")[1].isdigit() and int(name.split(".")[1]) > last)
    }


def load_vgg(path: Path) -> Vgg19:
    """VGG-19 from torchvision's checkpoint, or from what `lwgan weights import` made of it.

    Raises: WeightsError when the file is missing, damaged or of another layout.
    """
    verify(path)
    network = Vgg19()
    fill(network, vgg_tensors(read_tensors(path)), f"{path} (VGG-19, torchvision's layout)")
    return network
