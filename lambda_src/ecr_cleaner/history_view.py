"""The history as somebody sees it who may not add to it: read, and never written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn

from ecr_cleaner import documents, memory, objects
from ecr_cleaner.documents import New
from ecr_cleaner.errors import AbsentError, HistoryError
from ecr_cleaner.history import HistoryStore

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from ecr_cleaner.going import Gone
    from ecr_cleaner.guard import Drop


@dataclass(slots=True)
class HistoryView(HistoryStore):
    """What the function's next run would know, without its taking place.

    Whatever `HistoryStore` writes, this keeps to itself.
    """

    advice: ClassVar[str] = "if the function itself can read it, your credentials lack s3:GetObject on it"

    def open(self, now: datetime) -> None:
        """Find the history; one that has not begun knows nothing, and is left as it is.

        Raises:
            HistoryError: It is lost, or cannot be read.
        """
        marker, _ = self._marker()
        if isinstance(marker, New):
            self.started_at = now
        else:
            self._read_state(marker)

    def remember(self, seen: memory.History) -> memory.History:
        """What would be known after one look at a repository.

        Raises:
            HistoryError: What was known cannot be read.
        """
        return memory.remember(self.known(seen.repository), seen, self.rollback_days)

    def removing(self, repository: str, gone: Mapping[str, Gone]) -> None:
        """Nothing is noted: who looks removes nothing."""

    def save(self, existing: Collection[str], usages: Mapping[str, int] | None, drop: Drop | None) -> None:
        """Nothing is noted."""

    def confirm(self, drop_id: str) -> NoReturn:
        """Refuse: only the function says what the measure is.

        Raises:
            HistoryError: Always.
        """
        message = f"the fall of usages {drop_id} is confirmed by the function, not here"
        raise HistoryError(message)

    def known(self, repository: str) -> memory.History | None:
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
            return documents.read_history(
                objects.read(self.clients, self.bucket, key).body, self._place(key), repository
            )
        except AbsentError:
            return None
