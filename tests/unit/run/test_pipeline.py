"""The order of a run, and what each thing that goes wrong does to the rest."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ecr_cleaner.clock import utc_now
from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.decision.usage_drop import UsageDrop
from ecr_cleaner.errors import HistoryError, OutOfTimeError, RepositoryError
from ecr_cleaner.findings.collector import SPARE_SECONDS, UNASKED
from ecr_cleaner.history import index_lists, unneeded
from ecr_cleaner.history.model import History, HistoryEntry, remember, removing
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.plan import Reason, Removal, RemovalStatus
from ecr_cleaner.model.pull_access import PullScope
from ecr_cleaner.model.report import StoredReport
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryStatus
from ecr_cleaner.model.scan import SourceKey, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import Reference, Usage
from ecr_cleaner.registry.images import IndexLists
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.registry.repositories import list_repositories
from ecr_cleaner.report.reporter import Reporter
from ecr_cleaner.report.summary import run_json
from ecr_cleaner.run import pipeline
from ecr_cleaner.run.context import (
    HISTORY_IS_OFF,
    JOURNAL_IS_OFF,
    LIMITS_ARE_OFF,
    RESERVE_SECONDS,
    RegistryCalls,
    RunContext,
)
from ecr_cleaner.settings.loader import Settings
from tests.builders import ACCOUNT, NOW, REGION, TARGET, ago, counts, digest, image, repository
from tests.builders import usage as used

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.history.store import HistoryStore
    from ecr_cleaner.journal.writer import Journal
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import RepositoryPlan
    from ecr_cleaner.model.result import RepositoryResult, RunResult
    from ecr_cleaner.model.usage import ScanTarget
    from ecr_cleaner.registry.own_pulls import Readings
    from ecr_cleaner.usage.scanner import Scanner

WORKERS = 1
COMPLETE = SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE)
EVALUATES_FIRST: Final = {"max_removals_per_run": 99}
"""Settings by which nothing goes before every repository is evaluated."""

DENIED = SourceOutcome(TARGET, "lambda", SourceStatus.FAILED, detail="ListFunctions was denied")


def client_error(code: str, operation: str) -> ClientError:
    """An error as a client raises it."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@dataclass
class World:
    """An account in which the parts around the run do as they are told, and note what they were asked.

    Attributes:
        found: What looking at a repository's tags gives, or the error that it raises.
        listings: The images of a repository, by the number of the look; the last one stays.
        scans: What each scan sees; the last one stays.
        errors: What a step raises, by its name as it stands in `steps`.
        endings: How the removal of an image ends, where it is not removed.
        lasts: Seconds that a step takes, by the first word of its name.
        seconds: Until the run is cut off.
        usages: As the history has them, of the last run that was complete.
        started_at: When the history began.
        policies: Lifecycle policies, by repository.
        histories: What the history holds, by repository.
        saved: What was noted for all repositories.
        followed: Whose images are judged, as was noted last.
        left: Repositories that the last run had no time to judge.
        answered: What ever answered, by target.
        journals: What each removal was given to write into.
        readings: What each reading of manifests was noted in.
        found_by_scan: The findings of every scan.
        archives: Whether each removal was to archive.
        others: The other accounts that every scan was to look at.
        taken_down: By repository, what the journal was told of: what goes, and what is known of the past.
        steps: What was done, in order.
        holds_lock: Whether the run still holds its lock, by the number of the look; the last one stays.
        consumer_fails: What AWS says of a consumer that was not asked before.
    """

    found: dict[str, object] = field(default_factory=dict)
    listings: dict[str, list[list[Image]]] = field(default_factory=dict)
    scans: list[tuple[tuple[Usage, ...], tuple[SourceOutcome, ...]]] = field(
        default_factory=lambda: [((), (COMPLETE,))]
    )
    errors: dict[str, Exception] = field(default_factory=dict)
    endings: dict[str, RemovalStatus] = field(default_factory=dict)
    lasts: dict[str, float] = field(default_factory=dict)
    seconds: float = 900.0
    steps: list[str] = field(default_factory=list)
    holds_lock: list[bool] = field(default_factory=lambda: [True])
    consumer_fails: str = ""
    now: datetime = NOW
    usages: dict[SourceKey, int] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: ago("100d"))
    policies: dict[str, str] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    saved: list[tuple[frozenset[str], dict[SourceKey, int] | None, str | None]] = field(default_factory=list)
    followed: frozenset[str] = frozenset()
    left: tuple[str, ...] = ()
    answered: dict[ScanTarget, Collection[str]] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    journals: list[object] = field(default_factory=list)
    readings: list[Readings] = field(default_factory=list)
    found_by_scan: list[Finding] = field(default_factory=list)
    archives: list[bool] = field(default_factory=list)
    others: OtherAccounts = field(default_factory=OtherAccounts)
    taken_down: dict[str, tuple[set[str], Mapping[str, HistoryEntry]]] = field(default_factory=dict)
    _looks: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def old(self, *names: str) -> World:
        """Opted-in repositories, each with one old image named after it."""
        for name in names:
            self.found[name] = repository(name)
            self.listings[name] = [[image(f"old {name}", tags=["v1"], repository=name)]]
        return self

    def step(self, *words: str) -> None:
        """Note a step, let its time pass, and raise its error."""
        name = " ".join(words)
        self.steps.append(name)
        passed = self.lasts.get(words[0], 0.0)
        self.now += timedelta(seconds=passed)
        self.seconds -= passed
        if name in self.errors:
            raise self.errors[name]

    def clock(self) -> datetime:
        """Now."""
        return self.now

    # The parts

    def registry_facts(self, _: object) -> RegistryFacts:
        """As inventory has it."""
        self.step("registry")
        return RegistryFacts(ACCOUNT)

    def repository_names(self, _: object) -> Iterator[tuple[str, str]]:
        """As inventory has it."""
        self.step("names")
        return iter([(name, f"arn:{name}") for name in self.found])

    def opted_in(self, _: object, name: str, arn: str, settings: Settings, facts: RegistryFacts) -> Any:
        """As inventory has it."""
        assert (arn, facts.account) == (f"arn:{name}", ACCOUNT)
        assert isinstance(settings, Settings)
        found = self.found[name]
        if isinstance(found, Exception):
            raise found
        return found

    def images(self, _: object, name: str) -> Iterator[Image]:
        """As inventory has it."""
        self._looks[name] += 1
        look = self._looks[name]
        self.step("look", str(look), name)
        listings = self.listings[name]
        yield from listings[min(look, len(listings)) - 1]

    def children(self, _: object, name: str, indexes: list[Image], readings: Readings) -> IndexLists:
        """As inventory has it."""
        self.step("children", name)
        self.readings.append(readings)
        self.read += [index.digest for index in indexes]
        return IndexLists({}, (), frozenset())

    def scan(self, now: datetime) -> UsageScan:
        """As the scanner has it."""
        self.step("scan")
        usages, outcomes = self.scans.pop(0) if len(self.scans) > 1 else self.scans[0]
        found = tuple(replace(usage, target=TARGET) for usage in usages)
        return UsageScan(found, outcomes, now, tuple(self.found_by_scan), account_id=ACCOUNT, others=self.others)

    @property
    def scans_again(self) -> bool:
        """As the scanner has it."""
        return True

    def scan_nothing(self, now: datetime) -> UsageScan:
        """As the scanner has it."""
        return UsageScan((), (SourceOutcome(TARGET, "apprunner", SourceStatus.DISABLED, detail="excluded"),), now)

    def open(self, now: datetime) -> None:
        """As the history has it."""
        assert now == self.now
        self.step("open")

    def remember(self, seen: History) -> History:
        """As the history has it."""
        self.step("remember", seen.repository)
        self.histories[seen.repository] = remember(self.histories.get(seen.repository), seen, 7)
        return self.histories[seen.repository]

    @property
    def repositories(self) -> Collection[str]:
        """As the history has it."""
        return self.histories.keys()

    def known(self, name: str) -> History | None:
        """As the history has it."""
        return self.histories.get(name)

    def removing(self, name: str, gone: Mapping[str, RemovedImage]) -> None:
        """As the history has it."""
        self.histories[name] = removing(self.histories[name], gone)
        self.step("removing", name)

    def learn(self, name: str, children: Mapping[str, tuple[str, ...]]) -> None:
        """As the history has it."""
        self.step("learn", name)
        self.histories[name] = index_lists.learned(self.histories[name], children)

    def judged(self, name: str, digests: frozenset[str], begun_at: datetime) -> None:
        """As the history has it."""
        self.step("verdicts", name)
        self.histories[name] = unneeded.judged(self.histories[name], digests, begun_at)

    def used(self, name: str, usages: Collection[Usage], seen_at: datetime) -> None:
        """As the history has it."""
        assert seen_at <= self.now
        self.step("used", name, *sorted(usage.consumer for usage in usages))

    def save(
        self,
        existing: frozenset[str],
        usages: dict[SourceKey, int] | None,
        drop_id: str | None,
        followed: frozenset[str],
        answered: Mapping[ScanTarget, Collection[str]],
        *,
        left: Collection[str],
        complete: dict[SourceKey, int] | None,
        forgotten: Collection[str],
    ) -> None:
        """As the history has it."""
        self.saved.append((existing, usages, drop_id))
        self.complete, self.forgotten = complete, forgotten
        self.answered |= answered
        self.followed = followed
        self.left = tuple(left)
        self.step("save")

    def client_without_retries(self, service: str) -> World:
        """As aws has it."""
        if service == "sts":
            raise client_error("AccessDenied", "GetCallerIdentity")
        assert service == "ecr"
        return self

    def get_lifecycle_policy(self, *, repositoryName: str) -> dict[str, str]:  # noqa: N803 - as ECR has it
        """As the client has it."""
        self.step("lifecycle", repositoryName)
        if repositoryName not in self.policies:
            raise client_error("LifecyclePolicyNotFoundException", "GetLifecyclePolicy")
        return {"lifecyclePolicyText": self.policies[repositoryName]}

    def knows(self, plan: RepositoryPlan, past: Mapping[str, HistoryEntry]) -> None:
        """As the journal has it."""
        self.taken_down[plan.repository.name] = ({verdict.image.digest for verdict in plan.removals}, past)

    def remove(
        self,
        _: object,
        plan: RepositoryPlan,
        may_go_on: Callable[[], bool],
        journal: object,
        *,
        may_begin: Callable[[int], bool],
        readings: Readings,
        archive: bool,
        clock: Callable[[], datetime],
    ) -> Iterator[Removal]:
        """As removal has it, one call for each image."""
        assert clock == self.clock
        assert all(one is readings for one in self.readings[-1:]), "what was read before is told from a pull"
        self.journals.append(journal)
        self.archives.append(archive)
        for verdict in plan.removals:
            if not (may_begin(1) and may_go_on()):
                yield Removal(verdict, RemovalStatus.DEFERRED)
                continue
            self.step("remove", verdict.image.name)
            status = self.endings.get(verdict.image.name, RemovalStatus.REMOVED)
            yield Removal(verdict, status, () if status is RemovalStatus.REMOVED else ("KmsError",))


