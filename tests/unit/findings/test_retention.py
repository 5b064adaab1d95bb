"""What is kept only because no rule says more, and rules that keep fewer than they say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import hcl2
import pytest

from ecr_cleaner.decision import retention as retentions
from ecr_cleaner.decision import rules
from ecr_cleaner.findings import retention as findings
from ecr_cleaner.model.finding import FindingKind, Severity
from ecr_cleaner.model.repository import Repository, RepositorySnapshot, Retention
from ecr_cleaner.model.rules import RetentionRule
from tests.builders import NOW, ago, digest, image, repository, usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_cleaner.model.finding import Finding
    from ecr_cleaner.model.image import Image
    from ecr_cleaner.model.plan import RepositoryPlan
    from ecr_cleaner.model.usage import Usage

CACHE = "application/vnd.buildkit.cacheconfig.v0"
CHART = "application/vnd.cncf.helm.config.v1+json"


def cache(name: str, *tags: str, size: int = 3000, kind: str = "image", pushed: str = "50d") -> Image:
    """What a build leaves in a registry for the next one."""
    return image(name, tags=tags, size=size, kind=kind, pushed=pushed, artifact_type=CACHE)


class Evaluated:
    """A repository by its rule and by others."""

    def __init__(
        self,
        images: Iterable[Image],
        children: Mapping[str, Iterable[str]] | None = None,
        usages: Iterable[Usage] = (),
        **conditions: Any,
    ) -> None:
        listed = {digest(index): tuple(map(digest, names)) for index, names in (children or {}).items()}
        self.contents = RepositorySnapshot(tuple(images), listed)
        self.usages = tuple(usages)
        self.own: Repository = repository(**conditions)
        self.plan = self.by(self.own.retention)

    def by(self, retention: Retention) -> RepositoryPlan:
        """The plan by a rule."""
        return rules.evaluate(replace(self.own, retention=retention), self.contents, self.usages, NOW)

    def without_rule(self) -> list[Finding]:
        """What no rule speaks of."""
        found = list(findings.without_rule(self.plan, self.by))
        assert {finding.kind for finding in found} <= {FindingKind.KEPT_WITHOUT_RULE}
        assert all((finding.subject, finding.severity) == ("app", Severity.INFO) for finding in found)
        return found

    def removed_by(self, finding: Finding) -> set[str]:
        """What the rule in a finding would remove as well, if it were written into the settings as it stands there."""
        text = finding.detail[finding.detail.index("{") : finding.detail.rindex("}") + 1]
        (told,) = hcl2.loads(f"rules = [{text}]")["rules"]
        rule = RetentionRule.model_validate_json(json.dumps(unquoted(told)))
        assert rule.repositories == ("app",)
        other = self.by(rules_of(rule))
        return {v.image.digest for v in other.removals} - {v.image.digest for v in self.plan.removals}


def unquoted(value: Any) -> Any:
    """What the parser leaves in quotes."""
    if isinstance(value, dict):
        return {key: unquoted(each) for key, each in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [unquoted(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


def rules_of(rule: RetentionRule) -> Retention:
    """What holds by a rule, where the default is 30 days."""
    return retentions.of_repository("app", [rule], default_keep_days=30)


def test_untagged_build_caches_are_told_with_the_rule_that_removes_them() -> None:
    """The tag of the cache stays: without it the next build is slow. What it would cost is told apart."""
    found = Evaluated([cache("now", "buildcache"), cache("one"), cache("two"), cache("new", pushed="1d")])
    untagged, tagged = found.without_rule()
    rule = '{ repositories = ["app"], keep_tags = ["buildcache"], remove_artifacts = true }'
    assert untagged.detail == (
        "2 unused untagged artifacts are kept only because no rule says more; this rule, before all others,"
        f" {rule} would remove them"
    )
    assert untagged.bytes == 6000
    assert found.removed_by(untagged) == {digest("one"), digest("two")}
    assert tagged.detail == (
        "1 unused tagged artifacts are kept only because no rule says more; this rule, before all others,"
        ' { repositories = ["app"], remove_artifacts = true } would remove them'
    )
    assert tagged.bytes == 3000
    assert found.removed_by(tagged) == {digest("now"), digest("one"), digest("two")}
    assert Evaluated([cache("one")]).without_rule()[0].detail.startswith("1 unused untagged artifacts")


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"rule": 2},
        {"rule": 0, "keep_days": 45, "keep_days_untagged": 35, "keep_newest": 1, "keep_pulled_within_days": 9},
        {"rule": 0, "keep_tags": ("v*", "b*")},
    ],
)
def test_the_rule_says_what_holds_already(conditions: dict[str, Any]) -> None:
    """Because the first rule that matches holds alone: what is kept for another reason stays kept."""
    images = [
        image("a", tags=["v1"], pushed="40d"),
        image("b", tags=["v2"], pushed="50d"),
        image("untagged", pushed="40d"),
        image("pulled", pushed="70d", pulled="5d"),
        cache("now", "buildcache"),
        cache("one", pushed="70d"),
    ]
    found = Evaluated(images, **conditions)
    untagged = found.without_rule()[0]
    assert found.removed_by(untagged) == {digest("one")}


def test_where_many_artifacts_are_tagged_one_rule_is_told_for_all() -> None:
    """Nobody would paste the names of a hundred charts."""
    charts = [image(f"c{n}", tags=[f"1.{n}"], artifact_type=CHART, size=10) for n in range(11)]
    (found,) = Evaluated([*charts, cache("one")]).without_rule()
    assert found.detail.startswith("12 unused artifacts are kept")
    assert found.bytes == 3110
    few = Evaluated(charts[:10]).without_rule()
    assert [finding.detail.split(" are ")[0] for finding in few] == ["10 unused tagged artifacts"]


def test_only_what_a_rule_would_remove_is_told() -> None:
    """Not what is young, in use, or a part of what stays; an index adds nothing to the bytes."""
    images = [
        cache("index", "cache", kind="index"),
        cache("layer"),
        cache("used", "v1"),
        cache("young", pushed="30d"),
    ]
    evaluated = Evaluated(images, {"index": ["layer"]}, [usage(tag="v1")])
    chart = image("chart", tags=["1.0"], artifact_type=CHART)
    assert Evaluated([chart], usages=[usage(tag="1.0")]).without_rule() == []
    assert Evaluated([image("a")]).without_rule() == []
    assert Evaluated([chart], remove_artifacts=True).without_rule() == []
    (found,) = evaluated.without_rule()
    assert (found.detail.split(" are ")[0], found.bytes) == ("2 unused tagged artifacts", 3000)


def test_old_archived_images_are_told_with_the_setting() -> None:
    """As long as nobody has decided on them."""
    archived = [
        replace(image(name, active=False), archived_at=ago(f"{days}d")) for name, days in (("a", 91), ("b", 90))
    ]
    (found,) = Evaluated(archived).without_rule()
    assert found.detail == (
        "1 unused archived images are kept only because no rule says more;"
        " delete_archived_after_days = 90 would remove them"
    )
    assert found.bytes == 1000
    assert Evaluated(archived, delete_archived_after_days=365).without_rule() == []
    assert Evaluated(archived[1:]).without_rule() == []


def newest(images: Iterable[Image], count: int = 4, **conditions: Any) -> list[Finding]:
    """What is told of a rule that keeps the newest."""
    children = {"index": ["part"]}
    found = Evaluated(images, children, keep_newest=count, **conditions)
    return list(findings.fewer_than_newest(found.plan, found.contents))


BUILDS = [image("latest", tags=["latest"]), *(image(f"b{n}", pushed=f"{50 + n}d") for n in range(4))]
"""Deployed by one tag that moves; one goes back to a build by its digest."""


def test_fewer_than_the_newest_are_told_where_others_go() -> None:
    """Whoever asked for four believes that four are safe."""
    (found,) = newest(BUILDS)
    assert (found.kind, found.severity, found.subject) == (FindingKind.FEWER_THAN_NEWEST, Severity.WARNING, "app")
    assert found.detail == (
        "keep_newest = 4 counts tagged images outside the archive and finds 1; 4 others are unused and not kept by it:"
        " tag each build, or keep untagged ones longer by keep_days_untagged"
    )
    assert "finds 0; 4 others" in newest(BUILDS[1:])[0].detail
    assert newest(BUILDS, 1) == []
    assert newest(BUILDS, 0) == []
    assert newest(BUILDS[:1]) == [], "nothing goes"
    assert newest(BUILDS, keep_days=90) == []


def test_parts_and_signatures_that_go_are_no_builds() -> None:
    """Nor does an archived image count as one of the newest."""
    parts = [
        image("latest", tags=["latest"]),
        image("signature", subject="gone"),
        replace(image("index", kind="index"), active=False),
        image("part"),
    ]
    assert newest(parts) == []
    archived = [replace(image("v1", tags=["v1"]), active=False), *BUILDS[1:]]
    assert "finds 0; 4 others" in newest(archived)[0].detail
    index = [image("latest", tags=["latest"]), image("index", kind="index"), image("part")]
    assert "finds 1; 1 others" in newest(index)[0].detail


def test_artifacts_are_counted_by_themselves() -> None:
    """Two newest images say nothing of charts."""
    images = [image("v1", tags=["v1"]), image("v2", tags=["v2"]), cache("now", "cache"), cache("one")]
    assert newest(images, 2) == []
    (found,) = newest(images, 2, remove_artifacts=True)
    assert "keep_newest = 2 counts tagged artifacts outside the archive and finds 1; 1 others" in found.detail
