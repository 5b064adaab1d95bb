"""The only place that configures botocore: clients, retries, pacing, and how its answers are read.

Every call is paced below the published quotas (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/request-throttling.html,
Lambda's 15 control-plane calls a second), so that a nightly run never starves a deployment; where AWS publishes
no number (ECR's describe and delete calls) a modest one is used.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

from ecr_cleaner.errors import CleanerError, IncompleteAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_ATTEMPTS: Final = 8
"""Tries of one call, the first included; botocore's standard mode backs off up to 20 seconds between them."""

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 30

CALLS_PER_SECOND: Final = {
    ("ecs", "DescribeTaskDefinition"): 10.0,
    ("ecs", "ListTaskDefinitions"): 10.0,
    ("ecs", "*"): 10.0,
    ("lambda", "ListFunctions"): 3.0,
    ("lambda", "GetFunction"): 50.0,
    ("eventbridge", "*"): 10.0,
    ("scheduler", "*"): 20.0,
    ("ecr", "BatchDeleteImage"): 5.0,
    ("ecr", "*"): 10.0,
    ("s3", "*"): 100.0,
}
"""Steady rate of an operation; ``*`` is each other operation of the service."""

DEFAULT_CALLS_PER_SECOND: Final = 5.0
BURST: Final = 20
"""Calls that may be made at once before pacing sets in; the smallest published burst is 50."""

AwsError = (ClientError, BotoCoreError)
"""Everything that a call of boto3 raises on purpose."""


@dataclass(slots=True)
class Pacer:
    """A token bucket for each operation, shared by all threads.

    Attributes:
        clock: Seconds, monotonic.
        sleep: Waits for some seconds.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: dict[tuple[str, str], float] = field(default_factory=dict)

    def wait(self, service: str, operation: str) -> None:
        """Return when the operation may be called."""
        rate = CALLS_PER_SECOND.get((service, operation)) or CALLS_PER_SECOND.get(
            (service, "*"), DEFAULT_CALLS_PER_SECOND
        )
        with self._lock:
            now = self.clock()
            # The bucket as the moment at which it would be full: one number instead of level and time.
            full_at = max(self._free_at.get((service, operation), now), now) + 1 / rate
            self._free_at[service, operation] = full_at
            delay = full_at - now - BURST / rate
        if delay > 0:
            self.sleep(delay)


class Aws:
    """The clients of one run, made on first use.

    Attributes:
        region: The region everything is read in.
    """

    def __init__(self, session: boto3.Session | None = None, pacer: Pacer | None = None) -> None:
        self._session = session or boto3.Session()
        region: str | None = self._session.region_name  # None if nothing names one, whatever the stubs say
        if region is None:
            message = "no AWS region is configured: set AWS_REGION or use --region"
            raise CleanerError(message)
        self.region: str = region
        self._pacer = pacer or Pacer()
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service (its botocore name). Thread-safe, as clients themselves are."""
        with self._lock:  # creating clients is the one thing that is not
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        client: Any = self._session.client(
            service,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                max_pool_connections=16,
                user_agent_extra="terraform-aws-ecr-cleaner",
            ),
        )
        client.meta.events.register("before-send", self._pace)
        return client

    def _pace(self, event_name: str, **_unused: object) -> None:
        # "before-send.<service id>.<operation>", once for each attempt, so that retries are paced too.
        _, service, operation = event_name.split(".", maxsplit=2)
        self._pacer.wait(service, operation)

    def offered_in_region(self, service: str) -> bool:
        """Whether botocore's metadata lists the service in this region.

        The metadata alone is incomplete: only together with a call that finds nobody does it say that
        a service does not exist here.
        """
        everywhere = {
            region
            for partition in self._session.get_available_partitions()
            for region in self._session.get_available_regions(service, partition_name=partition)
        }
        return not everywhere or self.region in everywhere


def connect(region: str | None, profile: str | None) -> Aws:
    """The clients for the credentials and region that a person names, else those of the AWS configuration.

    Raises:
        AwsError: There is no such profile.
        CleanerError: No region is configured.
    """
    # boto3 itself knows AWS_DEFAULT_REGION only; the command line and the other SDKs read this one first.
    return Aws(boto3.Session(region_name=region or os.environ.get("AWS_REGION"), profile_name=profile))


def code_of(error: Exception) -> str:
    """The modelled error code of a failed call, else the name of the exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def operation_of(error: Exception) -> str | None:
    """The operation that failed, where the error knows it."""
    if isinstance(error, ClientError):
        return str(error.operation_name)
    if isinstance(error, IncompleteAnswerError):
        return error.operation
    return None


def found_nobody(error: Exception, client: Any) -> bool:
    """Whether a call of this client failed because its endpoint does not resolve or accepts no connection."""
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError) and str(
        error.kwargs.get("endpoint_url", "")
    ).startswith(client.meta.endpoint_url)


def member(answer: dict[str, Any], name: str, operation: str) -> Any:
    """A member that a full answer always has.

    Raises:
        IncompleteAnswerError: It is missing.
    """
    if name not in answer or answer[name] is None:
        raise IncompleteAnswerError(operation, name)
    return answer[name]


def paged(
    client: Any,
    operation: str,
    result: str,
    *,
    token: str = "nextToken",  # noqa: S107 - a page token
    answer_token: str | None = None,
    **parameters: Any,
) -> Iterator[Any]:
    """Every item of a paged listing.

    botocore's paginators read a page that lacks its result as empty; this one does not.

    Args:
        client: A boto3 client.
        operation: As AWS writes it, e.g. ``ListServices``.
        result: The member that holds the items.
        token: The request's member for the page token.
        answer_token: The answer's, if it has another name.
        parameters: Of every request.

    Yields:
        The items, page by page.

    Raises:
        IncompleteAnswerError: A page lacks its result, or hands out the same token for ever.
    """
    call = getattr(client, _method(client, operation))
    seen: set[str] = set()
    while True:
        answer = call(**parameters)
        yield from member(answer, result, operation)
        following = answer.get(answer_token or token)
        if not following:
            return
        if following in seen:
            raise IncompleteAnswerError(operation, "a page token that it has not given before")
        seen.add(following)
        parameters[token] = following


def _method(client: Any, operation: str) -> str:
    for method, name in client.meta.method_to_api_mapping.items():
        if name == operation:
            return str(method)
    raise AttributeError(operation)
