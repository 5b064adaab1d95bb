"""How images are archived: what is asked, in which order, and how every answer is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.journal.writer import JournalFailure
from ecr_cleaner.model.plan import RemovalStatus
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.registry import opt_in
from ecr_cleaner.removal import batch, remover
from ecr_cleaner.removal.calls import ARCHIVE_BATCH_SIZE, NOT_ARCHIVED
from tests.aws_calls.script import by_digest, detail
from tests.builders import NOW, ago, digest, image, repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import Removal, RepositoryPlan, Verdict
    from tests.aws_calls.script import Script

ATTIC = replace(repository("app").retention, delete_archived_after_days=90)
APP = replace(repository("app"), retention=ATTIC)
ARCHIVED, REMOVED, FAILED = RemovalStatus.ARCHIVED, RemovalStatus.REMOVED, RemovalStatus.FAILED


def plan(*images: Image, children: dict[str, Iterable[str]] | None = None) -> RepositoryPlan:
    """A plan that removes all of these images; children by name."""
    listed = {digest(index): tuple(map(digest, names)) for index, names in (children or {}).items()}
    made = evaluate(APP, RepositorySnapshot(images, listed), (), NOW)
    assert len(made.removals) == len(images)
    return made


def in_the_archive(name: str, **more: Any) -> Image:
    """An image that was archived long ago."""
    return replace(image(name, active=False, **more), archived_at=ago("91d"))


@pytest.fixture(autouse=True)
def _opted_in(script: Script) -> None:
    still_opted_in(script)


def still_opted_in(script: Script) -> None:
    """The tags are read again before each batch."""
    tags = [{"Key": "BoxCleanerEnabled", "Value": "true"}]
    script.answer("ecr", "list_tags_for_resource", {"tags": tags}, resourceArn=APP.arn)


def carried_out(
    script: Script, what: RepositoryPlan, may_go_on: Callable[[], bool] = lambda: True
) -> dict[str, RemovalStatus]:
    """Digest to ending."""
    return {one.verdict.image.digest: one.status for one in ended(script, what, may_go_on)}


def ended(script: Script, what: RepositoryPlan, may_go_on: Callable[[], bool] = lambda: True) -> list[Removal]:
    """Carry a plan out that archives."""
    return list(remover.remove(script.aws, what, may_go_on, readings=script.readings, archive=True))


def look(script: Script, *images: Image) -> None:
    """They are described, archived or not."""
    found = sorted(images, key=lambda i: i.digest)
    told = [detail(i, lastArchivedAt=i.archived_at, imageStatus=_status(i)) for i in found]
    script.answer(
        "ecr",
        "describe_images",
        {"imageDetails": told},
        repositoryName="app",
        imageIds=by_digest(i.digest for i in found),
        filter={"imageStatus": "ANY"},
    )


def _status(one: Image) -> str:
    return "ACTIVE" if one.active else "ACTIVATING" if one.activating else "ARCHIVED"


def update(script: Script, one: Image, status: str = "ARCHIVED") -> None:
    """It goes into the archive."""
    script.answer(
        "ecr",
        "update_image_storage_class",
        {"imageId": {"imageDigest": one.digest}, "imageStatus": status},
        repositoryName="app",
        imageId={"imageDigest": one.digest},
        targetStorageClass="ARCHIVE",
    )


def test_each_is_archived_by_its_digest(script: Script) -> None:
    """What is listed and what refers to it follow."""
    index, child = image("index", kind="index", tags=["v1"]), image("child")
    signature = image("signature", subject="index")
    look(script, index, child, signature)
    update(script, index)
    look(script, replace(index, active=False, archived_at=NOW), child, signature)
    update(script, child)
    update(script, signature)
    found = carried_out(script, plan(index, child, signature, children={"index": ["child"]}))
    assert set(found.values()) == {ARCHIVED}


LATER: Final = NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("back", "status"),
    [
        ({"active": True}, RemovalStatus.HOLDER_KEPT),
        ({"active": False, "activating": True}, RemovalStatus.HOLDER_KEPT),
        ({"active": False, "archived_at": LATER}, RemovalStatus.HOLDER_KEPT),
        ({"active": False, "archived_at": NOW}, ARCHIVED),
    ],
    ids=["restored", "being restored", "restored and archived again", "still there"],
)
def test_what_hangs_on_what_is_back_from_the_archive_stays(
    script: Script, back: dict[str, Any], status: RemovalStatus
) -> None:
    """Whatever hangs on it, through others as well: each look shows what went there before."""
    index, child, signature = image("index", kind="index"), image("child"), image("signature", subject="child")
    look(script, index, child)
    update(script, index)
    there = replace(index, active=False, archived_at=NOW)
    look(script, there, child, signature)
    update(script, child)
    look(script, replace(index, **back), replace(child, active=False, archived_at=NOW), signature)
    if status is ARCHIVED:
        update(script, signature)
    found = ended(script, plan(index, child, signature, children={"index": ["child"]}))
    assert [one.status for one in found] == [ARCHIVED, ARCHIVED, status]
    assert found[-1].detail == ("" if status is ARCHIVED else f"{index.name} is back from the archive")


def test_what_hangs_on_what_somebody_deletes_from_the_archive_follows(script: Script) -> None:
    """Nothing needs it any more."""
    one, signature = image("one"), image("signature", subject="one")
    look(script, one, signature)
    update(script, one)
    script.refuse("ecr", "describe_images", "ImageNotFoundException")
    for asked in sorted((one, signature), key=lambda i: i.digest):
        if asked is one:
            script.refuse("ecr", "describe_images", "ImageNotFoundException")
        else:
            look(script, signature)
    update(script, signature)
    assert set(carried_out(script, plan(one, signature)).values()) == {ARCHIVED}


def test_every_ten_are_looked_at_anew(script: Script) -> None:
    """So that none is archived long after the look; an image counts once, however many tags it has."""
    count = ARCHIVE_BATCH_SIZE + 1
    images = [image(f"i{n}", tags=[f"t{n}", f"u{n}"], pushed=f"{90 - n}d") for n in range(count)]
    look(script, *images[:ARCHIVE_BATCH_SIZE])
    for one in images[:ARCHIVE_BATCH_SIZE]:
        update(script, one)
    look(script, replace(images[-1], tags=("more", f"t{ARCHIVE_BATCH_SIZE}")))
    found = carried_out(script, plan(*images))
    assert found.pop(images[-1].digest) is RemovalStatus.CHANGED
    assert set(found.values()) == {ARCHIVED}


def test_between_batches_time_is_asked_for(script: Script) -> None:
    """What there is no time for is left."""
    images = [image(f"i{number}", pushed=f"{90 - number}d") for number in range(ARCHIVE_BATCH_SIZE + 2)]
    answers = iter([True] * (1 + ARCHIVE_BATCH_SIZE) + [False])
    look(script, *images[:ARCHIVE_BATCH_SIZE])
    for one in images[:ARCHIVE_BATCH_SIZE]:
        update(script, one)
    found = carried_out(script, plan(*images), lambda: next(answers))
    assert {found.pop(one.digest) for one in images[ARCHIVE_BATCH_SIZE:]} == {RemovalStatus.DEFERRED}
    assert set(found.values()) == {ARCHIVED}


@pytest.mark.parametrize("asked", [0, 1], ids=["before a batch", "before a call"])
def test_of_what_is_left_nothing_more_is_told(script: Script, asked: int) -> None:
    """Its image and that it was left say it all."""
    one = image("one")
    if asked:
        look(script, one)
    else:
        assert opt_in.tags_of(script.aws, APP.arn) == {"BoxCleanerEnabled": "true"}, (
            "asked before there was time for it"
        )
    answers = iter([True] * asked + [False] * 3)
    (found,) = ended(script, plan(one), lambda: next(answers))
    assert (found.verdict.image, found.status, found.detail) == (one, RemovalStatus.DEFERRED, "")


@pytest.mark.parametrize("back", ["above one", "above other"])
def test_what_hangs_on_two_things_stays_for_either(script: Script, back: str) -> None:
    """Also if what came back is not what lists it, but what lists that."""
    indexes = [image(name, kind="index") for name in ("above one", "above other", "one", "other")]
    child = image("child")
    lists: dict[str, Iterable[str]] = {
        "above one": ["one"],
        "above other": ["other"],
        "one": ["child"],
        "other": ["child"],
    }
    there = [replace(index, active=False, archived_at=NOW) for index in indexes]
    look(script, *indexes, child)
    update(script, indexes[0])
    update(script, indexes[1])
    look(script, *there[:2], *indexes[2:], child)
    update(script, indexes[2])
    update(script, indexes[3])
    restored = [index if index.digest == digest(back) else there[number] for number, index in enumerate(indexes)]
    look(script, *restored, child)
    found = carried_out(script, plan(*indexes, child, children=lists))
    assert found.pop(child.digest) is RemovalStatus.HOLDER_KEPT
    assert set(found.values()) == {ARCHIVED}


class _Refuses:
    """A journal that writes nothing down, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], str]] = []

    def has_to_read(self, verdicts: Iterable[Verdict]) -> bool:
        return bool(verdicts)

    def write(
        self, _repository: object, verdicts: Iterable[Verdict], action: str, _note: object
    ) -> dict[str, JournalFailure]:
        names = [verdict.image.digest for verdict in verdicts]
        self.asked.append((names, action))
        return dict.fromkeys(names, JournalFailure("TooSlow", "it took long"))


