"""Which errors say that a region does not offer an operation."""

from __future__ import annotations

from typing import Final

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.aws.client import AWS_HOSTS, connect
from ecr_cleaner.aws.offered import ROWS, Refusal, Row, refusal

HERE: Final = "us-east-1"
GOVCLOUD: Final = "us-gov-west-1"
UNDETERMINED: Final = "Unable to determine service/operation name to be authorized"
KEY: Final = "api.sagemaker:ListOptimizationJobs"


def failed(code: str, message: str, operation: str = "ListOptimizationJobs") -> ClientError:
    """The error of a listing."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def row_of(error: Exception, key: str = KEY, region: str | None = HERE) -> Row | None:
    """The row that an error fits."""
    return next((row for row in ROWS if row.fits(error, key, region)), None)


@pytest.mark.parametrize(
    ("key", "code", "message"),
    [
        (KEY, "UnknownOperationException", "The requested operation is not supported in the called region."),
        ("events:ListEventBuses", "UnknownOperationException", "Operation is disabled in this region"),
        ("codebuild:ListSandboxes", "InvalidInputException", "Unknown operation ListSandboxes"),
        ("codebuild:ListSandboxes", "ValidationException", "Unknown operation ListSandboxes"),
        ("codebuild:ListFleets", "InvalidAction", "Unknown operation ListFleets"),
        ("elasticbeanstalk:ListA", "InvalidAction", "Operation (ListA) is not supported in this region"),
        ("elasticbeanstalk:ListA", "InvalidAction", "ListA is not available in this region"),
        (
            "states:ListStateMachineVersions",
            "UnsupportedOperation",
            "The functionality you requested is not available in this region.",
        ),
        ("gamelift:ListContainerGroupDefinitions", "UnsupportedRegionException", "whatever it says"),
    ],
)
@pytest.mark.parametrize("region", [HERE, "cn-north-1", GOVCLOUD, None])
def test_a_code_counts_with_its_message(key: str, code: str, message: str, region: str | None) -> None:
    """In every region, and behind a custom endpoint: only AWS says this."""
    found = row_of(failed(code, message), key, region)
    assert found is not None
    assert not found.is_denial
    assert all(source.startswith("https://") for source in found.sources)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("UnknownOperationException", ""),
        ("UnknownOperationException", "The requested operation is not supported in the called region. Try later."),
        ("ValidationException", "The requested operation is not supported in the called region."),
        ("ValidationException", "Unknown operation ListModels"),
        ("InvalidInputException", "Unknown operation"),
        ("InvalidAction", "The action ListOptimizationJobs is not valid for this web service"),
        ("UnsupportedRegionException", "whatever it says"),
        ("InternalFailure", "The requested operation is not supported in the called region."),
        ("ThrottlingException", "Rate exceeded"),
        ("AccessDeniedException", ""),
        ("AccessDeniedException", UNDETERMINED),
    ],
)
@pytest.mark.parametrize("region", [HERE, "cn-north-1", GOVCLOUD, None])
def test_anything_else_is_a_failure(code: str, message: str, region: str | None) -> None:
    """Another message, another operation's name, another service's code."""
    assert row_of(failed(code, message), region=region) is None


def test_an_error_without_an_answer_is_a_failure() -> None:
    """Nobody said anything."""
    assert row_of(EndpointConnectionError(endpoint_url="https://example.org/")) is None


@pytest.mark.parametrize(
    ("key", "message", "regions"),
    [
        ("lambda:ListRuntimes", UNDETERMINED, {GOVCLOUD, "us-gov-east-1", "cn-north-1", "cn-northwest-1"}),
        ("lambda:ListRuntimes", "", {GOVCLOUD, "us-gov-east-1", "cn-north-1", "cn-northwest-1"}),
        ("codebuild:ListSandboxes", "", {GOVCLOUD, "us-gov-east-1"}),
        ("codebuild:ListBuildBatches", "", {GOVCLOUD, "us-gov-east-1"}),
        ("lambda:ListFunctions", "", set()),
        ("codebuild:ListProjects", "", set()),
        ("ecs:ListClusters", "", set()),
        ("codebuild:ListSandboxes", UNDETERMINED, set()),
    ],
)
def test_a_denied_call_counts_where_a_row_names_it(key: str, message: str, regions: set[str]) -> None:
    """Region and operation; behind a custom endpoint nothing is known of regions."""
    denied = failed("AccessDeniedException", message)
    for region in (HERE, "us-west-1", GOVCLOUD, "us-gov-east-1", "cn-north-1", "cn-northwest-1", None):
        found = row_of(denied, key, region)
        assert (found is not None) is (region in regions)
        assert found is None or found.is_denial


@given(st.sampled_from([key for row in ROWS for key in row.operations]), st.text(min_size=1))
def test_a_denial_that_says_something_is_a_denial(key: str, message: str) -> None:
    """Who lacks a permission is told which: no row may take that for a region."""
    text = f"User: arn:aws:sts::123456789012:assumed-role/cleaner/{message} is not authorized to perform: {key}"
    for region in (HERE, GOVCLOUD, "cn-north-1"):
        assert row_of(failed("AccessDeniedException", text), key, region) is None


def test_only_what_was_denied_needs_another_listing_of_its_service() -> None:
    """Lambda's runtimes are served by Lambda's endpoint; a description of one thing is no listing."""
    error = failed("AccessDeniedException", "")
    denied = Refusal("lambda:ListRuntimes", error, is_denial=True)
    assert not denied.is_confirmed({"lambda:ListRuntimes", "lambda:GetFunction", "ecs:ListClusters"})
    assert denied.is_confirmed({"lambda:ListFunctions"})
    assert Refusal(KEY, error, is_denial=False).is_confirmed(set())


def test_a_custom_endpoint_is_in_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of AWS's own every partition's names are known, those of VPC endpoints too."""
    denied = failed("AccessDeniedException", "", "ListRuntimes")
    clients = connect(GOVCLOUD, None)
    assert clients.is_custom_endpoint("lambda-core")
    assert refusal(denied, clients, "lambda-core", "ListRuntimes") is None
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    clients = connect(GOVCLOUD, None)
    assert not clients.is_custom_endpoint("lambda-core")
    found = refusal(denied, clients, "lambda-core", "ListRuntimes")
    assert found == Refusal("lambda:ListRuntimes", denied, is_denial=True)
    clients.answered.add("lambda:ListRuntimes")
    assert refusal(denied, clients, "lambda-core", "ListRuntimes") is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://vpce-1.lambda.us-gov-west-1.vpce.amazonaws.com")
    assert not connect(GOVCLOUD, None).is_custom_endpoint("lambda-core")


def test_every_partition_of_botocore_is_known() -> None:
    """A newer one would be taken for a custom endpoint, which is safe, and should be added."""
    partitions = connect(HERE, None).session._session.get_data("partitions")["partitions"]  # noqa: SLF001 - no other way
    outputs = [partition["outputs"] for partition in partitions]
    assert set(AWS_HOSTS) == {f".{one[name]}" for one in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")}
