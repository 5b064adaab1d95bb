"""Removes the images of one repository in order, batch by batch, as long as the run may go on.

The indexes that list an image and the subjects that it refers to are removed before it. If one of them is kept, its
dependents are kept too.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Final

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision.graph import subjects_of
from ecr_cleaner.journal.writer import Journal
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.registry import images as registry_images
from ecr_cleaner.registry import opt_in
from ecr_cleaner.registry.own_pulls import Readings
from ecr_cleaner.removal import batch as batches
from ecr_cleaner.removal import calls

BATCHES_PER_TAG_CHECK: Final = 1
"""The tags of a repository are read again before every so many batches, because it may be opted out meanwhile."""


def remove(  # noqa: PLR0913 - the run's own means, each by name
    clients: AwsClients,
    plan: RepositoryPlan,
    may_go_on: Callable[[], bool],
    journal: Journal | None = None,
    *,
    readings: Readings,
    archive: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[Removal]:
    """Carry out the removals of one repository.

    Args:
        clients: Clients of the run.
        plan: The verdicts; only those that remove count.
        may_go_on: Called before each batch and each removing call; once it returns False, the rest is ``deferred``.
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
    while pending:
        blocked = [v for v in pending.values() if work.is_blocked(v)]
        for verdict in blocked:
            del pending[verdict.image.digest]
            yield work.note(batches.removal(verdict, RemovalStatus.HOLDER_KEPT))
        ready = [v for v in pending.values() if work.is_ready(v)]
        ready.sort(key=lambda verdict: bool(subjects_of(verdict.image)))  # referrers last
        if not ready and not blocked:  # tags of the sha256-<hex> kind can form a cycle
            yield from (batches.removal(v, RemovalStatus.HOLDER_KEPT) for v in pending.values())
            return
        ready_batches = chain(_batches(work, ready, archives=False), _batches(work, ready, archives=True))
        for number, batch in enumerate(ready_batches):
            end = _must_end(work, read_tags=number % BATCHES_PER_TAG_CHECK == 0)
            for removal in () if end else batches.carry_out(work, batch):
                if removal.status is not RemovalStatus.DEFERRED:
                    del pending[removal.verdict.image.digest]
                    yield work.note(removal)
            if not end and any(verdict.image.digest in pending for verdict in batch):
                end = RemovalStatus.DEFERRED, ""
            if end:
                yield from (batches.removal(v, end[0], detail=end[1]) for v in pending.values())
                return


def _must_end(work: batches.RemovalContext, *, read_tags: bool) -> tuple[RemovalStatus, str] | None:
    """How the rest ends if nothing more may be removed; an operator may change the tags of a repository meanwhile."""
    if not work.may_go_on():
        return RemovalStatus.DEFERRED, ""
    refusal = _tags_changed(work.clients, work.plan) if read_tags else ""
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


def _batches(work: batches.RemovalContext, verdicts: Iterable[Verdict], *, archives: bool) -> Iterator[list[Verdict]]:
    """Groups of images to be archived, or of images to be deleted whose ids fit into one call; none is split."""
    most = calls.ARCHIVE_BATCH_SIZE if archives else registry_images.BATCH_SIZE
    batch: list[Verdict] = []
    size = 0
    for verdict in verdicts:
        if work.archives(verdict) == archives:
            ids = 1 if archives else len(calls.ids_of(verdict.image))
            if size + ids > most:
                yield batch
                batch, size = [], 0
            batch.append(verdict)
            size += ids
    if batch:
        yield batch
