"""Names and shapes of torchvision's vgg19 and of the official sphere20a, written out."""

from __future__ import annotations

import torch

State = dict[str, torch.Tensor]

# torchvision's vgg19: the convolutions' numbers in `features`, their channels in and out.
VGG = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
    16: (256, 256), 19: (256, 512), 21: (512, 512), 23: (512, 512), 25: (512, 512), 28: (512, 512),
    30: (512, 512), 32: (512, 512), 34: (512, 512),
}  # fmt: skip
# sphere20a: name, channels in and out, stride
SPHERE = [
    ("1_1", 3, 64, 2), ("1_2", 64, 64, 1), ("1_3", 64, 64, 1),
    ("2_1", 64, 128, 2), ("2_2", 128, 128, 1), ("2_3", 128, 128, 1), ("2_4", 128, 128, 1), ("2_5", 128, 128, 1),
    ("3_1", 128, 256, 2), ("3_2", 256, 256, 1), ("3_3", 256, 256, 1), ("3_4", 256, 256, 1), ("3_5", 256, 256, 1),
    ("3_6", 256, 256, 1), ("3_7", 256, 256, 1), ("3_8", 256, 256, 1), ("3_9", 256, 256, 1),
    ("4_1", 256, 512, 2), ("4_2", 512, 512, 1), ("4_3", 512, 512, 1),
]  # fmt: skip


def vgg_state() -> State:
    torch.manual_seed(0)
    state = {"classifier.0.weight": torch.zeros(8, 8), "classifier.0.bias": torch.zeros(8)}
    for i, (dim_in, dim_out) in VGG.items():
        state[f"features.{i}.weight"] = torch.randn(dim_out, dim_in, 3, 3) * (2 / (9 * dim_in)) ** 0.5
        state[f"features.{i}.bias"] = 0.1 * torch.randn(dim_out)
    return state


def sphere_state() -> State:
    torch.manual_seed(0)
    state = {}
    for name, dim_in, dim_out, _ in SPHERE:
        state[f"conv{name}.weight"] = torch.randn(dim_out, dim_in, 3, 3) * (1 / (9 * dim_in)) ** 0.5
        state[f"conv{name}.bias"] = 0.1 * torch.randn(dim_out)
        state[f"relu{name}.weight"] = 0.25 + 0.1 * torch.randn(dim_out)
    state["fc5.weight"] = torch.randn(512, 512 * 7 * 6) / (512 * 7 * 6) ** 0.5
    state["fc5.bias"] = torch.randn(512)
    return state | {"fc6.weight": torch.zeros(512, 10)}
