"""Keeps two runs apart: one conditional item in a DynamoDB table.

Lambda may deliver one event twice, and a person may start a run while the nightly one works. A conditional write
decides between them in one step; the item expires, so a run that was killed blocks nobody for long.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import CleanerError, LockHeldError

EXPIRES_AFTER_SECONDS: Final = 20 * 60
"""Longer than Lambda's 15 minutes; a run that works for longer renews it."""

_TAKEN: Final = "ConditionalCheckFailedException"


RENEWED_BEFORE_SECONDS: Final = 10 * 60
"""How long before it expires the lock of a run that still works is renewed."""

SURE_SECONDS: Final = 60
"""What must be left of it for a call that removes: the call itself takes time, and clocks differ."""


@dataclass(slots=True)
class Lease:
    """The lock, as long as a run holds it; thread-safe.

    Attributes:
        clients: Clients of the run.
        table: Name of the table.
        holder: Who holds it.
        clock: Now, in UTC.
    """

    clients: AwsClients
    table: str
    holder: str
    clock: Callable[[], datetime]
    _expires_at: float = 0.0
    _is_lost: bool = False
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> None:
        """Take the lock, or keep it for another while.

        Raises:
            AwsError: The table does not answer.
            LockHeldError: Another run holds it.
        """
        now = int(self.clock().timestamp())
        until = now + EXPIRES_AFTER_SECONDS
        try:
            self.clients.client("dynamodb").put_item(
                TableName=self.table,
                Item={"id": {"S": "run"}, "run_id": {"S": self.holder}, "expires_at": {"N": str(until)}},
                # The second arm admits a retry whose first answer was lost; the third one a lock left behind.
                ConditionExpression="attribute_not_exists(id) OR run_id = :mine OR expires_at < :now",
                ExpressionAttributeValues={":now": {"N": str(now)}, ":mine": {"S": self.holder}},
            )
        except errors.AwsError as error:
            if errors.code_of(error) != _TAKEN:
                raise
            minutes = EXPIRES_AFTER_SECONDS // 60
            held = f"it holds the lock in table {self.table} (for at most {minutes} minutes)"
            message = f"another run is under way: {held}"
            raise LockHeldError(message) from None
        self._expires_at = until

    def is_held(self) -> bool:
        """Whether something may be removed by this run; the lock is renewed before it expires."""
        with self._mutex:
            if self._is_lost:
                return False
            if self._left() < RENEWED_BEFORE_SECONDS:
                try:
                    self.take()
                except LockHeldError:
                    self._is_lost = True
                except (CleanerError, *errors.AwsError):
                    pass  # it is held all the same until it expires, and the next look tries again
            return not self._is_lost and self._left() > SURE_SECONDS

    def _left(self) -> float:
        return self._expires_at - self.clock().timestamp()


@contextmanager
def held(
    clients: AwsClients,
    table: str,
    run_id: str,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[Callable[[], bool]]:
    """Hold the lock for the length of a block.

    Args:
        clients: Clients of the run.
        table: Name of the table; its hash key is the string ``id``.
        run_id: Names the run to whoever looks at the item.
        clock: Now, in UTC.

    Yields:
        Says whether it is still held.

    Raises:
        LockHeldError: Another run holds it.
    """
    # An event that Lambda delivers twice has one request id: each invocation is a holder of its own.
    lease = Lease(clients, table, f"{run_id}/{uuid.uuid4()}", clock)
    lease.take()
    try:
        yield lease.is_held
    finally:
        _release(clients, table, lease.holder)


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
