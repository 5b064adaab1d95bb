"""What a person should know, in which words, and how much it matters."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision.matching import by_repository, resolve
from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.findings import rules
from ecr_cleaner.findings.lifecycle_policy import read
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.image import RemovedImage
from ecr_cleaner.model.repository import Repository, RepositorySnapshot, Retention
from ecr_cleaner.model.usage import ReferenceScope, Usage, UsageKind
from tests.builders import NOW, digest, image, repository, usage

GONE = digest("gone")
RESTORE = "ecr-cleaner restore {}"


def policy(count: int, **selection: Any) -> str:
    """One rule, by the days since the push unless it says otherwise."""
    told = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": count} | selection
    told = {name: value for name, value in told.items() if value is not None}
    return json.dumps({"rules": [{"rulePriority": 3, "selection": told, "action": {"type": "expire"}}]})


def test_a_missing_image_is_told_once_with_who_names_it() -> None:
    """The first consumers by name, and how many more."""
    usages = [usage(tag="v9", consumer=f"lambda function {name}") for name in "dbcab"]
    (found,) = rules.dangling("app", resolve([image()], usages), {}, RESTORE)
    assert found == Finding(
        FindingKind.DANGLING_REFERENCE,
        Severity.PROBLEM,
        "app:v9",
        "the repository has no such tag; named by lambda function a; lambda function b; lambda function c and 1 more",
    )
    (found,) = rules.dangling("app", resolve([image()], [usage(of="gone")]), {}, RESTORE)
    assert (found.subject, found.detail) == (
        f"app@{GONE}",
        "the repository has no such digest; named by ecs service prod/app",
    )


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({}, Severity.PROBLEM),
        ({"evidence": UsageKind.RUNNING}, Severity.PROBLEM),
        ({"evidence": UsageKind.SCHEDULED}, Severity.PROBLEM),
        ({"evidence": UsageKind.ROLLBACK}, Severity.WARNING),
        ({"source": "ecs_families"}, Severity.WARNING),
        ({"reference": replace(usage(tag="v9").reference, account=None, region=None)}, Severity.WARNING),
    ],
)
def test_what_may_never_start_is_no_problem(changes: dict[str, Any], severity: Severity) -> None:
    """A rollback target, a family that nothing names, a name that may be Docker Hub's."""
    one = replace(usage(tag="v9"), **changes)
    (found,) = rules.dangling("app", resolve([image()], [one]), {}, RESTORE)
    assert found.severity is severity
    (found,) = rules.dangling("app", resolve([image()], [one, usage(tag="v9", consumer="other")]), {}, RESTORE)
    assert found.severity is Severity.PROBLEM


def test_whoever_goes_by_the_digest_has_lost_a_name_only() -> None:
    """As Lambda does: its tag is for people. Somebody else may need it."""
    function = [usage(tag="v1", consumer="f"), usage(of="here", repository=None, consumer="f")]
    resolved = resolve([image("here")], function[:1], function[1:])
    (found,) = rules.dangling("app", resolved, {}, RESTORE)
    assert (found.severity, found.detail) == (
        Severity.INFO,
        "the repository has no such tag; named by f; what they run is there by its digest",
    )
    service = usage(tag="v1", consumer="s")
    (found,) = rules.dangling("app", resolve([image("here")], [function[0], service], function[1:]), {}, RESTORE)
    assert (found.severity, found.detail) == (Severity.PROBLEM, "the repository has no such tag; named by s")


def test_a_repository_that_is_not_there_is_told_for_each_image() -> None:
    """Not for names without a registry, and not where a digest alone is named."""
    one, other = usage(tag="v1", repository="gone"), usage(of="a", repository="gone", consumer="b")
    every = replace(one, reference=replace(one.reference, tag=None, breadth=ReferenceScope.REPOSITORY))
    hub = replace(one, reference=replace(one.reference, account=None, region=None, repository="nginx"))
    named = by_repository([one, other, every, hub, usage(tag="v1"), usage(of="a", repository=None)])
    found = list(rules.dangling_repositories(named, {"app"}))
    assert [finding.subject for finding in found] == ["gone:*", "gone:v1", f"gone@{digest('a')}"]
    assert found[1].detail == "the repository does not exist; named by ecs service prod/app"


def test_an_archived_image_in_use_is_a_problem() -> None:
    """Also if only its digest is named."""
    images = [image("a", tags=["v1"], active=False, size=7), image("b", active=False), image("c", tags=["v3"])]
    resolved = resolve(images, [usage(tag="v1"), usage(tag="v3")])
    assert list(rules.archived_in_use(images, resolved.used, {}, RESTORE)) == [
        Finding(
            FindingKind.ARCHIVED_IN_USE,
            Severity.PROBLEM,
            "app:v1",
            "it is archived, so nothing can pull it; in use by ecs service prod/app:"
            f" ecr-cleaner restore app@{digest('a')}",
            7,
        )
    ]
    assert list(rules.archived_in_use([replace(images[0], activating=True)], resolved.used, {}, RESTORE)) == []


