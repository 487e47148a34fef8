"""Building blocks of the paper's streams and discriminator, in the official implementation's layout.

Names of parameters (`encoders`, `img_reg`, `attetion_reg`, spelt so), padding, normalisation and the order
inside each nn.Sequential are those of github.com/svip-lab/impersonator, so that its state dictionaries load
as they are. Pictures and condition maps come in and go out at one size, whose sides are multiples of 2^n_down.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

# What is done to a stream's features at one place: (level or block, features) → features.
Inject = Callable[[int, torch.Tensor], torch.Tensor]


class Features(NamedTuple):
    """What a ResUnet's encoder and residual blocks made of a picture, for other streams to read.

    levels  n_down + 1 tensors (B, width·2^i, H/2^i, W/2^i), the encoder's outputs from fine to coarse
    blocks  n_blocks tensors of the coarsest level's shape, the residual blocks' outputs in order
    """

    levels: tuple[torch.Tensor, ...]
    blocks: tuple[torch.Tensor, ...]


def conv_block(dim_in: int, dim_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution, instance norm, ReLU; (B, dim_in, H, W) → (B, dim_out, H/stride, W/stride)."""
    return nn.Sequential(
        nn.Conv2d(dim_in, dim_out, kernel, stride, kernel // 2, bias=False),
        nn.InstanceNorm2d(dim_out, affine=True),
        nn.ReLU(inplace=True),
    )


def up_block(dim_in: int, dim_out: int) -> nn.Sequential:
    """Transposed convolution, instance norm, ReLU; (B, dim_in, H, W) → (B, dim_out, 2H, 2W)."""
    return nn.Sequential(
        nn.ConvTranspose2d(dim_in, dim_out, 3, 2, 1, output_padding=1, bias=False),
        nn.InstanceNorm2d(dim_out, affine=True),
        nn.ReLU(inplace=True),
    )


class ResidualBlock(nn.Module):
    """x + two normalised 3×3 convolutions of x."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(dim, dim, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(dim, affine=True),
            nn.ReLU(inplace=True),
            nn.Conv2d(dim, dim, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(dim, affine=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.main(x)


class ResNet(nn.Module):
    """Encoder, residual blocks, decoder without skips: the paper's G_BG. (B, dim_in, H, W) → (B, 3, H, W) in
    [-1, 1]."""

    def __init__(self, dim_in: int, width: int = 64, n_blocks: int = 6, n_down: int = 3) -> None:
        super().__init__()
        dims = [width * 2**i for i in range(n_down + 1)]
        layers: list[nn.Module] = [*conv_block(dim_in, width, 7)]
        for fine, coarse in pairwise(dims):
            layers += conv_block(fine, coarse, 3, stride=2)
        layers += [ResidualBlock(dims[-1]) for _ in range(n_blocks)]
        for fine, coarse in reversed(list(pairwise(dims))):
            layers += up_block(coarse, fine)
        layers += [nn.Conv2d(width, 3, 7, 1, 3, bias=False), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.model(x)
        return out


class ResUnet(nn.Module):
    """ResNet between a U-Net's encoder and decoder (paper, section 3.3): G_SID and G_TSF.

    Skips join by concatenation and a 3×3 convolution ("skipper"). Two heads: colour and mask.
    """

    def __init__(self, dim_in: int, width: int = 64, n_blocks: int = 6, n_down: int = 3) -> None:
        super().__init__()
        dims = [width * 2**i for i in range(n_down + 1)]
        steps = list(pairwise(dims))
        self.encoders = nn.Sequential(
            conv_block(dim_in, width, 7), *(conv_block(fine, coarse, 3, stride=2) for fine, coarse in steps)
        )
        self.resnets = nn.Sequential(*(ResidualBlock(dims[-1]) for _ in range(n_blocks)))
        self.decoders = nn.Sequential(*(up_block(coarse, fine) for fine, coarse in reversed(steps)))
        self.skippers = nn.Sequential(*(conv_block(coarse, fine, 3) for fine, coarse in reversed(steps)))
        self.img_reg = nn.Sequential(nn.Conv2d(width, 3, 7, 1, 3, bias=False), nn.Tanh())
        self.attetion_reg = nn.Sequential(nn.Conv2d(width, 1, 7, 1, 3, bias=False), nn.Sigmoid())

    def encode(self, x: torch.Tensor, at_level: Inject | None = None, at_block: Inject | None = None) -> Features:
        """Features of x (B, dim_in, H, W).

        at_level  called after each encoder level but the finest, as the paper's Liquid Warping Block is
        at_block  called after each residual block
        """
        levels, blocks = [], []
        for i, encoder in enumerate(self.encoders):
            x = encoder(x)
            if at_level is not None and i > 0:
                x = at_level(i, x)
            levels.append(x)
        for i, resnet in enumerate(self.resnets):
            x = resnet(x)
            if at_block is not None:
                x = at_block(i, x)
            blocks.append(x)
        return Features(tuple(levels), tuple(blocks))

    def decode(self, features: Features) -> tuple[torch.Tensor, torch.Tensor]:
        """Colour (B, 3, H, W) in [-1, 1] and mask (B, 1, H, W) in [0, 1]."""
        x = features.blocks[-1] if features.blocks else features.levels[-1]
        for decoder, skipper, skip in zip(self.decoders, self.skippers, features.levels[-2::-1], strict=True):
            x = skipper(torch.cat([skip, decoder(x)], 1))
        return self.img_reg(x), self.attetion_reg(x)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.decode(self.encode(x))


class PatchDiscriminator(nn.Module):
    """Conditional PatchGAN: picture and correspondence map (B, dim_in, H, W) → a score for each patch
    (B, 1, h, w).

    Normalised by instance without parameters, as the official implementation trains it.
    """

    def __init__(self, dim_in: int = 6, width: int = 64, n_layers: int = 4) -> None:
        super().__init__()
        dims = [width * min(2**i, 8) for i in range(n_layers + 1)]
        layers: list[nn.Module] = [nn.Conv2d(dim_in, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for i, (before, after) in enumerate(pairwise(dims), 1):
            stride = 2 if i < n_layers else 1
            layers += [
                nn.Conv2d(before, after, 4, stride, 1),
                nn.InstanceNorm2d(after),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers.append(nn.Conv2d(dims[-1], 1, 4, 1, 1))
        self.model = nn.Sequential(*layers)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The outputs of every activation, then the scores: what feature matching compares."""
        outputs = []
        for layer in self.model:
            x = layer(x)
            if isinstance(layer, nn.LeakyReLU):
                outputs.append(x)
        return [*outputs, x]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.model(x)
        return out


def init_weights(module: nn.Module, std: float = 0.02) -> None:
    """The official initialisation, in place: convolutions from N(0, std²), their biases 0."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, 0.0, std)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
