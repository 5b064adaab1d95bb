"""What every source answered for, and nobody should believe: too many removals, too few usages."""

from __future__ import annotations

import json
import re
import shlex
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_aws import Fault
from tests.fake_aws.codebuild import CodeBuild
from tests.fake_aws.ecs_state import Ecs
from tests.fake_aws.lambda_state import Functions
from tests.integration.meanwhile import Clock
from tests.integration.past import by_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner


def crowd(run: Runner, sandbox: Sandbox, name: str, old: int, young: int) -> set[str]:
    """An opted-in repository; returns the digests of its old images."""
    run.opted_in(name)
    for number in range(old):
        sandbox.push(name, id=f"{name}-old-{number}", tags=[f"old-{number}"], pushed="90d")
    for number in range(young):
        sandbox.push(name, id=f"{name}-young-{number}", tags=[f"young-{number}"], pushed="2d")
    return run.ids(*(f"{name}-old-{number}" for number in range(old)))


# Limits


def test_a_repository_over_its_percentage_keeps_everything(run: Runner, sandbox: Sandbox) -> None:
    """The others are cleaned, what would go is named, and the run fails; a dry run says so beforehand."""
    limit: dict[str, Any] = {"max_removal_percent_per_repository": 50}
    over = crowd(run, sandbox, "over", old=6, young=4)
    within = crowd(run, sandbox, "within", old=5, young=5)
    dry = run(dry_run=True, **limit)
    assert (dry.status, dry.gone) == ("failed", {})
    assert dry.named("Found unused image, should be removed") == over | within
    real = run(**limit)
    assert (real.status, real.gone) == ("failed", {"within": within})
    assert real.causes == dry.causes
    assert real.causes.startswith("repository over: 6 of 10 images would be removed, more than max_removal_percent")
    assert real.named("Kept unused image because a limit is exceeded") == over
    assert real.repositories["over"]["status"] == "over_limit"
    assert (real.repositories["over"]["removable"], real.repositories["over"]["removed"]) == (6, 0)


def test_a_run_over_its_percentage_removes_nothing(run: Runner, sandbox: Sandbox) -> None:
    """Anywhere; one image less and it goes through."""
    limit: dict[str, Any] = {"max_removal_percent_per_run": 54}
    old = crowd(run, sandbox, "one", old=6, young=4) | crowd(run, sandbox, "two", old=5, young=5)
    dry = run(dry_run=True, **limit)
    real = run(**limit)
    assert dry.status == real.status == "refused"
    assert (dry.gone, real.gone) == ({}, {})
    assert real.causes == dry.causes
    assert real.causes.startswith("all repositories together: 11 of 20 images would be removed, more than max_removal")
    assert real.named("Kept unused image because a limit is exceeded") == old
    sandbox.remove("two", sandbox.digest("two-old-0"))
    sandbox.push("two", tags=["another"], pushed="1d")
    assert sum(len(gone) for gone in run(**limit).gone.values()) == 10


def signed(sandbox: Sandbox, name: str, pushed: str) -> list[str]:
    """A multi-architecture image with a young signature: four images that go together."""
    sandbox.push("app", id=name, kind="index", platforms=["linux/amd64", "linux/arm64"], tags=[name], pushed=pushed)
    sandbox.push("app", id=f"{name}-signature", kind="cosign", subject=name, pushed="2d")
    return [name, f"{name}/linux/amd64", f"{name}/linux/arm64", f"{name}-signature"]


def test_a_backlog_goes_over_several_nights(run: Runner, sandbox: Sandbox) -> None:
    """The oldest first, each image with what belongs to it, and what waits is told; none of the nights fails."""
    run.opted_in("app")
    run.opted_in("web")
    first, second = signed(sandbox, "first", "90d"), signed(sandbox, "second", "80d")
    sandbox.push("web", id="oldest", tags=["v1"], pushed="100d")
    sandbox.push("web", id="youngest", tags=["v2"], pushed="50d")
    limit: dict[str, Any] = {"max_removals_per_run": 6}
    dry = run(dry_run=True, **limit)
    assert len(dry.named("Found unused image, should be removed")) == 10
    nights = [run(**limit) for _ in range(3)]
    assert [night.status for night in (dry, *nights)] == ["completed"] * 4
    assert nights[0].gone == {"app": run.ids(*first), "web": run.ids("oldest")}
    assert nights[1].gone == {"app": run.ids(*second), "web": run.ids("youngest")}
    assert nights[2].gone == {}
    waits = run.ids(*second, "youngest")
    assert nights[0].named("Unused image waits for a later run because of a limit") == waits
    assert nights[0].told["totals"]["limited"] == len(waits) == 5
    for night in (dry, nights[0]):
        (finding,) = night.found("removals_limited").values()
        assert (finding["severity"], finding["subject"]) == ("info", "registry")
        assert finding["detail"] == (
            "5 unused images wait for later runs, the oldest go first: max_removals_per_run = 6"
        )
    assert not nights[1].found("removals_limited")


