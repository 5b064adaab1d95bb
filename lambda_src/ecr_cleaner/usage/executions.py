"""What earlier runs found of executions, kept in the bucket of the history; one object for each source.

The definition and the input of an execution never change, so what they name is stored as long as the execution is
under way, and is not asked for again the next night. Only names of images and task definitions are stored, never the
texts. Losing an object loses nothing but time: everything is asked for again. One that cannot be read for another
reason stops the run, as any of the history's does.

::

    <prefix>history/executions/<account>/<region>/<source>.json
"""

import hashlib
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from ecr_cleaner import __version__, schema
from ecr_cleaner.aws import s3
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import AbsentError, HistoryError, NotWholeError
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.schema import Text, stored
from ecr_cleaner.usage.texts.named import Named

MOST: Final = 20_000
"""Executions that an object holds at most, about six megabytes; those beyond are asked for again."""

SAVE_EVERY: Final = 500
"""New executions after which is saved, so that a run that is ended too early has not asked in vain."""


@stored
@dataclass(frozen=True, slots=True)
class Execution:
    """One execution under way.

    Attributes:
        started_at: Its name may be used again after 90 days.
        named: Keys of what its texts name.
    """

    started_at: AwareDatetime
    named: tuple[Text, ...] = ()


@stored
@dataclass(frozen=True, slots=True)
class Revision:
    """What a state machine was at its last observation.

    Attributes:
        id: Of its revision.
        since: From then on every execution was started with it.
    """

    id: Text
    since: AwareDatetime


@stored
@dataclass(frozen=True, slots=True)
class Document:
    """The object in the bucket.

    Attributes:
        version: Of the package that found it: another one may find more in the same texts, so it asks for them again.
        executions: By ARN or id.
        named: By key; many executions have one definition.
        revisions: By the ARN of the state machine.
    """

    version: Text
    executions: Mapping[str, Execution] = field(default_factory=dict)
    named: Mapping[str, Named] = field(default_factory=dict)
    revisions: Mapping[str, Revision] = field(default_factory=dict)


Found = tuple[datetime, tuple[Named, ...]]
"""When an execution was started, and what its texts name."""


@dataclass(slots=True)
class Executions:
    """What is known of the executions that one source reads; the object is read when it is first asked for.

    Thread-safe.

    Attributes:
        notes: What an operator should know; sentences are appended.
        object: Where it lies; None: nothing is kept.
        read_only: Whether nothing is written.
    """

    notes: list[str]
    object: tuple[AwsClients, str, str] | None = None
    read_only: bool = False
    _is_read: bool = False
    _etag: str | None = None
    _known: dict[str, Found] = field(default_factory=dict)
    _under_way: dict[str, Found] = field(default_factory=dict)
    _known_revisions: Mapping[str, Revision] = field(default_factory=dict)
    _revisions: dict[str, Revision] = field(default_factory=dict)
    _learned: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        """Read the object, if it was not read before: there may be executions.

        Raises:
            HistoryError: It could not be read.
        """
        with self._lock:
            if not self._is_read and self.object is not None:
                self._open(*self.object)
                self._is_read = True

    def _open(self, clients: AwsClients, bucket: str, key: str) -> None:
        with suppress(AbsentError):
            found = s3.read(clients, bucket, key)
            self._etag = found.etag
            try:
                document = schema.unseal(Document, found.body, f"s3://{bucket}/{key}")
                if document.version == __version__:
                    self._known = {
                        name: (one.started_at, tuple(document.named[key] for key in one.named))
                        for name, one in document.executions.items()
                    }
                self._known_revisions = document.revisions
            except (NotWholeError, KeyError) as error:
                self.notes.append(f"what earlier runs found of executions is lost, so all are asked for again: {error}")

    def known(self, execution: str, started_at: datetime) -> tuple[Named, ...] | None:
        """What an execution names, if an earlier run found it; it is kept then.

        Args:
            execution: ARN or id.
            started_at: As the listing says.

        Raises:
            HistoryError: The object could not be read.
        """
        self.open()
        found = self._known.get(execution)
        if found is None or found[0] != started_at:
            return None
        with self._lock:
            self._under_way[execution] = found
        return found[1]

    def of(self, prefix: str) -> dict[str, Found]:
        """Everything that earlier runs found of executions whose ARN or id begins so.

        Raises:
            HistoryError: The object could not be read.
        """
        self.open()
        return {name: found for name, found in self._known.items() if name.startswith(prefix)}

    def revision(self, machine: str) -> Revision | None:
        """What a state machine was when earlier runs saw it; it is kept.

        Raises:
            HistoryError: The object could not be read.
        """
        self.open()
        known = self._known_revisions.get(machine)
        if known is not None:
            with self._lock:
                self._revisions.setdefault(machine, known)
        return known

    def learn(self, execution: str, started_at: datetime, named: Iterable[Named]) -> None:
        """Remember what an execution names.

        Raises:
            HistoryError: The object could not be read.
        """
        self.open()
        with self._lock:
            self._under_way[execution] = started_at, tuple(one.storable() for one in named)
            self._learned += 1
            if self._learned % SAVE_EVERY == 0:
                self._write({**self._known, **self._under_way}, {**self._known_revisions, **self._revisions})

    def learn_revision(self, machine: str, revision: Revision) -> None:
        """Remember the revision of a state machine."""
        with self._lock:
            self._revisions[machine] = revision

    def save(self) -> None:
        """Store what was found; executions that were neither learned nor asked for are forgotten."""
        if self._is_read and (self._under_way, self._revisions) != (self._known, self._known_revisions):
            self._write(self._under_way, self._revisions)

    def _write(self, executions: Mapping[str, Found], revisions: Mapping[str, Revision]) -> None:
        if self.object is None or self.read_only:
            return
        body = schema.seal(_document(executions, revisions))
        try:
            self._etag = s3.write(*self.object, body, self._etag)
        except HistoryError as error:
            self.read_only = True
            self.notes.append(f"what was found of executions cannot be stored, so all are asked for again: {error}")


def _document(executions: Mapping[str, Found], revisions: Mapping[str, Revision]) -> Document:
    # Oldest first: a young one has the best chance to be over by the next night.
    kept = sorted(executions.items(), key=lambda one: (one[1][0], one[0]))[:MOST]
    pool: dict[str, Named] = {}
    found: dict[str, Execution] = {}
    for name, (started_at, texts) in kept:
        keys = tuple(key_of(one) for one in texts if one)
        pool.update(zip(keys, (one for one in texts if one), strict=True))
        found[name] = Execution(started_at, keys)
    return Document(__version__, found, pool, dict(revisions))


def key_of(named: Named) -> str:
    """The key under which what a text names is stored."""
    return hashlib.sha256(repr(named).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ExecutionMemory:
    """Where what is found of executions is kept.

    Attributes:
        clients: Of the run.
        bucket: Of the history.
        prefix: Of all keys; ends with a slash.
        read_only: Whether nothing is written.
    """

    clients: AwsClients
    bucket: str
    prefix: str
    read_only: bool = False

    def open(self, target: ScanTarget, source: str, notes: list[str]) -> Executions:
        """What earlier runs found of a source in a target.

        Args:
            target: Where the source looks.
            source: Its name.
            notes: Of the source; what is lost or cannot be written is told there.
        """
        key = f"{self.prefix}history/executions/{target.account_id}/{target.region}/{source}.json"
        return Executions(notes, (self.clients, self.bucket, key), self.read_only)
