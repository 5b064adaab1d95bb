"""The notes of a release: its section of the changelog, and the images with their digests.

``python3 -m tools.release notes VERSION [FILE...]`` prints them; each file holds an image and, on a second line, the
base image that it was built from, both as ``name:tag@digest``.
Needs nothing but Python, and fails if the version is not the one that the distribution and the changelog name.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parent.parent

_PAIR: Final = 2
_IMAGE: Final = re.compile(r"[a-z0-9./_-]+:[\w.-]+@sha256:[0-9a-f]{64}")


class ReleaseError(Exception):
    """The release is not ready; the message says what differs."""


def section(changelog: str, version: str) -> str:
    """Returns what the changelog says of a version.

    Raises:
        ReleaseError: It has no section for it, or one that is not dated.
    """
    found = re.search(rf"^## {re.escape(version)} \(([^)]*)\)\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ReleaseError(f"CHANGELOG.md has no section '## {version} (date)'")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", found[1]):
        raise ReleaseError(f"CHANGELOG.md gives {version} no date: ({found[1]})")
    return found[2].strip()


def notes(version: str, images: Sequence[str], root: Path = ROOT) -> str:
    """Returns the notes of a release as Markdown.

    Raises:
        ReleaseError: The version is not the one of the distribution and the changelog, or an image is not pinned.
    """
    declared = tomllib.loads((root / "lambda_src" / "pyproject.toml").read_text())["project"]["version"]
    if declared != version:
        raise ReleaseError(f"lambda_src/pyproject.toml says version {declared}, the tag says {version}")
    pairs = [image.splitlines() for image in images]
    if wrong := [image for pair in pairs for image in pair if not _IMAGE.fullmatch(image)]:
        raise ReleaseError(f"not name:tag@digest: {', '.join(wrong)}")
    if alone := [pair[0] for pair in pairs if len(pair) != _PAIR]:
        raise ReleaseError(f"built from what: {', '.join(alone)}")
    text = section((root / "CHANGELOG.md").read_text(), version)
    if not images:
        return f"{text}\n"
    listed = "\n".join(f"- `{image}`, built from `{base}`" for image, base in sorted(pairs))
    how = "To copy into a private ECR repository and to name in `image_uri`; see docs/operations.md."
    return f"{text}\n\n## Images\n\n{how}\n\n{listed}\n"


def main(arguments: Sequence[str]) -> int:
    """Prints the notes; returns the exit status."""
    match arguments:
        case ["notes", version, *files]:
            try:
                sys.stdout.write(notes(version, [Path(file).read_text().strip() for file in files]))
            except ReleaseError as error:
                sys.stderr.write(f"{error}\n")
                return 1
            return 0
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
