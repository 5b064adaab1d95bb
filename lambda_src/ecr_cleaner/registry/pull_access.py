"""Pure: who may pull from a repository, and which repositories others depend on.

Consumers in other accounts are not scanned, so a repository whose policy lets them pull is skipped. The grammar
is that of IAM resource policies
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from ecr_cleaner.errors import RepositoryError
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


@dataclass(frozen=True, order=True, slots=True)
class ForeignPuller:
    """Somebody outside the account whom a policy lets pull.

    Attributes:
        principal: As the policy writes it.
        foreign: What makes it foreign, as it follows "its policy lets <principal> pull"; may be empty.
        remedy: What mends it.
    """

    principal: str
    foreign: str = ""
    remedy: str = ""


def lets_pull(pullers: Iterable[ForeignPuller], everywhere: str = "") -> str:
    """Whom a policy lets pull, as it follows "its policy lets", with what makes them foreign and what mends it.

    Args:
        pullers: At least one.
        everywhere: Of what they may pull, where that has to be said.
    """
    by_cause: dict[str, list[str]] = {}
    for puller in sorted(set(pullers)):
        by_cause.setdefault(puller.foreign, []).append(puller.principal)
    pull = f"pull {everywhere}".rstrip()
    causes = [f"{', '.join(names)} {' '.join(filter(None, (pull, cause)))}" for cause, names in by_cause.items()]
    remedies = dict.fromkeys(puller.remedy for puller in sorted(set(pullers)) if puller.remedy)
    return f"{', and '.join(causes)}; to mend this, {'; '.join(remedies)}" if remedies else ", and ".join(causes)


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What the registry as a whole says about its repositories.

    Attributes:
        account: Twelve digits.
        delete_replication_prefixes: Name prefixes under a replication rule that also replicates
            deletions; an empty prefix is every repository.
        pull_through_prefixes: Prefixes of pull-through cache rules; ``ROOT`` is every repository.
        foreign_pullers: Those outside the account that the registry's policy lets pull from every repository.
    """

    account: str
    delete_replication_prefixes: tuple[str, ...] = ()
    pull_through_prefixes: tuple[str, ...] = ()
    foreign_pullers: tuple[ForeignPuller, ...] = ()

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


def foreign_pullers(policy_text: str, account: str, place: str) -> tuple[ForeignPuller, ...]:
    """Whom outside the account a resource policy lets pull.

    Args:
        policy_text: The JSON document.
        account: The account that owns the registry.
        place: Named in errors, e.g. ``the policy of shop/api``.

    Returns:
        Sorted by principal. Empty if only the account itself can pull. A condition of an unknown form does not
        restrict anything.

    Raises:
        RepositoryError: The document is no policy.
    """
    try:
        statements = read_json(policy_text)["Statement"]
        found: set[ForeignPuller] = set()
        for statement in statements if isinstance(statements, list) else [statements]:
            if statement["Effect"] == "Allow" and _lets_pull(statement):
                found.update(_foreign(statement, account))
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{place} is not a policy document: {policy_text[:80]!r}"
        raise RepositoryError(message) from None
    return tuple(sorted(found))


def _lets_pull(statement: dict[str, Any]) -> bool:
    if "Action" not in statement:
        return True  # NotAction allows everything else
    patterns = [pattern.lower() for pattern in _listed(statement["Action"])]
    return any(fnmatchcase(action, pattern) for pattern in patterns for action in _PULL_ACTIONS)


def _foreign(statement: dict[str, Any], account: str) -> Iterator[ForeignPuller]:
    principal = statement.get("Principal")
    if principal is None:
        yield ForeignPuller(
            "NotPrincipal", "for everybody else", "let the policy name principals of this account alone"
        )
        return
    condition = statement.get("Condition") or {}
    restricted_to = _accounts_of(condition)
    if restricted_to == {account}:
        return
    if isinstance(principal, str):
        principal = {"AWS": principal}
    for kind, names in principal.items():
        for name in _listed(names):
            if kind == "AWS" and _account_of(name) == account:
                continue
            # Lambda also requires the permission of the principal that creates the function, so its service
            # principal alone, as Lambda itself adds it, lets no other account pull.
            # With a condition of an unknown form it may.
            if kind == "Service" and name.startswith("lambda.") and not condition:
                continue
            yield _described(kind, name, condition, account)


def _described(kind: str, name: str, condition: dict[str, Any], own: str) -> ForeignPuller:
    """What makes a principal foreign, the most certain cause first, and what mends it."""
    lists = "or have a list written of the images that are used there"
    if deleted := _DELETED.fullmatch(name):
        what = "user" if deleted["kind"] == "AIDA" else "role"
        return ForeignPuller(
            name, f"as a {what} that was deleted", f"remove {name} from the policy: it stands for nobody"
        )
    named = _account_of(name) if kind == "AWS" else None
    accounts = _accounts_in(condition) - {own}
    if accounts or named:
        names = ", ".join(sorted(accounts) or filter(None, [named]))
        foreign = f"for account {names}" if accounts else ""  # its ARN says it
        return ForeignPuller(name, foreign, f"remove account {names} from the policy, {lists}")
    if organizations := ", ".join(sorted(_values(condition, _ORGANIZATION_KEYS))):
        remedy = f"let the policy name this account alone instead of {organizations}, {lists}"
        return ForeignPuller(name, f"for organization {organizations}", remedy)
    keys = ", ".join(sorted({key for keys in condition.values() for key in keys}))
    unread = f"under a condition on {keys}, which is not understood as one account" if condition else ""
    if kind == "Service":
        remedy = f'add the condition "StringEquals": {{"aws:SourceAccount": "{own}"}} to its statement'
        return ForeignPuller(
            name, unread or "for any account, as no condition on aws:SourceAccount confines it", remedy
        )
    anybody = "from any account" if name == "*" else ""
    return ForeignPuller(name, unread or anybody, _NAME_OWN)


def _account_of(principal: str) -> str | None:
    """The account of an ARN or id; None if neither says one for certain."""
    found = _ID.fullmatch(principal) or _ARN.fullmatch(principal)
    return found["account"] if found else None


def _accounts_in(condition: dict[str, Any]) -> set[str]:
    """Every account that a condition asks for, also in a form that restricts nothing for certain."""
    asked = {operator: keys for operator, keys in condition.items() if "not" not in operator.lower()}
    return {account for value in _values(asked, _RESTRICTING_KEYS) for account in _ACCOUNT.findall(value)}


def _values(condition: dict[str, Any], wanted: Collection[str]) -> set[str]:
    """What a condition compares some keys with, whatever its operators."""
    return {
        str(value)
        for keys in condition.values()
        for key, values in keys.items()
        if key.lower() in wanted
        for value in _listed(values)
    }


def _accounts_of(condition: dict[str, Any]) -> set[str]:
    """The accounts that a condition restricts a statement to; empty if it does not."""
    for operator, keys in condition.items():
        if operator.lower() not in _RESTRICTING_OPERATORS:
            continue
        for key, values in keys.items():
            if key.lower() in _RESTRICTING_KEYS:
                # A number or a truth value may stand there too, and how IAM compares it is not understood.
                form = _RESTRICTING_KEYS[key.lower()]
                found = [form.fullmatch(value) if isinstance(value, str) else None for value in _listed(values)]
                accounts = {match["account"] for match in found if match}
                if all(found) and accounts:
                    return accounts
    return set()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
