"""The files of the table: each maker writes one into a folder; those of usable files return what it should show."""

from __future__ import annotations

import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lwgan_cli.assets import find_weights_dir
from lwgan_cli.frames.photo import MAX_PIXELS
from lwgan_cli.motion import save_motion
from lwgan_cli.records import Motion
from tests.frames.media import ffmpeg, make_clicks, make_video, numbered, raw

Maker = Callable[[Path], Any]
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


# -- that can't be used ------------------------------------------------------------------------------------


def nothing(folder: Path) -> None:
    """The usual files, which every row has, are enough."""


def content(name: str, data: bytes) -> Maker:
    return lambda folder: (folder / name).write_bytes(data)


def noise(width: int = 200, height: int = 200) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def cut_picture(name: str) -> Maker:
    """The first half of its bytes."""

    def make(folder: Path) -> None:
        Image.fromarray(noise()).save(folder / name)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return make


def damaged_picture(name: str) -> Maker:
    """Whole but for a hundred bytes in its middle."""

    def make(folder: Path) -> None:
        Image.fromarray(noise()).save(folder / name)
        overwrite_middle(folder / name, 100)

    return make


def overwrite_middle(path: Path, count: int) -> None:
    data = bytearray(path.read_bytes())
    at = len(data) // 2
    data[at : at + count] = np.random.default_rng(1).integers(0, 256, count, np.uint8).tobytes()
    path.write_bytes(data)


def picture(name: str, width: int, height: int) -> Maker:
    return lambda folder: Image.fromarray(noise(width, height)).save(folder / name)


def png(header: bytes, lines: bytes) -> bytes:
    """Pillow can't write 16 bit colour, nor what isn't there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compress(lines) if lines else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def bomb(folder: Path) -> None:
    """57 bytes that promise 180 megapixels."""
    side = int(MAX_PIXELS**0.5) + 10
    (folder / "bomb.png").write_bytes(png(struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), b""))


def half_video(folder: Path) -> None:
    """An MP4 whose index, at its end, is missing."""
    data = make_video(folder / "half.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(data[: len(data) // 2])


def video_without_frames(name: str) -> Maker:
    def make(folder: Path) -> None:
        source, data = raw([numbered(0)])
        ffmpeg(*source, "-frames:v", "0", *H264, folder / name, data=data)

    return make


def sound_alone(name: str) -> Maker:
    def make(folder: Path) -> None:
        make_clicks(folder / "sound.wav", [0.1], 0.3)
        ffmpeg("-i", folder / "sound.wav", folder / name)

    return make


def folder_of(*files: str) -> Maker:
    """`frames/` with pictures of different sizes, or whatever else is named."""

    def make(folder: Path) -> None:
        (folder / "frames").mkdir()
        for number, file in enumerate(files):
            if file.endswith(".png"):
                Image.fromarray(noise(100 + number, 100)).save(folder / "frames" / file)
            else:
                (folder / "frames" / file).write_text("x")

    return make


def motion(frames: int = 4) -> Motion:
    """Somebody who stands."""
    return Motion(
        poses=np.zeros((frames, 24, 3), np.float32),
        betas=np.zeros(10, np.float32),
        camera=np.tile(np.array([0.8, 0, 0], np.float32), (frames, 1)),
        crop=np.tile(np.array([100, 100, 200], np.float32), (frames, 1)),
        image_size=(200, 200),
        fps=25.0,
        valid=np.ones(frames, bool),
        body="open",
        shots=np.zeros(frames, np.int32),
    )


def motion_file(**changed: object) -> Maker:
    """move.npz with some arrays replaced; `trap=True` puts one that runs code among them."""

    def make(folder: Path) -> None:
        save_motion(folder / "move.npz", motion())
        with np.load(folder / "move.npz") as file:
            arrays = dict(file)
        arrays |= {name: np.asarray(value) for name, value in changed.items() if name != "trap"}
        if "trap" in changed:
            arrays["poses"] = np.array(Trap(folder / "ran"), dtype=object)
        np.savez(folder / "move.npz", **arrays)

    return make


def cut_motion(folder: Path) -> None:
    save_motion(folder / "move.npz", motion())
    data = (folder / "move.npz").read_bytes()
    (folder / "move.npz").write_bytes(data[: len(data) // 2])


def array_alone(folder: Path) -> None:
    np.save(folder / "a.npy", np.zeros((4, 24, 3)))


def pickled(name: str) -> Maker:
    """A pickle with code, which the unpickler of a body or a checkpoint must not run."""
    return lambda folder: (folder / name).write_bytes(pickle.dumps({"v_template": Trap(folder / "ran")}, 2))


def other_body(folder: Path) -> None:
    """A weights folder whose body isn't the one that its manifest knows."""
    (folder / "weights").mkdir()
    for name in ("manifest.json", "body.npz"):
        (folder / "weights" / name).write_bytes((find_weights_dir() / name).read_bytes())
    overwrite_middle(folder / "weights" / "body.npz", 1)