def test_a_group_larger_than_the_limit_waits_for_a_person(run: Runner, sandbox: Sandbox) -> None:
    """It is told every night, with the limit that would let it go; the others go."""
    run.opted_in("app")
    large = signed(sandbox, "large", "90d")
    sandbox.push("app", id="small", tags=["small"], pushed="50d")
    night = run(max_removals_per_repository=3)
    assert (night.status, night.gone) == ("completed", {"app": run.ids("small")})
    (finding,) = night.found("removals_limited").values()
    assert (finding["severity"], finding["subject"]) == ("warning", "app:large")
    assert "4 images go together, which max_removals_per_repository = 3 never allows: 4 would" in finding["detail"]
    assert run(max_removals_per_repository=4).gone == {"app": run.ids(*large)}


def test_limits_hold_when_usages_are_collected_again_in_the_middle(run: Runner, sandbox: Sandbox) -> None:
    """What went already counts; what became old meanwhile is younger, and waits."""
    old = crowd(run, sandbox, "app", old=150, young=50)
    clock = Clock(run)

    def age_more(_: object) -> None:
        clock.shift(1)
        for number in range(10):
            sandbox.push("app", id=f"late-{number}", tags=[f"late-{number}"], pushed="89d")

    sandbox.after("ecr", "BatchDeleteImage", age_more)
    outcome = run(max_removals_per_repository=155)
    assert outcome.gone["app"] == old
    assert outcome.repositories["app"]["removals"] == {"removed": 155, "limited": 5}
    assert outcome.status == "completed"


def test_a_percentage_rings_when_usages_are_collected_again_in_the_middle(run: Runner, sandbox: Sandbox) -> None:
    """What went already counts."""
    old = crowd(run, sandbox, "app", old=150, young=50)
    clock = Clock(run)

    def age_more(_: object) -> None:
        clock.shift(1)
        for number in range(10):
            sandbox.push("app", id=f"late-{number}", tags=[f"late-{number}"], pushed="90d")

    sandbox.after("ecr", "BatchDeleteImage", age_more)
    outcome = run(max_removal_percent_per_repository=75)
    assert len(outcome.gone["app"]) == 100
    assert outcome.gone["app"] < old
    limit = "max_removal_percent_per_repository = 75"
    assert f"160 of 210 images would be removed, more than {limit} allows" in outcome.causes
    assert outcome.status == "failed"


def test_a_run_without_limits_says_so(run: Runner, sandbox: Sandbox) -> None:
    """A dry run removes nothing and needs none."""
    crowd(run, sandbox, "app", old=3, young=0)
    assert not any("no limit" in note for note in run(dry_run=True).told["notes"])
    assert not any("no limit" in note for note in run(dry_run=True, max_removals_per_run=1000).told["notes"])
    assert any("no limit is set" in note for note in run().told["notes"])


# The tripwire


def services(sandbox: Sandbox, *names: str, elsewhere: bool = False) -> None:
    """App Runner services, each with an image of its own; or with one that lies in no private registry."""
    told = {
        name: {"image": "public.ecr.aws/docker/library/nginx:1", "type": "ECR_PUBLIC"}
        if elsewhere
        else {"image": f"{{registry}}/app:{name}"}
        for name in names
    }
    sandbox.seed({"apprunner": {"services": told}})


NAMES = tuple(ascii_lowercase[:20])
FELL = tuple(ascii_lowercase[2:14])
LEFT = tuple(name for name in NAMES if name not in FELL)


