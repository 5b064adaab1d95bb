"""How images are removed: what is asked, in which order, and how every answer is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.aws.pacing import Pacer
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.model.plan import RemovalStatus, RepositoryPlan
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.removal import batch, remover
from ecr_cleaner.removal import calls as removal_calls
from ecr_cleaner.removal.batch import RECHECK_MAX_AGE
from ecr_cleaner.removal.remover import OPT_IN_TAGS_MAX_AGE
from tests.aws_calls.script import by_digest, detail
from tests.builders import NOW, ago, digest, image, repository, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import Removal
    from tests.aws_calls.script import Script

APP = repository("app")
REMOVED, CHANGED, HOLDER_KEPT = RemovalStatus.REMOVED, RemovalStatus.CHANGED, RemovalStatus.HOLDER_KEPT
PARTLY_UNTAGGED, FAILED, LEFT = RemovalStatus.PARTLY_UNTAGGED, RemovalStatus.FAILED, RemovalStatus.DEFERRED

FAILURE_CODES = set(removal_calls.MEANINGS)


def plan(*images: Image, children: Mapping[str, Iterable[str]] | None = None) -> RepositoryPlan:
    """A plan that removes all of these images; children by name."""
    listed = {digest(index): tuple(map(digest, names)) for index, names in (children or {}).items()}
    made = evaluate(APP, RepositorySnapshot(images, listed), (), NOW)
    assert len(made.removals) == len(images)
    return made


def carried_out(script: Script, what: RepositoryPlan, may_go_on: Callable[[], bool] = lambda: True) -> list[Removal]:
    """Carry a plan out."""
    return list(remover.remove(script.aws, what, may_go_on, readings=script.readings))


def endings(removals: Iterable[Removal]) -> dict[str, RemovalStatus]:
    """Digest to ending; each image has exactly one."""
    found = [(ended.verdict.image.digest, ended.status) for ended in removals]
    assert len(found) == len(dict(found))
    return dict(found)


def still_opted_in(script: Script) -> None:
    """The tags are read again before anything is removed."""
    tags = [{"Key": "BoxCleanerEnabled", "Value": "true"}]
    script.answer("ecr", "list_tags_for_resource", {"tags": tags}, resourceArn=APP.arn)


def look(script: Script, *images: Image, gone: Iterable[str] = ()) -> None:
    """The images are described, as they are now; `gone` are asked for by name as well and not there."""
    digests = sorted({i.digest for i in images} | set(map(digest, gone)))
    _look(script, digests, {i.digest: i for i in images})


def _look(script: Script, digests: list[str], present: Mapping[str, Image]) -> None:
    asked = {"repositoryName": "app", "imageIds": by_digest(digests)}
    if all(d in present for d in digests):
        script.answer("ecr", "describe_images", {"imageDetails": [detail(present[d]) for d in digests]}, **asked)
        return
    script.refuse("ecr", "describe_images", "ImageNotFoundException", **asked)
    half = len(digests) // 2
    if half:
        _look(script, digests[:half], present)
        _look(script, digests[half:], present)


def ids(*images: Image) -> list[dict[str, str]]:
    """How images are named to be removed."""
    return [
        {"imageDigest": i.digest} | ({"imageTag": tag} if tag is not None else {})
        for i in images
        for tag in (i.tags or (None,))
    ]


def failure(image_id: Mapping[str, str], code: str) -> dict[str, Any]:
    """A failure in a 200 answer."""
    return {"imageId": dict(image_id), "failureCode": code, "failureReason": "as scripted"}


def delete(
    script: Script,
    *images: Image,
    confirmed: list[dict[str, str]] | None = None,
    failures: list[dict[str, Any]] | None = None,
) -> None:
    """The images are removed in one call; without more words ECR confirms all of it."""
    done = ids(*images) if confirmed is None else confirmed
    answer = {"imageIds": done, "failures": failures or []}
    # The model wants at least one confirmed id, whatever AWS answers when there is none.
    make = script.answer if done else script.cut_short
    make("ecr", "batch_delete_image", answer, repositoryName="app", imageIds=ids(*images))


def one_call(script: Script, *images: Image) -> None:
    """Described unchanged, removed, confirmed."""
    look(script, *images)
    delete(script, *images)


# What is asked


def test_nothing_to_remove_asks_nothing(script: Script) -> None:
    """Not even for the tags."""
    assert carried_out(script, RepositoryPlan(APP, ())) == []


def test_tagged_images_are_named_by_pairs_and_untagged_ones_by_digest(script: Script) -> None:
    """A pair fails when its tag has moved; a tag alone would take its new image."""
    tagged, untagged = image("a", tags=["v1", "latest"]), image("b")
    still_opted_in(script)
    look(script, tagged, untagged)
    expected = [
        {"imageDigest": digest("a"), "imageTag": "latest"},
        {"imageDigest": digest("a"), "imageTag": "v1"},
        {"imageDigest": digest("b")},
    ]
    script.answer(
        "ecr", "batch_delete_image", {"imageIds": expected, "failures": []}, repositoryName="app", imageIds=expected
    )
    ended = carried_out(script, plan(tagged, untagged))
    assert endings(ended) == {digest("a"): REMOVED, digest("b"): REMOVED}
    assert all((e.codes, e.detail) == ((), "") for e in ended)


@pytest.mark.parametrize(
    ("tags", "calls"),
    [
        ([100], [[0]]),
        ([60, 60], [[0], [1]]),
        ([50, 50], [[0, 1]]),
        ([40, 40, 40], [[0, 1], [2]]),
        ([99, 0, 1], [[0, 1], [2]]),
        ([0] * 201, [[*range(100)], [*range(100, 200)], [200]]),
    ],
)
def test_one_images_ids_are_never_split(script: Script, tags: list[int], calls: list[list[int]]) -> None:
    """At most a hundred ids a call, and an image that does not fit any more waits for the next one."""
    images = [
        image(str(n), tags=[f"{n}-{t:03}" for t in range(count)], pushed=f"{400 - n}d") for n, count in enumerate(tags)
    ]
    still_opted_in(script)
    for numbers in calls:
        assert len(ids(*(images[n] for n in numbers))) <= 100
        one_call(script, *(images[n] for n in numbers))
    assert set(endings(carried_out(script, plan(*images))).values()) == {REMOVED}


def test_indexes_go_before_their_manifests_and_these_before_what_refers_to_them(script: Script) -> None:
    """Each in a call of its own: ECR refuses what is still listed, and a signature outlives no image."""
    index = image("index", kind="index", tags=["v1"])
    child, sbom, signature = image("child"), image("sbom", subject="index"), image("signature", subject="sbom")
    still_opted_in(script)
    look(script, index, child, sbom)
    delete(script, index)
    look(script, child, sbom, signature)
    delete(script, child, sbom)
    one_call(script, signature)
    ended = carried_out(script, plan(signature, sbom, child, index, children={"index": ["child"]}))
    assert set(endings(ended).values()) == {REMOVED}


def test_what_refers_to_something_long_gone_goes_last_in_its_call(script: Script) -> None:
    """Where nothing else decides, images come first."""
    orphan = image("orphan", tags=["sha256-" + "0" * 64 + ".sig"])
    still_opted_in(script)
    look(script, image("a"), orphan)
    delete(script, image("a"), orphan)
    assert set(endings(carried_out(script, plan(orphan, image("a")))).values()) == {REMOVED}


def test_a_manifest_waits_for_all_indexes_that_list_it(script: Script) -> None:
    """Shared by two indexes that both go."""
    one, two, child = image("one", kind="index"), image("two", kind="index"), image("child")
    still_opted_in(script)
    look(script, one, two, child)
    delete(script, one, two)
    one_call(script, child)
    both = plan(one, two, child, children={"one": ["child"], "two": ["child"]})
    assert set(endings(carried_out(script, both)).values()) == {REMOVED}


# What has changed since it was judged


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (image("a", tags=["v1", "release"]), "its tags changed from ['v1'] to ['release', 'v1']"),
        (image("a"), "its tags changed from ['v1'] to []"),
        (image("a", tags=["v2"]), "its tags changed from ['v1'] to ['v2']"),
        (image("a", tags=["v1"], pulled="1h"), "app:v1 was pulled"),
        (replace(image("a", tags=["v1"]), pushed_at=NOW), "it was pushed, archived or restored"),
        (image("a", tags=["v1"], active=False), "it was pushed, archived or restored"),
        (None, "it is gone already"),
    ],
)
def test_an_image_that_changed_is_dropped_from_the_call(script: Script, now: Image | None, words: str) -> None:
    """Tagged, untagged, pulled, pushed, archived, or gone; the others of its batch still go."""
    changed, other = image("a", tags=["v1"]), image("b")
    still_opted_in(script)
    look(script, *([now] if now else []), other, gone=["a"])
    delete(script, other)
    ended = carried_out(script, plan(changed, other))
    assert endings(ended) == {digest("a"): CHANGED, digest("b"): REMOVED}
    assert next(e.detail for e in ended if e.status is CHANGED) == words


def test_when_everything_changed_nothing_is_called(script: Script) -> None:
    """A call without ids is none."""
    still_opted_in(script)
    look(script, image("a", pulled="1h"))
    assert endings(carried_out(script, plan(image("a", pulled="9d")))) == {digest("a"): CHANGED}


def test_reading_an_index_does_not_count_as_a_change(script: Script) -> None:
    """This run read the index itself, which refreshes its pull time."""
    index, child = image("index", kind="index", tags=["v1"]), image("child")
    script.readings.note("app", [index.digest], NOW, NOW)
    still_opted_in(script)
    look(script, replace(index, last_pulled_at=NOW), child)
    delete(script, index)
    one_call(script, child)
    ended = carried_out(script, plan(index, child, children={"index": ["child"]}))
    assert set(endings(ended).values()) == {REMOVED}


def test_reading_indexes_that_hang_on_an_image_does_not_count_as_a_change(script: Script) -> None:
    """An index listed by an index, and an index of signatures tagged after its subject, are read as well."""
    signatures = image("signatures", kind="index", tags=["sha256-" + digest("outer")[7:]])
    outer, inner = image("outer", kind="index", tags=["v1"]), image("inner", kind="index")
    leaf, signature = image("leaf"), image("signature")
    listed = {"outer": ["inner"], "inner": ["leaf"], "signatures": ["signature"]}
    read = [replace(i, last_pulled_at=NOW) for i in (outer, inner, signatures)]
    script.readings.note("app", [one.digest for one in read], NOW, NOW)
    still_opted_in(script)
    look(script, *read, leaf, signature)
    delete(script, outer)
    look(script, read[1], read[2], leaf, signature)
    delete(script, inner, signatures)
    one_call(script, leaf, signature)
    ended = carried_out(script, plan(outer, inner, leaf, signatures, signature, children=listed))
    assert set(endings(ended).values()) == {REMOVED}


@pytest.mark.parametrize("moment", [NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)])
def test_a_pull_of_an_index_alone_keeps_it(script: Script, moment: datetime) -> None:
    """The node has the manifest of its platform already: it asks for the index alone, not when this run read it."""
    index, child = image("index", kind="index", tags=["v1"]), image("child")
    script.readings.note("app", [index.digest], NOW, NOW)
    still_opted_in(script)
    look(script, replace(index, last_pulled_at=moment), child)
    ended = carried_out(script, plan(index, child, children={"index": ["child"]}))
    assert endings(ended) == {index.digest: CHANGED, child.digest: HOLDER_KEPT}
    assert ended[0].detail == f"{index.name} was pulled"


def test_a_pull_of_an_index_soon_after_it_was_read_is_told_from_the_reading(script: Script) -> None:
    """Once another pull time was seen, which is the reading's."""
    index = image("index", kind="index")
    script.readings.note("app", [index.digest], NOW, NOW)
    still_opted_in(script)
    look(script, replace(index, last_pulled_at=NOW))
    script.refuse("ecr", "batch_delete_image", "ThrottlingException")
    look(script, replace(index, last_pulled_at=NOW))
    look(script, replace(index, last_pulled_at=NOW + timedelta(seconds=1)))
    assert endings(carried_out(script, plan(index))) == {index.digest: CHANGED}


