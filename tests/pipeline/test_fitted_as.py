"""Photos fitted again where the driving understands their pose in another way, with fits that are made up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from lwgan_cli.config import Choice
from lwgan_cli.pipeline import people
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.people import Person, fitted_as
from lwgan_cli.progress import Silent
from lwgan_cli.records import Keypoints
from lwgan_cli.recovery.recover import Dressed, Quality
from tests.body.acting import body
from tests.fitting.test_likeness import arms

BODIES = cast(Bodies, SimpleNamespace(model=body()))
TORSO = (30.0, 40.0)


def person(towards: float, reprojection: float = 1.0, iou: float = 0.95, others: int = 0) -> Person:
    dressed = Dressed(arms(towards), torch.zeros(body().n_vertices, 3), Quality(reprojection, iou, float("nan")))
    keypoints = cast(Keypoints, SimpleNamespace(points=np.tile(np.array(TORSO, np.float32), (1, 33, 1))))
    picture = np.zeros((480, 640, 3), np.uint8)
    return Person(picture, np.zeros((480, 640), np.float32), dressed, keypoints, people=1 + others)


@pytest.mark.parametrize(
    ("again", "taken"),
    [
        (person(-58), True),
        (person(-58, reprojection=1.1, iou=0.94), True),
        (person(-58, reprojection=2.0), False),  # the photo shows something else
        (person(-58, iou=0.8), False),
        (person(58), False),  # it stays with its own
    ],
)
def test_a_photo_is_understood_as_the_driving_is_where_it_allows_that(
    again: Person, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(people, "recover_person", lambda *given: asked.append(given) or again)
    first, driving = person(60), arms(-60, -50)
    assert fitted_as(driving, first, "photo", BODIES, Silent()) is (again if taken else first)
    picture, *_, choice, _, pose = asked[0]
    assert picture is first.picture and choice is None and np.array_equal(pose, driving.poses[0])


def test_the_same_person_is_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[Choice] = []
    monkeypatch.setattr(people, "recover_person", lambda *given: chosen.append(given[4]) or person(-60))
    fitted_as(arms(-60), person(60, others=1), "photo", BODIES, Silent())
    assert chosen == [Choice(point=TORSO)]


def test_a_photo_that_the_driving_agrees_with_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any) -> Person:
        raise AssertionError("there is nothing to ask")

    monkeypatch.setattr(people, "recover_person", nobody)
    first = person(60)
    assert fitted_as(arms(60, -60), first, "photo", BODIES, Silent()) is first
    apart = replace(arms(-60), poses=arms(-60).poses + np.float32(0.9))
    assert fitted_as(apart, first, "photo", BODIES, Silent()) is first
