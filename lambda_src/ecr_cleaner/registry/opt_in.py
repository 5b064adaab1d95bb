"""Reads which repositories opted in by tag, and what their tags ask for."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.decision import retention
from ecr_cleaner.model.pull_access import PullScope
from ecr_cleaner.model.repository import Repository, SkipReason
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryStatus
from ecr_cleaner.registry import tags as registry_tags
from ecr_cleaner.registry.config import policy_text
from ecr_cleaner.registry.images import accepting
from ecr_cleaner.registry.pull_access import RegistryFacts, pull_scopes
from ecr_cleaner.settings.loader import Settings, whole_days

ENABLED_TAG: Final = "BoxCleanerEnabled"

KEEP_DAYS_TAG: Final = "BoxCleanerKeepDays"


Look = Repository | RepositoryOutcome | str | None
"""What becomes of a repository: its outcome if it opted in and is left alone; one sentence if its tags almost opt it
in; None if it did not opt in (or was deleted meanwhile, or is the function's own)."""


def opted_in(clients: AwsClients, name: str, arn: str, settings: Settings, facts: RegistryFacts) -> Look:
    """Whether a repository opted in, and whether it may be cleaned as far as its tags and the registry's rules say.

    Whether everybody was looked at who may pull from it, `ecr_cleaner.decision.coverage` says after the scan.
    """
    if name == settings.own_repository:
        return None
    return by_tags(clients, name, arn, tags_of(clients, arn), settings=settings, facts=facts)


def by_tags(  # noqa: PLR0913 - what it is decided by, each by name
    clients: AwsClients,
    name: str,
    arn: str,
    tags: dict[str, str] | None,
    *,
    settings: Settings,
    facts: RegistryFacts,
    is_assumed: bool = False,
) -> Look:
    """As `opted_in`, by the repository's own tags; None if it does not exist any more.

    With `is_assumed`, for dry runs alone, it is taken for one that opted in, whatever its tag says.
    """
    if tags is None or not (is_enabled(tags) or is_assumed):
        return _near_miss(tags or {})
    problem = variants(tags)
    keep_days_tag = tags.get(KEEP_DAYS_TAG)
    days = whole_days(keep_days_tag or "")
    if problem is None and keep_days_tag is not None and days is None:
        problem = f"tag {KEEP_DAYS_TAG} must be a whole number of days from 1 to 99999, got {keep_days_tag!r}"
    if problem is not None:
        return RepositoryOutcome(RepositoryStatus.MISCONFIGURED, problem)
    if skipped := _skip(name, settings, facts):
        return skipped
    minimum = settings.minimum_keep_days
    note = f"tag {KEEP_DAYS_TAG} = {keep_days_tag} is below minimum_keep_days = {minimum}: {minimum} days hold"
    notes = (note,) if days is not None and days < minimum else ()
    misspelled = registry_tags.misspelled(tags, (ENABLED_TAG, KEEP_DAYS_TAG))
    held = retention.of_repository(
        name,
        settings.retention_rules,
        default_keep_days=settings.default_keep_days,
        minimum_keep_days=minimum,
        tag_days=days,
    )
    scopes = _pull_scopes(clients, name, settings, facts)
    held = replace(
        held,
        delete_archived_after_days=settings.delete_archived_after_days,
        keep_pulled_within_days=(settings.keep_recently_used_days or None) if scopes else None,
    )
    savings_tag = tags.get(settings.savings_tag_key) if settings.savings_tag_key is not None else None
    return Repository(name, arn, held, keep_days_tag, notes, misspelled, savings_tag, scopes)


def tags_of(clients: AwsClients, arn: str) -> dict[str, str] | None:
    """The tags of a repository; None if it does not exist any more."""
    try:
        answer = clients.client("ecr").list_tags_for_resource(resourceArn=arn)
    except errors.AwsError as error:
        if errors.code_of(error) == "RepositoryNotFoundException":
            return None
        raise
    return tags_in(responses.member(answer, "tags", "ListTagsForResource"), "ListTagsForResource")


def tags_in(listed: Iterable[dict[str, Any]], operation: str) -> dict[str, str]:
    """Tags as an operation lists them, by their keys.

    Raises:
        IncompleteAnswerError: One has no key or no value.
    """
    return {responses.member(tag, "Key", operation): responses.member(tag, "Value", operation) for tag in listed}


def is_meant(tags: dict[str, str]) -> bool:
    """Whether the tags opt a repository in, or almost do."""
    return is_enabled(tags) or _near_miss(tags) is not None


def is_enabled(tags: dict[str, str]) -> bool:
    """Whether the tags opt a repository in: exact key, exact value."""
    return tags.get(ENABLED_TAG) == "true"


def variants(tags: dict[str, str]) -> str | None:
    """The problem with tags that IAM cannot distinguish from ours, or None.

    IAM compares the names of tags without case, so with two variants it is unknown which one it reads
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html).
    """
    for wanted in (ENABLED_TAG, KEEP_DAYS_TAG):
        others = sorted(key for key in tags if key.lower() == wanted.lower() and key != wanted)
        if others:
            return f"tag {others[0]!r} differs from {wanted!r} only in case: remove it"
    return None


def _near_miss(tags: dict[str, str]) -> str | None:
    """A repository whose tags almost opt it in is reported, not ignored; and the run does not fail."""
    for key, value in tags.items():
        if key.lower() == ENABLED_TAG.lower() and not registry_tags.is_no(value):
            return f"tag {key!r} = {value!r} does not opt in: only {ENABLED_TAG} = true does"
    return next(iter(registry_tags.misspelled(tags, (ENABLED_TAG,))), None)


_REMEDIES: Final = {
    SkipReason.DELETE_REPLICATION: "; to mend this, let no rule that covers it repeat deletions",
    SkipReason.PULL_THROUGH_CACHE: "; to mend this, remove the rule if nothing is pulled through it any more",
}


def _skip(name: str, settings: Settings, facts: RegistryFacts) -> RepositoryOutcome | None:
    """The outcome of a repository that is left alone although its tags are in order."""
    causes: dict[SkipReason, Callable[[str], str | None]] = {
        SkipReason.DELETE_REPLICATION: facts.replicated_deletes,
        SkipReason.PULL_THROUGH_CACHE: facts.cached_under,
    }
    for reason, cause in causes.items():
        if accepting(settings, reason, name) is None and (detail := cause(name)):
            return RepositoryOutcome(RepositoryStatus.SKIPPED, detail + _REMEDIES[reason], f"{reason.value}:{name}")
    return None


def _pull_scopes(clients: AwsClients, name: str, settings: Settings, facts: RegistryFacts) -> tuple[PullScope, ...]:
    """Whom outside the account the policies of registry and repository let pull.

    None where a person accepted that: then the policy is not read either.
    """
    if accepting(settings, SkipReason.OTHER_ACCOUNTS, name) is not None:
        return ()
    policy = policy_text(clients.client("ecr"), "GetRepositoryPolicy", repositoryName=name)
    own = pull_scopes(policy, facts.account, f"the policy of {name}") if policy is not None else ()
    return (*own, *facts.pull_scopes)
