"""What a run tells beside its verdicts, and that nothing which happens to that costs or spares an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.findings import collector
from tests.fake_aws import Fault
from tests.fake_aws.aws import ACCOUNT
from tests.integration.cells import HARD
from tests.integration.runner import REGION, Context

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Outcome, Runner


def lifecycle_rule(days: int, **selection: Any) -> dict[str, Any]:
    """A rule that expires images pushed so many days ago."""
    told = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days} | selection
    return {"rulePriority": 1, "selection": told, "action": {"type": "expire"}}


def service(sandbox: Sandbox, name: str, image: str) -> None:
    """An ECS service that names an image, whether or not it is there."""
    sandbox.seed(
        {
            "ecs": {
                "task_definitions": {f"{name}:1": {"image": f"{{registry}}/{image}"}},
                "clusters": {"prod": {"services": {name: {"task_definition": f"{name}:1"}}}},
            }
        }
    )


def kinds(outcome: Outcome) -> set[str]:
    """What was found."""
    return {finding["kind"] for finding in outcome.told["findings"]}


def test_usages_of_what_is_gone_are_told(run: Runner, sandbox: Sandbox) -> None:
    """A deleted repository, a missing tag; and a real run removes what it would have removed."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.push("app", id="live", tags=["live"], pushed="90d")
    service(sandbox, "tag", "app:v9")
    service(sandbox, "repository", "gone:v1")
    service(sandbox, "fine", "app:live")
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("old")})
    found = outcome.found("dangling_reference")
    assert set(found) == {"app:v9", "gone:v1"}
    assert found["app:v9"]["severity"] == "problem"
    assert found["app:v9"]["detail"].startswith("the repository has no such tag; named by ecs service prod/tag")
    assert found["gone:v1"]["detail"].startswith("the repository does not exist; named by ecs service prod/repository")


