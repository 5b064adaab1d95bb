"""A person approves: what a night proposes, what the plan's id lets go, and what it does not."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.approval.policy import NoApproval
from ecr_cleaner.removal import remover
from ecr_cleaner.run import pipeline
from tests.fake_aws import Fault
from tests.fake_aws.apprunner import AppRunner
from tests.integration.meanwhile import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_cleaner.model.plan import Removal
    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

APPROVAL: Final[dict[str, Any]] = {"require_approval": True}


class Approving:
    """Runs nights that propose, and sends plans.

    Attributes:
        run: Runs.
        past: The bucket.
    """

    def __init__(self, run: Runner, past: Past) -> None:
        self.run = run
        self.past = past
        self.prefix = f"{past.place['prefix']}plans/"
        self.settings: dict[str, Any] = {
            **APPROVAL,
            "storage": past.place | {"history": True},
        }

    def night(self, **more: Any) -> Outcome:
        """A scheduled run."""
        return self.run(**(self.settings | more))

    def proposed(self, **more: Any) -> str:
        """A scheduled run that proposes; returns the plan's id."""
        outcome = self.night(**more)
        assert (outcome.status, outcome.gone) == ("completed", {})
        plan_id: str = outcome.told["plan"]["id"]
        return plan_id

    def send(self, plan_id: str, *, event: dict[str, Any] | None = None, **more: Any) -> Outcome:
        """A person's word."""
        told = {"schema_version": 1, "action": "apply", "plan": plan_id, **(event or {})}
        return self.run(event=told, **(self.settings | more))

    def document(self, plan_id: str) -> bytes:
        """What the bucket holds."""
        return self.past.read(f"{self.prefix}{plan_id}.json")


@pytest.fixture
def approving(run: Runner, past: Past) -> Approving:
    """An instance of the module that requires approval."""
    return Approving(run, past)


@pytest.fixture
def registry(run: Runner, sandbox: Sandbox) -> dict[str, set[str]]:
    """Two repositories; returns what may go of each."""
    for name in ("api", "web"):
        run.opted_in(name)
        for number in (1, 2):
            sandbox.push(name, id=f"{name}-old-{number}", tags=[f"v{number}"], pushed="90d")
        sandbox.push(name, id=f"{name}-young", tags=["v9"], pushed="2d")
    return {name: run.ids(f"{name}-old-1", f"{name}-old-2") for name in ("api", "web")}


