"""How the services of a cluster are read: their task definitions, and what an answer must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import MissingError, SourceError
from tests.aws_calls.consumers import (
    ARN,
    CLUSTER,
    defines,
    definition,
    tagged,
    undefined,
    written,
)
from tests.aws_calls.services import API, LISTING, serves, service, usage, used
from tests.aws_calls.stories import STORIES

if TYPE_CHECKING:
    from tests.aws_calls.script import Script
    from tests.aws_calls.stories import Call


@pytest.mark.parametrize(
    "holder",
    [
        {"taskDefinition": definition("api:42")},
        {"deployments": [{"status": "PRIMARY"}, {"status": "ACTIVE", "taskDefinition": definition("api:42")}]},
        {"taskSets": [{"status": "PRIMARY"}, {"status": "ACTIVE", "taskDefinition": definition("api:42")}]},
    ],
)
@pytest.mark.parametrize("controller", ["EXTERNAL", "CODE_DEPLOY"])
def test_the_task_definition_of_each_holder_is_used(script: Script, holder: dict[str, Any], controller: str) -> None:
    """The service's, every deployment's and every task set's; where there is none, none is missed."""
    serves(script, service(controller=controller, **holder))
    defines(script, definition("api:42"), tagged("v1"), tagged("v2"), "nginx")
    assert used(script) == [
        usage(written(), "task definition api:42"),
        usage(written(tagged("v2"), "v2"), "task definition api:42"),
    ]


def test_task_definitions_that_several_hold_are_used_once(script: Script) -> None:
    """In the order of their names."""
    old, new = definition("api:1"), definition("api:2")
    must_go_first: dict[str, Any] = {
        "taskDefinition": new,
        "deployments": [{"taskDefinition": new}, {"taskDefinition": old}],
    }
    serves(script, service(**must_go_first, taskSets=[{"taskDefinition": old}]))
    defines(script, old, tagged("v1"))
    defines(script, new, tagged("v1"))
    assert used(script) == [usage(written(), f"task definition api:{number}") for number in (1, 2)]


def test_a_service_without_anything_uses_nothing(script: Script) -> None:
    """No task definition, no deployment, no task set, no revision."""
    serves(script, service())
    assert used(script) == []


ECS_SERVICES: Final = next(story for story in STORIES if story.name == "ecs services")


def test_a_service_that_is_deleted_with_its_task_definition_uses_nothing(script: Script) -> None:
    """ECS describes a service for a while after its deletion, but does not list it."""
    serves(script, service(taskDefinition=definition("api:42"), status="INACTIVE"))
    undefined(script, definition("api:42"))
    script.pages("ecs", "list_services", "serviceArns", [], **LISTING)
    assert used(script) == []


@pytest.mark.parametrize("left", [[], [API]])
@pytest.mark.parametrize(
    "call",
    [pytest.param(call, id=call.method) for call in ECS_SERVICES.calls[2:]],
)
def test_a_service_that_ecs_does_not_find_is_listed_again(script: Script, call: Call, left: list[str]) -> None:
    """Deployments and revisions are found by the service."""
    ECS_SERVICES.tell(script, call)
    script.refuse("ecs", call.method, "ServiceNotFoundException", **call.asked)
    script.pages("ecs", "list_services", "serviceArns", left, **LISTING)
    if not left:
        assert used(script) == []
        return
    with pytest.raises(AwsError, match="ServiceNotFoundException"):
        used(script)


def test_a_service_is_known_by_its_name_in_either_form_of_its_arn(script: Script) -> None:
    """Older ones have no cluster in it; what ECS is asked for and what it answers may differ in that."""
    older = f"{ARN}:service/api"
    serves(script, service(serviceArn=older, taskDefinition=definition("api:42")))
    undefined(script, definition("api:42"))
    script.pages("ecs", "list_services", "serviceArns", [API], **LISTING)
    with pytest.raises(MissingError):
        used(script)
    script.pages("ecs", "list_services", "serviceArns", [API], **LISTING)
    failures = [{"arn": older, "reason": "MISSING"}]
    script.answer("ecs", "describe_services", {"services": [], "failures": failures}, cluster=CLUSTER, services=[API])
    script.pages("ecs", "list_services", "serviceArns", [older], **LISTING)
    with pytest.raises(MissingError, match=r"^DescribeServices does not find api, which is listed$"):
        used(script)


