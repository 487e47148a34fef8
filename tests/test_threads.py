"""Work in threads: in order, never far ahead, its failures arrive, and an interrupt leaves nothing hanging."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lwgan_cli.threads import ahead, side_by_side


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order(workers: int) -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.03 if item == 0 else 0.0)
        return item * item

    assert list(side_by_side(slow_at_first, range(9), workers)) == [item * item for item in range(9)]


def test_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=20)
    prepared: list[int] = []

    def meet(item: int) -> int:
        meeting.wait()  # passes only if two are here
        return threading.get_ident()

    met = list(side_by_side(meet, range(4), 2, prepare=lambda: prepared.append(threading.get_ident())))
    assert set(met) == set(prepared) and len(set(prepared)) == 2


def test_no_thread_runs_far_ahead_of_who_reads() -> None:
    begun: list[int] = []
    results = side_by_side(lambda item: begun.append(item), range(50), 2)
    next(results)
    time.sleep(0.1)
    assert len(begun) <= 3
    results.close()  # type: ignore[attr-defined]  # a generator
    assert len(begun) <= 3


def test_a_failure_reaches_who_reads_and_the_threads_end() -> None:
    def fail(item: int) -> int:
        if item == 2:
            raise ValueError("no 2")
        return item

    threads = threading.active_count()
    results = side_by_side(fail, range(50), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="no 2"):
        next(results)
    assert threading.active_count() == threads


def test_items_made_ahead_come_in_order() -> None:
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