def test_what_the_cleaner_archived_says_so() -> None:
    """With the run, and the command that knows where the journal lies."""
    old = image("a", tags=["v1"], active=False)
    gone = {
        digest("a"): RemovedImage(("v1",), NOW, "run-7", "archive"),
        digest("b"): RemovedImage((), NOW, "run-7", "archive"),
    }
    (found,) = rules.archived_in_use([old], resolve([old], [usage(tag="v1")]).used, gone, "restore --x {}")
    assert found.detail.endswith(
        f"prod/app; run run-7 was about to archive it 2026-03-01 12:00 UTC: restore --x app@{digest('a')}"
    )


def test_what_the_cleaner_removed_is_told_as_that() -> None:
    """Once, whether it is named by its tag, by its digest, or by both; what others removed is just missing."""
    gone = {digest("a"): RemovedImage(("v1",), NOW, "run-7", "delete")}
    usages = [usage(tag="v1", consumer="f"), usage(of="a", consumer="f"), usage(of="a", consumer="g"), usage(tag="v2")]
    found = {one.subject: one for one in rules.dangling("app", resolve([image()], usages), gone, "restore {}")}
    assert set(found) == {"app:v1", "app:v2"}
    assert found["app:v2"].kind is FindingKind.DANGLING_REFERENCE
    assert found["app:v1"] == Finding(
        FindingKind.REMOVED_IN_USE,
        Severity.PROBLEM,
        "app:v1",
        "the repository has no such tag; named by f; g; run run-7 was about to delete it 2026-03-01 12:00 UTC:"
        f" restore app@{digest('a')}",
    )


@pytest.mark.parametrize("kind", list(FindingKind))
@pytest.mark.parametrize("severity", list(Severity))
def test_only_consumers_that_cannot_get_an_image_ring(kind: FindingKind, severity: Severity) -> None:
    """And only where they will want it."""
    rings = Finding(kind, severity, "app:v1", "why").fails_run
    assert rings is (kind.value in {"archived_in_use", "removed_in_use"} and severity is Severity.PROBLEM)


def lifecycle(text: str, *images: Any, usages: list[Usage] | None = None, read_indexes: bool = True) -> list[Finding]:
    """What is found of images, all of them in use by their tags unless it says otherwise."""
    usages = usages or [usage(tag=tag) for one in images for tag in one.tags]
    used = resolve(images, usages).used
    return list(rules.lifecycle(RepositorySnapshot(tuple(images)), used, read(text), NOW, read=read_indexes))


@pytest.mark.parametrize(
    ("days", "severity", "when"),
    [
        (39, Severity.PROBLEM, "within 24 hours"),
        (40, Severity.PROBLEM, "within 24 hours"),
        (41, Severity.WARNING, "on 2026-03-02"),
        (46, Severity.WARNING, "on 2026-03-07"),
    ],
)
def test_what_a_lifecycle_policy_takes_is_told_in_time(days: int, severity: Severity, when: str) -> None:
    """The date as long as there is one."""
    (found,) = lifecycle(policy(days), image("a", tags=["v1"], pushed="40d", size=5))
    assert found == Finding(
        FindingKind.LIFECYCLE_EXPIRES_IN_USE,
        severity,
        "app:v1",
        f"rule 3 of the repository's lifecycle policy expires it {when}; in use by ecs service prod/app",
        5,
    )


def test_what_has_more_than_a_week_is_not_told() -> None:
    """Every age limit is over some day."""
    assert lifecycle(policy(47), image("a", tags=["v1"], pushed="40d")) == []
    assert timedelta(days=7) == rules.LIFECYCLE_HORIZON


def test_what_is_not_in_use_may_go() -> None:
    """That is what lifecycle policies are for."""
    assert lifecycle(policy(1), image("a", tags=["v1"]), usages=[usage(tag="v2")]) == []


def test_what_goes_by_count_goes_now() -> None:
    """And to the archive as well as for good; a rollback target is no problem."""
    text = policy(1, countType="imageCountMoreThan", countUnit=None).replace(
        '{"type": "expire"}', '{"type": "transition", "targetStorageClass": "archive"}'
    )
    old, new = image("old", tags=["v1"], pushed="9d"), image("new", tags=["v2"], pushed="1d")
    (found,) = lifecycle(text, old, new)
    assert "archives it within 24 hours" in found.detail
    (found,) = lifecycle(text, old, new, usages=[usage(tag="v1", evidence=UsageKind.ROLLBACK)])
    assert found.severity is Severity.WARNING


def test_what_may_be_part_of_an_index_is_said_to_be() -> None:
    """Only where indexes were not read, and only what nobody pulls by a name."""
    text = policy(7)
    index = image("index", kind="index", tags=["v1"])
    child, named = image("child"), image("named", tags=["v2"])
    usages = [usage(of="child"), usage(tag="v2"), usage(tag="v1")]
    found = {f.subject: f for f in lifecycle(text, index, child, named, usages=usages, read_indexes=False)}
    assert "unless an index lists it: none was read here" in found[f"app@{child.digest}"].detail
    assert found[f"app@{child.digest}"].severity is Severity.WARNING
    assert {found[name].severity for name in ("app:v1", "app:v2")} == {Severity.PROBLEM}
    (found_alone,) = lifecycle(text, child, usages=[usage(of="child")], read_indexes=False)
    assert found_alone.severity is Severity.PROBLEM
    read_all = lifecycle(text, index, child, named, usages=usages)
    assert {f.severity for f in read_all} == {Severity.PROBLEM}


