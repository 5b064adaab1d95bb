"""What a service resolved, deploys, and would roll back to: its revisions and deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import IncompleteAnswerError, MissingError, SourceError
from ecr_cleaner.model.usage import UsageKind
from tests.aws_calls.consumers import APP, ARN, CLUSTER, account, defines, definition, tagged, undefined, written
from tests.aws_calls.services import (
    API,
    HISTORY,
    LISTING,
    deployment,
    deploys,
    history,
    resolved,
    revision,
    revisions_of,
    serves,
    service,
    usage,
    used,
)

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

CONFIGURED, ROLLBACK = UsageKind.CONFIGURED, UsageKind.ROLLBACK
ENDED: Final = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
UNDER_WAY: Final = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")


def test_the_current_revisions_are_used_by_name_and_digest(script: Script) -> None:
    """The digest is what a service without tasks starts the next one from, wherever the tag points by then."""
    serves(script, service(2, 1))
    resolved(script, 1, 2)
    assert used(script) == [
        usage(reference, f"service revision {number}")
        for number in (1, 2)
        for reference in (written(tagged(f"{number}"), f"{number}"), written(tagged(f"{number}"), None, APP))
    ]


def test_a_revision_that_resolved_nothing_uses_its_task_definition(script: Script) -> None:
    """Before the first task, ECS knows no digest."""
    serves(script, service(1))
    told = {"serviceRevisionArn": revision(1), "taskDefinition": definition("api:42")}
    script.answer("ecs", "describe_service_revisions", {"serviceRevisions": [told]}, serviceRevisionArns=[revision(1)])
    defines(script, definition("api:42"), tagged("v1"))
    assert used(script) == [usage(written(), "service revision 1, task definition api:42")]


@pytest.mark.parametrize("controller", [None, "ECS"])
def test_the_last_two_successful_deployments_are_rollback_targets(script: Script, controller: str | None) -> None:
    """Before the current one, by time; without a controller it is ECS's own."""
    serves(script, service(9, controller=controller))
    failed = [deployment(5 + place, status) for place, status in enumerate(ENDED[1:])]
    history(script, [*map(deployment, (1, 4, 9, 3, 2)), *failed])
    resolved(script, 3, 4, 9)
    assert revisions_of(used(script)) == {3: ROLLBACK, 4: ROLLBACK, 9: CONFIGURED}


def test_a_first_deployment_has_no_rollback_target(script: Script) -> None:
    """Nor has a service that was deployed before ECS knew revisions: nothing is described."""
    serves(script, service(controller="ECS"))
    history(script, [])
    assert used(script) == []


def test_the_task_definition_of_a_rollback_target_is_there_for_rollback(script: Script) -> None:
    """As its images are."""
    serves(script, service(controller="ECS"))
    history(script, [deployment(1)])
    resolved(script, 1, containerImages=[], taskDefinition=definition("api:42"))
    defines(script, definition("api:42"), tagged("v1"))
    assert used(script) == [usage(written(), "service revision 1, task definition api:42", ROLLBACK)]


def test_a_rollback_target_whose_task_definition_is_gone_is_noted(script: Script) -> None:
    """Nothing can go back to it by that; the images that ECS resolved are kept all the same."""
    serves(script, service(controller="ECS"))
    history(script, [deployment(1)])
    resolved(script, 1, taskDefinition=definition("api:42"))
    undefined(script, definition("api:42"))
    read = account(script)
    assert used(script, read) == [
        usage(reference, "service revision 1", ROLLBACK)
        for reference in (written(tagged("1"), "1"), written(tagged("1"), None, APP))
    ]
    named = f"ecs service prod/api, service revision 1 names task definition {definition('api:42')}"
    assert read.notes == [f"{named}, which does not exist any more"]


@pytest.mark.parametrize("state", ["current", "under way"])
def test_a_revision_in_use_whose_task_definition_is_gone_is_an_error(script: Script, state: str) -> None:
    """It starts tasks, although one of its images may not be resolved yet."""
    if state == "current":
        serves(script, service(1))
    else:
        serves(script, service(controller="ECS"))
        history(script, [deployment(1, "IN_PROGRESS")])
        deploys(script, [1], {"targetServiceRevision": {"arn": revision(1)}})
    resolved(script, 1, taskDefinition=definition("api:42"))
    undefined(script, definition("api:42"))
    script.pages("ecs", "list_services", "serviceArns", [API], **LISTING)
    message = "^ecs service prod/api, service revision 1 names task definition .*api:42, which ECS does not find$"
    with pytest.raises(SourceError, match=message):
        used(script)


