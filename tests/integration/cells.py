"""The cells of the fault matrix: every call that a run makes, and everything that can go wrong with it.

Nothing here lists calls: they are those of a real run over an account that uses everything. A new source, or a new
feature that speaks to AWS, is in the matrix as soon as `accounts` knows a consumer of it, or `SETTINGS` turns it on.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ecr_cleaner.usage import catalog
from tests.fake_aws import Fault, faults
from tests.fake_aws.models import service_model
from tests.integration import past
from tests.integration.fault_account import (
    ABROAD,
    ARCHIVING,
    ELSEWHERE,
    SETTINGS,
    TWO_ACCOUNTS,
    TWO_REGIONS,
    seed,
    seed_abroad,
    seed_elsewhere,
)
from tests.integration.runner import ARN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.fake_aws import Sandbox
    from tests.fake_aws.faults import Kind
    from tests.fake_aws.recorder import Call
    from tests.integration.runner import Runner

FULL: Final = os.environ.get("ECR_CLEANER_FULL") == "1"
"""Whether all of them are run instead of a sample."""

Stage = Literal["accounts", "crosscheck", "finding", "index", "own", "registry", "repository", "removal", "usage"]
STAGES: Final[tuple[Stage, ...]] = (
    *("crosscheck", "finding", "index", "own", "registry", "repository", "removal", "usage"),
)
"""Of a run over one account in one region; ``accounts`` is what finds others, and lets the function in."""

OF_EVERYTHING: Final[frozenset[Stage]] = frozenset({"crosscheck", "usage"})
"""Stages whose calls are made over the account that uses everything, and not over the small one."""

Reach = Literal["every call", "the last call", "the second page"]

HARD: Final[tuple[Kind, ...]] = (
    "access_denied",
    "bad_request",
    "internal_error",
    "unavailable",
    "throttled",
    "reset",
    "timeout",
    "expired_token",
    "lost_answer",
    "malformed",
    "cut_short",
    "missing_member",
)
"""What no second try mends."""

TOOK_EFFECT: Final[tuple[Kind, ...]] = ("malformed", "cut_short", "missing_member")
"""Kinds at which AWS did what was asked, and only its answer, a 200, is of no use."""

PASSING: Final[tuple[Kind, ...]] = ("internal_error", "unavailable", "throttled", "reset", "timeout", "lost_answer")
"""What a second try mends."""

ODD_PAGES: Final[tuple[Kind, ...]] = ("short_page", "empty_page_with_token")
"""What a listing may do at any time: it hides nothing."""

REMOVALS: Final = frozenset({"BatchDeleteImage", "UpdateImageStorageClass"})
"""What takes an image away from its consumers, for ever or until somebody restores it."""

_STAGE_OF: Final[dict[str, Stage]] = {
    **dict.fromkeys(("AssumeRole", "DescribeOrganization", "ListAccounts", "ListRegions"), "accounts"),
    **dict.fromkeys(REMOVALS, "removal"),
    "GetClustersForImage": "crosscheck",
    "GetLifecyclePolicy": "finding",
    "GetResources": "index",
}
"""By operation, what is not told by who asks."""

_BY_REPOSITORY: Final = frozenset({"BatchGetImage", "DescribeImages", "GetRepositoryPolicy", "ListTagsForResource"})
_TOKENS: Final = frozenset(
    {"nextToken", "NextToken", "Marker", "ContinuationToken", "PaginationToken", "pageToken", "PageToken", "marker"}
)
_SITE: Final = f"{ARN}site"
_REPORTS: Final = re.compile(rf"{re.escape(past.PREFIX)}reports/.*")
_BESIDE_REPORTS: Final = re.compile(rf"(?!{re.escape(past.PREFIX)}reports/).*")


_MADE: Final[dict[tuple[bool, bool], dict[Api, int]]] = {}
_MADE_ABROAD: Final[dict[Api, int]] = {}


@functools.cache
def _askers(action: str) -> frozenset[str]:
    return frozenset(
        source.name for source in catalog.SOURCES if any(action in grant.actions for grant in source.grants)
    )


@dataclass(frozen=True, order=True, slots=True)
class Api:
    """One operation, of one bucket where it is S3's: the function's own and the people's are two things.

    Attributes:
        service: botocore's name.
        operation: As AWS writes it.
        action: The IAM action.
        bucket: S3's; else empty. In people's buckets are inventories.
        of_reports: Whether it is about reports in the function's own: without them a run ends otherwise than without
            history or journal.
    """

    service: str
    operation: str
    action: str
    bucket: str = ""
    of_reports: bool = False

    @classmethod
    def of(cls, call: Call) -> Api:
        """The operation of a call that was made."""
        bucket, key = (str(call.parameters.get(name, "")) for name in ("Bucket", "Key"))
        of_reports = bucket == past.BUCKET and _REPORTS.fullmatch(key) is not None
        return cls(call.service, call.operation, call.action, bucket, of_reports)

    @property
    def askers(self) -> frozenset[str]:
        """The sources that may make the call."""
        return _askers(self.action)

    @property
    def stage(self) -> Stage:
        """What the call is for."""
        if self.operation in _STAGE_OF:
            return _STAGE_OF[self.operation]
        if self.askers and self.bucket != past.BUCKET:
            return "usage"
        if self.service != "ecr":
            return "own"
        return "repository" if self.operation in _BY_REPOSITORY else "registry"

    @property
    def where(self) -> dict[str, Any]:
        """Input members that narrow a fault: to the repository ``site`` where there are several."""
        if self.operation == "ListTagsForResource":
            return {"resourceArn": _SITE}
        if self.stage in {"finding", "repository", "removal"}:
            return {"repositoryName": "site"}
        if self.bucket == past.BUCKET:
            return {"Bucket": self.bucket, "Key": _REPORTS if self.of_reports else _BESIDE_REPORTS}
        return {"Bucket": self.bucket} if self.bucket else {}

    @property
    def is_paged(self) -> bool:
        """Whether the answer may come in pages."""
        shape = service_model(self.service).operation_model(self.operation).input_shape
        return shape is not None and bool(_TOKENS & set(shape.members))


@dataclass(frozen=True, order=True, slots=True)
class Cell:
    """One thing that goes wrong in one run.

    Attributes:
        api: With what.
        kind: How.
        reach: With which calls of it.
        made: How many there are in a run in which nothing goes wrong.
        times: How many of these calls meet it; None means all.
        seconds: How long a time-out is really waited for; None: not at all.
        region: Where the calls are made, or ``"*"``.
        account: In which account, or ``"*"``.
    """

    api: Api
    kind: Kind
    reach: Reach
    made: int
    times: int | None = None
    seconds: float | None = None
    region: str = "*"
    account: str = "*"

    def __str__(self) -> str:
        bucket = f" of {self.api.bucket}" if self.api.bucket else ""
        reports = " (reports)" if self.api.of_reports else ""
        return f"{self.kind} at {self.reach} of {self.api.service} {self.api.operation}{bucket}{reports}"

    def is_later_page(self, call: Call) -> bool:
        """Whether a call asked for more of a listing and failed."""
        return call.error is not None and Api.of(call) == self.api and bool(_TOKENS & set(call.parameters))

    def inject(self, sandbox: Sandbox) -> None:
        """Let it go wrong."""
        named: dict[str, Any] = {
            "service": self.api.service,
            "operation": self.api.operation,
            "where": self.api.where,
            "seconds": self.seconds,
            "region": self.region,
            "account": self.account,
        }
        after = 0
        if self.reach == "the last call":
            after = self.made - 1
        elif self.reach == "the second page":
            after = 1
            sandbox.inject(Fault(kind="empty_page_with_token", times=1, **named))
        # An empty page for ever is no page that AWS makes; it is met where sources are tested one by one.
        times = 1 if self.kind == "empty_page_with_token" else self.times
        sandbox.inject(Fault(kind=self.kind, after=after, times=times, **named))


def record(run: Runner, settings: dict[str, Any] = SETTINGS, *, whole: bool = True) -> dict[Api, int]:
    """The calls of a run in which nothing goes wrong, in the order in which they are first made.

    Returns:
        Api to the number of calls that a fault of it would meet.
    """
    run.sandbox.reset()
    unused = seed(run.sandbox, whole=whole)
    run.sandbox.clear_calls()
    outcome = run(**settings)
    assert (outcome.status, outcome.went) == ("completed", unused)
    made: dict[Api, int] = {}
    for call in run.sandbox.calls:
        api = Api.of(call)
        narrow = faults.fits(api.where, call.parameters)
        made[api] = made.get(api, 0) + narrow
    return made


def made(run: Runner, *, whole: bool, archiving: bool = False) -> dict[Api, int]:
    """The calls of a run, recorded once; over every consumer, or without them; one that deletes, or that archives."""
    if (whole, archiving) not in _MADE:
        _MADE[whole, archiving] = record(run, ARCHIVING if archiving else SETTINGS, whole=whole)
    return _MADE[whole, archiving]


def made_elsewhere(run: Runner) -> Mapping[Api, int]:
    """The calls that a run makes in another region than the registry's."""
    run.sandbox.reset()
    unused = seed_elsewhere(run.sandbox)
    run.sandbox.clear_calls()
    outcome = run(**TWO_REGIONS)
    assert (outcome.status, outcome.went) == ("completed", unused)
    return Counter(Api.of(call) for call in run.sandbox.calls if call.region == ELSEWHERE)


