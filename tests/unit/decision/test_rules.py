"""What is kept and what goes, by example."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.decision.retention import is_old
from ecr_cleaner.decision.rules import depends_on_indexes, evaluate
from ecr_cleaner.model.image import LEGACY_MEDIA_TYPES
from ecr_cleaner.model.plan import Reason, Verdict
from ecr_cleaner.model.repository import RepositorySnapshot, Retention
from tests.builders import NOW, ago, digest, image, repository, retention, usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.usage import Usage


def verdicts(
    images: Iterable[Image],
    usages: Iterable[Usage] = (),
    children: Mapping[str, Iterable[str]] | None = None,
    unread: Iterable[str] = (),
    recent: Mapping[str, str] | None = None,
    **conditions: Any,
) -> dict[str, Verdict]:
    """Judge images of the repository app, with 30 days unless the conditions say otherwise; children by name."""
    contents = RepositorySnapshot(
        tuple(images),
        {digest(index): tuple(map(digest, names)) for index, names in (children or {}).items()},
        tuple(map(digest, unread)),
    )
    remembered = {digest(name): (evidence,) for name, evidence in (recent or {}).items()}
    plan = evaluate(repository(**conditions), contents, usages, NOW, remembered)
    return {verdict.image.digest: verdict for verdict in plan.verdicts}


def reasons(*args: object, **kwargs: object) -> dict[str, Reason]:
    """The reasons alone."""
    return {d: v.reason for d, v in verdicts(*args, **kwargs).items()}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pushed", "reason"),
    [
        ("30d", Reason.TOO_YOUNG),
        ("30d1s", Reason.OLD_AND_UNUSED),
        ("29d23h", Reason.TOO_YOUNG),
        ("400d", Reason.OLD_AND_UNUSED),
        ("0d", Reason.TOO_YOUNG),
    ],
)
def test_exactly_n_days_is_kept(pushed: str, reason: Reason) -> None:
    """Old means more than N times 24 hours."""
    assert reasons([image(pushed=pushed)]) == {digest("app"): reason}


def test_the_age_is_told_in_whole_days() -> None:
    """Of what stays and of what goes, as it is logged."""
    found = verdicts([image("a", pushed="31d23h59m"), image("b", pushed="23h"), image("c", pushed="1d")])
    assert [verdict.age_days for verdict in found.values()] == [31, 0, 1]


def test_a_plan_is_of_its_repository_and_what_goes_has_no_evidence_against_it() -> None:
    """Nothing keeps it, so nothing is told of that."""
    told = repository()
    plan = evaluate(told, RepositorySnapshot((image(pushed="31d"),)), (), NOW, {})
    assert plan.repository is told
    assert [(verdict.reason, verdict.evidence) for verdict in plan.verdicts] == [(Reason.OLD_AND_UNUSED, ())]


def test_an_image_from_the_future_is_young() -> None:
    """A clock that is wrong must not make anything old."""
    future = image(pushed="0d")
    assert not is_old(future, 30, NOW - timedelta(days=1))


def test_the_repository_sets_the_age() -> None:
    """BoxCleanerKeepDays is per repository."""
    assert reasons([image(pushed="40d")], keep_days=60) == {digest("app"): Reason.TOO_YOUNG}


@pytest.mark.parametrize(
    "by",
    [
        usage(tag="v1"),
        usage(of="app"),
        usage(tag="gone", of="app"),
        usage(tag="v1", of="gone"),
        usage(of="app", repository=None),
        usage(of="app", repository="another-name-of-the-image"),
    ],
)
def test_a_used_image_is_kept(by: Usage) -> None:
    """By tag, by digest, by both, by a digest that names no repository or another one."""
    found = verdicts([image(tags=["v1", "v2"])], [by])[digest("app")]
    assert found.reason is Reason.IN_USE
    assert found.evidence == ("ecs service prod/app",)


def test_no_tag_and_no_digest_means_latest() -> None:
    """As every runtime reads it."""
    images = [image("a", tags=["latest"]), image("b", tags=["v1"])]
    assert reasons(images, [usage()]) == {digest("a"): Reason.IN_USE, digest("b"): Reason.OLD_AND_UNUSED}


def test_a_tag_of_another_repository_protects_nothing() -> None:
    """Tags are names within one repository."""
    assert reasons([image(tags=["v1"])], [usage(tag="v1", repository="app-prod")]) == {
        digest("app"): Reason.OLD_AND_UNUSED
    }


def test_a_moved_tag_leaves_the_resolved_digest_protected() -> None:
    """ECS starts tasks by the digest it resolved, which is untagged once the tag has moved."""
    images = [image("old"), image("new", tags=["prod"], pushed="35d")]
    found = reasons(images, [usage(tag="prod"), usage(of="old")])
    assert set(found.values()) == {Reason.IN_USE}


def test_an_index_keeps_what_it_lists() -> None:
    """A runtime of another architecture will ask for the sibling."""
    images = [image("index", kind="index", tags=["v1"]), image("amd64"), image("arm64")]
    found = verdicts(images, [usage(tag="v1")], {"index": ["amd64", "arm64"]})
    assert found[digest("amd64")].reason is Reason.PART_OF_IMAGE_IN_USE
    assert found[digest("arm64")].evidence == ("listed by app:v1", "ecs service prod/app")


def test_a_used_child_keeps_its_index_and_siblings() -> None:
    """The runtime reports the child of what was deployed; the next task asks for the index."""
    images = [image("index", kind="index", tags=["v1"]), image("amd64"), image("arm64")]
    found = verdicts(images, [usage(of="amd64")], {"index": ["amd64", "arm64"]})
    assert found[digest("amd64")].reason is Reason.IN_USE
    assert found[digest("index")].reason is Reason.PART_OF_IMAGE_IN_USE
    assert found[digest("arm64")].reason is Reason.PART_OF_IMAGE_IN_USE
    assert "ecs service prod/app" in found[digest("arm64")].evidence


def test_a_shared_child_does_not_chain_unused_indexes() -> None:
    """Reproducible builds share manifests: the old index that nobody uses still goes."""
    images = [
        image("new", kind="index", tags=["v2"]),
        image("old", kind="index", tags=["v1"]),
        image("shared"),
        image("only-old"),
    ]
    children = {"new": ["shared"], "old": ["shared", "only-old"]}
    assert reasons(images, [usage(tag="v2")], children) == {
        digest("new"): Reason.IN_USE,
        digest("old"): Reason.OLD_AND_UNUSED,
        digest("shared"): Reason.PART_OF_IMAGE_IN_USE,
        digest("only-old"): Reason.OLD_AND_UNUSED,
    }


def test_nested_indexes_hold_together() -> None:
    """An index may list indexes."""
    images = [image("outer", kind="index", tags=["v1"]), image("inner", kind="index"), image("leaf")]
    children = {"outer": ["inner"], "inner": ["leaf"]}
    assert Reason.OLD_AND_UNUSED not in reasons(images, [usage(of="leaf")], children).values()
    assert Reason.OLD_AND_UNUSED not in reasons(images, [usage(tag="v1")], children).values()


def test_a_young_index_keeps_its_old_children() -> None:
    """The children of a rebuilt index may have been pushed long before."""
    images = [image("index", kind="index", tags=["v1"], pushed="1d"), image("child")]
    found = verdicts(images, children={"index": ["child"]})[digest("child")]
    assert found.reason is Reason.PART_OF_KEPT_IMAGE
    assert found.evidence == ("listed by app:v1",)


@pytest.mark.parametrize(
    "signature",
    [
        image("sig", subject="app"),
        image("sig", tags=["sha256-" + digest("app")[7:] + ".sig"]),
        image("sig", tags=["sha256-" + digest("app")[7:]], kind="index"),
        image("sig", subject="app", artifact_type="application/vnd.example.sbom"),
    ],
)
def test_a_kept_image_keeps_what_refers_to_it(signature: Image) -> None:
    """By OCI subject and by both tag schemes."""
    images = [image(tags=["v1"]), signature]
    assert reasons(images, [usage(tag="v1")])[digest("sig")] is Reason.PART_OF_IMAGE_IN_USE
    young = [image(tags=["v1"], pushed="1d"), signature]
    assert reasons(young)[digest("sig")] is Reason.REFERS_TO_KEPT_IMAGE
    assert reasons(images)[digest("sig")] is Reason.OLD_AND_UNUSED


def test_a_signature_of_a_signature_is_kept_with_it() -> None:
    """Referrers have referrers."""
    images = [image(tags=["v1"]), image("sbom", subject="app"), image("sig", subject="sbom")]
    assert reasons(images, [usage(tag="v1")])[digest("sig")] is Reason.PART_OF_IMAGE_IN_USE


def test_a_used_referrer_keeps_its_subject() -> None:
    """Who asks for a signature may be about to run the image, and the one is worth nothing without the other."""
    images = [image(tags=["v1"]), image("sig", subject="app"), image("other", subject="app")]
    found = verdicts(images, [usage(of="sig")])
    assert {d: v.reason for d, v in found.items()} == {
        digest("app"): Reason.PART_OF_IMAGE_IN_USE,
        digest("sig"): Reason.IN_USE,
        digest("other"): Reason.PART_OF_IMAGE_IN_USE,
    }
    assert found[digest("app")].evidence == (f"referred to by app@{digest('sig')}", "ecs service prod/app")


SIGNATURE = "sha256-" + digest("app")[7:]
ATTESTATION = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.mark.parametrize(
    "young",
    [
        image("sig", subject="app", pushed="1d"),
        image("sig", tags=[SIGNATURE + ".sig"], pushed="1d"),
        image("sig", tags=[SIGNATURE + ".att"], pushed="1d", artifact_type=ATTESTATION),
        image("sig", tags=[SIGNATURE], pushed="1d", kind="index"),
    ],
)
def test_a_young_signature_goes_with_its_old_image(young: Image) -> None:
    """It is found through the image alone. Said with what it goes, because its age does not."""
    found = verdicts([image(tags=["v1"]), young])
    assert {v.reason for v in found.values()} == {Reason.OLD_AND_UNUSED}
    assert (found[digest("app")].evidence, found[digest("sig")].evidence) == ((), ("it goes with app:v1",))
    assert set(reasons([image(tags=["v1"])], [usage(tag="v1")]).values()) == {Reason.IN_USE}
    assert reasons([young]) == {digest("sig"): Reason.TOO_YOUNG}, "without its image it has an age of its own"


def test_a_young_artifact_with_a_name_of_its_own_stays_with_its_subject() -> None:
    """It may be pulled by that name."""
    images = [image(), image("sbom", tags=["sbom-v1"], subject="app", pushed="1d")]
    assert reasons(images) == {digest("app"): Reason.SUBJECT_OF_KEPT_IMAGE, digest("sbom"): Reason.TOO_YOUNG}


def test_what_only_refers_to_itself_and_its_like_has_an_age_of_its_own() -> None:
    """Tags of this kind can form a cycle: there is no image that such a one could go with."""
    ring = [
        image("a", tags=["sha256-" + digest("b")[7:]], pushed="1d"),
        image("b", tags=["sha256-" + digest("a")[7:]], pushed="1d"),
    ]
    assert set(reasons(ring).values()) == {Reason.TOO_YOUNG}
    tied = [image("c"), image("a", tags=ring[0].tags, subject="c", pushed="1d"), ring[1]]
    assert set(reasons(tied).values()) == {Reason.OLD_AND_UNUSED}, "but with another image's they go"
    assert Reason.OLD_AND_UNUSED not in reasons(tied, [usage(of="c")]).values()


def attested(*, pushed: str = "40d", tagged: bool = True, subject: str | None = None) -> list[Image]:
    """An index of attestations as a client writes it that has no listing of referrers, and its list."""
    return [
        image("fallback", kind="index", tags=[SIGNATURE] if tagged else [], pushed=pushed),
        image("one", artifact_type=ATTESTATION, pushed=pushed, subject=subject),
        image("two", artifact_type=ATTESTATION, pushed=pushed),
    ]


LISTED: Mapping[str, Iterable[str]] = {"fallback": ["one", "two"], "more": ["one", "three"]}


@pytest.mark.parametrize("pushed", ["40d", "1d"])
def test_what_an_index_of_attestations_lists_goes_with_the_image(pushed: str) -> None:
    """The index names its subject by its tag alone, and what it lists names nothing at all."""
    images = [image(tags=["v1"]), *attested(pushed=pushed)]
    assert set(reasons(images, children=LISTED).values()) == {Reason.OLD_AND_UNUSED}
    assert set(reasons(images, [usage(tag="v1")], LISTED).values()) == {Reason.IN_USE, Reason.PART_OF_IMAGE_IN_USE}
    assert Reason.OLD_AND_UNUSED not in reasons(images, [usage(of="two")], LISTED).values()


def test_what_an_index_of_attestations_lists_goes_by_age_without_the_image() -> None:
    """Not before; and where no container image is, all of it describes images elsewhere and stays."""
    other = image("other", tags=["v2"])
    assert set(reasons([other, *attested()], [usage(tag="v2")], LISTED).values()) == {
        Reason.IN_USE,
        Reason.OLD_AND_UNUSED,
    }
    assert set(reasons([other, *attested(pushed="30d")], [usage(tag="v2")], LISTED).values()) == {
        Reason.IN_USE,
        Reason.TOO_YOUNG,
    }
    assert set(reasons(attested(), children=LISTED).values()) == {Reason.NOT_A_CONTAINER_IMAGE}


def test_an_index_of_attestations_that_lost_its_tag_goes() -> None:
    """The next one has it, and lists the attestations too; those stay with their image."""
    new = image("more", kind="index", tags=[SIGNATURE])
    three = image("three", artifact_type=ATTESTATION)
    images = [image(tags=["v1"]), *attested(tagged=False, subject="app"), new, three]
    lists = {"fallback": ["one"], "more": ["one", "two", "three"]}
    found = reasons(images, [usage(tag="v1")], lists)
    assert {d for d, reason in found.items() if reason is Reason.OLD_AND_UNUSED} == {digest("fallback")}


def test_an_artifact_with_a_name_is_no_part_of_a_description() -> None:
    """Nor is a list of such: somebody may pull it by that name."""
    chart = image("one", tags=["1.0"], artifact_type="application/vnd.cncf.helm.config.v1+json")
    images = [image(tags=["v1"]), attested()[0], chart]
    found = reasons(images, children={"fallback": ["one"]})
    assert found[digest("one")] is Reason.NOT_A_CONTAINER_IMAGE
    untagged = [image(tags=["v1"]), attested(tagged=False)[0], image("two", subject="app"), chart]
    found = reasons(untagged, [usage(tag="v1")], {"fallback": ["two", "one"]})
    assert found[digest("fallback")] is Reason.OLD_AND_UNUSED, "it lists what runs, as far as anybody knows"
    listed = [image(tags=["v1"]), attested(tagged=False)[0], replace(chart, tags=()), image("two", subject="app")]
    artifact = replace(listed[3], artifact_type=ATTESTATION)
    found = reasons([*listed[:3], artifact], [usage(tag="v1")], {"fallback": ["two", "one"]})
    assert found[digest("fallback")] is found[digest("one")] is Reason.NOT_A_CONTAINER_IMAGE


def test_a_young_manifest_that_a_real_index_lists_too_stays() -> None:
    """Only what nothing but a description lists has no age of its own."""
    images = [
        image(tags=["v1"]),
        image("fallback", kind="index", tags=[SIGNATURE]),
        image("real", kind="index", tags=["v2"]),
        image("one", pushed="1d"),
    ]
    found = reasons(images, children={"fallback": ["one"], "real": ["one"]})
    assert {d for d, reason in found.items() if reason is Reason.OLD_AND_UNUSED} == {
        digest("app"),
        digest("fallback"),
        digest("real"),
    }
    assert found[digest("one")] is Reason.TOO_YOUNG


def test_an_orphaned_signature_goes() -> None:
    """Its subject is gone: nothing needs it."""
    assert reasons([image("sig", tags=["sha256-" + "0" * 64 + ".sig"])]) == {digest("sig"): Reason.OLD_AND_UNUSED}


def test_what_is_no_container_image_is_kept() -> None:
    """Nobody can tell who uses a Helm chart."""
    chart = image("chart", tags=["1.0"], artifact_type="application/vnd.cncf.helm.config.v1+json")
    assert reasons([chart]) == {digest("chart"): Reason.NOT_A_CONTAINER_IMAGE}


def test_archived_images_are_kept() -> None:
    """They are somebody's deliberate choice."""
    assert reasons([image(active=False)]) == {digest("app"): Reason.ARCHIVED}


