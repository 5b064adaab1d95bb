"""Images that stand in texts of consumers, in whole runs: what is needed stays, what is built or odd keeps nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.fake_aws.codebuild import CodeBuild
from tests.fake_aws.ecs_state import Ecs
from tests.fake_aws.pipes import Pipes

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

REGION: Final = "us-east-1"
HOST: Final = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
IMAGE: Final = f"{HOST}/train:v1"
PIPELINE: Final = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/train"
MACHINE: Final = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
ROLE: Final = "arn:aws:iam::123456789012:role/starts"
PARAMETERS: Final = {"PipelineParameterList": [{"Name": "ImageUri", "Value": IMAGE}]}
# From the CodeBuild user guide, "Docker image sample".
SAMPLE: Final = """version: 0.2
phases:
  pre_build:
    commands:
      - aws ecr get-login-password --region $AWS_DEFAULT_REGION | docker login --username AWS --password-stdin \
$AWS_ACCOUNT_ID.dkr.ecr.$AWS_DEFAULT_REGION.amazonaws.com
  build:
    commands:
      - docker build -t $IMAGE_REPO_NAME:$IMAGE_TAG .
      - docker tag $IMAGE_REPO_NAME:$IMAGE_TAG \
$AWS_ACCOUNT_ID.dkr.ecr.$AWS_DEFAULT_REGION.amazonaws.com/$IMAGE_REPO_NAME:$IMAGE_TAG
  post_build:
    commands:
      - docker push $AWS_ACCOUNT_ID.dkr.ecr.$AWS_DEFAULT_REGION.amazonaws.com/$IMAGE_REPO_NAME:$IMAGE_TAG
