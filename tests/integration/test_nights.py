"""A night of the state machine, executed by an engine around the real function, decides as one invocation does."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import RunFailedError
from tests.integration import accounts, cells
from tests.integration.fault_account import ABROAD, ELSEWHERE, LOCK_TABLE, make_lock_table
from tests.integration.generated import Generated
from tests.integration.runner import Context
from tests.integration.test_facts import is_put, kept, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.machine import Machine
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

    Function = Callable[[dict[str, Any]], Any]
    How = Callable[[Function, dict[str, Any]], Any]

HOME: Final = ("123456789012", "us-east-1")
OWN: Final = ("123456789012", ELSEWHERE)
FOREIGN: Final = (ABROAD, "us-east-1")


@pytest.fixture
def both(run: Runner, sandbox: Sandbox, past: Past, machine: Machine) -> Callable[[], tuple[Outcome, Outcome]]:
    """A dry run of one invocation and one of the state machine, by the same clock and the same history."""

    def go() -> tuple[Outcome, Outcome]:
        now, before = utc_now(), kept(sandbox)
        run.clock = lambda: now
        told: dict[str, Any] = {
            "dry_run": True,
            "max_usage_drop_percent": None,
            "storage": past.place | {"history": True, "journal": True},
        }
        single = run(**told)
        is_put(sandbox, before)
        return single, run(start=machine, **told)

    return go


@pytest.mark.parametrize("seed", range(60 if cells.FULL else 3))
def test_the_plan_is_that_of_a_single_invocation(
    sandbox: Sandbox, both: Callable[[], tuple[Outcome, Outcome]], seed: int
) -> None:
    """Byte for byte, in any account."""
    Generated.of(sandbox, seed)
    single, several = both()
    assert plan(several) == plan(single)


def test_so_it_is_of_the_account_that_uses_everything(
    sandbox: Sandbox, both: Callable[[], tuple[Outcome, Outcome]]
) -> None:
    """Each kind of consumer is written down and read again."""
    accounts.seed(sandbox)
    single, several = both()
    assert single.kept()
    assert plan(several) == plan(single)


@pytest.fixture
def registry(run: Runner, past: Past) -> dict[str, Any]:
    """As `seeded`."""
    return seeded(run, past)


def seeded(run: Runner, past: Past) -> dict[str, Any]:
    """Images that are used in another region and in another account, each beside one that is not; returns settings."""
    sandbox = run.sandbox
    sandbox.seed({"organization": {"delegates": ["123456789012"]}, "accounts": {ABROAD: {"reader": True}}})
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    statement = {"Effect": "Allow", "Principal": {"AWS": ABROAD}, "Action": actions}
    opted_in = {"BoxCleanerEnabled": "true"}
    sandbox.repository("shared", tags=opted_in, policy={"Version": "2012-10-17", "Statement": [statement]})
    run.opted_in("app")
    for name in ("app", "shared"):
        sandbox.push(name, id=f"{name}-used", tags=["used"], pushed="90d")
        sandbox.push(name, id=f"{name}-unused", tags=["unused"], pushed="90d")
    sandbox.seed({"regions": {ELSEWHERE: "ENABLED_BY_DEFAULT"}})
    sandbox.seed({"region": ELSEWHERE, "ecs": running("{home}/app:used", "{app-used}")})
    sandbox.seed({"ecs": running("{home}/shared:used", "{shared-used}")}, account=ABROAD)
    make_lock_table(sandbox)
    regions = {"regions": ["us-east-1", ELSEWHERE], "organization": True}
    return {**regions, "lock_table": LOCK_TABLE, "storage": past.place | {"history": True, "journal": True}}


def running(image: str, digest: str) -> dict[str, Any]:
    """A service."""
    revision = {"task_definition": "one:1", "digests": {"one": digest}}
    service = {"task_definition": "one:1", "revisions": [revision]}
    return {"task_definitions": {"one:1": {"image": image}}, "clusters": {"prod": {"services": {"one": service}}}}


def unneeded(run: Runner, *names: str) -> dict[str, set[str]]:
    """What may go of some repositories."""
    return {name: run.ids(f"{name}-unused") for name in names}


def where(payload: dict[str, Any]) -> tuple[str, str]:
    """The target of a scan; of nothing else."""
    return payload.get("account_id", ""), payload.get("region", "")


def breaks(_: Function, payload: dict[str, Any]) -> Any:
    """It ends before it has begun."""
    raise MemoryError(payload["action"])


def is_lost(function: Function, payload: dict[str, Any]) -> Any:
    """It does everything, and Lambda loses the answer."""
    function(payload)
    raise ConnectionError(payload["action"])


def is_missing(_: Function, __: dict[str, Any]) -> Any:
    """It answers, and has done nothing."""
    return {}


def is_doubled(function: Function, payload: dict[str, Any]) -> Any:
    """It is invoked twice; the second answer is the one."""
    function(payload)
    return function(payload)


def is_doubled_at_once(function: Function, payload: dict[str, Any]) -> Any:
    """It is invoked twice at the same time."""
    with ThreadPoolExecutor(2) as pool:
        answer, _ = pool.map(function, [payload, payload])
    return answer


def disturb(machine: Machine, how: How, *targets: tuple[str, str]) -> None:
    """Let something happen to the scans of some targets."""
    function = machine.function

    def disturbed(payload: dict[str, Any]) -> Any:
        return how(function, payload) if where(payload) in targets else function(payload)

    machine.function = disturbed


@pytest.mark.parametrize("how", [is_doubled, is_doubled_at_once, is_lost])
def test_a_scan_that_is_written_counts_once(run: Runner, machine: Machine, registry: dict[str, Any], how: How) -> None:
    """However often it was made, and whatever became of the answer: what runs where it looked is kept."""
    disturb(machine, how, HOME, OWN, FOREIGN)
    outcome = run(start=machine, **registry)
    assert (outcome.status, outcome.gone) == ("completed", unneeded(run, "app", "shared"))


@pytest.mark.parametrize(("target", "how"), [(HOME, is_missing), (OWN, breaks)])
def test_without_a_scan_of_the_own_account_nothing_goes(
    run: Runner, machine: Machine, registry: dict[str, Any], target: tuple[str, str], how: How
) -> None:
    """And the target is named."""
    disturb(machine, how, target)
    outcome = run(start=machine, **registry)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"no scan of {'/'.join(target)} came back" in outcome.causes


@pytest.mark.parametrize("how", [breaks, is_missing])
def test_without_a_scan_of_another_account_what_it_may_pull_stays(
    run: Runner, machine: Machine, registry: dict[str, Any], how: How
) -> None:
    """All the rest is cleaned."""
    disturb(machine, how, FOREIGN)
    outcome = run(start=machine, **registry)
    assert (outcome.status, outcome.gone) == ("degraded", unneeded(run, "app"))
    assert outcome.repositories["shared"]["status"] == "skipped"
    assert f"account {ABROAD} was not looked at completely" in outcome.repositories["shared"]["detail"]


@pytest.mark.parametrize("target", [OWN, FOREIGN], ids="/".join)
def test_a_scan_that_is_late_changes_nothing(
    run: Runner, machine: Machine, registry: dict[str, Any], target: tuple[str, str]
) -> None:
    """Neither for its night, which is over, nor for the next one."""
    function, late = machine.function, list[dict[str, Any]]()
    disturb(machine, lambda _, payload: late.append(payload), target)
    first = run(start=machine, **registry)
    assert (first.status, first.gone) == (("refused", {}) if target == OWN else ("degraded", unneeded(run, "app")))
    machine.function = function
    assert run(start=lambda _: function(late[0]), **registry).result is not None
    second = run(start=machine, **registry)
    assert second.status == "completed"
    assert first.gone | second.gone == unneeded(run, "app", "shared")


def test_a_state_that_is_entered_twice_removes_nothing_that_is_needed(
    run: Runner, machine: Machine, registry: dict[str, Any]
) -> None:
    """Of a round that is over nothing is left to do, and one that was begun twice is the later one."""
    function = machine.function

    def twice(action: str, answer: int) -> Function:
        def invoked(payload: dict[str, Any]) -> Any:
            return [function(payload), function(payload)][answer] if payload["action"] == action else function(payload)

        return invoked

    machine.function = twice("targets", 0)
    outcome = run(start=machine, **registry)
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert "round 1 of the night night-1 is to be ended, which is in round 2" in outcome.causes
    machine.function = twice("finish", 0)
    outcome = run(start=machine, **registry)
    assert (outcome.status, outcome.gone) == ("failed", unneeded(run, "app", "shared"))
    assert "is over" in outcome.causes
    machine.function = twice("targets", 1)
    outcome = run(start=machine, **registry)
    assert (outcome.status, outcome.gone) == ("completed", {})


def test_two_nights_at_once_remove_nothing_that_is_needed(
    run: Runner, machine: Machine, registry: dict[str, Any]
) -> None:
    """State by state in turn: the one that removes first leaves nothing to the other."""

    def both(event: object) -> dict[str, Any]:
        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(machine.run, [event, event]))
        assert [one.output["status"] for one in ended] == ["completed", "completed"]
        return {"status": "completed"}

    assert run(start=both, **registry).gone == unneeded(run, "app", "shared")


def test_of_two_nights_one_removes_at_a_time(
    run: Runner, machine: Machine, registry: dict[str, Any], sandbox: Sandbox, past: Past
) -> None:
    """The lock tells the other one."""
    told: list[RunFailedError] = []

    def another(_: object) -> None:
        def invoke(action: str, **more: Any) -> dict[str, Any]:
            event = {"schema_version": 1, "action": action, "night": "another"} | more
            return run.invoke(event, Context(str(uuid.uuid4())))

        begun = invoke("targets", request={})
        for item in json.loads(past.read(begun["items_key"])):
            run.invoke(item, Context())
        with pytest.raises(RunFailedError) as raised:
            invoke("finish", round=1, request={})
        told.append(raised.value)

    sandbox.before("ecr", "BatchDeleteImage", another)
    outcome = run(start=machine, **registry)
    assert (outcome.status, outcome.gone) == ("completed", unneeded(run, "app", "shared"))
    (failed,) = told
    assert failed.status == "refused"
    assert "another run is under way" in str(failed)
