"""One batch of a repository: look, write down, look again, call, and look at what ECR did not confirm."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from ecr_cleaner.aws import errors, pacing
from ecr_cleaner.clock import utc_now
from ecr_cleaner.model.plan import Removal, RemovalStatus, Verdict
from ecr_cleaner.registry import images
from ecr_cleaner.removal import calls, drift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.journal.writer import Journal
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.repository import Repository
    from ecr_cleaner.registry.own_pulls import Readings

MAX_ATTEMPTS: Final = 5
"""Calls for one batch, each after a look of its own, as long as what goes wrong may pass by itself."""


RECHECK_MAX_AGE: Final = timedelta(seconds=30)
"""How old a look may be when a call is made by it: a machine may sleep in between, or a call take long."""


@dataclass(slots=True)
class RemovalContext:
    """What it takes to remove from one repository.

    Attributes:
        clients: Of the run.
        repository: Where.
        holders: Image to what has to go before it.
        hanging: Image to what hangs on it: its manifests, and the referrers that are to go as well.
        journal: Where what goes is written down first; None: nowhere.
        archive: Whether what is active goes into the archive instead.
        archived_too: Whether a look has to show what is archived.
        readings: When the run itself read manifests.
        clock: Now, in UTC.
        archived: What went into the archive, and since when it lies there, once that was seen.
    """

    clients: AwsClients
    repository: Repository
    holders: Mapping[str, frozenset[str]]
    hanging: Mapping[str, Sequence[Image]]
    journal: Journal | None
    archive: bool
    archived_too: bool
    readings: Readings
    clock: Callable[[], datetime] = utc_now
    archived: dict[str, datetime | None] = field(init=False, default_factory=dict)
    _looked_at: datetime | None = field(init=False, default=None)

    def archives(self, verdict: Verdict) -> bool:
        """Whether an image goes into the archive; what is there already can only be deleted."""
        return self.archive and verdict.image.active

    def describe(self, digests: Iterable[str]) -> dict[str, Image]:
        """The present state of some images."""
        return images.describe(self.clients, self.repository.name, digests, archived_too=self.archived_too)

    def look(self, verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Removal]]:
        """What is as it was judged, and the endings of what is not, or whose holder is back from the archive."""
        parts = {v.image.digest: drift.parts(v.image, self.hanging) for v in verdicts}
        above = {v.image.digest: self._archived_above(v.image.digest) for v in verdicts}
        watched = {*parts, *chain.from_iterable(above.values())} | {i.digest for p in parts.values() for i in p}
        self._looked_at = self.clock()
        present = self.describe(sorted(watched))
        back = {digest for digest in set().union(*above.values()) if self._is_back(digest, present.get(digest))}
        explained = self.readings.explain
        unchanged, endings = [], []
        for verdict in verdicts:
            digest = verdict.image.digest
            if change := drift.change(verdict.image, present, parts[digest], explained):
                endings.append(removal(verdict, RemovalStatus.CHANGED, detail=change))
            elif found := sorted(back & above[digest]):
                detail = f"{present[found[0]].name} is back from the archive"
                endings.append(removal(verdict, RemovalStatus.HOLDER_KEPT, detail=detail))
            else:
                unchanged.append(verdict)
        for image in present.values():
            self.readings.see(image)
        return unchanged, endings

    def _archived_above(self, digest: str) -> set[str]:
        """What went into the archive before an image that it needs."""
        found: set[str] = set()
        queue = [digest]
        while queue:
            new = (self.holders.get(queue.pop(), frozenset()) & self.archived.keys()) - found
            found |= new
            queue += new
        return found

    def _is_back(self, digest: str, now: Image | None) -> bool:
        """Whether somebody restored what went into the archive, be it to archive it again."""
        if now is None:
            return False
        if now.is_archived and self.archived[digest] in {None, now.archived_at}:
            self.archived[digest] = now.archived_at
            return False
        return True

    def is_blind(self) -> bool:
        """Whether the last look is too old to make a call by it."""
        return self._looked_at is None or not timedelta(0) <= self.clock() - self._looked_at <= RECHECK_MAX_AGE


def removal(verdict: Verdict, status: RemovalStatus, *codes: str, detail: str = "") -> Removal:
    """How one ended."""
    return Removal(verdict, status, tuple(sorted(set(codes))), detail)


def carry_out(work: RemovalContext, batch: Sequence[Verdict], may_go_on: Callable[[], bool]) -> Iterator[Removal]:
    """Look and remove; after a call that may have failed for a moment only, look again before it is repeated.

    botocore must not repeat the call: between two tries somebody may push, pull or tag, and only a look tells.

    Args:
        work: Where, and by what means.
        batch: Either all of it goes into the archive, or nothing.
        may_go_on: Asked before each call that removes; once it says no, the rest is ``left``.

    Yields:
        How each removal ended.
    """
    waiting = list(batch)
    for tries_left in reversed(range(MAX_ATTEMPTS)):
        again: list[Verdict] = []
        for ended, may_pass in _try(work, waiting, may_go_on):
            if may_pass and tries_left and may_go_on():
                again.append(ended.verdict)
            else:
                yield ended
        if not again:
            return
        pacing.back_off(MAX_ATTEMPTS - tries_left)
        waiting = again


def _try(
    work: RemovalContext, batch: Sequence[Verdict], may_go_on: Callable[[], bool]
) -> Iterator[tuple[Removal, bool]]:
    """One look, the journal, one more look if that took something, and the calls.

    Yields:
        How each removal ended, and whether it failed for a cause that may pass by itself.
    """
    unchanged, changed = work.look(batch)
    yield from ((ended, False) for ended in changed)
    archives = any(map(work.archives, batch))
    if work.journal is not None and work.journal.lacks(unchanged):
        unwritten = work.journal.write(
            work.repository, unchanged, "archive" if archives else "delete", work.readings.note
        )
        for verdict in [v for v in unchanged if v.image.digest in unwritten]:
            cause = unwritten[verdict.image.digest]
            yield removal(verdict, RemovalStatus.NOT_JOURNALLED, cause.code, detail=cause.detail), False
        unchanged, changed = work.look([v for v in unchanged if v.image.digest not in unwritten])
        yield from ((ended, False) for ended in changed)
    success = RemovalStatus.ARCHIVED if archives else RemovalStatus.REMOVED
    for some in ([verdict] for verdict in unchanged) if archives else filter(None, [unchanged]):
        if not may_go_on():
            yield from ((removal(verdict, RemovalStatus.LEFT), False) for verdict in some)
        elif work.is_blind():
            late = f"each look at it was older than {RECHECK_MAX_AGE.seconds} s when it was to go"
            yield from ((removal(verdict, RemovalStatus.FAILED, detail=late), True) for verdict in some)
        else:
            yield from _act(work, some, success)


def _act(work: RemovalContext, verdicts: Sequence[Verdict], success: RemovalStatus) -> Iterator[tuple[Removal, bool]]:
    """Delete or archive, and look at what ECR did not confirm."""
    may_pass = False
    if success is RemovalStatus.ARCHIVED:
        codes, may_pass = calls.archive(work.clients, work.repository.name, verdicts)
    else:
        try:
            codes = calls.delete(work.clients, work.repository.name, verdicts)
        except errors.AwsError as error:
            # The call may have taken effect although its answer was lost: only a look tells.
            codes = {verdict.image.digest: {errors.code_of(error)} for verdict in verdicts}
            may_pass = errors.is_transient(error)
    # What is certain is told first: the look at the rest may fail.
    yield from ((removal(v, success), False) for v in verdicts if not codes[v.image.digest])
    doubtful = [verdict for verdict in verdicts if codes[verdict.image.digest]]
    try:
        still_there = work.describe(v.image.digest for v in doubtful)
    except errors.AwsError as error:
        unseen = f"whether it is still there is unknown: {errors.code_of(error)}"
        for verdict in doubtful:
            yield removal(verdict, RemovalStatus.FAILED, *codes[verdict.image.digest], detail=unseen), False
        return
    end = _archived_ending if success is RemovalStatus.ARCHIVED else _ending
    for verdict in doubtful:
        ending = end(verdict, codes[verdict.image.digest], still_there.get(verdict.image.digest))
        yield ending, may_pass and ending.status is RemovalStatus.FAILED


def _ending(verdict: Verdict, codes: set[str], still_there: Image | None) -> Removal:
    if still_there is None and calls.INACCESSIBLE not in codes:
        return removal(verdict, RemovalStatus.REMOVED, *codes, detail="confirmed by looking again")
    if still_there is not None and set(still_there.tags) < set(verdict.image.tags):
        lost = sorted(set(verdict.image.tags) - set(still_there.tags))
        return removal(verdict, RemovalStatus.PARTLY_UNTAGGED, *codes, detail=f"it lost the tags {lost}")
    return removal(verdict, RemovalStatus.FAILED, *codes, detail=calls.meaning(codes))


def _archived_ending(verdict: Verdict, codes: set[str], still_there: Image | None) -> Removal:
    if still_there is None:
        return removal(verdict, RemovalStatus.CHANGED, *codes, detail="it is gone already")
    if still_there.is_archived:
        return removal(verdict, RemovalStatus.ARCHIVED, *codes, detail="confirmed by looking again")
    return removal(verdict, RemovalStatus.FAILED, *codes, detail=calls.NOT_ARCHIVED)
