"""The real account: only with its number said aloud, and nothing of ours left in it."""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ecr_cleaner.aws.client import AwsClients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCOUNT_VARIABLE: Final = "ECR_CLEANER_AWS_ACCOUNT"
PREFIX: Final = "ecr-cleaner-test-"
"""Everything that is made in the account begins with it."""


class RefusedError(Exception):
    """Nothing was made: nobody said clearly enough in which account to do it."""


class Account:
    """A real account for the length of a block; at its end everything that was made in it is removed again.

    Attributes:
        number: Twelve digits.
        region: As the credentials' configuration names it.
        partition: ``aws``, ``aws-cn``, ...
        name: Of everything made; different in each run.
        leftovers: What could not be removed again, with the cause.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Look whose credentials these are.

        Raises:
            RefusedError: They are not those of the account that the environment names, or there are none.
        """
        wanted = environment.get(ACCOUNT_VARIABLE, "")
        if not re.fullmatch(r"[0-9]{12}", wanted):
            raise RefusedError(
                f"Set {ACCOUNT_VARIABLE} to the number of the account in which to make and remove things."
            )
        self._session = boto3.Session(region_name=environment.get("AWS_REGION"))
        if self._session.region_name is None:
            raise RefusedError("Set AWS_REGION.")
        try:
            caller = self.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise RefusedError(f"The credentials cannot be used: {error}") from None
        if caller["Account"] != wanted:
            raise RefusedError(f"These are credentials of account {caller['Account']}, not of {wanted}.")
        self.number = wanted
        self.region: str = self._session.region_name
        self.partition = caller["Arn"].split(":")[1]
        self.name = PREFIX + secrets.token_hex(4)
        self.leftovers: list[str] = []
        self._made = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._made.close()

    def client(self, service: str, credentials: Mapping[str, str] | None = None, *, region: str | None = None) -> Any:
        """A client with the caller's credentials, or with those that STS handed out; of another region on request."""
        if credentials is None:
            return self._session.client(service, region_name=region)
        return self._session.client(
            service,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    def clients(self) -> AwsClients:
        """The function's clients, with the caller's credentials."""
        return AwsClients(self._session)

    def repository(self, purpose: str, tags: Mapping[str, str] | None = None) -> str:
        """Makes a repository and returns its name."""
        name = f"{self.name}/{purpose}"
        ecr = self.client("ecr")
        self.later(f"repository {name}", lambda: ecr.delete_repository(repositoryName=name, force=True))
        ecr.create_repository(repositoryName=name)
        for key, value in (tags or {}).items():  # one by one, because two may differ in case only
            ecr.tag_resource(resourceArn=self.arn("ecr", f"repository/{name}"), tags=[{"Key": key, "Value": value}])
        return name

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{resource}"

    def later(self, thing: str, remove: Callable[[], object]) -> None:
        """Notes how to remove a thing at the end, before it is made; the last one made goes first."""
        self._made.callback(self._remove, thing, remove)

    def _remove(self, thing: str, remove: Callable[[], object]) -> None:
        try:
            with suppress(*_absent(self)):
                remove()
        except (BotoCoreError, ClientError) as error:
            # The next one is removed all the same.
            self.leftovers.append(f"{thing}: {error}")


def _absent(account: Account) -> tuple[type[Exception], ...]:
    """What says that there is nothing to remove."""
    ecr, iam = account.client("ecr"), account.client("iam")
    return ecr.exceptions.RepositoryNotFoundException, iam.exceptions.NoSuchEntityException