@pytest.mark.parametrize("pulled", ["child", "signature", "leaf", "inner"])
def test_a_pull_of_what_hangs_on_an_index_keeps_it(script: Script, pulled: str) -> None:
    """A runtime that pulls an index may pull one of its manifests too; the index and the rest then stay."""
    index, inner = image("index", kind="index", tags=["v1"]), image("inner", kind="index")
    parts = [image("child"), image("leaf"), image("signature", subject="index"), inner]
    now = [replace(part, last_pulled_at=NOW) if part.digest == digest(pulled) else part for part in parts]
    still_opted_in(script)
    look(script, index, *now)
    listed = {"index": ["child", "inner"], "inner": ["leaf"]}
    ended = carried_out(script, plan(index, *parts, children=listed))
    assert endings(ended).pop(digest("index")) is CHANGED
    assert [e.status for e in ended].count(HOLDER_KEPT) == 4
    assert "was pulled" in ended[0].detail


def test_a_pull_of_what_an_index_shares_with_one_that_stays_keeps_it(script: Script) -> None:
    """It is kept itself, and tells all the same that somebody pulled the index."""
    index, shared, used = image("index", kind="index"), image("shared"), image("used", kind="index", tags=["v2"])
    contents = RepositorySnapshot(
        (index, shared, used), {index.digest: (shared.digest,), used.digest: (shared.digest,)}
    )
    made = evaluate(APP, contents, [usage(tag="v2")], NOW)
    assert [verdict.image for verdict in made.removals] == [index]
    still_opted_in(script)
    look(script, index, replace(shared, last_pulled_at=NOW))
    (ended,) = carried_out(script, made)
    assert (ended.status, ended.detail) == (CHANGED, f"{shared.name} was pulled")


