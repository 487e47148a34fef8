"""What stands behind the person, what form the result has, and what is refused before the work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from lwgan_cli import assets
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from tests.frames.media import ffmpeg
from tests.pipeline import runner
from tests.pipeline.runner import FRAMES, SIDE, Lwgan, Run, drawn, psnr

SIZE = (SIDE * 3 // 4, SIDE)
CUT = ("--max-frames", str(FRAMES), "--max-side", SIDE)  # as the fixtures', so that the dance's fit is there


def away(run: Run, frame: int, parts: Path) -> np.ndarray:
    """(H, W) bool: nobody is drawn there."""
    return drawn(parts, frame, tuple(run.report["size"])) == 0


@pytest.fixture(scope="module")
def parts(imitation: Run) -> Path:
    return imitation.folder / "parts"


def test_a_colour_stands_behind_the_person(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, parts: Path, frames: Run
) -> None:
    run = lwgan(tmp_path, "imitate", photo, dance, *CUT, "-o", "out/", "--background", "#336699")
    assert run.code == 0
    for number, (result, usual) in enumerate(zip(run.pictures(), frames.pictures(), strict=True)):
        assert (result[away(run, number, parts)] == (0x33, 0x66, 0x99)).all()
        person = drawn(parts, number, SIZE) > 0.999
        assert np.abs(result[person].astype(int) - usual[person]).max() <= 1


def test_nothing_stands_behind_the_person(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, parts: Path, frames: Run
) -> None:
    """The default output of a transparent result is a WebM; alpha survives its encoding."""
    run = lwgan(tmp_path, "imitate", photo, dance, *CUT, "--background", "transparent")
    assert run.code == 0 and run.report["output"] == "person--dance.webm"
    raw = ffmpeg(
        *("-c:v", "libvpx-vp9", "-i", tmp_path / "person--dance.webm", "-pix_fmt", "rgba", "-f", "rawvideo", "-")
    )
    decoded = np.frombuffer(raw, np.uint8).reshape(-1, SIZE[1], SIZE[0], 4)
    assert len(decoded) == FRAMES
    for number, usual in enumerate(frames.pictures()):
        alpha = drawn(parts, number, SIZE)
        assert np.abs(decoded[number, ..., 3] / 255 - alpha).mean() < 0.01
        assert psnr(decoded[number, ..., :3], usual, cv2.erode(alpha, np.ones((9, 9))) > 0.999) > 30


def test_a_picture_stands_behind_the_person(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, parts: Path
) -> None:
    """A wider picture loses its sides, and isn't distorted."""
    ramp = np.zeros((SIZE[1], 2 * SIZE[0], 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, 2 * SIZE[0]).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "wide.png")
    run = lwgan(tmp_path, "imitate", photo, dance, *CUT, "-o", "out/", "--background", tmp_path / "wide.png")
    assert run.code == 0
    free = away(run, 0, parts)
    middle = ramp[:, SIZE[0] // 2 : SIZE[0] // 2 + SIZE[0]]
    assert (run.pictures()[0][free] == middle[free]).all()


def test_the_driver_s_scene_stands_behind_the_person(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, frames: Run
) -> None:
    run = lwgan(tmp_path, "imitate", photo, dance, *CUT, "-o", "out/", "--background", "driving", "--keep", "parts")
    clip = open_clip(dance, max_side=SIDE, max_frames=FRAMES)
    assert run.code == 0 and tuple(run.report["size"]) == (clip.width, clip.height)
    scene = list(clip)
    mask = np.ones((clip.height, clip.width), bool)
    mask[40:430, 60:290] = False  # the driver, and the shadow
    for number, result in enumerate(run.pictures()):
        free = mask & away(run, number, tmp_path / "parts")
        assert free.mean() > 0.3
        assert psnr(result, scene[number], free) > 35
    # the person of the photo stands on the driver's place
    x, y = (cut.mean() for cut in np.nonzero(drawn(tmp_path / "parts", 0, (clip.width, clip.height)) > 0.5)[::-1])
    driver = np.load(tmp_path / "parts" / "driving.npz")["crop"][0]
    assert abs(x - driver[0]) < 20 and abs(y - driver[1]) < 30


def test_side_by_side_shows_photo_driving_and_result(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, frames: Run
) -> None:
    command = ("imitate", photo, dance, *CUT, "-o", "out/", "--side-by-side")
    plan = lwgan(tmp_path, *command, "--dry-run")
    run = lwgan(tmp_path, *command)
    driver = list(open_clip(dance, max_side=SIDE, max_frames=FRAMES))
    width = SIZE[0] * 2 + driver[0].shape[1]
    assert run.report["size"] == plan.report["size"] == [width, SIZE[1]]
    for number, (shown, result) in enumerate(zip(run.pictures(), frames.pictures(), strict=True)):
        assert (shown[:, : SIZE[0]] == read_photo(photo, SIDE).over()).all()
        assert (shown[:, SIZE[0] : -SIZE[0]] == driver[number]).all()
        assert (shown[:, -SIZE[0] :] == result).all()


@pytest.mark.parametrize(
    ("name", "kind", "count"), [("a.gif", "GIF", FRAMES), ("a.webp", "WEBP", FRAMES), ("a.png", "PNG", 1)]
)
def test_animations_and_pictures(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, frames: Run, name: str, kind: str, count: int
) -> None:
    given = dance if count > 1 else photo
    cut = CUT if count > 1 else CUT[2:]
    run = lwgan(tmp_path, "imitate", photo, given, *cut, "-o", name)
    assert run.code == 0 and run.report["frames"] == count
    with Image.open(tmp_path / name) as picture:
        assert (picture.format, picture.size, getattr(picture, "n_frames", 1)) == (kind, SIZE, count)
    if count > 1:
        assert psnr(run.pictures()[0], frames.pictures()[0]) > 28
    assert {each.name for each in tmp_path.iterdir()} == {name}


def test_a_dry_run_writes_nothing(lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, no_work: None) -> None:
    run = lwgan(tmp_path, "imitate", photo, dance, *CUT, "--keep", "parts", "--dry-run")
    assert run.code == 0 and list(tmp_path.iterdir()) == []
    report = run.report
    assert report["dry_run"] and report["seconds"] == {}
    assert (report["output"], report["frames"], report["fps"], report["size"]) == (
        "person--dance.mp4",
        FRAMES,
        25.0,
        list(SIZE),
    )
    assert report["estimated_seconds"] > 1
    assert [each["kind"] for each in report["inputs"]] == ["photo", "video"]
    assert report["inputs"][0]["width"] / report["inputs"][0]["height"] == pytest.approx(SIZE[0] / SIZE[1])


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a photo is looked at: what can be refused has to be refused before that."""

    def work(*arguments: Any) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr(runner.Lwgan, "_recover", work)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["-o", "there.mp4"], 2, "there.mp4 exists"),
        (["-o", "nowhere/a.mp4"], 2, "there is no folder"),
        (["-o", "a.txt"], 2, ".txt isn't a form"),
        (["-o", "a.png"], 2, "a picture holds one frame, not 100"),
        (["-o", "a.mp4", "--background", "transparent"], 2, ".mp4 can't be transparent"),
        (["-o", "a.webm", "--background", "transparent", "--side-by-side"], 2, "--side-by-side"),
        (["-o", "a.mp4", "--start", "60"], 2, "--start 60 lies beyond the end"),
        (["-o", "a.mp4", "--body", "smpl"], 4, "no official SMPL file"),
        (["-o", "a.mp4", "--body", "lost.npz"], 4, "lost.npz"),
        (["-o", "a.mp4", "--weights", "lost"], 4, "--weights lost: no such folder"),
        (["-o", "a.mp4", "--generator", "lost.safetensors"], 4, "lost.safetensors: no such file"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, no_work: None, options: list[str], code: int, says: str
) -> None:
    (tmp_path / "there.mp4").write_bytes(b"mine")
    began = time.monotonic()
    run = lwgan(tmp_path, "imitate", photo, dance, *options)
    assert (run.code, run.report) == (code, {})
    assert len(run.errors) == 1 and says in run.errors[0]
    assert {each.name for each in tmp_path.iterdir()} == {"there.mp4"}
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"
    assert time.monotonic() - began < 5


def test_the_output_is_no_input(lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, no_work: None) -> None:
    copy = tmp_path / "dance.mp4"
    copy.write_bytes(dance.read_bytes())
    run = lwgan(tmp_path, "imitate", photo, "dance.mp4", "-o", "dance.mp4", "--overwrite")
    assert run.code == 2 and "would overwrite the input" in run.errors[0]
    assert copy.read_bytes() == dance.read_bytes()


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_weights_that_are_missing_or_damaged(
    lwgan: Lwgan,
    tmp_path: Path,
    project: Path,
    photo: Path,
    dance: Path,
    no_work: None,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    package = tmp_path / "package"
    if damage == "truncated":
        weights = package / "_weights"
        weights.mkdir(parents=True)
        for name in ("manifest.json", "body.npz", "landmarks.npz"):
            (weights / name).write_bytes(
                (project / "weights" / name).read_bytes()[: 500_000 if "body" in name else None]
            )
    monkeypatch.setattr(assets, "_PACKAGE", package)
    run = lwgan(tmp_path, "imitate", photo, dance, "-o", "a.mp4")
    assert run.code == 4 and len(run.errors) == 1
    assert ("no weights" if damage == "missing" else "damaged") in run.errors[0]
    assert not (tmp_path / "a.mp4").exists()
