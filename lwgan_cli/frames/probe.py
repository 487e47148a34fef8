"""What a video file holds: ffmpeg's description of it, and the times of its frames, without decoding them."""

from __future__ import annotations

import os
import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lwgan_cli.errors import InputError
from lwgan_cli.frames.ffmpeg import Process, local_input

_STREAM = re.compile(r"^ {2,4}Stream #0:\d+[^:]*(?:\([^)]*\))?: (Video|Audio): (.*)$")
_SAR = re.compile(r"\bSAR (\d+):(\d+)")
_FPS = re.compile(r"([\d.]+) fps")
_MATRICES = (
    "bt709",
    "smpte170m",
    "bt470bg",
    "smpte240m",
    "fcc",
    "bt2020nc",
    "bt2020c",
    "gbr",
    "ycgco",
    "ictcp",
)
_YUV = ("yuv", "nv", "p0", "p2", "uyvy", "yuyv")
_HDR = ("smpte2084", "arib-std-b67")
_ALPHA = re.compile(r"^(yuva|gbrap|rgba|bgra|argb|abgr|ya8|ya16|pal8)")
_FLAG = re.compile(r"\bF=0x([0-9A-Fa-f]+)")
_DISCARD = 0x4  # the container says that this packet is decoded but not shown
_SEEKABLE = ("mov", "matroska")  # where seeking is exact to the frame


@dataclass(frozen=True)
class VideoInfo:
    """The first video stream of a file, and whether there is sound.

    times       (T,) float64, seconds since the container's start, ascending: when each frame is shown
    last        seconds that the last frame is shown, 0 where the file doesn't say
    declared    frames per second by the header, 0 where it doesn't say
    width, height  as coded, before rotation
    untagged    YUV without a word on its matrix
    hdr         transfer curve when it is one of high dynamic range, else None
    alpha       frames carry transparency
    decoder     decoder to name, None for ffmpeg's own choice
    square      pixels are square
    interlaced  frames are two fields
    audio       codec of the first audio stream, None without sound
    seekable    the container can be entered exact to the frame
    """

    times: np.ndarray
    last: float
    declared: float
    width: int
    height: int
    untagged: bool
    hdr: str | None
    alpha: bool
    decoder: str | None
    square: bool
    interlaced: bool
    audio: str | None
    seekable: bool


def audio_codec(path: str | os.PathLike[str]) -> str | None:
    """Codec of the file's first audio stream, as ffmpeg names it; None without sound."""
    with Process([*local_input(path)]) as process:
        process.finish()  # always "fails": it is given no output
        return _stream(process.messages(limit=1 << 20), "Audio", "").split(" ")[0].rstrip(",") or None


def packet_count(path: str | os.PathLike[str]) -> int:
    """How many frames the file's first video stream holds, without decoding. 0 for what isn't a video."""
    with Process(_packets(path), stdout=True) as process:
        return sum(1 for line in iter(process.read_line, b"") if not line.startswith(b"#"))


def probe_video(path: Path) -> VideoInfo:
    """Describes a video. Raises InputError where ffmpeg can't read it, or it has no video stream."""
    pts, dts, duration, time_base = array("q"), array("q"), 0, 1.0
    width = height = 0
    with Process(_packets(path), stdout=True) as process:
        for raw in iter(process.read_line, b""):
            line = raw.decode("ascii", "replace")
            if line.startswith("#tb"):
                numerator, denominator = line.split(":")[1].split("/")
                time_base = int(numerator) / int(denominator)
            elif line.startswith("#dimensions"):
                width, height = (int(part) for part in line.split(":")[1].split("x"))
            elif not line.startswith("#"):
                flag = _FLAG.search(line)
                if flag is None or not int(flag.group(1), 16) & _DISCARD:
                    fields = line.split(",")
                    dts.append(int(fields[1]))
                    pts.append(int(fields[2]))
                    duration = int(fields[3])
        code = process.finish()
        words = process.messages(limit=1 << 20)
        if "Stream map '" in words and "matches no streams" in words:
            raise InputError(f"{path} holds no video stream: give a video, a folder of frames or a picture")
        if not pts:
            reason = process.failure(code) if code else "it holds no frame"
            raise InputError(f"{path} can't be read as a picture or a video ({reason}): is the file whole?")
    text = _stream(words, "Video", "")
    shown = np.frombuffer(pts, np.int64)
    if (shown < -(2**62)).any():  # a raw stream carries no times of display
        shown = np.frombuffer(dts, np.int64)
    if (shown < -(2**62)).any():
        shown, time_base = np.arange(len(pts), dtype=np.int64), 0.04
    pixel = next((part for part in re.split(r", (?![^()]*\))", text)[1:] if part), "")
    # matrix/primaries/transfer, or one name for all three
    tags = [tag.split("/") for tag in re.split(r"[(),\s]+", pixel)[1:]]
    codec = text.split(" ")[0].rstrip(",")
    alpha_mode = codec in ("vp8", "vp9") and re.search(r"alpha_mode\s*: 1", words, re.IGNORECASE) is not None
    sar = _SAR.search(text)
    fps = _FPS.search(text)
    return VideoInfo(
        times=np.sort(shown) * time_base,
        last=duration * time_base,
        declared=float(fps.group(1)) if fps else 0.0,
        width=width,
        height=height,
        untagged=pixel.startswith(_YUV) and not any(tag[0] in _MATRICES for tag in tags),
        hdr=next((tag[-1] for tag in tags if tag[-1] in _HDR), None),
        alpha=alpha_mode or _ALPHA.match(pixel) is not None,
        decoder={"vp8": "libvpx", "vp9": "libvpx-vp9"}[codec] if alpha_mode else None,
        square=sar is None or sar.group(1) == sar.group(2),
        interlaced=any(f"{field} {order}" in pixel for field in ("top", "bottom") for order in ("first", "coded")),
        audio=_stream(words, "Audio", "").split(" ")[0].rstrip(",") or None,
        seekable=re.search(rf"^Input #0, ({'|'.join(_SEEKABLE)})\b", words, re.MULTILINE) is not None,
    )


def _packets(path: str | os.PathLike[str]) -> list[str]:
    # `V` leaves out cover pictures and thumbnails, which are video streams too
    return [*local_input(path), "-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-"]


def _stream(words: str, kind: str, default: str) -> str:
    """ffmpeg's line on the input's first stream of this kind, from the codec on."""
    for line in words.splitlines():
        if line.startswith("Output #0"):
            break
        match = _STREAM.match(line)
        if match and match.group(1) == kind and "(attached pic)" not in line:
            return match.group(2)
    return default
