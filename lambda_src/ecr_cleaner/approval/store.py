"""Stores the plans of one instance of the module in its bucket, and their execution.

::

    <prefix><id>.json           the plan; written once, by the run that made it
    <prefix><id>.applied.json   its execution, see `PlanExecution`

A plan is carried out once. Before the first removal its execution is stored as ``begun``; it becomes ``done`` when
nothing of the plan is left to do. A plan that is ``done`` is refused. A plan that is ``begun`` may be submitted again
until it expires: its run was killed, ran out of time, or was refused. That is safe, because every run evaluates
everything anew.

Write access to this prefix allows to make a plan unreadable, or to have it refused as carried out. It does not allow
to remove anything: a plan takes effect only when its id is submitted, and permits only what a fresh run would remove
by itself.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime

from ecr_cleaner import schema
from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.plan import SavedPlan
from ecr_cleaner.aws import s3
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import AbsentError, ApprovalError, NoPlanError, ReplacedError
from ecr_cleaner.schema import Strict, Text


class PlanExecution(Strict):
    """The execution of a plan.

    Attributes:
        plan: Id of the plan.
        state: ``begun`` or ``done``.
        run_id: The run that carries it out, or did.
        at: Start of that run.
    """

    plan: str
    state: Literal["begun", "done"]
    run_id: Text
    at: AwareDatetime


@dataclass(slots=True)
class PlanStore:
    """The plans of one instance of the module, in its bucket.

    Attributes:
        clients: AWS clients of the run.
        bucket: Name of the bucket.
        prefix: Prefix of all keys; ends with a slash.
    """

    clients: AwsClients
    bucket: str
    prefix: str

    def write(self, plan: SavedPlan) -> None:
        """Write a plan.

        Raises:
            HistoryError: It could not be written.
            ApprovalError: Another object has its key.
        """
        key = self.key(plan.id)
        try:
            s3.write(self.clients, self.bucket, key, plan.document, None)
        except ReplacedError:
            # By the first attempt of this call, unless somebody else put another object there.
            approval_plan.read(s3.read(self.clients, self.bucket, key).body, plan.id, self.place(key))

    def read(self, plan_id: str) -> SavedPlan:
        """Read a plan.

        Raises:
            NoPlanError: There is no plan with this id.
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

    def begin(self, execution: PlanExecution) -> str:
        """Store that a plan is being carried out.

        Returns:
            ETag of the stored execution.

        Raises:
            ApprovalError: The plan was carried out already.
            HistoryError: The execution cannot be read or written, or is invalid.
        """
        key = self._execution_key(execution.plan)
        with suppress(ReplacedError):
            return s3.write(self.clients, self.bucket, key, schema.seal(execution), None)
        stored = s3.read(self.clients, self.bucket, key)
        former = schema.unseal(PlanExecution, stored.body, self.place(key))
        if former.plan != execution.plan:
            message = f"{self.place(key)} belongs to plan {former.plan}"
            raise ApprovalError(message)
        if former.state == "done":
            message = (
                f"plan {execution.plan} was carried out {former.at:%Y-%m-%d %H:%M} UTC by run {former.run_id}: "
                "a plan is carried out once; use a newer one"
            )
            raise ApprovalError(message)
        return s3.write(self.clients, self.bucket, key, schema.seal(execution), stored.etag)

    def finish(self, execution: PlanExecution, etag: str) -> None:
        """Store that nothing of a plan is left to do.

        Raises:
            HistoryError: It could not be written.
        """
        key = self._execution_key(execution.plan)
        try:
            s3.write(self.clients, self.bucket, key, schema.seal(execution), etag)
        except ReplacedError:
            # By the first attempt of this call, if the content is equal.
            if s3.read(self.clients, self.bucket, key).body != schema.seal(execution):
                raise

    def key(self, plan_id: str) -> str:
        """Key of a plan."""
        return f"{self.prefix}{plan_id}.json"

    def place(self, key: str) -> str:
        """URI of an object."""
        return f"s3://{self.bucket}/{key}"

    def _execution_key(self, plan_id: str) -> str:
        return f"{self.prefix}{plan_id}.applied.json"
