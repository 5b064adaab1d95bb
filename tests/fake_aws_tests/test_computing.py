"""The sandbox's Batch, CodeBuild and SageMaker page, batch and fail as AWS does, in the form of its models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from ecr_cleaner.clock import utc_now
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import batch, codebuild, sagemaker
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.integration import computing

if TYPE_CHECKING:
    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.usage.source import Source
    from tests.fake_aws import Sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """An empty account."""
    running.reset()
    return running


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """The error code of a failed call."""
    return str(error.value.response["Error"]["Code"])


def refused(expected: str, call: Any, **asked: Any) -> None:
    """The call is answered with this code."""
    with pytest.raises(ClientError) as error:
        call(**asked)
    assert code(error) == expected


@dataclass
class Clients:
    """Hands out the sandbox's clients as the package's."""

    sandbox: Sandbox

    def client(self, service: str) -> Any:
        """Of a service."""
        return self.sandbox.client(service)


@pytest.mark.parametrize("source", [*batch.SOURCES, *codebuild.SOURCES, *sagemaker.SOURCES], ids=lambda one: one.name)
def test_what_is_told_is_shown_in_the_form_of_the_models(sandbox: Sandbox, source: Source) -> None:
    """Whatever a source reads of the account of every consumer: botocore assumes its types, it does not check them."""
    sandbox.repository("app")
    for name in computing.BY_DIGEST:
        sandbox.push("app", id=name)
    sandbox.seed(computing.sections())
    wrong: list[str] = []

    def check(parsed: dict[str, Any], model: Any, **_: object) -> None:
        told = {key: value for key, value in parsed.items() if key != "ResponseMetadata"}
        report = ParamValidator().validate(told, model.output_shape).generate_report()
        wrong.extend(f"{model.name}: {line}" for line in report.splitlines() if "Invalid type" in line)

    events, event = sandbox.client(str(source.service)).meta.events, f"after-call.{source.service}"
    events.register(event, check)
    try:
        clients = cast("AwsClients", Clients(sandbox))
        found = list(source.collect(SourceContext(clients, Settings(), TaskDefinitions(clients), now=utc_now())))
    finally:
        events.unregister(event, check)
    assert found
    assert wrong == []


def test_batch_lists_one_queue_in_one_status(sandbox: Sandbox) -> None:
    """RUNNING unless asked, and never the jobs of another kind of queue."""
    jobs = {f"j{number}": {"image": "nginx"} for number in range(3)} | {"w": {"image": "nginx", "status": "PENDING"}}
    queues = {"q": {"jobs": jobs}, "t": {"type": "SAGEMAKER_TRAINING", "jobs": {"s": {"request": "{}"}}}}
    sandbox.seed({"batch": {"queues": queues}})
    client = sandbox.client("batch")
    first = client.list_jobs(jobQueue="q", maxResults=2)
    second = client.list_jobs(jobQueue="q", maxResults=2, nextToken=first["nextToken"])
    assert [len(first["jobSummaryList"]), len(second["jobSummaryList"])] == [2, 1]
    assert [job["jobName"] for job in client.list_jobs(jobQueue="q", jobStatus="PENDING")["jobSummaryList"]] == ["w"]
    (service,) = client.list_service_jobs(jobQueue="t")["jobSummaryList"]
    assert client.describe_service_job(jobId=service["jobId"])["serviceRequestPayload"] == "{}"
    assert client.describe_jobs(jobs=[service["jobId"], "none"])["jobs"] == []
    for call, asked in (
        (client.list_jobs, {"jobQueue": "t"}),
        (client.list_service_jobs, {"jobQueue": "q"}),
        (client.list_jobs, {"jobQueue": "none"}),
        (client.list_jobs, {}),
        (client.list_jobs, {"jobQueue": "q", "arrayJobId": "j"}),
        (client.describe_service_job, {"jobId": "none"}),
        (client.describe_jobs, {"jobs": ["j"] * 101}),
        (client.describe_jobs, {"jobs": []}),
        (client.describe_job_definitions, {"maxResults": 101}),
        (client.list_service_jobs, {"jobQueue": "t", "maxResults": 101}),
    ):
        refused("ClientException", call, **asked)


def test_batch_shows_deregistered_definitions_when_asked(sandbox: Sandbox) -> None:
    """In every status unless one is asked for; by name, too."""
    sandbox.seed(
        {"batch": {"definitions": {"a:1": {"image": "nginx", "status": "INACTIVE"}, "a:2": {"image": "nginx"}}}}
    )
    client = sandbox.client("batch")
    assert len(client.describe_job_definitions()["jobDefinitions"]) == 2
    (active,) = client.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    assert (active["revision"], active["containerProperties"]) == (2, {"image": "nginx"})
    (named,) = client.describe_job_definitions(jobDefinitions=["a:1"])["jobDefinitions"]
    assert named["status"] == "INACTIVE"


def test_codebuild_lists_builds_newest_first(sandbox: Sandbox) -> None:
    """A hundred a page; in no order of one's own if there are more."""
    builds = [{"started": f"{number}h", "complete": True} for number in range(101)]
    sandbox.seed({"codebuild": {"projects": {"shop": {"image": "nginx", "builds": builds}}}})
    client = sandbox.client("codebuild")
    first = client.list_builds_for_project(projectName="shop")
    second = client.list_builds_for_project(projectName="shop", nextToken=first["nextToken"])
    ids = [*first["ids"], *second["ids"]]
    described = client.batch_get_builds(ids=ids[:100])["builds"] + client.batch_get_builds(ids=ids[100:])["builds"]
    starts = [build["startTime"] for build in described]
    assert starts == sorted(starts, reverse=True)
    refused("InvalidInputException", client.list_builds_for_project, projectName="shop", sortOrder="DESCENDING")
    refused("ResourceNotFoundException", client.list_builds_for_project, projectName="none")
    answer = client.batch_get_projects(names=["shop", "none"])
    assert ([one["name"] for one in answer["projects"]], answer["projectsNotFound"]) == (["shop"], ["none"])


