"""What is known of the past, and whom it protects."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import pytest

from ecr_cleaner.history import index_lists, model, removed
from ecr_cleaner.history.model import MAX_CONSUMERS, MIN_LOST_TAG_DAYS, History, HistoryEntry
from ecr_cleaner.history.removed import MAX_REMOVED
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.schema import seal
from tests.builders import NOW, ago, digest, image
from tests.builders import usage as used

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_cleaner.model.usage import Usage

DAY = timedelta(days=1)


def look(
    at: datetime, tags: dict[str, list[str]], in_use: dict[str, list[str]] | None = None, *, complete: bool = True
) -> History:
    """One observation: images with their tags, and who uses them."""
    usages = {digest(name): [used(of=name, consumer=c) for c in by] for name, by in (in_use or {}).items()}
    return model.observe("app", [image(name, tags=t) for name, t in tags.items()], usages, at, complete=complete)


def after(*looks: History, keep_recently_used_days: int = 7) -> History:
    """What is known after some looks."""
    known = None
    for seen in looks:
        known = model.remember(known, seen, keep_recently_used_days)
    assert known is not None
    return known


def kept(known: History, *usages: Usage, now: datetime = NOW, days: int = 7) -> dict[str, tuple[str, ...]]:
    """What is kept for what was."""
    return model.recent(known, usages, now, days)


def test_a_look_notes_tags_and_who_uses_what() -> None:
    """Each image has an entry, used or not."""
    found = look(NOW, {"a": ["v1", "v0"], "b": []}, {"a": ["ecs service prod/z", "ecs service prod/a"]})
    assert found == History(
        "app",
        NOW,
        {
            digest("a"): HistoryEntry(("v0", "v1"), None, NOW, ("ecs service prod/a", "ecs service prod/z")),
            digest("b"): HistoryEntry(unused_since=NOW),
        },
    )


def test_a_look_that_could_not_ask_everybody_says_nothing_of_what_is_unused() -> None:
    """Whom it could not ask may use it."""
    assert look(NOW, {"a": []}, complete=False).images[digest("a")] == HistoryEntry()


def test_any_name_of_a_consumer_can_be_remembered() -> None:
    """JSON has no half characters, and the whole repository would fail for one; what is kept is for people."""
    seen = look(NOW, {"a": ["v1"]}, {"a": ["half \ud83d\x1b[2J\n"]})
    assert seen.images[digest("a")].by == ("half ??[2J ",)
    assert seal(seen)


def test_a_few_consumers_are_enough() -> None:
    """Hundreds of tasks of one image would fill the history."""
    found = look(NOW, {"a": []}, {"a": [f"task {n}" for n in range(20)]})
    assert len(found.images[digest("a")].by) == MAX_CONSUMERS


@pytest.mark.parametrize(("age", "keeps"), [("0d", True), ("7d", True), ("7d+1s", False), ("8d", False)])
def test_what_was_in_use_is_kept_for_some_days(age: str, *, keeps: bool) -> None:
    """From the first look that no longer found it in use; exactly N times 24 hours ago still counts."""
    used_once = look(ago("20d"), {"a": ["v1"]}, {"a": ["ecs service prod/api"]})
    known = after(used_once, look(ago(age), {"a": ["v1"]}), look(NOW, {"a": ["v1"]}))
    assert (digest("a") in kept(known)) is keeps


def test_nights_in_which_not_everybody_was_asked_do_not_count() -> None:
    """It may have been rolled forward yesterday."""
    nights = [look(ago(f"{day}d"), {"a": []}, complete=False) for day in range(19, 1, -1)]
    known = after(look(ago("20d"), {"a": []}, {"a": ["ecs service prod/api"]}), *nights)
    seen = "ecs service prod/api, last seen in use 2026-02-09 12:00 UTC; between then and"
    assert kept(known) == {digest("a"): (f"{seen} now no run could read every source",)}
    known = model.remember(known, look(ago("1d"), {"a": []}), 7)
    assert kept(known) == {digest("a"): (f"{seen} 2026-02-28 12:00 UTC no run could read every source",)}
    assert kept(known, now=NOW + 6 * DAY + timedelta(seconds=1)) == {}


def test_a_use_again_begins_anew() -> None:
    """What was found unused before it counts no more."""
    known = after(
        look(ago("30d"), {"a": []}, {"a": ["x"]}),
        look(ago("20d"), {"a": []}),
        look(ago("10d"), {"a": []}, {"a": ["x"]}),
    )
    assert known.images[digest("a")].unused_since is None
    assert digest("a") in kept(known)


def test_of_two_looks_at_one_moment_the_use_counts() -> None:
    """Whoever did not see it was not there any later."""
    one, other = look(NOW, {"a": []}, {"a": ["x"]}), look(NOW, {"a": []})
    assert after(one, other).images[digest("a")] == after(other, one).images[digest("a")]
    assert after(one, other).images[digest("a")].unused_since is None


def test_a_use_on_the_last_day_needs_no_more_words() -> None:
    """That nobody was asked since then is not why it stays."""
    known = after(look(ago("7d"), {"a": []}, {"a": ["x"]}), look(ago("6d"), {"a": []}))
    assert kept(known) == {digest("a"): ("x, last seen in use 2026-02-22 12:00 UTC",)}


def test_what_never_was_in_use_is_not_remembered_as_unused() -> None:
    """Nothing depends on it, and it would be a date for every image."""
    assert after(look(NOW, {"a": []})).images[digest("a")] == HistoryEntry()


def test_the_evidence_says_who_and_when() -> None:
    """Whoever wonders knows whom to ask."""
    known = after(look(ago("2d"), {"a": []}, {"a": ["lambda function f, version 3"]}), look(NOW, {"a": []}))
    assert kept(known) == {digest("a"): ("lambda function f, version 3, last seen in use 2026-02-27 12:00 UTC",)}


def test_a_use_by_nobody_known_is_a_use() -> None:
    """An entry without names still says when."""
    known = History("app", NOW, {digest("a"): HistoryEntry(last_in_use=NOW)})
    assert kept(known) == {digest("a"): ("last seen in use 2026-03-01 12:00 UTC",)}


def test_no_days_keep_nothing() -> None:
    """The protection is off; the history goes on."""
    known = after(look(NOW, {"a": ["v1"]}, {"a": ["ecs service prod/api"]}))
    assert kept(known, used(tag="v1"), days=0) == {}


def test_a_use_from_the_future_is_one() -> None:
    """The usages are collected after the run began, and clocks differ."""
    known = after(look(NOW + DAY, {"a": []}, {"a": ["x"]}))
    assert digest("a") in kept(known)


def test_a_later_use_takes_the_place_of_an_earlier_one() -> None:
    """Who and when belong together."""
    known = after(look(ago("3d"), {"a": []}, {"a": ["old"]}), look(ago("1d"), {"a": []}, {"a": ["new"]}))
    assert known.images[digest("a")].by == ("new",)
    assert known.images[digest("a")].last_in_use == ago("1d")


# Tags


def test_a_tag_that_moved_protects_its_last_image_too() -> None:
    """A consumer that names it may have been started before it moved."""
    known = after(look(ago("2d"), {"a": ["prod"], "b": []}), look(ago("1d"), {"a": [], "b": ["prod"]}))
    assert known.images[digest("a")].lost_tags == {"prod": ago("1d")}
    assert known.images[digest("a")].tags_changed_at == known.images[digest("b")].tags_changed_at == ago("1d")
    found = kept(known, used(tag="prod", consumer="ecs service prod/api"))
    assert found == {
        digest("a"): (
            "ecs service prod/api, by the tag prod: it had this tag until 2026-02-28 12:00 UTC at the latest",
        )
    }


@pytest.mark.parametrize(
    "usage", [used(tag="v2"), used(tag="prod", repository="other"), used(of="b"), used(tag=None, of="b")]
)
def test_other_usages_do_not_name_the_tag(usage: Usage) -> None:
    """Another tag, another repository, a digest alone."""
    known = after(look(ago("2d"), {"a": ["prod"]}), look(ago("1d"), {"a": []}))
    assert kept(known, usage) == {}


def test_no_tag_at_all_means_latest() -> None:
    """As for every runtime."""
    known = after(look(ago("2d"), {"a": ["latest"]}), look(ago("1d"), {"a": []}))
    assert digest("a") in kept(known, used())


@pytest.mark.parametrize(("age", "keeps"), [("7d", True), ("7d+1s", False)])
def test_a_lost_tag_protects_for_some_days(age: str, *, keeps: bool) -> None:
    """From the first look without it."""
    known = after(look(ago("20d"), {"a": ["prod"]}), look(ago(age), {"a": []}))
    assert (digest("a") in kept(known, used(tag="prod"))) is keeps


def test_a_tag_that_came_back_is_not_lost() -> None:
    """The image has it now; and it changed twice."""
    known = after(look(ago("3d"), {"a": ["v1"]}), look(ago("2d"), {"a": []}), look(ago("1d"), {"a": ["v1"]}))
    entry = known.images[digest("a")]
    assert (entry.lost_tags, entry.tags, entry.tags_changed_at) == ({}, ("v1",), ago("1d"))


def test_a_tag_lost_twice_counts_from_the_second_time() -> None:
    """It protects longer."""
    known = after(
        look(ago("4d"), {"a": ["v1"]}),
        look(ago("3d"), {"a": []}),
        look(ago("2d"), {"a": ["v1"]}),
        look(ago("1d"), {"a": []}),
    )
    assert known.images[digest("a")].lost_tags == {"v1": ago("1d")}


@pytest.mark.parametrize(("keep_recently_used_days", "remembered"), [(7, MIN_LOST_TAG_DAYS), (60, 60)])
def test_lost_tags_are_forgotten(keep_recently_used_days: int, remembered: int) -> None:
    """A month later, or as much later as they may protect."""
    first = look(ago("100d"), {"a": ["v1"]})
    lost_at = ago("99d")
    for passed, there in ((remembered * DAY, True), (remembered * DAY + timedelta(seconds=1), False)):
        known = after(
            first,
            look(lost_at, {"a": []}),
            look(lost_at + passed, {"a": []}),
            keep_recently_used_days=keep_recently_used_days,
        )
        assert bool(known.images[digest("a")].lost_tags) is there


def test_of_a_tag_that_is_forgotten_the_rest_is_remembered() -> None:
    """It is about the image."""
    entry = HistoryEntry(last_in_use=ago("9d"), unused_since=ago("8d"), unneeded_since=ago("7d"))
    known = History("app", NOW, {digest("a"): replace(entry, lost_tags={"v1": ago("99d")})})
    assert model.remember(None, known, 7).images[digest("a")] == entry


def test_of_what_stays_as_it_is_nothing_new_is_made() -> None:
    """There may be very many, and of nearly all of them nothing changed."""
    entry = HistoryEntry(lost_tags={"v1": NOW - MIN_LOST_TAG_DAYS * DAY})
    known = model.remember(None, History("app", NOW, {digest("a"): entry}), 7)
    assert known.images[digest("a")] is entry


# Two writers


def test_what_is_gone_is_forgotten() -> None:
    """Entries are as many as images."""
    known = after(look(ago("1d"), {"a": [], "b": []}, {"a": ["x"]}), look(NOW, {"b": []}))
    assert set(known.images) == {digest("b")}


def test_what_somebody_saw_later_is_not_forgotten() -> None:
    """A slow run writes after a fast one: what was pushed and used meanwhile is the other's knowledge."""
    later = look(NOW, {"a": ["v2"], "new": ["v1"]}, {"new": ["x"]})
    known = model.remember(later, look(ago("1h"), {"a": ["v1", "v2"], "gone": []}, {"a": ["y"]}), 7)
    assert known.observed_at == NOW
    assert set(known.images) == {digest("a"), digest("new"), digest("gone")}
    assert known.images[digest("a")] == HistoryEntry(("v2",), NOW, ago("1h"), ("y",), {"v1": NOW}, NOW)
    assert known.images[digest("new")].last_in_use == NOW


