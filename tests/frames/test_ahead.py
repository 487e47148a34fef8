"""Work ahead: in order, never far, and its failures arrive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lwgan_cli.frames.ahead import ahead


def test_items_come_in_order() -> None:
    assert list(ahead(range(7))) == list(range(7))
    assert list(ahead([])) == []


def test_the_next_is_made_while_this_one_is_worked_on() -> None:
    asked = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        asked.set()
        yield 2

    for item in ahead(items(), 1):
        if item == 1:
            assert asked.wait(20)  # nobody has asked for the second yet


def test_no_more_than_so_many_wait() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            made.append(item)
            yield item

    results = ahead(items(), 3)
    next(results)
    time.sleep(0.1)
    assert len(made) <= 5
    threads = threading.active_count()
    results.close()  # type: ignore[attr-defined]  # a generator
    assert threading.active_count() == threads - 1


def test_a_failure_arrives_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    results = ahead(items())
    assert next(results) == 1
    with pytest.raises(ValueError, match="no more"):
        next(results)