@pytest.mark.parametrize("archive", [True, False])
def test_the_journal_is_told_what_becomes_of_it(script: Script, *, archive: bool) -> None:
    """And why it was not written down is told."""
    one, journal = image("one"), _Refuses()
    if archive:
        look(script, one)
    else:
        script.answer(
            "ecr",
            "describe_images",
            {"imageDetails": [detail(one)]},
            repositoryName="app",
            imageIds=by_digest([one.digest]),
        )
    (found,) = remover.remove(
        script.aws, plan(one), lambda: True, cast("Any", journal), readings=script.readings, archive=archive
    )
    assert journal.asked == [([one.digest], "archive" if archive else "delete")]
    assert (found.status, found.codes, found.detail) == (RemovalStatus.NOT_JOURNALLED, ("TooSlow",), "it took long")


def test_what_is_left_of_a_plan_goes_with_the_holders_of_the_whole(script: Script) -> None:
    """What went already is named there, and is none of its business."""
    index, child = image("index", kind="index"), image("child")
    whole = plan(index, child, children={"index": ["child"]})
    left = replace(whole, verdicts=tuple(v for v in whole.verdicts if v.image.digest == index.digest))
    look(script, index, child)
    update(script, index)
    assert carried_out(script, left) == {index.digest: ARCHIVED}


