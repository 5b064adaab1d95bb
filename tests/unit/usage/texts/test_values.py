"""All texts of a value, at any depth and in any packing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.usage.texts.values import LONGEST, as_text, siblings_in, size_of, strings_in, unpacked

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_every_text_is_yielded(value: Any) -> None:
    """Keys too."""
    found = list(strings_in(value))

    def check(part: Any) -> None:
        if isinstance(part, str):
            assert part in found
        for inner in (
            [*part.keys(), *part.values()] if isinstance(part, dict) else part if isinstance(part, list) else ()
        ):
            check(inner)

    check(value)


@given(VALUES)
def test_a_value_is_written_as_json_is(value: Any) -> None:
    """What stands before and behind each text is what JSON has there."""
    if not isinstance(value, str):
        assert as_text(value) == json.dumps(value, sort_keys=True)


@given(st.dictionaries(st.text(), st.text()), st.randoms())
def test_the_order_of_a_mapping_does_not_matter(members: dict[str, str], random: Any) -> None:
    """AWS returns maps in any order."""
    shuffled = list(members.items())
    random.shuffle(shuffled)
    assert list(strings_in(dict(shuffled))) == list(strings_in(members))
    assert as_text(dict(shuffled)) == as_text(members)


def test_json_in_a_text_is_read() -> None:
    """Some texts deep, and the texts themselves; bytes are texts."""
    value: Any = {"image": "needle"}
    for _ in range(3):
        value = [json.dumps(value)]
    assert "needle" in list(strings_in(value))
    assert "needle" in list(strings_in(json.dumps({"image": "needle"}).encode()))
    assert list(strings_in({"a": {"b": ("c", frozenset({"d"}), 1, None, b"\xffe")}})) == ["a", "b", "c", "d", "\ufffde"]


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "[1", "{x}", " [", ""])
def test_what_is_no_json_stays_a_text(text: str) -> None:
    """However deeply it is nested."""
    assert unpacked(text) == text
    assert list(strings_in(text)) == [text]


def test_no_depth_is_too_deep() -> None:
    """Neither of lists nor of mappings."""
    value: Any = "needle"
    for number in range(50_000):
        value = [value] if number % 2 else {"a": value}
    assert "needle" in list(strings_in(value))
    assert "needle" in as_text(value)
    assert size_of(value) == len("needle") + 25_000
    assert list(siblings_in(value)) == [{"a": ["needle"]}]


def test_the_size_is_that_of_all_texts() -> None:
    """Without counting beyond the bound."""
    assert size_of({"key": ["abc", b"de", 1]}) == 8
    assert size_of("x" * LONGEST) == LONGEST
    assert size_of(["x" * LONGEST] * 1000) <= 2 * LONGEST


@pytest.mark.parametrize(
    "value",
    [
        {"REPO": "r", "TAG": 1},
        [{"name": "REPO", "value": "r"}, {"name": "TAG", "value": "1"}],
        [{"Name": "REPO", "Value": "r"}, {"Name": "TAG", "Value": 1}],
        ["REPO=r", "TAG=1"],
        json.dumps([{"name": "REPO", "value": "r", "type": "PLAINTEXT"}, {"name": "TAG", "value": "1"}]),
    ],
)
def test_variables_beside_each_other_are_told_by_name(value: Any) -> None:
    """As ECS, Lambda, CodeBuild and others have them."""
    assert {"REPO": ["r"], "TAG": ["1"]} in list(siblings_in(value))


def test_arguments_are_told_by_name() -> None:
    """The value stands behind the name or behind a sign."""
    assert list(siblings_in(["run", "--repo", "r", "--tag=1"])) == [{"--repo": ["r"], "--tag": ["1"]}]
    assert list(siblings_in(["--a=1", "--a=2", "x"])) == [{"--a": ["1", "2"]}]
