"""A plan only ever restricts: nothing goes by it that a fresh look keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.approval.plan import PlannedImage
from ecr_cleaner.approval.selection import permitted, retained
from ecr_cleaner.model.plan import Reason, RemovalStatus, RepositoryPlan, Verdict
from tests.builders import digest, image, repository
from tests.unit.decision.test_rules_properties import Registry, Settings, planned, registries, removed, settings

if TYPE_CHECKING:
    from ecr_cleaner.approval.selection import Planned


@st.composite
def plans(draw: st.DrawFn, registry: Registry) -> Planned:
    """Whatever somebody may have written: some images, with their tags or with others, and some that are not there."""
    images = registry.contents.images
    chosen = draw(st.lists(st.sampled_from(images), unique_by=lambda i: i.digest)) if images else []
    tags = {i.digest: i.tags if draw(st.integers(0, 4)) else (*i.tags, "zz") for i in chosen}
    reasons = st.sampled_from([Reason.OLD_AND_UNUSED] * 4 + [Reason.ARCHIVED_AND_UNUSED])
    named = {digest: approved(*held, reason=draw(reasons)) for digest, held in tags.items()}
    return named | ({digest("nowhere"): approved()} if draw(st.booleans()) else {})


def approved(*tags: str, reason: Reason = Reason.OLD_AND_UNUSED) -> PlannedImage:
    """What a person said yes to; which image that is says the key under which it stands."""
    return PlannedImage(digest=digest("any"), tags=tuple(sorted(tags)), bytes=0, reason=reason)


def as_judged(verdict: Verdict) -> PlannedImage:
    """The approval of just this removal."""
    return approved(*verdict.image.tags, reason=verdict.reason)


@given(registries(), settings(), st.data())
def test_a_plan_never_lets_go_what_a_fresh_verdict_keeps(registry: Registry, by: Settings, data: st.DataObject) -> None:
    """Nor what it does not name, nor what it names with other tags or for another reason."""
    fresh = planned(registry, by=by)
    named = data.draw(plans(registry))
    may_go, _ = permitted(fresh, named)
    verdicts = {v.image.digest: v for v in fresh.verdicts}
    for verdict in may_go.verdicts:
        assert verdict is verdicts[verdict.image.digest]
        assert verdict.removes
        assert named[verdict.image.digest] == as_judged(verdict)


@given(registries(), settings(), st.data())
def test_what_stays_stays_whole(registry: Registry, by: Settings, data: st.DataObject) -> None:
    """No index that stays loses a manifest, no subject that stays loses a signature, whatever the plan names."""
    fresh = planned(registry, by=by)
    may_go, _ = permitted(fresh, data.draw(plans(registry)))
    gone = {v.image.digest for v in may_go.verdicts}
    there = {i.digest for i in registry.contents.images}
    for index, listed in registry.contents.children.items():
        assert index not in there - gone or not set(listed) & gone
    for one in registry.contents.images:
        assert one.digest not in gone or one.subject not in there - gone
    assert all(may_go.must_go_first.get(d, frozenset()) <= gone for d in gone)


@given(registries(), settings(), st.data())
def test_every_removal_of_the_fresh_look_passes_or_ends(registry: Registry, by: Settings, data: st.DataObject) -> None:
    """One ending for each; and nothing else ends."""
    fresh = planned(registry, by=by)
    named = data.draw(plans(registry))
    may_go, endings = permitted(fresh, named)
    ended = [one.verdict.image.digest for one in endings]
    assert sorted([*ended, *(v.image.digest for v in may_go.verdicts)]) == sorted(removed(fresh))
    for one in endings:
        fits = named.get(one.verdict.image.digest) == as_judged(one.verdict)
        assert one.status is (RemovalStatus.HOLDER_KEPT if fits else RemovalStatus.NOT_IN_PLAN)


@given(registries(), settings())
def test_the_plan_of_the_same_look_passes_whole(registry: Registry, by: Settings) -> None:
    """Safety is not bought by refusing everything."""
    fresh = planned(registry, by=by)
    same = {v.image.digest: as_judged(v) for v in fresh.removals}
    may_go, endings = permitted(fresh, same)
    assert ({v.image.digest for v in may_go.verdicts}, endings) == (removed(fresh), ())
    assert not list(retained(fresh, same))


@given(registries(), settings(), st.data())
def test_every_image_of_a_plan_passes_or_ends_or_stays(registry: Registry, by: Settings, data: st.DataObject) -> None:
    """Nothing that a person approved of is passed over in silence."""
    fresh = planned(registry, by=by)
    named = data.draw(plans(registry))
    may_go, endings = permitted(fresh, named)
    told = {v.image.digest for v in may_go.verdicts} | {one.verdict.image.digest for one in endings}
    told |= {stay.digest for stay in retained(fresh, named)}
    assert set(named) <= told


def test_each_stay_says_why() -> None:
    """Kept with its consumer, changed with its tags, or gone."""
    kept = Verdict(image("kept"), Reason.IN_USE, ("ecs service prod/app", "lambda function app"))
    tagged = Verdict(image("tagged", tags=["new"]), Reason.OLD_AND_UNUSED)
    attic = Verdict(image("attic", active=False), Reason.ARCHIVED_AND_UNUSED)
    fresh = RepositoryPlan(repository(), (kept, tagged, attic))
    names = {"kept": (), "tagged": ("old",), "attic": (), "gone": ("v1",)}
    found = list(retained(fresh, {digest(name): approved(*tags) for name, tags in names.items()}))
    assert [(one.digest, one.tags, one.reason, one.detail) for one in found] == [
        (digest("kept"), (), "in_use", "ecs service prod/app; lambda function app"),
        (digest("tagged"), ("old",), "tags_changed", "its tags changed from ['old'] to ['new']"),
        (
            digest("attic"),
            (),
            "reason_changed",
            "it would be removed as archived_and_unused now; old_and_unused was approved",
        ),
        (digest("gone"), ("v1",), "gone", "it no longer exists"),
    ]
    assert {one.repository for one in found} == {"app"}


def test_what_hangs_on_what_stays_stays() -> None:
    """Through several: an index that lists an index that lists an image."""
    goes = tuple(Verdict(image(name), Reason.OLD_AND_UNUSED) for name in ("outer", "inner", "leaf"))
    must_go_first = {digest("outer"): frozenset[str](), digest("inner"): frozenset({digest("outer")})}
    parts = {digest("outer"): (goes[1].image, goes[2].image)}
    fresh = RepositoryPlan(repository(), goes, must_go_first | {digest("leaf"): frozenset({digest("inner")})}, parts)
    may_go, endings = permitted(fresh, {digest("inner"): approved(), digest("leaf"): approved()})
    assert (may_go.verdicts, may_go.must_go_first) == ((), {})
    assert [one.status for one in endings] == [
        RemovalStatus.NOT_IN_PLAN,
        RemovalStatus.HOLDER_KEPT,
        RemovalStatus.HOLDER_KEPT,
    ]
    may_go, endings = permitted(replace(fresh), {digest("outer"): approved(), digest("inner"): approved()})
    assert [v.image.digest for v in may_go.verdicts] == [digest("outer"), digest("inner")]
    assert (may_go.must_go_first, may_go.parts) == (must_go_first, parts)
    assert may_go.repository == fresh.repository


def test_what_hangs_on_nothing_needs_nothing_else_to_go() -> None:
    """The fresh plan names no image that must go before it."""
    alone = Verdict(image("alone"), Reason.OLD_AND_UNUSED)
    fresh = RepositoryPlan(repository(), (alone,))
    assert permitted(fresh, {digest("alone"): approved()}) == (fresh, ())
