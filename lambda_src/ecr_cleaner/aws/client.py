"""Clients of one account and region; with the other modules of this package the only place that configures botocore.

Every call is paced by the published quotas, see `ecr_cleaner.aws.pacing`. Retries are the SDK's. Credentials of
other accounts are those of `ecr_cleaner.aws.other_accounts`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import UnknownRegionError

from ecr_cleaner.aws import timestamps
from ecr_cleaner.aws.pacing import Pacer
from ecr_cleaner.aws.response_paths import shape_at
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.model.usage import ScanTarget

SDK_VERSION: Final = str(botocore.__version__)
"""Of the service models, which say what there may be in a response."""

FEW_ATTEMPTS: Final = 2
"""Tries of a call to a service that is probably not there: it would take half a minute to find nobody eight times."""

AWS_HOSTS: Final = (
    *(".amazonaws.com", ".api.aws", ".amazonaws.com.cn", ".api.amazonwebservices.com.cn"),
    *(".amazonaws.eu", ".api.amazonwebservices.eu", ".c2s.ic.gov", ".api.aws.ic.gov", ".sc2s.sgov.gov"),
    *(".api.aws.scloud", ".cloud.adc-e.uk", ".api.cloud-aws.adc-e.uk", ".csp.hci.ic.gov", ".api.aws.hci.ic.gov"),
)
"""How the names of AWS's endpoints end, in every partition (botocore's partitions.json)."""

_READS: Final = ("Describe", "Get", "List", "Search")

MAX_ATTEMPTS: Final = 8
"""Tries of one call, the first included; botocore's standard mode backs off up to 20 seconds between them."""

CONNECT_TIMEOUT_SECONDS: Final = 5

READ_TIMEOUT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class OtherSession:
    """Credentials, and whose they are.

    Attributes:
        session: Gives them, renewed where they expire.
        caller: As messages name it.
    """

    session: boto3.Session
    caller: str


