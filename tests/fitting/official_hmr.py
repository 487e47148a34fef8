"""The official HMR written out: names and shapes of its parameters, and its forward pass by plain calls.

After networks/hmr.py and networks/batch_smpl.py of github.com/svip-lab/impersonator. Nothing here uses our network.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from lwgan_cli.body.model import BodyModel

State = dict[str, torch.Tensor]


def official_shapes(n_vertices: int) -> dict[str, tuple[int, ...]]:
    """Every entry of the official checkpoint; n_vertices is 6890 there."""
    out: dict[str, tuple[int, ...]] = {"resnet.conv1.weight": (64, 3, 7, 7), "resnet.conv1.bias": (64,)}

    def norm(name: str, dim: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            out[f"{name}.{part}"] = (dim,)

    dim = 64
    for layer, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 1):
        for i in range(blocks):
            name = f"resnet.layer{layer}.{i}"
            norm(f"{name}.bn1", dim)
            out[f"{name}.conv1.weight"] = (width, dim, 1, 1)
            norm(f"{name}.bn2", width)
            out[f"{name}.conv2.weight"] = (width, width, 3, 3)
            norm(f"{name}.bn3", width)
            out[f"{name}.conv3.weight"], out[f"{name}.conv3.bias"] = (4 * width, width, 1, 1), (4 * width,)
            if i == 0:
                out[f"{name}.shortcut.0.weight"], out[f"{name}.shortcut.0.bias"] = (4 * width, dim, 1, 1), (4 * width,)
            dim = 4 * width
    norm("resnet.post_bn", 2048)
    out["regressor.mean_theta"] = (85,)
    for name, fan_in, fan_out in (("fc1", 2048 + 85, 1024), ("fc2", 1024, 1024), ("fc3", 1024, 85)):
        out[f"regressor.fc_blocks.{name}.weight"] = (fan_out, fan_in)
        out[f"regressor.fc_blocks.{name}.bias"] = (fan_out,)
    return out | {
        "smpl.v_template": (n_vertices, 3),
        "smpl.shapedirs": (10, 3 * n_vertices),
        "smpl.J_regressor": (n_vertices, 24),
        "smpl.posedirs": (207, 3 * n_vertices),
        "smpl.weights": (n_vertices, 24),
        "smpl.joint_regressor": (n_vertices, 19),
    }


def official_state(body: BodyModel) -> State:
    """Random networks; SMPL's part is the given body's."""
    torch.manual_seed(0)
    state = {}
    for name, shape in official_shapes(body.n_vertices).items():
        if name.endswith(("running_var", "bn1.weight", "bn2.weight", "bn3.weight", "post_bn.weight")):
            state[name] = 0.5 + torch.rand(shape)
        elif len(shape) == 1:
            state[name] = 0.1 * torch.randn(shape)
        else:
            state[name] = torch.randn(shape) * (1 / np.prod(shape[1:])) ** 0.5
    for name in [name for name in state if name.startswith("regressor.fc_blocks.fc3")]:
        state[name] *= 0.3
    state["smpl.v_template"] = body.v_template
    state["smpl.shapedirs"] = body.shapedirs.flatten(0, 1).T.contiguous()
    state["smpl.J_regressor"] = body.J_regressor.T.contiguous()
    return state


def official_forward(images: torch.Tensor, state: State) -> torch.Tensor:
    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.relu(F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-5))

    def conv(x: torch.Tensor, name: str, stride: int = 1, padding: int = 0) -> torch.Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), stride, padding)

    x = F.max_pool2d(conv(images, "resnet.conv1", 2, 3), kernel_size=3, stride=2, ceil_mode=True)
    for layer, (blocks, last_stride) in enumerate([(3, 2), (4, 2), (6, 2), (3, 1)], 1):
        for i in range(blocks):
            name = f"resnet.layer{layer}.{i}"
            stride = last_stride if i == blocks - 1 else 1
            before = norm(x, f"{name}.bn1")
            around = conv(before, f"{name}.shortcut.0") if i == 0 else F.max_pool2d(x, [1, 1], stride=stride)
            y = norm(conv(before, f"{name}.conv1"), f"{name}.bn2")
            y = norm(conv(y, f"{name}.conv2", stride, 1), f"{name}.bn3")
            x = conv(y, f"{name}.conv3") + around
    features = F.avg_pool2d(norm(x, "resnet.post_bn"), 7).view(len(images), -1)
    theta = state["regressor.mean_theta"].repeat(len(images), 1)
    for _ in range(3):
        y = torch.cat([features, theta], dim=1)
        for name in ("fc1", "fc2", "fc3"):
            y = F.linear(
                y, state[f"regressor.fc_blocks.{name}.weight"], state[f"regressor.fc_blocks.{name}.bias"]
            )  # fmt: skip
            y = y if name == "fc3" else F.relu(y)
        theta = theta + y
    return theta
