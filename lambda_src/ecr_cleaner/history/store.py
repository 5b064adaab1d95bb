"""Stores the history in S3: one object for each repository, one for all of them, and a marker.

::

    <prefix>marker.json                                   by Terraform; whether a history was started, and which
    <prefix>history/<id>/state.json                       which repositories have an object, images in use by source
    <prefix>history/<id>/repositories/<repository>.json   consumers of each digest, tags that moved

An object that is known to have been written and cannot be read is lost. A lost object is not an empty one: nothing is
removed then. A new history has a new id, so no object of an older one is taken for a part of it. The store reads no
key that may be absent: to tell absent from denied, S3 needs the permission to list the bucket.

What was read or written last is kept for the next write to the same object, which names it: S3 refuses that write if
somebody else wrote meanwhile, and only then the object is read again.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import ClassVar, Final

from ecr_cleaner import schema as schema_module
from ecr_cleaner.errors import HistoryError, ReplacedError
from ecr_cleaner.history import index_lists, model, schema, unneeded, uses
from ecr_cleaner.history.reader import MARKER, HistoryReader, state_name
from ecr_cleaner.history.schema import HistoryNotStarted, HistoryStarted, PendingDrop, StateDocument
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.scan import SourceKey
from ecr_cleaner.model.usage import Usage

BEGIN_ANEW: Final = (
    "bring the object's last version back, or begin a new history: terraform apply "
    "-replace='module.NAME.aws_s3_object.marker[0]' forgets what was in use before"
)

CACHED_IMAGES: Final = 20_000
"""Images of the histories that are kept, together; about 1 KiB each. A larger history is read before each write."""


@dataclass(slots=True)
class HistoryStore(HistoryReader):
    """The history for runs of the function: reads and writes."""

    advice: ClassVar[str] = BEGIN_ANEW
    _state_etag: str | None = field(init=False, default=None)
    _written: set[str] = field(init=False, default_factory=set)
    _cached: dict[str, tuple[model.History, str]] = field(init=False, default_factory=dict)
    _lock: Lock = field(init=False, default_factory=Lock)

    def open(self, now: datetime) -> None:
        """Find the history; start it if the marker says that there is none yet.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        marker, etag = self._marker()
        self._state_etag = self._read_state(self._begin(now, etag) if isinstance(marker, HistoryNotStarted) else marker)

    def known(self, repository: str) -> model.History | None:
        """As for those who only read; what was read is kept for the next write, like what was written."""
        if repository not in self._state.repositories:
            return HistoryReader.known(self, repository)  # `super()` does not know a class with slots
        found, etag = self._last(repository)
        self._cache(found, etag, evicts=False)  # which are wanted first
        return found

    def remember(self, seen: model.History) -> model.History:
        """Add one observation to the history of its repository.

        Returns:
            The new history, after it was written.

        Raises:
            HistoryError: The known history cannot be read, or the new one cannot be written.
        """
        known, etag = None, None
        if seen.repository in self._written or seen.repository in self._state.repositories:
            known, etag = self._last(seen.repository)
        merged = self._remembered(known, seen)
        del known  # it is in the way while the new one is written
        written = self._write(merged, etag, lambda other: self._remembered(other, merged))
        self._written.add(seen.repository)
        self._followed.add(seen.repository)
        return written

    def removing(self, repository: str, images: Mapping[str, RemovedImage]) -> None:
        """Store which images of an observed repository are about to be removed.

        Raises:
            HistoryError: The history cannot be read or written.
        """
        known, etag = self._last(repository)
        self._write(model.removing(known, images), etag, lambda other: model.removing(other, images))

    def learn(self, repository: str, children: Mapping[str, tuple[str, ...]]) -> None:
        """Store what some indexes of an observed repository list.

        Args:
            repository: Its name.
            children: Digest of an index to the digests that it lists, which are proven to be those of its digest.

        Raises:
            HistoryError: The history cannot be read or written.
        """
        known, etag = self._last(repository)
        self._write(index_lists.learned(known, children), etag, lambda other: index_lists.learned(other, children))

    def judged(self, repository: str, digests: Collection[str], begun_at: datetime) -> None:
        """Store which images of an observed repository nothing needs.

        Args:
            repository: Name of the repository.
            digests: Of the unneeded images.
            begun_at: When the run began.

        Raises:
            HistoryError: The history cannot be read or written.
        """
        known, etag = self._last(repository)
        judged = unneeded.judged(known, digests, begun_at)
        self._write(judged, etag, lambda other: unneeded.judged(other, digests, begun_at))

    def used(self, repository: str, usages: Collection[Usage], seen_at: datetime) -> None:
        """Store what is in use in a repository that is not read now, as far as its images are known.

        Raises:
            HistoryError: The history cannot be read or written.
        """
        if repository not in self._state.repositories:
            return
        known, etag = self._last(repository)
        found = uses.noted(known, usages, seen_at)
        if found != known:
            self._write(found, etag, lambda other: uses.noted(other, usages, seen_at))

    def save(  # noqa: PLR0913 - what runs know of each other, by name
        self,
        existing: Collection[str],
        usages: Mapping[SourceKey, int] | None,
        drop_id: str | None,
        followed: Collection[str],
        answered: schema.Answers = schema.NONE,
        *,
        left: Collection[str] = (),
        complete: Mapping[SourceKey, int] | None = None,
        forgotten: Collection[str] = (),
    ) -> None:
        """Store the state that is common to all repositories.

        Args:
            existing: Names of all repositories of the registry; others are forgotten.
            usages: Images in use by source, if every source was read completely.
            drop_id: Of a drop in usages that an operator has to confirm before they become the baseline; None: no drop.
            followed: Names of the repositories whose images are judged, or would be if nothing failed.
            answered: By target, the operations that answered in this run; no earlier ones are forgotten.
            left: Names of the repositories that there was no time to judge, in their order.
            complete: Those usages that become the baseline although a drop waits; None: none do.
            forgotten: Accounts that are not looked at any more, of which nothing is compared.

        Raises:
            HistoryError: It could not be written.
        """
        baseline, pending = self._state.usages, self._state.pending_drop
        before = {key: count for key, count in self.usages.items() if key.target.account_id not in forgotten}
        if usages is not None and drop_id is not None:
            pending = PendingDrop(id=drop_id, usages=schema.counts_list(usages))
            baseline = baseline if complete is None else schema.replaced(before, complete)
        elif usages is not None:
            baseline, pending = schema.replaced(before, usages), None
        kept = {name for name in self._state.repositories if name in existing} | self._written
        without_gap = sorted(self._followed.intersection(followed))
        state = StateDocument(
            repositories=sorted(kept),
            usages=baseline,
            pending_drop=pending,
            followed=without_gap,
            left=list(left),
            answered=schema.answered_list(self.answered, answered),
        )
        self._replace_state(state)

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
        baseline = schema.replaced(self.usages, confirmed)
        self._write_state(self._state.model_copy(update={"usages": baseline, "pending_drop": None}))
        return confirmed

    def _begin(self, now: datetime, etag: str) -> HistoryStarted:
        """Start a history, unless a concurrent run does.

        The empty state is written before the marker names it, so no failure between the two looks like a loss.
        """
        name = f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"
        started = HistoryStarted(schema_version=1, state="started", history_id=name, started_at=now)
        with suppress(ReplacedError):  # no other run uses this key: the first attempt of this call
            self.put_object(state_name(started), schema_module.seal(StateDocument()), None)
        try:
            self.put_object(MARKER, started.model_dump_json().encode() + b"\n", etag)
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
            both = {
                "repositories": sorted({*state.repositories, *other.repositories}),
                "followed": sorted({*state.followed} & {*other.followed}),
                "answered": schema.answered_list(*(schema.answered_by_target(one.answered) for one in (state, other))),
            }
            self._write_state(state.model_copy(update=both))

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
            etag = self.put_object(name, schema.write_history(history), etag)
        except ReplacedError:
            other, etag = self._read(history.repository)
            history = add_to(other)
            etag = self.put_object(name, schema.write_history(history), etag)
        self._cache(history, etag)
        return history

    def _last(self, repository: str) -> tuple[model.History, str]:
        """The history that is about to be replaced, and its ETag; it is not kept any longer.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        with self._lock:
            kept = self._cached.pop(repository, None)
        return kept or self._read(repository)

    def _cache(self, history: model.History, etag: str, *, evicts: bool = True) -> None:
        """Keep a history, in place of what is kept the longest, or only if there is room."""
        with self._lock:
            self._cached[history.repository] = (history, etag)
            while sum(len(one.images) for one, _ in self._cached.values()) > CACHED_IMAGES:
                del self._cached[next(iter(self._cached)) if evicts else history.repository]