@pytest.mark.parametrize(
    ("archived", "days", "reason"),
    [
        ("200d", None, Reason.ARCHIVED),
        (None, 90, Reason.ARCHIVED),
        ("90d", 90, Reason.ARCHIVED),
        ("90d+1s", 90, Reason.ARCHIVED_AND_UNUSED),
    ],
)
def test_what_lies_in_the_archive_for_long_may_go(archived: str | None, days: int | None, reason: Reason) -> None:
    """Longer than so many times 24 hours, if somebody says so and ECR says since when."""
    old = replace(image(active=False), archived_at=ago(archived) if archived else None)
    assert in_the_archive([old], days) == {digest("app"): reason}


def test_what_is_being_restored_stays() -> None:
    """It is on its way back, and nobody archived it."""
    assert in_the_archive([replace(image(active=False), activating=True)]) == {digest("app"): Reason.ARCHIVED}


def test_an_archived_index_of_which_nothing_is_known_stays() -> None:
    """And what may be a part of it stays too; one that is remembered goes with its parts."""
    archived: dict[str, Any] = {"active": False, "pushed": "300d"}
    images = [
        replace(image(name, kind=kind, **archived), archived_at=ago("200d"))
        for name, kind in (("child", "image"), ("index", "index"))
    ]
    assert in_the_archive(images, unread=["index"]) == {
        digest("child"): Reason.MAY_BE_PART_OF_ARCHIVED_INDEX,
        digest("index"): Reason.ARCHIVED,
    }
    children = {digest("index"): (digest("child"),)}
    assert set(in_the_archive(images, children=children).values()) == {Reason.ARCHIVED_AND_UNUSED}


