"""Reads ECR: which repositories opted in, what lies in them, who depends on the registry as a whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner import aws, retention, tag_check
from ecr_cleaner.access import RegistryFacts, foreign_pullers
from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.model import INDEX_MEDIA_TYPES, Image, Repository, Skipped, SkipReason
from ecr_cleaner.retention import matches
from ecr_cleaner.settings import whole_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.readings import Readings
    from ecr_cleaner.settings import Settings

ENABLED_TAG: Final = "BoxCleanerEnabled"
KEEP_DAYS_TAG: Final = "BoxCleanerKeepDays"

PAGE_SIZE: Final = 1000
BATCH_SIZE: Final = 100
"""Image ids that ECR takes in one call, for describing, reading and deleting alike."""

_POLICY_ABSENT: Final = frozenset({"RepositoryPolicyNotFoundException", "RegistryPolicyNotFoundException"})


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """A repository whose tags cannot be understood: it is left alone.

    Attributes:
        name: Of the repository.
        problem: One sentence.
        opted_in: Whether it did opt in; then the run fails at its end. Otherwise it is only mentioned.
    """

    name: str
    problem: str
    opted_in: bool = True


def registry_facts(clients: Aws) -> RegistryFacts:
    """What the registry as a whole says: replication, pull-through caches, its own policy.

    Raises:
        RepositoryError: The loaded service model is too old to see delete replication, or the
            registry's policy is no policy.
        IncompleteAnswerError: An answer lacks what it must have.
    """
    ecr = clients.client("ecr")
    # botocore before 1.44.4 drops the field in silence, and a replicated deletion reaches other regions.
    if "deleteReplication" not in ecr.meta.service_model.shape_for("ReplicationRule").members:
        message = "the loaded botocore does not know ECR's delete replication: 1.44.4 or newer is needed"
        raise RepositoryError(message)
    registry = ecr.describe_registry()
    account = str(aws.member(registry, "registryId", "DescribeRegistry"))
    clients.account_id = account
    replication = aws.member(registry, "replicationConfiguration", "DescribeRegistry")
    rules = aws.member(replication, "rules", "DescribeRegistry")
    caches = aws.paged(ecr, "DescribePullThroughCacheRules", "pullThroughCacheRules", maxResults=PAGE_SIZE)
    policy = policy_text(ecr, "GetRegistryPolicy")
    return RegistryFacts(
        account=account,
        delete_replication_prefixes=tuple(_replicated_prefixes(rules)),
        pull_through_prefixes=tuple(
            aws.member(rule, "ecrRepositoryPrefix", "DescribePullThroughCacheRules") for rule in caches
        ),
        foreign_pullers=foreign_pullers(policy, account, "the registry's policy") if policy else (),
    )


def _replicated_prefixes(rules: Iterable[dict[str, Any]]) -> Iterator[str]:
    for rule in rules:
        if rule.get("deleteReplication", {}).get("enabled"):
            # No filters: the rule holds for every repository. So may one of a kind that is not known here.
            yield from [
                aws.member(f, "filter", "DescribeRegistry") if f.get("filterType") == "PREFIX_MATCH" else ""
                for f in rule.get("repositoryFilters", ())
            ] or [""]


def repository_names(clients: Aws) -> Iterator[tuple[str, str]]:
    """Name and ARN of every repository of the registry."""
    ecr = clients.client("ecr")
    for found in aws.paged(ecr, "DescribeRepositories", "repositories", maxResults=PAGE_SIZE):
        yield (
            aws.member(found, "repositoryName", "DescribeRepositories"),
            aws.member(found, "repositoryArn", "DescribeRepositories"),
        )


def opted_in(
    clients: Aws, name: str, arn: str, settings: Settings, facts: RegistryFacts
) -> Repository | Skipped | Misconfigured | None:
    """Whether a repository opted in, and whether it may be cleaned.

    Returns:
        None if it did not opt in (or was deleted meanwhile, or is the function's own).
    """
    if name == settings.own_repository:
        return None
    tags = tags_of(clients, arn)
    if tags is None or not is_enabled(tags):
        return _near_miss(name, tags or {})
    problem = variants(tags)
    told = tags.get(KEEP_DAYS_TAG)
    days = None if told is None else whole_days(told)
    if problem is None and told is not None and days is None:
        problem = f"tag {KEEP_DAYS_TAG} must be a whole number of days from 1 to 99999, got {told!r}"
    if problem is not None:
        return Misconfigured(name, problem)
    skipped = _skip(clients, name, settings, facts)
    if skipped is not None:
        return skipped
    minimum = settings.minimum_keep_days
    note = f"tag {KEEP_DAYS_TAG} = {told} is below minimum_keep_days = {minimum}: {minimum} days hold"
    notes = (note,) if days is not None and days < minimum else ()
    misspelled = tag_check.misspelled(tags, (ENABLED_TAG, KEEP_DAYS_TAG))
    held = retention.of_repository(
        name,
        [rule.value for rule in settings.retention_rules],
        default_keep_days=settings.default_keep_days,
        minimum_keep_days=minimum,
        tag_days=days,
    )
    held = replace(held, delete_archived_after_days=settings.delete_archived_after_days)
    return Repository(name, arn, held, told, notes, misspelled)


def tags_of(clients: Aws, arn: str) -> dict[str, str] | None:
    """The tags of a repository; None if it does not exist any more."""
    try:
        answer = clients.client("ecr").list_tags_for_resource(resourceArn=arn)
    except aws.AwsError as error:
        if aws.code_of(error) == "RepositoryNotFoundException":
            return None
        raise
    return {
        aws.member(tag, "Key", "ListTagsForResource"): aws.member(tag, "Value", "ListTagsForResource")
        for tag in aws.member(answer, "tags", "ListTagsForResource")
    }


def is_enabled(tags: dict[str, str]) -> bool:
    """Whether the tags opt a repository in: exact key, exact value."""
    return tags.get(ENABLED_TAG) == "true"


def variants(tags: dict[str, str]) -> str | None:
    """The problem with tags that IAM cannot tell apart from ours, or None.

    IAM compares the names of tags without case, so with two variants it is unknown which one it reads
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html).
    """
    for wanted in (ENABLED_TAG, KEEP_DAYS_TAG):
        others = sorted(key for key in tags if key.lower() == wanted.lower() and key != wanted)
        if others:
            return f"tag {others[0]!r} differs from {wanted!r} only in case: remove it"
    return None


def _near_miss(name: str, tags: dict[str, str]) -> Misconfigured | None:
    """A repository that somebody surely meant to opt in is told so rather than passed over."""
    for key, value in tags.items():
        if key.lower() == ENABLED_TAG.lower() and not tag_check.is_no(value):
            problem = f"tag {key!r} = {value!r} does not opt in: only {ENABLED_TAG} = true does"
            return Misconfigured(name, problem, opted_in=False)
    misspelled = tag_check.misspelled(tags, (ENABLED_TAG,))
    return Misconfigured(name, misspelled[0], opted_in=False) if misspelled else None


def accepting(settings: Settings, reason: SkipReason, repository: str) -> str | None:
    """The first key of ``accepted_gaps`` by which a repository is cleaned in spite of a reason to skip it, if any."""
    start = f"{reason.value}:"
    return next(
        (
            gap
            for gap in settings.accepted_gaps
            if gap.startswith(start) and matches(gap.removeprefix(start), repository)
        ),
        None,
    )


def _skip(clients: Aws, name: str, settings: Settings, facts: RegistryFacts) -> Skipped | None:
    prefix = facts.replicated_deletes(name)
    if prefix is not None and accepting(settings, SkipReason.DELETE_REPLICATION, name) is None:
        rule = f"prefix {prefix!r}" if prefix else "every repository"
        return Skipped(
            name, SkipReason.DELETE_REPLICATION, f"a replication rule for {rule} repeats deletions elsewhere"
        )
    prefix = facts.cached_under(name)
    if prefix is not None and accepting(settings, SkipReason.PULL_THROUGH_CACHE, name) is None:
        return Skipped(name, SkipReason.PULL_THROUGH_CACHE, f"it lies under the pull-through cache {prefix!r}")
    if accepting(settings, SkipReason.OTHER_ACCOUNTS, name) is None:
        policy = policy_text(clients.client("ecr"), "GetRepositoryPolicy", repositoryName=name)
        pullers = facts.foreign_pullers
        if policy is not None:
            pullers += foreign_pullers(policy, facts.account, f"the policy of {name}")
        if pullers:
            return Skipped(name, SkipReason.OTHER_ACCOUNTS, f"its policy lets {', '.join(pullers)} pull")
    return None


def policy_text(ecr: Any, operation: str, **parameters: str) -> str | None:
    """The registry's policy, or a repository's; None if it has none."""
    call = ecr.get_registry_policy if operation == "GetRegistryPolicy" else ecr.get_repository_policy
    try:
        return str(aws.member(call(**parameters), "policyText", operation))
    except aws.AwsError as error:
        if aws.code_of(error) in _POLICY_ABSENT:
            return None
        raise


def images(clients: Aws, repository: str) -> Iterator[Image]:
    """Every image of a repository, the archived ones included (ECR hides them unless asked)."""
    for detail in aws.paged(
        clients.client("ecr"),
        "DescribeImages",
        "imageDetails",
        repositoryName=repository,
        filter={"imageStatus": "ANY"},
        maxResults=PAGE_SIZE,
    ):
        yield _image(repository, detail)


def describe(clients: Aws, repository: str, digests: Iterable[str], *, archived_too: bool = False) -> dict[str, Image]:
    """The present state of some images.

    Returns:
        Digest to image; a digest that is gone is absent, and so is an archived one unless it is asked for.
    """
    more: dict[str, Any] = {"filter": {"imageStatus": "ANY"}} if archived_too else {}
    wanted = list(digests)
    if not wanted:
        return {}
    if len(wanted) > BATCH_SIZE:
        return describe(clients, repository, wanted[:BATCH_SIZE], archived_too=archived_too) | describe(
            clients, repository, wanted[BATCH_SIZE:], archived_too=archived_too
        )
    try:
        answer = clients.client("ecr").describe_images(
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} for digest in wanted],
            **more,
        )
    except aws.AwsError as error:
        if aws.code_of(error) == "RepositoryNotFoundException":
            return {}
        if aws.code_of(error) != "ImageNotFoundException":
            raise
        # One missing image fails the whole call without saying which: halve until it is alone.
        if len(wanted) == 1:
            return {}
        half = len(wanted) // 2
        return describe(clients, repository, wanted[:half], archived_too=archived_too) | describe(
            clients, repository, wanted[half:], archived_too=archived_too
        )
    found = (_image(repository, d) for d in aws.member(answer, "imageDetails", "DescribeImages"))
    return {image.digest: image for image in found}


def _image(repository: str, detail: dict[str, Any]) -> Image:
    pushed_at = aws.member(detail, "imagePushedAt", "DescribeImages")
    status = detail.get("imageStatus", "ACTIVE")
    # An image restored from the archive counts as newly pushed, as it does for ECR's lifecycle policies.
    restored_at = max(pushed_at, detail.get("lastActivatedAt", pushed_at))
    return Image(
        repository=repository,
        digest=aws.member(detail, "imageDigest", "DescribeImages"),
        tags=tuple(sorted(detail.get("imageTags", ()))),  # absent when untagged
        pushed_at=restored_at,
        uploaded_at=pushed_at if restored_at > pushed_at else None,
        size_bytes=detail.get("imageSizeInBytes", 0),
        media_type=detail.get("imageManifestMediaType"),
        artifact_type=detail.get("artifactMediaType"),  # absent for an index
        subject=detail.get("subjectManifestDigest"),
        last_pulled_at=detail.get("lastRecordedPullTime"),  # absent until the first pull
        active=status == "ACTIVE",
        activating=status == "ACTIVATING",
        archived_at=detail.get("lastArchivedAt") if status == "ARCHIVED" else None,
    )


def children(
    clients: Aws, repository: str, indexes: Iterable[Image], readings: Readings
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Which manifests some indexes list.

    Reading a manifest counts as a pull and refreshes the index's ``lastRecordedPullTime``
    (https://github.com/aws/containers-roadmap/issues/2390), so only indexes are read, and only where an old
    image may depend on one; when it was, `readings` knows.

    Returns:
        Digest of an index to the digests it lists; and the archived indexes that cannot be read.

    Raises:
        RepositoryError: One that is not archived cannot be read; nobody knows what it needs.
    """
    active = {image.digest: image.active for image in indexes}
    wanted = list(active)
    unread: list[str] = []
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(wanted), BATCH_SIZE):
        batch = wanted[start : start + BATCH_SIZE]
        with readings.reading(repository, batch):
            answer = clients.client("ecr").batch_get_image(
                repositoryName=repository,
                imageIds=[{"imageDigest": digest} for digest in batch],
                acceptedMediaTypes=list(INDEX_MEDIA_TYPES),
            )
        for image in aws.member(answer, "images", "BatchGetImage"):
            digest = aws.member(aws.member(image, "imageId", "BatchGetImage"), "imageDigest", "BatchGetImage")
            found[digest] = _listed(repository, digest, aws.member(image, "imageManifest", "BatchGetImage"))
        unread += [digest for digest in batch if digest not in found and not active[digest]]
        missing = [digest for digest in batch if digest not in found and active[digest]]
        if missing:
            codes = sorted({f.get("failureCode", "Unknown") for f in answer.get("failures", ())})
            message = f"the index {missing[0]} cannot be read ({', '.join(codes) or 'no answer for it'})"
            raise RepositoryError(message)
    return found, tuple(unread)


def _listed(repository: str, digest: str, manifest: str) -> tuple[str, ...]:
    try:
        return tuple(entry["digest"] for entry in json.loads(manifest)["manifests"])
    except (ValueError, KeyError, TypeError):
        message = f"the index {repository}@{digest} is not a list of manifests"
        raise RepositoryError(message) from None