def test_two_looks_at_one_moment_tell_of_all_tags() -> None:
    """Neither is the later one."""
    one, other = look(NOW, {"a": ["v1"]}, {"a": ["x"]}), look(NOW, {"a": ["v2"]}, {"a": ["y"]})
    assert model.merge(one, other) == model.merge(other, one)
    entry = model.merge(one, other).images[digest("a")]
    assert (entry.tags, entry.by, entry.lost_tags) == (("v1", "v2"), ("x", "y"), {})


def test_a_tag_that_came_back_between_two_histories_was_lost_twice() -> None:
    """Somebody saw it there after the one who saw it go: it went once more, nobody knows when."""
    one = after(look(ago("9d"), {"a": ["v1"]}), look(ago("8d"), {"a": []}), look(ago("1d"), {"a": []}))
    other = look(ago("3d"), {"a": ["v1"]})
    assert model.merge(one, other).images[digest("a")].lost_tags == {"v1": ago("1d")}
    assert model.merge(one, look(ago("10d"), {"a": ["v1"]})).images[digest("a")].lost_tags == {"v1": ago("8d")}


def test_everything_that_keeps_an_image_is_evidence() -> None:
    """Its last use, and every tag that it lost."""
    known = after(
        look(ago("3d"), {"a": ["prod", "test"]}, {"a": ["ecs task x"]}),
        look(ago("2d"), {"a": ["test"]}),
        look(ago("1d"), {"a": []}),
    )
    (evidence,) = kept(known, used(tag="test", consumer="b"), used(tag="prod", consumer="c")).values()
    assert evidence == (
        "ecs task x, last seen in use 2026-02-26 12:00 UTC",
        "c, by the tag prod: it had this tag until 2026-02-27 12:00 UTC at the latest",
        "b, by the tag test: it had this tag until 2026-02-28 12:00 UTC at the latest",
    )