def test_what_an_index_shares_and_is_archived_is_asked_for_too(script: Script) -> None:
    """ECR knows nothing of what is archived unless it is told to."""
    index, shared = image("index", kind="index"), image("shared", active=False)
    made = evaluate(APP, RepositorySnapshot((index, shared), {index.digest: (shared.digest,)}), (), NOW)
    assert [verdict.image for verdict in made.removals] == [index]
    still_opted_in(script)
    found = sorted((index, shared), key=lambda one: one.digest)
    asked = {"repositoryName": "app", "imageIds": by_digest(i.digest for i in found), "filter": {"imageStatus": "ANY"}}
    script.answer("ecr", "describe_images", {"imageDetails": [detail(i) for i in found]}, **asked)
    delete(script, index)
    assert endings(carried_out(script, made)) == {index.digest: REMOVED}


def test_what_is_left_of_a_plan_stays_while_nobody_knows_what_became_of_its_holders(script: Script) -> None:
    """As told by the must_go_first of the whole plan."""
    index, child = image("index", kind="index"), image("child")
    whole = plan(index, child, children={"index": ["child"]})
    left = replace(whole, verdicts=tuple(v for v in whole.verdicts if v.image == child))
    assert endings(carried_out(script, left)) == {child.digest: HOLDER_KEPT}


