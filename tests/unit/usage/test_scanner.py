"""How the targets of a run are scanned."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import ClientError

from ecr_cleaner.aws.client import AwsClients, OtherSession, connect
from ecr_cleaner.decision import denials
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.requested_scans import ScanRequest
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, TargetScan, UsageScan
from ecr_cleaner.model.usage import Reference, ScanTarget
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import accounts, scanner
from ecr_cleaner.usage.catalog import names_sha256
from ecr_cleaner.usage.merge import merge
from ecr_cleaner.usage.scan import scan_target
from ecr_cleaner.usage.scanner import LocalScanner
from ecr_cleaner.usage.source import Source
from tests.builders import ACCOUNT, NOW, REGION, TARGET, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_cleaner.model.usage import Usage
    from ecr_cleaner.usage.source import SourceContext

FOREIGN: Final = ScanTarget("210987654321", REGION)


def source(name: str, collect: Callable[[SourceContext], Iterator[Usage]]) -> Source:
    """A source that reads no service."""
    return Source(name, f"things of {name}", "nothing", None, (), (), collect)


def used(account: SourceContext) -> Iterator[Usage]:
    """One usage, named after the region that is read."""
    yield replace(usage(tag="v1", consumer=f"a consumer in {account.aws.region}"), source="used")


def unused(_: SourceContext) -> Iterator[Usage]:
    """None at all."""
    yield from ()


SOURCES: Final = (source("unused", unused), source("used", used))


@pytest.fixture
def clients() -> AwsClients:
    """Clients of a known account; nobody answers."""
    made = connect(REGION, None)
    made.account_id = ACCOUNT
    return made


def request(*targets: ScanTarget, settings: Settings) -> ScanRequest:
    """What a run demands that looks at these targets."""
    names = tuple(one.name for one in SOURCES)
    return ScanRequest(targets, "run-1", settings.sha256, names_sha256(SOURCES), names, frozenset(), NOW)


def scanned(clients: AwsClients, demanded: ScanRequest, target: ScanTarget, settings: Settings) -> TargetScan:
    """One target, by the sources of this file."""
    with ThreadPoolExecutor(2) as pool:
        return scan_target(clients, demanded, target, settings, pool=pool, clock=lambda: NOW, sources=SOURCES)


def scanned_there(clients: AwsClients, collect: Callable[[SourceContext], Iterator[Usage]]) -> TargetScan:
    """The target in the other account, by one source."""
    settings, sources = Settings(), (source("used", collect),)
    demanded = replace(
        request(TARGET, FOREIGN, settings=settings), sources=("used",), catalog_sha256=names_sha256(sources)
    )
    with ThreadPoolExecutor(2) as pool:
        return scan_target(clients, demanded, FOREIGN, settings, pool=pool, clock=lambda: NOW, sources=sources)


def test_the_one_target_is_the_account_and_region_of_the_registry(clients: AwsClients) -> None:
    """Every usage and every outcome says so."""
    scan = LocalScanner(clients, Settings(), "run-1", lambda: NOW, SOURCES).scan(NOW)
    assert scan == UsageScan(
        (replace(usage(tag="v1", consumer=f"a consumer in {REGION}"), source="used", target=TARGET),),
        (
            SourceOutcome(TARGET, "unused", SourceStatus.COMPLETE, is_input=True),
            SourceOutcome(TARGET, "used", SourceStatus.COMPLETE, usages=1, is_input=True),
        ),
        NOW,
        account_id=TARGET.account_id,
    )


def test_nothing_is_scanned_before_the_account_is_known() -> None:
    """Nobody would know whose consumers were seen."""
    with pytest.raises(CleanerError, match="the account is not known"):
        LocalScanner(connect(REGION, None), Settings(), "run-1", lambda: NOW, SOURCES).scan(NOW)


def test_each_target_is_read_by_its_own_clients(clients: AwsClients) -> None:
    """Two regions of the account: the same image, two consumers."""
    settings, elsewhere = Settings(), ScanTarget(ACCOUNT, "eu-central-1")
    demanded = request(TARGET, elsewhere, settings=settings)
    merged = merge(demanded, [scanned(clients, demanded, target, settings) for target in (elsewhere, TARGET)], NOW)
    assert merged.failures == ()
    assert {(one.target, one.consumer) for one in merged.usages} == {
        (TARGET, f"a consumer in {REGION}"),
        (elsewhere, "eu-central-1 a consumer in eu-central-1"),
    }


def test_a_scan_says_what_it_was_made_with(clients: AwsClients) -> None:
    """Not what was demanded: another invocation may have older settings, or be of another version."""
    demanded = replace(request(TARGET, settings=Settings()), settings_sha256="0" * 64, catalog_sha256="1" * 64)
    (failure,) = merge(demanded, [scanned(clients, demanded, TARGET, Settings())], NOW).failures
    assert "was made with other settings" in failure.detail
    assert "was made with other sources" in failure.detail


def test_another_account_fails_source_by_source(clients: AwsClients) -> None:
    """Without credentials for it; what was seen at home counts."""
    settings = Settings()
    demanded = request(TARGET, FOREIGN, settings=settings)
    merged = merge(demanded, [scanned(clients, demanded, target, settings) for target in demanded.targets], NOW)
    assert [outcome.key.target for outcome in merged.failures] == [FOREIGN, FOREIGN]
    assert all("there are no credentials for it" in outcome.detail for outcome in merged.failures)
    assert len(merged.usages) == 1


def test_a_target_that_waited_for_its_turn_is_scanned_like_the_others(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins minutes after the first one, and is no scan from the future."""
    now, elsewhere = [NOW], ScanTarget(ACCOUNT, "eu-west-1")

    def slow(context: SourceContext) -> Iterator[Usage]:
        now[0] += timedelta(minutes=2)
        yield from used(context)

    found = accounts.Targets((TARGET, elsewhere), (), OtherAccounts())
    monkeypatch.setattr(accounts, "targets", lambda *_: found)
    monkeypatch.setattr(scanner, "TARGETS", 1)
    made = LocalScanner(clients, Settings(), "run-1", lambda: now[0], (source("used", slow),)).scan(NOW)
    assert made.failures == ()
    assert {usage.target for usage in made.usages} == {TARGET, elsewhere}


