"""Reads registry-wide configuration and policies: pull-through caches, replication, who may pull."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import RepositoryError
from ecr_cleaner.registry.images import PAGE_SIZE
from ecr_cleaner.registry.pull_access import RegistryFacts, pull_scopes

_POLICY_ABSENT: Final = frozenset({"RepositoryPolicyNotFoundException", "RegistryPolicyNotFoundException"})


def registry_facts(clients: AwsClients) -> RegistryFacts:
    """What the registry as a whole says: replication, pull-through caches, its own policy.

    Raises:
        RepositoryError: The loaded service model is too old to see delete replication, or the
            registry's policy is no policy.
        IncompleteAnswerError: An answer lacks what it must have.
    """
    ecr = clients.client("ecr")
    # botocore before 1.44.4 drops the field in silence, and a replicated deletion reaches other regions.
    if "deleteReplication" not in ecr.meta.service_model.shape_for("ReplicationRule").members:
        message = "the loaded botocore does not know ECR's delete replication: 1.44.4 or newer is needed"
        raise RepositoryError(message)
    registry = ecr.describe_registry()
    account = str(responses.member(registry, "registryId", "DescribeRegistry"))
    clients.account_id = account
    rules = responses.member(registry, "replicationConfiguration.rules", "DescribeRegistry")
    caches = responses.paged(ecr, "DescribePullThroughCacheRules", "pullThroughCacheRules", maxResults=PAGE_SIZE)
    policy = policy_text(ecr, "GetRegistryPolicy")
    return RegistryFacts(
        account=account,
        delete_replication_prefixes=tuple(_replicated_prefixes(rules)),
        pull_through_prefixes=tuple(
            responses.member(rule, "ecrRepositoryPrefix", "DescribePullThroughCacheRules") for rule in caches
        ),
        pull_scopes=pull_scopes(policy, account, "the registry's policy", is_registry=True) if policy else (),
    )


def _replicated_prefixes(rules: Iterable[dict[str, Any]]) -> Iterator[str]:
    for rule in rules:
        if rule.get("deleteReplication", {}).get("enabled"):
            # No filters: the rule holds for every repository. So may one of a kind that is not known here.
            yield from [
                responses.member(f, "filter", "DescribeRegistry") if f.get("filterType") == "PREFIX_MATCH" else ""
                for f in rule.get("repositoryFilters", ())
            ] or [""]


def policy_text(ecr: Any, operation: str, **parameters: str) -> str | None:
    """The registry's policy, or a repository's; None if it has none."""
    try:
        return str(responses.member(responses.called(ecr, operation, **parameters), "policyText", operation))
    except errors.AwsError as error:
        if errors.code_of(error) in _POLICY_ABSENT:
            return None
        raise
