"""How executions of state machines are read: by the definition and the input they were started with, at few calls."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.errors import SourceError
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage, UsageKind
from ecr_cleaner.usage.sources import stepfunctions_executions
from ecr_cleaner.usage.sources.stepfunctions_executions import LONGEST_SCAN, REVISIONS, SETTLED
from ecr_cleaner.usage.state_machines import sha256_of
from ecr_cleaner.usage.texts.named import UNTOLD, Named, named_in
from ecr_cleaner.usage.unreadable import require_readable
from tests.aws_calls.consumers import account, defines, definition, tagged, written
from tests.aws_calls.remembering import Kept, kept, remembering
from tests.builders import ACCOUNT, HOST, NOW, REGION

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_cleaner.usage.source import SourceContext
    from tests.aws_calls.script import Script

NAME: Final = "stepfunctions_executions"
LISTING: Final = {"maxResults": 1000}
TRAIN: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:train"
OF_TRAIN: Final = {"stateMachineArn": TRAIN, "statusFilter": "RUNNING", **LISTING}
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/starts-tasks"
REPORT: Final = definition("report:3")
DAY: Final = timedelta(days=1)
PRESENT: Final = {"revisionId": "r9", "text": "{}"}


def arn(name: str) -> str:
    """Of an execution."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:train:{name}"


def calls(**call: Any) -> str:
    """The definition of a state machine that makes one call."""
    return json.dumps({"StartAt": "Call", "States": {"Call": {"Type": "Task", "End": True, **call}}})


def machine(kind: str = "STANDARD") -> dict[str, Any]:
    """A state machine as it is listed."""
    return {"stateMachineArn": TRAIN, "name": "train", "type": kind, "creationDate": NOW - 90 * DAY}


def describes(script: Script, text: str = "{}", revision: str = "r9", of: str = TRAIN) -> None:
    """The present definition of the state machine, or that of a version."""
    told = machine() | {"stateMachineArn": of, "definition": text, "roleArn": ROLE, "revisionId": revision}
    script.answer("stepfunctions", "describe_state_machine", told, stateMachineArn=of)


def execution(name: str, age: timedelta = DAY, version: str | None = None) -> dict[str, Any]:
    """An execution as it is listed."""
    told = {"executionArn": arn(name), "stateMachineArn": TRAIN, "name": name, "status": "RUNNING"}
    return told | {"startDate": NOW - age} | ({"stateMachineVersionArn": f"{TRAIN}:{version}"} if version else {})


def runs(script: Script, *executions: dict[str, Any], text: str | None = "{}") -> None:
    """There is one state machine with executions; its definition is asked for, unless there is none to tell."""
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": [machine()]}, **LISTING)
    script.answer("stepfunctions", "list_executions", {"executions": list(executions)}, **OF_TRAIN)
    if text is not None:
        describes(script, text)


def was_started_by(script: Script, name: str, text: str, updated: datetime, revision: str = "r1") -> None:
    """An execution is asked for its definition."""
    told = {"stateMachineArn": TRAIN, "name": "train", "definition": text, "roleArn": ROLE}
    answer = told | {"updateDate": updated, "revisionId": revision}
    script.answer("stepfunctions", "describe_state_machine_for_execution", answer, executionArn=arn(name))


def was_started_with(script: Script, name: str, told: object = None, age: timedelta = DAY) -> None:
    """An execution is asked for its input."""
    answer = {"executionArn": arn(name), "stateMachineArn": TRAIN, "status": "RUNNING", "startDate": NOW - age}
    answer["input"] = json.dumps({} if told is None else told)
    script.answer("stepfunctions", "describe_execution", answer, executionArn=arn(name))


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What executions use."""
    return list(stepfunctions_executions.collect(read or account(script)))


def usage(tag: str, name: str, named: str = "") -> Usage:
    """A usage by an execution."""
    consumer = f"state machine train, execution {name}" + (f", task definition {named}" if named else "")
    return Usage(written(tagged(tag), tag), NAME, consumer, UsageKind.RUNNING)


def test_definition_and_input_of_a_running_execution_count(script: Script) -> None:
    """Whatever the state machine has become since."""
    runs(script, execution("e1"))
    was_started_by(script, "e1", calls(Parameters={"TrainingImage": tagged("v1")}), NOW - 9 * DAY)
    was_started_with(script, "e1", {"image": tagged("v2")})
    assert used(script) == [usage("v1", "e1"), usage("v2", "e1")]


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ({"Parameters": {"TaskDefinition": "report:3"}}, {}),
        ({"Parameters": {"TaskDefinition.$": "$.next.chosen"}}, {"next": {"chosen": "report:3"}}),
        ({"Arguments": {"TaskDefinition": "{% $states.input.chosen %}"}}, {"chosen": "report:3"}),
        ({}, {"anything": "arn"}),
        ({}, {"overrides": {"taskDefinition": "report:3"}}),
    ],
    ids=["definition", "path", "expression", "whole name", "member"],
)
def test_task_definitions_of_a_running_execution_count(script: Script, by: dict[str, Any], told: object) -> None:
    """Those that the definition takes from the input are found there by their member's name."""
    runs(script, execution("e1"))
    was_started_by(script, "e1", calls(**by), NOW - 9 * DAY)
    whole = told == {"anything": "arn"}
    was_started_with(script, "e1", {"anything": REPORT} if whole else told)
    defines(script, REPORT if whole else "report:3", tagged("v1"))
    assert used(script) == [usage("v1", "e1", "report:3")]