def test_what_a_look_at_the_same_moment_does_not_find_is_gone() -> None:
    """It is the present that it tells of."""
    known = after(look(NOW, {"a": ["v1"], "b": []}), look(NOW, {"b": []}))
    assert known.images.keys() == {digest("b")}


def test_a_lost_tag_is_remembered_to_the_second() -> None:
    """Exactly so many days ago is not too long ago; a moment more is."""
    entry = HistoryEntry((), None, None, (), {"v1": ago("30d"), "v2": ago("30d+1s")})
    known = model.remember(History("app", ago("1d"), {digest("a"): entry}), look(NOW, {"a": []}), 7)
    assert known.images[digest("a")].lost_tags == {"v1": ago("30d")}


def test_of_two_losses_of_a_tag_the_later_one_counts() -> None:
    """Whichever of two histories knows of it."""
    late = History("app", ago("2d"), {digest("a"): HistoryEntry((), None, None, (), {"v1": ago("3d")})})
    early = History("app", ago("1d"), {digest("a"): HistoryEntry((), None, None, (), {"v1": ago("8d")})})
    assert model.merge(late, early).images[digest("a")].lost_tags == {"v1": ago("3d")}


def test_tags_that_differ_from_those_of_a_change_have_changed_again() -> None:
    """Who noted a change at the moment of the other look has not compared with it."""
    older = History("app", ago("2d"), {digest("a"): HistoryEntry(("v1",))})
    newer = History("app", ago("1d"), {digest("a"): HistoryEntry(("v2",), ago("2d"))})
    assert model.merge(older, newer).images[digest("a")].tags_changed_at == ago("1d")


