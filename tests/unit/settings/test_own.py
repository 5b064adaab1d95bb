"""What people say is in use, as settings."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from ecr_cleaner.compose import KNOWN_SOURCES
from ecr_cleaner.errors import SettingsError
from ecr_cleaner.settings.loader import Settings, from_environment
from ecr_cleaner.settings.schema import UsedImagesLocation

PLACE: Final = {"bucket": "lists", "prefix": "in/use/", "max_age_hours": 24}


def settings(**document: Any) -> Settings:
    """Settings whose document says this beside its version."""
    return from_environment({"ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | document)}, KNOWN_SOURCES)


def test_without_a_word_nothing_is_listed() -> None:
    """Neither references nor inventories; null is the same."""
    assert (Settings().protected_images, Settings().used_images) == (frozenset(), None)
    assert settings(used_images=None).used_images is None


def test_references_and_the_place_of_inventories_are_read() -> None:
    """As Terraform writes them."""
    found = settings(protected_images=["api:v1", "web:*"], used_images=PLACE)
    assert found.protected_images == {"api:v1", "web:*"}
    assert found.used_images == UsedImagesLocation(bucket="lists", prefix="in/use/", max_age_hours=24)
    assert found.used_images.uri() == "s3://lists/in/use/"
    assert found.used_images.uri("in/use/a.json") == "s3://lists/in/use/a.json"


def test_each_reference_that_cannot_be_read_is_named() -> None:
    """All of them at once, with value and rule."""
    with pytest.raises(SettingsError) as error:
        settings(protected_images=["api:v1", "Api", "localhost:5000/api", ""])
    rule = "it must be repository[:tag][@sha256:<64 hex digits>], with or without a host, or repository:*"
    texts = sorted(problem.partition("protected_images: ")[2].partition(": ")[2] for problem in error.value.problems)
    assert texts == [
        "it is no image reference: it is empty, got ''",
        f"it is no image reference: {rule}, got 'Api'",
        "it names an image of another registry, which protects nothing here, got 'localhost:5000/api'",
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"bucket": "Lists"},
        {"bucket": "l"},
        {"bucket": None},
        {"prefix": ""},
        {"prefix": "in/use"},
        {"prefix": "/in/use/"},
        {"prefix": "in//use/"},
        {"prefix": "in/*/"},
        {"prefix": "${aws:username}/"},
        {"prefix": 200 * "p" + "/"},
        {"max_age_hours": 0},
        {"max_age_hours": 1.5},
        {"max_age_hours": "24"},
        {"max_age_hours": 100_000},
        {"max_age": 24},
    ],
)
def test_a_place_that_is_not_understood_is_an_error(changed: dict[str, Any]) -> None:
    """Nothing is guessed."""
    (member,) = changed
    with pytest.raises(SettingsError, match=f"ECR_CLEANER_SETTINGS: used_images: {member}: "):
        settings(used_images=PLACE | changed)


@pytest.mark.parametrize("missing", PLACE)
def test_a_place_is_told_whole(missing: str) -> None:
    """No member has a default."""
    with pytest.raises(SettingsError, match=missing):
        settings(used_images={name: value for name, value in PLACE.items() if name != missing})
