"""Removes the images of one repository in order, batch by batch, as long as the run may go on.

The indexes that list an image and the subjects that it refers to are removed before it. If one of them is kept, its
dependents are kept too. Images that belong together are only begun if all of them can be ended: no run should leave
signatures behind whose image it removed.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision import groups
from ecr_cleaner.decision.graph import subjects_of
from ecr_cleaner.journal.writer import Journal
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.registry import opt_in
from ecr_cleaner.registry.own_pulls import Readings
from ecr_cleaner.removal import batch as batches
from ecr_cleaner.removal import calls, waves

OPT_IN_TAGS_MAX_AGE: Final = timedelta(seconds=30)
"""Largest age of a repository's tags when a batch of it begins, because it may be opted out meanwhile. Beside that, IAM
lets nothing be removed from what is not tagged."""


def remove(  # noqa: PLR0913 - the run's own means, each by name
    clients: AwsClients,
    plan: RepositoryPlan,
    may_go_on: Callable[[], bool],
    journal: Journal | None = None,
    *,
    may_begin: Callable[[int], bool] = lambda _: True,
    readings: Readings,
    archive: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[Removal]:
    """Carry out the removals of one repository.

    Args:
        clients: Clients of the run.
        plan: The verdicts; only those that remove count.
        may_go_on: Called before each batch and each removing call; once it returns False, the rest is ``deferred``.
        may_begin: Called with the number of batches of what belongs together, before the first of them; what it does
            not let begin is ``deferred``.
        journal: Records each image before its removal; an image that cannot be recorded is kept. None: no journal.
        readings: When the run itself read manifests.
        archive: Whether active images are archived; images that are archived already are deleted in any case.
        clock: Now, in UTC.

    Yields:
        How each removal ended, one by one.

    Raises:
        AwsError: Something other than the removal itself failed, e.g. describing.
    """
    pending = {verdict.image.digest: verdict for verdict in plan.removals}
    dependents = _dependents(plan)
    watched = [*(verdict.image for verdict in pending.values()), *chain.from_iterable(dependents.values())]
    archived_too = archive or not all(image.active for image in watched)
    work = batches.RemovalContext(clients, plan, may_go_on, dependents, journal, archive, archived_too, readings, clock)
    status, detail = RemovalStatus.DEFERRED, ""
    for wave in waves.of(groups.connected(plan), plan.must_go_first, _calls(work)):
        end = (yield from _carry_out(work, wave, pending)) if may_begin(wave.batches) else None
        if end is not None:
            status, detail = end
            break
    yield from (batches.removal(verdict, status, detail=detail) for verdict in pending.values())


_End = tuple[RemovalStatus, str]
"""How everything ends that is left, and why."""


def _carry_out(
    work: batches.RemovalContext, wave: waves.Wave, pending: dict[str, Verdict]
) -> Generator[Removal, None, _End | None]:
    """Remove whole groups of images.

    Args:
        work: What is needed to remove.
        wave: These groups.
        pending: What is left of the repository; what ended is taken out.

    Yields:
        How each removal ended.

    Returns:
        How the rest of the repository ends; None: the run may go on.
    """
    waiting = {verdict.image.digest: verdict for verdict in wave.verdicts}

    def ended(removal: Removal) -> Removal:
        del waiting[removal.verdict.image.digest], pending[removal.verdict.image.digest]
        return work.note(removal)

    while waiting:
        ready = [verdict for verdict in waiting.values() if work.is_ready(verdict)]
        blocked = [verdict for verdict in waiting.values() if work.is_blocked(verdict)]
        # Tags of the sha256-<hex> kind can form a cycle.
        for verdict in blocked if ready or blocked else tuple(waiting.values()):
            yield ended(batches.removal(verdict, RemovalStatus.HOLDER_KEPT))
        batch = _batch(work, ready, wave.fillers)
        if batch and (end := _must_end(work)):
            return end
        # What it lets go fits into the next call beside what is ready already.
        for removal in batches.carry_out(work, batch) if batch else ():
            if removal.status is not RemovalStatus.DEFERRED:
                yield ended(removal)
        if any(verdict.image.digest in waiting for verdict in batch):
            return RemovalStatus.DEFERRED, ""
    return None


def _must_end(work: batches.RemovalContext) -> _End | None:
    """How the rest ends if nothing more may be removed; an operator may change the tags of a repository meanwhile."""
    if not work.may_go_on():
        return RemovalStatus.DEFERRED, ""
    if not work.is_older(work.tags_read_at, OPT_IN_TAGS_MAX_AGE):
        return None
    work.tags_read_at = work.clock()
    refusal = _tags_changed(work.clients, work.plan)
    return (RemovalStatus.CHANGED, refusal) if refusal else None


def _tags_changed(clients: AwsClients, plan: RepositoryPlan) -> str:
    tags = opt_in.tags_of(clients, plan.repository.arn)
    if tags is None:
        return "the repository was deleted meanwhile"
    if not opt_in.is_enabled(tags) or opt_in.variants(tags):
        return "the repository was opted out meanwhile"
    # Compared as text: adding or removing the tag changes which age limits apply, even if the number is the same.
    if tags.get(opt_in.KEEP_DAYS_TAG) != plan.repository.keep_days_tag:
        return f"the tag {opt_in.KEEP_DAYS_TAG} was changed meanwhile"
    return ""


def _dependents(plan: RepositoryPlan) -> dict[str, list[Image]]:
    """Image to its dependents: those to be removed as well, and the manifests of an index that are kept for others."""
    images = {verdict.image.digest: verdict.image for verdict in plan.removals}
    dependents = defaultdict(list, {index: list(parts) for index, parts in plan.parts.items()})
    for digest, before in plan.must_go_first.items():
        # What is left of a plan is removed later with the same order.
        for first in before if digest in images else ():
            dependents[first].append(images[digest])
    return dependents


def _calls(work: batches.RemovalContext) -> waves.Calls:
    """What one call takes."""
    room = {True: calls.ARCHIVE_BATCH_SIZE, False: registry_images.BATCH_SIZE}
    return waves.Calls(work.archives, lambda v: 1 if work.archives(v) else len(calls.ids_of(v.image)), room)


def _batch(work: batches.RemovalContext, ready: Sequence[Verdict], fillers: frozenset[str]) -> list[Verdict]:
    """Images whose ids fit into one call, none split: of those to be deleted, else of those to be archived.

    Fillers are taken last; in the call, referrers are last.
    """
    call = _calls(work)
    archives = all(map(work.archives, ready))
    room = call.room[archives]
    batch: list[Verdict] = []
    for verdict in sorted(ready, key=lambda one: one.image.digest in fillers):
        if work.archives(verdict) == archives:
            room -= call.ids(verdict)
            if batch and room < 0:
                break
            batch.append(verdict)
    order = {verdict.image.digest: place for place, verdict in enumerate(ready)}
    return sorted(batch, key=lambda one: (bool(subjects_of(one.image)), order[one.image.digest]))
