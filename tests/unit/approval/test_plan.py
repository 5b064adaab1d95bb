"""A plan's id is its content; what does not fit here and now is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.plan import PlanBinding, PlannedImage
from ecr_cleaner.errors import ApprovalError
from ecr_cleaner.model.plan import Reason, RepositoryPlan, Verdict
from tests.builders import ACCOUNT, NOW, REGION, digest, image, repository

if TYPE_CHECKING:
    from ecr_cleaner.approval.plan import SavedPlan

HASH = "0" * 64
HERE: dict[str, Any] = {
    "account": ACCOUNT,
    "region": REGION,
    "function": "cleaner",
    "removal": "delete",
    "settings_sha256": HASH,
}


def repository_plan(name: str, *images: str, kind: str = "image", keep: tuple[str, ...] = ()) -> RepositoryPlan:
    """What goes, and what is kept."""
    goes = [Verdict(image(i, repository=name, tags=[i], kind=kind), Reason.OLD_AND_UNUSED) for i in images]
    stays = [Verdict(image(i, repository=name), Reason.IN_USE) for i in keep]
    return RepositoryPlan(repository(name), (*goes, *stays))


def made(*plans: RepositoryPlan, **more: Any) -> SavedPlan:
    """A plan, made now."""
    moments: dict[str, Any] = {"now": NOW, "expires_after": timedelta(hours=72)}
    moments |= {name: more.pop(name) for name in moments if name in more}
    return approval_plan.of_run(plans, PlanBinding(**(HERE | more)), **moments)


def test_only_what_goes_stands_in_it() -> None:
    """In one order, whatever order it was found in; an index counts no bytes of its own."""
    plan = made(
        repository_plan("web", "c", "b", "a", keep=("d",)),
        repository_plan("app", kind="index", keep=("e",)),
        repository_plan("api", "f", kind="index"),
    )
    named = {one.name: [i.digest for i in one.images] for one in plan.repositories}
    assert named == {"api": [digest("f")], "web": sorted(map(digest, "abc"))}
    assert list(named) == ["api", "web"]
    assert (plan.images, plan.size_bytes) == (4, 3000)
    approved = PlannedImage(digest=digest("a"), tags=("a",), bytes=1000, reason=Reason.OLD_AND_UNUSED)
    assert plan.approved["web"][digest("a")] == approved
    assert (plan.created_at, plan.expires_at) == (NOW, NOW + timedelta(hours=72))


def test_the_id_is_the_hash_of_canonical_json() -> None:
    """Anybody can compute it: sorted members, no blanks, UTF-8."""
    plan = made(repository_plan("api", "a"))
    content = json.loads(plan.document)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert plan.document == text.encode()
    assert plan.id == hashlib.sha256(plan.document).hexdigest()
    assert content == {
        "schema_version": 1,
        "account": ACCOUNT,
        "region": REGION,
        "function": "cleaner",
        "removal": "delete",
        "created_at": "2026-03-01T12:00:00Z",
        "expires_at": "2026-03-04T12:00:00Z",
        "settings_sha256": HASH,
        "repositories": [
            {
                "name": "api",
                "images": [{"digest": digest("a"), "tags": ["a"], "bytes": 1000, "reason": "old_and_unused"}],
            }
        ],
    }


def test_canonical_json_is_utf_8_without_needless_escapes() -> None:
    """As RFC 8785 has it."""
    assert approval_plan.canonical({"b": ["é", 'a"\n'], "a": 1}) == '{"a":1,"b":["é","a\\"\\n"]}'.encode()


def test_moments_are_whole_seconds() -> None:
    """One spelling."""
    assert made(now=NOW + timedelta(microseconds=7)).document == made().document


names = st.sampled_from("abcdefgh")
contents = st.dictionaries(st.sampled_from(["api", "web", "app"]), st.sets(names, min_size=1), max_size=3)


@given(contents, contents)
def test_two_contents_have_two_ids(one: dict[str, set[str]], other: dict[str, set[str]]) -> None:
    """And one content has one id."""
    first, second = (made(*(repository_plan(n, *i) for n, i in told.items())) for told in (one, other))
    assert (first.id == second.id) is (one == other)


@given(contents, st.randoms(use_true_random=False))
def test_the_order_in_which_it_was_found_makes_no_difference(told: dict[str, set[str]], chance: Any) -> None:
    """Nor does the order of what AWS lists."""
    plans = [repository_plan(name, *sorted(images)) for name, images in told.items()]
    mixed = [replace(p, verdicts=tuple(chance.sample(p.verdicts, len(p.verdicts)))) for p in plans]
    assert made(*chance.sample(mixed, len(mixed))).id == made(*plans).id


@given(contents, st.data())
def test_a_changed_byte_is_another_plan(told: dict[str, set[str]], data: st.DataObject) -> None:
    """Wherever it is changed."""
    plan = made(*(repository_plan(n, *i) for n, i in told.items()))
    body = bytearray(plan.document)
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ApprovalError, match="was changed: it is not the plan"):
        approval_plan.read(bytes(body), plan.id, "here")


@given(contents)
def test_what_was_written_is_read(told: dict[str, set[str]]) -> None:
    """Nothing is lost."""
    plan = made(*(repository_plan(n, *i) for n, i in told.items()))
    assert approval_plan.read(plan.document, plan.id, "here") == plan


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"schema_version": "1"},
        {"account": 123456789012},
        {"more": 1},
        {"expires_at": "2026-03-04T12:00:00"},
        {"expires_at": 1772625600},
        {"repositories": [{"name": "api", "images": []}]},
        {"repositories": [{"name": "web"}, {"name": "api"}]},
        {"settings_sha256": "0"},
        {"removal": "burn"},
    ],
    ids=str,
)
def test_what_is_no_plan_is_refused_whatever_its_hash(change: dict[str, Any]) -> None:
    """Strictly: no member more or less, no other type."""
    body = approval_plan.canonical(json.loads(made(repository_plan("api", "a")).document) | change)
    with pytest.raises(ApprovalError, match="here is not a valid plan: plan: "):
        approval_plan.read(body, hashlib.sha256(body).hexdigest(), "here")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"reason": "in_use"}, "must be a reason for a removal"),
        ({"reason": "hate"}, "reason"),
        ({"digest": "sha256:abc"}, "digest"),
        ({"tags": ["b", "a"]}, "tags must be sorted"),
        ({"tags": ["a", "a"]}, "tags must be sorted and unique"),
        ({"tags": [""]}, "tags"),
        ({"bytes": -1}, "bytes"),
        ({"bytes": 2**53}, "bytes"),
        ({"bytes": 1.5}, "bytes"),
    ],
    ids=str,
)
def test_an_image_of_a_plan_says_exactly_what_goes(change: dict[str, Any], problem: str) -> None:
    """A plan names only removals."""
    content = json.loads(made(repository_plan("api", "a")).document)
    content["repositories"][0]["images"][0] |= change
    body = approval_plan.canonical(content)
    with pytest.raises(ApprovalError, match=problem):
        approval_plan.read(body, hashlib.sha256(body).hexdigest(), "here")


@pytest.mark.parametrize("twice", ["repositories", "images"])
def test_nothing_is_named_twice(twice: str) -> None:
    """One image, one line."""
    content = json.loads(made(repository_plan("api", "a")).document)
    within = content if twice == "repositories" else content["repositories"][0]
    within[twice] *= 2
    body = approval_plan.canonical(content)
    with pytest.raises(ApprovalError, match=f"{twice} must be sorted and unique"):
        approval_plan.read(body, hashlib.sha256(body).hexdigest(), "here")


def test_another_spelling_is_refused() -> None:
    """Also if somebody sends the id of that spelling."""
    body = json.dumps(json.loads(made(repository_plan("api", "a")).document)).encode()
    with pytest.raises(ApprovalError, match="not canonical JSON"):
        approval_plan.read(body, hashlib.sha256(body).hexdigest(), "here")


def test_a_plan_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written and read."""
    plan = made(repository_plan("api", *"abcdefgh"))
    monkeypatch.setattr(approval_plan, "MAX_BYTES", len(plan.document) - 1)
    with pytest.raises(ApprovalError, match=r"a plan of 8 images has \d+ bytes, more than the limit of \d+"):
        made(repository_plan("api", *"abcdefgh"))
    with pytest.raises(ApprovalError, match="more than the"):
        approval_plan.read(plan.document, plan.id, "here")
    monkeypatch.setattr(approval_plan, "MAX_BYTES", len(plan.document))
    assert approval_plan.read(plan.document, plan.id, "here") == made(repository_plan("api", *"abcdefgh"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"account": "210987654321"}, f"it is for account {ACCOUNT}, and this is account 210987654321"),
        ({"region": "eu-west-1"}, f"it is for region {REGION}, and this is region eu-west-1"),
        ({"function": "other"}, "it is for function cleaner, and this is function other"),
        ({"removal": "archive"}, "it is for removal delete, and this is removal archive"),
        ({"settings_sha256": "1" * 64}, "the settings have changed since it was made"),
        ({"now": NOW + timedelta(hours=72)}, "it expired 2026-03-04 12:00 UTC"),
        ({"now": NOW - timedelta(minutes=11)}, "it was made 2026-03-01 12:00 UTC, which is in the future"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_plan_is_for_one_place_and_time(change: dict[str, Any], problem: str) -> None:
    """Each thing that does not fit is told, with the plan's id and what to do."""
    plan = made(repository_plan("api", "a"))
    here = PlanBinding(**{name: change.get(name, value) for name, value in HERE.items()})
    with pytest.raises(ApprovalError, match="take a newer plan") as raised:
        approval_plan.check(plan, here, change.get("now", NOW))
    assert problem in str(raised.value)
    assert plan.id in str(raised.value)


@pytest.mark.parametrize("later", [timedelta(minutes=-10), timedelta(), timedelta(hours=72, seconds=-1)])
def test_a_plan_that_fits_passes(later: timedelta) -> None:
    """Until the last second, and with clocks that differ a little."""
    approval_plan.check(made(repository_plan("api", "a")), PlanBinding(**HERE), NOW + later)


def test_everything_that_does_not_fit_is_told_at_once() -> None:
    """In one sentence."""
    other = PlanBinding(account="2" * 12, region="r", function="f", removal="archive", settings_sha256="1" * 64)
    with pytest.raises(ApprovalError) as raised:
        approval_plan.check(made(), other, NOW + timedelta(days=9))
    assert str(raised.value).count(";") == 6
