"""Who may import whom, and which modules are pure: imports for type checkers count like all others."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import ecr_cleaner

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(ecr_cleaner.__file__).parent

BASE: Final = "base"
"""What every package may import: errors, values, the reference parser, strict documents, the clock."""

CLI: Final = "cli"
HANDLER: Final = "handler"
COMPOSE: Final = "compose"

MAY_IMPORT: Final = {
    BASE: "",
    "settings": "",
    "aws": "",
    "decision": "",
    "report": "",
    "usage": "aws settings",
    "approval": "aws settings",
    "registry": "aws settings decision",
    "history": "aws",
    "journal": "aws history",
    "findings": "aws settings decision registry",
    "removal": "aws decision registry journal",
    "publish": "aws settings report",
    "restore": "aws decision registry journal",
    "run": "aws settings decision usage registry history journal approval findings removal report",
    HANDLER: "aws settings compose run publish report",
}
"""Package to the packages that it may import beside itself and the base."""

PACKAGES: Final = {
    BASE: "__init__ errors clock reference strict model report.plan_summary",
    "settings": "settings settings_document event",
    "aws": "aws objects lock paths",
    "decision": "graph resolution rules retention guard walls broken",
    "usage": "usage",
    "registry": "inventory survey access tag_check readings",
    "history": "memory going documents history",
    "journal": "journal journal_document journal_reader",
    "approval": "saved_plan permission plan_store approval",
    "findings": "findings checks lifecycle_policy",
    "removal": "removal batch deleting archiving changes",
    "publish": "announce report.store",
    "report": "report",
    "restore": "restoring restore_order",
    "run": "run judging report.summary",
    COMPOSE: "compose",
    HANDLER: "handler",
    CLI: "cli past consumers report.usages",
}
"""Package to the modules that make it up; a module in one of these stands for all below it."""

NOT_YET: Final = {
    ("approval", "history"): "documents: what seals a document goes to the base",
    ("usage", "history"): "likewise",
    ("publish", "run"): "report.summary: the result of a run becomes a value of the base",
    ("report", "run"): "likewise",
    ("report", "aws"): "record: the run catches what cannot be stored",
    ("report", "settings"): "record: it gets values",
}
"""Imports that still run the wrong way, and what turns them."""

PURE: Final = (
    *("access", "broken", "errors", "findings", "going", "graph", "guard", "lifecycle_policy", "memory", "model"),
    *("paths", "permission", "reference", "resolution", "retention", "rules", "tag_check", "walls"),
    *("report.ending", "report.metrics", "report.notify", "report.plan_summary", "report.run_event", "report.units"),
    "usage.merge",
)
"""No clock, no I/O: that is what makes them provable."""

IMPURE_LIBRARIES: Final = frozenset(
    {"asyncio", "http", "logging", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3", "ssl"}
    | {"subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid"}
)

ECR_WRITES: Final = frozenset(
    {"batch_delete_image", "put_image", "update_image_storage_class"}
    | {"BatchDeleteImage", "PutImage", "UpdateImageStorageClass"}
)
"""Operations of ECR that change images, as code names them."""


def module_of(path: Path) -> str:
    """The name within the package, with dots."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES: Final = {module_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def package_of(module: str) -> str:
    """The package that a module belongs to; the longest name wins."""
    found = {name: package for package, names in PACKAGES.items() for name in names.split()}
    while module not in found:
        assert "." in module, f"{module} belongs to no package"
        module = module.rpartition(".")[0]
    return found[module]


def imports_of(module: str) -> Iterator[str]:
    """Every module that a module imports; those of this package without its name."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                name = whole if whole.removeprefix("ecr_cleaner.") in MODULES else node.module
                yield "__init__" if name == "ecr_cleaner" else name.removeprefix("ecr_cleaner.")


def allowed(package: str) -> set[str]:
    """What a package may import."""
    if package in {COMPOSE, CLI}:
        return PACKAGES.keys() - ({HANDLER, CLI} if package == COMPOSE else {HANDLER})
    return {package, BASE, *MAY_IMPORT[package].split()}


def test_every_package_has_its_row() -> None:
    """None is forgotten."""
    assert MAY_IMPORT.keys() | {COMPOSE, CLI} == PACKAGES.keys()
    assert set(PURE) <= MODULES.keys()


def test_packages_import_only_what_the_table_allows() -> None:
    """One direction; and what is excused is still to be turned."""
    found: dict[tuple[str, str], list[str]] = {}
    for module in MODULES:
        package = package_of(module)
        for name in imports_of(module):
            if name in MODULES and package_of(name) not in allowed(package) | {package}:
                found.setdefault((package, package_of(name)), []).append(f"{module} imports {name}")
    assert not {way: lines for way, lines in found.items() if way not in NOT_YET}
    assert found.keys() == NOT_YET.keys(), "what is turned is not excused any more"


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_import_only_each_other(module: str) -> None:
    """The standard library without what reaches out, and values."""
    for name in imports_of(module):
        library = name.split(".", maxsplit=1)[0]
        assert name in PURE or (library in sys.stdlib_module_names and library not in IMPURE_LIBRARIES), name


@pytest.mark.parametrize("module", MODULES)
def test_the_time_is_asked_for_in_one_place(module: str) -> None:
    """Whoever needs it gets a clock, or a moment."""
    text = MODULES[module].read_text()
    asks = any(name in text for name in (".now(", ".utcnow(", ".today(", "time.time("))
    assert asks is (module == "clock")


@pytest.mark.parametrize("module", MODULES)
def test_botocore_is_configured_in_one_place(module: str) -> None:
    """boto3 and botocore are imported in aws alone."""
    libraries = {name.split(".", maxsplit=1)[0] for name in imports_of(module)} & {"boto3", "botocore"}
    assert not libraries or package_of(module) == "aws"


@pytest.mark.parametrize("module", MODULES)
def test_images_are_changed_in_few_places(module: str) -> None:
    """What removes, what restores, and how often both may be called."""
    strings = {
        node.value if isinstance(node, ast.Constant) else node.attr
        for node in ast.walk(ast.parse(MODULES[module].read_text()))
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    }
    assert not strings & ECR_WRITES or package_of(module) in {"aws", "removal", "restore"}
