"""Stores the history in S3: one object for each repository, one for all of them, and a marker.

::

    <prefix>marker.json                                   by Terraform; whether a history was started, and which
    <prefix>history/<id>/state.json                       which repositories have an object, images in use by source
    <prefix>history/<id>/repositories/<repository>.json   consumers of each digest, tags that moved

An object that is known to have been written and cannot be read is lost. A lost object is not an empty one: nothing is
removed then. A new history has a new id, so no object of an older one is taken for a part of it. The store reads no
key that may be absent: to tell absent from denied, S3 needs the permission to list the bucket.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import ClassVar, Final, TypeVar

from ecr_cleaner import schema as schema_module
from ecr_cleaner.aws import s3
from ecr_cleaner.errors import AbsentError, HistoryError, NotWholeError, ReplacedError
from ecr_cleaner.history import model, schema
from ecr_cleaner.history.schema import HistoryNotStarted, HistoryStarted, Marker, PendingDrop, StateDocument
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.scan import SourceKey

_T = TypeVar("_T")

_MARKER: Final = "marker.json"

BEGIN_ANEW: Final = (
    "bring the object's last version back, or begin a new history: terraform apply "
    "-replace='module.NAME.aws_s3_object.marker[0]' forgets what was in use before"
)


@dataclass(slots=True)
class HistoryReader(s3.Folder):
    """The history of one instance of the module, for dry runs of the command line; call `open` first.

    It returns what the function's next run would know. It has no method that writes.

    Attributes:
        advice: What an operator can do about a lost object.
        keep_recently_used_days: For how many days a past use protects an image, at least.
        started_at: When the history was started.
    """

    advice: ClassVar[str] = "if the function itself can read it, your credentials lack s3:GetObject on it"
    keep_recently_used_days: int
    started_at: datetime = field(init=False)
    _root: str = field(init=False, default="")
    _state: StateDocument = field(init=False, default_factory=StateDocument)

    @property
    def usages(self) -> Mapping[SourceKey, int]:
        """Images in use by source, of the last complete run; empty before the first one."""
        return schema.counts_by_source(self._state.usages)

    def open(self, now: datetime) -> None:
        """Find the history; if none was started, nothing is known.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        marker, _ = self._marker()
        if isinstance(marker, HistoryNotStarted):
            self.started_at = now
        else:
            self._read_state(marker)

    def known(self, repository: str) -> model.History | None:
        """The history of a repository; None if no run has read the repository.

        Raises:
            HistoryError: It cannot be read, or is incomplete.
        """
        if repository in self._state.repositories:
            return self._read(repository)[0]
        if not self._root:
            return None  # no history was started
        name = self._name(repository)
        try:
            # A run that was killed may have written it without listing it in the state; the next run will find it too.
            return schema.read_history(self.get_object(name).body, self.uri(name), repository)
        except AbsentError:
            return None

    def remember(self, seen: model.History) -> model.History:
        """What the history would be after one observation of a repository.

        Raises:
            HistoryError: The known history cannot be read.
        """
        return model.remember(self.known(seen.repository), seen, self.keep_recently_used_days)

    def removing(self, repository: str, images: Mapping[str, RemovedImage]) -> None:  # noqa: ARG002 - as `HistoryStore` has it
        """Refuse: a removal that is not stored may not be carried out.

        Raises:
            HistoryError: Always.
        """
        message = f"the history is opened for reading only, so nothing is removed from {repository}"
        raise HistoryError(message)

    def save(self, existing: Collection[str], usages: Mapping[SourceKey, int] | None, drop_id: str | None) -> None:
        """Store nothing: only runs of the function set the baseline of the next run."""

    def _marker(self) -> tuple[HistoryNotStarted | HistoryStarted, str]:
        marker, etag = self._required("the history is lost", _MARKER, partial(schema_module.parse, Marker))
        return marker.root, etag

    def _read_state(self, marker: HistoryStarted) -> str:
        name = _state_name(marker)
        self._state, etag = self._required("the history is lost", name, partial(schema_module.unseal, StateDocument))
        self._root = name.removesuffix("state.json")
        self.started_at = marker.started_at
        return etag

    def _read(self, repository: str) -> tuple[model.History, str]:
        read = partial(schema.read_history, repository=repository)
        return self._required("its history is lost", self._name(repository), read)

    def _required(self, loss: str, name: str, read: Callable[[bytes, str], _T]) -> tuple[_T, str]:
        """An object that is known to have been written, and its ETag.

        Args:
            loss: What the error says if there is no such object, or another one than was written.
            name: Name of the object.
            read: Makes of the object's bytes, and of its URI for errors, what it contains.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        try:
            stored = self.get_object(name)
            return read(stored.body, self.uri(name)), stored.etag
        except (AbsentError, NotWholeError) as error:
            message = f"{loss}: {error}; {self.advice}"
            raise HistoryError(message) from None

    def _name(self, repository: str) -> str:
        return f"{self._root}repositories/{repository}.json"


def _state_name(marker: HistoryStarted) -> str:
    return f"history/{marker.history_id}/state.json"


@dataclass(slots=True)
class HistoryStore(HistoryReader):
    """The history for runs of the function: reads and writes."""

    advice: ClassVar[str] = BEGIN_ANEW
    _state_etag: str | None = field(init=False, default=None)
    _written: set[str] = field(init=False, default_factory=set)

    def open(self, now: datetime) -> None:
        """Find the history; start it if the marker says that there is none yet.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        marker, etag = self._marker()
        self._state_etag = self._read_state(self._begin(now, etag) if isinstance(marker, HistoryNotStarted) else marker)

    def remember(self, seen: model.History) -> model.History:
        """Add one observation to the history of its repository.

        Returns:
            The new history, after it was written.

        Raises:
            HistoryError: The known history cannot be read, or the new one cannot be written.
        """
        known, etag = None, None
        if seen.repository in self._written or seen.repository in self._state.repositories:
            known, etag = self._read(seen.repository)
        days = self.keep_recently_used_days
        merged = model.remember(known, seen, days)
        written = self._write(merged, etag, lambda other: model.remember(other, merged, days))
        self._written.add(seen.repository)
        return written

    def removing(self, repository: str, images: Mapping[str, RemovedImage]) -> None:
        """Store which images of an observed repository are about to be removed.

        Raises:
            HistoryError: The history cannot be read or written.
        """
        known, etag = self._read(repository)
        self._write(model.removing(known, images), etag, lambda other: model.removing(other, images))

    def save(self, existing: Collection[str], usages: Mapping[SourceKey, int] | None, drop_id: str | None) -> None:
        """Store the state that is common to all repositories.

        Args:
            existing: Names of all repositories of the registry; others are forgotten.
            usages: Images in use by source, if every source was read completely.
            drop_id: Of a drop in usages that an operator has to confirm before they become the baseline; None: no drop.

        Raises:
            HistoryError: It could not be written.
        """
        baseline, pending = self._state.usages, self._state.pending_drop
        if usages is not None and drop_id is not None:
            pending = PendingDrop(id=drop_id, usages=schema.counts_list(usages))
        elif usages is not None:
            # A source that is disabled in this run keeps its baseline until it is enabled again.
            baseline, pending = schema.counts_list({**self.usages, **usages}), None
        kept = {name for name in self._state.repositories if name in existing} | self._written
        self._replace_state(StateDocument(repositories=sorted(kept), usages=baseline, pending_drop=pending))

    def confirm(self, drop_id: str) -> dict[SourceKey, int]:
        """Make the usages of a confirmed drop the new baseline.

        Returns:
            The new baseline: images in use by source.

        Raises:
            HistoryError: No such drop awaits confirmation.
        """
        marker, _ = self._marker()
        if isinstance(marker, HistoryStarted):
            self._state_etag = self._read_state(marker)
        pending = self._state.pending_drop
        if pending is None or pending.id != drop_id:
            waiting = f"the drop {pending.id} does" if pending else "none does"
            message = f"no drop in usages {drop_id} awaits confirmation: {waiting}"
            raise HistoryError(message)
        confirmed = schema.counts_by_source(pending.usages)
        baseline = schema.counts_list({**self.usages, **confirmed})
        self._write_state(self._state.model_copy(update={"usages": baseline, "pending_drop": None}))
        return confirmed

    def _begin(self, now: datetime, etag: str) -> HistoryStarted:
        """Start a history, unless a concurrent run does.

        The empty state is written before the marker names it, so no failure between the two looks like a loss.
        """
        name = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        started = HistoryStarted(schema_version=1, state="started", history_id=name, started_at=now)
        with suppress(ReplacedError):  # no other run uses this key: the first attempt of this call
            self.put_object(_state_name(started), schema_module.seal(StateDocument()), None)
        try:
            self.put_object(_MARKER, started.model_dump_json().encode() + b"\n", etag)
        except ReplacedError:
            marker, _ = self._marker()
            if isinstance(marker, HistoryNotStarted):
                raise
            return marker
        return started

    def _replace_state(self, state: StateDocument) -> None:
        try:
            self._write_state(state)
        except ReplacedError:
            name = f"{self._root}state.json"
            stored = self.get_object(name)
            other = schema_module.unseal(StateDocument, stored.body, self.uri(name))
            self._state_etag = stored.etag
            both = sorted({*state.repositories, *other.repositories})
            self._write_state(state.model_copy(update={"repositories": both}))

    def _write_state(self, state: StateDocument) -> None:
        self._state_etag = self.put_object(f"{self._root}state.json", schema_module.seal(state), self._state_etag)
        self._state = state

    def _write(
        self, history: model.History, etag: str | None, add_to: Callable[[model.History], model.History]
    ) -> model.History:
        """Write a history.

        If the object is another one by now, it was written by a concurrent run, by the first attempt of this call, or
        by a run that was killed before it could list the object in the state. Then what `add_to` makes of that one is
        written, once.
        """
        name = self._name(history.repository)
        try:
            self.put_object(name, schema_module.seal(history), etag)
        except ReplacedError:
            other, etag = self._read(history.repository)
            history = add_to(other)
            self.put_object(name, schema_module.seal(history), etag)
        return history
