"""The code of ``make test-live-aws``, run against the sandbox: that it works, asks, tells, and leaves nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws import Fault, Sandbox
from tests.fake_kubernetes import FakeCluster, FakeServer, resolving
from tests.live_aws import __main__ as test_aws
from tests.live_aws import accounts, clusters, deleting, policy, regions
from tests.live_aws.account import ACCOUNT_VARIABLE, Account, RefusedError
from tests.live_aws.denials import TAGS, Denials
from tools.processes import loopback_only

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER = "123456789012"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox for all tests of this module."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """An empty account that every client of this process finds."""
    running.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
    for name, value in loopback_only({}).items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def account(sandbox: Sandbox) -> Iterator[Account]:
    """The account, by the front door."""
    del sandbox
    with Account({ACCOUNT_VARIABLE: NUMBER}) as account:
        yield account


def names(sandbox: Sandbox) -> list[str]:
    """The repositories that there are."""
    return [one["repositoryName"] for one in sandbox.client("ecr").describe_repositories()["repositories"]]


@pytest.mark.parametrize("said", [None, "", "12345", "210987654321"])
def test_nothing_is_made_unless_the_account_is_named(
    sandbox: Sandbox, said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a number, or with that of another account, nothing is asked but whose credentials these are."""
    assert test_aws.main({} if said is None else {ACCOUNT_VARIABLE: said}) == 2
    assert ("210987654321" if said == "210987654321" else ACCOUNT_VARIABLE) in capsys.readouterr().err
    assert {call.operation for call in sandbox.calls} <= {"GetCallerIdentity"}


def test_unusable_credentials_are_told(sandbox: Sandbox) -> None:
    """As a sentence, not as a traceback."""
    sandbox.inject(Fault(service="sts", operation="GetCallerIdentity", kind="access_denied"))
    with pytest.raises(RefusedError, match="cannot be used"):
        Account({ACCOUNT_VARIABLE: NUMBER})


@pytest.mark.parametrize(
    ("meaning", "one_of_two", "both"),
    [
        ("tag", "the image stays with v2 (no failure reported)", "the image goes (no failure reported)"),
        ("image", "the image goes (no failure reported)", "the image goes (ImageNotFound)"),
    ],
)
def test_the_meanings_of_a_pair_are_told_apart(
    sandbox: Sandbox, account: Account, meaning: Any, one_of_two: str, both: str
) -> None:
    """Whatever AWS does, the answers say which it is."""
    sandbox.pair_deletes = meaning
    told = {answer.question: answer.answer for answer in deleting.ask(account)}
    assert told == {
        "An index and its manifests in one call, index first": (
            "index goes, 2 of 2 manifests stay (ImageReferencedByManifestList, ImageReferencedByManifestList)"
        ),
        "An index and its manifests in one call, manifests first": (
            "index goes, 2 of 2 manifests stay (ImageReferencedByManifestList, ImageReferencedByManifestList)"
        ),
        "An index, then its manifests in a second call": "0 of 3 stay (no failure reported)",
        "One (digest, tag) pair of an image with two tags": one_of_two,
        "Both (digest, tag) pairs of an image in one call": both,
        "The only (digest, tag) pair of an image": "the image goes (no failure reported)",
        "A (digest, tag) pair whose tag has moved": (
            "old: the image stays with no tag (ImageTagDoesNotMatchDigest); "
            "new: the image stays with v1 (no failure reported)"
        ),
        "The only pair of a tagged image that an index lists": (
            "the image stays with v1-amd64 (ImageReferencedByManifestList)"
        ),
    }


def test_nothing_is_left(sandbox: Sandbox) -> None:
    """Everything made begins with the prefix and is gone at the end, also when something fails on the way."""
    sandbox.inject(Fault(service="ecr", operation="BatchDeleteImage", kind="bad_request", after=4))
    account = Account({ACCOUNT_VARIABLE: NUMBER})
    made: list[str] = []
    sandbox.before("ecr", "BatchDeleteImage", lambda _: made.extend(names(sandbox)))
    with pytest.raises(ClientError), account:
        list(deleting.ask(account))
    assert made
    assert all(name.startswith(account.name) for name in made)
    assert names(sandbox) == []
    assert account.leftovers == []