def test_a_part_that_went_meanwhile_keeps_nothing(script: Script) -> None:
    """Somebody removed a signature: the image itself did not change."""
    signed, signature = image("a", tags=["v1"]), image("signature", subject="a")
    still_opted_in(script)
    look(script, signed, gone=["signature"])
    delete(script, signed)
    look(script, gone=["signature"])
    ended = carried_out(script, plan(signed, signature))
    assert endings(ended) == {digest("a"): REMOVED, digest("signature"): CHANGED}


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"BoxCleanerEnabled": "false"},
        {"BoxCleanerEnabled": "True"},
        {"boxcleanerenabled": "true"},
        {"BoxCleanerEnabled": "true", "boxCleanerEnabled": "false"},
    ],
)
def test_a_repository_that_was_opted_out_meanwhile_keeps_everything(script: Script, tags: dict[str, str]) -> None:
    """The tags are asked for again right before; two variants of one count as opted out."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    script.answer("ecr", "list_tags_for_resource", {"tags": listed}, resourceArn=APP.arn)
    made = plan(image("a"), image("b"))
    ended = carried_out(script, made)
    assert [e.verdict for e in ended] == list(made.removals)
    assert {(e.status, e.detail) for e in ended} == {(CHANGED, "the repository was opted out meanwhile")}


@pytest.mark.parametrize(
    ("before", "days", "goes"),
    [
        ("30", "30", True),
        ("30", "90", False),
        ("30", "7", False),
        ("30", "90d", False),
        ("30", None, False),
        (None, "90", False),
        (None, "30", False),
        (None, "90d", False),
    ],
)
def test_an_age_limit_that_was_changed_meanwhile_keeps_everything(
    script: Script, before: str | None, days: str | None, *, goes: bool
) -> None:
    """Changed, added or taken away: what was judged by another limit is judged anew by the next run."""
    tags = {"BoxCleanerEnabled": "true"} | ({"BoxCleanerKeepDays": days} if days else {})
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    script.answer("ecr", "list_tags_for_resource", {"tags": listed}, resourceArn=APP.arn)
    if goes:
        one_call(script, image("a"))
    judged = replace(plan(image("a")), repository=repository("app", tag=before))
    (ended,) = carried_out(script, judged)
    assert ended.status is (REMOVED if goes else CHANGED)
    assert goes or ended.detail == "the tag BoxCleanerKeepDays was changed meanwhile"


@pytest.mark.parametrize(
    ("passed", "is_read"),
    [
        (OPT_IN_TAGS_MAX_AGE, False),
        (OPT_IN_TAGS_MAX_AGE + timedelta(microseconds=1), True),
        (timedelta(seconds=-1), True),
    ],
)
def test_a_repository_that_is_opted_out_between_calls_keeps_the_rest(
    script: Script, passed: timedelta, *, is_read: bool
) -> None:
    """The tags are read before each batch, unless that was done just now; a clock that was put back counts as long."""
    first, second = image("a", tags=[f"a{n}" for n in range(60)]), image("b", tags=[f"b{n}" for n in range(60)])
    now = NOW
    still_opted_in(script)
    one_call(script, first)
    steps = remover.remove(script.aws, plan(first, second), lambda: True, readings=script.readings, clock=lambda: now)
    ended = [next(steps)]
    now += passed
    if is_read:
        script.answer("ecr", "list_tags_for_resource", {"tags": []}, resourceArn=APP.arn)
    else:
        one_call(script, second)
    ended += steps
    assert endings(ended) == {digest("a"): REMOVED, digest("b"): CHANGED if is_read else REMOVED}
    assert ended[1].detail == ("the repository was opted out meanwhile" if is_read else "")


def test_a_repository_that_was_deleted_meanwhile_is_said(script: Script) -> None:
    """That is no failure."""
    script.refuse("ecr", "list_tags_for_resource", "RepositoryNotFoundException", resourceArn=APP.arn)
    (ended,) = carried_out(script, plan(image("a")))
    assert (ended.status, ended.detail) == (CHANGED, "the repository was deleted meanwhile")


@pytest.mark.parametrize("method", ["list_tags_for_resource", "describe_images"])
def test_without_a_look_nothing_is_removed(script: Script, method: str) -> None:
    """Denied tags and denied images are errors before anything went."""
    if method == "describe_images":
        still_opted_in(script)
        asked = {"repositoryName": "app", "imageIds": by_digest([digest("a")])}
        script.refuse("ecr", method, "AccessDeniedException", **asked)
    else:
        script.refuse("ecr", method, "AccessDeniedException", resourceArn=APP.arn)
    with pytest.raises(AwsError):
        carried_out(script, plan(image("a")))


# What must go first and stays


def test_what_hangs_on_an_image_that_stays_is_kept(script: Script) -> None:
    """A changed index keeps its manifests, a manifest that stays keeps its signatures, to any depth."""
    index, child = image("index", kind="index", tags=["v1"]), image("child")
    signature, other = image("signature", subject="child"), image("other")
    still_opted_in(script)
    look(script, replace(index, tags=("v1", "v2")), child, other)
    delete(script, other)
    ended = carried_out(script, plan(index, child, signature, other, children={"index": ["child"]}))
    assert endings(ended) == {
        digest("index"): CHANGED,
        digest("child"): HOLDER_KEPT,
        digest("signature"): HOLDER_KEPT,
        digest("other"): REMOVED,
    }


def test_what_is_held_by_nothing_goes_whatever_the_plan_says_of_others(script: Script) -> None:
    """A plan need not name the images that nothing holds."""
    still_opted_in(script)
    one_call(script, image("a"))
    made = RepositoryPlan(APP, plan(image("a")).verdicts)
    assert endings(carried_out(script, made)) == {digest("a"): REMOVED}


def test_what_is_kept_for_its_holder_is_told_before_the_next_call(script: Script) -> None:
    """And not at the end, where time may have run out."""
    kept, gone = image("kept", kind="index", tags=["v1"]), image("gone", kind="index")
    one, two = image("one"), image("two")
    still_opted_in(script)
    look(script, kept, gone, one, two)
    delete(script, kept, gone, confirmed=ids(gone), failures=[failure(ids(kept)[0], "KmsError")])
    look(script, kept)
    one_call(script, two)
    made = plan(kept, gone, one, two, children={"kept": ["one"], "gone": ["two"]})
    told = [(ended.verdict.image.digest, ended.status) for ended in carried_out(script, made)]
    assert told[-2:] == [(digest("one"), HOLDER_KEPT), (digest("two"), REMOVED)]


def test_what_hangs_on_an_image_that_could_not_be_removed_is_kept(script: Script) -> None:
    """The image still needs it."""
    signed, signature = image("a"), image("signature", subject="a")
    still_opted_in(script)
    look(script, signed, signature)
    delete(script, signed, confirmed=[], failures=[failure(ids(signed)[0], "KmsError")])
    look(script, signed)
    ended = carried_out(script, plan(signed, signature))
    assert endings(ended) == {digest("a"): FAILED, digest("signature"): HOLDER_KEPT}


def test_a_ring_of_tags_is_kept_and_ends(script: Script) -> None:
    """Tags of the sha256-<hex> kind can make two images each other's signature; the rest goes."""
    ring = [image("a", tags=["sha256-" + digest("b")[7:]]), image("b", tags=["sha256-" + digest("a")[7:]])]
    still_opted_in(script)
    one_call(script, image("c"))
    ended = carried_out(script, plan(*ring, image("c")))
    assert endings(ended) == {digest("a"): HOLDER_KEPT, digest("b"): HOLDER_KEPT, digest("c"): REMOVED}


