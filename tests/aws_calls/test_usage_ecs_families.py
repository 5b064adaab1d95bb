"""How the families of task definitions are read: as many of their newest active revisions as are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import pytest

from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Reference, Usage
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import ecs_families
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.aws_calls.consumers import defines, definition, tagged, written

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

LISTING: Final = {"status": "ACTIVE", "maxResults": 100}


def families(script: Script, names: list[str]) -> None:
    """The families with an active revision, on one page."""
    script.pages("ecs", "list_task_definition_families", "families", names, **LISTING)


def newest(family: str) -> dict[str, object]:
    """What is asked of a listing of revisions."""
    return {"familyPrefix": family, "sort": "DESC", **LISTING}


def revisions(script: Script, family: str, *names: str) -> None:
    """The active revisions of a family."""
    arns = [definition(name) for name in names]
    script.pages("ecs", "list_task_definitions", "taskDefinitionArns", arns, **newest(family))


def used(script: Script, wanted: int | Literal["all"] = 1) -> list[Usage]:
    """What the families use."""
    settings = Settings(task_definition_revisions=wanted)
    return list(ecs_families.collect(SourceContext(script.aws, settings, TaskDefinitions(script.aws))))


def usage(reference: Reference, named: str = "newest task definition of family api") -> Usage:
    """A usage by a family or by one revision of it."""
    return Usage(reference, "ecs_families", named)


def numbered(*numbers: int) -> list[Usage]:
    """The usages of revisions of one family, whose tags are their numbers."""
    return [usage(written(tagged(f"{n}"), f"{n}"), f"task definition api:{n}") for n in numbers]


def test_one_revision_is_asked_for_by_its_family(script: Script) -> None:
    """ECS describes the newest active one; families of a second page count as well."""
    script.answer("ecs", "list_task_definition_families", {"families": ["api", "idle"], "nextToken": "more"}, **LISTING)
    defines(script, "api", tagged("v1"), tagged("v2"))
    defines(script, "idle")
    script.answer("ecs", "list_task_definition_families", {"families": ["web"]}, **LISTING, nextToken="more")
    defines(script, "web", "nginx", tagged("v3"))
    assert used(script) == [
        usage(written()),
        usage(written(tagged("v2"), "v2")),
        usage(written(tagged("v3"), "v3"), "newest task definition of family web"),
    ]


def test_several_revisions_are_the_newest_of_the_family(script: Script) -> None:
    """By number, not by text; none of a family whose name only begins alike; not a call more than needed."""
    families(script, ["api"])
    arns = [definition(name) for name in ("api-old:99", "api:10", "api:9", "api:8")]
    told = {"taskDefinitionArns": arns, "nextToken": "more"}
    script.answer("ecs", "list_task_definitions", told, **newest("api"))
    for number in (10, 9):
        defines(script, definition(f"api:{number}"), tagged(f"{number}"))
    assert used(script, 2) == numbered(10, 9)


@pytest.mark.parametrize("wanted", [3, 100, "all"])
def test_revisions_are_read_page_by_page(script: Script, wanted: int | Literal["all"]) -> None:
    """As many as are wanted, or as there are."""
    families(script, ["api"])
    told = {"taskDefinitionArns": [definition("api:12"), definition("api:11")], "nextToken": "more"}
    script.answer("ecs", "list_task_definitions", told, **newest("api"))
    for number in (12, 11):
        defines(script, definition(f"api:{number}"), tagged(f"{number}"))
    rest = {"taskDefinitionArns": [definition("api:3")]}
    script.answer("ecs", "list_task_definitions", rest, **newest("api"), nextToken="more")
    defines(script, definition("api:3"), tagged("3"))
    assert used(script, wanted) == numbered(12, 11, 3)


@pytest.mark.parametrize("order", [["api:1", "api:2"], ["api:9", "api:10"], ["api:2", "api:2"]])
def test_revisions_in_another_order_are_no_answer(script: Script, order: list[str]) -> None:
    """Only as long as the newest comes first, the rest may be left out."""
    families(script, ["api"])
    revisions(script, "api", *order)
    defines(script, definition(order[0]), tagged("v1"))
    with pytest.raises(SourceError, match="not the newest first"):
        used(script, 3)


def test_a_family_that_was_deregistered_meanwhile_is_proven_to_be(script: Script) -> None:
    """No active revision of it is listed; the next family is read."""
    families(script, ["api", "web"])
    script.refuse("ecs", "describe_task_definition", "ClientException", taskDefinition="api")
    asked = {"familyPrefix": "api", **LISTING}
    script.answer("ecs", "list_task_definitions", {"taskDefinitionArns": [definition("api-old:1")]}, **asked)
    defines(script, "web", tagged("v1"))
    assert used(script) == [usage(written(), "newest task definition of family web")]


def test_a_family_without_a_revision_is_none_if_several_are_wanted(script: Script) -> None:
    """The listing says so itself; a revision that was deleted meanwhile is proven to be."""
    families(script, ["api", "web"])
    revisions(script, "api")
    revisions(script, "web", "web:1")
    name = definition("web:1")
    script.refuse("ecs", "describe_task_definition", "ClientException", taskDefinition=name)
    for status in ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"):
        asked = {"familyPrefix": "web", "status": status, "maxResults": 100}
        script.answer("ecs", "list_task_definitions", {"taskDefinitionArns": []}, **asked)
    assert used(script, 2) == []


def test_a_family_that_is_listed_and_not_described_is_an_error(script: Script) -> None:
    """ECS contradicts itself."""
    families(script, ["api"])
    script.refuse("ecs", "describe_task_definition", "ClientException", taskDefinition="api")
    asked = {"familyPrefix": "api", **LISTING}
    script.answer("ecs", "list_task_definitions", {"taskDefinitionArns": [definition("api:1")]}, **asked)
    with pytest.raises(SourceError, match="cannot be described"):
        used(script)
