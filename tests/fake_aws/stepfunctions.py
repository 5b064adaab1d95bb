"""Step Functions: the three calls that tell the definitions of state machines.

A scenario's ``stepfunctions`` section; a definition is a text or what becomes one::

    machines:
      nightly:
        type: STANDARD
        definition: {StartAt: Run, States: {Run: {Type: Task, Parameters: {TaskDefinition: "report:3"}, End: true}}}
        versions:
          "1": {StartAt: Run, States: ...}
        key: denied   # encrypted with a customer's key that nobody who asks may use
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import ACCOUNT, AwsError
from .ecs_state import known, stable_hash
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account


@dataclass(slots=True)
class Machines:
    """State machines and their versions by ARN, as DescribeStateMachine shows them; and those nobody may decrypt."""

    machines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)


class StepFunctionsApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {
            "DescribeStateMachine": self.describe_state_machine,
            "ListStateMachineVersions": self.list_state_machine_versions,
            "ListStateMachines": self.list_state_machines,
        }

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add the state machines of a section; one told again is replaced."""
        known(told, {"machines"}, "the stepfunctions section")
        store = self._account.store(region, Machines)
        for name, machine in told["machines"].items():
            known(machine, {"type", "definition", "versions", "key"}, f"state machine {name}")
            arn = f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:{name}"
            base = {
                "name": name,
                "status": "ACTIVE",
                "roleArn": f"arn:aws:iam::{ACCOUNT}:role/starts-tasks",
                "type": machine.get("type", "STANDARD"),
                "creationDate": now,
            }
            if machine.get("key") == "denied":
                store.locked.add(arn)
            store.machines[arn] = _described(base, arn, machine["definition"])
            for number, definition in (machine.get("versions") or {}).items():
                store.versions[f"{arn}:{number}"] = _described(base, f"{arn}:{number}", definition)

    def list_state_machines(self, request: Request) -> dict[str, Any]:
        """100 a page unless asked, 1000 at most; without definitions."""
        machines = self._account.store(request.region, Machines).machines
        shown, token = page(request, machines, str, size=100, largest=1000)
        brief = ("stateMachineArn", "name", "type", "creationDate")
        return {"stateMachines": [{key: machines[arn][key] for key in brief} for arn in shown], "nextToken": token}

    def list_state_machine_versions(self, request: Request) -> dict[str, Any]:
        """100 a page unless asked, 1000 at most, of one state machine."""
        machine = str(request.get("stateMachineArn"))
        versions = self._account.store(request.region, Machines).versions
        own = [arn for arn in versions if arn.rpartition(":")[0] == machine]
        shown, token = page(request, own, str, size=100, largest=1000)
        listed = [{"stateMachineVersionArn": arn, "creationDate": versions[arn]["creationDate"]} for arn in shown]
        return {"stateMachineVersions": listed, "nextToken": token}

    def describe_state_machine(self, request: Request) -> dict[str, Any]:
        """One state machine, or one version of it."""
        arn, store = str(request.get("stateMachineArn")), self._account.store(request.region, Machines)
        found = store.machines.get(arn) or store.versions.get(arn)
        if found is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        if arn in store.locked:
            raise AwsError("KmsAccessDeniedException", "API caller does not have the required permissions.")
        return found


def _described(base: dict[str, Any], arn: str, told: Any) -> dict[str, Any]:
    definition = told if isinstance(told, str) else json.dumps(told, indent=2)
    return base | {"stateMachineArn": arn, "definition": definition, "revisionId": stable_hash(definition)[:32]}
