"""Pure: findings on the rule of a repository: what it keeps only because it says nothing, and what it does not keep.

What another rule would remove is found by evaluating the repository by that rule.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.decision import retention as retentions
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Reason, RepositoryPlan
from ecr_cleaner.model.repository import RepositorySnapshot, Retention

Evaluate = Callable[[Retention], RepositoryPlan]
"""The plan of the same repository by another rule."""

_MOST_TAGS: Final = 10
"""A rule that names more tags is not proposed: nobody would paste it."""

ARCHIVE_DAYS: Final = 90
"""The fewest that ``delete_archived_after_days`` accepts."""


def without_rule(plan: RepositoryPlan, evaluate: Evaluate) -> Iterator[Finding]:
    """Unused images that are kept only because no rule or setting speaks of them, and what would remove them.

    Untagged artifacts, such as the layers of a build cache, are told apart from tagged ones: nothing can pull them by
    name, and a rule can remove them alone.

    Args:
        plan: Of the repository, by its rule.
        evaluate: Evaluates it by another one.
    """
    retention, name = plan.repository.retention, plan.repository.name
    reasons = {verdict.reason for verdict in plan.verdicts}
    if Reason.NOT_A_CONTAINER_IMAGE in reasons:
        by_rule = replace(retention, remove_artifacts=True)
        freed = _freed(plan, evaluate(by_rule))
        tags = tuple(image.tags[0] for image in freed if graphs.has_name(image))
        if 0 < len(tags) <= _MOST_TAGS:
            by_tags = replace(by_rule, keep_tags=tuple(dict.fromkeys((*retention.keep_tags, *sorted(tags)))))
            untagged = _freed(plan, evaluate(by_tags))
            yield from _kept(
                name, "untagged artifacts", untagged, f"this rule, before all others, {_hcl(name, by_tags)}"
            )
            alone = {image.digest for image in untagged}
            freed = [image for image in freed if image.digest not in alone]
        what = "artifacts" if len(tags) > _MOST_TAGS else "tagged artifacts" if tags else "untagged artifacts"
        yield from _kept(name, what, freed, f"this rule, before all others, {_hcl(name, by_rule)}")
    if Reason.ARCHIVED in reasons and retention.delete_archived_after_days is None:
        freed = _freed(plan, evaluate(replace(retention, delete_archived_after_days=ARCHIVE_DAYS)))
        yield from _kept(name, "archived images", freed, f"delete_archived_after_days = {ARCHIVE_DAYS}")


def _freed(plan: RepositoryPlan, other: RepositoryPlan) -> list[Image]:
    going = {verdict.image.digest for verdict in plan.removals}
    return [verdict.image for verdict in other.removals if verdict.image.digest not in going]


def _kept(name: str, what: str, images: Iterable[Image], remedy: str) -> Iterator[Finding]:
    images = list(images)
    if images:
        detail = f"{len(images)} unused {what} are kept only because no rule says more; {remedy} would remove them"
        size = sum(image.size_bytes for image in images if not image.is_index)
        yield Finding(FindingKind.KEPT_WITHOUT_RULE, Severity.INFO, name, detail, size)


def _hcl(name: str, retention: Retention) -> str:
    """A member of ``retention_rules`` that says for one repository what holds for it now, and what is new."""
    members = [f'repositories = ["{name}"]']
    if retention.rule is not None:
        members.append(f"keep_days = {retention.keep_days}")
        if retention.keep_days_untagged != retention.keep_days:
            members.append(f"keep_days_untagged = {retention.keep_days_untagged}")
    if retention.keep_newest:
        members.append(f"keep_newest = {retention.keep_newest}")
    if retention.keep_tags:
        members.append(f"keep_tags = {json.dumps(retention.keep_tags)}")
    if retention.keep_pulled_within_days is not None:
        members.append(f"keep_pulled_within_days = {retention.keep_pulled_within_days}")
    return f"{{ {', '.join([*members, 'remove_artifacts = true'])} }}"


def fewer_than_newest(plan: RepositoryPlan, contents: RepositorySnapshot) -> Iterator[Finding]:
    """Where ``keep_newest`` finds fewer images than it asks for, and others that it does not count go.

    Whoever asks for the last ten believes that ten are safe; untagged images are not counted, and a tag that moves
    leaves them behind.

    Args:
        plan: Of the repository.
        contents: All of it.
    """
    retention, name = plan.repository.retention, plan.repository.name
    if not retention.keep_newest:
        return
    graph = graphs.build(contents)
    going = {
        verdict.image.digest
        for verdict in plan.removals
        if not graph.must_go_first(verdict.image.digest) and not graphs.subjects_of(verdict.image)
    }
    for what, is_container in (("images", True), ("artifacts", False)):
        counted = [i for i in retentions.countable(graph, retention) if (i.digest in graph.containers) is is_container]
        others = [digest for digest in going if (digest in graph.containers) is is_container]
        if others and len(counted) < retention.keep_newest:
            detail = (
                f"keep_newest = {retention.keep_newest} counts tagged {what} outside the archive and finds"
                f" {len(counted)}; {len(others)} others are unused and not kept by it: tag each build, or keep untagged"
                " ones longer by keep_days_untagged"
            )
            yield Finding(FindingKind.FEWER_THAN_NEWEST, Severity.WARNING, name, detail)
