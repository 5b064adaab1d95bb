"""A release says what changed and which images belong to it; a tag that does not fit the files is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tools.release import ReleaseError, main, notes
from tools.terraform import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CHANGELOG = (
    "# Changelog\n\n## 0.2.0 (2026-01-31)\n\n- New.\n\n### Fixed\n\n- Old.\n\n## 0.1.0 (not released yet)\n\nFirst.\n"
)
IMAGE = "ghcr.io/your-org/terraform-aws-ecr-cleaner:v0.2.0-arm64@sha256:" + "a" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two versions."""
    (tmp_path / "lambda_src").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    set_version(tmp_path, "0.2.0")
    return tmp_path


def set_version(root: Path, version: str) -> None:
    """Writes the distribution's version."""
    (root / "lambda_src" / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')


def test_the_notes_are_the_section_of_the_version_and_its_images(root: Path) -> None:
    """Nothing of the other versions."""
    told = notes("0.2.0", [IMAGE], root)
    assert told.startswith("- New.\n\n### Fixed\n\n- Old.\n\n## Images")
    assert f"- `{IMAGE}`\n" in told
    assert "First" not in told


@pytest.mark.parametrize(("version", "reason"), [("0.1.0", "no date"), ("0.3.0", "no section")])
def test_a_version_that_the_changelog_does_not_release_is_refused(root: Path, version: str, reason: str) -> None:
    """Before anything is published."""
    set_version(root, version)
    with pytest.raises(ReleaseError, match=reason):
        notes(version, [], root)


def test_a_tag_beside_the_distributions_version_is_refused(root: Path) -> None:
    """One version in all places."""
    with pytest.raises(ReleaseError, match=r"says version 0\.2\.0, the tag says 0\.2\.1"):
        notes("0.2.1", [], root)


def test_an_image_without_its_digest_is_refused(root: Path) -> None:
    """A failed push leaves no digest."""
    with pytest.raises(ReleaseError, match="not name:tag@digest"):
        notes("0.2.0", [IMAGE.partition("@")[0] + "@null"], root)


def test_the_command_says_how_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Anything but `notes` is not understood."""
    assert main(["publish"]) == 2
    assert "notes VERSION" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_every_action_is_pinned_by_commit_and_says_its_version(path: Path) -> None:
    """A tag can be moved."""
    used = re.findall(r"uses: (.*)", path.read_text())
    assert used
    for line in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
