"""The same controls over HTTP, under ``/_sandbox/``, for other processes.

POST bodies are JSON or YAML. ``seed`` takes a scenario, ``inject`` a fault, ``settings`` any of ``latency``,
``pair_deletes`` and ``throttle`` (a list of ``service``, ``operation``, ``burst``, ``refill``), ``push`` and ``tag``
the arguments of the methods of these names; ``reset``, ``clear_calls`` and ``clear_faults`` take nothing.
GET: ``calls``, ``images?repository=shop/api[&region=]``, ``digest?id=api-v1[&region=]``, ``health``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import yaml

from .aws import REGION, Answer
from .faults import Fault

if TYPE_CHECKING:
    from .images import Image
    from .sandbox import Sandbox


class Control:
    """Serves the control requests of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def serve(self, method: str, name: str, query: str, body: bytes) -> Answer:
        """Serve one request; what is wrong with it is a 400 that says so."""
        try:
            if method == "GET":
                result = self._get(name, dict(parse_qsl(query)))
            else:
                result = self._post(name, yaml.safe_load(body) or {})
        except (LookupError, TypeError, ValueError, yaml.YAMLError) as error:
            return _answer(400, {"error": f"{type(error).__name__}: {error}"})
        return _answer(200, result)

    def _get(self, name: str, query: dict[str, str]) -> Any:
        region = query.get("region", REGION)
        match name:
            case "calls":
                return [asdict(call) for call in self._sandbox.calls]
            case "images":
                return [_image(image) for image in self._sandbox.images(query["repository"], region=region)]
            case "digest":
                return {"digest": self._sandbox.digest(query["id"], region=region)}
            case "health":
                return {"status": "ready"}
        raise LookupError(f"there is no GET /_sandbox/{name}")

    def _post(self, name: str, body: dict[str, Any]) -> Any:
        match name:
            case "seed":
                self._sandbox.seed(body)
            case "inject":
                self._sandbox.inject(Fault(**body))
            case "push":
                return {"digest": self._sandbox.push(**body)}
            case "tag":
                self._sandbox.tag(**body)
            case "settings":
                self._settings(body)
            case "reset" | "clear_calls" | "clear_faults":
                getattr(self._sandbox, name)()
            case _:
                raise LookupError(f"there is no POST /_sandbox/{name}")
        return {}

    def _settings(self, body: dict[str, Any]) -> None:
        for name, value in body.items():
            if name == "throttle":
                for bucket in value:
                    self._sandbox.throttle(**bucket)
            elif name in {"latency", "pair_deletes"}:
                setattr(self._sandbox, name, value)
            else:
                raise ValueError(f"there is no setting {name!r}")


def _image(image: Image) -> dict[str, Any]:
    return {
        "digest": image.digest,
        "tags": list(image.tags),
        "pushed_at": image.pushed_at.isoformat(),
        "pulled_at": image.pulled_at.isoformat() if image.pulled_at else None,
        "size": image.size,
        "media_type": image.media_type,
        "artifact_type": image.artifact_type,
        "children": list(image.children),
        "subject": image.subject,
        "status": image.status,
    }


def _answer(status: int, content: Any) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(content, default=str).encode())
