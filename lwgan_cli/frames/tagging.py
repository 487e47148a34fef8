"""Writing pictures that say what they are, and saying it in animations, where ffmpeg has no way to."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

_IMAGE_DESCRIPTION, _SOFTWARE = 0x010E, 0x0131
_WEBP_EXIF, _WEBP_ALPHA = 0x08, 0x10


def save_picture(frame: np.ndarray, path: Path, comment: str, software: str) -> None:
    """Writes (H, W, 3 or 4) uint8 as PNG, JPEG (quality 95, full chroma) or WebP (quality 92) by the name's
    suffix, with `comment` as description."""
    image = Image.fromarray(frame)
    suffix = path.suffix.lower()
    if suffix == ".png":
        text = PngInfo()
        text.add_text("Description", comment)
        text.add_text("Software", software)
        image.save(path, "PNG", pnginfo=text, compress_level=1)
    elif suffix == ".webp":
        image.save(path, "WEBP", quality=92, method=4, exif=_exif(comment, software))
    else:
        image.save(path, "JPEG", quality=95, subsampling=0, exif=_exif(comment, software))


def comment_gif(path: Path, comment: str) -> None:
    """Adds a comment block before the first picture of a GIF (GIF89a, sections 18 and 24)."""
    data = comment.encode()
    blocks = b"".join(bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255))
    commented = path.with_suffix(".commented")
    with path.open("rb") as source, commented.open("wb") as target:
        head = source.read(13)
        if head[:4] != b"GIF8":
            raise ValueError(f"{path} doesn't start as a GIF does")
        palette = 3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0
        target.write(head + source.read(palette) + b"\x21\xfe" + blocks + b"\x00")
        shutil.copyfileobj(source, target, 1 << 20)
    commented.replace(path)


def comment_webp(path: Path, comment: str, software: str, size: tuple[int, int], alpha: bool) -> None:
    """Adds an EXIF chunk to a WebP file, extending a simple one first (RFC 9649, section 2.7)."""
    exif = _exif(comment, software).tobytes().removeprefix(b"Exif\0\0")
    flags = _WEBP_EXIF | (_WEBP_ALPHA if alpha else 0)  # libwebp forgets alpha where every frame's own box is opaque
    tagged = path.with_suffix(".tagged")
    with path.open("rb") as source, tagged.open("wb") as target:
        head = source.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WEBP":
            raise ValueError(f"{path} doesn't start as a WebP does")
        first = source.read(8)
        target.write(head)
        if first[:4] == b"VP8X":
            body = source.read(struct.unpack("<I", first[4:])[0])
            target.write(first + bytes([body[0] | flags]) + body[1:])
        else:
            canvas = b"".join(struct.pack("<I", side - 1)[:3] for side in size)
            target.write(b"VP8X" + struct.pack("<II", 10, flags) + canvas + first)
        shutil.copyfileobj(source, target, 1 << 20)
        target.write(b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2))
        length = target.tell() - 8
        target.seek(4)
        target.write(struct.pack("<I", length))
    tagged.replace(path)


def _exif(comment: str, software: str) -> Image.Exif:
    exif = Image.Exif()
    exif[_IMAGE_DESCRIPTION] = comment
    exif[_SOFTWARE] = software
    return exif
