"""Pure: who may pull from a repository, and which repositories others depend on.

What a statement lets pull is told as parties: accounts, organizations, or everybody. Each is at least as large as what
IAM would let pull, and a statement more never makes the answer smaller: so a ``Deny`` takes nothing away, and what is
not understood confines nothing.

- **Accounts**: of a principal that is an account, its root, a role or a user; or of a condition on
  ``aws:PrincipalAccount``, ``aws:SourceAccount``, ``aws:PrincipalArn`` or ``aws:SourceArn``.
- **Organizations**: ``*`` under ``StringEquals`` of ``aws:PrincipalOrgID`` or ``aws:SourceOrgID``; or under
  ``ForAnyValue:StringLike`` or ``ForAnyValue:StringEquals`` of ``aws:PrincipalOrgPaths`` or ``aws:SourceOrgPaths``,
  which begin with one.
- Lambda's service principal, under such a condition, likewise: it pulls for functions of other accounts.
- **Everybody**: anything else, such as ``*``, ``NotPrincipal``, other services and operators, wildcards in an id.

Who pulls is not always who runs: ECR sees the credentials, which an ``imagePullSecret`` may have from any account.

The grammar is that of IAM resource policies
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html), the keys are global ones
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.model.pull_access import PullScope, PullScopeKind
from ecr_cleaner.schema import read_json

_PULL_ACTIONS: Final = ("ecr:batchgetimage", "ecr:getdownloadurlforlayer", "ecr:batchimportupstreamimage")

_DELETED: Final = re.compile(r"(?P<kind>AIDA|AROA)[A-Z0-9]+(?::.*)?")
"""What IAM shows in place of the ARN of a user, role or session of a role that was deleted
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids)."""

_ORGANIZATION_KEYS: Final = frozenset(
    {"aws:principalorgid", "aws:principalorgpaths", "aws:sourceorgid", "aws:sourceorgpaths"}
)

_NAME_OWN: Final = "let the policy name principals of this account alone"

_ACCOUNT: Final = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")

_ID: Final = re.compile(r"(?P<id>[0-9]{12})")

# Only the account field of an ARN counts: the name of a role may contain the id of another account.
_ARN: Final = re.compile(r"(?:[^:]*:){4}(?P<id>[0-9]{12}):.*")

# Compared as a text, a wildcard matches colons too, so that the account's place in an ARN would not be certain.
_PLAIN_ARN: Final = re.compile(r"(?:[^:*?]*:){4}(?P<id>[0-9]{12}):.*")

_ORGANIZATION: Final = re.compile(r"(?P<id>o-[a-z0-9]{10,32})")

_PATH: Final = re.compile(r"(?P<id>o-[a-z0-9]{10,32})/.*")

_OF_TEXTS: Final = ("stringequals", "stringequalsignorecase", "stringlike")

_ACCOUNT_KEYS: Final = {
    **{
        (operator, key): form
        for operator in (*_OF_TEXTS, "arnequals", "arnlike")
        for key, form in (("aws:principalaccount", _ID), ("aws:sourceaccount", _ID))
    },
    **{
        (operator, key): _ARN if operator.startswith("arn") else _PLAIN_ARN
        for operator in (*_OF_TEXTS, "arnequals", "arnlike")
        for key in ("aws:principalarn", "aws:sourcearn")
    },
}
"""The form of the values by which a condition confines a statement to accounts, by operator and key."""

_ACCOUNT_NAMES: Final = frozenset(key for _, key in _ACCOUNT_KEYS)

_ORGANIZATION_CONFINED: Final = {
    **{("stringequals", key): _ORGANIZATION for key in ("aws:principalorgid", "aws:sourceorgid")},
    **{
        (operator, key): _PATH
        for operator in ("foranyvalue:stringequals", "foranyvalue:stringlike")
        for key in ("aws:principalorgpaths", "aws:sourceorgpaths")
    },
}
"""Likewise to organizations."""


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What the registry as a whole says about its repositories.

    Attributes:
        account: Twelve digits.
        delete_replication_prefixes: Name prefixes under a replication rule that also replicates
            deletions; an empty prefix is every repository.
        pull_through_prefixes: Prefixes of pull-through cache rules; ``ROOT`` is every repository.
        pull_scopes: Those outside the account that the registry's policy lets pull from every repository.
    """

    account: str
    delete_replication_prefixes: tuple[str, ...] = ()
    pull_through_prefixes: tuple[str, ...] = ()
    pull_scopes: tuple[PullScope, ...] = ()

    def replicated_deletes(self, repository: str) -> str | None:
        """The rule that replicates a deletion in the repository, as a sentence; None without one."""
        for prefix in self.delete_replication_prefixes:
            if repository.startswith(prefix):
                rule = f"prefix {prefix!r}" if prefix else "every repository"
                return f"a replication rule for {rule} repeats deletions elsewhere"
        return None

    def cached_under(self, repository: str) -> str | None:
        """The pull-through cache that the repository lies under, as a sentence; None without one."""
        for prefix in self.pull_through_prefixes:
            if prefix == "ROOT" or repository.startswith(prefix.rstrip("/") + "/"):
                return f"it lies under the pull-through cache {prefix!r}"
        return None


