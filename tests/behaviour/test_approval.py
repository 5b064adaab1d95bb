"""A person approves: what a night proposes, what the plan's id lets go, and what it does not."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:

    from tests.behaviour.past import Past
    from tests.behaviour.runner import Outcome, Runner
    from tests.sandbox import Sandbox

APPROVAL: Final[dict[str, Any]] = {"approval": "required"}


class Approving:
    """Runs nights that propose, and sends plans.

    Attributes:
        run: Runs.
        past: The bucket.
    """

    def __init__(self, run: Runner, past: Past) -> None:
        self.run = run
        self.past = past
        self.prefix = f"{past.place['prefix']}plans/"
        self.settings: dict[str, Any] = {
            **APPROVAL,
            "history": past.place,
            "plans": {"bucket": past.place["bucket"], "prefix": self.prefix},
        }

    def night(self, **more: Any) -> Outcome:
        """A scheduled run."""
        return self.run(**(self.settings | more))

    def proposed(self, **more: Any) -> str:
        """A scheduled run that proposes; returns the plan's id."""
        outcome = self.night(**more)
        assert (outcome.status, outcome.gone) == ("completed", {})
        plan_id: str = outcome.told["plan"]["id"]
        return plan_id

    def send(self, plan_id: str, *, event: dict[str, Any] | None = None, **more: Any) -> Outcome:
        """A person's word."""
        told = {"schema_version": 1, "action": "apply", "plan": plan_id, **(event or {})}
        return self.run(event=told, **(self.settings | more))

    def document(self, plan_id: str) -> bytes:
        """What the bucket holds."""
        return self.past.read(f"{self.prefix}{plan_id}.json")


@pytest.fixture
def approving(run: Runner, past: Past) -> Approving:
    """An instance of the module that requires approval."""
    return Approving(run, past)


@pytest.fixture
def registry(run: Runner, sandbox: Sandbox) -> dict[str, set[str]]:
    """Two repositories; returns what may go of each."""
    for name in ("api", "web"):
        run.opted_in(name)
        for number in (1, 2):
            sandbox.push(name, id=f"{name}-old-{number}", tags=[f"v{number}"], pushed="90d")
        sandbox.push(name, id=f"{name}-young", tags=["v9"], pushed="2d")
    return {name: run.ids(f"{name}-old-1", f"{name}-old-2") for name in ("api", "web")}


def test_a_night_writes_its_plan_and_removes_nothing(
    approving: Approving, registry: dict[str, set[str]], sandbox: Sandbox
) -> None:
    """The document lies under its own hash, and says what would go and nothing else."""
    outcome = approving.night()
    assert (outcome.status, outcome.gone) == ("completed", {})
    assert ("ecr", "BatchDeleteImage") not in approving.run.asked()
    plan = outcome.told["plan"]
    assert (plan["state"], plan["images"]) == ("awaits_approval", 4)
    document = approving.document(plan["id"])
    assert hashlib.sha256(document).hexdigest() == plan["id"]
    content = json.loads(document)
    named = {one["name"]: {image["digest"] for image in one["images"]} for one in content["repositories"]}
    assert named == registry
    assert plan["bytes"] == sum(i["bytes"] for one in content["repositories"] for i in one["images"])
    assert outcome.named("Found unused image, proposed for removal") == registry["api"] | registry["web"]
    assert [r["removals"] for r in outcome.told["repositories"]] == [{"proposed": 2}] * 2
    assert any(line.getMessage() == "Plan waits for approval" for line in outcome.lines)
    del sandbox


def test_what_was_proposed_goes_when_its_id_is_sent(approving: Approving, registry: dict[str, set[str]]) -> None:
    """Exactly that."""
    plan_id = approving.proposed()
    outcome = approving.send(plan_id)
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert outcome.gone == registry
    assert (outcome.told["plan"]["state"], outcome.told["plan"]["stays"]) == ("applied", {})
