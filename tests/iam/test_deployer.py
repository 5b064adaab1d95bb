"""The policy for whoever applies the module allows what that takes, and little else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws import Sandbox
from tests.iam.simulator import Request, decide
from tests.iam.test_grants import action
from tests.iam.test_role import as_requests
from tests.terraform.fixtures import image_uri, make_stack, terraform, terraform_environment
from tests.terraform.test_create import EVERYTHING, ROOT
from tools.generate import DEPLOYER_FILE
from tools.stack import TerraformError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tools.stack import Stack

__all__ = ["image_uri", "make_stack", "terraform", "terraform_environment"]

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

POLICY: Final = json.loads(DEPLOYER_FILE.read_text())
ALLOWED: Final = {action for statement in POLICY["Statement"] for action in statement["Action"]}
ROLES: Final = ("ecr-cleaner-us-east-1", "ecr-cleaner-scheduler-us-east-1", "ecr-cleaner-machine-us-east-1")
OF_TEST: Final = {"iam:GetUser": "the provider asks a user of credentials that it is not to check"}
"""What no real apply asks."""
WIDE: Final = {name for one in POLICY["Statement"] if one["Resource"] == "*" for name in one["Action"]}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An empty account."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def requests(
    sandbox: Sandbox,
    image_uri: Callable[[str], str],
    make_stack: Callable[..., Stack],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Request]:
    """Every call of an apply with every kind of resource, of a change, of a build that fails, and of a destroy."""
    folder: Path = tmp_path_factory.mktemp("root")
    (folder / "main.tf").write_text(ROOT)
    arguments: dict[str, Any] = {name: value for name, value in EVERYTHING.items() if not name.startswith("vpc_")}
    stack = make_stack(
        folder, image_uri=image_uri("us-east-1"), force_destroy_bucket=True, tags={"team": "a"}, **arguments
    )
    sandbox.clear_calls()
    stack.apply()
    stack.apply(
        tags={"owner": "b"},
        memory_size=2048,
        dry_run=True,
        log_retention_days=30,
        reserved_concurrent_executions=1,
        schedule_expression="rate(1 day)",
        dashboard_enabled=False,
        notifications_enabled=False,
        protected_images=[],
    )
    # The repository is there by then, and no image.
    with pytest.raises(TerraformError):
        stack.apply(image_uri=None, container_tool="false")
    stack.destroy()
    calls = [call for call in sandbox.calls if call.action not in OF_TEST]
    passed = [
        Request(
            "policy", "iam:PassRole", f"arn:aws:iam::123456789012:role/{role}", passed_to=f"{service}.amazonaws.com"
        )
        for role, service in zip(ROLES, ("lambda", "scheduler", "states"), strict=True)
    ]
    return [*as_requests("policy", calls), *passed]


def test_every_call_is_allowed(requests: list[Request]) -> None:
    """Whatever is made, changed, read and deleted."""
    decided = decide({"policy": POLICY}, requests)
    assert [one for one, result in zip(requests, decided, strict=True) if result != "Allowed"] == []
    services = {one.action.partition(":")[0] for one in requests}
    assert services == {name.partition(":")[0] for name in ALLOWED} - {"ec2"}


def test_other_names_are_out_of_reach(requests: list[Request]) -> None:
    """What belongs to others cannot be touched with it."""
    others = [
        Request("policy", one.action, one.resource.replace("ecr-cleaner", "other"), passed_to=one.passed_to)
        for one in requests
        if one.action not in WIDE
    ]
    assert [one for one in others if one.resource == "*"] == []
    assert set(decide({"policy": POLICY}, others)) == {"ImplicitlyDenied"}


def test_roles_are_passed_to_nothing_else() -> None:
    """Not to what could be given other work with them."""
    role = f"arn:aws:iam::123456789012:role/{ROLES[0]}"
    asked = [Request("policy", "iam:PassRole", role, passed_to="ec2.amazonaws.com")]
    assert decide({"policy": POLICY}, asked) == ["ImplicitlyDenied"]


def test_every_action_is_one_of_iam_s() -> None:
    """A name that IAM does not know allows nothing."""
    assert {name for name in ALLOWED if action(name) is None} == set()
