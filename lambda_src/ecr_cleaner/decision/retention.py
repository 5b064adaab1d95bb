"""Pure: the rules that name a repository, and which of its images they keep.

Each rule decides by itself, and an image goes only if every rule that holds for it lets it go. So it matters neither in
which order rules stand, nor in which order images are listed; and of what a rule says, ``keep_newest``,
``keep_pulled_within_days`` and ``keep`` never remove more.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from ecr_cleaner.decision.globs import matches
from ecr_cleaner.decision.graph import Graph
from ecr_cleaner.decision.selection import Held, Selection, counted
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.repository import RepositoryRule, Retention
from ecr_cleaner.model.rules import RetentionRule

Grounds = tuple[Reason, tuple[str, ...]]
"""Why an image is kept, and the evidence."""


def of_repository(
    name: str,
    rules: Sequence[RetentionRule],
    *,
    default_keep_days: int,
    minimum_keep_days: int = 1,
    tag_days: int | None = None,
) -> Retention:
    """The retention of a repository: the rules that name it, and the defaults where they say nothing.

    Args:
        name: Of the repository.
        rules: In the order of the settings.
        default_keep_days: Whole days.
        minimum_keep_days: Lower bound of every age limit, wherever it comes from.
        tag_days: Value of the repository's own tag, instead of the default and of the age of rules without a selector;
            None without one.
    """
    default = max(tag_days or default_keep_days, minimum_keep_days)

    def age(rule: RetentionRule) -> int:
        days = rule.keep_days if rule.has_selector or tag_days is None else None
        return default if days is None else max(days, minimum_keep_days)

    held = (
        RepositoryRule(number, rule, age(rule))
        for number, rule in enumerate(rules)
        if any(matches(glob, name) for glob in rule.repositories)
    )
    return Retention(default, tuple(held), is_tagged=tag_days is not None)


def grounds(selection: Selection, now: datetime) -> Iterator[tuple[str, Grounds]]:
    """Digests of the images that a rule or the default age keeps although nothing uses them, and why."""
    graph, retention = selection.graph, selection.retention
    newest = {
        held.number: _newest(selection, held, count) for held in retention.rules if (count := held.rule.keep_newest)
    }
    elsewhere = retention.keep_pulled_within_days
    pulled = _pulled(graph) if elsewhere or any(one.rule.keep_pulled_within_days for one in retention.rules) else {}
    for digest, image in graph.images.items():
        holds = selection.of(digest)
        if digest not in graph.followers and not is_old(image, holds.age_limit(retention), now):
            yield digest, (Reason.TOO_YOUNG, _young(image, holds, retention, now))
        elif told := [
            f"{held} keeps the {held.rule.keep_newest} newest of {_countable(held.rule)}: number {place}"
            for held in holds.rules
            if (place := newest.get(held.number, {}).get(digest))
        ]:
            yield digest, (Reason.AMONG_NEWEST, tuple(told))
        elif told := [
            f"{held} keeps {held.rule.selected}"
            for held in holds.rules
            if held.rule.keep and selection.selects(held, digest)
        ]:
            yield digest, (Reason.KEPT_BY_RULE, tuple(told))
        elif digest in pulled and (told := list(_recent(*pulled[digest], holds, now))):
            yield digest, (Reason.PULLED_RECENTLY, tuple(told))
        elif digest in pulled and elsewhere and now - pulled[digest][0] <= timedelta(days=elsewhere):
            yield digest, (Reason.MAY_BE_IN_USE_ELSEWHERE, (f"{pulled[digest][1]}; others may pull from here",))


def is_old(image: Image, keep_days: int, now: datetime) -> bool:
    """Whether an image was pushed more than `keep_days` times 24 hours before `now`."""
    return now - image.pushed_at > timedelta(days=keep_days)


def _young(image: Image, holds: Held, retention: Retention, now: datetime) -> tuple[str, ...]:
    """By which rules an image is young; of one that no rule selects nothing is to be told."""
    told = [
        f"{held} keeps {held.rule.selected} for {held.keep_days} days"
        for held in holds.rules
        if not held.rule.keep and not is_old(image, held.keep_days, now)
    ]
    if holds.rules and holds.by_default and not is_old(image, retention.keep_days, now):
        told.append(f"the default keeps it for {retention.keep_days} days too")
    return tuple(told)


def _newest(selection: Selection, held: RepositoryRule, count: int) -> dict[str, int]:
    """The images pushed last of those that a rule counts; of those pushed at the same time the digest decides."""
    last = heapq.nlargest(count, ((at, digest) for digest, at in counted(selection, held).items()))
    return {digest: place for place, (_, digest) in enumerate(last, start=1)}


def _countable(rule: RetentionRule) -> str:
    return rule.selected if rule.has_selector else "tagged images"


def _pulled(graph: Graph) -> Mapping[str, tuple[datetime, str]]:
    """When each image, or something that it lists, was pulled last, in words too: each has a pull time of its own.

    The manifests of a pulled index are not listed here, because a kept index keeps them.
    """
    latest: dict[str, tuple[datetime, str]] = {}
    times = ((image.last_pulled_at, image.digest) for image in graph.images.values() if image.last_pulled_at)
    for at, pulled in sorted(times, reverse=True):
        words = f"pulled {at:%Y-%m-%d %H:%M} UTC"
        waiting = [pulled]
        while waiting:
            digest = waiting.pop()
            if digest not in latest:
                latest[digest] = at, words if digest == pulled else f"lists {graph.images[pulled].name}, {words}"
                waiting += graph.parents.get(digest, ())
    return latest


def _recent(at: datetime, words: str, holds: Held, now: datetime) -> Iterator[str]:
    for held in holds.rules:
        days = held.rule.keep_pulled_within_days
        if days is not None and now - at <= timedelta(days=days):
            yield f"{held} keeps {held.rule.selected} pulled within {days} days: {words}"
