"""Every page keeps its promises: links lead somewhere, commands exist, nothing is left to be filled in."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

import click
import pytest

import ecr_cleaner
from ecr_cleaner import cli
from tests.consistency.markdown import Page
from tools import declared
from tools.declared import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final = tuple(
    Page(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/README.md")])
)
FIRST_SCREEN_LINES: Final = 60
README_BYTES: Final = 16 * 1024
LINES: Final = {
    "README.md": 250,
    "CONTRIBUTING.md": 151,
    "docs/cli.md": 170,
    "docs/configuration.md": 60,
    "docs/consumers.md": 116,
    "docs/first-steps.md": 200,
    "docs/how-it-decides.md": 205,
    "docs/kubernetes.md": 150,
    "docs/limits.md": 100,
    "docs/migrating.md": 40,
    "docs/operations.md": 280,
    "docs/other-accounts.md": 120,
    "docs/permissions.md": 60,
    "docs/results.md": 240,
    "docs/safety.md": 150,
}
"""How long a page may be; of those that are generated to a large part, what people write in them."""
GENERATED: Final = {"docs/configuration.md", "docs/consumers.md", "docs/permissions.md"}
REPOSITORY: Final = "your-org/terraform-aws-ecr-cleaner"
"""Where the project lies. Nobody has said yet, so this is the one stand-in for it on every page."""
MAX_ALARM_DESCRIPTION: Final = 1024
"""Characters that CloudWatch takes,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html."""

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
    """No marker of work that somebody meant to come back to; those of generated parts are held by test_both_sides."""
    assert not re.findall(r"<!--.*?-->", page.written)
    assert not re.findall(r"\b(?:TODO|TBD|FIXME|XXX)\b|\{\{.*?\}\}", page.text)


@every_page
def test_nothing_is_lost_as_a_tag(page: Page) -> None:
    """A name in angle brackets is shown only in code or behind a backslash."""
    assert not re.findall(r"(?<!\\)<[a-z]", re.sub(r"`[^`]*`", "", page.prose))


@every_page
def test_files_that_are_named_exist(page: Page) -> None:
    """Where a page names a file or folder of this repository in code."""
    for name in re.findall(
        r"`((?:\.ci|benchmarks|demo|docs|examples|lambda_src|scripts|tests|tools)/[\w./-]*)`", page.text
    ):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("name", LINES)
def test_pages_are_short(name: str) -> None:
    """Who writes more finds what to leave out first."""
    page = Page(ROOT / name)
    text = page.written if name in GENERATED else page.text
    assert len(text.splitlines()) <= LINES[name]
    assert name != "README.md" or len(text.encode()) <= README_BYTES


def test_every_page_has_its_length() -> None:
    """A new page has one too, and the README leads to it."""
    assert {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")} == {n for n in LINES if "/" in n}
    assert {*LINES, "CHANGELOG.md", "SECURITY.md"} - {"README.md"} <= set(Page(ROOT / "README.md").links)


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
    """What it is, what it never checks, how to install, opt in, look, turn on, stop: in the first lines."""
    first = "\n".join(readme.text.splitlines()[:FIRST_SCREEN_LINES])
    told = ["Never checked", "source = ", "aws ecr tag-resource", "BoxCleanerEnabled", "dry_run_command"]
    told += ["should be removed", "dry_run = false", "put-function-concurrency", "schedule_enabled = false"]
    positions = [first.find(words) for words in told]
    assert -1 not in positions, told[positions.index(-1)]


def test_every_command_is_documented(pages: dict[str, Page]) -> None:
    """And every option of the page is one of some command; test_commands holds each line against its command."""
    section = pages["cli"].text
    assert set(re.findall(r"ecr-cleaner ([a-z][a-z-]*) ", section)) == set(cli.main.commands)
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
    for page in PAGES:
        assert set(re.findall(r"(?:ref=|cleaner:|\.git@)v(\d+\.\d+\.\d+)", page.text)) <= {version}, page.path
    assert f"?ref=v{version}" in (ROOT / "README.md").read_text()


def test_texts_that_leave_link_to_pages_of_this_version() -> None:
    """Whoever is woken by an alarm, or reads a mail or a report, is led to a heading that there is."""
    paths = [*ROOT.glob("*.tf"), *ROOT.glob("lambda_src/**/*.py"), *ROOT.glob("lambda_src/**/page.html")]
    base = r"(?:\$\{local\.documentation\}|\{DOCUMENTATION\}|\{\{documentation\}\})"
    found = [pair for path in paths for pair in re.findall(base + r"/([\w-]+)\.md#([\w-]+)", path.read_text())]
    assert {name for name, _ in found} >= {"operations", "results", "safety"}
    for name, anchor in found:
        assert anchor in Page(ROOT / f"docs/{name}.md").anchors, anchor
    assert declared.local_values("alarms.tf")["documentation"] == ecr_cleaner.DOCUMENTATION
    assert REPOSITORY in ecr_cleaner.DOCUMENTATION


def test_every_alarm_says_what_to_do() -> None:
    """By a link to the page that has it, at whatever hour."""
    described = re.findall(r"alarm_description = \"(.*)\"", (ROOT / "alarms.tf").read_text())
    alarms = re.findall(
        r'^resource "aws_cloudwatch_(?:composite|metric)_alarm"', (ROOT / "alarms.tf").read_text(), re.MULTILINE
    )
    assert len(described) == len(alarms)
    telling = [text for text in described if not text.startswith("Part of ${var.name}-not-run, tells nobody: ")]
    assert len(telling) == (ROOT / "alarms.tf").read_text().count(" alarm_actions ")
    for text in telling:
        assert re.search(r" What to do: \$\{local\.documentation\}/\S+$", text), text
        assert len(text) < MAX_ALARM_DESCRIPTION


def test_the_licence_is_the_whole_apache_licence() -> None:
    """As the distribution declares."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert tomllib.loads((ROOT / "lambda_src/pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"


def _modules() -> list[Path]:
    return sorted(
        path for path in (ROOT / "lambda_src/ecr_cleaner").iterdir() if path.name not in {"__init__.py", "__pycache__"}
    )


@pytest.mark.parametrize("module", _modules(), ids=lambda path: path.name)
def test_the_layout_shows_every_module(module: Path) -> None:
    """CONTRIBUTING says of each module what it is for."""
    name = f"{module.name}/" if module.is_dir() else module.name
    assert re.search(rf"(?<![\w.]){re.escape(name)}", (ROOT / "CONTRIBUTING.md").read_text())
