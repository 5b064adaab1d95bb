"""What is written down before images go, what it takes to be sure of it, and what stays where it could not be."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import ANY

from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.errors import NotWholeError
from ecr_cleaner.history.model import HistoryEntry
from ecr_cleaner.journal import schema, writer
from ecr_cleaner.journal.reader import JournalReader
from ecr_cleaner.journal.writer import Journal, JournalFailure
from ecr_cleaner.model.image import LONGEST_READING
from ecr_cleaner.model.plan import Reason, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.removal import remover
from tests.aws_calls.script import by_digest, detail
from tests.builders import INDEX, NOW, ago, image, repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import Removal
    from tests.aws_calls.script import Script

APP = repository("app")
BUCKET: Final = "bucket"
PREFIX: Final = "ecr-cleaner/1/"
TYPE: Final = "application/vnd.oci.image.manifest.v1+json"


def manifest(name: str) -> str:
    """The text of a manifest."""
    return json.dumps({"schemaVersion": 2, "name": name, "umlaut": "ü"}, ensure_ascii=False)


def made(name: str, **more: Any) -> Image:
    """An image whose digest is that of its manifest."""
    digest = f"sha256:{hashlib.sha256(manifest(name).encode()).hexdigest()}"
    return replace(image(name, **more), digest=digest)


def planned(*images: Image) -> RepositoryPlan:
    """A plan that removes all of them."""
    found = evaluate(APP, RepositorySnapshot(images), (), NOW)
    assert len(found.removals) == len(images)
    return found


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was put into the bucket; names are always the same."""
    monkeypatch.setattr(writer.uuid, "uuid4", lambda: type("Id", (), {"hex": "0123456789abcdef"}))
    return []


class Clock:
    """Stands still, or moves on at each look."""

    def __init__(self, step: timedelta = timedelta(0)) -> None:
        self.now, self.step = NOW, step

    def __call__(self) -> datetime:
        """As the journal asks."""
        self.now += self.step
        return self.now


@pytest.fixture
def journal(script: Script) -> Journal:
    """An empty one."""
    return Journal(script.aws, BUCKET, PREFIX, "run-1", Clock())


KEY: Final = f"{PREFIX}journal/2026-03-01/run-1/app/120000-0123456789ab.json.gz"


def hand_out(script: Script, *images: Image, types: Iterable[str] = (TYPE,), **answer: Any) -> None:
    """ECR hands their manifests out."""
    told = [{"imageId": {"imageDigest": i.digest}, "imageManifest": manifest(i.name.partition(":")[2])} for i in images]
    script.answer(
        "ecr",
        "batch_get_image",
        {"images": told, "failures": []} | answer,
        repositoryName="app",
        imageIds=by_digest(i.digest for i in images),
        acceptedMediaTypes=list(types),
    )


def put(script: Script, bodies: list[bytes]) -> None:
    """S3 takes an object whose key is free; its body is remembered."""

    class Body:
        """Equal to every body, and keeps it."""

        def __eq__(self, other: object) -> bool:
            assert isinstance(other, bytes)
            bodies.append(other)
            return True

        __hash__ = None  # type: ignore[assignment]

    script.answer(
        "s3",
        "put_object",
        {"ETag": '"1"'},
        Bucket=BUCKET,
        Key=KEY,
        Body=Body(),
        ContentType="application/gzip",
        IfNoneMatch="*",
    )


def stored(body: bytes) -> dict[str, Any]:
    """An object as S3 hands it out."""
    return {"Body": StreamingBody(BytesIO(body), len(body)), "ContentLength": len(body), "ETag": '"1"'}


