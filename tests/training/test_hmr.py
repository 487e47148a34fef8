"""HMR on rendered people: what it is taught is what the fit reads, and a run goes on exactly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import forward_kinematics, joints_rest
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.cli.main import run
from lwgan_cli.fitting.hmr import HMR_FILE, INPUT_SIZE, Hmr, find_hmr, to_body
from lwgan_cli.training.hmr import Learner, joints_of, losses, mean_theta, score, take_step
from lwgan_cli.training.hmr_data import Batch, Renderer, to_theta
from tests.tiny import tiny_body
from tests.training.people import write_body


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Renderer(tiny_body(), (0, 2)).batch(2, (3, 0))


def untrained() -> Hmr:
    torch.manual_seed(0)
    return Learner.of(tiny_body(), 1e-3).net


def test_theta_is_the_way_back_of_what_the_fit_reads() -> None:
    model = tiny_body()
    rng = np.random.default_rng(0)
    poses = torch.from_numpy(rng.normal(0, 0.4, (2, 24, 3)).astype(np.float32))
    betas, camera = torch.zeros(2, 10), torch.tensor([[0.9, 0.1, -0.2], [0.5, 0.0, 0.3]])
    found, _, seen = to_body(untrained(), to_theta(model, poses, betas, camera), model)
    assert torch.allclose(axis_angle_to_matrix(found), axis_angle_to_matrix(poses), atol=1e-4)
    assert torch.allclose(seen, camera, atol=1e-4)


def test_joints_in_the_picture_lie_where_the_records_camera_has_them() -> None:
    """HMR's projection has y down, the records' has it up."""
    model = tiny_body()
    rng = np.random.default_rng(1)
    poses, betas = (torch.from_numpy(rng.normal(0, 0.4, shape).astype(np.float32)) for shape in ((2, 24, 3), (2, 10)))
    camera = torch.tensor([[0.9, 0.1, -0.2], [0.5, 0.0, 0.3]])
    _, joints = forward_kinematics(poses, joints_rest(model, betas), model.parents)
    flat = camera[:, None, :1] * joints[..., :2] + camera[:, None, 1:]
    theta = to_theta(model, poses, betas, camera)
    theirs = theta[:, None, :1] * (joints_of(untrained(), theta, model.parents)[..., :2] + theta[:, None, 1:3])
    assert torch.allclose(theirs, flat * torch.tensor([1.0, -1.0]), atol=1e-4)


def test_pictures_show_somebody(batch: Batch) -> None:
    assert batch.images.shape == (2, 3, INPUT_SIZE, INPUT_SIZE)
    assert batch.images.min() >= -1 and batch.images.max() <= 1 and batch.images.std() > 0.1
    spread = batch.theta[:, 0] * 1.7 / 2  # of a standing person, in halves of the picture
    assert ((spread > 0.4) & (spread < 1.3)).all()


def test_the_truth_costs_nothing_and_a_turned_joint_does(batch: Batch) -> None:
    net, parents = untrained(), tiny_body().parents
    assert all(float(value) < 1e-6 for value in losses(net, batch.theta, batch.theta, parents).values())
    bent = batch.theta.clone()
    bent[:, 3 + 3 * 18 + 1] += 0.5  # an elbow
    parts = losses(net, bent, batch.theta, parents)
    assert parts["pose"] > 0 and parts["joints"] > 0 and parts["plane"] > 0 and parts["betas"] == 0


def test_samples_are_the_same_for_a_seed(batch: Batch) -> None:
    again = Renderer(tiny_body(), (0, 2)).batch(2, (3, 0))
    other = Renderer(tiny_body(), (0, 2)).batch(2, (3, 1))
    assert torch.equal(again.images, batch.images) and torch.equal(again.theta, batch.theta)
    assert not torch.equal(other.theta, batch.theta)


@pytest.mark.slow
def test_steps_learn_what_is_shown(batch: Batch) -> None:
    torch.manual_seed(0)
    model = tiny_body()
    learner = Learner.of(model, 3e-4)
    first = losses(learner.net, mean_theta().expand(2, -1), batch.theta, model.parents)
    for _ in range(6):
        parts = take_step(learner, batch, model.parents)
    assert parts["plane"] < 0.9 * float(first["plane"]) and parts["pose"] < 0.9 * float(first["pose"])
    scores = score(learner.net, batch, model.parents)
    assert scores.keys() == {"hmr", "mean"} and scores["mean"]["joints_mm"] > 0


@pytest.mark.slow
def test_a_run_from_the_command_line_goes_on_exactly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lwgan_cli.training.hmr.TESTED", 1)
    options = ["--task", "hmr", "--batch", "2", "--people", "2", "--device", "cpu", "--json",
               "--body", str(write_body(tmp_path / "tiny.npz"))]  # fmt: skip

    def trained(folder: str, steps: int, *more: str) -> dict[str, torch.Tensor]:
        assert run(["train", "-o", str(tmp_path / folder), *options, "--steps", str(steps), *more]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["steps"] == steps and Path(report["output"]).name == HMR_FILE
        return find_hmr(tmp_path / folder).state_dict()

    trained("halves", 1)
    in_halves, at_once = trained("halves", 2, "--resume"), trained("whole", 2)
    assert all(torch.equal(in_halves[name], value) for name, value in at_once.items())
    assert run(["train", "-o", str(tmp_path / "whole"), *options, "--steps", "3"]) == 2  # a run lies there
    assert run(["train", "-o", str(tmp_path / "new"), *options, "--resume"]) == 3
    assert run(["train", "-o", str(tmp_path / "new"), *options, "--task", "head"]) == 2
