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
from typing import Literal

from pydantic import AwareDatetime

from ecr_cleaner import schema
from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.plan import SavedPlan
from ecr_cleaner.aws import s3
from ecr_cleaner.errors import AbsentError, ApprovalError, NoPlanError, ReplacedError
from ecr_cleaner.printable import minute
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


class PlanStore(s3.Folder):
    """The plans of one instance of the module, in its bucket."""

    def write(self, plan: SavedPlan) -> None:
        """Write a plan.

        Raises:
            HistoryError: It could not be written.
            ApprovalError: Another object has its key.
        """
        with suppress(ReplacedError):
            self.put_object(_name(plan.id), plan.document, None)
            return
        # By the first attempt of this call, unless somebody else put another object there.
        approval_plan.read(self.get_object(_name(plan.id)).body, plan.id, self.plan_uri(plan.id))

    def read(self, plan_id: str) -> SavedPlan:
        """Read a plan.

        Raises:
            NoPlanError: There is no plan with this id.
            ApprovalError: It was changed.
            HistoryError: It could not be read.
        """
        try:
            body = self.get_object(_name(plan_id)).body
        except AbsentError as error:
            message = f"there is no plan {plan_id}: {error}"
            raise NoPlanError(message) from None
        return approval_plan.read(body, plan_id, self.plan_uri(plan_id))

    def begin(self, execution: PlanExecution) -> str:
        """Store that a plan is being carried out.

        Returns:
            ETag of the stored execution.

        Raises:
            ApprovalError: The plan was carried out already.
            HistoryError: The execution cannot be read or written, or is invalid.
        """
        name = _execution_name(execution)
        with suppress(ReplacedError):
            return self.put_object(name, schema.seal(execution), None)
        stored = self.get_object(name)
        former = schema.unseal(PlanExecution, stored.body, self.uri(name))
        if former.plan != execution.plan:
            message = f"{self.uri(name)} belongs to plan {former.plan}"
            raise ApprovalError(message)
        if former.state == "done":
            message = (
                f"plan {execution.plan} was carried out {minute(former.at)} by run {former.run_id}: "
                "a plan is carried out once; use a newer one"
            )
            raise ApprovalError(message)
        return self.put_object(name, schema.seal(execution), stored.etag)

    def finish(self, execution: PlanExecution, etag: str) -> None:
        """Store that nothing of a plan is left to do.

        Raises:
            HistoryError: It could not be written.
        """
        self.ensure_object(_execution_name(execution), schema.seal(execution), etag)

    def plan_uri(self, plan_id: str) -> str:
        """URI of a plan."""
        return self.uri(_name(plan_id))


def _name(plan_id: str) -> str:
    return f"{plan_id}.json"


def _execution_name(execution: PlanExecution) -> str:
    return f"{execution.plan}.applied.json"
