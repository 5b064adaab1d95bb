"""Whose credentials a request was signed with: keys of accounts, and sessions of roles that AssumeRole gave."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import string
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from .aws import ACCOUNT, AwsError, Identity, expired, now, user_of

if TYPE_CHECKING:
    from .aws import Request

_KEY_OF_ACCOUNT: Final = re.compile(r"AKIA([0-9]{12})SBOX")
_ALPHABET: Final = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Temporary ones of a role, as AssumeRole returns them."""

    access_key: str
    secret_key: str
    token: str
    expires_at: dt.datetime
    identity: Identity


def key_of(account: str) -> str:
    """The access key of a user with every right in an account; `ACCOUNT` has any other key as well."""
    return f"AKIA{account}SBOX"


class Identities:
    """The credentials that were given out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Credentials] = {}

    def reset(self) -> None:
        """Forget all sessions."""
        with self._lock:
            self._sessions.clear()

    def begin(self, role: str, role_id: str, session: str, seconds: int) -> Credentials:
        """Credentials of a role (its ARN), for so long."""
        account = role.split(":")[4]
        arn = f"{role.partition(':iam:')[0]}:sts::{account}:assumed-role/{role.rpartition('/')[2]}/{session}"
        made = Credentials(
            "ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
            secrets.token_urlsafe(30),
            secrets.token_urlsafe(180),
            now().replace(microsecond=0) + dt.timedelta(seconds=seconds),
            Identity(account, arn, role, f"{role_id}:{session}", is_session=True),
        )
        with self._lock:
            self._sessions[made.access_key] = made
        return made

    def end(self, account: str) -> None:
        """Let all sessions of an account's roles be over."""
        with self._lock:
            for key, session in self._sessions.items():
                if session.identity.account == account:
                    self._sessions[key] = replace(session, expires_at=now() - dt.timedelta(seconds=1))

    def known(self, access_key: str) -> Credentials | None:
        """The session of an access key, also one that is over."""
        with self._lock:
            return self._sessions.get(access_key)

    def owner(self, access_key: str) -> Identity:
        """Whose key it is; one that was not given out is the sandbox's own."""
        if session := self.known(access_key):
            return session.identity
        match = _KEY_OF_ACCOUNT.fullmatch(access_key)
        return user_of(match[1] if match else ACCOUNT)

    def signer(self, access_key: str, token: str) -> tuple[str, str] | None:
        """Account and principal of whoever signed with these credentials; None if they are not valid."""
        session = self.known(access_key)
        if access_key.startswith("ASIA") and (session is None or session.token != token or session.expires_at <= now()):
            return None
        owner = self.owner(access_key)
        return owner.account, owner.principal

    def check(self, request: Request) -> None:
        """Refuse credentials that are not valid.

        Raises:
            AwsError: A session is not known, is over, or its token is not the one that came with it.
        """
        if not request.access_key.startswith("ASIA"):
            return
        session = self.known(request.access_key)
        if session is None or session.token != request.token:
            raise unrecognized(request)
        if session.expires_at <= now():
            raise expired(request)


def unrecognized(request: Request) -> AwsError:
    """The error of credentials that mean nobody, or nobody in this region."""
    message = "The security token included in the request is invalid."
    if request.service == "s3":
        return AwsError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    if request.protocol == "ec2":
        return AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if request.protocol == "query":
        return AwsError("InvalidClientTokenId", message, 403)
    return AwsError("UnrecognizedClientException", message, 400 if request.protocol == "json" else 403)
