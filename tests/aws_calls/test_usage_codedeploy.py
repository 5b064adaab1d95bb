"""How CodeDeploy is read: every revision that a rollback may return to, and every one that is being deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import IncompleteAnswerError, MissingError, SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.sources import codedeploy
from tests.aws_calls.consumers import account, defines, definition, tagged, written

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

UNENDED: Final = {"includeOnlyStatuses": ["Created", "Queued", "InProgress", "Baking", "Ready"]}
BUNDLE: Final = {"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k", "bundleType": "zip"}}


def revision(text: str, kind: str = "AppSpecContent") -> dict[str, Any]:
    """A revision as text."""
    return {"revisionType": kind, {"AppSpecContent": "appSpecContent", "String": "string"}[kind]: {"content": text}}


def app_spec(name: str) -> dict[str, Any]:
    """A revision of an ECS service."""
    properties = {"TaskDefinition": definition(name), "LoadBalancerInfo": {"ContainerName": "web"}}
    service = {"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}
    return revision(json.dumps({"version": 0.0, "Resources": [service]}))


def group(name: str = "blue", **more: Any) -> dict[str, Any]:
    """A deployment group as it is described."""
    return {"deploymentGroupName": name, "computePlatform": "ECS", **more}


def has(script: Script, *groups: dict[str, Any]) -> None:
    """There is one application."""
    script.answer("codedeploy", "list_applications", {"applications": ["shop"]})
    lists(script, *(one["deploymentGroupName"] for one in groups))
    if groups:
        names = [one["deploymentGroupName"] for one in groups]
        asked = {"applicationName": "shop", "deploymentGroupNames": names}
        script.answer("codedeploy", "batch_get_deployment_groups", {"deploymentGroupsInfo": list(groups)}, **asked)


def deploys(script: Script, *numbers: str) -> None:
    """There are deployments under way."""
    script.answer("codedeploy", "list_deployments", {"deployments": list(numbers)}, **UNENDED)


def lists(script: Script, *names: str) -> None:
    """The groups of the application."""
    script.answer("codedeploy", "list_deployment_groups", {"deploymentGroups": list(names)}, applicationName="shop")


def describes(script: Script, **deployments: dict[str, Any]) -> None:
    """Deployments are asked for."""
    told = [
        {"deploymentId": number, "applicationName": "shop", "computePlatform": "ECS", **one}
        for number, one in deployments.items()
    ]
    asked = {"deploymentIds": list(deployments)}
    script.answer("codedeploy", "batch_get_deployments", {"deploymentsInfo": told}, **asked)


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What CodeDeploy may deploy again."""
    return list(codedeploy.collect(read or account(script)))


def usage(consumer: str, tag: str = "v1") -> Usage:
    """A usage by a revision."""
    return Usage(written(tagged(tag), tag), "codedeploy", f"codedeploy {consumer}", UsageKind.ROLLBACK)


def test_a_rollback_finds_its_images(script: Script) -> None:
    """That of the last successful deployment, of the one before it, and of the one that failed; each once."""
    last: dict[str, Any] = {
        "lastSuccessfulDeployment": {"deploymentId": "d1"},
        "lastAttemptedDeployment": {"deploymentId": "d2"},
    }
    has(script, group(targetRevision=app_spec("api:3"), **last))
    defines(script, definition("api:3"), tagged("v3"))
    describes(
        script,
        d1={"revision": app_spec("api:3"), "previousRevision": app_spec("api:2")},
        d2={"revision": app_spec("api:4"), "previousRevision": app_spec("api:3")},
    )
    defines(script, definition("api:2"), tagged("v2"))
    defines(script, definition("api:4"), tagged("v4"))
    deploys(script, "d2")
    assert used(script) == [
        usage("group shop/blue, target revision, task definition api:3", "v3"),
        usage("group shop/blue, deployment d1, task definition api:2", "v2"),
        usage("group shop/blue, deployment d2, task definition api:4", "v4"),
    ]


def test_deployments_under_way_count(script: Script) -> None:
    """One may wait for days; its group may name another one as its last."""
    has(script)
    deploys(script, "d7")
    describes(script, d7={"revision": app_spec("api:5")})
    defines(script, definition("api:5"), tagged("v1"))
    assert used(script) == [usage("deployment d7, task definition api:5")]


