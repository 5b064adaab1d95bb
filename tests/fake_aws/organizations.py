"""AWS Organizations: which organization an account is in, and which accounts are; the rest is moto's.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html: a page may be empty and go on, as
faults make it. Without an organization of the sandbox's, moto answers, which knows those that are made by calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Accounts, Organization
    from .aws import Answer, Request

_JOINED: Final = 1_700_000_000.0
_STATUSES: Final = {"CLOSED": "SUSPENDED", "PENDING_ACTIVATION": "ACTIVE"}
"""What ``Status``, which knows three values, has for states that it does not know: AWS's documentation does not say."""


class OrganizationsApi:
    """Handlers by operation."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any] | Answer]]:
        """The operations served."""
        return {"DescribeOrganization": self.describe_organization, "ListAccounts": self.list_accounts}

    def describe_organization(self, request: Request) -> dict[str, Any] | Answer:
        """From any of its accounts."""
        organization = self._of(request)
        if organization is None:
            return request.forward()
        root = f"arn:aws:organizations::{organization.management}"
        return {
            "Organization": {
                "Id": organization.id,
                "Arn": f"{root}:organization/{organization.id}",
                "FeatureSet": "ALL",
                "MasterAccountArn": f"{root}:account/{organization.id}/{organization.management}",
                "MasterAccountId": organization.management,
                "MasterAccountEmail": f"aws+{organization.management}@example.com",
                "AvailablePolicyTypes": [],
            }
        }

    def list_accounts(self, request: Request) -> dict[str, Any] | Answer:
        """20 a page; from the management account, and accounts that it delegated this to."""
        organization = self._of(request)
        if organization is None:
            return request.forward()
        if request.account not in {organization.management, *organization.delegates}:
            raise AwsError("AccessDeniedException", "You don't have permissions to access this resource.")
        members = [name for name in self._accounts.told if self._accounts.is_member(name)]
        shown, token = page(request, members, str, size=20, token="NextToken", limit="MaxResults")
        return {"Accounts": [self._shown(organization, name) for name in shown], "NextToken": token}

    def _of(self, request: Request) -> Organization | None:
        organization = self._accounts.organization
        if organization is not None and not self._accounts.is_member(request.account):
            raise AwsError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
        return organization

    def _shown(self, organization: Organization, account: str) -> dict[str, Any]:
        told = self._accounts.told[account]
        both = {"State": told.state, "Status": _STATUSES.get(told.state, told.state)}
        return {
            "Id": account,
            "Arn": f"arn:aws:organizations::{organization.management}:account/{organization.id}/{account}",
            "Email": f"aws+{account}@example.com",
            "Name": told.name,
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": _JOINED,
            "Paths": [self._accounts.path(account)],
            **{key: both[key] for key in organization.shows},
        }
