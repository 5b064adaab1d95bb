"""SageMaker: executions of pipelines under way, which keep the definition and the parameters they were started with."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.executions import Executions, executions_of
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.sources.sagemaker.nested import pipeline_names
from ecr_cleaner.usage.sources.sagemaker.reading import listed
from ecr_cleaner.usage.texts.named import Named, images_in

_NAME: Final = "sagemaker_executions"

LONGEST: Final = timedelta(days=183)
"""How old an execution in progress may be: a tuning job alone may take 15 768 000 seconds
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceLimits.html)."""

_IN_PROGRESS: Final = frozenset({"Executing", "Stopping"})


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that definition and parameters of an execution in progress name.

    Yields:
        Usages of the kind ``running``.
    """
    executions = executions_of(context, _NAME)
    yield from of_each(context, partial(pipeline_names, context), partial(_of_pipeline, executions))


def _of_pipeline(executions: Executions, context: SourceContext, name: str) -> Iterator[Usage]:
    def listing() -> Iterator[tuple[str, datetime]]:
        asked = {"PipelineName": name, "CreatedAfter": context.now - LONGEST}
        for execution in listed(context, "ListPipelineExecutions", "PipelineExecutionSummaries", **asked):
            arn = responses.member(execution, "PipelineExecutionArn", "ListPipelineExecutions")
            started_at = responses.member(execution, "StartTime", "ListPipelineExecutions")
            if responses.member(execution, "PipelineExecutionStatus", "ListPipelineExecutions") in _IN_PROGRESS:
                yield arn, started_at

    def of_execution(own: SourceContext, execution: tuple[str, datetime]) -> Iterator[Usage]:
        arn, started_at = execution
        named = executions.known(arn, started_at)
        if named is None:
            named = _definition(own, arn), _parameters(own, arn)
            executions.learn(arn, started_at, named)
        namer = f"sagemaker pipeline {name}, execution {arn.rpartition('/')[2]}"
        for reference in dict.fromkeys(reference for one in named for reference in one.references):
            # Whoever accepts what a pipeline names accepts it for its executions.
            pipeline = arn.partition("/execution/")[0]
            yield Usage(reference, _NAME, namer, UsageKind.RUNNING, consumer_arn=pipeline, in_text=True)

    return of_each(context, listing, of_execution)


def _definition(context: SourceContext, arn: str) -> Named:
    answer = context.aws.client("sagemaker").describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    return images_in(str(responses.member(answer, "PipelineDefinition", "DescribePipelineDefinitionForExecution")))


def _parameters(context: SourceContext, arn: str) -> Named:
    operation = "ListPipelineParametersForExecution"
    found = listed(context, operation, "PipelineParameters", PipelineExecutionArn=arn)
    return images_in(*(str(responses.member(parameter, "Value", operation)) for parameter in found))


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Executions of SageMaker pipelines under way",
        protects="What the definition and the parameters name that an execution in progress was started with",
        service="sagemaker",
        grants=(
            Grant("ListPipelinesOfSageMaker", ("sagemaker:ListPipelines",)),
            Grant(
                "ReadPipelineExecutionsOfSageMaker",
                (
                    "sagemaker:DescribePipelineDefinitionForExecution",
                    "sagemaker:ListPipelineExecutions",
                    "sagemaker:ListPipelineParametersForExecution",
                ),
                arn_of("sagemaker", "pipeline/*"),
            ),
        ),
        fields=(
            RequiredField("sagemaker", "ListPipelines", "PipelineSummaries[].PipelineName"),
            RequiredField("sagemaker", "ListPipelineExecutions", "PipelineExecutionSummaries[].StartTime"),
            RequiredField(
                "sagemaker", "ListPipelineExecutions", "PipelineExecutionSummaries[].PipelineExecutionStatus"
            ),
            RequiredField("sagemaker", "DescribePipelineDefinitionForExecution", "PipelineDefinition"),
            RequiredField("sagemaker", "ListPipelineParametersForExecution", "PipelineParameters[].Value"),
        ),
        collect=collect,
    ),
)