def test_an_index_in_a_ring_of_tags_ends_too(script: Script) -> None:
    """An index whose own manifest is tagged as what it refers to."""
    index = image("index", kind="index", tags=["sha256-" + digest("child")[7:]])
    ended = carried_out(script, plan(index, image("child"), children={"index": ["child"]}))
    assert set(endings(ended).values()) == {HOLDER_KEPT}


# Failures


def test_every_failure_code_of_the_model_is_known(script: Script) -> None:
    """The tests below run through all of them."""
    codes = script.aws.client("ecr").meta.service_model.shape_for("ImageFailureCode").enum
    assert set(codes) ^ FAILURE_CODES == set()


@pytest.mark.parametrize("code", sorted(FAILURE_CODES))
def test_a_failure_in_a_success_is_a_failure(script: Script, code: str) -> None:
    """A 200 answer lists what did not go; the image is looked at and is still there."""
    broken, fine = image("a", tags=["v1"]), image("b")
    still_opted_in(script)
    look(script, broken, fine)
    delete(script, broken, fine, confirmed=ids(fine), failures=[failure(ids(broken)[0], code)])
    look(script, broken)
    ended = carried_out(script, plan(broken, fine))
    assert endings(ended) == {digest("a"): FAILED, digest("b"): REMOVED}
    assert next((e.codes, e.detail) for e in ended if e.status is FAILED) == ((code,), removal_calls.MEANINGS[code])


@pytest.mark.parametrize("code", sorted(FAILURE_CODES - {"ImageInaccessible"}))
def test_an_image_that_is_gone_when_looked_for_was_removed(script: Script, code: str) -> None:
    """A retry whose first answer was lost meets ImageNotFound; what counts is that nothing is there."""
    still_opted_in(script)
    look(script, image("a"))
    delete(script, image("a"), confirmed=[], failures=[failure(ids(image("a"))[0], code)])
    look(script, gone=["a"])
    (ended,) = carried_out(script, plan(image("a")))
    assert (ended.status, ended.codes, ended.detail) == (REMOVED, (code,), "confirmed by describing it again")


def test_an_image_archived_meanwhile_is_no_success(script: Script) -> None:
    """Archived images are not shown: their absence proves nothing."""
    still_opted_in(script)
    look(script, image("a"))
    delete(script, image("a"), confirmed=[], failures=[failure(ids(image("a"))[0], "ImageInaccessible")])
    look(script, gone=["a"])
    (ended,) = carried_out(script, plan(image("a")))
    assert (ended.status, ended.codes) == (FAILED, ("ImageInaccessible",))


@pytest.mark.parametrize(
    "failures",
    [
        [],
        [failure({}, "MissingDigestAndTag")],
        [{"imageId": {"imageDigest": digest("b")}, "failureCode": "ImageNotFound"}],
    ],
)
def test_what_was_not_confirmed_is_not_assumed(script: Script, failures: list[dict[str, Any]]) -> None:
    """An answer that says nothing about an image, or names nobody, or somebody else."""
    still_opted_in(script)
    look(script, image("a"))
    delete(script, image("a"), confirmed=[], failures=failures)
    look(script, image("a"))
    (ended,) = carried_out(script, plan(image("a")))
    assert (ended.status, ended.codes) == (FAILED, ("NotConfirmed",))