def test_what_a_cache_would_fetch_is_not_missing(run: Runner, sandbox: Sandbox) -> None:
    """The first pull brings it, and makes the repository."""
    sandbox.seed(
        {"pull_through_cache": [{"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}]}
    )
    run.opted_in("app")
    sandbox.push("app", tags=["v1"], pushed="90d")
    service(sandbox, "cached", "hub/library/nginx:1")
    assert run().found("dangling_reference") == {}


def test_archived_images_in_use_are_told(run: Runner, sandbox: Sandbox) -> None:
    """Nothing can pull them."""
    run.opted_in("app")
    sandbox.push("app", id="live", tags=["live"], pushed="90d", status="ARCHIVED", archived="5d", size=7_000_000)
    service(sandbox, "app", "app:live")
    outcome = run()
    (finding,) = outcome.found("archived_in_use").values()
    assert (finding["subject"], finding["severity"], finding["bytes"]) == ("app:live", "problem", 7_000_000)
    assert "ecs service prod/app" in finding["detail"]


def test_what_the_lifecycle_policy_is_about_to_take_is_told(run: Runner, sandbox: Sandbox) -> None:
    """Of what is in use: now, or within a week; ECR does it whatever this module decides."""
    for name, days in (("now", 30), ("soon", 95), ("later", 200)):
        sandbox.seed(
            {"repositories": {name: {"tags": {"BoxCleanerEnabled": "true"}, "lifecycle": [lifecycle_rule(days)]}}}
        )
        sandbox.push(name, tags=["live"], pushed="90d")
        service(sandbox, name, f"{name}:live")
    outcome = run()
    found = outcome.found("lifecycle_expires_in_use")
    assert {subject: finding["severity"] for subject, finding in found.items()} == {
        "now:live": "problem",
        "soon:live": "warning",
    }
    assert "rule 1 of the repository's lifecycle policy expires it within 24 hours" in found["now:live"]["detail"]
    assert (outcome.status, outcome.gone) == ("completed", {})


def test_a_manifest_is_safe_as_long_as_its_index(run: Runner, sandbox: Sandbox) -> None:
    """Untagged, old, in use: and yet ECR leaves it, for an index lists it."""
    rule = lifecycle_rule(7, tagStatus="untagged")
    sandbox.seed({"repositories": {"app": {"tags": {"BoxCleanerEnabled": "true"}, "lifecycle": [rule]}}})
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64"], tags=["live"], pushed="90d")
    sandbox.push("app", id="lost", pushed="90d")
    functions = {
        name: {"versions": {"$LATEST": {"image": "{registry}/app:live", "digest": f"{{{used}}}"}}}
        for name, used in (("child", "index/linux/amd64"), ("lost", "lost"))
    }
    sandbox.seed({"lambda": {"functions": functions}})
    found = run().found("lifecycle_expires_in_use")
    assert set(found) == {f"app@{sandbox.digest('lost')}"}


def test_open_repositories_and_tags_that_miss_are_told(run: Runner, sandbox: Sandbox) -> None:
    """Whether or not the repository is cleaned."""
    statement = {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "ecr:BatchGetImage"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sandbox.repository("open", tags={"BoxCleanerEnabled": "true"}, policy=policy)
    sandbox.push("open", id="theirs", tags=["v1"], pushed="90d")
    sandbox.repository("near", tags={"BoxCleanerEnable": "true"})
    sandbox.repository("days", tags={"BoxCleanerEnabled": "true", "BoxCleaner-KeepDays": "365"})
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert outcome.found("open_to_other_accounts")["open"]["severity"] == "warning"
    tags = outcome.found("misconfigured_tag")
    assert (
        tags["near"]["detail"] == "tag 'BoxCleanerEnable' = 'true' has no effect: its name has to be BoxCleanerEnabled"
    )
    assert "BoxCleanerKeepDays" in tags["days"]["detail"]
    accepted = run(accepted_gaps={"other_accounts:op*": "a partner pulls"})
    assert accepted.told["unprotected"] == ["other_accounts:op*: a partner pulls"]
    assert accepted.gone == {"open": run.ids("theirs")}
    (finding,) = accepted.found("open_to_other_accounts").values()
    assert (finding["severity"], "210987654321" in finding["detail"]) == ("info", True)


def test_orphaned_signatures_are_told(run: Runner, sandbox: Sandbox) -> None:
    """With what they hold; those that are young too."""
    run.opted_in("app")
    sandbox.push("app", id="live", tags=["live"], pushed="1d")
    sandbox.push("app", kind="cosign", subject="live", pushed="1d", size=4_000)
    sandbox.push("app", id="orphan", kind="cosign", subject="sha256:" + "e" * 64, pushed="1d", size=5_000)
    (finding,) = run().found("orphaned_artifacts").values()
    assert (finding["subject"], finding["severity"], finding["bytes"]) == ("app", "info", 5_000)
    assert finding["detail"].startswith("1 signatures or attestations")


@pytest.fixture
def others(run: Runner, sandbox: Sandbox) -> None:
    """One repository that opted in, and three that did not, of which one is empty."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.repository("empty")
    for name, size in (("big", 9_000_000), ("small", 1_000_000)):
        sandbox.repository(name)
        sandbox.push(name, id=name, tags=["v1"], pushed="400d", size=size)
    sandbox.push("big", kind="index", children=["big"], tags=["index"], pushed="400d")
    service(sandbox, "dangling", "big:v9")
    service(sandbox, "fine", "small:v1")


@pytest.mark.usefixtures("others")
def test_by_default_nothing_is_read_that_did_not_opt_in(run: Runner, sandbox: Sandbox) -> None:
    """Only how many there are is known, and that costs nothing."""
    outcome = run()
    (finding,) = outcome.found("unmanaged_storage").values()
    assert (finding["subject"], finding["bytes"]) == ("registry", None)
    assert finding["detail"].startswith("3 repositories did not opt in;")
    assert outcome.found("dangling_reference") == {}
    asked = {
        c.parameters["repositoryName"] for c in sandbox.calls if c.operation in {"DescribeImages", "GetLifecyclePolicy"}
    }
    assert asked == {"app"}


@pytest.mark.usefixtures("others")
def test_other_repositories_are_listed_on_request(run: Runner, sandbox: Sandbox) -> None:
    """What they hold, and which usages miss there; nothing in them is read but the list, and nothing is removed."""
    outcome = run(report_unmanaged_repositories=True)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("old")})
    found = outcome.found("unmanaged_storage")
    assert {subject: finding["bytes"] for subject, finding in found.items()} == {
        "big": 9_000_000,
        "empty": 0,
        "registry": 10_000_000,
        "small": 1_000_000,
    }
    assert found["registry"]["detail"] == "3 repositories that did not opt in hold 3 images"
    assert set(outcome.found("dangling_reference")) == {"big:v9"}
    calls = [c for c in sandbox.calls if c.service == "ecr"]
    last = max(at for at, call in enumerate(calls) if call.operation == "BatchDeleteImage")
    listed = [at for at, call in enumerate(calls) if call.parameters.get("repositoryName") in {"big", "small", "empty"}]
    assert min(listed) > last, "what removal needs comes first"
    assert {calls[at].operation for at in listed if calls[at].operation != "ListTagsForResource"} == {
        "DescribeImages",
        "GetLifecyclePolicy",
    }


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("kind", HARD)
def test_a_survey_that_fails_fails_no_run(run: Runner, sandbox: Sandbox, kind: Any) -> None:
    """What is not known is said; all the rest is done."""
    sandbox.inject(Fault(service="ecr", operation="DescribeImages", kind=kind, where={"repositoryName": "big"}))
    outcome = run(report_unmanaged_repositories=True)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("old")})
    assert set(outcome.found("not_determined")) == {"big"}
    assert set(outcome.found("unmanaged_storage")) == {"empty", "registry", "small"}


@pytest.mark.usefixtures("others")
def test_after_some_failures_nothing_more_is_asked(run: Runner, sandbox: Sandbox) -> None:
    """A permission that is missing everywhere, a network that answers nothing: that is said once."""
    for name in "abcde":
        sandbox.repository(f"aa-{name}")
    sandbox.inject(
        Fault(service="ecr", operation="DescribeImages", kind="access_denied", where={"repositoryName": "aa-a"})
    )
    sandbox.inject(
        Fault(service="ecr", operation="DescribeImages", kind="access_denied", where={"repositoryName": "aa-b"})
    )
    sandbox.inject(
        Fault(service="ecr", operation="DescribeImages", kind="access_denied", where={"repositoryName": "aa-c"})
    )
    outcome = run(report_unmanaged_repositories=True)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("old")})
    assert outcome.found("not_determined")["registry"]["detail"] == collector.FAILING
    assert outcome.found("unmanaged_storage") == {}


@pytest.mark.usefixtures("others")
def test_when_time_is_short_findings_wait(run: Runner, sandbox: Sandbox) -> None:
    """The run does what it is for."""
    service(sandbox, "used", "app:v1")
    sandbox.push("app", id="older", tags=["v0"], pushed="90d")
    outcome = run(context=Context(seconds=collector.SPARE_SECONDS_AT_THE_END - 1), report_unmanaged_repositories=True)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("older")})
    assert outcome.found("not_determined")["registry"]["detail"] == collector.NO_TIME
    assert ("ecr", "GetLifecyclePolicy") not in run.asked()


def test_findings_are_logged(run: Runner, sandbox: Sandbox) -> None:
    """One line each, beside the summary that has them too."""
    run.opted_in("app")
    sandbox.push("app", tags=["v1"], pushed="90d")
    service(sandbox, "gone", "app:v9")
    outcome = run(dry_run=True)
    logged = [vars(line)["finding"] for line in outcome.lines if line.getMessage() == "Finding"]
    assert logged == outcome.told["findings"]
    assert outcome.result is not None
    assert outcome.result["findings"] == logged
    assert kinds(outcome) == {"dangling_reference"}


def test_what_is_kept_for_lack_of_a_rule_is_told(run: Runner, sandbox: Sandbox) -> None:
    """Build caches, with the rule that removes those that nothing can pull; by that rule they go."""
    run.opted_in("app")
    sandbox.push("app", id="image", tags=["v1"], pushed="1d")
    for number in range(3):
        tags = ["buildcache"] if number == 0 else []
        sandbox.push("app", id=f"cache{number}", kind="helm", tags=tags, pushed="50d", size="3GB")
    outcome = run()
    assert (outcome.status, outcome.gone) == ("completed", {})
    told = [finding for finding in outcome.told["findings"] if finding["kind"] == "kept_without_rule"]
    assert [(finding["subject"], finding["severity"]) for finding in told] == [("app", "info")] * 2
    helm = "application/vnd.cncf.helm.config.v1+json"
    rule = {"repositories": ["app"], "untagged": True, "artifact_types": [helm], "keep_days": 30}
    line = f'{{ repositories = ["app"], untagged = true, artifact_types = ["{helm}"], keep_days = 30 }}'
    assert any(line in f["detail"] for f in told)
    assert run(retention_rules=[rule]).gone == {"app": run.ids("cache1", "cache2")}


def test_fewer_of_the_newest_than_asked_for_are_told(run: Runner, sandbox: Sandbox) -> None:
    """One tag that moves, and builds that one goes back to: they go, and it is said."""
    run.opted_in("svc")
    for number, tags in enumerate([["latest"], [], [], [], []]):
        sandbox.push("svc", id=f"b{number}", tags=tags, pushed=f"{40 + 10 * number}d")
    outcome = run(retention_rules=[{"repositories": ["svc"], "keep_newest": 4}])
    assert outcome.gone == {"svc": run.ids("b1", "b2", "b3", "b4")}
    (finding,) = outcome.found("fewer_than_newest").values()
    assert (finding["subject"], finding["severity"]) == ("svc", "warning")
    assert "keep_newest = 4 counts tagged images outside the archive and finds 1; 4 others" in finding["detail"]
    counting = {"repositories": ["svc"], "untagged": True, "keep_newest": 4}
    assert '{ repositories = ["svc"], untagged = true, keep_newest = 4 }' in finding["detail"]
    sandbox.push("svc", id="b5", pushed="90d")
    for number in range(1, 5):
        sandbox.push("svc", id=f"c{number}", pushed=f"{40 + 10 * number}d")
    outcome = run(retention_rules=[{"repositories": ["svc"], "keep_newest": 4}, counting])
    assert (outcome.gone, outcome.found("fewer_than_newest")) == ({"svc": run.ids("b5")}, {})


def test_an_entry_that_matches_nothing_any_more_is_told(run: Runner, sandbox: Sandbox) -> None:
    """Those that are needed are not: a repository that others may pull from, a machine whose key is refused."""
    run.opted_in("app")
    sandbox.push("app", id="unused", tags=["v1"], pushed="90d")
    statement = {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "ecr:BatchGetImage"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sandbox.repository("open", tags={"BoxCleanerEnabled": "true"}, policy=policy)
    machine = {"definition": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, "key": "denied"}
    sandbox.seed({"stepfunctions": {"machines": {"payments": machine}}})
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"
    refused = run()
    assert refused.status == "refused"
    assert f"{arn}payments (DescribeStateMachine failed with KmsAccessDeniedException)" in refused.causes
    assert "kms:Decrypt" in refused.causes
    assert refused.causes.endswith(f'accepted_gaps = {{ "unreadable:{arn}payments" = "<reason>" }}')
    needed = {"other_accounts:open": "a partner pulls", f"unreadable:{arn}payments": "starts no image"}
    unused = {"other_accounts:gone/*": "gone", "other_accounts:app": "mended", f"unreadable:{arn}old": "deleted"}
    outcome = run(accepted_gaps=needed | unused)
    assert (outcome.status, outcome.gone) == ("completed", {"app": run.ids("unused")})
    assert outcome.found("unused_accepted_gap").keys() == unused.keys()
    assert set(outcome.told["unprotected"]) >= {f"{gap}: {reason}" for gap, reason in (needed | unused).items()}
    assert any(
        note.startswith(f"not read, so what it uses is not protected: {arn}payments") for note in outcome.told["notes"]
    )
