"""One encoder per form of output. Each takes frames one by one and leaves one whole file or folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from lwgan_cli import __version__
from lwgan_cli.errors import LwganError, UsageError
from lwgan_cli.frames.clip import AudioCut
from lwgan_cli.frames.ffmpeg import Process, local_input, run
from lwgan_cli.frames.output import SYNTHESISED
from lwgan_cli.frames.probe import audio_codec, packet_count
from lwgan_cli.frames.tagging import comment_gif, comment_webp, save_picture

SOFTWARE = f"lwgan {__version__}"
_VP9_CRF = 10  # VP9's scale runs to 63 where x264's runs to 51
GIF_FPS = 50  # browsers slow down what is shown for less than 2/100 s

# BT.709 primaries and transfer, and BT.601's YUV matrix: players obey the tag and show the same colours with
# either matrix, but OpenCV ignores it and always takes BT.601's, and so do the tools built on it, which would
# see BT.709's reds off by 18 levels. The flags make it exact to one level; swscale's default is off by two.
_TO_YUV = "scale=out_color_matrix=smpte170m:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_inp"
_AS_TAGGED = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=smpte170m"
_TAGS = ["-color_range", "tv", "-colorspace", "smpte170m", "-color_primaries", "bt709", "-color_trc", "bt709"]
# Sound that may be copied as it is into these containers; any other is encoded anew.
_COPIED = {
    ".mp4": ("aac", "mp3"),
    ".m4v": ("aac", "mp3"),
    ".mov": ("aac", "mp3"),
    ".mkv": ("aac", "mp3", "opus", "vorbis", "flac", "ac3", "eac3"),
    ".webm": ("opus", "vorbis"),
}


class Encoder(Protocol):
    """Takes the frames of one output, on a thread of its own."""

    def write(self, frame: np.ndarray) -> None:
        """Adds a frame, (H, W, C) uint8. Raises LwganError."""

    def finish(self, frames: int) -> Path:
        """All `frames` were written: returns the whole file or folder. Raises LwganError."""

    def kill(self) -> None:
        """Ends what runs. May be called at any time, from another thread, and again."""


def encoder_threads() -> int:
    """Enough to keep up, few enough that x264 doesn't hold dozens of frames."""
    return max(1, min(4, os.cpu_count() or 1))


