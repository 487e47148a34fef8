"""Signals at any moment: the interrupt arrives, once, and leaves nothing hanging."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
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


def ended(threads: int) -> bool:
    """Whether no more threads than before live, or not for long: one that was just started ends by itself."""
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.02)
    return threading.active_count() == threads


def interrupted_again_and_again(work: Callable[[], None], seconds: float) -> None:
    """`work`, which never ends by itself, with an interrupt in its first milliseconds each time."""
    rng = random.Random(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0005, 0.003))
            work()
        except KeyboardInterrupt:
            continue


def test_threads_end() -> None:
    """With a thread pool and its futures, this hangs."""

    def work() -> None:
        for _ in side_by_side(lambda item: sum(range(2000)), iter(int, 1), 2):
            pass

    threads = threading.active_count()
    interrupted_again_and_again(work, 2)
    assert ended(threads)


def test_a_writer_ends(tmp_path: Path) -> None:
    """Opening it, too, may be interrupted. With a `queue.Queue` in it, this hangs."""
    frame = np.zeros((16, 16, 3), np.uint8)

    def work() -> None:
        with VideoWriter(tmp_path / "frames", (16, 16), 25.0) as writer:
            while True:
                writer.write(frame)

    threads = threading.active_count()
    interrupted_again_and_again(work, 3)
    assert ended(threads)
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
    with pytest.raises(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        threading.Event().wait(20)
    with pytest.raises(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        subprocess.run([sys.executable, "-c", "import time; time.sleep(20)"], capture_output=True, check=False)
    assert time.monotonic() - begun < 15


def test_it_comes_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, None)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
