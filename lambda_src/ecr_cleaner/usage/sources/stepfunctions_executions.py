"""Step Functions: executions under way, which keep definition and input of their start for up to a year.

Their definitions are asked for once for each version or revision that they run, not once for each of them: that call
has the lowest quota of all. Express executions end within five minutes and cannot be listed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage import state_machines, task_definitions
from ecr_cleaner.usage.each import of_each
from ecr_cleaner.usage.executions import Executions, executions_of
from ecr_cleaner.usage.responses import listed_again
from ecr_cleaner.usage.scheduled import usages_named
from ecr_cleaner.usage.source import TASK_DEFINITION_FIELDS, Grant, RequiredField, Source, SourceContext, arn_of
from ecr_cleaner.usage.texts.named import Named, named_in, widened

_NAME: Final = "stepfunctions_executions"
_EVER: Final = datetime.max.replace(tzinfo=UTC)

MOST: Final = 1_000
"""Executions of a state machine whose input is read; beyond, whole repositories are in use."""

MOST_LISTED: Final = 20_000
"""Executions of a state machine that are listed."""

MOST_DEFINITIONS: Final = 100
"""Calls for the definitions of a state machine's executions."""

SETTLED: Final = timedelta(minutes=1)
"""For "a few seconds" after an update, executions may be started with the definition before it
(https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html)."""

REVISIONS: Final = FactKind("state_machine_revisions", _NAME, datetime, is_read=False)
"""From when on every execution was started with a revision of its state machine, by ARN and revision.

A time, which no other code would read in another way.
"""

