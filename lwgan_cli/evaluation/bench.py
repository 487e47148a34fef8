"""`lwgan bench`: seconds and memory of whole runs, each in a process of its own, nothing cached."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import torch

from lwgan_cli import __version__
from lwgan_cli.assets import find_example
from lwgan_cli.errors import LwganError
from lwgan_cli.evaluation.bench_config import BenchConfig
from lwgan_cli.evaluation.page import document, html_table
from lwgan_cli.evaluation.svg import lines
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.generator.architectures import ARCHITECTURES, build
from lwgan_cli.generator.checkpoints import About, save_generator
from lwgan_cli.progress import Progress
from lwgan_cli.report import plain

PERSON, OTHER, DANCE = "person.jpg", "other.jpg", "dance.mp4"
ONCE = ("source", "choose frames", "matte", "dress", "background")  # stages whose time doesn't grow with the clip
DRIVING = ("decode", "detect", "fit")  # stages that look at the driver, one after the other
_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Setting:
    """One run's.

    kind    what it is compared in: "generator", "size", "length" or "photo"
    name    what is different: "paper", 512, 1000, "further"
    frames  of the driving
    """

    kind: str
    name: str | int
    generator: str
    device: str
    size: int
    frames: int


@dataclass(frozen=True)
class _Plan(Setting):
    """cached: fits are kept for, and taken from, other such runs."""

    photo: Path
    cached: bool = False


@dataclass(frozen=True)
class Bench(Setting):
    """What one run took.

    seconds      by stage; threads that work side by side add up to more than passes
    drawing      s for drawing and writing all frames
    wall         s, Python's start included
    first_frame  s until the first frame was written
    peak         MB of memory at most, without the encoder's process; gpu_peak of the GPU's, None without one
    """

    seconds: Mapping[str, float]
    drawing: float
    wall: float
    first_frame: float | None
    peak: float | None
    gpu_peak: float | None

    @property
    def per_frame(self) -> float:
        """s for each frame: finding and fitting the driver, then drawing; without what is done once."""
        return (sum(self.seconds.get(stage, 0.0) for stage in DRIVING) + self.drawing) / self.frames

    @property
    def pace(self) -> tuple[str, float]:
        """The stage of those that every frame passes through which most time passes for, and its s for each frame."""
        passes = {stage: self.seconds.get(stage, 0.0) for stage in ("detect", "fit", "encode")}
        drawing = max(("rasterize", "composite"), key=lambda stage: self.seconds.get(stage, 0.0))
        passes[drawing] = self.seconds.get("wait", 0.0)  # threads' seconds add up; what passes is what is waited for
        slowest = max(passes, key=lambda stage: passes[stage])
        return slowest, passes[slowest] / self.frames


def bench(config: BenchConfig, progress: Progress) -> list[Bench]:
    """All runs of the config, one after the other. Raises LwganError where one fails."""
    done_runs = []
    with tempfile.TemporaryDirectory(prefix="lwgan-") as name:
        folder = Path(name)
        files = {each: _generator(each, folder) for each in config.generators}
        plans = list(_plans(config))
        with progress.stage("runs", len(plans)) as done:
            for number, plan in enumerate(plans):
                done_runs.append(_run(plan, files, config, folder, number))
                done(1)
    return done_runs


def _plans(config: BenchConfig) -> Iterator[_Plan]:
    photo, chosen = config.photo or find_example(PERSON), config.generators[0]
    devices = ("cpu",) if config.device == "cpu" else ("cpu", config.device)
    first = config.sizes[0] if config.sizes else 256
    for device in devices:
        for generator in config.generators:
            yield _Plan("generator", generator, generator, device, first, config.frames, photo)
            for size in config.sizes[1:]:
                yield _Plan("size", size, generator, device, size, config.frames, photo)
        for length in config.lengths:
            yield _Plan("length", length, chosen, device, first, length, photo)
        if config.photos:
            for name, each in (("first", photo), ("further", find_example(OTHER))):
                yield _Plan("photo", name, chosen, device, first, config.frames, each, cached=True)


def _run(plan: _Plan, files: Mapping[str, str], config: BenchConfig, folder: Path, number: int) -> Bench:
    asked = dict(
        photo=str(plan.photo), driving=str(_driving(config, plan.frames, folder)), generator=files[plan.generator],
        size=plan.size, max_side=config.max_side, max_frames=plan.frames, device=plan.device, threads=config.threads,
        seed=config.seed, body=config.body, fitter=config.fitter, face=config.face, rasterizer=config.rasterizer,
        weights=None if config.weights is None else str(config.weights), cache=plan.cached,
        output=str(folder / f"{number}.mp4"),
    )  # fmt: skip
    threads = {} if config.threads is None else {"OMP_NUM_THREADS": str(config.threads)}
    ran = subprocess.run(
        [sys.executable, "-m", f"{__package__}.bench_run", json.dumps(asked)],
        capture_output=True,
        text=True,
        env={
            **os.environ, **threads, "LWGAN_CACHE": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(_PACKAGE), os.environ.get("PYTHONPATH")))),
        },
        check=False,
    )  # fmt: skip
    if ran.returncode:
        said = ran.stderr.strip().splitlines()
        raise LwganError(f"bench: the run of {plan.generator} at --size {plan.size} failed: {said[-1] if said else ''}")
    told = json.loads(ran.stdout.splitlines()[-1])
    return Bench(
        plan.kind, plan.name, plan.generator, plan.device, plan.size, told["frames"],
        {stage: took for stage, took in told["seconds"].items() if took}, told["drawing"], told["wall"],
        told["first_frame"], told["peak"], told["gpu_peak"],
    )  # fmt: skip


def _driving(config: BenchConfig, frames: int, folder: Path) -> Path:
    """The driving, played again until it is long enough."""
    path = config.driving or find_example(DANCE)
    clip = open_clip(path)
    if clip.count >= frames or clip.kind != "video":
        return path
    longer = folder / f"driving-{frames}.mp4"
    if not longer.exists():
        again = ["-stream_loop", str(frames // max(clip.count - 1, 1) + 1), "-i", str(path)]
        how = ["-frames:v", str(frames), "-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12"]
        made = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *again, *how, str(longer)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if made.returncode:
            raise LwganError(f"bench: {path} can't be made longer: {made.stderr.strip()}")
    return longer


def _generator(name: str, folder: Path) -> str:
    """What `--generator` is told: architectures are measured untrained, as weights don't change the time."""
    if name == "none" or name not in ARCHITECTURES:
        return name
    torch.manual_seed(0)
    path = folder / f"{name}.safetensors"
    save_generator(path, build(name).state_dict(), About(name), sharded=False)
    return str(path)


