"""Repositories side by side: several threads wait for AWS, and one takes over what they found, in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Generic, Self, TypeVar

from ecr_cleaner.aws import errors
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.model.result import RepositoryOutcome
from ecr_cleaner.registry.repositories import unread

T = TypeVar("T")
V = TypeVar("V")

MAX_IMAGES: Final = 20_000
"""Images of repositories that are read side by side which may lie in memory at once; of one alone, any number may."""

MAX_PLANS_UNDER_WAY: Final = 32
"""Plans that are carried out or wait for a thread: evaluating is faster than removing, and would fill the memory."""


@dataclass(frozen=True, slots=True)
class Attempt(Generic[V]):
    """What came of doing something for one repository; its failure concerns no other one.

    Attributes:
        value: What was done; None if it could not be.
        outcome: How the repository ended, if that failed.
        is_out_of_time: Whether time ran out.
    """

    value: V | None = None
    outcome: RepositoryOutcome | None = None
    is_out_of_time: bool = False


def attempted(work: Callable[[], V], is_too_late: Callable[[], bool]) -> Attempt[V]:
    """Do something for one repository, unless there is no time to begin."""
    if is_too_late():
        return Attempt(is_out_of_time=True)
    try:
        return Attempt(work())
    except OutOfTimeError:
        return Attempt(is_out_of_time=True)
    except (CleanerError, *errors.AwsError) as error:
        return Attempt(outcome=unread(error))


@dataclass(slots=True)
class SideBySide:
    """Threads that work ahead. With one worker everything is done by the caller itself, at the moment it asks.

    Attributes:
        workers: How many; at least 1.
    """

    workers: int
    _pool: ThreadPoolExecutor | None = field(init=False, default=None)

    def __enter__(self) -> Self:
        """Start the threads."""
        self._pool = ThreadPoolExecutor(self.workers) if self.workers > 1 else None
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what is under way; what has not begun is not begun any more."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def begin(self, work: Callable[[], V]) -> "Future[V]":
        """Begin something, as soon as a thread is free."""
        if self._pool is not None:
            return self._pool.submit(work)
        done: Future[V] = Future()
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for, as a thread's is
            done.set_exception(error)
        return done

    def each(self, work: Callable[[T], V], items: Iterable[T]) -> Iterator[tuple[T, V]]:
        """What was done for each item, in the order of the items.

        Args:
            work: Called with each item.
            items: Taken no sooner than a thread can begin, so that they may end early.
        """
        under_way: deque[tuple[T, Future[V]]] = deque()
        for item in items:
            under_way.append((item, self.begin(lambda item=item: work(item))))  # type: ignore[misc]
            while len(under_way) >= self.workers:
                yield _ended(*under_way.popleft())
        while under_way:
            yield _ended(*under_way.popleft())


def _ended(item: T, done: "Future[V]") -> tuple[T, V]:
    return item, done.result()


@dataclass(slots=True)
class ImageMemoryLimit:
    """How many images may lie in memory: repositories wait for each other, and the first one in turn for none.

    Attributes:
        most: Images.
    """

    most: int = MAX_IMAGES
    _held: dict[str, int] = field(default_factory=dict)  # by repository, in their turn
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_closed: bool = False

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let nobody wait any more: if something was raised, the first in turn is never done with."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def enter(self, repository: str) -> None:
        """A repository is next in turn to be read."""
        with self._changed:
            self._held[repository] = 0

    def take(self, repository: str, images: Iterable[T]) -> tuple[T, ...]:
        """Every image of a repository, read as there is room for it.

        Raises:
            OutOfTimeError: The block is over, so nobody takes what would be found.
        """
        taken: list[T] = []
        for image in images:
            if len(taken) % 1000 == 0:  # a page of ECR
                self._wait(repository, len(taken))
            taken.append(image)
        return tuple(taken)

    def leave(self, repository: str) -> None:
        """A repository is done with."""
        with self._changed:
            self._held.pop(repository, None)
            self._changed.notify_all()

    def _wait(self, repository: str, images: int) -> None:
        with self._changed:
            if repository in self._held:
                self._held[repository] = images
                self._changed.wait_for(lambda: self._is_closed or self._has_room_for(repository))
            if self._is_closed:
                raise OutOfTimeError(repository)

    def _has_room_for(self, repository: str) -> bool:
        return next(iter(self._held)) == repository or sum(self._held.values()) < self.most
