"""Stores facts in S3: one object for each kind in each account and region.

::

    <prefix>facts/<account>/<region>/<kind>.json

Losing an object, or all of them, loses nothing but time: what it told is asked for again, as it is without a bucket. So
one that cannot be read, was changed, or belongs elsewhere is a note and never an error, and the next write replaces it.
An object is read when its kind is first asked for, and written when a run ends, however it ends, as well as in between.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar

from ecr_cleaner.aws import s3
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import AbsentError, HistoryError, NotWholeError, ReplacedError
from ecr_cleaner.facts import fingerprint
from ecr_cleaner.facts.kind import KEPT, LARGEST, Document, Fact, FactKind, document_of, fact_of, sealed, unsealed
from ecr_cleaner.model.usage import ScanTarget

V = TypeVar("V")

SAVE_EVERY: Final = 500
"""New facts after which an object is written, so that a run that is ended too early has not asked in vain."""


@dataclass(frozen=True, slots=True)
class Place(Generic[V]):
    """Where the facts of one kind in one target lie.

    Attributes:
        expected: What their document says beside them.
        clients: Of the run.
        bucket: Its name.
        key: Of the object.
        today: In UTC.
        read_only: Whether nothing is written.
        notes: What an operator should know; sentences are appended.
    """

    expected: Document[V]
    clients: AwsClients
    bucket: str
    key: str
    today: date
    read_only: bool
    notes: list[str]


@dataclass(slots=True)
class Facts(Generic[V]):
    """What is known of the things of one kind in one target; thread-safe.

    Attributes:
        kind: Of all of them.
        place: Where they lie; None: nothing is known, and nothing is kept.
        used: How many facts were used, each of which saved a call or several.
    """

    kind: FactKind[V]
    place: Place[V] | None = None
    used: int = 0
    _etag: str | None = None
    _stored: dict[str, Fact[V]] = field(default_factory=dict)
    _known: dict[str, Fact[V]] | None = None
    _learned: int = 0
    _is_denied: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __len__(self) -> int:
        """How many things are known."""
        with self._lock:
            return len(self._opened())

    def known(self, key: str) -> V | None:
        """What is known of a thing, which counts as named by that; None: nothing.

        Args:
            key: What tells it from every other thing, also from one that had its name before.

        Raises:
            OutOfTimeError: No time is left for reading.
        """
        with self._lock:
            found = self._opened().get(key)
            if found is None:
                return None
            self.used += 1
            self._name(key, found)
            return found.value

    def beginning(self, prefix: str) -> Iterator[tuple[str, V]]:
        """What is known of all things whose keys begin so, each with its key.

        Raises:
            OutOfTimeError: No time is left for reading.
        """
        with self._lock:
            found = [(key, one.value) for key, one in self._opened().items() if key.startswith(prefix)]
        yield from found

    def learn(self, key: str, value: V) -> None:
        """Remember what was read of a thing.

        Raises:
            OutOfTimeError: No time is left for reading or writing.
        """
        if self.place is None:
            return
        with self._lock:
            self._opened()[key] = fact_of(self.kind, self.place.today, value)
            self._learned += 1
            if self._learned % SAVE_EVERY == 0:
                self._write()

    def save(self) -> None:
        """Store what is known, without what nothing named for long; nothing if that is what is stored.

        Raises:
            OutOfTimeError: No time is left for writing.
        """
        with self._lock:
            if self._known is not None:
                self._write()

    def _name(self, key: str, found: Fact[V]) -> None:
        if self.place is not None and found.named_on < self.place.today:
            self._opened()[key] = fact_of(self.kind, self.place.today, found.value)

    def _opened(self) -> dict[str, Fact[V]]:
        if self._known is None:
            self._known = self._read(self.place) if self.place is not None else {}
            self._stored = dict(self._known)
        return self._known

    def _read(self, place: Place[V]) -> dict[str, Fact[V]]:
        """What is stored; nothing if it is not to be believed."""
        uri = f"s3://{place.bucket}/{place.key}"
        try:
            found = s3.read(place.clients, place.bucket, place.key, longest=LARGEST)
            self._etag = found.etag
            return unsealed(place.expected, found.body, uri)
        except AbsentError:
            return {}  # nothing was stored yet, as far as anybody can tell
        except NotWholeError as error:
            place.notes.append(f"what earlier runs read is lost, so it is all asked for again: {error}")
        except HistoryError as error:
            place.notes.append(f"what earlier runs read cannot be read, so it is all asked for again: {error}")
        return {}

    def _write(self) -> None:
        place = self.place
        if place is None or place.read_only or self._is_denied:
            return
        facts = self._remembered(place)
        if facts == self._stored:
            return
        try:
            try:
                self._put(place, facts)
            except ReplacedError:
                # By another run, by the first attempt of this call, or because it could not be read before.
                others = self._read(place)
                facts = {**others, **facts}
                if facts != others:
                    self._put(place, facts)
        except HistoryError as error:
            self._is_denied = True
            place.notes.append(f"what this run read cannot be stored, so the next one asks for it again: {error}")
            return
        self._known, self._stored = dict(facts), facts

    def _remembered(self, place: Place[V]) -> dict[str, Fact[V]]:
        oldest = place.today - KEPT
        return {key: one for key, one in self._opened().items() if one.named_on >= oldest}

    def _put(self, place: Place[V], facts: dict[str, Fact[V]]) -> None:
        self._etag = s3.write(place.clients, place.bucket, place.key, sealed(place.expected, facts), self._etag)


@dataclass(slots=True)
class FactStore:
    """The facts of all kinds in all targets of a run; thread-safe.

    Attributes:
        clients: Of the run.
        bucket: Its name.
        prefix: Of all keys; ends with a slash.
        catalog_sha256: Of the names of the run's sources.
        now: When the run began, UTC.
        read_only: Whether nothing is written.
        notes: What an operator should know of the store.
    """

    clients: AwsClients
    bucket: str
    prefix: str
    catalog_sha256: str
    now: datetime
    read_only: bool = False
    notes: list[str] = field(default_factory=list)
    _open: dict[tuple[ScanTarget, str], Facts[Any]] = field(default_factory=dict, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def of(self, target: ScanTarget, kind: FactKind[V]) -> Facts[V]:
        """The facts of one kind in one target; the same object each time."""
        with self._lock:
            if (target, kind.name) not in self._open:
                self._open[target, kind.name] = self._facts(target, kind)
            return self._open[target, kind.name]

    def close(self, target: ScanTarget) -> Counter[str]:
        """Store what is known of a target, and keep none of it in memory.

        Returns:
            How many facts were used, by the source whose calls they saved.

        Raises:
            OutOfTimeError: No time is left for writing.
        """
        with self._lock:
            facts = [one for (where, _), one in self._open.items() if where == target]
        counts: Counter[str] = Counter()
        for one in facts:
            one.save()
            counts[one.kind.source] += one.used
            with self._lock:
                del self._open[target, one.kind.name]
        return counts

    def save(self) -> None:
        """Store what is known of targets whose scan was ended too early.

        Raises:
            OutOfTimeError: No time is left for writing.
        """
        with self._lock:
            targets = {where for where, _ in self._open}
        for target in targets:
            self.close(target)

    def _facts(self, target: ScanTarget, kind: FactKind[V]) -> Facts[V]:
        key = f"{self.prefix}facts/{target.account_id}/{target.region}/{kind.name}.json"
        expected = document_of(kind)(
            kind=kind.name,
            target=target,
            catalog_sha256=self.catalog_sha256 if kind.is_read else None,
            reader_sha256=fingerprint.sha256() if kind.is_read else None,
            facts={},
        )
        place = Place(expected, self.clients, self.bucket, key, self.now.date(), self.read_only, self.notes)
        return Facts(kind, place)
