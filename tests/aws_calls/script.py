"""Real boto3 clients whose calls are answered from a script.

botocore's Stubber holds both sides against the service's model: a request that AWS would refuse, and an answer
that AWS could not give, fail the test.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.stub import Stubber

from ecr_cleaner.registry.own_pulls import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ecr_cleaner.aws.client import AwsClients
    from ecr_cleaner.model.image import Image

_TOKENS: Final = frozenset({"nextToken", "NextToken", "Marker", "NextMarker"})
_ONCE: Final = frozenset(
    {"batch_delete_image", "BatchDeleteImage", "update_image_storage_class", "UpdateImageStorageClass"}
    | {"get_lifecycle_policy", "GetLifecyclePolicy"}
)


class Script:
    """What the services will be asked, in this order, and what they answer.

    Attributes:
        aws: The clients to hand to the code under test.
        readings: When that code read manifests.
    """

    def __init__(self, aws: AwsClients) -> None:
        self.aws = aws
        self.readings = Readings()
        self._stubbers: dict[tuple[str, bool], Any] = {}
        self._waiting: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        """Nothing is stubbed before it is scripted; a call of another service finds nobody."""
        self.aws.answered.clear()  # of the scripts before, which have the same clients
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Every scripted call must have been made."""
        for stubber in self._stubbers.values():
            stubber.deactivate()
        waiting = list(self._waiting)
        for unregister in waiting:
            unregister()
        if kind is None:
            assert not waiting, "a call that was to fail or to be cut short was not made"
            for stubber in self._stubbers.values():
                stubber.assert_no_pending_responses()

    def answer(self, service: str, method: str, answer: dict[str, Any], /, **parameters: Any) -> None:
        """Expect a call with exactly these parameters and answer it."""
        self._stubber(service, method).add_response(method, answer, parameters)

    def pages(self, service: str, method: str, result: str, /, *pages: Sequence[Any], **parameters: Any) -> None:
        """Expect a listing to be read to its end, each page by the token that came with the one before."""
        token, answer_token = self._tokens(service, method)
        for number, items in enumerate(pages):
            asked = {token: f"page {number}"} if number else {}
            following = {answer_token: f"page {number + 1}"} if number + 1 < len(pages) else {}
            self.answer(service, method, {result: list(items), **following}, **parameters, **asked)

    def endless(self, service: str, method: str, result: str, /, *items: Any, **parameters: Any) -> None:
        """Expect two pages of a listing, of which the second is handed out with its own token."""
        token, answer_token = self._tokens(service, method)
        for asked in ({}, {token: "again"}):
            self.answer(service, method, {result: list(items), answer_token: "again"}, **parameters, **asked)

    def cut_short(
        self,
        service: str,
        method: str,
        answer: dict[str, Any],
        whole: Mapping[str, Any] | None = None,
        /,
        **parameters: Any,
    ) -> None:
        """Expect a call and answer it with less than the model demands, as botocore reads a body that ends early.

        `whole` is an answer that the model allows, needed where it demands something.
        """
        self._stubber(service, method).add_response(method, dict(whole or {}), parameters)

        def cut(parsed: dict[str, Any], **_: object) -> None:
            parsed.clear()
            parsed.update(answer)

        self._once(f"after-call.{service}.{self._operation(service, method)}", cut)

    def refuse(self, service: str, method: str, code: str, message: str = "as scripted", /, **parameters: Any) -> None:
        """Expect a call and answer with an error code; without parameters any will do."""
        self._stubber(service, method).add_client_error(
            method, service_error_code=code, service_message=message, expected_params=parameters or None
        )

    def break_off(self, service: str, operation: str, error: Exception) -> None:
        """Let the next call of an operation end without any answer."""

        def fall(**_: object) -> None:
            raise error

        self._once(f"provide-client-params.{service}.{operation}", fall)

    def linger(self, service: str, operation: str, seconds: float) -> None:
        """Let the next call of an operation take its time."""
        self._once(f"provide-client-params.{service}.{operation}", lambda **_: time.sleep(seconds))

    def _once(self, event: str, react: Callable[..., None]) -> None:
        _, service, operation = event.split(".")
        events = self._client(service, operation).meta.events

        def unregister() -> None:
            events.unregister(event, first)
            self._waiting.remove(unregister)

        def first(**told: Any) -> None:
            unregister()
            react(**told)

        events.register_first(event, first)
        self._waiting.append(unregister)

    def _operation(self, service: str, method: str) -> str:
        return str(self.aws.client(service).meta.method_to_api_mapping[method])

    def _tokens(self, service: str, method: str) -> tuple[str, str]:
        model = self.aws.client(service).meta.service_model.operation_model(self._operation(service, method))
        (asked,) = _TOKENS & set(model.input_shape.members)
        (answered,) = _TOKENS & set(model.output_shape.members)
        return asked, answered

    def _client(self, service: str, method: str) -> Any:
        """The client that makes the call: botocore repeats neither what removes nor what a finding is made of."""
        return self.aws.client_without_retries(service) if method in _ONCE else self.aws.client(service)

    def _stubber(self, service: str, method: str) -> Any:
        key = service, method in _ONCE
        if key not in self._stubbers:
            self._stubbers[key] = Stubber(self._client(service, method))
            self._stubbers[key].activate()
        return self._stubbers[key]


def detail(image: Image, **more: Any) -> dict[str, Any]:
    """An image as DescribeImages tells it: what does not apply is absent."""
    told: dict[str, Any] = {
        "repositoryName": image.repository,
        "imageDigest": image.digest,
        "imageTags": list(image.tags) or None,
        "imageSizeInBytes": image.size_bytes,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type,
        "subjectManifestDigest": image.subject,
        "lastRecordedPullTime": image.last_pulled_at,
        "imageStatus": "ACTIVE" if image.active else "ARCHIVED",
    }
    return {name: value for name, value in (told | more).items() if value is not None}


def by_digest(digests: Iterable[str]) -> list[dict[str, str]]:
    """Image ids that name digests."""
    return [{"imageDigest": digest} for digest in digests]
