"""HMR against its official forward pass, recomputed by plain calls, and its bodies against its own projection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.transform import Rotation

from lwgan_cli.body.hmr import Hmr, load_hmr, to_body
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.errors import WeightsError
from tests.tiny import tiny_body

State = dict[str, torch.Tensor]


def official_shapes(n_vertices: int) -> dict[str, tuple[int, ...]]:
    """The official checkpoint (networks/hmr.py and batch_smpl.py of svip-lab/impersonator), written out."""
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


@pytest.fixture(scope="module")
def state() -> State:
    return official_state(tiny_body())


@pytest.fixture(scope="module")
def hmr(state: State, tmp_path_factory: pytest.TempPathFactory) -> Hmr:
    path = tmp_path_factory.mktemp("hmr") / "hmr_tf2pt.pth"
    torch.save(state, path)
    return load_hmr(path)


def test_equals_the_official_forward_pass(hmr: Hmr, state: State) -> None:
    assert not hmr.training
    images = torch.rand(2, 3, 224, 224) * 2 - 1
    got, expected = hmr(images), official_forward(images, state)
    moved = expected - state["regressor.mean_theta"]
    assert expected.shape == (2, 85) and moved.std() > 0.05 and (expected[0] - expected[1]).abs().max() > 0.01
    assert (got - expected).abs().max() < 1e-4


def thetas(frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    theta = 0.4 * torch.randn((frames, 85), generator=generator)
    theta[:, 0] = 0.9 + 0.1 * torch.rand(frames, generator=generator)
    theta[:, 1:3] *= 0.3
    theta[:, 3] += np.pi
    return theta


def off_centre() -> BodyModel:
    """The tiny body as SMPL's file has its own: the pelvis away from the origin."""
    tiny = tiny_body()
    return replace(tiny, v_template=tiny.v_template + torch.tensor([0.01, -0.22, 0.03]), name="smpl-neutral")


def test_bodies_project_where_hmr_puts_them(state: State) -> None:
    """With SMPL itself: every vertex, by HMR's s·(X + t) with y down, and by our records with y up."""
    body = off_centre()
    hmr = Hmr()
    hmr.joints, hmr.joint_shapedirs = body.joint_template, body.joint_shapedirs
    for theta in thetas(3)[:, None]:
        theirs, _ = skin(body, theta[:, 3:75].view(1, 24, 3), theta[:, 75:])
        flat = theta[:, 0] * (theirs[..., :2] + theta[:, None, 1:3])
        poses, betas, camera = to_body(hmr, theta, body)
        ours, _ = skin(body, poses, betas)
        ndc = camera[:, None, :1] * ours[..., :2] + camera[:, None, 1:]
        assert torch.allclose(ndc, flat * torch.tensor([1.0, -1.0]), atol=1e-5)
        # nearer for one is nearer for the other: z away there, towards the viewer here
        depth, height = theirs[0, :, 2] - theirs[0, 0, 2], ours[0, :, 2] - ours[0, 0, 2]
        assert torch.allclose(depth, -height, atol=1e-5)


def test_upright_bodies_start_turned() -> None:
    """The mean body's root (π, 0, 0) is no rotation at all in our space."""
    body = off_centre()
    hmr = Hmr()
    hmr.joints, hmr.joint_shapedirs = body.joint_template, body.joint_shapedirs
    theta = torch.zeros(1, 85)
    theta[0, 0], theta[0, 3] = 0.9, np.pi
    poses, betas, camera = to_body(hmr, theta, body)
    assert poses.abs().max() < 1e-6 and betas.abs().max() == 0
    assert torch.allclose(camera, torch.tensor([[0.9, 0.0, 0.9 * 0.44]]), atol=0.02)
    turned = Rotation.from_euler("x", 180, degrees=True) * Rotation.from_euler("y", 30, degrees=True)
    theta[0, 3:6] = torch.from_numpy(turned.as_rotvec())
    assert torch.allclose(to_body(hmr, theta, body)[0][0, 0], torch.tensor([0.0, np.pi / 6, 0.0]), atol=1e-5)


def test_other_bodies_keep_their_shape(hmr: Hmr) -> None:
    """A body that isn't SMPL's takes no betas, stands with its pelvis in the same place and is as large."""
    body = replace(tiny_body(), v_template=1.3 * tiny_body().v_template, shapedirs=1.3 * tiny_body().shapedirs)
    theta = thetas(4)
    poses, betas, camera = to_body(hmr, theta, body)
    assert betas.abs().max() == 0
    _, joints = skin(body, poses, betas)
    pelvis = camera[:, :1] * joints[:, 0, :2] + camera[:, 1:]
    rest = hmr.joints + torch.einsum("jck,tk->tjc", hmr.joint_shapedirs, theta[:, 75:])
    expected = theta[:, :1] * (rest[:, 0, :2] + theta[:, 1:3]) * torch.tensor([1.0, -1.0])
    assert torch.allclose(pelvis, expected, atol=1e-5)

    def bones(joints: torch.Tensor) -> torch.Tensor:
        """(T,) all bones' lengths together."""
        lengths = [(joints[:, i] - joints[:, p]).norm(dim=1) for i, p in enumerate(body.parents) if p >= 0]
        return torch.stack(lengths).sum(0)

    assert torch.allclose(camera[:, 0] * bones(joints), theta[:, 0] * bones(rest), rtol=1e-4)


def test_another_layout_is_refused(state: State, tmp_path: Path) -> None:
    torch.save({name: value for name, value in state.items() if "smpl" not in name}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"its SMPL part is not HMR's"):
        load_hmr(tmp_path / "a.pth")
    torch.save({name: value for name, value in state.items() if "fc2" not in name}, tmp_path / "b.pth")
    with pytest.raises(WeightsError, match=r"regressor\.fc_blocks\.fc2\.bias is missing"):
        load_hmr(tmp_path / "b.pth")
