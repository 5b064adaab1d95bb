"""Lambda functions from images: moto keeps what Terraform creates, scenarios add theirs, both are listed like AWS.

Moto does not know the digest an image had when a function was made, and forgets ``LoggingConfig`` and
``DeadLetterConfig``; all three are kept here on moto's own function object, so that a published version, which moto
copies from it, has them too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .aws import Answer, AwsError
from .lambda_state import FunctionImages, Functions, code
from .paging import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws import Request
    from .state import Account

_PAGE = 50
_FORGOTTEN = ("LoggingConfig", "DeadLetterConfig", "FileSystemConfigs")
_UNLISTED = (
    *("State", "StateReason", "StateReasonCode", "RuntimeVersionConfig"),
    *("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"),
)


class LambdaApi:
    """Handlers by operation."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._images = FunctionImages(account)
        self._created: dict[str, Answer] = {}  # by invocation

    def handlers(self) -> dict[str, Callable[[Request], Answer | dict[str, Any]]]:
        """The operations that are not left to moto alone."""
        return {
            "CreateFunction": self.create_function,
            "DeleteFunction": self.delete_function,
            "GetFunction": self.get_function,
            "GetFunctionConfiguration": self.get_function_configuration,
            "Invoke": self.invoke,
            "ListFunctions": self.list_functions,
            "ListTags": self.list_tags,
            "ListVersionsByFunction": self.patched,
            "PublishVersion": self.patched,
            "UpdateFunctionCode": self.update_function_code,
            "UpdateFunctionConfiguration": self.update_function_configuration,
        }

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
        content: dict[str, Any] = json.loads(answer.body)
        content["Configuration"] = self._patch(request.region, content["Configuration"])
        if "ImageUri" in content.get("Code", {}):
            digest = f"sha256:{content['Configuration']['CodeSha256']}"
            content["Code"] = code(content["Code"]["ImageUri"], digest)
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

    def list_tags(self, request: Request) -> Answer | dict[str, Any]:
        """Functions of scenarios have none."""
        name = str(request.get("Resource")).rpartition(":function:")[2]
        own = name in self._account.store(request.region, Functions).versions
        return {"Tags": {}} if own else request.forward()

    # Running

    def invoke(self, request: Request) -> Answer:
        """What `Functions.run` says; an error of the function is a 200 that says so in a header."""
        store = self._account.store(request.region, Functions)
        name = str(request.get("FunctionName")).split(":function:")[-1].split(":")[0]
        made = {function.function_name for function in self._account.moto("lambda", request.region).list_functions()}
        if name not in made | set(store.versions):
            raise AwsError("ResourceNotFoundException", f"Function not found: {name}", 404)
        if store.run is None or request.get("InvocationType") not in {None, "RequestResponse"}:
            raise AwsError("InvalidParameterValueException", "The sandbox was not told what this function does.")
        payload, failed = store.run(name, json.loads(request.get("Payload") or b"{}"))
        headers = {"content-type": "application/json", "x-amz-executed-version": "$LATEST"}
        return Answer(
            200, headers | ({"x-amz-function-error": "Unhandled"} if failed else {}), json.dumps(payload).encode()
        )

    # Writing

    def create_function(self, request: Request) -> Answer | dict[str, Any]:
        """The image must be there, and be no index; its digest is resolved now and for good.

        An SDK that asks again, because on a loaded machine it did not get the answer, gets that answer. AWS would
        refuse what is there already, and Terraform's provider would ask for five minutes and fail, which says nothing
        of the module.
        """
        if request.invocation in self._created:
            return self._created[request.invocation]
        digest = self._images.source(request, request.get("Code", {}).get("ImageUri"))
        answer = request.forward()
        if not answer.ok:
            return replace(answer, error=f"{answer.error} in call {request.invocation}, made {sorted(self._created)}")
        name = str(request.get("FunctionName"))
        self._remember(request, name, digest)
        created = replace(answer, body=self._repatched(request, name))
        if request.invocation:
            self._created[request.invocation] = created
        return created

    def update_function_code(self, request: Request) -> Answer | dict[str, Any]:
        """Resolves the image anew."""
        digest = self._images.source(request, request.get("ImageUri"))
        answer = request.forward()
        if not answer.ok:
            return answer
        name = str(request.get("FunctionName"))
        self._remember(request, name, digest)
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
            arn = f"arn:aws:lambda:{request.region}:{self._account.id}:function:{name}:{qualifier}"
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        configuration, code = versions[qualifier or "$LATEST"]
        if (name, qualifier or "$LATEST") in self._account.store(request.region, Functions).idle:
            configuration = configuration | self._images.state(request.region, f"sha256:{configuration['CodeSha256']}")
        if not qualifier:
            configuration = configuration | {"FunctionArn": _unqualified(configuration["FunctionArn"])}
        return configuration, code

    def _function(self, region: str, name: str) -> Any:
        return self._account.moto("lambda", region).get_function(name)

    def _remember(self, request: Request, name: str, digest: str | None) -> None:
        """Keep on moto's function what moto forgets; on the version that `Publish` made, too."""
        latest = self._function(request.region, name)
        changed = [latest]
        if request.get("Publish"):
            versions = self._account.moto("lambda", request.region).list_versions_by_function(name)
            numbered = [version for version in versions if str(version.version).isdigit()]
            changed += sorted(numbered, key=lambda version: int(version.version))[-1:]
        for function in changed:
            if digest:
                function.code_sha_256 = digest.removeprefix("sha256:")
                function.code = function.code | {"ImageUri": request.get("ImageUri") or function.code["ImageUri"]}
            wanted = {key: request.get(key) for key in _FORGOTTEN if request.get(key) is not None}
            function.sandbox = getattr(function, "sandbox", {}) | wanted
            _update(function, request)

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


def _update(function: Any, request: Request) -> None:
    """Set what moto's UpdateFunctionCode and UpdateFunctionConfiguration pass over."""
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
