"""Whatever somebody else does in the middle of a run: nothing that is needed goes.

It happens between any two calls of a real run, see `meanwhile`. Here a sample is run; everything at every moment with
``ECR_CLEANER_FULL=1``, as ``make test-matrix`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration import cells, meanwhile
from tests.integration.fault_account import ARCHIVING, SETTINGS, seed
from tests.integration.meanwhile import Moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fake_aws import Sandbox
    from tests.integration.meanwhile import Event
    from tests.integration.runner import Runner


def failures(
    run: Runner,
    event: type[Event],
    moments: Iterable[Moment],
    settings: dict[str, Any],
    *,
    whole: bool,
) -> str:
    """Lets it happen at every moment, each in a run of its own; returns what is not as it should be, all of it."""
    found: list[str] = []
    for moment in moments:
        run.sandbox.reset()
        unused = seed(run.sandbox, whole=whole)
        happening = event(run)
        moment.wait(run.sandbox, happening)
        outcome = run(**settings)
        run.sandbox.clear_callbacks()
        problems = list(happening.problems(outcome, unused))
        if not happening.calls:
            problems.append("it did not happen")
        found += [f"{event.__name__} {moment}: {problem}" for problem in problems]
    return "\n".join(found)


@pytest.mark.parametrize("event", meanwhile.EVENTS, ids=lambda event: event.__name__)
def test_what_happens_in_the_middle_of_a_run_costs_nothing(run: Runner, event: type[Event]) -> None:
    """Just before the first and just after the last of any calls of a run."""
    every = [
        Moment(api, edge, calls) for api, calls in cells.made(run, whole=cells.FULL).items() for edge in meanwhile.EDGES
    ]
    moments = every if cells.FULL else meanwhile.sample(every, event.__name__)
    assert not failures(run, event, moments, SETTINGS, whole=cells.FULL)


@pytest.mark.parametrize("event", meanwhile.EVENTS, ids=lambda event: event.__name__)
def test_what_happens_while_it_archives_costs_nothing(run: Runner, event: type[Event]) -> None:
    """Around the calls that archive, and around the looks before them."""
    recorded = cells.made(run, whole=False, archiving=True)
    apis = [api for api in recorded if api.operation in {"DescribeImages", "UpdateImageStorageClass"}]
    assert len(apis) == 2
    every = [Moment(api, edge, recorded[api]) for api in apis for edge in meanwhile.EDGES]
    moments = every if cells.FULL else meanwhile.sample(every, event.__name__)
    assert not failures(run, event, moments, ARCHIVING, whole=False)


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_a_day_wrong_costs_nothing_that_is_needed(run: Runner, sandbox: Sandbox, days: int) -> None:
    """An image may go a day too early or too late, and only one that nothing needs."""
    meanwhile.Clock(run).shift(days)
    run.opted_in("app")
    for name, age in (("used", "90d"), ("old", "90d"), ("almost", "30d-12h"), ("just", "30d+12h")):
        sandbox.push("app", id=name, tags=[name], pushed=age)
    sandbox.seed({"lambda": {"functions": {"f": {"versions": {"$LATEST": {"image": "{registry}/app:used"}}}}}})
    outcome = run()
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("old", "just", "almost") if days > 0 else run.ids("old")}
