"""AWS CodeBuild: projects, and what is being built with an image of its own choice.

``imageOverride`` of StartBuild and StartBuildBatch, and the buildspec of a batch, choose another image than the
project's; what is under way says which. Builds are listed for all time, so each project's are read back from the
newest, no further than a build can last. ListBuilds cannot do that: it orders by ids, which begin with the project's
name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import UsageKind
from ecr_cleaner.usage.responses import in_batches
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, usages_in, usages_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ecr_cleaner.model.usage import Usage

_NAME: Final = "codebuild"
_GONE: Final = "ResourceNotFoundException"
_THINGS_A_CALL: Final = 100
# The model states no limit for this one.
_SANDBOXES_A_CALL: Final = 10

LONGEST: Final = timedelta(hours=36 + 8 + 1)
"""How long a build can be under way: 2160 minutes, after 480 in a queue, and an hour for clocks that differ."""


def collect(account: SourceContext) -> Iterator[Usage]:
    """The image of every project, and of every build, batch build and sandbox under way.

    Yields:
        Usages of the kind ``configured`` for projects, ``running`` for the others.

    Raises:
        SourceError: CodeBuild lists something and does not describe it.
    """
    codebuild = account.aws.client("codebuild")
    oldest = account.now - LONGEST
    # All at first: reading the builds takes long, and nobody says how long a page token lives.
    names = list(responses.paged(codebuild, "ListProjects", "projects"))
    for asked in in_batches(names, _THINGS_A_CALL):
        answer = codebuild.batch_get_projects(names=asked)
        projects, gone = _told(answer, asked, "projects", "name", "BatchGetProjects")
        if gone and (kept := gone & set(responses.paged(codebuild, "ListProjects", "projects"))):
            message = f"BatchGetProjects does not find {', '.join(sorted(kept))}, which ListProjects lists"
            raise SourceError(message)
        for project in projects:
            yield from _usages(
                project, "BatchGetProjects", f"codebuild project {project['name']}", UsageKind.CONFIGURED
            )
            yield from _builds(codebuild, project["name"], oldest)
    yield from _batches(codebuild)
    yield from _sandboxes(codebuild)


def _builds(codebuild: Any, project: str, oldest: datetime) -> Iterator[Usage]:
    # Newest first without being told: CodeBuild refuses an order for projects of more than 100 builds.
    ids = responses.paged(codebuild, "ListBuildsForProject", "ids", projectName=project)
    try:
        for asked in in_batches(ids, _THINGS_A_CALL):
            # What is not found was deleted, and a build under way cannot be.
            builds, _ = _told(codebuild.batch_get_builds(ids=asked), asked, "builds", "id", "BatchGetBuilds")
            for build in builds:
                if not build.get("buildComplete"):  # what does not say so is not complete
                    yield from _usages(build, "BatchGetBuilds", f"codebuild build {build['id']}", UsageKind.RUNNING)
            if builds and all(build.get("startTime", oldest) < oldest for build in builds):
                return
    except errors.AwsError as error:
        # Only the listing knows this code: the project was deleted.
        if errors.code_of(error) != _GONE:
            raise


def _batches(codebuild: Any) -> Iterator[Usage]:
    """Batch builds under way: builds that they have not begun yet are listed nowhere."""
    under_way = {"status": "IN_PROGRESS"}
    ids = responses.paged(codebuild, "ListBuildBatches", "ids", filter=under_way, maxResults=100)
    for asked in in_batches(ids, _THINGS_A_CALL):
        answer = codebuild.batch_get_build_batches(ids=asked)
        batches, _ = _told(answer, asked, "buildBatches", "id", "BatchGetBuildBatches")
        for batch in batches:
            consumer = f"codebuild batch build {batch['id']}"
            yield from _usages(batch, "BatchGetBuildBatches", consumer, UsageKind.RUNNING)


def _sandboxes(codebuild: Any) -> Iterator[Usage]:
    ids = responses.paged(codebuild, "ListSandboxes", "ids", maxResults=100)
    for asked in in_batches(ids, _SANDBOXES_A_CALL):
        answer = codebuild.batch_get_sandboxes(ids=asked)
        sandboxes, _ = _told(answer, asked, "sandboxes", "id", "BatchGetSandboxes")
        for sandbox in sandboxes:
            if "endTime" not in sandbox:  # as long as it has not ended
                consumer = f"codebuild sandbox {sandbox['id']}"
                yield from _usages(sandbox, "BatchGetSandboxes", consumer, UsageKind.RUNNING)


def _told(
    answer: dict[str, Any], asked: list[str], found: str, key: str, operation: str
) -> tuple[list[dict[str, Any]], set[str]]:
    """What a call describes, and what it says it does not find; everything asked for must be among them.

    Raises:
        IncompleteAnswerError: A member is missing.
        SourceError: Something is left out in silence.
    """
    things = responses.member(answer, found, operation)
    gone = set(answer.get(f"{found}NotFound") or ())  # absent or empty if all were found
    if left_out := set(asked) - gone - {responses.member(thing, key, operation) for thing in things}:
        message = f"{operation} left out {', '.join(sorted(left_out))}"
        raise SourceError(message)
    return things, gone


def _usages(thing: dict[str, Any], operation: str, consumer: str, evidence: UsageKind) -> Iterator[Usage]:
    image = responses.member(responses.member(thing, "environment", operation), "image", operation)
    yield from usages_of(image, source=_NAME, consumer=consumer, evidence=evidence)
    # A batch's buildspec names the images of its builds, any buildspec those that its commands pull. The same member
    # may be the place of a file, which names none.
    buildspec = (thing.get("source") or {}).get("buildspec") or ""
    yield from usages_in(buildspec, source=_NAME, consumer=f"{consumer}, buildspec", evidence=evidence)


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
                "arn:{partition}:codebuild:{region}:{account}:project/*",
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
    ),
)
