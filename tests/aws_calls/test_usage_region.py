"""When a service counts as not offered in the region, and when its silence is a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from ecr_cleaner.aws.client import connect
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget
from tests.aws_calls.script import Script
from tests.aws_calls.sources import TITLES, collected, mend, outcome, quiet
from tests.builders import ACCOUNT, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.aws.client import AwsClients

COMPLETE, FAILED = SourceStatus.COMPLETE, SourceStatus.FAILED
WEST: Final = ScanTarget(ACCOUNT, "us-west-1")


@pytest.fixture(scope="module")
def _west_clients() -> AwsClients:
    made = connect("us-west-1", None)
    made.account_id = ACCOUNT
    return made


@pytest.fixture
def west(_west_clients: AwsClients) -> Iterator[Script]:
    """Answers for the calls of one test, in a region without App Runner."""
    with Script(_west_clients) as made:
        yield made


def endpoint(script: Script) -> str:
    """Where App Runner is asked."""
    return f"{script.aws.client('apprunner').meta.endpoint_url}/"


def nobody(script: Script) -> EndpointConnectionError:
    """The error of a call whose endpoint has no address, or refuses the connection."""
    error: EndpointConnectionError = EndpointConnectionError(endpoint_url=endpoint(script), error="as scripted")
    return error


def test_a_service_that_is_not_offered_and_not_there(west: Script) -> None:
    """Only both together say that the region does not have it; nothing of it can be in use then."""
    quiet(west, "apprunner")
    west.break_off("apprunner", "ListServices", nobody(west))
    scan = collected(west)
    detail = f"not offered in us-west-1: {TITLES['apprunner']}"
    whole = SourceOutcome(WEST, "apprunner", SourceStatus.NOT_OFFERED, detail=detail, not_offered=("apprunner:",))
    assert outcome(scan, "apprunner") == whole
    assert scan.failures == ()


def test_a_service_that_is_not_offered_but_answers(west: Script) -> None:
    """The metadata is incomplete: what answers is there."""
    quiet(west)
    assert outcome(collected(west), "apprunner") == SourceOutcome(WEST, "apprunner", COMPLETE)


def test_a_service_that_is_offered_but_not_there(script: Script) -> None:
    """The network is broken, or closed."""
    quiet(script, "apprunner")
    error = nobody(script)
    script.break_off("apprunner", "ListServices", error)
    detail = f"{error}; the next run asks again{mend('apprunner')}"
    assert outcome(collected(script), "apprunner") == SourceOutcome(TARGET, "apprunner", FAILED, detail=detail)


def test_a_service_that_is_not_offered_but_takes_too_long_to_connect(west: Script) -> None:
    """So it looks from a network without a way to it, whether it is there or not."""
    quiet(west, "apprunner")
    west.break_off("apprunner", "ListServices", ConnectTimeoutError(endpoint_url=endpoint(west)))
    assert outcome(collected(west), "apprunner").status is FAILED


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="http://127.0.0.1:9/"),
        EndpointConnectionError(endpoint_url="https://ecs.us-west-1.amazonaws.com/"),
    ],
)
def test_a_service_that_is_not_offered_but_fails_in_another_way(west: Script, error: Exception) -> None:
    """It accepted the connection, or it is another service that is not reached."""
    quiet(west, "apprunner")
    west.break_off("apprunner", "ListServices", error)
    assert outcome(collected(west), "apprunner").status is FAILED


def test_a_service_that_is_not_offered_but_denied(west: Script) -> None:
    """Somebody answered."""
    quiet(west, "apprunner")
    west.refuse("apprunner", "list_services", "AccessDeniedException")
    assert outcome(collected(west), "apprunner").status is FAILED
