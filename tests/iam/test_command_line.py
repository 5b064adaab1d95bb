"""The policy for people who look from the command line allows what that takes, and nothing that writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.cli.conftest import NAME, command, deploy, installed
from tests.iam.simulator import Request, decide
from tests.iam.test_role import OPTED_IN, REMOVE, REPOSITORY, UNKNOWN_TO_IAM, as_requests
from tests.integration import accounts
from tests.integration.past import forget_facts
from tools.generate import READ_ONLY_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Command
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome

__all__ = ["command", "deploy", "installed"]

POLICY: Final = json.loads(READ_ONLY_FILE.read_text())
ALLOWED: Final = {action for statement in POLICY["Statement"] for action in statement["Action"]}

OF_OTHER_ACCOUNTS: Final = {
    "ecr:ListPullTimeUpdateExclusions",
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "sts:AssumeRole",
}
"""Only where other accounts may pull, or where the settings name them; test_other_accounts.py has the latter."""


def test_every_call_that_looks_is_allowed(
    command: Command, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], deploy: Callable[..., Any]
) -> None:
    """Over the account that uses everything, with the function's settings and history; no action is there in vain."""
    accounts.seed(sandbox)
    night(dry_run=True)
    forget_facts(sandbox)
    # What it lists is asked for, because no night has seen it.
    sandbox.push("app", kind="index", platforms=["linux/amd64"], tags=["multi"], pushed="90d")
    deploy(storage=past.place | {"history": True, "journal": True}, accepted_gaps={}, **accounts.SETTINGS)
    sandbox.repository("closed")
    ended = command("plan", "--function", NAME, "--as-if-opted-in", "*", "--format", "json")
    assert ended.plan["causes"] == []
    assert ended.plan["registry"]["not_counted"] == {}
    for words in (["doctor"], ["history", "app"], ["explain", "app:gone"]):
        command(*words[:1], "--function", NAME, *words[1:])
    command("usage")
    command("opt-in", "*")
    place = accounts.SETTINGS["used_images"]
    calls = [c for c in sandbox.calls if c.parameters.get("Bucket") != place["bucket"]]
    # Only where Account Management has no endpoint, as in GovCloud, EC2 is asked for the regions.
    assert {call.action for call in calls} == ALLOWED - {"ec2:DescribeRegions"} - OF_OTHER_ACCOUNTS
    requests = [r for r in as_requests("policy", calls) if r.action not in UNKNOWN_TO_IAM]
    decided = decide({"policy": POLICY}, requests)
    assert [request for request, result in zip(requests, decided, strict=True) if result != "Allowed"] == []


@pytest.mark.parametrize("action", [REMOVE, "ecr:PutImage", "ecr:TagResource"])
def test_nothing_can_be_changed(action: str) -> None:
    """Of a repository that opted in."""
    assert decide({"policy": POLICY}, [Request("policy", action, REPOSITORY + "app", OPTED_IN)]) == ["ImplicitlyDenied"]


def test_only_reads_are_in_it() -> None:
    """By the names that AWS gives what reads; and what the role in another account may is its own policy's matter."""
    reading = ("BatchGet", "Describe", "Get", "List", "Search")
    assert {action for action in ALLOWED if not action.partition(":")[2].startswith(reading)} == {"sts:AssumeRole"}