@pytest.fixture
def fallen(run: Runner, sandbox: Sandbox, night: Callable[..., Outcome]) -> Outcome:
    """An account whose twenty consumers were eight the next night; what they used is not kept for its past."""
    run.opted_in("app")
    for name in (*NAMES, "unused"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    services(sandbox, *NAMES)
    assert night().gone == {"app": run.ids("unused")}
    services(sandbox, *FELL, elsewhere=True)
    return night(keep_recently_used_days=0)


def payload(causes: str) -> Any:
    """The event of the command that the cause gives, as a shell would read it."""
    (command,) = re.findall(r"aws lambda invoke [^|]*", causes)
    words = shlex.split(command)
    return json.loads(words[words.index("--payload") + 1])


def test_a_fall_of_usages_removes_nothing_until_it_is_confirmed(
    run: Runner, past: Past, night: Callable[..., Outcome], fallen: Outcome
) -> None:
    """By the command that the cause gives; the next run goes on."""
    assert (fallen.status, fallen.gone) == ("refused", {})
    assert (
        "the number of images in use dropped by more than max_usage_drop_percent = 50 allows:"
        " apprunner in 123456789012/us-east-1 from 20 to 8"
    ) in fallen.causes
    assert fallen.named("Found image without known use, but the run is refused") == run.ids(*FELL)
    assert past.counts["apprunner"] == 20
    assert night(keep_recently_used_days=0).causes == fallen.causes, "night after night"
    confirmed = run(storage=past.place | {"history": True}, event=payload(fallen.causes))
    assert confirmed.result
    assert (confirmed.result["status"], by_source(confirmed.result["usages"])["apprunner"]) == ("confirmed", 8)
    assert confirmed.gone == {}
    after = night(keep_recently_used_days=0)
    assert (after.status, after.gone) == ("completed", {"app": run.ids(*FELL)})


def test_a_fall_that_nobody_confirmed_lets_no_days_pass(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], fallen: Outcome
) -> None:
    """What was not believed is not counted: the days of the rollback begin with the first night that is."""
    digest = sandbox.digest("c")
    assert "unused_since" not in past.content("app.json")["images"][digest]
    run(storage=past.place | {"history": True}, event=payload(fallen.causes))
    past.passes(days=30)
    assert night().kept()[digest][0] == "recently_in_use"
    assert "unused_since" in past.content("app.json")["images"][digest]
    past.passes(days=8)
    assert night().gone == {"app": run.ids(*FELL)}


def test_usages_that_are_back_need_no_word(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], fallen: Outcome
) -> None:
    """And the old word is not taken for another fall."""
    services(sandbox, *NAMES)
    assert night().status == "completed"
    outcome = run(storage=past.place | {"history": True}, event=payload(fallen.causes))
    assert outcome.status == "failed"
    assert "no drop in usages" in outcome.causes
    services(sandbox, *FELL, *LEFT, elsewhere=True)
    again = night()
    assert again.status == "refused"
    assert payload(again.causes) != payload(fallen.causes)


def test_a_confirmed_fall_may_not_go_on(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], fallen: Outcome
) -> None:
    """What was confirmed is the measure of the next fall."""
    run(storage=past.place | {"history": True}, event=payload(fallen.causes))
    services(sandbox, *LEFT, elsewhere=True)
    outcome = night()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "apprunner in 123456789012/us-east-1 from 8 to 0" in outcome.causes


def test_a_failed_source_does_not_move_the_measure(
    sandbox: Sandbox, past: Past, night: Callable[..., Outcome], fallen: Outcome
) -> None:
    """Nor does it take away what waits for confirmation."""
    assert fallen.status == "refused"
    before = past.content("state.json")
    sandbox.inject(Fault(service="apprunner", kind="access_denied"))
    assert night().status == "refused"
    sandbox.clear_faults()
    assert past.content("state.json") == before
    sandbox.inject(Fault(service="lambda", kind="access_denied"))
    assert night().status == "refused"
    assert past.content("state.json") == before


@pytest.mark.parametrize("settings", [{"max_usage_drop_percent": None}, {"max_usage_drop_percent": 60}])
def test_the_share_can_be_set(
    run: Runner, night: Callable[..., Outcome], fallen: Outcome, settings: dict[str, Any]
) -> None:
    """Or the comparison turned off; the cause names the setting."""
    assert fallen.status == "refused"
    assert night(keep_recently_used_days=0, **settings).gone == {"app": run.ids(*FELL)}


def test_an_excluded_source_is_not_compared(night: Callable[..., Outcome], fallen: Outcome) -> None:
    """A person took it out, and every run says so."""
    assert fallen.status == "refused"
    outcome = night(accepted_gaps={"source:apprunner": "known"}, dry_run=True)
    assert (outcome.status, outcome.causes) == ("completed", "")


@pytest.fixture
def busy(run: Runner, sandbox: Sandbox) -> None:
    """An account of ten services, and an image that nothing uses."""
    run.opted_in("app")
    for name in ("unused", *NAMES[:10]):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    services(sandbox, *NAMES[:10])


