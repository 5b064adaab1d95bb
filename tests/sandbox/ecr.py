"""ECR's image APIs, strict where ECR is strict; repositories, policies, tags and tokens are moto's.

Limits, codes and semantics are those of botocore's model of ECR and its documentation. Two things AWS does not say:

- what a (digest, tag) pair removes in BatchDeleteImage, the tag or the image: `EcrApi.pair_deletes` chooses;
- whether a child goes in the same call as its index: here it does not, which is the stricter answer.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from . import manifests
from .aws import Answer, AwsError, invalid, now
from .images import Image
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Request
    from .state import Account

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_BATCH = 100


class EcrApi:
    """Handlers by operation; each takes a request and gives an output or raises an `AwsError`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.pair_deletes: Literal["tag", "image"] = "tag"

    def handlers(self) -> dict[str, Callable[[Request], Answer | dict[str, Any]]]:
        """The operations that are not left to moto."""
        return {
            "BatchDeleteImage": self.batch_delete_image,
            "BatchGetImage": self.batch_get_image,
            "CreateRepository": self.create_repository,
            "DeleteRepository": self.delete_repository,
            "DescribeImages": self.describe_images,
            "DescribePullThroughCacheRules": self.describe_pull_through_cache_rules,
            "DescribeRegistry": self.describe_registry,
            "DescribeRepositories": self.describe_repositories,
            "GetAuthorizationToken": self.get_authorization_token,
            "ListImages": self.list_images,
            "PutImage": self.put_image,
            "PutReplicationConfiguration": self.put_replication_configuration,
        }

    # Repositories

    def describe_repositories(self, request: Request) -> Answer | dict[str, Any]:
        """100 a page, 1,000 at most; at most 100 names, which exclude paging."""
        names = request.get("repositoryNames")
        if names is not None:
            _batch(request, "repositoryNames", names)
            _exclusive(request, "repositoryNames")
        answer = request.forward()
        if not answer.ok:
            return answer
        found = [self._account.with_uri(item, request.region) for item in json.loads(answer.body)["repositories"]]
        if names is not None:
            return {"repositories": found}
        shown, token = page(request, found, lambda item: item["repositoryName"], size=100, largest=1000)
        return {"repositories": shown, "nextToken": token}

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
        name = self._repository(request)
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

    # Images

    def describe_images(self, request: Request) -> dict[str, Any]:
        """100 a page, 1,000 at most; at most 100 ids, which exclude paging; ACTIVE images unless asked otherwise."""
        name = self._repository(request)
        ids = request.get("imageIds")
        if ids is None:
            shown, token = page(
                request, self._filtered(request, name), lambda image: image.digest, size=100, largest=1000
            )
            return {"imageDetails": [self._detail(request, name, image) for image in shown], "nextToken": token}
        _batch(request, "imageIds", ids)
        _exclusive(request, "imageIds")
        wanted = {self._must_find(request, name, item).digest for item in ids}
        found = [image for image in self._filtered(request, name) if image.digest in wanted]
        return {"imageDetails": [self._detail(request, name, image) for image in found]}

    def list_images(self, request: Request) -> dict[str, Any]:
        """One entry per tag, or one without a tag; pages and filters as DescribeImages."""
        name = self._repository(request)
        entries = [
            (image.digest, tag)
            for image in self._filtered(request, name)
            for tag in (list(image.tags) or [""])
            if not (request.get("filter", {}).get("tagStatus") == "UNTAGGED" and tag)
        ]
        shown, token = page(request, entries, lambda entry: entry, size=100, largest=1000)
        ids = [{"imageDigest": digest, "imageTag": tag or None} for digest, tag in shown]
        return {"imageIds": ids, "nextToken": token}

    def batch_get_image(self, request: Request) -> dict[str, Any]:
        """Manifests of at most 100 ids; counts as a pull (aws/containers-roadmap#2390)."""
        name = self._repository(request)
        ids = _batch(request, "imageIds", request.get("imageIds"))
        accepted = request.get("acceptedMediaTypes")
        if accepted is not None:
            _batch(request, "acceptedMediaTypes", accepted)
        images = self._account.region(request.region).images
        found: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        with images.lock:
            for item in ids:
                failure = _malformed(item)
                image = None if failure else images.find(name, item.get("imageDigest"), item.get("imageTag"))
                if image is None or failure:
                    failures.append(_failure(item, *(failure or _NOT_FOUND)))
                elif image.status != "ACTIVE":
                    failures.append(_failure(item, "ImageInaccessible", "Requested image is not active"))
                elif accepted and image.media_type not in accepted:
                    failures.append(_failure(item, *_NOT_FOUND))
                else:
                    if self._account.records_pulls:
                        images.pulled(name, image.digest)
                    found.append(self._manifest(request, name, image, item.get("imageTag")))
        return {"images": found, "failures": failures}

    def batch_delete_image(self, request: Request) -> dict[str, Any]:
        """At most 100 ids; what cannot be deleted is a failure inside a 200."""
        name = self._repository(request)
        ids = _batch(request, "imageIds", request.get("imageIds"))
        images = self._account.region(request.region).images
        deleted: list[dict[str, Any]] = []
        failures: list[dict[str, Any]] = []
        with images.lock:
            listed: dict[str, list[str]] = {}
            for index in images.of(name).values():
                for child in index.children:
                    listed.setdefault(child, []).append(index.digest)
            for item in ids:
                try:
                    deleted += self._delete(request.region, name, item, listed)
                except _Refusal as refusal:
                    failures.append(_failure(item, refusal.code, refusal.reason))
        return {"imageIds": deleted, "failures": failures}

    def _delete(
        self, region: str, name: str, item: dict[str, str], listed: dict[str, list[str]]
    ) -> list[dict[str, str]]:
        images = self._account.region(region).images
        digest, tag = item.get("imageDigest"), item.get("imageTag")
        if failure := _malformed(item):
            raise _Refusal(*failure)
        image = images.find(name, digest, None) if digest else images.find(name, None, tag)
        if image is None:
            raise _Refusal(*_NOT_FOUND)
        if digest and tag and tag not in image.tags:
            if images.find(name, None, tag):
                raise _Refusal("ImageTagDoesNotMatchDigest", "Requested image tag does not match the image digest")
            raise _Refusal(*_NOT_FOUND)
        only_tag = tag is not None and (digest is None or self.pair_deletes == "tag")
        if only_tag and len(image.tags) > 1:
            images.untag(name, str(tag))
            return [{"imageDigest": image.digest, "imageTag": str(tag)}]
        if image.digest in listed:
            reason = f"Requested image referenced by manifest list: [{', '.join(listed[image.digest])}]"
            raise _Refusal("ImageReferencedByManifestList", reason)
        images.remove(name, image.digest)
        if self._account.registry:
            self._account.registry.forget(name, image.digest)
        gone = [{"imageDigest": image.digest, "imageTag": each} for each in image.tags]
        return gone or [{"imageDigest": image.digest}]

    def put_image(self, request: Request) -> dict[str, Any]:
        """Push a manifest; layers are not asked for, the children of an index are."""
        name = self._repository(request)
        body = str(request.get("imageManifest", "")).encode()
        try:
            manifest = manifests.read(body, request.get("imageManifestMediaType"))
        except (ValueError, TypeError, KeyError) as error:
            raise invalid(request, "Invalid parameter at 'imageManifest': 'Invalid JSON syntax'") from error
        tag, digest = request.get("imageTag"), request.get("imageDigest")
        if digest and digest != manifest.digest:
            raise AwsError("ImageDigestDoesNotMatchException", f"{digest} is not the digest of the manifest")
        images = self._account.region(request.region).images
        with images.lock:
            missing = [child for child in manifest.children if not images.find(name, child, None)]
            if missing:
                raise AwsError("ReferencedImagesNotFoundException", f"The images {missing} do not exist")
            there = images.find(name, manifest.digest, None)
            if there and (tag is None or tag in there.tags):
                raise AwsError(
                    "ImageAlreadyExistsException",
                    f"Image with digest '{manifest.digest}' and tag '{tag}' already exists",
                )
            if tag and self._immutable(request, name) and images.find(name, None, tag):
                raise AwsError("ImageTagAlreadyExistsException", f"The image tag '{tag}' already exists")
            image = images.put(name, Image(manifest, now(), tags=[tag] if tag else []))
        return {"image": self._manifest(request, name, image, tag)}

    # Registry

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

    # Shared

    def _repository(self, request: Request) -> str:
        name = str(request.get("repositoryName", ""))
        registry = request.get("registryId", request.account)
        if registry != request.account or name not in self._account.repositories(request.region):
            raise AwsError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
            )
        self._account.refresh(request.region, name)
        return name

    def _immutable(self, request: Request, name: str) -> bool:
        return str(self._account.repositories(request.region)[name].image_tag_mutability).startswith("IMMUTABLE")

    def _filtered(self, request: Request, name: str) -> list[Image]:
        asked = request.get("filter", {})
        status, tagged = asked.get("imageStatus", "ACTIVE"), asked.get("tagStatus", "ANY")
        if status not in {"ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"} or tagged not in {"TAGGED", "UNTAGGED", "ANY"}:
            raise invalid(request, f"Invalid parameter at 'filter': {asked}")
        images = self._account.region(request.region).images
        with images.lock:
            return [
                replace(image, tags=list(image.tags))
                for image in images.of(name).values()
                if status in {"ANY", image.status} and tagged in {"ANY", "TAGGED" if image.tags else "UNTAGGED"}
            ]

    def _must_find(self, request: Request, name: str, item: dict[str, str]) -> Image:
        digest, tag = item.get("imageDigest"), item.get("imageTag")
        images = self._account.region(request.region).images
        image = images.find(name, digest, tag) if digest or tag else None
        if image is None:
            raise AwsError(
                "ImageNotFoundException",
                f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not "
                f"exist within the repository with name '{name}' in the registry with id '{request.account}'",
            )
        return image

    def _detail(self, request: Request, name: str, image: Image) -> dict[str, Any]:
        return {
            "registryId": request.account,
            "repositoryName": name,
            "imageDigest": image.digest,
            "imageTags": list(image.tags) or None,
            "imageSizeInBytes": image.size,
            "imagePushedAt": image.pushed_at,
            "imageManifestMediaType": image.media_type,
            "artifactMediaType": image.artifact_type,
            "lastRecordedPullTime": image.pulled_at,
            "subjectManifestDigest": image.subject,
            "imageStatus": image.status,
            "lastArchivedAt": image.archived_at,
            "lastActivatedAt": image.activated_at,
        }

    def _manifest(self, request: Request, name: str, image: Image, tag: str | None) -> dict[str, Any]:
        return {
            "registryId": request.account,
            "repositoryName": name,
            "imageId": {"imageDigest": image.digest, "imageTag": tag},
            "imageManifest": image.manifest.body.decode(),
            "imageManifestMediaType": image.media_type,
        }


