"""Threads that work ahead, in whose order what they found is taken over; and the room that images have."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.errors import OutOfTimeError
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.run.side_by_side import Attempt, ImageMemoryLimit, SideBySide, attempted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future


def test_what_is_found_stands_in_the_order_of_the_items() -> None:
    """Though the first one takes longest; and so many are under way at once."""
    both = threading.Barrier(2, timeout=10)
    later = threading.Event()

    def work(item: int) -> int:
        if item < 2:
            both.wait()
        if item == 0:
            assert later.wait(10)
        else:
            later.set()
        return -item

    with SideBySide(2) as threads:
        assert list(threads.each(work, range(5))) == [(item, -item) for item in range(5)]


@pytest.mark.parametrize("workers", [1, 3])
def test_items_are_taken_as_there_are_threads(workers: int) -> None:
    """They may end early, by what was found until then."""
    found: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            if len(found) >= 5:
                return
            yield item

    with SideBySide(workers) as threads:
        for item, _ in threads.each(lambda one: one, items()):
            found.append(item)
    assert found == list(range(len(found)))
    assert 5 <= len(found) <= 5 + workers


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bug_is_raised_where_the_result_is_taken(workers: int) -> None:
    """And hides in no thread."""
    with SideBySide(workers) as threads, pytest.raises(ZeroDivisionError):
        list(threads.each(lambda item: 1 // item, [1, 0]))


def test_what_fails_for_one_repository_is_its_own() -> None:
    """A lack of time is told apart; a bug is not caught."""

    def failing(error: Exception) -> Attempt[None]:
        def work() -> None:
            raise error

        return attempted(work, lambda: False)

    denied = failing(ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "DescribeImages"))
    assert denied.outcome is not None
    assert denied.outcome.status is RepositoryStatus.FAILED
    assert failing(OutOfTimeError("DescribeImages")) == Attempt(is_out_of_time=True)
    assert attempted(lambda: 1, lambda: False) == Attempt(1)
    assert attempted(lambda: 1, lambda: True) == Attempt(is_out_of_time=True)
    with pytest.raises(ValueError, match="bug"):
        failing(ValueError("a bug"))


def test_images_wait_for_room_and_the_first_repository_never_does() -> None:
    """However large it is; the others go on when it is done with."""
    room = ImageMemoryLimit(most=2_000)
    room.enter("large")
    room.enter("other")
    assert len(room.take("large", range(5_000))) == 5_000
    taken = threading.Event()

    def read() -> None:
        room.take("other", range(10))
        taken.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert not taken.wait(0.2)
    room.leave("large")
    assert taken.wait(10)
    thread.join()


def test_small_repositories_do_not_wait() -> None:
    """There is room for all of them."""
    room = ImageMemoryLimit(most=2_000)
    for name in ("a", "b"):
        room.enter(name)
    assert [len(room.take(name, range(900))) for name in ("b", "a")] == [900, 900]


def test_nobody_waits_for_room_after_something_was_raised() -> None:
    """The first repository is never done with then, and the run would stand until it is killed."""
    room, begun = ImageMemoryLimit(most=2_000), threading.Event()
    waits: list[Future[tuple[int, ...]]] = []

    def other() -> tuple[int, ...]:
        begun.set()
        return room.take("other", range(10))

    def raising() -> None:
        with SideBySide(2) as workers, room:
            for name in ("first", "other"):
                room.enter(name)
            room.take("first", range(5_000))
            waits.append(workers.begin(other))
            assert begun.wait(10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        raising()
    with pytest.raises(OutOfTimeError):
        waits[0].result()
