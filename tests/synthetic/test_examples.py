from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from lwgan_cli.body.model import BodyModel
from lwgan_cli.detection.keypoints import PoseDetector
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.synthetic.examples import BEAT, DANCE, DANCE_SIZE, FPS, FRAMES, OTHER, PHOTO, beat_track, photo_film
from lwgan_cli.synthetic.truth import shoot

EXAMPLES = Path(__file__).parents[2] / "examples"
MAIN = [0, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]  # nose, shoulders to wrists, hips to ankles


@pytest.mark.parametrize("name", [PHOTO, OTHER])
def test_the_detector_finds_the_person_in_the_photo(name: str) -> None:
    photo = read_photo(EXAMPLES / name)
    with PoseDetector(static=True) as detector:
        found = detector(photo.rgb)
    assert found is not None
    points, visibility, _, mask = found
    assert (visibility[MAIN] > 0.8).all()
    assert points[11, 0] > points[12, 0]  # they face the viewer
    assert 0.1 < (mask > 0.5).mean() < 0.4


def test_the_detector_finds_the_dancer_in_every_tenth_frame() -> None:
    seen = []
    with PoseDetector(static=True) as detector:
        for index, picture in enumerate(open_clip(EXAMPLES / DANCE)):
            if index % 10 == 0:
                found = detector(picture)
                assert found is not None, f"nobody found in frame {index}"
                seen.append(found[1][MAIN])
    assert len(seen) == FRAMES // 10
    assert (np.stack(seen) > 0.5).mean() > 0.97


def test_the_dance_is_a_small_video_with_sound() -> None:
    clip = open_clip(EXAMPLES / DANCE)
    frames = list(clip)
    assert len(frames) == FRAMES and clip.fps == FPS
    assert frames[0].shape == (DANCE_SIZE[1], DANCE_SIZE[0], 3)
    assert clip.audio is not None
    for name in (PHOTO, OTHER, DANCE):
        assert (EXAMPLES / name).stat().st_size <= 400_000


def test_the_dance_loops() -> None:
    """The last frame leads to the first as any frame leads to the next."""
    frames = [cv2.resize(f, None, fx=0.25, fy=0.25).astype(int) for f in open_clip(EXAMPLES / DANCE)]
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(frames)]
    assert np.abs(frames[-1] - frames[0]).mean() < 1.5 * max(steps)


def test_the_photo_is_what_the_code_makes(model: BodyModel) -> None:
    stored = read_photo(EXAMPLES / PHOTO).rgb
    made = shoot(photo_film(model, atlas=512)).pictures[0]
    assert stored.shape == made.shape
    small = [cv2.resize(p, (80, 120), interpolation=cv2.INTER_AREA).astype(int) for p in (stored, made)]
    assert np.abs(small[0] - small[1]).mean() < 2


def test_the_beat_has_its_tempo() -> None:
    sound = beat_track(4.0)
    assert np.abs(sound).max() <= 1 and len(sound) == 4 * 44_100
    loudness = np.abs(sound).reshape(-1, 441).mean(1)  # in 10 ms
    loudness -= loudness.mean()
    same = [np.dot(loudness[:-lag], loudness[lag:]) for lag in range(20, 60)]
    assert 20 + int(np.argmax(same)) == pytest.approx(BEAT * 100, abs=1)


def test_the_script_is_a_script() -> None:
    script = EXAMPLES / "imitate.sh"
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert "lwgan imitate" in script.read_text()
