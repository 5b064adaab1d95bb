"""How EventBridge pipes are read: every pipe, for the task definition that its target names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.sources import pipes
from tests.aws_calls.consumers import (
    CLUSTER,
    account,
    defines,
    definition,
    tagged,
    undefined,
    written,
)
from tests.builders import ACCOUNT, REGION

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

LISTING: Final = {"Limit": 100}
REPORT: Final = definition("report:3")


def listed(script: Script, *pages: list[str]) -> None:
    """The pipes, by name, in any state."""
    told = [[{"Name": name, "CurrentState": "STOPPED"} for name in page] for page in pages or (["orders"],)]
    script.pages("pipes", "list_pipes", "Pipes", *told, **LISTING)


def ends(script: Script, name: str = "orders", target: str = CLUSTER, **parameters: Any) -> None:
    """The pipe is asked for, and this is where it ends."""
    told = {"Target": target} | ({"TargetParameters": parameters} if parameters else {})
    script.answer("pipes", "describe_pipe", told, Name=name)


def starts(script: Script, task_definition: str = REPORT, name: str = "orders") -> None:
    """The pipe is asked for, and starts tasks."""
    ends(script, name, EcsTaskParameters={"TaskDefinitionArn": task_definition})


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What pipes use."""
    return list(pipes.collect(read or account(script)))


def usage(reference: Reference, named: str = "report:3", name: str = "orders") -> Usage:
    """A usage by a pipe."""
    return Usage(reference, "pipes", f"eventbridge pipe {name}, task definition {named}", UsageKind.SCHEDULED)


@pytest.mark.parametrize(("name", "named"), [(REPORT, "report:3"), (definition("report"), "report")])
def test_a_target_uses_every_image_of_its_task_definition(script: Script, name: str, named: str) -> None:
    """Also of a stopped pipe; a family means its newest revision, which ECS finds."""
    listed(script)
    starts(script, name)
    defines(script, name, tagged("v1"), "nginx", tagged("v2"))
    assert used(script) == [usage(written(), named), usage(written(tagged("v2"), "v2"), named)]


@pytest.mark.parametrize("parameters", [{}, {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}])
def test_a_pipe_that_ends_elsewhere_uses_nothing(script: Script, parameters: dict[str, Any]) -> None:
    """At a function, a queue, a state machine."""
    listed(script)
    ends(script, target=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:cluster", **parameters)
    assert used(script) == []


@pytest.mark.parametrize("path", ["$.detail.definition", "$"])
def test_a_task_definition_that_the_event_chooses_is_noted(script: Script, path: str) -> None:
    """It cannot be known before."""
    listed(script)
    starts(script, path)
    read = account(script)
    assert used(script, read) == []
    (note,) = read.notes
    assert note.startswith(f"eventbridge pipe orders chooses a task definition only when it starts one ({path})")
    assert "ecs_families" in note


def test_a_task_definition_that_is_gone_is_noted(script: Script) -> None:
    """The next start will fail, so it protects nothing."""
    listed(script)
    starts(script)
    undefined(script, REPORT)
    read = account(script)
    assert used(script, read) == []
    assert "which does not exist any more" in read.notes[0]


def test_pipes_are_read_page_by_page(script: Script) -> None:
    """One that was deleted since it was listed is passed over."""
    script.answer("pipes", "list_pipes", {"Pipes": [{"Name": "gone"}, {"Name": "a"}], "NextToken": "more"}, **LISTING)
    script.refuse("pipes", "describe_pipe", "NotFoundException", Name="gone")
    starts(script, "a:1", "a")
    defines(script, "a:1", tagged("v1"))
    script.answer("pipes", "list_pipes", {"Pipes": [{"Name": "b"}]}, **LISTING, NextToken="more")
    starts(script, "b:1", "b")
    defines(script, "b:1", tagged("v1"))
    script.answer("pipes", "list_pipes", {"Pipes": [{"Name": "a"}, {"Name": "b"}]}, **LISTING)
    assert used(script) == [usage(written(), "a:1", "a"), usage(written(), "b:1", "b")]