def test_the_task_definition_of_a_deployment_under_way_is_configured(script: Script) -> None:
    """As its images are: it starts tasks now."""
    serves(script, service(controller="ECS"))
    history(script, [deployment(1, "IN_PROGRESS")])
    deploys(script, [1], {"targetServiceRevision": {"arn": revision(1)}})
    resolved(script, 1, containerImages=[], taskDefinition=definition("api:42"))
    defines(script, definition("api:42"), tagged("v1"))
    assert used(script) == [usage(written(), "service revision 1, task definition api:42", CONFIGURED)]


def test_every_status_is_either_ended_or_under_way(script: Script) -> None:
    """A new one has to be thought about; until then it counts as under way."""
    model = script.aws.client("ecs").meta.service_model
    assert {*ENDED, *UNDER_WAY} == set(model.shape_for("ServiceDeploymentStatus").enum)


@pytest.mark.parametrize("status", [*UNDER_WAY, "SOMETHING_NEW"])
def test_a_deployment_under_way_uses_where_it_comes_from_and_goes_to(script: Script, status: str) -> None:
    """And what it rolls back to: each of these may start tasks at any moment."""
    serves(script, service(1, controller="ECS"))
    history(script, [deployment(3, status)])
    under_way = {
        "sourceServiceRevisions": [{"arn": revision(1)}, {"arn": revision(2)}],
        "targetServiceRevision": {"arn": revision(3)},
        "rollback": {"serviceRevisionArn": revision(4)},
    }
    deploys(script, [3], under_way)
    resolved(script, 1, 2, 3, 4)
    assert revisions_of(used(script)) == dict.fromkeys((1, 2, 3, 4), CONFIGURED)


def test_an_earlier_revision_that_a_deployment_under_way_goes_back_to_is_configured(script: Script) -> None:
    """Its tasks are being started; those that are only possible targets stay what they are."""
    serves(script, service(9, controller="ECS"))
    history(script, [deployment(10, "ROLLBACK_IN_PROGRESS"), *map(deployment, (9, 8, 7, 6))])
    told = {"sourceServiceRevisions": [{"arn": revision(9)}], "rollback": {"serviceRevisionArn": revision(8)}}
    deploys(script, [10], told)
    resolved(script, 7, 8, 9)
    assert revisions_of(used(script)) == {7: ROLLBACK, 8: CONFIGURED, 9: CONFIGURED}


@pytest.mark.parametrize(
    "told",
    [
        {"sourceServiceRevisions": [{"arn": revision(2)}]},
        {"targetServiceRevision": {"arn": revision(2)}},
        {"rollback": {"serviceRevisionArn": revision(2)}},
    ],
)
def test_a_deployment_under_way_may_know_only_some_of_it(script: Script, told: dict[str, Any]) -> None:
    """What it knows is used, and what it does not know is not missed."""
    serves(script, service(controller="ECS"))
    history(script, [deployment(2, "PENDING")])
    deploys(script, [2], told)
    resolved(script, 2)
    assert revisions_of(used(script)) == {2: CONFIGURED}


def test_deployments_are_read_page_by_page(script: Script) -> None:
    """Rollback targets and deployments under way of the second page count like those of the first."""
    serves(script, service(9, controller="ECS"))
    history(script, [deployment(9), deployment(1)], [deployment(3), deployment(2), deployment(4, "IN_PROGRESS")])
    deploys(script, [4], {"targetServiceRevision": {"arn": revision(4)}})
    resolved(script, 2, 3, 4, 9)
    assert revisions_of(used(script)) == {2: ROLLBACK, 3: ROLLBACK, 4: CONFIGURED, 9: CONFIGURED}


def test_twenty_deployments_and_twenty_revisions_are_described_at_once(script: Script) -> None:
    """ECS refuses more."""
    numbers = list(range(31, 10, -1))
    serves(script, service(controller="ECS"))
    history(script, [deployment(number, "IN_PROGRESS") for number in numbers])
    for some in (numbers[:20], numbers[20:]):
        deploys(script, some, *({"targetServiceRevision": {"arn": revision(number)}} for number in some))
    resolved(script, *range(11, 31))
    resolved(script, 31)
    assert revisions_of(used(script)) == dict.fromkeys(range(11, 32), CONFIGURED)