@pytest.mark.parametrize(
    "text",
    [
        f'Resources:\n  - TargetService:\n      Properties:\n        TaskDefinition: "{definition("api:3")}"\n',
        f"Resources:\n  - TargetService:\n      Properties:\n        TaskDefinition: {definition('api:3')}  # blue\n",
    ],
)
@pytest.mark.parametrize("kind", ["AppSpecContent", "String"])
def test_a_revision_may_be_written_as_yaml(script: Script, text: str, kind: str) -> None:
    """Quoted or not."""
    has(script, group(targetRevision=revision(text, kind)))
    defines(script, definition("api:3"), tagged("v1"))
    deploys(script)
    assert used(script) == [usage("group shop/blue, target revision, task definition api:3")]


def test_an_image_in_a_revision_is_used(script: Script) -> None:
    """The text is searched for whatever it names."""
    has(script, group(targetRevision=revision(f'{{"Hooks": [{{"Env": "{tagged("v1")}"}}]}}')))
    deploys(script)
    assert used(script) == [usage("group shop/blue, target revision")]


def test_versions_of_a_function_need_nothing_here(script: Script) -> None:
    """The source of Lambda protects every published version."""
    properties = {"Name": "api", "Alias": "live", "CurrentVersion": "1", "TargetVersion": "2"}
    spec = {"Resources": [{"api": {"Type": "AWS::Lambda::Function", "Properties": properties}}]}
    has(script, group(computePlatform="Lambda", targetRevision=revision(json.dumps(spec))))
    deploys(script)
    read = account(script)
    assert (used(script, read), read.notes) == ([], [])


BRIEF: Final[dict[str, Any]] = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "1"}}
ASKED: Final = {"applicationName": "shop", "revision": BRIEF}


def test_a_revision_told_by_its_checksum_is_asked_for(script: Script) -> None:
    """Its text is told then."""
    has(script, group(targetRevision=BRIEF))
    script.answer("codedeploy", "get_application_revision", {"revision": app_spec("api:3")}, **ASKED)
    defines(script, definition("api:3"), tagged("v1"))
    deploys(script)
    assert used(script) == [usage("group shop/blue, target revision, task definition api:3")]


def test_a_revision_that_is_not_told_is_an_error(script: Script) -> None:
    """It says whose it is."""
    has(script, group(targetRevision=BRIEF))
    script.answer("codedeploy", "get_application_revision", {"revision": BRIEF}, **ASKED)
    with pytest.raises(SourceError, match="does not tell the revision of codedeploy group shop/blue, target revision"):
        used(script)


@pytest.mark.parametrize("left", [[], ["blue"]])
def test_a_revision_that_is_not_found_may_be_gone_with_its_group(script: Script, left: list[str]) -> None:
    """If that is listed again, what it may roll back to is not known."""
    has(script, group(targetRevision=BRIEF))
    script.refuse("codedeploy", "get_application_revision", "RevisionDoesNotExistException", **ASKED)
    again(script, *left)
    if not left:
        deploys(script)
        assert used(script) == []
        return
    with pytest.raises(AwsError, match="RevisionDoesNotExistException"):
        used(script)


def test_a_revision_that_may_not_be_read_is_an_error(script: Script) -> None:
    """Denied is not "there is none"."""
    has(script, group(targetRevision=BRIEF))
    script.refuse("codedeploy", "get_application_revision", "AccessDeniedException", **ASKED)
    with pytest.raises(AwsError, match="AccessDeniedException"):
        used(script)


def again(script: Script, *names: str) -> None:
    """The groups are listed once more."""
    script.answer("codedeploy", "list_applications", {"applications": ["shop"]})
    lists(script, *names)


@pytest.mark.parametrize(("platform", "notes"), [("ECS", 1), ("Server", 0), ("Lambda", 0)])
def test_a_revision_in_a_bucket_is_not_read(script: Script, platform: str, notes: int) -> None:
    """It is noted where it may name a task definition."""
    has(script, group(computePlatform=platform, targetRevision=BUNDLE))
    deploys(script)
    read = account(script)
    assert used(script, read) == []
    assert len(read.notes) == notes
    assert all("group shop/blue, target revision lies in S3 and is not read" in note for note in read.notes)