@dataclass
class Told(Reporter):
    """A reporter that remembers."""

    events: list[str] = field(default_factory=list)
    plans: dict[str, RepositoryPlan] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    limited: list[str] = field(default_factory=list)
    withheld_images: list[str] = field(default_factory=list)
    refused_images: list[str] = field(default_factory=list)
    flags: set[tuple[bool, bool]] = field(default_factory=set)

    def evaluated(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Remember a plan."""
        self.events.append(f"judged {plan.repository.name}")
        self.plans[plan.repository.name] = plan
        self.flags.add((dry_run, refused))

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """Remember what stays because of a limit, or of a refusal that comes after the judgement."""
        into = self.refused_images if refused else self.withheld_images
        into += [verdict.image.name for verdict in plan.removals]

    def removal(self, ended: Removal) -> None:
        """Remember how a removal ended."""
        if ended.status is RemovalStatus.REMOVED:
            self.removed.append(ended.verdict.image.name)
        if ended.status is RemovalStatus.LIMITED:
            self.limited.append(ended.verdict.image.name)

    def repository(self, result: RepositoryResult) -> None:
        """Remember that a repository is done with."""
        self.events.append(f"repository {result.name}")

    def run(self, result: RunResult) -> None:
        """Remember the end."""
        self.events.append(f"run {result.status.value}")


@pytest.fixture
def world() -> World:
    """An empty account."""
    return World()


@pytest.fixture
def told() -> Told:
    """Who is told."""
    return Told()


def clients(world: World) -> AwsClients:
    """What the run has of AWS itself."""
    return cast("AwsClients", SimpleNamespace(region=REGION, client_without_retries=world.client_without_retries))


def calls(world: World) -> RegistryCalls:
    """How the run reads and changes ECR."""
    return RegistryCalls(
        facts=world.registry_facts,
        list_repositories=partial(
            list_repositories, names=world.repository_names, opted_in=world.opted_in, index=lambda _: {}
        ),
        images=world.images,
        children=world.children,
        remove=world.remove,
    )


@pytest.fixture
def run(world: World, told: Told) -> Callable[..., RunResult]:
    """Runs once; not a dry run unless told otherwise."""

    def go(
        only: frozenset[str] | None = None,
        *,
        history: bool = False,
        journal: bool = False,
        next_round_rescans: bool = False,
        store_report: Callable[[RunResult], StoredReport] | None = None,
        **settings: Any,
    ) -> RunResult:
        place = {"storage": {"bucket": "shared", "prefix": "ecr-cleaner/", "history": True}} if history else {}
        # What nothing needs goes at once, unless a test is about grace.
        asked = Settings.model_validate({"dry_run": False, "grace_days": 0} | place | settings)
        store = cast("HistoryStore", world) if history else None
        summary = pipeline.run(
            RunContext(
                clients(world),
                asked,
                told,
                "run-1",
                cast("Scanner", world),
                world.clock(),
                history=store,
                journal=cast("Journal", world) if journal else None,
                function_name="registry-cleaner",
                only=only,
                seconds_left=lambda: world.seconds,
                clock=world.clock,
                store_report=store_report,
                registry=calls(world),
                workers=WORKERS,
                next_round_rescans=next_round_rescans,
                holds_lock=lambda: world.holds_lock.pop(0) if len(world.holds_lock) > 1 else world.holds_lock[0],
                consumer_state=lambda *_: world.consumer_fails,
            )
        )
        json.dumps(run_json(summary), allow_nan=False)
        assert told.events[-1] == f"run {summary.status.value}"
        return summary

    return go


# The report


def test_the_report_is_stored_before_the_run_has_its_result(run: Callable[..., RunResult], world: World) -> None:
    """Whoever is told of the end is told where the report lies, and what an operator should know of it."""
    world.old("a")
    seen: list[RunResult] = []

    def store(result: RunResult) -> StoredReport:
        seen.append(result)
        return StoredReport("s3://b/k.html", ("a note on it",))

    result = run(store_report=store)
    assert (result.status, result.report, result.notes[-1]) == ("completed", "s3://b/k.html", "a note on it")
    (stored,) = seen
    assert stored == replace(result, report=None, notes=result.notes[:-1])


def test_a_report_that_cannot_be_stored_fails_the_run(run: Callable[..., RunResult], world: World) -> None:
    """After everything else is done, beside the other causes."""
    world.old("a").errors["look 1 a"] = client_error("AccessDeniedException", "DescribeImages")
    result = run(store_report=lambda _: StoredReport(problems=("the report could not be written",)))
    assert result.status == "failed"
    assert len(result.causes) == 2
    assert "the report could not be written" in result.causes


def test_a_report_never_hides_why_a_run_was_refused(run: Callable[..., RunResult], world: World) -> None:
    """Refused stays refused, with its cause first."""
    world.old("a").scans = [((), (DENIED,))]
    result = run(store_report=lambda _: StoredReport(problems=("the report could not be written",)))
    assert result.status == "refused"
    assert "ListFunctions was denied" in result.causes[0]
    assert result.causes[1] == "the report could not be written"


# The order


def test_inventory_comes_before_usage_and_usage_before_judgement(run: Callable[..., RunResult], world: World) -> None:
    """What is deployed while the run reads is seen by the later scan."""
    world.old("a", "b")
    assert run(**EVALUATES_FIRST).status == "completed"
    assert world.steps == [
        "registry",
        "names",
        "look 1 a",
        "look 1 b",
        "scan",
        "look 2 a",
        "children a",
        "look 2 b",
        "children b",
        "remove a:v1",
        "remove b:v1",
    ]


def test_everything_is_told(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Every repository once, sorted, and the run at the very end."""
    world.old("b", "a")
    summary = run()
    assert told.events == ["judged b", "judged a", "repository a", "repository b", "run completed"]
    assert told.flags == {(False, False)}
    assert told.removed == ["b:v1", "a:v1"]
    totals = run_json(summary)["totals"]
    assert (totals["images"], totals["removable"], totals["removed"], totals["bytes_removed"]) == (2, 2, 2, 2000)
    assert (summary.account_id, summary.region, summary.run_id) == (ACCOUNT, REGION, "run-1")


def test_without_a_candidate_nothing_is_scanned(run: Callable[..., RunResult], world: World) -> None:
    """Young images cannot go; the excluded sources are reported all the same."""
    world.found["a"] = repository("a")
    world.listings["a"] = [[image("young", pushed="5d", repository="a", kind="index")]]
    summary = run()
    assert summary.status == "completed"
    assert "scan" not in world.steps
    assert world.read == []
    assert run_json(summary)["unprotected"] == ["apprunner in 123456789012/us-east-1: excluded"]
    assert summary.repositories["a"].reasons == {"too_young": 1}


def test_what_was_not_scanned_for_is_not_removed(run: Callable[..., RunResult], world: World) -> None:
    """A listing that first misses an old image must not let it go without a question to the sources."""
    world.old("a")
    world.listings["a"].insert(0, [])
    run()
    assert "scan" not in world.steps
    assert "remove a:v1" not in world.steps


def test_an_empty_registry_is_in_order(run: Callable[..., RunResult], world: World) -> None:
    """No repository, no question."""
    assert run().status == "completed"
    assert world.steps == ["registry", "names"]


def test_only_indexes_are_read(run: Callable[..., RunResult], world: World) -> None:
    """Archived and young ones too, where something is old: they may hold it."""
    world.found["a"] = repository("a")
    indexes = [
        image("young", kind="index", pushed="1d", repository="a"),
        image("archived", kind="index", active=False, repository="a"),
    ]
    world.listings["a"] = [[image("old", repository="a"), *indexes]]
    run()
    assert world.read == [digest("young"), digest("archived")]


def test_a_dry_run_removes_nothing(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Everything else is as in a run."""
    world.old("a")
    summary = run(dry_run=True)
    assert summary.status == "completed"
    assert "remove a:v1" not in world.steps
    assert told.flags == {(True, False)}
    assert run_json(summary)["totals"]["removable"] == 1


def test_one_can_look_at_some_repositories_alone(run: Callable[..., RunResult], world: World) -> None:
    """The command line explains one image without reading the registry."""
    world.old("a", "b")
    assert set(run(only=frozenset({"b", "c"}), dry_run=True).repositories) == {"b"}
    assert "look 1 a" not in world.steps


def test_by_default_there_is_no_end_of_time(world: World, told: Told) -> None:
    """From a terminal nothing cuts a run off, and the clock is the real one."""
    world.old("a")
    ctx = RunContext(clients(world), Settings(), told, "run-1", cast("Scanner", world), NOW, registry=calls(world))
    assert (ctx.seconds_left(), ctx.clock) == (float("inf"), utc_now)
    assert pipeline.run(ctx).status == "completed"


# Usages


@pytest.mark.parametrize(
    ("reference", "kept"),
    [
        (Reference("r", ACCOUNT, REGION, "a", "v1"), True),
        (Reference("r", digest=digest("old a")), True),
        (Reference("r", ACCOUNT, REGION, "b", None, digest("old a")), True),
        (Reference("r", ACCOUNT, "eu-west-1", "a", "v1"), False),
        (Reference("r", "999999999999", REGION, "a", "v1"), False),
        (Reference("r", "999999999999", REGION, "a", None, digest("old a")), False),
    ],
)
def test_usages_of_this_registry_protect(
    run: Callable[..., RunResult], world: World, reference: Reference, *, kept: bool
) -> None:
    """Those of another region or account name another registry; a digest alone may lie here."""
    world.old("a")
    world.scans = [((Usage(reference, "ecs", "ecs service prod/a"),), (COMPLETE,))]
    summary = run()
    assert ("remove a:v1" not in world.steps) is kept
    assert summary.repositories["a"].reasons[Reason.IN_USE.value] == int(kept)


def test_a_failed_source_removes_nothing_anywhere(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Everything is judged and reported, and the run is refused."""
    world.old("a", "b")
    world.scans = [((used(tag="v1", repository="a"),), (COMPLETE, DENIED))]
    summary = run()
    assert summary.status == "refused"
    assert summary.causes == ("source lambda in 123456789012/us-east-1: ListFunctions was denied",)
    assert not any(step.startswith("remove") for step in world.steps)
    assert set(told.plans) == {"a", "b"}
    assert told.flags == {(False, True)}
    assert {one["source"]: one["outcome"] for one in run_json(summary)["sources"]}["lambda"] == "failed"


@pytest.mark.parametrize("step", ["registry", "names"])
@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDeniedException", "DescribeRegistry"),
        EndpointConnectionError(endpoint_url="https://ecr"),
        RepositoryError("the registry's policy is not a policy document"),
    ],
)
def test_without_the_registry_nothing_is_done(
    run: Callable[..., RunResult], world: World, told: Told, step: str, error: Exception
) -> None:
    """The report is written all the same."""
    world.old("a")
    world.errors[step] = error
    summary = run()
    assert summary.status == "refused"
    assert world.steps[-1] == step
    assert told.events == ["run refused"]
    (cause,) = summary.causes
    assert str(error) in cause


