"""The page of a run: one file with everything in it, in which no name is markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecr_cleaner import DOCUMENTATION
from ecr_cleaner.report import html_page
from tests.report_page.made import HOSTILE, Night
from tools import vendor

ASSETS: Final = Path(html_page.__file__).with_name("assets")


class Parser(HTMLParser):
    """Collects a page's elements, and the text of those that hold code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in self.raw else None
        if self._inside:
            self.raw[tag].append("")

    def handle_data(self, data: str) -> None:
        """Note what code there is."""
        if self._inside:
            self.raw[self._inside][-1] += data

    def handle_endtag(self, tag: str) -> None:
        """Text outside is of no interest."""
        del tag
        self._inside = None


def made(document: bytes) -> Parser:
    """The page of a document, read as browsers do."""
    target = BytesIO()
    html_page.write(BytesIO(document), target)
    parser = Parser()
    parser.feed(target.getvalue().decode())
    return parser


def carried(parser: Parser) -> bytes:
    """The document in a page."""
    return gzip.decompress(base64.b64decode(parser.raw["script"][0], validate=True))


FRAME: Final = made(b"{}")


@settings(max_examples=25)  # the page around each is almost a megabyte
@given(st.binary(max_size=2000))
@example(HOSTILE.encode())
@example(b"x" * (2**18 + 1))
@example(hashlib.shake_256(b"what cannot be compressed").digest(2**19 + 1))
def test_a_document_cannot_become_a_part_of_the_page(document: bytes) -> None:
    """It arrives as it was, and the elements are those of a page without one."""
    parser = made(document)
    assert carried(parser) == document
    assert parser.tags == FRAME.tags
    assert parser.raw["script"][1:] == FRAME.raw["script"][1:]


def test_a_whole_night_arrives() -> None:
    """Every image of it."""
    parser = Parser()
    parser.feed(Night(120, word=HOSTILE).page().decode())
    assert len(json.loads(carried(parser))["images"]) == 120
    assert parser.tags == FRAME.tags


def test_the_page_asks_for_nothing() -> None:
    """Nothing in it names an address, and the policy would refuse it."""
    addresses = {
        (tag, name, value)
        for tag, attributes in FRAME.tags
        for name, value in attributes.items()
        if name in {"src", "href", "action", "data", "srcset"}
        and not str(value).startswith("#")
        # A link asks for nothing before somebody follows it.
        and not (tag == "a" and str(value).startswith(f"{DOCUMENTATION}/"))
    }
    assert addresses == {("link", "href", "data:,")}
    assert not re.search(r"@import|url\((?!['\"]?data:)", "".join(FRAME.raw["style"]))


def test_the_policy_allows_the_pages_own_code_alone() -> None:
    """By hash: what anything else put into the page would not run."""
    (policy,) = (
        str(attributes["content"])
        for tag, attributes in FRAME.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    told = {name: rest.split() for name, *_, rest in (part.strip().partition(" ") for part in policy.split(";"))}

    def digest(text: str) -> list[str]:
        return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"]

    assert told == {
        "default-src": ["'none'"],
        "script-src": digest(FRAME.raw["script"][1]),
        "style-src": digest(FRAME.raw["style"][0]),
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


def test_no_element_carries_code_or_style() -> None:
    """The policy would refuse it, silently."""
    for _, attributes in FRAME.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("path", sorted(ASSETS.glob("page*.js")), ids=lambda path: path.name)
def test_the_pages_scripts_write_text_only(path: Path) -> None:
    """What comes from a document never becomes markup or code."""
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
    )


def test_the_licences_travel_with_the_page() -> None:
    """Whoever passes it on passes them on."""
    scripts = FRAME.raw["script"][1]
    for name in ("tabulator.LICENSE", "chart.LICENSE"):
        assert (ASSETS / name).read_text() in scripts


def test_what_is_vendored_is_what_was_locked() -> None:
    """Each file is the one of its package, byte for byte."""
    assert vendor.problems() == []


def test_every_asset_is_locked_or_the_pages_own() -> None:
    """Nothing else ships."""
    own = {path.name for path in ASSETS.iterdir() if path.name.startswith("page")}
    assert {path.name for path in ASSETS.iterdir()} == own | {
        file for one in vendor.LOCK.values() for file in one["files"]
    }


def test_a_file_that_was_changed_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also one that is missing."""
    for path in ASSETS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tabulator.min.js").write_text("changed")
    (tmp_path / "chart.LICENSE").unlink()
    monkeypatch.setattr(vendor, "ASSETS", tmp_path)
    assert sorted(vendor.problems()) == [
        "chart.LICENSE is not that of chart.js 4.6.1",
        "tabulator.min.js is not that of tabulator-tables 6.5.3",
    ]
