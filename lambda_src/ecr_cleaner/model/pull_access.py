"""Who outside the account a policy lets pull."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class PullScopeKind(StrEnum):
    """What the consumers of one pulling party belong to."""

    ACCOUNT = "account"
    ORGANIZATION = "organization"
    EVERYBODY = "everybody"


@dataclass(frozen=True, order=True, slots=True)
class PullScope:
    """One party outside the account whom a policy, of the repository or of the registry, lets pull.

    Attributes:
        principal: As the policy writes it.
        cause: What makes it foreign, as it follows "its policy lets <principal> pull"; may be empty.
        remedy: What mends it in the policy.
        kind: What has to be looked at to see all consumers of this party.
        id: Of the account, twelve digits, or of the organization, ``o-...``; empty: nobody knows where they are.
        is_registry: Whether the registry's policy says so, rather than the repository's own.
    """

    principal: str
    cause: str = ""
    remedy: str = ""
    kind: PullScopeKind = PullScopeKind.EVERYBODY
    id: str = ""
    is_registry: bool = False


def lets_pull(scopes: Iterable[PullScope], everywhere: str = "") -> str:
    """Whom a policy lets pull, as it follows "its policy lets", with what makes them foreign and what mends it.

    Args:
        scopes: At least one.
        everywhere: Of what they may pull, where that has to be said.
    """
    known = sorted(set(scopes))
    by_cause: dict[str, list[str]] = {}
    for cause, principal in dict.fromkeys((scope.cause, scope.principal) for scope in known):
        by_cause.setdefault(cause, []).append(principal)
    pull = f"pull {everywhere}".rstrip()
    causes = [f"{', '.join(names)} {' '.join(filter(None, (pull, cause)))}" for cause, names in by_cause.items()]
    remedies = dict.fromkeys(scope.remedy for scope in known if scope.remedy)
    return f"{', and '.join(causes)}; to mend this, {'; '.join(remedies)}" if remedies else ", and ".join(causes)
