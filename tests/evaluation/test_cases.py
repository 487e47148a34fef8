"""What methods are asked to do, on each kind of data."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.evaluation import cases as module
from lwgan_cli.evaluation.cases import Case, make_cases
from lwgan_cli.evaluation.config import EvaluateConfig, EvaluationData, parse_metric
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.synthetic.truth import random_film
from tests.pipeline.runner import write_video as write
from tests.tiny import tiny_body


def cases(folder: Path, **options: object) -> list[Case]:
    made = folder / "made"
    made.mkdir(exist_ok=True)
    return list(make_cases(EvaluateConfig(**options), tiny_body(), made))  # type: ignore[arg-type]


def plain(colour: int) -> list[np.ndarray]:
    return [np.full((64, 80, 3), colour + 10 * t, np.uint8) for t in range(4)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendered people are small and quick."""
    monkeypatch.setattr(module, "SIZE", (96, 128))
    monkeypatch.setattr(module, "random_film", partial(random_film, atlas=128))


@pytest.fixture
def clips(tmp_path: Path) -> EvaluationData:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name, colour in (("one", 60), ("two", 160)):
        write(folder / f"{name}.mp4", plain(colour))
    (folder / "notes.txt").write_text("no clip")
    return EvaluationData.parse(f"clips:{folder}")


@pytest.fixture
def iper(tmp_path: Path) -> EvaluationData:
    folder = tmp_path / "iper"
    for clip in ("001/1/1", "002/1/1"):
        (folder / "images_HD" / clip).mkdir(parents=True)
        for t in range(6):
            cv2.imwrite(str(folder / "images_HD" / clip / f"{t:03d}.png"), np.full((64, 64, 3), 30 * t, np.uint8))
    (folder / "val.txt").write_text("001/1/1\n002/1/1\n")
    return EvaluationData.parse(f"iper:{folder}")


def test_rendered_people_imitate_themselves(tmp_path: Path, small: None) -> None:
    (case,) = cases(tmp_path, people=1, max_frames=2)
    real = list(case.real or ())
    driving = case.job.driving
    assert driving is not None and case.first == 1 and not case.cross and len(real) == 2
    assert np.array_equal(read_photo(case.job.photos[0]).rgb, real[0])  # the photo is the first frame
    assert all(np.array_equal(*pair) for pair in zip(open_clip(driving), real, strict=True))
    assert len(case.job.photos) == 3 and len({read_photo(path).rgb.tobytes() for path in case.job.photos}) == 3
    again = cases(tmp_path / "made", people=1, max_frames=2)[0]
    assert np.array_equal(list(again.real or ()), real)


def test_rendered_people_take_each_others_motion(tmp_path: Path, small: None) -> None:
    case = cases(tmp_path, people=1, max_frames=2, protocol="cross")[0]
    assert case.cross and case.first == 0
    photo = read_photo(case.job.photos[0]).rgb
    assert not np.array_equal(photo, next(iter(case.real or ()))) and np.array_equal(photo, next(iter(case.own or ())))


def test_a_clips_first_frame_is_the_photo(tmp_path: Path, clips: EvaluationData) -> None:
    one, two = cases(tmp_path, data=clips, max_frames=3)
    assert (one.name, two.name) == ("one", "two") and one.first == 1
    assert len(list(two.real or ())) == 3
    assert abs(read_photo(two.job.photos[0]).rgb.mean() - 160) < 3
    assert len(cases(tmp_path, data=clips, people=1)) == 1


def test_clips_drive_one_another(tmp_path: Path, clips: EvaluationData) -> None:
    one, two = cases(tmp_path, data=clips, protocol="cross")
    assert one.cross and one.job.driving is not None and one.job.driving.stem == "two"
    assert two.name == "two, one" and abs(read_photo(two.job.photos[0]).rgb.mean() - 160) < 3
    worn = cases(tmp_path, data=clips, protocol="transfer")[0]
    assert worn.real is None and len(worn.job.clothes) == 1


def test_iper_has_three_sources_a_clip(tmp_path: Path, iper: EvaluationData) -> None:
    made = cases(tmp_path, data=iper)
    assert [case.name for case in made[:3]] == ["001/1/1 from 000", "001/1/1 from 002", "001/1/1 from 004"]
    assert len(made) == 6 and all(len(list(case.real or ())) == 6 and case.first == 0 for case in made)


def test_ipers_protocol_file_is_followed(tmp_path: Path, iper: EvaluationData) -> None:
    part = {"s_n": {"3": ["001.png", "003.png", "005.png"]}}
    part |= {"self_imitation": {"target": "001/1/1", "range": [1, 4]}}
    part |= {"cross_imitation": {"target": "002/1/1", "range": [0, 1]}}
    assert iper.folder is not None
    (iper.folder / "iPER_protocol.json").write_text(json.dumps({"val": {"001/1/1": part}}))
    made = cases(tmp_path, data=iper)
    assert [case.name for case in made] == [f"001/1/1 from 00{k}" for k in (1, 3, 5)]
    assert [int(picture[0, 0, 0]) for picture in made[0].real or ()] == [30, 60, 90, 120]
    crossed = cases(tmp_path, data=iper, protocol="cross")
    assert (
        len(list(crossed[0].real or ())) == 2
        and len(list(crossed[0].own or ())) == 6
        and crossed[0].name == "001/1/1 from 001, 002/1/1"
    )


def test_what_holds_nothing_is_refused(tmp_path: Path, iper: EvaluationData) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for kind, words in (("clips", "no video"), ("iper", "names its test clips")):
        with pytest.raises(InputError, match=words):
            cases(tmp_path, data=EvaluationData.parse(f"{kind}:{empty}"))
    assert iper.folder is not None
    (iper.folder / "val.txt").write_text("009/1/1")
    with pytest.raises(InputError, match="holds no pictures"):
        cases(tmp_path, data=iper)


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    assert EvaluationData.parse("synthetic") == EvaluationData() and str(EvaluationData(seed=7)) == "synthetic:7"
    for text in ("synthetic:x", "videos:/", "clips:", f"clips:{tmp_path}/nowhere", "synthetic:1000"):
        with pytest.raises(UsageError, match=r"synthetic|folder"):
            EvaluationData.parse(text)
    for options, flag in (({"protocol": "dance"}, "--protocol"), ({"size": 100}, "--size"), ({"people": 0}, "--people"),
                          ({"metrics": {"mos": ()}}, "--metric"), ({"methods": ()}, "--method"),
                          ({"output": Path("a.txt")}, "--output")):  # fmt: skip
        with pytest.raises(UsageError, match=flag):
            EvaluateConfig(**options)  # type: ignore[arg-type]
    assert parse_metric("lpips=a.pth,b.pth") == ("lpips", (Path("a.pth"), Path("b.pth")))
    assert parse_metric("face") == ("face", ())
