"""AWS CodeBuild: projects, and builds in progress, which may run in another image than their project's.

``imageOverride`` of StartBuild and StartBuildBatch, and the buildspec of a batch, choose another image than the
project's; the build in progress has it. CodeBuild lists builds of all time, so each project's builds are read from the
newest back to the longest time that a build can last. ListBuilds cannot be used for that: it orders by ids, which begin
with the project's name.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.responses import Missing, in_batches, listed_again
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of, usages_of
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

_NAME: Final = "codebuild"
_TEXTS: Final = {
    operation: FreeText(
        "codebuild",
        operation,
        items,
        Grammar.VARIABLES,
        images=("environment.image",),
        builds=("source.buildspec", "secondarySources[].buildspec"),
        variables=("environment.environmentVariables",),
    )
    for operation, items in (
        ("BatchGetProjects", "projects[]"),
        ("BatchGetBuilds", "builds[]"),
        ("BatchGetBuildBatches", "buildBatches[]"),
        ("BatchGetSandboxes", "sandboxes[]"),
    )
}
_THINGS_A_CALL: Final = 100
# The model states no limit for this one.
_SANDBOXES_A_CALL: Final = 10

LONGEST: Final = timedelta(hours=36 + 8 + 1)
"""How long a build can be in progress: 2160 minutes, after 480 in a queue, and an hour for clocks that differ."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """The image of every project, and of every build, batch build and sandbox in progress.

    Yields:
        Usages of the kind ``configured`` for projects, ``running`` for the others.

    Raises:
        SourceError: CodeBuild lists something and does not describe it.
    """
    codebuild = context.aws.client(_NAME)
    yield from _projects(context, codebuild)
    yield from _batches(context, codebuild)
    yield from _sandboxes(context, codebuild)


def _projects(context: SourceContext, codebuild: Any) -> Iterator[Usage]:
    listing = partial(context.listed, _NAME, "ListProjects", "projects")
    with listed_again(listing) as missing:

        def of_projects(own: SourceContext, asked: list[str]) -> Iterator[Usage]:
            answer = codebuild.batch_get_projects(names=asked)
            projects = _described(answer, asked, "projects", "name", "BatchGetProjects", missing=missing)
            return each(own, of_project, projects)

        def of_project(own: SourceContext, project: dict[str, Any]) -> list[Usage]:
            return missing.unless_gone(project["name"], partial(_of_project, own, codebuild, project))

        # All names first: reading the builds takes long, and the lifetime of a page token is not documented.
        yield from each(context, of_projects, in_batches(list(listing()), _THINGS_A_CALL))


def _of_project(context: SourceContext, codebuild: Any, project: dict[str, Any]) -> Iterator[Usage]:
    oldest = context.now - LONGEST
    consumer = f"codebuild project {project['name']}"
    yield from _usages(codebuild, project, "BatchGetProjects", consumer, UsageKind.CONFIGURED)
    # The default order is newest first; CodeBuild rejects an explicit order for projects of more than 100 builds.
    listing = partial(context.listed, _NAME, "ListBuildsForProject", "ids", projectName=project["name"])
    with listed_again(listing) as missing:
        for asked in in_batches(listing(), _THINGS_A_CALL):
            answer = codebuild.batch_get_builds(ids=asked)
            builds = _described(answer, asked, "builds", "id", "BatchGetBuilds", missing=missing)
            for build in builds:
                if not build.get("buildComplete"):  # without the member it counts as not complete
                    consumer = f"codebuild build {build['id']}"
                    yield from _usages(codebuild, build, "BatchGetBuilds", consumer, UsageKind.RUNNING)
            if builds and all(build.get("startTime", oldest) < oldest for build in builds):
                break


def _batches(context: SourceContext, codebuild: Any) -> Iterator[Usage]:
    """Batch builds in progress: no operation lists those of their builds that have not started yet."""
    in_progress = {"status": "IN_PROGRESS"}
    listing = partial(context.listed, _NAME, "ListBuildBatches", "ids", filter=in_progress, maxResults=100)
    with listed_again(listing) as missing:
        for asked in in_batches(listing(), _THINGS_A_CALL):
            answer = codebuild.batch_get_build_batches(ids=asked)
            for batch in _described(answer, asked, "buildBatches", "id", "BatchGetBuildBatches", missing=missing):
                consumer = f"codebuild batch build {batch['id']}"
                yield from _usages(codebuild, batch, "BatchGetBuildBatches", consumer, UsageKind.RUNNING)


def _sandboxes(context: SourceContext, codebuild: Any) -> Iterator[Usage]:
    listing = partial(context.listed, _NAME, "ListSandboxes", "ids", maxResults=100)
    with listed_again(listing) as missing:
        for asked in in_batches(listing(), _SANDBOXES_A_CALL):
            answer = codebuild.batch_get_sandboxes(ids=asked)
            for sandbox in _described(answer, asked, "sandboxes", "id", "BatchGetSandboxes", missing=missing):
                if "endTime" not in sandbox:  # absent until it has ended
                    consumer = f"codebuild sandbox {sandbox['id']}"
                    yield from _usages(codebuild, sandbox, "BatchGetSandboxes", consumer, UsageKind.RUNNING)


def _described(  # noqa: PLR0913 - what differs between the four
    answer: dict[str, Any], requested: list[str], member: str, key: str, operation: str, *, missing: Missing
) -> list[dict[str, Any]]:
    """What a call describes; what it reports as not found is missing. Together these must be everything requested.

    Raises:
        IncompleteAnswerError: A member is missing.
        SourceError: Something is missing from both.
    """
    things: list[dict[str, Any]] = responses.member(answer, member, operation)
    gone = set(answer.get(f"{member}NotFound") or ())  # absent or empty if all were found
    if left_out := set(requested) - gone - {responses.member(thing, key, operation) for thing in things}:
        message = f"{operation} left out {', '.join(sorted(left_out))}"
        raise SourceError(message)
    missing.add(gone & set(requested), operation)
    return things


def _usages(
    codebuild: Any, thing: dict[str, Any], operation: str, consumer: str, evidence: UsageKind
) -> Iterator[Usage]:
    image = responses.member(thing, "environment.image", operation)
    arn = _project_arn(thing)
    yield from usages_of(image, source=_NAME, consumer=consumer, evidence=evidence, consumer_arn=arn)
    # A batch's buildspec names the images of its builds, and any buildspec the images that its commands pull. The same
    # member may be the path of a file, which names none.
    usage = like(_NAME, f"{consumer}, buildspec or variables", evidence, arn)
    yield from usages_of_texts(_TEXTS[operation], thing, codebuild, usage)


def _project_arn(thing: dict[str, Any]) -> str:
    """The ARN of a project or of that of a build: every build has an ARN of its own, which nobody can know before."""
    arn = str(thing.get("arn", ""))
    project = thing.get("projectName")  # absent on projects
    return f"{':'.join(arn.split(':')[:5])}:project/{project}" if arn and project else arn


SOURCES: Final = (
    Source(
        name=_NAME,
        title="AWS CodeBuild projects",
        protects="The image of every project's environment, and of builds, batch builds and sandboxes under way, also"
        " one that was chosen at their start; what the text of their buildspecs names, where that is no file in the"
        " source",
        service="codebuild",
        grants=(
            Grant("ListCodeBuild", ("codebuild:ListBuildBatches", "codebuild:ListProjects", "codebuild:ListSandboxes")),
            Grant(
                "ReadCodeBuildProjects",
                (
                    "codebuild:BatchGetBuildBatches",
                    "codebuild:BatchGetBuilds",
                    "codebuild:BatchGetProjects",
                    "codebuild:BatchGetSandboxes",
                    "codebuild:ListBuildsForProject",
                ),
                arn_of("codebuild", "project/*"),
            ),
        ),
        fields=(
            RequiredField("codebuild", "BatchGetProjects", "projects[].environment.image"),
            RequiredField("codebuild", "BatchGetProjects", "projects[].source.buildspec"),
            RequiredField("codebuild", "BatchGetBuilds", "builds[].environment.image"),
            RequiredField("codebuild", "BatchGetBuilds", "builds[].source.buildspec"),
            RequiredField("codebuild", "BatchGetBuilds", "builds[].buildComplete"),
            RequiredField("codebuild", "BatchGetBuilds", "builds[].startTime"),
            RequiredField("codebuild", "BatchGetBuildBatches", "buildBatches[].environment.image"),
            RequiredField("codebuild", "BatchGetBuildBatches", "buildBatches[].source.buildspec"),
            RequiredField("codebuild", "BatchGetSandboxes", "sandboxes[].environment.image"),
            RequiredField("codebuild", "BatchGetSandboxes", "sandboxes[].source.buildspec"),
            RequiredField("codebuild", "BatchGetSandboxes", "sandboxes[].endTime"),
        ),
        collect=collect,
        texts=tuple(_TEXTS.values()),
    ),
)
