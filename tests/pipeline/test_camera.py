"""Where the person stands, against motions whose places are known: the photo's own pose, moved about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from lwgan_cli.frames.photo import read_photo
from lwgan_cli.motion import load_motion, save_motion
from lwgan_cli.records import Motion
from tests.pipeline.runner import SIDE, Lwgan, Run, drawn, psnr

SIZE = (SIDE * 3 // 4, SIDE)
STEP = 24.0  # px to the right, frame by frame
SHADOW = 25  # px: so near the feet theirs goes with them


@pytest.fixture(scope="module")
def posed(imitation: Run) -> Motion:
    """The photo's person as fitted."""
    return load_motion(imitation.folder / "parts" / "photo0.npz")


def walk(posed: Motion, frames: int = 3) -> Motion:
    """The same pose, `STEP` px further to the right in each frame."""
    rows = np.zeros(frames, int)
    moved = posed[rows].crop.copy()
    moved[:, 0] += STEP * np.arange(frames)
    return replace(posed[rows], crop=moved, fps=25.0)


def run(lwgan: Lwgan, folder: Path, photo: Path, motion: Motion, *options: str | Path) -> Run:
    save_motion(folder / "motion.npz", motion)
    arguments = ("imitate", photo, "motion.npz", "-o", "out/", "--max-side", SIDE, "--keep", "parts", *options)
    done = lwgan(folder, *arguments)
    assert done.code == 0, done.errors
    return done


def middles(run: Run) -> np.ndarray:
    """(T, 2) px: the middle of the drawn person, frame by frame."""
    places = []
    for frame in range(run.report["frames"]):
        rows, columns = np.nonzero(drawn(run.folder / "parts", frame, tuple(run.report["size"])) > 0.5)
        places.append((columns.mean(), rows.mean()))
    return np.array(places)


@pytest.mark.slow
def test_the_photo_s_own_pose_gives_the_photo(lwgan: Lwgan, tmp_path: Path, photo: Path, posed: Motion) -> None:
    done = run(lwgan, tmp_path, photo, replace(posed, fps=25.0))
    result, picture = done.pictures()[0], read_photo(photo, SIDE).over()
    person = (drawn(tmp_path / "parts", 0, SIZE) > 0.9).astype(np.uint8)
    inside = cv2.erode(person, np.ones((7, 7))) > 0
    assert psnr(result, picture, inside) > 38
    assert psnr(result, picture) > 30  # with the outline, and where the photo's shadow was

    def moved(x: float, y: float) -> float:
        shifted = cv2.warpAffine(picture, np.array([[1.0, 0, x], [0, 1.0, y]]), SIZE)
        return psnr(result, shifted, inside)

    assert max(moved(0.25, 0), moved(-0.25, 0), moved(0, 0.25), moved(0, -0.25)) < moved(0, 0) - 3


def test_smooth_moves_the_person_as_far_as_the_driver_moves(
    lwgan: Lwgan, tmp_path: Path, photo: Path, posed: Motion
) -> None:
    done = run(lwgan, tmp_path, photo, walk(posed))
    assert np.diff(middles(done), axis=0) == pytest.approx(np.array([[STEP, 0], [STEP, 0]]), abs=0.3)
    # whole pixels: the person is the same, further to the right
    first, second = (drawn(tmp_path / "parts", frame, SIZE) for frame in (0, 1))
    assert np.abs(np.roll(first, int(STEP), 1) - second).mean() < 0.002


def test_source_keeps_the_person_in_place(lwgan: Lwgan, tmp_path: Path, photo: Path, posed: Motion) -> None:
    first, second, third = run(lwgan, tmp_path, photo, walk(posed), "--camera", "source").pictures()
    assert (first == second).all() and (second == third).all()


def test_driving_puts_the_person_where_the_driver_is(lwgan: Lwgan, tmp_path: Path, photo: Path, posed: Motion) -> None:
    """The driver's picture is half as large as the photo's: laid over it, everything in it is twice as large."""
    small = walk(posed)
    small = replace(small, crop=small.crop / 2, image_size=(SIZE[0] // 2, SIZE[1] // 2))
    smooth = middles(run(lwgan, tmp_path, photo, walk(posed)))
    driving = middles(run(lwgan, tmp_path, photo, small, "--camera", "driving", "--overwrite"))
    assert driving == pytest.approx(smooth, abs=0.5)
    # and a driver in another corner stands in that corner
    far = replace(walk(posed), crop=walk(posed).crop + np.array([40, -30, 0], np.float32))
    moved = middles(run(lwgan, tmp_path, photo, far[np.array([0])], "--camera", "driving", "--overwrite"))
    assert moved[0] - smooth[0] == pytest.approx(np.array([40, -30]), abs=0.5)


def test_a_person_who_leaves_the_picture_is_no_trouble(
    lwgan: Lwgan, tmp_path: Path, photo: Path, posed: Motion
) -> None:
    far = walk(posed, 2)
    far = replace(far, crop=far.crop + np.array([[0, 0, 0], [5000, 0, 0]], np.float32))
    shown, gone = run(lwgan, tmp_path, photo, far).pictures()
    assert psnr(gone, shown) < 25
    assert drawn(tmp_path / "parts", 1, SIZE).max() == 0


def panned(motion: Motion, step: float) -> Motion:
    """Filmed by a camera that turns away: all of the scene goes to the right, `step` px in each frame."""
    scene = np.tile(np.eye(2, 3, dtype=np.float32), (len(motion), 1, 1))
    scene[:, 0, 2] = step * np.arange(len(motion))
    return replace(motion, scene=scene)


def test_the_scene_moves_as_the_driver_s_camera_does(lwgan: Lwgan, tmp_path: Path, photo: Path, posed: Motion) -> None:
    """A person who goes as far as the scene goes stands still in it: every frame is the first, further to the right."""
    first, *others = run(lwgan, tmp_path, photo, panned(walk(posed), STEP)).pictures()
    assert len(others) == 2
    for count, frame in enumerate(others, 1):
        right = int(STEP) * count
        assert psnr(frame[:, right + 8 : -8], first[:, 8 : -8 - right]) > 38
        made_up = frame[:, : right - 8].astype(float)
        assert np.abs(made_up.mean((0, 1)) - first[:, :right].mean((0, 1))).max() < 25  # the room goes on


@pytest.mark.parametrize(
    ("step", "options"),
    [(STEP, ("--camera", "source")), (10 * STEP, ()), (STEP, ("--background", "#204060"))],
    ids=["source", "too far", "colour"],
)
def test_the_scene_stays(
    lwgan: Lwgan, tmp_path: Path, photo: Path, posed: Motion, step: float, options: tuple[str, ...]
) -> None:
    """In a place of its own, behind a camera that shows more of it than could be made up, and where there is none."""
    done = run(lwgan, tmp_path, photo, panned(walk(posed), step), *options)
    frames = done.pictures()
    anybody = np.logical_or.reduce([drawn(tmp_path / "parts", each, SIZE) > 0 for each in range(3)])
    nobody = cv2.dilate(anybody.astype(np.uint8), np.ones((SHADOW, SHADOW))) == 0
    assert nobody.mean() > 0.3
    assert all(np.array_equal(frame[nobody], frames[0][nobody]) for frame in frames)