def pull_scopes(policy_text: str, account: str, place: str, *, is_registry: bool = False) -> tuple[PullScope, ...]:
    """Whom outside the account a resource policy lets pull.

    Args:
        policy_text: The JSON document.
        account: The account that owns the registry.
        place: Named in errors, e.g. ``the policy of shop/api``.
        is_registry: Whether it is the registry's policy, rather than a repository's own.

    Returns:
        Sorted by principal. Empty if only the account itself can pull.

    Raises:
        RepositoryError: The document is no policy.
    """
    try:
        statements = read_json(policy_text)["Statement"]
        found: set[PullScope] = set()
        for statement in statements if isinstance(statements, list) else [statements]:
            if statement["Effect"] == "Allow" and _lets_pull(statement):
                found.update(_scopes(statement, account))
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{place} is not a policy document: {policy_text[:80]!r}"
        raise RepositoryError(message) from None
    return tuple(sorted(replace(scope, is_registry=is_registry) for scope in found))


def _lets_pull(statement: dict[str, Any]) -> bool:
    if "Action" not in statement:
        return True  # NotAction allows everything else
    patterns = [pattern.lower() for pattern in _listed(statement["Action"])]
    return any(fnmatchcase(action, pattern) for pattern in patterns for action in _PULL_ACTIONS)


def _scopes(statement: dict[str, Any], own: str) -> Iterator[PullScope]:
    principal = statement.get("Principal")
    if principal is None:
        yield PullScope("NotPrincipal", "for everybody else", _NAME_OWN)
        return
    condition = statement.get("Condition") or {}
    accounts = _confined(condition, _ACCOUNT_KEYS, own)
    if accounts == {own}:
        return
    organizations = _confined(condition, _ORGANIZATION_CONFINED)
    if isinstance(principal, str):
        principal = {"AWS": principal}
    for kind, names in principal.items():
        for name in _listed(names):
            named = _account_of(name) if kind == "AWS" else None
            is_lambda = kind == "Service" and name.startswith("lambda.")
            # Lambda also requires the permission of the principal that creates the function, so its service
            # principal alone, as Lambda itself adds it, lets no other account pull.
            # With a condition of an unknown form it may.
            if named == own or (is_lambda and not condition):
                continue
            cause, remedy = _described(kind, name, condition, own)
            known = kind == "AWS" or is_lambda
            of = _parties(named, accounts, organizations, own) if known else [(PullScopeKind.EVERYBODY, "")]
            yield from (PullScope(name, cause, remedy, scope, id_) for scope, id_ in of)


