"""What was in use until yesterday stays for some days, and a past that cannot be trusted removes nothing."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from ecr_cleaner import schema as schema_module
from ecr_cleaner.history import model, schema
from ecr_cleaner.usage import catalog
from tests.integration import accounts
from tests.integration.past import MARKER, NEW
from tests.integration.runner import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

APP: Final = "repositories/app.json"
STATE: Final = "state.json"


def deploy(sandbox: Sandbox, image: str) -> None:
    """Let the one consumer there is run an image."""
    sandbox.seed({"apprunner": {"services": {"web": {"image": "{registry}/" + image}}}})


def shop(run: Runner, sandbox: Sandbox) -> None:
    """A repository with two old images, of which v1 is in use."""
    run.opted_in("app")
    sandbox.push("app", id="one", tags=["v1"], pushed="90d")
    sandbox.push("app", id="two", tags=["v2"], pushed="80d")
    deploy(sandbox, "app:v1")


def test_a_first_run_begins_a_history(run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]) -> None:
    """It says so. With a limit for all repositories nothing goes before there is an object for each one."""
    shop(run, sandbox)
    run.opted_in("empty/one")
    outcome = night(max_removals_per_run=99)
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"app": run.ids("two")}
    assert sorted(past.objects()) == ["marker.json", APP, "repositories/empty/one.json", STATE]
    assert past.content("marker.json")["state"] == "started"
    assert past.content(STATE)["repositories"] == ["app", "empty/one"]
    assert any("the history began" in note for note in outcome.told["notes"])
    seen = past.content(APP)["images"]
    assert seen[sandbox.digest("one")]["by"] == ["app runner service web"]
    assert seen[sandbox.digest("two")] == {"tags": ["v2"]}
    calls = [call.operation for call in sandbox.calls]
    assert max(n for n, name in enumerate(calls) if name == "PutObject") < calls.index("BatchDeleteImage")


def test_what_was_rolled_forward_may_be_rolled_back_for_some_days(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Then it goes."""
    shop(run, sandbox)
    assert night(dry_run=True).status == "completed"  # a dry run remembers too
    deploy(sandbox, "app:v2")
    past.passes(days=3)
    outcome = night()
    assert (outcome.status, outcome.gone) == ("completed", {})
    reason, evidence = outcome.kept()[sandbox.digest("one")]
    assert reason == "recently_in_use"
    assert evidence.startswith("app runner service web, last seen in use ")
    # From the first night without it.
    past.passes(days=6, hours=23)
    assert night().gone == {}
    past.passes(hours=2)
    assert night().gone == {"app": run.ids("one")}


def test_a_scaled_away_index_stays_whole(run: Runner, sandbox: Sandbox, night: Callable[..., Outcome]) -> None:
    """Its manifests and its signature, though nothing names them any more."""
    shop(run, sandbox)
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64", "linux/arm64"], tags=["v3"], pushed="90d")
    sandbox.push("app", id="signature", kind="cosign", subject="index", pushed="90d")
    deploy(sandbox, "app:v3")
    night(dry_run=True)
    deploy(sandbox, "app:v2")
    assert night().gone == {"app": run.ids("one")}
    # Without a history all of it goes.
    assert len(run().gone["app"]) == 4


def test_days_of_rollback_can_be_set(run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]) -> None:
    """Also to none, and the history goes on all the same."""
    shop(run, sandbox)
    night(dry_run=True)
    deploy(sandbox, "app:v2")
    past.passes(days=20)
    assert night(keep_recently_used_days=30).gone == {}
    assert night(keep_recently_used_days=0, dry_run=True).told["totals"]["removable"] == 1
    assert past.content(APP)["images"][sandbox.digest("one")]["by"] == ["app runner service web"]
    assert night(keep_recently_used_days=0).gone == {"app": run.ids("one")}


