"""What starts tasks without being a service: families, daemons, pipes and state machines, in whole runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_aws.ecs_state import Ecs
from tests.fake_aws.pipes import Pipes
from tests.fake_aws.stepfunctions import Machines
from tests.integration import accounts

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Runner

REGION = "us-east-1"


@pytest.mark.parametrize(
    ("source", "alone"),
    [
        ("ecs_families", {"family"}),
        (
            "ecs_daemons",
            {"daemon", "daemon-definition", "daemon-rollback", "daemon-rollback-before", "daemon-replaced"},
        ),
        ("pipes", {"pipe"}),
        ("stepfunctions", {"state-machine", "state-machine-task", "state-machine-version"}),
        ("stepfunctions_executions", {"execution", "execution-input", "execution-input-task", "execution-task"}),
        ("sagemaker_executions", {"pipeline-execution", "pipeline-parameter"}),
        ("codepipeline_executions", {"codepipeline-digest", "codepipeline-earlier", "codepipeline-variable"}),
        ("codedeploy", {"codedeploy", "codedeploy-before", "codedeploy-under-way"}),
        ("eventbridgev2", {"subscriber", "subscriber-task"}),
    ],
)
def test_each_source_alone_keeps_its_images(run: Runner, sandbox: Sandbox, source: str, alone: set[str]) -> None:
    """Without it they go, and no others: nothing else protects them by accident."""
    accounts.seed(sandbox)
    assert run(accepted_gaps={f"source:{source}": "known"}).gone == {"app": run.ids("unused", *alone)}


def family_of_four(sandbox: Sandbox) -> None:
    """Four revisions that nothing names, one of them deregistered; each has an image of its own."""
    sandbox.repository("app", tags={"BoxCleanerEnabled": "true"})
    names = ("job-8", "job-9", "job-10", "job-11")
    for name in names:
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    told: dict[str, dict[str, Any]] = {name.replace("-", ":"): {"image": f"{{registry}}/app:{name}"} for name in names}
    told["job:11"]["status"] = "INACTIVE"
    sandbox.seed({"ecs": {"task_definitions": told}})


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (1, {"job-10"}),
        (2, {"job-10", "job-9"}),
        (3, {"job-10", "job-9", "job-8"}),
        ("all", {"job-10", "job-9", "job-8"}),
    ],
)
def test_as_many_revisions_are_kept_as_are_wanted(
    run: Runner, sandbox: Sandbox, wanted: int | str, kept: set[str]
) -> None:
    """The newest active ones, by number; a deregistered one is none."""
    family_of_four(sandbox)
    run(task_definition_revisions=wanted)
    assert {image.digest for image in sandbox.images("app")} == run.ids(*kept)


def test_a_family_that_is_deregistered_while_it_is_read_is_passed_over(run: Runner, sandbox: Sandbox) -> None:
    """Nothing can be started from it by its name, as the listings prove."""
    family_of_four(sandbox)

    def deregister(_: object) -> None:
        for item in sandbox.state.store(REGION, Ecs).task_definitions.values():
            item["status"] = "INACTIVE"

    sandbox.before("ecs", "DescribeTaskDefinition", deregister)
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert ("ecs", "ListTaskDefinitions") in run.asked()
    assert len(outcome.gone["app"]) == 4


def test_what_vanishes_while_it_is_read_is_passed_over(run: Runner, sandbox: Sandbox) -> None:
    """A pipe, a state machine with its executions, a daemon, an Express service; what the others use is kept."""
    accounts.seed(sandbox)
    store = sandbox.state.store(REGION, Ecs)
    sandbox.before("pipes", "DescribePipe", lambda _: sandbox.state.store(REGION, Pipes).pipes.clear())

    def delete(_: object) -> None:
        machines = sandbox.state.store(REGION, Machines)
        machines.machines.clear()
        machines.executions.clear()

    sandbox.before("stepfunctions", "DescribeStateMachine", delete)
    sandbox.before("ecs", "DescribeDaemon", lambda _: store.daemons.clear())

    def express(_: object) -> None:
        for arn in store.express:
            _, cluster, name = arn.rpartition(":")[2].split("/")
            del store.services[cluster, name]
        store.express.clear()

    sandbox.before("ecs", "DescribeExpressGatewayService", express)
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    of = {"pipe", "state", "daemon", "express", "execution"}
    vanished = [name for name in accounts.CONSUMERS if name.partition("-")[0] in of]
    assert outcome.gone == {"app": run.ids("unused", *vanished)}


def test_a_task_definition_that_is_chosen_later_is_said(run: Runner, sandbox: Sandbox) -> None:
    """Only its family's newest revisions are protected, and a person should know."""
    accounts.seed(sandbox)
    sandbox.seed({"pipes": {"pipes": {"chooser": {"task_definition": "$.chosen"}}}})
    notes = run().told["notes"]
    assert any("state machine choose chooses a task definition only when it starts one" in note for note in notes)
    assert any("eventbridge pipe chooser chooses" in note for note in notes)


def test_a_text_with_a_placeholder_keeps_all_it_could_mean(run: Runner, sandbox: Sandbox) -> None:
    """Every image of the repository, and of those whose names begin so."""
    for name in ("app", "app-worker", "shop/a", "shop/b", "other"):
        run.opted_in(name)
        sandbox.push(name, id=name, tags=["v1"], pushed="90d")
    texts = ["'{registry}/app:' & $tag", "'{registry}/shop/' & $name"]
    call = {"Type": "Task", "Arguments": [f"{{% {text} %}}" for text in texts], "End": True}
    sandbox.seed({"stepfunctions": {"machines": {"m": {"definition": {"States": {"Call": call}}}}}})
    assert run().gone == {"app-worker": run.ids("app-worker"), "other": run.ids("other")}


def test_a_definition_that_cannot_be_read_stops_all_removal(run: Runner, sandbox: Sandbox) -> None:
    """Nobody knows what it starts."""
    accounts.seed(sandbox)
    sandbox.seed({"stepfunctions": {"machines": {"odd": {"definition": "StartAt: Run"}}}})
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "the definition of state machine odd is no JSON" in outcome.causes
