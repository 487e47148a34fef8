from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.generator.architectures import all_sizes
from lwgan_cli.generator.checkpoints import load_generator
from lwgan_cli.progress import Silent
from lwgan_cli.training.checkpoint import KEEP, checkpoints
from lwgan_cli.training.config import TrainConfig
from lwgan_cli.training.loop import GENERATOR, METRICS, TrainReport, train
from tests.training.people import fill, write_body


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A body file and a bank."""
    folder = tmp_path_factory.mktemp("ready")
    fill(folder / "bank")
    return write_body(folder / "tiny.npz"), folder / "bank"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


def hurried(patch: pytest.MonkeyPatch) -> None:
    """What a run does every so often, it does at once."""
    patch.setattr("lwgan_cli.training.loop.TOLD_EVERY", 1)
    patch.setattr("lwgan_cli.training.loop.TESTED", 1)
    patch.setattr("lwgan_cli.training.step.ALONE", 2)


@pytest.fixture
def config(ready: tuple[Path, Path], tmp_path: Path) -> TrainConfig:
    return configured(ready, tmp_path / "run")


def configured(ready: tuple[Path, Path], output: Path) -> TrainConfig:
    body, bank = ready
    return TrainConfig(
        output=output, bank=bank, body=str(body), people=(0, 3), workers=0, device="cpu", batch=2, crop=48,
        steps=4, sizes=dict(width=8, n_blocks=1, background_width=8), sheet_every=100, seed=3,
    )  # fmt: skip


def run(config: TrainConfig, **changed: Any) -> TrainReport:
    return train(replace(config, **changed), Silent())


@pytest.fixture(scope="module")
def whole(ready: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainReport]:
    """A run that nothing happens to: its folder and its report."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        hurried(patch)
        return folder, run(configured(ready, folder))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_generator(folder / GENERATOR)[0].state_dict()


def lines(folder: Path) -> list[dict[str, Any]]:
    """Metrics without what a clock says."""
    rows = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("time", "seconds")} for row in rows]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_two_runs_of_a_seed_are_one(config: TrainConfig, whole: tuple[Path, TrainReport], tmp_path: Path) -> None:
    (a, report), b, c = whole, tmp_path / "b", tmp_path / "c"
    run(config, output=b)
    run(config, output=c, seed=4)
    assert same(weights(a), weights(b)) and lines(a) == lines(b)
    assert not same(weights(a), weights(c))
    assert report.steps == report.steps_now == 4 and report.people == 3
    assert report.scores.keys() == {"generator", "none"}
    assert json.loads(report.to_json())["architecture"] == "default"


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    config: TrainConfig, whole: tuple[Path, TrainReport], tmp_path: Path
) -> None:
    never, parts = whole[0], tmp_path / "parts"
    run(config, output=parts, steps=2)
    report = run(config, output=parts, resume=True)
    assert report.steps == 4 and report.steps_now == 2
    assert same(weights(never), weights(parts))
    assert lines(never) == lines(parts)
    one, other = (torch.load(checkpoints(f / "checkpoints")[-1], weights_only=True) for f in (never, parts))
    assert same(one["critic"], other["critic"])
    for name in ("generator", "critic"):
        moments = [each["optimizers"][name]["state"] for each in (one, other)]
        assert all(torch.equal(moments[0][k]["exp_avg_sq"], moments[1][k]["exp_avg_sq"]) for k in moments[0])


@pytest.mark.slow
def test_a_worker_draws_the_same_batches(config: TrainConfig, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    run(config, output=here, steps=2)
    run(config, output=there, steps=2, workers=1)
    assert lines(here) == lines(there)


def test_the_last_two_checkpoints_stay(config: TrainConfig) -> None:
    assert config.output is not None
    run(config, save_every=1e-9)
    kept = checkpoints(config.output / "checkpoints")
    assert [path.name for path in kept] == ["step-00000003.pt", "step-00000004.pt"] and len(kept) == KEEP
    assert not list(config.output.rglob(".*"))


def test_the_weights_are_the_averaged_ones_and_say_how_they_came(
    config: TrainConfig, whole: tuple[Path, TrainReport]
) -> None:
    network, about = load_generator(whole[0] / GENERATOR)
    assert about.architecture == "default" and about.sizes == all_sizes("default", **config.sizes)
    assert about.training["steps"] == 4 and about.training["losses"] == config.losses
    content = torch.load(checkpoints(whole[0] / "checkpoints")[-1], weights_only=True)
    for name, value in network.state_dict().items():
        assert torch.allclose(value, content["averaged"][name], rtol=1e-3, atol=1e-4), name


@pytest.mark.slow
def test_training_can_begin_with_a_generator(config: TrainConfig, tmp_path: Path) -> None:
    run(config, output=tmp_path / "first")
    began = tmp_path / "first" / GENERATOR
    run(config, output=tmp_path / "second", start_from=began, sizes={}, steps=1, lr=1e-12)
    before, after = weights(tmp_path / "first"), weights(tmp_path / "second")
    assert all(torch.allclose(before[name], after[name], atol=1e-3) for name in before)


def test_a_contact_sheet_and_scores_come_every_so_often(config: TrainConfig) -> None:
    assert config.output is not None
    run(config, sheet_every=2, steps=3)
    sheets = list((config.output / "sheets").iterdir())
    assert [path.name for path in sheets] == ["step-00000002.png"]
    picture = cv2.imread(str(sheets[0]))
    assert picture.shape[0] % 384 == 0 and np.ptp(picture) > 100
    tested = [row["test"] for row in lines(config.output) if "test" in row]
    assert len(tested) == 1 and {"person_psnr", "iou", "sharp"} <= tested[0].keys()


def test_time_runs_out(config: TrainConfig) -> None:
    assert run(config, steps=10**6, time_limit=1e-3).steps == 1


def test_a_dry_run_writes_nothing(config: TrainConfig) -> None:
    assert config.output is not None
    report = run(config, dry_run=True)
    assert report.dry_run and report.people == 3 and not config.output.exists()


def test_what_is_in_the_way_is_said(config: TrainConfig) -> None:
    assert config.output is not None
    with pytest.raises(InputError, match="holds no checkpoint"):
        run(config, resume=True)
    run(config, steps=1)
    with pytest.raises(UsageError, match="--resume goes on, --overwrite starts anew"):
        run(config)
    with pytest.raises(InputError, match="give the same options"):
        run(config, resume=True, architecture="default-texture")
    assert run(config, overwrite=True, steps=1).steps_now == 1
    checkpoints(config.output / "checkpoints")[-1].write_bytes(b"PK broken")
    with pytest.raises(InputError, match="not a checkpoint"):
        run(config, resume=True)
