"""Whatever goes wrong with any call of a run: nothing that is needed goes, and the run ends as its contract says.

The cells follow from the calls of a real run, see `cells`. Here a sample of them is run, which covers every call and,
for every stage, every kind of fault; all of them with ``ECR_CLEANER_FULL=1``, as ``make test-matrix`` does.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.aws import client
from ecr_cleaner.usage import catalog
from tests.integration import cells, contract, past
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.fake_aws.faults import Kind
    from tests.fake_aws.recorder import Call
    from tests.integration.cells import Cell, Stage
    from tests.integration.contract import Digests
    from tests.integration.runner import Outcome, Runner

FRESH_SECONDS: Final = 30
"""How long an account is used again: an inventory in it is almost as old as one may be."""

GROUP: Final = 1 if cells.FULL else 12
"""With how many calls of different sources something goes wrong in one run: each of them has to be told."""
GROUP_ABROAD: Final = 12
"""Likewise in another account, also where every cell is run: there are as many again as in the registry's own."""
OF_EACH_SORT: Final = ("access_denied", "lost_answer", "malformed", "timeout")
"""It has not happened, it has, it has and the answer is of no use, and nobody knows."""


def failures(
    run: Runner,
    chosen: Iterable[list[Cell]],
    *,
    whole: bool,
    passing: bool = False,
    archiving: bool = False,
) -> str:
    """Runs all cells, each group in a run of its own; returns what is not as it should be, all of it.

    Args:
        run: Runs.
        chosen: The groups.
        whole: Over every consumer.
        passing: Nothing of it may make a difference.
        archiving: Runs archive instead of delete.
    """
    found: list[str] = []
    unused: Digests | None = None
    since = 0.0
    for group in chosen:
        if unused is None or time.monotonic() - since > FRESH_SECONDS:
            run.sandbox.reset()
            unused, since = seed(run.sandbox, whole=whole), time.monotonic()
        past.forget_facts(run.sandbox)
        run.sandbox.clear_calls()
        for cell in group:
            cell.inject(run.sandbox)
        outcome = run(**(ARCHIVING if archiving else SETTINGS))
        run.sandbox.clear_faults()
        found += [f"{group[0]}: {problem}" for problem in contract.always(outcome, unused)]
        found += _problems(run, group, outcome, unused, passing=passing)
        if not all(contract.is_untouched(cell.api, outcome) for cell in group):
            unused = None
    return "\n".join(found)


def _problems(run: Runner, group: list[Cell], outcome: Outcome, unused: Digests, *, passing: bool) -> Iterator[str]:
    """What is not as the contracts of a group say, beside what holds whatever went wrong."""
    for cell in group:
        others = frozenset().union(*(contract.askers_of(one.api) for one in group if one is not cell))
        problems = (
            contract.completed(outcome, unused) if passing else contract.holds(cell, run, outcome, unused, others)
        )
        yield from (f"{cell}: {problem}" for problem in problems)


def test_the_account_makes_every_source_use_every_permission(run: Runner) -> None:
    """So that the matrix leaves out no call of a real run, and no permission is only a word."""
    asked = {api.action for api in cells.made(run, whole=True) if api.stage in cells.OF_EVERYTHING}
    # Lists stand for the account's clusters; those that are read have tests of their own.
    permissions = {permission for source in catalog.SOURCES for permission in source.permissions}
    assert asked == permissions - {"eks:DescribeCluster"}


@pytest.mark.parametrize("kind", cells.HARD if cells.FULL else [None])
@pytest.mark.parametrize("stage", cells.STAGES)
def test_a_call_that_fails_ends_the_run_as_its_contract_says(
    run: Runner, monkeypatch: pytest.MonkeyPatch, stage: Stage, kind: Kind | None
) -> None:
    """Every call, the last one alone, and the second page: half an answer is none."""
    whole = cells.FULL or stage in cells.OF_EVERYTHING
    every = cells.every_cell(cells.made(run, whole=whole), cells.HARD if kind is None else [kind])
    chosen = [cell for cell in every if cell.api.stage == stage]
    chosen = chosen if cells.FULL else cells.sample(chosen)
    assert chosen
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    groups = cells.of_different_sources(chosen, GROUP) if stage == "usage" else [[cell] for cell in chosen]
    assert not failures(run, groups, whole=whole)


