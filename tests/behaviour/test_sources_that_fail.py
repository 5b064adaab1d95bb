"""Whatever goes wrong with any call of any source: nothing is removed anywhere, the run fails, the cause helps.

The matrix follows from the sources' own lists of permissions, and these are held against the calls of a real run:
a new source is covered without a new test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner import aws, usage
from tests.behaviour import accounts
from tests.sandbox import Fault

if TYPE_CHECKING:
    from tests.behaviour.runner import Runner
    from tests.sandbox import Sandbox
    from tests.sandbox.faults import Kind

KINDS: Final[tuple[Kind, ...]] = (
    "access_denied",
    "bad_request",
    "internal_error",
    "unavailable",
    "throttled",
    "reset",
    "malformed",
    "cut_short",
    "missing_member",
    "expired_token",
)
PERMISSIONS: Final = sorted({permission for source in usage.SOURCES for permission in source.permissions})
LISTINGS: Final = [permission for permission in PERMISSIONS if permission.partition(":")[2].startswith("List")]

ASKED_BY_ONE_ALONE: Final = {"ecs:ListTaskDefinitions": "scheduler"}
"""What several sources may ask for, and in this account only one does: a schedule names what is gone."""


CALLS: Final = {"s3:ListBucket": "ListObjectsV2"}
"""Operations that IAM calls otherwise."""

TOKENS: Final = frozenset({"nextToken", "NextToken", "Marker", "startingToken", "ContinuationToken"})


def call_of(permission: str) -> tuple[str, str]:
    """The service and the operation that a permission is for."""
    service, operation = permission.split(":")
    return service, CALLS.get(permission, operation)


def askers(permission: str) -> list[usage.Source]:
    """The sources that ask with a permission in the account of every consumer."""
    alone = ASKED_BY_ONE_ALONE.get(permission)
    return [s for s in usage.SOURCES if permission in s.permissions and alone in {None, s.name}]


def check(run: Runner, permission: str, kind: Kind) -> None:
    """Runs: nothing goes, the run fails, and it names source, setting and, if denied, permission, and no other source.

    Args:
        run: Runs.
        permission: Of the call that fails.
        kind: How it fails.
    """
    run.sandbox.clear_calls()
    outcome = run()
    assert (kind, outcome.status, outcome.gone) == (kind, "refused", {})
    assert outcome.error is not None
    assert ("ecr", "BatchDeleteImage") not in run.asked()
    failed = askers(permission)
    expected = {source.name: "failed" if source in failed else "complete" for source in usage.SOURCES}
    outcomes = {name: source["outcome"] for name, source in outcome.told["sources"].items()}
    assert (kind, outcomes) == (kind, expected)
    for source in failed:
        assert f"source {source.name}: " in outcome.causes, kind
        assert f'{source.setting} = ["{source.name}"]' in outcome.causes, kind
    assert (f"permission {permission}" in outcome.causes) is (kind == "access_denied"), kind


def test_the_account_makes_every_source_use_every_permission(run: Runner, sandbox: Sandbox) -> None:
    """So that the matrix below leaves out no call of a real run, and no call in it is only a word."""
    accounts.seed(sandbox)
    sandbox.clear_calls()
    run()
    of_inventory = {f"ecr:{operation}" for service, operation in run.asked("ecr")} - set(PERMISSIONS)
    assert {call.action for call in sandbox.calls} - of_inventory == set(PERMISSIONS)


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_call_that_fails_stops_all_removal(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, permission: str
) -> None:
    """In every way in which a call can fail."""
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
    accounts.seed(sandbox)
    service, operation = call_of(permission)
    for kind in KINDS:
        sandbox.inject(Fault(service=service, operation=operation, kind=kind))
        check(run, permission, kind)
        sandbox.clear_faults()
    assert run().gone == {"app": run.ids("unused")}, "without a fault the very same account is cleaned"


@pytest.mark.parametrize("source", [s for s in usage.SOURCES if s.grants], ids=lambda source: source.name)
def test_a_call_that_is_never_answered_stops_all_removal(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, source: usage.Source
) -> None:
    """It is waited for only so long; shortened here."""
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
    monkeypatch.setattr(aws, "READ_TIMEOUT_SECONDS", 1)
    accounts.seed(sandbox)
    (permission,) = source.permissions[:1]
    service, operation = call_of(permission)
    sandbox.inject(Fault(service=service, operation=operation, kind="timeout", seconds=2))
    check(run, permission, "timeout")


@pytest.mark.parametrize("permission", LISTINGS)
def test_a_later_page_that_fails_stops_all_removal(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, permission: str
) -> None:
    """Half a listing is none: the first page came, with a token for the rest."""
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
    accounts.seed(sandbox)
    service, operation = call_of(permission)
    if service == "eks":
        # The other sources' listings hold something already; this one's is what the second page would have told.
        sandbox.seed({"eks": {"clusters": ["platform"]}})
    later: tuple[Kind, ...] = ("access_denied", "internal_error", "cut_short", "missing_member", "bad_request")
    for kind in later:
        sandbox.inject(Fault(service=service, operation=operation, kind="empty_page_with_token", times=1))
        sandbox.inject(Fault(service=service, operation=operation, kind=kind, after=1))
        check(run, permission, kind)
        sandbox.clear_faults()
        asked = [call for call in sandbox.calls if call.action == permission]
        # The very first call is the one with the empty page; the next one of the same listing brings its token.
        brought = [call for call in asked if TOKENS & set(call.parameters)]
        assert (asked[0].error, bool(brought), all(call.error for call in brought)) == (None, True, True), kind


@pytest.mark.parametrize("permission", ["ecs:DescribeTasks", "lambda:GetFunction", "scheduler:GetSchedule"])
def test_the_last_of_many_calls_counts_as_much_as_the_first(run: Runner, sandbox: Sandbox, permission: str) -> None:
    """A source that was read almost to its end has not been read."""
    accounts.seed(sandbox)
    run(dry_run=True)
    service, operation = call_of(permission)
    made = sum((c.service, c.operation) == (service, operation) for c in sandbox.calls)
    assert made > 1
    sandbox.inject(Fault(service=service, operation=operation, kind="access_denied", after=made - 1))
    check(run, permission, "access_denied")


@pytest.mark.parametrize("kind", ["throttled", "internal_error", "reset", "unavailable"])
def test_what_passes_by_itself_is_tried_again(run: Runner, sandbox: Sandbox, kind: Kind) -> None:
    """One failure of each call that a second try mends does not fail the run."""
    accounts.seed(sandbox)
    for permission in PERMISSIONS:
        service, operation = call_of(permission)
        sandbox.inject(Fault(service=service, operation=operation, kind=kind, times=1))
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("unused")}


@pytest.mark.parametrize("kind", ["short_page", "empty_page_with_token"])
def test_odd_pages_hide_nothing(run: Runner, sandbox: Sandbox, kind: Kind) -> None:
    """AWS may answer with fewer items than asked for, or with none and a token."""
    accounts.seed(sandbox)
    for listing in [*LISTINGS, "ecr:DescribeImages", "ecr:DescribeRepositories"]:
        service, operation = listing.split(":")
        sandbox.inject(Fault(service=service, operation=operation, kind=kind, times=1))
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("unused")}


def test_every_failed_source_is_named_at_once(run: Runner, sandbox: Sandbox) -> None:
    """A person mends all of them before the next night."""
    accounts.seed(sandbox)
    asking = [source for source in usage.SOURCES if source.grants]
    for service in {source.service for source in asking if source.service}:
        sandbox.inject(Fault(service=service, kind="access_denied"))
    outcome = run()
    assert (outcome.status, outcome.gone) == ("refused", {})
    for source in asking:
        assert outcome.told["sources"][source.name]["outcome"] == "failed"
        assert f"source {source.name}: " in outcome.causes
