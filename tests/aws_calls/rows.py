"""Answers for the rows of the table, made from botocore's shapes: two pages wherever there are pages.

Each image, digest and text that a row reads is another one, so that none can stand in for another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from ecr_cleaner.aws import response_paths
from ecr_cleaner.aws.responses import page_tokens
from tests.builders import HOST, digest
from tests.fake_aws.shapes import filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecr_cleaner.usage.declarative import Call, Chain
    from tests.aws_calls.script import Script

_STEP = re.compile(r"(\w+)((?:\[\]|\{\})*)")


def steps(path: str) -> list[tuple[str, str]]:
    """A path as names with what follows them."""
    return [(match[1], match[2]) for match in map(_STEP.fullmatch, path.split(".") if path else []) if match]


def shape_at(shape: Any, path: str) -> Any:
    """The shape at the end of a path."""
    for name, marks in steps(path):
        shape = shape.members[name]
        for mark in re.findall("..", marks):
            shape = shape.member if mark == "[]" else shape.value
    return shape


def is_known(shape: Any, path: str, *kinds: str) -> bool:
    """Whether the package finds something at the end of a path, of one of some types if any are given."""
    end = response_paths.shape_at(shape, path)
    return end is not None and (not kinds or end.type_name in kinds)


def put(told: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set what lies at the end of a path, in one item of every list and map on the way; in place, and returned."""
    here: Any = told
    *way, (last, _) = steps(path)
    for name, marks in way:
        for key in (name, *(0 if mark == "[]" else "k" for mark in re.findall("..", marks))):
            here = _entered(here, key)
    here[last] = value
    return told


def _entered(here: Any, key: Any) -> Any:
    # What is not there yet is a mapping with nothing in it; item 0 of a list is kept under that number until `listed`.
    return here.setdefault(key, {})


def listed(told: Any) -> Any:
    """Mappings with the key 0 as lists."""
    if not isinstance(told, dict):
        return told
    if set(told) == {0}:
        return [listed(told[0])]
    return {key: listed(value) for key, value in told.items()}


def holding(shape: Any, text: str, seen: tuple[str, ...] = ()) -> Any:
    """A value of whatever shape with a text in it; None if it holds none."""
    if getattr(shape, "is_document_type", False):
        return {"k": text}
    made: Any = None
    match shape.type_name:
        case "string":
            made = None if shape.enum else text
        case "blob":
            made = text.encode()
        case "list":
            inner = holding(shape.member, text, seen)
            made = None if inner is None else [inner]
        case "map":
            inner = holding(shape.value, text, seen)
            made = None if inner is None else {"k": inner}
        case "structure" if shape.name not in seen:
            inside = {name: holding(member, text, (*seen, shape.name)) for name, member in shape.members.items()}
            made = next(({name: inner} for name, inner in inside.items() if inner is not None), None)
    return made


def cut_short(client: Any, operation: str) -> None:
    """Let the next answer lack everything, as botocore reads a body that ends early; whatever its model demands."""
    event = f"after-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"

    def cut(parsed: dict[str, Any], **_: object) -> None:
        client.meta.events.unregister(event, cut)
        parsed.clear()

    client.meta.events.register_first(event, cut)


@dataclass(slots=True)
class Story:
    """A chain played to its end.

    Attributes:
        script: Where it is told.
        service: Of the source.
        chain: Which one.
        broken: Depth of the call whose first answer is cut short, if any.
        paged: Whether every listing that has pages is answered in two.
        tags: Every tag that has to be found.
        digests: Every digest.
    """

    script: Script
    service: str
    chain: Chain
    broken: int | None = None
    paged: bool = True
    tags: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _over: bool = False

    def tell(self, depth: int = 0, known: Mapping[str, Any] | None = None) -> None:
        """Script the calls from a depth on."""
        call, known = self.chain.calls[depth], known or {}
        asked = {member: known[source] for member, source in call.params_from.items() if source in known}
        service = call.service or self.service
        model = self._model(service, call.operation)
        tokens = page_tokens(self.script.aws.client(service), call.operation) if self.paged else None
        items = [self._item(depth, model) for _ in range(2 if tokens else 1)]
        for number, item in enumerate(items):
            if self.broken == depth:
                cut_short(self.script.aws.client(service), call.operation)
            turned = {tokens[0]: "page 1"} if tokens and number else {}
            more = {tokens[1]: "page 1"} if tokens and not number else {}
            answer = filled(model.output_shape, self._answer(call, item) | more)
            self.script.answer(service, self._method(service, call), answer, **asked, **call.params, **turned)
            if self.broken == depth:
                self._over = True
                return
        for item in items:
            if self._over:
                return
            if depth + 1 < len(self.chain.calls):
                self.tell(depth + 1, {**known, **asked, **item})

    def _answer(self, call: Call, item: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        if not call.items:
            answer = dict(item)
        else:
            put(answer, call.items, [item] if call.items.endswith("[]") else item)
        return answer

    def _item(self, depth: int, model: Any) -> dict[str, Any]:
        call = self.chain.calls[depth]
        shape = shape_at(model.output_shape, call.items)
        told: dict[str, Any] = {}
        for name in {source for later in self.chain.calls[depth + 1 :] for source in later.params_from.values()}:
            if name in shape.members:
                told[name] = f"{next(self._numbers):040d}"
        for found in call.images:
            at = f"{found.at}." if found.at else ""
            put(told, at + found.image, self._image())
            if found.digest:
                put(told, at + found.digest, self._digest())
        for path in call.digests:
            put(told, path, self._digest())
        for path in call.texts:
            put(told, path, holding(shape_at(shape, path), f"run {self._image()} now"))
        if call.required_member and call.required_member not in told:
            told[call.required_member] = f"{next(self._numbers):040d}"
        made: dict[str, Any] = filled(shape, listed(told))
        return made

    def _image(self) -> str:
        tag = f"t{next(self._numbers)}"
        self.tags.add(tag)
        return f"{HOST}/app:{tag}"

    def _digest(self) -> str:
        made = digest(str(next(self._numbers)))
        self.digests.add(made)
        return made

    def _model(self, service: str, operation: str) -> Any:
        return self.script.aws.client(service).meta.service_model.operation_model(operation)

    def _method(self, service: str, call: Call) -> str:
        methods = self.script.aws.client(service).meta.method_to_api_mapping
        return next(str(method) for method, operation in methods.items() if operation == call.operation)
