"""How the services of a cluster are read: their task definitions, and what an answer must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, SourceError, UnreadableReferenceError
from tests.aws_calls.consumers import (
    CLUSTER,
    defines,
    definition,
    every_form,
    tagged,
    undefined,
    unreadable,
    written,
)
from tests.aws_calls.services import API, HISTORY, LISTING, deployment, resolved, revision, serves, service, usage, used

if TYPE_CHECKING:
    from ecr_cleaner.model.usage import Reference
    from tests.aws_calls.script import Script


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
    holders: dict[str, Any] = {"taskDefinition": new, "deployments": [{"taskDefinition": new}, {"taskDefinition": old}]}
    serves(script, service(**holders, taskSets=[{"taskDefinition": old}]))
    defines(script, old, tagged("v1"))
    defines(script, new, tagged("v1"))
    assert used(script) == [usage(written(), f"task definition api:{number}") for number in (1, 2)]


def test_a_service_without_anything_uses_nothing(script: Script) -> None:
    """No task definition, no deployment, no task set, no revision."""
    serves(script, service())
    assert used(script) == []


def test_a_task_definition_that_is_gone_is_an_error(script: Script) -> None:
    """The service needs it, and nobody knows what it names."""
    serves(script, service(taskDefinition=definition("api:42")))
    undefined(script, definition("api:42"))
    message = f"^ecs service prod/api names task definition {definition('api:42')}, which ECS does not find$"
    with pytest.raises(SourceError, match=message):
        used(script)


@every_form
def test_every_form_of_an_image(script: Script, text: str, references: tuple[Reference, ...]) -> None:
    """In task definitions and in revisions that resolved nothing."""
    serves(script, service(1, taskDefinition=definition("api:42")))
    defines(script, definition("api:42"), text)
    resolved(script, 1, containerImages=[{"image": text}])
    named = ("task definition api:42", "service revision 1")
    assert used(script) == [usage(reference, name) for name in named for reference in references]


@unreadable
def test_an_image_that_cannot_be_read_is_an_error(script: Script, text: str) -> None:
    """Nobody knows what it protects."""
    serves(script, service(1))
    resolved(script, 1, containerImages=[{"image": text}])
    with pytest.raises(UnreadableReferenceError):
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

ARN = deployment(2)["serviceDeploymentArn"]
CALLS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "list_services": (LISTING, {"serviceArns": [API]}),
    "describe_services": ({"cluster": CLUSTER, "services": [API]}, {"services": [service(controller="ECS")]}),
    "list_service_deployments": (HISTORY, {"serviceDeployments": [deployment(2, "IN_PROGRESS")]}),
    "describe_service_deployments": (
        {"serviceDeploymentArns": [ARN]},
        {"serviceDeployments": [{"targetServiceRevision": {"arn": revision(2)}}]},
    ),
    "describe_service_revisions": ({"serviceRevisionArns": [revision(2)]}, {"serviceRevisions": []}),
}
"""Every call in its order: what is asked, and an answer from which the next call follows."""
DESCRIBING: Final = [method for method in CALLS if method.startswith("describe")]


def up_to(script: Script, method: str) -> dict[str, Any]:
    """Answer every call before this one.

    Returns:
        The parameters of this one.
    """
    for name, (asked, answer) in CALLS.items():
        if name == method:
            return asked
        script.answer("ecs", name, answer, **asked)
    raise AssertionError(method)


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ServiceNotFoundException"])
def test_a_refused_call_is_an_error(script: Script, method: str, code: str) -> None:
    """Denied is not "nothing is deployed"; nor is a service that vanished while it was read."""
    script.refuse("ecs", method, code, **up_to(script, method))
    with pytest.raises(AwsError, match=code):
        used(script)


@pytest.mark.parametrize("method", ["list_services", "list_service_deployments"])
def test_a_listing_that_never_ends_is_no_answer(script: Script, method: str) -> None:
    """The same token again and again."""
    (result,) = CALLS[method][1]
    script.endless("ecs", method, result, **up_to(script, method))
    with pytest.raises(IncompleteAnswerError, match="a page token that it has not given before"):
        used(script)


@pytest.mark.parametrize("method", DESCRIBING)
@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ({"arn": "arn:1", "reason": "MISSING"}, r"arn:1 \(MISSING\)"),
        ({"arn": "arn:1"}, r"arn:1 \(no reason given\)"),
        ({"reason": "ACCESS_DENIED"}, r"\? \(ACCESS_DENIED\)"),
    ],
)
def test_what_is_left_out_of_an_answer_is_an_error(
    script: Script, method: str, failure: dict[str, str], words: str
) -> None:
    """Success and a list of failures: all of them are named, whatever the reason."""
    (result,) = CALLS[method][1]
    failures = [failure, {"arn": "arn:2", "reason": "MISSING"}]
    script.answer("ecs", method, {result: [], "failures": failures}, **up_to(script, method))
    with pytest.raises(SourceError, match=rf"^Describe\w+ left out {words}, arn:2 \(MISSING\)$") as caught:
        used(script)
    assert str(caught.value).startswith(script.aws.client("ecs").meta.method_to_api_mapping[method])


@pytest.mark.parametrize("method", DESCRIBING)
def test_less_than_was_asked_for_is_an_error(script: Script, method: str) -> None:
    """Left out without a word: it does not say that there is no such thing."""
    (result,) = CALLS[method][1]
    script.answer("ecs", method, {result: []}, **up_to(script, method))
    operation = script.aws.client("ecs").meta.method_to_api_mapping[method]
    with pytest.raises(SourceError, match=f"^{operation} described 0 of 1 and gave no reason for the rest$"):
        used(script)


def test_a_service_that_is_left_out_among_others_is_an_error(script: Script) -> None:
    """One of two is described, and the other may use anything."""
    script.pages("ecs", "list_services", "serviceArns", ["api", "worker"], **LISTING)
    script.answer("ecs", "describe_services", {"services": [service()]}, cluster=CLUSTER, services=["api", "worker"])
    with pytest.raises(SourceError, match=r"^DescribeServices described 1 of 2 and gave no reason for the rest$"):
        used(script)


@pytest.mark.parametrize("method", CALLS)
def test_an_answer_without_its_result_is_no_answer(script: Script, method: str) -> None:
    """It was cut short, and does not say that nothing is deployed."""
    (result,) = CALLS[method][1]
    script.cut_short("ecs", method, {}, **up_to(script, method))
    with pytest.raises(IncompleteAnswerError, match=f"lacks '{result}'"):
        used(script)


def without(told: dict[str, Any], name: str) -> dict[str, Any]:
    """All but one member."""
    return {key: value for key, value in told.items() if key != name}


@pytest.mark.parametrize(
    ("method", "item", "missing"),
    [
        ("describe_service_revisions", {"serviceRevisionArn": revision(2), "containerImages": [{}]}, "image"),
        *(
            ("describe_services", without(service(2, controller="ECS"), name), name)
            for name in ("serviceName", "serviceArn", "clusterArn")
        ),
        ("describe_services", service() | {"currentServiceRevisions": [{}]}, "arn"),
        *(
            ("list_service_deployments", without(deployment(2, status), name), name)
            for status, name in (
                ("SUCCESSFUL", "createdAt"),
                ("SUCCESSFUL", "status"),
                ("SUCCESSFUL", "targetServiceRevisionArn"),
                ("IN_PROGRESS", "serviceDeploymentArn"),
            )
        ),
        *(
            ("describe_service_deployments", told, name)
            for told, name in (
                ({"sourceServiceRevisions": [{}]}, "arn"),
                ({"targetServiceRevision": {}}, "arn"),
                ({"rollback": {}}, "serviceRevisionArn"),
            )
        ),
        ("describe_service_revisions", {"containerImages": []}, "serviceRevisionArn"),
    ],
)
def test_an_item_that_lacks_a_member_is_no_answer(
    script: Script, method: str, item: dict[str, Any], missing: str
) -> None:
    """What it would have named is not known."""
    (result,) = CALLS[method][1]
    script.cut_short("ecs", method, {result: [item]}, **up_to(script, method))
    with pytest.raises(IncompleteAnswerError, match=f"lacks '{missing}'"):
        used(script)
