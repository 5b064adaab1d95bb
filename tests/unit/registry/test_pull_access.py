"""Who may pull from outside, read from resource policies; and whose repositories others depend on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.model.pull_access import PullScope, PullScopeKind, lets_pull
from ecr_cleaner.registry.pull_access import RegistryFacts, pull_scopes

OWN = "123456789012"
OTHER = "999999999999"
OWN_ROOT = f"arn:aws:iam::{OWN}:root"
OTHER_ROOT = f"arn:aws:iam::{OTHER}:root"
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def allow(principal: object, action: object = "ecr:BatchGetImage", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Principal": principal, "Action": action} | more


def lambdas(account: str) -> dict[str, Any]:
    """The statement that Lambda adds when somebody in an account creates a function."""
    where = {"StringLike": {"aws:sourceArn": f"arn:aws:lambda:us-east-1:{account}:function:*"}}
    return allow({"Service": "lambda.amazonaws.com"}, PULL, Condition=where)


def pullers(*statements: object) -> tuple[str, ...]:
    """Who outside the account a policy of these statements lets pull."""
    return tuple(dict.fromkeys(one.principal for one in found(*statements)))


def found(*statements: object) -> tuple[PullScope, ...]:
    """The same with what makes them foreign, and what mends it."""
    return pull_scopes(json.dumps({"Version": "2012-10-17", "Statement": statements}), OWN, "the policy of app")


def confined(operator: str, key: str, value: object) -> dict[str, Any]:
    """Everybody may pull who meets a condition."""
    return allow("*", PULL, Condition={operator: {key: value}})


@pytest.mark.parametrize(
    "statement",
    [
        allow({"AWS": OWN_ROOT}),
        allow({"AWS": OWN}),
        allow(OWN),
        allow({"AWS": [OWN_ROOT, f"arn:aws:iam::{OWN}:role/deploy"]}),
        allow({"AWS": f"arn:aws:sts::{OWN}:assumed-role/deploy/session"}),
        allow({"AWS": f"arn:aws-cn:iam::{OWN}:user/ci"}, "ecr:*"),
        allow({"AWS": f"arn:aws:iam::{OWN}:role/reads-{OTHER}"}),
        confined("StringEquals", "aws:PrincipalAccount", OWN),
        confined("StringEquals", "AWS:principalaccount", [OWN]),
        confined("stringlike", "aws:SourceAccount", OWN),
        confined("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{OWN}:role/*"),
        confined("ArnEquals", "aws:SourceArn", f"arn:aws:codebuild:us-east-1:{OWN}:project/build"),
        allow({"Service": "codebuild.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": OWN}}),
        lambdas(OWN),
        allow({"Service": "lambda.amazonaws.com"}, PULL),
        allow({"AWS": OTHER_ROOT}, ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:DescribeImages"]),
        allow("*", "ecr:ReplicateImage"),
        {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"},
    ],
)
def test_only_the_account_itself_can_pull(statement: dict[str, Any]) -> None:
    """Own principals, statements confined to the own account, and what pulls nothing."""
    assert pullers(statement) == ()


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (allow({"AWS": OTHER_ROOT}), [OTHER_ROOT]),
        (allow({"AWS": OTHER}), [OTHER]),
        (allow({"AWS": [OWN_ROOT, OTHER_ROOT]}), [OTHER_ROOT]),
        (allow("*"), ["*"]),
        (allow({"AWS": "*"}), ["*"]),
        (allow({"AWS": ["*"]}), ["*"]),
        (allow({"AWS": "AROAEXAMPLEID0000000A"}), ["AROAEXAMPLEID0000000A"]),
        (allow({"AWS": f"arn:aws:iam::{OTHER}:role/{OWN}"}), [f"arn:aws:iam::{OTHER}:role/{OWN}"]),
        (allow({"AWS": OWN + "0"}), [OWN + "0"]),
        (allow({"Federated": "cognito-identity.amazonaws.com"}), ["cognito-identity.amazonaws.com"]),
        (allow({"Service": "codebuild.amazonaws.com"}), ["codebuild.amazonaws.com"]),
        (allow({"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]}), ["sagemaker.amazonaws.com"]),
        (lambdas(OTHER), ["lambda.amazonaws.com"]),
        (confined("StringEquals", "aws:PrincipalOrgID", "o-1234567890"), ["*"]),
        (confined("StringEquals", "aws:PrincipalAccount", OTHER), ["*"]),
        (confined("StringEquals", "aws:PrincipalAccount", [OWN, OTHER]), ["*"]),
        (confined("StringEquals", "aws:PrincipalAccount", []), ["*"]),
        (confined("StringEquals", "aws:PrincipalAccount", int(OWN)), ["*"]),
        (confined("StringEquals", "aws:PrincipalAccount", [OWN, int(OWN)]), ["*"]),
        (confined("StringLike", "aws:SourceAccount", value=True), ["*"]),
        (confined("ArnLike", "aws:PrincipalArn", None), ["*"]),
        (confined("NumericLessThan", "aws:MultiFactorAuthAge", 3600), ["*"]),
        (confined("StringEqualsIfExists", "aws:PrincipalAccount", OWN), ["*"]),
        (confined("StringNotEquals", "aws:PrincipalAccount", OWN), ["*"]),
        (confined("ForAllValues:StringEquals", "aws:PrincipalAccount", OWN), ["*"]),
        (confined("StringLike", "aws:PrincipalAccount", "12345678901?"), ["*"]),
        (confined("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/deploy"), ["*"]),
        (confined("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::*:role/{OWN}"), ["*"]),
        (confined("StringLike", "aws:userid", f"*:{OWN}"), ["*"]),
        (confined("IpAddress", "aws:SourceIp", "10.0.0.0/8"), ["*"]),
        (confined("Bool", "aws:SecureTransport", value=True), ["*"]),
        (allow({"Service": "codebuild.amazonaws.com"}, Condition={}), ["codebuild.amazonaws.com"]),
        ({"Effect": "Allow", "NotPrincipal": {"AWS": OTHER_ROOT}, "Action": "ecr:*"}, ["NotPrincipal"]),
        ({"Effect": "Allow", "Principal": {"AWS": OTHER_ROOT}, "NotAction": "ecr:PutImage"}, [OTHER_ROOT]),
    ],
)
def test_somebody_else_can_pull(statement: dict[str, Any], names: list[str]) -> None:
    """Other accounts, everybody, services without confinement; a condition that is not understood confines nothing."""
    assert pullers(statement) == tuple(names)


@pytest.mark.parametrize(
    "action",
    [
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ECR:batchgetimage",
        "ecr:BatchImportUpstreamImage",
        "ecr:*",
        "*",
        "ecr:Batch*",
        "ecr:Get*",
        "ecr:?atchGetImage",
        ["ecr:PutImage", "ecr:BatchGetImage"],
    ],
)
def test_whatever_pulls_counts(action: object) -> None:
    """Wildcards and letters of any case are read as IAM reads them."""
    assert pullers(allow({"AWS": OTHER_ROOT}, action)) == (OTHER_ROOT,)


def test_every_statement_counts() -> None:
    """The names of all statements come together, sorted and once each; a Deny takes nothing away."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}
    assert pullers(allow("*"), allow({"AWS": OTHER_ROOT}), allow({"AWS": OTHER_ROOT}), deny) == ("*", OTHER_ROOT)


