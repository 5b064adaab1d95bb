"""What an account holds, region by region: our stores, and the view on moto's."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import moto.backends

from .aws import ACCOUNT
from .images import Image, Images

if TYPE_CHECKING:
    from .registry import Registry


T = TypeVar("T")


@dataclass(slots=True)
class Region:
    """What one region holds beside moto's own state."""

    images: Images = field(default_factory=Images)
    replication_rules: list[dict[str, Any]] = field(default_factory=list)
    cache_rules: list[dict[str, Any]] = field(default_factory=list)
    stores: dict[type, Any] = field(default_factory=dict)


class Account:
    """All regions of one account.

    Attributes:
        id: Of the account.
        home: The account of the sandbox's own keys, whose registry everybody pulls from.
        records_pulls: Whether BatchGetImage moves the pull time; False is a caller that is excluded from it.
        region_statuses: By region, whether the account can use it, as `account` tells it.
        ids: Digest by (region, scenario image id).
        registry_host: Host that takes the place of ECR's in repository URIs, when a real registry stands behind.
        registry: That registry.
    """

    def __init__(self, account: str = ACCOUNT, home: Account | None = None) -> None:
        self.id = account
        self.home = home or self
        self._lock = threading.Lock()
        self._regions: dict[str, Region] = {}
        self._serials: dict[tuple[str, str], int] = {}
        self.records_pulls = True
        self.region_statuses: dict[str, str] = {}
        self.ids: dict[tuple[str, str], str] = {}
        self.registry_host: str | None = None
        self.registry: Registry | None = None

    def region(self, name: str) -> Region:
        """The state of a region, made when first asked for."""
        with self._lock:
            return self._regions.setdefault(name, Region())

    def store(self, region: str, kind: type[T]) -> T:
        """What a service holds in a region; `kind` is made without arguments when first asked for."""
        stores = self.region(region).stores
        with self._lock:
            if kind not in stores:
                stores[kind] = kind()
            found: T = stores[kind]
            return found

    def reset(self) -> None:
        """Forget everything but moto's state."""
        with self._lock:
            self._regions.clear()
            self.region_statuses.clear()
            self.ids.clear()
            self._serials.clear()
            self.records_pulls = True

    def moto(self, service: str, region: str) -> Any:
        """Moto's backend of a service."""
        return moto.backends.get_backend(service)[self.id][region]

    def repositories(self, region: str) -> dict[str, Any]:
        """Moto's repositories by name."""
        found: dict[str, Any] = self.moto("ecr", region).repositories
        return found

    def host(self, region: str) -> str:
        """The registry host that references name."""
        return self.registry_host or self.ecr_host(region)

    def ecr_host(self, region: str) -> str:
        """ECR's host name in a region."""
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"{self.id}.dkr.ecr.{region}.{suffix}"

    def arn(self, service: str, region: str, rest: str) -> str:
        """The ARN of something in this account."""
        return f"arn:aws:{service}:{region}:{self.id}:{rest}"

    def may_use(self, region: str) -> bool:
        """Whether the account has the region enabled, as far as is told."""
        return self.region_statuses.get(region, "ENABLED_BY_DEFAULT") in {"ENABLED", "ENABLED_BY_DEFAULT"}

    def serial(self, region: str, repository: str) -> int:
        """1, 2, 3 … for the images of a repository that have no id."""
        with self._lock:
            number = self._serials.get((region, repository), 0) + 1
            self._serials[region, repository] = number
            return number

    def find_image(self, region: str, digest: str | None) -> Image | None:
        """An image by its digest, in whatever repository it is."""
        images = self.region(region).images
        found = (images.find(name, digest, None) for name in images) if digest else iter(())
        return next((image for image in found if image), None)

    def refresh(self, region: str, repository: str) -> None:
        """Learn what was pushed to the registry behind the sandbox, if there is one."""
        if self.registry:
            self.registry.learn(region, repository)

    def with_uri(self, repository: dict[str, Any], region: str) -> dict[str, Any]:
        """A repository as the API shows it, with the URI of the registry in use."""
        return repository | {"repositoryUri": f"{self.host(region)}/{repository['repositoryName']}"}

    def repository_tags(self, region: str, name: str) -> dict[str, str]:
        """The tags of a repository, by key."""
        backend = self.moto("ecr", region)
        repository = backend.repositories.get(name)
        if repository is None:
            return {}
        tags: dict[str, str] = backend.tagger.get_tag_dict_for_resource(repository.arn)
        return tags
