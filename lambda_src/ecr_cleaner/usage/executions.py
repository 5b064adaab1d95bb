"""What executions were started with, which never changes: each is asked for it once, as long as it is under way.

An execution goes on with the definition and the input of its start, whatever becomes of its state machine or pipeline
(https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html): "running executions will
continue to use the previous definition". Only names of images and task definitions are kept, never the texts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.facts.store import Facts
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.texts.named import Named


@dataclass(frozen=True, slots=True)
class Executions:
    """What is known of the executions that one source reads.

    Attributes:
        facts: By ARN or id, and start: a name may be used again after 90 days.
    """

    facts: Facts[tuple[Named, ...]]

    def known(self, execution: str, started_at: datetime) -> tuple[Named, ...] | None:
        """What an execution names, if it was asked before.

        Args:
            execution: ARN or id.
            started_at: As the listing says.
        """
        return self.facts.known(_key(execution, started_at))

    def beginning(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """The known executions whose ARN or id begins so, each with its start; some may have ended since."""
        for key, _ in self.facts.beginning(prefix):
            execution, _, started_at = key.rpartition(" ")
            yield execution, datetime.fromisoformat(started_at)

    def learn(self, execution: str, started_at: datetime, named: Iterable[Named]) -> None:
        """Remember what an execution names."""
        self.facts.learn(_key(execution, started_at), tuple(one.storable() for one in named))


def executions_of(context: SourceContext, source: str) -> Executions:
    """What is known of the executions that a source reads."""
    return Executions(context.facts(FactKind(source, source, tuple[Named, ...])))


def _key(execution: str, started_at: datetime) -> str:
    return f"{execution} {started_at.isoformat()}"
