"""The definitions of Step Functions state machines, each read once for all sources.

A published version is an immutable snapshot
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html), and of one that is made
again under the same ARN the creation date differs.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import SourceError
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.facts.store import Facts
from ecr_cleaner.schema import Text, stored
from ecr_cleaner.usage.texts.named import Named, named_in
from ecr_cleaner.usage.workers import Once

PERMISSIONS: Final = ("states:DescribeStateMachine",)
"""IAM actions of reading."""


@stored
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

    sha256: Text
    created: float
    revision_id: str | None
    named: Named

    @property
    def revision(self) -> str:
        """Tells it from every other revision of a state machine, also of one that had the name before."""
        return f"{self.created} {self.revision_id} {self.sha256}"


VERSIONS: Final = FactKind("state_machine_versions", "stepfunctions", Definition)
"""By ARN and creation date."""


@dataclass(slots=True)
class StateMachines:
    """Reads definitions of one scan target, each once; thread-safe."""

    _known: Once[str, Definition] = field(default_factory=Once)

    def version(self, clients: AwsClients, arn: str, created: datetime, facts: Facts[Definition]) -> Definition:
        """The definition of a version, as `definition` returns it; not asked for if an earlier run did.

        Args:
            clients: Of the scan target.
            arn: Of the version.
            created: As the listing says.
            facts: What earlier runs read of versions.
        """
        key = f"{arn} {created.isoformat()}"
        known = facts.known(key)
        found = self._known.get(arn, lambda: known or self._read(clients, arn))
        if known is None:
            facts.learn(key, replace(found, named=replace(found.named.storable(), keys=found.named.keys)))
        return found

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