def test_sagemaker_lists_packages_of_groups_only_when_asked(sandbox: Sandbox) -> None:
    """And describes them by their ARN; ten a page unless asked."""
    packages: dict[str, Any] = {key: {} for key in ["single", *(f"group/{number}" for number in range(1, 12))]}
    sandbox.seed({"sagemaker": {"model_packages": packages}})
    client = sandbox.client("sagemaker")
    (single,) = client.list_model_packages()["ModelPackageSummaryList"]
    assert single["ModelPackageName"] == "single"
    page = client.list_model_packages(ModelPackageType="Versioned")
    assert (len(page["ModelPackageSummaryList"]), "NextToken" in page) == (10, True)
    arn = page["ModelPackageSummaryList"][0]["ModelPackageArn"]
    assert client.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn
    refused("ValidationException", client.describe_model_package, ModelPackageName="group/1")
    refused("ValidationException", client.list_models, MaxResults=101)


def test_sagemaker_calls_missing_things_by_two_codes(sandbox: Sandbox) -> None:
    """ValidationException of most, whatever the model says."""
    client = sandbox.client("sagemaker")
    refused("ValidationException", client.describe_model, ModelName="none")
    refused("ValidationException", client.describe_training_job, TrainingJobName="none")
    refused("ResourceNotFound", client.describe_processing_job, ProcessingJobName="none")
    refused("ResourceNotFound", client.list_image_versions, ImageName="none")
    refused("ResourceNotFound", client.describe_pipeline, PipelineName="none")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("batch", {"definitions": {"a:1": {"picture": "nginx"}}}),
        ("codebuild", {"projects": {"shop": {"picture": "nginx"}}}),
        ("sagemaker", {"model": {}}),
        ("sagemaker", {"models": {"fraud": {"Picture": "nginx"}}}),
    ],
)
def test_what_means_nothing_is_refused(sandbox: Sandbox, section: str, told: dict[str, Any]) -> None:
    """A scenario with a slip of the pen protects nothing in silence."""
    with pytest.raises(ValueError, match=r"has no|shows no"):
        sandbox.seed({section: told})
