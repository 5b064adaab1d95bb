"""How botocore is configured and how its answers are read."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from ecr_cleaner.aws import client as aws_client
from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients, connect
from ecr_cleaner.aws.pacing import Pacer
from ecr_cleaner.errors import CleanerError, IncompleteAnswerError, OutOfTimeError
from ecr_cleaner.model.usage import ScanTarget
from tests.builders import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def clients() -> AwsClients:
    """Clients that nobody answers."""
    return connect(REGION, None)


def test_every_try_is_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries as well, or throttling would make more calls instead of fewer."""
    monkeypatch.setattr(aws_client, "MAX_ATTEMPTS", 3)
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore's own waiting between tries
    waited: list[tuple[str, str]] = []
    pacer = Pacer()
    monkeypatch.setattr(Pacer, "wait", lambda _, *operation: waited.append(operation))
    client = AwsClients(pacer=pacer).client("ecr")

    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://nobody")

    client.meta.events.register_last("before-send", fail)
    with pytest.raises(EndpointConnectionError):
        client.describe_registry()
    assert waited == [("ecr", "DescribeRegistry")] * 3


# Clients


def test_clients_retry_and_time_out_as_configured(clients: AwsClients) -> None:
    """Throttling is expected; nothing hangs for ever."""
    config = clients.client("ecr").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": aws_client.MAX_ATTEMPTS}
    assert (config.connect_timeout, config.read_timeout) == (5, 30)
    assert config.max_pool_connections >= 4
    assert "terraform-aws-ecr-cleaner" in config.user_agent_extra


def test_a_call_that_is_a_whole_run_is_made_once_and_waited_for(clients: AwsClients) -> None:
    """A second try would be a second run; and what lies in between must not forget the connection."""
    config = clients.patient_client("lambda", 960).meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert (config.connect_timeout, config.read_timeout, config.tcp_keepalive) == (5, 960, True)


def test_a_client_is_made_once(clients: AwsClients) -> None:
    """And for the region of the run."""
    assert clients.client("ecs") is clients.client("ecs")
    assert clients.client("ecs").meta.region_name == clients.region == REGION


def test_the_region_comes_from_the_environment() -> None:
    """As Lambda sets it."""
    assert AwsClients().region == REGION


def test_without_a_region_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no default region."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(CleanerError, match="no AWS region is configured: set AWS_REGION or use --region"):
        AwsClients()


def test_a_profile_that_does_not_exist_is_an_error() -> None:
    """It is told as what AWS's library tells."""
    with pytest.raises(ProfileNotFound):
        connect(REGION, "nobody")


@pytest.mark.parametrize(
    ("service", "region", "offered"),
    [
        ("apprunner", "us-east-1", True),
        ("apprunner", "eu-south-2", False),
        ("ecs", "eu-south-2", True),
        ("ecs", "cn-north-1", True),
        ("apprunner", "cn-north-1", False),
        # Of a region that is newer than botocore, or that it does not list, the metadata says nothing.
        ("ecs", "xx-new-1", True),
        ("eks", "me-west-1", True),
    ],
)
def test_what_a_region_offers_is_read_from_the_metadata(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch, service: str, region: str, *, offered: bool
) -> None:
    """Of all partitions."""
    monkeypatch.setattr(clients, "region", region)
    assert clients.offered_in_region(service) is offered


def test_a_service_that_the_metadata_lists_nowhere_counts_as_offered(clients: AwsClients) -> None:
    """Metadata that says nothing must not declare a live service absent."""
    assert clients.offered_in_region("newer-than-the-metadata")


# Errors


def client_error(code: str) -> ClientError:
    """An error as a client raises it."""
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "ListServices")


