"""The baseline of mutation: told by content, complete, and with reasons."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tools.mutation import BASELINE, MODULES, Survivor, baseline_text, compare, read_outcomes, survivor_of
from tools.terraform import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MUTATED = """
def x_old__mutmut_orig(a):
    if a > 1:
        return "same"
    return (
        a
    )


def x_old__mutmut_1(a):
    if a >= 1:
        return "same"
    return (
        a
    )


class Graph:
    def xǁGraphǁmust_go_first__mutmut_orig(self):
        return self.a + 1

    def xǁGraphǁmust_go_first__mutmut_1(self):
        return self.a - 1

    def xǁGraphǁmust_go_first__mutmut_2(self):
        return self.a + 2
"""
"""What mutmut makes of a module, without what calls it."""

OLD = Survivor("rules", "old", "if a > 1:", "if a >= 1:")


def entry(survivor: Survivor, why: str = "Equivalent: so it is.") -> dict[str, str]:
    """What the baseline says of a survivor."""
    found = dataclasses.asdict(survivor)
    return {"module": found["module"], "function": found["function"], "from": found["before"], "to": found["after"]} | {
        "why": why
    }


def test_a_survivor_is_told_by_what_was_changed(tmp_path: Path) -> None:
    """Not by mutmut's numbers, nor by lines, which an edit elsewhere moves; killed ones and loops are none."""
    folder = tmp_path / "mutants/src/ecr_cleaner"
    folder.mkdir(parents=True)
    (folder / "rules.py").write_text(MUTATED)
    names = ["x_old__mutmut_1", "xǁGraphǁmust_go_first__mutmut_1", "xǁGraphǁmust_go_first__mutmut_2"]
    codes = dict(zip((f"ecr_cleaner.rules.{name}" for name in names), (0, 33, 36), strict=True))
    (folder / "rules.py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    method = Survivor("rules", "Graph.must_go_first", "return self.a + 1", "return self.a - 1")
    assert read_outcomes(tmp_path, ["rules"]) == [("rules", OLD), ("rules", method), ("rules", None)]
    (folder / "rules.py.meta").write_text('{"exit_code_by_key": {"ecr_cleaner.rules.x_old__mutmut_1": null}}')
    with pytest.raises(ValueError, match="ended with None"):
        read_outcomes(tmp_path, ["rules"])


def test_lines_are_told_without_their_indentation() -> None:
    """Several of them where several were changed."""
    functions = {"x_f__mutmut_orig": "def x_f__mutmut_orig():\n    a(\n        1,\n        b,\n    )"}
    functions["x_f__mutmut_1"] = "def x_f__mutmut_1():\n    a(\n        b,\n    )"
    assert survivor_of("rules", "x_f__mutmut_1", functions) == Survivor("rules", "f", "1,", "")


def test_every_difference_fails() -> None:
    """A survivor too many, an entry too many, an entry without its reason; twice the same counts twice."""
    assert compare([OLD], [entry(OLD)]) == []
    assert compare([OLD, OLD], [entry(OLD), entry(OLD)]) == []
    for survivors, told, words in (
        ([OLD], [], "No test notices this"),
        ([OLD, OLD], [entry(OLD)], "No test notices this"),
        ([], [entry(OLD)], "does not survive any more"),
        ([OLD], [entry(OLD, " ")], "Its reason is missing"),
    ):
        headline, before, after = compare(survivors, told)
        assert words in headline
        assert headline.endswith("rules.old")
        assert (before, after) == ("  - if a > 1:", "  + if a >= 1:")


def test_writing_the_baseline_keeps_the_reasons() -> None:
    """And leaves those of new survivors to a person."""
    new = dataclasses.replace(OLD, function="new")
    gone = dataclasses.replace(OLD, function="gone")
    written = yaml.safe_load(baseline_text([OLD, new], [entry(gone), entry(OLD)]))
    assert written == [entry(new, ""), entry(OLD)]


def test_what_is_mutated_and_its_tests_exist() -> None:
    """And every survivor is one of theirs, with a reason."""
    modules = yaml.safe_load(MODULES.read_text())
    told = yaml.safe_load(BASELINE.read_text())
    for module, tests in modules.items():
        assert (ROOT / "lambda_src/ecr_cleaner" / f"{module}.py").is_file()
        assert all((ROOT / test).is_file() for test in tests)
    assert {one["module"] for one in told} <= set(modules)
    assert all(one["why"] for one in told)
