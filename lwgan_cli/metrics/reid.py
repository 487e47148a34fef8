"""Who somebody is by their whole look: PCB's features (Sun et al., ECCV 2018), for the Fréchet distance on
re-identification features.

The layout is that of the widely used PyTorch implementation (layumi/Person_reID_baseline_pytorch): ResNet-50, the
last stage not down-sampled, its features averaged over six stripes.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from lwgan_cli.assets import fill, read_tensors, verify

SIZE = (384, 192)  # height, width
PARTS = 6
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 1))  # inner channels, blocks, stride


class _Bottleneck(nn.Module):
    def __init__(self, dim_in: int, dim: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(dim_in, dim, 1, bias=False), nn.BatchNorm2d(dim)
        self.conv2, self.bn2 = nn.Conv2d(dim, dim, 3, stride, 1, bias=False), nn.BatchNorm2d(dim)
        self.conv3, self.bn3 = nn.Conv2d(dim, 4 * dim, 1, bias=False), nn.BatchNorm2d(4 * dim)
        self.downsample = None
        if stride != 1 or dim_in != 4 * dim:
            self.downsample = nn.Sequential(nn.Conv2d(dim_in, 4 * dim, 1, stride, bias=False), nn.BatchNorm2d(4 * dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Pcb(nn.Module):
    """The network without its classifiers, frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        before = 64
        for stage, (dim, count, stride) in enumerate(_STAGES, 1):
            blocks = [_Bottleneck(before if i == 0 else 4 * dim, dim, stride if i == 0 else 1) for i in range(count)]
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            before = 4 * dim
        self.eval().requires_grad_(False)

    def forward(self, people: torch.Tensor) -> torch.Tensor:
        """Pictures of people (B, 3, H, W) in [0, 1], cut close → features (B, 6 · 2048), as the implementation
        compares them: of the picture and its mirror image together, each stripe of length 1, all six together too."""
        mean, deviation = (people.new_tensor(v)[:, None, None] for v in (_MEAN, _DEVIATION))
        x = F.interpolate(people, size=SIZE, mode="bicubic", align_corners=False, antialias=True)
        x = (x - mean) / deviation
        stripes = self._stripes(x) + self._stripes(x.flip(3))
        return F.normalize(stripes, dim=1).flatten(1) / PARTS**0.5

    def _stripes(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, 384, 192) → (B, 2048, 6)."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(1, len(_STAGES) + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        return F.adaptive_avg_pool2d(x, (PARTS, 1))[..., 0]


def load_reid(path: Path) -> Pcb:
    """From a checkpoint of that implementation's PCB. Raises WeightsError when it is missing, damaged or of another
    layout."""
    verify(path)
    tensors = {
        name.removeprefix("model."): value
        for name, value in read_tensors(path).items()
        if name.startswith("model.") and not name.startswith("model.fc.")
    }
    network = Pcb()
    counts = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked") and k not in tensors}
    fill(network, {**tensors, **counts}, f"{path} (PCB on ResNet-50)")
    return network
