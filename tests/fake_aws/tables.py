"""Services of which nothing is imitated but the form of calls and answers, as botocore's models have it.

A scenario's ``tables`` section says what each operation answers; what is not told is an empty listing, or a thing that
does not exist. Only what matters has to be told: whatever else the model demands is added::

    tables:
      lightsail:
        GetContainerServices:
          - items: [{containerServiceName: shop, ...}]
        GetContainerServiceDeployments:
          - {when: {serviceName: shop}, items: [{version: 1, ...}]}
      emr-serverless:
        GetApplication:
          - {when: {applicationId: a1}, answer: {application: {...}}}

A request is as strict as the model: members that it demands must be there, and a page is no larger than it allows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .aws import Answer, AwsError
from .models import service_model
from .paging import page
from .shapes import filled, for_json, for_query

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel

    from .aws import Request
    from .state import Account

    Handler = Callable[[Request], dict[str, Any] | Answer]
    Handlers = dict[str, Handler]

SERVICES: Final = (
    "bedrock-agentcore-control",
    "braket",
    "cleanrooms",
    "cleanroomsml",
    "codedeploy",
    "codepipeline",
    "elasticbeanstalk",
    "emr-containers",
    "emr-serverless",
    "eventbridgev2",
    "gamelift",
    "greengrassv2",
    "imagebuilder",
    "iotsitewise",
    "lambda-core",
    "lightsail",
    "omics",
)
"""By botocore's names."""

_TOKENS: Final = (("nextToken", "nextToken"), ("NextToken", "NextToken"), ("startingToken", "nextToken"))
_LIMITS: Final = ("maxResults", "MaxResults", "MaxRecords", "Limit")


@dataclass(slots=True)
class Tables:
    """What is told, by service and operation."""

    told: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)


class TablesApi:
    """Handlers for every operation of the services, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Handlers]:
        """Every operation of every service; the models are read when they are asked for."""
        return {service: _Every(self.answer) for service in SERVICES}

    def load(self, region: str, told: Mapping[str, Any], _: dt.datetime) -> None:
        """Add what is told.

        Raises:
            ValueError: There is no such service or operation, or it answers nothing like that.
        """
        store = self._account.store(region, Tables)
        for service, operations in told.items():
            for operation, answers in operations.items():
                model = self._model(service, operation)
                made = [_made(model, answer) for answer in answers]
                store.told.setdefault((service, operation), []).extend(made)

    def answer(self, request: Request) -> dict[str, Any] | Answer:
        """What was told for this question."""
        try:
            model = self._model(request.service, request.operation)
        except ValueError as error:
            raise AwsError("UnknownOperationException", str(error), 404) from error
        answer = self._answer(request, model)
        if request.protocol == "query":
            return Answer(200, {"content-type": "text/xml"}, for_query(model, answer))
        made: dict[str, Any] = for_json(answer)
        return made

    def _answer(self, request: Request, model: OperationModel) -> dict[str, Any]:
        for name in model.input_shape.required_members if model.input_shape else ():
            if request.get(name) is None:
                raise AwsError(_code(model, "Validation"), f"{name} is required")
        told = self._account.store(request.region, Tables).told.get((request.service, request.operation), [])
        fits = [one for one in told if all(request.get(name) == value for name, value in one.get("when", {}).items())]
        if answers := [one["answer"] for one in fits if "answer" in one]:
            return dict(answers[0])
        listing = _listing(model)
        if listing is None:
            raise AwsError(_code(model, "NotFound"), f"{request.operation}: nothing was told", 404)
        return _page(request, model, listing, [item for one in fits for item in one.get("items", [])])

    def _model(self, service: str, operation: str) -> OperationModel:
        if service not in SERVICES:
            raise ValueError(f"there is no table for {service}")
        model = service_model(service)
        if operation not in model.operation_names:
            raise ValueError(f"there is no table for {service} {operation}")
        return model.operation_model(operation)


class _Every(dict[str, "Handler"]):
    """The same handler for whatever operation."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    def get(self, *_: Any) -> Any:
        """The handler."""
        return self._handler


def _made(model: OperationModel, told: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(told) - {"when", "answer", "items"}):
        raise ValueError(f"what {model.name} answers has no {', '.join(unknown)}")
    made = dict(told)
    if asked := set(told.get("when", {})) - set(model.input_shape.members if model.input_shape else ()):
        raise ValueError(f"{model.name} cannot be asked for {', '.join(sorted(asked))}")
    if "answer" in told:
        made["answer"] = filled(model.output_shape, told["answer"])
    if "items" in told:
        listing = _listing(model)
        if listing is None:
            raise ValueError(f"{model.name} lists nothing")
        made["items"] = filled(model.output_shape.members[listing], told["items"], listing)
    return made


def _code(model: OperationModel, word: str) -> str:
    """The operation's own code for a failure of some kind."""
    codes = [shape.error_code or shape.name for shape in model.error_shapes]
    return next((code for code in codes if word in code), "ValidationException")


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
    limit = next((name for name in _LIMITS if name in asked), "maxResults")
    largest = int(asked[limit].metadata.get("max", 1000)) if limit in asked else 100
    shown, token = page(
        request,
        list(enumerate(items)),
        lambda pair: json.dumps(pair[0]).zfill(9),
        size=min(100, largest),
        token=there,
        limit=limit,
        largest=largest,
    )
    return {listing: [item for _, item in shown], back: token}
