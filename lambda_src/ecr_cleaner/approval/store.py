"""Keeps the plans of one instance of the module in its bucket, and what became of them.

::

    <prefix><id>.json           the plan; written once, by the run that made it
    <prefix><id>.applied.json   that it is being carried out, or was: see `PlanExecution`

A plan is carried out once. The mark is written before anything goes and says ``begun``; it says ``done`` once nothing
of the plan is left to do. A plan that is ``done`` is refused. One that is ``begun`` may be sent again until it expires:
its run was killed, ran out of time, or was refused. That is safe, because every application looks anew at everything,
and what is gone is gone.

Who can write here can make a plan unreadable, or have it refused as carried out. Nobody can make anything go by it: a
plan needs a person who sends its id, and permits only what a fresh run would remove by itself.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, Field

from ecr_cleaner import schema
from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.aws import s3
from ecr_cleaner.errors import AbsentError, ApprovalError, NoPlanError, ReplacedError
from ecr_cleaner.schema import Strict

if TYPE_CHECKING:
    from ecr_cleaner.approval.plan import SavedPlan
    from ecr_cleaner.aws.client import AwsClients


class PlanExecution(Strict):
    """What became of a plan.

    Attributes:
        plan: Its id.
        state: ``begun`` or ``done``.
        run_id: Of the run that carries it out, or did.
        at: When that run began.
    """

    plan: str
    state: Literal["begun", "done"]
    run_id: Annotated[str, Field(min_length=1)]
    at: AwareDatetime


@dataclass(slots=True)
class PlanStore:
    """The plans of one instance of the module, in its bucket.

    Attributes:
        clients: Of the run.
        bucket: Its name.
        prefix: Of all keys; ends with a slash.
    """

    clients: AwsClients
    bucket: str
    prefix: str

    def write(self, plan: SavedPlan) -> None:
        """Write a plan.

        Raises:
            HistoryError: It could not be written, or something else lies in its place.
        """
        key = self.key(plan.id)
        try:
            s3.write(self.clients, self.bucket, key, plan.document, None)
        except ReplacedError:
            # A first try whose answer got lost, unless somebody put something else there.
            approval_plan.read(s3.read(self.clients, self.bucket, key).body, plan.id, self.place(key))

    def read(self, plan_id: str) -> SavedPlan:
        """Read a plan.

        Raises:
            NoPlanError: There is none of this id.
            ApprovalError: It was changed.
            HistoryError: It could not be read.
        """
        key = self.key(plan_id)
        try:
            body = s3.read(self.clients, self.bucket, key).body
        except AbsentError as error:
            message = f"there is no plan {plan_id}: {error}"
            raise NoPlanError(message) from None
        return approval_plan.read(body, plan_id, self.place(key))

    def take(self, mark: PlanExecution) -> str:
        """Note that a plan is being carried out.

        Returns:
            The ETag of the mark.

        Raises:
            ApprovalError: It was carried out already.
            HistoryError: The mark cannot be read, trusted or written.
        """
        key = self._mark_key(mark.plan)
        with suppress(ReplacedError):
            return s3.write(self.clients, self.bucket, key, schema.seal(mark), None)
        stored = s3.read(self.clients, self.bucket, key)
        found = schema.unseal(PlanExecution, stored.body, self.place(key))
        if found.plan != mark.plan:
            message = f"{self.place(key)} tells of plan {found.plan}"
            raise ApprovalError(message)
        if found.state == "done":
            message = (
                f"plan {mark.plan} was carried out {found.at:%Y-%m-%d %H:%M} UTC by run {found.run_id}: "
                "a plan is carried out once, take a newer one"
            )
            raise ApprovalError(message)
        return s3.write(self.clients, self.bucket, key, schema.seal(mark), stored.etag)

    def finish(self, mark: PlanExecution, etag: str) -> None:
        """Note that nothing of a plan is left to do.

        Raises:
            HistoryError: That could not be written.
        """
        key = self._mark_key(mark.plan)
        try:
            s3.write(self.clients, self.bucket, key, schema.seal(mark), etag)
        except ReplacedError:
            # By its own first try, whose answer got lost; anything else is somebody else's.
            if s3.read(self.clients, self.bucket, key).body != schema.seal(mark):
                raise

    def key(self, plan_id: str) -> str:
        """Where a plan lies."""
        return f"{self.prefix}{plan_id}.json"

    def place(self, key: str) -> str:
        """An object as people write it."""
        return f"s3://{self.bucket}/{key}"

    def _mark_key(self, plan_id: str) -> str:
        return f"{self.prefix}{plan_id}.applied.json"
