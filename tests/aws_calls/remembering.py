"""What earlier runs read that never changes, as the tests of sources have it; `test_facts` scripts the objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.facts.kind import fact_of
from ecr_cleaner.facts.store import Facts, FactStore
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage import task_definitions
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import ACCOUNT, NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_cleaner.facts.kind import FactKind
    from ecr_cleaner.model.usage import ScanTarget
    from tests.aws_calls.script import Script

SHA: Final = "0" * 64


@dataclass(slots=True)
class Kept(FactStore):
    """A store that is read already, and is written nowhere.

    Attributes:
        told: What earlier runs read, by the name of its kind.
    """

    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def _facts(self, target: ScanTarget, kind: FactKind[Any]) -> Facts[Any]:
        facts = FactStore._facts(self, target, kind)  # noqa: SLF001 - its own: slots make it another class
        told = self.told.get(kind.name, {})
        facts._known = {  # noqa: SLF001 - in place of reading
            key: fact_of(kind, self.now.date(), value) for key, value in told.items()
        }
        return facts

    def known(self, kind: FactKind[Any]) -> dict[str, Any]:
        """All that is known of a kind by now."""
        return dict(self.of(self.clients.target, kind).beginning(""))


def kept(script: Script, **told: Mapping[str, Any]) -> Kept:
    """A store with what earlier runs read, by the name of its kind."""
    script.aws.account_id = ACCOUNT
    return Kept(script.aws, "history", "cleaner/", SHA, NOW, read_only=True, told=told)


def remembering(script: Script, store: Kept | None = None, **settings: Any) -> SourceContext:
    """What a source is handed where there is a bucket."""
    store = store or kept(script)
    definitions = TaskDefinitions(script.aws, store.of(script.aws.target, task_definitions.FACTS))
    return SourceContext(script.aws, Settings(**settings), definitions, now=NOW, known=store)
