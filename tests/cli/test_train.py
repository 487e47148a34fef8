from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lwgan_cli.cli.main import run
from lwgan_cli.generator.architectures import build
from lwgan_cli.generator.checkpoints import About, load_generator, save_generator
from lwgan_cli.training.bank import Bank, named
from lwgan_cli.training.loop import TESTED
from lwgan_cli.training.step import WARM_UP
from lwgan_cli.training.validate import scored_seeds
from tests.training.people import fill, subject, write_body

SIZES = dict(width=8, n_blocks=1, background_width=8)


def test_a_run_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lwgan_cli.training.loop.TESTED", 1)
    fill(tmp_path / "bank", 2)
    began = tmp_path / "began.safetensors"
    save_generator(began, build("default", **SIZES).state_dict(), About("default", SIZES))
    arguments = [
        "train", "-o", str(tmp_path / "run"), "--bank", str(tmp_path / "bank"), "--people", "2", "--batch", "2",
        "--crop", "48", "--body", str(write_body(tmp_path / "tiny.npz")), "--workers", "0", "--device", "cpu",
        "--start-from", str(began), "--loss", "adversarial=0", "--loss", "matching=0", "--json",
    ]  # fmt: skip
    assert run([*arguments, "--steps", "1"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["steps"] == 1 and report["people"] == 2 and report["scores"].keys() == {"generator", "none"}
    assert "train: 1" in printed.err
    assert run([*arguments, "--steps", "2", "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["steps_now"] == 1
    _network, about = load_generator(tmp_path / "run" / "generator.safetensors")
    assert about.sizes == SIZES and about.training["losses"].keys().isdisjoint({"adversarial", "matching"})
    assert run(arguments) == 2  # a run lies there
    assert "--resume goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--data", "films"], 2, "--data 'films'"),
        (["--recipe", "paper"], 2, "--vgg FILE"),
        (["--recipe", "paper", "--vgg", "none.pth", "--loss", "face=0"], 4, "none.pth"),
        (["--people", "few"], 2, "--people 'few'"),
        (["--loss", "l1"], 2, "--loss 'l1'"),
        (["--architecture", "unknown"], 2, "unknown"),
        (["--start-from", "none.safetensors"], 4, "none.safetensors"),
        (["--resume"], 3, "holds no checkpoint"),
        (["--device", "cuda:99"], 2, "--device cuda:99"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run(["train", "-o", str(tmp_path / "run"), *arguments]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and message in lines[0]
    assert not (tmp_path / "run").exists()


def test_an_interrupt_waits_for_the_step_and_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lwgan_cli.training.loop.TESTED", 1)
    fill(tmp_path / "bank", 2)
    began = tmp_path / "began.safetensors"
    save_generator(began, build("default", **SIZES).state_dict(), About("default", SIZES))
    arguments = [
        "train", "--bank", str(tmp_path / "bank"), "--people", "2", "--batch", "2", "--crop", "48", "--steps", "2",
        "--body", str(write_body(tmp_path / "tiny.npz")), "--workers", "0", "--device", "cpu",
        "--start-from", str(began), "--quiet",
    ]  # fmt: skip
    parts, whole = str(tmp_path / "parts"), str(tmp_path / "whole")

    with monkeypatch.context() as patch:
        patch.setattr("lwgan_cli.training.step.WARM_UP", Interrupting())  # read in the middle of a step
        assert run([*arguments, "-o", parts]) == 130
    assert capsys.readouterr().err == "lwgan: interrupted; what was learnt is kept, and --resume goes on\n"
    assert run([*arguments, "-o", parts, "--resume"]) == 0 and run([*arguments, "-o", whole]) == 0
    one, other = (load_generator(Path(each) / "generator.safetensors")[0].state_dict() for each in (parts, whole))
    assert all(torch.equal(one[name], other[name]) for name in one)


class Interrupting(int):
    """The usual number of steps; whoever divides by it first is interrupted."""

    came = False

    def __new__(cls) -> Interrupting:
        return super().__new__(cls, WARM_UP)

    def __rtruediv__(self, other: float) -> float:
        if not self.came:
            self.came = True
            os.kill(os.getpid(), signal.SIGINT)
        return other / int(self)


def test_a_dry_run_says_what_would_be_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "-o", str(tmp_path / "run"), "--dry-run", "--device", "cpu"]) == 0
    assert "would write" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_processes_train_together(tmp_path: Path) -> None:
    fill(tmp_path / "bank", 3)
    for seed in scored_seeds(TESTED):
        subject(5).save(Bank(tmp_path / "bank").path(named(seed)))
    began = tmp_path / "began.safetensors"
    save_generator(began, build("default", **SIZES).state_dict(), About("default", SIZES))
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "lwgan_cli"),
        *("train", "-o", str(tmp_path / "run"), "--bank", str(tmp_path / "bank"), "--people", "3", "--batch", "2"),
        *("--crop", "48", "--body", str(write_body(tmp_path / "tiny.npz")), "--workers", "0", "--device", "cpu"),
        *("--start-from", str(began), "--steps", "2", "--json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.strip().splitlines()  # one of the two speaks
    report = json.loads(line)
    assert report["steps"] == 2 and report["scores"].keys() == {"generator", "none"}
    load_generator(tmp_path / "run" / "generator.safetensors")
