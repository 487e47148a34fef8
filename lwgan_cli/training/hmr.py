"""`lwgan train --task hmr`: the paper's body regressor, taught on synthetic people.

Losses are HMR's with 3D supervision (Kanazawa et al., CVPR 2018, section 3): joints in the picture and in space, the
rotations of the joints and the shape. There is no adversarial prior: every pose that is shown is a plausible one.
"""

from __future__ import annotations

import os
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, forward_kinematics
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.fitting.hmr import HMR_FILE, INPUT_SIZE, N_THETA, Hmr
from lwgan_cli.progress import Progress
from lwgan_cli.records import N_JOINTS
from lwgan_cli.training.checkpoint import FORMAT, KEEP, checkpoints
from lwgan_cli.training.config import TrainConfig
from lwgan_cli.training.hmr_data import Batch, Renderer
from lwgan_cli.training.loop import TrainReport, interruptible
from lwgan_cli.training.subject import whole_file

WEIGHTS = {"plane": 10.0, "joints": 10.0, "pose": 3.0, "betas": 0.05}
FIRST_SCALE = 0.9  # NDC per metre: about that of a standing person
FIRST_STEP = 0.01  # gain of the last layer at first: the mean body is where it starts
TESTED, TEST_SEED = 32, 1_000_000  # samples with people whom nobody trains on
SHOWN = 50  # steps whose losses are averaged for the report


@dataclass
class Learner:
    """The regressor on its way."""

    net: Hmr
    optimizer: torch.optim.Adam
    step: int = 0

    @classmethod
    def of(cls, model: BodyModel, lr: float) -> Learner:
        """Untrained, for a body; on the body's device."""
        net = Hmr()
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        last = net.regressor.fc_blocks.get_submodule("fc3")
        nn.init.xavier_uniform_(last.weight, gain=FIRST_STEP)  # type: ignore[arg-type]  # a Linear's
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        net.regressor.mean_theta.copy_(mean_theta())
        net.joints.copy_(model.joint_template)
        net.joint_shapedirs.copy_(model.joint_shapedirs)
        net.to(model.v_template.device)
        return cls(net, torch.optim.Adam(net.parameters(), lr))


def mean_theta() -> torch.Tensor:
    """(85,) a person who faces the viewer in T-pose, in HMR's space."""
    theta = torch.zeros(N_THETA)
    theta[0], theta[3] = FIRST_SCALE, torch.pi
    return theta


def joints_of(net: Hmr, theta: torch.Tensor, parents: tuple[int, ...]) -> torch.Tensor:
    """(B, 24, 3) m of theta (B, 85), HMR's space."""
    rest = net.joints + torch.einsum("jck,bk->bjc", net.joint_shapedirs, theta[:, 75:])
    _, joints = forward_kinematics(theta[:, 3:75].unflatten(1, (N_JOINTS, 3)), rest, parents)
    return joints


