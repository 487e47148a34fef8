"""Running the ffmpeg binary that imageio-ffmpeg brings: argv lists, pipes, messages kept for the error."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import imageio_ffmpeg
import numpy as np

from lwgan_cli.errors import LwganError

PIPE_BYTES = 1 << 20  # what Linux lets an ordinary user ask for; the default of 64 kB means 100 wake-ups a frame
MESSAGE_BYTES = 4096  # of ffmpeg's last words
_HOLLOW = (  # what follows every failure and explains none
    *("Error opening input file", "Error opening output file", "Task finished with", "Terminating thread"),
    *("Nothing was written", "Conversion failed"),
)
_ADDRESS = re.compile(r"^(\[[^]]* @ 0x[0-9a-f]+\] )+")


@functools.cache
def ffmpeg_binary() -> str:
    """Path of the binary; `IMAGEIO_FFMPEG_EXE` names another one. Raises LwganError where there is none."""
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise LwganError(
            "no ffmpeg found: reinstall imageio-ffmpeg, or name a binary in the variable IMAGEIO_FFMPEG_EXE"
        ) from error


@functools.cache
def has_filter(name: str) -> bool:
    """Whether this ffmpeg was built with the filter."""
    listing = subprocess.run(
        [ffmpeg_binary(), "-hide_banner", "-filters"], capture_output=True, text=True, check=False
    ).stdout
    return any(line.split()[1:2] == [name] for line in listing.splitlines())


def local_input(path: str | os.PathLike[str]) -> list[str]:
    """Options that open a local file and nothing else: a playlist can't reach for the network, and names
    with a colon, a leading dash or a `%d` are taken as they are."""
    return ["-protocol_whitelist", "file,crypto,data", "-i", f"file:{Path(path).absolute()}"]


class Process:
    """One running ffmpeg with binary pipes.

    Its messages go to an unnamed temporary file, so that no pipe of messages can fill up and stall it. It
    runs in a session of its own: Ctrl-C reaches us alone, and we end it.
    As a context manager it kills what is still running when the block is left.
    """

    def __init__(self, arguments: Sequence[str], *, stdin: bool = False, stdout: bool = False) -> None:
        detached: dict[str, Any] = (
            {"creationflags": 0x00000200 | 0x08000000}  # CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        self._last_words = ""
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = subprocess.Popen(
                [ffmpeg_binary(), "-hide_banner", "-nostats", *([] if stdin else ["-nostdin"]), *arguments],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE if stdout else subprocess.DEVNULL,
                stderr=self._messages,
                **detached,
            )
        except OSError as error:
            self._messages.close()
            raise LwganError(f"ffmpeg can't be started ({ffmpeg_binary()}): {error}") from error
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and sys.platform == "linux":
                import fcntl

                with contextlib.suppress(OSError):  # refused above the user's limit: slower, not wrong
                    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def pid(self) -> int:
        return self._process.pid

    def write(self, data: memoryview) -> None:
        """All of `data` to ffmpeg's input. Raises OSError (BrokenPipeError) when it no longer reads."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def read_into(self, buffer: np.ndarray) -> int:
        """Fills `buffer` from ffmpeg's output; returns the bytes read, fewer than asked at the end only."""
        assert self._process.stdout is not None
        return self._process.stdout.readinto(buffer.reshape(-1).data)  # type: ignore[attr-defined]

    def read_line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def finish(self) -> int:
        """Closes the input, waits for the end and returns the exit code (negative: a signal)."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # what it didn't take is told by its exit code
                self._process.stdin.close()
        return self._process.wait()

    def messages(self, limit: int = MESSAGE_BYTES) -> str:
        """The last `limit` bytes that ffmpeg wrote to stderr."""
        if self._messages.closed:
            return self._last_words
        size = self._messages.seek(0, os.SEEK_END)
        self._messages.seek(max(0, size - limit))
        return self._messages.read().decode("utf-8", "replace").strip()

    def failure(self, code: int) -> str:
        """Why it ended, in one line: signal or exit code, and its last messages."""
        words = self.messages()
        if "No space left on device" in words:
            return "the disk is full"
        how = f"ffmpeg was ended by {signal_name(-code)}" if code < 0 else f"ffmpeg failed with exit code {code}"
        lines = [_ADDRESS.sub("", line).strip() for line in words.splitlines()]
        lines = [line for line in lines if line and not line.startswith(_HOLLOW)]
        told = lines if len(lines) < 4 else [*lines[:2], lines[-1]]  # causes come first, the fatal word last
        return f"{how}: {'; '.join(told)}" if told else how

    def kill(self) -> None:
        """Ends it if it still runs and lets go of pipes and messages. May be called again."""
        if self._process.poll() is None:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError, ValueError):  # bytes left in the buffer have nowhere to go
                    pipe.close()
        self._process.wait()
        self._last_words = self.messages()
        self._messages.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def signal_name(number: int) -> str:
    """`SIGKILL` for 9; the number where the platform has no name for it."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def was_killed(code: int) -> bool:
    """Whether somebody else ended the process: a person, or a system short of memory. Not so a crash, which is the
    file's doing."""
    return sys.platform != "win32" and code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)


def run(arguments: Sequence[str], what: str) -> None:
    """Runs ffmpeg to its end. Raises LwganError starting with `what` and holding ffmpeg's messages."""
    with Process(["-v", "error", *arguments]) as process:
        code = process.finish()
        if code:
            raise LwganError(f"{what}: {process.failure(code)}")
