"""How executions of CodePipeline are read: by variables, by what their sources found, and by the structure they run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage, UsageKind
from ecr_cleaner.reference import anywhere
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import codepipeline_executions
from ecr_cleaner.usage.sources.codepipeline_executions import LONGEST
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from ecr_cleaner.usage.texts.named import Named, images_in
from tests.aws_calls.consumers import APP, tagged, written
from tests.aws_calls.remembering import kept, remembering
from tests.builders import ACCOUNT, NOW

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

NAME: Final = "codepipeline_executions"
ROLE: Final = "arn:aws:iam::123456789012:role/deploys"
HOUR: Final = timedelta(hours=1)
OF_DEPLOY: Final = {"pipelineName": "deploy", "maxResults": 100}


def used(script: Script, read: SourceContext | None = None) -> list[Usage]:
    """What executions use."""
    context = read or SourceContext(script.aws, Settings(), TaskDefinitions(script.aws), now=NOW)
    return list(codepipeline_executions.collect(context))


def execution(name: str, status: str = "InProgress", age: timedelta = HOUR) -> dict[str, Any]:
    """An execution as it is listed."""
    return {"pipelineExecutionId": name, "status": status, "startTime": NOW - age}


def runs(script: Script, *executions: dict[str, Any]) -> None:
    """There is one pipeline with executions."""
    script.answer("codepipeline", "list_pipelines", {"pipelines": [{"name": "deploy", "version": 3}]})
    told = {"pipelineExecutionSummaries": list(executions)}
    script.answer("codepipeline", "list_pipeline_executions", told, **OF_DEPLOY)


def is_asked_for(script: Script, name: str, version: int = 3, status: str = "InProgress", **told: Any) -> None:
    """An execution is asked for."""
    found = {"pipelineName": "deploy", "pipelineVersion": version, "status": status, **told}
    asked = {"pipelineName": "deploy", "pipelineExecutionId": name}
    script.answer("codepipeline", "get_pipeline_execution", {"pipelineExecution": found}, **asked)


def variables(*values: str) -> list[dict[str, str]]:
    """As an execution has them."""
    return [{"name": f"V{number}", "resolvedValue": value} for number, value in enumerate(values)]


def sources(*found: str) -> list[dict[str, str]]:
    """What source actions found."""
    return [{"name": "Source", "revisionId": one} for one in found]


def usage(reference: Reference, name: str = "e1") -> Usage:
    """A usage by an execution."""
    return Usage(reference, NAME, f"codepipeline deploy, execution {name}", UsageKind.RUNNING)


def test_variables_and_digests_of_executions_under_way_count(script: Script) -> None:
    """What a source found in another kind of repository is no digest; each image once."""
    ended = [execution(status, status) for status in ("Cancelled", "Stopped", "Succeeded", "Superseded", "Failed")]
    runs(script, *ended, execution("e1"), execution("e2", "Stopping"))
    found = sources(APP, "0123456789abcdef")
    is_asked_for(script, "e1", variables=variables(tagged("v1"), "eu", tagged("v1")), artifactRevisions=found)
    is_asked_for(script, "e2", status="Stopping")
    assert used(script) == [usage(written()), usage(anywhere(APP))]


def test_where_the_listing_has_no_version_the_structure_is_asked_for(script: Script) -> None:
    """It may be an earlier one."""
    script.answer("codepipeline", "list_pipelines", {"pipelines": [{"name": "deploy"}]})
    script.answer(
        "codepipeline", "list_pipeline_executions", {"pipelineExecutionSummaries": [execution("e1")]}, **OF_DEPLOY
    )
    is_asked_for(script, "e1")
    variable = {"name": "IMAGE", "defaultValue": tagged("v1")}
    told = {"name": "deploy", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/deploys", "stages": [], "variables": [variable]}
    script.answer("codepipeline", "get_pipeline", {"pipeline": told}, name="deploy", version=3)
    assert used(script) == [usage(written())]


def test_an_earlier_structure_counts_while_it_is_executed(script: Script) -> None:
    """With what its ECR source actions watch."""
    runs(script, execution("e1"))
    is_asked_for(script, "e1", version=2)
    kind = {"category": "Source", "owner": "AWS", "provider": "ECR", "version": "1"}
    watch = {"name": "Image", "actionTypeId": kind, "configuration": {"RepositoryName": "web", "ImageTag": "live"}}
    kind = {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"}
    run = {"name": "Run", "actionTypeId": kind, "commands": [f"docker run {tagged('v1')} --quick"]}
    stages = [{"name": "Source", "actions": [watch]}, {"name": "Test", "actions": [run]}]
    default = {"name": "IMAGE", "defaultValue": tagged("v2")}
    told = {"name": "deploy", "roleArn": ROLE, "stages": stages, "variables": [default]}
    script.answer("codepipeline", "get_pipeline", {"pipeline": told}, name="deploy", version=2)
    found = used(script)
    assert [(one.reference.repository, one.reference.tag) for one in found] == [
        ("web", "live"),
        ("app", "v2"),
        ("app", "v1"),
    ]
    assert {one.reference.breadth for one in found} == {ReferenceScope.IMAGE}


def test_executions_are_listed_back_for_two_months(script: Script) -> None:
    """No approval is waited for for longer; the page after that is not asked for."""
    script.answer("codepipeline", "list_pipelines", {"pipelines": [{"name": "deploy", "version": 3}]})
    told = {"pipelineExecutionSummaries": [execution("e1", "Succeeded")], "nextToken": "more"}
    script.answer("codepipeline", "list_pipeline_executions", told, **OF_DEPLOY)
    old = [execution("e2", age=LONGEST), execution("e3", age=LONGEST + HOUR)]
    told = {"pipelineExecutionSummaries": old, "nextToken": "still more"}
    script.answer("codepipeline", "list_pipeline_executions", told, **OF_DEPLOY, nextToken="more")
    is_asked_for(script, "e2", variables=variables(tagged("v1")))
    assert used(script) == [usage(written(), "e2")]


@pytest.mark.parametrize("left", [[], ["e1"]])
@pytest.mark.parametrize("call", ["get_pipeline_execution", "get_pipeline"])
def test_an_execution_that_is_not_found_is_listed_again(script: Script, call: str, left: list[str]) -> None:
    """If it is, what it uses is not known."""
    runs(script, execution("e1"))
    if call == "get_pipeline":
        is_asked_for(script, "e1", version=2)
    script.refuse("codepipeline", call, "PipelineNotFoundException")
    told = {"pipelineExecutionSummaries": list(map(execution, left))}
    script.answer("codepipeline", "list_pipeline_executions", told, **OF_DEPLOY)
    if not left:
        assert used(script) == []
        return
    script.answer("codepipeline", "list_pipelines", {"pipelines": [{"name": "deploy", "version": 3}]})
    with pytest.raises(AwsError, match="PipelineNotFoundException"):
        used(script)


def test_a_pipeline_that_is_listed_no_more_is_passed_over(script: Script) -> None:
    """A new version of it is the same pipeline."""
    for left in ([], [{"name": "deploy", "version": 4}]):
        script.answer("codepipeline", "list_pipelines", {"pipelines": [{"name": "deploy", "version": 3}]})
        script.refuse("codepipeline", "list_pipeline_executions", "PipelineNotFoundException", **OF_DEPLOY)
        script.answer("codepipeline", "list_pipelines", {"pipelines": left})
        if not left:
            assert used(script) == []
    with pytest.raises(AwsError, match="PipelineNotFoundException"):
        used(script)


EXECUTIONS: Final = FactKind(NAME, NAME, tuple[Named, ...])


def key(name: str, age: timedelta = HOUR) -> str:
    """By what an execution is remembered."""
    return f"deploy/{name} {(NOW - age).isoformat()}"


def test_what_was_found_is_remembered_once_the_sources_have_ended(script: Script) -> None:
    """Before, an execution may still find another image."""
    store = kept(script)
    runs(script, execution("e1"), execution("e2"))
    is_asked_for(script, "e1", variables=variables(tagged("v1")))
    is_asked_for(script, "e2", variables=variables(tagged("v2")), artifactRevisions=sources("0123abc"))
    assert [one.reference.tag for one in used(script, remembering(script, store))] == ["v1", "v2"]
    ((known, named),) = store.known(EXECUTIONS).items()
    assert (known, [reference.tag for one in named for reference in one.references]) == (key("e2"), ["v2"])


def test_what_is_known_to_be_under_way_is_followed_to_its_end(script: Script) -> None:
    """Also beyond the time for which executions are listed; of what has ended nothing counts."""
    named = (images_in(tagged("v1")).storable(),)
    old = 2 * LONGEST
    told = {key("e1"): named, key("e8", old): named, key("e9", old): named, key("e7", old): named}
    runs(script, execution("e1"))
    is_asked_for(script, "e8")
    is_asked_for(script, "e9", status="Succeeded")
    asked = {"pipelineName": "deploy", "pipelineExecutionId": "e7"}
    script.refuse("codepipeline", "get_pipeline_execution", "PipelineExecutionNotFoundException", **asked)
    store = kept(script, **{NAME: told})
    assert used(script, remembering(script, store)) == [usage(written(), "e1"), usage(written(), "e8")]