def made_abroad(run: Runner) -> Mapping[Api, int]:
    """The calls that a run makes in another account, and those that find it and let the function in; recorded once."""
    if _MADE_ABROAD:
        return _MADE_ABROAD
    run.sandbox.reset()
    unused = seed_abroad(run.sandbox)
    run.sandbox.clear_calls()
    outcome = run(**TWO_ACCOUNTS)
    assert (outcome.status, outcome.went) == ("completed", unused)
    found = Counter(Api.of(call) for call in run.sandbox.calls if call.account == ABROAD)
    here = (Api.of(call) for call in run.sandbox.calls if call.account != ABROAD)
    found.update(api for api in here if api.stage == "accounts")
    _MADE_ABROAD.update(found)
    return _MADE_ABROAD


def every_cell(made: Mapping[Api, int], kinds: Sequence[Kind], region: str = "*", account: str = "*") -> list[Cell]:
    """All there are; what comes to the same is there once."""
    cells = []
    for api, calls in made.items():
        for kind in kinds:
            reaches: list[Reach] = ["every call"]
            if calls > 1:
                reaches.append("the last call")
            if api.is_paged and api.stage in {"accounts", "index", "registry", "usage"} and kind in HARD:
                reaches.append("the second page")
            cells += [Cell(api, kind, reach, calls, region=region, account=account) for reach in reaches]
    return cells


def sample(cells: Iterable[Cell]) -> list[Cell]:
    """A cell for every api, and one for every kind and every reach of each stage; the same ones every time."""
    chosen: list[Cell] = []
    met: set[object] = set()
    for cell in sorted(cells, key=lambda cell: dice(str(cell))):
        covers = {cell.api, (cell.api.stage, cell.kind), (cell.api.stage, cell.reach)}
        if not covers <= met:
            met |= covers
            chosen.append(cell)
    return chosen


def of_different_sources(cells: Iterable[Cell], size: int) -> list[list[Cell]]:
    """Groups of cells that can go wrong in one run, because no source asks with two of them.

    Args:
        cells: Of the stage ``usage``.
        size: How many there are in a group at most.
    """
    groups: list[tuple[set[str], list[Cell]]] = []
    for cell in cells:
        askers = set(cell.api.askers)
        for named, group in groups:
            if len(group) < size and not named & askers:
                named.update(askers)
                group.append(cell)
                break
        else:
            groups.append((askers, [cell]))
    return [group for _, group in groups]


def dice(text: str) -> str:
    """Puts texts into an order that has nothing to do with them, and is the same every time."""
    return hashlib.sha256(text.encode()).hexdigest()