def test_a_night_writes_its_plan_and_removes_nothing(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """The document lies under its own hash, and says what would go and nothing else."""
    outcome = approving.night()
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert ("ecr", "BatchDeleteImage") not in approving.run.asked()
    plan = outcome.told["plan"]
    assert (plan["state"], plan["images"]) == ("awaits_approval", 4)
    document = approving.document(plan["id"])
    assert hashlib.sha256(document).hexdigest() == plan["id"]
    content = json.loads(document)
    named = {one["name"]: {image["digest"] for image in one["images"]} for one in content["repositories"]}
    assert named == registry
    assert plan["bytes"] == sum(i["bytes"] for one in content["repositories"] for i in one["images"])
    assert outcome.named("Found unused image, proposed for removal") == registry["api"] | registry["web"]
    assert [r["removals"] for r in outcome.told["repositories"]] == [{"proposed": 2}] * 2
    assert any(line.getMessage() == "Plan waits for approval" for line in outcome.lines)
    del sandbox


def test_what_was_proposed_goes_when_its_id_is_sent(approving: Approving, registry: dict[str, set[str]]) -> None:
    """Exactly that."""
    plan_id = approving.proposed()
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == registry
    assert (outcome.told["plan"]["state"], outcome.told["plan"]["stays"]) == ("applied", {})


def test_the_command_that_a_night_tells_carries_its_plan_out(
    approving: Approving, registry: dict[str, set[str]]
) -> None:
    """Word for word."""
    words = shlex.split(approving.night().told["plan"]["command"])
    event = json.loads(words[words.index("--payload") + 1])
    assert approving.run(event=event, **approving.settings).gone == registry


def test_where_nothing_would_go_there_is_no_plan(approving: Approving, run: Runner, sandbox: Sandbox) -> None:
    """Nobody is asked for nothing."""
    run.opted_in("api")
    sandbox.push("api", tags=["v1"], pushed="2d")
    outcome = approving.night()
    assert (outcome.status, outcome.told["plan"]) == ("completed", None)
    assert not [key for key in approving.past.objects() if key.startswith("plans/")]


def test_a_dry_run_writes_no_plan(approving: Approving, registry: dict[str, set[str]]) -> None:
    """Whether the setting says so or the event."""
    assert approving.night(dry_run=True).told["plan"] is None
    outcome = approving.run(event={"schema_version": 1, "dry_run": True}, **approving.settings)
    assert outcome.told["plan"] is None
    assert outcome.named("Found unused image, should be removed") == registry["api"] | registry["web"]
    assert not [key for key in approving.past.objects() if key.startswith("plans/")]


@pytest.mark.usefixtures("registry")
def test_a_run_that_forgets_to_ask_removes_nothing(approving: Approving) -> None:
    """Where approval is required, no way through the code leads past it."""
    approving.run.execute = lambda ctx: pipeline.run(replace(ctx, approval=NoApproval()))
    outcome = approving.night()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "require_approval is true, and nobody was asked" in outcome.causes
    assert ("ecr", "BatchDeleteImage") not in approving.run.asked()


# What a fresh look keeps stays


def in_use(approving: Approving) -> None:
    """A function starts to use it."""
    functions = {"f": {"versions": {"$LATEST": {"image": "{registry}/api:v1"}}}}
    approving.run.sandbox.seed({"lambda": {"functions": functions}})


def tag_added(approving: Approving) -> None:
    """It gets one more name."""
    sandbox = approving.run.sandbox
    sandbox.tag("api", sandbox.digest("api-old-1"), "keep-me")


def tag_taken(approving: Approving) -> None:
    """Its name goes to another image."""
    sandbox = approving.run.sandbox
    sandbox.tag("api", sandbox.digest("api-young"), "v1")


def gone(approving: Approving) -> None:
    """Somebody else removed it."""
    approving.run.sandbox.remove("api", approving.run.sandbox.digest("api-old-1"))


def pushed_again(approving: Approving) -> None:
    """Removed and pushed anew, the same bytes: young."""
    sandbox = approving.run.sandbox
    ecr, digest = sandbox.client("ecr"), sandbox.digest("api-old-1")
    (image,) = ecr.batch_get_image(repositoryName="api", imageIds=[{"imageDigest": digest}])["images"]
    sandbox.remove("api", digest)
    ecr.put_image(repositoryName="api", imageManifest=image["imageManifest"], imageTag="v1")
    assert digest in {one.digest for one in sandbox.images("api")}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (in_use, "in_use"),
        (tag_added, "tags_changed"),
        (tag_taken, "tags_changed"),
        (gone, "gone"),
        (pushed_again, "too_young"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_changed_since_the_plan_stays_and_is_told(
    approving: Approving,
    registry: dict[str, set[str]],
    change: Callable[[Approving], None],
    reason: str,
) -> None:
    """With the reason; all the rest of the plan goes."""
    plan_id = approving.proposed()
    change(approving)
    outcome = approving.send(plan_id)
    changed = approving.run.ids("api-old-1")
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == registry | {"api": registry["api"] - changed}
    assert outcome.told["plan"]["stays"] == {reason: 1}
    (shown,) = outcome.told["plan"]["stays_shown"]
    assert (shown["repository"], {shown["digest"]}, shown["reason"]) == ("api", changed, reason)
    assert outcome.named("Image of the approved plan is kept") == changed


def test_what_was_just_pulled_stays(approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox) -> None:
    """Its consumer may come after its source was asked, as in every run."""
    plan_id = approving.proposed()
    sandbox.state.region("us-east-1").images.pulled("api", sandbox.digest("api-old-1"))
    outcome = approving.send(plan_id)
    assert outcome.gone == registry | {"api": approving.run.ids("api-old-2")}
    assert outcome.told["plan"]["stays"] == {"recently_in_use": 1}


def test_what_is_not_in_the_plan_stays(approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox) -> None:
    """However old and unused it is; it keeps its verdict, and the run says why it stays."""
    plan_id = approving.proposed()
    sandbox.push("api", id="late", tags=["late"], pushed="200d")
    approving.run.opted_in("new")
    sandbox.push("new", id="new", tags=["v1"], pushed="200d")
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.gone) == ("completed", registry)
    late = approving.run.ids("late", "new")
    assert outcome.named("Kept unused image that is not in the approved plan") == late
    assert outcome.repositories["api"]["removals"] == {"not_in_plan": 1, "removed": 2}
    assert outcome.repositories["new"]["removals"] == {"not_in_plan": 1}
    assert outcome.told["totals"]["removable"] == 6


def test_a_repository_that_is_not_cleaned_any_more_keeps_what_the_plan_names(
    approving: Approving, registry: dict[str, set[str]]
) -> None:
    """Opted out, or deleted: the plan says nothing about that."""
    plan_id = approving.proposed()
    approving.run.retag("api", BoxCleanerEnabled=None)
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.gone) == ("completed", {"web": registry["web"]})
    assert outcome.told["plan"]["stays"] == {"not_opted_in": 2}