class FFmpegPipe:
    """Raw frames into one running ffmpeg."""

    def __init__(self, size: tuple[int, int], rate: Fraction, alpha: bool, output: list[str]) -> None:
        raw = [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgba" if alpha else "rgb24",
            "-video_size",
            "{}x{}".format(*size),
        ]
        self._process = Process(["-v", "error", *raw, "-framerate", str(rate), "-i", "pipe:0", *output], stdin=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def write(self, frame: np.ndarray) -> None:
        try:
            self._process.write(frame.reshape(-1).data)
        except (OSError, ValueError) as error:  # ValueError: killed, and its pipe closed
            raise LwganError(f"encoding failed: {self._process.failure(self._process.finish())}") from error

    def finish(self) -> None:
        with self._process:
            code = self._process.finish()
            if code:
                raise LwganError(f"encoding failed: {self._process.failure(code)}")

    def kill(self) -> None:
        self._process.kill()


class VideoEncoder:
    """H.264, VP9 for .webm, ProRes 4444 for .mov with alpha; sound is laid under when the frames are in."""

    def __init__(
        self,
        folder: Path,
        suffix: str,
        size: tuple[int, int],
        rate: Fraction,
        *,
        alpha: bool,
        crf: int,
        preset: str,
        threads: int,
        audio: AudioCut | None,
        metadata: Mapping[str, str],
    ) -> None:
        self._folder, self._suffix, self._rate, self._audio = folder, suffix, rate, audio
        self._sound = audio_codec(audio.path) if audio else None
        self._tags = [part for name, value in metadata.items() for part in ("-metadata", f"{name}={value}")]
        self._flags = ["-movflags", "+faststart"] if suffix in (".mp4", ".m4v", ".mov") else []
        self._silent = folder / f"video{suffix}"
        if suffix == ".webm":
            codec = ["-c:v", "libvpx-vp9", "-crf", str(crf + _VP9_CRF), "-b:v", "0"]
            codec += ["-deadline", "good", "-cpu-used", "5", "-row-mt", "1"]
            codec += ["-pix_fmt", "yuva420p", "-auto-alt-ref", "0"] if alpha else ["-pix_fmt", "yuv420p"]
        elif alpha:
            codec = ["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"]
        else:
            codec = ["-c:v", "libx264", "-preset", preset, "-tune", "film", "-crf", str(crf)]
            codec += ["-pix_fmt", "yuv420p"]
        filters = f"{_TO_YUV},format={codec[codec.index('-pix_fmt') + 1]},{_AS_TAGGED}"
        codec += [*_TAGS, "-threads", str(threads), *self._tags]
        flags = [] if self._sound else self._flags
        self.pipe = FFmpegPipe(size, rate, alpha, ["-vf", filters, *codec, *flags, str(self._silent)])

    def write(self, frame: np.ndarray) -> None:
        self.pipe.write(frame)

    def finish(self, frames: int) -> Path:
        self.pipe.finish()
        made = self._silent
        if self._audio and self._sound:
            made = self._with_sound(self._audio, self._sound, frames / self._rate)
        written = packet_count(made)
        if written != frames:  # an ffmpeg that lost its disk halfway may still say that all is well
            raise LwganError(f"encoding failed: {written} of {frames} frames are in the file; is the disk full?")
        return made

    def kill(self) -> None:
        self.pipe.kill()

    def _with_sound(self, audio: AudioCut, codec: str, seconds: Fraction) -> Path:
        made = self._folder / f"sound{self._suffix}"
        length = float(seconds) if audio.duration is None else min(float(seconds), audio.duration)
        if audio.start < 1e-3 and codec in _COPIED[self._suffix]:
            sound = ["-c:a", "copy"]
        else:
            # cut to the sample; silence in front where the sound begins later, and in its gaps
            sound = ["-af", "aresample=async=1:first_pts=0", "-c:a"]
            sound += ["libopus", "-b:a", "128k"] if self._suffix == ".webm" else ["aac", "-b:a", "192k"]
        inputs = [*local_input(self._silent), "-ss", f"{audio.start:.6f}", "-t", f"{length:.6f}"]
        inputs += local_input(audio.path)
        streams = ["-map", "0:v:0", "-map", "1:a:0", "-map_chapters", "-1", "-c:v", "copy", *sound]
        run(
            [*inputs, *streams, *self._flags, *self._tags, str(made)],
            "the sound can't be laid under the video (--no-audio goes without)",
        )
        return made

    @property
    def pid(self) -> int:
        return self.pipe.pid


class GifEncoder:
    """Frames kept losslessly on disk, then one palette over all of them."""

    def __init__(self, folder: Path, size: tuple[int, int], rate: Fraction, alpha: bool) -> None:
        self._folder, self._rate, self._alpha = folder, rate, alpha
        self._kept = folder / "frames.mkv"
        pixel = "bgra" if alpha else "bgr0"
        codec = ["-c:v", "ffv1", "-level", "3", "-slices", "4", "-pix_fmt", pixel]
        self.pipe = FFmpegPipe(size, rate, alpha, [*codec, "-threads", str(encoder_threads()), str(self._kept)])

    def write(self, frame: np.ndarray) -> None:
        self.pipe.write(frame)

    def finish(self, frames: int) -> Path:
        self.pipe.finish()
        palette, made = self._folder / "palette.png", self._folder / "made.gif"
        slower = [f"fps={GIF_FPS}"] if self._rate > GIF_FPS else []
        what = "the GIF can't be written"
        build = ",".join([*slower, f"palettegen=stats_mode=full:reserve_transparent={int(self._alpha)}"])
        run(["-i", str(self._kept), "-vf", build, "-frames:v", "1", "-update", "1", str(palette)], what)
        use = ",".join([*slower, "null"]) + "[frames];[frames][1:v]paletteuse=dither=sierra2_4a"
        run(
            ["-i", str(self._kept), "-i", str(palette), "-lavfi", f"[0:v]{use}", "-loop", "0", str(made)],
            what,
        )
        comment_gif(made, SYNTHESISED)
        return made

    def kill(self) -> None:
        self.pipe.kill()


class WebpEncoder:
    """A still picture for one frame, an animation for more."""

    def __init__(self, folder: Path, size: tuple[int, int], rate: Fraction, alpha: bool) -> None:
        self._settings = (size, rate, alpha)
        self._made = folder / "made.webp"
        self._first: np.ndarray | None = None
        self._pipe: FFmpegPipe | None = None

    def write(self, frame: np.ndarray) -> None:
        if self._first is None:
            self._first = frame
            return
        if self._pipe is None:
            # BGRA, so that libwebp makes its own YUV, which has its own matrix
            codec = ["-c:v", "libwebp_anim", "-pix_fmt", "bgra", "-quality", "85", "-compression_level", "3"]
            self._pipe = FFmpegPipe(*self._settings, [*codec, "-loop", "0", str(self._made)])
            self._pipe.write(self._first)
        self._pipe.write(frame)

    def finish(self, frames: int) -> Path:
        if self._pipe is None:
            assert self._first is not None
            _save(self._first, self._made)
        else:
            self._pipe.finish()
            size, _, alpha = self._settings
            comment_webp(self._made, SYNTHESISED, SOFTWARE, size, alpha)
        return self._made

    def kill(self) -> None:
        if self._pipe is not None:
            self._pipe.kill()


class PictureEncoder:
    """Exactly one frame."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._made = folder / f"made{suffix}"
        self._written = False

    def write(self, frame: np.ndarray) -> None:
        if self._written:
            raise UsageError("--output names a picture, which holds one frame: name a video or a folder/")
        _save(frame, self._made)
        self._written = True

    def finish(self, frames: int) -> Path:
        return self._made

    def kill(self) -> None:
        """Nothing runs."""


class FolderEncoder:
    """Numbered PNGs, from 000000.png."""

    def __init__(self, folder: Path) -> None:
        self._made = folder / "frames"
        self._made.mkdir()
        self._written = 0

    def write(self, frame: np.ndarray) -> None:
        _save(frame, self._made / f"{self._written:06d}.png")
        self._written += 1

    def finish(self, frames: int) -> Path:
        return self._made

    def kill(self) -> None:
        """Nothing runs."""


def _save(frame: np.ndarray, path: Path) -> None:
    try:
        save_picture(frame, path, SYNTHESISED, SOFTWARE)
    except OSError as error:
        raise LwganError(f"the picture can't be written: {error.strerror or error}; is the disk full?") from error
