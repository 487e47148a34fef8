"""Inception-v3 as the Inception score and FID use it: TensorFlow's network of 2015-12-05, in pytorch-fid's layout
(pt_inception-2015-12-05-6726825d.pth).

It differs from torchvision's: average pooling leaves the border's zeros out, the last block pools by maximum, and it
knows 1008 classes.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lwgan_cli.assets import fill, read_tensors, verify

SIDE = 299  # px
CLASSES = 1008


class _Conv(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self, dim_in: int, dim_out: int, kernel: int | tuple[int, int], stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(dim_in, dim_out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(dim_out, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.conv(x)))


def _across(dim_in: int, dim_out: int, width: int) -> _Conv:
    return _Conv(dim_in, dim_out, (1, width), padding=(0, width // 2))


def _down(dim_in: int, dim_out: int, height: int) -> _Conv:
    return _Conv(dim_in, dim_out, (height, 1), padding=(height // 2, 0))


def _average(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _A(nn.Module):
    def __init__(self, dim: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(dim, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = _Conv(dim, 48, 1), _Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(dim, 64, 1), _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, padding=1)
        self.branch_pool = _Conv(dim, pooled, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        wide = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat([self.branch1x1(x), wide, double, self.branch_pool(_average(x))], 1)


class _B(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.branch3x3 = _Conv(dim, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(dim, 64, 1), _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class _C(nn.Module):
    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(dim, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = _Conv(dim, inner, 1), _across(inner, inner, 7)
        self.branch7x7_3 = _down(inner, 192, 7)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = _Conv(dim, inner, 1), _down(inner, inner, 7)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = _across(inner, inner, 7), _down(inner, inner, 7)
        self.branch7x7dbl_5 = _across(inner, 192, 7)
        self.branch_pool = _Conv(dim, 192, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_average(x))], 1)


class _D(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = _Conv(dim, 192, 1), _Conv(192, 320, 3, 2)
        self.branch7x7x3_1 = _Conv(dim, 192, 1)
        self.branch7x7x3_2 = _across(192, 192, 7)
        self.branch7x7x3_3 = _down(192, 192, 7)
        self.branch7x7x3_4 = _Conv(192, 192, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, 2)], 1)


class _E(nn.Module):
    def __init__(self, dim: int, by_maximum: bool) -> None:
        super().__init__()
        self._by_maximum = by_maximum
        self.branch1x1 = _Conv(dim, 320, 1)
        self.branch3x3_1 = _Conv(dim, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = _across(384, 384, 3), _down(384, 384, 3)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(dim, 448, 1), _Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = _across(384, 384, 3), _down(384, 384, 3)
        self.branch_pool = _Conv(dim, 192, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self._by_maximum else _average(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single)]
        return torch.cat(
            [*parts, self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)], 1
        )


class Inception(nn.Module):
    """The network, frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = _Conv(3, 32, 3, 2), _Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1, self.Conv2d_4a_3x3 = _Conv(64, 80, 1), _Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _A(192, 32), _A(256, 64), _A(288, 64)
        self.Mixed_6a = _B(288)
        self.Mixed_6b, self.Mixed_6c = _C(768, 128), _C(768, 160)
        self.Mixed_6d, self.Mixed_6e = _C(768, 160), _C(768, 192)
        self.Mixed_7a = _D(768)
        self.Mixed_7b, self.Mixed_7c = _E(1280, False), _E(2048, True)
        self.fc = nn.Linear(2048, CLASSES)
        self.eval().requires_grad_(False)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pictures (B, 3, H, W) in [0, 1] → FID's features (B, 2048) and the Inception score's logits (B, 1008),
        which leave the classifier's bias out as the reference does."""
        x = F.interpolate(pictures, size=(SIDE, SIDE), mode="bilinear", align_corners=False) * 2 - 1
        x = F.max_pool2d(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))), 3, 2)
        x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        features = x.mean((2, 3))
        return features, features @ self.fc.weight.T


def load_inception(path: Path) -> Inception:
    """From pytorch-fid's file. Raises WeightsError when it is missing, damaged or of another layout."""
    verify(path)
    network = Inception()
    tensors = read_tensors(path)
    # old files don't count the batches
    counts = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked") and k not in tensors}
    fill(network, {**tensors, **counts}, f"{path} (Inception-v3 of pytorch-fid)")
    return network