def test_a_part_does_not_go_without_its_index(approving: Approving, run: Runner, sandbox: Sandbox) -> None:
    """An index that the plan does not name keeps what it lists, also what the plan names."""
    run.opted_in("site")
    sandbox.push("site", id="index", kind="index", platforms=["linux/amd64", "linux/arm64"], tags=["v1"], pushed="90d")
    plan_id = approving.proposed()
    sandbox.tag("site", sandbox.digest("index"), "v1.0")
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert outcome.repositories["site"]["removals"] == {"holder_kept": 2, "not_in_plan": 1}
    assert outcome.told["plan"]["stays"] == {"tags_changed": 1}


# What may not be carried out


def edited(approving: Approving, plan_id: str) -> str:
    """One image more, by hand."""
    document = json.loads(approving.document(plan_id))
    document["repositories"][0]["images"].append(document["repositories"][0]["images"][0])
    approving.past.write(f"{approving.prefix}{plan_id}.json", json.dumps(document).encode())
    return plan_id


def blank_added(approving: Approving, plan_id: str) -> str:
    """The same, spelled otherwise."""
    approving.past.write(f"{approving.prefix}{plan_id}.json", approving.document(plan_id) + b"\n")
    return plan_id


def never_written(approving: Approving, plan_id: str) -> str:
    """A made-up id."""
    del approving
    return plan_id[::-1]


def forged(**changes: Any) -> Callable[[Approving, str], str]:
    """Somebody writes a plan of their own into the bucket, whole and under its own hash."""

    def forge(approving: Approving, plan_id: str) -> str:
        document = json.loads(approving.document(plan_id)) | changes
        body = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
        forged_id = hashlib.sha256(body).hexdigest()
        approving.past.write(f"{approving.prefix}{forged_id}.json", body)
        return forged_id

    return forge


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (edited, "was changed: it is not the plan"),
        (blank_added, "was changed: it is not the plan"),
        (never_written, "there is no plan"),
        (forged(account="210987654321"), "it is for account 210987654321, and this is account 123456789012"),
        (forged(region="eu-west-1"), "it is for region eu-west-1, and this is region us-east-1"),
        (forged(function="other"), "it is for function other, and this is function ecr-cleaner"),
        (forged(settings_sha256="0" * 64), "the settings have changed since it was made"),
        (forged(expires_at="2026-01-01T00:00:00Z"), "it expired 2026-01-01 00:00 UTC"),
        (forged(created_at="2099-01-01T00:00:00Z", expires_at="2099-01-02T00:00:00Z"), "which is in the future"),
        (forged(schema_version=2), "is not a valid plan"),
        (forged(force=True), "is not a valid plan"),
        (forged(expires_at="2099-01-01T00:00:00+00:00"), "it is not canonical JSON"),
    ],
    ids=lambda one: one if isinstance(one, str) else getattr(one, "__name__", ""),
)
@pytest.mark.usefixtures("registry")
def test_a_plan_that_does_not_fit_is_refused(
    approving: Approving, change: Callable[[Approving, str], str], cause: str
) -> None:
    """Before anybody is asked for a usage: nothing goes, and the cause says what does not fit."""
    plan_id = change(approving, approving.proposed())
    approving.run.sandbox.clear_calls()
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert cause in outcome.causes
    assert not approving.run.asked("ecs")
    assert ("ecr", "BatchDeleteImage") not in approving.run.asked()


