from __future__ import annotations

import math
from pathlib import Path

import pytest

from lwgan_cli.errors import InputError
from lwgan_cli.evaluation.page import page
from lwgan_cli.evaluation.results import ClipScore, MethodScore, Results, best, by_measure, by_method, mean, shown
from lwgan_cli.evaluation.run import Evaluation, Shown

ABOUT = dict(version="1", protocol="imitation", data="synthetic:0", cases=["a"], frames=3, size=256, max_side=0,
             fitter="best", body="open", device="cpu", seed=0)  # fmt: skip
TRAINING = dict(architecture="default", steps=5, batch=4, size=192, data="iper", losses={"l1": 1.0})


def results() -> Results:
    frames = {"p_ssim": [0.9, 0.5, 0.7], "ssim": [0.9, 0.8, math.nan]}
    clips = [ClipScore("none", "a", {"ssim": 0.85}, frames), ClipScore("<x>", "a", {"ssim": 0.8}, frames)]
    methods = [
        MethodScore("none", {"ssim": 0.8501, "lpips": math.nan, "sharp": 1.3, "lag": -0.2, "psnr": 30.0}, {}, 3),
        MethodScore("<x>", {"ssim": 0.8504, "sharp": 0.8, "lag": 0.1, "psnr": 20.0}, TRAINING, 3),
    ]
    return Results(ABOUT, clips, methods, ("a & b are left out",))


def test_lines_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(results().lines())
    read = Results.read(path)
    assert read.about == ABOUT and read.warnings == results().warnings
    assert math.isnan(read.methods[0].values["lpips"]) and read.methods[1].training == TRAINING
    assert read.lines() == results().lines()
    assert len(path.read_text().splitlines()) == 1 + 2 + 2
    path.write_text("{}\n")
    with pytest.raises(InputError, match="not the lines of an evaluation"):
        Results.read(path)


def test_the_best_are_those_nearest_to_what_is_best() -> None:
    assert best(results(), "ssim") == set()  # the same, as far as it is shown
    assert best(results(), "psnr") == {"none"}
    assert best(results(), "sharp") == {"<x>"}  # 0.8 is nearer to 1 than 1.3
    assert best(results(), "lag") == {"<x>"}
    assert best(results(), "lpips") == set()


def test_tables_hold_what_was_measured() -> None:
    heads, rows, strong = by_method(results())
    assert heads == ["method", "SSIM", "PSNR", "sharpness", "lag"]
    assert rows == [["none", "0.850", "30.0", "1.30", "-0.20"], ["<x>", "0.850", "20.0", "0.80", "0.10"]]
    assert strong == {(0, 2), (1, 3), (1, 4)}
    heads, rows, strong = by_measure(results())
    assert heads == ["", "none", "<x>"] and rows[1] == ["PSNR", "30.0", "20.0"]
    assert (1, 1) in strong and (1, 2) not in strong


def test_numbers_as_text() -> None:
    assert shown("sharp", math.nan) == "–" and shown("lag", -0.001) == "0.00" and shown("akd", 1.234) == "1.23"
    assert mean([1.0, math.nan, 2.0]) == 1.5 and math.isnan(mean([]))


def test_the_page_stands_by_itself() -> None:
    pictures = [bytes([k]) for k in (65, 66, 67)]
    text = page(Evaluation(results(), [Shown("a", b"P", pictures, {"none": pictures, "<x>": pictures})]))
    assert "<x>" not in text and "&lt;x&gt;" in text and "a &amp; b are left out" in text
    assert "http" not in text and 'src="data:image/jpeg;base64,QQ==' in text
    worst, frames = text.index("frame 1"), text.count("<polyline")
    assert worst < text.index("frame 0") and frames == 2  # worst first; the persons' SSIM of both methods
