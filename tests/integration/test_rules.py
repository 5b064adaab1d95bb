"""What rules keep and let go in whole runs, under both meanings of a (digest, tag) pair."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox
    from tests.integration.runner import Outcome, Runner

pytestmark = pytest.mark.usefixtures("pair_deletes")

EVERYWHERE: dict[str, Any] = {"repositories": ["*"]}


def reasons(outcome: Outcome, *names: str, sandbox: Sandbox) -> list[str]:
    """Why these images are kept, in their order."""
    kept = outcome.kept()
    return [kept[sandbox.digest(name)][0] for name in names]


def test_every_rule_that_names_a_repository_holds(run: Runner, sandbox: Sandbox) -> None:
    """Globs take whole names, * crosses /, and the summary says which rules they were."""
    for name in ("shop/api", "shop/web/assets", "shopping", "data"):
        run.opted_in(name)
        sandbox.push(name, id=name, tags=["v1"], pushed="40d")
    rules = [{"repositories": ["shop/*"], "keep_days": 60}, {"repositories": ["*/assets", "d*"], "keep_days": 35}]
    outcome = run(retention_rules=rules)
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"shopping": run.ids("shopping"), "data": run.ids("data")}
    told = {name: (one["rules"], one["keep_days"]) for name, one in outcome.repositories.items()}
    assert told == {"shop/api": ([0], 30), "shop/web/assets": ([0, 1], 30), "shopping": ([], 30), "data": ([1], 30)}


def test_three_lines_say_what_most_want(run: Runner, sandbox: Sandbox) -> None:
    """The newest of one kind of tags, some days of another, fewer of untagged caches; whole images stay and go."""
    run.opted_in("app")
    for age, name in enumerate(("v1", "v2", "v3"), start=1):
        pushed = f"{100 - age}d"
        sandbox.push("app", id=name, kind="index", platforms=["linux/amd64"], tags=[name], pushed=pushed)
        sandbox.push("app", id=f"{name}-signature", kind="cosign", subject=name, pushed=pushed)
    sandbox.push("app", id="v4", tags=["latest", "v4"], pushed="90d")
    for age in (13, 15):
        sandbox.push("app", id=f"pr-{age}", tags=[f"pr-{age}"], pushed=f"{age}d")
    sandbox.push("app", id="released", tags=["pr-7", "prod"], pushed="20d")
    sandbox.push("app", id="buildcache", kind="helm", tags=["buildcache"], pushed="50d")
    for age in (2, 4):
        sandbox.push("app", id=f"cache-{age}", kind="helm", pushed=f"{age}d")
    sandbox.push("app", id="used", tags=["pr-1"], pushed="90d")
    sandbox.seed({"apprunner": {"services": {"landing": {"image": "{registry}/app:pr-1"}}}})
    rules = [
        EVERYWHERE | {"tags": ["v[0-9]*"], "keep_newest": 2},
        EVERYWHERE | {"tags": ["pr-*"], "keep_days": 14},
        EVERYWHERE | {"untagged": True, "artifact_types": ["application/vnd.cncf.helm.*"], "keep_days": 3},
    ]
    outcome = run(retention_rules=rules)
    assert (outcome.status, outcome.causes) == ("completed", "")
    lost = [f"{name}{part}" for name in ("v1", "v2") for part in ("", "/linux/amd64", "-signature")]
    assert outcome.gone == {"app": run.ids(*lost, "pr-15", "cache-4")}
    kept = outcome.kept()
    newest = "retention_rules[0] keeps the 2 newest of v[0-9]*: number "
    assert {name: tuple(kept[sandbox.digest(name)]) for name in ("v4", "v3", "pr-13", "buildcache", "used")} == {
        "v4": ("among_newest", f"{newest}1"),
        "v3": ("among_newest", f"{newest}2"),
        "pr-13": ("too_young", "retention_rules[1] keeps pr-* for 14 days"),
        "buildcache": ("not_a_container_image", ""),
        "used": ("in_use", "app runner service landing"),
    }
    assert reasons(outcome, "v3/linux/amd64", "v3-signature", "released", sandbox=sandbox) == [
        "part_of_kept_image",
        "refers_to_kept_image",
        "too_young",
    ]


def test_a_pull_of_one_platform_keeps_the_index(run: Runner, sandbox: Sandbox) -> None:
    """Index and manifests have pull times of their own."""
    run.opted_in("app")
    sandbox.push("app", id="amd64", pushed="60d", pulled="2d")
    sandbox.push("app", id="arm64", pushed="60d")
    sandbox.push("app", id="index", kind="index", children=["amd64", "arm64"], tags=["v1"], pushed="60d")
    sandbox.push("app", id="old", tags=["v0"], pushed="60d", pulled="20d")
    outcome = run(retention_rules=[EVERYWHERE | {"keep_pulled_within_days": 14}])
    assert outcome.gone == {"app": run.ids("old")}
    assert reasons(outcome, "index", "amd64", "arm64", sandbox=sandbox) == [
        "pulled_recently",
        "pulled_recently",
        "part_of_kept_image",
    ]


def test_reading_an_index_is_a_pull_that_keeps_it(run: Runner, sandbox: Sandbox) -> None:
    """Unless the role is excluded from pull times: an index that was read is kept, which is the safe side."""
    run.opted_in("app")
    sandbox.push("app", id="index", kind="index", platforms=["linux/amd64"], tags=["v1"], pushed="60d")
    rules = [EVERYWHERE | {"keep_pulled_within_days": 14}]
    assert run(dry_run=True, retention_rules=rules).named("Found unused image, should be removed") == run.ids(
        "index", "index/linux/amd64"
    )
    outcome = run(retention_rules=rules)
    assert outcome.gone == {}
    assert reasons(outcome, "index", "index/linux/amd64", sandbox=sandbox) == ["pulled_recently", "part_of_kept_image"]


def test_untagged_images_go_by_their_own_age(run: Runner, sandbox: Sandbox) -> None:
    """Untagged children go by their index; an index whose tag moved on goes with its parts."""
    run.opted_in("app")
    for name, pushed in (("moved-on", "20d"), ("current", "10d")):
        sandbox.push("app", id=name, kind="index", platforms=["linux/amd64"], tags=["live"], pushed=pushed)
    sandbox.push("app", id="young", pushed="6d")
    sandbox.push("app", id="old", pushed="8d")
    outcome = run(retention_rules=[EVERYWHERE | {"untagged": True, "keep_days": 7}])
    assert outcome.gone == {"app": run.ids("moved-on", "moved-on/linux/amd64", "old")}
    rules = [EVERYWHERE | {"tags": ["*"], "keep_days": 5}, EVERYWHERE | {"untagged": True, "keep": True}]
    assert run(retention_rules=rules).gone == {"app": run.ids("current", "current/linux/amd64")}


def test_artifacts_stay_unless_a_rule_for_them_says_otherwise(run: Runner, sandbox: Sandbox) -> None:
    """Plain versions may stay while those of branches go."""
    run.opted_in("charts")
    for tag in ("1.4.0", "10.12.103", "1.4.1-feat-login-3", "1.4.2-rc.1"):
        sandbox.push("charts", id=tag, kind="helm", tags=[tag], pushed="60d")
    outcome = run(retention_rules=[EVERYWHERE | {"keep_days": 5}])
    assert outcome.gone == {}
    assert reasons(outcome, "1.4.0", sandbox=sandbox) == ["not_a_container_image"]
    every = EVERYWHERE | {"artifact_types": ["*"]}
    rules = [every | {"keep_days": 14}, every | {"except_tags": ["*-*"], "keep": True}]
    assert run(retention_rules=rules).gone == {"charts": run.ids("1.4.1-feat-login-3", "1.4.2-rc.1")}
    assert run(retention_rules=[every | {"keep_newest": 1}]).gone == {"charts": run.ids("1.4.0")}


def test_a_repositorys_tag_replaces_the_default_but_not_what_is_selected(run: Runner, sandbox: Sandbox) -> None:
    """Nor the minimum. What is raised is said, and does not fail the run."""
    for name, days in (("longer", "60"), ("too-short", "2")):
        run.opted_in(name, BoxCleanerKeepDays=days)
        sandbox.push(name, id=f"{name}-6d", pushed="6d")
        sandbox.push(name, id=f"{name}-20d", tags=["keep"], pushed="20d")
        sandbox.push(name, id=f"{name}-40d", tags=["v1"], pushed="40d")
        sandbox.push(name, id=f"{name}-pr", tags=["pr-1"], pushed="20d")
    rules = [
        EVERYWHERE | {"keep_days": 30},
        EVERYWHERE | {"tags": ["keep"], "keep_days": 21},
        {"repositories": ["longer"], "tags": ["pr-*"], "keep_days": 14},
    ]
    outcome = run(retention_rules=rules, minimum_keep_days=7)
    assert outcome.status == "completed"
    assert outcome.gone == {"too-short": run.ids("too-short-40d", "too-short-pr")}
    note = "repository too-short: tag BoxCleanerKeepDays = 2 is below minimum_keep_days = 7: 7 days hold"
    assert [one for one in outcome.told["notes"] if "repository" in one] == [note]
    assert {name: one["keep_days"] for name, one in outcome.repositories.items()} == {"longer": 60, "too-short": 7}
    assert run(retention_rules=rules[1:], minimum_keep_days=7).gone == {"longer": run.ids("longer-pr")}


@pytest.mark.parametrize(("before", "after"), [(None, "30"), ("30", None), ("30", "31")])
def test_a_tag_that_came_went_or_changed_meanwhile_stops_the_repository(
    run: Runner, sandbox: Sandbox, before: str | None, after: str | None
) -> None:
    """Even if its number is that of the rule: the other ages may differ."""
    run.opted_in("app", **({"BoxCleanerKeepDays": before} if before else {}))
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    sandbox.after("ecs", "ListClusters", lambda _: run.retag("app", BoxCleanerEnabled="true", BoxCleanerKeepDays=after))
    outcome = run(retention_rules=[EVERYWHERE | {"keep_days": 30}])
    assert outcome.gone == {}
    assert outcome.repositories["app"]["removals"] == {"changed": 1}


def test_what_is_in_use_stays_under_any_rule(run: Runner, sandbox: Sandbox) -> None:
    """Rules keep more, or let go what is younger; never what is needed."""
    run.opted_in("app")
    sandbox.push("app", id="used", tags=["v1"], pushed="5d")
    sandbox.push("app", id="unused", tags=["v2"], pushed="5d")
    sandbox.seed({"apprunner": {"services": {"landing": {"image": "{registry}/app:v1"}}}})
    outcome = run(retention_rules=[EVERYWHERE | {"keep_days": 1}])
    assert outcome.gone == {"app": run.ids("unused")}
    assert reasons(outcome, "used", sandbox=sandbox) == ["in_use"]


def test_rules_that_are_not_understood_do_nothing(run: Runner, sandbox: Sandbox) -> None:
    """A misspelled member is not one member fewer."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    outcome = run(retention_rules=[EVERYWHERE | {"keep_tags": ["v*"], "keep_newest": 1}])
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert "retention_rules: 0: keep_tags: is not known: a rule may have" in outcome.causes
    assert "instead, write a rule with these tags and keep = true" in outcome.causes


def test_where_others_may_pull_what_somebody_pulled_stays(run: Runner, sandbox: Sandbox) -> None:
    """Whoever pulled; an accepted gap takes the repository as one of this account alone."""
    other = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "ecr:BatchGetImage"}]}
    run.opted_in("app")
    sandbox.push("app", id="pulled", tags=["v1"], pushed="60d", pulled="2d")
    sandbox.push("app", id="old", tags=["v0"], pushed="60d", pulled="20d")
    sandbox.client("ecr").set_repository_policy(repositoryName="app", policyText=json.dumps(other))
    assert run().repositories["app"]["status"] == "skipped"
    accepted = run(dry_run=True, accepted_gaps={"other_accounts:app": "only a test pulls"})
    assert accepted.named("Found unused image, should be removed") == run.ids("pulled", "old")
