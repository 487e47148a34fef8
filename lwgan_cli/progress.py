"""What the work tells whoever waits for it: the stage it is in, warnings, and where the seconds went."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """What the pipeline needs of it."""

    @property
    def seconds(self) -> dict[str, float]:
        """Stage → seconds so far, in the order in which the stages began."""

    @property
    def elapsed(self) -> float:
        """Seconds on the wall since it began."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned of so far."""

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
        """Shows a stage of `total` frames (None: unknown) while it lasts, and counts its seconds. Yields the
        function that is told how many more frames are done."""

    def clock(self, name: str) -> AbstractContextManager[None]:
        """Counts seconds as `name` without showing anything."""

    def timed(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """The items, with the seconds spent on getting each counted as `name`."""

    def announce(self, message: str) -> None:
        """What is about to be done."""

    def warn(self, message: str) -> None:
        """Something that the user should know, and that doesn't end the work."""


class Silent:
    """Shows nothing, and keeps the account.

    A second is counted once, for the innermost stage of its thread: what a stage spends on others within it
    is theirs. Stages of threads that run side by side add up to more than the time on the wall. Don't `yield`
    out of an open stage or clock: what the consumer does meanwhile would be counted for it; `timed` is for
    that.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._seconds: dict[str, float] = {}
        self._warnings: list[str] = []
        self._lock = threading.Lock()
        self._thread = threading.local()

    @property
    def seconds(self) -> dict[str, float]:
        return dict(self._seconds)

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._began

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        with self.clock(name):
            yield lambda frames: None

    @contextmanager
    def clock(self, name: str) -> Iterator[None]:
        if not hasattr(self._thread, "open"):
            self._thread.open, self._thread.since = [], 0.0
        names: list[str] = self._thread.open
        self._book(names)
        names.append(name)
        with self._lock:
            self._seconds.setdefault(name, 0.0)
        try:
            yield
        finally:
            self._book(names)
            names.pop()

    def timed(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        iterator = iter(items)
        done = object()
        while True:
            with self.clock(name):
                item = next(iterator, done)
            if item is done:
                return
            yield item  # type: ignore[misc]  # `done` has left above

    def announce(self, message: str) -> None:
        """Shows nothing."""

    def warn(self, message: str) -> None:
        if message not in self._warnings:
            self._warnings.append(message)

    def _book(self, names: list[str]) -> None:
        """Counts the time since the last change for the stage that was innermost, and starts the next."""
        now = time.perf_counter()
        if names:
            with self._lock:
                self._seconds[names[-1]] += now - self._thread.since
        self._thread.since = now
