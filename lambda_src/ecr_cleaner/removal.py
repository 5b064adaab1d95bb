"""Writes ECR: order, re-check, failure accounting. The only room that removes anything.

What holds an image goes first: the indexes that list it and the subject it refers to. What must go first
and stays keeps what hangs on it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ecr_cleaner import archiving, aws, changes, deleting, inventory
from ecr_cleaner.graph import subjects_of
from ecr_cleaner.model import Removal, RemovalStatus, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.journal import Journal
    from ecr_cleaner.model import Image, Repository, RepositoryPlan

TRIES: Final = 5
"""Calls for one batch, each after a look of its own, as long as what goes wrong may pass by itself."""


@dataclass(slots=True)
class _Progress:
    """What became of the images of one repository so far.

    What goes into the archive may follow what went there or is gone. What is deleted may not follow into the archive:
    what lies there comes back whole.
    """

    holders: Mapping[str, frozenset[str]]
    gone: set[str] = field(default_factory=set)
    archived: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    def note(self, removal: Removal) -> Removal:
        digest = removal.verdict.image.digest
        ended = {RemovalStatus.REMOVED: self.gone, RemovalStatus.ARCHIVED: self.archived}
        ended.get(removal.status, self.kept).add(digest)
        return removal

    def is_blocked(self, verdict: Verdict, *, archives: bool) -> bool:
        """Whether what has to go first stays, or lies in the archive."""
        holders = self.holders.get(verdict.image.digest, frozenset())
        return bool(holders & self.kept) or (not archives and bool(holders & self.archived))

    def is_ready(self, verdict: Verdict, *, archives: bool) -> bool:
        """Whether everything that has to go first went."""
        holders = self.holders.get(verdict.image.digest, frozenset())
        return holders <= (self.gone | self.archived if archives else self.gone)


@dataclass(frozen=True, slots=True)
class _Work:
    """What it takes to remove from one repository.

    Attributes:
        clients: Of the run.
        repository: Where.
        hanging: Image to what hangs on it: its manifests and referrers that are to go as well.
        journal: Where what goes is written down first; None: nowhere.
        archive: Whether what is active goes into the archive instead.
        archived_too: Whether a look has to show what is archived.
    """

    clients: Aws
    repository: Repository
    hanging: Mapping[str, Sequence[Image]]
    journal: Journal | None
    archive: bool
    archived_too: bool

    def archives(self, verdict: Verdict) -> bool:
        """Whether an image goes into the archive; what is there already can only be deleted."""
        return self.archive and verdict.image.active

    def describe(self, digests: Iterable[str]) -> dict[str, Image]:
        """The present state of some images."""
        return inventory.describe(self.clients, self.repository.name, digests, archived_too=self.archived_too)

    def look(self, verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Removal]]:
        """What is as it was judged, and the endings of what is not."""
        parts = {v.image.digest: changes.parts(v.image, self.hanging) for v in verdicts}
        watched = {v.image.digest for v in verdicts} | {i.digest for pulled in parts.values() for i in pulled}
        present = self.describe(sorted(watched))
        told = [(v, changes.change(v.image, present, parts[v.image.digest], self._explained)) for v in verdicts]
        return (
            [verdict for verdict, change in told if not change],
            [_removal(verdict, RemovalStatus.CHANGED, detail=change) for verdict, change in told if change],
        )

    def _explained(self, image: Image, pulled_at: datetime | None) -> bool:
        return self.journal is not None and self.journal.explains(image, pulled_at)


def remove(
    clients: Aws,
    plan: RepositoryPlan,
    may_go_on: Callable[[], bool],
    journal: Journal | None = None,
    *,
    archive: bool = False,
) -> Iterator[Removal]:
    """Carry out the removals of one repository.

    Args:
        clients: Clients of the run.
        plan: The verdicts; only those that remove are looked at.
        may_go_on: Asked before each call that removes; once it says no, the rest is ``left``.
        journal: Where what goes is written down first; what cannot be written down stays. None: nowhere.
        archive: Whether what is active goes into the archive; what is there already is deleted all the same.

    Yields:
        How each removal ended, as it ends.

    Raises:
        AwsError: Something other than the removal itself failed, e.g. describing.
    """
    pending = {verdict.image.digest: verdict for verdict in plan.removals}
    if not pending:
        return
    refusal = _not_as_told_any_more(clients, plan)
    if refusal:
        yield from (Removal(v, RemovalStatus.CHANGED, detail=refusal) for v in pending.values())
        return
    archived_too = archive or not all(verdict.image.active for verdict in pending.values())
    work = _Work(clients, plan.repository, _reversed(plan), journal, archive, archived_too)
    progress = _Progress(plan.holders)
    while pending:
        blocked = [v for v in pending.values() if progress.is_blocked(v, archives=work.archives(v))]
        for verdict in blocked:
            del pending[verdict.image.digest]
            yield progress.note(_removal(verdict, RemovalStatus.HOLDER_KEPT))
        ready = [v for v in pending.values() if progress.is_ready(v, archives=work.archives(v))]
        ready.sort(key=lambda verdict: bool(subjects_of(verdict.image)))  # what refers to others goes last
        if not ready and not blocked:  # tags of the sha256-<hex> kind can be made to form a ring
            yield from (_removal(v, RemovalStatus.HOLDER_KEPT) for v in pending.values())
            return
        for batch in (*_batches([v for v in ready if not work.archives(v)]), *_chunks(work, ready)):
            if not may_go_on():
                yield from (_removal(v, RemovalStatus.LEFT) for v in pending.values())
                return
            for verdict in batch:
                del pending[verdict.image.digest]
            for removal in _remove_batch(work, batch, may_go_on):
                yield progress.note(removal)


def _removal(verdict: Verdict, status: RemovalStatus, *codes: str, detail: str = "") -> Removal:
    return Removal(verdict, status, tuple(sorted(set(codes))), detail)


def _not_as_told_any_more(clients: Aws, plan: RepositoryPlan) -> str:
    tags = inventory.tags_of(clients, plan.repository.arn)
    if tags is None:
        return "the repository was deleted meanwhile"
    if not inventory.is_enabled(tags) or inventory.variants(tags):
        return "the repository was opted out meanwhile"
    # In its own words: a tag that came or went changes which rule's ages hold, whatever its number.
    if tags.get(inventory.KEEP_DAYS_TAG) != plan.repository.keep_days_tag:
        return f"the tag {inventory.KEEP_DAYS_TAG} was changed meanwhile"
    return ""


def _reversed(plan: RepositoryPlan) -> dict[str, list[Image]]:
    """Image to what hangs on it: its manifests and referrers that are to go as well."""
    images = {verdict.image.digest: verdict.image for verdict in plan.removals}
    hanging: dict[str, list[Image]] = defaultdict(list)
    for digest, holders in plan.holders.items():
        for holder in holders:
            hanging[holder].append(images[digest])
    return hanging


def _batches(verdicts: Sequence[Verdict]) -> Iterator[list[Verdict]]:
    """Groups whose ids fit into one call; the ids of one image are never split."""
    batch: list[Verdict] = []
    size = 0
    for verdict in verdicts:
        ids = len(deleting.ids_of(verdict.image))
        if size + ids > inventory.BATCH_SIZE:
            yield batch
            batch, size = [], 0
        batch.append(verdict)
        size += ids
    if batch:
        yield batch


def _chunks(work: _Work, verdicts: Iterable[Verdict]) -> Iterator[list[Verdict]]:
    """Groups of what goes into the archive."""
    archived = [verdict for verdict in verdicts if work.archives(verdict)]
    for start in range(0, len(archived), archiving.BATCH_SIZE):
        yield archived[start : start + archiving.BATCH_SIZE]


def _remove_batch(work: _Work, batch: Sequence[Verdict], may_go_on: Callable[[], bool]) -> Iterator[Removal]:
    """Look and remove; after a call that may have failed for a moment only, look again before it is repeated.

    botocore must not repeat the call: between two tries somebody may push, pull or tag, and only a look tells.
    """
    waiting = list(batch)
    for tries_left in reversed(range(TRIES)):
        again: list[Verdict] = []
        for removal, may_pass in _try_batch(work, waiting):
            if may_pass and tries_left and may_go_on():
                again.append(removal.verdict)
            else:
                yield removal
        if not again:
            return
        aws.back_off(TRIES - tries_left)
        waiting = again


def _try_batch(work: _Work, batch: Sequence[Verdict]) -> Iterator[tuple[Removal, bool]]:
    """One look, the journal, one more look if that took something, and one call.

    Yields:
        How each removal ended, and whether it failed for a cause that may pass by itself.
    """
    unchanged, changed = work.look(batch)
    yield from ((removal, False) for removal in changed)
    archives = any(map(work.archives, batch))  # all of a batch, or none
    looked = True
    if work.journal is not None and work.journal.lacks(unchanged):
        unwritten = work.journal.write(work.repository, unchanged, "archive" if archives else "delete")
        for verdict in [v for v in unchanged if v.image.digest in unwritten]:
            cause = unwritten[verdict.image.digest]
            yield _removal(verdict, RemovalStatus.NOT_JOURNALLED, cause.code, detail=cause.detail), False
        unchanged = [v for v in unchanged if v.image.digest not in unwritten]
        looked = False
    size = archiving.AT_ONCE if archives else len(unchanged)
    for start in range(0, len(unchanged), size or 1):
        some = unchanged[start : start + size]
        if not looked:
            some, changed = work.look(some)
            yield from ((removal, False) for removal in changed)
        looked = False
        if some:
            yield from _act(work, some, RemovalStatus.ARCHIVED if archives else RemovalStatus.REMOVED)


def _act(work: _Work, verdicts: Sequence[Verdict], success: RemovalStatus) -> Iterator[tuple[Removal, bool]]:
    """Delete or archive, and look at what ECR did not confirm."""
    may_pass = False
    if success is RemovalStatus.ARCHIVED:
        codes, may_pass = archiving.archive(work.clients, work.repository.name, verdicts)
    else:
        try:
            codes = deleting.delete(work.clients, work.repository.name, verdicts)
        except aws.AwsError as error:
            # The call may have taken effect although its answer was lost: only a look tells.
            codes = {verdict.image.digest: {aws.code_of(error)} for verdict in verdicts}
            may_pass = aws.may_pass(error)
    # What is certain is told first: the look at the rest may fail.
    yield from ((_removal(v, success), False) for v in verdicts if not codes[v.image.digest])
    doubtful = [verdict for verdict in verdicts if codes[verdict.image.digest]]
    try:
        still_there = work.describe(v.image.digest for v in doubtful)
    except aws.AwsError as error:
        unseen = f"whether it is still there is unknown: {aws.code_of(error)}"
        for verdict in doubtful:
            yield _removal(verdict, RemovalStatus.FAILED, *codes[verdict.image.digest], detail=unseen), False
        return
    end = _archived_ending if success is RemovalStatus.ARCHIVED else _ending
    for verdict in doubtful:
        ending = end(verdict, codes[verdict.image.digest], still_there.get(verdict.image.digest))
        yield ending, may_pass and ending.status is RemovalStatus.FAILED


def _ending(verdict: Verdict, codes: set[str], still_there: Image | None) -> Removal:
    if still_there is None and deleting.INACCESSIBLE not in codes:
        return _removal(verdict, RemovalStatus.REMOVED, *codes, detail="confirmed by looking again")
    if still_there is not None and set(still_there.tags) < set(verdict.image.tags):
        lost = sorted(set(verdict.image.tags) - set(still_there.tags))
        return _removal(verdict, RemovalStatus.PARTLY_UNTAGGED, *codes, detail=f"it lost the tags {lost}")
    return _removal(verdict, RemovalStatus.FAILED, *codes, detail=deleting.meaning(codes))


def _archived_ending(verdict: Verdict, codes: set[str], still_there: Image | None) -> Removal:
    if still_there is None:
        return _removal(verdict, RemovalStatus.CHANGED, *codes, detail="it is gone already")
    if still_there.is_archived:
        return _removal(verdict, RemovalStatus.ARCHIVED, *codes, detail="confirmed by looking again")
    return _removal(verdict, RemovalStatus.FAILED, *codes, detail=archiving.MEANING)