@pytest.mark.usefixtures("busy")
def test_the_only_consumer_of_a_kind_may_be_deleted(sandbox: Sandbox, night: Callable[..., Outcome]) -> None:
    """So may four images: a small number falls by any share in ordinary life."""
    images = {name: {"versions": {"$LATEST": {"image": "{registry}/app:" + name}}} for name in "abcd"}
    sandbox.seed({"lambda": {"functions": images}})
    assert night(dry_run=True).status == "completed"
    sandbox.state.store("us-east-1", Functions).versions.clear()
    assert night(dry_run=True).status == "completed"


@pytest.mark.usefixtures("busy")
def test_what_runs_may_end(sandbox: Sandbox, past: Past, night: Callable[..., Outcome]) -> None:
    """Nine builds last night and none tonight; that their project vanishes would be told by the project."""
    builds = [{"image": "{registry}/app:" + name, "started": "1h"} for name in NAMES[:9]]
    project = {"image": "aws/codebuild/standard:7.0", "builds": builds}
    sandbox.seed({"codebuild": {"projects": {"ci": project}}})
    assert night(dry_run=True).sources["codebuild"]["usages"] == 9
    assert past.counts["codebuild"] == 0
    for build in sandbox.state.store("us-east-1", CodeBuild).builds.values():
        build["buildComplete"] = True
    assert night(dry_run=True).status == "completed"


@pytest.mark.usefixtures("busy")
def test_what_a_person_names_in_the_settings_may_be_taken_out(night: Callable[..., Outcome], past: Past) -> None:
    """It is an input: no answer can be wrong about it."""
    assert night(dry_run=True, protected_images=[f"app:{name}" for name in NAMES[:10]]).status == "completed"
    assert "protected_images" not in past.counts
    assert night(dry_run=True, protected_images=[]).status == "completed"


@pytest.mark.usefixtures("busy")
def test_a_list_of_used_images_is_compared_with_itself(
    sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """A job that writes three names in place of fifty, beside a list that hides it in the sum."""
    place = {"used_images": {"bucket": "lists", "prefix": "in/use/", "max_age_hours": 24}, "dry_run": True}

    def write(job: str, number: int) -> None:
        names = [f"shop/{job}:v{one}" for one in range(number)]
        sandbox.seed({"s3": {"lists": {f"in/use/{job}.json": {"json": names}}}})

    write("small", 50)
    write("great", 500)
    assert night(**place).status == "completed"
    assert past.counts_of_parts == {"inventory in/use/great.json": 500, "inventory in/use/small.json": 50}
    write("small", 3)
    outcome = night(**place)
    assert outcome.status == "refused"
    assert "used_images_objects in 123456789012/us-east-1, inventory in/use/small.json from 50 to 3; " in outcome.causes
    write("small", 49)
    assert night(**place).status == "completed"
    sandbox.client("s3").delete_object(Bucket="lists", Key="in/use/small.json")
    assert night(**place).status == "completed", "its consumers are gone, and most of the rest is still there"
    assert past.counts_of_parts == {"inventory in/use/great.json": 500}


@pytest.mark.parametrize("running", [False, True])
def test_services_of_ecs_that_vanish_trip_it_whatever_still_runs(
    run: Runner, sandbox: Sandbox, night: Callable[..., Outcome], *, running: bool
) -> None:
    """What is configured counts, and tasks that run the same images hide nothing."""
    run.opted_in("app")
    names = NAMES[:10]
    for name in names:
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    definitions = {f"{name}:1": {"image": "{registry}/app:" + name, "status": "INACTIVE"} for name in names}
    tasks = [{"task_definition": f"{name}:1"} for name in names] if running else []
    services = {name: {"task_definition": f"{name}:1"} for name in names}
    sandbox.seed(
        {"ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": services, "tasks": tasks}}}}
    )
    assert night(dry_run=True).status == "completed"
    store = sandbox.state.store("us-east-1", Ecs)
    for things in (store.services, store.revisions, store.deployments):
        things.clear()
    outcome = night(dry_run=True)
    assert outcome.status == "refused"
    assert re.search(r"ecs in 123456789012/us-east-1 from \d+ to 0", outcome.causes)


def test_a_confirmation_without_a_history_fails(run: Runner) -> None:
    """There is nothing to confirm."""
    outcome = run(event={"schema_version": 1, "action": "confirm_usage_drop", "id": "0123456789ab"})
    assert outcome.status == "failed"
    assert "the history is off" in outcome.causes