def test_whatever_keeps_an_image_keeps_it_in_the_archive_too() -> None:
    """A use, a past use, a part of what stays, a young restore, a kept tag."""
    old = replace(image(tags=["v1"], active=False), archived_at=ago("200d"))
    attic = Retention(30, delete_archived_after_days=90)
    judged = replace(repository(), retention=attic)
    assert evaluate(judged, RepositorySnapshot((old,)), [usage(tag="v1")], NOW).verdicts[0].reason is Reason.IN_USE
    recent = {old.digest: ("yesterday",)}
    assert evaluate(judged, RepositorySnapshot((old,)), (), NOW, recent).verdicts[0].reason is Reason.RECENTLY_IN_USE
    kept = repository(rules=[{"tags": ("v*",), "keep": True}], delete_archived_after_days=90)
    assert evaluate(kept, RepositorySnapshot((old,)), (), NOW).verdicts[0].reason is Reason.KEPT_BY_RULE
    index = image("index", kind="index", pushed="1d")
    contents = RepositorySnapshot((old, index), {index.digest: (old.digest,)})
    assert evaluate(judged, contents, (), NOW).verdicts[0].reason is Reason.PART_OF_KEPT_IMAGE


def in_the_archive(
    images: Iterable[Image],
    days: int | None = 90,
    *,
    unread: Iterable[str] = (),
    children: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[str, Reason]:
    """Digest to reason where the archive is emptied after some days."""
    attic = replace(repository(), retention=Retention(30, delete_archived_after_days=days))
    contents = RepositorySnapshot(tuple(images), children or {}, tuple(map(digest, unread)))
    return {v.image.digest: v.reason for v in evaluate(attic, contents, (), NOW).verdicts}


def test_what_an_unreadable_archived_index_may_list_is_kept() -> None:
    """Only what was pushed after it cannot be its part."""
    images = [
        image("archived", kind="index", active=False, pushed="50d"),
        image("before", pushed="60d"),
        image("together", pushed="50d"),
        image("after", pushed="40d"),
    ]
    assert reasons(images, unread=["archived"]) == {
        digest("archived"): Reason.ARCHIVED,
        digest("before"): Reason.MAY_BE_PART_OF_ARCHIVED_INDEX,
        digest("together"): Reason.MAY_BE_PART_OF_ARCHIVED_INDEX,
        digest("after"): Reason.OLD_AND_UNUSED,
    }


@pytest.mark.parametrize(("count", "reason"), [(100, Reason.OLD_AND_UNUSED), (101, Reason.TOO_MANY_TAGS)])
def test_more_tags_than_one_call_takes_are_kept(count: int, reason: Reason) -> None:
    """One image's ids are never split over two calls."""
    assert reasons([image(tags=[f"t{i}" for i in range(count)])]) == {digest("app"): reason}


def test_what_hangs_on_an_image_is_removed_after_it() -> None:
    """Holders: the indexes that list it and the subject it refers to."""
    images = (
        image("index", kind="index", tags=["v1"]),
        image("child"),
        image("sig", subject="index"),
    )
    contents = RepositorySnapshot(images, {digest("index"): (digest("child"),)})
    plan = evaluate(repository(), contents, [], NOW)
    assert plan.must_go_first == {
        digest("index"): frozenset(),
        digest("child"): {digest("index")},
        digest("sig"): {digest("index")},
    }


def test_what_a_removable_index_lists_is_told_although_it_is_kept() -> None:
    """Through indexes, as far as it lies there; of what stays nothing is told."""
    images = (
        image("index", kind="index", tags=["v1"]),
        image("inner", kind="index"),
        shared := image("shared"),
        leaf := image("leaf"),
        image("used", kind="index", tags=["v2"]),
    )
    listed = {"index": ["shared", "inner", "elsewhere"], "inner": ["leaf"], "used": ["shared"]}
    contents = RepositorySnapshot(images, {digest(index): tuple(map(digest, names)) for index, names in listed.items()})
    plan = evaluate(repository(), contents, [usage(tag="v2")], NOW)
    assert {v.image.digest for v in plan.removals} == {digest("index"), digest("inner"), digest("leaf")}
    assert {index: set(parts) for index, parts in plan.parts.items()} == {
        digest("index"): {images[1], shared, leaf},
        digest("inner"): {leaf},
    }


def test_many_consumers_are_all_named_once() -> None:
    """Evidence is sorted and without doubles."""
    by = [usage(tag="v1", consumer="b"), usage(of="app", consumer="a"), usage(of="app", consumer="b")]
    assert verdicts([image(tags=["v1"])], by)[digest("app")].evidence == ("a", "b")


def test_indexes_are_read_only_where_something_is_old() -> None:
    """Reading an index refreshes its pull time."""
    assert not depends_on_indexes([image(pushed="30d")], retention(30), NOW)
    assert depends_on_indexes([image(pushed="1d"), image("b", pushed="31d")], retention(30), NOW)


@pytest.mark.parametrize(
    "ages",
    [
        retention(30, {"untagged": True, "keep_days": 7}),
        retention(7, {"tags": ("v*",), "keep_days": 30}, {"tags": ("x",), "keep": True}),
    ],
)
def test_the_shortest_age_decides_whether_indexes_are_read(ages: Retention) -> None:
    """Whichever kind of image it is for: a list that was not read protects nothing."""
    assert not depends_on_indexes([image(pushed="7d")], ages, NOW)
    assert depends_on_indexes([image(pushed="7d1s")], ages, NOW)


def test_a_manifest_of_unknown_kind_is_kept() -> None:
    """It may be an index that nobody reads."""
    odd = replace(image("odd", pushed="90d"), media_type=None, artifact_type=None)
    assert reasons([odd]) == {digest("odd"): Reason.NOT_A_CONTAINER_IMAGE}


@pytest.mark.parametrize("media_type", LEGACY_MEDIA_TYPES)
def test_docker_s_first_manifests_are_images(media_type: str) -> None:
    """They have no config by which ECR could tell."""
    old = replace(image("old", pushed="90d"), media_type=media_type, artifact_type=None)
    assert reasons([old]) == {digest("old"): Reason.OLD_AND_UNUSED}


def test_a_tag_that_moved_while_the_repository_was_listed_protects_both() -> None:
    """Pages are no snapshot: the first one may show the tag where it was, the second where it is."""
    before, after = image("before", pushed="90d", tags=["prod"]), image("after", pushed="80d", tags=["prod"])
    assert set(reasons([before, after], [usage(tag="prod")]).values()) == {Reason.IN_USE}


# What was


def test_what_was_in_use_is_kept_with_all_that_it_needs() -> None:
    """As if it still were: its manifests, its signatures, and the index that lists it."""
    images = [
        image("index", kind="index", tags=["v1"]),
        image("amd64"),
        image("arm64"),
        image("signature", subject="index"),
        image("unused", tags=["v0"]),
    ]
    children = {"index": ["amd64", "arm64"]}
    for root in ("index", "amd64"):
        found = verdicts(images, children=children, recent={root: "ecs service prod/api, last seen yesterday"})
        assert found.pop(digest("unused")).reason is Reason.OLD_AND_UNUSED
        assert {verdict.reason for verdict in found.values()} == {Reason.RECENTLY_IN_USE}
        assert all("ecs service prod/api, last seen yesterday" in verdict.evidence for verdict in found.values())
        assert found[digest("arm64")].evidence[0] == "listed by app:v1"


def test_what_is_in_use_is_not_called_what_was() -> None:
    """The present says more."""
    found = verdicts([image(tags=["v1"])], [usage(tag="v1")], recent={"app": "yesterday"})
    assert found[digest("app")].reason is Reason.IN_USE


def test_what_was_in_use_may_be_young() -> None:
    """Then the reason is the one that lasts longer to explain."""
    assert reasons([image(pushed="1d")], recent={"app": "yesterday"}) == {digest("app"): Reason.RECENTLY_IN_USE}


def test_what_was_in_use_and_is_gone_keeps_nothing() -> None:
    """A digest that does not lie here."""
    assert reasons([image()], recent={"elsewhere": "yesterday"}) == {digest("app"): Reason.OLD_AND_UNUSED}


def test_a_chart_with_a_name_of_its_own_is_kept_whatever_lists_it() -> None:
    """Somebody may pull it by that name; one without is a part of the image beside it."""
    chart = "application/vnd.cncf.helm.config.v1+json"
    images = [
        image("index", kind="index", tags=["v1"], pushed="90d"),
        image("amd64", pushed="90d"),
        image("named", tags=["1.0.0"], artifact_type=chart, pushed="90d"),
        image("unnamed", artifact_type=chart, pushed="90d"),
    ]
    found = reasons(images, children={"index": ["amd64", "named", "unnamed"]})
    assert found[digest("named")] is Reason.NOT_A_CONTAINER_IMAGE
    assert {found[digest(name)] for name in ("index", "amd64", "unnamed")} == {Reason.OLD_AND_UNUSED}
