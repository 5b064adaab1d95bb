"""What is deleted between the call that lists it and one that describes it, of every source.

It needs nothing, and everything else is read on; what is listed and not found is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import connect
from ecr_cleaner.errors import MissingError
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.catalog import SOURCES
from ecr_cleaner.usage.declarative import DeclarativeCollector
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.aws_calls import rows
from tests.aws_calls.consumers import tagged
from tests.aws_calls.stories import IMAGE, STORIES
from tests.aws_calls.world import Told, World, codes, things, twice
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ecr_cleaner.model.usage import Usage
    from tests.aws_calls.world import Thing

PROVEN: Final = "DescribeTaskDefinition"
"""That a task definition does not exist is proven by the listings of its family, whoever names it."""

_AWS: Final = connect(REGION, None)
_AWS.account_id = ACCOUNT


@dataclass(slots=True)
class Recorder:
    """Takes down what a story tells, in place of a script."""

    aws: Any = _AWS
    told: list[Told] = field(default_factory=list)

    def answer(self, service: str, method: str, answer: dict[str, Any], /, **asked: Any) -> None:
        """One call."""
        operation = _AWS.client(service).meta.method_to_api_mapping[method]
        self.told.append(Told(service, operation, asked, answer))


@dataclass(frozen=True, slots=True)
class Part:
    """A source, or a part of one.

    Attributes:
        name: Of it.
        collect: Finds its usages.
        calls: All that it asks.
        settings: Of the source.
    """

    name: str
    collect: Callable[[SourceContext], Iterable[Usage]]
    calls: Sequence[Told]
    settings: dict[str, Any] = field(default_factory=dict)

    def found(self, number: int | None = None, thing: Thing | None = None, code: str = "") -> set[Usage]:
        """What it finds, if the call with this number does not find what it is asked for."""
        context = SourceContext(_AWS, Settings.model_construct(**self.settings), TaskDefinitions(_AWS), now=NOW)
        with World(_AWS, self.calls, number, thing, code).answering():
            return set(self.collect(context))

    def codes(self, number: int) -> list[str]:
        """By which the call with this number may say that it does not find something."""
        call = self.calls[number]
        model = _AWS.client(call.service).meta.service_model.operation_model(call.operation)
        return ["ClientException"] if call.operation == PROVEN else codes(model)


def parts() -> Iterator[Part]:
    """Those written by hand, with two things of each kind, and the chains of the table, over two pages."""
    for story in STORIES:
        script: Any = Recorder()
        story.tell(script)
        yield Part(story.name, story.collect, twice(script.told, IMAGE, tagged("v2")), story.settings)
    for collect in [source.collect for source in SOURCES if isinstance(source.collect, DeclarativeCollector)]:
        for number, chain in enumerate(collect.chains, start=1):
            script = Recorder()
            rows.Story(script, collect.service, chain).tell()
            yield Part(f"{collect.name} {number}", replace(collect, chains=(chain,)), script.told)


PARTS: Final = list(parts())


@pytest.mark.parametrize(
    ("part", "thing", "number", "code"),
    [
        pytest.param(part, thing, number, code, id=f"{part.name}-{at}-{part.calls[number].operation}-{code}")
        for part in PARTS
        for at, thing in enumerate(things(part.calls))
        for number in thing.calls
        for code in part.codes(number)
    ],
)
def test_what_vanishes_needs_nothing(part: Part, thing: Thing, number: int, code: str) -> None:
    """By whichever code a call says so; everything of the others is found."""
    assert part.found(thing=thing) <= part.found(number, thing, code) <= part.found()


@pytest.mark.parametrize(
    ("part", "number", "code"),
    [
        pytest.param(part, number, code, id=f"{part.name}-{number}-{part.calls[number].operation}-{code}")
        for part in PARTS
        for number in sorted({number for thing in things(part.calls) for number in thing.calls})
        if part.calls[number].operation != PROVEN
        for code in part.codes(number)
    ],
)
def test_what_is_listed_and_not_found_is_an_error(part: Part, number: int, code: str) -> None:
    """Nobody knows what it uses."""
    with pytest.raises((MissingError, *errors.AwsError), match=code or "does not find"):
        part.found(number, code=code)


def test_every_source_that_lists_something_is_asked() -> None:
    """But those whose listing tells all, and inventories, of which one that is gone is no consumer that is gone."""
    asked = {part.name.partition(" ")[0] for part in PARTS if any(True for _ in things(part.calls))}
    alone = {"eks", "elasticbeanstalk", "inspector", "protected_images", "used_images_objects"}
    # Most sources of SageMaker are parts of one table of kinds, all of which are asked.
    kinds = {f"sagemaker_{name}" for name in ("processing", "studio", "inference_components", "optimization")}
    assert asked == {source.name for source in SOURCES} - alone - kinds
