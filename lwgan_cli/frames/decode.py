"""The ffmpeg command that decodes one cut of a video into RGB frames of one size at a constant rate."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from lwgan_cli.errors import InputError, LwganError
from lwgan_cli.frames.ffmpeg import Process, has_filter, local_input, was_killed
from lwgan_cli.frames.photo import over
from lwgan_cli.frames.probe import VideoInfo

# swscale's default paths darken by one to two levels; these flags don't, at 1.5 times the time.
_SCALE = "bicubic+accurate_rnd+full_chroma_int"
_HD = (1280, 720)  # untagged video from this size on is BT.709, below it BT.601, as players take it
_HDR_WHITE = 203  # cd/m², a fifth of the usual peak: diffuse white of HDR programmes (ITU-R BT.2408)


class VideoDecoder:
    """Decodes one cut, again and again.

    rate      frames per second to hand on
    start     when the first frame is shown, seconds since the container's start
    skip      a moment just before it, from which to decode; 0: the beginning
    limit     frames, None: all
    max_side  frames are shrunk so that the longer side is at most this many pixels; None: as they are

    `size` is (width, height) of the frames. Raises InputError where the first can't be decoded.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        rate: Fraction,
        *,
        start: float,
        skip: float,
        limit: int | None,
        max_side: int | None,
    ) -> None:
        self._path = path
        self._info = info
        self._rate = rate
        self._skip = skip
        self._start = start - skip if info.seekable else start  # seeking moves the clock
        self._limit = ["-frames:v", str(limit)] if limit else []
        self._channels, self._pixel = (4, "rgba") if info.alpha else (3, "rgb24")
        self.size = self._first_size(max_side)

    def frames(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB, transparent ones over white. Raises InputError where decoding fails, LwganError where
        somebody ended it."""
        width, height = self.size
        output = [*self._limit, "-pix_fmt", self._pixel, "-f", "rawvideo", "-"]
        with Process([*self._input(), "-vf", self._filters(self.size), *output], stdout=True) as process:
            while True:
                frame = np.empty((height, width, self._channels), np.uint8)
                if process.read_into(frame) < frame.nbytes:
                    break
                yield over(frame) if self._info.alpha else frame
            code = process.finish()
            if was_killed(code):
                raise LwganError(f"{self._path}: decoding failed: {process.failure(code)}; is there memory enough?")
            if code:
                raise InputError(f"{self._path} can't be decoded to its end ({process.failure(code)})")

    def _first_size(self, max_side: int | None) -> tuple[int, int]:
        """(width, height) of the frames, from decoding the first: rotation, square pixels and all."""
        output = ["-frames:v", "1", "-c:v", "pam", "-pix_fmt", self._pixel, "-f", "image2pipe", "-"]
        header: dict[bytes, int] = {}
        with Process([*self._input(), "-vf", self._filters(None), *output], stdout=True) as process:
            while (line := process.read_line()) and line != b"ENDHDR\n":
                name, _, value = line.strip().partition(b" ")
                if name in (b"WIDTH", b"HEIGHT"):
                    header[name] = int(value)
            if len(header) < 2:
                raise InputError(
                    f"{self._path} can't be decoded ({process.failure(process.finish())}): is the file whole?"
                )
        return fitted(header[b"WIDTH"], header[b"HEIGHT"], max_side)

    def _input(self) -> list[str]:
        seek = ["-ss", f"{self._skip:.6f}"] if self._skip and self._info.seekable else []
        decoder = ["-c:v", self._info.decoder] if self._info.decoder else []
        return ["-v", "error", *seek, *decoder, *local_input(self._path), "-map", "0:V:0"]

    def _filters(self, size: tuple[int, int] | None) -> str:
        info = self._info
        steps = ["bwdif=mode=send_frame"] if info.interlaced else []
        if self._skip and not info.seekable:
            steps.append(f"trim=start={self._skip:.6f}")
        # the first frame at 0; by a number, since STARTPTS begins anew where a stream changes its size
        steps += [f"setpts='round(PTS-{self._start:.9f}/TB)'", f"fps={self._rate}:round=near"]
        if info.hdr and has_filter("zscale") and has_filter("tonemap"):
            # linear light, BT.709 primaries, highlights above half of diffuse white rolled off, BT.709 again
            steps.append(
                f"zscale=t=linear:npl={_HDR_WHITE},format=gbrpf32le,zscale=p=bt709,"
                "tonemap=tonemap=mobius:param=0.5:peak=5:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv444p"
            )
        scale = [f"scale=flags={_SCALE}"]
        if info.untagged:
            hd = info.width >= _HD[0] or info.height >= _HD[1]
            scale.append(f"in_color_matrix={'bt709' if hd else 'bt601'}")
        if size is not None:  # said outright, so that a stream which changes its size halfway keeps the first
            scale.append(f"w={size[0]}:h={size[1]}")
        elif not info.square:
            scale.append("w='max(1,round(iw*sar))':h=ih")
        return ",".join([*steps, ":".join(scale), "format=gbrap" if info.alpha else "format=gbrp"])


def fitted(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """(width, height) shrunk so that the longer side is at most `max_side`."""
    if not max_side or max(width, height) <= max_side:
        return width, height
    ratio = max_side / max(width, height)
    return max(1, round(width * ratio)), max(1, round(height * ratio))