def test_executions_of_the_present_definition_take_one_call_for_it(script: Script) -> None:
    """As it has not been updated since it was updated to that; what several name is used once."""
    text = calls(Image=tagged("v1"))
    ages = {f"e{number}": timedelta(minutes=number) for number in range(1, 4)}
    runs(script, *(execution(name, age) for name, age in ages.items()), text=text)
    was_started_by(script, "e1", text, NOW - 9 * DAY, "r9")
    for name, age in ages.items():
        was_started_with(script, name, age=age)
    assert used(script) == [usage("v1", "e1")]


def test_executions_of_an_earlier_definition_take_one_call_for_it(script: Script) -> None:
    """Those that were started between its update and one that is known to have it; at the edges each is asked for."""
    updated = NOW - 30 * DAY
    ages = {
        "e1": 20 * DAY,
        "e2": 20 * DAY + SETTLED,
        "e3": 30 * DAY - SETTLED,
        "e4": 30 * DAY - SETTLED + timedelta(seconds=1),
    }
    runs(script, *(execution(name, age) for name, age in ages.items()))
    was_started_by(script, "e1", calls(Image=tagged("v1")), updated)
    for name in ("e1", "e2", "e3"):
        was_started_with(script, name, age=ages[name])
    was_started_by(script, "e4", calls(Image=tagged("v0")), NOW - 60 * DAY)
    was_started_with(script, "e4", age=ages["e4"])
    assert used(script) == [usage("v1", "e1"), usage("v0", "e4")]


def test_executions_within_a_minute_of_another_are_asked_for(script: Script) -> None:
    """One of them may have been started with an update that the other did not see yet."""
    ages = {"e1": 20 * DAY, "e2": 20 * DAY + timedelta(seconds=59)}
    runs(script, *(execution(name, age) for name, age in ages.items()))
    for name, age in ages.items():
        was_started_by(script, name, calls(Image=tagged(f"of-{name}")), NOW - 30 * DAY)
        was_started_with(script, name, age=age)
    assert used(script) == [usage("of-e1", "e1"), usage("of-e2", "e2")]


def test_executions_of_a_version_take_its_definition(script: Script) -> None:
    """Which is the same for all of them; of a version that was deleted, one execution tells it."""
    runs(
        script,
        execution("e1", version="1"),
        execution("e2", version="1"),
        execution("e3", version="2"),
        execution("e4", version="2"),
        text=None,
    )
    describes(script, calls(Image=tagged("v1")), of=f"{TRAIN}:1")
    was_started_with(script, "e1")
    was_started_with(script, "e2")
    script.refuse("stepfunctions", "describe_state_machine", "StateMachineDoesNotExist", stateMachineArn=f"{TRAIN}:2")
    was_started_by(script, "e3", calls(Image=tagged("v2")), NOW - 9 * DAY)
    was_started_with(script, "e3")
    was_started_with(script, "e4")
    assert used(script) == [usage("v1", "e1"), usage("v2", "e3")]


def test_express_state_machines_are_not_asked(script: Script) -> None:
    """Their executions cannot be listed, and end within minutes."""
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": [machine("EXPRESS")]}, **LISTING)
    assert used(script) == []


