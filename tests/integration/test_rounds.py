"""A night in several invocations: what its states leave to each other, and when another round goes on."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.clock import utc_now
from tests.builders import ACCOUNT
from tests.fake_aws import Fault
from tests.integration.rounds import NIGHT, Rounds
from tests.integration.runner import Context
from tests.integration.test_deadline import late

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

ELSEWHERE: Final = "eu-west-1"


@pytest.fixture
def rounds(run: Runner, past: Past) -> Callable[..., Rounds]:
    """Makes a night."""

    def make(**told: Any) -> Rounds:
        return Rounds(run, past, {"max_usage_drop_percent": None} | told)

    return make


@pytest.fixture
def two_regions(run: Runner, sandbox: Sandbox) -> Sandbox:
    """An image that runs in another region, and one that runs nowhere."""
    run.opted_in("app")
    for name in ("used", "unused"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    service = {"task_definition": "app:1", "revisions": [{"task_definition": "app:1", "digests": {"app": "{used}"}}]}
    ecs = {
        "task_definitions": {"app:1": {"image": "{home}/app:used"}},
        "clusters": {"prod": {"services": {"app": service}}},
    }
    sandbox.seed({"regions": {ELSEWHERE: "ENABLED_BY_DEFAULT"}})
    sandbox.seed({"region": ELSEWHERE, "ecs": ecs})
    return sandbox


REGIONS: Final = {"regions": ["us-east-1", ELSEWHERE]}


@pytest.mark.usefixtures("two_regions")
def test_a_child_that_runs_out_of_time_says_so(sandbox: Sandbox, rounds: Callable[..., Rounds]) -> None:
    """What it read is kept, so the night goes on with another round."""
    night = rounds(**REGIONS)
    begun = night.targets()
    night.invoke("scan", round=1, account_id=ACCOUNT, region="us-east-1")
    context = late(sandbox, "ecs", "ListClusters")
    assert night.invoke("scan", context, round=1, account_id=ACCOUNT, region=ELSEWHERE).result is not None
    outcome = night.finish(begun)
    assert (outcome.status, outcome.gone) == ("continued", {})


def damaged(body: bytes) -> bytes:
    """One byte of it is another one."""
    return body[:40] + bytes([body[40] ^ 1]) + body[41:]


@pytest.mark.usefixtures("two_regions")
@pytest.mark.parametrize("spoil", [damaged, lambda body: body[:-9], lambda _: b"", lambda _: gzip.compress(b"{}")])
def test_a_scan_that_is_damaged_is_none(
    past: Past, rounds: Callable[..., Rounds], spoil: Callable[[bytes], bytes]
) -> None:
    """It might hide a usage."""
    night = rounds(**REGIONS)
    begun = night.targets()
    night.scans(begun)
    key = past.key(f"{ELSEWHERE}.json.gz")
    past.write(key, spoil(past.read(key)))
    outcome = night.finish(begun)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"the scan of 123456789012/{ELSEWHERE} cannot be read" in outcome.causes


@pytest.mark.usefixtures("two_regions")
def test_a_scan_of_another_target_run_or_time_is_none(past: Past, rounds: Callable[..., Rounds]) -> None:
    """Whoever put it there."""
    night = rounds(**REGIONS)
    begun = night.targets()
    night.scans(begun)
    home, other = past.key("us-east-1.json.gz"), past.key(f"{ELSEWHERE}.json.gz")
    past.write(other, past.read(home))
    assert night.finish(begun).status == "refused"
    former = past.read(home)
    again = rounds(**REGIONS)
    again.night = "night-2"
    begun = again.targets()
    again.scans(begun)
    past.write(home.replace(NIGHT, "night-2"), former)
    outcome = again.finish(begun)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"belongs to run {NIGHT}/1, not to night-2/1" in outcome.causes


@pytest.mark.usefixtures("two_regions")
def test_scans_of_another_day_remove_nothing(run: Runner, rounds: Callable[..., Rounds]) -> None:
    """A person may let a failed execution go on days later, from the state that failed: another round scans anew."""
    night = rounds(**REGIONS)
    begun = night.targets()
    night.scans(begun)
    run.clock = lambda: utc_now() + timedelta(days=1)
    outcome = night.finish(begun)
    assert (outcome.status, outcome.gone) == ("continued", {})
    assert night.whole().gone == {"app": run.ids("unused")}


@pytest.mark.usefixtures("two_regions")
def test_other_settings_between_two_invocations_remove_nothing(rounds: Callable[..., Rounds]) -> None:
    """What was left out by the former ones may be in use."""
    night = rounds(**REGIONS)
    begun = night.targets()
    night.scans(begun)
    night.told = {**night.told, "protected_images": ["app:unused"]}
    outcome = night.finish(begun)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "was given other settings" in outcome.causes


def test_an_invocation_of_no_night_does_nothing(run: Runner, rounds: Callable[..., Rounds]) -> None:
    """Nor one of a round that is over, of a target that nobody demands, or without a bucket."""
    run.opted_in("app")
    run.sandbox.push("app", id="unused", tags=["v1"], pushed="90d")
    night = rounds()
    assert "does not exist or may not be read" in night.invoke("finish", round=1, request={}).causes
    begun = night.targets()
    stranger = night.invoke("scan", round=1, account_id="999999999999", region="us-east-1")
    assert "demands no scan of 999999999999/us-east-1" in stranger.causes
    assert night.invoke("finish", round=2, request={}).status == "failed"
    night.scans(begun)
    assert night.finish(begun).status == "completed"
    ended = night.invoke("finish", round=1, request={})
    assert "is over" in ended.causes
    assert "the night night-1 is over" in night.invoke("targets", request={}).causes
    event = {"schema_version": 1, "action": "targets", "night": NIGHT, "request": {}}
    assert "need a bucket between them" in run(event=event).causes


# What one invocation leaves to the next


def fill(run: Runner, sandbox: Sandbox, repositories: int) -> None:
    """Repositories with two old images each."""
    for number in range(repositories):
        run.opted_in(f"r{number}")
        for tag in ("a", "b"):
            sandbox.push(f"r{number}", id=f"{tag}{number}", tags=[tag], pushed="90d")


class Short(Rounds):
    """Its last states have little time."""

    def finish(self, begun: Mapping[str, Any]) -> Outcome:
        """Each deletion takes so long that there is time for two; a minute later the next round begins."""
        context, later = Context(seconds=120), timedelta(minutes=len(self.ended) + 1)

        def spend(_: object) -> None:
            context.seconds -= 16

        self.run.workers = 1
        self.run.sandbox.clear_callbacks()
        self.run.sandbox.after("ecr", "BatchDeleteImage", spend, lasting=True)
        outcome = self.invoke("finish", context=context, round=begun["round"], request=dict(self.request))
        self.run.clock = lambda: utc_now() + later
        self.ended.append(outcome)
        return outcome


@pytest.fixture
def short(run: Runner, past: Past) -> Callable[..., Short]:
    """Makes a night in which no round has time for everything."""
    return lambda **told: Short(run, past, {"max_usage_drop_percent": None} | told)


def test_a_round_goes_on_with_what_the_last_one_left(
    run: Runner, sandbox: Sandbox, short: Callable[..., Short]
) -> None:
    """Until nothing is left; nobody is woken by those before."""
    fill(run, sandbox, 6)
    night = short(max_continuations=8)
    outcome = night.whole()
    statuses = [one.status for one in night.ended]
    assert statuses == ["continued"] * (len(statuses) - 1) + ["completed"]
    assert len(statuses) > 2
    assert not any(sandbox.images(f"r{number}") for number in range(6))
    assert any("went in its former rounds" in note for note in outcome.told["notes"])


def test_a_night_has_no_more_rounds_than_it_may(run: Runner, sandbox: Sandbox, short: Callable[..., Short]) -> None:
    """The last one says so, and the next night begins with what is left."""
    fill(run, sandbox, 9)
    night = short(max_continuations=1)
    outcome = night.whole()
    assert [one.status for one in night.ended] == ["continued", "incomplete"]
    assert any("max_continuations = 1 allows no more rounds" in note for note in outcome.told["notes"])
    assert any(sandbox.images(f"r{number}") for number in range(9))


def test_limits_hold_for_the_night(run: Runner, sandbox: Sandbox, short: Callable[..., Short]) -> None:
    """Not for each of its rounds."""
    fill(run, sandbox, 6)
    night = short(max_continuations=8, max_removals_per_run=7)
    night.whole()
    assert len(night.ended) > 1
    assert sum(len(gone) for one in night.ended for gone in one.gone.values()) == 7


def test_so_they_do_if_a_round_is_ended_twice(run: Runner, sandbox: Sandbox, short: Callable[..., Short]) -> None:
    """What went by the first invocation is known to the second one."""
    fill(run, sandbox, 6)
    night = short(max_continuations=8, max_removals_per_run=7)
    begun = night.targets()
    night.scans(begun)
    assert [night.finish(begun).status for _ in range(2)] == ["continued", "continued"]
    night.whole()
    assert sum(len(gone) for one in night.ended for gone in one.gone.values()) == 7


def test_what_went_wrong_in_a_former_round_is_told_by_the_last(
    run: Runner, sandbox: Sandbox, short: Callable[..., Short]
) -> None:
    """For that is the one that people hear of."""
    fill(run, sandbox, 4)
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="access_denied", times=1))
    outcome = short(max_continuations=8).whole()
    assert outcome.status == "failed"
    assert "images could not be removed" in outcome.causes
