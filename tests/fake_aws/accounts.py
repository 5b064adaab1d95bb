"""All accounts that the sandbox was told of: the one of its own keys, others, and the organization they are in."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from .aws import ACCOUNT
from .identities import Identities
from .state import Account

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED", "PENDING_ACTIVATION"]

ORGANIZATION: Final = "o-exampleorgid"
ROOT: Final = "r-examplerootid111"
READER: Final = "ecr-cleaner-reader"
FUNCTION: Final = "ecr-cleaner"


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an account.

    Attributes:
        name: As the organization has it.
        state: `State`, or one that AWS may come to have.
        member: Whether it is in the organization.
        unit: Id of the organizational unit; empty: it is directly under the root.
    """

    name: str
    state: str = "ACTIVE"
    member: bool = True
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """The one organization there may be.

    Attributes:
        id: As ``aws:PrincipalOrgID`` has it.
        management: The id of its management account.
        delegates: Accounts that may list its accounts although they are not the management account.
        shows: Which of ``State`` and ``Status`` its listing has: the second was to be retired on 9 September 2026.
    """

    id: str = ORGANIZATION
    management: str = ACCOUNT
    delegates: frozenset[str] = frozenset()
    shows: tuple[str, ...] = ("State", "Status")


class Accounts:
    """The accounts by their ids.

    Attributes:
        own: The account of the sandbox's own keys.
        identities: Credentials.
        organization: None: no account is in one.
        told: What is known of each account, the own one first.
    """

    def __init__(self, own: Account) -> None:
        self.own = own
        self.identities = Identities()
        self.organization: Organization | None = None
        self.told: dict[str, Told] = {}
        self._others: dict[str, Account] = {}
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self.organization = None
        self.told = {self.own.id: Told("registry")}
        self.identities.reset()

    def reset(self) -> None:
        """Forget everything, moto's state too; the own account is then the only one."""
        with self._lock:
            for account in (self.own, *self._others.values()):
                account.reset()
            self._forget()
        BackendDict.reset()
        reset_model_data()

    def state(self, account: str) -> Account:
        """What an account holds.

        Raises:
            LookupError: Nobody told of it.
        """
        if account not in self.told:
            raise LookupError(f"there is no account {account}; there are {', '.join(self.told)}")
        with self._lock:
            if account != self.own.id and account not in self._others:
                self._others[account] = Account(account, self.own)
            return self._others.get(account, self.own)

    def tell(
        self,
        account: str,
        *,
        name: str | None = None,
        state: str | None = None,
        member: bool | None = None,
        unit: str | None = None,
    ) -> None:
        """Make an account, or tell more of one; what is not said stays.

        Raises:
            ValueError: It is no account id, or a state that no account has; ``?`` before a state makes one that AWS
                may come to have.
        """
        if not re.fullmatch(r"[0-9]{12}", account):
            raise ValueError(f"an account's id has 12 digits, got {account!r}")
        if state is not None and not state.startswith("?") and state not in get_args(State):
            raise ValueError(f"the state of an account is never {state}")
        known = self.told.get(account) or Told(f"account-{account}")
        self.told[account] = Told(
            known.name if name is None else name,
            known.state if state is None else state.removeprefix("?"),
            known.member if member is None else member,
            known.unit if unit is None else unit,
        )

    def organize(self, told: Mapping[str, Any]) -> None:
        """Put all accounts that do not say otherwise into an organization.

        Raises:
            ValueError: A key means nothing.
        """
        if unknown := sorted(set(told) - {"id", "management", "delegates", "shows"}):
            raise ValueError(f"an organization has no {', '.join(unknown)}")
        made = Organization()
        self.organization = Organization(
            str(told.get("id", made.id)),
            str(told.get("management", made.management)),
            frozenset(map(str, told.get("delegates", ()))),
            tuple(map(str, told.get("shows", made.shows))),
        )

    def is_open(self, account: str) -> bool:
        """Whether somebody can do something in it: in one that is closed or not yet open nobody can assume a role.

        One that is about to be closed "remains functional":
        https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html.
        """
        known = self.told.get(account)
        return known is not None and known.state not in {"SUSPENDED", "CLOSED", "PENDING_ACTIVATION"}

    def is_member(self, account: str) -> bool:
        """Whether it is in the organization."""
        return self.organization is not None and account in self.told and self.told[account].member

    def path(self, account: str) -> str:
        """Its place in the organization, as ``aws:PrincipalOrgPaths`` has it; empty outside."""
        if self.organization is None or not self.is_member(account):
            return ""
        return "/".join(filter(None, (self.organization.id, ROOT, self.told[account].unit))) + "/"

    def add_reader(self, account: str, role: str = READER, *, conditions: Mapping[str, Any] | None = None) -> None:
        """Make the role that the function assumes, or give it another trust policy, as the module for readers does.

        Args:
            account: Where.
            role: Its name.
            conditions: Further ones, by operator; also such as nobody fulfils.
        """
        principals = [f"arn:aws:iam::{self.own.id}:{rest}" for rest in (f"role/{FUNCTION}", "user/sandbox")]
        demanded: dict[str, Any] = {"ArnEquals": {"aws:PrincipalArn": principals}}
        if self.organization and self.is_member(account):
            demanded["StringEquals"] = {"aws:PrincipalOrgID": self.organization.id}
        for operator, keys in (conditions or {}).items():
            demanded[operator] = demanded.get(operator, {}) | keys
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{self.own.id}:root"},
            "Action": "sts:AssumeRole",
            "Condition": demanded,
        }
        self.add_role(account, role, {"Version": "2012-10-17", "Statement": [statement]})

    def add_role(self, account: str, role: str, trust: Mapping[str, Any]) -> None:
        """Make a role, or give it another trust policy."""
        backend = self.state(account).moto("iam", "aws")
        found = next((one for one in backend.get_roles() if one.name == role), None)
        if found is not None:
            found.assume_role_policy_document = json.dumps(trust)
            return
        backend.create_role(
            role_name=role,
            assume_role_policy_document=json.dumps(trust),
            path="/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="3600",
        )

    def remove_role(self, account: str, role: str = READER) -> None:
        """Take a role away; its sessions go on, as AWS lets them until they expire."""
        backend = self.state(account).moto("iam", "aws")
        for one in [one for one in backend.get_roles() if one.name == role]:
            del backend.roles[one.id]
