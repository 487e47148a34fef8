"""Decoding of pictures by pillow: whatever a camera, a phone or an editor writes, to sRGB, upright, 8 bit."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from lwgan_cli.errors import InputError

with contextlib.suppress(ImportError):  # a platform without its wheel: everything but HEIC still works
    import pillow_heif

    pillow_heif.register_heif_opener()

# Named, because pillow also "opens" formats that it can't decode (MPEG) or knows by no mark (TGA).
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "TIFF", "BMP", "JPEG2000", "PPM", "ICO", "DDS")
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")  # the others' further pictures are previews, pages or bursts
PICTURE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".avif", ".heic", ".heif", ".hif"),
        *(".gif", ".tif", ".tiff", ".bmp", ".jp2", ".ppm", ".pgm", ".pnm"),
    }
)
# What pillow's readers raise on damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,  # of AVIF and HEIF
    struct.error,
    zlib.error,
)
MAX_PIXELS = 2 * 89_478_485  # pillow's own limit, beyond which it refuses
MAX_SIDE = 65_535  # px, JPEG's own: a damaged header may promise a strip of millions by a few
MAX_MOVING = 40_000_000  # pixels a frame of an animated picture, more than 8K has


class NotAPictureError(InputError):
    """The file is there, but in no format that pillow knows."""


@dataclass(frozen=True)
class Photo:
    """A decoded picture, upright.

    rgb    (H, W, 3) uint8, sRGB, not multiplied by alpha; what lies under alpha 0 means nothing
    alpha  (H, W) uint8, 255 opaque; None where the whole picture is opaque
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None

    def over(self, colour: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
        """(H, W, 3) uint8: the picture laid over a flat colour."""
        return self.rgb if self.alpha is None else over(np.dstack([self.rgb, self.alpha]), colour)


def over(rgba: np.ndarray, colour: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    """(H, W, 4) uint8 of straight alpha → (H, W, 3) uint8 over a flat colour, rounded to nearest."""
    alpha = rgba[..., 3:].astype(np.uint16)
    blend = rgba[..., :3] * alpha + np.asarray(colour, np.uint16) * (255 - alpha)
    return ((blend + 127) // 255).astype(np.uint8)


def read_photo(path: str | os.PathLike[str], max_side: int | None = None) -> Photo:
    """Decodes a picture: the first frame of an animated one, the first page of several.

    Turned upright by its EXIF orientation, brought to sRGB by its ICC profile (Display P3, Adobe RGB, CMYK),
    16 bit and float scaled to 8. `max_side`: shrunk so that the longer side is at most this many pixels;
    never enlarged.
    Raises InputError: missing, empty, not a picture, damaged, more than 178 megapixels or 65,535 px a side.
    """
    path = Path(path)
    with _opened(path) as image, _damage(path):
        if max_side:
            image.draft(None, (max_side, max_side))  # JPEG alone: decodes at 1/2, 1/4 or 1/8 when that is enough
        return _decoded(image, max_side)


def picture_kind(path: Path) -> Literal["still", "animated"] | None:
    """Animated: a GIF, WebP, PNG or AVIF of more than one frame. None where pillow doesn't know the format: a
    video, perhaps. Raises InputError where there is no file, or one too large."""
    try:
        with _opened(path) as image, _damage(path):
            moving = image.format in _ANIMATED and getattr(image, "n_frames", 1) > 1
            return "animated" if moving else "still"
    except NotAPictureError:
        return None


def read_animation(path: Path, max_side: int | None = None) -> Iterator[tuple[Photo, float]]:
    """The frames of an animated picture with the seconds that each is shown.
    Raises InputError as `read_photo`, and where a frame has more than 40 megapixels."""
    with _opened(path) as image:
        if image.width * image.height > MAX_MOVING:
            raise _too_large(path, f"frames of {image.width}x{image.height} px, more than 8K")
        for index in range(getattr(image, "n_frames", 1)):
            with _damage(path):
                image.seek(index)
                image.load()
                shown = float(image.info.get("duration") or 0) / 1000
                photo = _decoded(image, max_side)
            yield photo, shown if shown > 0.01 else 0.1  # as browsers do with delays of 0 and 10 ms


@functools.cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    if not path.exists():
        raise InputError(f"{path} doesn't exist: check the name")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a picture")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes): copy or download it again")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the half of the limit on size that only warns
            image = Image.open(path, formats=_formats())
    except UnidentifiedImageError as error:
        raise NotAPictureError(
            f"{path} isn't a picture that can be read: give a JPEG, PNG, WebP, HEIC or AVIF"
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path, f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except _DAMAGE as error:
        raise InputError(f"{path} can't be read: {error}") from error
    with image:
        if max(image.size) > MAX_SIDE:
            raise _too_large(path, f"{image.width}x{image.height} px, more than {MAX_SIDE} a side")
        yield image


def _too_large(path: Path, what: str) -> InputError:
    return InputError(f"{path} is too large: {what}; shrink it first")


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Names the file in what pillow raises while it decodes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pillow's remarks on EXIF blocks, truncated ends, sizes
            yield
    except InputError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise InputError(f"{path} is too large to decode: shrink it first") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is damaged and can't be decoded ({reason}): copy or export it again") from error


def _decoded(image: Image.Image, max_side: int | None) -> Photo:
    profile = image.info.get("icc_profile")
    image.load()
    with contextlib.suppress(*_DAMAGE):  # a broken EXIF block leaves the picture as it is
        image = ImageOps.exif_transpose(image)
    alpha = None
    if image.mode.startswith(("I", "F")):
        image = _eight_bit(image)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    if max_side and max(image.size) > max_side:
        ratio = max_side / max(image.size)
        size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB")
    rgb = np.array(_to_srgb(image, profile))
    return Photo(rgb, None if alpha is None or (alpha == 255).all() else np.ascontiguousarray(alpha))


def _eight_bit(image: Image.Image) -> Image.Image:
    """16 and 32 bit grey to 8 bit; `convert("L")` would clip at 255."""
    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if image.mode == "F":
        top = 1.0 if values.max() <= 1 else 255.0 if values.max() <= 255 else 65535.0
    else:
        top = 255.0 if image.mode == "I" and values.max() <= 255 else 65535.0
    top = max(top, values.max())
    return Image.fromarray(np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8), "L")


@functools.cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB. A profile that can't be read, or is of another kind than the picture, is left unused."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(image, source, _srgb(), outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")
