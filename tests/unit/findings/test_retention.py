"""What is kept only because no rule says more, and rules that keep fewer than they say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import hcl2
import pytest

from ecr_cleaner.decision import rules
from ecr_cleaner.findings import retention as findings
from ecr_cleaner.model.finding import FindingKind, Severity
from ecr_cleaner.model.repository import Repository, RepositoryRule, RepositorySnapshot, Retention
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
        **held: Any,
    ) -> None:
        listed = {digest(index): tuple(map(digest, names)) for index, names in (children or {}).items()}
        self.contents = RepositorySnapshot(tuple(images), listed)
        self.usages = tuple(usages)
        self.own: Repository = repository(**held)
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
        """What the rule in a finding would remove as well, if it were added to the settings as it stands there."""
        text = finding.detail[finding.detail.index("{") : finding.detail.rindex("}") + 1]
        (told,) = hcl2.loads(f"rules = [{text}]")["rules"]
        rule = RetentionRule.model_validate_json(json.dumps(unquoted(told)))
        assert rule.repositories == ("app",)
        retention = self.own.retention
        days = rule.keep_days or retention.keep_days
        other = self.by(replace(retention, rules=(*retention.rules, RepositoryRule(99, rule, days))))
        return {v.image.digest for v in other.removals} - {v.image.digest for v in self.plan.removals}


def unquoted(value: Any) -> Any:
    """What the parser leaves in quotes."""
    if isinstance(value, dict):
        return {key: unquoted(each) for key, each in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [unquoted(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


def test_untagged_build_caches_are_told_with_the_rule_that_removes_them() -> None:
    """The tag of the cache stays: without it the next build is slow. What it would cost is told apart."""
    found = Evaluated([cache("now", "buildcache"), cache("one"), cache("two"), cache("new", pushed="1d")])
    untagged, tagged = found.without_rule()
    assert untagged.detail == (
        "2 unused untagged artifacts are kept only because no rule says more; the rule"
        f' {{ repositories = ["app"], untagged = true, artifact_types = ["{CACHE}"], keep_days = 30 }}'
        " would remove them"
    )
    assert untagged.bytes == 6000
    assert found.removed_by(untagged) == {digest("one"), digest("two")}
    assert tagged.detail == (
        "1 unused tagged artifacts are kept only because no rule says more; the rule"
        f' {{ repositories = ["app"], tags = ["*"], artifact_types = ["{CACHE}"], keep_days = 30 }}'
        " would remove them"
    )
    assert tagged.bytes == 3000
    assert found.removed_by(tagged) == {digest("now")}
    assert Evaluated([cache("one")]).without_rule()[0].detail.startswith("1 unused untagged artifacts")


@pytest.mark.parametrize(
    "held",
    [
        {},
        {"keep_days": 45, "rules": [{"keep_newest": 1, "keep_pulled_within_days": 9}]},
        {"rules": [{"tags": ("v*", "b*"), "keep": True}, {"untagged": True, "keep_days": 60}]},
        {"rules": [{"artifact_types": (CHART,), "keep_days": 7}]},
    ],
)
def test_the_rule_adds_to_those_that_there_are(held: dict[str, Any]) -> None:
    """What is kept for another reason stays kept."""
    images = [
        image("a", tags=["v1"], pushed="40d"),
        image("untagged", pushed="40d"),
        image("pulled", pushed="70d", pulled="5d"),
        cache("now", "buildcache"),
        cache("one", pushed="70d"),
    ]
    found = Evaluated(images, **held)
    untagged = found.without_rule()[0]
    assert found.removed_by(untagged) == {digest("one")}


def test_the_rule_names_the_types_as_long_as_there_are_few() -> None:
    """And those that can be named: else it is for all artifacts."""

    def types(*told: str | None) -> str:
        artifacts = [replace(cache(f"c{n}"), artifact_type=each) for n, each in enumerate(told)]
        evaluated = Evaluated(artifacts)
        (found,) = evaluated.without_rule()
        assert evaluated.removed_by(found) == {i.digest for i in artifacts}
        return found.detail.split("artifact_types = ")[1].split(", keep_days")[0]

    assert types(*"edcba") == '["a", "b", "c", "d", "e"]'
    assert types(*"fedcba") == '["*"]'
    assert types("a", None) == '["*"]'
    assert types("a*") == '["*"]'
    assert types('a"${b}') == '["*"]'


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
    assert Evaluated([chart], rules=[{"artifact_types": ("*",), "keep_newest": 1}]).without_rule() == []
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


def newest(images: Iterable[Image], count: int = 4, *rules: dict[str, Any], **held: Any) -> list[Finding]:
    """What is told of rules of which the first keeps the newest."""
    found = Evaluated(images, {"index": ["part"]}, rules=[{"keep_newest": count}, *rules], **held)
    return list(findings.fewer_than_newest(found.plan, found.contents))


BUILDS = [image("latest", tags=["latest"]), *(image(f"b{n}", pushed=f"{50 + n}d") for n in range(4))]
"""Deployed by one tag that moves; one goes back to a build by its digest."""


def test_fewer_than_the_newest_are_told_where_others_go() -> None:
    """Whoever asked for four believes that four are safe; the rule that counts them is told."""
    (found,) = newest(BUILDS)
    assert (found.kind, found.severity, found.subject) == (FindingKind.FEWER_THAN_NEWEST, Severity.WARNING, "app")
    assert found.detail == (
        "retention_rules[0]: keep_newest = 4 counts tagged images outside the archive and finds 1; 4 others are unused"
        " and not kept by it: tag each build, or keep untagged builds too by the rule"
        ' { repositories = ["app"], untagged = true, keep_newest = 4 }'
    )
    assert "finds 0; 4 others" in newest(BUILDS[1:])[0].detail
    assert newest(BUILDS, 1) == []
    assert newest(BUILDS[:1]) == [], "nothing goes"
    assert newest(BUILDS, keep_days=90) == []


def test_what_another_rule_selects_was_decided_on() -> None:
    """A rule with a selector counts what it says: nothing is told of it, nor of what it lets go."""
    assert newest(BUILDS, 4, {"untagged": True, "keep_newest": 4}) == []
    assert newest(BUILDS, 4, {"untagged": True, "keep_days": 3}) == []
    assert len(newest(BUILDS, 4, {"tags": ("x*",), "keep_newest": 4})) == 1
    assert newest([image("a", tags=["v1"]), image("b", tags=["x1"])], 1, {"tags": ("x*", "y"), "keep_newest": 4}) == []


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
    caches = [image("v1", tags=["v1"]), cache("one")]
    assert newest(caches, 2, {"artifact_types": ("*",), "keep_days": 3}) == [], "no rule for images lets artifacts go"
