"""Names and shapes of official files, random, and what the networks do, written out anew on the raw tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F

State = dict[str, torch.Tensor]
Pair = tuple[int, int]

ALEX = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
VGG = {
    0: (64, 3, 3), 2: (64, 64, 3), 5: (128, 64, 3), 7: (128, 128, 3), 10: (256, 128, 3), 12: (256, 256, 3),
    14: (256, 256, 3), 17: (512, 256, 3), 19: (512, 512, 3), 21: (512, 512, 3), 24: (512, 512, 3),
    26: (512, 512, 3), 28: (512, 512, 3),
}  # fmt: skip


def backbone(layers: dict[int, tuple[int, int, int]]) -> State:
    """As torchvision saves it, classifier included."""
    torch.manual_seed(1)
    state = {"classifier.1.weight": torch.zeros(4, 4), "classifier.1.bias": torch.zeros(4)}
    for index, (dim_out, dim_in, kernel) in layers.items():
        state[f"features.{index}.weight"] = torch.randn(dim_out, dim_in, kernel, kernel) / (dim_in**0.5 * kernel)
        state[f"features.{index}.bias"] = 0.1 * torch.randn(dim_out)
    return state


def linear(channels: tuple[int, ...]) -> State:
    """As the authors' alex.pth and vgg.pth have it."""
    torch.manual_seed(2)
    return {f"lin{k}.model.1.weight": torch.rand(1, dim, 1, 1) for k, dim in enumerate(channels)}


def lpips(state: State, lin: State, one: torch.Tensor, other: torch.Tensor) -> float:
    """One pair of pictures (1, 3, H, W) in [-1, 1], AlexNet."""
    total = 0.0
    shift, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in ([-0.03, -0.088, -0.188], [0.458, 0.448, 0.45]))
    a, b = (one - shift) / scale, (other - shift) / scale
    plan = [(0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False)]
    for level, (index, stride, padding, pooled) in enumerate(plan):
        weight, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
        if pooled:
            a, b = F.max_pool2d(a, 3, 2), F.max_pool2d(b, 3, 2)
        a, b = (F.conv2d(x, weight, bias, stride, padding).clamp(min=0) for x in (a, b))
        unit_a, unit_b = (x / ((x**2).sum(1, keepdim=True).sqrt() + 1e-10) for x in (a, b))
        apart = (unit_a - unit_b) ** 2 * lin[f"lin{level}.model.1.weight"].view(1, -1, 1, 1)
        total += float(apart.sum(1).mean())
    return total


class Raw:
    """Runs convolutions with batch normalisation by name; where the name isn't there yet, it makes random weights of
    the shape that is asked for, as an official file would hold them."""

    def __init__(self, conv: str, norm: str, eps: float) -> None:
        self.state: State = {}
        self._conv, self._norm, self._eps = conv, norm, eps
        torch.manual_seed(3)

    def __call__(
        self, name: str, x: torch.Tensor, dim: int, kernel: Pair, stride: int = 1, padding: Pair = (0, 0)
    ) -> torch.Tensor:
        conv, norm = self._conv.format(name), self._norm.format(name)
        if f"{conv}.weight" not in self.state:
            size = (dim, x.shape[1], *kernel)
            self.state[f"{conv}.weight"] = torch.randn(size) * (1.6 / (size[1] * kernel[0] * kernel[1])) ** 0.5
            for part, value in (("weight", 1 + 0.1 * torch.randn(dim)), ("bias", 0.1 * torch.randn(dim)),
                                ("running_mean", 0.1 * torch.randn(dim)),
                                ("running_var", 1 + 0.2 * torch.rand(dim))):  # fmt: skip
                self.state[f"{norm}.{part}"] = value
        s = {part: self.state[f"{norm}.{part}"].view(1, -1, 1, 1)
             for part in ("weight", "bias", "running_mean", "running_var")}  # fmt: skip
        y = F.conv2d(x, self.state[f"{conv}.weight"], None, stride, padding)
        return (y - s["running_mean"]) / (s["running_var"] + self._eps).sqrt() * s["weight"] + s["bias"]


