"""Consumers that fail because of what the cleaner removed, and those that fail otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.pull_failures import MOST, PullFailureMonitor, removed_as, restore_command
from ecr_cleaner.errors import OutOfTimeError
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.usage import Reference, UsageKind
from tests.builders import ACCOUNT, NOW, REGION, ago, digest, image, usage

if TYPE_CHECKING:
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.usage import Usage

RESTORE = restore_command("{}", "cleaner", REGION)


def gone(*tags: str, at: str = "3d", action: str = "delete") -> RemovedImage:
    """What a run removed."""
    return RemovedImage(tags, ago(at), "run-7", action)  # type: ignore[arg-type]


def failing(*, tag: str | None = None, of: str | None = None, consumer: str = "ecs task prod/1 (stopped)") -> Usage:
    """A consumer that did not get its image."""
    return replace(usage(tag=tag, of=of, consumer=consumer), failure="CannotPullContainerError: not found")


def no_question(_: Usage) -> str:
    """Nobody has to be asked."""
    raise AssertionError


def refusals(*usages: Usage, images: tuple[Image, ...] = (), removed: dict[str, RemovedImage]) -> list[str]:
    """Why nothing may go."""
    watch = PullFailureMonitor(usages, RESTORE, no_question)
    watch.note("app", watch.sentences_of("app", images, removed))
    return watch.refusals


@pytest.mark.parametrize("of", [{"tag": "v1"}, {"of": "old"}, {"tag": "v1", "of": "old"}])
def test_who_fails_for_want_of_a_removed_image_stops_everything(of: dict[str, str]) -> None:
    """Consumer, image, run, moment, AWS's own words, and what to paste."""
    (found,) = refusals(failing(**of), removed={digest("old"): gone("v1")})
    assert found == (
        f"ecs task prod/1 (stopped) fails without app@{digest('old')} (CannotPullContainerError: not found), and"
        " run run-7 was about to delete it 2026-02-26 12:00 UTC; nothing is removed while it fails: bring the image"
        " back, or let the consumer name another one: ecr-cleaner restore --region us-east-1 --function cleaner"
        f" app@{digest('old')}"
    )


def test_an_archived_image_counts_as_removed() -> None:
    """Nothing can pull it either; one that is being restored is on its way."""
    old = image("old", tags=["v1"], active=False)
    removed = {digest("old"): gone("v1", action="archive")}
    (found,) = refusals(failing(tag="v1"), images=(old,), removed=removed)
    assert "was about to archive it" in found
    for there in (replace(old, active=True), replace(old, activating=True)):
        assert refusals(failing(tag="v1"), images=(there,), removed=removed) == []


@pytest.mark.parametrize(
    ("one", "images", "removed"),
    [
        (usage(tag="v1"), (), {digest("old"): gone("v1")}),  # it names it and has not failed: a finding
        (failing(tag="v2"), (), {digest("old"): gone("v1")}),  # somebody else removed that one
        (failing(of="other"), (), {digest("old"): gone("v1")}),
        (failing(tag="v1"), (image("new", tags=["v1"]),), {digest("old"): gone("v1")}),  # it is there: another cause
        (failing(of="old"), (image("old"),), {digest("old"): gone("v1")}),
        (failing(tag="v1"), (), {}),
        (failing(tag="v1"), (image("old", tags=["v1"], active=False),), {}),  # archived by somebody else
    ],
)
def test_other_failures_are_none_of_its_business(
    one: Usage, images: tuple[Image, ...], removed: dict[str, RemovedImage]
) -> None:
    """A run that stops for what it did not do would never start again."""
    assert refusals(one, images=images, removed=removed) == []


def test_a_failure_in_another_repository_says_nothing_of_this_one() -> None:
    """The same tag is another image there."""
    other = replace(failing(tag="v1"), reference=Reference("x", ACCOUNT, REGION, "other", "v1"))
    assert refusals(other, removed={digest("old"): gone("v1")}) == []


def fails_in(repository: str) -> Usage:
    """A consumer that did not get ``v1`` of a repository."""
    return replace(failing(tag="v1"), reference=Reference("x", ACCOUNT, REGION, repository, "v1"))


def test_what_every_repository_lacks_is_recorded() -> None:
    """One after the other."""
    watch = PullFailureMonitor([fails_in("app"), fails_in("web")], RESTORE, no_question)
    for name in ("app", "web", "jobs"):
        watch.note(name, watch.sentences_of(name, (), {digest("old"): gone("v1")}))
    assert [text.split(" (Cannot")[0] for text in watch.refusals] == [
        f"ecs task prod/1 (stopped) fails without {name}@{digest('old')}" for name in ("app", "web")
    ]


def test_who_may_fail_for_want_of_a_removed_image_stops_everything_too() -> None:
    """Nobody knows what a repository lacks that could not be read."""
    watch = PullFailureMonitor([fails_in("app"), fails_in("web")], RESTORE, no_question)
    for name in ("app", "web", "jobs"):
        watch.mark_unreadable(name, "AccessDenied")
    assert watch.refusals == [
        f"ecs task prod/1 (stopped) fails without an image of {name} (CannotPullContainerError: not found), and it is"
        " unknown whether an earlier run removed it: AccessDenied"
        for name in ("app", "web")
    ]


def test_what_failing_consumers_name_is_known() -> None:
    """So that it can be looked at before all other repositories."""
    anywhere = replace(fails_in("app"), reference=Reference("x", digest=digest("x")))
    watch = PullFailureMonitor([fails_in("app"), fails_in("web"), anywhere], RESTORE, no_question)
    assert watch.repositories == {"app", "web"}