@pytest.mark.parametrize("kind", cells.HARD if cells.FULL else OF_EACH_SORT)
@pytest.mark.parametrize("stage", ["own", "removal", "repository"] if cells.FULL else ["removal"])
def test_archiving_that_fails_ends_as_its_contract_says(
    run: Runner, monkeypatch: pytest.MonkeyPatch, stage: Stage, kind: Kind
) -> None:
    """As deletion does: what took effect is found by looking, the rest has failed, no other repository suffers."""
    every = cells.every_cell(cells.made(run, whole=False, archiving=True), [kind])
    chosen = [[cell] for cell in every if cell.api.stage == stage]
    assert chosen
    if stage == "removal":
        assert {cell.api.operation for (cell,) in chosen} == {"UpdateImageStorageClass"}
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    assert not failures(run, chosen, whole=False, archiving=True)


@pytest.mark.parametrize("kind", cells.ODD_PAGES)
def test_odd_pages_hide_nothing(run: Runner, kind: Kind) -> None:
    """AWS may answer with fewer items than asked for, or with none and a token; first at all listings at once."""
    every = [cell for cell in cells.every_cell(cells.made(run, whole=True), [kind]) if cell.api.is_paged]
    at_once = [cell for cell in every if cell.reach == "every call"]
    one_by_one = [[cell] for cell in every] if cells.FULL else []
    assert not failures(run, [at_once, *one_by_one], whole=True, passing=True)


@pytest.mark.parametrize("kind", cells.PASSING)
def test_what_passes_by_itself_is_tried_again(run: Runner, kind: Kind) -> None:
    """One failure that a second try mends does not fail the run; first one of every call at once."""
    every = [
        replace(cell, times=1)
        for cell in cells.every_cell(cells.made(run, whole=True), [kind])
        if cell.reach != "the second page"
    ]
    at_once = [cell for cell in every if cell.reach == "every call"]
    one_by_one = [[cell] for cell in every] if cells.FULL else []
    assert not failures(run, [at_once, *one_by_one], whole=True, passing=True)


@pytest.mark.parametrize("kind", cells.PASSING)
def test_archiving_is_tried_again_as_well(run: Runner, kind: Kind) -> None:
    """The first call and the last one."""
    every = cells.every_cell(cells.made(run, whole=False, archiving=True), [kind])
    chosen = [[replace(cell, times=1)] for cell in every if cell.api.stage == "removal"]
    assert len(chosen) == 2
    assert not failures(run, chosen, whole=False, passing=True, archiving=True)


@pytest.mark.parametrize("kind", cells.HARD if cells.FULL else [None])
def test_a_call_that_fails_in_another_region_stops_removal(
    run: Runner, monkeypatch: pytest.MonkeyPatch, kind: Kind | None
) -> None:
    """Nothing in the registry shows who pulls from there. Most of it is empty, and has no second page."""
    kinds = cells.HARD if kind is None else [kind]
    made = cells.every_cell(cells.made_elsewhere(run), kinds, ELSEWHERE)
    every = [cell for cell in made if cell.reach != "the second page"]
    chosen = every if cells.FULL else cells.sample(every)
    assert {cell.api.service for cell in chosen} >= {"ecs", "lambda", "eks", "batch"}
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    found: list[str] = []
    for group in cells.of_different_sources(chosen, GROUP):
        run.sandbox.reset()
        seed_elsewhere(run.sandbox)
        run.sandbox.clear_calls()
        for cell in group:
            cell.inject(run.sandbox)
        found += [f"{group[0]}: {problem}" for problem in contract.elsewhere(group, run, run(**TWO_REGIONS))]
        run.sandbox.clear_faults()
    assert not "\n".join(found)


