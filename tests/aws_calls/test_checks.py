"""What is asked for findings, and what an answer must have."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from ecr_cleaner.findings.collector import FindingsCollector
from ecr_cleaner.model.pull_access import PullScope
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.registry import pull_times
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.registry.repositories import RegistryListing
from ecr_cleaner.settings.loader import Settings
from tests.aws_calls.script import detail
from tests.builders import ACCOUNT, NOW, image, repository, usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.model.finding import Finding
    from tests.aws_calls.script import Script

OLD = image("old", tags=["v1"], pushed="90d")
POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {
                "tagStatus": "any",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 30,
            },
            "action": {"type": "expire"},
        }
    ]
}


OPEN = json.dumps(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "ecr:BatchGetImage"}
        ]
    }
)


def checks(script: Script, **settings: object) -> FindingsCollector:
    """Those of a run in which an old image is in use."""
    made = FindingsCollector(script.aws, Settings.model_validate(settings), lambda: 900.0, "ecr-cleaner restore {}")
    made.scanned([usage(tag="v1")])
    return made


def found(made: FindingsCollector) -> list[Finding]:
    """Of the repository that holds it."""
    return made.repository(repository(), RepositorySnapshot((OLD,)), NOW, {}, read=True)


def test_a_lifecycle_policy_is_asked_for_by_name(script: Script) -> None:
    """And read as it is written."""
    answer = {"registryId": ACCOUNT, "repositoryName": "app", "lifecyclePolicyText": json.dumps(POLICY)}
    script.answer("ecr", "get_lifecycle_policy", answer, repositoryName="app")
    assert [finding.kind.value for finding in found(checks(script))] == ["lifecycle_expires_in_use"]


def test_no_policy_is_an_answer(script: Script) -> None:
    """And so is no repository."""
    for code in ("LifecyclePolicyNotFoundException", "RepositoryNotFoundException"):
        script.refuse("ecr", "get_lifecycle_policy", code, repositoryName="app")
        assert found(checks(script)) == []


def test_half_an_answer_is_none(script: Script) -> None:
    """Without its text the policy is not known."""
    script.cut_short("ecr", "get_lifecycle_policy", {"repositoryName": "app"}, repositoryName="app")
    (finding,) = found(checks(script))
    assert (finding.kind.value, finding.subject) == ("not_determined", "app")
    assert "lifecyclePolicyText" in finding.detail


def test_a_refused_call_says_which(script: Script) -> None:
    """So that a person can allow it."""
    script.refuse("ecr", "get_lifecycle_policy", "AccessDeniedException", repositoryName="app")
    (finding,) = found(checks(script))
    assert finding.detail.startswith("GetLifecyclePolicy failed with AccessDeniedException")


def test_other_repositories_are_listed_page_by_page(script: Script) -> None:
    """All of their images, archived ones too."""
    made = checks(script, report_unmanaged_repositories=True)
    every = {"filter": {"imageStatus": "ANY"}, "maxResults": 1000}
    pages = [
        [detail(image("a", size=1, repository="web"))],
        [detail(image("b", size=2, repository="web", active=False))],
    ]
    script.pages(
        "ecr",
        "describe_images",
        "imageDetails",
        *pages,
        repositoryName="web",
        **every,
    )
    script.refuse("ecr", "describe_images", "RepositoryNotFoundException", repositoryName="zz", **every)
    made.scanned([])
    found = made.end(RegistryListing(RegistryFacts(ACCOUNT), frozenset({"web", "zz"}), ()), NOW, None)
    assert [(f.kind.value, f.subject, f.bytes) for f in found] == [
        ("unmanaged_storage", "web", 3),
        ("unmanaged_storage", "registry", 3),
    ]


def test_half_a_page_is_no_listing(script: Script) -> None:
    """What a repository holds is not known then."""
    made = checks(script, report_unmanaged_repositories=True)
    script.cut_short(
        "ecr",
        "describe_images",
        {},
        {"imageDetails": []},
        repositoryName="web",
        filter={"imageStatus": "ANY"},
        maxResults=1000,
    )
    made.scanned([])
    found = made.end(RegistryListing(RegistryFacts(ACCOUNT), frozenset({"web"}), ()), NOW, None)
    assert [(f.kind.value, f.subject) for f in found] == [("not_determined", "web")]


def accepting(script: Script) -> FindingsCollector:
    """Those of a run in which a person accepted that other accounts pull."""
    made = checks(script, accepted_gaps={"other_accounts:*": "known"})
    made.scanned([])
    made.listed(RegistryListing(RegistryFacts(ACCOUNT), frozenset({"app"}), (repository(),)))
    return made


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (OPEN, [("open_to_other_accounts", "info")]),
        (OPEN.replace("999999999999", ACCOUNT), []),
        ("no policy", [("not_determined", "info")]),
        (None, []),
    ],
)
def test_what_is_accepted_is_told_for_each_repository(
    script: Script, text: str | None, kinds: list[tuple[str, str]]
) -> None:
    """By its own policy, which is asked for once."""
    with Stubber(script.aws.client_without_retries("ecr")) as stubber:
        if text is None:
            stubber.add_client_error("get_repository_policy", "RepositoryPolicyNotFoundException")
        else:
            answer = {"registryId": ACCOUNT, "repositoryName": "app", "policyText": text}
            stubber.add_response("get_repository_policy", answer, {"repositoryName": "app"})
        made = accepting(script)
        twice = [made.repository(repository(), RepositorySnapshot((OLD,)), NOW, {}, read=True) for _ in range(2)]
        stubber.assert_no_pending_responses()
    assert [(finding.kind.value, finding.severity.value) for finding in (*twice[0], *twice[1])] == kinds


@pytest.mark.parametrize(("accepted", "severity"), [(True, "info"), (False, "warning")])
def test_the_registrys_own_policy_is_told_once(script: Script, *, accepted: bool, severity: str) -> None:
    """It lets somebody pull from every repository."""
    made = accepting(script) if accepted else checks(script)
    facts = RegistryFacts(ACCOUNT, pull_scopes=(PullScope("*", "from any account"),))
    assert made.listed(RegistryListing(facts, frozenset(), ())) == []
    (finding,) = made.uncovered({}, UsageScan((), (), NOW))
    assert finding.detail == "the registry's policy lets * pull from every repository from any account"
    assert (finding.kind.value, finding.severity.value, finding.subject) == (
        "open_to_other_accounts",
        severity,
        "registry",
    )


# What ECR records of the run's own reading

ROLE = f"arn:aws:iam::{ACCOUNT}:role/cleaner"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/cleaner/run"


@contextmanager
def asked(script: Script, caller: str, *pages: list[str]) -> Iterator[None]:
    """Who asks, and who is excluded from pull times."""
    sts, ecr = (Stubber(script.aws.client_without_retries(service)) for service in ("sts", "ecr"))
    sts.add_response("get_caller_identity", {"Arn": caller, "Account": ACCOUNT, "UserId": "AROA"}, {})
    for number, page in enumerate(pages, 1):
        more = {"nextToken": f"page {number + 1}"} if number < len(pages) else {}
        wanted: dict[str, object] = {"maxResults": 100} | ({"nextToken": f"page {number}"} if number > 1 else {})
        ecr.add_response("list_pull_time_update_exclusions", {"pullTimeUpdateExclusions": page} | more, wanted)
    with sts, ecr:
        yield
        sts.assert_no_pending_responses()
        ecr.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("caller", "pages", "recorded"),
    [
        (SESSION, [[]], ROLE),
        (SESSION, [[f"arn:aws:iam::{ACCOUNT}:role/other"], [ROLE]], None),
        (SESSION, [[f"arn:aws:iam::{ACCOUNT}:role/platform/ecr/cleaner"]], None),
        (SESSION, [[f"arn:aws:iam::{ACCOUNT}:role/cleaner/other", "arn:aws:iam::999999999999:role/cleaner"]], ROLE),
        (SESSION, [[f"arn:aws:iam::{ACCOUNT}:user/cleaner"]], ROLE),
        (f"arn:aws:iam::{ACCOUNT}:user/ops/ann", [[f"arn:aws:iam::{ACCOUNT}:user/ops/ann"]], None),
    ],
)
def test_who_is_excluded_from_pull_times_is_read_on_every_page(
    script: Script, caller: str, pages: list[list[str]], recorded: str | None
) -> None:
    """By account, kind and name: a session's ARN does not have the path of its role."""
    with asked(script, caller, *pages):
        assert pull_times.recorded_principal(script.aws) == recorded


@pytest.mark.parametrize("is_shared", [True, False])
def test_own_pulls_are_told_where_others_may_pull(script: Script, *, is_shared: bool) -> None:
    """Only there they keep anything; the command has the role."""
    made = checks(script)
    scopes = (PullScope("*"),) if is_shared else ()
    made.scanned([])
    made.repository(replace(repository(), pull_scopes=scopes), RepositorySnapshot((OLD,)), NOW, {}, read=True)
    listing = RegistryListing(RegistryFacts(ACCOUNT), frozenset({"app"}), (repository(),))
    if not is_shared:
        assert made.end(listing, NOW, None) == []
        return
    with asked(script, SESSION, []):
        (finding,) = made.end(listing, NOW, None)
    assert (finding.kind.value, finding.severity.value, finding.subject) == (
        "own_pulls_recorded",
        "warning",
        "registry",
    )
    assert finding.detail.endswith(f"aws ecr register-pull-time-update-exclusion --principal-arn {ROLE}")