def test_a_tag_that_moved_keeps_its_last_image_for_some_days(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Nobody knows which of the two the consumer that names the tag was started with."""
    run.opted_in("app")
    for name in ("one", "two"):
        sandbox.push("app", id=name, tags=[name], pushed="90d")
    sandbox.tag("app", sandbox.digest("one"), "live")
    deploy(sandbox, "app:other")
    assert night(dry_run=True).told["totals"]["removable"] == 2
    past.passes(days=30)
    sandbox.tag("app", sandbox.digest("two"), "live")
    deploy(sandbox, "app:live")
    outcome = night()
    assert outcome.gone == {}
    reason, evidence = outcome.kept()[sandbox.digest("one")]
    assert reason == "recently_in_use"
    assert evidence.startswith("app runner service web, by the tag live: it had this tag until ")
    past.passes(days=8)
    assert night().gone == {"app": run.ids("one")}


def test_every_run_asks_so_that_no_day_is_missing(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Also if nothing is old."""
    run.opted_in("app")
    sandbox.push("app", id="young", tags=["v1"], pushed="1d")
    deploy(sandbox, "app:v1")
    assert night().sources["apprunner"]["usages"] == 1
    assert past.content(APP)["images"][sandbox.digest("young")]["last_in_use"]


def test_without_a_bucket_it_works_and_says_so(run: Runner, sandbox: Sandbox) -> None:
    """The history is off."""
    shop(run, sandbox)
    sandbox.clear_calls()
    outcome = run()
    assert outcome.gone == {"app": run.ids("two")}
    assert any("the history is off" in note for note in outcome.told["notes"])
    assert not run.asked("s3")


# A past that cannot be trusted


def half(body: bytes) -> bytes:
    """The beginning of a document."""
    return body[: len(body) // 2]


SPOILED: Final[dict[str, Callable[[Past, str], None]]] = {
    "missing": lambda past, key: past.delete(key),
    "empty": lambda past, key: past.write(key, b""),
    "cut short": lambda past, key: past.write(key, half(past.read(key))),
    "another version": lambda past, key: past.write(key, past.read(key).replace(b'sion":1', b'sion":2')),
    "edited": lambda past, key: past.write(key, past.read(key).replace(b"0", b"1")),
    "something else": lambda past, key: past.write(key, b'{"schema_version":1}'),
}


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("which", ["marker.json", STATE, APP])
def test_a_lost_history_removes_nothing(  # noqa: PLR0917 - four fixtures, and what differs
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome], which: str, how: str
) -> None:
    """Whatever of it is lost, and however; with the object back, the very same account is cleaned."""
    shop(run, sandbox)
    night(dry_run=True)
    key = past.key(which)
    whole = past.read(key)
    SPOILED[how](past, key)
    spoiled = past.objects()
    outcome = night()
    assert outcome.gone == {}
    assert "history is lost" in outcome.causes
    assert "-replace='module.NAME.aws_s3_object.marker[0]'" in outcome.causes
    assert outcome.status == ("failed" if which == APP else "refused")
    if which != APP:
        assert past.objects() == spoiled, "nothing is written over it"
    past.write(key, whole)
    assert night().gone == {"app": run.ids("two")}


def test_a_repository_whose_history_is_lost_stops_no_other_one(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """It keeps everything until somebody looks after it."""
    shop(run, sandbox)
    run.opted_in("other")
    sandbox.push("other", id="old", tags=["v1"], pushed="90d")
    night(dry_run=True)
    past.delete(past.key(APP))
    outcome = night()
    assert (outcome.status, outcome.gone) == ("failed", {"other": run.ids("old")})
    assert "repository app: its history is lost" in outcome.causes
    assert past.content(STATE)["repositories"] == ["app", "other"], "and it stays known as lost"
    assert night().status == "failed"


def test_a_history_begins_anew_on_purpose(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """By the marker alone; whatever lies there of an older one is no part of it."""
    shop(run, sandbox)
    night(dry_run=True)
    deploy(sandbox, "app:v2")
    past.write(past.key(APP), b"spoiled")
    past.write(past.key(STATE), b"spoiled")
    assert night().status == "refused"
    past.write(MARKER, NEW)
    outcome = night()
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("one")})


def test_two_writers_at_once_forget_nothing(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """What somebody wrote between reading and writing joins what this run saw."""
    shop(run, sandbox)
    night(dry_run=True)
    key = past.key(APP)

    def write(_: object) -> None:
        known = schema.read_history(past.read(key), key, "app")
        entry = model.HistoryEntry(("v2",), None, known.observed_at, ("somebody else's service",))
        images = {**known.images, sandbox.digest("two"): entry}
        past.write(key, schema_module.seal(model.History("app", known.observed_at, images)))

    sandbox.before("s3", "PutObject", write)
    outcome = night()
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert outcome.kept()[sandbox.digest("two")][1].startswith("somebody else's service")
    assert past.content(APP)["images"][sandbox.digest("one")]["by"] == ["app runner service web"]


def test_an_object_that_a_killed_run_left_is_found(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """It was written, and the list of them was not."""
    shop(run, sandbox)
    night(dry_run=True)
    deploy(sandbox, "app:v2")
    past.write(past.key(STATE), schema_module.seal(schema.StateDocument()))
    assert night().gone == {}
    assert past.content(STATE)["repositories"] == ["app"]


# Settings that outgrow the environment


def test_settings_in_a_bucket_are_the_ones_that_terraform_wrote(run: Runner, sandbox: Sandbox, past: Past) -> None:
    """Or the run does nothing."""
    shop(run, sandbox)
    document = json.dumps(
        {"schema_version": 1, "storage": past.place | {"history": True}, "keep_recently_used_days": 3, "grace_days": 0}
    ).encode()
    key = MARKER.replace("marker", "settings")
    pointer = {"bucket": past.place["bucket"], "key": key, "sha256": hashlib.sha256(document).hexdigest()}
    environment = {
        "DRY_RUN": "false",
        "DEFAULT_KEEP_DAYS": "30",
        "ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1, "settings_object": pointer}),
    }
    for body in (None, document[:-1], document + b" ", b"{}"):
        if body is not None:
            past.write(key, body)
        outcome = run(environment=environment)
        assert (outcome.status, outcome.gone, outcome.summary) == ("failed", {}, None)
        assert "settings.json" in outcome.causes
    past.write(key, document)
    assert run(environment=environment).gone == {"app": run.ids("two")}
    assert APP in past.objects()


def test_every_consumer_is_remembered(sandbox: Sandbox, past: Past, night: Callable[..., Outcome]) -> None:
    """Whatever kept an image today keeps it for some days after it is gone."""
    accounts.seed(sandbox)
    night(dry_run=True)
    counted = past.counts
    under_way = {f"{name}_executions" for name in ("codepipeline", "sagemaker", "stepfunctions")}
    assert {name for name, count in counted.items() if not count} == {
        *("braket", "eks", "inspector", "sagemaker_optimization"),
        *under_way,
    }, "all that only runs"
    assert set(counted) == {source.name for source in catalog.SOURCES} - {"protected_images"}
    assert sum(past.counts_of_parts.values()) == counted["used_images_objects"]
    images = past.content(APP)["images"] | past.content("repositories/mirror/tools.json")["images"]
    for name in accounts.CONSUMERS:
        assert images[sandbox.digest(name)]["last_in_use"], name
        assert images[sandbox.digest(name)]["by"], name
    assert "last_in_use" not in images[sandbox.digest("unused")]


def test_a_source_that_is_not_asked_for_a_night_keeps_its_measure(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """When it is asked again, it is compared with what it saw before."""
    shop(run, sandbox)
    assert night(dry_run=True).status == "completed"
    assert night(dry_run=True, accepted_gaps={"source:apprunner": "known"}).status == "completed"
    assert past.counts["apprunner"] == 1


def test_a_run_that_ends_while_it_judges_names_what_it_leaves(
    run: Runner, sandbox: Sandbox, past: Past, night: Callable[..., Outcome]
) -> None:
    """Also what was judged already: nothing of it has gone."""
    del past
    for name in ("aa", "bb"):
        run.opted_in(name)
        sandbox.push(name, id=f"{name}-old", tags=["v1"], pushed="90d")
    assert night(dry_run=True).status == "completed"
    context = Context()
    sandbox.after("s3", "PutObject", lambda _: setattr(context, "seconds", 5))
    outcome = night(context=context)
    assert (outcome.status, outcome.gone) == ("incomplete", {})
    assert sorted(outcome.told["deferred"]) == ["aa", "bb"]
