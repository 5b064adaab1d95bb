"""What a scan makes of a listing that its region does not offer: everything else counts, and it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.aws.client import connect
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import catalog
from tests.aws_calls.consumers import tagged, written
from tests.aws_calls.script import Script
from tests.aws_calls.sources import FIRST_CALLS, scanned
from tests.builders import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model.scan import SourceOutcome, UsageScan

UNKNOWN: Final = ("UnknownOperationException", "The requested operation is not supported in the called region.")
UNDETERMINED: Final = "Unable to determine service/operation name to be authorized"
NOT_OFFERED, FAILED, COMPLETE = SourceStatus.NOT_OFFERED, SourceStatus.FAILED, SourceStatus.COMPLETE


def asked(script: Script, *names: str) -> UsageScan:
    """Ask some sources."""
    script.aws.account_id = ACCOUNT
    return scanned(script.aws, Settings(), tuple(source for source in catalog.SOURCES if source.name in names))


def outcomes(scan: UsageScan) -> dict[str, SourceOutcome]:
    """How each source ended."""
    return {outcome.source: outcome for outcome in scan.outcomes}


@pytest.fixture
def govcloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Answers for the calls of one test, in GovCloud at AWS's own endpoints."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with Script(connect("us-gov-west-1", None)) as made:
        yield made


def sandboxes(script: Script, code: str, message: str, *projects: str) -> None:
    """CodeBuild has projects and no batch builds; its sandboxes cannot be listed."""
    script.pages("codebuild", "list_projects", "projects", list(projects))
    if projects:
        environment = {"type": "LINUX_CONTAINER", "image": tagged("v1"), "computeType": "BUILD_GENERAL1_SMALL"}
        told = [{"name": name, "environment": environment, "source": {"type": "NO_SOURCE"}} for name in projects]
        script.answer("codebuild", "batch_get_projects", {"projects": told}, names=list(projects))
    for name in projects:
        none: dict[str, list[str]] = {"ids": []}  # which the service model does not foresee
        script.cut_short("codebuild", "list_builds_for_project", none, {"ids": [f"{name}:1"]}, projectName=name)
    script.pages("codebuild", "list_build_batches", "ids", [], filter={"status": "IN_PROGRESS"}, maxResults=100)
    script.refuse("codebuild", "list_sandboxes", code, message, maxResults=100)


@pytest.mark.parametrize("code", ["InvalidInputException", "ValidationException"])
def test_what_the_region_offers_is_used(script: Script, code: str) -> None:
    """A newer listing of the same source takes nothing out; the outcome says what was not there."""
    sandboxes(script, code, "Unknown operation ListSandboxes", "web")
    scan = asked(script, "codebuild")
    detail = f"not offered in us-east-1: ListSandboxes ({code}) of AWS CodeBuild projects"
    outcome = outcomes(scan)["codebuild"]
    assert (outcome.status, outcome.usages, outcome.detail) == (NOT_OFFERED, 1, detail)
    assert (outcome.notes, outcome.not_offered) == ((detail,), ("codebuild:ListSandboxes",))
    assert [usage.reference for usage in scan.usages] == [written()]
    assert scan.failures == ()


def test_another_error_of_the_same_listing_fails(script: Script) -> None:
    """The code alone says nothing."""
    sandboxes(script, "InvalidInputException", "Invalid max results", "web")
    assert outcomes(asked(script, "codebuild"))["codebuild"].status is FAILED


def test_only_listings_may_not_be_offered(script: Script) -> None:
    """What was listed exists, so it has to be described."""
    script.answer("apprunner", "list_services", {"ServiceSummaryList": [{"ServiceArn": "arn:s"}]}, MaxResults=20)
    script.refuse("apprunner", "describe_service", *UNKNOWN)
    assert outcomes(asked(script, "apprunner"))["apprunner"].status is FAILED


def test_a_listing_that_answered_its_first_page_is_offered(script: Script) -> None:
    """Whatever the second one says."""
    script.answer("apprunner", "list_services", {"ServiceSummaryList": [], "NextToken": "more"}, MaxResults=20)
    script.refuse("apprunner", "list_services", *UNKNOWN, MaxResults=20, NextToken="more")
    assert outcomes(asked(script, "apprunner"))["apprunner"].status is FAILED


@pytest.mark.parametrize("name", ["ecs", "lambda", "eks"])
def test_what_every_region_has_is_never_believed_to_be_missing(script: Script, name: str) -> None:
    """ECS, Lambda and EKS are where ECR is."""
    service, method, _, parameters = FIRST_CALLS[name]
    script.refuse(service, method, *UNKNOWN, **parameters)
    assert outcomes(asked(script, name))[name].status is FAILED


@pytest.mark.parametrize("status", [COMPLETE, NOT_OFFERED, FAILED])
def test_a_listing_of_two_sources_is_made_once(script: Script, status: SourceStatus) -> None:
    """What it says counts for both, also that it failed."""
    if status is COMPLETE:
        script.answer("codepipeline", "list_pipelines", {"pipelines": []})
    else:
        script.refuse("codepipeline", "list_pipelines", *(UNKNOWN if status is NOT_OFFERED else ("Other",)))
    found = outcomes(asked(script, "codepipeline", "codepipeline_executions"))
    assert [outcome.status for outcome in found.values()] == [status, status]


SAGEMAKER: Final = tuple(source.name for source in catalog.SOURCES if source.service == "sagemaker")


def test_what_is_newer_in_sagemaker_has_sources_of_its_own() -> None:
    """In the order in which the listings appeared; models and endpoints are with the first ones."""
    grants = {source.name: source.permissions for source in catalog.SOURCES if source.name in SAGEMAKER}
    assert {"sagemaker:ListModels", "sagemaker:ListEndpoints", "sagemaker:ListTrainingJobs"} <= set(grants["sagemaker"])
    for name, listing in (
        ("sagemaker_processing", "ListProcessingJobs"),
        ("sagemaker_studio", "ListImages"),
        ("sagemaker_executions", "ListPipelineExecutions"),
        ("sagemaker_inference_components", "ListInferenceComponents"),
        ("sagemaker_optimization", "ListOptimizationJobs"),
    ):
        assert [one for one in grants if f"sagemaker:{listing}" in grants[one]] == [name]


@pytest.mark.parametrize(
    ("name", "operation", "method", "times"),
    [
        ("sagemaker_optimization", "ListOptimizationJobs", "list_optimization_jobs", 3),  # by three states
        ("sagemaker_inference_components", "ListInferenceComponents", "list_inference_components", 1),
    ],
)
def test_a_newer_kind_that_is_not_offered_is_its_own_outcome(
    script: Script, name: str, operation: str, method: str, times: int
) -> None:
    """With a note, and nothing failed."""
    for _ in range(times):
        script.refuse("sagemaker", method, *UNKNOWN)
    outcome = outcomes(asked(script, name))[name]
    assert (outcome.status, outcome.usages) == (NOT_OFFERED, 0)
    assert outcome.not_offered == (f"api.sagemaker:{operation}",)
    assert operation in outcome.notes[0]


def runtimes(script: Script, code: str, message: str) -> None:
    """Lambda has no function, and does not know runtimes."""
    script.answer("lambda", "list_functions", {"Functions": []}, FunctionVersion="ALL", MaxItems=50)
    script.refuse("lambda-core", "list_runtimes", code, message, MaxResults=100)


@pytest.mark.parametrize("message", ["", UNDETERMINED])
def test_a_denied_listing_is_not_offered_where_a_row_says_so(govcloud: Script, message: str) -> None:
    """Lambda itself answered, so that the role's permissions are not what is missing."""
    runtimes(govcloud, "AccessDeniedException", message)
    found = outcomes(asked(govcloud, "lambda", "lambda_runtimes"))
    assert (found["lambda"].status, found["lambda_runtimes"].status) == (COMPLETE, NOT_OFFERED)


