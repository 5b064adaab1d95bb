"""Text from outside, as people may be shown it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.printable import printable, printable_lines

ANY = st.text(st.characters(exclude_categories=[]))
VALUES = st.recursive(
    ANY | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(ANY, inner),
)


def leaves(value: Any) -> list[str]:
    """Every string of a value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [leaf for item in value.items() for part in item for leaf in leaves(part)]
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, list | tuple) else []


@given(ANY)
def test_a_text_keeps_its_length_and_what_can_be_printed(text: str) -> None:
    """So that styles, cuts and columns stay where they are; every encoding of text can hold it."""
    found = printable(text)
    assert found.isprintable()
    assert len(found) == len(text)
    assert all(new == old or not old.isprintable() for new, old in zip(found, text, strict=True))
    found.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 東京 🚀", "Zürich 東京 🚀"),
        ("\x1b[2J\x1b]0;owned\x07", "?[2J?]0;owned?"),
        ("one\r\ntwo\tthree\u2028four\x85five", "one  two three four five"),
        ("\x9b31m\x7f\x00", "?31m??"),
        ("safe\u202egpj.exe\u2066", "safe?gpj.exe?"),
        ("half \ud83d", "half ?"),
    ],
)
def test_what_cannot_be_printed_is_shown_by_another_character(text: str, shown: str) -> None:
    """Sequences of a terminal, ends of lines, directions, halves of characters."""
    assert printable(text) == shown


@given(VALUES)
def test_every_string_of_a_value_is_printable(value: Any) -> None:
    """Names of members too; nothing else is changed."""
    found = printable(value)
    assert all(leaf.isprintable() for leaf in leaves(found))
    assert printable(found) == found
    if all(leaf.isprintable() for leaf in leaves(value)):
        assert found == value


def test_lines_of_our_own_stay() -> None:
    """Only what they hold is replaced."""
    assert printable_lines("one\ntwo\x1b\n") == "one\ntwo?\n"
