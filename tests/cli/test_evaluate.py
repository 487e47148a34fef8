"""`lwgan evaluate` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lwgan_cli.cli.main import run
from lwgan_cli.evaluation import run as module
from lwgan_cli.evaluation.config import EvaluateConfig
from lwgan_cli.evaluation.results import Results
from lwgan_cli.evaluation.run import Evaluation, Shown
from lwgan_cli.progress import Progress
from tests.evaluation.test_results import results


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[EvaluateConfig]:
    """The configs that the measuring, which finds the same each time, was called with."""
    monkeypatch.chdir(tmp_path)
    configs: list[EvaluateConfig] = []

    def evaluate(config: EvaluateConfig, progress: Progress) -> Evaluation:
        configs.append(config)
        pictures = [b"a", b"b", b"c"]
        return Evaluation(results(), [Shown("a", b"p", pictures, {"none": pictures, "<x>": pictures})])

    monkeypatch.setattr(module, "evaluate", evaluate)
    return configs


def test_a_table_a_page_and_lines(asked: list[EvaluateConfig], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--method", "none", "--method", "b=x.safetensors", "--metric", "lpips=a,b", "--people", "2"]
    assert run(["evaluate", "synthetic:3", *options, "--size", "384", "--device", "cpu", "--quiet"]) == 0
    assert asked[0].methods == ("none", "b=x.safetensors") and asked[0].metrics == {"lpips": (Path("a"), Path("b"))}
    assert (asked[0].data.seed, asked[0].people, asked[0].size, asked[0].device) == (3, 2, 384, "cpu")
    assert Path("evaluation.html").read_text().startswith("<!doctype html>")
    assert Results.read(Path("evaluation.jsonl")).methods[0].values["psnr"] == 30
    assert capsys.readouterr().out == ""
    assert run(["evaluate", "-o", "b.html"]) == 0
    out = capsys.readouterr().out
    assert "PSNR        30.0   20.0" in out and "b.html: the report; b.jsonl: its numbers" in out


def test_one_json_object(asked: list[EvaluateConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == "evaluation.html" and told["methods"]["none"]["psnr"] == 30
    assert told["methods"]["none"]["lpips"] is None and asked[0].methods == ("none",)


def test_nothing_is_overwritten(asked: list[EvaluateConfig], capsys: pytest.CaptureFixture[str]) -> None:
    Path("evaluation.jsonl").write_text("mine")
    assert run(["evaluate"]) == 2 and "give --overwrite" in capsys.readouterr().err
    assert asked == [] and not Path("evaluation.html").exists()
    assert run(["evaluate", "--overwrite", "--quiet"]) == 0
    assert Path("evaluation.jsonl").read_text() != "mine"
    assert sorted(path.name for path in Path().iterdir()) == ["evaluation.html", "evaluation.jsonl"]


def test_a_dry_run_writes_nothing(asked: list[EvaluateConfig], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--dry-run", "--method", "none-offsets"]) == 0
    assert "would write evaluation.html: imitation on synthetic:0, none-offsets" in capsys.readouterr().out
    assert run(["evaluate", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
    assert asked == [] and not list(Path().iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["films:x"], 2, "synthetic:SEED, iper:DIR or clips:DIR"),
        (["clips:nowhere"], 2, "no folder nowhere"),
        (["--protocol", "dance"], 2, "--protocol"),
        (["--metric", "mos"], 2, "--metric"),
        (["-o", "a.txt"], 2, "ends in .html"),
        (["-o", "nowhere/a.html"], 2, "make it first"),
        (["--metric", "lpips"], 4, "give LPIPS's linear weights"),
        (["--metric", "fid=nowhere.pth"], 4, "nowhere.pth"),
        (["--method", "W_C"], 4, "lwgan train --architecture default-concat"),
        (["--method", "nowhere.safetensors"], 4, "nowhere.safetensors"),
    ],
)
def test_what_goes_wrong_is_one_line(
    arguments: list[str], code: int, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(["evaluate", *arguments, "--quiet"]) == code
    said = capsys.readouterr()
    assert words in said.err and len(said.err.splitlines()) == 1 and said.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_people_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clothes that have a shape lie better over the person's outline than a naked body's."""
    monkeypatch.chdir(tmp_path)
    few = ["--people", "1", "--max-frames", "3", "--fps", "4", "--max-side", "512"]
    assert run(["evaluate", *few, "--method", "none", "--method", "none-offsets", "--json", "--no-cache"]) == 0
    methods = json.loads(capsys.readouterr().out.splitlines()[-1])["methods"]
    assert methods["none"]["iou"] > 0.9 > methods["none-offsets"]["iou"] > 0.5
    assert methods["none"]["p_psnr"] > methods["none-offsets"]["p_psnr"] + 2
    assert methods["none"]["frames"] == 2 and methods["none"]["akd"] < 2
    assert run(["evaluate", "--protocol", "novelview", "--people", "1", "--overwrite", "--json"]) == 0
    turned = json.loads(capsys.readouterr().out.splitlines()[-1])["methods"]["none"]
    assert turned["frames"] == 11 and turned["iou"] > 0.75  # how a photo's person bends in depth is a guess
    few = ["--people", "1", "--max-frames", "2", "--fps", "4", "--overwrite", "--json"]
    assert run(["evaluate", "--protocol", "cross", *few]) == 0
    crossed = json.loads(capsys.readouterr().out.splitlines()[-1])["methods"]["none"]
    assert crossed["frames"] == 2 and "ssim" not in crossed  # nobody knows how it should look
    assert run(["evaluate", "--protocol", "transfer", *few]) == 0
    worn = json.loads(capsys.readouterr().out.splitlines()[-1])["methods"]["none"]
    assert worn["frames"] == 1 and worn["iou"] > 0.8
