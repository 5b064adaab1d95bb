"""Pure: the rules that make findings. No finding changes a verdict.

They are called for each repository whose images are known, with only that repository in memory; findings on the
registry as a whole come at the end.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.decision import pull_failures
from ecr_cleaner.decision.limits import LimitTracker
from ecr_cleaner.decision.matching import Resolved, wanted
from ecr_cleaner.findings import lifecycle_policy
from ecr_cleaner.findings.lifecycle_policy import Fate, Policy
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.image import Image, RemovedImage
from ecr_cleaner.model.plan import Reason, RepositoryPlan
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.usage import ReferenceScope, Usage, UsageKind

REGISTRY: Final = "registry"
"""The subject of findings on the registry as a whole."""

LIFECYCLE_HORIZON: Final = timedelta(days=7)
"""How far ahead a lifecycle policy is evaluated: an operator needs some days to change it."""

_SHOWN: Final = 3
_UNNAMED_SOURCE: Final = "ecs_families"  # nothing names its task definitions: they may never be started


def dangling(repository: str, resolved: Resolved, gone: Mapping[str, RemovedImage], restore: str) -> Iterator[Finding]:
    """Images that usages name in an existing repository, and that are not in it.

    A consumer whose runtime uses the digest, as Lambda does, still works without the tag.

    Args:
        repository: Its name.
        resolved: What usages name in it.
        gone: What earlier runs removed from it, by digest: findings on these say so.
        restore: The command that restores an image, with ``{}`` for its name.
    """
    by_digest = {
        (usage.source, usage.consumer)
        for usages in resolved.used.values()
        for usage in usages
        if usage.reference.digest is not None
    }
    for name, usages, removed in _missing(resolved, gone):
        bound = [usage for usage in usages if (usage.source, usage.consumer) not in by_digest]
        what = "tag" if name.startswith(":") else "digest"
        more = "" if bound else "; what they run is there by its digest"
        detail = f"the repository has no such {what}; named by {_who(bound or usages)}{more}"
        severity = _gravity(bound) if bound else Severity.INFO
        kind = FindingKind.DANGLING_REFERENCE
        if removed is not None:
            kind = FindingKind.REMOVED_IN_USE
            digest, one = removed
            detail += f"; {one}: {restore.format(f'{repository}@{digest}')}"
        yield Finding(kind, severity, f"{repository}{name}", detail)


def _missing(
    resolved: Resolved, gone: Mapping[str, RemovedImage]
) -> Iterable[tuple[str, list[Usage], tuple[str, RemovedImage] | None]]:
    """Each missing image, the usages that name it by tag or digest, and what is known of its removal."""
    missing: dict[str, tuple[str, list[Usage], tuple[str, RemovedImage] | None]] = {}
    for name, usages in sorted(resolved.missing.items()):
        removed = pull_failures.removed_as(name, gone)
        missing.setdefault(removed[0] if removed else name, (name, [], removed))[1].extend(usages)
    return missing.values()


def pulled_elsewhere(plan: RepositoryPlan) -> Iterator[Finding]:
    """How many images are kept only because somebody pulled them lately, where others may pull.

    Args:
        plan: Of the repository.
    """
    found = [verdict for verdict in plan.verdicts if verdict.reason is Reason.MAY_BE_IN_USE_ELSEWHERE]
    if found:
        last = max(
            found, key=lambda one: (one.image.last_pulled_at is not None, one.image.last_pulled_at, one.image.digest)
        )
        days = plan.repository.retention.keep_pulled_within_days
        detail = (
            f"no consumer names {len(found)} images that were pulled within keep_recently_used_days = {days}, and other"
            f" accounts may pull from here, so somebody may use them whom no source sees; such as {last.image.name}:"
            f" {last.evidence[0]}"
        )
        yield Finding(FindingKind.MAY_BE_IN_USE_ELSEWHERE, Severity.INFO, plan.repository.name, detail)


def own_pulls_recorded(principal: str) -> Finding:
    """That ECR records what the run reads as pulls.

    Args:
        principal: ARN of the role or user that the run has, without the path of a role.
    """
    detail = (
        f"ECR records the reading of indexes by {principal} as pulls, so every index that is read stays in repositories"
        " that other accounts may pull from; to mend this, with the role's path in its ARN if it has one:"
        f" aws ecr register-pull-time-update-exclusion --principal-arn {principal}"
    )
    return Finding(FindingKind.OWN_PULLS_RECORDED, Severity.WARNING, REGISTRY, detail)


def dangling_repositories(
    named: Mapping[str | None, tuple[Usage, ...]], existing: Collection[str]
) -> Iterator[Finding]:
    """Images that usages name in repositories that do not exist.

    A name without a registry may be an image of another one, so it does not count.
    """
    for repository in sorted(name for name in named if name is not None and name not in existing):
        wanting: dict[str, list[Usage]] = {}
        for usage in named[repository]:
            if usage.reference.account is not None:
                name = ":*" if usage.reference.breadth is ReferenceScope.REPOSITORY else wanted(usage.reference)
                wanting.setdefault(name, []).append(usage)
        for name, usages in sorted(wanting.items()):
            detail = f"the repository does not exist; named by {_who(usages)}"
            yield Finding(FindingKind.DANGLING_REFERENCE, _gravity(usages), f"{repository}{name}", detail)


def archived_in_use(
    images: Iterable[Image], used: Mapping[str, tuple[Usage, ...]], gone: Mapping[str, RemovedImage], restore: str
) -> Iterator[Finding]:
    """Images in use that nothing can pull until they are restored; those being restored are left out.

    Args:
        images: Of one repository.
        used: Digest to the usages that name it.
        gone: What earlier runs archived, by digest.
        restore: As for `dangling`.
    """
    for image in images:
        if image.digest in used and image.is_archived:
            usages = used[image.digest]
            command = restore.format(f"{image.repository}@{image.digest}")
            by = f"; {gone[image.digest]}" if image.digest in gone else ""
            detail = f"it is archived, so nothing can pull it; in use by {_who(usages)}{by}: {command}"
            yield Finding(FindingKind.ARCHIVED_IN_USE, _gravity(usages), image.name, detail, image.size_bytes)


def lifecycle(
    contents: RepositorySnapshot, used: Mapping[str, tuple[Usage, ...]], policy: Policy, now: datetime, *, read: bool
) -> Iterator[Finding]:
    """Images in use that the repository's own lifecycle policy expires or archives within the horizon.

    Args:
        contents: Of the repository; at least one image.
        used: Digest to the usages that name it.
        policy: The repository's.
        now: The time of the evaluation.
        read: Whether it is known what the indexes list; a listed manifest does not expire before its index.
    """
    repository = contents.images[0].repository
    for cause in policy.not_understood:
        detail = f"{cause}: whether it takes images in use is not known"
        yield Finding(FindingKind.LIFECYCLE_RULE_NOT_UNDERSTOOD, Severity.WARNING, repository, detail)
    parents = graphs.build(contents).parents
    in_doubt = not read and any(image.is_index for image in contents.images)
    fates = lifecycle_policy.fates(policy, contents.images, parents, used, now + LIFECYCLE_HORIZON)
    for image in contents.images:
        if image.digest in fates:
            may_be_listed = in_doubt and not image.tags and not image.is_index
            yield _taken(image, fates[image.digest], used[image.digest], now, may_be_listed=may_be_listed)


def _taken(image: Image, fate: Fate, usages: tuple[Usage, ...], now: datetime, *, may_be_listed: bool) -> Finding:
    soon = fate.due is None or fate.due <= now
    when = "within 24 hours" if fate.due is None or soon else f"on {fate.due:%Y-%m-%d}"
    unless = ", unless an index lists it: none was read here" if may_be_listed else ""
    detail = (
        f"rule {fate.rule.priority} of the repository's lifecycle policy {fate.rule.action}s it {when}{unless};"
        f" in use by {_who(usages)}"
    )
    severity = _gravity(usages) if soon and not may_be_listed else Severity.WARNING
    return Finding(FindingKind.LIFECYCLE_EXPIRES_IN_USE, severity, image.name, detail, image.size_bytes)


def orphans(contents: RepositorySnapshot, in_use: Collection[str]) -> Iterator[Finding]:
    """Signatures and attestations whose image is not in their repository; one finding for all of them.

    Args:
        contents: Of the repository.
        in_use: Digests that usages name anywhere: their referrers may be in another repository on purpose.
    """
    existing = {image.digest for image in contents.images}
    orphaned = [
        image
        for image in contents.images
        if (subjects := graphs.subjects_of(image)) and existing.isdisjoint(subjects) and not set(subjects) & set(in_use)
    ]
    # The artifacts in a repository without a container image describe images elsewhere.
    if orphaned and graphs.build(contents).containers:
        size = sum(image.size_bytes for image in orphaned if not image.is_index)
        detail = (
            f"{len(orphaned)} signatures or attestations refer to images that are not in it, e.g. {orphaned[0].name}"
        )
        yield Finding(FindingKind.ORPHANED_ARTIFACTS, Severity.INFO, orphaned[0].repository, detail, size)


def limited(tracker: LimitTracker) -> Iterator[Finding]:
    """What waits for later runs because of limits in images, and what would wait for ever."""
    for (scope, limit), images in tracker.waiting.items():
        detail = f"{len(images)} unused images wait for later runs, the oldest go first: {limit}"
        size = sum(image.size_bytes for image in images if not image.is_index)
        yield Finding(FindingKind.REMOVALS_LIMITED, Severity.INFO, scope or REGISTRY, detail, size)
    for name, detail in tracker.oversized.items():
        yield Finding(FindingKind.REMOVALS_LIMITED, Severity.WARNING, name, f"it and what belongs to it: {detail}")


def unmanaged(repository: str, images: int, size: int) -> Finding:
    """The images of a repository that did not opt in."""
    detail = f"it did not opt in and holds {images} images"
    return Finding(FindingKind.UNMANAGED_STORAGE, Severity.INFO, repository, detail, size)


def unmanaged_total(sizes: Mapping[str, tuple[int, int]]) -> Finding:
    """The images of all repositories that did not opt in; by name, images and bytes."""
    images, size = (sum(one[at] for one in sizes.values()) for at in (0, 1))
    detail = f"{len(sizes)} repositories that did not opt in hold {images} images"
    return Finding(FindingKind.UNMANAGED_STORAGE, Severity.INFO, REGISTRY, detail, size)


def not_determined(subject: str, cause: str) -> Finding:
    """Something that the run could not determine; no verdict depends on it."""
    return Finding(FindingKind.NOT_DETERMINED, Severity.INFO, subject, cause)


def ordered(found: Iterable[Finding]) -> list[Finding]:
    """Sorted by severity, then by kind and subject."""
    gravity = list(Severity)
    return sorted(dict.fromkeys(found), key=lambda f: (gravity.index(f.severity), f.kind.value, f.subject, f.detail))


def _gravity(usages: Iterable[Usage]) -> Severity:
    """A problem if a consumer fails at its next start; a rollback target or an unnamed family may never start."""
    certain = any(
        usage.evidence is not UsageKind.ROLLBACK
        and usage.source != _UNNAMED_SOURCE
        and (usage.reference.account is not None or usage.reference.repository is None)
        for usage in usages
    )
    return Severity.PROBLEM if certain else Severity.WARNING


def _who(usages: Iterable[Usage]) -> str:
    consumers = sorted({usage.consumer for usage in usages})
    more = len(consumers) - _SHOWN
    return "; ".join(consumers[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