def test_what_an_index_lists_is_not_told_before_the_index() -> None:
    """ECR keeps it as long."""
    index, child = image("index", kind="index", tags=["v1"], pushed="1d"), image("child", pushed="40d")
    contents = RepositorySnapshot((index, child), {index.digest: (child.digest,)})
    used = resolve([index, child], [usage(of="child")]).used
    assert list(rules.lifecycle(contents, used, read(policy(30)), NOW, read=True)) == []
    (found,) = rules.lifecycle(contents, used, read(policy(7)), NOW, read=True)
    assert (found.severity, "on 2026-03-07" in found.detail) == (Severity.WARNING, True), "not before its index"


def test_rules_that_are_not_understood_are_told() -> None:
    """One finding each, and one for what is no policy at all."""
    (found,) = lifecycle(policy(7, tagStatus="signed"), image("a", tags=["v1"]))
    assert (found.kind, found.severity, found.subject) == (
        FindingKind.LIFECYCLE_RULE_NOT_UNDERSTOOD,
        Severity.WARNING,
        "app",
    )
    assert found.detail == (
        "rule 3 of its lifecycle policy has the tagStatus 'signed': whether it takes images in use is not known"
    )
    (found,) = lifecycle("no policy", image("a", tags=["v1"]))
    assert found.detail.startswith("its lifecycle policy is no list of rules")


def orphans(*images: Any, in_use: frozenset[str] = frozenset()) -> list[Finding]:
    """What is found of these images."""
    return list(rules.orphans(RepositorySnapshot(images), in_use))


def test_orphans_are_told_together() -> None:
    """By subject and by tag, with what they hold; an index holds nothing itself."""
    tag = f"sha256-{GONE[7:]}"
    found = orphans(
        image("app", tags=["v1"]),
        image("fine", subject="app", size=1),
        image("sbom", subject="gone", size=2),
        image("signature", tags=[f"{tag}.sig"], size=3),
        image("list", kind="index", tags=[tag], size=4),
    )
    assert found == [
        Finding(
            FindingKind.ORPHANED_ARTIFACTS,
            Severity.INFO,
            "app",
            f"3 signatures or attestations refer to images that are not in it, e.g. app@{digest('sbom')}",
            5,
        )
    ]


def test_signatures_that_are_kept_apart_are_no_orphans() -> None:
    """Where nothing else lies; and where what they sign is in use somewhere."""
    chart = "application/vnd.dev.cosign.simplesigning.v1+json"
    assert orphans(image("a", subject="gone", artifact_type=chart)) == []
    assert orphans(image("app"), image("a", subject="gone"), in_use=frozenset({GONE})) == []
    assert orphans(image("app"), image("a", subject="gone")) != []


def test_storage_is_summed() -> None:
    """Each repository, and all of them."""
    assert rules.unmanaged("web", 2, 30).bytes == 30
    total = rules.unmanaged_total({"web": (2, 30), "api": (1, 5)})
    assert (total.subject, total.detail, total.bytes) == (
        "registry",
        "2 repositories that did not opt in hold 3 images",
        35,
    )


FINDINGS = st.builds(
    Finding, st.sampled_from(FindingKind), st.sampled_from(Severity), st.sampled_from("ab"), st.just("x")
)


@given(st.lists(FINDINGS, max_size=12))
def test_the_gravest_come_first_and_nothing_twice(found: list[Finding]) -> None:
    """Whatever the order in which they were made."""
    ordered = rules.ordered(found)
    assert set(ordered) == set(found)
    assert len(ordered) == len(set(found))
    gravity = [list(Severity).index(one.severity) for one in ordered]
    assert gravity == sorted(gravity)
    assert rules.ordered(reversed(found)) == ordered


def test_what_somebody_unseen_pulls_is_counted() -> None:
    """With the last one, which is easiest to find in CloudTrail."""
    images = [image("a", pulled="3d"), image("b", tags=["v1"], pulled="2d"), image("c", pulled="60d"), image("d")]
    shared = replace(repository(), retention=Retention(30, keep_pulled_within_days=7))

    def found(one: Repository) -> list[Finding]:
        return list(rules.pulled_elsewhere(evaluate(one, RepositorySnapshot(tuple(images)), [], NOW)))

    (finding,) = found(shared)
    assert (finding.kind.value, finding.severity.value, finding.subject) == ("may_be_in_use_elsewhere", "info", "app")
    assert finding.detail.startswith("no consumer names 2 images that were pulled within keep_recently_used_days = 7")
    assert "such as app:v1: pulled 2026-02-27 12:00 UTC" in finding.detail
    assert found(repository()) == []
