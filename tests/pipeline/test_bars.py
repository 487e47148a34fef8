"""Bars around photo and driving: the result is that without them, within the photo's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lwgan_cli.config import Choice, CommonConfig
from lwgan_cli.frames.bars import without_bars
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.motion import load_motion
from lwgan_cli.pipeline.choosing import choice_in
from tests.pipeline.runner import SIDE, Lwgan, Run

FRAMES = 3
LEFT, TOP, RIGHT, BOTTOM = 40, 24, 20, 60  # of the photo's bars, px
COLOUR = (12, 200, 90)


def framed(picture: np.ndarray, *sides: int) -> np.ndarray:
    left, top, right, bottom = sides
    return cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT)


@pytest.fixture(scope="module")
def inputs(photo: Path, dance: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """plain.png and barred.png, plain/ and barred/: photo and driving without and with bars."""
    folder = tmp_path_factory.mktemp("bars")
    picture = read_photo(photo, SIDE).rgb
    Image.fromarray(picture).save(folder / "plain.png")
    Image.fromarray(framed(picture, LEFT, TOP, RIGHT, BOTTOM)).save(folder / "barred.png")
    for name, sides in (("plain", (0, 0, 0, 0)), ("barred", (30, 0, 50, 0))):
        (folder / name).mkdir()
        for index, frame in enumerate(open_clip(dance, max_frames=FRAMES, max_side=SIDE)):
            Image.fromarray(framed(frame, *sides)).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def plain(lwgan: Lwgan, inputs: Path) -> Run:
    return lwgan(inputs, "imitate", "plain.png", "plain", "-o", "without/")


def inside(picture: np.ndarray) -> np.ndarray:
    return picture[TOP:-BOTTOM, LEFT:-RIGHT]


@pytest.mark.slow
def test_the_result_is_drawn_within_the_photo_s_bars(lwgan: Lwgan, inputs: Path, plain: Run) -> None:
    run = lwgan(inputs, "imitate", "barred.png", "barred", "-o", "with/")
    assert run.code == 0 and plain.code == 0
    width, height = plain.report["size"]
    assert run.report["size"] == [width + LEFT + RIGHT, height + TOP + BOTTOM]
    assert [(each.get("width"), each.get("height")) for each in run.report["inputs"][1:]] == [
        (framed(frame, 30, 0, 50, 0).shape[1], frame.shape[0]) for frame in [open_clip(inputs / "plain").first()]
    ]
    for ours, theirs in zip(run.pictures(), plain.pictures(), strict=True):
        assert np.array_equal(inside(ours), theirs)
        bars = np.ones(ours.shape[:2], bool)
        inside(bars)[:] = False
        assert (ours[bars] == 0).all()


def test_another_background_covers_the_bars_and_beside_it_all_is_whole(lwgan: Lwgan, inputs: Path) -> None:
    colour = "#{:02x}{:02x}{:02x}".format(*COLOUR)
    options = ("--background", colour, "--side-by-side", "--max-frames", "1")
    run = lwgan(inputs, "imitate", "barred.png", "barred", *options, "-o", "colour/")
    assert run.code == 0
    photo, driving, picture = (
        read_photo(inputs / "barred.png").rgb,
        open_clip(inputs / "barred").first(),
        run.pictures(),
    )
    (height, width), scale = photo.shape[:2], photo.shape[0] / driving.shape[0]
    assert np.array_equal(picture[0][:, :width], photo)
    assert picture[0].shape[1] == pytest.approx(2 * width + scale * driving.shape[1], abs=2)
    result = picture[0][:height, -width:]
    assert (result[:TOP] == COLOUR).all() and (result[:, -RIGHT:] == COLOUR).all()


def test_a_fit_lies_where_the_person_is_in_the_file(lwgan: Lwgan, inputs: Path) -> None:
    cameras, sizes = [], []
    for name in ("plain.png", "barred.png"):
        run = lwgan(inputs, "fit", name, "-o", f"{name}.npz")
        assert run.code == 0
        motion = load_motion(inputs / f"{name}.npz")
        cameras.append(motion.picture_camera()[0])
        sizes.append(motion.image_size)
    assert np.allclose(cameras[1] - cameras[0], [0, LEFT, TOP], atol=1e-2)
    assert sizes[1] == (sizes[0][0] + LEFT + RIGHT, sizes[0][1] + TOP + BOTTOM)


def test_whoever_is_at_a_point_of_the_file_is_chosen_within_the_bars(inputs: Path) -> None:
    clip = without_bars(open_clip(inputs / "barred.png"))
    assert choice_in(clip, CommonConfig(person=Choice(point=(100, 150)))) == Choice(point=(100 - LEFT, 150 - TOP))
