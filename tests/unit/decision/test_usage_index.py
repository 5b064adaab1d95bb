"""Of a repository everything is decided by the usages that may concern it as by those of the whole registry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision import graph, wide_usages
from ecr_cleaner.decision.usage_index import UsageIndex
from ecr_cleaner.history import model as past
from ecr_cleaner.history.model import History, HistoryEntry
from ecr_cleaner.model.usage import ReferenceScope
from tests.builders import NOW, ago, digest, image, usage
from tests.unit.decision.test_rules_properties import TAGS, registries

if TYPE_CHECKING:
    from ecr_cleaner.model.usage import Usage
    from tests.unit.decision.test_rules_properties import Registry

WIDE = st.builds(
    lambda name, breadth, consumer: replace(
        usage(consumer=consumer),
        reference=replace(usage().reference, repository=name, tag=None, digest=None, breadth=breadth),
    ),
    name=st.sampled_from(["app", "ap", "other", ""]),
    breadth=st.sampled_from([one for one in ReferenceScope if one is not ReferenceScope.IMAGE]),
    consumer=st.sampled_from(["one", "another"]),
)


@given(registries(), st.lists(WIDE, max_size=3))
def test_what_may_concern_a_repository_is_all_that_does(registry: Registry, wide: list[Usage]) -> None:
    """Also by what is in it refers to, by a tag that an image lost, and by consumers that cover it."""
    usages = (*registry.usages, *wide, *registry.usages)
    contents = registry.contents
    found = UsageIndex(usages).of("app", contents.images)
    built = graph.build(contents)
    assert graph.resolve(built, "app", found) == graph.resolve(built, "app", usages)
    lost = {digest(f"lost {tag}"): HistoryEntry(lost_tags={tag: ago("1d")}) for tag in TAGS}
    known = History("app", ago("9d"), lost)
    assert past.recent(known, found, NOW, 7) == past.recent(known, usages, NOW, 7)
    by_all, by_found = (wide_usages.without_only_consumer(some, "app") for some in (usages, found))
    assert (by_found is None) is (by_all is None)
    if by_all is not None and by_found is not None:
        assert by_found[0] == by_all[0]
        assert graph.resolve(built, "app", by_found[1]) == graph.resolve(built, "app", by_all[1])


def test_what_concerns_others_is_left_out() -> None:
    """Or it would be gone through for each repository."""
    own = usage(tag="v1", repository="app")
    others = [usage(tag="v1", repository=f"other{number}") for number in range(9)]
    elsewhere = replace(usage(), reference=replace(usage().reference, repository=None, tag=None, digest=digest("far")))
    assert UsageIndex([*others, own, elsewhere]).of("app", [image("near", repository="app")]) == (own,)