def test_an_error_of_aws_is_told_with_operation_and_code(run: Callable[..., RunResult], world: World) -> None:
    """Whoever reads it knows which permission is missing."""
    world.errors["names"] = client_error("AccessDeniedException", "DescribeRepositories")
    (cause,) = run().causes
    assert cause.startswith("DescribeRepositories failed with AccessDeniedException: ")


def test_a_bug_is_not_hidden(run: Callable[..., RunResult], world: World) -> None:
    """What nobody foresaw is not taken for an answer of AWS."""
    world.old("a")
    world.errors["look 2 a"] = KeyError("imageDigest")
    with pytest.raises(KeyError):
        run()


# One repository of many


BROKEN = [
    ("look 1 b", client_error("AccessDeniedException", "DescribeImages"), "DescribeImages failed with AccessDenied"),
    ("look 2 b", client_error("ThrottlingException", "DescribeImages"), "DescribeImages failed with Throttling"),
    ("children b", RepositoryError("the index cannot be read"), "the index cannot be read"),
    ("remove b:v1", client_error("AccessDeniedException", "DescribeImages"), "DescribeImages failed with AccessDenied"),
    ("remove b:v1", EndpointConnectionError(endpoint_url="https://ecr"), "Could not connect"),
]


@pytest.mark.parametrize(("step", "error", "cause"), BROKEN)
def test_one_broken_repository_does_not_stop_the_others(
    run: Callable[..., RunResult], world: World, told: Told, *, step: str, error: Exception, cause: str
) -> None:
    """The others are cleaned, and the run fails at its end and says which one and why."""
    world.old("a", "b", "c").errors[step] = error
    summary = run()
    assert told.removed == ["a:v1", "c:v1"]
    assert summary.status == "failed"
    assert summary.repositories["b"].status == "failed"
    assert len(summary.causes) == 1
    assert summary.causes[0].startswith(f"repository b: {cause}")
    assert {name: r.status for name, r in summary.repositories.items() if name != "b"} == {
        "a": "evaluated",
        "c": "evaluated",
    }


