"""The state machine itself, around a function that a test makes up: what it does next, whatever an invocation does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws import Fault
from tests.integration.machine import Machine

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox

BUCKET: Final = "nights"
REGIONS: Final = ("eu-central-1", "eu-west-1", "us-east-1")
DRY: Final = {"schema_version": 1, "action": "run", "dry_run": True}


class RunFailedError(Exception):
    """As the function's own."""


@dataclass
class Function:
    """Writes down where to look, looks nowhere, and goes on for some rounds.

    Attributes:
        sandbox: Where it writes.
        rounds: How many it takes.
        fails: Actions that raise.
        broken: Regions in which a scan raises.
        loses: Whether it forgets to write where to look.
    """

    sandbox: Sandbox
    rounds: int = 1
    fails: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    loses: bool = False
    begun: int = 0

    def __call__(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Answers one invocation, as the contract of the definition has it."""
        action = payload["action"]
        if action in self.fails or payload.get("region") in self.broken:
            raise RunFailedError(json.dumps({"status": "failed", "causes": [action]}))
        if action == "scan":
            return {"much": "x" * 1000}
        if action == "finish":
            return {"status": "completed", "continues": self.begun < self.rounds}
        self.begun += 1
        common = {"schema_version": 1, "night": payload["night"], "round": self.begun}
        key = f"a/runs/{payload['night']}/{self.begun}/items.json"
        items = [common | {"action": "scan", "account_id": "123456789012", "region": one} for one in REGIONS]
        if not self.loses:
            self.sandbox.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(items).encode())
        return common | {"bucket": BUCKET, "items_key": key}


@pytest.fixture
def machine(sandbox: Sandbox) -> Machine:
    """Around a function that succeeds at once."""
    sandbox.client("s3").create_bucket(Bucket=BUCKET)
    return Machine(sandbox, Function(sandbox))


def scans(night: str, number: int) -> list[dict[str, Any]]:
    """What the function is invoked with for each target of a round."""
    common = {"schema_version": 1, "action": "scan", "night": night, "round": number, "account_id": "123456789012"}
    return [common | {"region": one} for one in REGIONS]


def in_order(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With scans by round and region, as they come in any order."""
    return sorted(payloads, key=lambda one: (one.get("round", 0), one.get("region", "")))


def test_a_night_goes_on_for_as_long_as_the_function_says(sandbox: Sandbox, machine: Machine) -> None:
    """Each round looks anew, and every step knows what a person asked for."""
    machine.function = Function(sandbox, rounds=2)
    ended = machine.run(DRY)
    assert (ended.status, ended.output) == ("SUCCEEDED", {"status": "completed", "continues": False})
    assert ended.states == ["Targets", "Scan", "Finish", "Continues"] * 2 + ["Done"]
    common = {"schema_version": 1, "night": ended.name, "request": DRY}
    targets = common | {"action": "targets"}
    first, second = (
        [targets, *scans(ended.name, number), common | {"action": "finish", "round": number}] for number in (1, 2)
    )
    assert [ended.payloads[0], *in_order(ended.payloads[1:4]), ended.payloads[4]] == first
    assert [ended.payloads[5], *in_order(ended.payloads[6:9]), ended.payloads[9]] == second
    assert ended.failures == []


@pytest.mark.parametrize("broken", [{"eu-west-1"}, set(REGIONS)], ids=["one", "all"])
def test_scans_that_fail_fail_nothing(sandbox: Sandbox, machine: Machine, broken: set[str]) -> None:
    """What is missing is found where it is counted; nor does the map get to tell of it."""
    machine.function = Function(sandbox, broken=broken)
    ended = machine.run()
    assert (ended.status, ended.states) == ("SUCCEEDED", ["Targets", "Scan", "Finish", "Continues", "Done"])
    client = sandbox.client("stepfunctions")
    arn = f"arn:aws:states:us-east-1:123456789012:execution:ecr-cleaner:{ended.name}"
    (run,) = client.list_map_runs(executionArn=arn)["mapRuns"]
    counts = client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (len(REGIONS), len(REGIONS), 0)


def test_a_map_that_cannot_begin_is_finished_too(sandbox: Sandbox, machine: Machine) -> None:
    """Nobody was looked at, and the run has to say so."""
    machine.function = Function(sandbox, loses=True)
    ended = machine.run()
    assert ended.states == ["Targets", "Scan", "Finish", "Continues", "Done"]
    assert [one["action"] for one in ended.payloads] == ["targets", "finish"]


@pytest.mark.parametrize("action", ["targets", "finish"])
def test_a_failed_run_is_a_failed_execution_and_lies_in_the_queue(
    sandbox: Sandbox, machine: Machine, action: str
) -> None:
    """With what the function raised, once."""
    machine.function = Function(sandbox, fails={action})
    ended = machine.run(DRY)
    told = {"errorType": "RunFailedError", "errorMessage": json.dumps({"status": "failed", "causes": [action]})}
    assert (ended.status, ended.error, json.loads(ended.cause)) == ("FAILED", "RunFailedError", told)
    assert ended.states[-2:] == ["Tell", "Failed"]
    assert [one["action"] for one in ended.payloads].count(action) == 1
    (failure,) = ended.failures
    assert failure == {
        "execution": f"arn:aws:states:us-east-1:123456789012:execution:ecr-cleaner:{ended.name}",
        "input": DRY,
        "failure": {"Error": "RunFailedError", "Cause": ended.cause},
    }


def test_what_did_not_begin_is_tried_again(sandbox: Sandbox, machine: Machine) -> None:
    """Lambda may be short of room for a moment."""
    sandbox.inject(Fault(service="lambda", operation="Invoke", kind="throttled", times=1))
    ended = machine.run()
    assert ended.status == "SUCCEEDED"
    assert [one["action"] for one in ended.payloads].count("targets") == 1


def test_what_may_have_begun_is_tried_again_if_it_is_a_scan(sandbox: Sandbox, machine: Machine) -> None:
    """It does no harm twice; to look where and to remove are told to whoever is woken."""
    sandbox.inject(Fault(service="lambda", operation="Invoke", kind="internal_error", after=1, times=1))
    ended = machine.run()
    assert (ended.status, in_order(ended.payloads[1:4])) == ("SUCCEEDED", scans(ended.name, 1))
    sandbox.clear_faults()
    sandbox.inject(Fault(service="lambda", operation="Invoke", kind="internal_error", after=4, times=1))
    ended = machine.run()
    assert (ended.status, ended.error) == ("FAILED", "Lambda.ServiceException")
    assert ended.states[-3:] == ["Finish", "Tell", "Failed"]