def test_a_repository_that_was_looked_at_is_known() -> None:
    """What cannot be read of it later is no reason to doubt that."""
    watch = PullFailureMonitor([fails_in("app"), fails_in("web")], RESTORE, no_question)
    watch.note("app", watch.sentences_of("app", (image("new", tags=["v1"]),), {digest("old"): gone("v1")}))
    watch.mark_unreadable("app", "AccessDenied")
    assert watch.refusals == []


def test_many_are_counted_and_none_is_told_twice() -> None:
    """A refusal is no list of thousands."""
    many = [failing(tag="v1", consumer=f"ecs task prod/{n:02} (stopped)") for n in range(MOST + 2)]
    found = refusals(*many, *many, removed={digest("old"): gone("v1")})
    assert len(found) == MOST + 1
    assert found[-1] == "and 2 more consumers fail for this reason"


def test_the_last_one_that_had_a_tag_is_meant() -> None:
    """A tag moves; what was removed first had it before."""
    removed = {digest("a"): gone("v1", at="9d"), digest("b"): gone("v1", at="2d"), digest("c"): gone("v2", at="1d")}
    assert removed_as(":v1", removed) == (digest("b"), removed[digest("b")])
    assert removed_as(f"@{digest('a')}", removed) == (digest("a"), removed[digest("a")])
    assert removed_as(":v3", removed) is removed_as(f"@{digest('d')}", removed) is None


names = st.sampled_from("abcd")
tags = st.sampled_from(["v1", "v2", "v3"])


@given(
    st.lists(st.builds(lambda tag, of, fails: (tag, of, fails), tags | st.none(), names | st.none(), st.booleans())),
    st.dictionaries(names, st.sets(tags), max_size=3),
    st.dictionaries(names, st.sets(tags), max_size=3),
)
def test_it_refuses_only_for_what_was_removed_is_not_there_and_fails(
    consumers: list[tuple[str | None, str | None, bool]], there: dict[str, set[str]], removed: dict[str, set[str]]
) -> None:
    """Whatever names what: without one of the three there is no refusal, and with all three there is one."""
    usages = [failing(tag=t, of=o) if fails else usage(tag=t, of=o) for t, o, fails in consumers]
    images = tuple(image(name, tags=held) for name, held in there.items())
    held = {tag for names in there.values() for tag in names}
    known = {digest(name): RemovedImage(tuple(sorted(had)), NOW, "r", "delete") for name, had in removed.items()}
    expected = any(
        fails
        and (
            (of in removed and of not in there)
            if of
            else ((t or "latest") not in held and any((t or "latest") in had for had in removed.values()))
        )
        for t, of, fails in consumers
    )
    assert bool(refusals(*usages, images=images, removed=known)) is expected


def test_the_evidence_makes_no_difference() -> None:
    """A rollback target that fails is one that was started."""
    one = replace(failing(tag="v1"), evidence=UsageKind.ROLLBACK)
    assert refusals(one, removed={digest("old"): gone("v1")})


NOT_ASKED: Final = replace(usage(tag="v1", consumer="lambda function f, version 1"), unasked="f:1")


@pytest.mark.parametrize("says", ["StateReasonCode ImageDeleted", ""])
def test_who_was_not_asked_is_asked_if_its_image_was_removed(says: str) -> None:
    """Once, and as if it had been asked before."""
    asked: list[Usage] = []

    def ask(one: Usage) -> str:
        asked.append(one)
        return says

    by_digest = replace(NOT_ASKED, reference=replace(NOT_ASKED.reference, digest=digest("old")))
    watch = PullFailureMonitor([NOT_ASKED, by_digest], RESTORE, ask)
    removed = {digest("old"): gone("v1")}
    watch.note("app", watch.sentences_of("app", (), removed))
    assert len(asked) == 1
    told = [replace(one, failure=says, unasked="") for one in (NOT_ASKED, by_digest) if says]
    assert watch.refusals == refusals(*told, removed=removed)
    assert bool(watch.refusals) is bool(says)


@pytest.mark.parametrize(
    ("images", "removed"),
    [
        ((), {}),
        ((), {digest("old"): gone("v2")}),
        ((image("new", tags=["v1"]),), {digest("old"): gone("v1")}),
        ((image("old", tags=["v1"], active=False),), {digest("other"): gone("v2")}),
    ],
)
def test_nobody_is_asked_whose_image_is_there_or_was_removed_by_others(
    images: tuple[Image, ...], removed: dict[str, RemovedImage]
) -> None:
    """Every other night would ask all of them."""
    assert refusals(NOT_ASKED, images=images, removed=removed) == []


def test_who_was_not_asked_is_asked_where_a_repository_cannot_be_read() -> None:
    """It may lack an image that was removed; with no time left for asking, there is none for removing either."""
    watch = PullFailureMonitor([NOT_ASKED], RESTORE, lambda _: "StateReasonCode ImageDeleted")
    watch.mark_unreadable("app", "AccessDenied")
    (sentence,) = watch.refusals
    assert sentence.startswith("lambda function f, version 1 fails without an image of app (StateReasonCode")

    def too_late(_: Usage) -> str:
        raise OutOfTimeError("GetFunction")

    watch = PullFailureMonitor([NOT_ASKED], RESTORE, too_late)
    watch.mark_unreadable("app", "there was no time to read it")
    assert watch.refusals == []
    with pytest.raises(OutOfTimeError):
        watch.sentences_of("app", (), {digest("old"): gone("v1")})