def test_several_conditions_all_hold() -> None:
    """One condition that confines is enough, wherever it stands."""
    condition = {
        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
        "StringEquals": {"aws:PrincipalOrgID": "o-1234567890", "aws:PrincipalAccount": OWN},
    }
    assert pullers(allow("*", PULL, Condition=condition)) == ()


def test_one_statement_may_stand_without_a_list() -> None:
    """IAM's grammar has both."""
    (one,) = pull_scopes(json.dumps({"Statement": allow("*")}), OWN, "the policy of app")
    assert one.principal == "*"


def test_no_statement_lets_nobody_pull() -> None:
    """An empty policy is one."""
    assert pullers() == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '{"Statement": null}',
        '{"Statement": ["Allow"]}',
        '{"Statement": [{"Principal": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": null, "Principal": "*"}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": {"AWS": null}}]}',
        '{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": "*", "Condition": "none"}]}',
    ],
)
def test_what_is_no_policy_stops_the_repository(text: str) -> None:
    """A policy that cannot be read is not an empty one; the error says whose it is."""
    with pytest.raises(RepositoryError, match="the policy of app is not a policy document"):
        pull_scopes(text, OWN, "the policy of app")


def test_what_is_no_policy_is_shown_in_part() -> None:
    """Its beginning is enough to find it."""
    with pytest.raises(RepositoryError) as raised:
        pull_scopes("x" * 200, OWN, "the policy of app")
    assert str(raised.value) == f"the policy of app is not a policy document: '{'x' * 80}'"


