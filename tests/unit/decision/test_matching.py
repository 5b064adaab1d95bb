"""Which image each usage names; a doubt is no reason to alarm anybody."""

from __future__ import annotations

from dataclasses import replace

from ecr_cleaner.decision.matching import by_repository, of_registry, resolve, wanted
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage
from ecr_cleaner.reference import parse
from ecr_cleaner.usage.texts.search import find
from tests.builders import ACCOUNT, HOST, REGION, digest, image, usage


def test_the_same_name_in_another_registry_is_another_image() -> None:
    """Of another account or region; what names no registry may mean this one."""
    here, anywhere = usage(tag="v1"), usage(of="a", repository=None)
    account = replace(here, reference=replace(here.reference, account="210987654321"))
    region = replace(here, reference=replace(here.reference, region="eu-west-1"))
    assert list(of_registry([here, account, region, anywhere], ACCOUNT, REGION)) == [here, anywhere]


def test_usages_are_sorted_by_what_they_name() -> None:
    """A beginning names no repository, and a digest alone names all of them."""
    one, two, bare = usage(tag="v1"), usage(of="a", repository="web"), usage(of="a", repository=None)
    prefix = replace(one, reference=replace(one.reference, repository="ap", breadth=ReferenceScope.PREFIX))
    every = replace(one, reference=replace(one.reference, breadth=ReferenceScope.REPOSITORY))
    assert by_repository([one, two, bare, prefix, every]) == {"app": (one, every), "web": (two,), None: (bare,)}


def test_a_digest_is_asked_for_before_a_tag() -> None:
    """As every runtime does; without both it is the tag latest."""
    assert wanted(Reference("t", repository="app", tag="v1", digest=digest("a"))) == f"@{digest('a')}"
    assert wanted(Reference("t", repository="app", tag="v1")) == ":v1"
    assert wanted(Reference("t", repository="app")) == ":latest"


def test_what_is_named_is_used_or_missing() -> None:
    """By tag or digest, whoever names it; a tag beside a digest does not matter."""
    here = image("here", tags=["v1", "latest"])
    by_tag, by_latest, by_digest = usage(tag="v1"), usage(), usage(of="here", tag="gone")
    no_tag, no_digest = usage(tag="v2"), usage(of="lost", tag="v1")
    found = resolve([here, image("other", tags=["v3"])], [by_tag, by_latest, by_digest, no_tag, no_digest])
    assert found.used == {here.digest: (by_tag, by_latest, by_digest)}
    assert found.missing == {":v2": (no_tag,), f"@{digest('lost')}": (no_digest,)}


def test_a_digest_alone_is_used_where_it_lies_and_missing_nowhere() -> None:
    """It may lie in another repository."""
    here, there = usage(of="here", repository=None), usage(of="there", repository=None)
    found = resolve([image("here")], [], [here, there])
    assert (found.used, found.missing) == ({digest("here"): (here,)}, {})


def test_a_tag_that_moved_while_it_was_listed_names_both() -> None:
    """Nobody knows which one is meant."""
    found = resolve([image("a", tags=["v1"]), image("b", tags=["v1"])], [usage(tag="v1")])
    assert set(found.used) == {digest("a"), digest("b")}


def test_of_several_readings_of_a_text_one_is_enough() -> None:
    """The full stop of a sentence may be a part of the tag; if none is there, it is named without."""

    def read(text: str) -> list[Usage]:
        return [Usage(reference, "codebuild", "codebuild project web") for reference in find(text)]

    usages = read(f"docker run {HOST}/app:v1.")
    assert [usage.reference.tag for usage in usages] == ["v1.", "v1"]
    found = resolve([image("a", tags=["v1"])], usages)
    assert (set(found.used), found.missing) == ({digest("a")}, {})
    assert resolve([image("a", tags=["v2"])], usages).missing == {":v1": (usages[1],)}


def test_two_names_of_one_consumer_are_no_readings_of_each_other() -> None:
    """Each of them is missing by itself, also where both are cut to one text."""
    name = "a" * 256
    first, second = (Reference(f"{HOST}/{name}"[:300], ACCOUNT, REGION, name, tag) for tag in ("v1", "v2"))
    usages = [Usage(one, "ecs", "ecs service prod/app") for one in (first, second)]
    assert set(resolve([], usages).missing) == {":v1", ":v2"}
    exact = [Usage(one, "ecs", "ecs service prod/app") for one in (parsed("v1."), parsed("v1"))]
    assert set(resolve([image("a", tags=["v1"])], exact).missing) == {":v1."}


def parsed(tag: str) -> Reference:
    """What an image field says."""
    reference = parse(f"{HOST}/app:{tag}")
    assert reference is not None
    return reference


def test_readings_of_different_consumers_are_different() -> None:
    """One may be right and the other wrong; and a resolved digest says nothing of the tag."""
    text = f"{HOST}/app:v1"
    written = Usage(Reference(text, ACCOUNT, REGION, "app", "v1"), "ecs", "ecs service prod/app")
    resolved = replace(written, reference=Reference(text, ACCOUNT, REGION, "app", None, digest("a")))
    found = resolve([image("a")], [written, resolved])
    assert (set(found.used), set(found.missing)) == ({digest("a")}, {":v1"})


def test_what_covers_a_whole_repository_names_no_image() -> None:
    """It is never missing, and never a reason to alarm anybody."""
    one = usage(tag="v1")
    every = replace(one, reference=replace(one.reference, tag=None, breadth=ReferenceScope.REPOSITORY))
    found = resolve([image("a")], [every])
    assert (found.used, found.missing) == ({}, {})