@pytest.mark.parametrize(
    ("pulled", "kind", "kept"),
    [
        ("0s", "image", True),
        ("1h", "image", True),
        ("1h6m", "image", True),
        ("1h6m1s", "image", False),
        (None, "image", False),
        ("0s", "index", False),
    ],
)
def test_what_is_pulled_while_usages_are_collected_is_kept(pulled: str | None, kind: str, *, kept: bool) -> None:
    """Its consumer may have come after its source was asked; an index is pulled by this run too."""
    found = model.pulled_since([image("a", pulled=pulled, kind=kind), image("b", pulled="9d")], ago("1h"))
    assert found.keys() == ({digest("a")} if kept else set())


def test_the_evidence_of_a_pull_says_when() -> None:
    """So that people find who it was."""
    (evidence,) = model.pulled_since([image(pulled="1h")], ago("2h")).values()
    assert evidence == ("pulled 2026-03-01 11:00 UTC, while usages were collected",)


LISTED = (digest("a"), digest("b"))


def test_what_an_index_lists_is_remembered_for_ever() -> None:
    """Later looks, which may not be able to read it any more, do not make it forgotten; nor do earlier ones."""
    index, other = image("index", kind="index"), image("other")
    look = model.observe("app", [index, other], {}, ago("2d"), complete=True)
    learned = index_lists.learned(look, {index.digest: LISTED, digest("not there"): LISTED})
    assert learned.images == {index.digest: replace(look.images[index.digest], children=LISTED)} | {
        other.digest: look.images[other.digest]
    }
    later = model.observe("app", [index, other], {}, ago("1d"), complete=True)
    for one, next_one in ((learned, later), (look, index_lists.learned(later, {index.digest: LISTED}))):
        known = model.remember(one, next_one, 7)
        assert (known.images[index.digest].children, known.images[other.digest].children) == (LISTED, ())


