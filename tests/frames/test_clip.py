from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.ffmpeg import has_filter
from tests.bad_input.files import animated, variable_rate
from tests.processes import children

from .media import describe, ffmpeg, make_clicks, make_video, number_of, numbered, raw


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 numbered frames at 30000/1001 fps."""
    return make_video(tmp_path_factory.mktemp("clip") / "a.mp4", 40, "30000/1001")


def numbers(path: Path, **cut: object) -> list[int]:
    return [number_of(frame) for frame in open_clip(path, **cut)]  # type: ignore[arg-type]


def test_a_video_comes_whole_in_order_and_again(video: Path) -> None:
    clip = open_clip(video)
    assert (clip.kind, clip.width, clip.height, clip.count) == ("video", 128, 64, 40)
    assert clip.rate == Fraction(30000, 1001) and clip.fps == 30000 / 1001
    assert not clip.has_audio and clip.audio is None
    assert not clip.exact
    first = [frame.copy() for frame in clip]
    assert [number_of(frame) for frame in first] == list(range(40))
    assert clip.exact and clip.count == 40
    assert first[0].dtype == np.uint8 and first[0].shape == (64, 128, 3)
    for before, again in zip(first, clip, strict=True):
        np.testing.assert_array_equal(before, again)
    np.testing.assert_array_equal(clip.first(), first[0])
    assert abs(clip.duration - 40 * 1001 / 30000) < 1e-9


@pytest.mark.parametrize("suffix", ["mkv", "avi", "ts", "mov", "m2ts", "flv"])
def test_containers_and_cuts(video: Path, tmp_path: Path, suffix: str) -> None:
    """Cuts begin at the same frame, whether the container can be entered exactly or not."""
    path = tmp_path / f"a.{suffix}"
    bitstream = ["-bf", "0", "-c:v", "libx264"] if suffix == "avi" else ["-c", "copy"]
    ffmpeg("-i", video, *bitstream, path)
    clip = open_clip(path)
    assert abs(clip.fps - 29.97) < 0.01
    assert [number_of(frame) for frame in clip] == list(range(40))
    assert numbers(path, start=11.5 * 1001 / 30000, max_frames=4) == [12, 13, 14, 15]
    assert numbers(path, start=1.2)[0] == 36


def test_every_start_is_exact(video: Path) -> None:
    for first in (1, 7, 23, 39):
        clip = open_clip(video, start=first * 1001 / 30000)
        assert number_of(clip.first()) == first
        assert abs(clip.start - first * 1001 / 30000) < 1e-4
    assert numbers(video, start=0.5, duration=0.5) == list(range(15, 30))
    assert numbers(video, duration=0.2) == list(range(6))
    assert open_clip(video, start=1.0, max_frames=100).count == 10


def test_another_rate(video: Path) -> None:
    half = open_clip(video, fps=15)
    assert half.fps == 15 and half.count == 20
    got = [number_of(frame) for frame in half]
    assert len(got) == 20
    np.testing.assert_allclose(got, np.arange(20) * 2, atol=1)
    assert len(numbers(video, fps=60)) == 80


def test_variable_rate_is_cut_where_it_is_asked(tmp_path: Path) -> None:
    variable_rate(tmp_path)
    clip = open_clip(tmp_path / "a.mp4", start=1.0)
    cut = [number_of(frame) for frame in clip]
    assert clip.fps == 20 and cut[0] == 10 and len(cut) == 20


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotation_is_applied(video: Path, tmp_path: Path, turn: int) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg("-display_rotation", turn, "-i", video, "-c", "copy", path)
    clip = open_clip(path, start=0.5, max_frames=2)
    assert (clip.width, clip.height) == ((64, 128) if turn % 180 else (128, 64))
    frame = next(iter(clip))
    assert frame.shape == (clip.height, clip.width, 3)
    assert number_of(np.rot90(frame, -turn // 90)) == 15


@pytest.mark.parametrize(("size", "codec"), [((67, 45), "ffv1"), ((35, 101), "libx264rgb"), ((1, 1), "png")])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], codec: str) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (size[1], size[0], 3), np.uint8) for _ in range(5)]
    source, data = raw(frames)
    exact = {"ffv1": ["-pix_fmt", "bgr0"], "libx264rgb": ["-qp", "0"], "png": []}[codec]
    ffmpeg(*source, "-c:v", codec, *exact, tmp_path / "a.mkv", data=data)
    clip = open_clip(tmp_path / "a.mkv")
    assert (clip.width, clip.height) == size
    for got, expected in zip(clip, frames, strict=True):
        np.testing.assert_array_equal(got, expected)


MATRICES = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}


def encode_yuv(path: Path, colour: np.ndarray, matrix: str, *tags: str, bits: int = 8, side: int = 32) -> Path:
    """Flat `colour` as YUV by the standard's formula, without ffmpeg's conversion."""
    red, blue = MATRICES[matrix]
    r, g, b = colour / 255.0
    luma = red * r + (1 - red - blue) * g + blue * b
    levels = [
        16 + 219 * luma,
        128 + 224 * (b - luma) / (2 - 2 * blue),
        128 + 224 * (r - luma) / (2 - 2 * red),
    ]
    kind = "<u2" if bits > 8 else "u1"
    planes = [np.full(side * side, round(level * 2 ** (bits - 8)), kind).tobytes() for level in levels]
    pixel = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
    source = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        pixel,
        "-video_size",
        f"{side}x{side}",
        "-framerate",
        "25",
        "-i",
        "-",
    ]
    tagged = ["-vf", f"setparams={':'.join(tags)}"] if tags else []
    ffmpeg(*source, *tagged, "-c:v", "ffv1", path, data=b"".join(planes) * 2)
    return path


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("bits", [8, 10])
def test_colours_by_their_matrix(tmp_path: Path, matrix: str, bits: int) -> None:
    for colour in ((230, 30, 40), (20, 200, 60), (128, 128, 128), (250, 250, 5), (255, 255, 255), (0, 0, 0)):
        path = encode_yuv(tmp_path / "a.mkv", np.array(colour), matrix, f"colorspace={matrix}", bits=bits)
        assert matrix in describe(path)
        got = open_clip(path).first()[16, 16].astype(int)
        assert np.abs(got - colour).max() <= 2, (colour, got)


@pytest.mark.parametrize(("side", "matrix"), [(32, "smpte170m"), (720, "bt709")])
def test_untagged_colours_by_size(tmp_path: Path, side: int, matrix: str) -> None:
    path = encode_yuv(tmp_path / "a.mkv", np.array((230, 30, 40)), matrix, side=side)
    got = open_clip(path).first()[16, 16].astype(int)
    assert np.abs(got - (230, 30, 40)).max() <= 2


WIDE = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # ITU-R BT.2087


def hlg(colour: tuple[int, int, int]) -> np.ndarray:
    """The HLG signal that shows an 8 bit colour with white at 203 of 1000 cd/m² (ITU-R BT.2100)."""
    light = WIDE @ (np.array(colour) / 255) ** 2.4 * 203 / 1000
    scene = light * max(1e-9, float(light @ (0.2627, 0.6780, 0.0593))) ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


def pq(colour: tuple[int, int, int]) -> np.ndarray:
    """The PQ signal that shows an 8 bit colour with white at 203 cd/m² (SMPTE ST 2084)."""
    light = (WIDE @ (np.array(colour) / 255) ** 2.4 * 203 / 10000) ** (2610 / 16384)
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    return ((c1 + c2 * light) / (1 + c3 * light)) ** (2523 / 32)


@pytest.mark.skipif(not has_filter("zscale"), reason="this ffmpeg has no zscale")
@pytest.mark.parametrize(("curve", "signal", "tolerance"), [("smpte2084", pq, 2), ("arib-std-b67", hlg, 16)])
def test_high_dynamic_range_is_brought_to_standard(
    tmp_path: Path, curve: str, signal: Callable[[tuple[int, int, int]], np.ndarray], tolerance: int
) -> None:
    """HLG's tolerance: zscale bends each channel where the standard bends luminance."""

    def shown(colour: tuple[int, int, int]) -> np.ndarray:
        tags = ["colorspace=bt2020nc", "color_primaries=bt2020", f"color_trc={curve}"]
        path = encode_yuv(tmp_path / "a.mkv", signal(colour) * 255, "bt2020nc", *tags, bits=10)
        return open_clip(path).first()[16, 16].astype(int)

    for colour in ((150, 90, 60), (60, 120, 70), (170, 140, 120)):
        assert np.abs(shown(colour) - colour).max() <= tolerance
    for grey in (0, 40, 128, 170):
        assert np.abs(shown((grey, grey, grey)) - grey).max() <= 2
    white = shown((255, 255, 255))
    assert 215 <= white.min() <= white.max() <= 240  # room is kept for highlights


