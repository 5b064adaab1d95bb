"""What rules keep and let go in whole runs, under both meanings of a (digest, tag) pair."""

from __future__ import annotations

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


def test_the_first_rule_that_matches_holds(run: Runner, sandbox: Sandbox) -> None:
    """Globs take whole names, * crosses /, and the summary says which rule it was."""
    for name in ("shop/api", "shop/web/assets", "shopping", "data"):
        run.opted_in(name)
        sandbox.push(name, id=name, tags=["v1"], pushed="40d")
    rules = [{"repositories": ["shop/*"], "keep_days": 60}, {"repositories": ["*/assets", "d*"], "keep_days": 35}]
    outcome = run(retention_rules=rules)
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == {"shopping": run.ids("shopping"), "data": run.ids("data")}
    told = {name: (one["rule"], one["keep_days"]) for name, one in outcome.repositories.items()}
    assert told == {"shop/api": (0, 60), "shop/web/assets": (0, 60), "shopping": ("default", 30), "data": (1, 35)}


def test_conditions_are_alternatives_and_whole_images_stay(run: Runner, sandbox: Sandbox) -> None:
    """Each keeps by itself, with what hangs on the image; the rest goes whole too."""
    run.opted_in("app")
    for age, name in enumerate(("release", "other", "ordinary", "newer", "newest"), start=1):
        pushed = f"{100 - age}d"
        sandbox.push("app", id=name, kind="index", platforms=["linux/amd64"], tags=[name], pushed=pushed)
        sandbox.push("app", id=f"{name}-signature", kind="cosign", subject=name, pushed=pushed)
    sandbox.push("app", id="untagged", pushed="90d")
    sandbox.push("app", id="pulled", tags=["pulled"], pushed="98d", pulled="2d")
    rule = EVERYWHERE | {"keep_newest": 2, "keep_tags": ["rel*"], "keep_pulled_within_days": 14}
    outcome = run(retention_rules=[rule])
    assert (outcome.status, outcome.causes) == ("completed", "")
    named = ("release", "newer", "newest", "pulled")
    assert reasons(outcome, *named, sandbox=sandbox) == ["tag_kept", "among_newest", "among_newest", "pulled_recently"]
    lost = ("other", "ordinary")
    parts = [f"{name}{part}" for name in lost for part in ("", "/linux/amd64", "-signature")]
    assert outcome.gone == {"app": run.ids(*parts, "untagged")}
    assert reasons(outcome, "newest/linux/amd64", "newest-signature", sandbox=sandbox) == [
        "part_of_kept_image",
        "refers_to_kept_image",
    ]
    assert run(retention_rules=[EVERYWHERE | {"keep_newest": 2, "keep_tags": ["rel*"]}]).gone == {
        "app": run.ids("pulled")
    }


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
    outcome = run(retention_rules=[EVERYWHERE | {"keep_days_untagged": 7}])
    assert outcome.gone == {"app": run.ids("moved-on", "moved-on/linux/amd64", "old")}
    assert run(retention_rules=[EVERYWHERE | {"keep_days": 5, "keep_days_untagged": 90}]).gone == {
        "app": run.ids("current", "current/linux/amd64")
    }


def test_artifacts_stay_unless_a_rule_says_otherwise(run: Runner, sandbox: Sandbox) -> None:
    """Then they go under the same conditions."""
    run.opted_in("charts")
    sandbox.push("charts", id="chart-1", kind="helm", tags=["1.0.0"], pushed="90d")
    sandbox.push("charts", id="chart-2", kind="helm", tags=["2.0.0"], pushed="80d")
    outcome = run(retention_rules=[EVERYWHERE])
    assert outcome.gone == {}
    assert reasons(outcome, "chart-1", sandbox=sandbox) == ["not_a_container_image"]
    assert run(retention_rules=[EVERYWHERE | {"remove_artifacts": True, "keep_newest": 1}]).gone == {
        "charts": run.ids("chart-1")
    }


def test_a_repositorys_tag_overrides_its_rule_but_not_the_minimum(run: Runner, sandbox: Sandbox) -> None:
    """What is raised is said, and does not fail the run."""
    for name, days in (("longer", "60"), ("too-short", "2")):
        run.opted_in(name, BoxCleanerKeepDays=days)
        sandbox.push(name, id=f"{name}-6d", pushed="6d")
        sandbox.push(name, id=f"{name}-40d", tags=["v1"], pushed="40d")
    rule = EVERYWHERE | {"keep_days": 30, "keep_days_untagged": 7}
    outcome = run(retention_rules=[rule], minimum_keep_days=7)
    assert outcome.status == "completed"
    assert outcome.gone == {"too-short": run.ids("too-short-40d")}
    note = "repository too-short: tag BoxCleanerKeepDays = 2 is below minimum_keep_days = 7: 7 days hold"
    assert [one for one in outcome.told["notes"] if "repository" in one] == [note]
    assert {name: one["keep_days"] for name, one in outcome.repositories.items()} == {"longer": 60, "too-short": 7}


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
    rule = EVERYWHERE | {"keep_days": 1, "keep_days_untagged": 1, "remove_artifacts": True}
    outcome = run(retention_rules=[rule])
    assert outcome.gone == {"app": run.ids("unused")}
    assert reasons(outcome, "used", sandbox=sandbox) == ["in_use"]


def test_rules_that_are_not_understood_do_nothing(run: Runner, sandbox: Sandbox) -> None:
    """A misspelled condition is not one condition fewer."""
    run.opted_in("app")
    sandbox.push("app", id="old", tags=["v1"], pushed="90d")
    outcome = run(retention_rules=[EVERYWHERE | {"keep_tag": ["v*"]}])
    assert (outcome.status, outcome.gone) == ("failed", {})
    assert "retention_rules: 0: keep_tag" in outcome.causes