@pytest.mark.usefixtures("written")
def test_everything_it_takes_to_push_again_is_written(script: Script, journal: Journal) -> None:
    """The bytes of the manifest, media type, tags, and who used it last; one object for the batch."""
    one = made("one", tags=["one", "v1"], pulled="35d")
    two = replace(made("two", tags=["two"]), subject=one.digest)
    what = planned(one, two)
    past = {
        one.digest: HistoryEntry(
            ("one",), last_in_use=ago("20d"), by=("ecs service prod/app",), lost_tags={"x": ago("9d")}
        )
    }
    journal.knows(what, past | {"sha256:else": HistoryEntry()})
    hand_out(script, one, two)
    bodies: list[bytes] = []
    put(script, bodies)
    assert journal.has_to_read(what.removals)
    assert journal.write(APP, what.removals, "delete", script.readings.note) == {}
    assert not journal.has_to_read(what.removals)
    page = schema.read_page(bodies[0], "s3://bucket/key")
    assert (page.account, page.region, page.repository, page.run_id) == ("123456789012", "us-east-1", "app", "run-1")
    assert (page.written_at, page.action) == (NOW, "delete")
    first, second = page.images
    assert first == schema.JournalEntry(
        digest=one.digest,
        manifest=manifest("one"),
        media_type=TYPE,
        tags=["one", "v1"],
        size_bytes=1000,
        pushed_at=ago("40d"),
        last_pulled_at=ago("35d"),
        reason="old_and_unused",
        last_in_use=ago("20d"),
        by=["ecs service prod/app"],
        lost_tags={"x": ago("9d")},
    )
    assert (second.digest, second.subject, second.last_in_use, second.by) == (two.digest, one.digest, None, [])
    assert journal.write(APP, what.removals, "delete", script.readings.note) == {}, "once is enough"


@pytest.mark.usefixtures("written")
def test_what_has_no_type_is_asked_for_by_all_of_them(script: Script, journal: Journal) -> None:
    """Where all types are known, these are asked for: ECR might convert what is not."""
    index = replace(made("index", tags=["index"]), media_type=INDEX)
    odd = replace(made("odd", tags=["odd"]), media_type=None)
    hand_out(script, index, types=[INDEX])
    bodies: list[bytes] = []
    put(script, bodies)
    assert journal.write(APP, planned(index).removals, "delete", script.readings.note) == {}
    every = [
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v2+json",
        INDEX,
        TYPE,
    ]
    hand_out(script, odd, types=every)
    put(script, bodies)
    assert journal.write(APP, planned(odd).removals, "delete", script.readings.note) == {}


@pytest.mark.usefixtures("written")
def test_what_ecr_does_not_hand_out_is_not_in_it(script: Script, journal: Journal) -> None:
    """The others are: a failure, no answer, and another manifest, each with its cause."""
    images = [made(name, tags=[name]) for name in ("good", "failed", "silent", "other")]
    good, failed, silent, other = images
    told = [
        {"imageId": {"imageDigest": good.digest}, "imageManifest": manifest("good")},
        {"imageId": {"imageDigest": other.digest}, "imageManifest": manifest("good")},
    ]
    failures = [{"imageId": {"imageDigest": failed.digest}, "failureCode": "KmsError"}]
    hand_out(script, *images, images=told, failures=failures)
    bodies: list[bytes] = []
    put(script, bodies)
    what = planned(*images)
    unwritten = journal.write(APP, what.removals, "delete", script.readings.note)
    assert {digest: one.code for digest, one in unwritten.items()} == {
        failed.digest: "KmsError",
        silent.digest: "NotAnswered",
        other.digest: "WrongManifest",
    }
    assert good.digest in unwritten[other.digest].detail
    assert [entry.digest for entry in schema.read_page(bodies[0], "").images] == [good.digest]
    assert journal.has_to_read(what.removals)
    assert not journal.has_to_read(planned(good).removals)


def test_a_first_manifest_is_taken_as_it_is(script: Script, journal: Journal, written: list[Any]) -> None:
    """The digest of Docker's first manifests leaves their signatures out."""
    assert written == []
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    old = replace(image("legacy", tags=["legacy"]), media_type=kind, artifact_type=None)
    hand_out(script, old, types=[kind])
    put(script, [])
    assert journal.write(APP, planned(old).removals, "delete", script.readings.note) == {}


def test_reading_that_fails_leaves_everything_out(script: Script, journal: Journal) -> None:
    """Refused, cut short, without an answer."""
    what = planned(made("one", tags=["one"]))
    (verdict,) = what.removals
    script.refuse("ecr", "batch_get_image", "AccessDeniedException")
    (cause,) = journal.write(APP, what.removals, "delete", script.readings.note).values()
    assert cause.code == "AccessDeniedException"
    assert "BatchGetImage failed" in cause.detail
    script.cut_short(
        "ecr",
        "batch_get_image",
        {},
        repositoryName="app",
        imageIds=by_digest([verdict.image.digest]),
        acceptedMediaTypes=[TYPE],
    )
    (cause,) = journal.write(APP, what.removals, "delete", script.readings.note).values()
    assert cause.code == "IncompleteAnswer"
    script.break_off("ecr", "BatchGetImage", ReadTimeoutError(endpoint_url="https://ecr"))
    (cause,) = journal.write(APP, what.removals, "delete", script.readings.note).values()
    assert cause.code == "ReadTimeoutError"
    assert journal.has_to_read(what.removals)


