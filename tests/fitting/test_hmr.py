"""HMR against its official forward pass, recomputed by plain calls, and its bodies against its own projection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.errors import WeightsError
from lwgan_cli.fitting.hmr import Hmr, first_rotations, load_hmr, to_body
from tests.fitting.official_hmr import State, official_forward, official_state
from tests.tiny import tiny_body


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


def test_rotations_for_the_fit_come_from_the_pictures(hmr: Hmr) -> None:
    """Pictures of any size, in batches: what the network says of each, upright in our space."""
    body = tiny_body()
    rng = np.random.default_rng(0)
    pictures = [np.full((256, 256, 3), level, np.uint8) for level in (0, 90, 255)]
    pictures[1][60:200, 90:140] = rng.integers(0, 255, (140, 50, 3), np.uint8)
    found = first_rotations(hmr, body, pictures, batch=2)
    assert found.shape == (3, 24, 3, 3)
    black = hmr(torch.full((1, 3, 224, 224), -1.0))[:, 3:75].view(24, 3).numpy()
    expected = Rotation.from_rotvec(black).as_matrix()
    expected[0] = np.diag([1.0, -1.0, -1.0]) @ expected[0]
    assert np.allclose(found[0], expected, atol=1e-4)
    assert (found[1] - found[0]).abs().max() > 1e-3 and (found[2] - found[0]).abs().max() > 1e-3


def test_another_layout_is_refused(state: State, tmp_path: Path) -> None:
    torch.save({name: value for name, value in state.items() if "smpl" not in name}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"its SMPL part is not HMR's"):
        load_hmr(tmp_path / "a.pth")
    torch.save({name: value for name, value in state.items() if "fc2" not in name}, tmp_path / "b.pth")
    with pytest.raises(WeightsError, match=r"regressor\.fc_blocks\.fc2\.bias is missing"):
        load_hmr(tmp_path / "b.pth")
