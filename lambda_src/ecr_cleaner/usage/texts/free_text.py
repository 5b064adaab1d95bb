"""Pure: which texts of a response's item are searched for images: all but image fields, and what tells of the past.

The rule goes by the service model, not by a list of members: whatever a service adds to what it describes is searched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ecr_cleaner.aws.response_paths import shape_at
from ecr_cleaner.usage.texts.search import Grammar

PAST: Final[Mapping[str, str]] = {
    **dict.fromkeys(("reason", "StateReason", "LastUpdateStatusReason"), "why something ended, waits or failed"),
    **dict.fromkeys(("statusReason", "StatusReason", "rolloutStateReason"), "why something ended, waits or failed"),
    **dict.fromkeys(("stoppedReason", "failureReason", "FailureReason"), "why something ended, waits or failed"),
    **dict.fromkeys(
        ("message", "Message", "statusMessage", "StatusMessage", "ExitMessage"), "what AWS says of the past"
    ),
    **dict.fromkeys(("statusDetails", "StatusDetails", "stateDetails"), "what AWS says of the past"),
    **dict.fromkeys(("metricsStatusDetails", "logsStatusDetails"), "what AWS says of the past"),
    **dict.fromkeys(("ModelPackageStatusDetails", "AlgorithmStatusDetails"), "what AWS says of the past"),
    **dict.fromkeys(("error", "Error", "decryptionError", "TagsError"), "what AWS could not do"),
    "events": "what has happened to a service or a job",
    "failures": "what AWS could not describe; the source fails on it, or it is gone",
    "phases": "what a build has done so far",
    **dict.fromkeys(("attempts", "eksAttempts", "recentPreemptedAttempts"), "attempts that have ended"),
}
"""Members of structures that tell of what has happened, each with what it is: they name images that nothing needs."""


@dataclass(frozen=True, slots=True)
class FreeText:
    """How the texts of one kind of item are searched.

    Attributes:
        service: botocore's name.
        operation: As AWS writes it.
        items: Path to the items in the response; empty: the response itself.
        grammar: Of every text that is not one of the following.
        images: Paths, from an item, to what is read as one image's name or digest.
        builds: Paths, from an item, to texts of builds, which read its variables.
        variables: Paths, from an item, to variables of builds or workloads; the last step may be a key of a map.
    """

    service: str
    operation: str
    items: str = ""
    grammar: Grammar = Grammar.UNKNOWN
    images: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    def parts(self, item: Any, output: Any) -> Iterator[tuple[Grammar, Any]]:
        """What is searched of an item.

        Args:
            item: Of the response.
            output: Shape of the operation's output.

        Yields:
            Each grammar with a value of texts.
        """
        others: list[tuple[Grammar, Any]] = []
        yield self.grammar, self._kept(item, shape_at(output, self.items), "", others)
        # What the commands of a build read stands beside them.
        beside = [value for grammar, value in others if grammar is Grammar.VARIABLES]
        for grammar, value in others:
            yield grammar, [*beside, value] if grammar is Grammar.BUILD and beside else value

    def _kept(self, value: Any, shape: Any, path: str, others: list[tuple[Grammar, Any]]) -> Any:
        """A value without what is not searched by the item's own grammar."""
        if path in self.images:
            return None
        if path in self.builds or path in self.variables:
            others.append((Grammar.BUILD if path in self.builds else Grammar.VARIABLES, value))
            return None
        # What the model does not know is kept as it is.
        kind = getattr(shape, "type_name", "")
        if kind == "structure" and isinstance(value, Mapping):
            return {
                name: self._kept(member, shape.members.get(name), f"{path}.{name}".lstrip("."), others)
                for name, member in value.items()
                if name not in PAST and name != "ResponseMetadata"
            }
        if kind == "list" and isinstance(value, list):
            return [self._kept(one, shape.member, f"{path}[]", others) for one in value]
        if kind == "map" and isinstance(value, Mapping):
            keys = {name: f"{path}.{name}" for name in value if f"{path}.{name}" in self.variables}
            return {
                name: self._kept(one, shape.value, keys.get(name, f"{path}{{}}"), others) for name, one in value.items()
            }
        return value
