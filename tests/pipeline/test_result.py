"""The main job on the sample photo and dance: what comes out, in pictures and in numbers."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.motion import load_motion
from lwgan_cli.recovery.watch import watch
from tests.frames.media import describe, sound_of
from tests.pipeline.runner import FRAMES, SIDE, Run, drawn, psnr, untouched

SIZE = (SIDE * 3 // 4, SIDE)
KINDS = (("maps", "png"), ("flows", "npz"), ("warps", "png"))
LIMBS = ((11, 15), (12, 16), (23, 27), (24, 28))  # BlazePose's shoulder to wrist, hip to ankle


def test_the_report_says_what_was_made(imitation: Run, photo: Path, dance: Path) -> None:
    report = imitation.report
    assert imitation.code == 0 and imitation.errors == []
    assert (report["output"], report["frames"], report["fps"]) == ("person--dance.mp4", FRAMES, 25.0)
    assert tuple(report["size"]) == SIZE
    assert report["warnings"] == [] and report["overlay"] is None
    assert [each["path"] for each in report["inputs"]] == [str(photo), str(dance)]
    assert report["backends"] == {"rasterizer": "torch", "body": "open", "generator": "none", "fitter": "best"}


def test_the_report_counts_the_seconds_of_every_stage(imitation: Run) -> None:
    seconds = imitation.report["seconds"]
    stages = ["decode", "detect", "fit", "dress", "rasterize", "composite", "encode"]
    assert [name for name in seconds if name in stages] == stages
    assert all(seconds[name] > 0 for name in stages)


def test_the_bodies_lie_on_the_people(imitation: Run) -> None:
    photo, driving = imitation.report["fit"]["photo"], imitation.report["fit"]["driving"]
    assert photo["iou"] > 0.92 and driving["iou"] > 0.8
    assert photo["reprojection"] < 1 and driving["reprojection"] < 1  # % of the person's height
    assert driving["jitter"] < 1.5 and photo["jitter"] is None


def test_the_video_is_as_announced(imitation: Run, dance: Path) -> None:
    path = imitation.folder / "person--dance.mp4"
    clip = open_clip(path)
    assert (len(list(clip)), clip.width, clip.height, clip.fps) == (FRAMES, *SIZE, 25.0)
    told = describe(path)
    assert re.search(r"comment +: synthesised by lwgan .*not a recording", told)
    assert re.search(r"Video: h264 .*yuv420p", told)
    assert {each.name for each in imitation.folder.iterdir()} - {"frames"} == {"parts", path.name}


def test_the_sound_is_the_driving_s_and_ends_with_the_frames(imitation: Run, dance: Path) -> None:
    ours, theirs = sound_of(imitation.folder / "person--dance.mp4"), sound_of(dance)
    assert len(ours) / 48000 == pytest.approx(FRAMES / 25, abs=0.05)
    length = min(len(ours), int(48000 * (FRAMES / 25 - 0.05)))
    assert np.corrcoef(ours[:length], theirs[:length])[0, 1] > 0.95


def test_the_person_moves_as_the_driver_does(frames: Run, dance: Path) -> None:
    ours = watch(frames.pictures()).keypoints
    theirs = watch(list(open_clip(dance, max_frames=FRAMES))).keypoints
    assert ours.found.all()

    def directions(points: np.ndarray) -> np.ndarray:
        """(limbs, T) angle in the picture, degrees."""
        along = np.stack([points[:, far] - points[:, near] for near, far in LIMBS])
        return np.degrees(np.unwrap(np.arctan2(along[..., 1], along[..., 0])))

    apart = directions(ours.points) - directions(theirs.points)
    assert np.abs(apart).mean(1).max() < 8
    moved = np.ptp(directions(theirs.points), axis=1)
    assert moved.max() > 25  # else it would show nothing
    assert np.ptp(apart, axis=1)[moved.argmax()] < 0.4 * moved.max()


def test_who_moves_is_the_person_of_the_photo(imitation: Run, frames: Run, dance: Path) -> None:
    """By the colours of their clothes, skin and hair."""

    def colours(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return cv2.calcHist([picture], [0, 1, 2], mask.astype(np.uint8), [6, 6, 6], [0, 256] * 3)

    picture = read_photo(imitation.report["inputs"][0]["path"], SIDE).over()
    alpha = np.array(Image.open(imitation.folder / "parts" / "photo0_alpha.png"))
    theirs = watch(drivers := list(open_clip(dance, max_frames=1))).keypoints
    x, y, side = theirs.crop[0]
    mask = cv2.warpAffine(
        theirs.masks[0],
        np.array([[side / 256, 0, x - side / 2], [0, side / 256, y - side / 2]]),
        drivers[0].shape[1::-1],
    )
    result, person = frames.pictures()[0], drawn(imitation.folder / "parts", 0, SIZE) > 0.9
    shown = colours(result, person)
    distance = cv2.HISTCMP_BHATTACHARYYA
    assert cv2.compareHist(shown, colours(picture, alpha > 230), distance) < 0.35
    assert cv2.compareHist(shown, colours(drivers[0], mask > 230), distance) > 0.6


def test_the_photo_stays_where_nobody_stands_or_stood(imitation: Run, frames: Run, photo: Path) -> None:
    parts = imitation.folder / "parts"
    picture = read_photo(photo, SIDE).over()
    for number, result in enumerate(frames.pictures()):
        away = untouched(parts, number, SIZE)
        assert away.mean() > 0.4
        assert (result[away] == picture[away]).all()


def test_the_person_is_gone_from_the_background(imitation: Run, photo: Path) -> None:
    """What stands where the person stood is like the wall around, not like the person."""
    plate = np.array(Image.open(imitation.folder / "parts" / "background.png")).astype(float)
    picture = read_photo(photo, SIDE).over().astype(float)
    alpha = np.array(Image.open(imitation.folder / "parts" / "photo0_alpha.png"))
    ring = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((41, 41))) - cv2.dilate(
        (alpha > 0).astype(np.uint8), np.ones((9, 9))
    )
    upper = np.arange(len(alpha))[:, None] < len(alpha) // 2
    around = np.median(picture[(ring > 0) & upper], axis=0)
    inside = (alpha > 250) & upper
    assert np.abs(plate[inside] - around).mean() < 0.35 * np.abs(picture[inside] - around).mean()


def test_a_video_shows_what_the_pictures_show(imitation: Run, frames: Run) -> None:
    for encoded, exact in zip(imitation.pictures(), frames.pictures(), strict=True):
        assert psnr(encoded, exact) > 34


def test_what_was_fitted_once_is_not_fitted_again(imitation: Run, frames: Run) -> None:
    assert imitation.report["seconds"]["fit"] > 0
    assert frames.report["seconds"]["fit"] == 0
    assert frames.report["fit"]["driving"] == imitation.report["fit"]["driving"]


def test_what_lies_between_is_kept(imitation: Run, frames: Run) -> None:
    parts = imitation.folder / "parts"
    names = {str(each.relative_to(parts)) for each in parts.rglob("*") if each.is_file()}
    once = {"photo0.npz", "photo0_offsets.npy", "photo0_alpha.png", "driving.npz", "background.png"}
    each = {f"{kind}/{n:06d}.{end}" for n in range(FRAMES) for kind, end in KINDS}
    assert names == once | each
    assert len(load_motion(parts / "driving.npz")) == FRAMES and len(load_motion(parts / "photo0.npz")) == 1
    vertices = np.load(parts / "photo0_offsets.npy")
    assert vertices.shape[1] == 3 and 0.001 < np.abs(vertices).max() < 0.3  # m: hair and clothes
    flow = np.load(parts / "flows" / "000000.npz")
    sources, height, width, _ = flow["grid"].shape
    assert sources == 1 and flow["visible"].shape == (1, height, width)
    # the drawn person over the background is the result, but for the shadow under the feet
    plate = np.array(Image.open(parts / "background.png")).astype(float)
    warp = np.array(Image.open(parts / "warps" / "000000.png")).astype(float)
    (x, y), alpha = flow["corner"], warp[..., 3:] / 255
    part = plate[y : y + height, x : x + width]
    part[:] = warp[..., :3] * alpha + part * (1 - alpha)
    darker = plate - frames.pictures()[0]
    assert darker.min() >= -2 and (darker > 2).mean() < 0.02 and darker.max() < 80
    assert darker[: round(0.7 * len(darker))].max() <= 2
