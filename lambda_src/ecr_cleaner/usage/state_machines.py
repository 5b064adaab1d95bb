"""The definitions of Step Functions state machines, each read once for all sources."""

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import SourceError
from ecr_cleaner.usage.side_by_side import Once
from ecr_cleaner.usage.texts.named import Named, named_in

PERMISSIONS: Final = ("states:DescribeStateMachine",)
"""IAM actions of reading."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a state machine or version names.

    The text itself is not kept: a thousand versions of a megabyte each do not fit into memory.

    Attributes:
        sha256: Of the text.
        created: Of the state machine or version, seconds since the epoch.
        revision_id: Differs after each update, also one back to an earlier text; None: it was never updated.
        named: What the text names.
    """

    sha256: str
    created: float
    revision_id: str | None
    named: Named

    @property
    def revision(self) -> str:
        """Tells it from every other revision of a state machine, also of one that had the name before."""
        return f"{self.created} {self.revision_id} {self.sha256}"


@dataclass(slots=True)
class StateMachines:
    """Reads definitions of one scan target, each once; thread-safe."""

    _known: Once[str, Definition] = field(default_factory=Once)

    def definition(self, clients: AwsClients, arn: str) -> Definition:
        """The definition of a state machine or version.

        Args:
            clients: Of the scan target.
            arn: Of the state machine or version.

        Raises:
            SourceError: The definition is no JSON.
            AwsError: A call failed.
        """
        return self._known.get(arn, partial(self._read, clients, arn))

    @staticmethod
    def _read(clients: AwsClients, arn: str) -> Definition:
        answer = clients.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        text = str(responses.member(answer, "definition", "DescribeStateMachine"))
        named = named_by(text, name_of(arn))
        created = responses.member(answer, "creationDate", "DescribeStateMachine").timestamp()
        return Definition(sha256_of(text), created, answer.get("revisionId"), named)


def sha256_of(definition: str) -> str:
    """Of its text."""
    return hashlib.sha256(definition.encode()).hexdigest()


def named_by(definition: str, namer: str) -> Named:
    """What a definition names.

    Raises:
        SourceError: It is no JSON.
    """
    try:
        return named_in(definition, must_be_json=True)
    except ValueError:
        message = f"the definition of {namer} is no JSON"
        raise SourceError(message) from None


def name_of(arn: str) -> str:
    """A state machine or version as reports name it."""
    return f"state machine {arn.partition(':stateMachine:')[2]}"