def test_leftovers_are_told(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be removed again is named, and fails the command; the rest is removed."""
    sandbox.inject(Fault(service="ecr", operation="DeleteRepository", kind="access_denied", times=1))
    monkeypatch.setattr(test_aws, "_answers", lambda account, _: deleting.ask(account))
    assert test_aws.main({ACCOUNT_VARIABLE: NUMBER}) == 1
    told = capsys.readouterr()
    assert "please do it: repository ecr-cleaner-test-" in told.err
    assert "| An index and its manifests in one call, index first | 20" in told.out
    assert len(names(sandbox)) == 1


def given(dry_run: bool) -> dict[str, Any]:  # noqa: FBT001 - as Denials asks
    """A policy of the same outline as the module's."""
    sids = ["RemoveImages", "DenyRemovalOfOwnImage", *(["DenyRemovalInDryRun"] if dry_run else [])]
    statements = [{"Sid": sid, "Effect": "Deny", "Action": ["ecr:BatchDeleteImage"], "Resource": ["*"]} for sid in sids]
    return {"Version": "2012-10-17", "Statement": statements}


def test_the_denials_are_asked_as_the_role(sandbox: Sandbox, account: Account) -> None:
    """Each call comes with the role's credentials; what is denied is told apart from what is allowed."""
    untagged = f"{account.name}/denials-0"
    sandbox.inject(
        Fault(service="ecr", operation="BatchDeleteImage", kind="access_denied", where={"repositoryName": untagged})
    )
    sandbox.inject(
        Fault(service="ecr", operation="TagResource", kind="access_denied", after=sum(map(len, TAGS.values())))
    )
    told = {answer.question: answer.answer for answer in Denials(account, given, patience=0).ask()}
    assert told["Removal by the role, repository with no tag"] == "denied"
    # The sandbox does not evaluate policies.
    assert told["Removal by the role, repository with BoxCleanerEnabled = true"] == "allowed"
    assert told["Tagging a repository by the role"] == "denied"
    assert len(told) == len(TAGS) + 3


def test_a_caller_who_may_make_no_role_is_told_so(sandbox: Sandbox, account: Account) -> None:
    """The other answers stand all the same."""
    sandbox.inject(Fault(service="iam", operation="CreateRole", kind="access_denied"))
    (answer,) = Denials(account, given, patience=0).ask()
    assert answer.answer.startswith("not asked: ")


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
@pytest.mark.timeout(300)
def test_the_policy_is_that_of_the_module(account: Account) -> None:
    """As Terraform plans it for this account, with nothing made."""
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    document = policy.planned(account, dry_run=True, own_repository="tools/own")
    sids = {statement["Sid"] for statement in document["Statement"]}
    denials = {"DenyChangingRepositories", "DenyRemovalInDryRun", "DenyRemovalOfOwnImage", "DenyRemovalUnlessOptedIn"}
    assert denials <= sids
    assert "RemoveImages" not in sids
    assert f"arn:aws:ecr:us-east-1:{NUMBER}:repository/tools/own" in json.dumps(document)


def test_every_cluster_is_asked_by_reading(sandbox: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its authority, whose tokens it takes, and what it denies; one that does not answer is a row too."""
    cluster = FakeCluster(sts_hosts=[urlsplit(sandbox.endpoint).netloc])
    cluster.denied.add(("", "podtemplates"))
    described = {"shop": cluster.described(version="1.33"), "gone": {"version": "1.34"}}
    sandbox.seed({"eks": {"clusters": ["shop", "gone"], "connected": ["elsewhere"], "described": described}})
    with FakeServer(cluster):
        resolving(monkeypatch)
        rows = {one.question: one.answer for one in clusters.ask(account)}
    assert len(rows) == 8
    about = "EKS 1.33, authentication mode API: "
    assert rows[f"{about}its certificate authority has key identifiers"] == "no"
    assert rows[f"{about}a token for its name is accepted"] == "yes"
    # The sandbox compares no signatures.
    assert rows[f"{about}a token for another name is accepted"] == "yes"
    assert rows[f"{about}kinds that may name images and may not be listed"] == "podtemplates"
    assert rows["EKS 1.34, authentication mode API: a token for its name is accepted"].startswith("no: GET /api: ")
    assert cluster.errors == []


OPT_IN, CLOSED, UNUSED = "ap-east-1", "ap-south-1", "me-south-1"
"""Regions that were enabled by hand, that the organization closed, and that nobody enabled."""


def test_every_region_is_asked_by_reading(sandbox: Sandbox, account: Account) -> None:
    """What a closed one says, and whether the function would take it for closed; one that was enabled by hand too."""
    sandbox.seed({"regions": {OPT_IN: "ENABLED", CLOSED: "ENABLED_BY_DEFAULT", UNUSED: "DISABLED"}})
    sandbox.inject(Fault(service="ecs", kind="denied_by_organization", region=CLOSED))
    sandbox.inject(Fault(service="ecs", kind="expired_token", region=UNUSED))
    sandbox.clear_calls()
    rows = {one.question: one.answer for one in regions.ask(account)}
    asked = "ecs:ListClusters in regions of status "
    described = rows.pop("DescribeRegions names the regions that ListRegions calls enabled")
    assert rows == {
        "ListRegions has the region in which it is asked, and its status": "ENABLED_BY_DEFAULT",
        f"{asked}ENABLED: {OPT_IN}": "answered",
        f"{asked}ENABLED_BY_DEFAULT: us-east-1": "answered",
        f"{asked}ENABLED_BY_DEFAULT: {CLOSED}": (
            "denied explicitly by: service control policy; the function takes the region for closed"
        ),
        f"{asked}DISABLED: {UNUSED}": "ExpiredTokenException: The security token included in the request is expired",
    }
    # The sandbox's DescribeRegions goes by a list of its own.
    assert described.startswith("only DescribeRegions: ")
    assert UNUSED in described
    assert {call.operation for call in sandbox.calls} == {"ListRegions", "DescribeRegions", "ListClusters"}


def test_regions_agree_or_cannot_be_asked(sandbox: Sandbox, account: Account) -> None:
    """Both are answers."""
    every = {one["RegionName"] for one in account.client("ec2").describe_regions()["Regions"]}
    sandbox.seed({"regions": dict.fromkeys(every, "ENABLED_BY_DEFAULT")})
    question = "DescribeRegions names the regions that ListRegions calls enabled"
    assert {one.question: one.answer for one in regions.ask(account)}[question] == f"yes, {len(every)}"
    sandbox.seed({"regions": {"ap-west-1": "ENABLED"}})
    assert {one.question: one.answer for one in regions.ask(account)}[question] == "only ListRegions: ap-west-1"
    sandbox.inject(Fault(service="ec2", kind="access_denied"))
    assert {one.question: one.answer for one in regions.ask(account)}[question].startswith("not asked: ")
    sandbox.inject(Fault(service="account", kind="access_denied"))
    (only,) = regions.ask(account)
    assert only.answer.startswith("not asked: ")


def test_other_accounts_are_asked_without_naming_any(sandbox: Sandbox, account: Account) -> None:
    """How a refusal is worded, which states there are, and whether the role can be assumed."""
    other = "222233334444"
    told = {one.question: one.answer for one in accounts.ask(account, None)}
    refusal = (
        "AccessDenied: User: arn:aws:iam::<account>:user/sandbox is not authorized to perform: sts:AssumeRole on"
        f" resource: arn:aws:iam::<account>:role/{account.name}"
    )
    assert told["AssumeRole of a role that does not exist"] == refusal
    assert told["Accounts that ListAccounts names, by State and Status"] == "none"
    assert len(told) == 2
    sandbox.seed({"organization": {}, "accounts": {other: {"reader": True}, "333344445555": {"state": "CLOSED"}}})
    told = {one.question: one.answer for one in accounts.ask(account, other)}
    assert told["Accounts that ListAccounts names, by State and Status"] == (
        "ACTIVE and ACTIVE: 2, CLOSED and SUSPENDED: 1"
    )
    assert told["AssumeRole of ecr-cleaner-reader in another account"] == "a session of that account"
    sandbox.accounts.remove_role(other)
    *_, last = accounts.ask(account, other)
    assert last.answer.startswith("AccessDenied: ")
    assert other not in last.answer
