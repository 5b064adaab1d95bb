"""Calls that are never answered, and that botocore really waits for; the fault matrix takes their end for granted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner.aws import client
from tests.integration import cells
from tests.integration.test_fault_matrix import failures

if TYPE_CHECKING:
    from tests.integration.cells import Cell, Stage
    from tests.integration.runner import Runner

PATIENCE_SECONDS: Final = 2


@pytest.fixture(autouse=True)
def _impatient(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    del run  # which sets it too
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 1)
    monkeypatch.setattr(client, "READ_TIMEOUT_SECONDS", PATIENCE_SECONDS)


def waited_for(run: Runner, stage: Stage, *, archiving: bool = False) -> Cell:
    """The first call of a stage, which is never answered."""
    made = cells.made(run, whole=stage in cells.OF_EVERYTHING, archiving=archiving)
    every = cells.every_cell(made, ["timeout"])
    return replace(next(cell for cell in every if cell.api.stage == stage), seconds=PATIENCE_SECONDS + 1)


@pytest.mark.parametrize("stage", cells.STAGES)
def test_a_call_that_is_never_answered_ends_the_run_as_its_contract_says(run: Runner, stage: Stage) -> None:
    """One of each stage: beyond botocore nobody can tell them from the matrix's."""
    assert not failures(run, [[waited_for(run, stage)]], whole=stage in cells.OF_EVERYTHING)


def test_archiving_that_is_never_answered_ends_as_its_contract_says(run: Runner) -> None:
    """Its effect is looked for before it is tried again."""
    assert not failures(run, [[waited_for(run, "removal", archiving=True)]], whole=False, archiving=True)


def test_an_answer_that_comes_at_the_second_try_makes_no_difference(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a connection that hangs once."""
    monkeypatch.setattr(client, "MAX_ATTEMPTS", 2)
    assert not failures(run, [[replace(waited_for(run, "registry"), times=1)]], whole=False, passing=True)
