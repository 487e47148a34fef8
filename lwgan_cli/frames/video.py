"""`VideoWriter`: frames in, one whole output of the form that its name asks for, or none."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

import numpy as np

from lwgan_cli.errors import LwganError, UsageError
from lwgan_cli.frames.clip import AudioCut
from lwgan_cli.frames.encoders import (
    Encoder,
    FolderEncoder,
    GifEncoder,
    PictureEncoder,
    VideoEncoder,
    WebpEncoder,
    encoder_threads,
)
from lwgan_cli.frames.output import (
    SYNTHESISED,
    check_alpha,
    check_output,
    put_in_place,
    workspace,
)
from lwgan_cli.frames.timeline import as_rate

CRF = 14  # with `veryfast`: 43 to 48 dB and .96 to 1 of the sharpness (variance of the Laplacian) on photos
PRESET = "veryfast"
_QUEUE_BYTES = 64 << 20


class VideoWriter:
    """Writes frames to `path`; what the name ends in decides the form (`output.output_form`).

        with VideoWriter("out.mp4", (1280, 720), 30.0, audio=clip.audio) as writer:
            for frame in frames:
                writer.write(frame)  # (720, 1280, 3) uint8 RGB

    Encoding runs beside the caller's work, a few frames behind. Nothing appears at `path` until the block
    ends well; an error or an interrupt in it leaves what was there, and nothing else.

    size       (width, height) px; even for a video (`output.even_size`)
    fps        frames per second
    audio      (path, start, duration) of the sound to lay under a video, from its first frame on; it ends
               with the frames; a file without sound is no error; other forms go without
    alpha      frames are (H, W, 4) with straight alpha; .mov .webm .png .gif .webp and folders carry it
    crf        quality of a video, 0 lossless to 51; 14 looks like the frames
    preset     x264's, from ultrafast to veryslow
    threads    of the encoder; None: at most 4
    overwrite  replace what is at `path`
    metadata   further tags of a video, as {"title": "..."}; the comment says that it is synthesised

    The constructor checks and raises as `output.check_output`, and UsageError for an odd size, a bad rate, or
    alpha that the form can't carry. `write` and the block's end raise LwganError where encoding fails
    (ffmpeg's words in it), or where no frame was written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int],
        fps: float,
        *,
        audio: AudioCut | tuple[str | os.PathLike[str], float, float | None] | None = None,
        alpha: bool = False,
        crf: int = CRF,
        preset: str = PRESET,
        threads: int | None = None,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.form = check_output(path, [audio[0]] if audio else [], overwrite)
        self.suffix = "" if self.form == "folder" else Path(path).suffix.lower()
        self.size = size
        self.frames = 0
        self._channels = 4 if alpha else 3
        self._audio = AudioCut(Path(audio[0]), *audio[1:]) if audio else None
        self._crf, self._preset, self._threads = crf, preset, threads or encoder_threads()
        self._overwrite = overwrite
        self._metadata = {**(metadata or {}), "comment": SYNTHESISED}
        if self.form == "video" and (size[0] % 2 or size[1] % 2):
            raise UsageError(f"a video of {size[0]}x{size[1]} px can't be written: its sides must be even")
        if not (math.isfinite(fps) and 0 < fps <= 1000):
            raise UsageError(f"--fps {fps}: give frames per second, above 0 and at most 1000")
        if alpha:
            check_alpha(path)
        self._rate = as_rate(fps)
        self._stack = ExitStack()
        self._encoder: Encoder | None = None
        self._thread: threading.Thread | None = None
        # not a queue.Queue, whose locks an interrupt may leave taken (see lwgan_cli.threads)
        self._queue: SimpleQueue[np.ndarray | None] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()  # one for each frame that may still wait
        for _ in range(max(2, min(8, _QUEUE_BYTES // (size[0] * size[1] * self._channels)))):
            self._room.put(None)
        self._failure: Exception | None = None
        self._cancelled = False

    def __enter__(self) -> VideoWriter:
        target = Path(os.path.realpath(self.path))
        try:
            folder = self._stack.enter_context(workspace(target))
            self._stack.callback(self._stop)
            self._encoder = self._make_encoder(folder)
            self._thread = threading.Thread(target=self._encode, name="encode", daemon=True)
            self._thread.start()
        except BaseException:  # an interrupt too
            self._stack.close()
            raise
        return self

    def write(self, frame: np.ndarray) -> None:
        """Adds a frame, (H, W, 3) uint8 RGB (4 with alpha), which the caller may reuse at once.
        Raises LwganError where encoding has failed, ValueError for a frame of another shape or type."""
        if self._thread is None:
            raise ValueError("the writer isn't open: use it in a with statement")
        shape = (self.size[1], self.size[0], self._channels)
        if frame.shape != shape or frame.dtype != np.uint8:
            raise ValueError(f"a frame of {frame.shape} {frame.dtype} was written where {shape} uint8 was announced")
        self._room.get()
        self._queue.put(np.array(frame, order="C"))
        if self._failure is not None:
            raise self._failure
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is None:
                self._finish()

    @property
    def pid(self) -> int | None:
        """The encoder's process, where one runs."""
        return getattr(self._encoder, "pid", None)

    def _finish(self) -> None:
        assert self._thread is not None and self._encoder is not None
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        if self.frames == 0:
            raise LwganError(f"{self.path}: no frame to write")
        made = self._encoder.finish(self.frames)
        try:
            put_in_place(made, self.path, self._overwrite)
        except OSError as error:
            raise LwganError(f"{self.path} can't be written: {error.strerror or error}") from error

    def _stop(self) -> None:
        """Ends encoder and thread, whatever they are at."""
        self._cancelled = True
        if self._encoder is None:
            return
        self._encoder.kill()
        if self._thread is not None:
            self._queue.put(None)  # even if it doesn't live yet: an interrupt may come while it is started
            if self._thread.is_alive():
                self._thread.join()
            self._encoder.kill()  # again: the thread may have started a process after the first

    def _encode(self) -> None:
        assert self._encoder is not None
        while (frame := self._queue.get()) is not None:
            if self._failure is None and not self._cancelled:
                try:
                    self._encoder.write(frame)
                except Exception as error:  # noqa: BLE001 - handed to the caller's next write
                    self._failure = error
            self._room.put(None)

    def _make_encoder(self, folder: Path) -> Encoder:
        alpha = self._channels == 4
        if self.form == "folder":
            return FolderEncoder(folder)
        if self.form == "picture":
            return PictureEncoder(folder, self.suffix)
        if self.suffix == ".gif":
            return GifEncoder(folder, self.size, self._rate, alpha)
        if self.suffix == ".webp":
            return WebpEncoder(folder, self.size, self._rate, alpha)
        return VideoEncoder(
            folder,
            self.suffix,
            self.size,
            self._rate,
            alpha=alpha,
            crf=self._crf,
            preset=self._preset,
            threads=self._threads,
            audio=self._audio,
            metadata=self._metadata,
        )
