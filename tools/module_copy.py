"""A copy of the module's files, for what leaves files of its own beside them: ``terraform init``, an override."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from tools.terraform import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_NOT_COPIED: Final = (".*", "__pycache__", "node_modules", "*.tfstate*")
"""Nothing hidden belongs to the module except what lambda_src/ needs; see `copy_module`."""


def copy_module(target: Path, source: Path = ROOT) -> None:
    """Copies the module's files, so that Terraform can leave its own beside them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in (
        *source.glob("*.tf"),
        *source.glob("*.tfmock.hcl"),
        *source.glob("*.tftpl"),
        source / "time_zones.txt",
        source / "usage_sources.json",
    ):
        shutil.copy(path, target)
    for name in ("examples", "scripts", "tests"):
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns(*_NOT_COPIED, "*.py"))
    # With its hidden .dockerignore.
    shutil.copytree(
        source / "lambda_src", target / "lambda_src", ignore=shutil.ignore_patterns("__pycache__", ".venv", ".*_cache")
    )
