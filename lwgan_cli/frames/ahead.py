"""Work that is done ahead of who asks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item], most: int = 2) -> Iterator[Item]:
    """The items in order, made in a thread of their own while the last one is still worked on; at most so many wait.

    What goes wrong in making one is raised where it would have come.
    """
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1, "ahead") as pool:
        waiting: deque[Future[object]] = deque(pool.submit(next, iterator, end) for _ in range(most))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, iterator, end))
                yield item  # type: ignore[misc]  # `end` has left above
        finally:
            pool.shutdown(cancel_futures=True)
