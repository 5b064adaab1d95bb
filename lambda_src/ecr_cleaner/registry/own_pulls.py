"""When the run itself read manifests: ECR records that as a pull, although no consumer pulled the image.

https://github.com/aws/containers-roadmap/issues/2390. A pull time may come from the run's own call if it is between the
start and the end of the call. The first such pull time is attributed to the call, and no other one: ECR does not
say who pulled.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.clock import utc_now
from ecr_cleaner.model.image import LONGEST_READING, Image

CLOCKS_AGREE_WITHIN: Final = timedelta(seconds=10)
"""Largest difference between ECR's clock and the function's; AWS synchronises both.

A smaller one is the safe side: what is further off counts as a consumer's pull, and keeps the image.
"""


@dataclass(slots=True)
class _Reading:
    """One call that read a manifest, and the pull time that is attributed to it."""

    began: datetime
    ended: datetime
    seen: datetime | None = None

    def may_be(self, pulled_at: datetime) -> bool:
        """Whether a pull time may come from it."""
        if self.seen is not None:
            return pulled_at == self.seen
        return self.began - CLOCKS_AGREE_WITHIN <= pulled_at <= self.ended + CLOCKS_AGREE_WITHIN


@dataclass(slots=True)
class Readings:
    """Those of one run; of each repository, only one thread at a time may ask and tell.

    Several repositories need no lock: nothing is kept across them but a dictionary to which each adds keys of its own.

    Attributes:
        clock: Now, in UTC.
    """

    clock: Callable[[], datetime] = utc_now
    _made: dict[tuple[str, str], list[_Reading]] = field(default_factory=dict)

    @contextmanager
    def reading(self, repository: str, digests: Iterable[str]) -> Iterator[None]:
        """Record a call even if it fails: its response may have got lost, or it was made twice."""
        began = self.clock()
        try:
            yield
        finally:
            self.note(repository, digests, began, self.clock())

    def note(self, repository: str, digests: Iterable[str], began: datetime, ended: datetime) -> None:
        """Record a call by its start and end, unless it took too long or the clock was put back meanwhile."""
        if timedelta(0) <= ended - began <= LONGEST_READING:
            for digest in digests:
                self._made.setdefault((repository, digest), []).append(_Reading(began, ended))

    def explain(self, image: Image, pulled_at: datetime | None) -> bool:
        """Whether a pull time comes from one of the recorded calls."""
        return pulled_at is not None and any(one.may_be(pulled_at) for one in self._of(image))

    def see(self, image: Image) -> None:
        """Attribute the pull time of an image to each call that it may come from; later ones are then other pulls."""
        if image.last_pulled_at is not None:
            for one in self._of(image):
                if one.may_be(image.last_pulled_at):
                    one.seen = image.last_pulled_at

    def _of(self, image: Image) -> list[_Reading]:
        return self._made.get((image.repository, image.digest), [])
