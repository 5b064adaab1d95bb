"""The state machine as Terraform makes it: a second plan is empty, and the schedule starts what runs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws.lambda_state import Functions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fake_aws import Sandbox
    from tools.stack import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

BUCKET: Final = "nights-of-several"
ROOT: Final = """\
provider "aws" {}

module "cleaner" {
  source        = "../../"
  state_machine = true
}

output "all" {
  value = module.cleaner
}
"""


def test_what_the_schedule_starts_invokes_the_function(
    make_stack: Callable[..., Stack],
    image_uri: Callable[[str], str],
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    """And tells the queue of the module when it fails; without the machine the schedule starts the function again."""
    (tmp_path / "main.tf").write_text(ROOT)
    sandbox.client("s3").create_bucket(Bucket=BUCKET)
    stack = make_stack(tmp_path, image_uri=image_uri("us-east-1"), bucket_name=BUCKET, history_enabled=False)
    stack.apply()
    assert stack.changes() == ""
    told = stack.outputs()["all"]
    schedule = sandbox.client("scheduler").get_schedule(Name=told["schedule_name"], GroupName=told["schedule_name"])
    assert schedule["Target"]["Arn"] == told["state_machine_arn"]

    invoked: list[dict[str, Any]] = []

    def function(name: str, payload: dict[str, Any]) -> tuple[Any, bool]:
        assert name == told["function_name"]
        invoked.append(payload)
        return {"errorType": "RunFailedError", "errorMessage": "nothing works"}, True

    sandbox.state.store("us-east-1", Functions).run = function
    client = sandbox.client("stepfunctions")
    started = client.start_execution(
        stateMachineArn=told["state_machine_arn"], name="night", input=schedule["Target"]["Input"]
    )["executionArn"]
    while client.describe_execution(executionArn=started)["status"] == "RUNNING":
        time.sleep(0.05)
    assert invoked == [{"schema_version": 1, "action": "targets", "night": "night", "request": {}}]
    queue = sandbox.client("sqs").get_queue_url(QueueName=told["failure_queue_name"])["QueueUrl"]
    (message,) = sandbox.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["execution"] == started

    stack.apply(state_machine=False)
    schedule = sandbox.client("scheduler").get_schedule(Name=told["schedule_name"], GroupName=told["schedule_name"])
    assert schedule["Target"]["Arn"] == told["function_arn"]
    assert client.list_state_machines()["stateMachines"] == []