@pytest.mark.parametrize(("codec", "suffix"), [("png", "mov"), ("ffv1", "mkv"), ("libvpx-vp9", "webm")])
def test_transparent_video_is_laid_over_white(tmp_path: Path, codec: str, suffix: str) -> None:
    frame = np.zeros((32, 64, 4), np.uint8)
    frame[:, :32] = (200, 60, 30, 255)
    source, data = raw([frame] * 3)
    pixel = {"png": "rgba", "ffv1": "bgra", "libvpx-vp9": "yuva420p"}[codec]
    ffmpeg(*source, "-c:v", codec, "-pix_fmt", pixel, tmp_path / f"a.{suffix}", data=data)
    for got in open_clip(tmp_path / f"a.{suffix}"):
        assert np.abs(got[8:24, 8:24].astype(int) - (200, 60, 30)).max() <= 6
        assert got[8:24, 40:56].min() >= 250


def test_square_pixels_and_max_side(video: Path, tmp_path: Path) -> None:
    ffmpeg("-i", video, "-vf", "setsar=2/1", "-c:v", "libx264", tmp_path / "wide.mp4")
    clip = open_clip(tmp_path / "wide.mp4")
    assert (clip.width, clip.height) == (256, 64) and number_of(clip.first()) == 0
    small = open_clip(video, max_side=100)
    assert (small.width, small.height) == (100, 50)
    assert [number_of(frame) for frame in small] == list(range(40))
    assert open_clip(video, max_side=1000).width == 128


