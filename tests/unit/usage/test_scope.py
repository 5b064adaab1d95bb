"""References that cover more than an image: every image of a repository, or of all repositories of a beginning."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.model.plan import Reason
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage, UsageKind
from ecr_cleaner.usage.texts.search import find
from tests.builders import ACCOUNT, HOST, NOW, REGION, digest, image, repository

REPOSITORY, PREFIX = ReferenceScope.REPOSITORY, ReferenceScope.PREFIX
CONSUMER: Final = "state machine train"


def usage(name: str | None, breadth: ReferenceScope) -> Usage:
    """A usage of all that a name covers."""
    reference = Reference(f"{HOST}/{name}", ACCOUNT, REGION, name, breadth=breadth)
    return Usage(reference, "stepfunctions", CONSUMER, UsageKind.SCHEDULED)


def reasons(*usages: Usage, name: str = "shop/app") -> dict[str, Reason]:
    """What comes of an index, a manifest of it, an untagged image and a signature in one repository, all old."""
    images = [
        image("index", kind="index", tags=["v1"], repository=name),
        image("child", repository=name),
        image("untagged", repository=name),
        image("signature", subject="untagged", repository=name),
    ]
    contents = RepositorySnapshot(tuple(images), {digest("index"): (digest("child"),)}, ())
    plan = evaluate(repository(name), contents, usages, NOW)
    return {verdict.image.digest: verdict.reason for verdict in plan.verdicts}


@pytest.mark.parametrize("name", ["shop/app", "shop"])
def test_without_a_usage_all_of_it_is_unused(name: str) -> None:
    """What the tests below stand on."""
    assert set(reasons(name=name).values()) == {Reason.OLD_AND_UNUSED}


@pytest.mark.parametrize(
    ("named", "breadth"),
    [
        ("shop/app", REPOSITORY),
        ("shop/app", PREFIX),
        ("shop/", PREFIX),
        ("shop", PREFIX),
        ("sh", PREFIX),
        ("", PREFIX),
        (None, PREFIX),
        ("", ReferenceScope.REGISTRY),
    ],
)
def test_every_image_that_is_covered_is_in_use(named: str | None, breadth: ReferenceScope) -> None:
    """Whatever it is, and whether or not it has a tag: any of them may be meant."""
    assert set(reasons(usage(named, breadth)).values()) == {Reason.IN_USE}


@pytest.mark.parametrize(
    ("named", "breadth"),
    [
        ("shop", REPOSITORY),
        ("shop/app-worker", REPOSITORY),
        ("app", REPOSITORY),
        ("", REPOSITORY),
        ("shop/app-", PREFIX),
        ("shop/app/", PREFIX),
        ("app", PREFIX),
        ("SHOP", PREFIX),
    ],
)
def test_other_repositories_are_not_covered(named: str, breadth: ReferenceScope) -> None:
    """A repository is its name, and a beginning is one from the first letter on."""
    assert set(reasons(usage(named, breadth)).values()) == {Reason.OLD_AND_UNUSED}


def test_the_evidence_names_the_consumer() -> None:
    """A person can look up why so much is kept."""
    contents = RepositorySnapshot((image("app", tags=["v1"], repository="shop/app"),), {}, ())
    plan = evaluate(repository("shop/app"), contents, [usage("shop", PREFIX)], NOW)
    (verdict,) = plan.verdicts
    assert verdict.evidence == (CONSUMER,)


def test_what_covers_nothing_else_leaves_other_usages_as_they_are() -> None:
    """An image may be used by itself beside."""
    alone = Usage(Reference("app", ACCOUNT, REGION, "shop/app", "v1"), "ecs", "ecs service prod/app")
    found = reasons(usage("other", PREFIX), alone)
    assert found[digest("index")] is Reason.IN_USE
    assert found[digest("child")] is Reason.PART_OF_IMAGE_IN_USE
    assert found[digest("untagged")] is Reason.OLD_AND_UNUSED


@given(
    st.from_regex(r"[a-z0-9]{1,5}([._/-][a-z0-9]{1,5}){0,3}", fullmatch=True),
    st.integers(1, 30),
    st.sampled_from(["{}", "${X}", "' & $x & '", '" + x + "']),
)
def test_a_text_that_breaks_off_anywhere_in_a_name_keeps_the_repository(
    name: str, length: int, placeholder: str
) -> None:
    """From the text to the verdict; a name that has ended is that repository and no other."""
    text = f"'{HOST}/{name[:length]}{placeholder}'"
    usages = [Usage(reference, "stepfunctions", CONSUMER) for reference in find(text)]
    assert set(reasons(*usages, name=name).values()) == {Reason.IN_USE}
    usages = [Usage(reference, "stepfunctions", CONSUMER) for reference in find(f"'{HOST}/{name}'")]
    assert set(reasons(*usages, name=name).values()) == {Reason.IN_USE}
    assert set(reasons(*usages, name=f"{name}-admin").values()) == {Reason.OLD_AND_UNUSED}
