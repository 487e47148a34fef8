"""The official generator written out: names and shapes of its parameters, and its forward pass by plain calls.

After networks/generator.py of github.com/svip-lab/impersonator. Nothing here uses our networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

State = dict[str, torch.Tensor]


def shapes(width: int = 64, n_blocks: int = 6) -> dict[str, tuple[int, ...]]:
    """Every entry of the official state dictionary, with bg_dim 4, src_dim 6, tsf_dim 6."""
    w = (width, 2 * width, 4 * width, 8 * width)
    out: dict[str, tuple[int, ...]] = {}

    def norm(name: str, dim: int) -> None:
        out[f"{name}.weight"] = out[f"{name}.bias"] = (dim,)

    def resnet(name: str) -> None:
        out[f"{name}.main.0.weight"] = (w[3], w[3], 3, 3)
        norm(f"{name}.main.1", w[3])
        out[f"{name}.main.3.weight"] = (w[3], w[3], 3, 3)
        norm(f"{name}.main.4", w[3])

    # bg_model: one flat sequence of convolution, norm, ReLU
    flat = "bg_model.model"
    for i, shape in enumerate([(w[0], 4, 7, 7), (w[1], w[0], 3, 3), (w[2], w[1], 3, 3), (w[3], w[2], 3, 3)]):
        out[f"{flat}.{3 * i}.weight"] = shape
        norm(f"{flat}.{3 * i + 1}", shape[0])
    for i in range(n_blocks):
        resnet(f"{flat}.{12 + i}")
    for i, shape in enumerate([(w[3], w[2], 3, 3), (w[2], w[1], 3, 3), (w[1], w[0], 3, 3)]):
        out[f"{flat}.{12 + n_blocks + 3 * i}.weight"] = shape
        norm(f"{flat}.{13 + n_blocks + 3 * i}", shape[1])
    out[f"{flat}.{21 + n_blocks}.weight"] = (3, w[0], 7, 7)

    for stream in ("src_model", "tsf_model"):
        for i, shape in enumerate([(w[0], 6, 7, 7), (w[1], w[0], 3, 3), (w[2], w[1], 3, 3), (w[3], w[2], 3, 3)]):
            out[f"{stream}.encoders.{i}.0.weight"] = shape
            norm(f"{stream}.encoders.{i}.1", shape[0])
        for i in range(n_blocks):
            resnet(f"{stream}.resnets.{i}")
        for i, (coarse, fine) in enumerate([(w[3], w[2]), (w[2], w[1]), (w[1], w[0])]):
            out[f"{stream}.decoders.{i}.0.weight"] = (coarse, fine, 3, 3)
            norm(f"{stream}.decoders.{i}.1", fine)
            out[f"{stream}.skippers.{i}.0.weight"] = (fine, coarse, 3, 3)
            norm(f"{stream}.skippers.{i}.1", fine)
        out[f"{stream}.img_reg.0.weight"] = (3, w[0], 7, 7)
        out[f"{stream}.attetion_reg.0.weight"] = (1, w[0], 7, 7)
    return out


def random_state(sizes: dict[str, tuple[int, ...]], seed: int = 0) -> State:
    """Random tensors that keep a deep network's activations in a range where differences show."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in sizes.items():
        values = torch.randn(shape, generator=generator)
        if len(shape) == 1:
            state[name] = 0.2 * values + name.endswith("weight")
        else:
            state[name] = values * (1 / torch.tensor(shape[1:]).prod()) ** 0.5
    return state


def block(x: torch.Tensor, state: State, conv: str, norm: str, stride: int = 1, padding: int = 1) -> torch.Tensor:
    x = F.conv2d(x, state[f"{conv}.weight"], stride=stride, padding=padding)
    return F.instance_norm(x, weight=state[f"{norm}.weight"], bias=state[f"{norm}.bias"])


def up(x: torch.Tensor, state: State, conv: str, norm: str) -> torch.Tensor:
    x = F.conv_transpose2d(x, state[f"{conv}.weight"], stride=2, padding=1, output_padding=1)
    return F.relu(F.instance_norm(x, weight=state[f"{norm}.weight"], bias=state[f"{norm}.bias"]))


def residual(x: torch.Tensor, state: State, name: str) -> torch.Tensor:
    inner = F.relu(block(x, state, f"{name}.main.0", f"{name}.main.1"))
    return x + block(inner, state, f"{name}.main.3", f"{name}.main.4")


def background(x: torch.Tensor, state: State, n_blocks: int) -> torch.Tensor:
    name = "bg_model.model"
    x = F.relu(block(x, state, f"{name}.0", f"{name}.1", padding=3))
    for i in (3, 6, 9):
        x = F.relu(block(x, state, f"{name}.{i}", f"{name}.{i + 1}", stride=2))
    for i in range(n_blocks):
        x = residual(x, state, f"{name}.{12 + i}")
    for i in (0, 3, 6):
        x = up(x, state, f"{name}.{12 + n_blocks + i}", f"{name}.{13 + n_blocks + i}")
    return torch.tanh(F.conv2d(x, state[f"{name}.{21 + n_blocks}.weight"], padding=3))


def encoder(x: torch.Tensor, state: State, stream: str, level: int) -> torch.Tensor:
    name = f"{stream}.encoders.{level}"
    return F.relu(
        block(x, state, f"{name}.0", f"{name}.1", stride=2 if level else 1, padding=1 if level else 3)
    )  # fmt: skip


def decode(x: torch.Tensor, levels: Sequence[torch.Tensor], state: State, stream: str) -> tuple[torch.Tensor, ...]:
    for i in range(3):
        x = up(x, state, f"{stream}.decoders.{i}.0", f"{stream}.decoders.{i}.1")
        x = torch.cat([levels[2 - i], x], dim=1)
        x = F.relu(block(x, state, f"{stream}.skippers.{i}.0", f"{stream}.skippers.{i}.1"))
    colour = torch.tanh(F.conv2d(x, state[f"{stream}.img_reg.0.weight"], padding=3))
    mask = torch.sigmoid(F.conv2d(x, state[f"{stream}.attetion_reg.0.weight"], padding=3))
    return colour, mask


def transform(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """T at the features' size, and the features read there: torch 1.2's grid_sample aligned corners."""
    t = F.interpolate(t.permute(0, 3, 1, 2), size=x.shape[2:], mode="bilinear", align_corners=True)
    return F.grid_sample(x, t.permute(0, 2, 3, 1), mode="bilinear", padding_mode="zeros", align_corners=True)


def front(
    state: State, sources: Sequence[torch.Tensor], target: torch.Tensor, flows: Sequence[torch.Tensor], n_blocks: int
) -> tuple[torch.Tensor, ...]:
    """`infer_front` with one source, `swap` with two: the first source's and the target's colour and mask."""
    src = [encoder(x, state, "src_model", 0) for x in sources]
    tsf = encoder(target, state, "tsf_model", 0)
    first, levels = [src[0]], [tsf]
    for i in (1, 2, 3):
        src = [encoder(x, state, "src_model", i) for x in src]
        tsf = encoder(tsf, state, "tsf_model", i)
        for x, t in zip(src, flows, strict=True):
            tsf = tsf + transform(x, t)
        first.append(src[0])
        levels.append(tsf)
    for i in range(n_blocks):
        src = [residual(x, state, f"src_model.resnets.{i}") for x in src]
        tsf = residual(tsf, state, f"tsf_model.resnets.{i}")
        for x, t in zip(src, flows, strict=True):
            tsf = tsf + transform(x, t)
    return *decode(src[0], first, state, "src_model"), *decode(tsf, levels, state, "tsf_model")
