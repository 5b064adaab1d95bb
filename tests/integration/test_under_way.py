"""What is under way keeps its images, whatever was changed since it was started; and who may be rolled back to.

A run asks an execution once: what it found is kept in the bucket.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.usage.sources import stepfunctions_executions
from tests.integration import under_way

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

IMAGE: Final = "{registry}/train"
ASKED: Final = {"DescribeExecution", "DescribeStateMachineForExecution"}


def defined(tag: str) -> dict[str, Any]:
    """The definition of a state machine that trains with an image."""
    return under_way.machine(TrainingImage=f"{IMAGE}:{tag}")


def seed(sandbox: Sandbox, tag: str, **executions: dict[str, Any]) -> None:
    """Let the state machine be what it is from now on, and start executions of it."""
    machines = {"m": {"definition": defined(tag), "executions": executions}}
    sandbox.seed({"stepfunctions": {"machines": machines}})


@pytest.fixture
def train(run: Runner, sandbox: Sandbox) -> Sandbox:
    """A repository with an image that only executions need, and one that nobody needs."""
    run.opted_in("train")
    for tag in ("v1", "unused", "v2"):
        sandbox.push("train", id=tag, tags=[tag], pushed="90d")
    return sandbox


def asked(sandbox: Sandbox) -> set[str]:
    """What executions were asked for; forgotten then."""
    found = {call.operation for call in sandbox.calls if call.service == "stepfunctions"} & ASKED
    sandbox.clear_calls()
    return found


def test_an_execution_keeps_its_definition_after_the_state_machine_was_changed(
    night: Callable[..., Outcome], past: Past, train: Sandbox, run: Runner
) -> None:
    """For as long as it runs, far beyond the days that the history keeps; it is asked once."""
    seed(train, "v1", e1={"started": "10d", "updated": "20d"})
    outcome = night()
    assert (outcome.status, outcome.gone) == ("completed", {"train": run.ids("unused", "v2")})
    train.push("train", id="later", tags=["v2"], pushed="80d")
    seed(train, "v2")
    assert asked(train) == ASKED
    for _ in range(2):
        past.passes(days=8)
        outcome = night(max_usage_drop_percent=None)
        assert (outcome.status, outcome.gone) == ("completed", {})
        assert asked(train) == set()
        assert outcome.kept()[train.digest("v1")] == ("in_use", "state machine m, execution e1")
    seed(train, "v2", e1={"definition": defined("v1"), "started": "10d", "status": "SUCCEEDED"})
    past.passes(days=8)
    assert night(max_usage_drop_percent=None).gone == {}
    past.passes(days=8)
    assert night(max_usage_drop_percent=None).gone == {"train": run.ids("v1")}


def test_without_a_history_everything_is_asked_for_each_night(train: Sandbox, run: Runner) -> None:
    """Nothing is kept anywhere."""
    seed(train, "v2", e1={"definition": defined("v1"), "started": "10d", "updated": "20d"})
    for _ in range(2):
        assert run(dry_run=True).kept()[train.digest("v1")][0] == "in_use"
        assert asked(train) == ASKED


def test_a_lost_object_loses_nothing_but_time(
    night: Callable[..., Outcome], past: Past, train: Sandbox, run: Runner
) -> None:
    """Nor does one that was spoiled; the run says it."""
    seed(train, "v2", e1={"definition": defined("v1"), "started": "10d", "updated": "20d"})
    assert night().gone == {"train": run.ids("unused")}
    key = past.key("/stepfunctions_executions.json")
    for spoiled in (b"[", None):
        asked(train)
        past.write(key, spoiled) if spoiled else past.delete(key)
        outcome = night()
        assert (outcome.status, outcome.gone) == ("completed", {})
        assert asked(train) == ASKED
        assert any("what earlier runs read is lost" in note for note in outcome.told["notes"]) is (spoiled is not None)
    assert past.content("/stepfunctions_executions.json")["facts"]


def test_of_too_many_executions_the_repository_is_in_use(
    monkeypatch: pytest.MonkeyPatch, train: Sandbox, run: Runner
) -> None:
    """Whatever those that are not read name of it; and the run says so."""
    monkeypatch.setattr(stepfunctions_executions, "MOST", 2)
    image = {"image": f"{IMAGE}:unused"}
    seed(train, "v2", **{f"e{number}": {"started": f"{number}d", "updated": "20d"} for number in (1, 2)})
    assert run(dry_run=True).repositories["train"]["removable"] == 2
    seed(train, "v2", e3={"definition": defined("v1"), "input": image, "started": "3d", "updated": "20d"})
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {})
    (note,) = [note for note in outcome.told["notes"] if "more executions under way than are read" in note]
    assert "state machine m has" in note
    inputs = [call for call in train.calls if call.operation == "DescribeExecution"]
    assert len(inputs) == 4


def test_parameters_of_an_execution_of_a_pipeline_are_kept(
    night: Callable[..., Outcome], past: Past, train: Sandbox, run: Runner
) -> None:
    """Its definition says ``{"Get": "Parameters.ImageUri"}``; it is asked once."""
    definition = json.dumps({"Parameters": [{"Name": "ImageUri", "Type": "String"}], "Steps": []})
    execution = {"started": "2d", "definition": definition, "parameters": {"ImageUri": f"{IMAGE}:v1"}}
    executions = {"e1": execution | {"status": "Executing"}, "e2": execution | {"status": "Failed"}}
    train.seed({"sagemaker": {"pipelines": {"train": {"definition": definition, "executions": executions}}}})
    assert night().gone == {"train": run.ids("unused", "v2")}
    assert ("sagemaker", "ListPipelineParametersForExecution") in run.asked("sagemaker")
    train.clear_calls()
    past.passes(days=8)
    assert night().gone == {}
    assert ("sagemaker", "ListPipelineParametersForExecution") not in run.asked("sagemaker")


def test_only_names_are_stored(night: Callable[..., Outcome], past: Past, train: Sandbox) -> None:
    """Inputs may hold secrets."""
    told = {"password": "hush", "image": f"{IMAGE}:v1", "url": "docker://{registry}/$HUSH/x"}
    seed(train, "v2", e1={"input": told, "started": "1h"})
    night()
    stored = past.read(past.key("/stepfunctions_executions.json")).decode()
    assert "train" in stored
    assert "hush" not in stored.lower()
