"""Work in threads of its own, handed over by queues that an interrupt can't break.

Ctrl-C may strike between any two steps of the main thread. The locks of `queue.Queue` and of an executor's futures are
Python code: struck while it takes or gives back one of them, the main thread would leave it taken for good, and
whoever waits for the threads afterwards would wait for ever. `queue.SimpleQueue` does each step as a whole.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    *,
    most: int | None = None,
    prepare: Callable[[], object] | None = None,
) -> Iterator[Result]:
    """The results in order, made by so many threads. What goes wrong in making one is raised where it would have come,
    and the threads end.

    items    read by who reads the results
    most     items at work or done before anybody asks for the result; None: one more than there are threads
    prepare  what each thread begins with
    """
    jobs: SimpleQueue[tuple[Item, _Answer[Result]] | None] = SimpleQueue()
    cancelled = False

    def serve() -> None:
        if prepare is not None:
            prepare()
        while (job := jobs.get()) is not None:
            item, answer = job
            if not cancelled:
                answer.make(work, item)

    threads = [threading.Thread(target=serve, name="side by side", daemon=True) for _ in range(workers)]
    waiting: deque[_Answer[Result]] = deque()
    try:
        for thread in threads:
            thread.start()
        for item in items:
            waiting.append(_Answer())
            jobs.put((item, waiting[-1]))
            if len(waiting) >= (workers + 1 if most is None else most):
                yield waiting.popleft().get()
        while waiting:
            yield waiting.popleft().get()
    finally:
        cancelled = True
        for _ in threads:
            jobs.put(None)
        for thread in threads:
            if thread.ident is not None:  # an interrupt may come before the last has begun
                thread.join()


def ahead(items: Iterable[Item], most: int = 2) -> Iterator[Item]:
    """The items in order, made in a thread of their own while the last one is still worked on; at most so many wait.

    What goes wrong in making one is raised where it would have come.
    """
    iterator, end = iter(items), object()
    for item in side_by_side(lambda _: next(iterator, end), repeat(None), 1, most=most + 1):
        if item is end:
            return
        yield item  # type: ignore[misc]  # `end` has left above


class _Answer(Generic[Result]):
    """What one thread makes and another waits for: a result, or what went wrong."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Callable[[], Result]] = SimpleQueue()

    def make(self, work: Callable[[Item], Result], item: Item) -> None:
        try:
            result = work(item)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            failure = error

            def fail() -> Result:
                raise failure

            self._queue.put(fail)
        else:
            self._queue.put(lambda: result)

    def get(self) -> Result:
        return self._queue.get()()
