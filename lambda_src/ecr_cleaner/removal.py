"""Writes ECR: order, re-check, failure accounting. The only room that removes anything.

What holds an image goes first: the indexes that list it and the subject it refers to. What must go first
and stays keeps what hangs on it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner import aws, changes, inventory
from ecr_cleaner.graph import subjects_of
from ecr_cleaner.model import Removal, RemovalStatus, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.journal import Journal
    from ecr_cleaner.model import Image, Repository, RepositoryPlan

ImageId = dict[str, str]

TRIES: Final = 5
"""Calls for one batch, each after a look of its own, as long as what goes wrong may pass by itself."""

_INACCESSIBLE: Final = "ImageInaccessible"
"""An archived image: describing does not show it either, so its absence proves nothing."""

MEANINGS: Final[Mapping[str, str]] = {
    "ImageInaccessible": "it is archived, or being archived or restored",
    "ImageNotFound": "ECR did not find it, or not with this tag",
    "ImageReferencedByManifestList": "an index still lists it",
    "ImageTagDoesNotMatchDigest": "a tag points to another image by now",
    "InvalidImageDigest": "ECR did not accept the digest",
    "InvalidImageTag": "ECR did not accept a tag",
    "KmsError": "ECR could not use the repository's key",
    "MissingDigestAndTag": "ECR did not find digest or tag in the request",
    "UpstreamAccessDenied": "the registry that the repository caches denied access",
    "UpstreamTooManyRequests": "the registry that the repository caches is throttling",
    "UpstreamUnavailable": "the registry that the repository caches did not answer",
}
"""Every ``ImageFailureCode`` of ECR and what it tells a person. None of them says that an image went: whatever the
code, a look at the repository decides, and what is still there has not been removed."""


@dataclass(slots=True)
class _Progress:
    """What became of the images of one repository so far."""

    gone: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    def note(self, removal: Removal) -> Removal:
        digest = removal.verdict.image.digest
        (self.gone if removal.status is RemovalStatus.REMOVED else self.kept).add(digest)
        return removal


@dataclass(frozen=True, slots=True)
class _Work:
    """What it takes to remove from one repository.

    Attributes:
        clients: Of the run.
        repository: Where.
        hanging: Image to what hangs on it: its manifests and referrers that are to go as well.
        journal: Where what goes is written down first; None: nowhere.
    """

    clients: Aws
    repository: Repository
    hanging: Mapping[str, Sequence[Image]]
    journal: Journal | None

    def describe(self, digests: Iterable[str]) -> dict[str, Image]:
        """The present state of some images."""
        return inventory.describe(self.clients, self.repository.name, digests)

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
    clients: Aws, plan: RepositoryPlan, may_go_on: Callable[[], bool], journal: Journal | None = None
) -> Iterator[Removal]:
    """Carry out the removals of one repository.

    Args:
        clients: Clients of the run.
        plan: The verdicts; only those that remove are looked at.
        may_go_on: Asked before each call that removes; once it says no, the rest is ``left``.
        journal: Where what goes is written down first; what cannot be written down stays. None: nowhere.

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
    work = _Work(clients, plan.repository, _reversed(plan), journal)
    progress = _Progress()
    while pending:
        blocked = [v for d, v in pending.items() if plan.holders.get(d, frozenset()) & progress.kept]
        for verdict in blocked:
            del pending[verdict.image.digest]
            yield progress.note(_removal(verdict, RemovalStatus.HOLDER_KEPT))
        ready = [v for d, v in pending.items() if plan.holders.get(d, frozenset()) <= progress.gone]
        ready.sort(key=lambda verdict: bool(subjects_of(verdict.image)))  # what refers to others goes last
        if not ready and not blocked:  # tags of the sha256-<hex> kind can be made to form a ring
            yield from (_removal(v, RemovalStatus.HOLDER_KEPT) for v in pending.values())
            return
        for batch in _batches(ready):
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
        ids = len(_ids(verdict.image))
        if size + ids > inventory.BATCH_SIZE:
            yield batch
            batch, size = [], 0
        batch.append(verdict)
        size += ids
    if batch:
        yield batch