def json_lines(runs: Sequence[Bench], config: BenchConfig) -> str:
    """One line about all, then one for each run."""
    rows: list[dict[str, Any]] = [{"kind": "bench", **about(config)}]
    rows += [{**vars(run), "per_frame": run.per_frame, "slowest": run.pace[0]} for run in runs]
    return "".join(json.dumps(plain(row, 6), ensure_ascii=False) + "\n" for row in rows)


def about(config: BenchConfig) -> dict[str, Any]:
    """What was measured on."""
    gpu = torch.cuda.get_device_name(config.device) if config.device.startswith("cuda") else None
    return dict(
        version=__version__, machine=platform.machine(), cores=os.cpu_count(), threads=config.threads, gpu=gpu,
        max_side=config.max_side, fitter=config.fitter, torch=torch.__version__,
    )  # fmt: skip


HEADS = ("run", "generator", "device", "--size", "frames", "s/frame", "fps", "slowest stage", "first frame, s",
         "whole, s", "peak, MB", "GPU peak, MB")  # fmt: skip


def rows(runs: Sequence[Bench]) -> list[list[str]]:
    """For a table under HEADS."""

    def text(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    return [
        [f"{run.kind} {run.name}", run.generator, run.device, str(run.size), str(run.frames), f"{run.per_frame:.3f}",
         f"{1 / run.per_frame:.1f}", "{} {:.3f}".format(*run.pace), text(run.first_frame, 1), f"{run.wall:.1f}",
         text(run.peak, 0), text(run.gpu_peak, 0)]
        for run in runs
    ]  # fmt: skip


def bench_page(runs: Sequence[Bench], config: BenchConfig) -> str:
    """The report: tables and plots."""
    told = ", ".join(f"{key} {value}" for key, value in about(config).items() if value is not None)
    stages = list(dict.fromkeys(stage for run in runs for stage in run.seconds))
    each = [
        [f"{run.kind} {run.name}, {run.generator}, {run.device}", *(
            f"{run.seconds.get(stage, 0) / (1 if stage in ONCE else run.frames):.3f}" for stage in stages
        )] for run in runs
    ]  # fmt: skip
    heads = ["run", *(stage if stage in ONCE else f"{stage} /frame" for stage in stages)]
    sections = [
        "<h1>lwgan bench</h1>", f'<p class="quiet">{told}</p>', html_table(HEADS, rows(runs)), "<h2>Plots</h2>",
        *plots(runs), "<h2>Seconds by stage</h2>",
        "<p>Of stages that run once, seconds; of the others, seconds for each frame. Threads that work beside one"
        " another add up to more than the time that passes.</p>",
        html_table(heads, each),
    ]  # fmt: skip
    return document("lwgan bench", sections)


def plots(runs: Sequence[Bench]) -> list[str]:
    """Time over `--size`, time and memory over the clip's length; what has a single point is left out."""
    by_size: dict[str, list[tuple[float, float]]] = {}
    by_length: dict[str, list[tuple[float, float]]] = {}
    memory: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        name = f"{run.generator}, {run.device}"
        if run.kind in ("generator", "size"):
            by_size.setdefault(name, []).append((run.size, run.per_frame))
        elif run.kind == "length":
            by_length.setdefault(name, []).append((run.frames, run.per_frame))
            memory.setdefault(name, []).append((run.frames, run.peak or float("nan")))
    drawn = (
        _several("seconds a frame", by_size, "--size, px", False),
        _several("seconds a frame", by_length, "frames", True),
        _several("most memory, MB", memory, "frames", True),
    )
    return [plot for plot in drawn if plot]


def _several(title: str, series: Mapping[str, list[tuple[float, float]]], across: str, log: bool) -> str:
    """A plot of the lines that have more than a point."""
    return lines(title, {name: at for name, at in series.items() if len(at) > 1}, across, log=log, floor=True)
