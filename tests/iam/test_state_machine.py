"""What the roles that start the function may do: what the machine's definition and the schedule take, and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.iam.simulator import ACCOUNT, Request, decide
from tests.integration.machine import definition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.iam.conftest import Rendered

pytestmark = pytest.mark.terraform

NAME: Final = "accounts"
PLACE: Final = f"us-east-1:{ACCOUNT}"
MACHINE: Final = f"arn:aws:states:{PLACE}:stateMachine:{NAME}"
QUEUE: Final = f"arn:aws:sqs:{PLACE}:{NAME}-failures"
RUNS: Final = f"arn:aws:s3:::shared-bucket/ecr-cleaner/{ACCOUNT}/us-east-1/{NAME}/runs"
EXECUTION: Final = f"arn:aws:states:{PLACE}:execution:{NAME}/Scan:8a0c2d1e"
"""Of the map; it bears a label that Step Functions makes of the state's name."""
LOGGING: Final = (
    *("CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies"),
    *("GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery"),
)
"""Of every machine that logs: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html."""
ELSEWHERE: Final = {
    "lambda:InvokeFunction": f"arn:aws:lambda:{PLACE}:function:other",
    "sqs:SendMessage": f"arn:aws:sqs:{PLACE}:{NAME}-undelivered",
    "s3:GetObject": f"{RUNS.removesuffix('runs')}facts/a.json",
    "states:DescribeExecution": f"arn:aws:states:{PLACE}:execution:other/Scan:8a0c2d1e",
    "states:StartExecution": f"arn:aws:states:{PLACE}:stateMachine:other",
    "states:StopExecution": f"arn:aws:states:{PLACE}:execution:other/Scan:8a0c2d1e",
}


def taken(states: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Action and resource of all that some states do, as AWS documents it for each integration."""
    for state in states.values():
        match state.get("Resource", "").rpartition(":::")[2]:
            case "lambda:invoke":
                yield "lambda:InvokeFunction", state["Parameters"]["FunctionName"]
            case "sqs:sendMessage":
                yield "sqs:SendMessage", QUEUE
            case "":
                pass
            case other:
                raise AssertionError(f"what does {other} take?")
        if state["Type"] == "Map":
            # https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-distributed-map.html
            assert state["ItemReader"]["Resource"].endswith(":::s3:getObject")
            yield "s3:GetObject", f"{RUNS}/night/1/items.json"
            yield "states:StartExecution", MACHINE
            yield from ((f"states:{name}Execution", EXECUTION) for name in ("Describe", "Stop"))
            yield from taken(state["ItemProcessor"]["States"])


def test_the_machine_may_what_its_definition_takes(rendered: Rendered) -> None:
    """Each action is needed, on that resource, and allowed; on another one it is not."""
    policy = rendered.started[NAME, "machine"]
    needed = {
        *taken(json.loads(definition("queue", name=NAME))["States"]),
        *((f"logs:{name}", "*") for name in LOGGING),
    }
    asked = [Request("machine", action, resource) for action, resource in sorted(needed)]
    assert set(decide({"machine": policy}, asked)) == {"Allowed"}
    assert {action for one in policy["Statement"] for action in one["Action"]} == {action for action, _ in needed}
    others = [replace(one, resource=ELSEWHERE[one.action]) for one in asked if one.resource != "*"]
    assert set(decide({"machine": policy}, others)) == {"ImplicitlyDenied"}


def test_the_schedule_may_start_one_of_them(rendered: Rendered) -> None:
    """The machine where there is one, else the function."""
    policies = {mode: rendered.started[mode, "scheduler"] for mode in (NAME, "real")}
    asked = [
        Request(mode, action, resource)
        for mode in policies
        for action, resource in (
            ("lambda:InvokeFunction", f"arn:aws:lambda:{PLACE}:function:{mode}"),
            ("states:StartExecution", f"arn:aws:states:{PLACE}:stateMachine:{mode}"),
        )
    ]
    assert decide(policies, asked) == ["ImplicitlyDenied", "Allowed", "Allowed", "ImplicitlyDenied"]
