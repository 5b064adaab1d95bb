"""Pure: findings on the rules of a repository: what is kept only because none speaks of it, and what is not kept.

What one more rule would remove is found by evaluating the repository with it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.decision.selection import Selection, counted
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Reason, RepositoryPlan
from ecr_cleaner.model.repository import RepositoryRule, RepositorySnapshot, Retention
from ecr_cleaner.model.rules import TYPE_GLOB, RetentionRule

Evaluate = Callable[[Retention], RepositoryPlan]
"""The plan of the same repository by other rules."""

_MOST_TYPES: Final = 5
"""Of artifacts, that a rule names; where there are more, it is for all of them."""

ARCHIVE_DAYS: Final = 90
"""The fewest that ``delete_archived_after_days`` accepts."""


def without_rule(plan: RepositoryPlan, evaluate: Evaluate) -> Iterator[Finding]:
    """Unused images that are kept only because no rule or setting speaks of them, and what would remove them.

    Untagged artifacts, such as the layers of a build cache, are told apart from tagged ones: nothing can pull them by
    name, and a rule can remove them alone.

    Args:
        plan: Of the repository, by its rules.
        evaluate: Evaluates it by others.
    """
    retention, name = plan.repository.retention, plan.repository.name
    held_back = [verdict.image for verdict in plan.verdicts if verdict.reason is Reason.NOT_A_CONTAINER_IMAGE]
    types = _types(held_back)
    for what, selector in (("untagged", {"untagged": True}), ("tagged", {"tags": ("*",)})):
        members: dict[str, Any] = {"repositories": (name,), **selector, "artifact_types": types}
        rule = RetentionRule(**members, keep_days=retention.keep_days)
        freed = _freed(plan, evaluate(_with(retention, rule))) if held_back else []
        yield from _kept(name, f"{what} artifacts", freed, f"the rule {_hcl(rule)}")
    if any(verdict.reason is Reason.ARCHIVED for verdict in plan.verdicts) and not retention.delete_archived_after_days:
        freed = _freed(plan, evaluate(replace(retention, delete_archived_after_days=ARCHIVE_DAYS)))
        yield from _kept(name, "archived images", freed, f"delete_archived_after_days = {ARCHIVE_DAYS}")


def _types(images: Iterable[Image]) -> tuple[str, ...]:
    """The types of some artifacts as a rule names them; of indexes, those of what they list."""
    found = {image.artifact_type or "" for image in images if not image.is_index}
    are_names = all(re.match(TYPE_GLOB, one) and not re.search(r"[*?\[]", one) for one in found)
    return tuple(sorted(found)) if are_names and 0 < len(found) <= _MOST_TYPES else ("*",)


def _with(retention: Retention, rule: RetentionRule) -> Retention:
    number = max((held.number for held in retention.rules), default=-1) + 1
    return replace(retention, rules=(*retention.rules, RepositoryRule(number, rule, retention.keep_days)))


def _freed(plan: RepositoryPlan, other: RepositoryPlan) -> list[Image]:
    going = {verdict.image.digest for verdict in plan.removals}
    return [verdict.image for verdict in other.removals if verdict.image.digest not in going]


def _kept(name: str, what: str, images: Iterable[Image], remedy: str) -> Iterator[Finding]:
    images = list(images)
    if images:
        detail = f"{len(images)} unused {what} are kept only because no rule says more; {remedy} would remove them"
        size = sum(image.size_bytes for image in images if not image.is_index)
        yield Finding(FindingKind.KEPT_WITHOUT_RULE, Severity.INFO, name, detail, size)


def _hcl(rule: RetentionRule) -> str:
    """A rule as a member of ``retention_rules``."""
    said = rule.model_dump(exclude_defaults=True)
    return f"{{ {', '.join(f'{name} = {json.dumps(value)}' for name, value in said.items())} }}"


def fewer_than_newest(plan: RepositoryPlan, contents: RepositorySnapshot) -> Iterator[Finding]:
    """Where ``keep_newest`` without a selector finds fewer images than it asks for, and others of its images go.

    Whoever asks for the last ten believes that ten are safe; untagged images are not counted, and a tag that moves
    leaves them behind. A rule that selects counts what it says, and so says nothing that is not so.

    Args:
        plan: Of the repository.
        contents: All of it.
    """
    graph = graphs.build(contents)
    name = plan.repository.name
    selection = Selection(graph, plan.repository.retention)
    for held in plan.repository.retention.rules:
        if not held.rule.keep_newest or held.rule.has_selector:
            continue
        found = counted(selection, held)
        # What other rules select was decided on by name.
        others = [
            verdict.image
            for verdict in plan.removals
            if verdict.rules == (held.number,)
            and selection.selects(held, verdict.image.digest)
            and not graphs.subjects_of(verdict.image)
        ]
        if others and len(found) < held.rule.keep_newest:
            rule = RetentionRule(repositories=(name,), untagged=True, keep_newest=held.rule.keep_newest)
            detail = (
                f"{held}: keep_newest = {held.rule.keep_newest} counts tagged images outside the archive and finds"
                f" {len(found)}; {len(others)} others are unused and not kept by it: tag each build, or keep untagged"
                f" builds too by the rule {_hcl(rule)}"
            )
            yield Finding(FindingKind.FEWER_THAN_NEWEST, Severity.WARNING, name, detail)
