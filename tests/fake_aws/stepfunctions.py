"""Step Functions: the calls that tell the definitions of state machines, and those that tell their executions.

Machines that are made by a call, as Terraform makes the module's own, are moto's, whose engine really runs them. What a
scenario tells is listed beside them and never runs.

A scenario's ``stepfunctions`` section; a definition is a text or what becomes one::

    machines:
      nightly:
        type: STANDARD
        definition: {StartAt: Run, States: {Run: {Type: Task, Parameters: {TaskDefinition: "report:3"}, End: true}}}
        versions:
          "1": {StartAt: Run, States: ...}
        key: denied   # encrypted with a customer's key that nobody who asks may use
        executions:            # running, with the present definition, input {}, started 1h ago, unless told otherwise
          e1: {definition: {...}, input: {...}, started: 2d, updated: 9d, status: RUNNING, version: "1"}

An execution keeps what it was started with, also when its state machine is told again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.core.config import default_user_config

from .aws import Answer, AwsError
from .ecs_state import known, stable_hash
from .paging import page
from .push import moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

# Without it moto's executions succeed at once, and nothing is done.
default_user_config["stepfunctions"] = {"execute_state_machine": True}


@dataclass(slots=True)
class Machines:
    """State machines and their versions by ARN, what their executions hold, and those nobody may decrypt.

    Attributes:
        made: What a listing shows of those that are moto's.
    """

    machines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)


class StepFunctionsApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], Answer | dict[str, Any]]]:
        """The operations that are not left to moto alone."""
        told: dict[str, Callable[[Request], dict[str, Any]]] = {
            "DescribeExecution": self.describe_execution,
            "DescribeStateMachine": self.describe_state_machine,
            "DescribeStateMachineForExecution": self.describe_state_machine_for_execution,
            "ListExecutions": self.list_executions,
            "ListStateMachineVersions": self.list_state_machine_versions,
        }
        return {name: self._unless_made(handler) for name, handler in told.items()} | {
            "CreateStateMachine": self.create_state_machine,
            "DeleteStateMachine": self.delete_state_machine,
            "ListStateMachines": self.list_state_machines,
            "ValidateStateMachineDefinition": self.validate_state_machine_definition,
        }

    def _unless_made(
        self, handler: Callable[[Request], dict[str, Any]]
    ) -> Callable[[Request], Answer | dict[str, Any]]:
        def answer(request: Request) -> Answer | dict[str, Any]:
            named = str(request.get("stateMachineArn") or request.get("executionArn"))
            machine = ":".join(named.replace(":execution:", ":stateMachine:").split(":")[:7]).partition("/")[0]
            made = self._account.store(request.region, Machines).made
            if machine not in made:
                return handler(request)
            if request.operation == "DescribeStateMachineForExecution":
                return _with_update(request.forward(), made[machine])
            return {"stateMachineVersions": []} if request.operation.endswith("Versions") else request.forward()

        return answer

    # Made by a call

    def create_state_machine(self, request: Request) -> Answer:
        """As moto does it, whose engine reads the definition."""
        # Reading the first one takes seconds, in which nobody else could ask moto anything.
        self.validate_state_machine_definition(request)
        answer = request.forward()
        if answer.ok:
            made = json.loads(answer.body)
            self._account.store(request.region, Machines).made[made["stateMachineArn"]] = {
                "stateMachineArn": made["stateMachineArn"],
                "name": request.get("name"),
                "type": request.get("type") or "STANDARD",
                "creationDate": made["creationDate"],
            }
        return answer

    def delete_state_machine(self, request: Request) -> Answer:
        """At once."""
        self._account.store(request.region, Machines).made.pop(str(request.get("stateMachineArn")), None)
        return request.forward()

    def validate_state_machine_definition(self, request: Request) -> dict[str, Any]:
        """What moto's engine cannot read is refused; Terraform asks at each plan that changes a definition."""
        from moto.stepfunctions.parser.asl.parse.asl_parser import (  # noqa: PLC0415 - takes a second to import
            AmazonStateLanguageParser,
            ASLParserException,
        )

        try:
            AmazonStateLanguageParser.parse(str(request.get("definition")))
        except ASLParserException as error:
            told = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": repr(error)}
            return {"result": "FAIL", "diagnostics": [told], "truncated": False}
        return {"result": "OK", "diagnostics": [], "truncated": False}

    # Told by scenarios

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add the state machines of a section; one told again is replaced."""
        known(told, {"machines"}, "the stepfunctions section")
        store = self._account.store(region, Machines)
        for name, machine in told["machines"].items():
            known(machine, {"type", "definition", "versions", "executions", "key"}, f"state machine {name}")
            arn = f"arn:aws:states:{region}:{self._account.id}:stateMachine:{name}"
            base = {
                "name": name,
                "status": "ACTIVE",
                "roleArn": f"arn:aws:iam::{self._account.id}:role/starts-tasks",
                "type": machine.get("type", "STANDARD"),
                "creationDate": store.machines.get(arn, {}).get("creationDate", now),
            }
            if machine.get("key") == "denied":
                store.locked.add(arn)
            store.machines[arn] = _described(base, arn, machine["definition"])
            for number, definition in (machine.get("versions") or {}).items():
                store.versions[f"{arn}:{number}"] = _described(base, f"{arn}:{number}", definition)
            for key, execution in (machine.get("executions") or {}).items():
                known(execution, _OF_EXECUTIONS, f"execution {key}")
                own = arn.replace(":stateMachine:", ":execution:")
                store.executions[f"{own}:{key}"] = _started(store.machines[arn], execution, now)

    def list_state_machines(self, request: Request) -> dict[str, Any]:
        """100 a page unless asked, 1000 at most; without definitions."""
        store = self._account.store(request.region, Machines)
        machines = store.machines | store.made
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
        found = self._machine(request)
        if found["stateMachineArn"] in self._account.store(request.region, Machines).locked:
            raise AwsError("KmsAccessDeniedException", "API caller does not have the required permissions.")
        return found

    def _machine(self, request: Request) -> dict[str, Any]:
        arn, store = str(request.get("stateMachineArn")), self._account.store(request.region, Machines)
        found = store.machines.get(arn) or store.versions.get(arn)
        if found is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return found

    def list_executions(self, request: Request) -> dict[str, Any]:
        """100 a page unless asked, 1000 at most, of one state machine; newest first."""
        arn, store = str(request.get("stateMachineArn")), self._account.store(request.region, Machines)
        machine = self._machine(request)
        if machine["type"] == "EXPRESS":
            raise AwsError("StateMachineTypeNotSupported", "This operation is not supported by this type")
        status = request.get("statusFilter")
        own = [
            execution
            for execution, told in store.executions.items()
            if told["stateMachineArn"] == arn and status in {None, told["status"]}
        ]
        shown, token = page(
            request,
            own,
            lambda execution: (-store.executions[execution]["startDate"].timestamp(), execution),
            size=100,
            largest=1000,
        )
        brief = ("stateMachineArn", "startDate", "status", "stateMachineVersionArn")
        listed = [
            {key: store.executions[execution].get(key) for key in brief}
            | {"executionArn": execution, "name": execution.rpartition(":")[2]}
            for execution in shown
        ]
        return {"executions": listed, "nextToken": token}

    def describe_execution(self, request: Request) -> dict[str, Any]:
        """What one execution was started with."""
        arn, told = self._execution(request)
        shown = ("stateMachineArn", "startDate", "status", "input", "stateMachineVersionArn")
        return {key: told.get(key) for key in shown} | {"executionArn": arn, "name": arn.rpartition(":")[2]}

    def describe_state_machine_for_execution(self, request: Request) -> dict[str, Any]:
        """The definition that one execution was started with."""
        _, told = self._execution(request)
        shown = ("stateMachineArn", "definition", "roleArn", "updateDate", "revisionId")
        return {key: told[key] for key in shown} | {"name": told["stateMachineArn"].rpartition(":")[2]}

    def _execution(self, request: Request) -> tuple[str, dict[str, Any]]:
        arn, store = str(request.get("executionArn")), self._account.store(request.region, Machines)
        if arn not in store.executions:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return arn, store.executions[arn]


def _with_update(answer: Answer, machine: dict[str, Any]) -> Answer | dict[str, Any]:
    """When the definition was written, which moto leaves out: its machines keep their first one."""
    return json.loads(answer.body) | {"updateDate": machine["creationDate"]} if answer.ok else answer


_OF_EXECUTIONS = {"definition", "input", "started", "updated", "status", "version"}


def _started(machine: dict[str, Any], told: Mapping[str, Any], now: dt.datetime) -> dict[str, Any]:
    """An execution of a state machine."""
    arn = str(machine["stateMachineArn"])
    started = moment(told.get("started", "1h"), now)
    definition = _text(told["definition"]) if "definition" in told else machine["definition"]
    return {
        "stateMachineArn": arn,
        "stateMachineVersionArn": f"{arn}:{told['version']}" if "version" in told else None,
        "startDate": started,
        "updateDate": moment(told["updated"], now) if "updated" in told else min(machine["creationDate"], started),
        "status": told.get("status", "RUNNING"),
        "input": _text(told.get("input", {})),
        "definition": definition,
        "revisionId": _revision(definition),
        "roleArn": machine["roleArn"],
    }


def _described(base: dict[str, Any], arn: str, told: Any) -> dict[str, Any]:
    definition = _text(told)
    return base | {"stateMachineArn": arn, "definition": definition, "revisionId": _revision(definition)}


def _text(told: Any) -> str:
    return told if isinstance(told, str) else json.dumps(told, indent=2)


def _revision(definition: str) -> str:
    return stable_hash(definition)[:32]