def test_a_denied_listing_alone_is_denied(govcloud: Script) -> None:
    """Nobody bears it out: perhaps the organization denies all of Lambda."""
    govcloud.refuse("lambda-core", "list_runtimes", "AccessDeniedException", "", MaxResults=100)
    assert outcomes(asked(govcloud, "lambda_runtimes"))["lambda_runtimes"].status is FAILED


def test_a_denied_listing_is_denied_elsewhere(script: Script) -> None:
    """In a commercial region, and behind a custom endpoint in any."""
    runtimes(script, "AccessDeniedException", UNDETERMINED)
    assert outcomes(asked(script, "lambda", "lambda_runtimes"))["lambda_runtimes"].status is FAILED
    with Script(connect("us-gov-west-1", None)) as behind:
        runtimes(behind, "AccessDeniedException", UNDETERMINED)
        assert outcomes(asked(behind, "lambda", "lambda_runtimes"))["lambda_runtimes"].status is FAILED


def test_a_missing_permission_is_denied_in_govcloud_too(govcloud: Script) -> None:
    """AWS says so, and whose it is."""
    message = (
        f"User: arn:aws-us-gov:sts::{ACCOUNT}:assumed-role/cleaner/run is not authorized to perform:"
        " lambda:ListRuntimes because no identity-based policy allows the lambda:ListRuntimes action"
    )
    runtimes(govcloud, "AccessDeniedException", message)
    outcome = outcomes(asked(govcloud, "lambda", "lambda_runtimes"))["lambda_runtimes"]
    assert outcome.status is FAILED
    assert outcome.denial is not None


def test_a_scan_tells_what_answered(script: Script) -> None:
    """The next one compares; a refused call is none."""
    runtimes(script, "AccessDeniedException", "")
    scan = asked(script, "lambda", "lambda_runtimes")
    (answered,) = scan.answered.values()
    assert answered == {"lambda:ListFunctions"}