def test_everything_is_read_page_by_page(script: Script) -> None:
    """State machines and executions."""
    told = {"stateMachines": [machine()], "nextToken": "more"}
    script.answer("stepfunctions", "list_state_machines", told, **LISTING)
    told = {"executions": [execution("e1")], "nextToken": "more"}
    script.answer("stepfunctions", "list_executions", told, **OF_TRAIN)
    describes(script)
    was_started_by(script, "e1", "{}", NOW - 9 * DAY, "r9")
    was_started_with(script, "e1", {"image": tagged("v1")})
    script.answer("stepfunctions", "list_executions", {"executions": [execution("e2")]}, **OF_TRAIN, nextToken="more")
    was_started_with(script, "e2", {"image": tagged("v2")})
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": []}, **LISTING, nextToken="more")
    assert used(script) == [usage("v1", "e1"), usage("v2", "e2")]


@pytest.mark.parametrize("left", [[], ["e1"]])
@pytest.mark.parametrize("call", ["describe_state_machine_for_execution", "describe_execution"])
def test_an_execution_that_is_not_found_is_listed_again(script: Script, call: str, left: list[str]) -> None:
    """If it is, what it uses is not known, and what its state machine is is asked for once more."""
    runs(script, execution("e1"))
    if call == "describe_execution":
        was_started_by(script, "e1", calls(Image=tagged("v1")), NOW - 9 * DAY)
    script.refuse("stepfunctions", call, "ExecutionDoesNotExist", executionArn=arn("e1"))
    script.answer("stepfunctions", "list_executions", {"executions": list(map(execution, left))}, **OF_TRAIN)
    if not left:
        assert used(script) == []
        return
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": [machine()]}, **LISTING)
    with pytest.raises(AwsError, match="ExecutionDoesNotExist"):
        used(script)


@pytest.mark.parametrize("call", ["list_executions", "describe_state_machine"])
def test_a_state_machine_that_is_listed_no_more_is_passed_over(script: Script, call: str) -> None:
    """With its executions."""
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": [machine()]}, **LISTING)
    if call == "describe_state_machine":
        script.answer("stepfunctions", "list_executions", {"executions": [execution("e1")]}, **OF_TRAIN)
        script.refuse("stepfunctions", call, "StateMachineDoesNotExist", stateMachineArn=TRAIN)
    script.refuse("stepfunctions", "list_executions", "StateMachineDoesNotExist", **OF_TRAIN)
    script.answer("stepfunctions", "list_state_machines", {"stateMachines": []}, **LISTING)
    assert used(script) == []


@pytest.mark.parametrize(
    "call", ["describe_state_machine", "describe_state_machine_for_execution", "describe_execution"]
)
def test_executions_whose_key_may_not_be_used_are_taken_down(script: Script, call: str) -> None:
    """By their state machine, of which no more is tried; what an earlier run found counts."""
    store = known(script, e9=(9 * DAY, named_in(tagged("v9"))))
    runs(script, execution("e1"), execution("e2"), execution("e9", 9 * DAY), text=None)
    if call != "describe_state_machine":
        describes(script)
    if call == "describe_execution":
        was_started_by(script, "e1", calls(Image=tagged("v1")), NOW - 30 * DAY)
    script.refuse("stepfunctions", call, "KmsAccessDeniedException")
    read = remembering(script, store)
    assert [one.reference.tag for one in used(script, read)] == ["v9"]
    assert list(read.unreadable) == [TRAIN]
    with pytest.raises(SourceError, match="KMS key that the function may not use"):
        require_readable(read)


def wide(repository: str, namer: str = "") -> Usage:
    """A usage of a whole repository."""
    reference = Reference(f"{HOST}/{repository}:*", ACCOUNT, REGION, repository, breadth=ReferenceScope.REPOSITORY)
    consumer = f"state machine train, executions that are too many to read{namer}"
    return Usage(reference, NAME, consumer, UsageKind.RUNNING)


