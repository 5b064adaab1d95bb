"""What holds for every past."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.history import model, schema, unneeded
from ecr_cleaner.history.model import MAX_CONSUMERS, MIN_LOST_TAG_DAYS, History
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.schema import seal
from tests.builders import NOW, digest, image, usage

NAMES = [f"m{i}" for i in range(3)]
TAGS = ["v1", "v2", "prod"]
CONSUMERS = [f"service {n}" for n in range(6)]
START = NOW - timedelta(days=400)


@st.composite
def looks(draw: st.DrawFn, size: int = 5) -> list[History]:
    """Observations of one repository, the later ones later: images come and go, tags move, consumers too."""
    hours = sorted(draw(st.lists(st.integers(0, 24 * 70), min_size=1, max_size=size)))
    return [_look(draw, START + timedelta(hours=hour)) for hour in hours]


def _look(draw: st.DrawFn, at: datetime) -> History:
    present = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES)))
    must_go_first = {tag: draw(st.sampled_from([*present, None])) for tag in TAGS}
    images = [image(n, tags=[tag for tag, holder in must_go_first.items() if holder == n]) for n in present]
    used = {
        digest(name): [usage(of=name, consumer=c) for c in draw(st.lists(st.sampled_from(CONSUMERS), min_size=1))]
        for name in present
        if draw(st.booleans())
    }
    seen = model.observe("app", images, used, at, complete=draw(st.booleans()))
    gone = draw(st.dictionaries(st.sampled_from(NAMES), st.tuples(st.sampled_from(TAGS), st.booleans()), max_size=2))
    return model.removing(
        seen,
        {
            digest(name): RemovedImage((tag,), at + timedelta(minutes=1), "run", "archive" if archived else "delete")
            for name, (tag, archived) in gone.items()
        },
    )


def through_the_bucket(history: History) -> History:
    """Written and read again."""
    return schema.read_history(schema.write_history(history), "s3://b/k", "app")


def known_after(seen: list[History], days: int) -> History:
    """What is known after some looks, each written and read."""
    known = model.remember(None, seen[0], days)
    for look in seen[1:]:
        known = through_the_bucket(model.remember(known, look, days))
    return known


@given(looks(), st.integers(1, 60), st.integers(0, 24 * 70))
def test_what_was_in_use_within_the_days_is_never_forgotten(seen: list[History], days: int, hours: int) -> None:
    """As long as the image is there at every look since."""
    known = known_after(seen, days)
    now = seen[-1].observed_at + timedelta(hours=hours)
    kept = model.recent(known, [], now, days)
    for number, look in enumerate(seen):
        for name, entry in look.images.items():
            stays = all(name in later.images for later in seen[number:])
            if entry.last_in_use and now - entry.last_in_use <= timedelta(days=days) and stays:
                assert name in kept
                assert kept[name]


@given(looks(), st.integers(1, 60), st.integers(0, 24 * 70))
def test_only_who_could_ask_everybody_lets_go(seen: list[History], days: int, hours: int) -> None:
    """Of what was in use once: a complete look without it, more than the days ago, and no use since."""
    known = known_after(seen, days)
    now = seen[-1].observed_at + timedelta(hours=hours)
    kept = model.recent(known, [], now, days)
    for name, entry in known.images.items():
        if entry.last_in_use is None or name in kept:
            continue
        without = [
            look.observed_at
            for look in seen
            if look.observed_at > entry.last_in_use and name in look.images and look.images[name].unused_since
        ]
        assert without
        assert now - min(without) > timedelta(days=days)


@given(looks(), st.integers(1, 60), st.sampled_from(TAGS))
def test_what_had_a_tag_within_the_days_is_kept_for_who_names_it(seen: list[History], days: int, tag: str) -> None:
    """Whichever way the tag took since."""
    known = known_after(seen, days)
    now = seen[-1].observed_at
    kept = model.recent(known, [usage(tag=tag)], now, days)
    for number, look in enumerate(seen):
        for name, entry in look.images.items():
            stays = all(name in later.images for later in seen[number:])
            recent = now - look.observed_at <= timedelta(days=days)
            if tag in entry.tags and recent and stays:
                assert name in kept or tag in known.images[name].tags


@given(looks(), st.integers(0, 60))
def test_nothing_is_kept_for_longer_than_the_days(seen: list[History], days: int) -> None:
    """A history is no reason to keep everything, once everybody was asked."""
    at = seen[-1].observed_at + timedelta(hours=1)
    present = [image(n, tags=seen[-1].images[digest(n)].tags) for n in NAMES if digest(n) in seen[-1].images]
    known = known_after([*seen, model.observe("app", present, {}, at, complete=True)], days)
    later = at + timedelta(days=days, seconds=1)
    assert model.recent(known, [usage(tag=tag) for tag in TAGS], later, days) == {}


@given(looks(size=10), st.integers(0, 60))
def test_it_does_not_grow_with_the_number_of_runs(seen: list[History], days: int) -> None:
    """No more entries than images, five consumers, and no lost tag that could not protect."""
    known = known_after(seen, days)
    assert set(known.images) == set(seen[-1].images)
    for entry in known.images.values():
        assert len(entry.by) <= MAX_CONSUMERS
        limit = timedelta(days=max(days, MIN_LOST_TAG_DAYS))
        assert all(known.observed_at - lost_at <= limit for lost_at in entry.lost_tags.values())
        assert not set(entry.lost_tags) & set(entry.tags)


@st.composite
def pasts(draw: st.DrawFn) -> History:
    """What is known after some looks, of which some were judged: each time some images were unneeded."""
    known = None
    for seen in draw(looks()):
        known = model.remember(known, seen, 7)
        if draw(st.booleans()):
            names = draw(st.lists(st.sampled_from(NAMES), unique=True))
            known = unneeded.judged(known, set(map(digest, names)), seen.observed_at - timedelta(minutes=1))
        if draw(st.integers(0, 9)) == 0:
            known = unneeded.unjudged(known)
    assert known is not None
    return known


@given(pasts(), st.integers(1, 4))
def test_in_how_many_parts_it_is_written_does_not_matter(known: History, at_once: int) -> None:
    """The document is the one that any other content would have."""
    assert schema.write_history(known, at_once) == seal(known)


@given(pasts(), pasts())
def test_the_order_of_two_histories_does_not_matter(first: History, second: History) -> None:
    """Whoever writes second gets to know the same."""
    assert model.merge(first, second) == model.merge(second, first)


@given(pasts(), pasts(), pasts())
def test_the_order_of_three_does_not_matter_for_what_is_unneeded(one: History, other: History, third: History) -> None:
    """However many run at once."""
    left, right = model.merge(model.merge(one, other), third), model.merge(one, model.merge(other, third))
    assert (unneeded.since(left), left.judged) == (unneeded.since(right), right.judged)


@given(pasts(), pasts())
def test_in_doubt_an_image_is_needed(first: History, second: History) -> None:
    """It is unneeded by all that were judged, since the last of their times; who was not judged says nothing."""
    both = model.merge(first, second)
    told = [unneeded.since(history) for history in (first, second) if history.judged]
    agreed = set.intersection(*map(set, told)) if told else set()
    assert unneeded.since(both) == {name: max(times[name] for times in told) for name in agreed}
    assert both.judged is bool(told)


@given(pasts(), looks())
def test_an_observation_ends_verdicts_on_what_is_in_use_alone(known: History, seen: list[History]) -> None:
    """A run that fails later, or is refused, neither counts nor begins anything anew; nor is a use that it saw lost."""
    after = model.remember(known, seen[0], 7)
    expected = {
        name: at
        for name, at in unneeded.since(known).items()
        if name in after.images and ((used := after.images[name].last_in_use) is None or used < at)
    }
    assert unneeded.since(after) == expected


@given(pasts())
def test_the_same_twice_is_the_same(known: History) -> None:
    """A write whose answer got lost is done again."""
    assert model.merge(known, known) == known


@given(looks())
def test_the_same_look_twice_is_one(seen: list[History]) -> None:
    """Likewise."""
    known = known_after(seen, 7)
    assert model.remember(known, seen[-1], 7) == known


@given(looks(), looks(), st.integers(1, 60))
def test_two_histories_together_keep_what_each_of_them_keeps(
    one: list[History], other: list[History], days: int
) -> None:
    """Merging protects more, never less."""
    first, second = known_after(one, days), known_after(other, days)
    both = model.merge(first, second)
    kept = model.recent(both, [], START, days)
    assert set(kept) >= set(model.recent(first, [], START, days)) | set(model.recent(second, [], START, days))


@given(pasts())
def test_what_is_written_is_what_is_read(known: History) -> None:
    """Nothing gets lost on the way through the bucket."""
    assert through_the_bucket(known) == known
