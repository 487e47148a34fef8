"""What happens to a run that is interrupted, loses its ffmpeg, its disk or its memory: done, not pretended.

Most runs here copy the driving's frames into the output, by the real command, decoder and writer, but without the
seconds that finding and drawing people takes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.frames.media import ffmpeg
from tests.processes import COPYING, children, interrupted, names, start

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds ffmpeg by /proc")

ARGUMENTS = ("imitate", "me.jpg", "long.mp4", "-o", "out.mp4", "--overwrite")
OLD = b"the old file"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than any of the tests waits for: a minute of noise, which fills disks."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    noise = "testsrc2=size=128x64:rate=25:duration=60,noise=alls=60:allf=t,format=yuv420p"
    ffmpeg("-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", path)
    return path


@pytest.fixture
def folder(long: Path, tmp_path: Path) -> Path:
    os.link(long, tmp_path / "long.mp4")
    (tmp_path / "out.mp4").write_bytes(OLD)
    return tmp_path


def copying(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command, in the middle of its work."""
    process = start(folder, *ARGUMENTS, *arguments, code=COPYING)
    assert process.stderr is not None
    for line in process.stderr:
        if line == "copying\n":
            return process
    raise AssertionError(process.communicate())


def ffmpeg_of(process: subprocess.Popen[str], what: str) -> int:
    """The process that decodes or encodes."""
    for child in children(process.pid):
        writes = "pipe:0" in Path(f"/proc/{child}/cmdline").read_text().split("\0")
        if writes == (what == "encoder"):
            return child
    raise AssertionError(f"no {what}")


def untouched(folder: Path) -> bool:
    return names(folder) == {"long.mp4", "out.mp4"} and (folder / "out.mp4").read_bytes() == OLD


@pytest.mark.parametrize("group", [True, False], ids=["group", "alone"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_a_signal_ends_the_work_cleanly(folder: Path, number: signal.Signals, group: bool) -> None:
    process = copying(folder)
    helpers = children(process.pid)
    code, out, err = interrupted(process, number, group)
    assert (code, out) == (130, "")
    assert err == "lwgan: interrupted; the output was not written\n"
    assert untouched(folder)
    assert len(helpers) == 2 and not any(Path(f"/proc/{each}").exists() for each in helpers)


def test_an_impatient_hand_leaves_nothing_either(folder: Path) -> None:
    process = copying(folder)
    for _ in range(5):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.005)
    code, out, err = interrupted(process, signal.SIGINT)
    assert (code, out, err) == (130, "", "lwgan: interrupted; the output was not written\n")
    assert untouched(folder)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("encoder", "encoding failed: ffmpeg was ended by SIGKILL"),
        ("decoder", "decoding failed: ffmpeg was ended by SIG"),
    ],
)
def test_a_killed_ffmpeg_is_told(folder: Path, what: str, says: str) -> None:
    process = copying(folder)
    os.kill(ffmpeg_of(process, what), signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert err.count("\n") == 1 and says in err
    assert untouched(folder)


FULL = """
mount -t tmpfs -o size={size} none disk || exit 99
cp out.mp4 disk/
"$@"
code=$?
ls -A disk
cmp out.mp4 disk/out.mp4 || exit 98
exit $code
"""


@pytest.mark.parametrize(
    ("name", "size"), [("out.mp4", "40k"), ("out.gif", "200k"), ("frames", "80k"), ("a.png", "4k")]
)
def test_a_disk_that_fills_up(folder: Path, name: str, size: str) -> None:
    """A real one, small and in memory, which only this process sees."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("no namespaces for users here")
    (folder / "disk").mkdir()
    arguments = ("imitate", "me.jpg", "long.mp4", "-o", f"disk/{name}", "--overwrite")
    code = COPYING.replace("open_clip(driving)", "open_clip(driving, max_frames=1)") if name == "a.png" else COPYING
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", FULL.format(size=size), "sh", sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done
    assert done.stdout.split() == ["out.mp4"]  # no partial file, no temporary
    lines = [line for line in done.stderr.splitlines() if line != "copying"]
    assert len(lines) == 1 and "disk" in lines[0] and "full" in lines[0], lines


def test_a_quota_that_is_reached(folder: Path) -> None:
    """Beyond its limit on file sizes, the system ends a process by a signal or refuses the write."""
    import resource

    process = start(
        folder, *ARGUMENTS, code=COPYING, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "encoding failed" in err.splitlines()[-1] and "Traceback" not in err
    assert untouched(folder)
