from __future__ import annotations

import json
from pathlib import Path

import pytest

from lwgan_cli.errors import LwganError, UsageError
from lwgan_cli.evaluation import bench as module
from lwgan_cli.evaluation.bench import Bench, bench, bench_page, json_lines, rows
from lwgan_cli.evaluation.bench_config import BenchConfig, numbers
from lwgan_cli.evaluation.bench_run import Stopwatch, peak_memory
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.progress import Silent
from tests.frames.media import make_video


def run(kind: str = "size", name: str | int = 256, frames: int = 10, **changed: object) -> Bench:
    seconds = {"dress": 8.0, "detect": 2.0, "composite": 30.0, "wait": 3.0}
    told: dict[str, object] = dict(
        kind=kind, name=name, generator="none", device="cpu", size=256, frames=frames, seconds=seconds, drawing=3.0,
        wall=20.0, first_frame=12.5, peak=900.0, gpu_peak=None,
    )  # fmt: skip
    return Bench(**{**told, **changed})  # type: ignore[arg-type]


def test_a_further_frame_costs_what_grows_with_the_clip() -> None:
    assert run().per_frame == pytest.approx(0.5)  # neither what dressing the photo took, nor each thread's own time
    assert rows([run()])[0] == [
        "size 256", "none", "cpu", "256", "10", "0.500", "2.0", "composite 0.300", "12.5", "20.0", "900", "–"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({"fit": 9.0, "detect": 2.0, "rasterize": 12.0, "composite": 8.0, "wait": 5.0}, "fit"),
        ({"fit": 4.0, "rasterize": 12.0, "composite": 8.0, "wait": 5.0}, "rasterize"),
        ({"rasterize": 12.0, "composite": 80.0, "wait": 1.0, "encode": 5.0}, "encode"),  # they waited for the encoder
        ({"dress": 9.0, "background": 9.0, "detect": 1.0}, "detect"),  # what is done once keeps no frame waiting
    ],
)
def test_the_slowest_stage_sets_the_pace(seconds: dict[str, float], expected: str) -> None:
    slowest, each = run(seconds=seconds).pace
    assert slowest == expected
    assert each == pytest.approx(seconds.get("wait" if expected == "rasterize" else expected, 0) / 10)


def test_the_page_plots_what_has_several_points() -> None:
    config = BenchConfig(device="cpu")
    one = bench_page([run("generator", "none"), run("length", 100)], config)
    assert "<polyline" not in one and "900" in one
    runs = [run("generator", "none"), run("size", 512, size=512), run("length", 100, 100), run("length", 1000, 1000)]
    page = bench_page(runs, config)
    assert page.count("<polyline") == 3 and "most memory, MB" in page and "http" not in page
    head, *lines = json_lines(runs, config).splitlines()
    assert json.loads(head)["kind"] == "bench" and json.loads(lines[1])["per_frame"] == 0.5


def test_every_comparison_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plans = []

    def measured(plan: module._Plan, *_: object) -> Bench:
        plans.append(plan)
        return run(plan.kind, plan.name)

    monkeypatch.setattr(module, "_run", measured)
    config = BenchConfig(generators=("none", "x.safetensors"), sizes=(256, 512), lengths=(100, 1000), device="cuda:0")
    made = bench(config, Silent())
    assert len(made) == len(plans) == 2 * (2 * 2 + 2 + 2)  # on both devices
    ours = [(p.kind, p.name, p.generator, p.size, p.frames) for p in plans if p.device == "cpu"]
    assert ours == [
        ("generator", "none", "none", 256, 40), ("size", 512, "none", 512, 40),
        ("generator", "x.safetensors", "x.safetensors", 256, 40), ("size", 512, "x.safetensors", 512, 40),
        ("length", 100, "none", 256, 100), ("length", 1000, "none", 256, 1000),
        ("photo", "first", "none", 256, 40), ("photo", "further", "none", 256, 40),
    ]  # fmt: skip
    assert [p.cached for p in plans[:8]] == [False] * 6 + [True] * 2


def test_architectures_are_measured_untrained(tmp_path: Path) -> None:
    from lwgan_cli.generator.checkpoints import load_generator

    path = module._generator("default", tmp_path)
    assert load_generator(Path(path))[1].architecture == "default"
    assert (
        module._generator("none", tmp_path) == "none"
        and module._generator("a.safetensors", tmp_path) == "a.safetensors"
    )


def test_a_dance_goes_on_until_it_is_long_enough(tmp_path: Path) -> None:
    short = make_video(tmp_path / "short.mp4", 7)
    config = BenchConfig(driving=short)
    assert module._driving(config, 7, tmp_path) == short
    long = open_clip(module._driving(config, 30, tmp_path))
    assert sum(1 for _ in long) == 30


@pytest.mark.slow
def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    config = BenchConfig(photo=tmp_path / "nobody.png", sizes=(256,), lengths=(), generators=("none",), frames=2)
    with pytest.raises(LwganError, match=r"the run of none at --size 256 failed: .*nobody\.png"):
        bench(config, Silent())


def test_the_stopwatch_stops_at_the_first_frame() -> None:
    watch = Stopwatch()
    with watch.stage("detect", 2) as done:
        done(1)
        assert watch.first_frame is None
    with watch.stage("composite", 2) as done:
        done(1)
        first = watch.first_frame
        done(1)
    assert first is not None and watch.first_frame == first > watch.drawing > 0
    assert (peak_memory() or 100) > 50


def test_options_that_make_no_sense_are_refused() -> None:
    assert numbers("--sizes", "256, 512") == (256, 512) and numbers("--lengths", "") == ()
    with pytest.raises(UsageError, match="--sizes"):
        numbers("--sizes", "big")
    wrong = ({"sizes": (100,)}, {"lengths": (0,)}, {"frames": 0}, {"generators": ()}, {"output": Path("a.txt")})
    for options, flag in zip(wrong, ("--sizes", "--lengths", "--frames", "--generators", "--output"), strict=True):
        with pytest.raises(UsageError, match=flag):
            BenchConfig(**options)  # type: ignore[arg-type]
