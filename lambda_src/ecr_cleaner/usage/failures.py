"""What failed in a scan target, and what an operator can do about it.

To exclude a source leaves it out everywhere. So in another region or account that is never proposed, but to leave out
the region, or the account.
"""

from collections.abc import Iterator
from dataclasses import replace

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.aws.denials import denial_of
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.gaps import entries
from ecr_cleaner.model.scan import ACCOUNTS, Denial, PolicyType, SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.usage.catalog import NEEDED_ANYWAY
from ecr_cleaner.usage.source import Source


def account_gap(account_id: str) -> str:
    """The entry of ``accepted_gaps`` that leaves an account out."""
    return f"account:{account_id}"


def region_gap(region: str) -> str:
    """The entry of ``accepted_gaps`` that leaves a region out, in every account."""
    return f"region:{region}"


def failed(source: Source, clients: AwsClients, error: Exception) -> SourceOutcome:
    """The outcome of a source that failed.

    Args:
        source: The one.
        clients: Of the target.
        error: What it raised.
    """
    operation = errors.operation_of(error)
    told = (
        f"{operation} failed with {errors.code_of(error)}" if isinstance(error, errors.AwsError) and operation else ""
    )
    parts = [told, str(error)]
    gap, what, unprotected = _exclusion(source, clients)
    denial = None
    if errors.is_denied(error):
        denial = replace(_denial(source, clients, error), unprotected=unprotected)
        denial = replace(denial, gap=gap if _may_exclude(source, clients, denial) else "")
        parts.append(f"the caller needs the permission {denial.permission}")
        if denial.remedy:
            parts.append(f"to mend this, {denial.remedy}")
    elif errors.is_transient(error):
        parts.append("the next run asks again")
    if isinstance(error, SourceError) and error.gaps:
        parts.append(f"or accept, at your own risk, that what only these use is not protected: {entries(error.gaps)}")
    elif denial is None and gap:
        parts.append(
            f"or exclude {what} at your own risk, and images that only these use are not protected:"
            f" {unprotected}: {entries([gap])}"
        )
    detail = "; ".join(filter(None, parts))
    return SourceOutcome(clients.target, source.name, SourceStatus.FAILED, detail=detail, denial=denial)


def unreachable(clients: AwsClients, target: ScanTarget, role_name: str, error: Exception) -> SourceOutcome:
    """The one outcome of another account for which there are no credentials.

    Args:
        clients: Of the run.
        target: The account, in the run's region.
        role_name: Of the role that is assumed there.
        error: What was raised instead.
    """
    parts = [errors.sentence(error), *_mended(clients, target.account_id, role_name, error)]
    parts.append(
        "or accept, at your own risk, that whatever runs there is not protected:"
        f" {entries([account_gap(target.account_id)])}"
    )
    return SourceOutcome(target, ACCOUNTS, SourceStatus.FAILED, detail="; ".join(parts))


def _mended(clients: AwsClients, account_id: str, role_name: str, error: Exception) -> Iterator[str]:
    profile = clients.profiles.get(account_id)
    if profile is not None:
        yield f"to mend this, name a profile of account {account_id} in place of {profile}"
    elif errors.is_denied(error):
        yield (
            f"to mend this, apply modules/usage-reader in account {account_id}, so that its role {role_name} is there"
            " and trusts the caller"
        )
    elif errors.is_transient(error):
        yield "the next run asks again"


def _exclusion(source: Source, clients: AwsClients) -> tuple[str, str, str]:
    """The entry of ``accepted_gaps`` that may be proposed, what it excludes, and what it leaves unprotected."""
    if clients.is_foreign:
        account_id = clients.target.account_id
        return account_gap(account_id), "this account", f"whatever runs in account {account_id}"
    if not clients.is_home:
        return region_gap(clients.region), "this region", f"whatever runs in {clients.region}"
    return source.proposed_gap, "this source", source.title


def _denial(source: Source, clients: AwsClients, error: Exception) -> Denial:
    operation = errors.operation_of(error) or ""
    name = errors.IAM_NAMES.get(operation, operation)
    needed = (action for grant in source.grants for action in grant.actions)
    permission = next((one for one in needed if one.endswith(f":{name}")), name)
    denial = denial_of(error, permission)
    if not clients.is_foreign or denial.policy not in {PolicyType.IDENTITY, PolicyType.UNKNOWN}:
        return denial
    where = f"in account {clients.account_id}, so that {clients.caller} may do it"
    return replace(denial, remedy=f"apply modules/usage-reader of this version {where}")


def _may_exclude(source: Source, clients: AwsClients, denial: Denial) -> bool:
    # Whoever forbids another service, whose task definitions this one starts, does not forbid this one.
    own = {action.partition(":")[0] for grant in source.grants[:1] for action in grant.actions}
    is_own = denial.permission.partition(":")[0] in own and denial.permission not in NEEDED_ANYWAY
    return is_own or not clients.is_home
