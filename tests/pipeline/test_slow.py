"""The command at full length: the whole sample dance, a clip of 600 frames, and real clips against themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from lwgan_cli.detection.keypoints import uncut
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.recovery.watch import watch
from tests.frames.media import ffmpeg, sound_of
from tests.pipeline.runner import drawn, psnr

pytestmark = pytest.mark.slow

MEASURED = """
import resource, sys
from lwgan_cli.cli.main import run
code = run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def measured(folder: Path, *arguments: str | Path) -> tuple[dict, float]:  # type: ignore[type-arg]
    """The report of a run in a process of its own, and the most memory that it held, MB."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments), "--json", "--no-cache"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root), "LWGAN_CACHE": str(folder / "cache")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report, held = done.stdout.splitlines()
    return json.loads(report), int(held) / (1024 if sys.platform == "linux" else 1024**2)


def test_the_whole_sample(project: Path, tmp_path: Path) -> None:
    examples = project / "examples"
    dance = examples / "dance.mp4"
    report, _ = measured(tmp_path, "imitate", examples / "person.jpg", dance, "--keep", "parts")
    frames, driver = list(open_clip(tmp_path / "person--dance.mp4")), list(open_clip(dance))
    assert report["frames"] == len(frames) == len(driver) == 100
    assert report["warnings"] == []
    assert report["fit"]["photo"]["iou"] > 0.92 and report["fit"]["driving"]["iou"] > 0.85
    assert report["fit"]["photo"]["reprojection"] < 1 and report["fit"]["driving"]["reprojection"] < 1
    assert len(sound_of(tmp_path / "person--dance.mp4")) / 48000 == pytest.approx(4.0, abs=0.05)

    ours, theirs = watch(frames).keypoints, watch(driver).keypoints
    assert ours.found.all()
    limbs = np.array([(11, 13), (13, 15), (12, 14), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28)])

    def directions(points: np.ndarray) -> np.ndarray:
        along = points[:, limbs[:, 1]] - points[:, limbs[:, 0]]
        return along / np.linalg.norm(along, axis=-1, keepdims=True)

    alike = (directions(ours.points) * directions(theirs.points)).sum(-1)
    assert np.degrees(np.arccos(np.median(alike))) < 8 and np.mean(alike > np.cos(np.radians(25))) > 0.85
    # steady: the shown person's points shake no more than half as much again as the driver's
    shaken = [np.linalg.norm(np.diff(k.points[:, limbs.ravel()], 2, axis=0), axis=-1).mean() for k in (ours, theirs)]
    scale = np.ptp(ours.points[:, :, 1], axis=1).mean() / np.ptp(theirs.points[:, :, 1], axis=1).mean()
    assert shaken[0] < 1.5 * scale * shaken[1]
    # nobody is torn: the drawn person is one piece, but for specks
    for number in range(0, 100, 10):
        shape = (drawn(tmp_path / "parts", number, tuple(report["size"])) > 0.5).astype(np.uint8)
        areas = np.sort(cv2.connectedComponentsWithStats(shape)[2][1:, cv2.CC_STAT_AREA])[::-1]
        assert areas[0] > 0.98 * areas.sum()


def test_memory_does_not_grow_with_the_clip(project: Path, tmp_path: Path) -> None:
    """Six rounds of the sample dance need as much memory as one."""
    examples = project / "examples"
    ffmpeg("-stream_loop", "5", "-i", examples / "dance.mp4", "-c", "copy", tmp_path / "long.mp4")
    held, frames = [], []
    for number, driving in enumerate((examples / "dance.mp4", tmp_path / "long.mp4")):
        arguments = ("imitate", examples / "person.jpg", driving, "--max-side", "480", "-o", f"{number}.mp4")
        report, peak = measured(tmp_path, *arguments)
        held.append(peak)
        frames.append(report["frames"])
    assert frames[0] == 100 and frames[1] >= 600
    assert held[1] < 1.15 * held[0], held


@pytest.mark.parametrize("name", ["tfjs_squats.mp4", "basketball_dance.mp4"])
def test_a_real_clip_from_its_first_frame(shared: Path, tmp_path: Path, name: str) -> None:
    """The clip's first frame as the photo and the clip as the driving: on the person, the result is nearer to the clip
    than the first frame standing still, and about as sharp."""
    clip = open_clip(shared / "real" / name, max_frames=48, max_side=720)
    even = (slice(clip.height // 2 * 2), slice(clip.width // 2 * 2))  # as a video is
    real = [np.ascontiguousarray(picture[even]) for picture in clip]
    Image.fromarray(real[0]).save(tmp_path / "first.png")
    cut = ("--max-frames", "48", "--max-side", "720", "--no-audio")
    report, _ = measured(tmp_path, "imitate", "first.png", shared / "real" / name, *cut, "-o", "result.mp4")
    result = list(open_clip(tmp_path / "result.mp4"))
    assert len(result) == len(real)
    assert report["fit"]["photo"]["iou"] > 0.92 and report["fit"]["driving"]["iou"] > 0.8
    assert report["fit"]["driving"]["reprojection"] < 1.6  # % of the height; a ball hides legs, feet leave the picture

    size = (real[0].shape[1], real[0].shape[0])
    scores: dict[str, list[float]] = {"result": [], "still": [], "result ssim": [], "still ssim": [], "sharp": []}
    keypoints = watch(real, static=True).keypoints
    shown = watch(result, static=True).keypoints
    for row in range(1, len(real), 3):
        if not (keypoints.found[row] and shown.found[row]):
            continue
        inside = uncut(keypoints.masks[row], keypoints.crop[row], size) > 127
        either = inside | (uncut(shown.masks[row], shown.crop[row], size) > 127)
        either = cv2.dilate(either.astype(np.uint8), np.ones((9, 9))) > 0
        for kind, picture in (("result", result[row]), ("still", real[0])):
            scores[kind].append(psnr(picture, real[row], either))
            full = structural_similarity(picture, real[row], channel_axis=2, full=True)[1]
            scores[f"{kind} ssim"].append(float(full[either].mean()))
        scores["sharp"].append(edges(result[row], inside) / edges(real[row], inside))
    mean = {kind: float(np.mean(values)) for kind, values in scores.items()}
    print(name, {kind: round(value, 3) for kind, value in mean.items()}, report["fit"]["driving"])
    assert mean["result"] > mean["still"] + 3
    assert mean["result ssim"] > mean["still ssim"]
    assert mean["sharp"] > 0.5


def edges(picture: np.ndarray, where: np.ndarray) -> float:
    """Mean squared Laplacian over the mask."""
    return float((cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F)[where] ** 2).mean())
