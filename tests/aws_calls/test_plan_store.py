"""Plans and their marks in S3: each written on a condition, read whole, and never doubted in favour of a removal."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.response import StreamingBody

from ecr_cleaner import schema
from ecr_cleaner.approval.store import PlanExecution, PlanStore
from ecr_cleaner.errors import ApprovalError, NotWholeError, ReplacedError
from tests.builders import NOW
from tests.unit.approval.test_plan import made, repository_plan

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PLAN: Final = made(repository_plan("api", "a"))
KEY: Final = f"i/plans/{PLAN.id}.json"
MARK_KEY: Final = f"i/plans/{PLAN.id}.applied.json"
BEGUN: Final = PlanExecution(plan=PLAN.id, state="begun", run_id="run-2", at=NOW)
EARLIER: Final = PlanExecution(plan=PLAN.id, state="begun", run_id="run-1", at=NOW - timedelta(hours=1))


@pytest.fixture
def store(script: Script) -> PlanStore:
    """Of one instance."""
    return PlanStore(script.aws, "shared", "i/plans/")


def reads(script: Script, key: str, body: bytes, etag: str = '"e1"') -> None:
    """An object is asked for and answered."""
    streamed = StreamingBody(BytesIO(body), len(body))
    answer = {"Body": streamed, "ContentLength": len(body), "ETag": etag}
    script.answer("s3", "get_object", answer, Bucket="shared", Key=key)


def written(key: str, body: bytes, etag: str | None = None) -> dict[str, Any]:
    """What a write asks for."""
    condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
    return {"Bucket": "shared", "Key": key, "Body": body, "ContentType": "application/json", **condition}


def test_a_plan_is_written_under_its_id(script: Script, store: PlanStore) -> None:
    """Canonical, and only where there is nothing."""
    script.answer("s3", "put_object", {"ETag": '"e1"'}, **written(KEY, PLAN.document))
    store.write(PLAN)


def test_the_same_plan_may_be_there_already(script: Script, store: PlanStore) -> None:
    """A first try whose answer got lost."""
    script.refuse("s3", "put_object", "PreconditionFailed", **written(KEY, PLAN.document))
    reads(script, KEY, PLAN.document)
    store.write(PLAN)


def test_something_else_in_its_place_is_an_error(script: Script, store: PlanStore) -> None:
    """Nobody would be told of an id that does not fit."""
    script.refuse("s3", "put_object", "PreconditionFailed", **written(KEY, PLAN.document))
    reads(script, KEY, b"{}")
    with pytest.raises(ApprovalError, match=f"s3://shared/{KEY} was changed"):
        store.write(PLAN)


def test_a_plan_is_read_by_its_id(script: Script, store: PlanStore) -> None:
    """And is the one."""
    reads(script, KEY, PLAN.document)
    assert store.read(PLAN.id) == PLAN


def test_a_plan_that_is_not_there_is_told_as_such(script: Script, store: PlanStore) -> None:
    """With the place."""
    script.refuse("s3", "get_object", "AccessDenied", Bucket="shared", Key=KEY)
    with pytest.raises(ApprovalError, match=f"there is no plan {PLAN.id}: s3://shared/{KEY} does not exist"):
        store.read(PLAN.id)


def test_a_plan_is_taken_once(script: Script, store: PlanStore) -> None:
    """By a mark that there was none of."""
    script.answer("s3", "put_object", {"ETag": '"e2"'}, **written(MARK_KEY, schema.seal(BEGUN)))
    assert store.begin(BEGUN) == '"e2"'


def test_what_was_begun_may_be_taken_over(script: Script, store: PlanStore) -> None:
    """Its mark is replaced as it was read."""
    script.refuse("s3", "put_object", "PreconditionFailed", **written(MARK_KEY, schema.seal(BEGUN)))
    reads(script, MARK_KEY, schema.seal(EARLIER), '"e7"')
    script.answer("s3", "put_object", {"ETag": '"e8"'}, **written(MARK_KEY, schema.seal(BEGUN), '"e7"'))
    assert store.begin(BEGUN) == '"e8"'


def test_two_at_once_cannot_both_take_it(script: Script, store: PlanStore) -> None:
    """Also without the lock."""
    script.refuse("s3", "put_object", "PreconditionFailed", **written(MARK_KEY, schema.seal(BEGUN)))
    reads(script, MARK_KEY, schema.seal(EARLIER), '"e7"')
    script.refuse("s3", "put_object", "PreconditionFailed", **written(MARK_KEY, schema.seal(BEGUN), '"e7"'))
    with pytest.raises(ReplacedError):
        store.begin(BEGUN)


def test_what_is_done_is_refused(script: Script, store: PlanStore) -> None:
    """It says when and by which run."""
    done = EARLIER.model_copy(update={"state": "done"})
    script.refuse("s3", "put_object", "PreconditionFailed", **written(MARK_KEY, schema.seal(BEGUN)))
    reads(script, MARK_KEY, schema.seal(done))
    with pytest.raises(ApprovalError, match="was carried out 2026-03-01 11:00 UTC by run run-1"):
        store.begin(BEGUN)


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (schema.seal(EARLIER)[:-9], NotWholeError, "no document of this module"),
        (schema.seal(EARLIER).replace(b"run-1", b"run-9"), NotWholeError, "was changed"),
        (schema.seal(EARLIER.model_copy(update={"plan": "0" * 64})), ApprovalError, "belongs to plan 000"),
    ],
    ids=["cut short", "changed", "another's"],
)
def test_a_mark_that_cannot_be_trusted_is_an_error(
    script: Script, store: PlanStore, body: bytes, error: type[Exception], words: str
) -> None:
    """Nobody knows whether the plan was carried out."""
    script.refuse("s3", "put_object", "PreconditionFailed", **written(MARK_KEY, schema.seal(BEGUN)))
    reads(script, MARK_KEY, body)
    with pytest.raises(error, match=words):
        store.begin(BEGUN)


def test_the_end_replaces_the_beginning(script: Script, store: PlanStore) -> None:
    """Of this run alone."""
    done = BEGUN.model_copy(update={"state": "done"})
    script.answer("s3", "put_object", {"ETag": '"e9"'}, **written(MARK_KEY, schema.seal(done), '"e8"'))
    store.finish(done, '"e8"')


def test_its_own_first_try_is_recognised(script: Script, store: PlanStore) -> None:
    """And anybody else's is not."""
    done = BEGUN.model_copy(update={"state": "done"})
    for found in (done, EARLIER):
        script.refuse("s3", "put_object", "PreconditionFailed", **written(MARK_KEY, schema.seal(done), '"e8"'))
        reads(script, MARK_KEY, schema.seal(found))
    store.finish(done, '"e8"')
    with pytest.raises(ReplacedError):
        store.finish(done, '"e8"')
