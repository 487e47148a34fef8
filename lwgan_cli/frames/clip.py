"""Streaming decode: a video, an animated picture, a folder of frames or one picture as a clip."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.frames.decode import VideoDecoder
from lwgan_cli.frames.photo import PICTURE_SUFFIXES, picture_kind, read_animation, read_photo
from lwgan_cli.frames.probe import probe_video
from lwgan_cli.frames.timeline import DEFAULT_FPS, as_rate, constant_rate, resample, ticks_between

Kind = Literal["video", "frames", "photo"]
Box = tuple[int, int, int, int]  # left, top, right, bottom, px

_MEGABYTE = 1 << 20


class AudioCut(NamedTuple):
    """A stretch of a file's first audio stream.

    start     seconds since the container's start
    duration  seconds; None: to its end
    """

    path: Path
    start: float = 0.0
    duration: float | None = None


@dataclass(frozen=True)
class Cut:
    """Which part of a clip is wanted: the options --start, --duration, --fps and --max-frames, checked.

    start, duration in seconds (None: to the end); fps None: the clip's own; max_frames None: all.
    max_side: frames shrunk so that the longer side is at most this many pixels.
    Raises UsageError naming the option.
    """

    start: float = 0.0
    duration: float | None = None
    fps: float | None = None
    max_frames: int | None = None
    max_side: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise UsageError(f"--start {self.start}: give seconds, 0 or more")
        if self.duration is not None and not (math.isfinite(self.duration) and self.duration > 0):
            raise UsageError(f"--duration {self.duration}: give seconds, more than 0")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise UsageError(f"--fps {self.fps}: give frames per second, above 0 and at most 1000")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"--max-frames {self.max_frames}: give 1 or more")

    def beyond(self, path: Path, length: float) -> UsageError:
        return UsageError(f"--start {self.start:g} lies beyond the end of {path} ({length:.2f} s): start earlier")

    def frames(self, available: float, rate: Fraction) -> int:
        """Frames of `rate` in the cut, of a clip that goes on for `available` seconds after its start."""
        length = available if self.duration is None else min(available, self.duration)
        count = ticks_between(0.0, length, rate)
        return count if self.max_frames is None else min(count, self.max_frames)


class Clip:
    """Frames of one size at a constant rate.

    Each `iter(clip)` decodes anew and gives the same frames, (H, W, 3) uint8 RGB, holding one at a time;
    leaving the loop early ends the decoder.

    path           what was opened
    kind           "video", "frames" (a folder) or "photo" (one picture, one frame)
    width, height  of the frames, px, upright and with square pixels
    fps            frames per second, the rate at which frames are handed on
    start          seconds between the container's start and the first frame
    audio          the sound that belongs to the frames, None without sound
    whole, corner  what the frames are a part of, and the x, y px where they lie in its frames; else the clip itself
    """

    def __init__(
        self,
        path: Path,
        kind: Kind,
        size: tuple[int, int],
        rate: Fraction,
        count: int,
        frames: Callable[[], Iterator[np.ndarray]],
        *,
        cut: Cut,
        exact: bool = True,
        start: float = 0.0,
        has_audio: bool = False,
    ) -> None:
        self.path = path
        self.kind: Kind = kind
        self.width, self.height = size
        self.rate = rate
        self.start = start
        self.has_audio = has_audio
        self._cut = cut
        self._frames = frames
        self._count = count
        self._exact = exact
        self._key: str | None = None
        self.whole, self.corner = self, (0, 0)

    @property
    def fps(self) -> float:
        return float(self.rate)

    @property
    def count(self) -> int:
        """Number of frames. Of a video the container's word until `exact`; a damaged file doesn't keep it."""
        return self._count

    @property
    def exact(self) -> bool:
        """`count` is sure: always so for folders and pictures, for a video once it was read through."""
        return self._exact

    @property
    def duration(self) -> float:
        """Seconds, `count` / `fps`."""
        return float(self.count / self.rate)

    @property
    def audio(self) -> AudioCut | None:
        return AudioCut(self.path, self.start, self.duration) if self.has_audio else None

    def __iter__(self) -> Iterator[np.ndarray]:
        seen = 0
        for frame in self._frames():
            seen += 1
            yield frame
        if seen == 0:
            raise InputError(f"{self.path}: no frame could be decoded; is the file whole?")
        self._count, self._exact = seen, True

    def first(self) -> np.ndarray:
        """(H, W, 3) uint8: the first frame."""
        return next(iter(self))

    def within(self, box: Box) -> Clip:
        """A part of all frames."""
        left, top, right, bottom = box

        def frames() -> Iterator[np.ndarray]:
            return (np.ascontiguousarray(frame[top:bottom, left:right]) for frame in self)

        part = Clip(
            self.path, self.kind, (right - left, bottom - top), self.rate, self.count, frames,
            cut=self._cut, exact=self.exact, start=self.start, has_audio=self.has_audio,
        )  # fmt: skip
        part.whole, part.corner = self.whole, (self.corner[0] + left, self.corner[1] + top)
        return part

    def key(self) -> str:
        """64 hex digits under which what was computed from the frames may be cached.

        They change with the content of the file (of a folder: names and contents) and with the cut, and with
        nothing else."""
        if self._key is None:
            part = (self._cut, self.corner, self.width, self.height) if self.whole is not self else self._cut
            digest = hashlib.sha256(repr(part).encode())
            for file in picture_files(self.path) if self.path.is_dir() else [self.path]:
                if file != self.path:
                    digest.update(f"\0{file.name}\0{file.stat().st_size}\0".encode())
                with file.open("rb") as stream:
                    while block := stream.read(_MEGABYTE):
                        digest.update(block)
            self._key = digest.hexdigest()
        return self._key

    def __repr__(self) -> str:
        about = "" if self.exact else "about "
        return f"<Clip {self.path} {self.width}x{self.height} {about}{self.count} frames at {self.fps:.4g} fps>"


def open_clip(
    path: str | os.PathLike[str],
    *,
    start: float = 0.0,
    duration: float | None = None,
    fps: float | None = None,
    max_frames: int | None = None,
    max_side: int | None = None,
) -> Clip:
    """Opens a video, an animated GIF, WebP, PNG or AVIF, a folder of pictures, or one picture.

    Videos are turned upright by their rotation, brought to square pixels, converted by their own YUV matrix,
    tone mapped from high dynamic range, and resampled to a constant rate where theirs varies or `fps` asks
    for another. Transparent frames are laid over white. A folder's pictures come in natural order (2 before
    10), at `fps` (25). `start` and `duration` are seconds since the first frame; the clip begins with the
    first one shown at or after `start`.

    Raises InputError: missing, empty, unreadable, no video stream, an empty folder; while iterating, a
    damaged frame, pictures of different sizes. Raises UsageError: an option's value, or a start beyond the
    end.
    """
    path = Path(path)
    cut = Cut(start, duration, fps, max_frames, max_side)
    if path.is_dir():
        return _open_folder(path, cut)
    match picture_kind(path):
        case "still":
            return _open_photo(path, cut)
        case "animated":
            return _open_animation(path, cut)
        case _:
            try:
                return _open_video(path, cut)
            except InputError as error:
                if path.suffix.lower() not in PICTURE_SUFFIXES:
                    raise
                raise InputError(f"{path} isn't a picture, though its name says so: export or copy it again") from error


def picture_files(folder: Path) -> list[Path]:
    """The pictures in a folder in natural order: `frame2.png` before `frame10.png`."""
    return sorted(
        (
            file
            for file in folder.iterdir()
            if file.suffix.lower() in PICTURE_SUFFIXES and not file.name.startswith(".") and file.is_file()
        ),
        key=lambda file: (
            [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", file.name.lower())],
            file.name,
        ),
    )


def _open_folder(path: Path, cut: Cut) -> Clip:
    files = picture_files(path)
    if not files:
        raise InputError(f"{path} holds no picture: give a folder of frames (PNG, JPEG, WebP, ...)")
    rate = as_rate(cut.fps) if cut.fps else DEFAULT_FPS
    begin = math.ceil(cut.start * rate - 1e-6)
    if begin >= len(files):
        raise cut.beyond(path, float(len(files) / rate))
    files = files[begin:]
    files = files[: cut.frames(float(len(files) / rate), rate)]
    height, width = read_photo(files[0], cut.max_side).rgb.shape[:2]

    def frames() -> Iterator[np.ndarray]:
        for file in files:
            frame = read_photo(file, cut.max_side).over()
            if frame.shape != (height, width, 3):
                raise InputError(
                    f"{file} is {frame.shape[1]}x{frame.shape[0]} px but {files[0].name} is {width}x{height}:"
                    " the frames of a folder must have one size"
                )
            yield frame

    return Clip(path, "frames", (width, height), rate, len(files), frames, cut=cut)


def _open_photo(path: Path, cut: Cut) -> Clip:
    if cut.start > 0:
        raise UsageError(f"--start {cut.start:g}: {path} is one picture, which has no later frames")
    height, width = read_photo(path, cut.max_side).rgb.shape[:2]
    rate = as_rate(cut.fps) if cut.fps else DEFAULT_FPS

    def frames() -> Iterator[np.ndarray]:
        yield read_photo(path, cut.max_side).over()

    return Clip(path, "photo", (width, height), rate, 1, frames, cut=cut)


def _open_animation(path: Path, cut: Cut) -> Clip:
    shown = []
    width = height = 0
    for photo, seconds in read_animation(path, cut.max_side):
        height, width = photo.rgb.shape[:2]
        shown.append(seconds)
    ends = np.cumsum(shown)
    times = ends - shown
    first = int(np.searchsorted(times, cut.start - 1e-6))
    if first >= len(times):
        raise cut.beyond(path, float(ends[-1]))
    rate = as_rate(cut.fps) if cut.fps else constant_rate(times, shown[-1])
    picked = resample(times[first:], float(ends[-1]), rate)[: cut.frames(float(ends[-1] - times[first]), rate)] + first

    def frames() -> Iterator[np.ndarray]:
        place = 0
        for index, (photo, _) in enumerate(read_animation(path, cut.max_side)):
            if place < len(picked) and picked[place] == index:
                frame = photo.over()
                while place < len(picked) and picked[place] == index:
                    yield frame.copy()
                    place += 1

    return Clip(path, "video", (width, height), rate, len(picked), frames, cut=cut, start=float(times[first]))


def _open_video(path: Path, cut: Cut) -> Clip:
    info = probe_video(path)
    times = info.times
    gap = float(np.median(np.diff(times))) if len(times) > 1 else info.last
    first = int(np.searchsorted(times, times[0] + cut.start - 1e-6)) if cut.start else 0
    end = float(times[-1]) + (info.last or gap)
    if first >= len(times):
        raise cut.beyond(path, end - float(times[0]))
    if cut.fps:
        rate = as_rate(cut.fps)
    elif len(times) == 1 and info.declared:
        rate = as_rate(info.declared)
    else:
        rate = constant_rate(times, info.last or gap, info.declared)
    count = cut.frames(end - float(times[first]), rate)
    # a little before the frame, so that rounding can't lose it; 0 for the first, which needs no seek
    skip = max(0.0, float(times[first]) - (times[first] - times[first - 1]) / 4) if first else 0.0
    decode = VideoDecoder(
        path,
        info,
        rate,
        start=float(times[first]),
        skip=skip,
        limit=count if cut.duration or cut.max_frames else None,
        max_side=cut.max_side,
    )
    return Clip(
        path,
        "video",
        decode.size,
        rate,
        count,
        decode.frames,
        cut=cut,
        exact=False,
        start=max(0.0, float(times[first])),  # raw streams may count from below 0
        has_audio=info.audio is not None,
    )
