"""What can go wrong on request: faults, token buckets, and things that happen in the middle of a run."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .aws import Request
    from .recorder import Call

Kind = Literal[
    "access_denied",
    "denied_by_organization",
    "not_offered",
    "bad_request",
    "throttled",
    "internal_error",
    "unavailable",
    "reset",
    "timeout",
    "malformed",
    "cut_short",
    "missing_member",
    "short_page",
    "empty_page_with_token",
    "expired_token",
    "lost_answer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that a call meets.

    Attributes:
        service: botocore's name or IAM's prefix, or ``"*"``.
        operation: The operation's name, or ``"*"``.
        kind: ``access_denied``, ``denied_by_organization``, ``not_offered``, ``bad_request``, ``throttled``,
            ``internal_error`` (500), ``unavailable`` (503) and ``expired_token`` are answers; ``reset`` tears the
            connection before the call is served, ``lost_answer`` after it took effect; ``timeout`` says nothing until
            the caller gives up; ``malformed`` is a 200 that
            is not JSON, ``cut_short`` a 200 whose JSON ends in the middle (with a matching Content-Length),
            ``missing_member`` a 200 with ``{}``, or with an element that holds nothing; ``short_page`` is a page of
            one item with a token for the rest and ``empty_page_with_token`` a page of none (both are what AWS may do;
            only paged calls know them).
        after: Matching calls that are let through first.
        times: Matching calls that meet it after that; None means all.
        region: Where the call is made, or ``"*"``.
        account: In which account, or ``"*"``.
        where: Input members that must have these values, such as ``{"repositoryName": "shop/api"}``; a pattern
            has to match the whole text.
        seconds: How long ``timeout`` is silent at most, through a socket, before the connection is torn. None: a caller
            of the sandbox's own process is told at once that it has waited for too long.
    """

    service: str = "*"
    operation: str = "*"
    kind: Kind
    after: int = 0
    times: int | None = None
    region: str = "*"
    account: str = "*"
    where: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            message = f"unknown kind of fault {self.kind!r}; there are {', '.join(get_args(Kind))}"
            raise ValueError(message)

    @property
    def needs_socket(self) -> bool:
        """Whether it is the connection that goes wrong, or what comes through it; else an answer is an answer."""
        if self.kind == "timeout":
            return self.seconds is not None
        return self.kind in {"reset", "lost_answer", "malformed", "cut_short", "missing_member"}

    def matches(self, request: Request) -> bool:
        """Whether this fault is meant for that request."""
        return (
            self.service in {"*", request.service, request.prefix}
            and self.operation in {"*", request.operation}
            and self.region in {"*", request.region}
            and self.account in {"*", request.account}
            and fits(self.where, request.parameters)
        )


def fits(where: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """Whether a request has the input members that narrow a fault."""
    for name, wanted in where.items():
        value = parameters.get(name)
        if wanted.fullmatch(str(value)) is None if isinstance(wanted, re.Pattern) else value != wanted:
            return False
    return True


class FaultBook:
    """The faults in force, and how often each was met."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append((fault, [0]))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._faults)

    def need_socket(self, request: Request) -> bool:
        """Whether one that needs a socket is meant for that request, or for a later one like it; counts nothing."""
        with self._lock:
            return any(fault.needs_socket and fault.matches(request) for fault, _ in self._faults)

    def meet(self, request: Request) -> Fault | None:
        """The fault this request meets, if any; every matching fault counts the call."""
        met = None
        with self._lock:
            for fault, seen in self._faults:
                if not fault.matches(request):
                    continue
                seen[0] += 1
                over = fault.times is not None and seen[0] > fault.after + fault.times
                if met is None and seen[0] > fault.after and not over:
                    met = fault
        return met


class Bucket:
    """A token bucket, as in the AWS throttling pages: `burst` calls at once, `refill` calls per second."""

    def __init__(
        self,
        service: str,
        operations: Iterable[str],
        burst: float,
        refill: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.operations = frozenset(operations)
        self._burst = burst
        self._refill = refill
        self._tokens = burst
        self._clock = clock
        self._stamp = clock()
        self._lock = threading.Lock()

    def covers(self, request: Request) -> bool:
        """Whether calls like this one draw from this bucket."""
        return request.service == self.service and bool(self.operations & {"*", request.operation})

    def take(self) -> bool:
        """Take one token; False when there is none."""
        with self._lock:
            stamp = self._clock()
            self._tokens = min(self._burst, self._tokens + (stamp - self._stamp) * self._refill)
            self._stamp = stamp
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


# ECS: "request throttling" page of the developer guide. Lambda: quotas page (control plane calls together).
AWS_BUCKETS: tuple[tuple[str, tuple[str, ...], float, float], ...] = (
    ("ecs", ("DescribeClusters", "ListClusters"), 50, 20),
    ("ecs", ("DescribeTaskDefinition", "ListTaskDefinitions", "ListTaskDefinitionFamilies"), 50, 20),
    ("ecs", ("DescribeTasks", "ListTasks"), 100, 20),
    ("ecs", ("DescribeServices", "ListServices"), 100, 20),
    ("ecs", ("ListServiceDeployments", "DescribeServiceDeployments"), 50, 20),
    ("ecs", ("DescribeServiceRevisions",), 50, 20),
    ("lambda", ("GetFunction",), 100, 100),
    ("lambda", ("ListFunctions", "ListVersionsByFunction", "ListAliases"), 15, 15),
)


class Hooks:
    """Callbacks that run before or after certain calls are served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, str, Callable[[Call], object], bool]] = []

    def add(self, service: str, operation: str, callback: Callable[[Call], object], *, lasting: bool = False) -> None:
        """Wait for the next call of this operation (``"*"`` matches all), or for every one."""
        with self._lock:
            self._waiting.append((service, operation, callback, lasting))

    def clear(self) -> None:
        """Forget all callbacks."""
        with self._lock:
            self._waiting.clear()

    def take(self, call: Call) -> list[Callable[[Call], object]]:
        """The callbacks that are due at this call; most are due only once."""
        with self._lock:
            due = [
                hook for hook in self._waiting if hook[0] in {"*", call.service} and hook[1] in {"*", call.operation}
            ]
            self._waiting = [hook for hook in self._waiting if hook not in due or hook[3]]
        return [callback for _, _, callback, _ in due]