def test_a_scan_that_runs_out_of_time_is_none(clients: AwsClients) -> None:
    """The run ends, and says what there was no time for."""

    def late(_: SourceContext) -> Iterator[Usage]:
        operation = "ListClusters"
        raise OutOfTimeError(operation)

    with pytest.raises(OutOfTimeError):
        LocalScanner(clients, Settings(), "run-1", lambda: NOW, (source("late", late),)).scan(NOW)


def test_a_scan_that_runs_out_of_time_names_what_took_long(clients: AwsClients) -> None:
    """Whichever source was the first for which there was no time left, and also one that had ended by then."""
    now = [NOW]

    def slow(context: SourceContext) -> Iterator[Usage]:
        context.aws.pace("before-send.lambda.ListFunctions")
        now[0] += timedelta(seconds=500)
        yield from ()

    def late(context: SourceContext) -> Iterator[Usage]:
        now[0] += timedelta(seconds=100)
        context.aws.deadline_exceeded = lambda: True
        context.aws.pace("before-send.ecs.ListClusters")
        yield from ()

    sources = (source("slow", slow), source("late", late), source("later", late))
    demanded, settings = request(TARGET, settings=Settings()), Settings()
    demanded = replace(demanded, sources=tuple(one.name for one in sources))
    words = (
        f"time ran out before ListClusters; the slowest sources: slow in {TARGET} (500 s, 1 calls);"
        f" late in {TARGET} (100 s); later in {TARGET} (100 s)"
    )
    with ThreadPoolExecutor(1) as pool, pytest.raises(OutOfTimeError, match=f"^{re.escape(words)}$"):
        scan_target(clients, demanded, TARGET, settings, pool=pool, clock=lambda: now[0], sources=sources)