def test_between_calls_time_is_asked_for(script: Script) -> None:
    """None is archived by usages that got out of date after the one before; what hangs on the rest is left as well."""
    one, index, child = image("one", pushed="41d"), image("index", kind="index"), image("child")
    answers = iter([True, True, False, False])
    look(script, one, index, child)
    update(script, one)
    found = carried_out(script, plan(one, index, child, children={"index": ["child"]}), lambda: next(answers))
    assert found == {one.digest: ARCHIVED, index.digest: RemovalStatus.DEFERRED, child.digest: RemovalStatus.DEFERRED}


def test_between_calls_an_old_look_is_made_anew(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine slept after the first one."""
    monkeypatch.setattr(batch.pacing, "back_off", lambda _: None)
    one, two = image("one", pushed="41d"), image("two")
    moments = chain([NOW, NOW, NOW], repeat(NOW + timedelta(hours=8)))
    look(script, one, two)
    update(script, one)
    look(script, replace(two, last_pulled_at=NOW))
    ended = remover.remove(
        script.aws, plan(one, two), lambda: True, archive=True, readings=script.readings, clock=lambda: next(moments)
    )
    found = {r.verdict.image.digest: r.status for r in ended}
    assert found == {one.digest: ARCHIVED, two.digest: RemovalStatus.CHANGED}


@pytest.mark.parametrize(
    ("now", "status", "text"),
    [
        (lambda one: one, FAILED, NOT_ARCHIVED),
        (lambda one: replace(one, active=False, archived_at=NOW), ARCHIVED, "confirmed by describing it again"),
    ],
    ids=["still active", "archived"],
)
@pytest.mark.parametrize("answer", ["refused", "unconfirmed"])
def test_what_is_not_confirmed_is_looked_at(
    script: Script, answer: str, now: Callable[[Image], Image], status: RemovalStatus, text: str
) -> None:
    """Whatever the answer says, the repository has the last word."""
    one = image("one", tags=["v1"])
    look(script, one)
    if answer == "refused":
        script.refuse("ecr", "update_image_storage_class", "ImageStorageClassUpdateNotSupportedException")
    else:
        update(script, one, "ACTIVE")
    look(script, now(one))
    (found,) = ended(script, plan(one))
    code = "ImageStorageClassUpdateNotSupportedException" if answer == "refused" else "NotConfirmed"
    assert (found.status, found.codes, found.detail) == (status, (code,), text)


def test_what_is_gone_meanwhile_is_no_success(script: Script) -> None:
    """Somebody deleted it."""
    one = image("one")
    look(script, one)
    update(script, one, "ACTIVE")
    script.refuse("ecr", "describe_images", "ImageNotFoundException")
    (found,) = ended(script, plan(one))
    told = (found.status, found.codes, found.detail)
    assert told == (RemovalStatus.CHANGED, ("NotConfirmed",), "it is gone already")


def test_what_may_pass_is_tried_again_after_a_look(script: Script) -> None:
    """The client does not repeat it by itself."""
    one, two = image("one"), image("two")
    look(script, one, two)
    update(script, one)
    script.break_off("ecr", "UpdateImageStorageClass", ReadTimeoutError(endpoint_url="https://ecr"))
    look(script, two)
    look(script, two)
    update(script, two)
    # The first that is asked for meets what was broken off.
    found = carried_out(script, plan(two, one))
    assert set(found.values()) == {ARCHIVED}


def test_what_is_there_already_is_deleted(script: Script) -> None:
    """After a look that shows it; what goes into the archive goes there besides."""
    old, fresh = in_the_archive("old", tags=["v1"]), image("fresh", tags=["v2"])
    look(script, old)
    ids = [{"imageDigest": old.digest, "imageTag": "v1"}]
    script.answer("ecr", "batch_delete_image", {"imageIds": ids, "failures": []}, repositoryName="app", imageIds=ids)
    look(script, fresh)
    update(script, fresh)
    assert carried_out(script, plan(old, fresh)) == {old.digest: REMOVED, fresh.digest: ARCHIVED}


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, active=True, archived_at=None),
        lambda one: replace(one, archived_at=ago("1d")),
        lambda one: replace(one, tags=("v2",)),
    ],
    ids=["restored", "restored and archived again", "tagged"],
)
def test_what_changed_in_the_archive_stays(script: Script, change: Callable[[Image], Image]) -> None:
    """The second look shows what is archived too."""
    old = in_the_archive("old", tags=["v1"])
    look(script, change(old))
    assert carried_out(script, plan(old)) == {old.digest: RemovalStatus.CHANGED}


def test_nothing_is_deleted_from_under_what_goes_into_the_archive(script: Script) -> None:
    """What lies there comes back whole."""
    index, child = image("index", kind="index"), in_the_archive("child")
    look(script, index, child)
    update(script, index)
    found = carried_out(script, plan(index, child, children={"index": ["child"]}))
    assert found == {index.digest: ARCHIVED, child.digest: RemovalStatus.HOLDER_KEPT}
