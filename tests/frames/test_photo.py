from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from lwgan_cli.errors import InputError
from lwgan_cli.frames.photo import read_animation, read_photo


@pytest.fixture
def scene() -> np.ndarray:
    """(40, 60, 3): four flat quarters of different colours."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:20, :30], picture[:20, 30:] = (220, 40, 30), (30, 180, 60)
    picture[20:, :30], picture[20:, 30:] = (40, 60, 200), (230, 220, 90)
    return picture


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "webp"])
def test_lossless_formats_come_back_exactly(tmp_path: Path, scene: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(scene).save(path, **({"lossless": True} if suffix == "webp" else {}))
    photo = read_photo(path)
    assert photo.alpha is None
    np.testing.assert_array_equal(photo.rgb, scene)


@pytest.mark.parametrize("suffix", ["jpg", "heic", "avif"])
def test_lossy_formats_come_back_closely(tmp_path: Path, scene: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    quality = {"quality": 95, **({"subsampling": 0} if suffix != "heic" else {"chroma": 444})}
    if suffix == "avif":
        quality["subsampling"] = "4:4:4"
    Image.fromarray(scene).save(path, **quality)
    difference = np.abs(read_photo(path).rgb.astype(int) - scene)
    assert difference[5:15, 5:25].max() <= 4
    assert difference.mean() < 2


# What a viewer must do to show the stored picture upright, by the EXIF standard's table.
UPRIGHT = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(tmp_path: Path, scene: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png").rgb, UPRIGHT[orientation](scene))


def test_sideways_avif_is_turned_once(tmp_path: Path, scene: np.ndarray) -> None:
    """Its orientation is kept twice, in the container and as EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene).save(tmp_path / "a.avif", quality=95, subsampling="4:4:4", exif=exif)
    got = read_photo(tmp_path / "a.avif").rgb.astype(int)
    assert got.shape == (60, 40, 3)
    assert np.abs(got - UPRIGHT[6](scene))[5:25, 5:15].max() <= 8


def test_heic_exif_alone_turns_nothing(tmp_path: Path, scene: np.ndarray) -> None:
    """In HEIF the container's transform counts; EXIF only repeats it (ISO/IEC 23008-12, annex A)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene).save(tmp_path / "a.heic", quality=95, exif=exif)
    assert b"irot" not in (tmp_path / "a.heic").read_bytes()
    assert read_photo(tmp_path / "a.heic").rgb.shape == scene.shape


def test_alpha_is_kept_and_laid_over_a_colour(tmp_path: Path, scene: np.ndarray) -> None:
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:, :30], alpha[:, 30:40] = 0, 128
    Image.fromarray(np.dstack([scene, alpha])).save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha, alpha)
    np.testing.assert_array_equal(photo.rgb[:, 40:], scene[:, 40:])
    laid = photo.over((10, 20, 30)).astype(int)
    assert (laid[:, :30] == (10, 20, 30)).all()
    np.testing.assert_array_equal(laid[:, 40:], scene[:, 40:])
    expected = np.round((scene[:, 30:40] * 128.0 + np.array((10, 20, 30)) * 127) / 255)
    np.testing.assert_array_equal(laid[:, 30:40], expected)


def test_opaque_alpha_counts_as_none(tmp_path: Path, scene: np.ndarray) -> None:
    Image.fromarray(scene).convert("RGBA").save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png").alpha is None


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_shrinking_keeps_hidden_colours_out(tmp_path: Path, mode: str) -> None:
    """A red disc on transparent black, shrunk: no dark rim where something is seen."""
    y, x = np.mgrid[:200, :200]
    disc = ((x - 100) ** 2 + (y - 100) ** 2 < 80**2).astype(np.uint8)
    rgba = np.dstack([disc * 200, disc * 200, disc * 200, disc * 255])
    image = Image.fromarray(rgba)
    if mode == "LA":
        image = image.convert("LA")
    if mode == "P":
        image = image.quantize(8)
    image.save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png", max_side=50)
    assert photo.rgb.shape == (50, 50, 3) and photo.alpha is not None
    assert photo.rgb[photo.alpha > 128].min() > 180
    assert abs(float(photo.alpha.mean()) / 255 - disc.mean()) < 0.01


def test_sixteen_bit_grey_is_scaled(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(8, 0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    for name in ("a.png", "a.tif"):
        got = read_photo(tmp_path / name).rgb
        assert np.abs(got[0, :, 0].astype(int) - np.arange(256)).max() <= 1
        assert (got[..., 0] == got[..., 2]).all()


def test_float_grey_is_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(8, 0)).save(tmp_path / "a.tif")
    got = read_photo(tmp_path / "a.tif").rgb[0, :, 1]
    assert np.abs(got.astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "1", "P", "LAB", "YCbCr"])
def test_other_modes_become_rgb(tmp_path: Path, scene: np.ndarray, mode: str) -> None:
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(Image.fromarray(scene), ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    else:
        image = Image.fromarray(scene).convert(mode, dither=Image.Dither.NONE)
    assert image is not None
    image.save(tmp_path / "a.tif")
    got = read_photo(tmp_path / "a.tif").rgb
    assert got.shape == (40, 60, 3)
    if mode in ("YCbCr", "P", "LAB"):
        assert np.abs(got.astype(int) - scene)[5:15, 5:25].max() <= 30


def p3_profile() -> bytes:
    """A minimal ICC profile (version 2) of Display P3's primaries, adapted to D50, with gamma 2.2."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    name = b"Wide gamut\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * 78
    tags = {
        b"desc": text + b"\0" * (-len(text) % 4),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.51512, 0.24120, -0.00105),
        b"gXYZ": xyz(0.29198, 0.69225, 0.04189),
        b"bXYZ": xyz(0.15710, 0.06657, 0.78407),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + xyz(0.9642, 1.0, 0.8249)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def test_wide_gamut_is_brought_to_srgb(tmp_path: Path) -> None:
    colour = np.array([200, 90, 60])
    picture = np.full((8, 8, 3), colour, np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=p3_profile())
    # Display P3 to sRGB in linear light: the product of the two standards' matrices.
    matrix = np.array([[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]])
    linear = matrix @ (colour / 255.0) ** 2.2
    expected = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055) * 255
    got = read_photo(tmp_path / "a.png").rgb[4, 4]
    assert np.abs(got - expected).max() <= 2
    assert np.abs(got - colour.astype(float)).max() > 8  # what ignoring the profile would be off by


