"""What sources take from earlier runs, and under which conditions they remember what they read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.sources import awslambda, ecs_families, stepfunctions
from ecr_cleaner.usage.sources.ecs.known import DEPLOYMENTS, LISTED, REVISIONS, Deployed, Revision, state_of
from ecr_cleaner.usage.sources.sagemaker import reading
from ecr_cleaner.usage.sources.sagemaker.kinds import KINDS
from ecr_cleaner.usage.task_definitions import FACTS, TaskDefinition
from ecr_cleaner.usage.texts.search import SearchResult
from tests.aws_calls.consumers import APP, defines, definition, tagged, undefined
from tests.aws_calls.remembering import kept, remembering
from tests.aws_calls.services import (
    deployment,
    deploys,
    history,
    resolved,
    revision,
    revisions_of,
    serves,
    service,
    used,
)
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.aws_calls.script import Script

CONFIGURED, ROLLBACK = UsageKind.CONFIGURED, UsageKind.ROLLBACK
API: Final = definition("api:42")
KNOWN: Final = TaskDefinition((tagged("v42"),), SearchResult(()))


def lists_active(script: Script, *arns: str) -> None:
    """The active revisions of all families, the newest first."""
    asked = {"status": "ACTIVE", "sort": "DESC", "maxResults": 100}
    script.answer("ecs", "list_task_definitions", {"taskDefinitionArns": list(arns)}, **asked)


# Task definitions


def test_a_revision_that_is_described_is_remembered_by_its_arn(script: Script) -> None:
    """Whatever it was asked by."""
    store = kept(script)
    told = {"taskDefinitionArn": API, "containerDefinitions": [{"image": tagged("v42")}]}
    script.answer("ecs", "describe_task_definition", {"taskDefinition": told}, taskDefinition="api")
    read = remembering(script, store).task_definitions
    assert read.read("api") == read.read(API) == read.read("api:42") == KNOWN
    assert store.known(FACTS) == {API: KNOWN}


@pytest.mark.parametrize(
    ("name", "is_held", "active", "is_known"),
    [
        (API, True, [], True),
        ("api:42", True, [], True),
        (API, False, [definition("api:43"), API], True),
        ("api:42", False, [API], True),
        ("api", False, [API, definition("api:41")], True),
        (API, False, [definition("api:43")], False),
        (API, False, [], False),
        ("api", False, [definition("api:43"), API], False),
        ("api", True, [], False),
    ],
)
def test_what_is_known_counts_of_what_exists(
    script: Script, name: str, active: list[str], *, is_held: bool, is_known: bool
) -> None:
    """A service or task has it, or it is active; the newest of a family is what the listing says tonight."""
    lists_active(script, *active)
    if not is_known:
        defines(script, name, tagged("new"))
    found = remembering(script, kept(script, task_definitions={API: KNOWN})).task_definitions.read(
        name, is_held=is_held
    )
    assert found == (KNOWN if is_known else TaskDefinition((tagged("new"),), SearchResult(())))


def test_what_is_deleted_is_not_believed_to_exist(script: Script) -> None:
    """Nothing can be started from it, whatever is known of it."""
    lists_active(script)
    undefined(script, API)
    assert remembering(script, kept(script, task_definitions={API: KNOWN})).task_definitions.read(API) is None


@pytest.mark.parametrize("refused", [True, False])
def test_a_listing_that_helps_nothing_is_no_failure(script: Script, *, refused: bool) -> None:
    """Denied, or in an order that does not say which one is the newest: each one is asked for then."""
    if refused:
        script.refuse("ecs", "list_task_definitions", "AccessDeniedException")
    else:
        lists_active(script, API, definition("api:43"))
    defines(script, "api", tagged("v43"))
    read = remembering(script, kept(script, task_definitions={API: KNOWN})).task_definitions.read("api")
    assert read == TaskDefinition((tagged("v43"),), SearchResult(()))


def test_no_more_is_listed_than_asking_would_cost(script: Script) -> None:
    """A quarter of a page for each fact: of families further down each one is asked for."""
    asked = {"status": "ACTIVE", "sort": "DESC", "maxResults": 100}
    page = [definition(f"web:{number}") for number in range(100, 0, -1)]
    answer = {"taskDefinitionArns": page, "nextToken": "more"}
    script.answer("ecs", "list_task_definitions", answer, **asked)
    defines(script, "api", tagged("v43"))
    store = kept(script, task_definitions={definition("web:100"): KNOWN})
    read = remembering(script, store).task_definitions
    assert read.read("web") == KNOWN
    assert read.read("api") == TaskDefinition((tagged("v43"),), SearchResult(()))


def test_listed_families_need_no_call_each(script: Script) -> None:
    """By what the listing says is their newest revision."""
    asked = {"status": "ACTIVE", "maxResults": 100}
    script.answer("ecs", "list_task_definition_families", {"families": ["api"]}, **asked)
    lists_active(script, API)
    store = kept(script, task_definitions={API: KNOWN})
    (found,) = ecs_families.collect(remembering(script, store))
    assert (found.reference.tag, found.consumer) == ("v42", "newest task definition of family api")


# Services

STEADY: Final[dict[str, Any]] = {
    "createdAt": NOW - timedelta(days=9),
    "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "updatedAt": NOW, "rolloutState": "COMPLETED"}],
}


def steady(*current: int, **more: Any) -> dict[str, Any]:
    """A service of which no deployment is under way."""
    return service(*current, controller="ECS", **{**STEADY, **more})


def state(told: dict[str, Any]) -> str:
    """By what its deployments are remembered."""
    found = state_of(told)
    assert found is not None
    return found


def test_a_steady_service_is_remembered(script: Script) -> None:
    """Its revisions with their digests, and what was deployed before."""
    store = kept(script)
    serves(script, steady(3))
    history(script, [deployment(number) for number in (1, 2, 3)])
    resolved(script, 1, 2, 3)
    assert revisions_of(used(script, remembering(script, store))) == {1: ROLLBACK, 2: ROLLBACK, 3: CONFIGURED}
    assert store.known(REVISIONS).keys() == set(map(revision, (1, 2, 3)))
    assert store.known(REVISIONS)[revision(3)].images == ((tagged("3"), APP),)
    (deployed,) = store.known(DEPLOYMENTS).values()
    assert [one.revision for one in deployed] == [revision(2), revision(1)]


def revisions(*numbers: int) -> dict[str, Revision]:
    """What is known of revisions."""
    nothing = (SearchResult(()),)
    return {revision(number): Revision(((tagged(f"{number}"), APP),), nothing) for number in numbers}


def deployed(told: dict[str, Any], *numbers: int, age: timedelta = timedelta(days=3)) -> dict[str, Any]:
    """What is known of the deployments of a service."""
    return {state(told): tuple(Deployed(revision(number), NOW - age) for number in numbers)}


def test_a_service_in_which_nothing_changed_takes_no_call(script: Script) -> None:
    """And keeps what it kept."""
    told = steady(3)
    serves(script, told)
    store = kept(script, service_revisions=revisions(1, 2, 3), service_deployments=deployed(told, 2, 1))
    found = used(script, remembering(script, store))
    assert revisions_of(found) == {1: ROLLBACK, 2: ROLLBACK, 3: CONFIGURED}
    assert {one.reference.digest for one in found} == {None, APP}


@pytest.mark.parametrize(
    "changed",
    [
        {"createdAt": NOW - timedelta(days=8)},
        {"currentServiceDeployment": "arn:aws:ecs:us-east-1:123456789012:service-deployment/prod/api/9"},
        {"deployments": [STEADY["deployments"][0] | {"updatedAt": NOW + timedelta(seconds=1)}]},
        {"deployments": [STEADY["deployments"][0] | {"id": "ecs-svc/2"}]},
        {"deployments": []},
    ],
    ids=["made again", "another deployment", "updated", "another id", "another number"],
)
def test_a_service_that_changed_is_asked_for_its_deployments(script: Script, changed: dict[str, Any]) -> None:
    """Its revisions are what they were."""
    store = kept(script, service_revisions=revisions(2, 3), service_deployments=deployed(steady(3), 1))
    serves(script, steady(3, **changed))
    history(script, [deployment(2), deployment(3)])
    assert revisions_of(used(script, remembering(script, store))) == {2: ROLLBACK, 3: CONFIGURED}


def test_another_current_revision_is_another_state() -> None:
    """Whatever else is the same."""
    assert state(steady(3)) != state(steady(4)) != state(steady(3, 4))


def test_what_ecs_may_not_list_any_more_is_asked_for(script: Script) -> None:
    """It lists deployments of 90 days: without a call nobody knows whether one of them is still there."""
    told = steady(3)
    for age, is_asked in ((LISTED - timedelta(hours=1), False), (LISTED, True)):
        serves(script, told)
        if is_asked:
            history(script, [deployment(3)])
        store = kept(script, service_revisions=revisions(1, 3), service_deployments=deployed(told, 1, age=age))
        expected = {3: CONFIGURED} if is_asked else {1: ROLLBACK, 3: CONFIGURED}
        assert revisions_of(used(script, remembering(script, store))) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"deployments": [STEADY["deployments"][0] | {"rolloutState": "IN_PROGRESS"}]},
        {"deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}]},
        {"createdAt": None},
    ],
    ids=["rolling out", "without a time", "of no age"],
)
def test_a_service_that_may_be_changing_is_not_remembered(script: Script, more: dict[str, Any]) -> None:
    """Neither it nor its revisions."""
    told = {key: value for key, value in steady(3, **more).items() if value is not None}
    assert state_of(told) is None
    store = kept(script)
    serves(script, told)
    history(script, [deployment(3)])
    resolved(script, 3)
    used(script, remembering(script, store))
    assert (store.known(REVISIONS), store.known(DEPLOYMENTS)) == ({}, {})


def test_a_deployment_under_way_is_not_remembered(script: Script) -> None:
    """ECS may still resolve something, or go back."""
    store = kept(script)
    serves(script, steady(3))
    history(script, [deployment(4, "IN_PROGRESS"), deployment(3)])
    deploys(script, [4], {"targetServiceRevision": {"arn": revision(4)}})
    resolved(script, 3, 4)
    used(script, remembering(script, store))
    assert (store.known(REVISIONS), store.known(DEPLOYMENTS)) == ({}, {})


@pytest.mark.parametrize(
    "images",
    [
        [],
        [{"image": tagged("v1")}],
        [{"image": tagged("v1"), "imageDigest": APP}, {"image": tagged("v2")}],
        [{"image": tagged("v1"), "imageDigest": APP}],
    ],
    ids=["none", "not resolved", "one not resolved", "fewer than there are containers"],
)
def test_a_revision_without_all_digests_is_not_remembered(script: Script, images: list[dict[str, str]]) -> None:
    """It may get them."""
    store = kept(script)
    serves(script, steady(3))
    history(script, [deployment(3)])
    resolved(script, 3, containerImages=images, taskDefinition=API)
    defines(script, API, tagged("v1"), tagged("v2"))
    used(script, remembering(script, store))
    assert store.known(REVISIONS) == {}
    assert len(store.known(DEPLOYMENTS)) == 1


# Lambda

HEX: Final = APP.removeprefix("sha256:")
ARN: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:api:7"


def version(**more: Any) -> dict[str, Any]:
    """A version of a function as it is listed."""
    told = {"FunctionName": "api", "FunctionArn": ARN, "Version": "7", "PackageType": "Image", "CodeSha256": HEX}
    return told | {"LastModified": "2026-01-01T00:00:00.000+0000", "RevisionId": "r1"} | more


def functions(script: Script, *versions: dict[str, Any]) -> None:
    """They are listed."""
    script.pages("lambda", "list_functions", "Functions", versions, FunctionVersion="ALL", MaxItems=50)


def got(script: Script, **more: Any) -> None:
    """The version is asked for."""
    told = {"Code": {"ImageUri": tagged("v1")}, "Configuration": {"RevisionId": "r1"}} | more
    script.answer("lambda", "get_function", told, FunctionName="api", Qualifier="7")


def test_a_version_is_asked_for_once(script: Script) -> None:
    """The next night it uses the same, and says by what it can be asked whether it found its image."""
    functions(script, version())
    got(script)
    store = kept(script)
    first = list(awslambda.collect(remembering(script, store)))
    functions(script, version())
    second = list(awslambda.collect(remembering(script, store)))
    assert second == first
    assert [one.unasked for one in first] == ["", ""]
    assert [one.unasked for one in second if one.reference.repository] == ["api:7"]


@pytest.mark.parametrize(
    "changed",
    [
        {"RevisionId": "r2"},
        {"CodeSha256": "0" * 64},
        {"LastModified": "2026-01-02T00:00:00.000+0000"},
        {"FunctionArn": ARN.replace(REGION, "eu-west-1")},
        {"RevisionId": None},
        {"CodeSha256": None},
    ],
    ids=["revision", "digest", "time", "arn", "of no revision", "of no digest"],
)
def test_a_version_that_may_be_another_one_is_asked_for(script: Script, changed: dict[str, Any]) -> None:
    """Numbers start anew when a function is made again."""
    functions(script, version())
    got(script)
    store = kept(script)
    list(awslambda.collect(remembering(script, store)))
    functions(script, {key: value for key, value in version(**changed).items() if value is not None})
    got(script, Code={"ImageUri": tagged("v2"), "ResolvedImageUri": f"{tagged('v2').partition(':')[0]}@{APP}"})
    found = list(awslambda.collect(remembering(script, store)))
    assert "v2" in {one.reference.tag for one in found}


@pytest.mark.parametrize(
    "told",
    [
        {"Configuration": {"RevisionId": "r1", "StateReasonCode": "ImageDeleted"}},
        {"Configuration": {"RevisionId": "r1", "Environment": {"Error": {"ErrorCode": "KMSAccessDenied"}}}},
        {"Configuration": {"RevisionId": "r2"}},
        {"Tags": {"before": tagged("v0")}},
        {"TagsError": {"ErrorCode": "AccessDenied", "Message": "no" * 50}},
    ],
    ids=["image gone", "key refused", "changed meanwhile", "image in a tag", "tags not read"],
)
def test_a_version_that_may_say_something_else_is_not_remembered(script: Script, told: Mapping[str, Any]) -> None:
    """It is asked for the next night."""
    functions(script, version())
    got(script, **told)
    store = kept(script)
    list(awslambda.collect(remembering(script, store)))
    assert store.known(awslambda.VERSIONS) == {}


# SageMaker and Step Functions


def test_a_model_is_asked_for_once(script: Script) -> None:
    """Until it is made again under the same name."""
    model = next(kind for kind in KINDS if kind.noun == "model")
    store = kept(script)
    found = []
    for made, image in ((NOW, "v1"), (NOW, ""), (NOW + timedelta(days=1), "v2")):
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/fraud"
        listed = [{"ModelName": "fraud", "ModelArn": arn, "CreationTime": made}]
        script.answer("sagemaker", "list_models", {"Models": listed}, MaxResults=100)
        if image:
            told = {"ModelName": "fraud", "ModelArn": arn, "CreationTime": made}
            told["PrimaryContainer"] = {"Image": tagged(image)}
            script.answer("sagemaker", "describe_model", told, ModelName="fraud")
        found += [one.reference.tag for one in reading.usages(remembering(script, store), model)]
    assert found == ["v1", "v1", "v2"]


def test_a_version_of_a_state_machine_is_asked_for_once(script: Script) -> None:
    """The state machine itself every night."""
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:train"
    role = f"arn:aws:iam::{ACCOUNT}:role/starts-tasks"
    store = kept(script)
    for night in range(2):
        listed = {"stateMachineArn": machine, "name": "train", "type": "STANDARD", "creationDate": NOW}
        script.answer("stepfunctions", "list_state_machines", {"stateMachines": [listed]}, maxResults=1000)
        told = listed | {"roleArn": role, "definition": f'{{"Image": "{tagged("now")}"}}'}
        script.answer("stepfunctions", "describe_state_machine", told, stateMachineArn=machine)
        versions = {"stateMachineVersions": [{"stateMachineVersionArn": f"{machine}:1", "creationDate": NOW}]}
        asked = {"stateMachineArn": machine, "maxResults": 1000}
        script.answer("stepfunctions", "list_state_machine_versions", versions, **asked)
        if night == 0:
            before = told | {"definition": f'{{"Image": "{tagged("before")}", "TaskDefinition": "{{% $hush() %}}"}}'}
            before["stateMachineArn"] = f"{machine}:1"
            script.answer("stepfunctions", "describe_state_machine", before, stateMachineArn=f"{machine}:1")
        read = remembering(script, store)
        found = list(stepfunctions.collect(read))
        assert [(one.reference.tag, one.consumer) for one in found] == [
            ("now", "state machine train"),
            ("before", "state machine train:1"),
        ]
        (note,) = read.notes
        assert note.startswith(
            "state machine train:1 chooses a task definition only when it starts one (an expression)"
        )
