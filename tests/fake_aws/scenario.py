"""Scenario files: an account that a person can read.

Top-level keys: ``region``, ``repositories``, ``replication``, ``pull_through_cache`` and one per service that uses
images. Images are told as in `push.Push`. Wherever a reference or digest stands, ``{registry}`` (the host of the
sandbox's own account, also where the scenario is of another), ``{account}``, ``{region}``, ``{home}`` (that host in the
sandbox's own region) and ``{<image id>}`` (its digest, of the same region or else of the sandbox's own) are replaced.
See ``scenarios/company.yaml`` for all of it in use.

What other accounts hold stands in ``accounts``, each with scenarios of its own; ``organization`` is what they are in::

    organization: {id: o-exampleorgid, management: "999988887777", delegates: ["123456789012"], shows: [State]}
    accounts:
      "222233334444":
        name: production
        state: ACTIVE                  # see accounts.State; ?FROZEN is one that AWS may come to have
        member: true                   # of the organization; unit: ou-exam-production
        reader: true                   # has the role that the function assumes
        holds: [{region: eu-west-1, ecs: {...}}]
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .aws import REGION, now
from .ecr_lifecycle import problems
from .push import Push, Pusher

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from .state import Account

    Section = Callable[[str, Any, dt.datetime], None]

_PLACE = re.compile(r"\{([^{}\s\"':,]+)\}")


def contents(scenario: Path | Mapping[str, Any]) -> dict[str, Any]:
    """What a scenario says.

    Raises:
        TypeError: The file is not a mapping.
    """
    content = yaml.safe_load(scenario.read_text()) if isinstance(scenario, Path) else scenario
    if not isinstance(content, Mapping):
        raise TypeError("a scenario is a mapping")
    return dict(content)


class Loader:
    """Adds scenarios to an account.

    Args:
        account: Where to.
        sections: Readers of further top-level keys; they take region, content with placeholders replaced, and now.
    """

    def __init__(self, account: Account, sections: Mapping[str, Section]) -> None:
        self._account = account
        self._pusher = Pusher(account)
        self._sections: dict[str, Section] = {
            "replication": self._replication,
            "pull_through_cache": self._pull_through_cache,
            **sections,
        }

    def load(self, content: Mapping[str, Any]) -> None:
        """Add a scenario.

        Raises:
            ValueError: It has keys that mean nothing.
            LookupError: It names an image or a repository that does not exist.
        """
        if unknown := sorted(set(content) - {"region", "description", "repositories", *self._sections}):
            raise ValueError(f"a scenario has no {', '.join(unknown)}")
        region, present = str(content.get("region", REGION)), now()
        for name, told in (content.get("repositories") or {}).items():
            self._repository(region, name, told or {}, present)
        for name, load in self._sections.items():
            if content.get(name):
                load(region, self.expand(region, content[name]), present)

    def push(self, region: str, repository: str, push: Push) -> str:
        """Push one image now; returns its digest."""
        return self._pusher.push(region, repository, push, now())

    def repository(
        self,
        region: str,
        name: str,
        tags: Mapping[str, str],
        policy: Mapping[str, Any] | None,
        mutability: str = "MUTABLE",
    ) -> None:
        """Create a repository, or add tags and policy to the one that is there."""
        backend = self._account.moto("ecr", region)
        listed = [{"Key": key, "Value": str(value)} for key, value in tags.items()]
        if name not in backend.repositories:
            backend.create_repository(name, None, None, None, mutability, [])
        backend.tagger.tag_resource(backend.repositories[name].arn, listed)
        if policy:
            backend.repositories[name].policy = json.dumps(self.expand(region, policy))

    def expand(self, region: str, value: Any) -> Any:
        """Replace the placeholders in every string of a value.

        Raises:
            LookupError: A placeholder names no image.
        """
        if isinstance(value, Mapping):
            return {self.expand(region, key): self.expand(region, item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.expand(region, item) for item in value]
        return _PLACE.sub(lambda match: self._place(region, match[1]), value) if isinstance(value, str) else value

    def _place(self, region: str, name: str) -> str:
        # ECR's own host whatever registry stands behind: the consumers of a scenario name ECR, as everybody's do.
        home = self._account.home
        hosts = {"registry": home.ecr_host(region), "home": home.ecr_host(REGION)}
        fixed = {**hosts, "account": self._account.id, "region": region}
        if name in fixed:
            return fixed[name]
        ids = {**home.ids, **self._account.ids}
        if not {(region, name), (REGION, name)} & ids.keys():
            raise LookupError(f"there is no image with the id {name!r}")
        return ids[region, name] if (region, name) in ids else ids[REGION, name]

    def _repository(self, region: str, name: str, told: Mapping[str, Any], present: dt.datetime) -> None:
        if unknown := sorted(set(told) - {"tags", "policy", "lifecycle", "mutability", "images", "description"}):
            raise ValueError(f"a repository has no {', '.join(unknown)}")
        self.repository(region, name, told.get("tags") or {}, told.get("policy"), told.get("mutability", "MUTABLE"))
        if told.get("lifecycle"):
            text = json.dumps({"rules": told["lifecycle"]})
            if problem := next(problems(text), None):
                raise ValueError(f"ECR takes no such lifecycle policy: {problem}")
            self._account.moto("ecr", region).repositories[name].lifecycle_policy = text
        for image in told.get("images") or []:
            self._pusher.push(region, name, Push(**image), present)

    def _replication(self, region: str, rules: Any, _: dt.datetime) -> None:
        self._account.region(region).replication_rules.extend(rules)

    def _pull_through_cache(self, region: str, rules: Any, present: dt.datetime) -> None:
        for rule in rules:
            made = {"registryId": self._account.id, "createdAt": present, "updatedAt": present, **rule}
            self._account.region(region).cache_rules.append(made)
