"""The house keeps its walls: who may import what."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import ecr_cleaner

PACKAGE = Path(ecr_cleaner.__file__).parent
PURE = (
    "access",
    "broken",
    "errors",
    "findings",
    "going",
    "graph",
    "guard",
    "lifecycle_policy",
    "memory",
    "model",
    "paths",
    "permission",
    "reference",
    "resolution",
    "retention",
    "rules",
    "tag_check",
)

TOLD = ("ending", "metrics", "notify", "run_event", "units")


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, those for type checkers included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "ecr_cleaner":
                found.update(f"ecr_cleaner.{alias.name}" for alias in node.names)
    return found - {"ecr_cleaner"}


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_import_only_each_other(room: str) -> None:
    """No clock, no I/O, no library: that is what makes them provable."""
    for name in imports_of(PACKAGE / f"{room}.py"):
        assert name.split(".")[0] in sys.stdlib_module_names or name.removeprefix("ecr_cleaner.") in PURE, name


@pytest.mark.parametrize("room", TOLD)
def test_what_is_told_to_others_is_made_of_values_alone(room: str) -> None:
    """No clock, no I/O: the one room that speaks to anybody is announce."""
    path = PACKAGE / "report" / f"{room}.py"
    allowed = {"ecr_cleaner.model", *(f"ecr_cleaner.report.{one}" for one in TOLD)}
    for name in imports_of(path):
        assert name.split(".")[0] in sys.stdlib_module_names or name in allowed or name == "ecr_cleaner.report", name
    assert ".now(" not in path.read_text()
    assert not imports_of(path) & {"logging", "os", "sys", "time"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_botocore_is_configured_in_one_place(path: Path) -> None:
    """boto3 and botocore are imported in aws.py alone."""
    libraries = {name.split(".")[0] for name in imports_of(path)} & {"boto3", "botocore"}
    assert not libraries or path == PACKAGE / "aws.py"


@pytest.mark.parametrize("path", sorted((PACKAGE / "usage").rglob("*.py")), ids=lambda p: p.name)
def test_sources_know_nothing_of_rules(path: Path) -> None:
    """A source collects; deciding is somebody else's work."""
    forbidden = {
        f"ecr_cleaner.{room}" for room in ("graph", "rules", "retention", "guard", "removal", "run", "inventory")
    }
    assert not imports_of(path) & forbidden


@pytest.mark.parametrize(
    "room",
    [
        "findings",
        "going",
        "graph",
        "guard",
        "lifecycle_policy",
        "memory",
        "permission",
        "retention",
        "rules",
        "saved_plan",
    ],
)
def test_deciding_has_no_clock(room: str) -> None:
    """`now` is an argument."""
    assert ".now(" not in (PACKAGE / f"{room}.py").read_text()
    assert "time" not in imports_of(PACKAGE / f"{room}.py")