def test_a_tag_that_was_not_confirmed_is_not_assumed(script: Script) -> None:
    """One pair of an image says nothing of its other ones."""
    tagged = image("a", tags=["v1", "v2"])
    still_opted_in(script)
    look(script, tagged)
    delete(script, tagged, confirmed=ids(tagged)[:1])
    look(script, replace(tagged, tags=("v2",)))
    (ended,) = carried_out(script, plan(tagged))
    assert (ended.status, ended.codes) == (PARTLY_UNTAGGED, ("NotConfirmed",))


def test_every_code_of_an_image_is_explained(script: Script) -> None:
    """One pair may fail for another cause than the next."""
    tagged = image("a", tags=["v1", "v2"])
    still_opted_in(script)
    look(script, tagged)
    first, second = ids(tagged)
    failures = [failure(first, "KmsError"), failure(second, "ImageInaccessible")]
    delete(script, tagged, confirmed=[], failures=failures)
    look(script, tagged)
    (ended,) = carried_out(script, plan(tagged))
    assert ended.codes == ("ImageInaccessible", "KmsError")
    assert ended.detail == f"{removal_calls.MEANINGS['ImageInaccessible']}; {removal_calls.MEANINGS['KmsError']}"


def test_an_answer_without_a_word_of_failures_has_none(script: Script) -> None:
    """AWS may leave an empty list out."""
    still_opted_in(script)
    look(script, image("a"))
    asked = {"repositoryName": "app", "imageIds": ids(image("a"))}
    script.answer("ecr", "batch_delete_image", {"imageIds": ids(image("a"))}, **asked)
    assert endings(carried_out(script, plan(image("a")))) == {digest("a"): REMOVED}


def test_an_answer_that_lacks_everything_confirms_nothing(script: Script) -> None:
    """A body that was cut short."""
    still_opted_in(script)
    look(script, image("a"))
    asked = {"repositoryName": "app", "imageIds": ids(image("a"))}
    script.cut_short("ecr", "batch_delete_image", {"failures": [{"failureReason": "no id, no code"}]}, **asked)
    look(script, image("a"))
    (ended,) = carried_out(script, plan(image("a")))
    assert (ended.status, ended.codes) == (FAILED, ("NotConfirmed",))


def test_a_failure_without_code_is_still_one(script: Script) -> None:
    """Nameless, yet not removed."""
    still_opted_in(script)
    look(script, image("a"))
    asked = {"repositoryName": "app", "imageIds": ids(image("a"))}
    script.answer("ecr", "batch_delete_image", {"failures": [{"imageId": ids(image("a"))[0]}]}, **asked)
    look(script, image("a"))
    (ended,) = carried_out(script, plan(image("a")))
    assert (ended.status, ended.codes) == (FAILED, ("Unknown",))


@pytest.mark.parametrize(
    ("left", "status"),
    [
        (("v2",), PARTLY_UNTAGGED),
        ((), PARTLY_UNTAGGED),
        (("v1", "v2"), FAILED),
        (("v2", "v9"), FAILED),
        (None, REMOVED),
    ],
)
def test_an_image_that_lost_only_some_of_its_tags_is_told_as_such(
    script: Script, left: tuple[str, ...] | None, status: RemovalStatus
) -> None:
    """One pair went, the other did not: the image is there without some of its names."""
    tagged = image("a", tags=["v1", "v2"])
    still_opted_in(script)
    look(script, tagged)
    first, second = ids(tagged)
    delete(script, tagged, confirmed=[first], failures=[failure(second, "KmsError")])
    look(script, *([] if left is None else [replace(tagged, tags=left)]), gone=["a"])
    (ended,) = carried_out(script, plan(tagged))
    assert (ended.status, ended.codes) == (status, ("KmsError",))
    if status is PARTLY_UNTAGGED:
        assert ended.detail == f"it lost the tags {sorted({'v1', 'v2'} - set(left or ()))}"


@pytest.mark.parametrize("meaning", ["tag", "image"])
def test_both_meanings_of_a_pair_end_alike(script: Script, meaning: str) -> None:
    """A pair removes its tag, or the whole image: then ECR no longer finds the other pairs."""
    tagged = image("a", tags=["v1", "v2", "v3"])
    still_opted_in(script)
    look(script, tagged)
    first, *others = ids(tagged)
    if meaning == "tag":
        delete(script, tagged)
    else:
        delete(script, tagged, confirmed=[first], failures=[failure(i, "ImageNotFound") for i in others])
        look(script, gone=["a"])
    (ended,) = carried_out(script, plan(tagged))
    assert ended.status is REMOVED


def test_a_tag_that_moved_in_the_last_moment_fails(script: Script) -> None:
    """After the look and before the call: the pair protects the new image, and the code is told."""
    tagged = image("a", tags=["prod"])
    still_opted_in(script)
    look(script, tagged)
    delete(script, tagged, confirmed=[], failures=[failure(ids(tagged)[0], "ImageTagDoesNotMatchDigest")])
    look(script, replace(tagged, tags=()))
    (ended,) = carried_out(script, plan(tagged))
    assert (ended.status, ended.codes) == (PARTLY_UNTAGGED, ("ImageTagDoesNotMatchDigest",))


