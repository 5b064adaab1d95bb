"""Runs the module's state machine in the sandbox: moto's engine executes it, and a callable is the function.

moto and AWS differ in one thing that matters: there a map whose executions fail succeeds, and on AWS it fails. What a
night does must hang on neither, so whatever holds here holds there (`state_machine.asl.json.tftpl`).
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.errors import RunFailedError
from tests.fake_aws.aws import ACCOUNT, REGION
from tests.fake_aws.lambda_state import Functions
from tools.terraform import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox

NAME: Final = "ecr-cleaner"
_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/{NAME}-machine-{REGION}"
_PATIENCE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution ended.

    Attributes:
        name: Of the execution.
        status: As Step Functions has it.
        output: Of the last state; None unless it succeeded.
        error: Name of the error that failed it.
        cause: What the error says.
        states: The names of the states that were entered, in order; of a map only itself.
        payloads: What the function was invoked with, in the order of arrival.
        failures: What the failure queue holds since.
    """

    name: str
    status: str
    output: Any
    error: str
    cause: str
    states: list[str]
    payloads: list[dict[str, Any]]
    failures: list[dict[str, Any]]


class Machine:
    """The state machine beside a function and a failure queue.

    Attributes:
        function: What an invocation does: gets the payload and returns the answer, or raises. A test may put something
            around it, which fails, repeats or delays it. Invocations come one by one, in any order within a map.
        ended: The last execution.
    """

    def __init__(self, sandbox: Sandbox, function: Callable[[dict[str, Any]], Any]) -> None:
        self._sandbox = sandbox
        self.function = function
        self.ended: Ended | None = None
        self._payloads: list[dict[str, Any]] = []
        self._nights = itertools.count(1)
        self._one_at_a_time = threading.Lock()
        sandbox.seed({"lambda": {"functions": {NAME: {"package": "Zip", "versions": {"$LATEST": {}}}}}})
        sandbox.state.store(REGION, Functions).run = self._invoked
        self._queue = sandbox.client("sqs").create_queue(QueueName=f"{NAME}-failures")["QueueUrl"]
        made = sandbox.client("stepfunctions").create_state_machine(
            name=NAME, definition=definition(self._queue), roleArn=_ROLE
        )
        self._arn = made["stateMachineArn"]

    def __call__(self, event: object) -> dict[str, Any]:
        """Run one night, as `Runner` runs an invocation.

        Raises:
            RunFailedError: What the function raised in the end.
        """
        ended = self.run(event)
        if ended.error == RunFailedError.__name__:
            told = json.loads(json.loads(ended.cause)["errorMessage"])
            raise RunFailedError(told["run_id"], told["status"], told["causes"])
        assert ended.status == "SUCCEEDED", ended
        output: dict[str, Any] = ended.output
        return output

    def run(self, event: object = None) -> Ended:
        """Execute once, with an event of the function as input, ``{}`` if None."""
        client = self._sandbox.client("stepfunctions")
        self._payloads.clear()
        name = f"night-{next(self._nights)}"
        arn = client.start_execution(
            stateMachineArn=self._arn, name=name, input=json.dumps({} if event is None else event)
        )["executionArn"]
        told = self._end_of(arn)
        history = client.get_execution_history(executionArn=arn)["events"]
        entered = (one.get("stateEnteredEventDetails") for one in history)
        self.ended = Ended(
            name=name,
            status=told["status"],
            output=json.loads(told["output"]) if "output" in told else None,
            error=told.get("error", ""),
            cause=told.get("cause", ""),
            states=[one["name"] for one in entered if one],
            payloads=list(self._payloads),
            failures=self._failures(),
        )
        return self.ended

    def _end_of(self, arn: str) -> dict[str, Any]:
        client = self._sandbox.client("stepfunctions")
        until = time.monotonic() + _PATIENCE_SECONDS
        while (told := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > until:
                client.stop_execution(executionArn=arn)
                raise TimeoutError(f"{arn} does not end; invoked so far: {self._payloads}")
            time.sleep(0.02)
        found: dict[str, Any] = told
        return found

    def _invoked(self, name: str, payload: dict[str, Any]) -> tuple[Any, bool]:
        """As Lambda: what is returned, or what was raised and that it was."""
        assert name == NAME
        with self._one_at_a_time:
            self._payloads.append(payload)
            try:
                return self.function(payload), False
            except Exception as error:  # noqa: BLE001 - whatever it is, Lambda tells it so
                return {"errorType": type(error).__name__, "errorMessage": str(error)}, True

    def _failures(self) -> list[dict[str, Any]]:
        client = self._sandbox.client("sqs")
        told = client.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        for one in told:
            client.delete_message(QueueUrl=self._queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in told]


def definition(queue_url: str, *, name: str = NAME, max_concurrency: int = 40) -> str:
    """The definition as Terraform renders it."""
    text = (ROOT / "state_machine.asl.json.tftpl").read_text()
    for key, value in {
        "name": name,
        "partition": "aws",
        "function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        "queue_url": queue_url,
        "max_concurrency": str(max_concurrency),
    }.items():
        text = text.replace(f"${{{key}}}", value)
    return text