class AwsClients:
    """The clients of one account and region, made on first use.

    Attributes:
        session: Whose credentials, and whose metadata.
        region: The region everything is read in.
        account_id: Of the credentials; None until the registry has answered.
        caller: Whose credentials they are, as messages name it.
        other_accounts: Gives the session of another account, by its id, and says whose it is; None: there are none.
        profiles: Account ids to a person's profiles, which are used in place of a role.
        pacer: Holds the calls back; those of other targets are made from it, and take the same share.
        answered: Reading operations that were answered, as `key_of` names them.
        deadline_exceeded: Asked before each try of each call; once it says yes, none is made any more, in no region.
        on_call: Called with the service and the operation of each try of each call, from whatever thread makes it.
    """

    def __init__(
        self,
        session: boto3.Session | None = None,
        pacer: Pacer | None = None,
        *,
        region: str | None = None,
        home: AwsClients | None = None,
    ) -> None:
        """Read the configuration; no call is made.

        Args:
            session: None: that of the environment.
            pacer: None: a new one.
            region: None: that of the session.
            home: The clients of the run's own region, which decide when it is too late; None: these are they.
        """
        self.session = session or boto3.Session()
        timestamps.read_in_utc(self.session)
        region = region or self.session.region_name
        if region is None:
            message = "no AWS region is configured: set AWS_REGION or use --region"
            raise CleanerError(message)
        self.region: str = region
        self.account_id: str | None = home.account_id if home else None
        self.caller = "the function's role"
        self.other_accounts: Callable[[str], OtherSession] | None = None
        self.profiles: Mapping[str, str] = {}
        self._home = home or self
        self.pacer = pacer or Pacer()
        # One lock: creating clients is the one thing that is not thread-safe in a session, and all share one loader.
        self._lock: threading.RLock = home._lock if home else threading.RLock()  # noqa: SLF001 - the same class
        self._offered: dict[str, set[str]] = home._offered if home else {}  # noqa: SLF001 - the same class
        self.answered: set[str] = set()
        self._clients: dict[tuple[str, int], Any] = {}
        self._others: dict[ScanTarget, AwsClients] = {}
        self.deadline_exceeded: Callable[[], bool] | None = None
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
    def home(self) -> AwsClients:
        """The clients of the run's own region: what is kept in S3 lies there, whatever region asks for it."""
        return self._home

    @property
    def is_home(self) -> bool:
        """Whether they are the clients of the run's own region."""
        return self._home is self

    @property
    def is_foreign(self) -> bool:
        """Whether they are the clients of another account than the registry's."""
        return self.account_id != self._home.account_id

    @property
    def partition(self) -> str:
        """The partition of the region, e.g. ``aws-cn``; of a region that botocore does not know, ``aws``."""
        try:
            return str(self.session.get_partition_for_region(self.region))
        except UnknownRegionError:
            return "aws"

    def for_target(self, target: ScanTarget) -> AwsClients:
        """The clients of a scan target; the same object each time.

        AWS's rate quotas hold per account and region, so each target is paced by itself.

        Raises:
            AwsError: There are no credentials for the other account.
            CleanerError: Likewise; or the account of these is not known yet.
        """
        home = self._home
        if target == home.target:
            return home
        others = home._others  # noqa: SLF001 - the same class
        if target.account_id == home.account_id:
            given = OtherSession(home.session, home.caller)
        elif home.other_accounts is None:
            message = f"{target} is in another account than {home.account_id}, and there are no credentials for it"
            raise CleanerError(message)
        else:
            given = home.other_accounts(target.account_id)
        with self._lock:
            if target not in others:
                others[target] = home.beside(given, target)
            return others[target]

    def beside(self, given: OtherSession, target: ScanTarget) -> AwsClients:
        """New clients with the credentials of another session, which know when the run has to end."""
        pacer = self.pacer.another()
        made = AwsClients(given.session, pacer, region=target.region, home=self._home)
        made.account_id, made.caller = target.account_id, given.caller
        return made

    def release(self) -> None:
        """Forget the clients of another target than the run's own: each of a hundred accounts would keep megabytes.

        What was answered and counted stays. Whoever asks for a client again gets a new one.
        """
        if self.is_home:
            return
        with self._lock:
            released, self._clients = [*self._clients.values()], {}
        for client in released:
            client.close()

    def client(self, service: str) -> Any:
        """The client of a service (its botocore name). Thread-safe, as clients themselves are."""
        return self._client(service, MAX_ATTEMPTS if self.offered_in_region(service) else FEW_ATTEMPTS)

    def client_without_retries(self, service: str) -> Any:
        """A client that tries once, for calls that may only be repeated after another look."""
        return self._client(service, 1)

    def patient_client(self, service: str, seconds: int) -> Any:
        """A client that tries once and waits so long for an answer, for a call that is a whole run."""
        # Without keep-alive whatever lies in between forgets a connection on which nothing is said.
        return self._make(service, 1, read_timeout=seconds, tcp_keepalive=True)

    def _client(self, service: str, attempts: int) -> Any:
        attempts = min(attempts, MAX_ATTEMPTS)
        with self._lock:
            if (service, attempts) not in self._clients:
                client = self._make(service, attempts)
                client.meta.events.register("before-send", self.pace)
                client.meta.events.register("response-received", self.pacer.note_response)
                client.meta.events.register("after-call", self._note_answer)
                self._clients[service, attempts] = client
            return self._clients[service, attempts]

    def _make(self, service: str, attempts: int, **config: Any) -> Any:
        defaults = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=16,
            user_agent_extra="terraform-aws-ecr-cleaner",
        )
        return self.session.client(service, region_name=self.region, config=defaults.merge(Config(**config)))

    def pace(self, event_name: str, **_unused: object) -> None:
        """Hold a call back until it may be made (a handler of botocore's event ``before-send``).

        Raises:
            OutOfTimeError: It is too late for one more.
        """
        # "before-send.<service id>.<operation>", once for each attempt, so that retries are paced too.
        _, service, operation = event_name.split(".", maxsplit=2)
        home = self._home
        if home.deadline_exceeded is not None and home.deadline_exceeded():
            raise OutOfTimeError(operation)
        if home.on_call is not None:
            home.on_call(service, operation)
        self.pacer.wait(service, operation)

    def _note_answer(self, http_response: Any, model: Any, **_unused: object) -> None:
        """Note a call that succeeded (a handler of botocore's event ``after-call``)."""
        if http_response.status_code < HTTPStatus.MULTIPLE_CHOICES and model.name.startswith(_READS):
            self.answered.add(f"{model.service_model.endpoint_prefix}:{model.name}")

    def key_of(self, service: str, operation: str) -> str:
        """An operation with the endpoint that serves it, which several of botocore's services may share."""
        return f"{self.client(service).meta.service_model.endpoint_prefix}:{operation}"

    def is_custom_endpoint(self, service: str) -> bool:
        """Whether the service is called somewhere else than at AWS, where nothing is known of regions."""
        host = urlsplit(self.client(service).meta.endpoint_url).hostname or ""
        return not host.endswith(AWS_HOSTS)

    def knows(self, service: str, operation: str, path: str) -> bool:
        """Whether the loaded service model has a member of an operation's answer; an older one drops it in silence."""
        model = self.client(service).meta.service_model
        if operation not in model.operation_names:
            return False
        return shape_at(model.operation_model(operation).output_shape, path) is not None

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


def connect(region: str | None, profile: str | None) -> AwsClients:
    """The clients for the credentials and region that a person names, else those of the AWS configuration.

    Raises:
        AwsError: There is no such profile.
        CleanerError: No region is configured.
    """
    # boto3 itself knows AWS_DEFAULT_REGION only; the command line and the other SDKs read this one first.
    return AwsClients(boto3.Session(region_name=region or os.environ.get("AWS_REGION"), profile_name=profile))