def test_a_task_definition_that_is_gone_is_an_error(script: Script) -> None:
    """The service needs it, and nobody knows what it names."""
    serves(script, service(taskDefinition=definition("api:42")))
    undefined(script, definition("api:42"))
    script.pages("ecs", "list_services", "serviceArns", [API], **LISTING)
    message = f"^ecs service prod/api names task definition {definition('api:42')}, which ECS does not find$"
    with pytest.raises(SourceError, match=message):
        used(script)


def test_services_are_read_page_by_page(script: Script) -> None:
    """The second page's service counts; both are described in one call."""
    worker = service(serviceName="worker", taskDefinition=definition("worker:1"))
    script.pages("ecs", "list_services", "serviceArns", ["api"], ["worker"], **LISTING)
    answer = {"services": [service(taskDefinition=definition("api:1")), worker]}
    script.answer("ecs", "describe_services", answer, cluster=CLUSTER, services=["api", "worker"])
    for name in ("api", "worker"):
        defines(script, definition(f"{name}:1"), tagged("v1"))
    assert [found.consumer for found in used(script)] == [
        f"ecs service prod/{name}, task definition {name}:1" for name in ("api", "worker")
    ]


def test_ten_services_are_described_at_once(script: Script) -> None:
    """ECS refuses more."""
    names = [f"api-{number}" for number in range(11)]
    script.pages("ecs", "list_services", "serviceArns", names, **LISTING)
    told = [service(serviceName=name, taskDefinition=definition("api:1")) for name in names]
    asked = {"cluster": CLUSTER}
    script.answer("ecs", "describe_services", {"services": told[:10]}, **asked, services=names[:10])
    defines(script, definition("api:1"), tagged("v1"))
    script.answer("ecs", "describe_services", {"services": told[10:]}, **asked, services=names[10:])
    assert [found.consumer for found in used(script)] == [
        f"ecs service prod/{name}, task definition api:1" for name in names
    ]


# What an answer must have

each_description: Final = pytest.mark.parametrize(
    "call", [call for call in ECS_SERVICES.calls if call.method.startswith("describe")], ids=lambda call: call.method
)


@each_description
@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"arn": "arn:1"}, r"arn:1 \(no reason given\)"),
        ({"reason": "ACCESS_DENIED"}, r"\? \(ACCESS_DENIED\)"),
    ],
)
def test_what_is_left_out_of_an_answer_is_an_error(
    script: Script, call: Call, failure: dict[str, str], words: str
) -> None:
    """Success and a list of failures: they are named, but what ECS does not find."""
    ECS_SERVICES.tell(script, call)
    failures = [failure, {"arn": "arn:2", "reason": "MISSING"}]
    script.answer("ecs", call.method, {call.result: [], "failures": failures}, **call.asked)
    with pytest.raises(SourceError, match=rf"^Describe\w+ left out {words}$") as caught:
        used(script)
    assert str(caught.value).startswith(ECS_SERVICES.operation(script, call))


@each_description
def test_less_than_was_asked_for_is_an_error(script: Script, call: Call) -> None:
    """Left out without a word: it does not say that there is no such thing."""
    ECS_SERVICES.tell(script, call)
    script.answer("ecs", call.method, {call.result: []}, **call.asked)
    operation = ECS_SERVICES.operation(script, call)
    with pytest.raises(SourceError, match=f"^{operation} described 0 of 1 and gave no reason for the rest$"):
        used(script)


def test_a_service_that_is_left_out_among_others_is_an_error(script: Script) -> None:
    """One of two is described, and the other may use anything."""
    script.pages("ecs", "list_services", "serviceArns", ["api", "worker"], **LISTING)
    script.answer("ecs", "describe_services", {"services": [service()]}, cluster=CLUSTER, services=["api", "worker"])
    with pytest.raises(SourceError, match=r"^DescribeServices described 1 of 2 and gave no reason for the rest$"):
        used(script)
