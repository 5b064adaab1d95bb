"""Tags that somebody meant for the cleaner."""

from __future__ import annotations

import pytest

from ecr_cleaner.registry.tags import is_no, misspelled

NAMES = ("BoxCleanerEnabled", "BoxCleanerKeepDays")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("BoxCleanerEnable", "BoxCleanerEnabled"),
        ("Box-Cleaner-Enabled", "BoxCleanerEnabled"),
        ("box_cleaner_enabled", "BoxCleanerEnabled"),
        ("BoxCleanEnabled", "BoxCleanerEnabled"),
        ("BoxCleanerEnabeld", "BoxCleanerEnabled"),
        ("BoxCleaner:KeepDays", "BoxCleanerKeepDays"),
        ("BoxCleanerKeepDay", "BoxCleanerKeepDays"),
        ("BoxCleanerKeepsDays", "BoxCleanerKeepDays"),
    ],
)
def test_a_name_that_is_almost_ours_has_no_effect(key: str, meant: str) -> None:
    """And whoever wrote it does not know."""
    (found,) = misspelled({"team": "shop", key: "true"}, NAMES)
    assert found == f"tag {key!r} = 'true' has no effect: its name has to be {meant}"


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"BoxCleanerEnabled": "true", "BoxCleanerKeepDays": "7"},
        {"boxcleanerenabled": "true", "BOXCLEANERKEEPDAYS": "7"},
        {"CleanerEnabled": "true"},
        {"BackupEnabled": "true"},
        {"BoxCleanerOwner": "me"},
        {"KeepDays": "9"},
        {"Box-Cleaner-Enabled": "false"},
        {"BoxCleanerEnable": " No "},
    ],
)
def test_everything_else_is_left_alone(tags: dict[str, str]) -> None:
    """Our own names, in whichever case, other people's, and those that ask for nothing."""
    assert misspelled(tags, NAMES) == ()


@pytest.mark.parametrize(
    ("value", "no"), [("false", True), ("False ", True), ("0", True), ("", False), ("true", False)]
)
def test_no_has_many_words(value: str, *, no: bool) -> None:
    """Nobody who says no has missed anything."""
    assert is_no(value) is no