def test_reading_that_takes_long_leaves_everything_out(script: Script) -> None:
    """Nobody could tell a pull at the same time from the reading."""
    what = planned(made("one", tags=["one"]))
    slow = Journal(script.aws, BUCKET, PREFIX, "run-1", Clock(LONGEST_READING + timedelta(seconds=1)))
    hand_out(script, what.removals[0].image)
    assert slow.write(APP, what.removals, "delete", script.readings.note) == {
        what.removals[0].image.digest: JournalFailure(
            "TooSlow", "reading its manifest took 61 s: a pull during that time cannot be recognised"
        )
    }


@pytest.mark.usefixtures("written")
def test_writing_that_fails_leaves_everything_out(script: Script, journal: Journal) -> None:
    """With what S3 said."""
    what = planned(made("one", tags=["one"]))
    hand_out(script, what.removals[0].image)
    script.refuse("s3", "put_object", "AccessDenied")
    (cause,) = journal.write(APP, what.removals, "delete", script.readings.note).values()
    assert cause.code == "NotWritten"
    assert "PutObject failed with AccessDenied" in cause.detail
    assert journal.has_to_read(what.removals)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.usefixtures("written")
def test_a_lost_answer_is_made_sure_of(script: Script, journal: Journal, *, whole: bool) -> None:
    """A second try of the client finds the first one's object: only if it is the same, it is there."""
    what = planned(made("one", tags=["one"]))
    hand_out(script, what.removals[0].image)
    expected = {"Bucket": BUCKET, "Key": KEY, "Body": ANY, "ContentType": "application/gzip", "IfNoneMatch": "*"}
    script.refuse("s3", "put_object", "PreconditionFailed", **expected)
    entry = schema.JournalEntry(
        digest=what.removals[0].image.digest,
        manifest=manifest("one"),
        media_type=TYPE,
        tags=["one"],
        size_bytes=1000,
        pushed_at=ago("40d"),
        reason="old_and_unused",
    )
    page = schema.Page(
        account="123456789012",
        region="us-east-1",
        repository="app",
        run_id="run-1",
        written_at=NOW,
        action="delete",
        images=[entry] if whole else [],
    )
    script.answer("s3", "get_object", stored(schema.write_page(page)), Bucket=BUCKET, Key=KEY)
    unwritten = journal.write(APP, what.removals, "delete", script.readings.note)
    assert (not unwritten) is whole


def test_its_own_reading_is_told_from_a_pull(script: Script, journal: Journal, written: list[Any]) -> None:
    """It is noted when which image was read."""
    assert written == []
    one, other = made("one", tags=["one"]), made("other", tags=["other"])
    readings = script.readings
    assert not readings.explain(one, NOW)
    hand_out(script, one)
    put(script, [])
    journal.write(APP, planned(one).removals, "delete", script.readings.note)
    assert readings.explain(one, NOW)
    assert not readings.explain(other, NOW)
    assert not readings.explain(replace(one, repository="else"), NOW)


def test_pages_are_read_strictly() -> None:
    """Cut short, edited, or with a manifest that is another one: not whole."""
    page = schema.Page(
        account="1",
        region="r",
        repository="app",
        run_id="run",
        written_at=NOW,
        action="delete",
        images=[
            schema.JournalEntry(digest=made("a").digest, manifest=manifest("a"), pushed_at=NOW, reason="r"),
            schema.JournalEntry(digest=made("b").digest, pushed_at=NOW, reason="r"),
        ],
    )
    body = schema.write_page(page)
    assert schema.read_page(body, "place") == page
    assert schema.write_page(page) == body
    for spoiled in (b"", body[:-9], body[:30], gzip.compress(b"{}"), b"plain"):
        with pytest.raises(NotWholeError, match="place"):
            schema.read_page(spoiled, "place")
    wrong = page.model_copy(update={"images": [page.images[0].model_copy(update={"manifest": "{}"})]})
    with pytest.raises(NotWholeError, match="is inconsistent"):
        schema.read_page(schema.write_page(wrong), "place")


# Within a removal


@pytest.fixture
def _opted_in(script: Script) -> None:
    """The tags are read again before anything is removed."""
    tags = [{"Key": "BoxCleanerEnabled", "Value": "true"}]
    script.answer("ecr", "list_tags_for_resource", {"tags": tags}, resourceArn=APP.arn)