@pytest.mark.parametrize("there", [True, False])
def test_a_call_that_failed_is_looked_up(script: Script, *, there: bool) -> None:
    """The error may have come after the deed."""
    still_opted_in(script)
    look(script, image("a"), image("b"))
    asked = {"repositoryName": "app", "imageIds": ids(image("b"), image("a"))}
    script.refuse("ecr", "batch_delete_image", "ServerException", **asked)
    look(script, *([image("a")] if there else []), image("b"), gone=["a"])
    ended = carried_out(script, plan(image("b"), image("a")))
    assert endings(ended) == {digest("a"): FAILED if there else REMOVED, digest("b"): FAILED}
    assert {e.codes for e in ended} == {("ServerException",)}


@pytest.mark.parametrize(
    "error",
    [ConnectionClosedError(endpoint_url="https://ecr"), ReadTimeoutError(endpoint_url="https://ecr")],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_was_lost_is_looked_up(script: Script, error: Exception) -> None:
    """The call took effect although nobody heard of it."""
    still_opted_in(script)
    look(script, image("a"))
    script.break_off("ecr", "BatchDeleteImage", error)
    look(script, gone=["a"])
    (ended,) = carried_out(script, plan(image("a")))
    assert (ended.status, ended.codes) == (REMOVED, (type(error).__name__,))


def test_a_failed_call_does_not_end_the_repository(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next batch is tried, each time after a longer wait; a refusal for ever shows as many failures."""
    waits: list[int] = []
    monkeypatch.setattr(batch.pacing, "back_off", waits.append)
    first, second = image("a", tags=[f"a{n}" for n in range(60)]), image("b", tags=[f"b{n}" for n in range(60)])
    still_opted_in(script)
    for _ in range(batch.MAX_ATTEMPTS):
        look(script, first)
        script.refuse("ecr", "batch_delete_image", "ThrottlingException", repositoryName="app", imageIds=ids(first))
        look(script, first)
    one_call(script, second)
    assert endings(carried_out(script, plan(first, second))) == {digest("a"): FAILED, digest("b"): REMOVED}
    assert waits == [*range(1, batch.MAX_ATTEMPTS)]


def test_what_was_confirmed_is_told_even_if_the_second_look_fails(script: Script) -> None:
    """No image goes without a word, and of the others it is said that nobody knows."""
    gone, doubtful, signature = image("a", pushed="41d"), image("b"), image("signature", subject="b")
    still_opted_in(script)
    look(script, gone, doubtful, signature)
    delete(script, gone, doubtful, confirmed=ids(gone), failures=[failure(ids(doubtful)[0], "KmsError")])
    asked = {"repositoryName": "app", "imageIds": by_digest([digest("b")])}
    script.refuse("ecr", "describe_images", "AccessDeniedException", **asked)
    ended = carried_out(script, plan(gone, doubtful, signature))
    assert endings(ended) == {digest("a"): REMOVED, digest("b"): FAILED, digest("signature"): HOLDER_KEPT}
    unsure = next(e for e in ended if e.status is FAILED)
    assert unsure.codes == ("KmsError",)
    assert unsure.detail == "whether it still exists is unknown: AccessDeniedException"


# Time


def test_out_of_time_before_the_first_call_leaves_everything(script: Script) -> None:
    """What hangs on an image that is left is left as well, not kept for good."""
    index, child = image("index", kind="index"), image("child")
    ended = carried_out(script, plan(index, child, children={"index": ["child"]}), lambda: False)
    assert set(endings(ended).values()) == {LEFT}


def test_out_of_time_between_calls_leaves_the_rest(script: Script) -> None:
    """A call that is begun is ended; nothing is begun any more."""
    index, child, signature = image("index", kind="index"), image("child"), image("signature", subject="index")
    still_opted_in(script)
    look(script, index, child, signature)
    delete(script, index)
    answers = iter([True, True, False])
    what = plan(index, child, signature, children={"index": ["child"]})
    ended = carried_out(script, what, lambda: next(answers))
    assert endings(ended) == {digest("index"): REMOVED, digest("child"): LEFT, digest("signature"): LEFT}


def test_out_of_time_after_the_look_leaves_everything(script: Script) -> None:
    """It is asked for directly before the call as well; what hangs on an image that is left is left too."""
    index, child = image("index", kind="index"), image("child")
    still_opted_in(script)
    look(script, index, child)
    answers = iter([True, False])
    ended = carried_out(script, plan(index, child, children={"index": ["child"]}), lambda: next(answers))
    assert endings(ended) == {digest("index"): LEFT, digest("child"): LEFT}


@pytest.mark.parametrize(
    ("slept", "looks"),
    [(RECHECK_MAX_AGE, 1), (RECHECK_MAX_AGE + timedelta(microseconds=1), 2), (timedelta(seconds=-1), 2)],
)
def test_no_call_is_made_by_an_old_look(
    script: Script, monkeypatch: pytest.MonkeyPatch, slept: timedelta, looks: int
) -> None:
    """The machine slept, or its clock was put right: what was pulled meanwhile shows in another look."""
    monkeypatch.setattr(batch.pacing, "back_off", lambda _: None)
    one, pulled = image("a", pushed="41d"), image("b")
    still_opted_in(script)
    look(script, one, pulled)
    if looks > 1:
        look(script, one, replace(pulled, last_pulled_at=NOW))
    delete(script, *([one] if looks > 1 else [one, pulled]))
    moments = chain([NOW, NOW], repeat(NOW + slept))
    ended = endings(
        remover.remove(
            script.aws, plan(one, pulled), lambda: True, readings=script.readings, clock=lambda: next(moments)
        )
    )
    assert ended == {digest("a"): REMOVED, digest("b"): CHANGED if looks > 1 else REMOVED}


def test_a_call_is_held_back_before_the_look_and_not_after_it(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other repositories that are removed from meanwhile make it wait: an image may be pulled in that time."""
    steps: list[object] = []
    monkeypatch.setattr(Pacer, "hold_ahead", lambda _, *call: steps.append(call))
    describe = batch.images.describe

    def looked(*args: Any, **more: Any) -> dict[str, Image]:
        steps.append("look")
        return describe(*args, **more)

    monkeypatch.setattr(batch.images, "describe", looked)
    still_opted_in(script)
    one_call(script, image("a"))
    assert endings(carried_out(script, plan(image("a")))) == {digest("a"): REMOVED}
    assert steps[:2] == [("ecr", "BatchDeleteImage"), "look"]


def test_where_every_look_is_old_nothing_is_removed(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it ends."""
    monkeypatch.setattr(batch.pacing, "back_off", lambda _: None)
    still_opted_in(script)
    for _ in range(batch.MAX_ATTEMPTS):
        look(script, image("a"))
    moments = (NOW + number * timedelta(minutes=1) for number in count())
    (ended,) = remover.remove(
        script.aws, plan(image("a")), lambda: True, readings=script.readings, clock=lambda: next(moments)
    )
    assert (ended.status, ended.detail) == (FAILED, "each check of it was older than 30 s when it was to go")


def test_endings_are_told_as_they_happen(script: Script) -> None:
    """Whoever is cut off later has already said what went."""
    first, second = image("a", tags=[f"a{n}" for n in range(60)]), image("b", tags=[f"b{n}" for n in range(60)])
    still_opted_in(script)
    one_call(script, first)
    steps = remover.remove(script.aws, plan(first, second), lambda: True, readings=script.readings)
    assert next(steps).verdict.image.digest == digest("a")
    one_call(script, second)
    assert next(steps).verdict.image.digest == digest("b")


def signed(*names: str) -> list[Image]:
    """Images, the oldest first, and a signature of each."""
    pushed = {name: f"{90 - number}d" for number, name in enumerate(names)}
    return [
        *(image(name, pushed=pushed[name]) for name in names),
        *(image(f"{name}-signature", subject=name, pushed=pushed[name]) for name in names),
    ]


def test_what_belongs_together_is_only_begun_if_it_can_be_ended(script: Script) -> None:
    """With how many batches it takes: whoever has no time for both leaves the image with its signature."""
    images, asked = signed("a", "b"), []

    def may_begin(batches: int) -> bool:
        asked.append(batches)
        return False

    ended = remover.remove(script.aws, plan(*images), lambda: True, may_begin=may_begin, readings=script.readings)
    assert set(endings(ended).values()) == {LEFT}
    assert asked == [2], "two images share a call, and so do their signatures"


def test_many_groups_are_begun_one_call_after_the_other(script: Script) -> None:
    """The oldest first, each with its signature before the next one begins; what is not begun holds back no other."""
    made = signed("a", "b", "c")
    images, signatures = [replace(one, tags=tuple(f"t{n:02}" for n in range(60))) for one in made[:3]], made[3:]
    answers = iter([True, False, True])
    still_opted_in(script)
    for number in (0, 2):
        look(script, images[number], signatures[number])
        delete(script, images[number])
        one_call(script, signatures[number])
    ended = remover.remove(
        script.aws,
        plan(*images, *signatures),
        lambda: True,
        may_begin=lambda _: next(answers),
        readings=script.readings,
    )
    found = endings(ended)
    assert {name for name, status in found.items() if status is LEFT} == {digest("b"), digest("b-signature")}
    assert len(found) == 6


def test_what_stands_alone_fills_the_calls_of_others(script: Script) -> None:
    """Where it does not fit beside an index, it goes with what the index lists, which needs another call anyway."""
    tags = [f"t{n:02}" for n in range(60)]
    before, index = image("before", tags=tags, pushed="90d"), image("index", kind="index", tags=tags, pushed="80d")
    alone, child = image("alone", tags=tags, pushed="70d"), image("child", pushed="80d")
    still_opted_in(script)
    one_call(script, before)
    look(script, index, child)
    delete(script, index)
    one_call(script, child, alone)
    made = plan(before, index, alone, child, children={"index": ["child"]})
    assert set(endings(carried_out(script, made)).values()) == {REMOVED}


def test_what_is_left_of_a_group_is_removed_first(script: Script) -> None:
    """The image of this signature went in a run before."""
    old, left = image("old", tags=[f"t{n:02}" for n in range(100)], pushed="90d"), image("left", subject="gone")
    still_opted_in(script)
    one_call(script, left)
    one_call(script, old)
    assert set(endings(carried_out(script, plan(old, left))).values()) == {REMOVED}


def test_moments_are_compared_exactly(script: Script) -> None:
    """A pull one second later is another pull."""
    pulled = image("a", pulled="9d")
    still_opted_in(script)
    look(script, replace(pulled, last_pulled_at=ago("8d23h59m59s")))
    assert endings(carried_out(script, plan(pulled))) == {digest("a"): CHANGED}