def thesis(folder: Path) -> None:
    """A folder that holds more than frames."""
    (folder / "out").mkdir()
    (folder / "out" / "thesis.doc").write_text("four years")


# -- that can --------------------------------------------------------------------------------------------------


def quarters(width: int = 120, height: int = 80) -> np.ndarray:
    """(H, W, 3): four flat colours."""
    shown = np.zeros((height, width, 3), np.uint8)
    y, x = height // 2, width // 2
    shown[:y, :x], shown[:y, x:], shown[y:, :x], shown[y:, x:] = (
        (220, 40, 30),
        (30, 180, 60),
        (40, 60, 200),
        (230, 220, 90),
    )
    return shown


def named(name: str, form: str, **options: Any) -> Maker:
    """A whole picture, whatever its name says."""

    def make(folder: Path) -> list[np.ndarray]:
        Image.fromarray(quarters()).save(folder / name, form, **options)
        return [quarters()]

    return make


def video_named_jpg(folder: Path) -> list[np.ndarray]:
    make_video(folder / "a.mp4", 8).rename(folder / "a.jpg")
    return [numbered(index) for index in range(8)]


def cmyk(folder: Path) -> list[np.ndarray]:
    """Without ink it is white, with all black; each ink takes its own colour away."""
    inks = np.zeros((64, 64, 4), np.uint8)
    shown = np.full((64, 64, 3), 255, np.uint8)
    inks[:, 16:32, 3], shown[:, 16:32] = 255, 0
    inks[:, 32:48, 0], shown[:, 32:48, 0] = 255, 0  # cyan: no red
    inks[:, 48:, 2], shown[:, 48:, 2] = 255, 0  # yellow: no blue
    Image.fromarray(inks, "CMYK").save(folder / "a.jpg", quality=95)
    return [shown]


def sixteen_bit_grey(folder: Path) -> list[np.ndarray]:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(80, 0)
    Image.fromarray(ramp).save(folder / "a.png")
    return [np.arange(256, dtype=np.uint8)[None, :, None].repeat(80, 0).repeat(3, 2)]


def sixteen_bit_colour(folder: Path) -> list[np.ndarray]:
    levels = (quarters().astype(np.uint16) * 256 + 0x7F).astype(">u2")
    lines = b"".join(b"\0" + line.tobytes() for line in levels)
    (folder / "a.png").write_bytes(png(struct.pack(">IIBBBBB", 120, 80, 16, 2, 0, 0, 0), lines))
    return [quarters()]


def grey(folder: Path) -> list[np.ndarray]:
    levels = quarters()[..., 0]
    Image.fromarray(levels).save(folder / "a.png")
    return [levels[..., None].repeat(3, 2)]


def with_alpha(folder: Path) -> list[np.ndarray]:
    """The left half is seen through: white stands behind it."""
    alpha = np.full((80, 120), 255, np.uint8)
    alpha[:, :60] = 0
    Image.fromarray(np.dstack([quarters(), alpha])).save(folder / "a.png")
    shown = quarters()
    shown[:, :60] = 255
    return [shown]


