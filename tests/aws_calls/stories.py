"""Every source that is written by hand, as the calls that it makes to find one image; they stand in stories.yaml.

What holds for all of them is proven once, in `test_usage_stories`: a call that is refused, an answer that lacks
something, a listing that never ends. What a source makes of its answers stands in the tests of each.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.catalog import SOURCES
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import batch, ecs_families, sagemaker_executions
from ecr_cleaner.usage.sources.ecs import services as ecs_services
from ecr_cleaner.usage.sources.ecs import tasks as ecs_tasks
from ecr_cleaner.usage.sources.sagemaker import nested
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.aws_calls.consumers import APP, ARN, CLUSTER, anywhere, tagged
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_cleaner.model.usage import Reference, Usage
    from tests.aws_calls.script import Script

IMAGE: Final = tagged("v1")
"""The image that a story leads to; a test puts another text in its place."""

_TOKENS: Final = frozenset({"nextToken", "NextToken", "Marker"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a story.

    Attributes:
        method: boto3's name.
        asked: What is asked.
        answer: From which the next call follows; its first member is what the call is made for.
        needs: Paths to what the source cannot do without, beside that member.
        fails: How the call may be refused, if not as the story says.
        service: boto3's name, if it is not the story's.
        never_ends: Whether the listing is read to its end before anything else is asked.
        idle: Items that lead nowhere, where the model demands some.
    """

    method: str
    asked: dict[str, Any]
    answer: dict[str, Any]
    needs: Sequence[str] = ()
    fails: Sequence[str] | None = None
    service: str = ""
    never_ends: bool = True
    idle: Sequence[dict[str, Any]] = ()

    @property
    def result(self) -> str:
        """The member of the answer that the call is made for."""
        return next(iter(self.answer))

    def lacking(self, path: str) -> dict[str, Any]:
        """The answer without what is at the end of a path; nothing at all, if that is what the call is made for."""
        if path == self.result:
            return {}
        told = deepcopy(self.answer)
        here: Any = told
        *way, last = path.split(".")
        for step in way:
            here = here[step]
            here = here[0] if isinstance(here, list) else here
        del here[last]
        return told


@dataclass(frozen=True, slots=True)
class Story:
    """What a source asks, in order, to find `IMAGE`.

    Attributes:
        name: Of the source, and which part of it.
        service: boto3's name.
        collect: The source.
        calls: All of them.
        fails: How a call may be refused, beside "denied"; each of them is an error.
        settings: Of the source.
        is_read: Whether a text is read as one image's name where `IMAGE` stands.
        begins_empty: Whether nothing more is asked where the first call finds nothing.
        beside: What is found whatever stands in place of `IMAGE`.
    """

    name: str
    service: str
    collect: Callable[[SourceContext], Iterable[Usage]]
    calls: Sequence[Call]
    fails: Sequence[str] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    is_read: bool = True
    begins_empty: bool = True
    beside: Sequence[Reference] = ()

    def service_of(self, call: Call) -> str:
        """The service that is called."""
        return call.service or self.service

    def operation(self, script: Script, call: Call) -> str:
        """The call as AWS writes it."""
        return str(script.aws.client(self.service_of(call)).meta.method_to_api_mapping[call.method])

    def is_paged(self, script: Script, call: Call) -> bool:
        """Whether the answer may come in pages."""
        model = script.aws.client(self.service_of(call)).meta.service_model
        return bool(_TOKENS & set(model.operation_model(self.operation(script, call)).input_shape.members))

    def tell(self, script: Script, end: Call | None = None, image: str = IMAGE) -> None:
        """Script the calls, up to one of them.

        Args:
            script: Where.
            end: The first one that is not scripted.
            image: In place of `IMAGE`.
        """
        for call in self.calls:
            if call is end:
                return
            answer: dict[str, Any] = _naming(call.answer, image)
            script.answer(self.service_of(call), call.method, answer, **call.asked)

    def used(self, script: Script) -> list[Usage]:
        """What the source finds."""
        settings = Settings.model_construct(**self.settings)
        return list(self.collect(SourceContext(script.aws, settings, TaskDefinitions(script.aws), now=NOW)))


def _naming(told: Any, image: str) -> Any:
    """An answer with another text in place of `IMAGE`."""
    if isinstance(told, dict):
        return {key: _naming(value, image) for key, value in told.items()}
    if isinstance(told, list):
        return [_naming(item, image) for item in told]
    return image if told == IMAGE else told


_COLLECTORS: Final[dict[str, Callable[[SourceContext], Iterable[Usage]]]] = {
    "batch service jobs": batch.collect,
    "ecs express": lambda account: ecs_services.usages(account, CLUSTER),
    "ecs services": lambda account: ecs_services.usages(account, CLUSTER),
    "ecs tasks": lambda account: ecs_tasks.usages(account, CLUSTER),
    "ecs_families of several": ecs_families.collect,
    "sagemaker images": nested.images,
    "sagemaker pipelines": nested.pipelines,
}
"""Of stories that are not those of a whole source."""

_BESIDE: Final = {"lambda": (anywhere(),)}
_TEXTS: Final = {
    "{image}": IMAGE,
    "{ecs}": ARN,
    "{here}": f"{REGION}:{ACCOUNT}",
    "{account}": ACCOUNT,
    "{hex}": APP.removeprefix("sha256:"),
    "{id}": "0" * 32,
}
_MOMENTS: Final = {"{now}": NOW, "{earliest}": NOW - sagemaker_executions.LONGEST}


def _filled(told: Any) -> Any:
    """What stands in the file, with the tests' names in place of the braces."""
    if isinstance(told, dict):
        return {key: _filled(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(item) for item in told]
    if not isinstance(told, str):
        return told
    for name, text in _TEXTS.items():
        told = told.replace(name, text)
    return _MOMENTS.get(told, told)


def _call(told: dict[str, Any]) -> Call:
    if "defines" in told:
        answer = {"taskDefinition": {"containerDefinitions": [{"image": told["image"]}]}}
        asked = {"taskDefinition": told["defines"]}
        return Call("describe_task_definition", asked, answer, fails=[], service="ecs")
    (method, asked), *more = told.items()
    return Call(method, asked, **dict(more))


def _story(name: str, told: dict[str, Any]) -> Story:
    calls = [_call(call) for call in told.pop("calls")]
    collect = _COLLECTORS.get(name) or next(source.collect for source in SOURCES if source.name == name)
    return Story(name, told.pop("service", name), collect, calls, beside=_BESIDE.get(name, ()), **told)


STORIES: Final = [
    _story(name, told)
    for name, told in _filled(yaml.safe_load((Path(__file__).parent / "stories.yaml").read_text())).items()
]
