"""What is told of other accounts: of a run that is degraded, and of one in which all of them were looked at."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ecr_cleaner import DOCUMENTATION
from ecr_cleaner.cli import exit_codes
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.model.account_results import AccountResult, AccountStatus, OtherAccountsResult
from ecr_cleaner.model.report import Changes, Named
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.report import mail, metrics, run_event
from ecr_cleaner.report.changes import ORGANIZATION, REMIND_AFTER, AccountsNotification, with_accounts
from ecr_cleaner.report.console import print_end
from ecr_cleaner.report.log import LOGGER, LogReporter
from ecr_cleaner.report.next_step import dry_run_command
from ecr_cleaner.report.reporter import CollectingReporter
from ecr_cleaner.report.summary import MAX_ACCOUNTS, MAX_SOURCES, run_json
from tests.builders import NOW, REGION, TARGET
from tests.endings import ending, repository, summary
from tests.report_page.made import recorder
from tests.unit.report.test_document import VALIDATOR
from tests.unit.report.test_run_event import SCHEMA

if TYPE_CHECKING:
    from ecr_cleaner.model.result import NotifyOn, RunResult

ONE, TWO, THREE = (f"{number}" * 12 for number in (2, 3, 4))
ROLE: Final = f"account {ONE}: source accounts in region us-east-1: no such role; apply modules/usage-reader there"
NO_ORGANIZATION: Final = "ListAccounts failed with AccessDenied; allow organizations:ListAccounts"
OCCASIONS: Final[tuple[NotifyOn, ...]] = ("always", "removals", "problems")
NOTHING: Final = Named(0, ())


def others(*failed: str, complete: tuple[str, ...] = (TWO,), **more: Any) -> OtherAccountsResult:
    """How the look at some accounts ended."""
    ended = [
        *(AccountResult(one, AccountStatus.FAILED, missing=("no such role",)) for one in failed),
        *(AccountResult(one, AccountStatus.COMPLETE, (REGION,)) for one in complete),
        AccountResult(THREE, AccountStatus.EXCEPTED),
    ]
    return OtherAccountsResult(tuple(sorted(ended, key=lambda one: one.account_id)), **more)


SKIPPED: Final = repository(
    "shop/web",
    images=0,
    removable=0,
    status="skipped",
    detail=f"its policy lets arn:aws:iam::{ONE}:root pull; account {ONE} was not looked at completely: no such role",
    setting="other_accounts:shop/web",
)
DEGRADED: Final = summary(repository(removed=1), SKIPPED, other_accounts=others(ONE, causes=(ROLE,)))
WELL: Final = summary(repository(removable=0), other_accounts=others(complete=(ONE, TWO)))


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, RunStatus.DEGRADED),
        ({"other_accounts": others(complete=(ONE, TWO))}, RunStatus.COMPLETED),
        ({"deferred": ("app",)}, RunStatus.INCOMPLETE),
        ({"timed_out": "time ran out before ListImages"}, RunStatus.INCOMPLETE),
        ({"problems": ("p",)}, RunStatus.FAILED),
        ({"refusals": ("r",)}, RunStatus.REFUSED),
    ],
)
def test_what_fails_an_invocation_is_not_hidden_by_what_does_not(more: dict[str, Any], status: RunStatus) -> None:
    """Also time that ran out; and each of them says too what could not be looked at."""
    run = replace(DEGRADED, **more)
    assert run.status is status
    assert (ROLE in run.causes) is ("other_accounts" not in more)


def test_a_mail_about_a_degraded_run_reads_like_this() -> None:
    """What could not be looked at, what mends it, and what was skipped because of that."""
    changes = Changes(NOW.isoformat(), accounts_failed=Named(1, (ONE,)), accounts_complete=Named(1, (TWO,)))
    told = ending(replace(DEGRADED, changes=changes))
    assert mail.subject(told) == (
        "ecr-cleaner us-east-1: DEGRADED: 1 image (at most 1.0 MiB) was removed from 1 repository"
    )
    text = mail.text(told)
    assert text.startswith(
        f"""\
