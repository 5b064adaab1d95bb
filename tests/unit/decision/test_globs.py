"""Globs on whole names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.decision import globs
from ecr_cleaner.decision.globs import matches


@pytest.fixture(autouse=True)
def _read_anew() -> None:
    """What was remembered of a glob says nothing of how it is read now."""
    globs._pieces.cache_clear()  # noqa: SLF001 - nothing else knows of it


@pytest.mark.parametrize(
    ("glob", "name", "fits"),
    [
        ("app", "app", True),
        ("app", "app-prod", False),
        ("app", "my-app", False),
        ("app", "App", False),
        ("*", "", True),
        ("*", "shop/api", True),
        ("", "", True),
        ("", "a", False),
        ("shop/*", "shop/api/v1", True),
        ("shop/*", "shop/", True),
        ("shop/*", "shop", False),
        ("*/api", "a/b/api", True),
        ("*api*", "shop/apis", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", True),
        ("a?c", "ac", False),
        ("a**c", "ac", True),
        ("*a*b", "aab", True),
        ("*ab", "aab", True),
        ("*ab", "xb", False),
        ("aX", "a", False),
        ("v.1", "vx1", False),
        ("a\\*", "a*", False),
        ("*", "two\nlines", True),
        ("v[12]", "v1", True),
        ("v[12]", "v3", False),
        ("v[12]", "v", False),
        ("v[0-9]", "v0", True),
        ("v[0-9]", "v9", True),
        ("v[0-9]", "v-", False),
        ("v[0-9]*", "v1.2", True),
        ("v[0-9]*", "vx", False),
        ("*[0-9]", "pr-17", True),
        ("*[0-9]", "pr-17x", False),
        ("[!0-9]*", "v1", True),
        ("[!0-9]*", "1v", False),
        ("[!a-z0-9]", "A", True),
        ("[a-cx-z]", "b", True),
        ("[a-cx-z]", "d", False),
        ("[!]", "!", True),
        ("[\n]", "\n", True),
        ("[]", "[]", True),
        ("v[1", "v[1", True),
        ("v[1", "v1", False),
        ("v1]", "v1]", True),
    ],
)
def test_globs(glob: str, name: str, *, fits: bool) -> None:
    """Whole names, case and all; only *, ? and closed classes are signs."""
    assert matches(glob, name) is fits


CLASSES = ["[ab]", "[!ab]", "[a-b]", "[!A-Za]", "[./]"]


@given(
    glob=st.lists(st.sampled_from([*"aAb/.*?\n", "*", *CLASSES]), max_size=7).map("".join),
    name=st.text("aAb/.\n", max_size=7),
)
def test_a_glob_means_its_regular_expression(glob: str, name: str) -> None:
    """Said in another language."""
    pieces = re.findall(r"\[[^]]*\]|.", glob, re.DOTALL)
    signs = {"*": ".*", "?": "."}
    pattern = "".join(
        piece.replace("[!", "[^") if len(piece) > 1 else signs.get(piece) or re.escape(piece) for piece in pieces
    )
    assert matches(glob, name) is bool(re.fullmatch(pattern, name, re.DOTALL))


@given(parts=st.lists(st.text("ab/", max_size=3), min_size=1, max_size=5), data=st.data())
def test_a_name_fits_when_parts_of_it_are_blotted_out(parts: list[str], data: st.DataObject) -> None:
    """Whatever a star hides."""
    glob = "".join("*" if data.draw(st.booleans()) else part for part in parts)
    assert matches(glob, "".join(parts))


@pytest.mark.timeout(5)
def test_a_glob_of_many_stars_takes_no_time() -> None:
    """A regular expression would still be trying when the function's time is up."""
    assert not matches("*a" * 100 + "b", "a" * 256)
