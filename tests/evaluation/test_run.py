"""Every method on every case, with what draws replaced by something quick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lwgan_cli.errors import InputError, WeightsError
from lwgan_cli.evaluation import measure as measuring
from lwgan_cli.evaluation import run as module
from lwgan_cli.evaluation.cases import Case
from lwgan_cli.evaluation.config import EvaluateConfig
from lwgan_cli.evaluation.run import Even, evaluate
from lwgan_cli.frames.output import even_size
from lwgan_cli.pipeline.job import Job
from lwgan_cli.progress import Silent
from tests.evaluation.test_measure import SIZE, Painted, film

CONFIG = EvaluateConfig(methods=("none", "none-offsets", "none-face", "none+photos"), device="cpu")


@dataclass
class Stage:
    """Stands in for the pipeline: `drawn` is what comes out of a method; `casts` and `jobs` what was asked."""

    cases: list[Case]

    def __post_init__(self) -> None:
        self.casts: list[tuple[str, bool, int]] = []

    def draw(self, scene: Any, target: Any, progress: Any) -> Iterator[np.ndarray]:
        name = scene.body.targets[0]
        if name.startswith("lost"):
            raise InputError("the person is lost")
        yield from film(6, late=0.0 if scene.whole else 1.0)

    def cast(self, job: Job, play: Any, bodies: Any, config: Any, progress: Any) -> Any:
        self.casts.append((config.fitter, config.face, len(job.photos)))
        person = SimpleNamespace(picture=np.zeros((SIZE[1], SIZE[0], 3), np.uint8), name=job.photos[0].stem)
        return SimpleNamespace(roles=[SimpleNamespace(best=person)], whole=True)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    real = list(film(6))
    photos = (Path("one.png"), Path("two.png"))
    stage = Stage([Case("a", Job(photos), real, 1), Case("b", Job(photos), real, 1)])

    def scene(cast: Any, *_: Any) -> Any:
        return SimpleNamespace(body=SimpleNamespace(targets=[cast.roles[0].best.name]), whole=cast.whole)

    def altered(self: Any, cast: Any, size: int) -> Any:
        return SimpleNamespace(roles=cast.roles, whole=self.offsets)

    def cases(*_: Any) -> Iterable[Case]:
        return stage.cases

    monkeypatch.setattr(module, "make_cases", cases)
    monkeypatch.setattr(module, "Bodies", SimpleNamespace(load=lambda config: SimpleNamespace(model=None)))
    monkeypatch.setattr(module, "Cast", SimpleNamespace(of=stage.cast))
    monkeypatch.setattr(module, "Scene", SimpleNamespace(of=scene))
    monkeypatch.setattr(module, "Play", SimpleNamespace(of=lambda job, config: None))
    monkeypatch.setattr(module, "draw", stage.draw)
    monkeypatch.setattr(module.Method, "altered", altered)
    monkeypatch.setattr(measuring, "PoseDetector", Painted)
    monkeypatch.setattr(measuring, "SIDE", 64)
    return stage


def test_all_methods_are_measured_on_the_same_frames(stage: Stage) -> None:
    found = evaluate(CONFIG, Silent())
    results = found.results
    assert [m.method for m in results.methods] == list(CONFIG.methods)
    assert all(m.frames == 10 for m in results.methods)  # five of each case: the first is the photo
    assert [(c.method, c.case) for c in results.clips[:2]] == [("none", "a"), ("none", "b")]
    by_name = {m.method: m.values for m in results.methods}
    assert by_name["none"]["p_psnr"] == 99 and by_name["none-offsets"]["p_psnr"] < 40
    assert by_name["none-face"] == pytest.approx(by_name["none"], nan_ok=True)
    assert results.about["asked"] == {} and results.about["cases"] == ["a", "b"] and results.about["frames"] == 10
    assert len(found.shown[0].real) == 5 and found.shown[0].results.keys() == set(CONFIG.methods)


def test_people_are_recovered_once_for_each_way_of_doing_it(stage: Stage) -> None:
    evaluate(replace(CONFIG, methods=("none", "none-offsets", "none-detail", "none-face", "none+photos")), Silent())
    once = [("best", True, 1), ("best", False, 1), ("best", True, 2)]
    assert stage.casts == once * 2
    stage.casts.clear()
    evaluate(replace(CONFIG, methods=("none-alignment",)), Silent())
    assert stage.casts == [("fast", True, 1)] * 2


def test_a_case_that_one_method_cannot_do_is_left_out_for_all(stage: Stage) -> None:
    stage.cases[1] = replace(stage.cases[1], job=Job((Path("lost.png"),)))
    progress = Silent()
    results = evaluate(CONFIG, progress).results
    assert {clip.case for clip in results.clips} == {"a"} and all(m.frames == 5 for m in results.methods)
    assert results.warnings == ("b is left out: the person is lost",)
    stage.cases[0] = stage.cases[1]
    with pytest.raises(InputError, match="nothing in it"):
        evaluate(CONFIG, Silent())


def test_weights_are_missed_before_any_work(stage: Stage) -> None:
    with pytest.raises(WeightsError, match="--metric lpips"):
        evaluate(replace(CONFIG, metrics={"lpips": ()}), Silent())
    with pytest.raises(WeightsError, match="no such file"):
        evaluate(replace(CONFIG, methods=("nowhere.safetensors",)), Silent())
    assert stage.casts == []


@pytest.mark.parametrize("max_side", [0, 30, 64])
def test_real_pictures_have_the_results_size(max_side: int) -> None:
    picture = np.full((61, 45, 4), 90, np.uint8)
    (even,) = Even([picture], max_side)
    assert even.shape == (*even_size(45, 61, max_side)[::-1], 4) and (even == 90).all()
