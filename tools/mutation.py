"""Mutation: would a test notice if a word of what decides over images were another one?

mutmut changes the modules of tests/mutation/modules.yaml one word at a time and runs their tests. What survives must be
in tests/mutation/survivors.yaml with the reason why no test can or should notice it; and what is there must survive.

Usage: python -m tools.mutation            Runs, compares, fails at every difference
       python -m tools.mutation --write    Writes the differences to the baseline; each new one still needs its reason
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from difflib import ndiff
from typing import TYPE_CHECKING, Any, Final

import yaml

from tools.terraform import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

MODULES: Final = ROOT / "tests/mutation/modules.yaml"
BASELINE: Final = ROOT / "tests/mutation/survivors.yaml"
FOLDER: Final = ROOT / ".cache" / "mutation"
PROCESSES: Final = 2
_PACKAGE: Final = "src/ecr_cleaner"
"""Where mutmut finds the package under the name by which the tests import it."""

_KILLED: Final = frozenset({1, 3, 24, -24, 36, 152, 255})
"""mutmut's exit codes of a mutant at which a test failed, or hung."""
_SURVIVED: Final = frozenset({0, 5, 33})
"""No test failed, or there is none."""


@dataclass(frozen=True, order=True, slots=True)
class Survivor:
    """A change that no test notices, told by its content: an edit elsewhere does not touch it.

    Attributes:
        module: Name of the module.
        function: Name of the function, with its class.
        before: The lines that were changed, without indentation.
        after: What they became.
    """

    module: str
    function: str
    before: str
    after: str


def main(arguments: Sequence[str]) -> int:
    """Runs; returns the exit status."""
    if arguments not in ([], ["--write"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    modules: dict[str, list[str]] = yaml.safe_load(MODULES.read_text())
    started = time.monotonic()
    tree = FOLDER / "tree"
    prepare(tree, modules)
    if not run_mutmut(tree):
        return 1
    outcomes = read_outcomes(tree, modules)
    survivors = [survivor for _, survivor in outcomes if survivor is not None]
    told = yaml.safe_load(BASELINE.read_text()) or [] if BASELINE.exists() else []
    if arguments:
        BASELINE.write_text(baseline_text(survivors, told))
    report = compare(survivors, told)
    minutes = (time.monotonic() - started) / 60
    for module in modules:
        of_module = [survivor for name, survivor in outcomes if name == module]
        alive = sum(survivor is not None for survivor in of_module)
        sys.stdout.write(f"{module}: {len(of_module)} mutants, {len(of_module) - alive} killed, {alive} survived\n")
    sys.stdout.write(f"{len(outcomes)} mutants in {minutes:.0f} minutes\n")
    sys.stdout.write("\n".join(["", *report, ""]) if report else "Every survivor is explained.\n")
    return bool(report)


def prepare(tree: Path, modules: dict[str, list[str]]) -> None:
    """Copies what mutmut works on, anew: it would keep what it found out before a test was changed."""
    shutil.rmtree(tree, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lambda_src/ecr_cleaner", tree / _PACKAGE, ignore=ignored)
    for folder in ("unit", "aws_calls", "mutation"):
        shutil.copytree(ROOT / "tests" / folder, tree / "tests" / folder, ignore=ignored)
    for file in ("__init__.py", "builders.py", "conftest.py"):
        shutil.copy(ROOT / "tests" / file, tree / "tests" / file)
    shutil.copy(ROOT / "pyproject.toml", tree / "pyproject.toml")
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"{_PACKAGE}/{module}.py" for module in modules],
        "pytest_add_cli_args_test_selection": sorted({test for tests in modules.values() for test in tests}),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-p", "tests.mutation.plugin", "-o", "pythonpath=src ."],
    }
    lines = ["[mutmut]", *(f"{name} =\n    " + "\n    ".join(values) for name, values in settings.items())]
    # How much longer than all its tests a mutant may take, which may be in a loop.
    lines += ["timeout_multiplier = 5", "timeout_constant = 5", "use_git_change_detection = false"]
    (tree / "setup.cfg").write_text("\n".join(lines) + "\n")


def run_mutmut(tree: Path) -> bool:
    """Runs it to its end; says what it wrote if that went wrong."""
    log = FOLDER / "mutmut.log"
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(FOLDER / "venv/bin/mutmut"), "run", "--max-children", str(PROCESSES)]
    with log.open("w") as written:
        status = subprocess.run(
            command, cwd=tree, env=environment, stdout=written, stderr=subprocess.STDOUT, check=False
        ).returncode
    if status:
        sys.stderr.write(f"{log.read_text()[-2000:]}\nmutmut ended with {status}; all it wrote is in {log}\n")
    return not status