"""
LOGIN: Final = "aws ecr get-login-password | docker login --username AWS --password-stdin " + HOST
LOGIN_ALONE: Final = f"version: 0.2\nphases:\n  pre_build:\n    commands:\n      - {LOGIN}\n"


@pytest.fixture
def train(run: Runner, sandbox: Sandbox) -> Sandbox:
    """One old image that only a text names, and one that nothing names."""
    run.opted_in("train")
    sandbox.push("train", id="needed", tags=["v1"], pushed="90d")
    sandbox.push("train", id="unneeded", tags=["v0"], pushed="90d")
    return sandbox


def test_a_rule_that_starts_a_pipeline_of_sagemaker(run: Runner, train: Sandbox) -> None:
    """Every night, with the image as a parameter."""
    events = train.client("events")
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    target = {"Id": "1", "Arn": PIPELINE, "RoleArn": ROLE, "SageMakerPipelineParameters": PARAMETERS}
    events.put_targets(Rule="nightly", Targets=[target])
    assert run().gone == {"train": run.ids("unneeded")}


def test_a_schedule_that_starts_a_pipeline_of_sagemaker(run: Runner, train: Sandbox) -> None:
    """How SageMaker's own guide says that pipelines are scheduled."""
    target = {"Arn": PIPELINE, "RoleArn": ROLE, "SageMakerPipelineParameters": PARAMETERS}
    train.client("scheduler").create_schedule(
        Name="nightly", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    assert run().gone == {"train": run.ids("unneeded")}


@pytest.mark.parametrize(
    ("member", "parameters"),
    [
        ("TargetParameters", {"InputTemplate": json.dumps({"image": IMAGE})}),
        ("TargetParameters", {"SageMakerPipelineParameters": PARAMETERS}),
        ("EnrichmentParameters", {"InputTemplate": json.dumps({"image": IMAGE})}),
    ],
)
def test_a_pipe(run: Runner, train: Sandbox, member: str, parameters: dict[str, Any]) -> None:
    """As the same input of a rule or a schedule."""
    train.seed({"pipes": {"pipes": {"train": {"arn": MACHINE}}}})
    train.state.store(REGION, Pipes).pipes["train"][member] = parameters
    assert run().gone == {"train": run.ids("unneeded")}


def test_a_launcher_that_has_the_image_in_a_variable(run: Runner, train: Sandbox) -> None:
    """Its task definition is read anyway; a repository alone in a variable protects nothing."""
    run.opted_in("bare")
    train.push("bare", id="bare", tags=["v1"], pushed="90d")
    train.seed({"ecs": {"task_definitions": {"launcher:1": {"image": "nginx"}}}})
    variables = {"RUN_IMAGE": IMAGE, "REPOSITORY_URI": f"{HOST}/bare"}
    (container,) = train.state.store(REGION, Ecs).task_definitions["launcher:1"]["containerDefinitions"]
    container["environment"] = [{"name": name, "value": value} for name, value in variables.items()]
    assert run().gone == {"train": run.ids("unneeded"), "bare": run.ids("bare")}


def builders(run: Runner) -> None:
    """Two repositories of old images that nothing uses."""
    for name in ("web", "shop/api"):
        run.opted_in(name)
        run.sandbox.push(name, id=name, tags=["v1"], pushed="400d")


@pytest.mark.parametrize("buildspec", [SAMPLE, LOGIN_ALONE], ids=["sample", "login"])
def test_a_buildspec_that_signs_in_builds_and_pushes_needs_nothing(
    run: Runner, sandbox: Sandbox, buildspec: str
) -> None:
    """What AWS's own sample says must not keep the registry."""
    builders(run)
    sandbox.seed({"codebuild": {"projects": {"builder": {"image": "aws/codebuild/standard:7.0"}}}})
    for project in sandbox.state.store(REGION, CodeBuild).projects.values():
        project.setdefault("source", {})["buildspec"] = buildspec
    assert run().gone == {"web": run.ids("web"), "shop/api": run.ids("shop/api")}


@pytest.mark.parametrize(
    "action",
    [
        {"configuration": {"EnvironmentVariables": json.dumps([{"name": "REPOSITORY_URI", "value": f"{HOST}/web"}])}},
        {"commands": [LOGIN]},
    ],
    ids=["variable", "login"],
)
def test_a_pipeline_that_only_builds_keeps_nothing(run: Runner, sandbox: Sandbox, action: dict[str, Any]) -> None:
    """A repository's URI as a variable is what the build pushes to, and to sign in uses nothing."""
    builders(run)
    run.opted_in("web-admin")
    sandbox.push("web-admin", id="admin", tags=["v1"], pushed="400d")
    kind = {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"}
    stages = [{"name": "Build", "actions": [{"name": "build", "actionTypeId": kind, **action}]}]
    pipeline = {"when": {"name": "deploy"}, "answer": {"pipeline": {"name": "deploy", "stages": stages}}}
    listed = [{"items": [{"name": "deploy"}]}]
    sandbox.seed({"tables": {"codepipeline": {"ListPipelines": listed, "GetPipeline": [pipeline]}}})
    assert set(run().gone) == {"web", "web-admin", "shop/api"}


ODD: Final = {
    f"{HOST}/app:": "its tag is empty",
    f"{HOST}/App:v1": "a repository's name is in lower case",
    "<aws_account_id>.dkr.ecr.us-east-1.amazonaws.com/my-repo:tag": "a placeholder in it is not filled in",
    "None:None": "a repository's name is in lower case",
    "999999999999.dkr.ecr.us-east-1.amazonaws.com/Foreign/App:v1": "a repository's name is in lower case",
}


def test_odd_names_stop_nothing_and_each_is_told_with_its_consumer(run: Runner, train: Sandbox) -> None:
    """All in the same night; a readable name behind a proxy protects as it says."""
    images = [*ODD, f"proxy.corp.example/{IMAGE}", "ghcr.io/acme/dkr-ecr-login:1"]
    families = {f"forgotten-{number}:1": {"image": text} for number, text in enumerate(images)}
    train.seed({"ecs": {"task_definitions": families}})
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {"train": run.ids("unneeded")})
    for number, (text, rule) in enumerate(ODD.items()):
        (note,) = [note for note in outcome.told["notes"] if f"forgotten-{number}" in note]
        assert (text in note, rule in note) == (True, True)