def turned_by_exif(folder: Path) -> list[np.ndarray]:
    """As phones store it: to be turned by 90° clockwise."""
    tag = Image.Exif()
    tag[0x112] = 6
    Image.fromarray(quarters()).save(folder / "a.png", exif=tag)
    return [np.rot90(quarters(), -1)]


def broken_exif(folder: Path) -> list[np.ndarray]:
    Image.fromarray(quarters()).save(folder / "a.png", exif=b"Exif\0\0MM\0*\xff\xff\xff", icc_profile=b"not a profile")
    return [quarters()]


def odd(folder: Path) -> list[np.ndarray]:
    Image.fromarray(noise(101, 77)).save(folder / "a.png")
    return [noise(101, 77)]


def eight_k(folder: Path) -> list[np.ndarray]:
    shown = quarters(7680, 4320)
    Image.fromarray(shown).save(folder / "a.jpg", quality=95, subsampling=0)
    return [shown]


def animated(name: str) -> Maker:
    """Six pictures, the last of which stays five times as long."""

    def make(folder: Path) -> list[np.ndarray]:
        pictures = [numbered(index) for index in range(6)]
        first, *others = map(Image.fromarray, pictures)
        options = {"lossless": True} if name.endswith("webp") else {}
        first.save(folder / name, save_all=True, append_images=others, duration=[40] * 5 + [200], **options)
        return [*pictures, *[pictures[5]] * 4]

    return make


def plain_video(count: int, *options: str) -> Maker:
    def make(folder: Path) -> list[np.ndarray]:
        make_video(folder / "a.mp4", count, 25, *options)
        return [numbered(index % 256) for index in range(count)]

    return make


def turned_video(folder: Path) -> list[np.ndarray]:
    make_video(folder / "lying.mp4", 6)
    ffmpeg("-display_rotation", "90", "-i", folder / "lying.mp4", "-c", "copy", folder / "a.mp4")
    return [np.rot90(numbered(index)) for index in range(6)]


def variable_rate(folder: Path) -> list[np.ndarray]:
    """One second at 10 and one at 30 frames a second: at 20 on average, the frame that comes nearest to each tick."""
    for name, rate, start in (("slow", 10, 0), ("fast", 30, 10)):
        source, data = raw([numbered(start + index) for index in range(rate)], rate)
        ffmpeg(*source, *H264, "-video_track_timescale", "30000", folder / f"{name}.mp4", data=data)
    (folder / "list.txt").write_text("file slow.mp4\nfile fast.mp4\n")
    ffmpeg("-f", "concat", "-i", folder / "list.txt", "-c", "copy", folder / "a.mp4")
    ticks = np.round([*np.arange(10) * 2, *20 + np.arange(30) * 2 / 3])
    return [numbered(int(np.flatnonzero(ticks <= tick)[-1])) for tick in range(40)]


def odd_video(folder: Path) -> list[np.ndarray]:
    frames = [np.random.default_rng(index).integers(0, 256, (101, 67, 3), np.uint8) for index in range(3)]
    source, data = raw(frames)
    ffmpeg(*source, "-c:v", "ffv1", "-pix_fmt", "bgr0", folder / "a.mkv", data=data)
    return frames


def broken_off(folder: Path) -> list[np.ndarray]:
    """A download that stopped at two thirds of the bytes."""
    make_video(folder / "a.mp4", 90, 25, "-movflags", "+faststart")
    data = (folder / "a.mp4").read_bytes()
    (folder / "a.mp4").write_bytes(data[: len(data) * 2 // 3])
    return [numbered(index) for index in range(90)]


def damaged_video(folder: Path) -> list[np.ndarray]:
    """A hundred bytes in the middle are others; every tenth frame stands on its own."""
    make_video(folder / "a.mp4", 60, 25, "-g", "10", "-movflags", "+faststart")
    overwrite_middle(folder / "a.mp4", 100)
    return [numbered(index) for index in range(60)]
