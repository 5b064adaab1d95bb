"""The Security Token Service: who one is, and sessions of roles, as strictly as AWS gives them.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html. The caller's own policies are not looked at, as
nowhere in the sandbox: what it records is held against policies elsewhere.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from . import trust
from .aws import AwsError
from .identities import unrecognized

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Accounts
    from .aws import Request

_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/([\w+=,.@/-]+)")
_SHORTEST, _LONGEST, _LONGEST_OF_CHAIN = 900, 43_200, 3_600
_PATTERNS: Final = {
    "RoleSessionName": (r"[\w+=,.@-]*", 2, 64, True),
    "ExternalId": (r"[\w+=,.@:\/-]*", 2, 1224, False),
}


class StsApi:
    """Handlers by operation."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations that are not left to moto."""
        return {"AssumeRole": self.assume_role, "GetCallerIdentity": self.get_caller_identity}

    def get_caller_identity(self, request: Request) -> dict[str, Any]:
        """Needs no permission."""
        caller = request.identity
        return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}

    def assume_role(self, request: Request) -> dict[str, Any]:
        """A session of a role that exists and trusts the caller, in an account that is open."""
        arn, seconds = str(request.get("RoleArn", "")), self._checked(request)
        match = _ROLE.fullmatch(arn)
        if match is None:
            raise AwsError("ValidationError", f"{arn} is invalid", 400)
        account, path = match.groups()
        role = self._role(account, path)
        if role is None or not self._is_trusted(request, role):
            raise AwsError(
                "AccessDenied",
                f"User: {request.caller} is not authorized to perform: sts:AssumeRole on resource: {arn}",
                403,
            )
        if not self._accounts.state(account).may_use(request.region):
            message = (
                f"STS is not activated in this region for account:{account}."
                " Your account administrator can activate STS in this region using the IAM Console."
            )
            raise AwsError("RegionDisabledException", message, 403)
        if seconds > int(role.max_session_duration or 3600):
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise AwsError("ValidationError", message, 400)
        made = self._accounts.identities.begin(role.arn, role.id, str(request.get("RoleSessionName")), seconds)
        return {
            "Credentials": {
                "AccessKeyId": made.access_key,
                "SecretAccessKey": made.secret_key,
                "SessionToken": made.token,
                "Expiration": made.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "AssumedRoleUser": {"AssumedRoleId": made.identity.user_id, "Arn": made.identity.arn},
            "PackedPolicySize": 0,
        }

    def _checked(self, request: Request) -> int:
        """The seconds asked for.

        Raises:
            AwsError: A parameter is missing, too short, too long, or of another form.
        """
        if unknown := sorted(set(request.parameters) - {"RoleArn", "DurationSeconds", *_PATTERNS}):
            raise NotImplementedError(f"AssumeRole with {', '.join(unknown)}")
        for name, (pattern, shortest, longest, needed) in _PATTERNS.items():
            value = request.get(name)
            if value is None and not needed:
                continue
            if value is None or not (shortest <= len(value) <= longest and re.fullmatch(pattern, value)):
                raise _constraint(name, value, f"Member must satisfy regular expression pattern: {pattern}")
        seconds = int(request.get("DurationSeconds", 3600))
        if seconds < _SHORTEST:
            raise _constraint(
                "DurationSeconds", seconds, f"Member must have value greater than or equal to {_SHORTEST}"
            )
        if seconds > _LONGEST:
            raise _constraint("DurationSeconds", seconds, f"Member must have value less than or equal to {_LONGEST}")
        if request.identity.is_session and seconds > _LONGEST_OF_CHAIN:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
            )
            raise AwsError("ValidationError", message, 400)
        return seconds

    def _role(self, account: str, path: str) -> Any:
        """The role, by its path and name; None if there is none that anybody can assume now."""
        if not self._accounts.is_open(account):
            return None
        wanted = f"arn:aws:iam::{account}:role/{path}"
        roles = self._accounts.state(account).moto("iam", "aws").get_roles()
        return next((role for role in roles if role.arn == wanted), None)

    def _is_trusted(self, request: Request, role: Any) -> bool:
        caller, organization = request.identity, self._accounts.organization
        context: dict[str, tuple[str, ...]] = {
            "aws:principalaccount": (caller.account,),
            "aws:principalarn": (caller.principal,),
            "sts:rolesessionname": (str(request.get("RoleSessionName")),),
        }
        if organization and self._accounts.is_member(caller.account):
            context["aws:principalorgid"] = (organization.id,)
            context["aws:principalorgpaths"] = (self._accounts.path(caller.account),)
        if request.get("ExternalId"):
            context["sts:externalid"] = (str(request.get("ExternalId")),)
        policy = role.assume_role_policy_document
        return trust.allows(json.loads(policy) if isinstance(policy, str) else policy, caller, context)


def must_be_usable(request: Request, accounts: Accounts) -> None:
    """Refuse a caller whose account is closed, or cannot use the region.

    What AWS says of a session whose account closes meanwhile is not documented; here it is a token that means nobody,
    as it is in a region that the account has not enabled.

    Raises:
        AwsError: It is so.
    """
    account = request.identity.account
    if account == accounts.own.id:
        return
    if not accounts.is_open(account) or not accounts.state(account).may_use(request.region):
        raise unrecognized(request)


def _constraint(name: str, value: object, rule: str) -> AwsError:
    member = name[0].lower() + name[1:]
    message = f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    return AwsError("ValidationError", message, 400)
