"""Resource Groups Tagging API: the tags of ECR's repositories, which moto's does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Request
    from .state import Account


class TagIndexApi:
    """Handlers by operation."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations that are not left to moto."""
        return {"GetResources": self.get_resources}

    def get_resources(self, request: Request) -> dict[str, Any]:
        """Repositories that have tags, 50 a page, 100 at most; the last page has an empty token."""
        if request.get("ResourceTypeFilters") != ["ecr:repository"] or request.get("TagFilters"):
            raise AwsError("InvalidParameterException", "The sandbox has an index of all repositories alone.")
        names = self._account.repositories(request.region)
        tags = {one.arn: self._account.repository_tags(request.region, name) for name, one in names.items()}
        shown, token = page(
            request,
            [arn for arn, own in tags.items() if own],
            lambda arn: arn,
            size=50,
            token="PaginationToken",
            limit="ResourcesPerPage",
            largest=100,
        )
        found = [
            {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags[arn].items()]}
            for arn in shown
        ]
        return {"ResourceTagMappingList": found, "PaginationToken": token or ""}
