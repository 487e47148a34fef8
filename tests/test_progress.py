from __future__ import annotations

import threading
import time

import pytest

from lwgan_cli import progress as module
from lwgan_cli.progress import Silent


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_a_second_is_counted_once_for_the_innermost_stage(clock: Clock) -> None:
    progress = Silent()
    with progress.stage("render", 2) as advance:
        clock.now += 1
        for _ in range(2):
            with progress.clock("rasterize"):
                clock.now += 10
            clock.now += 2
            advance(1)
    clock.now += 1000
    with progress.stage("encode", None):
        clock.now += 5
    assert progress.seconds == {"render": 5, "rasterize": 20, "encode": 5}
    assert list(progress.seconds) == ["render", "rasterize", "encode"]


def test_items_are_timed_while_they_are_made_only(clock: Clock) -> None:
    def frames():  # type: ignore[no-untyped-def]
        for index in range(3):
            clock.now += 1
            yield index
        clock.now += 0.5

    progress = Silent()
    with progress.stage("fit", None):
        for _ in progress.timed("decode", frames()):
            clock.now += 7
    assert progress.seconds == {"fit": 21, "decode": 3.5}


def test_time_counts_where_a_stage_fails(clock: Clock) -> None:
    progress = Silent()
    with pytest.raises(ZeroDivisionError), progress.stage("fit", None), progress.clock("solve"):
        clock.now += 3
        raise ZeroDivisionError
    with progress.clock("fit"):
        clock.now += 1
    assert progress.seconds == {"fit": 1, "solve": 3}


def test_threads_have_stages_of_their_own() -> None:
    progress = Silent()
    inside = threading.Event()

    def encode() -> None:
        with progress.clock("encode"):
            inside.wait(5)

    thread = threading.Thread(target=encode)
    with progress.clock("render"):
        thread.start()
        time.sleep(0.05)
        inside.set()
        thread.join()
    assert min(progress.seconds.values()) >= 0.05


def test_a_warning_is_kept_once() -> None:
    progress = Silent()
    progress.warn("nobody in 3 frames")
    progress.warn("the camera moves")
    progress.warn("nobody in 3 frames")
    assert progress.warnings == ("nobody in 3 frames", "the camera moves")


def test_all_of_it_counts_as_elapsed(clock: Clock) -> None:
    progress = Silent()
    clock.now += 3
    with progress.stage("fit", None):
        clock.now += 4
    assert progress.elapsed == 7