def read_outcomes(tree: Path, modules: Iterable[str]) -> list[tuple[str, Survivor | None]]:
    """The module of each mutant, and the survivor it is, if it is one.

    Raises:
        ValueError: mutmut could not tell how a mutant ended.
    """
    found: list[tuple[str, Survivor | None]] = []
    for module in modules:
        file = tree / "mutants" / _PACKAGE / f"{module}.py"
        codes: dict[str, int | None] = json.loads(file.with_suffix(".py.meta").read_text())["exit_code_by_key"]
        functions = dict(_functions(file.read_text()))
        for key, code in codes.items():
            if code not in _KILLED | _SURVIVED:
                raise ValueError(f"mutant {key} ended with {code}")
            survivor = survivor_of(module, key.rpartition(".")[2], functions) if code in _SURVIVED else None
            found.append((module, survivor))
    return found


def _functions(code: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_source_segment(code, node) or ""


def survivor_of(module: str, mutant: str, functions: dict[str, str]) -> Survivor:
    """What a mutant changed.

    Args:
        module: Its module, as in ``decision/rules``.
        mutant: mutmut's name of it, ``x_function__mutmut_3`` or ``xǁClassǁmethod__mutmut_3``.
        functions: Name to source of every function of the file that mutmut wrote.
    """
    mangled = mutant.rpartition("__mutmut_")[0]
    original, changed = (
        functions[name].replace(name, "f", 1).splitlines() for name in (f"{mangled}__mutmut_orig", mutant)
    )
    lines = list(ndiff(original, changed))
    before, after = ("\n".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in ("- ", "+ "))
    function = mangled.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in mangled else mangled.removeprefix("x_")
    return Survivor(module, function, before, after)


def compare(survivors: Sequence[Survivor], told: Sequence[dict[str, Any]]) -> list[str]:
    """Everything in which the baseline and a run differ; empty if nothing."""
    known = Counter(_survivor(entry) for entry in told)
    alive = Counter(survivors)
    return [
        *_told("No test notices this; add one, or the reason why none can to the baseline", alive - known),
        *_told("The baseline has this and it does not survive any more; take it out", known - alive),
        *_told("Its reason is missing", Counter(_survivor(e) for e in told if not str(e.get("why") or "").strip())),
    ]


def _told(headline: str, survivors: Counter[Survivor]) -> Iterator[str]:
    for survivor in sorted(survivors.elements()):
        yield f"{headline}: {survivor.module}.{survivor.function}"
        yield from (f"  - {line}" for line in survivor.before.splitlines())
        yield from (f"  + {line}" for line in survivor.after.splitlines())


def _survivor(entry: dict[str, Any]) -> Survivor:
    return Survivor(entry["module"], entry["function"], entry["from"], entry["to"])


def baseline_text(survivors: Iterable[Survivor], told: Sequence[dict[str, Any]]) -> str:
    """The baseline with what survives now, and the reasons that it has already."""
    reasons = {_survivor(entry): entry.get("why", "") for entry in told}
    header = "".join(f"{line}\n" for line in _HEADER)
    entries = [
        {"module": s.module, "function": s.function, "from": s.before, "to": s.after, "why": reasons.get(s, "")}
        for s in sorted(survivors)
    ]
    return header + yaml.safe_dump(entries, sort_keys=False, width=110, allow_unicode=True)


_HEADER: Final = (
    "# What survives `make mutation`, and why no test can or should notice it. `python -m tools.mutation --write`",
    "# writes it anew and keeps the reasons; an entry without one fails.",
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