def carried_out(script: Script, what: RepositoryPlan, journal: Journal) -> list[Removal]:
    """Carry a plan out."""
    return list(remover.remove(script.aws, what, lambda: True, journal, readings=script.readings))


def look(script: Script, *images: Image) -> None:
    """They are described, as they are now."""
    found = sorted(images, key=lambda i: i.digest)
    asked = by_digest(i.digest for i in found)
    script.answer(
        "ecr", "describe_images", {"imageDetails": list(map(detail, found))}, repositoryName="app", imageIds=asked
    )


def delete(script: Script, *images: Image) -> None:
    """They are removed."""
    ids = [{"imageDigest": i.digest, "imageTag": tag} for i in images for tag in i.tags]
    script.answer("ecr", "batch_delete_image", {"imageIds": ids, "failures": []}, repositoryName="app", imageIds=ids)


@pytest.mark.usefixtures("_opted_in", "written")
def test_it_is_looked_written_looked_again_and_removed(script: Script, journal: Journal) -> None:
    """In this order; what the reading did to the pull time is no change."""
    one, two = made("one", tags=["one"]), made("two", tags=["two"], pulled="39d")
    look(script, one, two)
    hand_out(script, one, two)
    put(script, [])
    look(script, replace(one, last_pulled_at=NOW), two)
    delete(script, one, two)
    ended = carried_out(script, planned(one, two), journal)
    assert {removal.status for removal in ended} == {RemovalStatus.REMOVED}


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, last_pulled_at=NOW + timedelta(seconds=11)),
        lambda one: replace(one, tags=("more", "one")),
        lambda one: replace(one, pushed_at=NOW),
        lambda one: replace(one, active=False),
    ],
    ids=["pulled", "tagged", "pushed", "archived"],
)
@pytest.mark.usefixtures("_opted_in", "written")
def test_what_changes_while_it_is_written_stays(
    script: Script, journal: Journal, change: Callable[[Image], Image]
) -> None:
    """The second look is as strict as the first one."""
    one, two = made("one", tags=["one"]), made("two", tags=["two"])
    look(script, one, two)
    hand_out(script, one, two)
    put(script, [])
    look(script, change(one), two)
    delete(script, two)
    ended = {r.verdict.image.digest: r.status for r in carried_out(script, planned(one, two), journal)}
    assert ended == {one.digest: RemovalStatus.CHANGED, two.digest: RemovalStatus.REMOVED}


@pytest.mark.usefixtures("_opted_in")
def test_what_was_pulled_before_is_not_even_read(script: Script, journal: Journal) -> None:
    """So that reading hides nobody's pull."""
    one = made("one", tags=["one"])
    look(script, replace(one, last_pulled_at=NOW))
    (ended,) = carried_out(script, planned(one), journal)
    assert (ended.status, ended.detail) == (RemovalStatus.CHANGED, "app:one was pulled")


@pytest.mark.parametrize("is_written", [True, False])
@pytest.mark.usefixtures("_opted_in", "written")
def test_what_need_not_be_read_is_written_and_then_looked_at_once(
    script: Script, journal: Journal, *, is_written: bool
) -> None:
    """ECR hands out no manifest of what is in the archive, so no reading hides a pull from the look before the call."""
    one = replace(made("one", tags=["one"]), active=False, archived_at=ago("91d"))
    if is_written:
        put(script, [])
        told = detail(one, imageStatus="ARCHIVED", lastArchivedAt=one.archived_at)
        asked = {"imageIds": by_digest([one.digest]), "filter": {"imageStatus": "ANY"}}
        script.answer("ecr", "describe_images", {"imageDetails": [told]}, repositoryName="app", **asked)
        delete(script, one)
    else:
        script.refuse("s3", "put_object", "NoSuchBucket")
    what = RepositoryPlan(APP, (Verdict(one, Reason.ARCHIVED_AND_UNUSED),))
    (ended,) = carried_out(script, what, journal)
    assert ended.status is (RemovalStatus.REMOVED if is_written else RemovalStatus.NOT_JOURNALLED)


