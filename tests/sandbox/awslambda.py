"""Lambda functions from images: moto keeps what Terraform creates, scenarios add theirs, both are listed like AWS.

Moto does not know the digest an image had when a function was made, and forgets ``LoggingConfig`` and
``DeadLetterConfig``; all three are kept here on moto's own function object, so that a published version, which moto
copies from it, has them too.

A scenario's ``lambda`` section::

    functions:
      resize:
        versions:
          "$LATEST": {image: "{registry}/media/resize:v3"}                       # digest: where the tag points now
          "1": {image: "{registry}/media/resize:v1", digest: "{resize-v1}"}      # digest as it was then
      hello: {package: Zip, versions: {"$LATEST": {}}}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .aws import ACCOUNT, Answer, AwsError
from .manifests import INDEX_TYPES
from .paging import page

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from .aws import Request
    from .state import Account

_PAGE = 50
_UNLISTED = ("State", "StateReason", "StateReasonCode", "LastUpdateStatus", "RuntimeVersionConfig")
_REFERENCE = re.compile(
    r"(?P<host>[^/]+)/(?P<repository>[^@]+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(slots=True)
class Functions:
    """Functions of scenarios: (configuration, code) by name and version."""

    versions: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = field(default_factory=dict)


class LambdaApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], Answer | dict[str, Any]]]:
        """The operations that are not left to moto alone."""
        return {
            "CreateFunction": self.create_function,
            "DeleteFunction": self.delete_function,
            "GetFunction": self.get_function,
            "GetFunctionConfiguration": self.get_function_configuration,
            "ListFunctions": self.list_functions,
            "ListVersionsByFunction": self.patched,
            "PublishVersion": self.patched,
            "UpdateFunctionCode": self.update_function_code,
            "UpdateFunctionConfiguration": self.update_function_configuration,
        }

    # Scenarios

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
                str(version): self._version(region, name, str(version), function, content or {}, now)
                for version, content in function["versions"].items()
            }

    def _version(
        self,
        region: str,
        name: str,
        version: str,
        function: Mapping[str, Any],
        told: Mapping[str, Any],
        now: dt.datetime,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        configuration: dict[str, Any] = {
            "FunctionName": name,
            "FunctionArn": f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}:{version}",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/{function.get('role', name)}",
            "CodeSize": 0,
            "Description": "",
            "Timeout": 30,
            "MemorySize": 512,
            "LastModified": now.isoformat(timespec="milliseconds").replace("+00:00", "+0000"),
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
        digest = told.get("digest") or self._resolve(region, image)
        if digest is None:
            raise LookupError(f"function {name}: {image} is not there; say which digest it had")
        configuration["CodeSha256"] = digest.removeprefix("sha256:")
        return configuration, self._code(image, digest)

    # Reading

    def list_functions(self, request: Request) -> dict[str, Any]:
        """50 a page whatever MaxItems says; every version with FunctionVersion=ALL; without states."""
        if request.get("FunctionVersion") not in {None, "ALL"}:
            raise AwsError("InvalidParameterValueException", "FunctionVersion must be ALL.")
        request.parameters.pop("MasterRegion", None)
        every = request.get("FunctionVersion") == "ALL"
        found = [
            configuration if every else configuration | {"FunctionArn": _unqualified(configuration["FunctionArn"])}
            for versions in self._account.store(request.region, Functions).versions.values()
            for version, (configuration, _) in versions.items()
            if every or version == "$LATEST"
        ]
        for function in self._account.moto("lambda", request.region).list_functions("ALL" if every else None):
            item = self._patch(request.region, json.loads(json.dumps(function.get_configuration())))
            if every and item["Version"] == "$LATEST":
                item["FunctionArn"] = f"{_unqualified(item['FunctionArn'])}:$LATEST"
            found.append(item)
        asked = replace(request, parameters=dict(request.parameters))
        limit = asked.get("MaxItems")
        if isinstance(limit, int) and _PAGE < limit <= 10_000:
            asked.parameters["MaxItems"] = _PAGE
        shown, token = page(
            asked, found, lambda item: item["FunctionArn"], size=_PAGE, token="Marker", limit="MaxItems"
        )
        listed = [{key: value for key, value in item.items() if key not in _UNLISTED} for item in shown]
        return {"Functions": listed, "NextMarker": token}

    def get_function(self, request: Request) -> Answer | dict[str, Any]:
        """Configuration and code of one version."""
        own = self._own(request)
        if own:
            return {"Configuration": own[0], "Code": own[1]}
        answer = request.forward()
        if not answer.ok:
            return answer
        content = json.loads(answer.body)
        content["Configuration"] = self._patch(request.region, content["Configuration"])
        if "ImageUri" in content.get("Code", {}):
            digest = f"sha256:{content['Configuration']['CodeSha256']}"
            content["Code"] = self._code(content["Code"]["ImageUri"], digest)
        return content

    def get_function_configuration(self, request: Request) -> Answer | dict[str, Any]:
        """Configuration of one version."""
        own = self._own(request)
        return own[0] if own else self.patched(request)

    def patched(self, request: Request) -> Answer | dict[str, Any]:
        """Moto's answer with what moto forgets."""
        answer = request.forward()
        if not answer.ok or not answer.body:
            return answer
        content = json.loads(answer.body)
        if "Versions" in content:
            content["Versions"] = [self._patch(request.region, item) for item in content["Versions"]]
        elif "FunctionArn" in content:
            content = self._patch(request.region, content)
        return replace(answer, body=json.dumps(content).encode())

    # Writing

    def create_function(self, request: Request) -> Answer | dict[str, Any]:
        """The image must be there, and be no index; its digest is resolved now and for good."""
        digest = self._source(request, request.get("Code", {}).get("ImageUri"))
        answer = request.forward()
        if not answer.ok:
            return answer
        name = str(request.get("FunctionName"))
        self._remember(request, name, digest)
        return replace(answer, body=self._repatched(request, name))

    def update_function_code(self, request: Request) -> Answer | dict[str, Any]:
        """Resolves the image anew."""
        digest = self._source(request, request.get("ImageUri"))
        answer = request.forward()
        if not answer.ok:
            return answer
        name = str(request.get("FunctionName"))
        self._remember(request, name, digest)
        if request.get("Publish"):
            # moto has published its copy already, before it could learn the digest.
            function = self._function(request.region, name)
            for version in self._account.moto("lambda", request.region).list_versions_by_function(name):
                if version.version == function.version or version is function:
                    version.code_sha_256 = function.code_sha_256
        return replace(answer, body=self._repatched(request, name))

    def update_function_configuration(self, request: Request) -> Answer | dict[str, Any]:
        """Takes the settings that moto forgets, too."""
        answer = request.forward()
        if not answer.ok:
            return answer
        name = str(request.get("FunctionName"))
        self._remember(request, name, None)
        return replace(answer, body=self._repatched(request, name))

    def delete_function(self, request: Request) -> Answer | dict[str, Any]:
        """A function or one version of it."""
        name, qualifier = _split(str(request.get("FunctionName")), request.get("Qualifier"))
        store = self._account.store(request.region, Functions).versions
        if name not in store:
            return request.forward()
        if qualifier:
            store[name].pop(qualifier, None)
        else:
            del store[name]
        return Answer(204, {}, b"")

    # Shared

    def _own(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]] | None:
        name, qualifier = _split(str(request.get("FunctionName")), request.get("Qualifier"))
        versions = self._account.store(request.region, Functions).versions.get(name)
        if versions is None:
            return None
        if (qualifier or "$LATEST") not in versions:
            arn = f"arn:aws:lambda:{request.region}:{ACCOUNT}:function:{name}:{qualifier}"
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        configuration, code = versions[qualifier or "$LATEST"]
        if not qualifier:
            configuration = configuration | {"FunctionArn": _unqualified(configuration["FunctionArn"])}
        return configuration, code

    def _function(self, region: str, name: str) -> Any:
        return self._account.moto("lambda", region).get_function(name)

    def _source(self, request: Request, uri: str | None) -> str | None:
        """The digest of a function's image.

        Raises:
            AwsError: The image is not there, or is an index.
        """
        if not uri:
            return None
        digest = self._resolve(request.region, uri)
        if digest is None and self._ours(request.region, uri):
            raise AwsError(
                "InvalidParameterValueException",
                f"Source image {uri} does not exist. Provide a valid source image.",
            )
        image = self._account.find_image(request.region, digest)
        if image and image.media_type in INDEX_TYPES:
            raise AwsError(
                "InvalidParameterValueException",
                f"The image manifest, config or layer media type for the source image {uri} is not supported.",
            )
        return digest

    def _ours(self, region: str, uri: str) -> bool:
        match = _REFERENCE.fullmatch(uri)
        return bool(match) and match["host"] in {self._account.host(region), self._account.ecr_host(region)}  # type: ignore[index]

    def _resolve(self, region: str, uri: str) -> str | None:
        match = _REFERENCE.fullmatch(uri)
        if match is None or not self._ours(region, uri):
            return match["digest"] if match else None
        tag = match["tag"] or (None if match["digest"] else "latest")
        self._account.refresh(region, match["repository"])
        # Repository and digest decide where both are given: the tag may have moved on.
        images = self._account.region(region).images
        image = images.find(match["repository"], match["digest"], None if match["digest"] else tag)
        return image.digest if image else None

    def _code(self, uri: str, digest: str) -> dict[str, Any]:
        match = _REFERENCE.fullmatch(uri)
        base = f"{match['host']}/{match['repository']}" if match else uri
        return {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": f"{base}@{digest}"}

    def _remember(self, request: Request, name: str, digest: str | None) -> None:
        function = self._function(request.region, name)
        if digest:
            function.code_sha_256 = digest.removeprefix("sha256:")
            function.code["ImageUri"] = request.get("ImageUri") or function.code["ImageUri"]
        kept = getattr(function, "sandbox", {})
        for key in ("LoggingConfig", "DeadLetterConfig", "FileSystemConfigs"):
            if request.get(key) is not None:
                kept = kept | {key: request.get(key)}
        function.sandbox = kept
        if request.get("Architectures"):
            function.architectures = request.get("Architectures")
        if request.get("KMSKeyArn") is not None:
            function.kms_key_arn = request.get("KMSKeyArn") or None
        if request.get("TracingConfig"):
            function.tracing_config = request.get("TracingConfig")
        if request.get("EphemeralStorage"):
            function.ephemeral_storage = request.get("EphemeralStorage")["Size"]
        if request.get("ImageConfig") is not None:
            function.image_config = type(function.image_config)(request.get("ImageConfig"))

    def _repatched(self, request: Request, name: str) -> bytes:
        configuration = self._function(request.region, name).get_configuration()
        return json.dumps(self._patch(request.region, configuration)).encode()

    def _patch(self, region: str, configuration: dict[str, Any]) -> dict[str, Any]:
        version = configuration["Version"]
        qualifier = None if version == "$LATEST" else version
        backend = self._account.moto("lambda", region)
        kept = getattr(backend.get_function(configuration["FunctionName"], qualifier), "sandbox", {})
        logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{configuration['FunctionName']}"}
        logging |= kept.get("LoggingConfig", {})
        if logging["LogFormat"] == "JSON":
            logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"} | logging
        dead = kept.get("DeadLetterConfig") or {}
        overrides = (configuration.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
        if not any(overrides.values()):
            configuration.pop("ImageConfigResponse", None)
        return {key: value for key, value in configuration.items() if value is not None} | {
            "LoggingConfig": logging,
            **({"DeadLetterConfig": dead} if dead.get("TargetArn") else {}),
        }


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def _split(name: str, qualifier: str | None) -> tuple[str, str | None]:
    """Name and qualifier from any form a function is named in: name, name:version, partial or whole ARN."""
    parts = name.split(":")
    if "function" in parts:
        parts = parts[parts.index("function") + 1 :]
    return parts[0], qualifier or (parts[1] if len(parts) > 1 else None)
