"""How the images of a repository hang together, and which of them a reference names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ecr_cleaner.decision import graph as graphs
from ecr_cleaner.decision.graph import KeepReason, Relation
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.usage import ReferenceScope
from tests.builders import digest, image, usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_cleaner.decision.graph import Graph
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.usage import Usage

CHART = "application/vnd.cncf.helm.config.v1+json"


def built(*images: Image, children: Mapping[str, Iterable[str]] | None = None) -> Graph:
    """The graph of some images; children by name."""
    listed = {digest(index): tuple(map(digest, names)) for index, names in (children or {}).items()}
    return graphs.build(RepositorySnapshot(images, listed))


def named(graph: Graph, *usages: Usage, repository: str = "app") -> dict[str, tuple[Usage, ...]]:
    """What some usages name."""
    return graphs.resolve(graph, repository, usages)


def of_breadth(breadth: ReferenceScope, repository: str | None) -> Usage:
    """A usage of everything in one repository, or of all whose name begins like this."""
    reference = replace(usage(repository="app").reference, repository=repository, tag=None, breadth=breadth)
    return replace(usage(), reference=reference)


@pytest.mark.parametrize(
    ("breadth", "told", "repository", "covered"),
    [
        (ReferenceScope.REPOSITORY, "app", "app", True),
        (ReferenceScope.REPOSITORY, "app", "app/web", False),
        (ReferenceScope.REPOSITORY, "app/web", "app", False),
        (ReferenceScope.PREFIX, "app", "app", True),
        (ReferenceScope.PREFIX, "app", "app/web", True),
        (ReferenceScope.PREFIX, "app/", "app", False),
        (ReferenceScope.PREFIX, "web", "app/web", False),
        (ReferenceScope.PREFIX, "", "app", True),
        (ReferenceScope.PREFIX, None, "app", True),
        (ReferenceScope.REPOSITORY, None, "app", False),
    ],
)
def test_a_reference_with_placeholders_names_every_image_that_it_may_mean(
    breadth: ReferenceScope, told: str | None, repository: str, *, covered: bool
) -> None:
    """Of one repository, or of all whose names begin alike; tagged and untagged ones."""
    graph = built(image("a", tags=["v1"]), image("b"))
    found = named(graph, of_breadth(breadth, told), repository=repository)
    assert set(found) == ({digest("a"), digest("b")} if covered else set())


def test_a_digest_that_does_not_lie_here_is_named_by_nobody() -> None:
    """It lies in another repository, or is gone; only its tag may be here."""
    graph = built(image("a", tags=["v1"]))
    assert named(graph, usage(of="elsewhere", repository=None)) == {}
    used = usage(of="elsewhere", tag="v1")
    assert named(graph, used) == {digest("a"): (used,)}


def test_signatures_that_are_kept_apart_are_used_with_what_they_sign() -> None:
    """By subject and by tag; those of an image that lies beside them hang on it instead."""
    by_tag = image("by-tag", tags=["sha256-" + digest("elsewhere")[7:] + ".sig"])
    graph = built(image("by-field", subject="elsewhere"), by_tag, image("a"), image("own", subject="a"))
    assert graph.dangling_referrers == {digest("elsewhere"): (digest("by-field"), digest("by-tag"))}
    assert graph.referrers == {digest("a"): (digest("own"),)}
    used = usage(of="elsewhere")
    assert named(graph, used) == {digest("by-field"): (used,), digest("by-tag"): (used,)}
    assert named(graph, usage(tag="v1"), usage(of="a")).keys() == {digest("a")}


def test_an_index_is_what_the_manifests_are_that_it_lists() -> None:
    """A chart's index is none for containers; one whose manifests lie elsewhere may be anything."""
    chart = image("chart", artifact_type=CHART)
    images = (image("a", kind="index"), image("b", kind="index"), image("c", kind="index"), image("part"), chart)
    graph = built(*images, children={"a": ["part", "chart"], "b": ["chart"], "c": ["gone"]})
    # A chart that an image lists is a part of it.
    assert graph.containers == {digest("a"), digest("c"), digest("part"), digest("chart")}
    alone = built(images[1], chart, children={"b": ["chart"]})
    assert alone.containers == set()


def test_why_something_is_kept_is_the_last_step_from_the_nearest_root() -> None:
    """For people: what lists it, or what it refers to."""
    images = (image("index", kind="index"), image("child"), image("signature", subject="child"))
    graph = built(*images, children={"index": ["child", "child"]})
    assert graph.children == {digest("index"): (digest("child"),)}
    assert graphs.upward(graph, [digest("child")]) == {digest("index"): KeepReason(digest("child"), Relation.LISTS)}
    assert graphs.downward(graph, [digest("index")]) == {
        digest("child"): KeepReason(digest("index"), Relation.LISTED),
        digest("signature"): KeepReason(digest("index"), Relation.REFERS),
    }
    assert graphs.downward(graph, [digest("signature")]) == {
        digest("child"): KeepReason(digest("signature"), Relation.REFERRED)
    }