def test_a_deployment_that_does_not_say_of_what_is_no_answer(script: Script) -> None:
    """It may be what a rollback returns to."""
    serves(script, service(controller="ECS"))
    told = {key: value for key, value in deployment(2).items() if key != "targetServiceRevisionArn"}
    script.cut_short("ecs", "list_service_deployments", {"serviceDeployments": [told]}, **HISTORY)
    with pytest.raises(
        IncompleteAnswerError,
        match="Incomplete response from ListServiceDeployments: field 'targetServiceRevisionArn' is missing",
    ):
        used(script)


# Those of several services


def several(script: Script, *numbers: int) -> None:
    """Services in two pages, each with one current revision."""
    arns = [f"{ARN}:service/prod/s{number}" for number in numbers]
    script.pages("ecs", "list_services", "serviceArns", arns[:1], arns[1:], **LISTING)
    told = [
        service(number, serviceName=f"s{number}", serviceArn=arn) for number, arn in zip(numbers, arns, strict=True)
    ]
    script.answer("ecs", "describe_services", {"services": told}, cluster=CLUSTER, services=arns)


def test_the_revisions_of_services_are_described_together(script: Script) -> None:
    """20 a call: of ten services with three each, it takes two calls and not ten."""
    names = [f"{ARN}:service/prod/s{number}" for number in range(10)]
    script.pages("ecs", "list_services", "serviceArns", names, **LISTING)
    revisions = [(100 + number, 200 + number, 300 + number) for number in range(10)]
    told = [
        service(*some, serviceName=name.rpartition("/")[2], serviceArn=name)
        for name, some in zip(names, revisions, strict=True)
    ]
    script.answer("ecs", "describe_services", {"services": told}, cluster=CLUSTER, services=names)
    wanted = sorted(number for some in revisions for number in some)
    resolved(script, *wanted[:20])
    resolved(script, *wanted[20:])
    found = {(one.consumer.split(",")[0], one.consumer.rpartition(" ")[2]) for one in used(script)}
    assert found == {
        (f"ecs service prod/s{place}", str(number)) for place, some in enumerate(revisions) for number in some
    }


def test_a_revision_that_is_missing_is_its_own_services_matter(script: Script) -> None:
    """A service that was deleted meanwhile needs nothing; the other one's revision is not asked for again."""
    several(script, 1, 2)
    missing = {"failures": [{"arn": revision(2), "reason": "MISSING"}]}
    told = {"serviceRevisionArn": revision(1), "containerImages": [{"image": tagged("1"), "imageDigest": APP}]}
    both = {"serviceRevisionArns": [revision(1), revision(2)]}
    script.answer("ecs", "describe_service_revisions", {"serviceRevisions": [told], **missing}, **both)
    alone = {"serviceRevisionArns": [revision(2)]}
    script.answer("ecs", "describe_service_revisions", {"serviceRevisions": [], **missing}, **alone)
    script.pages("ecs", "list_services", "serviceArns", [f"{ARN}:service/prod/s1"], **LISTING)
    assert {one.consumer for one in used(script)} == {"ecs service prod/s1, service revision 1"}


def test_a_revision_that_is_missing_of_a_service_that_is_there_is_an_error(script: Script) -> None:
    """Nobody knows what it runs."""
    several(script, 1, 2)
    script.refuse("ecs", "describe_service_revisions", "ServiceNotFoundException")
    resolved(script, 1)
    missing = {"serviceRevisions": [], "failures": [{"arn": revision(2), "reason": "MISSING"}]}
    script.answer("ecs", "describe_service_revisions", missing, serviceRevisionArns=[revision(2)])
    script.pages("ecs", "list_services", "serviceArns", [f"{ARN}:service/prod/s{n}" for n in (1, 2)], **LISTING)
    with pytest.raises(MissingError, match=r"^DescribeServiceRevisions does not find 2$"):
        used(script)


def test_revisions_with_the_same_last_part_are_told_apart(script: Script) -> None:
    """By their whole ARNs: what is found of one service is not what another one's was."""
    several(script, 1, 2)
    other = revision(1).replace("/api/", "/other/")
    told = {"serviceRevisionArn": other, "containerImages": [{"image": tagged("1"), "imageDigest": APP}]}
    both = {"serviceRevisions": [told], "failures": [{"arn": revision(2), "reason": "MISSING"}]}
    script.answer("ecs", "describe_service_revisions", both, serviceRevisionArns=[revision(1), revision(2)])
    resolved(script, 1)
    resolved(script, 2)
    assert revisions_of(used(script)) == dict.fromkeys((1, 2), CONFIGURED)
