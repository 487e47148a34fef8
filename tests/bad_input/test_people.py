"""The rows of the table that only somebody who looks at the picture can tell: nobody in it, five people, half a
person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.generator.window import project_px
from lwgan_cli.motion import load_motion
from lwgan_cli.synthetic.scene import View, make_scene
from lwgan_cli.synthetic.truth import to_uint8
from tests.pipeline.runner import Lwgan, write_video
from tests.processes import names

KNEES_UP = [*range(4), 6, 9, *range(12, 24)]  # without the legs below the hips


@pytest.fixture(scope="module")
def lwgan(tmp_path_factory: pytest.TempPathFactory) -> Lwgan:
    return Lwgan(tmp_path_factory.mktemp("fits"))


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return load_body("open")


@pytest.fixture(scope="module")
def me(project: Path) -> np.ndarray:
    """(H, W, 3): the sample photo."""
    return read_photo(project / "examples" / "person.jpg").over()


def empty(kind: str) -> np.ndarray:
    """(H, W, 3) uint8: a scene without a person."""
    scene = make_scene(kind, 1, View.framing((360, 480), 1.7, 0.74, 4.0))
    return to_uint8(scene.background).permute(1, 2, 0).numpy()


def test_nobody_in_the_photo(lwgan: Lwgan, tmp_path: Path, project: Path) -> None:
    Image.fromarray(empty("room")).save(tmp_path / "room.png")
    dance = project / "examples" / "dance.mp4"
    run = lwgan(tmp_path, "imitate", "room.png", dance, "-o", "a.mp4", "--keep", "parts", "--max-side", "480")
    assert (run.code, run.report) == (3, {})
    assert run.errors == ["lwgan: room.png: nobody was found; use a photo that shows a person, head to hips at least"]
    assert names(tmp_path) == {"room.png"}


def test_nobody_in_the_driving(lwgan: Lwgan, tmp_path: Path, project: Path) -> None:
    write_video(tmp_path / "street.mp4", [empty("street")] * 4)
    photo = project / "examples" / "person.jpg"
    run = lwgan(tmp_path, "imitate", photo, "street.mp4", "-o", "a.mp4", "--max-side", "480")
    assert (run.code, run.report) == (3, {})
    assert len(run.errors) == 1 and "street.mp4: nobody was found in any frame" in run.errors[0]
    assert names(tmp_path) == {"street.mp4"}


def test_a_drawing(lwgan: Lwgan, tmp_path: Path) -> None:
    """A stick figure is nobody."""
    paper = np.full((600, 450, 3), 255, np.uint8)
    cv2.circle(paper, (225, 100), 45, (0, 0, 0), 4)
    for start, stop in (
        ((225, 145), (225, 340)),
        ((225, 180), (140, 270)),
        ((225, 180), (310, 270)),
        ((225, 340), (170, 520)),
        ((225, 340), (280, 520)),
    ):
        cv2.line(paper, start, stop, (0, 0, 0), 5)
    Image.fromarray(paper).save(tmp_path / "drawing.png")
    run = lwgan(tmp_path, "fit", "drawing.png")
    assert (run.code, run.report) == (3, {})
    assert len(run.errors) == 1 and "drawing.png: nobody was found" in run.errors[0]
    assert names(tmp_path) == {"drawing.png"}


@dataclass(frozen=True)
class Half:
    """what, in words; change: (H, W, 3) → the picture, and where (x, y) of the old one lie in it; joints: those that
    it shows."""

    what: str
    change: Callable[[np.ndarray], tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]]
    joints: list[int]


def knees(me: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    return me[: round(0.72 * len(me))], lambda places: places


def upside_down(me: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    return me[::-1, ::-1].copy(), lambda places: np.array(me.shape[1::-1]) - places


def five_people(me: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Two smaller on either side, as the floor lies."""
    small = cv2.resize(me, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, len(me) - len(small), 0, 0, 0, cv2.BORDER_REPLICATE)
    others = [small, small[:, ::-1]]
    return np.concatenate([*others, me, *others], 1), lambda places: places + np.array([2 * small.shape[1], 0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [
        Half("five people: the largest", five_people, list(range(24))),
        Half("cut at the knees", knees, KNEES_UP),
        Half("upside down", upside_down, list(range(24))),
    ],
    ids=lambda row: row.what,
)
def test_the_person_is_found_where_they_stand(
    lwgan: Lwgan, tmp_path: Path, me: np.ndarray, model: BodyModel, row: Half
) -> None:
    """The joints lie where they do in the untouched photo, within 3 % of the person's height."""
    picture, moved = row.change(me)
    Image.fromarray(me).save(tmp_path / "whole.png")
    Image.fromarray(picture).save(tmp_path / "changed.png")

    def joints(name: str) -> np.ndarray:
        run = lwgan(tmp_path, "fit", f"{name}.png", "--max-side", "0")
        assert run.code == 0, run.errors
        motion = load_motion(tmp_path / f"{name}--fit.npz")
        _, places = skin(model, torch.from_numpy(motion.poses), torch.from_numpy(motion.betas))
        return np.asarray(project_px(places, torch.from_numpy(motion.picture_camera().astype(np.float32))))[0]

    whole, changed = joints("whole"), joints("changed")
    apart = np.linalg.norm(moved(whole) - changed, axis=-1)[row.joints]
    assert apart.mean() < 0.03 * np.ptp(whole[:, 1]), apart
