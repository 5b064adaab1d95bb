"""Usages that cover more than an image: whose they are, and what one consumer alone keeps by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision import wide_usages
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.decision.wide_usages import KeptAlone
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.usage import ReferenceScope, Usage, UsageKind
from ecr_cleaner.reference import named
from tests.builders import NOW, image, repository

if TYPE_CHECKING:
    from collections.abc import Sequence

MACHINE: Final = "arn:aws:states:us-east-1:123456789012:stateMachine:train"
IMAGE, REPOSITORY, PREFIX = ReferenceScope.IMAGE, ReferenceScope.REPOSITORY, ReferenceScope.PREFIX


def usage(
    name: str, breadth: ReferenceScope = REPOSITORY, *, consumer: str = "train", arn: str = "", tag: str | None = None
) -> Usage:
    """A usage of a text."""
    return Usage(
        named(name, breadth=breadth, tag=tag),
        "stepfunctions",
        f"state machine {consumer}",
        UsageKind.SCHEDULED,
        consumer_arn=arn,
        in_text=True,
    )


def test_only_what_is_wider_than_an_image_counts() -> None:
    """By the ARN, whatever the source calls the consumer; without one by its name."""
    newest, version = usage("app", arn=MACHINE), usage("web", arn=MACHINE, consumer="train:3")
    other, exact = usage("", PREFIX, consumer="report"), usage("app", IMAGE, tag="v1", arn=MACHINE)
    found = wide_usages.by_consumer([newest, exact, other, version])
    assert found == {MACHINE: (newest, version), wide_usages.consumer_of(other): (other,)}


def test_one_consumer_alone_covers_a_repository() -> None:
    """All its wide usages are set against all others; its complete references are among these."""
    covering, elsewhere, exact = usage("app", arn=MACHINE), usage("web", arn=MACHINE), usage("app", IMAGE, tag="v1")
    found = wide_usages.without_only_consumer([covering, exact, elsewhere], "app")
    assert found == ((covering, elsewhere), (exact,))


def test_what_is_wide_elsewhere_or_not_wide_stays() -> None:
    """Usages of another consumer that cover another repository, and the complete references of the same one."""
    covering, exact = usage("app", arn=MACHINE), usage("app", IMAGE, tag="v1", arn=MACHINE)
    other = usage("web", consumer="report")
    assert wide_usages.without_only_consumer([covering, exact, other], "app") == ((covering,), (exact, other))


def test_where_several_consumers_cover_a_repository_none_does_alone() -> None:
    """Nor where none does."""
    usages = [usage("app"), usage("", PREFIX, consumer="report"), usage("app", IMAGE, tag="v1", consumer="third")]
    assert wide_usages.without_only_consumer(usages, "app") is None
    assert wide_usages.without_only_consumer(usages[2:], "app") is None


@given(
    st.lists(
        st.builds(
            usage,
            st.sampled_from(["app", "ap", "web", ""]),
            st.sampled_from([REPOSITORY, PREFIX]),
            consumer=st.sampled_from(["a", "b", "c"]),
        )
        | st.builds(usage, st.just("app"), st.just(IMAGE), tag=st.sampled_from(["v1", "v2"])),
        max_size=5,
    )
)
def test_what_is_kept_alone_is_what_would_go_without_the_consumer(usages: list[Usage]) -> None:
    """Whoever is the only one; with everybody else there is always another one who keeps it."""
    images = [
        image("index", kind="index", tags=["v1"], size=900),
        image("child", size=10),
        image("second", tags=["v2"], size=200),
        image("third", size=3000),
        image("young", pushed="1d", size=50000),
    ]
    contents = RepositorySnapshot(tuple(images), {images[0].digest: (images[1].digest,)}, ())

    def removed(of: Sequence[Usage]) -> set[str]:
        return {one.image.digest for one in evaluate(repository("app"), contents, of, NOW).removals}

    found = wide_usages.without_only_consumer(usages, "app")
    if found is None:
        wide = list(wide_usages.by_consumer(usages))
        for consumer in wide:
            others = [one for one in usages if not one.reference.is_wide or wide_usages.consumer_of(one) != consumer]
            assert removed(others) == removed(usages)
        return
    alone, rest = found
    consumer = wide_usages.consumer_of(alone[0])
    plans = [evaluate(repository("app"), contents, of, NOW) for of in (usages, rest)]
    kept = removed(rest) - removed(usages)
    sizes = {one.digest: 0 if one.is_index else one.size_bytes for one in images}
    expected = KeptAlone(consumer, len(kept), sum(sizes[digest] for digest in kept))
    assert wide_usages.kept_alone(consumer, *plans) == expected
