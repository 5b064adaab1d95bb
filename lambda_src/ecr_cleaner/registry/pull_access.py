"""Pure: who may pull from a repository, and which repositories others depend on.

Consumers in other accounts are not scanned, so a repository whose policy lets them pull is skipped. The grammar
is that of IAM resource policies
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.schema import read_json

_PULL_ACTIONS: Final = ("ecr:batchgetimage", "ecr:getdownloadurlforlayer", "ecr:batchimportupstreamimage")

_ACCOUNT: Final = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")

_ID: Final = re.compile(r"(?P<account>[0-9]{12})")

# Only the account field of an ARN counts: the name of a role may contain the id of another account.
_ARN: Final = re.compile(r"(?:[^:]*:){4}(?P<account>[0-9]{12}):.*")

_RESTRICTING_KEYS: Final = {
    "aws:principalaccount": _ID,
    "aws:sourceaccount": _ID,
    "aws:principalarn": _ARN,
    "aws:sourcearn": _ARN,
}

_RESTRICTING_OPERATORS: Final = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"}
)


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What the registry as a whole says about its repositories.

    Attributes:
        account: Twelve digits.
        delete_replication_prefixes: Name prefixes under a replication rule that also replicates
            deletions; an empty prefix is every repository.
        pull_through_prefixes: Prefixes of pull-through cache rules; ``ROOT`` is every repository.
        foreign_pullers: Principals of other accounts that the registry's policy lets pull from every repository.
    """

    account: str
    delete_replication_prefixes: tuple[str, ...] = ()
    pull_through_prefixes: tuple[str, ...] = ()
    foreign_pullers: tuple[str, ...] = ()

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


def foreign_pullers(policy_text: str, account: str, place: str) -> tuple[str, ...]:
    """The principals outside the account that a resource policy lets pull.

    Args:
        policy_text: The JSON document.
        account: The account that owns the registry.
        place: Named in errors, e.g. ``the policy of shop/api``.

    Returns:
        Principals as written, sorted. Empty if only the account itself can pull. A condition of an unknown form does
        not restrict anything.

    Raises:
        RepositoryError: The document is no policy.
    """
    try:
        statements = read_json(policy_text)["Statement"]
        principals: set[str] = set()
        for statement in statements if isinstance(statements, list) else [statements]:
            if statement["Effect"] == "Allow" and _lets_pull(statement):
                principals.update(_foreign(statement, account))
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{place} is not a policy document: {policy_text[:80]!r}"
        raise RepositoryError(message) from None
    return tuple(sorted(principals))


def _lets_pull(statement: dict[str, Any]) -> bool:
    if "Action" not in statement:
        return True  # NotAction allows everything else
    patterns = [pattern.lower() for pattern in _listed(statement["Action"])]
    return any(fnmatchcase(action, pattern) for pattern in patterns for action in _PULL_ACTIONS)


def _foreign(statement: dict[str, Any], account: str) -> Iterator[str]:
    principal = statement.get("Principal")
    if principal is None:
        yield "NotPrincipal"
        return
    condition = statement.get("Condition") or {}
    restricted_to = _accounts_of(condition)
    if restricted_to == {account}:
        return
    if isinstance(principal, str):
        principal = {"AWS": principal}
    for kind, names in principal.items():
        for name in _listed(names):
            if kind == "AWS" and _ACCOUNT.findall(name) == [account]:
                continue
            # Lambda also requires the permission of the principal that creates the function, so its service
            # principal alone, as Lambda itself adds it, lets no other account pull.
            # With a condition of an unknown form it may.
            if kind == "Service" and name.startswith("lambda.") and not condition:
                continue
            yield name


def _accounts_of(condition: dict[str, Any]) -> set[str]:
    """The accounts that a condition restricts a statement to; empty if it does not."""
    for operator, keys in condition.items():
        if operator.lower() not in _RESTRICTING_OPERATORS:
            continue
        for key, values in keys.items():
            if key.lower() in _RESTRICTING_KEYS:
                found = [_RESTRICTING_KEYS[key.lower()].fullmatch(value) for value in _listed(values)]
                accounts = {match["account"] for match in found if match}
                if all(found) and accounts:
                    return accounts
    return set()


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
