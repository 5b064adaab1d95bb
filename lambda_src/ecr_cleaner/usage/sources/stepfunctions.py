"""Images and task definitions that Step Functions state machines name, in every published version too.

A definition may call any service, so it is read twice: as a text that may name images (e.g. a SageMaker or CodeBuild
call), and as a document that may name ECS task definitions in the parameters of any call.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.responses import named, of_each
from ecr_cleaner.usage.scheduled import noted_if_dynamic, scheduled
from ecr_cleaner.usage.source import (
    TASK_DEFINITION_FIELDS,
    Grant,
    RequiredField,
    Source,
    SourceContext,
    arn_of,
    usages_in,
)

_NAME: Final = "stepfunctions"
_DESCRIBING: Final = "DescribeStateMachine"
_KEY: Final = re.compile(r"TaskDefinition(?:Arn)?(?:\.\$)?")
"""A member that takes a task definition; with the suffix ``.$`` the value is the path of one."""

_IN_EXPRESSION: Final = re.compile(
    r"""TaskDefinition(?:Arn)?['"]?\s*:\s*(?P<quote>['"]?)(?P<name>[^'",}]*)(?P=quote)"""
)
"""The same in a text that holds an object, such as all arguments of a call as one JSONata expression."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that a state machine of either type may name.

    Returns:
        Usages of the kind ``scheduled``.

    Raises:
        SourceError: A definition is no JSON.
    """
    client = context.aws.client("stepfunctions")
    listing = partial(named, client, "ListStateMachines", "stateMachines", "stateMachineArn", maxResults=1000)
    return of_each(listing, partial(_of_machine, context, client))


def _of_machine(context: SourceContext, client: Any, machine: str) -> Iterator[Usage]:
    # Versions are snapshots, often of the same text: each text is searched once, under the first name that has it.
    # Each has a key of its own; whoever accepts that a machine is not read accepts it for all of them.
    seen: set[bytes] = set()

    def read(arn: str) -> Iterator[Usage]:
        definition = context.readable(machine, partial(_definition, client, arn))
        if definition is not None and _hash(definition) not in seen:
            seen.add(_hash(definition))
            yield from _usages(context, definition, f"state machine {arn.partition(':stateMachine:')[2]}", machine)

    yield from read(machine)
    # Published versions: an execution or an alias may name any of them.
    versions = partial(
        named,
        client,
        "ListStateMachineVersions",
        "stateMachineVersions",
        "stateMachineVersionArn",
        stateMachineArn=machine,
        maxResults=1000,
    )
    yield from of_each(versions, read)


def _definition(client: Any, arn: str) -> str:
    """The definition of a state machine or version."""
    return str(responses.member(client.describe_state_machine(stateMachineArn=arn), "definition", _DESCRIBING))


def _hash(definition: str) -> bytes:
    """Stored instead of the text: a thousand versions of a megabyte each do not fit into memory."""
    return hashlib.sha256(definition.encode()).digest()


def _usages(context: SourceContext, definition: str, namer: str, arn: str) -> Iterator[Usage]:
    # Whoever accepts what a state machine names accepts it for its versions.
    yield from usages_in(definition, source=_NAME, consumer=namer, evidence=UsageKind.SCHEDULED, consumer_arn=arn)
    try:
        # Pairs instead of dictionaries, so that of two members with one name both are seen.
        document = json.loads(definition, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        message = f"the definition of {namer} is no JSON"
        raise SourceError(message) from None
    for name in dict.fromkeys(_named(document)):
        if not noted_if_dynamic(context, name, namer):
            yield from scheduled(context, name, source=_NAME, namer=namer)


def _named(part: Any) -> Iterator[str]:
    """Every text at which a call takes its task definition, at any depth."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, str):
            yield from (match["name"].strip() for match in _IN_EXPRESSION.finditer(part))
        elif isinstance(part, tuple):
            for key, value in part:
                if isinstance(value, str) and _KEY.fullmatch(key):
                    yield value
                else:
                    waiting.append(value)


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Step Functions state machines, express ones too",
        protects="In the definition and in that of every published version: each image named anywhere, with parts that"
        " are filled in later covering all they could mean; the task definition of every call of ECS that names one",
        service="stepfunctions",
        grants=(
            Grant("ListStateMachines", ("states:ListStateMachines",)),
            Grant(
                "ReadStateMachines",
                ("states:DescribeStateMachine", "states:ListStateMachineVersions"),
                arn_of("states", "stateMachine:*"),
            ),
            Grant("ReadTaskDefinitionsOfStateMachines", task_definitions.PERMISSIONS),
        ),
        fields=(
            RequiredField("stepfunctions", "ListStateMachines", "stateMachines[].stateMachineArn"),
            RequiredField("stepfunctions", "ListStateMachineVersions", "stateMachineVersions[].stateMachineVersionArn"),
            RequiredField("stepfunctions", "DescribeStateMachine", "definition"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
    ),
)
