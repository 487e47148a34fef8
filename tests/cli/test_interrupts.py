"""Signals at any moment: the interrupt arrives, once, and leaves nothing hanging."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lwgan_cli.cli.interrupts import interrupt
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.threads import side_by_side

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that interrupt here")


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """What the handler changes is put back; it handles a timer's signal as it does Ctrl-C."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for each, handler in before.items():
        signal.signal(each, handler)


def strikes(seconds: float) -> Iterator[None]:
    """Again and again, an interrupt within the next few milliseconds."""
    rng = random.Random(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0005, 0.003))
        yield


def test_threads_end() -> None:
    """With a thread pool and its futures, this hangs."""
    threads = threading.active_count()
    for _ in strikes(2):
        with pytest.raises(KeyboardInterrupt):
            for _ in side_by_side(lambda item: sum(range(2000)), iter(int, 1), 2):
                pass
    assert threading.active_count() == threads


def test_a_writer_ends(tmp_path: Path) -> None:
    """Opening it, too, may be interrupted."""
    threads = threading.active_count()
    frame = np.zeros((16, 16, 3), np.uint8)
    for _ in strikes(3):
        with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "frames", (16, 16), 25.0) as writer:
            while True:
                writer.write(frame)
    assert threading.active_count() == threads
    assert not list(tmp_path.iterdir())


def test_a_lock_that_was_just_taken_is_given_back() -> None:
    """A signal while a condition's lock is being taken comes where leaving the block frees it."""

    class Lock:
        held = False
        acquire = release = None
        __enter__ = staticmethod(partial(signal.raise_signal, signal.SIGALRM))

        def __exit__(self, *_: object) -> None:
            Lock.held = False

    with pytest.raises(KeyboardInterrupt), threading.Condition(Lock()):  # type: ignore[arg-type]
        Lock.held = True
        while True:
            pass
    assert not Lock.held


def test_waiting_is_interrupted() -> None:
    """In the standard library's code too, where it stands still."""
    begun = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(KeyboardInterrupt):
        threading.Event().wait(20)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(KeyboardInterrupt):
        subprocess.run([sys.executable, "-c", "import time; time.sleep(20)"], capture_output=True, check=False)
    assert time.monotonic() - begun < 15


def test_it_comes_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, None)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
