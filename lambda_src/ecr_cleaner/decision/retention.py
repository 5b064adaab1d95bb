"""Pure: which rule holds for a repository, and which images its conditions keep.

Each condition keeps on its own: an additional one never removes more.
"""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.decision.graph import Graph
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.repository import Retention
from ecr_cleaner.model.rules import RetentionRule

Grounds = tuple[Reason, tuple[str, ...]]
"""Why an image is kept, and the evidence."""


def matches(glob: str, name: str) -> bool:
    """Whether a glob matches a whole name; case counts.

    ``*`` matches any number of characters, ``/`` included; ``?`` matches one. Everything else, ``[`` too, matches
    itself. Not a regular expression: with many ``*`` its matching may take hours.
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
    """The retention of a repository: the first rule that matches, the defaults where it sets nothing.

    Args:
        name: Of the repository.
        rules: In the order of the settings.
        default_keep_days: Whole days.
        minimum_keep_days: Lower bound of every age limit, wherever it comes from.
        tag_days: Value of the repository's own tag, for images of every kind; None without one.
    """
    number, rule = next(
        ((n, r) for n, r in enumerate(rules) if any(matches(glob, name) for glob in r.repositories)),
        (None, RetentionRule(repositories=("*",))),
    )
    keep_days = tag_days or rule.keep_days or default_keep_days
    untagged = tag_days or rule.keep_days_untagged or keep_days
    told = rule.model_dump(exclude={"repositories"}, exclude_none=True)
    ages = {"keep_days": max(keep_days, minimum_keep_days), "keep_days_untagged": max(untagged, minimum_keep_days)}
    return Retention(**told | ages, rule=number)


def grounds(graph: Graph, retention: Retention, now: datetime) -> Iterator[tuple[str, Grounds]]:
    """Digests of the images that a condition keeps although nothing uses them, and why."""
    newest = _newest(graph, retention)
    pulled = _pulled(graph, retention, now)
    for digest, image in graph.images.items():
        if digest not in graph.followers and not is_old(image, age_limit(graph, image, retention), now):
            yield digest, (Reason.TOO_YOUNG, ())
        elif digest in newest:
            yield digest, (Reason.AMONG_NEWEST, (f"number {newest[digest]} of the newest {retention.keep_newest}",))
        elif fits := next(
            (f"tag {t} matches {g}" for t in image.tags for g in retention.keep_tags if matches(g, t)), ""
        ):
            yield digest, (Reason.TAG_KEPT, (fits,))
        elif digest in pulled:
            yield digest, (Reason.PULLED_RECENTLY, (pulled[digest],))


def is_old(image: Image, keep_days: int, now: datetime) -> bool:
    """Whether an image was pushed more than `keep_days` times 24 hours before `now`."""
    return now - image.pushed_at > timedelta(days=keep_days)


def age_limit(graph: Graph, image: Image, retention: Retention) -> int:
    """Days that an image is kept for its age alone.

    Dependents of others (the manifests of an index, signatures) have no name of their own and use the longest limit of
    those. A signature of the ``sha256-<hex>`` kind whose image is gone still has a tag.
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
        image, before = graph.images[digest], graph.must_go_first(digest)
        if graphs.has_name(image) or (image.tags and not before):
            limits.add(retention.keep_days)
        elif before:
            waiting += before
        else:
            limits.add(retention.keep_days_untagged)
    # Tags of the sha256-<hex> kind can form a cycle, in which no image has a limit of its own.
    return max(limits, default=max(retention.keep_days, retention.keep_days_untagged))


def _newest(graph: Graph, retention: Retention) -> dict[str, int]:
    """The tagged images pushed last; of those pushed at the same time the digest decides.

    Artifacts are counted separately, so that charts do not displace images.
    """
    named = countable(graph, retention)
    kinds = [[i for i in named if (i.digest in graph.containers) is is_container] for is_container in (True, False)]
    return {
        image.digest: place
        for kind in kinds
        for place, image in enumerate(heapq.nlargest(retention.keep_newest, kind, key=_pushed), start=1)
    }


def countable(graph: Graph, retention: Retention) -> list[Image]:
    """What ``keep_newest`` counts: tagged images, and artifacts, if they may be removed at all.

    Archived images, which nothing can pull, and referrers do not count.
    """
    named = (i for i in graph.images.values() if i.active and graphs.has_name(i) and not graphs.subjects_of(i))
    return [image for image in named if retention.remove_artifacts or image.digest in graph.containers]


def _pushed(image: Image) -> tuple[datetime, str]:
    return image.pushed_at, image.digest


def _pulled(graph: Graph, retention: Retention, now: datetime) -> dict[str, str]:
    """Recently pulled images, and the indexes that list them: each has a pull time of its own.

    The manifests of a pulled index are not listed here, because a kept index keeps them.
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
