"""Functions that scenarios tell, and the images of all functions.

A scenario's ``lambda`` section::

    functions:
      resize:
        versions:
          "$LATEST": {image: "{registry}/media/resize:v3"}                       # digest: where the tag points now
          "1": {image: "{registry}/media/resize:v1", digest: "{resize-v1}"}      # digest as it was then
          "2": {image: "...", idle: true}          # Lambda asks ECR for its image again, and fails it without one
      hello: {package: Zip, versions: {"$LATEST": {}}}
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .manifests import INDEX_TYPES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_REFERENCE = re.compile(
    r"(?P<host>[^/]+)/(?P<repository>[^@]+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(slots=True)
class Functions:
    """Functions of scenarios: (configuration, code) by name and version.

    Attributes:
        versions: Those.
        idle: Name and version of those for which Lambda asks ECR again.
        run: What happens when a function is invoked: gets its name and the event, gives the payload, and whether it is
            an error. None: no function can be invoked.
    """

    versions: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = field(default_factory=dict)
    idle: set[tuple[str, str]] = field(default_factory=set)
    run: Callable[[str, dict[str, Any]], tuple[Any, bool]] | None = None


class LambdaLoader:
    """Reads the ``lambda`` section of scenarios."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._images = FunctionImages(account)

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add the functions of a section; a function told again is replaced.

        Raises:
            ValueError: A key means nothing.
            LookupError: An image has no digest, and its tag is not there to give one.
        """
        store = self._account.store(region, Functions)
        for name, function in told["functions"].items():
            if unknown := sorted(set(function) - {"versions", "package", "architecture", "role"}):
                raise ValueError(f"a function has no {', '.join(unknown)}")
            store.versions[name] = {
                str(version): self._version(region, name, str(version), function=function, told=content or {}, now=now)
                for version, content in function["versions"].items()
            }
            for version, content in function["versions"].items():
                store.idle.discard((name, str(version)))
                if (content or {}).get("idle"):
                    store.idle.add((name, str(version)))

    def _version(
        self,
        region: str,
        name: str,
        version: str,
        *,
        function: Mapping[str, Any],
        told: Mapping[str, Any],
        now: dt.datetime,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if unknown := sorted(set(told) - {"image", "digest", "idle"}):
            raise ValueError(f"a version of a function has no {', '.join(unknown)}")
        configuration: dict[str, Any] = {
            "FunctionName": name,
            "FunctionArn": f"arn:aws:lambda:{region}:{self._account.id}:function:{name}:{version}",
            "Role": f"arn:aws:iam::{self._account.id}:role/{function.get('role', name)}",
            "CodeSize": 0,
            "Description": "",
            "Timeout": 30,
            "MemorySize": 512,
            "LastModified": now.isoformat(timespec="milliseconds").replace("+00:00", "+0000"),
            # Another one after each change, as an update that names it expects.
            "RevisionId": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{region} {name} {version} {told} {now.timestamp()}")),
            "Version": version,
            "PackageType": function.get("package", "Image"),
            "Architectures": [function.get("architecture", "x86_64")],
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        }
        if configuration["PackageType"] == "Zip":
            configuration |= {"Runtime": "python3.13", "Handler": "index.handler"}
            configuration["CodeSha256"] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
            return configuration, {"RepositoryType": "S3", "Location": "https://example.invalid/code.zip"}
        image = str(told["image"])
        digest = told.get("digest") or self._images.resolve(region, image)
        if digest is None:
            raise LookupError(f"function {name}: {image} is not there; say which digest it had")
        configuration["CodeSha256"] = digest.removeprefix("sha256:")
        return configuration, code(image, digest)


class FunctionImages:
    """Digests of the images that functions are made from: those of the sandbox's own registry, whoever's functions."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def source(self, request: Request, uri: str | None) -> str | None:
        """The digest of a function's image.

        Raises:
            AwsError: The image is not there, or is an index.
        """
        if not uri:
            return None
        digest = self.resolve(request.region, uri)
        if digest is None and self._ours(request.region, uri):
            raise AwsError(
                "InvalidParameterValueException",
                f"Source image {uri} does not exist. Provide a valid source image.",
            )
        image = self._account.home.find_image(request.region, digest)
        if image and image.media_type in INDEX_TYPES:
            raise AwsError(
                "InvalidParameterValueException",
                f"The image manifest, config or layer media type for the source image {uri} is not supported.",
            )
        return digest

    def state(self, region: str, digest: str) -> dict[str, Any]:
        """What an idle function is once Lambda asked ECR for its image again."""
        image = self._account.home.find_image(region, digest)
        if image is not None and image.status == "ACTIVE":
            return {}
        # The code is that of the API; the words are the sandbox's.
        gone = "The container image of the function does not exist."
        return {"State": "Failed", "StateReason": gone, "StateReasonCode": "ImageDeleted"}

    def _ours(self, region: str, uri: str) -> bool:
        match = _REFERENCE.fullmatch(uri)
        return bool(match) and match["host"] in {self._account.home.host(region), self._account.home.ecr_host(region)}  # type: ignore[index]

    def resolve(self, region: str, uri: str) -> str | None:
        """The digest a reference means now; None if it is not there."""
        match = _REFERENCE.fullmatch(uri)
        if match is None or not self._ours(region, uri):
            return match["digest"] if match else None
        tag = match["tag"] or (None if match["digest"] else "latest")
        self._account.home.refresh(region, match["repository"])
        # Repository and digest decide where both are given: the tag may have moved on.
        images = self._account.home.region(region).images
        image = images.find(match["repository"], match["digest"], None if match["digest"] else tag)
        return image.digest if image else None


def code(uri: str, digest: str) -> dict[str, Any]:
    """Where a function's code is, as GetFunction tells it."""
    match = _REFERENCE.fullmatch(uri)
    base = f"{match['host']}/{match['repository']}" if match else uri
    return {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": f"{base}@{digest}"}
