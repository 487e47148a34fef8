"""`lwgan bench` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lwgan_cli.cli.main import run
from lwgan_cli.evaluation import bench as module
from lwgan_cli.evaluation.bench import Bench
from lwgan_cli.evaluation.bench_config import BenchConfig
from lwgan_cli.progress import Progress
from tests.evaluation.test_bench import run as measured


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[BenchConfig]:
    monkeypatch.chdir(tmp_path)
    configs: list[BenchConfig] = []

    def bench(config: BenchConfig, progress: Progress) -> list[Bench]:
        configs.append(config)
        return [measured(), measured("length", 1000, 1000)]

    monkeypatch.setattr(module, "bench", bench)
    return configs


def test_a_table_a_page_and_lines(asked: list[BenchConfig], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--generators", "none,paper", "--sizes", "256,512", "--lengths", "", "--frames", "5"]
    assert run(["bench", *options, "--no-photos", "--device", "cpu"]) == 0
    config = asked[0]
    assert (config.generators, config.sizes, config.lengths) == (("none", "paper"), (256, 512), ())
    assert (config.frames, config.photos, config.threads, config.device) == (5, False, 2, "cpu")
    out = capsys.readouterr().out
    assert "0.500" in out and "bench.html: the report; bench.jsonl: its numbers" in out
    assert len(Path("bench.jsonl").read_text().splitlines()) == 3
    assert run(["bench"]) == 2 and "give --overwrite" in capsys.readouterr().err
    assert run(["bench", "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][1]["per_frame"] == 0.005


def test_what_goes_wrong_is_one_line(asked: list[BenchConfig], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (["--sizes", "100"], "--sizes"),
        (["--lengths", "x"], "--lengths"),
        (["-o", "a"], ".html"),
    ):
        assert run(["bench", *arguments]) == 2
        assert words in capsys.readouterr().err
    assert run(["bench", "--dry-run"]) == 0
    assert asked == [] and not list(Path().iterdir())


@pytest.mark.slow
def test_runs_are_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    few = ["--frames", "3", "--lengths", "", "--sizes", "256", "--generators", "none,default", "--max-side", "480"]
    assert run(["bench", *few, "--json"]) == 0
    none, default, first, further = json.loads(capsys.readouterr().out.splitlines()[-1])["runs"]
    assert none["frames"] == 3 and none["peak"] > 300 and 0 < none["first_frame"] <= none["wall"]
    assert default["seconds"]["composite"] > 0 and default["generator"] == "default"
    assert "fit" in first["seconds"] and "fit" not in further["seconds"]  # the dance was fitted before