def test_what_is_known_of_indexes_is_known() -> None:
    """Of those alone that are asked for; an index that lists nothing is read again."""
    known = History(
        "app",
        NOW,
        {digest("one"): HistoryEntry(children=LISTED), digest("two"): HistoryEntry(children=LISTED)}
        | {digest("empty"): HistoryEntry()},
    )
    asked = [digest(name) for name in ("one", "empty", "unknown")]
    assert index_lists.lists(known, asked) == {digest("one"): LISTED}
    assert index_lists.lists(None, asked) == {}


# What runs removed


def gone(*tags: str, at: str = "1d", action: Literal["delete", "archive"] = "delete") -> RemovedImage:
    """What a run was about to do."""
    return RemovedImage(tags, ago(at), "run-1", action)


def later(known: History, tags: dict[str, list[str]]) -> dict[str, RemovedImage]:
    """What is still known to be gone after a look now."""
    return dict(model.remember(known, look(NOW, tags), 7).removed)


def test_what_a_run_removed_is_remembered_until_it_is_seen_again() -> None:
    """What is there came back, or never went."""
    known = model.removing(look(ago("2d"), {"a": ["v1"], "b": []}), {digest("a"): gone("v1"), digest("b"): gone()})
    assert later(known, {"c": []}) == {digest("a"): gone("v1"), digest("b"): gone()}
    assert later(known, {"b": []}) == {digest("a"): gone("v1")}


def test_what_was_archived_is_remembered_as_long_as_it_is_there() -> None:
    """What somebody deleted from the archive, nobody here did."""
    known = model.removing(look(ago("2d"), {"a": ["v1"]}), {digest("a"): gone("v1", action="archive")})
    assert later(known, {"a": ["v1"]}) == {digest("a"): gone("v1", action="archive")}
    assert later(known, {}) == {}


def test_a_tag_that_another_image_got_is_not_what_went() -> None:
    """If that one goes by somebody else's hand, it is missing and nobody here removed it."""
    known = model.removing(look(ago("2d"), {"a": ["v1", "v2"]}), {digest("a"): gone("v1", "v2")})
    assert later(known, {"new": ["v1"]}) == {digest("a"): gone("v2")}


def test_an_older_look_contradicts_nothing() -> None:
    """Of two runs at once the one that looked first may write last; and what goes was there a moment ago."""
    known = model.removing(look(NOW, {}), {digest("a"): gone("v1")})
    assert model.remember(known, look(ago("1h"), {"a": ["v1"]}), 7).removed == {digest("a"): gone("v1")}


def test_a_look_at_the_very_moment_of_a_removal_has_the_last_word() -> None:
    """It was noted before it went, so it may be there still."""
    assert removed.still_removed({digest("a"): gone("v1", at="1d")}, {digest("a")}, {}, ago("1d")) == {}
    assert removed.still_removed({digest("a"): gone("v1", at="1d")}, {digest("a")}, {}, ago("1d+1s")) != {}


def test_what_a_look_knew_already_is_not_forgotten() -> None:
    """Another look that is as old changes nothing."""
    seen = look(ago("2d"), {"a": ["v1"]})
    known = model.removing(seen, {digest("a"): gone("v1")})
    assert model.remember(known, seen, 7).removed == known.removed


def test_what_went_is_remembered_for_some_time_and_the_last_ones() -> None:
    """Bounded, however much goes."""
    known = model.removing(look(ago("2d"), {}), {digest("old"): gone(at="90d+1s"), digest("new"): gone(at="90d")})
    assert set(later(known, {})) == {digest("new")}
    many = {digest(str(n)): gone(at=f"{n}m") for n in range(MAX_REMOVED + 5)}
    assert set(model.removing(look(NOW, {}), many).removed) == {digest(str(n)) for n in range(MAX_REMOVED)}


def test_what_goes_twice_went_the_second_time() -> None:
    """It was archived and then deleted, or was pushed again in between."""
    known = model.removing(look(ago("2d"), {}), {digest("a"): gone(action="archive", at="9d")})
    again = model.removing(known, {digest("a"): gone(at="1d")})
    assert again.removed == {digest("a"): gone(at="1d")}
    assert model.merge(known, again).removed == model.merge(again, known).removed == again.removed
