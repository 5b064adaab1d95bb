"""How state machines are read: every definition, also of published versions, as a text and as a document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage, UsageKind
from ecr_cleaner.usage.sources import stepfunctions
from tests.aws_calls.consumers import account, defines, definition, tagged, undefined, written
from tests.builders import ACCOUNT, HOST, NOW, REGION

if TYPE_CHECKING:
    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

LISTING: Final = {"maxResults": 1000}
MACHINES: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"
TRAIN: Final = f"{MACHINES}train"
REPORT: Final = definition("report:3")
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/starts-tasks"
OF_TRAIN: Final = {"stateMachineArn": TRAIN, **LISTING}


def machine(name: str = "train") -> dict[str, Any]:
    """A state machine as it is listed."""
    return {"stateMachineArn": f"{MACHINES}{name}", "name": name, "type": "EXPRESS", "creationDate": NOW}


def version(number: int) -> dict[str, Any]:
    """A published version as it is listed."""
    return {"stateMachineVersionArn": f"{TRAIN}:{number}", "creationDate": NOW}


def listed(script: Script) -> None:
    """There is one state machine."""
    script.pages("stepfunctions", "list_state_machines", "stateMachines", [machine()], **LISTING)


def versions(script: Script, *numbers: int) -> None:
    """The published versions of the state machine."""
    told = [version(number) for number in numbers]
    script.pages("stepfunctions", "list_state_machine_versions", "stateMachineVersions", told, **OF_TRAIN)


def described(text: str = "{}", name: str = "train") -> dict[str, Any]:
    """A state machine as it is described."""
    told = {"stateMachineArn": f"{MACHINES}{name}", "name": "train", "type": "STANDARD"}
    return told | {"definition": text, "roleArn": ROLE, "creationDate": NOW}


def defined(script: Script, text: str, name: str = "train") -> None:
    """The definition of a state machine or version is asked for."""
    asked = {"stateMachineArn": f"{MACHINES}{name}"}
    script.answer("stepfunctions", "describe_state_machine", described(text, name), **asked)


def one(script: Script, **call: Any) -> None:
    """There is one state machine, with one call."""
    listed(script)
    defined(script, calls(**call))
    versions(script)


def calls(**call: Any) -> str:
    """The definition of a state machine that makes one call."""
    return json.dumps({"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": True, **call}}})


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What state machines use."""
    return list(stepfunctions.collect(read or account(script)))


def usage(reference: Reference, named: str = "", name: str = "train") -> Usage:
    """A usage by a state machine."""
    consumer = f"state machine {name}" + (f", task definition {named}" if named else "")
    return Usage(reference, "stepfunctions", consumer, UsageKind.SCHEDULED)


def test_an_image_anywhere_in_the_text_is_used(script: Script) -> None:
    """Whichever service the call is for."""
    one(script, Arguments={"AlgorithmSpecification": {"TrainingImage": tagged("v1")}})
    assert used(script) == [usage(written())]


def test_an_image_with_a_placeholder_covers_all_it_could_mean(script: Script) -> None:
    """A tag that the input fills in."""
    one(script, Parameters={"TrainingImage.$": f"States.Format('{HOST}/app:{{}}', $.tag)"})
    (found,) = used(script)
    assert (found.reference.repository, found.reference.breadth) == ("app", ReferenceScope.REPOSITORY)


