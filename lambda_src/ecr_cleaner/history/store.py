"""Keeps the memory in S3: one object for each repository, one for what holds for all, and a marker.

::

    <prefix>marker.json                                   Terraform's; says whether a history has begun, and which
    <prefix>history/<id>/state.json                       which repositories have an object, images in use by source
    <prefix>history/<id>/repositories/<repository>.json   who used which digest, which tags moved

Whatever is known to have been written and cannot be read again is lost, and lost is not empty: nothing is removed.
A history that begins anew has a new id, so nothing of an older one can be mistaken for a part of it. No key is read
that may rightly be absent: that would take the permission to list the bucket.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from ecr_cleaner import schema as schema_module
from ecr_cleaner.aws import s3
from ecr_cleaner.errors import AbsentError, HistoryError, NotWholeError, ReplacedError
from ecr_cleaner.history import model, schema
from ecr_cleaner.history.schema import HistoryNotStarted, HistoryStarted, Marker, PendingDrop, StateDocument

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.image import RemovedImage
    from ecr_cleaner.model.scan import SourceKey

BEGIN_ANEW: Final = (
    "bring the object's last version back, or begin a new history: terraform apply "
    "-replace='module.NAME.aws_s3_object.marker[0]' forgets what was in use before"
)


@dataclass(slots=True)
class HistoryReader:
    """The history of one instance of the module, as somebody sees it who may not add to it; `open` comes first.

    It answers what the function's next run would know. Nothing here writes.

    Attributes:
        advice: What a person can do about an object that is lost.
        clients: Of the run.
        bucket: Where it lies.
        prefix: Of all keys; ends with a slash.
        keep_recently_used_days: How long a past use protects, at least.
        started_at: When the history began.
    """

    advice: ClassVar[str] = "if the function itself can read it, your credentials lack s3:GetObject on it"
    clients: AwsClients
    bucket: str
    prefix: str
    keep_recently_used_days: int
    started_at: datetime = field(init=False)
    _root: str = field(init=False, default="")
    _state: StateDocument = field(init=False, default_factory=StateDocument)

    @property
    def usages(self) -> Mapping[SourceKey, int]:
        """Images in use by source, of the last run that was complete; empty before the first one."""
        return schema.counts_by_source(self._state.usages)

    def open(self, now: datetime) -> None:
        """Find the history; one that has not begun knows nothing, and is left as it is.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        marker, _ = self._marker()
        if isinstance(marker, HistoryNotStarted):
            self.started_at = now
        else:
            self._read_state(marker)

    def known(self, repository: str) -> model.History | None:
        """What is remembered of a repository; None if no run has looked at it.

        Raises:
            HistoryError: It cannot be read, or is not whole.
        """
        if repository in self._state.repositories:
            return self._read(repository)[0]
        if not self._root:
            return None  # no history has begun
        key = self._key(repository)
        try:
            # A run that was killed may have written it and not yet noted that it exists; the next one finds it so.
            return schema.read_history(s3.read(self.clients, self.bucket, key).body, self._place(key), repository)
        except AbsentError:
            return None

    def remember(self, seen: model.History) -> model.History:
        """What would be known after one look at a repository.

        Raises:
            HistoryError: What was known cannot be read.
        """
        return model.remember(self.known(seen.repository), seen, self.keep_recently_used_days)

    def removing(self, repository: str, gone: Mapping[str, RemovedImage]) -> None:  # noqa: ARG002 - as `HistoryStore` has it
        """Refuse: what nobody notes may not be removed.

        Raises:
            HistoryError: Always.
        """
        message = f"the history is only read here, so nothing is removed from {repository}"
        raise HistoryError(message)

    def save(self, existing: Collection[str], usages: Mapping[SourceKey, int] | None, drop_id: str | None) -> None:
        """Nothing is noted: the next run of the function measures by what the function itself saw."""

    def _marker(self) -> tuple[HistoryNotStarted | HistoryStarted, str]:
        key = f"{self.prefix}marker.json"
        try:
            stored = s3.read(self.clients, self.bucket, key)
            return schema_module.parse(Marker, stored.body, self._place(key)).root, stored.etag
        except (AbsentError, NotWholeError) as error:
            message = f"the history is lost: {error}; {self.advice}"
            raise HistoryError(message) from None

    def _read_state(self, marker: HistoryStarted) -> str:
        key = self._state_key(marker)
        try:
            stored = s3.read(self.clients, self.bucket, key)
            self._state = schema_module.unseal(StateDocument, stored.body, self._place(key))
        except (AbsentError, NotWholeError) as error:
            message = f"the history is lost: {error}; {self.advice}"
            raise HistoryError(message) from None
        self._root = key.removesuffix("state.json")
        self.started_at = marker.started_at
        return stored.etag

    def _read(self, repository: str) -> tuple[model.History, str]:
        key = self._key(repository)
        try:
            stored = s3.read(self.clients, self.bucket, key)
            return schema.read_history(stored.body, self._place(key), repository), stored.etag
        except (AbsentError, NotWholeError) as error:
            message = f"its history is lost: {error}; {self.advice}"
            raise HistoryError(message) from None

    def _key(self, repository: str) -> str:
        return f"{self._root}repositories/{repository}.json"

    def _state_key(self, marker: HistoryStarted) -> str:
        return f"{self.prefix}history/{marker.history_id}/state.json"

    def _place(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


@dataclass(slots=True)
class HistoryStore(HistoryReader):
    """The history as the function keeps it: what a reader reads, and what is written."""

    advice: ClassVar[str] = BEGIN_ANEW
    _state_etag: str | None = field(init=False, default=None)
    _written: set[str] = field(init=False, default_factory=set)

    def open(self, now: datetime) -> None:
        """Find the history; begin it, if Terraform says that there is none yet.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        marker, etag = self._marker()
        self._state_etag = self._read_state(self._begin(now, etag) if isinstance(marker, HistoryNotStarted) else marker)

    def remember(self, seen: model.History) -> model.History:
        """Add one look at a repository to what is known of it.

        Returns:
            What is known now, once it is written.

        Raises:
            HistoryError: What was known cannot be read, or what is known now cannot be written.
        """
        known, etag = None, None
        if seen.repository in self._written or seen.repository in self._state.repositories:
            known, etag = self._read(seen.repository)
        found = model.remember(known, seen, self.keep_recently_used_days)
        try:
            self._write(found, etag)
        except ReplacedError:
            # By a run at the same time, by this one's own first try, or by one that was killed before it could
            # note that the object exists. What is known there joins what is known here, once.
            known, etag = self._read(seen.repository)
            found = model.remember(known, found, self.keep_recently_used_days)
            self._write(found, etag)
        self._written.add(seen.repository)
        return found

    def removing(self, repository: str, gone: Mapping[str, RemovedImage]) -> None:
        """Note what is about to go from a repository that was looked at, before it does.

        Raises:
            HistoryError: What is known cannot be read, or this not be written.
        """
        known, etag = self._read(repository)
        try:
            self._write(model.removing(known, gone), etag)
        except ReplacedError:  # as in `remember`
            known, etag = self._read(repository)
            self._write(model.removing(known, gone), etag)

    def save(self, existing: Collection[str], usages: Mapping[SourceKey, int] | None, drop_id: str | None) -> None:
        """Note what holds for all repositories.

        Args:
            existing: Names of all repositories of the registry; the others are forgotten.
            usages: Images in use by source, if every source gave a full answer.
            drop_id: Of a fall of usages that somebody has to confirm before they become the measure; None: none has.

        Raises:
            HistoryError: It could not be written.
        """
        measure, pending = self._state.usages, self._state.pending_drop
        if usages is not None and drop_id is not None:
            pending = PendingDrop(id=drop_id, usages=schema.counts_list(usages))
        elif usages is not None:
            # A source that was not asked this time keeps its measure for the time when it is asked again.
            measure, pending = schema.counts_list({**self.usages, **usages}), None
        kept = {name for name in self._state.repositories if name in existing} | self._written
        self._replace_state(StateDocument(repositories=sorted(kept), usages=measure, pending_drop=pending))

    def confirm(self, drop_id: str) -> dict[SourceKey, int]:
        """Make the usages of a fall that somebody confirmed the measure from now on.

        Returns:
            These usages, by source.

        Raises:
            HistoryError: No such fall waits for confirmation.
        """
        marker, _ = self._marker()
        if isinstance(marker, HistoryStarted):
            self._state_etag = self._read_state(marker)
        pending = self._state.pending_drop
        if pending is None or pending.id != drop_id:
            waiting = f"the one that waits is {pending.id}" if pending else "none waits"
            message = f"there is no fall of usages {drop_id} to confirm: {waiting}"
            raise HistoryError(message)
        confirmed = schema.counts_by_source(pending.usages)
        measure = schema.counts_list({**self.usages, **confirmed})
        self._write_state(self._state.model_copy(update={"usages": measure, "pending_drop": None}))
        return confirmed

    def _begin(self, now: datetime, etag: str) -> HistoryStarted:
        """Begin a history, unless somebody else just does.

        The empty state is there before the marker names it: between the two nothing is lost.
        """
        name = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        begun = HistoryStarted(schema_version=1, state="started", history_id=name, started_at=now)
        with suppress(ReplacedError):  # nobody else knows this key: a first try whose answer got lost
            s3.write(self.clients, self.bucket, self._state_key(begun), schema_module.seal(StateDocument()), None)
        key = f"{self.prefix}marker.json"
        try:
            s3.write(self.clients, self.bucket, key, begun.model_dump_json().encode() + b"\n", etag)
        except ReplacedError:
            marker, _ = self._marker()
            if isinstance(marker, HistoryNotStarted):
                raise
            return marker
        return begun

    def _replace_state(self, state: StateDocument) -> None:
        try:
            self._write_state(state)
        except ReplacedError:
            stored = s3.read(self.clients, self.bucket, f"{self._root}state.json")
            other = schema_module.unseal(StateDocument, stored.body, self._place(f"{self._root}state.json"))
            self._state_etag = stored.etag
            both = sorted({*state.repositories, *other.repositories})
            self._write_state(state.model_copy(update={"repositories": both}))

    def _write_state(self, state: StateDocument) -> None:
        self._state_etag = s3.write(
            self.clients, self.bucket, f"{self._root}state.json", schema_module.seal(state), self._state_etag
        )
        self._state = state

    def _write(self, history: model.History, etag: str | None) -> None:
        key = self._key(history.repository)
        s3.write(self.clients, self.bucket, key, schema.write_history(history), etag)