@pytest.mark.parametrize(
    ("error", "code", "operation"),
    [
        (client_error("AccessDeniedException"), "AccessDeniedException", "ListServices"),
        (ClientError({}, "ListServices"), "Unknown", "ListServices"),
        (NoCredentialsError(), "NoCredentialsError", None),
        (IncompleteAnswerError("ListTasks", "taskArns"), "IncompleteAnswerError", "ListTasks"),
        (ValueError(), "ValueError", None),
    ],
)
def test_errors_have_a_code_and_perhaps_an_operation(error: Exception, code: str, operation: str | None) -> None:
    """The modelled code, never the text."""
    assert errors.code_of(error) == code
    assert errors.operation_of(error) == operation


@pytest.mark.parametrize(
    ("error", "nobody"),
    [
        (EndpointConnectionError(endpoint_url="{}/path"), True),
        (ConnectTimeoutError(endpoint_url="{}/path"), False),
        (EndpointConnectionError(endpoint_url="https://sts.amazonaws.com/"), False),
        (ReadTimeoutError(endpoint_url="{}/path"), False),
        (ConnectionClosedError(endpoint_url="{}/path"), False),
        (client_error("ServiceUnavailable"), False),
        (BotoCoreError(), False),
    ],
)
def test_only_an_endpoint_without_anybody_is_nobody(clients: AwsClients, error: Exception, *, nobody: bool) -> None:
    """Somebody who hangs up, answers late, or refuses is there; and credentials come from elsewhere."""
    client = clients.client("apprunner")
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ReadTimeoutError | ConnectionClosedError):
        error.kwargs["endpoint_url"] = error.kwargs["endpoint_url"].format(client.meta.endpoint_url)
    assert errors.is_endpoint_missing(error, client) is nobody


@pytest.mark.parametrize("host", ["workflows-omics.us-west-1.amazonaws.com", "omics.us-west-1.amazonaws.com"])
def test_a_word_before_the_host_belongs_to_the_operation(host: str) -> None:
    """It is the same service that is not there."""
    client = SimpleNamespace(meta=SimpleNamespace(endpoint_url="https://omics.us-west-1.amazonaws.com"))
    assert errors.is_endpoint_missing(EndpointConnectionError(endpoint_url=f"https://{host}/run"), client)
    assert not errors.is_endpoint_missing(
        EndpointConnectionError(endpoint_url="https://ecs.us-west-1.amazonaws.com/"), client
    )


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ThrottlingException", 3),
        (429, "Unknown", 3),
        (400, "ValidationException", 0),
        (500, "ServerException", 0),
    ],
)
def test_every_throttled_try_is_noted(monkeypatch: pytest.MonkeyPatch, status: int, code: str, expected: int) -> None:
    """Also those that the SDK repeats without a word."""
    monkeypatch.setattr(aws_client, "MAX_ATTEMPTS", 3)
    monkeypatch.setattr("time.sleep", lambda _: None)
    noted: list[tuple[str, str]] = []
    monkeypatch.setattr(Pacer, "throttled", lambda _, *operation: noted.append(operation))
    client = AwsClients(pacer=Pacer(sleep=lambda _: None)).client("ecr")

    def refuse(request: Any, **_: object) -> AWSResponse:
        body = json.dumps({"__type": code, "message": "as told"}).encode()
        return AWSResponse(request.url, status, {}, SimpleNamespace(stream=lambda: iter([body])))

    client.meta.events.register_last("before-send", refuse)
    with pytest.raises(ClientError):
        client.describe_registry()
    assert noted == [("ecr", "DescribeRegistry")] * expected


def test_somebody_may_watch_the_calls(clients: AwsClients) -> None:
    """Each try, before it is made; not one that is too late."""
    watched: list[tuple[str, str]] = []
    clients.pace("before-send.ecs.ListClusters")
    clients.on_call = lambda service, operation: watched.append((service, operation))
    clients.pace("before-send.ecs.ListServices")
    clients.deadline_exceeded = lambda: True
    with pytest.raises(OutOfTimeError):
        clients.pace("before-send.ecs.ListTasks")
    assert watched == [("ecs", "ListServices")]


# Scan targets


