"""A night in several invocations, as the state machine makes them: the events of its states, without the machine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.past import Past
    from tests.integration.runner import Context, Outcome, Runner

NIGHT: Final = "night-1"


@dataclass(slots=True)
class Rounds:
    """One night.

    Attributes:
        run: Invokes the function.
        past: The bucket.
        told: Settings of every invocation.
        night: Its name.
        request: The input of the execution.
        ended: How each round ended.
    """

    run: Runner
    past: Past
    told: Mapping[str, Any] = field(default_factory=dict)
    night: str = NIGHT
    request: Mapping[str, Any] = field(default_factory=dict)
    ended: list[Outcome] = field(default_factory=list)

    def invoke(self, action: str, context: Context | None = None, **more: Any) -> Outcome:
        """One invocation."""
        return self._invoked({"schema_version": 1, "action": action, "night": self.night} | more, context)

    def _invoked(self, event: Mapping[str, Any], context: Context | None = None) -> Outcome:
        storage = self.past.place | {"history": True, "journal": True}
        return self.run(event=event, context=context, storage=storage, **self.told)

    def targets(self) -> dict[str, Any]:
        """The first state."""
        begun = self.invoke("targets", request=dict(self.request))
        assert begun.result is not None, begun.causes
        return begun.result

    def scans(self, begun: Mapping[str, Any]) -> None:
        """The children; what they return is nobody's business."""
        items = json.loads(self.past.read(begun["items_key"]))
        for item in items:
            self._invoked(item)

    def finish(self, begun: Mapping[str, Any]) -> Outcome:
        """The last state but one."""
        outcome = self.invoke("finish", round=begun["round"], request=dict(self.request))
        self.ended.append(outcome)
        return outcome

    def whole(self) -> Outcome:
        """All rounds; how the last one ended."""
        while True:
            begun = self.targets()
            self.scans(begun)
            outcome = self.finish(begun)
            if not (outcome.result and outcome.result["continues"]):
                return outcome