@pytest.mark.usefixtures("_opted_in", "written")
def test_what_is_not_written_down_is_not_removed(script: Script, journal: Journal) -> None:
    """It has failed, with the cause; the others of its batch go."""
    one, two = made("one", tags=["one"]), made("two", tags=["two"])
    look(script, one, two)
    told = [{"imageId": {"imageDigest": one.digest}, "imageManifest": manifest("one")}]
    failures = [{"imageId": {"imageDigest": two.digest}, "failureCode": "KmsError"}]
    hand_out(script, one, two, images=told, failures=failures)
    put(script, [])
    look(script, one)
    delete(script, one)
    ended = {r.verdict.image.digest: (r.status, r.codes) for r in carried_out(script, planned(one, two), journal)}
    assert ended == {
        one.digest: (RemovalStatus.REMOVED, ()),
        two.digest: (RemovalStatus.NOT_JOURNALLED, ("KmsError",)),
    }


@pytest.mark.usefixtures("_opted_in", "written")
def test_nothing_is_removed_where_nothing_could_be_written(script: Script, journal: Journal) -> None:
    """S3 refuses: ECR is not asked to remove, and what hangs on what stays, stays."""
    one = made("one", tags=["one"])
    two = replace(made("two", tags=["two"]), subject=one.digest)
    look(script, one, two)
    hand_out(script, one)
    script.refuse("s3", "put_object", "NoSuchBucket")
    ended = {r.verdict.image.digest: r.status for r in carried_out(script, planned(one, two), journal)}
    assert ended == {one.digest: RemovalStatus.NOT_JOURNALLED, two.digest: RemovalStatus.HOLDER_KEPT}


@pytest.mark.usefixtures("_opted_in", "written")
def test_a_second_try_neither_reads_nor_writes_again(script: Script, journal: Journal) -> None:
    """It looks, and the pull of the first try is still its own."""
    one = made("one", tags=["one"])
    look(script, one)
    hand_out(script, one)
    put(script, [])
    look(script, one)
    script.break_off("ecr", "BatchDeleteImage", ReadTimeoutError(endpoint_url="https://ecr"))
    look(script, one)
    look(script, replace(one, last_pulled_at=NOW))
    delete(script, one)
    (ended,) = carried_out(script, planned(one), journal)
    assert ended.status is RemovalStatus.REMOVED


@pytest.mark.parametrize(("again", "status"), [(0, RemovalStatus.REMOVED), (1, RemovalStatus.CHANGED)])
@pytest.mark.usefixtures("_opted_in", "written")
def test_a_pull_before_a_second_try_is_told_from_the_reading(
    script: Script, journal: Journal, again: int, status: RemovalStatus
) -> None:
    """Its pull time was seen already: another one, however soon, is somebody's."""
    one = made("one", tags=["one"])
    look(script, one)
    hand_out(script, one)
    put(script, [])
    look(script, replace(one, last_pulled_at=NOW))
    script.refuse("ecr", "batch_delete_image", "ThrottlingException")
    look(script, replace(one, last_pulled_at=NOW))
    look(script, replace(one, last_pulled_at=NOW + timedelta(seconds=again)))
    if not again:
        delete(script, one)
    (ended,) = carried_out(script, planned(one), journal)
    assert ended.status is status


def test_the_pages_of_a_repository_are_found_by_their_names(script: Script) -> None:
    """The latest first, whatever the order of the listing; not what is another repository's, or no page at all."""
    root = f"{PREFIX}journal/"
    keys = [
        f"{root}2026-02-28/run-0/app/235959-0123456789ab.json.gz",
        f"{root}2026-03-01/run-1/app/120000-0123456789ab.json.gz",
        f"{root}2026-03-01/run-1/shop/app/130000-0123456789ab.json.gz",
        f"{root}2026-03-01/run-1/app/readme.txt",
    ]
    contents = [{"Key": key, "LastModified": NOW} for key in keys]
    answer = {"Contents": contents, "KeyCount": len(keys), "IsTruncated": False}
    script.answer("s3", "list_objects_v2", answer, Bucket=BUCKET, Prefix=root)
    page = schema.Page(
        account="123456789012",
        region="us-east-1",
        repository="app",
        run_id="run-1",
        written_at=NOW,
        action="delete",
        images=[],
    )
    foreign = page.model_copy(update={"repository": "other"})
    for key, told in ((keys[1], page), (keys[0], foreign)):
        script.answer("s3", "get_object", stored(schema.write_page(told)), Bucket=BUCKET, Key=key)
    reader = JournalReader(script.aws, BUCKET, PREFIX)
    assert list(reader.pages("app")) == [page]
    assert reader.problems == [f"s3://{BUCKET}/{keys[0]} belongs to 'other'"]
