"""Other ways to write the characters of a text."""

from __future__ import annotations

import pytest

from ecr_cleaner.usage.texts.spelling import decoded_text, joined, with_slashes
from ecr_cleaner.usage.texts.values import LONGEST


@pytest.mark.parametrize("text", ["a\\/b", "a\\\\/b", "a/b"])
def test_a_slash_of_json_is_a_slash(text: str) -> None:
    """In however many texts it stands."""
    assert with_slashes(text) == "a/b"


@pytest.mark.parametrize("text", ["a\\u002fb", "a\\\\u002Fb", "a\\x2fb", "a%2Fb", "a%2fb", "a/b"])
def test_a_character_by_its_number_is_that_character(text: str) -> None:
    """In JSON, in a program, in a URL."""
    assert decoded_text(text) == "a/b"


@pytest.mark.parametrize("text", ["a/\\\n   b", "a/\\\r\n\tb", "a'/'b", '"a"/b', "a/'b'"])
def test_pieces_of_a_word_are_one_word(text: str) -> None:
    """The quotes around all of it stay."""
    assert joined(text).strip("\"'") == "a/b"


@pytest.mark.parametrize("unit", ["\\", "'", '"', "%2", "\\u00", "a'"])
def test_very_many_of_them_take_time_in_proportion(unit: str) -> None:
    """With the square of the text, this would take minutes."""
    text = unit * (LONGEST // len(unit))
    assert len(joined(decoded_text(with_slashes(text)))) > LONGEST // 3
