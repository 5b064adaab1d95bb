"""Images and task definitions that Step Functions state machines name, in every published version too.

A definition may call any service, so it is read twice: as a text that may name images (e.g. a SageMaker or CodeBuild
call), and as a document that may name ECS task definitions in the parameters of any call.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.usage import state_machines, task_definitions
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.scheduled import usages_named
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext, arn_of

_NAME: Final = "stepfunctions"


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that a state machine of either type may name.

    Returns:
        Usages of the kind ``scheduled``.

    Raises:
        SourceError: A definition is no JSON.
    """
    listing = partial(context.named, _NAME, "ListStateMachines", "stateMachines", "stateMachineArn", maxResults=1000)
    return of_each(context, listing, _of_machine)


def _of_machine(context: SourceContext, machine: str) -> Iterator[Usage]:
    # Versions are snapshots, often of the same text: each text counts once, under the first name that has it. Each has
    # a key of its own; whoever accepts what a machine names, or that it is not read, accepts it for all of them.
    seen: set[str] = set()

    def read(
        own: SourceContext, arn: str, created: datetime | None = None
    ) -> Iterator[tuple[str, state_machines.Definition]]:
        find = partial(own.state_machines.definition, own.aws, arn)
        if created is not None:
            find = partial(own.state_machines.version, own.aws, arn, created, own.facts(state_machines.VERSIONS))
        definition = own.readable(machine, find)
        if definition is not None:
            yield arn, definition

    # Published versions: an execution or an alias may name any of them.
    operation = "ListStateMachineVersions"

    def versions() -> Iterator[tuple[str, datetime]]:
        for one in context.listed(_NAME, operation, "stateMachineVersions", stateMachineArn=machine, maxResults=1000):
            yield (
                responses.member(one, "stateMachineVersionArn", operation),
                responses.member(one, "creationDate", operation),
            )

    of_versions = of_each(context, versions, lambda own, version: read(own, *version))
    for arn, definition in chain(read(context, machine), of_versions):
        if definition.sha256 not in seen:
            seen.add(definition.sha256)
            namer = state_machines.name_of(arn)
            yield from usages_named(context, definition.named, source=_NAME, namer=namer, consumer_arn=machine)


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Step Functions state machines, express ones too",
        protects="In the definition and in that of every published version: each image named anywhere, with parts that"
        " are filled in later covering all they could mean; the task definition of every call of ECS that names one,"
        " and every ARN of one",
        service="stepfunctions",
        grants=(
            Grant("ListStateMachines", ("states:ListStateMachines",)),
            Grant(
                "ReadStateMachines",
                (*state_machines.PERMISSIONS, "states:ListStateMachineVersions"),
                arn_of("states", "stateMachine:*"),
            ),
            Grant("ReadTaskDefinitionsOfStateMachines", task_definitions.PERMISSIONS),
        ),
        fields=(
            RequiredField("stepfunctions", "ListStateMachines", "stateMachines[].stateMachineArn"),
            RequiredField("stepfunctions", "ListStateMachineVersions", "stateMachineVersions[].stateMachineVersionArn"),
            RequiredField("stepfunctions", "ListStateMachineVersions", "stateMachineVersions[].creationDate"),
            RequiredField("stepfunctions", "DescribeStateMachine", "definition"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(task_definitions.TEXTS,),
    ),
)
