"""The commands as a shell sees them, with the pipeline replaced by one that says what it was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from lwgan_cli import __version__
from lwgan_cli.cli.main import run
from lwgan_cli.config import Background, CommonConfig, DrawConfig, FitConfig, Turn
from lwgan_cli.errors import InputError, LwganError, WeightsError
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

GARMENTS = ("upper", "lower", "shoes")


def report(config: CommonConfig, progress: Progress) -> Report:
    assert config.output is not None
    return Report(
        output=config.output,
        frames=48,
        fps=25.0,
        size=(720, 1280),
        device=config.device,
        backends={"rasterizer": "torch"},
        seconds=progress.seconds,
        fit={"photo": {"iou": 0.931, "jitter": None}},
        warnings=progress.warnings,
        inputs=({"path": "me.jpg", "width": 10, "fps": None},),
        dry_run=config.dry_run,
        estimated_seconds=12.4 if config.dry_run else None,
    )


class Pipeline(ModuleType):
    """Stands in for `lwgan_cli.pipeline`; `do` is what happens in the middle of the work."""

    def __init__(self) -> None:
        super().__init__("lwgan_cli.pipeline")
        self.asked: list[object] = []
        self.do: Callable[[], object] = lambda: None

    def imitate(self, photos: list[Path], driving: Path, config: DrawConfig, progress: Progress) -> Report:
        self.asked += [photos, driving, config]
        with progress.stage("detect", 48) as advance:
            print("a library talks")
            self.do()
            advance(48)
        progress.warn("nobody in 3 of 48 frames")
        return report(config, progress)

    def novelview(self, photos: list[Path], config: DrawConfig, progress: Progress) -> Report:
        self.asked += [photos, config]
        return report(config, progress)

    def transfer(
        self,
        head: list[Path],
        clothes: dict[str, list[Path]],
        driving: Path | None,
        config: DrawConfig,
        progress: Progress,
    ) -> Report:
        self.asked += [head, clothes, driving, config]
        return report(config, progress)

    def fit(self, given: Path, config: FitConfig, progress: Progress) -> Report:
        self.asked += [given, config]
        self.do()
        return report(config, progress)


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    pipeline = Pipeline()
    monkeypatch.setitem(sys.modules, "lwgan_cli.pipeline", pipeline)
    monkeypatch.chdir(tmp_path)
    return pipeline


def fails(pipeline: Pipeline, error: BaseException) -> None:
    def do() -> None:
        raise error

    pipeline.do = do


def test_imitate_hands_on_photos_driving_and_defaults(pipeline: Pipeline) -> None:
    assert run(["imitate", "front.jpg", "back.jpg", "x/dance.mp4"]) == 0
    photos, driving, config = pipeline.asked
    assert (photos, driving) == ([Path("front.jpg"), Path("back.jpg")], Path("x/dance.mp4"))
    assert isinstance(config, DrawConfig)
    assert config.output == Path("front--dance.mp4")
    assert config.device in ("cpu", "cuda:0")
    unset = {each.name for each in fields(config)} - {"output", "device"}
    assert {name: getattr(config, name) for name in unset} == {name: getattr(DrawConfig(), name) for name in unset}


def test_every_option_of_imitate_arrives(pipeline: Pipeline) -> None:
    given = (
        "imitate me.jpg dance.mp4 -o out.gif --size 512 --max-side 0 --background #102030 --camera source"
        " --degrees=-30:60:2 --elevation 10 --freeze 3 --views 4"
        " --start 1.5 --duration 2 --fps 12.5 --max-frames 9 --no-audio --keep parts"
        " --generator none --body smpl --fitter fast --rasterizer torch --weights w --device cpu --threads 1"
        " --seed 7 --no-cache --overwrite --dry-run --json --verbose"
    )
    assert run(given.split()) == 0
    assert pipeline.asked[2] == DrawConfig(
        output=Path("out.gif"),
        size=512,
        max_side=0,
        background=Background(kind="colour", colour=(16, 32, 48)),
        camera="source",
        degrees=Turn(-30, 60, 2),
        elevation=10.0,
        freeze=3,
        views=4,
        start=1.5,
        duration=2.0,
        fps=12.5,
        max_frames=9,
        audio=False,
        keep=Path("parts"),
        generator="none",
        body="smpl",
        fitter="fast",
        rasterizer="torch",
        weights=Path("w"),
        device="cpu",
        threads=1,
        seed=7,
        cache=False,
        overwrite=True,
        dry_run=True,
        json=True,
        verbose=True,
    )


def test_side_by_side_arrives(pipeline: Pipeline) -> None:
    assert run(["imitate", "me.jpg", "dance.mp4", "--side-by-side"]) == 0
    config = pipeline.asked[2]
    assert isinstance(config, DrawConfig) and config.side_by_side


def test_every_option_of_novelview_arrives(pipeline: Pipeline) -> None:
    given = (
        "novelview front.jpg back.jpg --degrees -30:330:5 --elevation -5 -o out.gif --grid --fps 30 --size 512"
        " --max-side 0 --background teal --keep parts --generator none --body smpl --fitter fast --rasterizer torch"
        " --weights w --device cpu --threads 1 --seed 7 --no-cache --overwrite --dry-run --json --verbose"
    )
    assert run(given.split()) == 0
    assert pipeline.asked == [
        [Path("front.jpg"), Path("back.jpg")],
        DrawConfig(
            output=Path("out.gif"),
            degrees=Turn(-30, 330, 5),
            elevation=-5.0,
            grid=True,
            fps=30.0,
            size=512,
            max_side=0,
            background=Background(kind="colour", colour=(0, 128, 128)),
            keep=Path("parts"),
            generator="none",
            body="smpl",
            fitter="fast",
            rasterizer="torch",
            weights=Path("w"),
            device="cpu",
            threads=1,
            seed=7,
            cache=False,
            overwrite=True,
            dry_run=True,
            json=True,
            verbose=True,
        ),
    ]


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("novelview", "person--novelview.mp4"),
        ("novelview x/me.jpg --background transparent", "me--novelview.webm"),
        ("novelview x/me.jpg --grid", "me--novelview.png"),
        ("novelview x/me.jpg --degrees 90", "me--novelview.png"),
    ],
)
def test_novelview_names_its_result(pipeline: Pipeline, project: Path, line: str, output: str) -> None:
    assert run(line.split()) == 0
    photos, config = pipeline.asked
    assert isinstance(config, DrawConfig) and config.output == Path(output)
    assert photos == [Path("x/me.jpg")] or photos == [project / "examples" / "person.jpg"]


def test_every_option_of_transfer_arrives(pipeline: Pipeline) -> None:
    given = (
        "transfer --head a.jpg --head a2.jpg --body b.jpg --upper c.jpg --lower d.jpg --shoes e.jpg --motion m.npz"
        " -o out.mp4 --sheet sheet.png --size 512 --max-side 0 --background teal --camera source --degrees 0:90:2"
        " --elevation 10 --freeze 3 --views 4 --start 1.5 --duration 2 --fps 12.5 --max-frames 9 --no-audio"
        " --keep parts --generator none --body-model smpl --fitter fast --rasterizer torch --weights w --device cpu"
        " --threads 1 --seed 7 --no-cache --overwrite --dry-run --json --verbose"
    )
    assert run(given.split()) == 0
    head, clothes, driving, config = pipeline.asked
    assert head == [Path("a.jpg"), Path("a2.jpg")] and driving == Path("m.npz")
    assert clothes == {name: [Path(f"{who}.jpg")] for name, who in zip(("body", *GARMENTS), "bcde", strict=True)}
    assert config == DrawConfig(
        output=Path("out.mp4"),
        sheet=Path("sheet.png"),
        size=512,
        max_side=0,
        background=Background(kind="colour", colour=(0, 128, 128)),
        camera="source",
        degrees=Turn(0, 90, 2),
        elevation=10.0,
        freeze=3,
        views=4,
        start=1.5,
        duration=2.0,
        fps=12.5,
        max_frames=9,
        audio=False,
        keep=Path("parts"),
        generator="none",
        body="smpl",
        fitter="fast",
        rasterizer="torch",
        weights=Path("w"),
        device="cpu",
        threads=1,
        seed=7,
        cache=False,
        overwrite=True,
        dry_run=True,
        json=True,
        verbose=True,
    )


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("--body x/b.png", "a--b.png"),
        ("--lower d.jpg", "a--d.png"),
        ("--body b.png --degrees 90", "a--b.png"),
        ("--body b.png --degrees 0:90", "a--b.mp4"),
        ("--body b.png --motion y/dance.mov", "a--b--dance.mp4"),
        ("--body b.png --motion dance.npz --background transparent", "a--b--dance.webm"),
    ],
)
def test_transfer_names_its_result(pipeline: Pipeline, line: str, output: str) -> None:
    assert run(["transfer", "--head", "a.jpg", *line.split()]) == 0
    assert pipeline.asked[-1].output == Path(output)  # type: ignore[attr-defined]


def test_every_option_of_fit_arrives(pipeline: Pipeline) -> None:
    given = (
        "fit dance.mp4 -o m.npz --max-side 640 --start 1 --duration 2 --fps 10 --max-frames 3 --body b.npz"
        " --fitter fast --rasterizer torch --weights w --device cpu --threads 1 --seed 1 --no-cache"
        " --overwrite --dry-run --json --quiet"
    )
    assert run(given.split()) == 0
    assert pipeline.asked == [
        Path("dance.mp4"),
        FitConfig(
            output=Path("m.npz"),
            max_side=640,
            start=1.0,
            duration=2.0,
            fps=10.0,
            max_frames=3,
            body="b.npz",
            fitter="fast",
            rasterizer="torch",
            weights=Path("w"),
            device="cpu",
            threads=1,
            seed=1,
            cache=False,
            overwrite=True,
            dry_run=True,
            json=True,
            quiet=True,
        ),
    ]


def test_fit_names_its_result(pipeline: Pipeline) -> None:
    assert run(["fit", "x/dance.mp4"]) == 0
    config = pipeline.asked[1]
    assert isinstance(config, FitConfig) and config.output == Path("dance--fit.npz")


def test_json_is_alone_on_stdout(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["imitate", "me.jpg", "dance.mp4", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    result = json.loads(out)
    assert (result["output"], result["frames"]) == ("me--dance.mp4", 48)
    assert list(result["seconds"]) == ["detect"]
    assert result["warnings"] == ["nobody in 3 of 48 frames"]
    assert "a library talks" in err and "lwgan: warning: nobody in 3 of 48 frames" in err


def test_quiet_prints_nothing(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.do = lambda: None
    assert run(["fit", "dance.mp4", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_result_is_said(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["imitate", "me.jpg", "dance.mp4"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("me--dance.mp4: 720×1280 px, 48 frames, 25 fps, made in ")
    assert "iou" not in out
    assert "lwgan: detect: 48 frames in 0.0 s" in err.splitlines()
    assert run(["imitate", "me.jpg", "dance.mp4", "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "fit of the photo: iou 0.931" in out and "rasterizer: torch" in out


def test_a_dry_run_says_what_would_be_done(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["imitate", "me.jpg", "dance.mp4", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "would write me--dance.mp4: 720×1280 px, 48 frames, 25 fps",
        "from me.jpg: width 10",
    ]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (LwganError("encoding failed:\n disk full"), 1, "lwgan: encoding failed: disk full"),
        (InputError("me.jpg: nobody found"), 3, "lwgan: me.jpg: nobody found"),
        (WeightsError("no body.npz"), 4, "lwgan: no body.npz"),
        (KeyboardInterrupt(), 130, "lwgan: interrupted; the output was not written"),
        (OSError(28, "No space left on device"), 1, "lwgan: the system refuses: [Errno 28] No space left"),
        (ValueError("bad\nshape"), 1, "lwgan: unexpected ValueError: bad shape; --verbose shows where"),
        (MemoryError(), 1, "lwgan: out of memory: end other programs, or give a smaller --max-side"),
        (RuntimeError("[...] DefaultCPUAllocator: can't allocate memory: 3 bytes"), 1, "lwgan: out of memory"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_code(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    fails(pipeline, error)
    assert run(["fit", "dance.mp4"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line) and err.count("\n") == 1


def test_a_traceback_is_shown_when_asked_for(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    fails(pipeline, ValueError("bad shape"))
    assert run(["fit", "dance.mp4", "--verbose"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and err.endswith("lwgan: unexpected ValueError: bad shape\n")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("imitate me.jpg", "Missing argument"),
        ("imitate", "Missing argument"),
        ("fit", "Missing argument"),
        ("dance", "No such command 'dance'"),
        ("fit a.mp4 --sise 3", "No such option: --sise"),
        ("imitate me.jpg dance.mp4 --size big", "--size"),
        ("imitate me.jpg dance.mp4 --size 250", "--size 250 can't be used"),
        ("imitate me.jpg dance.mp4 --degrees round", "--degrees 'round'"),
        ("transfer --body b.jpg", "Missing option '--head'"),
        ("transfer --head a.jpg", "no clothes named"),
        ("novelview me.jpg --degrees 0:90:0", "STEP above 0"),
        ("novelview me.jpg --elevation 91", "--elevation 91.0 can't be used"),
        ("imitate me.jpg dance.mp4 --views 1", "--views 1 can't be used"),
        ("imitate me.jpg dance.mp4 -o frames.v2/", "make the folder first"),
        ("imitate me.jpg dance.mp4 --background sea.png", "--background 'sea.png'"),
        ("imitate me.jpg dance.mp4 --device cuda:99", "--device cuda:99"),
        ("fit dance.mp4 -o dance.mp4", "--output 'dance.mp4'"),
    ],
)
def test_wrong_usage_is_one_line_and_2(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    assert run(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and not pipeline.asked
    assert err.startswith("lwgan: ") and says in err and err.count("\n") == 1


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"lwgan {__version__}\n"


HELP = """
import sys
from lwgan_cli.cli.main import run
assert run(sys.argv[1:]) == 0
heavy = {"numpy", "torch", "cv2", "mediapipe", "scipy", "PIL", "smplx"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize(
    "line", [["--help"], ["imitate", "--help"], ["novelview", "--help"], ["transfer", "--help"], ["fit", "-h"]]
)
def test_help_is_quick(line: list[str]) -> None:
    """It imports nothing heavy. It takes 0.2 s; the limit leaves room for a machine busy with other work."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HELP, *line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: lwgan" in done.stdout
    assert time.monotonic() - began < 3
