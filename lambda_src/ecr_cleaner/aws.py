"""The only place that configures botocore: clients, retries, pacing, and how its answers are read.

Every call is paced below the published quotas (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/request-throttling.html,
Lambda's 15 control-plane calls a second), so that a nightly run never starves a deployment; where AWS publishes
no number (ECR's describe and delete calls) a modest one is used.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, UnknownServiceError
from botocore.parsers import ResponseParserError

from ecr_cleaner.errors import CleanerError, IncompleteAnswerError, OutOfTimeError
from ecr_cleaner.model import ScanTarget
from ecr_cleaner.paths import is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

FEW_ATTEMPTS: Final = 2
"""Tries of a call to a service that is probably not there: it would take half a minute to find nobody eight times."""

MAX_ATTEMPTS: Final = 8
"""Tries of one call, the first included; botocore's standard mode backs off up to 20 seconds between them."""

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 30

CALLS_PER_SECOND: Final = {
    # These three share one bucket that fills by 20 a second.
    ("ecs", "DescribeTaskDefinition"): 10.0,
    ("ecs", "ListTaskDefinitions"): 5.0,
    ("ecs", "ListTaskDefinitionFamilies"): 1.0,
    # No number is published for these.
    ("ecs", "DescribeDaemon"): 5.0,
    ("ecs", "DescribeDaemonDeployments"): 5.0,
    ("ecs", "DescribeDaemonRevisions"): 5.0,
    ("ecs", "DescribeDaemonTaskDefinition"): 5.0,
    ("ecs", "DescribeExpressGatewayService"): 5.0,
    ("ecs", "ListDaemonDeployments"): 5.0,
    ("ecs", "ListDaemons"): 5.0,
    ("ecs", "*"): 10.0,
    ("lambda", "ListFunctions"): 3.0,
    ("lambda", "GetFunction"): 50.0,
    ("eventbridge", "*"): 10.0,
    ("scheduler", "*"): 20.0,
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: 20, 5 and 1 a second.
    ("sfn", "DescribeStateMachine"): 10.0,
    ("sfn", "ListStateMachines"): 2.5,
    ("sfn", "ListStateMachineVersions"): 0.8,
    ("ecr", "BatchDeleteImage"): 5.0,
    ("ecr", "UpdateImageStorageClass"): 5.0,
    ("ecr", "*"): 10.0,
    ("s3", "*"): 100.0,
}
"""Steady rate of an operation; ``*`` is each other operation of the service."""

DEFAULT_CALLS_PER_SECOND: Final = 5.0
BURST: Final = 20
"""Calls that may be made at once before pacing sets in; the smallest published burst is 50."""

_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429

AwsError = (ClientError, BotoCoreError, ResponseParserError)
"""Everything that a call of boto3 raises on purpose; the last one where XML ends in the middle."""

IAM_NAMES: Final = {"ListObjectsV2": "ListBucket"}
"""What IAM calls an operation that it does not call by its name (Service Authorization Reference)."""

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
"""Codes by which services say that the caller lacks a permission."""

UnknownService = UnknownServiceError
"""The loaded botocore is older than the service: there is no client of it."""