@pytest.mark.parametrize(
    ("prefixes", "name", "found"),
    [
        ((), "app", None),
        (("prod",), "prod/api", "prefix 'prod'"),
        (("prod",), "prod-api", "prefix 'prod'"),
        (("prod",), "api-prod", None),
        (("",), "anything", "every repository"),
        (("x", "pro"), "prod", "prefix 'pro'"),
    ],
)
def test_replicated_deletions_follow_name_prefixes(prefixes: tuple[str, ...], name: str, found: str | None) -> None:
    """ECR compares plain prefixes; the empty one is every repository."""
    sentence = found and f"a replication rule for {found} repeats deletions elsewhere"
    assert RegistryFacts(OWN, delete_replication_prefixes=prefixes).replicated_deletes(name) == sentence


@pytest.mark.parametrize(
    ("prefixes", "name", "found"),
    [
        ((), "docker-hub/library/nginx", None),
        (("docker-hub",), "docker-hub/library/nginx", "docker-hub"),
        (("docker-hub/",), "docker-hub/library/nginx", "docker-hub/"),
        (("team/quay",), "team/quay/app", "team/quay"),
        (("prefix",), "prefix-prod/app", None),
        (("prefix",), "prefix", None),
        (("prefix",), "my/prefix/app", None),
        (("other", "ROOT"), "app", "ROOT"),
        (("ROOT",), "any/thing", "ROOT"),
    ],
)
def test_pull_through_caches_own_whole_path_parts(prefixes: tuple[str, ...], name: str, found: str | None) -> None:
    """A rule for `prefix` fills prefix/..., not prefix-prod/...; ROOT fills everything."""
    sentence = found and f"it lies under the pull-through cache {found!r}"
    assert RegistryFacts(OWN, pull_through_prefixes=prefixes).cached_under(name) == sentence


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceOrgID": "o-abc"}},
        {"ForAnyValue:StringLike": {"aws:SourceOrgPaths": "o-abc/*"}},
        {"StringLike": {"aws:sourceArn": "arn:aws:lambda:*:*:function:*"}},
        {
            "StringLike": {
                "aws:sourceArn": [
                    "arn:aws:lambda:us-east-1:123456789012:function:*",
                    "arn:aws:lambda:us-east-1:99999999*:function:*",
                ]
            }
        },
        {"ForAnyValue:StringLike": {"aws:sourceArn": "arn:aws:lambda:us-east-1:999999999999:function:*"}},
        {"StringEqualsIfExists": {"aws:SourceAccount": "999999999999"}},
        {"StringNotEquals": {"aws:SourceAccount": "123456789012"}},
    ],
    ids=lambda condition: next(iter(condition)),
)
def test_a_condition_on_lambda_that_is_not_understood_admits_others(condition: dict[str, Any]) -> None:
    """It is meant for somebody; only without any condition Lambda's principal alone admits nobody."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage"],
        "Condition": condition,
    }
    assert pullers(statement) == ("lambda.amazonaws.com",)


UNCONFINED = "for any account, as no condition on aws:SourceAccount confines it"
ADD_CONDITION = f'add the condition "StringEquals": {{"aws:SourceAccount": "{OWN}"}} to its statement'
LIST = "or have a list written of the images that are used there"


@pytest.mark.parametrize(
    ("statement", "foreign", "remedy"),
    [
        (allow({"AWS": OTHER_ROOT}), "", f"remove account {OTHER} from the policy, {LIST}"),
        (lambdas(OTHER), f"for account {OTHER}", f"remove account {OTHER} from the policy, {LIST}"),
        (
            confined("StringEquals", "aws:PrincipalAccount", [OWN, OTHER, "888888888888"]),
            f"for account 888888888888, {OTHER}",
            f"remove account 888888888888, {OTHER} from the policy, {LIST}",
        ),
        (
            confined("ForAnyValue:StringLike", "aws:SourceArn", f"arn:aws:codebuild:us-east-1:{OTHER}:project/*"),
            f"for account {OTHER}",
            f"remove account {OTHER} from the policy, {LIST}",
        ),
        (
            confined("StringEquals", "aws:PrincipalOrgID", "o-1234567890"),
            "for organization o-1234567890",
            f"let the policy name this account alone instead of o-1234567890, {LIST}",
        ),
        (
            allow({"Service": "lambda.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceOrgID": ["o-2", "o-1"]}}),
            "for organization o-1, o-2",
            f"let the policy name this account alone instead of o-1, o-2, {LIST}",
        ),
        (
            allow({"AWS": "AROAEXAMPLEID0000000A"}),
            "as a role that was deleted",
            "remove AROAEXAMPLEID0000000A from the policy: it stands for nobody",
        ),
        (
            allow({"AWS": "AIDAEXAMPLEID0000000A"}),
            "as a user that was deleted",
            "remove AIDAEXAMPLEID0000000A from the policy: it stands for nobody",
        ),
        (
            allow({"AWS": "AROAEXAMPLEID0000000A:session"}),
            "as a role that was deleted",
            "remove AROAEXAMPLEID0000000A:session from the policy: it stands for nobody",
        ),
        (
            allow({"AWS": f"arn:aws:iam::{OTHER}:role/of-{OWN}"}),
            "",
            f"remove account {OTHER} from the policy, {LIST}",
        ),
        (allow({"Service": "codebuild.amazonaws.com"}), UNCONFINED, ADD_CONDITION),
        (
            allow({"Service": "codebuild.amazonaws.com"}, Condition={"StringNotEquals": {"aws:SourceAccount": OTHER}}),
            "under a condition on aws:SourceAccount, which is not understood as one account",
            ADD_CONDITION,
        ),
        (allow("*"), "from any account", "let the policy name principals of this account alone"),
        (
            allow({"Federated": f"arn:aws:iam::{OTHER}:saml-provider/login"}),
            "",
            "let the policy name principals of this account alone",
        ),
        (
            allow(
                "*", Condition={"Bool": {"aws:SecureTransport": "true"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
            ),
            "under a condition on aws:SecureTransport, aws:SourceIp, which is not understood as one account",
            "let the policy name principals of this account alone",
        ),
        (
            confined("Bool", "aws:SecureTransport", value=True),
            "under a condition on aws:SecureTransport, which is not understood as one account",
            "let the policy name principals of this account alone",
        ),
        (
            confined("StringEquals", "aws:SourceAccount", int(OWN)),
            "under a condition on aws:SourceAccount, which is not understood as one account",
            "let the policy name principals of this account alone",
        ),
        (
            {"Effect": "Allow", "NotPrincipal": {"AWS": OTHER_ROOT}, "Action": "ecr:*"},
            "for everybody else",
            "let the policy name principals of this account alone",
        ),
    ],
)
def test_what_makes_somebody_foreign_is_told_with_what_mends_it(
    statement: dict[str, Any], foreign: str, remedy: str
) -> None:
    """The same service stands in every policy: only its condition says for whom it pulls."""
    assert {(one.cause, one.remedy) for one in found(statement)} == {(foreign, remedy)}


def test_a_service_of_this_account_is_mended_by_the_condition_that_is_told() -> None:
    """The remedy is what the rule above accepts."""
    condition = {"StringEquals": {"aws:SourceAccount": OWN}}
    assert pullers(allow({"Service": "codebuild.amazonaws.com"}, PULL, Condition=condition)) == ()


def test_all_of_them_are_one_sentence() -> None:
    """Who is foreign for the same cause stands together; each remedy is told once, at the end."""
    told = lets_pull(found(lambdas(OTHER), allow({"Service": ["codebuild.amazonaws.com", "sagemaker.amazonaws.com"]})))
    assert told == (
        f"codebuild.amazonaws.com, sagemaker.amazonaws.com pull {UNCONFINED}, and lambda.amazonaws.com pull for account"
        f" {OTHER}; to mend this, {ADD_CONDITION}; remove account {OTHER} from the policy, {LIST}"
    )
    assert lets_pull([PullScope("*")], "from every repository") == "* pull from every repository"
    assert lets_pull([PullScope("a"), PullScope("b", "for x")]) == "a pull, and b pull for x"


OURS = "o-1234567890"
ACCOUNT, ORGANIZATION, EVERYBODY = PullScopeKind.ACCOUNT, PullScopeKind.ORGANIZATION, PullScopeKind.EVERYBODY
THEIRS = [(ACCOUNT, OTHER)]


def of_paths(operator: str, value: object, key: str = "aws:PrincipalOrgPaths") -> dict[str, Any]:
    """Everybody may pull who is in a part of an organization."""
    return confined(operator, key, value)


@pytest.mark.parametrize(
    ("statement", "parties"),
    [
        (allow({"AWS": OTHER}), THEIRS),
        (allow({"AWS": OTHER_ROOT}), THEIRS),
        (allow({"AWS": [OWN_ROOT, f"arn:aws:iam::{OTHER}:user/ci"]}), THEIRS),
        (confined("StringEquals", "aws:PrincipalAccount", [OWN, OTHER]), THEIRS),
        (confined("StringLike", "aws:SourceAccount", OTHER), THEIRS),
        (confined("ArnLike", "aws:PrincipalArn", f"arn:*:iam::{OTHER}:role/*"), THEIRS),
        (confined("StringLike", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:role/*"), THEIRS),
        (confined("StringLike", "aws:PrincipalArn", f"arn:*:iam::{OTHER}:role/*"), [(EVERYBODY, "")]),
        (lambdas(OTHER), THEIRS),
        (allow({"AWS": OTHER}, Condition={"StringEquals": {"aws:PrincipalOrgID": OURS}}), THEIRS),
        (
            allow({"AWS": OTHER}, Condition={"StringEquals": {"aws:SourceAccount": "888888888888"}}),
            [(ACCOUNT, "888888888888"), (ACCOUNT, OTHER)],
        ),
        (
            allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": OURS, "aws:PrincipalAccount": OTHER}}),
            THEIRS,
        ),
        (confined("StringEquals", "aws:PrincipalOrgID", OURS), [(ORGANIZATION, OURS)]),
        (
            confined("StringEquals", "aws:SourceOrgID", [OURS, "o-0987654321"]),
            [(ORGANIZATION, "o-0987654321"), (ORGANIZATION, OURS)],
        ),
        (of_paths("ForAnyValue:StringLike", [f"{OURS}/r-ab12/*", f"{OURS}/*"]), [(ORGANIZATION, OURS)]),
        (of_paths("ForAnyValue:StringEquals", f"{OURS}/r-ab12/", "aws:SourceOrgPaths"), [(ORGANIZATION, OURS)]),
        (
            allow({"Service": "lambda.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceOrgID": OURS}}),
            [(ORGANIZATION, OURS)],
        ),
        (allow("*"), [(EVERYBODY, "")]),
        (confined("StringLike", "aws:PrincipalOrgID", OURS), [(EVERYBODY, "")]),
        (confined("StringEqualsIfExists", "aws:PrincipalOrgID", OURS), [(EVERYBODY, "")]),
        (confined("StringEquals", "aws:PrincipalOrgID", "o-*"), [(EVERYBODY, "")]),
        (confined("StringEquals", "aws:PrincipalOrgID", []), [(EVERYBODY, "")]),
        (confined("StringNotEquals", "aws:PrincipalOrgID", OURS), [(EVERYBODY, "")]),
        (of_paths("StringLike", f"{OURS}/*"), [(EVERYBODY, "")]),
        (of_paths("ForAllValues:StringLike", f"{OURS}/*"), [(EVERYBODY, "")]),
        (of_paths("ForAnyValue:StringLike", "o-*/r-ab12/*"), [(EVERYBODY, "")]),
        (of_paths("ForAnyValue:StringLike", f"{OURS}*"), [(EVERYBODY, "")]),
        (of_paths("ForAnyValue:StringLike", [f"{OURS}/*", "*"]), [(EVERYBODY, "")]),
        (
            allow({"Service": "codebuild.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": OTHER}}),
            [(EVERYBODY, "")],
        ),
        (allow({"Federated": f"arn:aws:iam::{OTHER}:saml-provider/login"}), [(EVERYBODY, "")]),
        (allow({"AWS": "AROAEXAMPLEID0000000A"}), [(EVERYBODY, "")]),
        ({"Effect": "Allow", "NotPrincipal": {"AWS": OTHER_ROOT}, "Action": "ecr:*"}, [(EVERYBODY, "")]),
    ],
)
def test_whom_it_lets_pull_is_told_as_narrowly_as_it_is_certain(
    statement: dict[str, Any], parties: list[tuple[PullScopeKind, str]]
) -> None:
    """Accounts, organizations, or everybody."""
    assert [(one.kind, one.id) for one in found(statement)] == parties
