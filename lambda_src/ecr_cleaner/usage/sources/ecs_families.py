"""The newest active revisions of every task definition family.

A person, a pipeline or a program that starts a task names a family, and no operation lists who does: the revision
that ECS would choose counts as in use.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.found import like, usages_of_task_definition
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext

_NAME: Final = "ecs_families"


def collect(context: SourceContext) -> Iterator[Usage]:
    """The images of the newest active revisions of every family, as many as the settings say.

    Returns:
        Usages of the kind ``configured``.

    Raises:
        SourceError: ECS lists a task definition that it does not describe, or not the newest first.
    """
    asked = {"status": "ACTIVE", "maxResults": 100}
    families = partial(context.paged, "ecs", "ListTaskDefinitionFamilies", "families", **asked)
    return of_each(context, families, _of_family)


def _of_family(context: SourceContext, family: str) -> Iterator[Usage]:
    for name, consumer in _revisions(context, family, context.settings.task_definition_revisions):
        # None: deregistered since it was listed, as the listings prove, so that nothing can be started from it.
        is_held = name != family  # it was just listed
        usage = like(_NAME, consumer)
        yield from usages_of_task_definition(context.task_definitions, name, usage, is_held=is_held) or ()


def _revisions(context: SourceContext, family: str, wanted: int | str) -> Iterator[tuple[str, str]]:
    """What to describe, and the consumer as reports name it."""
    if wanted == 1:
        # By its family, ECS describes the newest active revision: one call instead of two.
        yield family, f"newest task definition of family {family}"
        return
    every = context.paged(
        "ecs",
        "ListTaskDefinitions",
        "taskDefinitionArns",
        familyPrefix=family,
        status="ACTIVE",
        sort="DESC",
        maxResults=100,
    )
    own = (arn for arn in every if arn.rpartition("/")[2].rpartition(":")[0] == family)
    listed = task_definitions.newest_first(own)
    for _, arn in listed if wanted == "all" else islice(listed, int(wanted)):
        yield arn, f"task definition {arn.rpartition('/')[2]}"


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Amazon ECS task definitions that nothing names, in every family with an active revision",
        protects="The newest active revision of every family; as many as `task_definition_revisions` says",
        service="ecs",
        grants=(
            Grant("ReadTaskDefinitionFamilies", ("ecs:ListTaskDefinitionFamilies", *task_definitions.PERMISSIONS)),
        ),
        fields=(
            RequiredField("ecs", "ListTaskDefinitionFamilies", "families[]"),
            RequiredField("ecs", "ListTaskDefinitions", "taskDefinitionArns[]"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(task_definitions.TEXTS,),
    ),
)