class _Refusal(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason


_NOT_FOUND = ("ImageNotFound", "Requested image not found")


def _failure(item: dict[str, str], code: str, reason: str) -> dict[str, Any]:
    return {"imageId": item, "failureCode": code, "failureReason": reason}


def _malformed(item: dict[str, str]) -> tuple[str, str] | None:
    digest, tag = item.get("imageDigest"), item.get("imageTag")
    if not digest and not tag:
        return "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
    if digest and not _DIGEST.fullmatch(digest):
        return "InvalidImageDigest", f"Invalid request parameters: image digest '{digest}'"
    if tag and not _TAG.fullmatch(tag):
        return "InvalidImageTag", f"Invalid request parameters: image tag '{tag}'"
    return None


def _batch(request: Request, member: str, items: Any) -> list[Any]:
    if not isinstance(items, list) or not 1 <= len(items) <= _BATCH:
        size = len(items) if isinstance(items, list) else 0
        raise invalid(
            request,
            f"Invalid parameter at '{member}' failed to satisfy constraint: "
            f"'Member must have length between 1 and {_BATCH}', got {size}",
        )
    return items


def _exclusive(request: Request, member: str) -> None:
    for other in ("nextToken", "maxResults"):
        if request.get(other) is not None:
            raise invalid(request, f"Invalid parameter: '{other}' cannot be used together with '{member}'")
