"""Pure: a verdict for every image of a repository.

An image is removed only if it is old (pushed more than N times 24 hours ago; exactly N is kept), no rule that holds for
it keeps it, and no kept image needs it; an archived one only if it was archived long ago as well.
Keep always wins over remove. What describes an image (a signature, an attestation) has no age of its own: it goes with
that image, or both stay.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.decision import retention as retentions
from ecr_cleaner.decision.graph import Graph, KeepReason, Relation
from ecr_cleaner.decision.retention import Grounds
from ecr_cleaner.decision.selection import Selection
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Reason, RepositoryPlan, Verdict
from ecr_cleaner.model.repository import Repository, RepositorySnapshot, Retention
from ecr_cleaner.model.usage import Usage

MAX_TAGS: Final = 100
"""More (digest, tag) pairs do not fit into one call, and the ids of one image are never split over two calls."""

_NONE: Final[frozenset[str]] = frozenset()

_NOTHING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


def depends_on_indexes(images: Iterable[Image], retention: Retention, now: datetime) -> bool:
    """Whether the manifests of a repository's indexes have to be read at all.

    Only if an image is old by the shortest age limit: nothing else can be removed, and reading refreshes pull times.
    """
    return any(retentions.is_old(image, retention.shortest_keep_days, now) for image in images)


def evaluate(
    repository: Repository,
    contents: RepositorySnapshot,
    usages: Iterable[Usage],
    now: datetime,
    recent: Mapping[str, tuple[str, ...]] = _NOTHING,
) -> RepositoryPlan:
    """Decide on every image of a repository.

    Args:
        repository: Its name and what keeps its images.
        contents: All of its images, and what each of its indexes lists.
        usages: All usages seen in the account and region, in any order.
        now: The time of the evaluation.
        recent: Digests that are kept for a recent use, with the evidence; they keep what they need like those in use.

    Returns:
        One verdict for each image, in the order given.
    """
    graph = graphs.build(contents)
    used = {
        digest: tuple(sorted({usage.consumer for usage in named}))
        for digest, named in graphs.resolve(graph, repository.name, usages).items()
    }
    recent = {digest: evidence for digest, evidence in recent.items() if digest in graph.images}
    # What is in use now is not said to have been in use recently.
    kept = {
        **_with_needs(graph, recent, Reason.RECENTLY_IN_USE, Reason.RECENTLY_IN_USE),
        **_with_needs(graph, used, Reason.IN_USE, Reason.PART_OF_IMAGE_IN_USE),
    }
    unread_until = max((graph.images[d].pushed_at for d in contents.unread if d in graph.images), default=None)
    selection = Selection(graph, repository.retention)
    by_rule = dict(retentions.grounds(selection, now))
    own = {
        image.digest: grounds
        for image in contents.images
        if image.digest not in kept
        and (
            grounds := by_rule.get(image.digest)
            or _in_archive(image, contents, repository.retention, now)
            or _in_doubt(image, selection, unread_until)
        )
    }
    kept = {**_dependents(graph, own), **own, **kept}
    verdicts = tuple(
        Verdict(
            image,
            *kept.get(image.digest) or _removing(image, selection, now),
            age_days=(now - image.pushed_at).days,
            rules=selection.of(image.digest).numbers,
        )
        for image in contents.images
    )
    removed = frozenset(verdict.image.digest for verdict in verdicts if verdict.removes)
    must_go_first = {
        digest: removed.intersection(first) if (first := graph.must_go_first(digest)) else _NONE for digest in removed
    }
    parts = {digest: graphs.parts(graph, digest) for digest in removed if digest in graph.children}
    return RepositoryPlan(repository, verdicts, must_go_first, parts)


def _removing(image: Image, selection: Selection, now: datetime) -> Grounds:
    """Why an image goes; of one that is young by itself, with what it goes."""
    graph = selection.graph
    reason = Reason.OLD_AND_UNUSED if image.active else Reason.ARCHIVED_AND_UNUSED
    if retentions.is_old(image, selection.of(image.digest).age_limit(selection.retention), now):
        return reason, ()
    first = min(graph.must_go_first(image.digest))
    return reason, (f"it goes with {graph.images[first].name}",)


def _in_archive(image: Image, contents: RepositorySnapshot, retention: Retention, now: datetime) -> Grounds | None:
    """Why an archived image is kept: by the settings, for its time in the archive, or its manifests are unknown."""
    days = retention.delete_archived_after_days
    long_there = days is not None and image.archived_at is not None and now - image.archived_at > timedelta(days=days)
    stays = not image.active and (not long_there or image.digest in contents.unread)
    return (Reason.ARCHIVED, ()) if stays else None


def _in_doubt(image: Image, selection: Selection, unread_until: datetime | None) -> Grounds | None:
    """Why an old image is kept that no rule keeps: its use is unknown, or one call cannot remove it."""
    reason = None
    if len(image.tags) > MAX_TAGS:
        reason = Reason.TOO_MANY_TAGS
    elif not selection.may_go(image.digest):
        reason = Reason.NOT_A_CONTAINER_IMAGE
    # The manifests of an index are pushed before it; of one that cannot be read, nothing else is known.
    elif unread_until is not None and (image.uploaded_at or image.pushed_at) <= unread_until:
        reason = Reason.MAY_BE_PART_OF_ARCHIVED_INDEX
    return (reason, ()) if reason else None


def _with_needs(
    graph: Graph, used: Mapping[str, tuple[str, ...]], reason: Reason, reason_of_parts: Reason
) -> dict[str, Grounds]:
    """Why used images are kept, and everything that they need, with the evidence of their use."""
    above = graphs.upward(graph, used)
    needed = above | graphs.downward(graph, [*used, *above])
    grounds = {
        digest: (reason_of_parts, (_relation(graph, link), *used.get(_used_root(graph, link, used), ())))
        for digest, link in needed.items()
    }
    return grounds | {digest: (reason, evidence) for digest, evidence in used.items()}


def _dependents(graph: Graph, own: Iterable[str]) -> dict[str, Grounds]:
    """Why images are kept that depend on those that are kept for themselves."""
    reasons = {
        Relation.REFERS: Reason.REFERS_TO_KEPT_IMAGE,
        Relation.REFERRED: Reason.SUBJECT_OF_KEPT_IMAGE,
    }
    return {
        digest: (reasons.get(link.link, Reason.PART_OF_KEPT_IMAGE), (_relation(graph, link),))
        for digest, link in graphs.downward(graph, own).items()
    }


def _used_root(graph: Graph, kept: KeepReason, used: Container[str]) -> str:
    """The used digest at the end of the path: an index found upward is itself kept by one of its children."""
    if kept.root in used:
        return kept.root
    return next((d for d in graphs.downward(graph, [kept.root]) if d in used), kept.root)


def _relation(graph: Graph, kept: KeepReason) -> str:
    return f"{kept.link.value} {graph.images[kept.root].name}"
