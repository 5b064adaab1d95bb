"""How executions of SageMaker's pipelines are read: with the definition and the parameters they were started with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.aws.errors import AwsError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import sagemaker_executions
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.aws_calls.consumers import tagged, written
from tests.builders import ACCOUNT, NOW, REGION

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

PAGE: Final = {"MaxResults": 100}
ARN: Final = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/weekly/execution/"
OF_WEEKLY: Final = {"PipelineName": "weekly", "CreatedAfter": NOW - sagemaker_executions.LONGEST, **PAGE}
GONE: Final = pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])


def used(script: Script) -> list[Usage]:
    """What executions use."""
    context = SourceContext(script.aws, Settings(), TaskDefinitions(script.aws), now=NOW)
    return list(sagemaker_executions.collect(context))


def lists(script: Script, *names: str) -> None:
    """There are pipelines."""
    listed = [{"PipelineName": name} for name in names]
    script.pages("sagemaker", "list_pipelines", "PipelineSummaries", listed, **PAGE)


def execution(identity: str, status: str) -> dict[str, Any]:
    """An execution as it is listed."""
    return {"PipelineExecutionArn": ARN + identity, "PipelineExecutionStatus": status, "StartTime": NOW}


def lists_executions(script: Script, *pages: list[dict[str, Any]]) -> None:
    """There are executions."""
    script.pages("sagemaker", "list_pipeline_executions", "PipelineExecutionSummaries", *pages, **OF_WEEKLY)


def was_started(script: Script, identity: str, definition: str, *values: list[str]) -> None:
    """An execution is asked for its definition, and for its parameters page by page."""
    asked = {"PipelineExecutionArn": ARN + identity}
    told = {"PipelineDefinition": definition}
    script.answer("sagemaker", "describe_pipeline_definition_for_execution", told, **asked)
    pages = [[{"Name": "Any", "Value": value} for value in page] for page in values or ([],)]
    operation = "list_pipeline_parameters_for_execution"
    script.pages("sagemaker", operation, "PipelineParameters", *pages, **asked, **PAGE)


def by(tag: str, identity: str) -> Usage:
    """A usage by an execution."""
    namer = f"sagemaker pipeline weekly, execution {identity}"
    return Usage(written(tagged(tag), tag), "sagemaker_executions", namer, UsageKind.RUNNING)


def test_definitions_and_parameters_of_executions_under_way_count(script: Script) -> None:
    """Of two pages each."""
    lists(script, "weekly")
    over = [execution(status, status) for status in ("Stopped", "Failed", "Succeeded", "CompletedWithFailures")]
    told = {"PipelineExecutionSummaries": [*over, execution("e1", "Executing")], "NextToken": "more"}
    script.answer("sagemaker", "list_pipeline_executions", told, **OF_WEEKLY)
    definition = json.dumps({"Steps": [{"Arguments": {"ImageUri": tagged("v1")}}]})
    was_started(script, "e1", definition, ["3"], [tagged("v2"), tagged("v1")])
    told = {"PipelineExecutionSummaries": [execution("e2", "Stopping")]}
    script.answer("sagemaker", "list_pipeline_executions", told, **OF_WEEKLY, NextToken="more")
    was_started(script, "e2", definition)
    assert used(script) == [by("v1", "e1"), by("v2", "e1"), by("v1", "e2")]


@GONE
def test_a_pipeline_that_is_listed_no_more_is_passed_over(script: Script, code: str) -> None:
    """It is listed again to know, after the next one was read."""
    lists(script, "gone", "weekly")
    script.refuse("sagemaker", "list_pipeline_executions", code, **OF_WEEKLY | {"PipelineName": "gone"})
    lists_executions(script, [])
    lists(script, "weekly")
    assert used(script) == []


@GONE
@pytest.mark.parametrize("left", [[], ["e1"]])
def test_an_execution_that_is_not_found_is_listed_again(script: Script, code: str, left: list[str]) -> None:
    """If it is, what it uses is not known."""
    lists(script, "weekly")
    lists_executions(script, [execution("e1", "Executing")])
    asked = {"PipelineExecutionArn": f"{ARN}e1"}
    script.refuse("sagemaker", "describe_pipeline_definition_for_execution", code, **asked)
    lists_executions(script, [execution(name, "Executing") for name in left])
    if not left:
        assert used(script) == []
        return
    lists(script, "weekly")
    with pytest.raises(AwsError, match=code):
        used(script)
