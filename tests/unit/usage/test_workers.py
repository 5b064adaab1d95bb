"""What is done side by side: order, failures, and that nobody waits for a thread that waits for him."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.usage.workers import Once, Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT: Final = 20
"""Seconds after which a thread that waits for others gives up; never reached unless something is broken."""


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9), st.integers(0, 5))
def test_the_results_stand_in_the_order_of_the_items(items: list[int], at_once: int, threads: int) -> None:
    """However many threads help."""
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        workers = Workers(pool if threads else None)
        assert workers.each(lambda item: item * 2, items, at_once) == [item * 2 for item in items]


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 9))
def test_the_first_failure_in_the_order_of_the_items_counts(fails: list[bool], at_once: int) -> None:
    """Not that of the fastest thread."""

    def read(number: int) -> int:
        if fails[number]:
            raise KeyError(number)
        return number

    with ThreadPoolExecutor(4) as pool:
        if True in fails:
            with pytest.raises(KeyError) as raised:
                Workers(pool).each(read, range(len(fails)), at_once)
            assert raised.value.args == (fails.index(True),)
        else:
            assert Workers(pool).each(read, range(len(fails)), at_once) == list(range(len(fails)))


def test_after_a_failure_nothing_more_is_begun() -> None:
    """Nobody needs it."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    def read(number: int) -> None:
        raise KeyError(number)

    with ThreadPoolExecutor(2) as pool, pytest.raises(KeyError):
        Workers(pool).each(read, items(), 3)
    assert len(taken) <= 3


def test_a_listing_that_fails_fails_after_what_it_listed_first() -> None:
    """Two of its items were read; the third page was refused."""

    def items() -> Iterator[int]:
        yield from (1, 2)
        raise LookupError

    def read(number: int, fails: int) -> None:
        if number == fails:
            raise KeyError(number)

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(LookupError) as raised:
            Workers(pool).each(lambda number: read(number, 0), items())
        assert raised.type is LookupError
        with pytest.raises(KeyError):
            Workers(pool).each(lambda number: read(number, 2), items())


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_as_many_are_read_at_once_as_may_be_and_no_more(at_once: int) -> None:
    """Each waits until the others of its group have begun."""
    together, lock = threading.Barrier(at_once), threading.Lock()
    under_way: list[int] = [0]
    most: list[int] = [0]

    def read(_: int) -> None:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        together.wait(LIMIT)
        with lock:
            under_way[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        Workers(pool).each(read, range(at_once * 4), at_once)
    assert most[0] == at_once


def test_whoever_has_items_reads_them_if_no_thread_is_free() -> None:
    """The only thread of the pool is taken for as long as the items are read."""
    free = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(free.wait, LIMIT)
        assert Workers(pool).each(lambda number: number, range(10)) == list(range(10))
        free.set()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_items_of_items_do_not_wait_for_each_other(threads: int) -> None:
    """Three deep, in a pool that is smaller: a thread that waited for one that waits for it would wait for ever."""

    def read(depth: int) -> int:
        return 1 + sum(workers.each(read, [depth - 1] * 5)) if depth else 1

    with ThreadPoolExecutor(threads) as pool:
        workers = Workers(pool)
        assert workers.each(read, [3]) == [1 + 5 + 25 + 125]


def test_each_thing_is_read_once_and_others_meanwhile() -> None:
    """Both readings are under way at the same time, each for several who ask."""
    both, read = threading.Barrier(2), list[str]()
    once: Once[str, str] = Once()

    def reading(key: str) -> str:
        both.wait(LIMIT)
        read.append(key)
        return key.upper()

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda key: once.get(key, lambda: reading(key)), "abababab")
        assert "".join(found) == "ABABABAB"
    assert sorted(read) == ["a", "b"]


def test_a_failure_is_not_kept() -> None:
    """The next one who asks has it read again."""
    once: Once[str, int] = Once()

    def fails() -> int:
        raise KeyError

    with pytest.raises(KeyError):
        once.get("a", fails)
    assert once.get("a", lambda: 1) == 1
    assert once.get("a", fails) == 1