def inception(x: torch.Tensor) -> tuple[State, torch.Tensor]:
    """A random state dictionary in pytorch-fid's layout, and its features of pictures (B, 3, 299, 299) in [0, 1]."""
    raw = Raw("{}.conv", "{}.bn", 0.001)

    def conv(name: str, x: torch.Tensor, dim: int, kh: int, kw: int, stride: int = 1, pad: bool = True) -> torch.Tensor:
        return raw(name, x, dim, (kh, kw), stride, (kh // 2, kw // 2) if pad else (0, 0)).clamp(min=0)

    def mean3(x: torch.Tensor) -> torch.Tensor:
        """Means over the neighbours that there are."""
        count = F.conv2d(torch.ones(1, 1, *x.shape[2:]), torch.ones(1, 1, 3, 3), padding=1)
        return F.avg_pool2d(x, 3, 1, 1) * 9 / count

    x = conv("Conv2d_1a_3x3", 2 * x - 1, 32, 3, 3, 2, False)
    x = conv("Conv2d_2b_3x3", conv("Conv2d_2a_3x3", x, 32, 3, 3, 1, False), 64, 3, 3)
    x = conv("Conv2d_3b_1x1", F.max_pool2d(x, 3, 2), 80, 1, 1)
    x = F.max_pool2d(conv("Conv2d_4a_3x3", x, 192, 3, 3, 1, False), 3, 2)
    for block, pooled in (("5b", 32), ("5c", 64), ("5d", 64)):
        n = f"Mixed_{block}.branch"
        double = conv(f"{n}3x3dbl_2", conv(f"{n}3x3dbl_1", x, 64, 1, 1), 96, 3, 3)
        x = torch.cat([
            conv(f"{n}1x1", x, 64, 1, 1), conv(f"{n}5x5_2", conv(f"{n}5x5_1", x, 48, 1, 1), 64, 5, 5),
            conv(f"{n}3x3dbl_3", double, 96, 3, 3), conv(f"{n}_pool", mean3(x), pooled, 1, 1),
        ], 1)  # fmt: skip
    n = "Mixed_6a.branch"
    double = conv(f"{n}3x3dbl_2", conv(f"{n}3x3dbl_1", x, 64, 1, 1), 96, 3, 3)
    x = torch.cat([conv(f"{n}3x3", x, 384, 3, 3, 2, False), conv(f"{n}3x3dbl_3", double, 96, 3, 3, 2, False),
                   F.max_pool2d(x, 3, 2)], 1)  # fmt: skip
    for block, c in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        n = f"Mixed_{block}.branch"
        single = conv(f"{n}7x7_2", conv(f"{n}7x7_1", x, c, 1, 1), c, 1, 7)
        double = conv(f"{n}7x7dbl_2", conv(f"{n}7x7dbl_1", x, c, 1, 1), c, 7, 1)
        double = conv(f"{n}7x7dbl_4", conv(f"{n}7x7dbl_3", double, c, 1, 7), c, 7, 1)
        x = torch.cat([
            conv(f"{n}1x1", x, 192, 1, 1), conv(f"{n}7x7_3", single, 192, 7, 1),
            conv(f"{n}7x7dbl_5", double, 192, 1, 7), conv(f"{n}_pool", mean3(x), 192, 1, 1),
        ], 1)  # fmt: skip
    n = "Mixed_7a.branch"
    long = conv(f"{n}7x7x3_2", conv(f"{n}7x7x3_1", x, 192, 1, 1), 192, 1, 7)
    long = conv(f"{n}7x7x3_4", conv(f"{n}7x7x3_3", long, 192, 7, 1), 192, 3, 3, 2, False)
    x = torch.cat([conv(f"{n}3x3_2", conv(f"{n}3x3_1", x, 192, 1, 1), 320, 3, 3, 2, False), long,
                   F.max_pool2d(x, 3, 2)], 1)  # fmt: skip
    for block in ("7b", "7c"):
        n = f"Mixed_{block}.branch"
        single = conv(f"{n}3x3_1", x, 384, 1, 1)
        double = conv(f"{n}3x3dbl_2", conv(f"{n}3x3dbl_1", x, 448, 1, 1), 384, 3, 3)
        pooled = mean3(x) if block == "7b" else F.max_pool2d(x, 3, 1, 1)
        x = torch.cat([
            conv(f"{n}1x1", x, 320, 1, 1),
            conv(f"{n}3x3_2a", single, 384, 1, 3), conv(f"{n}3x3_2b", single, 384, 3, 1),
            conv(f"{n}3x3dbl_3a", double, 384, 1, 3), conv(f"{n}3x3dbl_3b", double, 384, 3, 1),
            conv(f"{n}_pool", pooled, 192, 1, 1),
        ], 1)  # fmt: skip
    state = raw.state | {"fc.weight": 0.02 * torch.randn(1008, 2048), "fc.bias": torch.randn(1008)}
    return state, x.flatten(2).mean(2)


def pcb(x: torch.Tensor) -> tuple[State, torch.Tensor]:
    """A random checkpoint of PCB, and its features of normalised people (B, 3, 384, 192)."""
    names = Raw("{}", "{}", 1e-5)

    def stripes(x: torch.Tensor) -> torch.Tensor:
        def conv(name: str, x: torch.Tensor, dim: int, kernel: int, stride: int = 1) -> torch.Tensor:
            head, _, number = name.rpartition("conv")
            names._conv, names._norm = "model.{}", f"model.{head}bn{number}"
            if "downsample" in name:
                names._norm = f"model.{name[:-1]}1"
            return names(name, x, dim, (kernel, kernel), stride, (kernel // 2, kernel // 2))

        x = F.max_pool2d(conv("conv1", x, 64, 7, 2).clamp(min=0), 3, 2, 1)
        for stage, (dim, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
            for block in range(count):
                n, stride = f"layer{stage}.{block}", 2 if block == 0 and stage in (2, 3) else 1
                y = conv(f"{n}.conv1", x, dim, 1).clamp(min=0)
                y = conv(f"{n}.conv3", conv(f"{n}.conv2", y, dim, 3, stride).clamp(min=0), 4 * dim, 1)
                x = y + (conv(f"{n}.downsample.0", x, 4 * dim, 1, stride) if block == 0 else x)
                x = x.clamp(min=0)
        return torch.stack([x[:, :, 4 * k : 4 * k + 4].mean((2, 3)) for k in range(6)], 2)

    found = stripes(x) + stripes(x.flip(-1))
    unit = found / (found.norm(dim=1, keepdim=True) * 6**0.5)
    extra = {"model.fc.weight": torch.zeros(9, 2048), "classifier0.add_block.0.weight": torch.zeros(256, 2048)}
    return names.state | extra, unit.flatten(1)