def test_calls_count_for_the_source_that_makes_them(clients: AwsClients) -> None:
    """Also those of threads that help it, and whatever other sources do meanwhile."""
    both = threading.Barrier(2)

    def busy(context: SourceContext, operation: str) -> Iterator[Usage]:
        def read(_: int) -> None:
            both.wait(5)  # so that each source has two threads at work
            context.aws.pace(f"before-send.{operation}")

        context.workers.each(read, range(4), at_once=2)
        context.aws.pacer.throttled(*operation.split("."))
        yield from ()

    sources = (
        source("unused", unused),
        source("batch", partial(busy, operation="batch.DescribeJobs")),
        source("ecs", partial(busy, operation="ecs.ListTasks")),
    )
    demanded = replace(request(TARGET, settings=Settings()), sources=tuple(one.name for one in sources))
    clients.pace("before-send.ecr.DescribeRegistry")
    with ThreadPoolExecutor(3) as pool, ThreadPoolExecutor(3) as helpers:
        scan = scan_target(
            clients, demanded, TARGET, Settings(), pool=pool, clock=lambda: NOW, sources=sources, helpers=helpers
        )
    assert {one.source: (one.calls, one.throttled) for one in scan.outcomes} == {
        "unused": (0, 0),
        "batch": (4, 1),
        "ecs": (4, 1),
    }
    assert (scan.calls, clients.pacer.counts.calls) == (8, {"ecr": 1, "batch": 4, "ecs": 4})
    assert clients.pacer.counts.throttled == {"batch": 1, "ecs": 1}


def test_what_another_account_uses_of_other_registries_is_not_even_kept(clients: AwsClients) -> None:
    """Names do not leak from account to account; what may mean this registry is kept, with account and region."""
    clients.other_accounts = lambda _: OtherSession(clients.session, "the role r")
    own, any_registry = usage(tag="v1", consumer="c"), usage(of="a", repository=None, consumer="c")
    elsewhere = replace(own, reference=replace(own.reference, region="eu-west-1"))
    theirs = replace(own, reference=replace(own.reference, account=FOREIGN.account_id))
    unread = [
        replace(own, reference=Reference(f"{number}.dkr.ecr.x/secret"), problem=f"name of {number}")
        for number in (FOREIGN.account_id, ACCOUNT)
    ]

    def collect(_: SourceContext) -> Iterator[Usage]:
        yield from (replace(one, source="used") for one in (own, any_registry, elsewhere, theirs, *unread))

    scan = scanned_there(clients, collect)
    assert [(one.reference, one.consumer, one.target) for one in scan.usages] == [
        (one.reference, f"{FOREIGN.account_id} {REGION} c", FOREIGN) for one in (own, any_registry)
    ]
    (outcome,) = scan.outcomes
    assert (outcome.status, outcome.usages) == (SourceStatus.COMPLETE, 2)
    (note,) = outcome.notes
    assert f"name of {ACCOUNT}" in note


def test_what_is_denied_in_another_account_names_role_module_and_account(clients: AwsClients) -> None:
    """To leave a source out everywhere is no way out."""
    clients.other_accounts = lambda _: OtherSession(clients.session, "the role r of account 210987654321")

    def deny(_: SourceContext) -> Iterator[Usage]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListJobs")

    scan = scanned_there(clients, deny)
    (outcome,) = scan.outcomes
    assert "source:" not in outcome.detail
    remedy = "apply modules/usage-reader of this version in account 210987654321, so that the role r of account"
    assert f"to mend this, {remedy}" in outcome.detail
    assert outcome.denial is not None
    assert outcome.denial.gap == "account:210987654321"
    assert f"to mend this, {outcome.denial.remedy}" in denials.sentence([outcome])
