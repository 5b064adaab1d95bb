"""Removes one batch of a repository: journal, check, call, and check what ECR did not confirm.

The check is right before the call. Where the journal has to read manifests, there is one before that as well, and
neither can be left out: reading is a pull, and ECR has the time of the latest pull alone, so reading would hide that
somebody pulled the image since it was evaluated; and while it is read and written somebody may pull. (If the role is
excluded from pull times reading should hide nothing, but nobody has seen that on AWS.)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from ecr_cleaner.aws import errors, pacing
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.journal.writer import Journal
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.registry import images
from ecr_cleaner.registry.own_pulls import Readings
from ecr_cleaner.removal import calls, drift

MAX_ATTEMPTS: Final = 5
"""Calls for one batch, each after its own check, as long as the failures are transient."""

RECHECK_MAX_AGE: Final = timedelta(seconds=30)
"""Largest age of a check before a removing call: the machine may sleep in between, or a call take long."""


@dataclass(slots=True)
class RemovalContext:
    """What is needed to remove images from one repository, and which were removed, archived or kept so far.

    Repositories may be removed from side by side, each by one thread, with the same clients, journal and readings.

    An image may be archived after its indexes and subjects were archived or deleted. It may only be deleted after they
    were deleted: an archived index can be restored, and then needs its manifests.

    Attributes:
        clients: Of the run.
        plan: Of the repository.
        may_go_on: Called before each batch and each removing call; once it returns False, the rest is ``deferred``.
        dependents: Image to its dependents: its manifests, and the referrers that are to be removed as well.
        journal: Records each image before its removal; None: no journal.
        archive: Whether active images are archived instead of deleted.
        archived_too: Whether archived images have to be described as well.
        readings: When the run itself read manifests.
        clock: Now, in UTC.
        deleted: Images that this run deleted.
        archived: Images that this run archived, to the time at which ECR did, once that is known.
        kept: Images that this run did not remove after all.
        tags_read_at: When the repository's tags were asked for last; None: not yet.
    """

    clients: AwsClients
    plan: RepositoryPlan
    may_go_on: Callable[[], bool]
    dependents: Mapping[str, Sequence[Image]]
    journal: Journal | None
    archive: bool
    archived_too: bool
    readings: Readings
    clock: Callable[[], datetime] = utc_now
    deleted: set[str] = field(init=False, default_factory=set)
    archived: dict[str, datetime | None] = field(init=False, default_factory=dict)
    kept: set[str] = field(init=False, default_factory=set)
    tags_read_at: datetime | None = field(init=False, default=None)
    _rechecked_at: datetime | None = field(init=False, default=None)

    def archives(self, verdict: Verdict) -> bool:
        """Whether an image is to be archived; one that is archived already can only be deleted."""
        return self.archive and verdict.image.active

    def note(self, removal: Removal) -> Removal:
        """Take over how the removal of an image ended."""
        digest = removal.verdict.image.digest
        if removal.status is RemovalStatus.ARCHIVED:
            self.archived[digest] = None
        else:
            (self.deleted if removal.status is RemovalStatus.REMOVED else self.kept).add(digest)
        return removal

    def is_blocked(self, verdict: Verdict) -> bool:
        """Whether an image that must be removed first was kept, or only archived."""
        before = self._before(verdict.image.digest)
        return bool(before & self.kept) or (not self.archives(verdict) and bool(before & self.archived.keys()))

    def is_ready(self, verdict: Verdict) -> bool:
        """Whether all images that must be removed first were removed."""
        before = self._before(verdict.image.digest)
        return before <= (self.deleted | self.archived.keys() if self.archives(verdict) else self.deleted)

    def _before(self, digest: str) -> frozenset[str]:
        """The images that must be removed before an image."""
        return self.plan.must_go_first.get(digest, frozenset())

    def describe(self, digests: Iterable[str]) -> dict[str, Image]:
        """The current state of some images."""
        return images.describe(self.clients, self.plan.repository.name, digests, archived_too=self.archived_too)

    def recheck(self, verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Removal]]:
        """Describe images again.

        Returns:
            The verdicts whose images are unchanged; and how those ended that changed, or whose index or subject was
            restored from the archive.
        """
        parts = {v.image.digest: drift.parts(v.image, self.dependents) for v in verdicts}
        above = {v.image.digest: self._archived_above(v.image.digest) for v in verdicts}
        watched = {*parts, *chain.from_iterable(above.values())} | {i.digest for p in parts.values() for i in p}
        self._rechecked_at = self.clock()
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
        """The images that this run archived before this one, directly or indirectly."""
        archived: set[str] = set()
        queue = [digest]
        while queue:
            new = (self._before(queue.pop()) & self.archived.keys()) - archived
            archived |= new
            queue += new
        return archived

    def _is_back(self, digest: str, now: Image | None) -> bool:
        """Whether an image that this run archived was restored, even if it was archived again."""
        if now is None:
            return False
        if now.is_archived and self.archived[digest] in {None, now.archived_at}:
            self.archived[digest] = now.archived_at
            return False
        return True

    def is_recheck_expired(self) -> bool:
        """Whether the last recheck is too old for a removing call."""
        return self.is_older(self._rechecked_at, RECHECK_MAX_AGE)

    def is_older(self, moment: datetime | None, age: timedelta) -> bool:
        """Whether a moment is longer ago, or was never, or the clock was put back since."""
        return moment is None or not timedelta(0) <= self.clock() - moment <= age


def removal(verdict: Verdict, status: RemovalStatus, *codes: str, detail: str = "") -> Removal:
    """How the removal of one image ended."""
    return Removal(verdict, status, tuple(sorted(set(codes))), detail)


def carry_out(work: RemovalContext, batch: Sequence[Verdict]) -> Iterator[Removal]:
    """Check and remove; after a transient failure check again before the call is repeated.

    botocore must not repeat the call: between two attempts an image may be pushed, pulled or tagged, and only another
    check detects that.

    Args:
        work: What is needed to remove.
        batch: Either all of it is to be archived, or none.

    Yields:
        How each removal ended.
    """
    waiting = list(batch)
    for tries_left in reversed(range(MAX_ATTEMPTS)):
        again: list[Verdict] = []
        for ended, transient in _try(work, waiting):
            if transient and tries_left and work.may_go_on():
                again.append(ended.verdict)
            else:
                yield ended
        if not again:
            return
        pacing.back_off(MAX_ATTEMPTS - tries_left)
        waiting = again


def _try(work: RemovalContext, batch: Sequence[Verdict]) -> Iterator[tuple[Removal, bool]]:
    """The journal, after a check of its own if it reads manifests, then the check, and the calls.

    Yields:
        How each removal ended, and whether it failed for a transient cause.
    """
    unchanged = list(batch)
    archives = any(map(work.archives, batch))
    if work.journal is not None:
        if work.journal.has_to_read(batch):
            unchanged, changed = work.recheck(batch)
            yield from ((ended, False) for ended in changed)
        unwritten = work.journal.write(
            work.plan.repository, unchanged, "archive" if archives else "delete", work.readings.note
        )
        for verdict in [v for v in unchanged if v.image.digest in unwritten]:
            cause = unwritten[verdict.image.digest]
            yield removal(verdict, RemovalStatus.NOT_JOURNALLED, cause.code, detail=cause.detail), False
        unchanged = [v for v in unchanged if v.image.digest not in unwritten]
    # Whoever removes from other repositories meanwhile may make the call wait: before the check, and not after it.
    work.clients.pacer.hold_ahead("ecr", "UpdateImageStorageClass" if archives else "BatchDeleteImage")
    unchanged, changed = work.recheck(unchanged)
    yield from ((ended, False) for ended in changed)
    success = RemovalStatus.ARCHIVED if archives else RemovalStatus.REMOVED
    for some in ([verdict] for verdict in unchanged) if archives else filter(None, [unchanged]):
        if not work.may_go_on():
            yield from ((removal(verdict, RemovalStatus.DEFERRED), False) for verdict in some)
        elif work.is_recheck_expired():
            late = f"each check of it was older than {RECHECK_MAX_AGE.seconds} s when it was to go"
            yield from ((removal(verdict, RemovalStatus.FAILED, detail=late), True) for verdict in some)
        else:
            yield from _act(work, some, success)


def _act(work: RemovalContext, verdicts: Sequence[Verdict], success: RemovalStatus) -> Iterator[tuple[Removal, bool]]:
    """Delete or archive, and check what ECR did not confirm."""
    call, end = (calls.archive, _archived_ending) if success is RemovalStatus.ARCHIVED else (calls.delete, _ending)
    transient = False
    try:
        codes = call(work.clients, work.plan.repository.name, verdicts)
    except errors.AwsError as error:
        # The call may have taken effect although its response was lost: only a check shows it.
        codes = {verdict.image.digest: {errors.code_of(error)} for verdict in verdicts}
        transient = errors.is_transient(error)
    # The certain results first: the check of the others may fail.
    yield from ((removal(v, success), False) for v in verdicts if not codes[v.image.digest])
    doubtful = [verdict for verdict in verdicts if codes[verdict.image.digest]]
    try:
        still_there = work.describe(v.image.digest for v in doubtful)
    except errors.AwsError as error:
        unseen = f"whether it still exists is unknown: {errors.code_of(error)}"
        for verdict in doubtful:
            yield removal(verdict, RemovalStatus.FAILED, *codes[verdict.image.digest], detail=unseen), False
        return
    for verdict in doubtful:
        ending = end(verdict, codes[verdict.image.digest], still_there.get(verdict.image.digest))
        yield ending, transient and ending.status is RemovalStatus.FAILED


def _ending(verdict: Verdict, codes: set[str], still_there: Image | None) -> Removal:
    if still_there is None and calls.INACCESSIBLE not in codes:
        return removal(verdict, RemovalStatus.REMOVED, *codes, detail="confirmed by describing it again")
    if still_there is not None and set(still_there.tags) < set(verdict.image.tags):
        lost = sorted(set(verdict.image.tags) - set(still_there.tags))
        return removal(verdict, RemovalStatus.PARTLY_UNTAGGED, *codes, detail=f"it lost the tags {lost}")
    return removal(verdict, RemovalStatus.FAILED, *codes, detail=calls.meaning(codes))


def _archived_ending(verdict: Verdict, codes: set[str], still_there: Image | None) -> Removal:
    if still_there is None:
        return removal(verdict, RemovalStatus.CHANGED, *codes, detail="it is gone already")
    if still_there.is_archived:
        return removal(verdict, RemovalStatus.ARCHIVED, *codes, detail="confirmed by describing it again")
    return removal(verdict, RemovalStatus.FAILED, *codes, detail=calls.NOT_ARCHIVED)
