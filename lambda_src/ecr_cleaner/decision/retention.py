"""Pure: which rule holds for a repository, and which images its conditions keep.

Every condition keeps by itself: more of them never remove more.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.repository import Retention, RetentionRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ecr_cleaner.decision.graph import Graph
    from ecr_cleaner.model.image import Image

Grounds = tuple[Reason, tuple[str, ...]]
"""Why an image is kept, and the evidence."""


def matches(glob: str, name: str) -> bool:
    """Whether a glob fits a whole name, case and all.

    ``*`` stands for any characters, ``/`` among them, and for none; ``?`` for any one. Everything else, ``[`` too,
    stands for itself. No regular expression does it: with many ``*`` one may try for hours.
    """
    at = read = 0  # what of the glob and of the name fits so far
    star, covered = -1, 0  # the last * met, and up to where it reaches
    while read < len(name):
        if at < len(glob) and glob[at] == "*":
            star, covered = at, read
            at += 1
        elif at < len(glob) and glob[at] in {"?", name[read]}:
            at += 1
            read += 1
        elif star >= 0:
            covered += 1
            at, read = star + 1, covered
        else:
            return False
    return not glob[at:].strip("*")


def of_repository(
    name: str,
    rules: Sequence[RetentionRule],
    *,
    default_keep_days: int,
    minimum_keep_days: int = 1,
    tag_days: int | None = None,
) -> Retention:
    """What holds for a repository: the first rule that matches, the defaults where it is silent.

    Args:
        name: Of the repository.
        rules: In the order of the settings.
        default_keep_days: Whole days.
        minimum_keep_days: No age limit is ever shorter, wherever it comes from.
        tag_days: What the repository's own tag asks for, for images of every kind; None without one.
    """
    number, rule = next(
        ((n, r) for n, r in enumerate(rules) if any(matches(glob, name) for glob in r.repositories)),
        (None, RetentionRule(())),
    )
    keep_days = tag_days or rule.keep_days or default_keep_days
    untagged = tag_days or rule.keep_days_untagged or keep_days
    return Retention(
        keep_days=max(keep_days, minimum_keep_days),
        keep_days_untagged=max(untagged, minimum_keep_days),
        keep_newest=rule.keep_newest or 0,
        keep_tags=rule.keep_tags,
        keep_pulled_within_days=rule.keep_pulled_within_days,
        remove_artifacts=rule.remove_artifacts,
        rule=number,
    )


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a retention, looked at once for a whole repository.

    Attributes:
        graph: Of the repository.
        retention: What holds for it.
        now: The moment of the judgement.
        newest: Digest to place, from 1, of the images that stay as the newest.
        pulled: Digest to evidence of the images that stay for a recent pull.
    """

    graph: Graph
    retention: Retention
    now: datetime
    newest: Mapping[str, int]
    pulled: Mapping[str, str]

    def keep(self, image: Image) -> Grounds | None:
        """Why an image stays although nothing uses it; None if no condition holds."""
        if not is_old(image, age_limit(self.graph, image, self.retention), self.now):
            return Reason.TOO_YOUNG, ()
        place = self.newest.get(image.digest)
        if place is not None:
            return Reason.AMONG_NEWEST, (f"number {place} of the newest {self.retention.keep_newest}",)
        for tag in image.tags:
            for glob in self.retention.keep_tags:
                if matches(glob, tag):
                    return Reason.TAG_KEPT, (f"tag {tag} matches {glob}",)
        if image.digest in self.pulled:
            return Reason.PULLED_RECENTLY, (self.pulled[image.digest],)
        return None


def conditions(graph: Graph, retention: Retention, now: datetime) -> Conditions:
    """Look at a repository through its retention."""
    return Conditions(graph, retention, now, _newest(graph, retention), _pulled(graph, retention, now))


def is_old(image: Image, keep_days: int, now: datetime) -> bool:
    """Whether an image was pushed more than `keep_days` times 24 hours before `now`."""
    return now - image.pushed_at > timedelta(days=keep_days)


def age_limit(graph: Graph, image: Image, retention: Retention) -> int:
    """Days that an image is kept for its age alone.

    What hangs on others (the manifests of an index, signatures) carries no name of its own and goes by theirs, by
    the longest of them. A signature of the ``sha256-<hex>`` kind whose image is gone still has a tag.
    """
    if retention.keep_days == retention.keep_days_untagged:
        return retention.keep_days
    limits: set[int] = set()
    seen: set[str] = set()
    waiting = [image.digest]
    while waiting:
        digest = waiting.pop()
        if digest in seen:
            continue
        seen.add(digest)
        held, holders = graph.images[digest], graph.holders(digest)
        if graphs.has_name(held) or (held.tags and not holders):
            limits.add(retention.keep_days)
        elif holders:
            waiting += holders
        else:
            limits.add(retention.keep_days_untagged)
    # Tags of the sha256-<hex> kind can be made to form a ring, in which nothing has the last word.
    return max(limits, default=max(retention.keep_days, retention.keep_days_untagged))


def _newest(graph: Graph, retention: Retention) -> dict[str, int]:
    """The tagged images pushed last; the digest decides between those of one moment.

    Artifacts, where they may go at all, are counted by themselves, so that charts do not take the places of images.
    Archived images, which nothing can pull, take no place, nor does what only refers to others.
    """
    named = [i for i in graph.images.values() if i.active and graphs.has_name(i) and not graphs.subjects_of(i)]
    kinds = [[i for i in named if i.digest in graph.containers]]
    if retention.remove_artifacts:
        kinds.append([i for i in named if i.digest not in graph.containers])
    return {
        image.digest: place
        for kind in kinds
        for place, image in enumerate(heapq.nlargest(retention.keep_newest, kind, key=_pushed), start=1)
    }


def _pushed(image: Image) -> tuple[datetime, str]:
    return image.pushed_at, image.digest


def _pulled(graph: Graph, retention: Retention, now: datetime) -> dict[str, str]:
    """What was pulled lately, and the indexes that list it: each has a pull time of its own.

    The manifests of a pulled index need no word here, for a kept index keeps them.
    """
    if retention.keep_pulled_within_days is None:
        return {}
    since = now - timedelta(days=retention.keep_pulled_within_days)
    pulled = {
        image.digest: f"pulled {image.last_pulled_at:%Y-%m-%d %H:%M} UTC"
        for image in graph.images.values()
        if image.last_pulled_at is not None and image.last_pulled_at >= since
    }
    above = graphs.upward(graph, pulled)
    return {digest: f"lists {graph.images[k.root].name}, {pulled[k.root]}" for digest, k in above.items()} | pulled
