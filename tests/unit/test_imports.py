"""Who may import whom: the table of the layout, imports for type checkers included."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

import ecr_cleaner

PACKAGE: Final = Path(ecr_cleaner.__file__).parent
FILES: Final = sorted(PACKAGE.rglob("*.py"))

BASE: Final = frozenset({"__init__", "errors", "clock", "printable", "reference", "schema", "model"})
"""What everything may import; besides these and itself a package may import what `MAY_IMPORT` says."""
_EVERYTHING: Final = frozenset(path.name for path in PACKAGE.iterdir() if path.is_dir()) | {"compose", "handler"}
MAY_IMPORT: Final = {
    **dict.fromkeys(BASE, frozenset[str]()),
    **dict.fromkeys(("settings", "aws", "decision", "report"), frozenset[str]()),
    "kubernetes": frozenset({"aws"}),
    "facts": frozenset({"aws"}),
    "usage": frozenset({"aws", "facts", "settings", "kubernetes"}),
    "approval": frozenset({"aws", "settings"}),
    "registry": frozenset({"aws", "settings", "decision"}),
    "history": frozenset({"aws"}),
    "journal": frozenset({"aws", "history"}),
    "invocations": frozenset({"aws", "decision", "usage"}),
    "findings": frozenset({"aws", "settings", "decision", "registry"}),
    "removal": frozenset({"aws", "decision", "registry", "journal"}),
    "publish": frozenset({"aws", "settings", "report"}),
    "restore": frozenset({"aws", "decision", "registry", "journal"}),
    "run": frozenset(
        {
            "aws",
            "facts",
            "settings",
            "decision",
            "usage",
            "registry",
            "history",
            "journal",
            "approval",
            "findings",
            "removal",
            "report",
        }
    ),
    "compose": _EVERYTHING - {"handler", "cli"},
    "handler": frozenset({"aws", "settings", "compose", "run", "publish", "report", "invocations"}),
    "cli": _EVERYTHING - {"handler"},
}

PURE: Final = (
    "model",
    "printable",
    "reference",
    "decision",
    "report",
    "history/model",
    "history/removed",
    "history/unneeded",
    "registry/tags",
    "registry/pull_access",
    "approval/selection",
    "usage/image_names",
    "usage/merge",
    "usage/texts",
    "kubernetes/kinds",
    "findings/rules",
    "findings/retention",
    "findings/lifecycle_policy",
)
"""No clock, no I/O; the standard library and pydantic alone."""
EXCEPT: Final = {
    "report.console": {"rich"},  # draws tables into a console that is handed in
    "report.terminal": {"rich"},  # the console and the table of commands
    "report.log": {"logging"},  # hands lines to the logger
    "report.document": {"tempfile"},  # spools verdicts, so that no run has to be held in memory
    "report.html_page": {"pathlib"},  # reads the assets that lie beside it
}
_IMPURE_LIBRARIES: Final = frozenset(
    {"io", "logging", "os", "pathlib", "socket", "sys", "tempfile", "threading", "time"}
)

SHIPPED: Final = frozenset({"boto3", "botocore", "pydantic", "pydantic_core", "urllib3"})
"""Libraries of the function; botocore is boto3's own, pydantic_core pydantic's, urllib3 botocore's."""
EXTRA: Final = frozenset({"click", "rich"})
"""Libraries of the extra ``cli``: for the command line, and for what draws its tables."""

WRITES_ECR: Final = frozenset({"removal", "restore", "aws"})
_WRITE: Final = ("BatchDeleteImage", "PutImage", "UpdateImageStorageClass", "batch_delete_image", "put_image")

MAX_LINES: Final = 300


def name_of(path: Path) -> str:
    """Dotted, without the package: ``run.pipeline``; a package's own file bears the package's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, those for type checkers included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                file = PACKAGE.joinpath(*whole.split(".")[1:])
                found.add(whole if file.is_dir() or file.with_suffix(".py").is_file() else node.module)
    return found


def own_imports(path: Path) -> set[str]:
    """Those from the package itself, without its name; the package alone is ``__init__``."""
    names = {name for name in imports_of(path) if name.split(".")[0] == "ecr_cleaner"}
    return {name.partition(".")[2] or "__init__" for name in names}


NAMES: Final = {name_of(path): path for path in FILES}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_package_imports_what_the_table_allows(name: str) -> None:
    """Base, itself, and the packages of its row."""
    package = name.split(".", 1)[0]
    allowed = BASE | {package} | MAY_IMPORT[package]
    wrong = {imported for imported in own_imports(NAMES[name]) if imported.split(".")[0] not in allowed}
    assert not wrong


def test_there_is_no_circle() -> None:
    """Whoever is read first has read nothing that depends on it."""
    edges = {name: own_imports(path) & NAMES.keys() - {name} for name, path in NAMES.items()}
    ended: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in ended:
            for imported in edges[name]:
                visit(imported, (*way, name))
            ended.add(name)

    for name in edges:
        visit(name, ())


def is_pure(path: Path) -> bool:
    """Whether a file belongs to what decides and renders."""
    inside = path.relative_to(PACKAGE).with_suffix("").as_posix()
    return any(inside == pure or inside.startswith(f"{pure}/") for pure in PURE)


@pytest.mark.parametrize("path", [path for path in FILES if is_pure(path)], ids=name_of)
def test_what_is_pure_has_no_clock_and_no_io(path: Path) -> None:
    """`now` is an argument, and texts and bytes are values."""
    foreign = {name.split(".")[0] for name in imports_of(path)} - {"ecr_cleaner", "pydantic"}
    foreign -= EXCEPT.get(name_of(path), set())
    assert foreign <= sys.stdlib_module_names
    assert not foreign & _IMPURE_LIBRARIES
    assert "clock" not in own_imports(path)
    assert ".now(" not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_libraries_and_the_clock_have_one_place_each(path: Path) -> None:
    """boto3 and botocore are imported in aws alone, urllib3 in kubernetes, and the time is read in clock.py alone."""
    package = path.relative_to(PACKAGE).parts[0]
    assert package == "kubernetes" or "urllib3" not in {name.split(".")[0] for name in imports_of(path)}
    assert package == "aws" or not {name.split(".")[0] for name in imports_of(path)} & {"boto3", "botocore"}
    assert package == "clock.py" or ".now(" not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_who_writes_ecr(path: Path) -> None:
    """Only what removes, what restores and the pacing of calls name ECR's write operations."""
    package = path.relative_to(PACKAGE).parts[0]
    assert package in WRITES_ECR or not any(word in path.read_text() for word in _WRITE)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_is_too_long_to_read(path: Path) -> None:
    """At most 300 lines."""
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_libraries_are_declared(path: Path) -> None:
    """What an installed command or the function imports is installed with it."""
    name = name_of(path)
    extra = EXTRA if name.split(".", 1)[0] == "cli" or name in {"report.console", "report.terminal"} else frozenset()
    foreign = {imported.split(".")[0] for imported in imports_of(path)} - {"ecr_cleaner"} - sys.stdlib_module_names
    assert foreign <= SHIPPED | extra


def test_declared_libraries_are_those() -> None:
    """By the distribution's own file."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    names = {re.match(r"[a-z0-9]+", text)[0] for text in project["dependencies"]}  # type: ignore[index]
    extra = {re.match(r"[a-z0-9]+", text)[0] for text in project["optional-dependencies"]["cli"]}  # type: ignore[index]
    assert (frozenset(names), frozenset(extra)) == (SHIPPED - {"botocore", "pydantic_core", "urllib3"}, EXTRA)
