"""The sandbox's Lambda runs what a test says a function does, and answers as Lambda answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Sandbox
from tests.fake_aws.lambda_state import Functions

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """With one function."""
    with Sandbox() as running:
        running.seed({"lambda": {"functions": {"f": {"package": "Zip", "versions": {"$LATEST": {}}}}}})
        yield running


def refused(sandbox: Sandbox, **arguments: Any) -> str:
    """The code with which an invocation is refused."""
    with pytest.raises(ClientError) as raised:
        sandbox.client("lambda").invoke(**arguments)
    return str(raised.value.response["Error"]["Code"])


def test_a_function_gets_the_event_and_gives_the_payload(sandbox: Sandbox) -> None:
    """An error of its own is an answer, not a failed call."""
    sandbox.state.store("us-east-1", Functions).run = lambda name, event: ({"name": name, **event}, "fail" in event)
    client = sandbox.client("lambda")
    done = client.invoke(FunctionName="f", Payload=b'{"a": 1}')
    assert ("FunctionError" in done, json.loads(done["Payload"].read())) == (False, {"name": "f", "a": 1})
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    failed = client.invoke(FunctionName=arn, Payload=b'{"fail": 1}')
    assert (failed["FunctionError"], json.loads(failed["Payload"].read())) == ("Unhandled", {"name": "f", "fail": 1})


def test_what_is_not_there_is_not_invoked(sandbox: Sandbox) -> None:
    """Nor is what nobody told what to do."""
    sandbox.state.store("us-east-1", Functions).run = None
    assert refused(sandbox, FunctionName="g") == "ResourceNotFoundException"
    assert refused(sandbox, FunctionName="f") == "InvalidParameterValueException"
