"""Nothing goes in the first run that finds it unneeded, whatever made it so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.fake_aws import Fault
from tests.integration.past import MARKER, NEW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

FOUND: Final = "Found unused image, should be removed"


@pytest.fixture(autouse=True)
def grace(run: Runner, no_grace: None) -> None:
    """As the function does without a word on it: one day."""
    del no_grace
    run.standing = {}


def shop(run: Runner, sandbox: Sandbox) -> None:
    """A repository with one old image that nothing uses, and one that is young."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.push("app", id="young", tags=["v2"], pushed="1d")


def deploy(sandbox: Sandbox, image: str) -> None:
    """Let the one consumer there is run an image."""
    sandbox.seed({"apprunner": {"services": {"web": {"image": "{registry}/" + image}}}})


def test_the_first_night_reports_and_the_second_one_removes(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """The log names it in a dry run, with the time from which on a run removes it."""
    shop(run, sandbox)
    dry = night(dry_run=True)
    assert dry.named(FOUND) == run.ids("old")
    (line,) = [vars(one) for one in dry.lines if one.getMessage() == FOUND]
    assert line["goes_after"].endswith("+00:00")
    assert (dry.told["totals"]["removable"], dry.told["totals"]["in_grace"]) == (1, 1)
    reason = past.content("repositories/app.json")["images"][sandbox.digest("old")]
    assert set(reason) == {"tags", "unneeded_since"}
    past.passes(hours=21)
    real = night()
    assert (real.status, real.gone, real.told["totals"]["in_grace"]) == ("completed", {}, 1)
    why, evidence = real.kept()[sandbox.digest("old")]
    assert why == "in_grace"
    assert "found unneeded since " in evidence
    assert "it goes with the first run from " in evidence
    past.passes(hours=2)
    dry = night(dry_run=True)
    assert dry.named(FOUND) == run.ids("old")
    assert "goes_after" not in vars(next(one for one in dry.lines if one.getMessage() == FOUND))
    assert dry.told["totals"]["in_grace"] == 0
    assert night().gone == {"app": run.ids("old")}


def test_an_image_whose_tag_moved_stays_for_a_night(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """A rule kept it by this tag until somebody pushed another image with it by mistake; tagged again, it stays."""
    run.opted_in("app")
    rules = [{"repositories": ["*"], "tags": ["stable"], "keep": True}]
    sandbox.push("app", id="release", tags=["stable"], pushed="90d")
    for _ in range(3):
        assert night(retention_rules=rules).gone == {}
        past.passes(days=1)
    sandbox.push("app", id="mistake", tags=["stable"], pushed="0s")
    assert night(retention_rules=rules).gone == {}
    past.passes(days=1)
    sandbox.tag("app", sandbox.digest("release"), "stable")
    assert night(retention_rules=rules).gone == {}
    past.passes(days=1)
    sandbox.tag("app", sandbox.digest("mistake"), "stable")
    assert night(retention_rules=rules).gone == {}, "needed in between, it begins anew"
    past.passes(days=1)
    assert night(retention_rules=rules).gone == {"app": run.ids("release")}


@pytest.mark.parametrize("before", ["never", "opted in once"])
def test_a_repository_that_opted_in_just_now_loses_nothing(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], before: str
) -> None:
    """One call made it so, however old its images are, and whatever is known of a time when it had opted in before."""
    run.opted_in("app")
    sandbox.repository("crown/jewels", tags={"BoxCleanerEnabled": "true"} if before != "never" else {})
    for number in range(5):
        sandbox.push("crown/jewels", id=f"jewel{number}", tags=[f"v{number}"], pushed="90d")
    assert night().gone == {}
    run.retag("crown/jewels", BoxCleanerEnabled=None)
    past.passes(days=30)
    assert night().gone == {}
    past.passes(days=1)
    run.retag("crown/jewels", BoxCleanerEnabled="true", BoxCleanerKeepDays="1")
    outcome = night()
    assert (outcome.gone, outcome.repositories["crown/jewels"]["in_grace"]) == ({}, 5)
    past.passes(days=1)
    assert len(night().gone["crown/jewels"]) == 5


def test_a_rule_that_keeps_less_removes_nothing_the_same_night(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """By the settings or by the repository's tag."""
    shop(run, sandbox)
    assert night(keep_days="400").gone == {}
    past.passes(days=1)
    assert night().gone == {}
    run.opted_in("tagged", BoxCleanerKeepDays="400")
    sandbox.push("tagged", id="tagged", tags=["v1"], pushed="90d")
    past.passes(days=1)
    assert night().gone == {"app": run.ids("old")}
    run.retag("tagged", BoxCleanerEnabled="true", BoxCleanerKeepDays="1")
    past.passes(days=1)
    assert night().gone == {}


def test_what_belongs_together_waits_for_its_last_part(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """A signature that was pushed later, and so is found unneeded later."""
    run.opted_in("app")
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64", "linux/arm64"], tags=["v1"], pushed="90d")
    assert night().told["totals"]["in_grace"] == 3
    past.passes(hours=12)
    sandbox.push("app", id="signature", kind="cosign", subject="index", pushed="1h")
    assert night().told["totals"]["in_grace"] == 4
    past.passes(hours=12)
    waiting = night()
    assert (waiting.gone, waiting.told["totals"]["in_grace"]) == ({}, 4)
    assert "it goes together with " in str(waiting.kept()[sandbox.digest("index")])
    past.passes(hours=10)
    assert len(night().gone["app"]) == 4


def test_what_a_refused_night_finds_needed_is_needed(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """By a rule, say, whoever else could not be asked."""
    run.opted_in("app")
    sandbox.push("app", id="release", tags=["stable"], pushed="90d")
    assert night().gone == {}
    past.passes(days=1)
    sandbox.inject(Fault(service="apprunner", operation="ListServices", kind="access_denied"))
    assert night(retention_rules=[{"repositories": ["*"], "tags": ["stable"], "keep": True}]).status == "refused"
    sandbox.clear_faults()
    assert night().gone == {}
    past.passes(days=1)
    assert night().gone == {"app": run.ids("release")}


def test_a_refused_night_neither_counts_nor_begins_anew(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Whoever could not be asked may use what seems unneeded."""
    shop(run, sandbox)
    denied = Fault(service="apprunner", operation="ListServices", kind="access_denied")
    sandbox.inject(denied)
    assert night().status == "refused"
    past.passes(days=2)
    sandbox.clear_faults()
    assert night().gone == {}
    past.passes(days=1)
    sandbox.inject(denied)
    assert night().status == "refused"
    sandbox.clear_faults()
    assert night().gone == {"app": run.ids("old")}


def test_a_plan_names_what_is_due_and_nothing_else(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """And what was needed since the plan was made is in grace when the plan is carried out."""
    shop(run, sandbox)
    approval = {"require_approval": True, "keep_recently_used_days": 0}
    first = night(**approval)
    assert (first.status, first.told["plan"]) == ("completed", None)
    past.passes(days=1)
    plan = night(**approval).told["plan"]
    assert plan["images"] == 1
    deploy(sandbox, "app:v1")
    assert night(**approval).told["plan"] is None
    deploy(sandbox, "app:v2")
    outcome = night(event={"schema_version": 1, "action": "apply", "plan": plan["id"]}, **approval)
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert outcome.told["plan"]["stays"] == {"in_grace": 1}
    (stay,) = outcome.told["plan"]["stays_shown"]
    assert "found unneeded since " in stay["detail"]


def test_archived_and_deleted_are_two_removals(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Each with a grace of its own."""
    shop(run, sandbox)
    archive = {"removal_mode": "archive", "delete_archived_after_days": 90}
    assert night(**archive).archived == {}
    past.passes(days=1)
    assert night(**archive).archived == {"app": run.ids("old")}
    past.passes(days=1)
    assert night(**archive).kept()[sandbox.digest("old")][0] == "archived"


def test_without_a_history_it_goes_at_once_and_every_run_says_so(run: Runner, sandbox: Sandbox) -> None:
    """There is nothing to know it by."""
    shop(run, sandbox)
    outcome = run(grace_days=30)
    assert outcome.gone == {"app": run.ids("old")}
    assert any("there is no grace" in note for note in outcome.told["notes"])


def test_it_can_be_turned_off(run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]) -> None:
    """And on again: then it begins anew."""
    shop(run, sandbox)
    assert night().gone == {}
    past.passes(days=1)
    assert night(grace_days=0, dry_run=True).told["totals"]["in_grace"] == 0
    assert night().gone == {}
    assert night(grace_days=0).gone == {"app": run.ids("old")}


def test_with_a_new_history_it_begins_anew(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Nobody knows of an earlier run."""
    shop(run, sandbox)
    assert night().gone == {}
    past.passes(days=9)
    past.write(MARKER, NEW)
    assert night().gone == {}