LONGEST_SCAN: Final = timedelta(minutes=15)
"""When a state machine is read at the latest after the scan began: no run takes longer."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """Everything that definition and input of a running execution name.

    Yields:
        Usages of the kind ``running``.

    Raises:
        SourceError: A definition is no JSON.
    """
    client = context.aws.client("stepfunctions")
    executions = executions_of(context, _NAME)

    def listing() -> Iterator[str]:
        for machine in context.listed("stepfunctions", "ListStateMachines", "stateMachines", maxResults=1000):
            if responses.member(machine, "type", "ListStateMachines") != "EXPRESS":
                yield responses.member(machine, "stateMachineArn", "ListStateMachines")

    yield from of_each(context, listing, lambda own, arn: _Machine(own, client, executions, arn).usages())


@dataclass(slots=True)
class _Machine:
    """Reads the executions of one state machine."""

    context: SourceContext
    client: Any
    executions: Executions
    arn: str
    asked: int = 0
    # Whether something of an execution was not read.
    unread: bool = False
    # From when to when every execution was started with a definition; None before the present one was read.
    spans: list[tuple[datetime, datetime, Named]] | None = None
    versions: dict[str, Named] = field(default_factory=dict)
    references: dict[Reference, None] = field(default_factory=dict)
    task_definitions: dict[str, None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return state_machines.name_of(self.arn)

    @property
    def present(self) -> state_machines.Definition:
        return self.context.state_machines.definition(self.context.aws, self.arn)

    def usages(self) -> Iterator[Usage]:
        with listed_again(lambda: (arn for arn, *_ in self._listed())) as missing:
            for number, (arn, started_at, version) in enumerate(self._listed()):
                if number == MOST_LISTED:
                    self.unread = True
                    yield from self._earlier()
                    break
                read = partial(self._of_execution, arn, started_at, version, with_input=number < MOST)
                yield from missing.unless_gone(arn, read)
        if self.unread:
            yield from self._wide()

    def _spans(self) -> list[tuple[datetime, datetime, Named]]:
        """At first one: from when on every execution has the present definition, as far as earlier runs know."""
        if self.spans is None:
            revision, facts = f"{self.arn} {self.present.revision}", self.context.facts(REVISIONS)
            since = facts.known(revision)
            if since is None:
                since = self.context.now + LONGEST_SCAN + SETTLED
                facts.learn(revision, since)
            self.spans = [(since, _EVER, self.present.named)]
        return self.spans

    def _listed(self) -> Iterator[tuple[str, datetime, str | None]]:
        """ARN, start and version of every running execution, the newest first."""
        operation = "ListExecutions"
        for execution in self.context.listed(
            "stepfunctions", operation, "executions", stateMachineArn=self.arn, statusFilter="RUNNING", maxResults=1000
        ):
            yield (
                responses.member(execution, "executionArn", operation),
                responses.member(execution, "startDate", operation),
                execution.get("stateMachineVersionArn"),  # absent if no version was started
            )

    def _earlier(self) -> Iterator[Usage]:
        """What earlier runs found of executions that may be further down in the listing."""
        prefix = f"{self.arn.replace(':stateMachine:', ':execution:')}:"
        for arn, started_at in self.executions.beginning(prefix):
            for one in self.executions.known(arn, started_at) or ():
                yield from self._new(one, arn)

    def _of_execution(
        self, arn: str, started_at: datetime, version: str | None, *, with_input: bool
    ) -> Iterator[Usage]:
        named = self.executions.known(arn, started_at)
        if named is None and self.arn not in self.context.unreadable:
            # Whoever accepts that a machine is not read accepts it for its executions. Once its key was refused,
            # nothing more is tried; what an earlier run found still counts.
            read = partial(self._read, arn, started_at, version, with_input=with_input)
            named = self.context.readable(self.arn, read)
        for one in named or ():
            yield from self._new(one, arn)

    def _read(self, arn: str, started_at: datetime, version: str | None, *, with_input: bool) -> tuple[Named, ...]:
        """What definition and input name, as far as they may be asked for."""
        definition = self._definition(arn, started_at, version)
        if not with_input or definition is None:
            self.unread = True
            return () if definition is None else (definition,)
        answer = self.client.describe_execution(executionArn=arn)
        text = str(responses.member(answer, "input", "DescribeExecution"))
        named = definition, named_in(text, definition.keys)
        self.executions.learn(arn, started_at, named)
        return named

    def _definition(self, arn: str, started_at: datetime, version: str | None) -> Named | None:
        """What the definition of an execution names; None if too many were asked for."""
        if version is not None:
            named = self._published(version)
        else:
            named = next((named for begin, end, named in self._spans() if begin <= started_at <= end), None)
        if named is not None:
            return named
        if self.asked == MOST_DEFINITIONS:
            return None
        self.asked += 1
        answer = self.client.describe_state_machine_for_execution(executionArn=arn)
        text = str(responses.member(answer, "definition", "DescribeStateMachineForExecution"))
        updated_at = responses.member(answer, "updateDate", "DescribeStateMachineForExecution")
        named = state_machines.named_by(text, self._consumer(arn))
        if version is not None:
            self.versions[version] = named
            return named
        revision = answer.get("revisionId"), state_machines.sha256_of(text)
        is_present = revision == (self.present.revision_id, self.present.sha256)
        self._spans().append((updated_at + SETTLED, _EVER if is_present else started_at - SETTLED, named))
        return named

    def _published(self, version: str) -> Named | None:
        """What a version names; None if it was deleted and none of its executions was asked yet."""
        if version in self.versions:
            return self.versions[version]
        try:
            return self.context.state_machines.definition(self.context.aws, version).named
        except errors.AwsError as error:
            if not errors.may_not_exist(error):
                raise
            return None

    def _new(self, named: Named, arn: str) -> Iterator[Usage]:
        """The usages of what no execution of this state machine named before."""
        new = Named(
            tuple(one for one in named.references if one not in self.references),
            tuple(one for one in named.task_definitions if one not in self.task_definitions),
        )
        self.references.update(dict.fromkeys(new.references))
        self.task_definitions.update(dict.fromkeys(new.task_definitions))
        yield from self._named(new, self._consumer(arn))

    def _wide(self) -> Iterator[Usage]:
        """Every image of the repositories that anything read of this state machine names."""
        present = self.context.readable(self.arn, lambda: self.present)
        if present is not None:
            self.references.update(dict.fromkeys(present.named.references))
            self.task_definitions.update(dict.fromkeys(present.named.task_definitions))
        named = Named(tuple(self.references), tuple(self.task_definitions))
        namer = f"{self.name}, executions that are too many to read"
        self.context.notes.append(
            f"{self.name} has more executions under way than are read ({MOST:,}, {MOST_DEFINITIONS} definitions): every"
            f" image of the {len(self.references)} names and {len(self.task_definitions)} task definitions that those"
            " read name counts as in use with its whole repository; what only the others name is not known"
        )
        # It is widened here, whatever named it: so a person may accept it.
        wide = (
            replace(usage, reference=widened(usage.reference), consumer_arn=self.arn, in_text=True)
            for usage in self._named(named, namer)
        )
        yield from dict.fromkeys(wide)

    def _named(self, named: Named, namer: str) -> Iterator[Usage]:
        evidence = UsageKind.RUNNING
        return usages_named(self.context, named, source=_NAME, namer=namer, evidence=evidence, consumer_arn=self.arn)

    def _consumer(self, arn: str) -> str:
        return f"{self.name}, execution {arn.rpartition(':')[2]}"


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Step Functions executions under way, but for express ones",
        protects="What the definition and the input name that a running execution was started with: images, and task"
        f" definitions; of a state machine with more than {MOST:,} of them, every image of the repositories that those"
        " read name",
        service="stepfunctions",
        grants=(
            Grant("ListStateMachinesOfExecutions", ("states:ListStateMachines",)),
            Grant("ReadStateMachinesOfExecutions", state_machines.PERMISSIONS, arn_of("states", "stateMachine:*")),
            # On map runs and express executions too: IAM asks for each kind that the actions know.
            Grant(
                "ReadExecutions",
                ("states:DescribeExecution", "states:DescribeStateMachineForExecution", "states:ListExecutions"),
                arn_of("states", "*"),
            ),
            Grant("ReadTaskDefinitionsOfExecutions", task_definitions.PERMISSIONS),
        ),
        fields=(
            RequiredField("stepfunctions", "ListStateMachines", "stateMachines[].type"),
            RequiredField("stepfunctions", "DescribeStateMachine", "definition"),
            RequiredField("stepfunctions", "ListExecutions", "executions[].startDate"),
            RequiredField("stepfunctions", "ListExecutions", "executions[].stateMachineVersionArn"),
            RequiredField("stepfunctions", "DescribeStateMachineForExecution", "definition"),
            RequiredField("stepfunctions", "DescribeStateMachineForExecution", "updateDate"),
            RequiredField("stepfunctions", "DescribeStateMachineForExecution", "revisionId"),
            RequiredField("stepfunctions", "DescribeExecution", "input"),
            *TASK_DEFINITION_FIELDS,
        ),
        collect=collect,
        texts=(task_definitions.TEXTS,),
    ),
)
