"""What runs of one process have in common: models are loaded once, a photo's person is fitted and dressed once.

>>> shelf = Shelf()
>>> with sharing(shelf):
...     imitate([photo], one_dance, config, progress)
>>> with sharing(shelf):
...     imitate([photo], another_dance, config, progress)  # body model, networks and the person are at hand
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Thing = TypeVar("Thing")
MOST = 4  # things of a kind that are kept unless more are asked for


class Shelf:
    """The last few things, `most`, of each kind that were made, by what they depend on."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kinds: dict[str, OrderedDict[Hashable, Any]] = {}

    def get(self, kind: str, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """What was made under this key, or else is made now."""
        kept = self._kinds.setdefault(kind, OrderedDict())
        if key not in kept:
            kept[key] = make()
        kept.move_to_end(key)
        while len(kept) > self._most:
            kept.popitem(last=False)
        return kept[key]


_open: ContextVar[Shelf | None] = ContextVar("shelf", default=None)


@contextmanager
def sharing(shelf: Shelf) -> Iterator[None]:
    """Within it, runs of this thread take from the shelf what lies there, and put there what they make."""
    token = _open.set(shelf)
    try:
        yield
    finally:
        _open.reset(token)


def shared(kind: str, key: Hashable, make: Callable[[], Thing]) -> Thing:
    """`make()`, or what lies on the shelf under this key, where there is one."""
    shelf = _open.get()
    return make() if shelf is None else shelf.get(kind, key, make)