def test_max_side(tmp_path: Path) -> None:
    Image.fromarray(np.full((300, 400, 3), 90, np.uint8)).save(tmp_path / "a.jpg")
    assert read_photo(tmp_path / "a.jpg", max_side=100).rgb.shape == (75, 100, 3)
    assert read_photo(tmp_path / "a.jpg", max_side=1000).rgb.shape == (300, 400, 3)
    assert read_photo(tmp_path / "a.jpg", max_side=0).rgb.shape == (300, 400, 3)


def test_animation_gives_its_first_frame_and_all_with_times(tmp_path: Path) -> None:
    pictures = [Image.fromarray(np.full((8, 8, 3), level, np.uint8)) for level in (10, 120, 250)]
    for name in ("a.gif", "a.webp", "a.png"):
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=[40, 100, 60])
        assert abs(int(read_photo(tmp_path / name).rgb.mean()) - 10) <= 2
        frames = list(read_animation(tmp_path / name))
        assert [round(seconds, 3) for _, seconds in frames] == [0.04, 0.1, 0.06]
        levels = [int(photo.rgb.mean()) for photo, _ in frames]
        np.testing.assert_allclose(levels, (10, 120, 250), atol=2)


@pytest.mark.parametrize("canvas", [(3_000_000, 45), (9000, 9000)])
def test_a_header_that_promises_a_giant_is_not_believed(
    tmp_path: Path, scene: np.ndarray, canvas: tuple[int, int]
) -> None:
    """Small frames on a canvas that takes half a minute each to lay out (VP8X: its size less 1, in 24 bits)."""
    path = tmp_path / "a.webp"
    pictures = [Image.fromarray(scene), Image.fromarray(255 - scene)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    content = bytearray(path.read_bytes())
    assert content[12:16] == b"VP8X"
    for at, side in zip((24, 27), canvas, strict=True):
        content[at : at + 3] = (side - 1).to_bytes(3, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"too large: .*{canvas[0]}x{canvas[1]} px"):
        list(read_animation(path))