ecr-cleaner in account 123456789012, us-east-1: 1 image (at most 1.0 MiB) was removed from 1 repository; \
1 repository was skipped; 1 of 2 other accounts could not be looked at completely.

What could not be looked at, so that what it may pull stays, and what to do:
  - {ROLE}

Mend what the causes name; this dry run then shows whether that was all:
  {dry_run_command("ecr-cleaner", REGION)}
What each cause means: {DOCUMENTATION}/operations.md#degraded-runs

Removed:
"""
    )
    assert (
        f"  other accounts that can no longer be looked at completely: 1\n    - {ONE}\n"
        f"  other accounts that can be looked at completely again: 1\n    - {TWO}\n"
    ) in text
    assert f"  - shop/web: {SKIPPED.detail}; accepted_gaps = " in text


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (others(ONE, complete=()), "; 1 other account could not be looked at completely."),
        (others(ONE, TWO, complete=()), "; 2 other accounts could not be looked at completely."),
        (others(ONE), "; 1 of 2 other accounts could not be looked at completely."),
        (others(organization_problem=NO_ORGANIZATION), "; the accounts of the organization are not known."),
        (others(), "nothing was removed, because no repository opted in."),
    ],
)
def test_the_headline_counts_them(of: OtherAccountsResult, words: str) -> None:
    """Of one account nobody wants to read a sum."""
    assert run_json(summary(other_accounts=of))["headline"].lower().endswith(words)


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (DEGRADED, {"always", "removals", "problems"}),  # no reports are kept: whether it is news is not known
        (replace(DEGRADED, changes=Changes(accounts_due=True)), {"always", "removals", "problems"}),
        (replace(DEGRADED, changes=Changes(accounts_due=False)), {"always", "removals"}),  # it removed something
        (
            summary(other_accounts=DEGRADED.other_accounts, changes=Changes(accounts_due=False)),
            {"always"},
        ),
        (replace(DEGRADED, problems=("p",), changes=Changes(accounts_due=False)), {"always", "removals", "problems"}),
        (WELL, {"always"}),
        (replace(WELL, changes=Changes(accounts_complete=NOTHING)), {"always"}),
        (replace(WELL, changes=Changes(accounts_complete=Named(1, (ONE,)))), {"always", "removals", "problems"}),
    ],
    ids=["unknown", "news", "removed", "old", "failed besides", "well", "still well", "well again"],
)
def test_people_are_told_when_it_changes_and_weekly(run: RunResult, told: set[NotifyOn]) -> None:
    """Not every night of what lasts for weeks: nobody would read the next mail."""
    assert {one for one in OCCASIONS if ending(run).should_notify(one)} == told


def night(day: float) -> datetime:
    """When a run began."""
    return NOW + timedelta(days=day)


def compared(last: AccountsNotification | None, now: OtherAccountsResult | None, day: float = 0) -> Any:
    """What changed, and what the next run compares with."""
    return with_accounts(Changes(), last, now, night(day))


def test_the_first_degraded_run_is_news() -> None:
    """Each account by its id."""
    changes, left = compared(None, others(ONE))
    assert (changes.accounts_failed, changes.accounts_complete, changes.accounts_due) == (
        Named(1, (ONE,)),
        NOTHING,
        True,
    )
    assert left == AccountsNotification(failed=[ONE], notified_at=NOW)


def test_what_lasts_is_told_again_after_a_week() -> None:
    """With the same run of the next week, even if that begins a little earlier in the day."""
    last = AccountsNotification(failed=[ONE], notified_at=NOW)
    for day, is_due in ((1, False), (6.9, False), (6.92, True), (7, True), (30, True)):
        changes, left = compared(last, others(ONE), day)
        assert (changes.accounts_failed, changes.accounts_due) == (NOTHING, is_due)
        assert left == AccountsNotification(failed=[ONE], notified_at=night(day) if is_due else NOW)


def test_a_clock_that_was_wrong_silences_nobody() -> None:
    """A notification in the future was none."""
    last = AccountsNotification(failed=[ONE], notified_at=night(400))
    changes, left = compared(last, others(ONE))
    assert (changes.accounts_due, left.notified_at) == (True, NOW)


def test_an_account_that_is_well_again_is_news() -> None:
    """One that is not looked at any more is not."""
    last = AccountsNotification(failed=[ONE, THREE], notified_at=NOW)
    changes, left = compared(last, others(complete=(ONE, TWO)), 1)
    assert (changes.accounts_complete, changes.accounts_due) == (Named(1, (ONE,)), True)
    assert left == AccountsNotification(failed=[], notified_at=night(1))
    gone, _ = compared(AccountsNotification(failed=[THREE], notified_at=NOW), others(complete=(ONE, TWO)), 1)
    assert (gone.accounts_complete, gone.accounts_due) == (NOTHING, False)


def test_an_organization_whose_accounts_are_not_known_is_news_once() -> None:
    """As an account."""
    unknown = others(organization_problem=NO_ORGANIZATION)
    changes, left = compared(None, unknown)
    assert (changes.accounts_failed, changes.accounts_due) == (Named(1, (ORGANIZATION,)), True)
    assert compared(left, unknown, 1)[0].accounts_due is False
    again, _ = compared(left, others(), 2)
    assert (again.accounts_complete, again.accounts_due) == (Named(1, (ORGANIZATION,)), True)


def test_a_run_that_looked_at_none_leaves_everything_as_it_was() -> None:
    """One that was refused before it looked, say: the next one compares with the one before."""
    last = AccountsNotification(failed=[ONE], notified_at=NOW)
    changes, left = compared(last, None, 1)
    assert (changes.accounts_failed, changes.accounts_complete, changes.accounts_due) == (None, None, False)
    assert left is last


@given(nights=st.lists(st.tuples(st.sets(st.sampled_from([ONE, TWO])), st.floats(0.01, 9)), max_size=30))
def test_nobody_is_left_untold_for_more_than_a_week(nights: list[tuple[set[str], float]]) -> None:
    """Whatever fails and is mended: told are each change and at least weekly what lasts, and nothing else."""
    last, before, told_at, now = None, set[str](), None, NOW
    for failed, days in nights:
        now += timedelta(days=days)
        changes, last = with_accounts(Changes(), last, others(*failed, complete=tuple({ONE, TWO} - failed)), now)
        is_old = told_at is not None and bool(failed) and now - told_at >= REMIND_AFTER
        assert changes.accounts_due is (failed != before or is_old)
        if changes.accounts_due:
            told_at = now
        before = failed


def test_metrics_tell_that_a_run_is_degraded() -> None:
    """Whatever else went wrong: the alarm of what lasts is not over because a run was refused for something else."""
    refused = replace(DEGRADED, refusals=("r",))
    for run, degraded in ((DEGRADED, 1), (refused, 1), (WELL, 0)):
        made = metrics.document(ending(run), "ECRCleaner", NOW, "INFO")
        declared = {one["Name"] for one in made["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        assert declared == {*metrics.METRICS, *metrics.OF_OTHER_ACCOUNTS}
        assert made["Degraded"] == degraded
        counts = (made["AccountsComplete"], made["AccountsFailed"], made["AccountsExcepted"])
        assert counts == ((1, 1, 1) if degraded else (2, 0, 1))
    unknown = summary(other_accounts=others(organization_problem=NO_ORGANIZATION, causes=(NO_ORGANIZATION,)))
    assert metrics.document(ending(unknown), "ECRCleaner", NOW, "INFO")["Degraded"] == 1


def test_who_looks_at_no_other_account_pays_for_no_metric_of_them() -> None:
    """And a run that ended before it looked changes no alarm."""
    for run in (summary(), None):
        made = metrics.document(ending(run), "ECRCleaner", NOW, "INFO")
        assert not set(metrics.OF_OTHER_ACCOUNTS) & set(made)


def test_the_event_tells_how_many_and_which() -> None:
    """As its schema says."""
    detail = json.loads(run_event.entry(ending(DEGRADED), "default", NOW)["Detail"])
    jsonschema.validate(detail, SCHEMA)
    assert (detail["status"], detail["causes"]) == ("degraded", [ROLE])
    assert detail["other_accounts"] == {
        "complete": 1,
        "failed": 1,
        "excepted": 1,
        "organization_problem": "",
        "failed_ids": [ONE],
    }


def test_the_document_has_every_account() -> None:
    """Those first that could not be looked at; the function's result has the first of them alone."""
    many = tuple(f"{number:012}" for number in range(MAX_ACCOUNTS + 5))
    run = replace(DEGRADED, other_accounts=others(ONE, complete=many, causes=(ROLE,)))
    target, made = BytesIO(), recorder()
    made.write(target, run)
    told = json.loads(target.getvalue())
    VALIDATOR.validate(told)
    assert (told["run"]["status"], told["causes"]) == ("degraded", [ROLE])
    accounts = told["other_accounts"]["accounts"]
    assert [one["account_id"] for one in accounts] == [ONE, THREE, *many]
    assert accounts[0] == {"account_id": ONE, "status": "failed", "regions": [], "missing": ["no such role"]}
    short = run_json(run)["other_accounts"]
    assert (len(short["accounts"]), short["complete"]) == (MAX_ACCOUNTS, MAX_ACCOUNTS + 5)
    assert short["accounts"] == accounts[:MAX_ACCOUNTS]


