from __future__ import annotations

import gc
import os
import signal
import threading
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lwgan_cli.errors import LwganError, UsageError
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.ffmpeg import run
from lwgan_cli.frames.output import SYNTHESISED
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.frames.video import VideoWriter

from .media import describe, ffmpeg, make_clicks, make_video, number_of, numbered, sound_of

SIZE = (128, 64)
WITH_SOUND = ["mp4", "mov", "mkv", "webm"]


def write(path: Path | str, count: int = 12, fps: float = 25.0, **options: object) -> None:
    with VideoWriter(path, SIZE, fps, **options) as writer:  # type: ignore[arg-type]
        for index in range(count):
            writer.write(numbered(index))


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208


@pytest.mark.parametrize("name", ["a.mp4", "a.m4v", "a.mov", "a.mkv", "a.webm", "a.gif", "a.webp", "frames/", "f"])
def test_every_form_gives_back_its_frames(tmp_path: Path, name: str) -> None:
    write(f"{tmp_path}/{name}")
    clip = open_clip(tmp_path / name)
    assert (clip.width, clip.height) == SIZE and clip.fps == 25
    assert [number_of(frame) for frame in clip] == list(range(12))
    assert names(tmp_path) == [name.rstrip("/")]  # nothing else is left


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_broadcast_rates_are_kept(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, fps=30000 / 1001)
    assert open_clip(tmp_path / name).rate == Fraction(30000, 1001)


def test_gif_rates(tmp_path: Path) -> None:
    write(tmp_path / "a.gif", count=30, fps=30)
    clip = open_clip(tmp_path / "a.gif")
    assert clip.fps == 30 and [number_of(frame) for frame in clip] == list(range(30))
    write(tmp_path / "b.gif", count=20, fps=100)  # more than browsers show
    assert open_clip(tmp_path / "b.gif").fps == 50
    assert abs(open_clip(tmp_path / "b.gif").duration - 0.2) < 0.03


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif"])
def test_one_frame_is_a_picture(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, count=1)
    assert np.abs(read_photo(tmp_path / name).rgb.astype(int) - numbered(0)).mean() < 3
    assert open_clip(tmp_path / name).kind == "photo"
    with Image.open(tmp_path / name) as image:
        assert getattr(image, "n_frames", 1) == 1
        said = image.info.get("Description") or image.getexif().get(0x010E) or image.info.get("comment", b"").decode()
    assert said == SYNTHESISED


def test_a_picture_of_two_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a picture, which holds one frame"):
        write(tmp_path / "a.png", count=2)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_video_says_what_it_is(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, metadata={"title": "a dance"})
    text = describe(tmp_path / name)
    assert SYNTHESISED in text and "a dance" in text
    assert "synthesised" in SYNTHESISED and "lwgan" in SYNTHESISED and "not a recording" in SYNTHESISED
    assert "yuv420p(tv, smpte170m/bt709/bt709" in text
    assert ("vp9" if name == "a.webm" else "h264") in text


