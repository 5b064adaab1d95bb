"""Services of which nothing is imitated but the form of calls and answers, as botocore's models have it.

A scenario's ``tables`` section says what each operation answers; what is not told is an empty listing, or a thing that
does not exist::

    tables:
      lightsail:
        GetContainerServices:
          - items: [{containerServiceName: shop, ...}]
        GetContainerServiceDeployments:
          - {when: {serviceName: shop}, items: [{version: 1, ...}]}
      emr-serverless:
        GetApplication:
          - {when: {applicationId: a1}, answer: {application: {...}}}
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import botocore.session

from .aws import AwsError
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel

    from .aws import Request
    from .state import Account

SERVICES: Final = ("lightsail",)
"""By botocore's names."""

_TOKENS: Final = (("nextToken", "nextToken"), ("NextToken", "NextToken"))
_LIMITS: Final = ("maxResults", "MaxResults", "MaxRecords", "Limit")


@dataclass(slots=True)
class Tables:
    """What is told, by service and operation."""

    told: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)


class TablesApi:
    """Handlers for every operation of the services, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account
        session = botocore.session.get_session()
        self._models = {name: session.get_service_model(name) for name in SERVICES}

    def handlers(self) -> dict[str, dict[str, Callable[[Request], dict[str, Any]]]]:
        """Every operation of every service."""
        return {name: dict.fromkeys(model.operation_names, self.answer) for name, model in self._models.items()}

    def load(self, region: str, told: Mapping[str, Any], _: dt.datetime) -> None:
        """Add what is told.

        Raises:
            ValueError: There is no such service or operation.
        """
        store = self._account.store(region, Tables)
        for service, operations in told.items():
            for operation, answers in operations.items():
                if service not in self._models or operation not in self._models[service].operation_names:
                    raise ValueError(f"there is no table for {service} {operation}")
                store.told.setdefault((service, operation), []).extend(answers)

    def answer(self, request: Request) -> dict[str, Any]:
        """What was told for this question."""
        model = self._models[request.service].operation_model(request.operation)
        told = self._account.store(request.region, Tables).told.get((request.service, request.operation), [])
        fits = [one for one in told if all(request.get(name) == value for name, value in one.get("when", {}).items())]
        if answers := [one["answer"] for one in fits if "answer" in one]:
            return dict(answers[0])
        listing = _listing(model)
        if listing is None:
            raise AwsError("ResourceNotFoundException", f"{request.operation}: nothing was told", 404)
        return _page(request, model, listing, [item for one in fits for item in one.get("items", [])])


def _listing(model: OperationModel) -> str | None:
    """The member that lists, if the operation is one that lists."""
    if model.output_shape is None:
        return None
    lists = [name for name, shape in model.output_shape.members.items() if shape.type_name == "list"]
    return lists[0] if len(lists) == 1 else None


def _page(request: Request, model: OperationModel, listing: str, items: list[Any]) -> dict[str, Any]:
    asked = model.input_shape.members if model.input_shape else {}
    given = model.output_shape.members if model.output_shape else {}
    pages = [(there, back) for there, back in _TOKENS if there in asked and back in given]
    if not pages:
        return {listing: items}
    (there, back), *_ = pages
    numbered = list(enumerate(items))
    shown, token = page(
        request,
        numbered,
        lambda pair: json.dumps(pair[0]).zfill(9),
        size=100,
        token=there,
        limit=next((name for name in _LIMITS if name in asked), "maxResults"),
        largest=1000,
    )
    return {listing: [item for _, item in shown], back: token}