def test_interlaced_video_loses_its_combs(tmp_path: Path) -> None:
    """A bright bar that moves between the two fields of each frame leaves teeth in every other row."""
    fields = np.zeros((20, 64, 128, 3), np.uint8)
    for moment, field in enumerate(fields):
        field[:, 4 * moment : 4 * moment + 24] = 255
    woven = fields[::2].copy()
    woven[:, 1::2] = fields[1::2, 1::2]
    source, data = raw(list(woven))
    codec = ["-vf", "setfield=tff", "-c:v", "libx264", "-flags", "+ildct+ilme", "-pix_fmt", "yuv420p"]
    ffmpeg(*source, *codec, tmp_path / "a.mp4", data=data)
    frames = [frame[16:48].astype(int) for frame in open_clip(tmp_path / "a.mp4")]
    assert len(frames) == 10

    def teeth(rows: np.ndarray) -> float:
        return float(np.abs(np.diff(rows, axis=0)).mean())

    assert np.mean([teeth(frame) for frame in frames]) < 0.3 * np.mean([teeth(f[16:48].astype(int)) for f in woven])


def test_size_that_changes_halfway_is_brought_to_the_first(tmp_path: Path) -> None:
    for name, size, start in (("a", (128, 64), 0), ("b", (192, 96), 10)):
        source, data = raw([numbered(start + index, *size) for index in range(10)])
        ffmpeg(*source, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "0", tmp_path / f"{name}.ts", data=data)
    (tmp_path / "ab.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    clip = open_clip(tmp_path / "ab.ts")
    frames = list(clip)
    assert {frame.shape for frame in frames} == {(64, 128, 3)}
    assert len(frames) == 20
    # one frame may be held at the change, where ffmpeg sets its filters up anew
    assert {number_of(frame) for frame in frames} >= set(range(20)) - {9}


def test_late_picture_and_sound(video: Path, tmp_path: Path) -> None:
    """A picture that begins half a second after the sound: no frame is made up, and the sound's cut knows."""
    make_clicks(tmp_path / "a.wav", [0.5], 2.0)
    path = tmp_path / "a.mkv"
    ffmpeg(
        "-i",
        tmp_path / "a.wav",
        "-itsoffset",
        "0.5",
        "-i",
        video,
        "-map",
        "1:v",
        "-map",
        "0:a",
        "-c:v",
        "copy",
        path,
    )
    clip = open_clip(path)
    assert clip.has_audio and clip.count == 40
    assert [number_of(frame) for frame in clip] == list(range(40))
    assert clip.audio is not None
    assert abs(clip.audio.start - 0.5) < 0.005
    assert abs((clip.audio.duration or 0) - 40 * 1001 / 30000) < 1e-6


def test_cover_picture_is_not_the_video(video: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((50, 50, 3), 255, np.uint8)).save(tmp_path / "cover.png")
    path = tmp_path / "a.mp4"
    ffmpeg(
        "-i",
        tmp_path / "cover.png",
        "-i",
        video,
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:0",
        "attached_pic",
        path,
    )
    assert numbers(path) == list(range(40))


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_animated_pictures_are_cut_by_their_times(tmp_path: Path, name: str) -> None:
    animated(name)(tmp_path)
    clip = open_clip(tmp_path / name, fps=25)
    assert clip.kind == "video" and clip.exact
    assert numbers(tmp_path / name, fps=25, start=0.12, duration=0.12) == [3, 4, 5]


def test_folder_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    for index in range(12):
        Image.fromarray(numbered(index)).save(folder / f"frame{index}.png")
    (folder / "notes.txt").write_text("not a frame")
    (folder / ".frame3.png").write_bytes(b"hidden")
    clip = open_clip(folder)
    assert (clip.kind, clip.fps, clip.count, clip.exact) == ("frames", 25.0, 12, True)
    assert [number_of(frame) for frame in clip] == list(range(12))
    assert numbers(folder, fps=10, start=0.5, duration=0.3) == [5, 6, 7]
    assert open_clip(folder, fps=10).fps == 10
    Image.fromarray(numbered(99, 130, 64)).save(folder / "frame99.png")
    with pytest.raises(InputError, match=r"frame99\.png is 130x64 px"):
        list(open_clip(folder))


def test_photo(tmp_path: Path) -> None:
    Image.fromarray(numbered(77)).save(tmp_path / "a.jpg", quality=95)
    clip = open_clip(tmp_path / "a.jpg", fps=12)
    assert (clip.kind, clip.count, clip.exact, clip.fps) == ("photo", 1, True, 12.0)
    assert [number_of(frame) for frame in clip] == [77]
    with pytest.raises(UsageError, match="one picture"):
        open_clip(tmp_path / "a.jpg", start=1)


def test_key_follows_content_and_cut(video: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another name.mp4"
    shutil.copy(video, copy)
    assert open_clip(video).key() == open_clip(copy).key() == open_clip(copy).key()
    cuts: list[dict[str, float]] = [
        {"start": 0.1},
        {"duration": 1},
        {"fps": 10},
        {"max_frames": 5},
        {"max_side": 64},
    ]
    keys = {open_clip(video, **cut).key() for cut in cuts}  # type: ignore[arg-type]
    assert len(keys | {open_clip(video).key()}) == 6
    with copy.open("ab") as file:
        file.write(b"\0")
    assert open_clip(copy).key() != open_clip(video).key()
    folder = tmp_path / "f"
    folder.mkdir()
    for index in range(2):
        Image.fromarray(numbered(index)).save(folder / f"{index}.png")
    key = open_clip(folder).key()
    (folder / "1.png").rename(folder / "2.png")
    assert open_clip(folder).key() != key


@pytest.mark.parametrize(
    ("cut", "flag"),
    [
        ({"start": -1}, "--start"),
        ({"start": float("nan")}, "--start"),
        ({"start": 100}, "--start 100 lies beyond"),
        ({"duration": 0}, "--duration"),
        ({"fps": 0}, "--fps"),
        ({"max_frames": 0}, "--max-frames"),
    ],
)
def test_bad_cuts_name_their_option(video: Path, cut: dict[str, float], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        open_clip(video, **cut)  # type: ignore[arg-type]


def test_strange_names(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-dash.mp4", "per%03dcent.mp4", "co:lon é 舞.mp4", "quote'.mp4"):
        shutil.copy(video, tmp_path / name)
        assert len(numbers(Path(name), max_frames=3)) == 3


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_leaving_early_ends_the_decoder(tmp_path: Path) -> None:
    source, data = raw([numbered(index, 640, 360) for index in range(40)])
    ffmpeg(
        *source,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        tmp_path / "a.mp4",
        data=data,
    )
    before = children(os.getpid())
    for _ in open_clip(tmp_path / "a.mp4"):
        assert children(os.getpid()) - before
        break
    gc.collect()
    assert not children(os.getpid()) - before
    open_clip(tmp_path / "a.mp4").first()
    gc.collect()
    assert not children(os.getpid()) - before