def losses(net: Hmr, theta: torch.Tensor, wanted: torch.Tensor, parents: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Loss → value, of theta (B, 85) against the truth.

    plane   joints in the picture, half its sides; joints  in space, m from the pelvis; pose  rotation matrices; betas
    """
    found, true = joints_of(net, theta, parents), joints_of(net, wanted, parents)

    def in_plane(joints: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
        return camera[:, None, :1] * (joints[..., :2] + camera[:, None, 1:])

    turns, true_turns = (axis_angle_to_matrix(each[:, 3:75].unflatten(1, (N_JOINTS, 3))) for each in (theta, wanted))
    return {
        "plane": (in_plane(found, theta[:, :3]) - in_plane(true, wanted[:, :3])).abs().mean(),
        "joints": ((found - found[:, :1]) - (true - true[:, :1])).abs().mean(),
        "pose": ((turns - true_turns) ** 2).mean(),
        "betas": ((theta[:, 75:] - wanted[:, 75:]) ** 2).mean(),
    }


def take_step(learner: Learner, batch: Batch, parents: tuple[int, ...]) -> dict[str, float]:
    """One step of Adam; returns the losses."""
    learner.net.train()
    parts = losses(learner.net, learner.net(batch.images), batch.theta, parents)
    total = torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum()
    learner.optimizer.zero_grad()
    total.backward()
    nn.utils.clip_grad_norm_(learner.net.parameters(), 5.0)
    learner.optimizer.step()
    learner.step += 1
    return {name: float(value.detach()) for name, value in parts.items()}


@torch.no_grad()
def score(net: Hmr, test: Batch, parents: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """How far joints are from the truth, of the regressor and of one that always says the mean body: mm from the
    pelvis, and px of the picture."""
    net.eval()
    said = {"hmr": net(test.images), "mean": net.regressor.mean_theta.expand(len(test.theta), -1)}
    scores = {}
    for name, theta in said.items():
        parts = losses(net, theta, test.theta, parents)
        apart = joints_of(net, theta, parents) - joints_of(net, test.theta, parents)
        scores[name] = dict(
            joints_mm=1000 * float((apart - apart[:, :1]).norm(dim=-1).mean()),
            plane_px=float(parts["plane"]) * INPUT_SIZE / 2,
        )
    return scores


def save(folder: Path, learner: Learner, about: dict[str, Any]) -> None:
    """hmr.safetensors, and the state that `--resume` goes on from; the last KEEP of them stay."""
    with whole_file(folder / HMR_FILE) as temporary:
        save_file({name: value.contiguous() for name, value in learner.net.state_dict().items()}, temporary)
    content = {
        "format": FORMAT, "about": about, "step": learner.step, "net": learner.net.state_dict(),
        "optimizer": learner.optimizer.state_dict(), "rng": torch.get_rng_state(),
    }  # fmt: skip
    with whole_file(folder / f"step-{learner.step:08d}.pt") as temporary:
        torch.save(content, temporary)
    for old in checkpoints(folder)[:-KEEP]:
        old.unlink()


def restore(path: Path, learner: Learner, about: dict[str, Any]) -> None:
    """Puts the learner where the checkpoint was. Raises InputError for a file that is none, or another run's."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if (content["format"], content["about"]) != (FORMAT, about):
            raise InputError(f"{path}: a run of {content['about']}, not of {about}; give the same options")
        learner.net.load_state_dict(content["net"])
        learner.optimizer.load_state_dict(content["optimizer"])
        learner.step = int(content["step"])
        torch.set_rng_state(content["rng"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"{path}: not a checkpoint of this run ({error}); remove it to go on from the last") from error


def train(config: TrainConfig, progress: Progress) -> TrainReport:
    """Train, and write hmr.safetensors into the output folder. `config.device` is one that this machine has.

    Raises UsageError for a folder that holds a run already and for options of the generator's, InputError where there
    is nothing to resume.
    """
    folder = config.output
    if folder is None:
        raise UsageError("no output named: give --output")
    if config.personalize or config.start_from or config.data.kind != "synthetic":
        raise UsageError("--task hmr learns from rendered people: leave --data, --personalize and --start-from out")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("--task hmr trains in one process: start it without torchrun")
    held = checkpoints(folder)
    if held and not config.resume:
        raise UsageError(f"--output {folder} holds a run: --resume goes on with it, or name another folder")
    if config.resume and not held:
        raise InputError(f"--resume: {folder} holds no checkpoint; leave it out to begin")
    model = load_body(config.body, config.weights).to(config.device)
    torch.manual_seed(config.seed)
    about = dict(task="hmr", body=model.identity, seed=config.seed, people=list(config.people))
    report: dict[str, Any] = dict(
        output=folder / HMR_FILE, device=config.device, architecture="hmr", warnings=progress.warnings
    )
    people = config.people[1] - config.people[0]
    learner = Learner.of(model, config.lr)
    if held:
        restore(held[-1], learner, about)
    if config.dry_run:
        return TrainReport(
            **report, steps=learner.step, steps_now=0, seconds=0.0, people=people, loss={}, scores={}, dry_run=True
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    renderer, parents = Renderer(model, config.people), model.parents
    began = saved = time.monotonic()
    first, recent = learner.step, list[dict[str, float]]()
    with interruptible() as interrupted, progress.stage("train", max(config.steps - first, 0)) as done:
        while learner.step < config.steps:
            batch = renderer.batch(config.batch, (config.seed, learner.step))
            recent = [*recent[1 - SHOWN :], take_step(learner, batch, parents)]
            done(1)
            now = time.monotonic()
            late = config.time_limit is not None and now - began > config.time_limit
            if interrupted() or late or now - saved > config.save_every:
                save(folder, learner, about)
                saved = now
            if interrupted():
                raise KeyboardInterrupt
            if late:
                break
    save(folder, learner, about)
    unseen = Renderer(model, (config.people[1], config.people[1] + max(people // 4, 1)))
    scores = score(learner.net, unseen.batch(TESTED, (TEST_SEED, config.seed)), parents)
    means = {name: sum(each[name] for each in recent) / len(recent) for name in WEIGHTS} if recent else {}
    return TrainReport(
        **report, steps=learner.step, steps_now=learner.step - first, seconds=time.monotonic() - began, people=people,
        loss=means, scores=scores,
    )  # fmt: skip
