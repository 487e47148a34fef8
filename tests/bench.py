"""Where the time goes: one photo and the sample dance, nothing cached, the command as a process of its own.

    python -m tests.bench [options of `lwgan imitate`]

Prints a table: seconds per stage, per frame of the dance, and what runs once whatever the length.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
ONCE = ("source", "matte", "dress", "background")  # stages whose time doesn't grow with the clip
OPTIONS = ("--size", "256", "--max-side", "720")


def run(options: list[str]) -> tuple[dict[str, Any], float]:
    """The report of a run, and its seconds on the wall, Python's start included."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from lwgan_cli.cli.main import main; main()"),
                *("imitate", EXAMPLES / "person.jpg", EXAMPLES / "dance.mp4"),
                *("-o", Path(folder) / "bench.mp4", "--no-cache", "--json", *options),
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    if done.returncode:
        sys.exit(done.returncode)
    return json.loads(done.stdout), time.perf_counter() - began


def table(report: dict[str, Any], wall: float) -> str:
    frames, seconds = report["frames"], report["seconds"]
    lines = [f"{'stage':<12}{'seconds':>9}{'s/frame':>9}"]
    for stage, took in seconds.items():
        each = "once" if stage in ONCE else f"{took / frames:.4f}"
        lines.append(f"{stage:<12}{took:>9.2f}{each:>9}")
    per_frame = sum(took for stage, took in seconds.items() if stage not in ONCE) / frames
    lines.append(f"{'start':<12}{wall - sum(seconds.values()):>9.2f}{'once':>9}")
    lines.append(f"{'all':<12}{wall:>9.2f}{wall / frames:>9.4f}")
    width, height = report["size"]
    lines.append(
        f"{frames} frames of {width}×{height} px; {per_frame:.3f} s for each more;"
        f" {os.cpu_count()} cores ({platform.machine()}), {report['device']}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(*run([*OPTIONS, *sys.argv[1:]])))
