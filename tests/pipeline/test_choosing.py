"""`--person`: two rendered people beside one another, found by the detector itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from lwgan_cli.body.load import load_body
from lwgan_cli.config import Choice, DrawConfig, FitConfig
from lwgan_cli.detection.crowd import Follower
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.pipeline import people
from lwgan_cli.pipeline.choosing import choice_in
from lwgan_cli.pipeline.cut_out import others_alpha, person_alpha
from lwgan_cli.pipeline.people import Person, SourceView, recover_role
from lwgan_cli.pipeline.stage import make_stage
from lwgan_cli.progress import Silent
from lwgan_cli.recovery.watch import watch
from lwgan_cli.synthetic.render import render
from lwgan_cli.synthetic.truth import random_film, to_uint8
from tests.pipeline.runner import Lwgan

SIZE = (480, 400)


@dataclass(frozen=True)
class Pair:
    """picture (H, W, 3) uint8; masks (2, H, W) bool of the one on the left and the one on the right; its file."""

    picture: np.ndarray
    masks: np.ndarray
    path: Path

    def overlap(self, alpha: np.ndarray) -> list[float]:
        """IoU of a mask (H, W) in [0, 1] with each."""
        return [float(((alpha > 0.5) & mask).sum() / ((alpha > 0.5) | mask).sum()) for mask in self.masks]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    model = load_body("open")
    behind = None
    alphas = []
    for seed, shift in ((1, -80.0), (2, 75.0)):
        film = random_film(model, seed, 1, SIZE, "sway", "room", atlas=256)
        camera = torch.from_numpy(film.motion.picture_camera().astype(np.float32)) + torch.tensor([0.0, shift, 0.0])
        behind = film.scene.background if behind is None else behind
        shown = render(
            model,
            film.person,
            torch.from_numpy(film.motion.poses),
            camera,
            SIZE,
            film.scene.light,
            behind,
            supersample=1,
        )
        behind, alphas = shown.pictures[0], [*alphas, shown.alpha[0].numpy()]
    assert behind is not None
    picture = to_uint8(behind).permute(1, 2, 0).numpy()
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    Image.fromarray(picture).save(path)
    return Pair(picture, np.stack([alphas[0] * (1 - alphas[1]), alphas[1]]) > 0.5, path)


def test_everybody_is_listed_with_a_box(pair: Pair, lwgan: Lwgan, tmp_path: Path) -> None:
    listed = lwgan(tmp_path, "fit", pair.path, "--list")
    assert listed.code == 0 and not list(tmp_path.iterdir())
    assert listed.report["size"] == list(SIZE)
    people = listed.report["people"]
    assert [each["number"] for each in people] == [1, 2]
    areas = [(each["box"][2] - each["box"][0]) * (each["box"][3] - each["box"][1]) for each in people]
    assert areas[0] >= areas[1]
    for each, mask in zip(sorted(people, key=lambda each: each["box"][0]), pair.masks, strict=True):
        rows, columns = np.nonzero(mask)
        truth = (columns.min(), rows.min(), columns.max(), rows.max())
        assert np.abs(np.subtract(each["box"], truth)).max() < 14  # of about 280 px
        x, y = each["point"]
        assert mask[y, x]


def test_shrunk_pictures_are_listed_and_chosen_in_the_files_own_px(pair: Pair, lwgan: Lwgan, tmp_path: Path) -> None:
    whole = lwgan(tmp_path, "fit", pair.path, "--list").report["people"]
    shrunk = lwgan(tmp_path, "fit", pair.path, "--list", "--max-side", "240").report["people"]
    assert np.abs(np.subtract([each["box"] for each in whole], [each["box"] for each in shrunk])).max() < 24
    config = FitConfig(person=Choice(point=(300, 200)), max_side=240)
    assert choice_in(open_clip(pair.path, max_side=240), config) == Choice(point=(150, 100))


def test_whom_the_point_is_on_is_cut_out_without_the_other(pair: Pair) -> None:
    for side, mask in enumerate(pair.masks):
        y, x = np.argwhere(mask).mean(0)
        follower = Follower(Choice(point=(float(x), float(y))), static=True)
        watched = watch([pair.picture], static=True, follower=follower)
        assert watched.people == 2
        alpha = person_alpha(pair.picture, watched.keypoints, others_alpha(watched))
        overlap = pair.overlap(alpha)
        assert overlap[side] > 0.9 and overlap[1 - side] < 0.02


@pytest.mark.parametrize(("who", "code", "said"), [("3", 3, "2 people"), ("abc", 2, "--person 'abc'"), ("0", 2, "'0'")])
def test_whom_nobody_is_ends_the_run(pair: Pair, lwgan: Lwgan, tmp_path: Path, who: str, code: int, said: str) -> None:
    ended = lwgan(tmp_path, "fit", pair.path, "--person", who)
    assert ended.code == code and said in ended.errors[-1]
    assert not list(tmp_path.iterdir())


def test_the_others_stay_in_the_background(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwgan_cli.pipeline.stage.shadow_of", lambda *given: None)  # it needs a fitted body
    watched = watch([pair.picture], static=True, follower=Follower(Choice(number=1), static=True))
    others = others_alpha(watched)
    alpha = person_alpha(pair.picture, watched.keypoints, others)
    undressed: Any = None
    person = Person(pair.picture, alpha, undressed, watched.keypoints, others=others)
    stage = make_stage(person, undressed, undressed, DrawConfig(), Silent())
    taken = int(np.argmax(pair.overlap(alpha)))
    changed = np.abs(stage.plate.astype(int) - pair.picture).max(-1) > 20
    stays = cv2.erode(pair.masks[1 - taken].astype(np.uint8), np.ones((5, 5))) > 0
    assert changed[pair.masks[taken]].mean() > 0.7 and changed[stays].mean() < 0.01


@pytest.mark.parametrize(("iou", "warned"), [(0.69, True), (0.71, False)])
def test_a_body_that_lies_badly_on_its_photo_is_warned_of(
    iou: float, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    person: Any = SimpleNamespace(people=1, dressed=SimpleNamespace(quality=SimpleNamespace(iou=iou)))
    monkeypatch.setattr(people, "source_views", lambda *_: [SourceView(np.zeros((4, 4, 3), np.uint8))])
    monkeypatch.setattr(people, "recover_person", lambda *_: person)
    progress, bodies = Silent(), SimpleNamespace()
    recover_role("photo", [Path("a.jpg")], (), bodies, DrawConfig(), progress)  # type: ignore[arg-type]
    assert [f"overlap {iou:.2f}" in each for each in progress.warnings] == [True] * warned
