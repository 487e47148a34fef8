"""One run of `imitate` in a process of its own, so that its memory is its own.

    python -m lwgan_cli.evaluation.bench_run JSON

JSON: photo, driving, and the options of the run. Prints one JSON object: frames, seconds by stage, drawing (s, from
the first frame's beginning to the last one's end), wall and first_frame in seconds, both since the process began to
import, peak and gpu_peak in MB.
"""

from __future__ import annotations

import time

_BEGAN = time.perf_counter()  # before anything heavy is imported

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from lwgan_cli.config import DrawConfig  # noqa: E402
from lwgan_cli.progress import Silent  # noqa: E402


class Stopwatch(Silent):
    """Keeps when the first frame was written, None until then, and how long all frames took to draw, s."""

    def __init__(self) -> None:
        super().__init__()
        self.first_frame: float | None = None
        self.drawing = 0.0

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        def advance(frames: int) -> None:
            if name == "composite" and self.first_frame is None:
                self.first_frame = time.perf_counter() - _BEGAN

        began = time.perf_counter()
        with self.clock(name):
            yield advance
        if name == "composite":
            self.drawing = time.perf_counter() - began


def run(asked: dict[str, Any]) -> dict[str, Any]:
    """Imitates, and measures it."""
    import cv2
    import torch

    from lwgan_cli.pipeline import imitate

    paths = {name: Path(asked.pop(name)) for name in ("photo", "driving", "output", "weights") if asked.get(name)}
    photo, driving = paths.pop("photo"), paths.pop("driving")
    config = DrawConfig(**{**asked, **paths}, audio=False)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
        cv2.setNumThreads(config.threads)
    watch = Stopwatch()
    report = imitate([photo], driving, config, watch)
    wall = time.perf_counter() - _BEGAN
    on_gpu = config.device.startswith("cuda")
    return dict(
        frames=report.frames, width=report.size[0], height=report.size[1], seconds=dict(report.seconds),
        drawing=watch.drawing, wall=wall, first_frame=watch.first_frame, peak=peak_memory(),
        gpu_peak=torch.cuda.max_memory_allocated(config.device) / 2**20 if on_gpu else None,
    )  # fmt: skip


def peak_memory() -> float | None:
    """The most memory that this process has held, MB; None where the system doesn't say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(json.loads(sys.argv[1]))) + "\n")
