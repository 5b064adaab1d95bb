"""Credentials of other accounts: by a role that is assumed in each of them, or by a profile of a person.

No message of an error has a credential in it. The function's own credentials are those of a role, so this is role
chaining: a session lasts an hour at most
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining).
"""

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

import boto3
import botocore.session
from botocore.credentials import CredentialResolver, RefreshableCredentials
from botocore.parsers import ResponseParserError

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients, OtherSession
from ecr_cleaner.errors import IncompleteAnswerError, WrongAccountError
from ecr_cleaner.model.usage import ScanTarget

SESSION_SECONDS: Final = 3600
"""The most that role chaining allows. botocore assumes the role again when a quarter of an hour is left."""

_REGION_REFUSES: Final = frozenset({"RegionDisabledException", "InvalidClientTokenId"})
"""What the Security Token Service of a region says for an account that has not enabled it: the first one is modelled,
the second was seen (https://github.com/hashicorp/terraform-provider-aws/issues/32549)."""

_NOT_IN_SESSION_NAMES: Final = re.compile(r"[^A-Za-z0-9_+=,.@-]")

_LONGEST_SESSION_NAME: Final = 64

_T = TypeVar("_T")


@dataclass(slots=True)
class OtherAccounts:
    """Sessions of other accounts, each made once; thread-safe.

    Attributes:
        home: Clients of the run.
        role_name: Of the role that is assumed in each account.
        run_id: Names the sessions, in the CloudTrail of these accounts.
        profiles: Account ids to a person's profiles, which are used in place of the role.
    """

    home: AwsClients
    role_name: str
    run_id: str
    profiles: Mapping[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _sessions: dict[str, OtherSession] = field(default_factory=dict)

    def __call__(self, account_id: str) -> OtherSession:
        """The session of an account.

        Raises:
            AwsError: The role could not be assumed, or there is no such profile.
            CleanerError: The credentials are of another account, or the response is incomplete.
        """
        with self._lock:
            lock = self._locks.setdefault(account_id, threading.Lock())
        with lock:
            if account_id not in self._sessions:
                made = self._of_profile if account_id in self.profiles else self._of_role
                self._sessions[account_id] = made(account_id)
            return self._sessions[account_id]

    def role_arn(self, account_id: str) -> str:
        """The ARN of the role that is assumed in an account."""
        return f"arn:{self.home.partition}:iam::{account_id}:role/{self.role_name}"

    def _of_role(self, account_id: str) -> OtherSession:
        first = self._assumed(account_id)

        def again() -> dict[str, str]:
            return self._assumed(account_id)

        credentials = RefreshableCredentials.create_from_metadata(first, again, _Given.METHOD)
        core = self._session(self.home.session._session.profile)  # noqa: SLF001 - its configuration
        core.register_component("credential_provider", CredentialResolver([_Given(credentials)]))
        session = boto3.Session(botocore_session=core, region_name=self.home.region)
        return OtherSession(session, f"the role {self.role_name} of account {account_id}")

    def _of_profile(self, account_id: str) -> OtherSession:
        profile = self.profiles[account_id]
        core = self._session(profile)
        given = OtherSession(
            boto3.Session(botocore_session=core, region_name=self.home.region), f"the profile {profile}"
        )

        def ask(region: str) -> Any:
            clients = self.home.beside(given, ScanTarget(account_id, region))
            return responses.called(clients.client("sts"), "GetCallerIdentity")

        found = responses.member(self._by_region(ask), "Account", "GetCallerIdentity")
        _require(account_id, found, f"profile {profile}")
        return given

    def _assumed(self, account_id: str) -> dict[str, str]:
        """New credentials, as botocore wants them."""
        operation = "AssumeRole"
        name = _NOT_IN_SESSION_NAMES.sub("-", f"ecr-cleaner-{self.run_id}")[:_LONGEST_SESSION_NAME]
        asked = {
            "RoleArn": self.role_arn(account_id),
            "RoleSessionName": name,
            "DurationSeconds": SESSION_SECONDS,
        }

        def ask(region: str) -> Any:
            clients = self.home.for_target(ScanTarget(self.home.target.account_id, region))
            return _called(clients.client("sts"), operation, **asked)

        answer = self._by_region(ask)
        arn = str(responses.member(responses.member(answer, "AssumedRoleUser", operation), "Arn", operation))
        _require(account_id, (arn.split(":") + [""] * 5)[4], f"the session of {asked['RoleArn']}")
        given = responses.member(answer, "Credentials", operation)
        expires = responses.member(given, "Expiration", operation)
        if not hasattr(expires, "isoformat"):
            raise IncompleteAnswerError(operation, "Expiration")
        return {
            "access_key": responses.member(given, "AccessKeyId", operation),
            "secret_key": responses.member(given, "SecretAccessKey", operation),
            "token": responses.member(given, "SessionToken", operation),
            "expiry_time": expires.isoformat(),
        }

    def _by_region(self, ask: Callable[[str], _T]) -> _T:
        """An answer of the Security Token Service of the run's region, else of a region that every account can use.

        It gives credentials only for accounts that have enabled its region; those of any region are valid in all
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html).
        """
        own, default = self.home.region, default_region(self.home)
        try:
            return ask(own)
        except errors.AwsError as error:
            if errors.code_of(error) not in _REGION_REFUSES or own == default:
                raise
        return ask(default)

    def _session(self, profile: str | None) -> botocore.session.Session:
        """A session that shares what the run's own has read of the service models."""
        core = botocore.session.Session(profile=profile)
        shared = self.home.session._session.get_component("data_loader")  # noqa: SLF001 - boto3 does not hand it out
        core.register_component("data_loader", shared)
        return core


@dataclass(frozen=True, slots=True)
class _Given:
    """What botocore calls a provider, of credentials that are there already."""

    credentials: RefreshableCredentials
    METHOD: ClassVar[str] = "assume-role"
    CANONICAL_NAME: ClassVar[None] = None

    def load(self) -> RefreshableCredentials:
        """The credentials, which renew themselves."""
        return self.credentials


def default_region(clients: AwsClients) -> str:
    """The region that holds what is global in the partition, such as IAM: every account can use it."""
    partitions = clients.session._session.get_data("partitions")["partitions"]  # noqa: SLF001 - boto3 does not hand it out
    (found,) = (one for one in partitions if one["id"] == clients.partition)
    return str(found["outputs"]["implicitGlobalRegion"])


def _called(client: Any, operation: str, **asked: Any) -> Any:
    """As `responses.called`, whose error may quote the response: this one has credentials in it."""
    with suppress(IncompleteAnswerError, ResponseParserError):
        return responses.called(client, operation, **asked)
    raise IncompleteAnswerError(operation, "it does not have the expected form")


def _require(account_id: str, found: str, what: str) -> None:
    if found != account_id:
        raise WrongAccountError(what, account_id, found)