@pytest.mark.parametrize("kind", cells.HARD if cells.FULL else [None])
def test_a_call_that_fails_in_another_account_keeps_what_it_may_pull(
    run: Runner, monkeypatch: pytest.MonkeyPatch, kind: Kind | None
) -> None:
    """Every call there, and those that find the account and let the function in; all the rest is cleaned."""
    kinds = cells.HARD if kind is None else [kind]
    made = cells.made_abroad(run)
    assert {api.service for api in made} >= {"account", "organizations", "sts", "ecs", "lambda", "batch", "sagemaker"}
    inside = {api: calls for api, calls in made.items() if api.service not in {"organizations", "sts"}}
    every = cells.every_cell(inside, kinds, account=ABROAD)
    every += cells.every_cell({api: made[api] for api in made.keys() - inside.keys()}, kinds)
    chosen = every if cells.FULL else cells.sample(every)
    before = [cell for cell in chosen if cell.api.stage == "accounts"]
    groups = [[cell] for cell in before]
    groups += cells.of_different_sources([cell for cell in chosen if cell not in before], GROUP_ABROAD)
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    found: list[str] = []
    for group in groups:
        run.sandbox.reset()
        unused = seed_abroad(run.sandbox)
        for cell in group:
            cell.inject(run.sandbox)
        outcome = run(**TWO_ACCOUNTS)
        run.sandbox.clear_faults()
        problems = [*contract.always(outcome, unused), *contract.abroad(group, outcome, unused)]
        found += [f"{group[0]}: {problem}" for problem in problems]
    assert not "\n".join(found)


@pytest.mark.parametrize("kind", cells.ODD_PAGES)
def test_odd_pages_hide_nothing_in_another_account(run: Runner, kind: Kind) -> None:
    """Nor does a list of accounts whose first page is empty: all of its listings at once."""
    made = cells.made_abroad(run)
    run.sandbox.reset()
    unused = seed_abroad(run.sandbox)
    for cell in cells.every_cell(made, [kind]):
        if cell.api.is_paged and cell.reach == "every call":
            cell.inject(run.sandbox)
    outcome = run(**TWO_ACCOUNTS)
    run.sandbox.clear_faults()
    assert not list(contract.completed(outcome, unused))


@pytest.mark.parametrize("what", ["the session expires", "the account closes", "the role goes"])
def test_what_happens_to_an_account_in_mid_run_keeps_what_it_may_pull(run: Runner, what: str) -> None:
    """After its first answers; a role that goes leaves its sessions, as AWS lets them until they expire."""
    run.sandbox.reset()
    unused = seed_abroad(run.sandbox)
    happens: dict[str, Callable[[], object]] = {
        "the session expires": lambda: run.sandbox.accounts.identities.end(ABROAD),
        "the account closes": lambda: run.sandbox.account(ABROAD, state="CLOSED"),
        "the role goes": lambda: run.sandbox.accounts.remove_role(ABROAD),
    }

    def meanwhile(call: Call) -> None:
        if call.account == ABROAD:
            happens[what]()

    run.sandbox.after("ecs", "*", meanwhile, lasting=True)
    outcome = run(**TWO_ACCOUNTS)
    run.sandbox.clear_callbacks()
    assert not list(contract.always(outcome, unused))
    if what == "the role goes":
        assert (outcome.status, outcome.went) == ("completed", unused)
    else:
        assert not list(contract.abroad([], outcome, unused))


def test_every_failed_source_is_named_at_once(run: Runner) -> None:
    """A person mends all of them before the next night."""
    recorded = cells.made(run, whole=True)
    run.sandbox.reset()
    seed(run.sandbox)
    for api in recorded:
        if api.stage == "usage":
            cells.Cell(api, "access_denied", "every call", 1).inject(run.sandbox)
    outcome = run(**SETTINGS)
    assert (outcome.status, outcome.gone) == ("refused", {})
    for source in catalog.SOURCES:
        failed = outcome.sources[source.name]["outcome"] == "failed"
        assert failed is bool(source.permissions), source.name
        assert bool(re.search(rf"source {source.name}\b", outcome.causes)) is failed
