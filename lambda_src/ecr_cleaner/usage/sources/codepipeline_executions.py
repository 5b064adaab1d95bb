"""CodePipeline: executions under way, which keep the variables and the image that they were started with.

What an ECR source action found is a digest: an execution that waits for approval deploys it, wherever the tag is by
then.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.reference import anywhere, is_digest
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.executions import Executions, executions_of
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.sources.codepipeline import COMMANDS, VARIABLES, watched
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.named import Named, images_in

_NAME: Final = "codepipeline_executions"
_TEXTS: Final = FreeText("codepipeline", "GetPipeline", "pipeline", builds=COMMANDS, variables=VARIABLES)
_UNDER_WAY: Final = frozenset({"InProgress", "Stopping"})
_GONE: Final = "PipelineExecutionNotFoundException"

LONGEST: Final = timedelta(days=61)
"""How far executions are listed back: an approval may be waited for for 60 days. What the history saw under way is
asked for until it has ended, however long that takes."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that variables, sources and an earlier structure of an execution name.

    Yields:
        Usages of the kind ``running``.
    """
    client = context.aws.client("codepipeline")
    executions = executions_of(context, _NAME)
    versions: dict[str, int | None] = {}

    def listing() -> Iterator[str]:
        for pipeline in context.listed("codepipeline", "ListPipelines", "pipelines"):
            name = responses.member(pipeline, "name", "ListPipelines")
            versions[name] = pipeline.get("version")  # without it, each execution is asked for its own
            yield name

    def of_pipeline(own: SourceContext, name: str) -> Iterator[Usage]:
        under_way = partial(_under_way, own, client, executions, name)
        read = partial(_of_execution, executions, name, versions[name])
        # Whoever accepts what a pipeline names accepts it for its executions.
        arn = own.arn("codepipeline", name)
        for usage in of_each(own, under_way, read):
            yield replace(usage, consumer_arn=arn)

    yield from of_each(context, listing, of_pipeline)


def _under_way(
    context: SourceContext, client: Any, executions: Executions, name: str
) -> Iterator[tuple[str, datetime]]:
    """Ids of the executions of a pipeline that have not ended, and when each was started."""
    operation, earliest = "ListPipelineExecutions", context.now - LONGEST
    for execution in context.listed(
        "codepipeline", operation, "pipelineExecutionSummaries", pipelineName=name, maxResults=100
    ):  # newest first
        started_at = responses.member(execution, "startTime", operation)
        if started_at < earliest:
            break
        if responses.member(execution, "status", operation) in _UNDER_WAY:
            yield responses.member(execution, "pipelineExecutionId", operation), started_at
    for key, started_at in executions.beginning(f"{name}/"):
        number = key.removeprefix(f"{name}/")
        if started_at < earliest and _is_under_way(client, name, number):
            yield number, started_at


def _is_under_way(client: Any, name: str, execution: str) -> bool:
    """Whether an execution has not ended; CodePipeline forgets those that were started a year ago."""
    try:
        return _execution(client, name, execution)["status"] in _UNDER_WAY
    except errors.AwsError as error:
        if errors.code_of(error) == _GONE:
            return False
        raise


def _of_execution(
    executions: Executions, name: str, version: int | None, context: SourceContext, execution: tuple[str, datetime]
) -> Iterator[Usage]:
    client = context.aws.client("codepipeline")
    number, started_at = execution
    named = executions.known(f"{name}/{number}", started_at)
    if named is None:
        found = _execution(client, name, number)
        named = _named(client, name, version, found)
        if found.get("artifactRevisions"):  # absent until the source actions have ended, which may find another image
            executions.learn(f"{name}/{number}", started_at, named)
    namer = f"codepipeline {name}, execution {number}"
    for reference in dict.fromkeys(reference for one in named for reference in one.references):
        yield Usage(reference, _NAME, namer, UsageKind.RUNNING, in_text=True)


def _execution(client: Any, name: str, execution: str) -> dict[str, Any]:
    answer = client.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
    found: dict[str, Any] = responses.member(answer, "pipelineExecution", "GetPipelineExecution")
    responses.member(found, "status", "GetPipelineExecution")
    return found


def _named(client: Any, name: str, version: int | None, execution: dict[str, Any]) -> tuple[Named, ...]:
    """What an execution names: by an earlier structure of its pipeline, by variables, by what its sources found."""
    used = responses.member(execution, "pipelineVersion", "GetPipelineExecution")
    structure = Named() if used == version else _structure(client, name, used)
    variables = images_in(*(str(one.get("resolvedValue", "")) for one in execution.get("variables", ())))
    digests = (str(one.get("revisionId", "")) for one in execution.get("artifactRevisions", ()))
    return structure, variables, Named(tuple(anywhere(digest) for digest in digests if is_digest(digest)))


def _structure(client: Any, name: str, version: int) -> Named:
    """What an earlier version of a pipeline names."""
    pipeline = responses.member(client.get_pipeline(name=name, version=version), "pipeline", "GetPipeline")
    responses.member(pipeline, "stages", "GetPipeline")
    named = (usage.reference for usage in usages_of_texts(_TEXTS, pipeline, client, like(_NAME, name)))
    return Named(tuple(dict.fromkeys((*watched(pipeline), *named))))


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Executions of CodePipeline under way",
        protects="What the variables name that an execution in progress was started with, the digests that its ECR"
        " source actions found, and what an earlier version of the pipeline names of which one is in progress",
        service="codepipeline",
        grants=(
            Grant("ListCodePipelinesOfExecutions", ("codepipeline:ListPipelines",)),
            Grant(
                "ReadCodePipelineExecutions",
                (
                    "codepipeline:GetPipeline",
                    "codepipeline:GetPipelineExecution",
                    "codepipeline:ListPipelineExecutions",
                ),
                arn_of("codepipeline", "*"),
            ),
        ),
        fields=(
            RequiredField("codepipeline", "ListPipelines", "pipelines[].version"),
            RequiredField("codepipeline", "ListPipelineExecutions", "pipelineExecutionSummaries[].status"),
            RequiredField("codepipeline", "ListPipelineExecutions", "pipelineExecutionSummaries[].startTime"),
            RequiredField("codepipeline", "GetPipelineExecution", "pipelineExecution.pipelineVersion"),
            RequiredField("codepipeline", "GetPipelineExecution", "pipelineExecution.variables[].resolvedValue"),
            RequiredField("codepipeline", "GetPipelineExecution", "pipelineExecution.artifactRevisions[].revisionId"),
            RequiredField("codepipeline", "GetPipeline", "pipeline.stages[].actions[].configuration"),
        ),
        collect=collect,
        texts=(_TEXTS,),
        proof="model",
    ),
)
