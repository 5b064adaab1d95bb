"""The listings that several sources make in the scan of one target: each is made once, whoever needs it first."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ecr_cleaner.usage.responses import is_listing_again


class Asking(Protocol):
    """A response member that a source reads, as `ecr_cleaner.usage.source.RequiredField` has it."""

    @property
    def service(self) -> str:
        """Botocore's name."""

    @property
    def operation(self) -> str:
        """As AWS writes it."""


def times_made(sources: Iterable[Iterable[Asking]]) -> Counter[tuple[str, str]]:
    """How often each operation is made for different ends, by service and operation.

    Args:
        sources: The members that each source reads. Of one that is declared in chains, each chain has its own.
    """
    made: Counter[tuple[str, str]] = Counter()
    for members in sources:
        of_source: dict[tuple[str, str], int] = {}
        for member, times in Counter(members).items():
            key = member.service, member.operation
            of_source[key] = max(of_source.get(key, 0), times)
        made.update(of_source)
    return made


@dataclass(slots=True)
class _Listing:
    """One that is made for several; the lock is held while it is made."""

    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    items: list[Any] | None = None
    error: Exception | None = None


@dataclass(slots=True)
class SharedListings:
    """Keeps a listing until everybody has it who makes it; thread-safe.

    What only one source makes is not kept: it is read page by page, however long it is.

    Attributes:
        times: How often each operation is made, by service and operation.
    """

    times: Mapping[tuple[str, str], int] = field(default_factory=dict)
    _kept: dict[tuple[str, str, str], _Listing] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def items(
        self, service: str, operation: str, parameters: Mapping[str, Any], read: Callable[[], Iterator[Any]]
    ) -> Iterator[Any]:
        """Every item of a listing. A failure is that of everybody who makes it.

        One that is made again, to see what was deleted meanwhile, is made anew.

        Args:
            service: botocore's name.
            operation: As AWS writes it.
            parameters: Of the request; the listing is another one with others.
            read: Makes the calls.

        Raises:
            Exception: That of the calls.
        """
        times = self.times.get((service, operation), 1)
        if times == 1 or is_listing_again():
            yield from read()
            return
        key = service, operation, json.dumps(parameters, sort_keys=True, default=str)
        with self._lock:
            listing = self._kept.setdefault(key, _Listing(times))
            listing.left -= 1
            if not listing.left:
                del self._kept[key]
        yield from self._made(listing, read)

    @staticmethod
    def _made(listing: _Listing, read: Callable[[], Iterator[Any]]) -> list[Any]:
        with listing.lock:
            if listing.items is None and listing.error is None:
                try:
                    listing.items = list(read())
                except Exception as error:  # noqa: BLE001 - raised below, for everybody
                    listing.error = error
        if listing.items is None:
            assert listing.error is not None  # noqa: S101 - one of them was set above
            raise listing.error
        return listing.items
