"""Reads the history from S3, for dry runs of the command line; `ecr_cleaner.history.store` says what is where."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import ClassVar, Final, TypeVar

from ecr_cleaner import schema as schema_module
from ecr_cleaner.aws import s3
from ecr_cleaner.errors import AbsentError, HistoryError, NotWholeError
from ecr_cleaner.history import model, schema, unneeded
from ecr_cleaner.history.schema import HistoryNotStarted, HistoryStarted, Marker, StateDocument
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.scan import SourceKey
from ecr_cleaner.model.usage import Usage

_T = TypeVar("_T")

MARKER: Final = "marker.json"


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
    _followed: set[str] = field(init=False, default_factory=set)

    @property
    def usages(self) -> Mapping[SourceKey, int]:
        """Images in use by source, of the last complete run; empty before the first one."""
        return schema.counts_by_source(self._state.usages)

    @property
    def left(self) -> tuple[str, ...]:
        """Names of the repositories that the last run had no time to judge, in the order in which they wait."""
        return tuple(self._state.left)

    @property
    def answered(self) -> schema.Answers:
        """The operations that ever answered, by target."""
        return schema.answered_by_target(self._state.answered)

    @property
    def repositories(self) -> Collection[str]:
        """Names of the repositories that runs have read."""
        return self._state.repositories

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
        return self._remembered(self.known(seen.repository), seen)

    def learn(self, repository: str, children: Mapping[str, tuple[str, ...]]) -> None:
        """Store nothing: who reads only may read an index again."""

    def judged(self, repository: str, digests: Collection[str], begun_at: datetime) -> None:
        """Store nothing: an image is in grace since a run of the function found it unneeded."""

    def used(self, repository: str, usages: Collection[Usage], seen_at: datetime) -> None:
        """Store nothing."""

    def removing(self, repository: str, images: Mapping[str, RemovedImage]) -> None:  # noqa: ARG002 - as `HistoryStore` has it
        """Refuse: a removal that is not stored may not be carried out.

        Raises:
            HistoryError: Always.
        """
        message = f"the history is opened for reading only, so nothing is removed from {repository}"
        raise HistoryError(message)

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
        """Store nothing: only runs of the function set the baseline of the next run."""

    def _remembered(self, known: model.History | None, seen: model.History) -> model.History:
        """The history after an observation. If a run left the repository out, grace begins anew."""
        if known is not None and seen.repository not in self._followed:
            known = unneeded.unjudged(known)
        return model.remember(known, seen, self.keep_recently_used_days)

    def _marker(self) -> tuple[HistoryNotStarted | HistoryStarted, str]:
        marker, etag = self._required("the history is lost", MARKER, partial(schema_module.parse, Marker))
        return marker.root, etag

    def _read_state(self, marker: HistoryStarted) -> str:
        name = state_name(marker)
        self._state, etag = self._required("the history is lost", name, partial(schema_module.unseal, StateDocument))
        self._root = name.removesuffix("state.json")
        self._followed = set(self._state.followed)
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


def state_name(marker: HistoryStarted) -> str:
    """Name of the object that is common to all repositories."""
    return f"history/{marker.history_id}/state.json"