def test_of_too_many_executions_whole_repositories_are_used(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that anything names that is read; definitions are read of all of them. A note tells it."""
    monkeypatch.setattr(stepfunctions_executions, "MOST", 1)
    text = calls(Image=tagged("v1"), Parameters={"TaskDefinition": "report:3"})
    runs(script, execution("e1"), execution("e2", 20 * DAY), text=text)
    was_started_by(script, "e1", text, NOW - 9 * DAY, "r9")
    was_started_with(script, "e1", {"image": f"{HOST}/tools:v7"})
    was_started_by(script, "e2", calls(Image=tagged("v0")), NOW - 30 * DAY)
    for image in (f"{HOST}/jobs:v3",):
        defines(script, "report:3", image)
    read = account(script)
    found = used(script, read)
    assert [one.reference.breadth for one in found[:4]] == [ReferenceScope.IMAGE] * 4
    assert {one.reference.tag for one in found[:4]} == {"v1", "v3", "v7", "v0"}
    assert found[4:] == [wide("app"), wide("tools"), wide("jobs", ", task definition report:3")]
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:train"
    assert [(one.consumer_arn, one.may_be_ignored) for one in found[4:]] == [(machine, True)] * 3
    (note,) = [note for note in read.notes if "more executions under way than are read" in note]
    assert note.startswith("state machine train has")


def test_of_too_many_definitions_whole_repositories_are_used(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls for them are few."""
    monkeypatch.setattr(stepfunctions_executions, "MOST_DEFINITIONS", 1)
    runs(script, execution("e1", 20 * DAY), execution("e2", 20 * DAY))
    was_started_by(script, "e1", calls(Image=tagged("v1")), NOW - 30 * DAY)
    was_started_with(script, "e1", age=20 * DAY)
    read = account(script)
    assert used(script, read) == [usage("v1", "e1"), wide("app")]
    assert len(read.notes) == 1


def revision(text: str = "{}") -> str:
    """By what the present revision is remembered."""
    return f"{TRAIN} {(NOW - 90 * DAY).timestamp()} r9 {sha256_of(text)}"


def known(script: Script, since: dict[str, datetime] | None = None, **executions: tuple[timedelta, Named]) -> Kept:
    """What earlier runs found of executions, and from when on which revision holds."""
    told = {f"{arn(name)} {(NOW - age).isoformat()}": (named.storable(),) for name, (age, named) in executions.items()}
    return kept(script, stepfunctions_executions=told, state_machine_revisions=since or {})


EXECUTIONS: Final = FactKind(NAME, NAME, tuple[Named, ...])


def test_what_was_found_is_remembered(script: Script) -> None:
    """By what the texts name; the revision is known to hold from the end of this run on."""
    store = kept(script)
    runs(script, execution("e1"))
    text = calls(Parameters={"TaskDefinition.$": "$.secret", "Other": {"TaskDefinition": "{% $hush() %}"}})
    was_started_by(script, "e1", text, NOW - 9 * DAY)
    was_started_with(script, "e1", {"password": "hush", "image": tagged("v1")})
    assert used(script, remembering(script, store)) == [usage("v1", "e1")]
    ((key, found),) = store.known(EXECUTIONS).items()
    assert key == f"{arn('e1')} {(NOW - DAY).isoformat()}"
    assert {name for one in found for name in one.task_definitions} == {"$.secret", UNTOLD}
    assert [one.tag for each in found for one in each.references] == ["v1"]
    assert store.known(REVISIONS) == {revision(): NOW + LONGEST_SCAN + SETTLED}


def test_what_is_known_is_not_asked_for_again(script: Script) -> None:
    """Neither definition nor input."""
    store = known(script, {revision(): NOW - DAY}, e1=(DAY, named_in(tagged("v1"))))
    runs(script, execution("e1"), text=None)
    (found,) = used(script, remembering(script, store))
    assert (found.reference.tag, found.consumer) == ("v1", "state machine train, execution e1")


def test_an_execution_that_bears_the_name_of_another_is_asked_for(script: Script) -> None:
    """A name may be used again after 90 days."""
    store = known(script, {revision(): NOW - DAY}, e1=(99 * DAY, named_in(tagged("v1"))))
    runs(script, execution("e1", timedelta(hours=1)))
    was_started_with(script, "e1", age=timedelta(hours=1))
    assert used(script, remembering(script, store)) == []


def test_a_revision_that_is_known_for_long_needs_no_call(script: Script) -> None:
    """Every execution that was started since has it."""
    text = calls(Image=tagged("v1"))
    store = known(script, {revision(text): NOW - 2 * DAY})
    runs(script, execution("e1", 2 * DAY), execution("e2", 3 * DAY), text=text)
    was_started_with(script, "e1", age=2 * DAY)
    was_started_by(script, "e2", "{}", NOW - 9 * DAY)
    was_started_with(script, "e2", age=3 * DAY)
    assert used(script, remembering(script, store)) == [usage("v1", "e1")]


def test_what_is_known_of_executions_further_down_is_kept(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the listing is too long to be read to its end, they may be under way."""
    monkeypatch.setattr(stepfunctions_executions, "MOST_LISTED", 1)
    store = known(
        script, {revision(): NOW - DAY}, e1=(DAY, named_in(tagged("v1"))), e9=(50 * DAY, named_in(tagged("v9")))
    )
    runs(script, execution("e1"), execution("e2", 2 * DAY))
    found = used(script, remembering(script, store))
    assert [one.reference.tag for one in found] == ["v1", "v9", None]
    assert found[2].reference.breadth is ReferenceScope.REPOSITORY