@pytest.mark.usefixtures("registry")
def test_changed_settings_are_refused(approving: Approving) -> None:
    """Any of them, also those that would keep more: a person approved of something else."""
    plan_id = approving.proposed()
    for more in ({"keep_days": "29"}, {"keep_recently_used_days": 8}, {"protected_images": ["api:v1"]}):
        outcome = approving.send(plan_id, **more)
        assert (outcome.status, outcome.gone) == ("refused", {})
        assert "the settings have changed" in outcome.causes
    assert approving.send(plan_id).status == "completed"


def test_a_forged_plan_lets_nothing_go_that_a_run_would_keep(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """Whoever writes into the bucket and gets somebody to send an id has gained nothing."""
    in_use(approving)
    everything = [
        {
            "name": name,
            "images": sorted(
                (
                    {"bytes": 1, "digest": i.digest, "reason": "old_and_unused", "tags": sorted(i.tags)}
                    for i in sandbox.images(name)
                ),
                key=lambda one: str(one["digest"]),
            ),
        }
        for name in ("api", "web")
    ]
    forged_id = forged(repositories=everything)(approving, approving.proposed())
    outcome = approving.send(forged_id)
    assert outcome.status == "completed"
    assert outcome.gone == registry | {"api": approving.run.ids("api-old-2")}
    assert outcome.told["plan"]["stays"] == {"in_use": 1, "too_young": 2}


@pytest.mark.usefixtures("registry")
def test_a_run_that_would_refuse_refuses_with_a_plan_too(approving: Approving, sandbox: Sandbox) -> None:
    """A source that fails, a fall of usages, a limit that all removals together exceed."""
    plan_id = approving.proposed()
    sandbox.inject(Fault(service="ecs", operation="ListClusters", kind="access_denied"))
    outcome = approving.send(plan_id)
    sandbox.clear_faults()
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "(source ecs, source ecs_daemons)" in outcome.causes
    assert approving.send(plan_id).status == "completed"


def test_a_percentage_counts_what_a_run_would_remove_by_itself(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """Not only what the plan names: what is unbelievable stays so."""
    limit: dict[str, Any] = {"max_removal_percent_per_repository": 67}
    plan_id = approving.proposed(**limit)
    sandbox.push("api", id="late", tags=["late"], pushed="200d")
    outcome = approving.send(plan_id, **limit)
    assert (outcome.status, outcome.gone) == ("failed", {"web": registry["web"]})
    assert "repository api: 3 of 4 images would be removed" in outcome.causes
    assert outcome.told["plan"]["stays"] == {"over_limit": 2}


def test_a_plan_names_what_one_run_may_remove(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """What waits is in the plan of the next night; what became old meanwhile takes no approved image's place."""
    limit: dict[str, Any] = {"max_removals_per_repository": 1}
    plan_id = approving.proposed(**limit)
    sandbox.push("api", id="late", tags=["late"], pushed="200d")
    outcome = approving.send(plan_id, **limit)
    assert (outcome.status, outcome.told["plan"]["images"]) == ("completed", 2)
    assert {name: len(gone) for name, gone in outcome.gone.items()} == {"api": 1, "web": 1}
    assert outcome.gone["api"] < registry["api"]
    assert outcome.repositories["api"]["removals"] == {"removed": 1, "not_in_plan": 2}
    assert approving.send(plan_id, **limit).status == "refused", "the plan is done"
    rest = {"api": approving.run.ids("late"), "web": registry["web"] - outcome.gone["web"]}
    assert approving.send(approving.proposed(**limit), **limit).gone == rest


@pytest.mark.usefixtures("registry")
def test_a_fall_of_usages_stops_a_plan(approving: Approving, sandbox: Sandbox) -> None:
    """The tripwire asks for another word."""
    for number in range(5):
        sandbox.push("api", id=f"used-{number}", tags=[f"used-{number}"], pushed="2d")
    services = {f"s{number}": {"image": f"{{registry}}/api:used-{number}"} for number in range(5)}
    sandbox.seed({"apprunner": {"services": services}})
    plan_id = approving.proposed()
    sandbox.state.store("us-east-1", AppRunner).services.clear()
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert "the number of images in use dropped" in outcome.causes


# Once


@pytest.mark.usefixtures("registry")
def test_a_plan_is_carried_out_once(approving: Approving) -> None:
    """The second time is refused, and says when the first one was."""
    plan_id = approving.proposed()
    assert approving.send(plan_id).status == "completed"
    again = approving.send(plan_id)
    assert (again.status, again.gone) == ("refused", {})
    assert f"plan {plan_id} was carried out" in again.causes
    assert "by run run-1" in again.causes


def test_a_dry_run_of_a_plan_uses_it_up_not(approving: Approving, registry: dict[str, set[str]]) -> None:
    """It says what would go, and writes nothing."""
    plan_id = approving.proposed()
    looked = approving.send(plan_id, event={"dry_run": True})
    assert (looked.status, looked.gone) == ("completed", {})
    assert looked.told["plan"]["stays"] == {}
    assert not [key for key in approving.past.objects() if key.endswith(".applied.json")]
    assert approving.send(plan_id).gone == registry


def test_a_run_that_is_killed_may_be_sent_again(approving: Approving, registry: dict[str, set[str]]) -> None:
    """In the middle of the removal: the rest goes, and then the plan is done."""
    plan_id = approving.proposed()
    approving.run.workers = 1

    def killed(*arguments: Any, **named: Any) -> Iterator[Removal]:
        yield from remover.remove(*arguments, **named)
        raise KeyboardInterrupt

    approving.run.execute = lambda ctx: pipeline.run(replace(ctx, registry=replace(ctx.registry, remove=killed)))
    with pytest.raises(KeyboardInterrupt):
        approving.send(plan_id)
    approving.run.execute = pipeline.run
    assert not {image.digest for image in approving.run.sandbox.images("api")} & registry["api"]
    assert approving.past.content(".applied.json")["state"] == "begun"
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.gone) == ("completed", {"web": registry["web"]})
    assert outcome.told["plan"]["stays"] == {"gone": 2}
    assert approving.past.content(".applied.json")["state"] == "done"
    assert approving.send(plan_id).status == "refused"


def test_a_removal_that_failed_may_be_sent_again(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """What is still there goes the second time."""
    plan_id = approving.proposed()
    sandbox.inject(
        Fault(service="ecr", operation="BatchDeleteImage", kind="access_denied", where={"repositoryName": "api"})
    )
    failed = approving.send(plan_id)
    sandbox.clear_faults()
    assert (failed.status, failed.gone) == ("failed", {"web": registry["web"]})
    assert approving.send(plan_id).gone == {"api": registry["api"]}


@pytest.mark.usefixtures("registry")
def test_a_mark_that_cannot_be_trusted_stops_the_plan(approving: Approving) -> None:
    """Cut short, of another plan, or no mark at all."""
    plan_id = approving.proposed()
    for body in (b"{", b'{"schema_version":1,"sha256":"0","content":{}}'):
        approving.past.write(f"{approving.prefix}{plan_id}.applied.json", body)
        outcome = approving.send(plan_id)
        assert (outcome.status, outcome.gone) == ("refused", {})


def test_a_repository_that_nobody_came_to_is_left_to_do(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """One that failed too: the plan is not done before everything that it names had its end."""
    plan_id = approving.proposed()
    sandbox.inject(
        Fault(service="ecr", operation="DescribeImages", kind="access_denied", where={"repositoryName": "web"})
    )
    failed = approving.send(plan_id)
    sandbox.clear_faults()
    assert (failed.status, failed.gone) == ("failed", {"api": registry["api"]})
    assert failed.told["plan"]["stays"] == {"failed": 2}
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.gone) == ("completed", {"web": registry["web"]})
    assert approving.send(plan_id).status == "refused"


@pytest.mark.usefixtures("registry")
def test_two_nights_propose_two_plans_and_either_may_be_sent(approving: Approving, sandbox: Sandbox) -> None:
    """A plan does not replace the one before."""
    first = approving.proposed()
    sandbox.push("api", id="late", tags=["late"], pushed="200d")
    second = approving.proposed()
    assert first != second
    assert approving.send(first).told["totals"]["removed"] == 4
    outcome = approving.send(second)
    assert outcome.gone == {"api": approving.run.ids("late")}
    assert outcome.told["plan"]["stays"] == {"gone": 4}


# In the middle of a run


def test_what_a_new_scan_in_the_middle_finds_in_use_stays(approving: Approving, registry: dict[str, set[str]]) -> None:
    """And what it finds old beside the plan stays as well, told once."""
    sandbox = approving.run.sandbox
    for number in range(110):
        sandbox.push("api", id=f"more-{number}", tags=[f"more-{number}"], pushed="90d")
    plan_id = approving.proposed()
    approving.run.workers = 1
    clock = Clock(approving.run)

    def age(_: object) -> None:
        clock.shift(1)
        functions = {"g": {"versions": {"$LATEST": {"image": "{registry}/web:v1"}}}}
        sandbox.seed({"lambda": {"functions": functions}})
        sandbox.push("api", id="late", tags=["late"], pushed="200d")

    sandbox.after("ecr", "BatchDeleteImage", age)
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.causes) == ("completed", "")
    more = approving.run.ids(*(f"more-{number}" for number in range(110)))
    assert outcome.gone == {"api": registry["api"] | more, "web": approving.run.ids("web-old-2")}
    assert outcome.told["plan"]["stays"] == {"in_use": 1}
    assert outcome.repositories["api"]["removals"] == {"not_in_plan": 1, "removed": 112}


ARCHIVE: Final[dict[str, Any]] = {"removal_mode": "archive"}


def test_a_plan_that_archives_archives(approving: Approving, sandbox: Sandbox) -> None:
    """It says so, a person says yes to that, and nothing is deleted."""
    approving.run.opted_in("app")
    old = sandbox.push("app", tags=["old"], pushed="90d")
    plan_id = approving.proposed(**ARCHIVE)
    assert json.loads(approving.document(plan_id))["removal"] == "archive"
    assert {image.status for image in sandbox.images("app")} == {"ACTIVE"}
    outcome = approving.send(plan_id, **ARCHIVE)
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert outcome.told["totals"]["archived"] == 1
    assert {image.digest: image.status for image in sandbox.images("app")} == {old: "ARCHIVED"}


@pytest.mark.parametrize(("planned", "sent"), [("archive", "delete"), ("delete", "archive")])
def test_a_plan_for_another_kind_of_removal_is_refused(
    approving: Approving, sandbox: Sandbox, planned: str, sent: str
) -> None:
    """Who said yes to archiving did not say yes to deleting, nor the other way round."""
    approving.run.opted_in("app")
    sandbox.push("app", tags=["old"], pushed="90d")
    plan_id = approving.proposed(removal_mode=planned)
    outcome = approving.send(plan_id, removal_mode=sent)
    assert (outcome.status, outcome.gone) == ("refused", {})
    assert f"it is for removal {planned}, and this is removal {sent}; the settings have changed" in outcome.causes
    assert {image.status for image in sandbox.images("app")} == {"ACTIVE"}


def test_what_was_to_be_archived_is_not_deleted_by_its_plan(approving: Approving, sandbox: Sandbox) -> None:
    """Somebody else archived it, long ago as ECR tells: by now it would be deleted, and nobody said yes to that."""
    told = ARCHIVE | {"delete_archived_after_days": 90}
    approving.run.opted_in("app")
    sandbox.push("app", tags=["old"], pushed="400d")
    plan_id = approving.proposed(**told)
    (image,) = sandbox.images("app")
    image.status, image.archived_at = "ARCHIVED", image.pushed_at
    outcome = approving.send(plan_id, **told)
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert outcome.told["plan"]["stays"] == {"reason_changed": 1}
    assert outcome.named("Kept unused image that is not in the approved plan") == {image.digest}
