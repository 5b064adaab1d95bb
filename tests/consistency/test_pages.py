"""Every page keeps its promises: links lead somewhere, commands exist, nothing is left to be filled in."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

import click
import pytest

import ecr_cleaner
from ecr_cleaner import cli
from tests.consistency.declared import ROOT
from tests.consistency.markdown import Page

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final = tuple(
    Page(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")])
)
FIRST_SCREEN_LINES: Final = 60
REPOSITORY: Final = "your-org/terraform-aws-ecr-cleaner"
"""Where the project lies. Nobody has said yet, so this is the one stand-in for it on every page."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path.relative_to(ROOT)))


@every_page
def test_links_lead_somewhere(page: Page) -> None:
    """Files and headings that a page links to exist."""
    for target in page.links:
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = page.path.parent / file if file else page.path
        assert linked.exists(), target
        assert not anchor or anchor in Page(linked).anchors, target


@every_page
def test_nothing_is_left_to_be_filled_in(page: Page) -> None:
    """No marker of work that somebody meant to come back to."""
    assert not re.findall(r"<!--.*?-->|\b(?:TODO|TBD|FIXME|XXX)\b|\{\{.*?\}\}", page.text)


@every_page
def test_make_commands_exist(page: Page) -> None:
    """A target that a page names is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z][a-z0-9-]*)", page.prose))
    named |= {
        name for code in page.code for name in re.findall(r"^(?:\$ )?make ([a-z][a-z0-9-]*)", code.text, re.MULTILINE)
    }
    assert named <= targets


@every_page
def test_the_repository_has_one_name(page: Page) -> None:
    """Whoever knows the real one changes it in one sweep."""
    for name in re.findall(r"(?:github\.com|ghcr\.io)/([\w.-]+/[\w.-]*ecr-cleaner)\b(?!\.git\b/)", page.text):
        assert name.removesuffix(".git") in {REPOSITORY, "devopsbox-io/aws-ecr-cleaner"}


def test_the_first_screen_holds_what_everybody_needs(readme: Page) -> None:
    """What it is, what it never checks, how to install, opt in, look, turn on, stop: before the first heading."""
    first = readme.text.split("\n## ", 1)[0]
    assert len(first.splitlines()) <= FIRST_SCREEN_LINES
    told = ["Never checked", "source = ", "aws ecr tag-resource", "BoxCleanerEnabled", "dry_run_command"]
    told += ["should be removed", "dry_run = false", "put-function-concurrency", "schedule_enabled = false"]
    positions = [first.find(words) for words in told]
    assert -1 not in positions, told[positions.index(-1)]


def test_every_command_is_documented(readme: Page) -> None:
    """And every option of the section is one of some command; test_commands holds each line against its command."""
    section = readme.text.split("\n## On the command line", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"ecr-cleaner ([a-z]+) ", section)) == set(cli.main.commands)
    options = {
        option
        for command in cli.main.commands.values()
        for p in command.params
        if isinstance(p, click.Option)
        for option in p.opts
    }
    assert set(re.findall(r"`(--[a-z][a-z-]+)", section)) <= {*options, "--help"}


def test_the_version_is_one() -> None:
    """The distribution, the package, the changelog and what the README tells to install agree."""
    project = tomllib.loads((ROOT / "lambda_src/pyproject.toml").read_text())
    version = project["project"]["version"]
    assert ecr_cleaner.__version__ == version
    newest = re.search(r"^## (?P<version>\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest["version"] == version
    named = re.findall(r"(?:ref=|cleaner:|\.git@)v(\d+\.\d+\.\d+)", (ROOT / "README.md").read_text())
    assert set(named) == {version}


def test_the_licence_is_the_whole_apache_licence() -> None:
    """As the distribution declares."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert tomllib.loads((ROOT / "lambda_src/pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"


def _rooms() -> list[Path]:
    return sorted(
        path for path in (ROOT / "lambda_src/ecr_cleaner").iterdir() if path.name not in {"__init__.py", "__pycache__"}
    )


@pytest.mark.parametrize("room", _rooms(), ids=lambda path: path.name)
def test_the_map_of_the_house_shows_every_room(room: Path) -> None:
    """CONTRIBUTING says of each module what it is for."""
    name = f"{room.name}/" if room.is_dir() else room.name
    assert re.search(rf"(?<![\w.]){re.escape(name)}", (ROOT / "CONTRIBUTING.md").read_text())
