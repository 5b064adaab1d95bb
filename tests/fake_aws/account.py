"""Account Management: which regions the account can use.

A scenario's ``regions`` section; the sandbox's own region is always enabled, and of others nothing is known::

    regions: {eu-west-1: ENABLED_BY_DEFAULT, ap-east-1: ENABLED, me-south-1: DISABLED}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .aws import REGION, AwsError
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_STATUSES = frozenset({"DISABLED", "DISABLING", "ENABLED", "ENABLED_BY_DEFAULT", "ENABLING"})


class AccountApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {"ListRegions": self.list_regions}

    def load(self, _region: str, told: Mapping[str, str], _now: dt.datetime) -> None:
        """Add regions; one told again is replaced."""
        if unknown := sorted(set(told.values()) - _STATUSES):
            raise ValueError(f"a region is never {', '.join(unknown)}")
        self._account.region_statuses.update(told)

    def list_regions(self, request: Request) -> dict[str, Any]:
        """50 a page at most, in any status unless asked for some."""
        if request.get("AccountId"):
            raise AwsError(
                "AccessDeniedException", "Only an organization's management account may name another account"
            )
        statuses = {REGION: "ENABLED_BY_DEFAULT", **self._account.region_statuses}
        wanted = request.get("RegionOptStatusContains") or _STATUSES
        if not set(wanted) <= _STATUSES:
            raise AwsError("ValidationException", "RegionOptStatusContains")
        names = [name for name, status in statuses.items() if status in wanted]
        shown, token = page(request, names, str, size=50, token="NextToken", limit="MaxResults")
        return {"Regions": [{"RegionName": one, "RegionOptStatus": statuses[one]} for one in shown], "NextToken": token}
