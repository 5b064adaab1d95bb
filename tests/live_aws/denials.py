"""Whether IAM denies what the module's policy means to deny: asked by calls, as a role that has that policy.

Each call asks to remove a digest that does not exist. Authorization comes first, so "no such image" means allowed, and
nothing can be lost whatever the answer is.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from tests.live_aws.deleting import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live_aws.account import Account

PATIENCE_SECONDS: Final = 120.0
"""How long a new role or policy may take until every part of AWS knows it."""

_NO_DIGEST: Final = f"sha256:{'0' * 64}"
_DENIED: Final = "AccessDeniedException"
_NOT_YET: Final = frozenset({"AccessDenied", "InvalidClientTokenId", "UnrecognizedClientException", _DENIED})

TAGS: Final[dict[str, dict[str, str]]] = {
    "no tag": {},
    "BoxCleanerEnabled = true": {"BoxCleanerEnabled": "true"},
    "BoxCleanerEnabled = True": {"BoxCleanerEnabled": "True"},
    "boxcleanerenabled = true": {"boxcleanerenabled": "true"},
    "BoxCleanerEnabled = true and boxcleanerenabled = false": {
        "BoxCleanerEnabled": "true",
        "boxcleanerenabled": "false",
    },
}
"""How repositories are tagged: what people mean, what they mistype, and what IAM may not tell apart."""


@dataclass(slots=True)
class Denials:
    """A role with the module's policy, in an account.

    Attributes:
        account: Where.
        policy: Makes the policy document, given ``dry_run``.
        patience: Seconds to wait for what was just made.
        pause: Waits for some seconds.
    """

    account: Account
    policy: Callable[[bool], dict[str, Any]]
    patience: float = PATIENCE_SECONDS
    pause: Callable[[float], None] = time.sleep
    _ecr: Any = field(init=False, default=None)
    _secret: str = field(init=False, default_factory=lambda: secrets.token_hex(16))

    def ask(self) -> Iterator[Answer]:
        """Every question about permissions.

        Yields:
            Its answers; one that says so if the caller may make no role.
        """
        made: dict[str, str] = {}
        for number, (words, tags) in enumerate(TAGS.items()):
            try:
                made[words] = self.account.repository(f"denials-{number}", tags)
            except ClientError as error:  # perhaps ECR refuses keys that differ in case only
                yield Answer(f"Removal by the role, repository with {words}", f"not asked: {error}")
        opted_in = made["BoxCleanerEnabled = true"]
        try:
            role = self._role(self.policy(False))  # noqa: FBT003 - dry_run
        except ClientError as error:
            yield Answer("Removal by the role", f"not asked: {error}")
            return
        self._ecr = self.account.client("ecr", self._credentials(role))
        self._wait(lambda: self._delete(opted_in) == "allowed")
        for words, repository in made.items():
            yield Answer(f"Removal by the role, repository with {words}", self._delete(repository))
        yield Answer("Tagging a repository by the role", self._tag(made["no tag"]))
        yield from self._own(role, opted_in)
        self._attach(role, self.policy(True))  # noqa: FBT003
        self._wait(lambda: self._delete(opted_in) != "allowed")
        yield Answer("Removal by the role while dry_run is true, repository opted in", self._delete(opted_in))

    def _own(self, role: str, opted_in: str) -> Iterator[Answer]:
        """The repository of the function's own image, opted in by mistake."""
        own = json.loads(json.dumps(self.policy(False)))  # noqa: FBT003
        for statement in own["Statement"]:
            if statement["Sid"] == "DenyRemovalOfOwnImage":
                statement["Resource"] = [self.account.arn("ecr", f"repository/{opted_in}")]
        self._attach(role, own)
        self._wait(lambda: self._delete(opted_in) != "allowed")
        yield Answer("Removal by the role from the repository of its own image, opted in", self._delete(opted_in))

    def _role(self, policy: dict[str, Any]) -> str:
        """Makes a role that only this run can take on; returns its ARN."""
        iam = self.account.client("iam")
        name = self.account.name
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"AWS": f"arn:{self.account.partition}:iam::{self.account.number}:root"},
                    "Condition": {"StringEquals": {"sts:ExternalId": self._secret}},
                }
            ],
        }
        self.account.later(f"role {name}", lambda: iam.delete_role(RoleName=name))
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        self.account.later(f"policy of role {name}", lambda: iam.delete_role_policy(RoleName=name, PolicyName="clean"))
        self._attach(arn, policy)
        return arn

    def _attach(self, role: str, policy: dict[str, Any]) -> None:
        name = role.rpartition("/")[2]
        self.account.client("iam").put_role_policy(
            RoleName=name, PolicyName="clean", PolicyDocument=json.dumps(policy, separators=(",", ":"))
        )

    def _credentials(self, role: str) -> dict[str, str]:
        sts = self.account.client("sts")
        deadline = time.monotonic() + self.patience
        while True:
            try:
                answer = sts.assume_role(RoleArn=role, RoleSessionName=self.account.name, ExternalId=self._secret)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _NOT_YET or time.monotonic() > deadline:
                    raise
                self.pause(5)
            else:
                credentials: dict[str, str] = answer["Credentials"]
                return credentials

    def _delete(self, repository: str) -> str:
        return self._allowed(
            lambda: self._ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": _NO_DIGEST}])
        )

    def _tag(self, repository: str) -> str:
        arn = self.account.arn("ecr", f"repository/{repository}")
        tags = [{"Key": "BoxCleanerEnabled", "Value": "true"}]
        return self._allowed(lambda: self._ecr.tag_resource(resourceArn=arn, tags=tags))

    def _allowed(self, call: Callable[[], object]) -> str:
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != _DENIED:
                raise
            explicit = "explicit deny" in error.response["Error"].get("Message", "")
            return "denied explicitly" if explicit else "denied"
        return "allowed"

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Until a change of the policy is known everywhere; if it never is, the answer will show it."""
        deadline = time.monotonic() + self.patience
        while not condition() and time.monotonic() < deadline:
            self.pause(5)
