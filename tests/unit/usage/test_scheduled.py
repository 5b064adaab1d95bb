"""Which texts name a task definition, and which are filled in only when it is started."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.scheduled import noted_if_dynamic
from ecr_cleaner.usage.source import SourceContext


@pytest.fixture
def account() -> SourceContext:
    """One that nothing is read of."""
    nobody = cast("Any", None)
    return SourceContext(nobody, Settings(), nobody)


@pytest.mark.parametrize(
    "name",
    [
        "report",
        "report:3",
        "Re_port-1:12345",
        "arn:aws:ecs:us-east-1:123456789012:task-definition/report:3",
        "arn:aws-us-gov:ecs:us-gov-west-1:123456789012:task-definition/report",
    ],
)
def test_a_name_is_none_of_what_is_filled_in(account: SourceContext, name: str) -> None:
    """Whatever ECS could have given as one."""
    assert not noted_if_dynamic(account, name, "pipe")
    assert account.notes == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "$.name",
        "{% $name %}",
        "States.Format('a:{}', $.n)",
        "a b",
        "report:",
        "report:$.n",
        "${X}:1",
        "é",
        "a\n",
    ],
)
def test_anything_else_is_filled_in_and_noted(account: SourceContext, text: str) -> None:
    """Once, with what protects it all the same."""
    assert noted_if_dynamic(account, text, "pipe")
    (note,) = account.notes
    assert note.startswith("pipe chooses a task definition only when it starts one")
    assert "ecs_families" in note


@pytest.mark.parametrize(
    "text",
    ["{% " + "$name & " * 1000 + " %}", "{% $name & 'hunter2' %}", "States.Format('hunter2:{}', $.n)", "$" + "x" * 99],
)
def test_of_an_expression_nothing_is_told(account: SourceContext, text: str) -> None:
    """It may be long, and have secrets in it."""
    assert noted_if_dynamic(account, text, "pipe")
    assert "starts one (an expression)" in account.notes[0]
