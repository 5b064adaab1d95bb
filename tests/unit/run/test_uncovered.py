"""What a run makes of repositories that somebody may pull from who was not looked at: those stay, others go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.decision.stop import FRESHNESS
from ecr_cleaner.history.model import History, HistoryEntry
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.pull_access import PullScope, PullScopeKind
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget
from tests.builders import REGION, ago, digest, repository
from tests.builders import usage as used
from tests.unit.run.test_pipeline import COMPLETE, Told, World, run, told, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_cleaner.model.result import RunResult

__all__ = ["run", "told", "world"]

OTHER: Final = "999999999999"
THERE: Final = ScanTarget(OTHER, REGION)
SEEN: Final = SourceOutcome(THERE, "ecs", SourceStatus.COMPLETE)
SCOPE: Final = PullScope("their root", "", "remove it", PullScopeKind.ACCOUNT, OTHER)


@pytest.fixture
def shared(world: World) -> World:
    """A repository of the account alone, and one that another account, which is looked at, may pull from."""
    world.old("own", "shared")
    world.found["shared"] = replace(repository("shared"), pull_scopes=(SCOPE,))
    world.others = OtherAccounts(frozenset({OTHER}))
    return world


def test_who_is_looked_at_completely_keeps_nothing_but_what_it_uses(
    run: Callable[..., RunResult], shared: World, told: Told
) -> None:
    """Both repositories are cleaned."""
    shared.scans = [((), (COMPLETE, SEEN))]
    result = run()
    assert (told.removed, result.status) == (["own:v1", "shared:v1"], RunStatus.COMPLETED)
    assert not [one for one in result.findings if one.kind.value == "open_to_other_accounts"]


def test_who_is_not_looked_at_keeps_what_it_may_pull(run: Callable[..., RunResult], shared: World, told: Told) -> None:
    """With the cause and the key that includes it; the finding says it too, and the run is degraded."""
    shared.scans = [((), (COMPLETE,))]
    result = run()
    cause = f"account {OTHER}: no scan of it came back; the next run asks again"
    assert (result.status, result.causes) == (RunStatus.DEGRADED, (cause,))
    assert told.removed == ["own:v1"]
    ended = result.repositories["shared"]
    assert (ended.status, ended.setting) == (RepositoryStatus.SKIPPED, "other_accounts:shared")
    assert "nothing is known of it" in ended.detail
    assert [(one.subject, one.detail) for one in result.findings if one.kind.value == "open_to_other_accounts"] == [
        ("shared", ended.detail)
    ]


def test_where_nothing_is_old_and_nobody_was_asked_no_setting_is_proposed(
    run: Callable[..., RunResult], shared: World
) -> None:
    """The account is in the settings already; without them, who may pull is told all the same."""
    shared.listings |= {"own": [[]], "shared": [[]]}
    assert run(accounts=(OTHER,)).repositories["shared"].status is RepositoryStatus.EVALUATED
    skipped = run().repositories["shared"]
    assert (skipped.status, 'accounts = ["999999999999"]' in skipped.detail) == (RepositoryStatus.SKIPPED, True)


def test_what_is_in_use_there_is_remembered_and_its_grace_begins_anew(
    run: Callable[..., RunResult], shared: World
) -> None:
    """It is not judged, so no run knows that nothing needs its images; but what was seen was seen."""
    entry = HistoryEntry(("v1",), unneeded_since=ago("9d"))
    shared.histories["shared"] = History("shared", ago("1d"), {digest("old shared"): entry}, judged=True)
    shared.scans = [((used(tag="v1", repository="shared", consumer="a task"),), (COMPLETE,))]
    run(history=True)
    assert "used shared a task" in shared.steps
    assert shared.followed == {"own"}
    assert "verdicts shared" not in shared.steps


@pytest.mark.parametrize("later", [(COMPLETE, SEEN), (COMPLETE,)])
def test_a_later_scan_brings_nothing_back(
    run: Callable[..., RunResult], shared: World, told: Told, later: tuple[SourceOutcome, ...]
) -> None:
    """What was not certain once in a run stays in it."""
    shared.old("also")
    shared.lasts["remove"] = FRESHNESS.total_seconds() + 1
    shared.scans = [((), (COMPLETE,)), ((), later)]
    result = run()
    assert shared.steps.count("scan") > 1
    assert (told.removed, result.status) == (["own:v1", "also:v1"], RunStatus.DEGRADED)
    assert result.repositories["shared"].status is RepositoryStatus.SKIPPED


def test_a_later_scan_that_fails_there_ends_what_had_begun(
    run: Callable[..., RunResult], shared: World, told: Told
) -> None:
    """Its images were judged by usages that are too old by now; what is seen in use from here on is remembered."""
    shared.lasts["remove"] = FRESHNESS.total_seconds() + 1
    now_used = used(tag="v1", repository="shared", consumer="a task")
    shared.scans = [((), (COMPLETE, SEEN)), ((now_used,), (COMPLETE,))]
    shared.found = {name: shared.found[name] for name in ("own", "shared")}
    result = run(history=True)
    assert told.removed == ["own:v1"]
    assert result.repositories["shared"].status is RepositoryStatus.SKIPPED
    assert "used shared a task" in shared.steps
    assert shared.followed == {"own"}