def test_animations_say_what_they_are(tmp_path: Path) -> None:
    write(tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["comment"].decode() == SYNTHESISED and image.info["loop"] == 0
    write(tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as image:
        assert image.n_frames == 12 and image.getexif()[0x010E] == SYNTHESISED
    write(f"{tmp_path}/frames/")
    with Image.open(tmp_path / "frames" / "000011.png") as image:
        assert image.info["Description"] == SYNTHESISED


def test_mp4_starts_before_it_is_loaded(tmp_path: Path) -> None:
    make_clicks(tmp_path / "a.wav", [0.1], 1.0)
    write(tmp_path / "a.mp4")
    write(tmp_path / "b.mp4", audio=(tmp_path / "a.wav", 0.0, None))
    for name in ("a.mp4", "b.mp4"):
        data = (tmp_path / name).read_bytes()
        assert 0 < data.index(b"moov") < data.index(b"mdat")


COLOURS = [
    (230, 30, 40),
    (20, 200, 60),
    (30, 60, 220),
    (128, 128, 128),
    (240, 200, 180),
    (0, 0, 0),
    (255, 255, 255),
]


def test_colours_are_bt601(tmp_path: Path) -> None:
    """The planes in the file against the standard's formula, not against ffmpeg's way back."""
    for colour in COLOURS:
        with VideoWriter(tmp_path / "a.mp4", (64, 64), 25, overwrite=True) as writer:
            for _ in range(3):
                writer.write(np.full((64, 64, 3), colour, np.uint8))
        planes = np.frombuffer(ffmpeg("-i", tmp_path / "a.mp4", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"), np.uint8)
        y, u, v = planes[2080], planes[64 * 64 + 528], planes[64 * 64 + 32 * 32 + 528]
        r, g, b = np.array(colour) / 255
        luma = 0.299 * r + 0.587 * g + 0.114 * b
        expected = 16 + 219 * luma, 128 + 224 * (b - luma) / 1.772, 128 + 224 * (r - luma) / 1.402
        assert np.abs(np.array([y, u, v]) - expected).max() <= 1.5, (colour, (y, u, v), expected)


def test_opencv_sees_the_same_colours(tmp_path: Path) -> None:
    """OpenCV reads no colour tags; most tools that measure videos are built on it."""
    for colour in COLOURS:
        with VideoWriter(tmp_path / "a.mp4", (64, 64), 25, overwrite=True) as writer:
            writer.write(np.full((64, 64, 3), colour, np.uint8))
        read, picture = cv2.VideoCapture(str(tmp_path / "a.mp4")).read()
        assert read and np.abs(picture[32, 32, ::-1].astype(int) - colour).max() <= 4


@pytest.mark.parametrize(
    ("name", "tolerance"), [("a.mp4", 3), ("a.webm", 3), ("a.gif", 3), ("a.webp", 5), ("a.mov", 3)]
)
def test_colours_come_back(tmp_path: Path, name: str, tolerance: int) -> None:
    frame = np.repeat(np.repeat(np.array([*COLOURS, (90, 80, 70)], np.uint8).reshape(2, 4, 3), 48, 0), 48, 1)
    with VideoWriter(tmp_path / name, (192, 96), 25) as writer:
        for _ in range(4):
            writer.write(frame)
    for got in open_clip(tmp_path / name):
        centres = got[24::48, 24::48].astype(int) - frame[24::48, 24::48]
        assert np.abs(centres).max() <= tolerance


def test_detail_is_kept(tmp_path: Path) -> None:
    """The variance of the Laplacian of a moving texture, finer than photos are, stays within 8 %."""
    noise = np.random.default_rng(0).normal(0, 1, (360, 640))
    y, x = np.meshgrid(np.fft.fftfreq(360), np.fft.rfftfreq(640), indexing="ij")
    texture = np.fft.irfft2(np.fft.rfft2(noise) / (0.01 + np.hypot(y, x)) ** 1.2, (360, 640))  # as photos fall off
    frame = np.clip(128 + 40 * texture / texture.std(), 0, 255).astype(np.uint8)[..., None].repeat(3, 2)
    with VideoWriter(tmp_path / "a.mp4", (640, 360), 25) as writer:
        for shift in range(6):
            writer.write(np.roll(frame, 3 * shift, 1))

    def sharpness(picture: np.ndarray) -> float:
        grey = picture[..., 1].astype(float)
        ring = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
        return float((ring - 4 * grey[1:-1, 1:-1]).var())

    for got in open_clip(tmp_path / "a.mp4"):
        assert sharpness(got) > 0.92 * sharpness(frame)


@pytest.mark.parametrize("name", ["a.mov", "a.webm", "a.webp", "a.gif", "frames/", "a.png"])
def test_alpha(tmp_path: Path, name: str) -> None:
    frame = np.zeros((64, 128, 4), np.uint8)
    frame[:, :64] = (200, 60, 30, 255)
    with VideoWriter(f"{tmp_path}/{name}", SIZE, 25, alpha=True) as writer:
        for _ in range(1 if name == "a.png" else 3):
            writer.write(frame)
    for got in open_clip(tmp_path / name):
        assert np.abs(got[16:48, 16:48].astype(int) - (200, 60, 30)).max() <= 6
        assert got[16:48, 80:112].min() >= 250  # white shines through
    with pytest.raises(UsageError, match=r"\.mp4 can't be transparent"):
        VideoWriter(tmp_path / "b.mp4", SIZE, 25, alpha=True)


@pytest.fixture(scope="module")
def driving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 25 fps with clicks at 0.4, 1.4 and 3.0 s, AAC."""
    folder = tmp_path_factory.mktemp("driving")
    make_clicks(folder / "a.wav", [0.4, 1.4, 3.0], 4.0)
    make_video(folder / "silent.mp4", 100, 25)
    ffmpeg(
        "-i",
        folder / "silent.mp4",
        "-i",
        folder / "a.wav",
        "-c:v",
        "copy",
        "-c:a",
        "aac",
        "-b:a",
        "192k",
        folder / "a.mp4",
    )
    return folder / "a.mp4"


def clicks(path: Path) -> list[float]:
    """When the clicks are heard, seconds since the first frame is shown."""
    loud = np.flatnonzero(np.abs(sound_of(path)) > 0.2) / 48000 - open_clip(path).start
    return [float(time) for time, before in zip(loud, [-1.0, *loud[:-1]], strict=True) if time - before > 0.1]


@pytest.mark.parametrize("suffix", WITH_SOUND)
@pytest.mark.parametrize(("start", "count", "heard"), [(0.0, 50, [0.4, 1.4]), (0.13, 40, [0.27, 1.27])])
def test_sound_is_in_sync_and_trimmed(
    tmp_path: Path, driving: Path, suffix: str, start: float, count: int, heard: list[float]
) -> None:
    clip = open_clip(driving, start=start, max_frames=count)
    assert clip.audio is not None
    shift = clip.audio.start - start  # to the frame that begins at or after `start`
    path = tmp_path / f"a.{suffix}"
    with VideoWriter(path, SIZE, clip.fps, audio=clip.audio) as writer:
        for frame in clip:
            writer.write(frame)
    assert [number_of(frame) for frame in open_clip(path)] == list(
        range(round(clip.audio.start * 25), round(clip.audio.start * 25) + count)
    )
    np.testing.assert_allclose(clicks(path), np.array(heard) - shift, atol=0.004)
    assert abs(len(sound_of(path)) / 48000 - count / 25) < 0.05


def test_sound_is_copied_where_nothing_needs_cutting(tmp_path: Path, driving: Path) -> None:
    write(tmp_path / "a.mp4", count=100, audio=(driving, 0.0, None))
    assert "aac" in describe(tmp_path / "a.mp4")
    copied = sound_of(tmp_path / "a.mp4")
    original = sound_of(driving)
    size = min(len(copied), len(original))
    assert size > 3.9 * 48000
    np.testing.assert_array_equal(copied[:size], original[:size])


def test_short_sound_leaves_the_frames_alone(tmp_path: Path, driving: Path) -> None:
    write(tmp_path / "a.mp4", count=200, audio=(driving, 0.0, None))
    assert open_clip(tmp_path / "a.mp4").count == 200
    write(tmp_path / "b.mp4", count=20, audio=(driving, 3.5, None))
    assert len(list(open_clip(tmp_path / "b.mp4"))) == 20


def test_no_sound_is_no_error(tmp_path: Path) -> None:
    make_video(tmp_path / "silent.mp4", 10)
    write(tmp_path / "a.mp4", audio=(tmp_path / "silent.mp4", 0.0, 1.0))
    assert "Audio" not in describe(tmp_path / "a.mp4")
    write(tmp_path / "a.gif", audio=(tmp_path / "silent.mp4", 0.0, 1.0))
    assert names(tmp_path) == ["a.gif", "a.mp4", "silent.mp4"]


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.webp", "a.png", "frames"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path: Path, name: str, error: type[BaseException]) -> None:
    path = tmp_path / name
    if name == "frames":
        path.mkdir()
        (path / "000000.png").write_bytes(b"old")
    else:
        path.write_bytes(b"old")
    with pytest.raises(error), VideoWriter(path, SIZE, 25, overwrite=True) as writer:
        for index in range(1 if name == "a.png" else 5):
            writer.write(numbered(index))
        raise error
    assert names(tmp_path) == [name]
    assert (path / "000000.png" if name == "frames" else path).read_bytes() == b"old"


@pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.png", "frames"])
def test_overwriting(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, count=1)
    with pytest.raises(UsageError, match="exists; give --overwrite"):
        write(tmp_path / name, count=1)
    with VideoWriter(tmp_path / name, SIZE, 25, overwrite=True) as writer:
        writer.write(numbered(200))
    assert [number_of(frame) for frame in open_clip(tmp_path / name)] == [200]
    assert names(tmp_path) == [name]


def test_what_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists"), VideoWriter(tmp_path / "a.mp4", SIZE, 25) as writer:
        writer.write(numbered(0))
        (tmp_path / "a.mp4").write_bytes(b"another's")
    assert (tmp_path / "a.mp4").read_bytes() == b"another's"
    assert names(tmp_path) == ["a.mp4"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "b.mp4").write_bytes(b"old")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "real" / "b.mp4")
    write(tmp_path / "a.mp4", overwrite=True)
    assert (tmp_path / "a.mp4").is_symlink()
    assert open_clip(tmp_path / "real" / "b.mp4").count == 12


@pytest.mark.skipif(os.name != "posix", reason="umask")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write(tmp_path / "a.mp4")
        write(tmp_path / "frames")
    finally:
        os.umask(old)
    assert (tmp_path / "a.mp4").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "frames").stat().st_mode & 0o777 == 0o750


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4", 5)
    with pytest.raises(LwganError, match="copying failed: the disk is full"):
        run(["-y", "-i", str(tmp_path / "a.mp4"), "-f", "rawvideo", "/dev/full"], "copying failed")


def test_bad_encoder_options_come_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(LwganError, match=r"encoding failed: ffmpeg failed with exit code .*preset"):
        write(tmp_path / "a.mp4", count=300, preset="sluggish")
    assert names(tmp_path) == []


def test_bad_settings(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="127x64 px can't be written: its sides must be even"):
        VideoWriter(tmp_path / "a.mp4", (127, 64), 25)
    for fps in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="--fps"):
            VideoWriter(tmp_path / "a.mp4", SIZE, fps)
    with pytest.raises(UsageError, match="would overwrite the input"):
        VideoWriter(make_video(tmp_path / "in.mp4", 2), SIZE, 25, audio=(tmp_path / "in.mp4", 0, None), overwrite=True)
    with pytest.raises(LwganError, match="no frame to write"):
        write(tmp_path / "a.mp4", count=0)
    with (
        pytest.raises(ValueError, match="was announced"),
        VideoWriter(tmp_path / "a.mp4", SIZE, 25) as writer,
    ):
        writer.write(np.zeros((64, 128, 4), np.uint8))
    with pytest.raises(ValueError, match="with statement"):
        VideoWriter(tmp_path / "a.mp4", SIZE, 25).write(numbered(0))
    assert names(tmp_path) == ["in.mp4"]


def test_the_caller_may_reuse_its_buffer(tmp_path: Path) -> None:
    buffer = np.empty((64, 128, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mp4", SIZE, 25) as writer:
        for index in range(30):
            buffer[:] = numbered(index)
            writer.write(buffer)
        writer.write(numbered(30, 256, 128)[::2, ::2])  # nor need it be contiguous
    assert [number_of(frame) for frame in open_clip(tmp_path / "a.mp4")] == list(range(31))


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_few_frames_are_held_when_the_encoder_is_slow(tmp_path: Path) -> None:
    """With the encoder stopped, `write` waits after the queue and the pipe are full."""
    written = []

    def feed(writer: VideoWriter) -> None:
        for index in range(60):
            writer.write(np.full((480, 640, 3), index, np.uint8))
            written.append(index)

    with VideoWriter(tmp_path / "a.mp4", (640, 480), 25) as writer:
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGSTOP)
        thread = threading.Thread(target=feed, args=(writer,))
        thread.start()
        held, deadline = 0, time.monotonic() + 20
        while (held < 2 or len(written) > held) and time.monotonic() < deadline:
            held = len(written)
            time.sleep(0.3)
        os.kill(writer.pid, signal.SIGCONT)
        thread.join()
    assert 1 < held < 20
    assert open_clip(tmp_path / "a.mp4").count == 60


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Reading and writing 150 frames holds about as much as 40."""

    def peak(count: int) -> int:
        path = tmp_path / f"{count}.mp4"
        gc.collect()
        tracemalloc.start()
        with VideoWriter(path, (320, 240), 25) as writer:
            for index in range(count):
                writer.write(np.full((240, 320, 3), index % 256, np.uint8))
        for _ in open_clip(path):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    frame = 320 * 240 * 3
    peak(5)
    short, long = peak(40), peak(150)
    assert long < short + 2 * frame
    assert long < 14 * frame
