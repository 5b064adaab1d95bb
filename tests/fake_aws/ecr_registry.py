"""ECR's repositories and registry settings: moto's, paged and addressed as ECR does it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from .aws import Answer, AwsError, invalid, now
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Request
    from .state import Account

_BATCH = 100


class EcrRegistryApi:
    """Handlers by operation."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], Answer | dict[str, Any]]]:
        """The operations that are not left to moto."""
        return {
            "CreateRepository": self.create_repository,
            "DeleteRepository": self.delete_repository,
            "DescribePullThroughCacheRules": self.describe_pull_through_cache_rules,
            "DescribeRegistry": self.describe_registry,
            "DescribeRepositories": self.describe_repositories,
            "GetAuthorizationToken": self.get_authorization_token,
            "ListPullTimeUpdateExclusions": self.list_pull_time_update_exclusions,
            "PutReplicationConfiguration": self.put_replication_configuration,
        }

    def describe_repositories(self, request: Request) -> Answer | dict[str, Any]:
        """100 a page, 1,000 at most; at most 100 names, which exclude paging."""
        names = request.get("repositoryNames")
        if names is not None:
            batch(request, "repositoryNames", names)
            exclusive(request, "repositoryNames")
        answer = request.forward()
        if not answer.ok:
            return answer
        found = [self._account.with_uri(item, request.region) for item in json.loads(answer.body)["repositories"]]
        if names is not None:
            return {"repositories": found}
        shown, token = page(request, found, lambda item: item["repositoryName"], size=100, largest=1000)
        return {"repositories": shown, "nextToken": token}

    def list_pull_time_update_exclusions(self, request: Request) -> dict[str, Any]:
        """100 a page at most; the caller is in it if no pull time moves for it."""
        excluded = [] if self._account.records_pulls else [request.identity.principal]
        shown, token = page(request, excluded, lambda arn: arn, size=100)
        return {"pullTimeUpdateExclusions": shown, "nextToken": token}

    def create_repository(self, request: Request) -> Answer | dict[str, Any]:
        """As moto, with the URI of the registry in use."""
        answer = request.forward()
        if not answer.ok:
            return answer
        return {"repository": self._account.with_uri(json.loads(answer.body)["repository"], request.region)}

    def get_authorization_token(self, request: Request) -> Answer | dict[str, Any]:
        """As moto, valid for 12 hours, for the registry in use."""
        answer = request.forward()
        if not answer.ok:
            return answer
        endpoint = f"https://{self._account.host(request.region)}"
        if self._account.registry_host:
            endpoint = f"http://{self._account.registry_host}"
        tokens = [
            item | {"proxyEndpoint": endpoint, "expiresAt": now() + dt.timedelta(hours=12)}
            for item in json.loads(answer.body)["authorizationData"]
        ]
        return {"authorizationData": tokens}

    def delete_repository(self, request: Request) -> Answer | dict[str, Any]:
        """Refused while there are images, unless forced; takes the images along."""
        name = existing(self._account, request)
        images = self._account.region(request.region).images
        if images.of(name) and not request.get("force"):
            raise AwsError(
                "RepositoryNotEmptyException",
                f"The repository with name '{name}' in registry with id '{request.account}' cannot be deleted "
                "because it still contains images",
            )
        answer = request.forward()
        if answer.ok:
            if self._account.registry:
                for digest in images.of(name):
                    self._account.registry.forget(name, digest, hide=False)
            images.drop(name)
        return answer

    def describe_registry(self, request: Request) -> dict[str, Any]:
        """The replication rules, with `deleteReplication` as botocore 1.44.4 and later know it."""
        rules = self._account.region(request.region).replication_rules
        return {"registryId": request.account, "replicationConfiguration": {"rules": rules}}

    def put_replication_configuration(self, request: Request) -> dict[str, Any]:
        """Replace the replication rules."""
        configuration = request.get("replicationConfiguration", {})
        self._account.region(request.region).replication_rules = list(configuration.get("rules", []))
        return {"replicationConfiguration": configuration}

    def describe_pull_through_cache_rules(self, request: Request) -> dict[str, Any]:
        """100 a page, 1,000 at most; unknown prefixes are an error."""
        rules = self._account.region(request.region).cache_rules
        prefixes = request.get("ecrRepositoryPrefixes")
        if prefixes is not None:
            known = {rule["ecrRepositoryPrefix"]: rule for rule in rules}
            if unknown := sorted(set(prefixes) - set(known)):
                raise AwsError("PullThroughCacheRuleNotFoundException", f"There is no rule for {unknown}")
            return {"pullThroughCacheRules": [known[prefix] for prefix in prefixes]}
        shown, token = page(request, rules, lambda rule: rule["ecrRepositoryPrefix"], size=100, largest=1000)
        return {"pullThroughCacheRules": shown, "nextToken": token}


def existing(account: Account, request: Request) -> str:
    """The name of the repository a request is about; what was pushed to a registry behind it is known from here on.

    Raises:
        AwsError: It does not exist in this account.
    """
    name = str(request.get("repositoryName", ""))
    registry = request.get("registryId", request.account)
    if registry != request.account or name not in account.repositories(request.region):
        raise AwsError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
        )
    account.refresh(request.region, name)
    return name


def batch(request: Request, member: str, items: Any) -> list[Any]:
    """A list of 1 to 100 items.

    Raises:
        AwsError: It is longer, empty, or missing.
    """
    if not isinstance(items, list) or not 1 <= len(items) <= _BATCH:
        size = len(items) if isinstance(items, list) else 0
        raise invalid(
            request,
            f"Invalid parameter at '{member}' failed to satisfy constraint: "
            f"'Member must have length between 1 and {_BATCH}', got {size}",
        )
    return items


def exclusive(request: Request, member: str) -> None:
    """Refuse paging together with a list of what is wanted.

    Raises:
        AwsError: The request has a token or a limit.
    """
    for other in ("nextToken", "maxResults"):
        if request.get(other) is not None:
            raise invalid(request, f"Invalid parameter: '{other}' cannot be used together with '{member}'")