def test_a_repository_whose_tags_cannot_be_read_is_a_broken_one(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """Whether it opted in is unknown: that is a failure, not a no."""
    world.old("a", "b", "c").found["b"] = client_error("AccessDeniedException", "ListTagsForResource")
    summary = run()
    assert told.removed == ["a:v1", "c:v1"]
    assert summary.status == "failed"
    assert summary.causes[0].startswith("repository b: ListTagsForResource failed with AccessDeniedException")


@pytest.mark.parametrize("step", ["look 1 b", "look 2 b", "children b", "remove b:v1"])
def test_a_repository_that_is_deleted_meanwhile_is_no_failure(
    run: Callable[..., RunResult], world: World, told: Told, step: str
) -> None:
    """It is gone, and that is what the report says."""
    world.old("a", "b", "c").errors[step] = client_error("RepositoryNotFoundException", "DescribeImages")
    summary = run()
    assert told.removed == ["a:v1", "c:v1"]
    assert (summary.status, summary.repositories["b"].status) == ("completed", "gone")


def test_a_misconfigured_repository_fails_the_run_after_the_rest(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """It is left alone and named; the others are cleaned."""
    world.old("a", "b", "c").found["b"] = RepositoryOutcome(
        RepositoryStatus.MISCONFIGURED, "tag BoxCleanerKeepDays must be ..."
    )
    summary = run()
    assert told.removed == ["a:v1", "c:v1"]
    assert summary.status == "failed"
    assert summary.causes == ("repository b: tag BoxCleanerKeepDays must be ...",)
    assert summary.repositories["b"].status == "misconfigured"


def test_a_near_miss_is_a_note(run: Callable[..., RunResult], world: World) -> None:
    """It did not opt in, so nothing failed."""
    world.found["b"] = "tag 'boxcleanerenabled' does not opt in"
    summary = run()
    assert (summary.status, summary.repositories) == ("completed", {})
    assert "repository b: tag 'boxcleanerenabled' does not opt in" in run_json(summary)["notes"]


def test_what_is_to_be_known_of_a_repository_is_a_note(run: Callable[..., RunResult], world: World) -> None:
    """It is cleaned all the same."""
    world.old("a").found["a"] = replace(repository("a"), notes=("its tag was raised",))
    summary = run()
    told = [note for note in run_json(summary)["notes"] if note.startswith("repository ")]
    assert (summary.status, told) == ("completed", ["repository a: its tag was raised"])
    assert summary.repositories["a"].removable == 1


@pytest.mark.parametrize(("keep_days", "of_rule"), [(90, 30), (30, 90)])
def test_whatever_may_be_old_by_one_of_two_ages_is_asked_for(
    run: Callable[..., RunResult], world: World, keep_days: int, of_rule: int
) -> None:
    """Usages and lists are collected where the shorter age has passed, for whichever images it is."""
    world.old("a").found["a"] = repository("a", keep_days, rules=[{"untagged": True, "keep_days": of_rule}])
    run()
    assert {"scan", "children a"} <= set(world.steps)


def test_a_skipped_repository_is_reported_with_its_setting(run: Callable[..., RunResult], world: World) -> None:
    """In every run, and without failing it."""
    world.found["b"] = RepositoryOutcome(
        RepositoryStatus.SKIPPED, "a replication rule repeats deletions", "delete_replication:b"
    )
    summary = run()
    assert summary.status == "completed"
    (reported,) = run_json(summary)["repositories"]
    assert (reported["status"], reported["setting"]) == ("skipped", "delete_replication:b")
    assert reported["detail"] == "a replication rule repeats deletions"
    assert world.steps == ["registry", "names"]


def test_a_repository_that_did_not_opt_in_is_not_mentioned(run: Callable[..., RunResult], world: World) -> None:
    """Nor is the function's own."""
    world.found["b"] = None
    assert run_json(run())["repositories"] == []


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (RemovalStatus.CHANGED, "completed"),
        (RemovalStatus.HOLDER_KEPT, "completed"),
        (RemovalStatus.FAILED, "failed"),
        (RemovalStatus.PARTLY_UNTAGGED, "failed"),
    ],
)
def test_what_could_not_be_removed_fails_the_run(
    run: Callable[..., RunResult], world: World, told: Told, ending: RemovalStatus, status: str
) -> None:
    """What was kept because it changed does not."""
    world.old("a", "b").endings["a:v1"] = ending
    summary = run()
    assert told.removed == ["b:v1"]
    assert summary.status == status
    assert summary.repositories["a"].removals == {ending.value: 1}
    assert bool(summary.causes) is (status == "failed")


# Usages that age