def _parties(
    named: str | None, accounts: Collection[str], organizations: Collection[str], own: str
) -> list[tuple[PullScopeKind, str]]:
    """What the consumers of a principal belong to, as narrowly as it is known for certain.

    Args:
        named: The account of the principal itself, if it says one.
        accounts: Those that the condition confines the statement to; none if it does not.
        organizations: Likewise.
        own: The account that owns the registry.
    """
    if named is not None:
        # An account in whose name a service pulls is another one than the service's caller.
        accounts = {named} if not accounts or named in accounts else {named, *accounts}
    if accounts:
        return [(PullScopeKind.ACCOUNT, one) for one in sorted({*accounts} - {own})]
    if organizations:
        return [(PullScopeKind.ORGANIZATION, one) for one in sorted(organizations)]
    return [(PullScopeKind.EVERYBODY, "")]


def _described(kind: str, name: str, condition: dict[str, Any], own: str) -> tuple[str, str]:
    """What makes a principal foreign, the most certain cause first, and what mends it."""
    lists = "or have a list written of the images that are used there"
    if deleted := _DELETED.fullmatch(name):
        what = "user" if deleted["kind"] == "AIDA" else "role"
        return f"as a {what} that was deleted", f"remove {name} from the policy: it stands for nobody"
    named = _account_of(name) if kind == "AWS" else None
    accounts = _accounts_in(condition) - {own}
    if accounts or named:
        names = ", ".join(sorted(accounts) or filter(None, [named]))
        cause = f"for account {names}" if accounts else ""  # its ARN says it
        return cause, f"remove account {names} from the policy, {lists}"
    if organizations := ", ".join(sorted(_values(condition, _ORGANIZATION_KEYS))):
        remedy = f"let the policy name this account alone instead of {organizations}, {lists}"
        return f"for organization {organizations}", remedy
    keys = ", ".join(sorted({key for keys in condition.values() for key in keys}))
    unread = f"under a condition on {keys}, which is not understood as one account" if condition else ""
    if kind == "Service":
        remedy = f'add the condition "StringEquals": {{"aws:SourceAccount": "{own}"}} to its statement'
        return unread or "for any account, as no condition on aws:SourceAccount confines it", remedy
    return unread or ("from any account" if name == "*" else ""), _NAME_OWN


def _account_of(principal: str) -> str | None:
    """The account of an ARN or id; None if neither says one for certain."""
    found = _ID.fullmatch(principal) or _ARN.fullmatch(principal)
    return found["id"] if found else None


def _accounts_in(condition: dict[str, Any]) -> set[str]:
    """Every account that a condition asks for, also in a form that restricts nothing for certain."""
    asked = {operator: keys for operator, keys in condition.items() if "not" not in operator.lower()}
    return {account for value in _values(asked, _ACCOUNT_NAMES) for account in _ACCOUNT.findall(value)}


def _values(condition: dict[str, Any], wanted: Collection[str]) -> set[str]:
    """What a condition compares some keys with, whatever its operators."""
    return {
        str(value)
        for keys in condition.values()
        for key, values in keys.items()
        if key.lower() in wanted
        for value in _listed(values)
    }


def _confined(
    condition: dict[str, Any], forms: Mapping[tuple[str, str], re.Pattern[str]], own: str = ""
) -> frozenset[str]:
    """The ids that a condition confines a statement to; none if it does not.

    All of a condition must hold, so the smallest of what its parts confine it to is enough, best the own account.
    """
    found: list[frozenset[str]] = []
    for operator, keys in condition.items():
        for key, values in keys.items():
            if form := forms.get((operator.lower(), key.lower())):
                # A number or a truth value may stand there too, and how IAM compares it is not understood.
                matches = [form.fullmatch(value) if isinstance(value, str) else None for value in _listed(values)]
                if matches and all(matches):
                    found.append(frozenset(match["id"] for match in matches if match))
    return min(found, key=lambda ids: (ids != {own}, len(ids), sorted(ids)), default=frozenset())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