def test_everything_is_read_page_by_page(script: Script) -> None:
    """Groups by a hundred, deployments by twenty-five; a group without a deployment has none."""
    script.answer("codedeploy", "list_applications", {"applications": ["empty"], "nextToken": "more"})
    script.answer("codedeploy", "list_deployment_groups", {"deploymentGroups": []}, applicationName="empty")
    script.answer("codedeploy", "list_applications", {"applications": ["shop"]}, nextToken="more")
    names = [f"g{number}" for number in range(101)]
    script.pages(
        "codedeploy", "list_deployment_groups", "deploymentGroups", names[:60], names[60:], applicationName="shop"
    )
    last = {name: {"lastSuccessfulDeployment": {"deploymentId": f"d{name}"}} for name in names[:26]}
    for asked in (names[:100], names[100:]):
        told = {"deploymentGroupsInfo": [group(name, **last.get(name, {})) for name in asked]}
        script.answer(
            "codedeploy",
            "batch_get_deployment_groups",
            told,
            applicationName="shop",
            deploymentGroupNames=asked,
        )
    describes(script, **{f"d{name}": {"revision": app_spec("api:3")} for name in names[:25]})
    defines(script, definition("api:3"), tagged("v1"))
    describes(script, dg25={"revision": app_spec("api:3")})
    script.answer("codedeploy", "list_deployments", {"deployments": ["d1"], "nextToken": "more"}, **UNENDED)
    script.answer("codedeploy", "list_deployments", {"deployments": ["d2"]}, **UNENDED, nextToken="more")
    describes(script, d1={}, d2={})
    assert len(used(script)) == 1


@pytest.mark.parametrize("call", ["list_deployment_groups", "batch_get_deployment_groups"])
@pytest.mark.parametrize("left", [[], ["gone"]])
def test_an_application_that_is_not_found_is_listed_again(script: Script, call: str, left: list[str]) -> None:
    """If it is, what it may roll back to is not known."""
    code = "ApplicationDoesNotExistException"
    script.answer("codedeploy", "list_applications", {"applications": ["gone"]})
    if call == "batch_get_deployment_groups":
        script.answer("codedeploy", "list_deployment_groups", {"deploymentGroups": ["g"]}, applicationName="gone")
        script.refuse("codedeploy", call, code, applicationName="gone", deploymentGroupNames=["g"])
        script.answer("codedeploy", "list_applications", {"applications": left})
        if left:
            script.answer("codedeploy", "list_deployment_groups", {"deploymentGroups": ["g"]}, applicationName="gone")
    else:
        script.refuse("codedeploy", call, code, applicationName="gone")
        script.answer("codedeploy", "list_applications", {"applications": left})
    if not left:
        deploys(script)
        assert used(script) == []
        return
    with pytest.raises(AwsError, match=code):
        used(script)


@pytest.mark.parametrize("left", [["blue"], ["blue", "green"]])
def test_a_group_that_is_left_out_is_listed_again(script: Script, left: list[str]) -> None:
    """If it is, what it may roll back to is not known."""
    script.answer("codedeploy", "list_applications", {"applications": ["shop"]})
    lists(script, "blue", "green")
    asked: dict[str, Any] = {"applicationName": "shop", "deploymentGroupNames": ["blue", "green"]}
    told = {"deploymentGroupsInfo": [group()], "errorMessage": "too many"}
    script.answer("codedeploy", "batch_get_deployment_groups", told, **asked)
    again(script, *left)
    if "green" not in left:
        deploys(script)
        assert used(script) == []
        return
    with pytest.raises(MissingError, match="does not find shop/green, which is listed"):
        used(script)


@pytest.mark.parametrize("left", [[], ["blue"]])
def test_a_last_deployment_that_is_left_out_may_be_gone_with_its_group(script: Script, left: list[str]) -> None:
    """If that is listed again, what it may roll back to is not known."""
    has(script, group(lastSuccessfulDeployment={"deploymentId": "d1"}))
    script.answer("codedeploy", "batch_get_deployments", {"deploymentsInfo": []}, deploymentIds=["d1"])
    again(script, *left)
    if not left:
        deploys(script)
        assert used(script) == []
        return
    with pytest.raises(MissingError, match="BatchGetDeployments does not find"):
        used(script)


@pytest.mark.parametrize("left", [["d7"], ["d7", "d8"]])
def test_a_deployment_under_way_that_is_left_out_is_listed_again(script: Script, left: list[str]) -> None:
    """With or without a reason."""
    has(script)
    deploys(script, "d7", "d8")
    told = {"deploymentsInfo": [{"deploymentId": "d7", "applicationName": "shop"}]}
    script.answer("codedeploy", "batch_get_deployments", told, deploymentIds=["d7", "d8"])
    deploys(script, *left)
    if "d8" not in left:
        assert used(script) == []
        return
    with pytest.raises(MissingError, match="BatchGetDeployments does not find d8, which is listed"):
        used(script)


def test_a_last_deployment_without_a_name_is_no_answer(script: Script) -> None:
    """It was cut short."""
    has(script, group(lastAttemptedDeployment={"status": "Failed"}))
    with pytest.raises(IncompleteAnswerError, match="deploymentId"):
        used(script)
