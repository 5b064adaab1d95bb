"""A release says what changed and which images belong to it; a tag that does not fit the files is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
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
BASE = "public.ecr.aws/lambda/python:3.13@sha256:" + "b" * 64


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
    told = notes("0.2.0", [f"{IMAGE}\n{BASE}"], root)
    assert told.startswith("- New.\n\n### Fixed\n\n- Old.\n\n## Images")
    assert f"- `{IMAGE}`, built from `{BASE}`\n" in told
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


def test_an_image_that_does_not_say_what_it_was_built_from_is_refused(root: Path) -> None:
    """A tag of a base image says nothing of what is in it."""
    with pytest.raises(ReleaseError, match="built from what"):
        notes("0.2.0", [IMAGE], root)
    with pytest.raises(ReleaseError, match="not name:tag@digest: public"):
        notes("0.2.0", [f"{IMAGE}\n{BASE.partition('@')[0]}@"], root)


def test_the_workflow_builds_from_the_digest_of_the_base_image(tmp_path: Path) -> None:
    """Its script, with a docker that only notes: what the registry has now goes into build, labels and notes."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    found = re.search(r"- name: Build and push\n        run: \|\n((?: {10}.*\n)+)", text)
    assert found
    script = re.sub(r"\$\{\{ matrix\.(\w+) \}\}", r"the-\1", textwrap.dedent(found[1]))
    digest = f"sha256:{'b' * 64}"
    fakes = {
        "docker": (
            "#!/bin/sh\n"
            f"""case "$*" in *imagetools*) echo '{{"digest":"{digest}"}}' ;; *) echo "$*" > build ;; esac\n"""
            f"""echo '{{"containerimage.digest":"sha256:{"a" * 64}"}}' > metadata.json\n"""
        ),
        "jq": (
            f"#!{sys.executable}\nimport json, sys\n"
            "text = sys.stdin.read() if sys.argv[1] == '-er' else open(sys.argv[-1]).read()\n"
            "print(*json.loads(text).values())\n"
        ),
    }
    for name, body in fakes.items():
        (tmp_path / name).write_text(body)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "lambda_src").symlink_to(ROOT / "lambda_src")
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_REPOSITORY": "your-org/cleaner",
        "GITHUB_REF_NAME": "v1.0.0",
    }
    subprocess.run(["/bin/sh", "-euc", script.replace(",,}", "}")], cwd=tmp_path, env=environment, check=True)
    asked = (tmp_path / "build").read_text()
    base = "public.ecr.aws/lambda/python:3.13"
    assert f"--build-arg BASE_IMAGE={base}@{digest} " in asked
    assert f"--label org.opencontainers.image.base.digest={digest} " in asked
    written = (tmp_path / "image-the-architecture.txt").read_text()
    assert written == f"ghcr.io/your-org/cleaner:v1.0.0-the-architecture@sha256:{'a' * 64}\n{base}@{digest}\n"


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
