"""How references that people give are read: without a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_cleaner.model.usage import Reference, ReferenceScope, Usage
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.sources import protected_images
from ecr_cleaner.usage.task_definitions import TaskDefinitions
from tests.builders import ACCOUNT, HOST, REGION

if TYPE_CHECKING:
    from tests.aws_calls.script import Script


def test_references_protect_what_they_name(script: Script) -> None:
    """An image of this registry, whichever way it is named, or all images of a repository."""
    settings = Settings(protected_images=frozenset({f"{HOST}/web:v1", "api", "shop/api:*"}))
    asked = SourceContext(script.aws, settings, TaskDefinitions(script.aws))
    assert list(protected_images.collect(asked)) == [
        Usage(reference, "protected_images", "protected_images")
        for reference in (
            Reference(f"{HOST}/web:v1", ACCOUNT, REGION, "web", "v1"),
            Reference("api", repository="api"),
            Reference("shop/api:*", repository="shop/api", breadth=ReferenceScope.REPOSITORY),
        )
    ]
    assert asked.notes == []


def test_a_reference_to_another_region_is_a_note(script: Script) -> None:
    """Instances in several regions may share one list; a slip of the pen is told."""
    text = HOST.replace(REGION, "eu-west-1") + "/web:v1"
    asked = SourceContext(script.aws, Settings(protected_images=frozenset({text})), TaskDefinitions(script.aws))
    assert len(list(protected_images.collect(asked))) == 1
    assert asked.notes == [f"protected image {text} names a registry of another region: it protects nothing here"]
