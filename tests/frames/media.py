"""Files for the tests, by ffmpeg and pillow. A numbered frame carries its number as black and white bars."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import numpy as np

from lwgan_cli.frames.ffmpeg import ffmpeg_binary

BITS = 8


def numbered(number: int, width: int = 128, height: int = 64) -> np.ndarray:
    """(H, W, 3) uint8: 8 bars, the highest bit on the left, above a band of colour."""
    frame = np.zeros((height, width, 3), np.uint8)
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        if number >> (BITS - 1 - bit) & 1:
            frame[: height // 2, edges[bit] : edges[bit + 1]] = 255
    frame[height // 2 :] = (200, 60, 30)
    return frame


def number_of(frame: np.ndarray) -> int:
    """The number that `numbered` wrote."""
    height, width = frame.shape[:2]
    centres = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    bits = frame[height // 4, centres].mean(-1) > 127
    return int("".join("1" if bit else "0" for bit in bits), 2)


def ffmpeg(*arguments: str | Path, data: bytes | None = None) -> bytes:
    """Runs ffmpeg by hand; returns its output."""
    command = [ffmpeg_binary(), "-hide_banner", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def describe(path: Path) -> str:
    """What ffmpeg says about a file."""
    command = [ffmpeg_binary(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def raw(frames: list[np.ndarray], rate: int | str = 25) -> tuple[list[str], bytes]:
    """ffmpeg's input options and bytes for frames of one size."""
    height, width, channels = frames[0].shape
    pixel = {3: "rgb24", 4: "rgba"}[channels]
    options = ["-f", "rawvideo", "-pix_fmt", pixel, "-video_size", f"{width}x{height}"]
    return [*options, "-framerate", str(rate), "-i", "-"], b"".join(frame.tobytes() for frame in frames)


def make_video(path: Path, count: int = 20, rate: int | str = 25, *options: str) -> Path:
    """`count` numbered frames, with B-frames and few key frames, so that seeking has to decode."""
    source, data = raw([numbered(index) for index in range(count)], rate)
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "250", "-pix_fmt", "yuv420p"]
    ffmpeg(*source, *codec, *options, path, data=data)
    return path


def make_clicks(path: Path, at: list[float], seconds: float, rate: int = 48000) -> Path:
    """A WAV of silence with a click of 2 ms at each time."""
    samples = np.zeros(int(seconds * rate), np.int16)
    for time in at:
        samples[round(time * rate) : round((time + 0.002) * rate)] = 20000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def sound_of(path: Path, rate: int = 48000) -> np.ndarray:
    """(N,) float in [-1, 1] from the video's start: what is heard, edit lists and all."""
    data = ffmpeg(
        *("-i", path, "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0"),
        *("-ac", "1", "-ar", str(rate), "-f", "s16le", "-"),
    )
    return np.frombuffer(data, "<i2") / 32768