def _ids(image: Image) -> list[ImageId]:
    """What the call names: (digest, tag) pairs, so that a tag that moved fails instead of taking its new image.

    Whether AWS removes the tag or the image by such a pair is not documented; naming every tag at once makes
    both readings end alike.
    """
    if not image.tags:
        return [{"imageDigest": image.digest}]
    return [{"imageDigest": image.digest, "imageTag": tag} for tag in image.tags]


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
    if work.journal is not None and work.journal.lacks(unchanged):
        unwritten = work.journal.write(work.repository, unchanged)
        for verdict in [v for v in unchanged if v.image.digest in unwritten]:
            cause = unwritten[verdict.image.digest]
            yield _removal(verdict, RemovalStatus.NOT_JOURNALLED, cause.code, detail=cause.detail), False
        unchanged, changed = work.look([v for v in unchanged if v.image.digest not in unwritten])
        yield from ((removal, False) for removal in changed)
    if not unchanged:
        return
    may_pass = False
    try:
        codes = _delete(work.clients, work.repository.name, unchanged)
    except aws.AwsError as error:
        # The call may have taken effect although its answer was lost: only a look tells.
        codes = {verdict.image.digest: {aws.code_of(error)} for verdict in unchanged}
        may_pass = aws.may_pass(error)
    # What is certain is told first: the look at the rest may fail.
    yield from ((_removal(v, RemovalStatus.REMOVED), False) for v in unchanged if not codes[v.image.digest])
    doubtful = [verdict for verdict in unchanged if codes[verdict.image.digest]]
    try:
        still_there = work.describe(v.image.digest for v in doubtful)
    except aws.AwsError as error:
        unseen = f"whether it is still there is unknown: {aws.code_of(error)}"
        for verdict in doubtful:
            yield _removal(verdict, RemovalStatus.FAILED, *codes[verdict.image.digest], detail=unseen), False
        return
    for verdict in doubtful:
        ending = _ending(verdict, codes[verdict.image.digest], still_there.get(verdict.image.digest))
        yield ending, may_pass and ending.status is RemovalStatus.FAILED


def _delete(clients: Aws, repository: str, verdicts: Sequence[Verdict]) -> dict[str, set[str]]:
    """Make the call.

    Returns:
        For each digest the codes of everything that did not go as asked; empty if ECR confirmed all of it.
    """
    asked = {v.image.digest: _ids(v.image) for v in verdicts}
    answer = clients.client_without_retries("ecr").batch_delete_image(
        repositoryName=repository, imageIds=[image_id for ids in asked.values() for image_id in ids]
    )
    confirmed = {_key(image_id) for image_id in answer.get("imageIds", ())}
    failed: dict[tuple[str | None, str | None], str] = {
        _key(failure.get("imageId", {})): failure.get("failureCode", "Unknown")
        for failure in answer.get("failures", ())
    }
    return {
        digest: {failed.get(_key(image_id), "NotConfirmed") for image_id in ids if _key(image_id) not in confirmed}
        | {code for (failed_digest, _), code in failed.items() if failed_digest == digest}
        for digest, ids in asked.items()
    }


def _key(image_id: dict[str, Any]) -> tuple[str | None, str | None]:
    return image_id.get("imageDigest"), image_id.get("imageTag")


def _ending(verdict: Verdict, codes: set[str], still_there: Image | None) -> Removal:
    if still_there is None and _INACCESSIBLE not in codes:
        return _removal(verdict, RemovalStatus.REMOVED, *codes, detail="confirmed by looking again")
    if still_there is not None and set(still_there.tags) < set(verdict.image.tags):
        lost = sorted(set(verdict.image.tags) - set(still_there.tags))
        return _removal(verdict, RemovalStatus.PARTLY_UNTAGGED, *codes, detail=f"it lost the tags {lost}")
    return _removal(verdict, RemovalStatus.FAILED, *codes, detail=_meaning(codes))


def _meaning(codes: set[str]) -> str:
    # A code that ECR got later, or that of a call that failed as a whole, speaks for itself.
    return "; ".join(MEANINGS[code] for code in sorted(codes) if code in MEANINGS)
