"""Motion files as the driving: cut as a video is, and drawing what the video draws."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from lwgan_cli.config import DrawConfig
from lwgan_cli.errors import UsageError
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.motion import load_motion, save_motion
from lwgan_cli.pipeline.driving import open_driving, read_motion
from lwgan_cli.records import Motion
from tests.frames.media import make_video, number_of
from tests.pipeline.runner import SIDE, Lwgan, Run, drawn, psnr

COUNT = 30


def numbered_motion(frames: int, fps: float) -> Motion:
    """Each frame's number is the place of its crop."""
    crop = np.stack([np.arange(frames), np.zeros(frames), np.full(frames, 100)], 1).astype(np.float32)
    return Motion(
        poses=np.zeros((frames, 24, 3), np.float32),
        betas=np.zeros(10, np.float32),
        camera=np.tile(np.array([1, 0, 0], np.float32), (frames, 1)),
        crop=crop,
        image_size=(128, 64),
        fps=fps,
        valid=np.ones(frames, bool),
        body="open:",
        shots=np.zeros(frames, np.int32),
    )


@pytest.fixture(scope="module", params=[25, 30])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A video of numbered frames, and a motion file of as many at the same rate."""
    folder = tmp_path_factory.mktemp("numbered")
    save_motion(folder / "clip.npz", numbered_motion(COUNT, float(request.param)))
    return make_video(folder / "clip.mp4", COUNT, request.param), folder / "clip.npz"


CUTS: list[dict[str, float | int]] = [
    {name: value for name, value in zip(("start", "duration", "fps", "max_frames"), values, strict=True) if value}
    for values in itertools.product((0, 0.37), (0, 0.52), (0, 8, 60), (0, 5))
]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_options_cut_a_motion_as_they_cut_its_video(pair: tuple[Path, Path], cut: dict[str, float]) -> None:
    video, motion = pair
    config = DrawConfig(**cut)  # type: ignore[arg-type]
    clip = open_driving(video, config)
    assert clip is not None
    read = read_motion(motion, config)
    assert read.crop[:, 0].astype(int).tolist() == [number_of(frame) for frame in clip]
    assert read.fps == pytest.approx(clip.fps)


def test_a_start_beyond_the_end_is_wrong_usage_for_both(pair: tuple[Path, Path]) -> None:
    for path, read in zip(pair, (open_driving, read_motion), strict=True):
        with pytest.raises(UsageError, match=r"--start 9 lies beyond the end of .*clip\.(mp4|npz) \(1\.[02]0? ?0?"):
            read(path, DrawConfig(start=9.0))


@pytest.fixture(scope="module")
def fitted(lwgan: Lwgan, steps: Path) -> Run:
    """`lwgan fit` of the first steps."""
    return lwgan(steps.parent, "fit", steps, "-o", "steps.npz", "--max-side", SIDE)


def test_fit_writes_a_motion_and_a_film_of_it(fitted: Run, steps: Path) -> None:
    report = fitted.report
    assert fitted.code == 0 and fitted.errors == []
    assert (report["output"], report["overlay"]) == ("steps.npz", "steps--fit.mp4")
    motion, clip = load_motion(fitted.folder / "steps.npz"), list(open_clip(steps, max_side=SIDE))
    assert (len(motion), motion.fps, motion.image_size) == (len(clip), 25.0, (360, 480))
    assert motion.valid.all() and motion.body.startswith("open:")
    assert report["fit"]["driving"]["iou"] > 0.8 and report["fit"]["driving"]["reprojection"] < 1
    overlay = list(open_clip(fitted.folder / "steps--fit.mp4"))
    assert len(overlay) == len(clip) and overlay[0].shape == clip[0].shape
    # the body is drawn over the person, and nothing elsewhere
    x, y, _ = motion.crop[0].astype(int)
    changed = np.abs(overlay[0].astype(int) - clip[0]).max(-1) > 40
    assert changed[y - 30 : y + 30, x - 10 : x + 10].mean() > 0.8
    assert changed[:, :60].mean() < 0.01


def test_a_motion_draws_what_its_video_draws(lwgan: Lwgan, photo: Path, steps: Path, fitted: Run) -> None:
    video, motion = (
        lwgan(fitted.folder, "imitate", photo, given, "-o", f"{given.suffix[1:]}/", "--max-side", SIDE)
        for given in (steps, fitted.folder / "steps.npz")
    )
    assert video.code == motion.code == 0
    assert motion.report["fps"] == 25.0 and "driving" not in motion.report["fit"]
    for one, other in zip(video.pictures(), motion.pictures(), strict=True):
        assert psnr(one, other) > 45


def test_an_amass_file_drives_whoever_s_shape_it_has(lwgan: Lwgan, photo: Path, tmp_path: Path) -> None:
    """z up, SMPL-H's joints, betas of another body. Both arms rise from the T-pose; every other frame is read."""
    results = []
    for name, betas in (("tall", np.linspace(3, -3, 16)), ("small", np.zeros(16))):
        poses = np.zeros((8, 156))
        poses[:, 0] = np.pi / 2  # upright where z is up
        poses[:, 16 * 3 + 2], poses[:, 17 * 3 + 2] = np.linspace(0, 0.8, 8), np.linspace(0, -0.8, 8)
        motion = dict(poses=poses, betas=betas, trans=np.zeros((8, 3)), mocap_framerate=50.0)
        np.savez(tmp_path / f"{name}.npz", **motion)
        cut = ("--fps", "25", "--max-side", SIDE)
        run = lwgan(tmp_path, "imitate", photo, f"{name}.npz", "-o", f"{name}/", "--keep", f"{name}-parts", *cut)
        assert run.code == 0 and (run.report["frames"], run.report["fps"]) == (4, 25.0)
        results.append(run.pictures())
    assert all((one == other).all() for one, other in zip(*results, strict=True))
    hands = []  # rows of the outermost pixels
    for row in range(4):
        rows, columns = np.nonzero(drawn(tmp_path / "tall-parts", row, (360, 480)) > 0.5)
        hands.append([rows[columns == columns.min()].mean(), rows[columns == columns.max()].mean()])
        if row == 0:
            assert np.ptp(columns) > 0.9 * np.ptp(rows)  # the T-pose: as wide as high
    assert (np.diff(hands, axis=0) < -10).all()


