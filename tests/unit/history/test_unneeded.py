"""What the history knows of images that nothing needs."""

from __future__ import annotations

from dataclasses import replace

from ecr_cleaner.history import model, unneeded
from ecr_cleaner.history.model import History, HistoryEntry
from tests.builders import NOW, ago, digest, image, usage

SEEN = model.observe("app", [image("a", tags=["v1"]), image("b"), image("c")], {}, NOW, complete=True)


def known(**since: str) -> History:
    """A history that was judged, with images that are unneeded since then."""
    images = {
        name: replace(entry, unneeded_since=ago(since[key]) if key in since else None)
        for key, name, entry in ((key, digest(key), SEEN.images[digest(key)]) for key in "abc")
    }
    return replace(SEEN, images=images, judged=True)


def test_an_observation_knows_of_none() -> None:
    """It does not know what keeps an image."""
    assert unneeded.since(SEEN) == {}
    assert not SEEN.judged


def test_a_verdict_begins_goes_on_and_ends() -> None:
    """The first run that found it so counts; what is needed again begins anew."""
    after = unneeded.judged(known(a="3d", c="2d"), {digest("a"), digest("b"), digest("gone")}, ago("1d"))
    assert unneeded.since(after) == {digest("a"): ago("3d"), digest("b"): ago("1d")}
    assert after.judged
    assert set(after.images) == set(SEEN.images)
    again = unneeded.judged(after, {digest("c")}, NOW)
    assert unneeded.since(again) == {digest("c"): NOW}


def test_the_rest_of_what_is_known_stays() -> None:
    """Verdicts are not all that a history has."""
    after = unneeded.judged(SEEN, {digest("a")}, NOW)
    assert after.images[digest("a")] == replace(SEEN.images[digest("a")], unneeded_since=NOW)
    assert replace(after, images={}, judged=False) == replace(SEEN, images={})
    assert unneeded.unjudged(after) == SEEN


def test_a_time_in_the_future_is_replaced() -> None:
    """Some clock was wrong: the image is unneeded since now at the earliest."""
    after = unneeded.judged(known(a="1d"), {digest("a")}, ago("2d"))
    assert unneeded.since(after) == {digest("a"): ago("2d")}


def test_who_judged_that_all_is_needed_has_judged() -> None:
    """So that an older history does not bring a verdict back."""
    all_needed = unneeded.judged(known(a="3d"), (), NOW)
    assert all_needed.judged
    assert unneeded.since(model.merge(all_needed, known(a="3d"))) == {}


def test_an_image_that_one_of_two_does_not_know_is_not_unneeded() -> None:
    """Nobody knows whether it was judged there."""
    other = replace(SEEN, images={}, judged=True)
    assert unneeded.since(model.merge(known(a="3d"), other)) == {}
    assert unneeded.since(model.merge(known(a="3d"), replace(other, judged=False))) == {digest("a"): ago("3d")}


def test_the_later_of_two_times_counts() -> None:
    """It is the shorter one that both vouch for."""
    both = model.merge(known(a="3d", b="1d"), known(a="2d", c="1d"))
    assert unneeded.since(both) == {digest("a"): ago("2d")}


def test_a_history_that_was_not_judged_cannot_say_so() -> None:
    """Whatever its entries hold."""
    odd = replace(SEEN, images={digest("a"): HistoryEntry(unneeded_since=NOW)})
    assert unneeded.since(model.merge(odd, odd)) == {}
    assert unneeded.since(model.merge(odd, known(a="3d"))) == {}


def test_what_was_in_use_since_is_needed() -> None:
    """Whoever saw that may have been killed before it judged."""
    used = {digest("a"): [usage(of="a")]}
    for look, expected in ((ago("1d"), {}), (ago("3d"), {}), (ago("4d"), {digest("a"): ago("3d")})):
        seen = model.observe("app", [image("a", tags=["v1"]), image("b"), image("c")], used, look, complete=True)
        assert unneeded.since(model.remember(replace(known(a="3d"), observed_at=ago("3d")), seen, 0)) == expected
