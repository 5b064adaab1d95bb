"""ECR's lifecycle policies: kept as they are written, and refused where ECR's documentation refuses them.

moto's know nothing of the archive. Nothing is expired here: what a policy would take stays.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .aws import AwsError, invalid, now
from .ecr_registry import existing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .aws import Request
    from .state import Account

_LENGTH = range(100, 30_721)
_MAX_RULES = 50
_MIN_ARCHIVED_DAYS = 90
_DAYS = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
_SELECTION = {
    "tagStatus",
    "tagPatternList",
    "tagPrefixList",
    "storageClass",
    "countType",
    "countUnit",
    "countNumber",
}


class EcrLifecycleApi:
    """Handlers by operation."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """All that there is about them, but for previews."""
        return {
            "DeleteLifecyclePolicy": self.delete,
            "GetLifecyclePolicy": self.get,
            "PutLifecyclePolicy": self.put,
        }

    def get(self, request: Request) -> dict[str, Any]:
        """The text as it was written."""
        return self._answer(request, self._text(request)) | {"lastEvaluatedAt": now()}

    def put(self, request: Request) -> dict[str, Any]:
        """Replace it."""
        repository = self._repository(request)
        text = str(request.get("lifecyclePolicyText", ""))
        problem = "its length" if len(text) not in _LENGTH else next(problems(text), None)
        if problem:
            raise invalid(
                request,
                "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
                f"'Lifecycle policy validation failure: {problem}'",
            )
        repository.lifecycle_policy = text
        return self._answer(request, text)

    def delete(self, request: Request) -> dict[str, Any]:
        """Take it away."""
        text = self._text(request)
        self._repository(request).lifecycle_policy = None
        return self._answer(request, text)

    def _repository(self, request: Request) -> Any:
        return self._account.moto("ecr", request.region).repositories[existing(self._account, request)]

    def _text(self, request: Request) -> str:
        text = self._repository(request).lifecycle_policy
        if not text:
            raise AwsError(
                "LifecyclePolicyNotFoundException",
                f"Lifecycle policy does not exist for the repository with name '{request.get('repositoryName')}' "
                f"in the registry with id '{request.account}'",
            )
        return str(text)

    def _answer(self, request: Request, text: str) -> dict[str, Any]:
        name = request.get("repositoryName")
        return {"registryId": request.account, "repositoryName": name, "lifecyclePolicyText": text}


def problems(text: str) -> Iterator[str]:
    """Why ECR would not take a policy; see "Lifecycle policy properties" in its user guide."""
    try:
        rules = json.loads(text)["rules"]
        if not 1 <= len(rules) <= _MAX_RULES:
            yield f"{len(rules)} rules"
        for rule in rules:
            yield from _rule(rule)
        yield from _together(rules)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield f"Could not map policyString into LifecyclePolicy: {error!r}"


def _rule(rule: dict[str, Any]) -> Iterator[str]:
    selection, action = rule["selection"], rule["action"]
    if unknown := (set(rule) - {"rulePriority", "description", "selection", "action"}) | (set(selection) - _SELECTION):
        yield f"object instance has properties which are not allowed by the schema: {sorted(unknown)}"
    count_type, archived = selection["countType"], selection["countType"] == "sinceImageTransitioned"
    if count_type not in ("imageCountMoreThan", *_DAYS):
        yield f"countType {count_type}"
    if selection.get("countUnit") != ("days" if count_type in _DAYS else None):
        yield f"countUnit {selection.get('countUnit')}"
    if selection.get("storageClass", "standard") != ("archive" if archived else "standard"):
        yield f"storageClass {selection.get('storageClass')}"
    if rule["rulePriority"] < 1 or selection["countNumber"] < (_MIN_ARCHIVED_DAYS if archived else 1):
        yield "numeric instance is lower than the required minimum"
    lists = [selection[name] for name in ("tagPatternList", "tagPrefixList") if name in selection]
    if selection["tagStatus"] not in {"tagged", "untagged", "any"} or len(lists) != (
        selection["tagStatus"] == "tagged"
    ):
        yield f"tagStatus {selection['tagStatus']} with {len(lists)} lists of tags"
    if any(not found or any(glob.count("*") > 4 for glob in found) for found in lists):
        yield "at most four wildcards in a pattern"
    expires = action == {"type": "expire"} and count_type != "sinceImagePulled"
    if not expires and (archived or action != {"type": "transition", "targetStorageClass": "archive"}):
        yield f"action {action} with {count_type}"


def _together(rules: list[dict[str, Any]]) -> Iterator[str]:
    priorities = [rule["rulePriority"] for rule in rules]
    if len(set(priorities)) < len(priorities):
        yield "rulePriority must be unique"
    for storage in ("standard", "archive"):
        chosen = [rule for rule in rules if rule["selection"].get("storageClass", "standard") == storage]
        last = max((rule["rulePriority"] for rule in chosen), default=0)
        for status in ("any", "untagged"):
            same = [rule["rulePriority"] for rule in chosen if rule["selection"]["tagStatus"] == status]
            if len(same) > 1:
                yield f"only one rule of a storage class may select {status} images"
            if status == "any" and same and same[0] < last:
                yield "the rule for any images must come last"