@pytest.mark.parametrize(
    "call",
    [
        {"Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {"TaskDefinition": REPORT}},
        {"Arguments": {"Cluster": "prod", "TaskDefinition": REPORT}},
        {"Arguments": {"Overrides": [{"TaskDefinition": {"Inner": [{"TaskDefinition": REPORT}]}}]}},
        {"Branches": [{"States": {"Run": {"Parameters": {"TaskDefinition": REPORT}}}}]},
        {"Parameters": {"Target": {"EcsParameters": {"TaskDefinitionArn": REPORT}}}},
        {"Arguments": f"{{% {{'TaskDefinition': '{REPORT}', 'Cluster': $c}} %}}"},
        {"Parameters": {"Input": json.dumps({"TaskDefinition": REPORT})}},
    ],
)
def test_a_task_definition_that_a_call_names_is_used(script: Script, call: dict[str, Any]) -> None:
    """In either query language, to any depth, also in an object that is written as a text."""
    one(script, **call)
    defines(script, REPORT, tagged("v1"), "nginx")
    assert used(script) == [usage(written(), "report:3")]


@pytest.mark.parametrize("name", ["report", "report:3", REPORT])
def test_a_task_definition_may_be_named_in_three_ways(script: Script, name: str) -> None:
    """A family means its newest revision, which ECS finds."""
    one(script, Parameters={"TaskDefinition": name})
    defines(script, name, tagged("v1"))
    assert used(script) == [usage(written(), name.rpartition("/")[2])]


def test_of_two_members_with_one_name_both_count(script: Script) -> None:
    """Nobody knows which one Step Functions takes."""
    listed(script)
    defined(script, '{"TaskDefinition": "a:1", "TaskDefinition": "b:1"}')
    versions(script)
    for name in ("a:1", "b:1"):
        defines(script, name, tagged("v1"))
    assert used(script) == [usage(written(), "a:1"), usage(written(), "b:1")]


@pytest.mark.parametrize(
    ("call", "written_as"),
    [
        ({"Parameters": {"TaskDefinition.$": "$.definition"}}, "$.definition"),
        ({"Arguments": {"TaskDefinition": "{% $states.input.definition %}"}}, "{% $states.input.definition %}"),
        ({"Arguments": "{% {'TaskDefinition': $definition} %}"}, "$definition"),
        ({"Parameters": {"TaskDefinition": ""}}, ""),
    ],
)
def test_a_task_definition_that_is_chosen_later_is_noted(script: Script, call: dict[str, Any], written_as: str) -> None:
    """It cannot be known before."""
    one(script, **call)
    read = account(script)
    assert used(script, read) == []
    (note,) = read.notes
    assert note.startswith(f"state machine train chooses a task definition only when it starts one ({written_as})")


def test_a_task_definition_that_is_gone_is_noted(script: Script) -> None:
    """The next start will fail, so it protects nothing."""
    one(script, Parameters={"TaskDefinition": REPORT})
    undefined(script, REPORT)
    read = account(script)
    assert used(script, read) == []
    assert "which does not exist any more" in read.notes[0]


@pytest.mark.parametrize("text", ["StartAt: Run", "", "{", "[" * 100_000])
def test_a_definition_that_is_no_document_is_an_error(script: Script, text: str) -> None:
    """Nobody knows what it starts."""
    listed(script)
    script.cut_short(
        "stepfunctions", "describe_state_machine", {"definition": text}, described(), stateMachineArn=TRAIN
    )
    with pytest.raises(SourceError, match="the definition of state machine train is no JSON"):
        used(script)


def test_every_published_version_counts_and_equal_texts_are_read_once(script: Script) -> None:
    """Over two pages; one that was deleted since it was listed is passed over."""
    present, earlier = calls(Parameters={"TaskDefinition": "a:2"}), calls(Parameters={"TaskDefinition": "a:1"})
    listed(script)
    defined(script, present)
    defines(script, "a:2", tagged("v2"))
    told = {"stateMachineVersions": [version(4), version(3)], "nextToken": "more"}
    script.answer("stepfunctions", "list_state_machine_versions", told, **OF_TRAIN)
    defined(script, present, "train:4")
    script.refuse("stepfunctions", "describe_state_machine", "StateMachineDoesNotExist", stateMachineArn=f"{TRAIN}:3")
    told = {"stateMachineVersions": [version(2), version(1)]}
    script.answer("stepfunctions", "list_state_machine_versions", told, **OF_TRAIN, nextToken="more")
    defined(script, earlier, "train:2")
    defined(script, earlier, "train:1")
    versions(script, 4, 2, 1)
    defines(script, "a:1", tagged("v1"))
    assert used(script) == [usage(written(tagged("v2"), "v2"), "a:2"), usage(written(), "a:1", "train:2")]


def test_state_machines_are_read_page_by_page(script: Script) -> None:
    """One that was deleted since it was listed is passed over, and so are its versions."""
    told = {"stateMachines": [machine("gone")], "nextToken": "more"}
    script.answer("stepfunctions", "list_state_machines", told, **LISTING)
    asked = {"stateMachineArn": f"{MACHINES}gone"}
    script.refuse("stepfunctions", "describe_state_machine", "StateMachineDoesNotExist", **asked)
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": [machine()]}, **LISTING, nextToken="more")
    defined(script, calls(Image=tagged("v1")))
    versions(script)
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": [machine()]}, **LISTING)
    assert used(script) == [usage(written())]
