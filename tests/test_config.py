from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from lwgan_cli.config import (
    Background,
    Choice,
    DrawConfig,
    FitConfig,
    Turn,
    fit_path,
    imitation_path,
    overlay_path,
)
from lwgan_cli.errors import UsageError


def test_the_defaults_are_those_of_the_contract() -> None:
    config = DrawConfig()
    assert (config.size, config.max_side, config.camera, config.fitter) == (256, 1280, "smooth", "best")
    assert config.background == Background(kind="source")
    assert config.cache and config.audio and not config.overwrite
    with pytest.raises(FrozenInstanceError):
        config.size = 512  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "flag"),
    [
        ("size", 250, "--size"),
        ("size", 96, "--size"),
        ("size", 1056, "--size"),
        ("max_side", -1, "--max-side"),
        ("max_side", 20, "--max-side"),
        ("device", "gpu", "--device"),
        ("device", "cuda:x", "--device"),
        ("threads", 0, "--threads"),
        ("seed", -1, "--seed"),
        ("body", "", "--body"),
        ("generator", "", "--generator"),
        ("rasterizer", "opengl", "--rasterizer"),
        ("fitter", "slow", "--fitter"),
        ("camera", "wild", "--camera"),
        ("start", -0.5, "--start"),
        ("start", float("nan"), "--start"),
        ("duration", 0.0, "--duration"),
        ("duration", float("inf"), "--duration"),
        ("fps", 0.0, "--fps"),
        ("fps", float("nan"), "--fps"),
        ("max_frames", 0, "--max-frames"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_flag_and_value(field: str, value: object, flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        DrawConfig(**{field: value})  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{flag} {value!r} ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 128),
        ("size", 1024),
        ("max_side", 0),
        ("device", "cuda:12"),
        ("threads", 1),
        ("start", 0.0),
        ("duration", 0.04),
        ("fps", 240.0),
        ("max_frames", 1),
    ],
)
def test_the_ends_of_the_ranges_are_allowed(field: str, value: object) -> None:
    assert getattr(DrawConfig(**{field: value}), field) == value  # type: ignore[arg-type]


def test_quiet_and_verbose_contradict() -> None:
    with pytest.raises(UsageError, match=r"--quiet and --verbose"):
        FitConfig(quiet=True, verbose=True)


def test_a_fit_is_written_as_npz_only() -> None:
    with pytest.raises(UsageError, match=r"--output 'dance.mp4'"):
        FitConfig(output=Path("dance.mp4"))
    assert FitConfig(output=Path("dance.NPZ")).output == Path("dance.NPZ")


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#ff8000", (255, 128, 0)),
        ("#f80", (255, 136, 0)),
        ("rebeccapurple", (102, 51, 153)),
        ("White", (255, 255, 255)),
    ],
)
def test_colours(text: str, colour: tuple[int, int, int]) -> None:
    assert Background.parse(text) == Background(kind="colour", colour=colour)


def test_words_win_over_files_and_a_path_reaches_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("driving", "red", "beach.png"):
        (tmp_path / name).touch()
    assert Background.parse("driving").kind == "driving"
    assert Background.parse("red").kind == "colour"
    assert Background.parse("./red") == Background(kind="file", path=Path("red"))
    assert Background.parse("beach.png") == Background(kind="file", path=Path("beach.png"))


@pytest.mark.parametrize("text", ["", "sea.png", "#ff80", "#ff800080", "#gggggg", "."])
def test_what_is_no_background(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        Background.parse(text)
    assert f"--background {text!r}" in str(caught.value)


def test_names_of_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, driving = Path("a/me.final.jpg"), Path("b/dance.mp4")
    assert imitation_path(photo, driving, Background()) == Path("me.final--dance.mp4")
    assert imitation_path(photo, driving, Background(kind="transparent")) == Path("me.final--dance.webm")
    assert fit_path(driving) == Path("dance--fit.npz")
    (tmp_path / "frames.v2").mkdir()
    monkeypatch.chdir(tmp_path / "frames.v2")
    assert fit_path(Path()) == Path("frames.v2--fit.npz")


def test_an_overlay_never_takes_the_name_of_the_input() -> None:
    assert overlay_path(Path("x/dance--fit.npz"), ".mp4") == Path("x/dance--fit.mp4")
    assert overlay_path(Path("x/dance.npz"), ".mp4") == Path("x/dance--fit.mp4")


@pytest.mark.parametrize(
    ("text", "turn"),
    [
        ("30:330", Turn(30, 330)),
        ("-90:90:2.5", Turn(-90, 90, 2.5)),
        ("360:0:-3", Turn(360, 0, 3)),
        ("180", Turn(180, 180)),
    ],
)
def test_turns(text: str, turn: Turn) -> None:
    assert Turn.parse(text) == turn


@pytest.mark.parametrize("text", ["", "left", "0:", "0:90:0", "1:2:3:4", "nan", "0:inf"])
def test_what_is_no_turn(text: str) -> None:
    with pytest.raises(UsageError, match="--degrees"):
        Turn.parse(text)


def test_the_angles_of_a_turn() -> None:
    assert Turn(30, 330).angles(100) == [30, 130, 230, 330]
    assert Turn(0, 100, 30).angles(1) == [0, 30, 60, 90]
    assert Turn(10, -10, 5).angles(1) == [10, 5, 0, -5, -10]
    assert Turn(0.0, 0.3, 0.1).angles(1) == pytest.approx([0, 0.1, 0.2, 0.3])
    assert Turn(90, 90).angles(3) == [90]
    with pytest.raises(UsageError, match="larger STEP"):
        Turn(0, 360, 1e-9).angles(1)


def test_a_turn_during_some_frames() -> None:
    assert Turn(0, 90).during(4) == [0, 30, 60, 90]
    assert Turn(0, -90, 60).during(4) == [0, -60, -90, -90]
    assert Turn(5, 90).during(1) == [5]


@pytest.mark.parametrize(
    ("text", "choice"),
    [("1", Choice(number=1)), ("12", Choice(number=12)), ("640,360", Choice(point=(640, 360))),
     ("0.5, 2", Choice(point=(0.5, 2)))],
)  # fmt: skip
def test_choices(text: str, choice: Choice) -> None:
    assert Choice.parse(text) == choice
    assert Choice.parse(str(choice)) == choice
    assert choice.scaled(0.5) == (
        choice if choice.point is None else Choice(point=(choice.point[0] / 2, choice.point[1] / 2))
    )


@pytest.mark.parametrize("text", ["", "abc", "0", "-1", "1.5", "1,2,3", "-4,5", "nan,1", "inf", "1,"])
def test_what_is_no_choice(text: str) -> None:
    with pytest.raises(UsageError, match="--person"):
        Choice.parse(text)