@pytest.fixture
def own() -> AwsClients:
    """Clients that no other test has."""
    return connect(REGION, None)


def test_another_region_has_clients_of_its_own(own: AwsClients) -> None:
    """The same credentials and the same object each time; of the own region these are they."""
    own.account_id = ACCOUNT
    there = own.for_target(ScanTarget(ACCOUNT, "eu-central-1"))
    assert there is own.for_target(ScanTarget(ACCOUNT, "eu-central-1"))
    assert there.for_target(own.target) is own.for_target(own.target) is own
    assert there.target == ScanTarget(ACCOUNT, "eu-central-1")
    assert there.session is own.session
    assert there.client("ecs").meta.region_name == "eu-central-1"
    assert there.patient_client("lambda", 10).meta.region_name == "eu-central-1"
    assert own.client("ecs").meta.region_name == REGION


def test_another_account_needs_credentials_of_its_own(own: AwsClients) -> None:
    """The run's would look into their own account, and call it the other one."""
    with pytest.raises(CleanerError, match="the account is not known before the registry has answered"):
        own.for_target(ScanTarget(ACCOUNT, REGION))
    own.account_id = ACCOUNT
    with pytest.raises(CleanerError, match=f"210987654321/{REGION} is in another account than {ACCOUNT}"):
        own.for_target(ScanTarget("210987654321", REGION))


def test_each_region_is_paced_by_itself() -> None:
    """The quotas of AWS hold per account and region."""
    waits: list[float] = []
    own = AwsClients(pacer=Pacer(clock=lambda: 0.0, sleep=waits.append))
    own.account_id = ACCOUNT
    own.pacer.share = 0.2
    there = own.for_target(ScanTarget(ACCOUNT, "eu-central-1"))
    burst = 10  # a fifth of 50
    for _ in range(burst):
        own.pace("before-send.ecs.ListClusters")
        there.pace("before-send.ecs.ListClusters")
    assert [wait for wait in waits if wait > 1e-6] == []
    assert own.pacer.counts.calls == there.pacer.counts.calls == {"ecs": 2 * burst}, "one count of the whole run"
    own.for_target(there.target).pace("before-send.ecs.ListClusters")
    assert [wait for wait in waits if wait > 1e-6] == [pytest.approx(0.25)]


def test_too_late_is_too_late_in_every_region(own: AwsClients) -> None:
    """Whoever watches the calls of a run watches those of all regions."""
    own.account_id = ACCOUNT
    there = own.for_target(ScanTarget(ACCOUNT, "eu-central-1"))
    watched: list[tuple[str, str]] = []
    own.on_call = lambda service, operation: watched.append((service, operation))
    there.pace("before-send.ecs.ListServices")
    own.deadline_exceeded = lambda: True
    with pytest.raises(OutOfTimeError):
        there.pace("before-send.ecs.ListTasks")
    assert watched == [("ecs", "ListServices")]


# Answers


class Pages:
    """A client of ECS that hands out pages."""

    def __init__(self, *pages: dict[str, Any], service: str = "ecs", method: str = "list_services") -> None:
        self._pages = iter(pages)
        self.asked: list[dict[str, Any]] = []
        self.meta = self
        self.service_model = botocore.session.get_session().get_service_model(service)
        setattr(self, method, self.next_page)

    def next_page(self, **parameters: Any) -> dict[str, Any]:
        """The next page."""
        self.asked.append(dict(parameters))
        return next(self._pages)


def listed(pages: Pages) -> Iterator[Any]:
    """All items."""
    return responses.paged(pages, "ListServices", "serviceArns", maxResults=100)


@pytest.mark.parametrize("error", [ResponseParserError("invalid XML"), KeyError("DescribeApplicationVersionsResult")])
def test_what_botocore_cannot_read_is_no_answer(error: Exception) -> None:
    """It lets both out, where XML is cut short or is something else."""

    class Broken(Pages):
        def next_page(self, **_: Any) -> dict[str, Any]:
            """What botocore does."""
            raise error

    with pytest.raises(IncompleteAnswerError, match="ListServices"):
        list(listed(Broken()))


