"""The list is complete, and nothing on it is only a word."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.prior_art.listing import LIST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

MISTAKES: Final = {
    "DB": 9,
    "AL": 6,
    "EM": 9,
    "IM": 5,
    "MH": 4,
    "KC": 8,
    "KN": 6,
    "SE": 3,
    "SG": 5,
    "SM": 2,
    "MOJ": 2,
    "PU": 4,
    "TR": 2,
    "PX": 2,
    "GJ": 2,
    "GC": 6,
    "TC": 2,
    "GCR": 5,
}
"""How many were found in each tool."""


def modules(pattern: str) -> Iterator[ModuleType]:
    """The modules of this folder whose file fits a pattern."""
    for file in sorted(Path(__file__).parent.glob(pattern)):
        yield import_module(f"{__package__}.{file.stem}")


def test_every_known_hazard_is_listed() -> None:
    """Every mistake of every tool, in order, each in a sentence."""
    assert list(LIST) == [f"{tool}-{number}" for tool, count in MISTAKES.items() for number in range(1, count + 1)]
    for hazard in LIST.values():
        assert set(hazard) - {"operational", "not_here"} == {"tool", "rule"}
        assert hazard.get("operational", True) is True
        assert hazard["rule"].endswith(".")
        assert hazard.get("not_here", "reason").strip()
    assert len({(name.partition("-")[0], hazard["tool"]) for name, hazard in LIST.items()}) == len(MISTAKES)
    assert len({(hazard["tool"], hazard["rule"]) for hazard in LIST.values()}) == len(LIST)


def test_every_hazard_has_a_test() -> None:
    """And every test of a hazard says which one it is about."""
    covered: set[str] = set()
    for module in modules("test_*.py"):
        if module.__name__ == __name__:
            continue
        for name, test in vars(module).items():
            if name.startswith("test_"):
                assert getattr(test, "hazards", ()), f"{name} names no hazard"
                covered.update(test.hazards)
    assert covered == {name for name, hazard in LIST.items() if "not_here" not in hazard}


def test_every_hazard_has_a_faulty_rule() -> None:
    """Each rule says whose it is, and is made to fail by a test."""
    tests = "".join(inspect.getsource(module) for module in modules("test_*.py"))
    restated: set[str] = set()
    for module in modules("faulty*.py"):
        inside = inspect.getsource(module)
        for name, rule in vars(module).items():
            if inspect.isfunction(rule) and rule.__module__ == module.__name__ and not name.startswith("_"):
                ids = re.findall(r"\b[A-Z]{2,3}-[0-9]\b", rule.__doc__ or "")
                assert ids or re.search(r"\b(?:DB|AL) as a whole", rule.__doc__ or ""), f"{name} names no hazard"
                assert f".{name}(" in tests or f".{name}," in tests or inside.count(f"{name}(") > 1, f"{name} is unused"
                restated.update(ids)
    assert restated == {name for name, hazard in LIST.items() if "not_here" not in hazard}
