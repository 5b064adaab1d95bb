"""Whether the trust policy of a role lets somebody assume it; what is not understood is an error, not a denial.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, of which only what trust
policies of roles for accounts need: principals of AWS, ``sts:AssumeRole``, and conditions on who asks.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .aws import Identity

_ACTIONS: Final = ("sts:assumerole", "sts:*", "*")
_SETS: Final = ("ForAnyValue:", "ForAllValues:")


def _like(value: str, pattern: str) -> bool:
    # Of fnmatch's signs AWS knows * and ? alone.
    return fnmatch.fnmatchcase(value, re.sub(r"\[", "[[]", pattern))


_OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": _like,
}
_NEGATED: Final = {
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
}
KEYS: Final = frozenset(
    {
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "sts:externalid",
        "sts:rolesessionname",
    }
)
"""Condition keys that a request may have, in lower case."""


def allows(policy: Mapping[str, Any], identity: Identity, context: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a caller may assume the role.

    Args:
        policy: The role's trust policy.
        identity: Who asks.
        context: Values by condition key, in lower case; a key that the request lacks is absent.

    Raises:
        ValueError: The policy has something that is not understood here.
    """
    statements = policy["Statement"]
    effects = {
        statement["Effect"]
        for statement in (statements if isinstance(statements, list) else [statements])
        if _applies(statement, identity, context)
    }
    return effects == {"Allow"}


def _applies(statement: Mapping[str, Any], identity: Identity, context: Mapping[str, tuple[str, ...]]) -> bool:
    if unknown := sorted(set(statement) - {"Sid", "Effect", "Principal", "Action", "Condition"}):
        raise ValueError(f"a trust policy's statement with {', '.join(unknown)} is not understood")
    if not {action.lower() for action in _listed(statement["Action"])} & set(_ACTIONS):
        return False
    conditions = statement.get("Condition", {})
    # Each condition is looked at, so that none which is not understood hides behind another.
    met = [
        _is_met(operator, key, _listed(wanted), context)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    ]
    return _is_principal(statement["Principal"], identity) and all(met)


def _is_principal(principal: Any, identity: Identity) -> bool:
    if principal == "*":
        return True
    if unknown := sorted(set(principal) - {"AWS", "Service"}):
        raise ValueError(f"principals of {', '.join(unknown)} are not understood")
    partition = identity.arn.split(":")[1]
    root = f"arn:{partition}:iam::{identity.account}:root"
    return bool(
        {"*", identity.account, root, identity.arn, identity.principal} & set(_listed(principal.get("AWS", [])))
    )


def _is_met(operator: str, key: str, wanted: list[str], context: Mapping[str, tuple[str, ...]]) -> bool:
    if key.lower() not in KEYS:
        raise ValueError(f"the condition key {key} is not understood")
    quantifier = next((one for one in _SETS if operator.startswith(one)), "")
    name = operator.removeprefix(quantifier).removesuffix("IfExists")
    values = context.get(key.lower(), ())
    if name == "Null":
        return (not values) is (wanted == ["true"])
    if name not in _OPERATORS.keys() | _NEGATED.keys():
        raise ValueError(f"the condition operator {operator} is not understood")
    if not values:
        return operator.endswith("IfExists") or quantifier == "ForAllValues:" or name in _NEGATED
    holds = _OPERATORS[_NEGATED.get(name, name)]
    each = [any(holds(value, one) for one in wanted) is (name not in _NEGATED) for value in values]
    return all(each) if quantifier == "ForAllValues:" else any(each)


def _listed(value: Any) -> list[str]:
    return [
        str(one).lower() if isinstance(one, bool) else str(one)
        for one in (value if isinstance(value, list) else [value])
    ]
