"""Who may pull, against a slow interpreter of policies: whoever it lets pull is inside the parties that are told."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_cleaner.model.pull_access import PullScope, PullScopeKind
from ecr_cleaner.registry.pull_access import pull_scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

OWN, ONE, TWO, LONE = "123456789012", "111111111111", "222222222222", "333333333333"
OURS, THEIRS = "o-ours123456", "o-theirs1234"
ORGANIZATIONS: Final[Mapping[str, str]] = {OWN: OURS, ONE: OURS, TWO: THEIRS}
"""Of each account; that of nobody is in none."""
ACTIONS: Final = ("ecr:batchgetimage", "ecr:getdownloadurlforlayer")


@dataclass(frozen=True)
class Caller:
    """Somebody who asks for an image.

    Attributes:
        account: Whose consumers get it.
        kind: Of the principal, as policies write it.
        names: Every way in which a policy may name the principal.
        context: What conditions are compared with, by key in small letters.
    """

    account: str
    kind: str
    names: frozenset[str]
    context: Mapping[str, str | tuple[str, ...]] = field(compare=False)


def _organization(account: str, who: str) -> dict[str, str | tuple[str, ...]]:
    organization = ORGANIZATIONS.get(account)
    if organization is None:
        return {}
    path = f"{organization}/r-ab12/ou-ab12-{account[:8]}/"
    return {f"aws:{who}orgid": organization, f"aws:{who}orgpaths": (path,)}


def _role(account: str, name: str) -> Caller:
    arn = f"arn:aws:iam::{account}:role/{name}"
    context = {"aws:principalaccount": account, "aws:principalarn": arn, **_organization(account, "principal")}
    return Caller(account, "AWS", frozenset({arn, account, f"arn:aws:iam::{account}:root", "*"}), context)


def _service(account: str, service: str, resource: str) -> Caller:
    source = f"arn:aws:{service}:us-east-1:{account}:{resource}"
    context = {"aws:sourceaccount": account, "aws:sourcearn": source, **_organization(account, "source")}
    return Caller(account, "Service", frozenset({f"{service}.amazonaws.com"}), context)


CALLERS: Final = tuple(
    caller
    for account in (OWN, ONE, TWO, LONE)
    for caller in (
        _role(account, "deploy"),
        _role(account, f"of-{OWN}"),
        # A path may have colons in it, so the end of an ARN may look like another account's.
        _role(account, f":{OWN}:role/deploy"),
        _service(account, "codebuild", "project/build"),
        _service(account, "codebuild", f"project/:{OWN}:project/build"),
        _service(account, "lambda", "function:work"),
    )
)


def lets(statements: Iterable[Mapping[str, Any]], caller: Caller) -> bool:
    """Whether some statement lets a caller pull, as IAM decides it; of what denies nothing is known."""
    return any(_allows(one, caller) for one in statements)


def _allows(statement: Mapping[str, Any], caller: Caller) -> bool:
    if statement["Effect"] != "Allow":
        return False
    if "Action" in statement:
        is_meant = any(_like(pattern.lower(), action) for pattern in _listed(statement["Action"]) for action in ACTIONS)
    else:
        is_meant = not all(
            any(_like(pattern.lower(), action) for pattern in _listed(statement["NotAction"])) for action in ACTIONS
        )
    if "Principal" in statement:
        is_named = _names(statement["Principal"], caller)
    else:
        is_named = not _names(statement["NotPrincipal"], caller)
    condition = statement.get("Condition", {})
    holds = (_holds(*one, values, caller) for one, values in _tests(condition))
    return is_meant and is_named and all(holds)


def _names(principal: Any, caller: Caller) -> bool:
    by_kind = {"AWS": principal} if isinstance(principal, str) else principal
    return any(kind == caller.kind and name in caller.names for kind in by_kind for name in _listed(by_kind[kind]))


def _tests(condition: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[tuple[str, str], list[Any]]]:
    return (((operator, key), _listed(values)) for operator, keys in condition.items() for key, values in keys.items())


def _holds(operator: str, key: str, wanted: list[Any], caller: Caller) -> bool:
    """One condition: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html."""
    set_operator, _, plain = operator.lower().rpartition(":")
    plain, may_lack = plain.removesuffix("ifexists"), plain.endswith("ifexists")
    there = caller.context.get(key.lower())
    if there is None:
        return may_lack or set_operator == "forallvalues" or "not" in plain
    values = there if isinstance(there, tuple) else (there,)
    compare = _COMPARES[plain.replace("not", "")]

    def meets(value: str) -> bool:
        found = any(compare(str(one), value) for one in wanted)
        return not found if "not" in plain else found

    return all(map(meets, values)) if set_operator == "forallvalues" else any(map(meets, values))


def _like(pattern: str, value: str) -> bool:
    words = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(words), value) is not None


def _arn_like(pattern: str, value: str) -> bool:
    patterns, parts = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(parts) and all(map(_like, patterns, parts))


_COMPARES: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "stringequals": lambda one, other: one == other,
    "stringequalsignorecase": lambda one, other: one.lower() == other.lower(),
    "stringlike": _like,
    "arnequals": _arn_like,
    "arnlike": _arn_like,
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_inside(account: str, scopes: Iterable[PullScope]) -> bool:
    """Whether an account is one of the parties, or belongs to one."""
    parties = {(scope.kind, scope.id) for scope in scopes}
    return bool(
        parties
        & {
            (PullScopeKind.ACCOUNT, account),
            (PullScopeKind.ORGANIZATION, ORGANIZATIONS.get(account)),
            (PullScopeKind.EVERYBODY, ""),
        }
    )


def one_or_more(values: st.SearchStrategy[str]) -> st.SearchStrategy[str | list[str]]:
    """A value, or a list of some."""
    return values | st.lists(values, max_size=2)


ACCOUNTS: Final = (OWN, ONE, TWO, LONE)
ARNS: Final = (
    *(f"arn:aws:iam::{account}:role/{name}" for account in (OWN, ONE) for name in ("deploy", "*", f"of-{OWN}")),
    *(f"arn:aws:{service}:us-east-1:{account}:*" for account in (OWN, ONE) for service in ("lambda", "codebuild", "*")),
    *(f"arn:aws:{place}:{OWN}:role/deploy*" for place in ("iam:", "*", "iam:*", "???")),
    *(f"{start}:{OWN}:*" for start in ("arn:*", "*:*:*:*", "arn:aws:codebuild:*")),
    *("*", "arn:aws:iam::*:role/deploy", f"arn:aws:iam::*:role/*{OWN}*", "arn:aws:s3:::bucket"),
)
IDS: Final = (*ACCOUNTS, "*", "1111????1111", "12345678901?", "111*")
ORGANIZATION_IDS: Final = (OURS, THEIRS, "o-*", "*", "o-????????????")
PATHS: Final = tuple(f"{one}{end}" for one in ORGANIZATION_IDS for end in ("/*", "/r-ab12/*", "*", "/", ""))
VALUES: Final = {
    "aws:PrincipalAccount": IDS,
    "aws:SourceAccount": IDS,
    "AWS:principalarn": ARNS,
    "aws:SourceArn": ARNS,
    "aws:PrincipalOrgID": ORGANIZATION_IDS,
    "aws:SourceOrgID": ORGANIZATION_IDS,
    "aws:PrincipalOrgPaths": PATHS,
    "aws:SourceOrgPaths": PATHS,
    "aws:SourceIp": ("10.0.0.0",),
}
_PLAIN: Final = ("StringEquals", "StringEqualsIgnoreCase", "stringlike", "ArnLike", "ArnEquals", "StringNotEquals")
OPERATORS: Final = tuple(
    f"{of}{plain}{end}" for of in ("", "ForAnyValue:", "ForAllValues:") for plain in _PLAIN for end in ("", "IfExists")
)
CONDITIONS: Final = st.dictionaries(
    st.sampled_from([*OPERATORS, *["StringEquals", "StringLike", "ForAnyValue:StringLike", "ArnLike"] * 6]),
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda key: st.fixed_dictionaries({key: one_or_more(st.sampled_from(VALUES[key]))})
    ),
    max_size=2,
)
SERVICES: Final = ("lambda.amazonaws.com", "codebuild.amazonaws.com")
ANYBODY: Final = ("*", {"AWS": ["*"]}, {"Service": list(SERVICES)})
PRINCIPALS: Final = st.one_of(
    st.sampled_from(ANYBODY),
    st.fixed_dictionaries({"AWS": one_or_more(st.sampled_from([*ACCOUNTS, "*", "AROAEXAMPLEID0000000A", *ARNS]))}),
    st.fixed_dictionaries({"Service": one_or_more(st.sampled_from(SERVICES))}),
    st.just({"Federated": "cognito-identity.amazonaws.com"}),
)
ACTION: Final = st.sampled_from(["ecr:*", "ecr:BatchGetImage", "*", "ecr:PutImage", "ECR:Get*", "ecr:?atch*"])
STATEMENTS: Final = st.builds(
    lambda heads, principal, action, condition: (
        {"Effect": heads[0], heads[1]: principal, heads[2]: action} | ({"Condition": condition} if condition else {})
    ),
    st.sampled_from(
        [
            *[("Allow", "Principal", "Action")] * 6,
            ("Deny", "Principal", "Action"),
            ("Allow", "NotPrincipal", "Action"),
            ("Allow", "Principal", "NotAction"),
        ]
    ),
    PRINCIPALS,
    st.just("ecr:*") | one_or_more(ACTION),
    CONDITIONS,
)


def told(statements: Iterable[Mapping[str, Any]]) -> tuple[PullScope, ...]:
    """The parties that a policy of these statements lets pull."""
    return pull_scopes(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), OWN, "the policy of app")


def pulling_outside(statements: list[dict[str, Any]]) -> set[str]:
    """The other accounts that IAM lets pull and that no party takes in; it must be empty.

    A function of another account also needs somebody there who may pull.
    """
    scopes = told(statements)
    direct = {one.account for one in CALLERS if one.kind == "AWS" and lets(statements, one)}
    confined = [one for one in statements if "Condition" in one or "NotPrincipal" in one]
    return {
        one.account
        for one in CALLERS
        if one.account != OWN and not is_inside(one.account, scopes) and lets(statements, one)
        if "lambda.amazonaws.com" not in one.names or one.account in direct or lets(confined, one)
    }


@pytest.mark.parametrize("key", VALUES)
def test_whoever_meets_a_condition_is_inside_what_is_told(key: str) -> None:
    """By every operator and value, for whichever principal."""
    for operator in OPERATORS:
        for values in (*((one,) for one in VALUES[key]), VALUES[key][:2], (VALUES[key][0], "*")):
            for principal in (*ANYBODY, {"AWS": TWO}):
                statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:*"}
                assert not pulling_outside([statement | {"Condition": {operator: {key: list(values)}}}])


@settings(max_examples=300)
@given(st.lists(STATEMENTS, max_size=3))
def test_whoever_may_pull_is_inside_what_is_told(statements: list[dict[str, Any]]) -> None:
    """Of every account and organization."""
    assert not pulling_outside(statements)


@given(st.lists(STATEMENTS, max_size=3), STATEMENTS)
def test_a_statement_more_never_lets_fewer_pull(statements: list[dict[str, Any]], further: dict[str, Any]) -> None:
    """Whatever it says, and wherever it stands."""
    assert set(told(statements)) <= set(told([*statements, further])) == set(told([further, *statements]))


@given(st.lists(STATEMENTS, max_size=3))
def test_what_denies_changes_nothing(statements: list[dict[str, Any]]) -> None:
    """To leave it out only widens."""
    assert told(statements) == told(one for one in statements if one["Effect"] == "Allow")


@settings(max_examples=200)
@given(STATEMENTS, st.sampled_from([ONE, TWO]))
def test_who_is_confined_for_certain_is_told_narrowly(statement: dict[str, Any], account: str) -> None:
    """A statement for one account, and for nobody else, whatever else it asks for."""
    narrow = statement | {"Effect": "Allow", "Action": "ecr:*", "Principal": {"AWS": account}}
    narrow.pop("NotPrincipal", None)
    narrow.pop("NotAction", None)
    kinds = {scope.kind for scope in told([narrow])}
    assert kinds <= {PullScopeKind.ACCOUNT}
