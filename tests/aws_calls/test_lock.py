"""Two runs at once: one of them does nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.stub import ANY
from moto import mock_aws

from ecr_cleaner.aws import lock
from ecr_cleaner.aws.client import AwsClients, connect
from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import LockHeldError
from tests.builders import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.aws_calls.script import Script

TABLE = "cleaner-lock"
CONDITION = "attribute_not_exists(id) OR run_id = :mine OR expires_at < :now"
TAKEN = "ConditionalCheckFailedException"


class Clock:
    """The time that the lock sees.

    Attributes:
        seconds: Since 1970.
    """

    seconds = 1_000_000.0

    def __call__(self) -> datetime:
        """Now."""
        return datetime.fromtimestamp(self.seconds, UTC)


def held(clients: AwsClients, run_id: str, clock: Clock | None = None) -> AbstractContextManager[Callable[[], bool]]:
    """Hold the lock; by a clock that stands still unless another one is given."""
    return lock.held(clients, TABLE, run_id, clock=clock or Clock())


@pytest.fixture
def holder(monkeypatch: pytest.MonkeyPatch) -> str:
    """Who takes the lock next."""
    monkeypatch.setattr("uuid.uuid4", lambda: "once")
    return "run-1/once"


@pytest.fixture(scope="module")
def _mocked() -> AwsClients:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL")
        aws = connect(REGION, None)
        aws.client("dynamodb")
    return aws


@pytest.fixture
def table(_mocked: AwsClients) -> Iterator[AwsClients]:
    """A lock table that evaluates conditions, as Terraform makes it."""
    aws = _mocked
    with mock_aws():
        aws.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        yield aws


def item(aws: AwsClients) -> dict[str, Any] | None:
    """What lies in the table."""
    answer: dict[str, Any] = aws.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": "run"}})
    return answer.get("Item")


def taken(script: Script, holder: str, expires_at: int = 1_001_200) -> None:
    """The lock is free."""
    script.answer("dynamodb", "put_item", {}, **asked(holder, expires_at))


def asked(holder: str, expires_at: int = 1_001_200) -> dict[str, Any]:
    """How the lock is asked for."""
    return {
        "TableName": TABLE,
        "Item": {"id": {"S": "run"}, "run_id": {"S": holder}, "expires_at": {"N": str(expires_at)}},
        "ConditionExpression": CONDITION,
        "ExpressionAttributeValues": {":now": {"N": "1000000"}, ":mine": {"S": holder}},
    }


def released(holder: str) -> dict[str, Any]:
    """How the lock is given back."""
    return {
        "TableName": TABLE,
        "Key": {"id": {"S": "run"}},
        "ConditionExpression": "run_id = :mine",
        "ExpressionAttributeValues": {":mine": {"S": holder}},
    }


def test_the_lock_is_one_conditional_item(script: Script, holder: str) -> None:
    """It expires after 20 minutes, later than Lambda ends any run, and only its holder deletes it."""
    taken(script, holder)
    with held(script.aws, "run-1"):
        script.answer("dynamodb", "delete_item", {}, **released(holder))


def test_a_held_lock_keeps_the_second_run_out(script: Script, holder: str) -> None:
    """The message says what holds it and for how long at most; nothing is deleted."""
    script.refuse("dynamodb", "put_item", TAKEN, **asked(holder))
    with (
        pytest.raises(LockHeldError, match=r"another run is under way.*cleaner-lock.*at most 20 minutes"),
        held(script.aws, "run-1"),
    ):
        pytest.fail("entered")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ThrottlingException"])
def test_without_an_answer_nobody_enters(script: Script, code: str) -> None:
    """A lock that cannot be asked for is not free."""
    script.refuse("dynamodb", "put_item", code)
    with pytest.raises(AwsError, match=code), held(script.aws, "run-1"):
        pytest.fail("entered")


def test_a_lost_answer_lets_nobody_enter(script: Script) -> None:
    """All tries were lost: whether the lock is held is unknown, and it expires by itself."""
    script.break_off("dynamodb", "PutItem", ConnectionClosedError(endpoint_url="https://dynamodb"))
    with pytest.raises(AwsError, match="Connection was closed"), held(script.aws, "run-1"):
        pytest.fail("entered")


def test_a_lock_that_expired_meanwhile_is_not_taken_from_its_next_holder(script: Script, holder: str) -> None:
    """The condition of the deletion fails, and that is in order."""
    taken(script, holder)
    script.refuse("dynamodb", "delete_item", TAKEN, **released(holder))
    with held(script.aws, "run-1"):
        pass


@pytest.mark.usefixtures("holder")
def test_a_release_that_fails_is_told(script: Script) -> None:
    """The next run would meet a lock that nobody holds."""
    script.answer("dynamodb", "put_item", {}, **asked(ANY))
    script.refuse("dynamodb", "delete_item", "AccessDeniedException")
    with pytest.raises(AwsError, match="AccessDenied"), held(script.aws, "run-1"):
        pass


def test_the_lock_is_free_again_afterwards(table: AwsClients) -> None:
    """Runs one after the other do not meet."""
    for run_id in ("run-1", "run-2"):
        with held(table, run_id):
            found = item(table)
            assert found is not None
            assert found["run_id"]["S"].startswith(f"{run_id}/")
        assert item(table) is None


def test_the_lock_is_released_when_the_run_breaks(table: AwsClients) -> None:
    """An error blocks nobody."""
    with pytest.raises(ZeroDivisionError), held(table, "run-1"):
        raise ZeroDivisionError
    assert item(table) is None


@pytest.mark.parametrize("second", ["run-2", "run-1"])
def test_a_second_run_is_kept_out_even_under_the_same_request_id(table: AwsClients, second: str) -> None:
    """Lambda delivers an event twice with one request id; the first run keeps its lock."""
    with held(table, "run-1"):
        before = item(table)
        with pytest.raises(LockHeldError), held(table, second):
            pytest.fail("entered")
        assert item(table) == before


def test_a_lock_left_behind_expires(table: AwsClients) -> None:
    """A run that was killed blocks the next ones for 20 minutes, and its late end takes nothing from them."""
    clock = Clock()
    with held(table, "killed", clock):
        clock.seconds += 20 * 60
        with pytest.raises(LockHeldError), held(table, "run-2", clock):
            pytest.fail("entered")
        clock.seconds += 1
        with held(table, "run-3", clock):
            current = item(table)
    assert current is not None
    assert current["run_id"]["S"].startswith("run-3/")


def test_a_late_release_leaves_the_next_holders_lock(table: AwsClients) -> None:
    """The run that overstayed does not let a third one in."""
    clock = Clock()
    with held(table, "late", clock):
        clock.seconds += 20 * 60 + 1
        follower = held(table, "next", clock)
        follower.__enter__()
    assert item(table) is not None
    follower.__exit__(None, None, None)
    assert item(table) is None


@pytest.mark.usefixtures("holder")
def test_a_retry_whose_first_answer_was_lost_enters(table: AwsClients) -> None:
    """The first try wrote the item: to its own holder the lock is free."""
    table.client("dynamodb").put_item(
        TableName=TABLE,
        Item={"id": {"S": "run"}, "run_id": {"S": "run-1/once"}, "expires_at": {"N": "99999999999"}},
    )
    with held(table, "run-1"):
        assert item(table) is not None
    assert item(table) is None


def test_a_run_that_works_for_longer_renews_its_lock(table: AwsClients) -> None:
    """Before it expires, and not at each look."""
    clock = Clock()
    with held(table, "long", clock) as is_held:
        for minutes, left in ((5, 15), (11, 20), (9, 11), (2, 20)):
            clock.seconds += minutes * 60
            assert is_held()
            found = item(table)
            assert found is not None
            assert float(found["expires_at"]["N"]) - clock.seconds == left * 60
        with pytest.raises(LockHeldError), held(table, "run-2", clock):
            pytest.fail("entered")


def test_a_run_that_slept_has_lost_its_lock(table: AwsClients) -> None:
    """Though the other run may have ended since: what it knows is of the time before."""
    clock = Clock()
    with held(table, "sleeper", clock) as is_held:
        assert is_held()
        clock.seconds += 21 * 60
        with held(table, "run-2", clock):
            assert not is_held()
        assert not is_held()


def test_a_lock_that_cannot_be_renewed_is_held_until_it_expires(script: Script, holder: str) -> None:
    """And a minute less: the removing call takes time as well."""
    clock = Clock()
    taken(script, holder)
    with held(script.aws, "run-1", clock) as is_held:
        for minutes, expected in ((11, True), (7, True), (1, False)):
            clock.seconds += minutes * 60
            script.refuse("dynamodb", "put_item", "InternalServerError")
            assert is_held() is expected
        script.answer("dynamodb", "delete_item", {}, **released(holder))
