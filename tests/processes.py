"""`lwgan`, or a few lines of Python, as a process of its own, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LWGAN = "from lwgan_cli.cli.main import main; main()"
# `lwgan imitate` that copies the driving's frames and sound into the output: without the seconds that finding and
# drawing people take, and those of loading PyTorch
COPYING = f"""
import sys, time, types
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.report import Report
import lwgan_cli.cli.device
lwgan_cli.cli.device.prepare = lambda config: config
def imitate(photos, driving, config, progress):
    clip = open_clip(driving)
    size = (clip.width, clip.height)
    with VideoWriter(config.output, size, clip.fps, audio=clip.audio, overwrite=config.overwrite) as writer:
        for number, frame in enumerate(clip):
            writer.write(frame)
            if number == 20:
                print("copying", file=sys.stderr, flush=True)
            time.sleep(0.002)
    nothing = dict(device="none", backends={{}}, seconds={{}}, fit={{}})
    return Report(output=config.output, frames=clip.count, fps=clip.fps, size=size, **nothing)
sys.modules["lwgan_cli.pipeline"] = pipeline = types.ModuleType("lwgan_cli.pipeline")
pipeline.imitate = imitate
{LWGAN}
"""


def start(
    folder: Path, *arguments: str | Path, code: str = LWGAN, limit: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    """Starts `lwgan` (or `code`) in `folder`, leading a process group of its own, as a shell on a terminal does it.

    limit  run in the child before it becomes Python
    """

    def prepare() -> None:
        # a shell's background jobs ignore Ctrl-C and hand that on: whoever runs the tests there wants them to pass too
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if limit is not None:
            limit()

    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LWGAN_CACHE": str(folder / "cache")},
        start_new_session=True,
        preexec_fn=None if os.name == "nt" else prepare,
    )


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Until `what` holds; fails where the process ends first."""
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def interrupted(process: subprocess.Popen[str], number: signal.Signals, group: bool = True) -> tuple[int, str, str]:
    """Sends a signal, to the whole group as a terminal does it or to the process alone; returns the exit code,
    stdout and stderr."""
    try:
        if group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        out, err = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
    return process.returncode, out, err


def children(of: int) -> set[int]:
    """Live child processes."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == of and fields[0] != "Z":
            found.add(int(entry.parent.name))
    return found


def names(folder: Path) -> set[str]:
    """What lies in a folder, hidden files too."""
    return {each.name for each in folder.iterdir()}
