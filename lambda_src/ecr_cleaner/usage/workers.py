"""What is done side by side: the items of a source, by threads that help; and what several ask for and one reads.

Nobody waits for work that has not begun: whoever has items reads them itself, and threads that are free help. So any
number of threads is enough, whatever is nested in whatever.
"""

import contextvars
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
V = TypeVar("V")

AT_ONCE: Final = 8
"""Items of one listing that are read at the same time."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Threads that help with the items of sources.

    Attributes:
        pool: Of nothing else: a source that waits for a thread must not wait behind those that help another one. None:
            nobody helps, so items are read one after the other.
    """

    pool: Executor | None = None

    def each(self, read: Callable[[T], V], items: Iterable[T], at_once: int = AT_ONCE) -> list[V]:
        """What is read of each item, in the order of the items.

        Args:
            read: Called with each item, from several threads.
            items: Taken one by one, by one thread at a time.
            at_once: How many are read at the same time, at most.

        Raises:
            Exception: The first failure, in the order of the items. After it no further item is begun.
        """
        work = _Work(read, iter(items), self.pool, at_once - 1)
        work.help()
        return work.result()


@dataclass(slots=True)
class _Work(Generic[T, V]):
    """The items of one call, as far as they are read."""

    read: Callable[[T], V]
    items: Iterator[T]
    pool: Executor | None
    helpers_left: int
    results: dict[int, V] = field(default_factory=dict)
    failures: dict[int, Exception] = field(default_factory=dict)
    helpers: list[Future[None]] = field(default_factory=list)
    taken: int = 0
    under_way: int = 0
    is_over: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)
    taking: threading.Lock = field(default_factory=threading.Lock)

    def help(self) -> None:
        """Read items until none is left to begin."""
        while (taken := self._take()) is not None:
            number, item = taken
            try:
                result = self.read(item)
            except Exception as error:  # noqa: BLE001 - `result` raises it
                self._end(number, error)
            else:
                self.results[number] = result
                self._end(number)

    def result(self) -> list[V]:
        """All results, when those under way have ended."""
        for helper in self.helpers:
            helper.cancel()
        with self.changed:
            self.changed.wait_for(lambda: not self.under_way)
        if self.failures:
            # Every item before it was taken before it, so it is the first one whichever thread was the fastest.
            raise self.failures[min(self.failures)]
        return [self.results[number] for number in range(self.taken)]

    def _take(self) -> tuple[int, T] | None:
        """The next item with its number; None if there is none, or something failed."""
        with self.taking:
            if self.is_over:
                return None
            try:
                item = next(self.items)
            except StopIteration:
                self.is_over = True
                return None
            except Exception as error:  # noqa: BLE001 - `result` raises it
                self.is_over = True
                self.failures[self.taken] = error
                return None
            number = self.taken
            self.taken += 1
            with self.changed:
                self.under_way += 1
            if self.pool is not None and self.helpers_left > 0:
                # One for each item that is begun: what has few items wakes few threads.
                self.helpers_left -= 1
                self.helpers.append(self.pool.submit(contextvars.copy_context().run, self.help))
            return number, item

    def _end(self, number: int, error: Exception | None = None) -> None:
        with self.changed:
            if error is not None:
                self.failures[number] = error
                self.is_over = True
            self.under_way -= 1
            self.changed.notify_all()


@dataclass(slots=True)
class Once(Generic[K, V]):
    """Keeps what was read. Each thing is read by one thread, other things meanwhile; a failure is not kept."""

    _known: dict[K, V] = field(default_factory=dict)
    _under_way: dict[K, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self, key: K) -> V | None:
        """What was read of a thing by now."""
        with self._lock:
            return self._known.get(key)

    def keep(self, key: K, value: V) -> None:
        """Keep what was read of a thing under another key."""
        with self._lock:
            self._known.setdefault(key, value)

    def get(self, key: K, read: Callable[[], V]) -> V:
        """What is known of a thing; read first, if nothing is.

        Args:
            key: Of the thing.
            read: Must not wait for another thing's reading.

        Raises:
            Exception: That of the reading.
        """
        with self._lock:
            if key in self._known:
                return self._known[key]
            under_way = self._under_way.setdefault(key, threading.Lock())
        with under_way:
            if key not in self._known:
                self._known[key] = read()
            with self._lock:
                self._under_way.pop(key, None)
            return self._known[key]