def test_stale_usages_are_collected_again(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Before more is removed; what came into use meanwhile is kept."""
    world.old("a", "b")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [((), (COMPLETE,)), ((used(tag="v1", repository="b"),), (COMPLETE,))]
    summary = run(**EVALUATES_FIRST)
    assert told.removed == ["a:v1"]
    assert world.steps[-4:] == ["remove a:v1", "scan", "look 3 b", "children b"]
    assert summary.status == "completed"


def test_every_repository_is_judged_by_the_latest_usages(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """A second scan that one repository made necessary counts for all that come after it."""
    world.old("a", "b", "c")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    both = (used(tag="v1", repository="b"), used(tag="v1", repository="c"))
    world.scans = [((), (COMPLETE,)), (both, (COMPLETE,))]
    run(**EVALUATES_FIRST)
    assert told.removed == ["a:v1"]
    assert world.steps.count("scan") == 2
    assert "look 3 c" in world.steps


def test_usages_that_age_within_a_repository_are_collected_again(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """The rest of it is judged anew."""
    world.found["a"] = repository("a")
    images = [image(str(n), tags=[f"v{n}"], repository="a") for n in range(3)]
    world.listings["a"] = [images, images, images[1:]]
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [((), (COMPLETE,)), ((used(tag="v1", repository="a"),), (COMPLETE,))]
    summary = run()
    assert told.removed == ["a:v0", "a:v2"]
    assert summary.repositories["a"].removals == {"removed": 2, "changed": 1}
    assert summary.status == "completed"


def test_a_source_that_fails_later_stops_the_rest(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """What went is counted; nothing more goes."""
    world.old("a", "b", "c")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [((), (COMPLETE,)), ((), (DENIED,))]
    summary = run()
    assert told.removed == ["a:v1"]
    assert summary.status == "refused"
    assert summary.causes == ("source lambda in 123456789012/us-east-1: ListFunctions was denied",)
    assert run_json(summary)["totals"]["removed"] == 1


def test_a_repository_that_breaks_when_judged_again_stops_no_other_one(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """As at the first judgement."""
    world.old("a", "b", "c")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.errors["look 3 b"] = client_error("AccessDeniedException", "DescribeImages")
    summary = run(**EVALUATES_FIRST)
    assert told.removed == ["a:v1", "c:v1"]
    assert (summary.status, summary.repositories["b"].status) == ("failed", "failed")


def test_a_scan_that_takes_too_long_is_out_of_date_at_once(run: Callable[..., RunResult], world: World) -> None:
    """Collecting again would take as long: nothing is removed, and the cause says why."""
    world.old("a")
    world.lasts["scan"] = FRESHNESS.total_seconds() + 60
    world.seconds = 1e6
    summary = run()
    assert summary.status == "refused"
    assert summary.causes == ("collecting the usages took 11 minutes, so they are out of date",)
    assert world.steps.count("scan") == 1
    assert "remove a:v1" not in world.steps


def test_nothing_is_judged_by_usages_that_the_next_round_collects_anew(
    run: Callable[..., RunResult], world: World
) -> None:
    """What is in use is remembered, and all repositories are left to that round; other doubts are told at once."""
    world.old("a", "b")
    world.lasts["scan"] = FRESHNESS.total_seconds() + 60
    world.seconds = 1e6
    summary = run(history=True, next_round_rescans=True)
    assert not [step for step in world.steps if step.startswith(("look", "remember"))]
    assert {"used a", "used b"} <= {*world.steps}
    assert (run_json(summary)["deferred"], world.left) == (["a", "b"], ("a", "b"))
    assert summary.is_unsure_for_time
    world.scans = [((), (COMPLETE, DENIED))]
    assert run(history=True, next_round_rescans=True).repositories["a"].images == 1


def test_what_is_told_alone_is_not_kept_in_memory(
    run: Callable[..., RunResult], world: World, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a dry run, and where nothing goes for a doubt; limits in images choose from all that there is."""
    kept: list[int] = []
    monkeypatch.setattr(pipeline, "remove_and_evaluate", lambda _ctx, _state, plans, *_: kept.append(len(plans)))
    world.old("a", "b")
    run(dry_run=True)
    run(dry_run=True, max_removals_per_run=5)
    run(**EVALUATES_FIRST)
    world.scans = [((), (DENIED,))]
    run(**EVALUATES_FIRST)
    assert kept == [0, 2, 2, 0]
    assert told.plans.keys() == {"a", "b"}


# The past


def test_everything_is_written_down_before_anything_is_removed(run: Callable[..., RunResult], world: World) -> None:
    """And with a history every run asks who uses what, whether or not anything is old."""
    world.old("a")
    world.found["b"] = repository("b")
    world.listings["b"] = [[image("young", pushed="1d", repository="b")]]
    assert run(history=True, **EVALUATES_FIRST).status == "completed"
    assert world.steps == [
        "open",
        "registry",
        "names",
        "scan",
        "look 1 a",
        "remember a",
        "children a",
        "look 1 b",
        "remember b",
        "save",
        "removing a",
        "remove a:v1",
    ]
    assert world.histories["a"].removed == {digest("old a"): RemovedImage(("v1",), NOW, "run-1", "delete")}
    assert world.saved == [(frozenset({"a", "b"}), counts(ecs=0), None)]


def test_a_history_is_written_without_any_repository(run: Callable[..., RunResult], world: World) -> None:
    """No day may be missing in it."""
    assert run(history=True).status == "completed"
    assert world.steps == ["open", "registry", "names", "scan", "save"]


@pytest.mark.parametrize(("unused_since", "goes"), [(None, False), ("7d", False), ("7d+1s", True)])
def test_what_was_in_use_is_kept_for_some_days(
    run: Callable[..., RunResult], world: World, told: Told, unused_since: str | None, *, goes: bool
) -> None:
    """As long as keep_recently_used_days says, from the first look without a use."""
    since = ago(unused_since) if unused_since else None
    entry = HistoryEntry(("v1",), None, ago("60d"), ("ecs service prod/a",), {}, since)
    world.old("a").histories["a"] = History("a", ago("1d"), {digest("old a"): entry})
    run(history=True)
    assert told.removed == (["a:v1"] if goes else [])
    (verdict,) = told.plans["a"].verdicts
    assert (verdict.reason is Reason.OLD_AND_UNUSED) is goes


def test_a_failed_source_lets_no_days_pass(run: Callable[..., RunResult], world: World) -> None:
    """Whom it could not name may use what nobody names."""
    world.old("a").histories["a"] = History("a", ago("1d"), {digest("old a"): HistoryEntry(("v1",), None, ago("60d"))})
    world.scans = [((), (SourceOutcome(TARGET, "ecs", SourceStatus.FAILED),))]
    assert run(history=True).status == "refused"
    assert world.histories["a"].images[digest("old a")].unused_since is None
    world.scans = [((), (COMPLETE,))]
    assert run(history=True).status == "completed"
    assert world.histories["a"].images[digest("old a")].unused_since is not None


def test_a_past_may_protect_nothing(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """With keep_recently_used_days = 0; what is in use now is remembered all the same."""
    world.old("a").histories["a"] = History("a", ago("1d"), {digest("old a"): HistoryEntry(last_in_use=ago("1d"))})
    run(history=True, keep_recently_used_days=0)
    assert told.removed == ["a:v1"]
    assert world.histories["a"].images[digest("old a")].last_in_use == ago("1d")


def test_who_uses_what_now_is_remembered(run: Callable[..., RunResult], world: World) -> None:
    """Also in a dry run, and also if another source failed: what was seen was seen."""
    world.old("a").scans = [((used(tag="v1", repository="a"),), (COMPLETE, DENIED))]
    assert run(history=True, dry_run=True).status == "refused"
    entry = world.histories["a"].images[digest("old a")]
    assert (entry.last_in_use, entry.by) == (NOW, ("ecs service prod/app",))
    assert world.saved == [(frozenset({"a"}), None, None)]


def test_what_is_seen_is_remembered_although_an_index_cannot_be_read(
    run: Callable[..., RunResult], world: World
) -> None:
    """The day is in the history, whatever else fails."""
    world.old("a").errors["children a"] = RepositoryError("the index cannot be read")
    assert run(history=True).status == "failed"
    assert "a" in world.histories


def test_a_lost_history_refuses_the_run(run: Callable[..., RunResult], world: World) -> None:
    """Forgotten is not unused."""
    world.old("a").errors["open"] = HistoryError("the history is lost: ...")
    summary = run(history=True)
    assert (summary.status, summary.causes) == ("refused", ("the history is lost: ...",))
    assert world.steps == ["open"]


def test_what_cannot_be_written_down_refuses_the_run(run: Callable[..., RunResult], world: World) -> None:
    """Nothing is removed before."""
    world.old("a").errors["save"] = HistoryError("it cannot be written")
    summary = run(history=True)
    assert (summary.status, summary.causes) == ("refused", ("it cannot be written",))
    assert "remove a:v1" not in world.steps


def test_a_lost_history_of_one_repository_stops_no_other_one(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """It keeps everything; the run fails at its end."""
    world.old("a", "b", "c").errors["remember b"] = HistoryError("its history is lost")
    summary = run(history=True)
    assert told.removed == ["a:v1", "c:v1"]
    assert (summary.status, summary.causes) == ("failed", ("repository b: its history is lost",))


def test_what_is_known_of_the_past_is_taken_down_with_what_goes(run: Callable[..., RunResult], world: World) -> None:
    """So that the journal tells who used it last; without a history it tells the rest."""
    world.old("a")
    run(journal=True)
    assert world.taken_down == {"a": ({world.listings["a"][0][0].digest}, {})}
    run(journal=True, history=True)
    assert world.taken_down == {"a": ({world.listings["a"][0][0].digest}, world.histories["a"].images)}
    assert world.journals == [world, world]
    run()
    assert world.journals[-1] is None


def test_what_is_off_is_said(run: Callable[..., RunResult], world: World) -> None:
    """Every run without a history says so, and every real one without a journal or a limit."""
    assert run_json(run())["notes"] == [HISTORY_IS_OFF, JOURNAL_IS_OFF, LIMITS_ARE_OFF]
    assert run_json(run(dry_run=True))["notes"] == [HISTORY_IS_OFF]
    assert run_json(run(max_removals_per_run=5))["notes"] == [HISTORY_IS_OFF, JOURNAL_IS_OFF]
    assert run_json(run(history=True, journal=True))["notes"] == [LIMITS_ARE_OFF]
    world.started_at = ago("6d")
    (note, _) = run_json(run(history=True, journal=True))["notes"]
    assert note == "the history began 2026-02-23 12:00 UTC: what was in use before is not known"


# The tripwire


def counted(ecs: int) -> tuple[tuple[Usage, ...], tuple[SourceOutcome, ...]]:
    """A scan that is complete and finds so many images in use, all of them elsewhere."""
    return tuple(used(tag=f"v{n}", repository="elsewhere") for n in range(ecs)), (COMPLETE,)


def test_a_fall_of_usages_removes_nothing(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Everything is judged and reported; the cause says how to confirm it, and the measure stays as it was."""
    world.old("a").usages = counts(ecs=10)
    world.scans = [counted(4)]
    summary = run(history=True)
    assert summary.status == "refused"
    assert told.flags == {(False, True)}
    assert "remove a:v1" not in world.steps
    fall = UsageDrop(counts(ecs=10), counts(ecs=4))
    assert [(usages, drop_id) for _, usages, drop_id in world.saved] == [(counts(ecs=4), fall.id)]
    assert summary.tripwire_tripped
    (cause,) = summary.causes
    assert cause.startswith(
        "the number of images in use dropped by more than max_usage_drop_percent = 50 allows:"
        " ecs in 123456789012/us-east-1 from 10 to 4; "
    )
    assert f'"id":"{fall.id}"' in cause
    assert "--function-name registry-cleaner" in cause


@pytest.mark.parametrize(
    ("before", "settings"), [(8, {}), (10, {"max_usage_drop_percent": 60}), (10, {"max_usage_drop_percent": None})]
)
def test_a_smaller_fall_is_nothing(
    run: Callable[..., RunResult], world: World, told: Told, before: int, settings: dict[str, Any]
) -> None:
    """The new number is the measure of the next run."""
    world.old("a").usages = counts(ecs=before)
    world.scans = [counted(4)]
    assert run(history=True, **EVALUATES_FIRST, **settings).status == "completed"
    assert told.removed == ["a:v1"]
    assert world.saved == [(frozenset({"a"}), counts(ecs=4), None)]


def test_without_a_history_nothing_is_compared(run: Callable[..., RunResult], world: World) -> None:
    """There is nothing to compare with."""
    world.old("a").usages = counts(ecs=10)
    world.scans = [counted(0)]
    assert run().status == "completed"
    assert world.saved == []


def test_a_failed_source_says_nothing_of_a_fall(run: Callable[..., RunResult], world: World) -> None:
    """Whatever it would have found; the measure stays, and so does what waits."""
    world.old("a").usages = counts(ecs=10)
    world.scans = [((), (COMPLETE, DENIED))]
    assert run(history=True).causes == ("source lambda in 123456789012/us-east-1: ListFunctions was denied",)
    assert world.saved == [(frozenset({"a"}), None, None)]


def test_a_fall_that_a_later_scan_finds_stops_the_rest(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """And waits for confirmation as well."""
    world.old("a", "b").usages = counts(ecs=10)
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.scans = [counted(9), counted(1)]
    summary = run(history=True, **EVALUATES_FIRST)
    assert told.removed == ["a:v1"]
    assert summary.status == "refused"
    assert [drop_id for _, _, drop_id in world.saved] == [None, UsageDrop(counts(ecs=10), counts(ecs=1)).id]


# Limits


def crowded(world: World, **old: int) -> None:
    """Repositories of ten images, so many of them old."""
    for name, number in old.items():
        world.found[name] = repository(name)
        world.listings[name] = [
            [
                image(f"{name}{n}", tags=[f"v{n}"], repository=name, pushed="40d" if n < number else "1d")
                for n in range(10)
            ]
        ]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_repository_over_its_percentage_keeps_everything(
    run: Callable[..., RunResult], world: World, told: Told, *, dry_run: bool
) -> None:
    """The others are cleaned, and the run fails at its end; a dry run as well."""
    crowded(world, a=4, b=3)
    summary = run(dry_run=dry_run, max_removal_percent_per_repository=30)
    assert told.removed == ([] if dry_run else ["b:v0", "b:v1", "b:v2"])
    assert told.withheld_images == ([] if dry_run else ["a:v0", "a:v1", "a:v2", "a:v3"])
    assert summary.status == "failed"
    assert summary.causes == (
        "repository a: 4 of 10 images would be removed, more than max_removal_percent_per_repository = 30 allows",
    )
    assert (summary.repositories["a"].status, summary.repositories["a"].removable) == ("over_limit", 4)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_over_its_percentage_removes_nothing(
    run: Callable[..., RunResult], world: World, told: Told, *, dry_run: bool
) -> None:
    """Nowhere, and nothing waits; what would have gone is told. Limits in images do not make it less."""
    crowded(world, a=4, b=3)
    summary = run(dry_run=dry_run, max_removal_percent_per_run=34, max_removals_per_run=1)
    assert (told.removed, told.limited) == ([], [])
    assert told.withheld_images == ([] if dry_run else [f"a:v{n}" for n in range(4)] + [f"b:v{n}" for n in range(3)])
    assert summary.status == "refused"
    assert summary.causes == (
        "all repositories together: 7 of 20 images would be removed, more than max_removal_percent_per_run = 34 allows",
    )


@pytest.mark.parametrize("dry_run", [False, True])
def test_limits_in_images_let_the_oldest_go(
    run: Callable[..., RunResult], world: World, told: Told, *, dry_run: bool
) -> None:
    """Of each repository, and of all; the rest waits, which is told and fails nothing."""
    crowded(world, a=4, b=3)
    summary = run(dry_run=dry_run, max_removals_per_repository=3, max_removals_per_run=5)
    went = ["a:v0", "a:v1", "a:v2", "b:v0", "b:v1"]
    assert told.removed == ([] if dry_run else went)
    assert told.limited == ([] if dry_run else ["a:v3", "b:v2"])
    assert (summary.status, told.withheld_images) == ("completed", [])
    totals = run_json(summary)["totals"]
    assert (totals["removable"], totals["limited"]) == (7, 0 if dry_run else 2)
    found = {(f.kind, f.severity, f.subject, f.detail, f.bytes) for f in summary.findings if "limit" in f.kind}
    text = "1 unused images wait for later runs, the oldest go first"
    kind, severity = FindingKind.REMOVALS_LIMITED, Severity.INFO
    assert found == {
        (kind, severity, "a", f"{text}: max_removals_per_repository = 3", 1000),
        (kind, severity, "registry", f"{text}: max_removals_per_run = 5", 1000),
    }


def test_what_is_larger_than_a_limit_is_told(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """With the limit that would let it go; everything else goes."""
    crowded(world, a=1)
    signed = [image("s", tags=["s"], repository="a"), image("t", subject="s", repository="a")]
    world.listings["a"][0] += signed
    summary = run(max_removals_per_run=1)
    assert (told.removed, sorted(told.limited)) == (["a:v0"], sorted(one.name for one in signed))
    (found,) = (finding for finding in summary.findings if finding.kind is FindingKind.REMOVALS_LIMITED)
    assert (found.severity, found.subject) == (Severity.WARNING, "a:s")
    assert found.detail == (
        "it and what belongs to it: 2 images go together, which max_removals_per_run = 1 never allows: 2 would"
    )
    assert summary.status == "completed"


def gone_one_by_one(world: World, name: str, left: list[Image], went: int) -> None:
    """What each look at a repository shows from the third on: one image less each time."""
    listed = world.listings[name][0]
    world.listings[name] = [listed, listed, *(left[n:] for n in range(went + 1))]


def test_limits_hold_over_what_went_already(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """A repository that is judged again in the middle may not begin to count anew."""
    crowded(world, a=3)
    first = world.listings["a"][0]
    later = [replace(one, pushed_at=ago("40d")) for one in first]
    # After the first removal ECR shows two more old images: four of ten in all, one of them gone.
    gone_one_by_one(world, "a", [*later[1:4], *first[4:]], 2)
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    summary = run(max_removals_per_repository=3)
    assert told.removed == ["a:v0", "a:v1", "a:v2"]
    assert told.limited == ["a:v3"]
    assert summary.repositories["a"].removals == {"removed": 3, "limited": 1}
    assert summary.status == "completed"


def test_the_runs_limit_holds_over_what_went_already(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Likewise over all repositories; what was chosen from others is not given away."""
    crowded(world, a=1, b=1, c=1)
    listed = world.listings["b"][0]
    gone_one_by_one(world, "b", [replace(one, pushed_at=ago("40d")) for one in listed[:3]] + listed[3:], 2)
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    summary = run(max_removals_per_run=4)
    assert told.removed == ["a:v0", "b:v0", "b:v1", "c:v0"]
    assert told.limited == ["b:v2"]
    assert summary.status == "completed"


@pytest.mark.parametrize(
    "limit",
    [{"max_removal_percent_per_repository": 30}, {"max_removal_percent_per_run": 10}],
    ids=lambda limit: next(iter(limit)),
)
def test_percentages_hold_over_what_went_already(
    run: Callable[..., RunResult], world: World, told: Told, limit: dict[str, int]
) -> None:
    """What became old meanwhile rings the alarm."""
    crowded(world, a=3, b=0, c=0)
    first = world.listings["a"][0]
    gone_one_by_one(world, "a", [replace(one, pushed_at=ago("40d")) for one in first[1:4]] + first[4:], 2)
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    summary = run(**limit)
    assert told.removed == ["a:v0"]
    assert told.withheld_images == ["a:v1", "a:v2", "a:v3"]
    assert "images would be removed, more than max_removal_percent_per_" in summary.causes[0]


def test_limits_are_not_held_against_a_run_that_is_refused(run: Callable[..., RunResult], world: World) -> None:
    """What would go then rests on usages that are not complete."""
    crowded(world, a=4)
    world.scans = [((), (DENIED,))]
    summary = run(max_removals_per_repository=1, max_removals_per_run=1)
    assert summary.causes == ("source lambda in 123456789012/us-east-1: ListFunctions was denied",)
    assert summary.repositories["a"].status == "evaluated"


# Time


def test_a_run_without_time_does_nothing(run: Callable[..., RunResult], world: World) -> None:
    """Nothing is begun that cannot be ended."""
    world.old("a", "b").seconds = RESERVE_SECONDS - 1
    summary = run()
    assert summary.status == "incomplete"
    assert run_json(summary)["deferred"] == ["a", "b"]
    assert summary.causes == ("time ran out: 2 repositories left",)
    assert world.steps == ["registry", "names"]


def test_time_that_runs_out_before_the_judgement_leaves_the_rest(run: Callable[..., RunResult], world: World) -> None:
    """After the scan."""
    world.old("a", "b")
    world.lasts["scan"] = 850
    summary = run(dry_run=True)
    assert run_json(summary)["deferred"] == ["a", "b"]
    assert "look 2 a" not in world.steps


def test_time_that_runs_out_between_repositories_leaves_the_rest(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """What went is told, and how many images are left."""
    world.old("a", "b", "c")
    world.lasts["remove"] = 420
    summary = run(**EVALUATES_FIRST)
    assert told.removed == ["a:v1", "b:v1"]
    assert (summary.status, run_json(summary)["deferred"]) == ("incomplete", ["c"])
    assert run_json(summary)["totals"]["deferred"] == 1


def test_time_that_runs_out_within_a_repository_leaves_the_rest_of_it(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """The next run continues."""
    world.found["a"] = repository("a")
    world.listings["a"] = [[image(str(n), tags=[f"v{n}"], repository="a") for n in range(5)]]
    world.lasts["remove"] = 300
    world.seconds = 300 + RESERVE_SECONDS + 1
    summary = run()
    assert told.removed == ["a:v0", "a:v1"]
    assert summary.status == "incomplete"
    (reported,) = run_json(summary)["repositories"]
    assert (reported["status"], reported["removed"], reported["deferred"]) == ("deferred", 2, 3)
    assert run_json(summary)["deferred"] == ["a"]


def test_usages_are_not_collected_again_when_that_would_not_end_in_time(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """Lambda would end the run in the middle of the scan, before any report."""
    world.old("a", "b")
    world.lasts.update(scan=300, remove=301)
    world.seconds = 300 + 301 + 300 + RESERVE_SECONDS - 1
    summary = run(**EVALUATES_FIRST)
    assert told.removed == ["a:v1"]
    assert world.steps.count("scan") == 1
    assert (summary.status, run_json(summary)["deferred"]) == ("incomplete", ["b"])
    assert summary.repositories["b"].removals == {"deferred": 1}


def test_a_second_scan_that_takes_longer_than_the_first_is_cut_off(
    run: Callable[..., RunResult], world: World, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Lambda ends the run; what went stands in the report, and what is left is left to the next run."""
    world.old("a", "b")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    first, aws = World.scan, clients(world)

    def scan(self: World, now: datetime) -> UsageScan:
        if "scan" not in self.steps:
            return first(self, now)
        self.seconds = RESERVE_SECONDS - 1
        assert aws.deadline_exceeded is not None
        assert aws.deadline_exceeded()
        raise OutOfTimeError("ListClusters")

    monkeypatch.setattr(World, "scan", scan)
    monkeypatch.setitem(globals(), "clients", lambda _: aws)
    summary = run(**EVALUATES_FIRST)
    assert told.removed == ["a:v1"]
    assert (summary.status, run_json(summary)["deferred"]) == ("incomplete", ["b"])


def test_a_failure_outweighs_what_is_left(run: Callable[..., RunResult], world: World) -> None:
    """Both are causes; the graver word is the status."""
    world.old("a", "b").found["c"] = RepositoryOutcome(RepositoryStatus.MISCONFIGURED, "bad tag")
    world.seconds = RESERVE_SECONDS - 1
    summary = run()
    assert summary.status == "failed"
    assert summary.causes == ("repository c: bad tag", "time ran out: 2 repositories left")


def test_images_are_judged_by_the_moment_the_run_began(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """However long it takes, nothing gets old meanwhile."""
    world.old("a")
    almost = replace(image("almost", tags=["v9"], repository="a"), pushed_at=NOW - timedelta(days=30))
    world.listings["a"][0].append(almost)
    world.lasts["scan"] = 60
    run()
    assert told.removed == ["a:v1"]
    assert {v.image.digest: v.reason for v in told.plans["a"].verdicts}[digest("almost")] is Reason.TOO_YOUNG


# Findings


TAKES_ALL = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)


def kinds(summary: RunResult) -> list[str]:
    """What was found, in its order."""
    return [finding.kind.value for finding in summary.findings]


def one_in_use(world: World) -> None:
    """A repository with an old image in use, a newer one, and a lifecycle policy that takes the old one."""
    world.old("a")
    world.listings["a"][0].append(image("new", pushed="1d", repository="a"))
    world.scans = [((used(tag="v1", repository="a"),), (COMPLETE,))]
    world.policies["a"] = TAKES_ALL


def test_a_lifecycle_policy_is_read_once_and_where_something_is_in_use(
    run: Callable[..., RunResult], world: World
) -> None:
    """After what a run depends on, and before anything goes."""
    one_in_use(world)
    world.old("b")
    summary = run()
    assert kinds(summary) == ["lifecycle_expires_in_use"]
    assert [step for step in world.steps if step.startswith(("scan", "look 2", "lifecycle", "remove"))] == [
        "scan",
        "look 2 a",
        "lifecycle a",
        "look 2 b",
        "remove b:v1",
    ]


def test_a_second_look_finds_nothing_twice(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Verdicts get old and are made again; what was found stays found."""
    world.old("0")
    one_in_use(world)
    world.listings["a"][0].append(image("unused", tags=["v0"], repository="a"))
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 9_999
    summary = run(**EVALUATES_FIRST)
    assert "look 3 a" in world.steps
    assert world.steps.count("lifecycle a") == 1
    assert told.removed == ["0:v1", "a:v0"]
    assert kinds(summary) == ["lifecycle_expires_in_use"]


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDeniedException", "GetLifecyclePolicy"),
        client_error("ThrottlingException", "GetLifecyclePolicy"),
        EndpointConnectionError(endpoint_url="https://ecr"),
        OutOfTimeError("GetLifecyclePolicy"),
    ],
)
def test_a_finding_that_cannot_be_made_costs_nothing_else(
    run: Callable[..., RunResult], world: World, told: Told, error: Exception
) -> None:
    """It is a finding itself; the run completes, and removes what it would have removed."""
    one_in_use(world)
    world.listings["a"][0].append(image("unused", tags=["v0"], repository="a"))
    world.errors["lifecycle a"] = error
    summary = run()
    assert (summary.status, kinds(summary)) == ("completed", ["not_determined"])
    assert told.removed == ["a:v0"]


def test_after_some_failures_no_call_is_made_for_findings(run: Callable[..., RunResult], world: World) -> None:
    """Each may take half a minute, and the run has better things to do."""
    names = ("a", "b", "c", "d", "e")
    world.old(*names)
    world.scans = [(tuple(used(tag="v1", repository=name) for name in names), (COMPLETE,))]
    for name in names:
        world.errors[f"lifecycle {name}"] = client_error("AccessDeniedException", "GetLifecyclePolicy")
    summary = run()
    assert [step for step in world.steps if step.startswith("lifecycle")] == [
        "lifecycle a",
        "lifecycle b",
        "lifecycle c",
    ]
    assert [finding.subject for finding in summary.findings] == ["a", "b", "c", "registry"]
    assert summary.status == "completed"


def test_what_a_scan_found_is_among_the_findings_once(run: Callable[..., RunResult], world: World) -> None:
    """However often was scanned."""
    world.old("a", "b")
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    world.found_by_scan = [Finding(FindingKind.NOT_DETERMINED, Severity.WARNING, "registry", "it was slow")]
    summary = run()
    assert world.steps.count("scan") > 1
    assert [finding for finding in summary.findings if finding.detail == "it was slow"] == world.found_by_scan


def test_findings_wait_when_removal_needs_the_time(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Said once, whatever was left out."""
    one_in_use(world)
    world.old("b")
    world.scans = [((*world.scans[0][0], used(tag="v2", repository="b")), (COMPLETE,))]
    world.listings["b"][0].append(image("used", tags=["v2"], repository="b"))
    world.seconds = SPARE_SECONDS - 1
    summary = run()
    assert [(f.kind.value, f.subject) for f in summary.findings] == [("not_determined", "registry")]
    assert "lifecycle a" not in world.steps
    assert told.removed == ["b:v1"]


def test_without_a_scan_nothing_is_said_of_usages(run: Callable[..., RunResult], world: World) -> None:
    """But that nobody was asked."""
    world.found["a"] = repository("a")
    world.listings["a"] = [[image("young", pushed="5d", repository="a")]]
    summary = run()
    assert [finding.detail for finding in summary.findings] == [UNASKED]


def test_a_run_over_some_repositories_says_nothing_of_the_others(run: Callable[..., RunResult], world: World) -> None:
    """It does not know whether they exist."""
    world.old("a", "b")
    world.scans = [((used(tag="v1", repository="b"), used(tag="v1", repository="c")), (COMPLETE,))]
    assert kinds(run(only=frozenset({"a"}), dry_run=True)) == []
    assert kinds(run(only=frozenset({"a", "c"}), dry_run=True)) == ["dangling_reference"]


def test_what_the_survey_knows_is_found(run: Callable[..., RunResult], world: World) -> None:
    """Tags, policies, and how many repositories are not managed."""
    world.found = {
        "bad": RepositoryOutcome(RepositoryStatus.MISCONFIGURED, "bad tag"),
        "near": "does not opt in",
        "open": replace(repository("open"), pull_scopes=(PullScope("*"),)),
        "cached": RepositoryOutcome(RepositoryStatus.SKIPPED, "it lies under a cache", "pull_through_cache:cached"),
        "odd": replace(repository("odd"), notes=("too few days",), misspelled=("no such tag",)),
        "other": None,
    }
    world.listings |= {"odd": [[]], "open": [[]]}
    found = {(f.severity.value, f.kind.value, f.subject, f.detail) for f in run().findings}
    assert found >= {
        ("problem", "misconfigured_tag", "bad", "bad tag"),
        ("warning", "misconfigured_tag", "near", "does not opt in"),
        ("warning", "misconfigured_tag", "odd", "too few days"),
        ("warning", "misconfigured_tag", "odd", "no such tag"),
        ("warning", "open_to_other_accounts", "open", "its policy lets * pull"),
    }
    (count,) = (detail for _, kind, _, detail in found if kind == "unmanaged_storage")
    assert count.startswith("2 repositories did not opt in")


# Consumers that fail because of what earlier runs removed

FAILS: Final = replace(used(tag="v0", repository="a"), failure="CannotPullContainerError: not found")


def removed_before(world: World) -> None:
    """Two repositories with something old; a run removed an image of the first one three days ago."""
    world.old("a", "b")
    gone = {digest("before"): RemovedImage(("v0",), ago("3d"), "run-0", "delete")}
    world.histories["a"] = History("a", ago("1d"), {}, gone)


def test_whoever_fails_for_want_of_what_went_stops_the_run(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """Also in the other repositories: the next removal may be as wrong as that one."""
    removed_before(world)
    world.scans = [((FAILS,), (COMPLETE,))]
    summary = run(history=True)
    assert (summary.status, told.removed) == ("refused", [])
    (refusal,) = summary.refusals
    assert refusal.startswith(f"ecs service prod/app fails without a@{digest('before')} (CannotPullContainerError")
    assert refusal.endswith(f"restore --region us-east-1 --function registry-cleaner a@{digest('before')}")
    assert "removing a" not in world.steps
    assert summary.consumers_broken == 1
    assert (told.withheld_images, told.refused_images) == ([], ["a:v1", "b:v1"])


def test_a_consumer_that_names_what_went_rings_and_stops_nothing(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """It will fail, and has not yet; the run fails, after it has done its work."""
    removed_before(world)
    world.scans = [((replace(FAILS, failure=""),), (COMPLETE,))]
    summary = run(history=True)
    assert (summary.status, len(told.removed)) == ("failed", 2)
    assert any(cause.startswith("a:v0: the repository has no such tag") for cause in summary.causes)


def test_who_fails_for_another_reason_is_none_of_its_business(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """What nobody here removed is missing, and that is a finding."""
    world.old("a", "b")
    world.scans = [((FAILS,), (COMPLETE,))]
    summary = run(history=True)
    assert (summary.status, len(told.removed)) == ("completed", 2)
    assert [finding.kind.value for finding in summary.findings if finding.severity == "problem"] == [
        "dangling_reference"
    ]


def test_who_begins_to_fail_while_it_removes_stops_the_rest(run: Callable[..., RunResult], world: World) -> None:
    """The usages are collected again, and show it."""
    world.old("a", "b")
    world.histories["b"] = History(
        "b", ago("1d"), {}, removed={digest("before"): RemovedImage(("v0",), ago("3d"), "run-0", "delete")}
    )
    failing = replace(used(tag="v0", repository="b"), failure="StateReasonCode ImageDeleted")
    world.scans = [((), (COMPLETE,)), ((failing,), (COMPLETE,))]
    world.lasts["remove"] = FRESHNESS.total_seconds() + 1
    world.seconds = 1e6
    assert run(history=True).status == "refused"
    assert [step for step in world.steps if step.startswith("remove ")] == ["remove a:v1"]


def test_what_cannot_be_noted_stays(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """Nobody would know later who removed it; no other repository suffers."""
    world.old("a", "b")
    world.errors["removing a"] = HistoryError("it cannot be written")
    summary = run(history=True)
    assert summary.status == "failed"
    assert told.removed == ["b:v1"]


def test_what_is_archived_is_noted_as_that(run: Callable[..., RunResult], world: World) -> None:
    """What lies in the archive already is deleted."""
    world.old("a")
    attic = replace(image("attic", repository="a", pushed="400d", active=False), archived_at=ago("200d"))
    world.listings["a"][0].append(attic)
    world.found["a"] = repository("a", delete_archived_after_days=90)
    run(history=True, removal_mode="archive", delete_archived_after_days=90)
    assert {one: gone.action for one, gone in world.histories["a"].removed.items()} == {
        digest("old a"): "archive",
        digest("attic"): "delete",
    }


# Nights that are too short


def test_what_a_short_night_judges_goes_and_the_next_one_begins_with_the_rest(
    run: Callable[..., RunResult], world: World, told: Told
) -> None:
    """Each in its turn, so that nothing waits for ever."""
    world.old(*"abcde")
    world.lasts["look"] = 230.0
    nights: list[list[str]] = []
    for _ in range(5):
        world.seconds, world.now = 900.0, NOW
        told.removed.clear()
        summary = run(history=True)
        assert summary.status == "incomplete"
        nights.append([one[0] for one in told.removed])
    assert nights == [["a", "b"], ["c", "d"], ["e", "a"], ["b", "c"], ["d", "a"]]


def test_what_failing_consumers_name_is_judged_first(run: Callable[..., RunResult], world: World, told: Told) -> None:
    """It may stop everything: where even that was not read, it does."""
    world.old("a", "b", "c")
    world.lasts["look"] = 230.0
    failing = replace(used(tag="v0", repository="c"), failure="CannotPullContainerError")
    world.scans = [((failing,), (COMPLETE,))]
    assert run(history=True).status == "incomplete"
    assert told.removed == ["c:v1", "a:v1"]
    told.removed.clear()
    other = replace(used(tag="v0", repository="b"), failure="CannotPullContainerError")
    world.scans, world.seconds, world.now = [((failing, other), (COMPLETE,))], 330.0, NOW
    summary = run(history=True)
    assert (summary.status, told.removed) == ("refused", [])
    assert "it is unknown whether an earlier run removed it: there was no time to read it" in summary.causes[0]
