"""A world that answers whatever is asked, in any order, and in which something vanishes between two calls."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSResponse

from ecr_cleaner.aws import errors
from tests.fake_aws.shapes import filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ecr_cleaner.aws.client import AwsClients

Name = str | int
_ALSO_LIST: Final = frozenset({"DescribeJobQueues", "GetContainerServices"})
_COUNTED: Final = frozenset({"pipelineVersion", "version"})
"""Members whose numbers each thing has: they name none."""
_SAYS_NOTHING: Final = frozenset({"BatchGetDeploymentGroups", "BatchGetDeployments", "DescribeJobs"})
"""They leave out what they do not find."""


@dataclass(frozen=True, slots=True)
class Told:
    """One call, and what it is answered with.

    Attributes:
        service: boto3's name.
        operation: As AWS writes it.
        asked: The parameters.
        answer: All of the answer.
    """

    service: str
    operation: str
    asked: Mapping[str, Any]
    answer: Mapping[str, Any]

    @property
    def items(self) -> list[Any]:
        """What it lists; nothing if it describes what it is asked for."""
        if not (self.operation.startswith(("List", "Search")) or self.operation in _ALSO_LIST):
            return []
        return [item for found in self.answer.values() if isinstance(found, list) for item in found]

    @property
    def names_asked(self) -> set[Name]:
        """Everything that it is asked with."""
        return set(names(dict(self.asked)))


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is listed and asked for afterwards.

    Attributes:
        names: By which it is listed and asked for.
        gone: Those, and the names of all that is gone with it.
        calls: Numbers of the calls that ask for any of these.
    """

    names: frozenset[Name]
    gone: frozenset[Name]
    calls: tuple[int, ...]


def names(told: Any) -> Iterator[Name]:
    """Every text and number in a value of whatever shape that may be a name, and no status or type."""
    if isinstance(told, dict):
        told = [value for key, value in told.items() if key not in _COUNTED]
    if isinstance(told, list):
        for item in told:
            yield from names(item)
    elif isinstance(told, str | int) and not isinstance(told, bool) and not str(told).isupper():
        yield told


def things(calls: Sequence[Told]) -> Iterator[Thing]:
    """Everything that is listed and asked for afterwards."""
    for number, call in enumerate(calls):
        known = {one for before in calls[:number] for one in (*names(dict(before.answer)), *before.names_asked)}
        later = {one for after in calls[number + 1 :] for one in after.names_asked} - known - call.names_asked
        for item in call.items:
            if own := frozenset(later & set(names(item))):
                yield _thing(calls, number, own)


def _thing(calls: Sequence[Told], listing: int, own: frozenset[Name]) -> Thing:
    gone, mine = set(own), []
    others = {one for call in calls[: listing + 1] for one in (*names(dict(call.answer)), *call.names_asked)}
    for number, call in enumerate(calls):
        if number > listing and gone & call.names_asked and calls.index(call) == number:
            mine.append(number)
            gone |= set(names(dict(call.answer))) - others
    return Thing(own, frozenset(gone), tuple(mine))


def twice(calls: Sequence[Told], image: str, other: str) -> list[Told]:
    """The same with a second thing of each kind, which names another image."""
    asked = {one for call in calls for one in call.names_asked}
    found = list(things(calls))
    of_one = {one for thing in found for one in thing.names}
    of_one |= {one for thing in found for one in thing.gone & asked if str(one).startswith("arn:")}
    renamed: dict[Name, Name] = {one: one + 100 if isinstance(one, int) else f"{one}-too" for one in of_one}
    made = list(calls)
    for call in calls:
        asked_too, answer = (_renamed(dict(part), {**renamed, image: other}) for part in (call.asked, call.answer))
        if asked_too == call.asked:
            number = made.index(call)
            made[number] = replace(call, answer=_merged(call.answer, answer))
        else:
            made.append(replace(call, asked=asked_too, answer=answer))
    return made


def _renamed(told: Any, renamed: Mapping[Name, Name]) -> Any:
    if isinstance(told, dict):
        return {key: _renamed(value, renamed) for key, value in told.items()}
    if isinstance(told, list):
        return [_renamed(item, renamed) for item in told]
    return renamed.get(told, told) if isinstance(told, str | int) and not isinstance(told, bool) else told


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: [*value, *(one for one in second[name] if one not in value)] for name, value in _lists(first)}
    return {**first, **both}


