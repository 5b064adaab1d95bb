"""ECR's image APIs, strict where ECR is strict.

Limits, codes and semantics are those of botocore's model of ECR and its documentation. Two things AWS does not say:

- what a (digest, tag) pair removes in BatchDeleteImage, the tag or the image: `EcrApi.pair_deletes` chooses;
- whether a child goes in the same call as its index: here it does not, which is the stricter answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from . import manifests
from .aws import AwsError, invalid, now
from .ecr_registry import batch, exclusive, existing
from .images import Image
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .aws import Request
    from .state import Account

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class EcrApi:
    """Handlers by operation; each takes a request and gives an output or raises an `AwsError`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.pair_deletes: Literal["tag", "image"] = "tag"
        self.lost_layers: set[str] = set()
        self.looks_until_active = 1

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations that are not left to moto."""
        return {
            "BatchCheckLayerAvailability": self.batch_check_layer_availability,
            "BatchDeleteImage": self.batch_delete_image,
            "BatchGetImage": self.batch_get_image,
            "DescribeImages": self.describe_images,
            "ListImages": self.list_images,
            "PutImage": self.put_image,
            "UpdateImageStorageClass": self.update_image_storage_class,
        }

    # Images

    def describe_images(self, request: Request) -> dict[str, Any]:
        """100 a page, 1,000 at most; at most 100 ids, which exclude paging; ACTIVE images unless asked otherwise."""
        name = existing(self._account, request)
        ids = request.get("imageIds")
        store, wanted = self._account.region(request.region).images, _filter(request)
        with store.lock:
            self._activate(store.of(name).values())
            if ids is None:
                images = [image for image in store.of(name).values() if wanted(image)]
                shown, token = page(request, images, lambda image: image.digest, size=100, largest=1000)
                return {"imageDetails": [self._detail(request, name, image) for image in shown], "nextToken": token}
            batch(request, "imageIds", ids)
            exclusive(request, "imageIds")
            found = {image.digest: image for image in (self._must_find(request, name, item) for item in ids)}
            return {"imageDetails": [self._detail(request, name, image) for image in found.values() if wanted(image)]}

    def list_images(self, request: Request) -> dict[str, Any]:
        """One entry per tag, or one without a tag; pages and filters as DescribeImages."""
        name = existing(self._account, request)
        store, wanted = self._account.region(request.region).images, _filter(request)
        with store.lock:
            entries = [
                (image.digest, tag)
                for image in store.of(name).values()
                for tag in (list(image.tags) or [""])
                if wanted(image)
            ]
        shown, token = page(request, entries, lambda entry: entry, size=100, largest=1000)
        ids = [{"imageDigest": digest, "imageTag": tag or None} for digest, tag in shown]
        return {"imageIds": ids, "nextToken": token}

    def batch_get_image(self, request: Request) -> dict[str, Any]:
        """Manifests of at most 100 ids; counts as a pull (aws/containers-roadmap#2390)."""
        name = existing(self._account, request)
        ids = batch(request, "imageIds", request.get("imageIds"))
        accepted = request.get("acceptedMediaTypes")
        if accepted is not None:
            batch(request, "acceptedMediaTypes", accepted)
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
        name = existing(self._account, request)
        ids = batch(request, "imageIds", request.get("imageIds"))
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
                except _RefusedError as refusal:
                    failures.append(_failure(item, refusal.code, refusal.reason))
        return {"imageIds": deleted, "failures": failures}

    def _delete(
        self, region: str, name: str, item: dict[str, str], listed: dict[str, list[str]]
    ) -> list[dict[str, str]]:
        images = self._account.region(region).images
        digest, tag = item.get("imageDigest"), item.get("imageTag")
        if failure := _malformed(item):
            raise _RefusedError(*failure)
        image = images.find(name, digest, None) if digest else images.find(name, None, tag)
        if image is None:
            raise _RefusedError(*_NOT_FOUND)
        if digest and tag and tag not in image.tags:
            if images.find(name, None, tag):
                raise _RefusedError("ImageTagDoesNotMatchDigest", "Requested image tag does not match the image digest")
            raise _RefusedError(*_NOT_FOUND)
        only_tag = tag is not None and (digest is None or self.pair_deletes == "tag")
        if only_tag and len(image.tags) > 1:
            images.untag(name, str(tag))
            if self._account.registry:
                self._account.registry.untag(name, str(tag), image.digest)
            return [{"imageDigest": image.digest, "imageTag": str(tag)}]
        if image.digest in listed:
            reason = f"Requested image referenced by manifest list: [{', '.join(listed[image.digest])}]"
            raise _RefusedError("ImageReferencedByManifestList", reason)
        images.remove(name, image.digest)
        if self._account.registry:
            self._account.registry.forget(name, image.digest)
        gone = [{"imageDigest": image.digest, "imageTag": each} for each in image.tags]
        return gone or [{"imageDigest": image.digest}]

    def put_image(self, request: Request) -> dict[str, Any]:
        """Push a manifest; the children of an index must be there, and every layer that is not among the lost ones.

        Pushing an archived image activates it.
        """
        name = existing(self._account, request)
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
            lost = [layer for layer in manifest.layers if layer in self.lost_layers]
            if lost:
                raise AwsError("LayersNotFoundException", f"Unable to find layer(s) with digest(s) {lost}")
            there = images.find(name, manifest.digest, None)
            if there and there.status != "ACTIVE":
                there.status, there.activated_at = "ACTIVE", now()
            elif there and (tag is None or tag in there.tags):
                raise AwsError(
                    "ImageAlreadyExistsException",
                    f"Image with digest '{manifest.digest}' and tag '{tag}' already exists",
                )
            if tag and self._immutable(request, name) and images.find(name, None, tag):
                raise AwsError("ImageTagAlreadyExistsException", f"The image tag '{tag}' already exists")
            image = images.put(name, Image(manifest, now(), tags=[tag] if tag else []))
        return {"image": self._manifest(request, name, image, tag)}

    def batch_check_layer_availability(self, request: Request) -> dict[str, Any]:
        """Of at most 100 layers; those are there that the test does not say are lost."""
        existing(self._account, request)
        asked = batch(request, "layerDigests", request.get("layerDigests"))
        return {
            "layers": [
                {"layerDigest": one, "layerAvailability": "UNAVAILABLE" if one in self.lost_layers else "AVAILABLE"}
                for one in asked
            ],
            "failures": [],
        }

    def update_image_storage_class(self, request: Request) -> dict[str, Any]:
        """One image into the archive, or out of it; what an active index lists stays, as it does when deleting.

        What AWS answers to an update that changes nothing is not documented; here it is an error, the stricter answer.
        """
        name = existing(self._account, request)
        images = self._account.region(request.region).images
        target = request.get("targetStorageClass")
        with images.lock:
            image = self._must_find(request, name, request.get("imageId") or {})
            wanted = {"ARCHIVE": "ACTIVE", "STANDARD": "ARCHIVED"}.get(str(target))
            if wanted is None:
                raise invalid(request, f"Invalid parameter at 'targetStorageClass': {target}")
            if image.status != wanted:
                raise AwsError(_NO_UPDATE, f"The image is {image.status}")
            if target == "ARCHIVE":
                holding = [i for i in images.of(name).values() if i.status == "ACTIVE" and image.digest in i.children]
                if holding:
                    raise AwsError(_NO_UPDATE, f"Image referenced by manifest list: {holding[0].digest}")
                image.status, image.archived_at = "ARCHIVED", now()
            else:
                image.status, image.looks_left = "ACTIVATING", self.looks_until_active
        found = {"imageDigest": image.digest, "imageTag": (request.get("imageId") or {}).get("imageTag")}
        return {
            "registryId": request.account,
            "repositoryName": name,
            "imageId": found,
            "imageStatus": image.status,
        }

    # Shared

    def _activate(self, images: Iterable[Image]) -> None:
        """What is being restored is active after some looks."""
        for image in images:
            if image.status == "ACTIVATING" and image.looks_left is not None:
                image.looks_left -= 1
                if image.looks_left < 0:
                    image.status, image.activated_at, image.looks_left = "ACTIVE", now(), None

    def _immutable(self, request: Request, name: str) -> bool:
        return str(self._account.repositories(request.region)[name].image_tag_mutability).startswith("IMMUTABLE")

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


class _RefusedError(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason


_NO_UPDATE = "ImageStorageClassUpdateNotSupportedException"
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


def _filter(request: Request) -> Callable[[Image], bool]:
    """What `filter` asks for; ACTIVE images, tagged or not, if it does not say.

    Raises:
        AwsError: It asks for what there is not.
    """
    asked = request.get("filter", {})
    status, tagged = asked.get("imageStatus", "ACTIVE"), asked.get("tagStatus", "ANY")
    if status not in {"ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"} or tagged not in {"TAGGED", "UNTAGGED", "ANY"}:
        raise invalid(request, f"Invalid parameter at 'filter': {asked}")
    return lambda image: status in {"ANY", image.status} and tagged in {"ANY", "TAGGED" if image.tags else "UNTAGGED"}
