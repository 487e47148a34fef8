"""Jobs that do nothing, in the ways that jobs end; imported by the processes that do them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from lwgan_cli.batch.jobs import Job, Outcome


def job(folder: Path, what: str) -> Job:
    return Job(what, "imitate", (), (folder / what,), (), {}, "0" * 64)


def perform(job: Job) -> Outcome:
    """What its name says; the message is the process that did it."""
    what = job.output.name.split("-")[0]
    mark = job.output.with_suffix(".mark")
    if what == "dies" or (what == "falls" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "fails":
        return Outcome(3, "nobody was found")
    if what == "meets":  # waits for the other one
        mark.touch()
        deadline = time.monotonic() + 60
        while len(list(mark.parent.glob("meets*.mark"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    if what == "lasts":
        try:  # from the mark on, which whoever interrupts this waits for
            mark.write_text(str(os.getpid()))
            for _ in range(30_000):  # five minutes: longer than any test waits; Ray interrupts between two of them
                time.sleep(0.01)
        finally:
            mark.unlink(missing_ok=True)
    return Outcome(0, f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES', '')}")