def test_all_pages_are_read() -> None:
    """Empty pages with a token are no end, and a missing token is one."""
    pages = Pages(
        {"serviceArns": ["a", "b"], "nextToken": "1"},
        {"serviceArns": [], "nextToken": "2"},
        {"serviceArns": ["c"], "nextToken": ""},
    )
    assert list(listed(pages)) == ["a", "b", "c"]
    assert pages.asked == [
        {"maxResults": 100},
        {"maxResults": 100, "nextToken": "1"},
        {"maxResults": 100, "nextToken": "2"},
    ]


def test_the_token_may_have_two_names() -> None:
    """Lambda asks for Marker and answers NextMarker."""
    told: list[dict[str, Any]] = [{"Functions": ["a"], "NextMarker": "1"}, {"Functions": ["b"], "NextMarker": None}]
    pages = Pages(*told, service="lambda", method="list_functions")
    assert list(responses.paged(pages, "ListFunctions", "Functions", MaxItems=50)) == ["a", "b"]
    assert pages.asked[1] == {"MaxItems": 50, "Marker": "1"}


def test_a_listing_without_a_token_has_one_page() -> None:
    """Whatever its response says."""
    told = {"containerServices": ["a"], "nextToken": "1"}
    pages = Pages(told, service="lightsail", method="get_container_services")
    assert list(responses.paged(pages, "GetContainerServices", "containerServices")) == ["a"]


def test_two_members_that_could_be_the_token_are_an_error() -> None:
    """The wrong one would end the listing."""
    pages = Pages({"Contents": ["a"]}, service="s3", method="list_objects")
    with pytest.raises(ValueError, match="ListObjects has several members that could be a page token"):
        list(responses.paged(pages, "ListObjects", "Contents"))


@pytest.mark.parametrize("broken", [{}, {"serviceArns": None}, {"nextToken": "2"}])
def test_a_page_without_its_result_is_no_answer(broken: dict[str, Any]) -> None:
    """Wherever it comes; botocore's own paginators would read it as empty."""
    with pytest.raises(IncompleteAnswerError, match="serviceArns"):
        list(listed(Pages(broken)))
    with pytest.raises(IncompleteAnswerError, match="serviceArns"):
        list(listed(Pages({"serviceArns": ["a"], "nextToken": "1"}, broken)))


def test_a_token_that_comes_again_ends_the_listing() -> None:
    """As an error: the pages between would be read for ever."""
    page = {"serviceArns": ["a"], "nextToken": "1"}
    with pytest.raises(IncompleteAnswerError, match="a page token"):
        list(listed(Pages(page, {"serviceArns": ["b"], "nextToken": "2"}, page)))


def test_pages_are_read_only_as_far_as_they_are_used() -> None:
    """Who finds what it looks for asks no further."""
    pages = Pages({"serviceArns": ["a"], "nextToken": "1"})
    assert next(listed(pages)) == "a"
    assert len(pages.asked) == 1


def test_an_operation_that_the_client_does_not_have_is_a_mistake() -> None:
    """Not an empty listing."""
    with pytest.raises(AttributeError, match="list_nothing"):
        list(responses.paged(Pages(), "ListNothing", "nothing"))


@pytest.mark.parametrize("value", [[], {}, 0, "", False])
def test_an_empty_member_is_there(value: object) -> None:
    """Empty is an answer; missing is none."""
    assert responses.member({"name": value}, "name", "Ask") == value


@pytest.mark.parametrize("answer", [{}, {"name": None}, {"Name": 1}])
def test_a_missing_member_is_an_error(answer: dict[str, Any]) -> None:
    """With the operation and the member in its message."""
    with pytest.raises(IncompleteAnswerError, match="Incomplete response from Ask: field 'name' is missing"):
        responses.member(answer, "name", "Ask")