@dataclass(slots=True)
class Pacer:
    """A token bucket for each operation, shared by all threads.

    Attributes:
        clock: Seconds, monotonic.
        sleep: Waits for some seconds.
        calls: How many were let through or are held back.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: dict[tuple[str, str], float] = field(default_factory=dict)

    def wait(self, service: str, operation: str) -> None:
        """Return when the operation may be called."""
        rate = CALLS_PER_SECOND.get((service, operation)) or CALLS_PER_SECOND.get(
            (service, "*"), DEFAULT_CALLS_PER_SECOND
        )
        with self._lock:
            self.calls += 1
            now = self.clock()
            # The bucket as the moment at which it would be full: one number instead of level and time.
            full_at = max(self._free_at.get((service, operation), now), now) + 1 / rate
            self._free_at[service, operation] = full_at
            delay = full_at - now - BURST / rate
        if delay > 0:
            self.sleep(delay)


class Aws:
    """The clients of one account and region, made on first use.

    Attributes:
        session: Whose credentials, and whose metadata.
        region: The region everything is read in.
        account_id: Of the credentials; None until the registry has answered.
        too_late: Asked before each try of each call; once it says yes, none is made any more, in no region.
        on_call: Called with the service and the operation of each try of each call, from whatever thread makes it.
    """

    def __init__(
        self,
        session: boto3.Session | None = None,
        pacer: Pacer | None = None,
        *,
        region: str | None = None,
        home: Aws | None = None,
    ) -> None:
        """Read the configuration; no call is made.

        Args:
            session: None: that of the environment.
            pacer: None: a new one.
            region: None: that of the session.
            home: The clients of the run's own region, which decide when it is too late; None: these are they.
        """
        self.session = session or boto3.Session()
        region = region or self.session.region_name
        if region is None:
            message = "no AWS region is configured: set AWS_REGION or use --region"
            raise CleanerError(message)
        self.region: str = region
        self.account_id: str | None = home.account_id if home else None
        self._home = home or self
        self._pacer = pacer or Pacer()
        # One session, one lock: creating clients is the one thing that is not thread-safe.
        self._lock: threading.Lock = home._lock if home else threading.Lock()  # noqa: SLF001 - the same class
        self._offered: dict[str, set[str]] = {}
        self._clients: dict[tuple[str, int], Any] = {}
        self._other_regions: dict[str, Aws] = {}
        self.too_late: Callable[[], bool] | None = None
        self.on_call: Callable[[str, str], None] | None = None

    @property
    def target(self) -> ScanTarget:
        """The account and region of these clients.

        Raises:
            CleanerError: The registry, which says whose account it is, has not answered yet.
        """
        if self.account_id is None:
            message = "the account is not known before the registry has answered"
            raise CleanerError(message)
        return ScanTarget(self.account_id, self.region)

    @property
    def calls(self) -> int:
        """Tries of calls made so far in this region, in whatever thread."""
        return self._pacer.calls

    def for_target(self, target: ScanTarget) -> Aws:
        """The clients of a scan target, by the same credentials; the same object each time.

        AWS's rate quotas hold per account and region, so each region is paced by itself.

        Raises:
            CleanerError: It is in another account: no role is assumed in any.
        """
        home = self._home
        if target.account_id != home.target.account_id:
            message = (
                f"{target} is in another account than the credentials, which are of {home.account_id}:"
                " no role is assumed in other accounts"
            )
            raise CleanerError(message)
        if target.region == home.region:
            return home
        others = home._other_regions  # noqa: SLF001 - the same class
        with self._lock:
            if target.region not in others:
                pacer = Pacer(home._pacer.clock, home._pacer.sleep)  # noqa: SLF001 - the same class
                others[target.region] = Aws(home.session, pacer, region=target.region, home=home)
            return others[target.region]

    def client(self, service: str) -> Any:
        """The client of a service (its botocore name). Thread-safe, as clients themselves are."""
        return self._client(service, MAX_ATTEMPTS if self.offered_in_region(service) else FEW_ATTEMPTS)

    def client_without_retries(self, service: str) -> Any:
        """A client that tries once, for calls that may only be repeated after another look."""
        return self._client(service, 1)

    def patient_client(self, service: str, seconds: int) -> Any:
        """A client that tries once and waits so long for an answer, for a call that is a whole run."""
        return self.session.client(
            service,
            region_name=self.region,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 1},
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=seconds,
                # Or whatever lies in between forgets a connection on which nothing is said.
                tcp_keepalive=True,
                user_agent_extra="terraform-aws-ecr-cleaner",
            ),
        )

    def _client(self, service: str, attempts: int) -> Any:
        attempts = min(attempts, MAX_ATTEMPTS)
        with self._lock:
            if (service, attempts) not in self._clients:
                client = self._make(service, attempts)
                client.meta.events.register("before-send", self.pace)
                self._clients[service, attempts] = client
            return self._clients[service, attempts]

    def _make(self, service: str, attempts: int) -> Any:
        client: Any = self.session.client(
            service,
            region_name=self.region,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": attempts},
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                max_pool_connections=16,
                user_agent_extra="terraform-aws-ecr-cleaner",
            ),
        )
        return client

    def pace(self, event_name: str, **_unused: object) -> None:
        """Hold a call back until it may be made (a handler of botocore's event ``before-send``).

        Raises:
            OutOfTimeError: It is too late for one more.
        """
        # "before-send.<service id>.<operation>", once for each attempt, so that retries are paced too.
        _, service, operation = event_name.split(".", maxsplit=2)
        home = self._home
        if home.too_late is not None and home.too_late():
            raise OutOfTimeError(operation)
        if home.on_call is not None:
            home.on_call(service, operation)
        self._pacer.wait(service, operation)

    def knows(self, service: str, operation: str, path: str) -> bool:
        """Whether the loaded service model has a member of an operation's answer; an older one drops it in silence."""
        model = self.client(service).meta.service_model
        return operation in model.operation_names and is_known(model.operation_model(operation).output_shape, path)

    def offered_in_region(self, service: str, regions: Collection[str] = ()) -> bool:
        """Whether botocore's metadata lists the service in this region, and so does a further list, if there is one.

        Either alone is incomplete: only together with a call that finds nobody does it say that a service does not
        exist here. Of a region in which the metadata does not even list ECR, nobody knows anything.
        """
        lists = (self._regions(service), regions)
        return all(not one or self.region in one for one in lists) or self.region not in self._regions("ecr")

    def _regions(self, service: str) -> set[str]:
        """Every region that the metadata lists a service in; read once, for it is asked at every call."""
        if service not in self._offered:
            self._offered[service] = {
                region
                for partition in self.session.get_available_partitions()
                for region in self.session.get_available_regions(service, partition_name=partition)
            }
        return self._offered[service]


def connect(region: str | None, profile: str | None) -> Aws:
    """The clients for the credentials and region that a person names, else those of the AWS configuration.

    Raises:
        AwsError: There is no such profile.
        CleanerError: No region is configured.
    """
    # boto3 itself knows AWS_DEFAULT_REGION only; the command line and the other SDKs read this one first.
    return Aws(boto3.Session(region_name=region or os.environ.get("AWS_REGION"), profile_name=profile))


def back_off(tries: int) -> None:
    """Wait longer after each failed try, at most 16 seconds, by a share of chance so that nobody marches in step."""
    time.sleep(random.uniform(0.5, 1) * 2 ** min(tries, 4))  # noqa: S311 - no secret


def may_pass(error: Exception) -> bool:
    """Whether a failed call may succeed by itself a little later: throttled, broken, or without an answer."""
    if not isinstance(error, ClientError):
        return isinstance(error, BotoCoreError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_ERROR or status == _TOO_MANY or "Throttl" in code_of(error)


def code_of(error: Exception) -> str:
    """The modelled error code of a failed call, else the name of the exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def is_denied(error: Exception) -> bool:
    """Whether the caller lacks a permission."""
    return code_of(error) in _DENIED


def operation_of(error: Exception) -> str | None:
    """The operation that failed, where the error knows it."""
    if isinstance(error, ClientError):
        return str(error.operation_name)
    if isinstance(error, IncompleteAnswerError):
        return error.operation
    return None


def sentence(error: Exception) -> str:
    """What failed, for people."""
    operation = operation_of(error)
    if isinstance(error, CleanerError) or operation is None:
        return str(error)
    return f"{operation} failed with {code_of(error)}: {error}"


def found_nobody(error: Exception, client: Any) -> bool:
    """Whether a call of this client failed because its endpoint does not resolve or refuses the connection.

    A connection that times out says nothing of the service: it is what a network without a way to it looks like.
    """
    # Some operations put a word before the host: workflows-omics.us-west-1.amazonaws.com.
    return isinstance(error, EndpointConnectionError) and urlsplit(
        str(error.kwargs.get("endpoint_url", ""))
    ).netloc.endswith(urlsplit(client.meta.endpoint_url).netloc)


def member(answer: dict[str, Any], name: str, operation: str) -> Any:
    """A member that a full answer always has.

    Raises:
        IncompleteAnswerError: It is missing.
    """
    if name not in answer or answer[name] is None:
        raise IncompleteAnswerError(operation, name)
    return answer[name]


def called(client: Any, operation: str, **parameters: Any) -> dict[str, Any]:
    """Make one call by the operation's name as AWS writes it, e.g. ``GetApplication``.

    Raises:
        AwsError: It failed.
        IncompleteAnswerError: Its answer is not what the protocol says.
    """
    method = getattr(client, _method(client, operation))
    try:
        answer: dict[str, Any] = method(**parameters)
    except (ResponseParserError, KeyError) as error:
        # What botocore lets out where XML ends early, or is the page of a proxy.
        raise IncompleteAnswerError(operation, f"what was expected ({error})") from error
    return answer


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
    seen: set[str] = set()
    while True:
        answer = called(client, operation, **parameters)
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
