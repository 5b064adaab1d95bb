"""The calls that a run made, and what held them back."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServiceCalls:
    """The calls of one service, by whatever part of the run, in whatever account and region.

    Attributes:
        service: As botocore's events name it, e.g. ``ecr``, ``sfn``.
        calls: Tries, retries included.
        throttled: Those among them that AWS throttled.
    """

    service: str
    calls: int
    throttled: int


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How long a rate held calls back.

    Attributes:
        service: As `ServiceCalls` has it.
        operations: What shares the rate; a ``*`` stands for any letters.
        seconds: In which at least one call waited, in the account and region where that was the longest.
    """

    service: str
    operations: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class RunCalls:
    """The calls of a run so far.

    Attributes:
        services: Those called, the most called one first.
        held_back: Those rates that held calls back for a second or more, the longest first.
    """

    services: tuple[ServiceCalls, ...] = ()
    held_back: tuple[HeldBack, ...] = ()

    @property
    def calls(self) -> int:
        """Of all services."""
        return sum(one.calls for one in self.services)

    @property
    def throttled(self) -> int:
        """Likewise."""
        return sum(one.throttled for one in self.services)

    def as_json(self) -> dict[str, Any]:
        """As JSON-native values."""
        return {
            "made": self.calls,
            "throttled": self.throttled,
            "by_service": {one.service: {"calls": one.calls, "throttled": one.throttled} for one in self.services},
            "held_back": [
                {**asdict(one), "operations": list(one.operations), "seconds": round(one.seconds, 1)}
                for one in self.held_back
            ],
        }