def _lists(answer: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    yield from ((name, value) for name, value in answer.items() if isinstance(value, list))


class _NotFoundError(Exception):
    """A call is refused with a code."""


@dataclass(slots=True)
class World:
    """An account.

    Attributes:
        aws: Its clients.
        calls: All that can be asked.
        call: The number of the one that does not find what it is asked for; None: none, from the beginning.
        thing: What vanishes just before that call; None: nothing does, so that the call contradicts the listings.
        code: By which the call says so, if it does by a code.
    """

    aws: AwsClients
    calls: Sequence[Told]
    call: int | None
    thing: Thing | None = None
    code: str = ""
    _is_gone: bool = False

    def __post_init__(self) -> None:
        """Before any call."""
        self._is_gone = self.call is None

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Answer all calls."""
        clients = [self.aws.client(service) for service in {call.service for call in self.calls} | {"ecs"}]
        for client in clients:
            client.meta.events.register_first("before-parameter-build.*.*", _keep, "kept")
            client.meta.events.register_first("before-call.*.*", self._answer, "answered")
        try:
            yield
        finally:
            for client in clients:
                client.meta.events.unregister("before-parameter-build.*.*", unique_id="kept")
                client.meta.events.unregister("before-call.*.*", unique_id="answered")

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        merged: dict[str, Any] = {}
        try:
            for asked in _one_by_one(context["asked"]):
                found = self._found(model, asked)
                lists = {name: [*merged.get(name, []), *value] for name, value in _lists(found)}
                merged = {**merged, **found, **lists}
        except _NotFoundError as error:
            told = {"Error": {"Code": str(error), "Message": "as told"}, "ResponseMetadata": {}}
            return AWSResponse("", 400, {}, None), told
        return AWSResponse("", 200, {}, None), filled(model.output_shape, merged)

    def _found(self, model: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
        number = next(
            (n for n, call in enumerate(self.calls) if call.operation == model.name and call.asked == asked), None
        )
        if number is None:
            # Nothing of a family is left: that proves that its task definitions do not exist.
            assert model.name == "ListTaskDefinitions", f"{model.name} is asked with {asked}"
            return {"taskDefinitionArns": []}
        if number == self.call:
            self._is_gone = True
        gone = self.thing.gone if self.thing else frozenset()
        call = self.calls[number]
        if self._is_gone and (gone & call.names_asked or (number == self.call and self.thing is None)):
            return _not_found(model, asked, self.code if number == self.call else "")
        hidden = self.thing.names if self.thing and self._is_gone else frozenset()
        lists = {name: [one for one in items if not hidden & set(names(one))] for name, items in _lists(call.answer)}
        return {**call.answer, **lists} if call.items else dict(call.answer)


def _not_found(model: Any, asked: Mapping[str, Any], code: str) -> dict[str, Any]:
    """How an operation says that it does not find what it is asked for."""
    members = model.output_shape.members
    if code or codes(model) != [""]:
        raise _NotFoundError(code or codes(model)[0])
    (ids,) = [value for value in asked.values() if isinstance(value, list)]
    if "failures" in members:
        described = next(name for name in members if name != "failures")
        return {described: [], "failures": [{"arn": one, "reason": "MISSING"} for one in ids]}
    not_found = [name for name in members if name.endswith("NotFound")]
    listed = [name for name, member in members.items() if member.type_name == "list"]
    return {name.removesuffix("NotFound"): [] for name in not_found or listed} | dict.fromkeys(not_found, ids)


def codes(model: Any) -> list[str]:
    """The codes by which an operation says that it does not find something, by its model.

    One that is empty stands for a successful response that says so.
    """
    if model.name in _SAYS_NOTHING or any(re.search("failures|NotFound$", name) for name in model.output_shape.members):
        return [""]
    modelled = [error.error_code for error in model.error_shapes]
    return [code for code in modelled if may_not_exist(code)]


def may_not_exist(code: str) -> bool:
    """Whether a call that is refused with a code may not have found what it is asked for."""
    return errors.may_not_exist(errors.ClientError({"Error": {"Code": code}}, "Any"))


_OF_SEVERAL: Final = frozenset({"deploymentGroupNames", "deploymentIds", "ids", "jobs", "names", "services", "tasks"})


def _one_by_one(asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A request for several things, as one for each."""
    for name, value in asked.items():
        if name in _OF_SEVERAL or name.endswith("Arns"):
            return [{**asked, name: [one]} for one in value]
    return [asked]


def _keep(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["asked"] = params
