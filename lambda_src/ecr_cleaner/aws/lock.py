"""Keeps two runs apart: one conditional item in a DynamoDB table.

Lambda may deliver one event twice, and a person may start a run while the nightly one works. A conditional write
decides between them in one step; the item expires, so a run that was killed blocks nobody for long.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import LockHeldError

EXPIRES_AFTER_SECONDS: Final = 20 * 60
"""Longer than Lambda's 15 minutes, so that a lock never expires under a run that still works."""

_TAKEN: Final = "ConditionalCheckFailedException"


@contextmanager
def held(
    clients: AwsClients,
    table: str,
    run_id: str,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[None]:
    """Hold the lock for the length of a block.

    Args:
        clients: Clients of the run.
        table: Name of the table; its hash key is the string ``id``.
        run_id: Names the run to whoever looks at the item.
        clock: Now, in UTC.

    Raises:
        LockHeldError: Another run holds it.
    """
    dynamodb = clients.client("dynamodb")
    now = int(clock().timestamp())
    # An event that Lambda delivers twice has one request id: each invocation is a holder of its own.
    holder = f"{run_id}/{uuid.uuid4()}"
    try:
        dynamodb.put_item(
            TableName=table,
            Item={"id": {"S": "run"}, "run_id": {"S": holder}, "expires_at": {"N": str(now + EXPIRES_AFTER_SECONDS)}},
            # The second arm admits a retry whose first answer was lost; the third one a lock left behind.
            ConditionExpression="attribute_not_exists(id) OR run_id = :mine OR expires_at < :now",
            ExpressionAttributeValues={":now": {"N": str(now)}, ":mine": {"S": holder}},
        )
    except errors.AwsError as error:
        if errors.code_of(error) != _TAKEN:
            raise
        minutes = EXPIRES_AFTER_SECONDS // 60
        message = f"another run is under way: it holds the lock in table {table} (for at most {minutes} minutes)"
        raise LockHeldError(message) from None
    try:
        yield
    finally:
        _release(clients, table, holder)


def _release(clients: AwsClients, table: str, holder: str) -> None:
    try:
        clients.client("dynamodb").delete_item(
            TableName=table,
            Key={"id": {"S": "run"}},
            ConditionExpression="run_id = :mine",
            ExpressionAttributeValues={":mine": {"S": holder}},
        )
    except errors.AwsError as error:
        # Expired and taken by the next run, or released by a try whose answer was lost.
        if errors.code_of(error) != _TAKEN:
            raise