def test_a_result_has_the_sources_that_matter() -> None:
    """Lambda returns at most 6 MB: those of the own account, then those elsewhere that are not complete."""
    own = SourceOutcome(TARGET, "ecs", SourceStatus.COMPLETE)
    there = [
        SourceOutcome(ScanTarget(ONE, REGION), f"source-{number:05}", SourceStatus.COMPLETE)
        for number in range(MAX_SOURCES)
    ]
    failed = SourceOutcome(ScanTarget(TWO, REGION), "ecs", SourceStatus.FAILED, detail="cut short")
    run = summary(outcomes=[*there, failed, own])
    shown = run_json(run)["sources"]
    assert len(shown) == MAX_SOURCES
    assert [one["account_id"] for one in shown].count(ONE) == MAX_SOURCES - 2
    assert {"failed", "complete"} == {one["outcome"] for one in shown}
    assert len(run_json(run, everything=True)["sources"]) == MAX_SOURCES + 2
    assert run_json(run)["source_outcomes"]["complete"] == MAX_SOURCES + 1
    made = metrics.document(ending(run), "ECRCleaner", NOW, "INFO")
    assert (made["SourcesComplete"], made["SourcesFailed"]) == (MAX_SOURCES + 1, 1)


def test_the_console_tells_it_too() -> None:
    """What was skipped with its cause and the entry that would include it, then what could not be looked at."""
    collected, screen = CollectingReporter(), Console(file=StringIO(), width=400)
    collected.run(DEGRADED)
    print_end(collected, screen, "options")
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert f"shop/web: skipped: {SKIPPED.detail}" in text
    assert '{ "other_accounts:shop/web" = "<reason>" }' in text
    assert text.endswith(f"{ROLE}\nstatus: degraded\n")


def test_a_degraded_run_is_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """An error is what fails the invocation."""
    caplog.set_level(logging.DEBUG, LOGGER.name)
    LogReporter().run(DEGRADED)
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [(logging.WARNING, "Run summary")]


def test_a_degraded_plan_has_an_exit_code_of_its_own() -> None:
    """Also where images would be removed: that other accounts are missing matters more to who looks."""
    assert exit_codes.of_dry_run(DEGRADED) is ExitCode.DEGRADED
    assert exit_codes.of_dry_run(replace(DEGRADED, dry_run=True), detailed=True) is ExitCode.DEGRADED
    assert set(exit_codes.BY_STATUS) == set(RunStatus)