def test_fit_of_a_photo(lwgan: Lwgan, photo: Path, tmp_path: Path) -> None:
    run = lwgan(tmp_path, "fit", photo, "--max-side", SIDE)
    assert run.code == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["person--fit.npz", "person--fit.png"]
    assert len(load_motion(tmp_path / "person--fit.npz")) == 1
    assert run.report["fit"]["photo"]["iou"] > 0.92


def test_fit_refuses_what_it_would_overwrite(lwgan: Lwgan, photo: Path, fitted: Run) -> None:
    before = (fitted.folder / "steps.npz").read_bytes()
    run = lwgan(fitted.folder, "fit", photo, "-o", "steps.npz")
    assert run.code == 2 and "steps.npz exists" in run.errors[0]
    assert (fitted.folder / "steps.npz").read_bytes() == before
    assert lwgan(fitted.folder, "fit", "steps.npz", "-o", "other.npz").code == 3


def test_a_motion_has_no_pictures_and_is_no_photo(lwgan: Lwgan, photo: Path, fitted: Run) -> None:
    for option in (["--side-by-side"], ["--background", "driving"]):
        run = lwgan(fitted.folder, "imitate", photo, "steps.npz", "-o", "x.mp4", *option)
        assert run.code == 2 and f"{' '.join(option)} needs the driver's pictures" in run.errors[0]
    run = lwgan(fitted.folder, "imitate", "steps.npz", photo, "-o", "x.mp4")
    assert run.code == 3 and "holds only motion" in run.errors[0]
    assert not (fitted.folder / "x.mp4").exists()
