"""The list is complete, and nothing on it is only a word."""

from __future__ import annotations

from tests.hazards import test_awslabs, test_devopsbox
from tests.hazards.listing import LIST


def test_every_known_hazard_is_listed() -> None:
    """Nine of one tool, six of the other."""
    assert list(LIST) == [f"DB-{number}" for number in range(1, 10)] + [f"AL-{number}" for number in range(1, 7)]
    for hazard in LIST.values():
        assert set(hazard) - {"operational"} == {"tool", "rule"}


def test_every_hazard_has_a_test() -> None:
    """And every test of a hazard says which one it is about."""
    covered: set[str] = set()
    for module in (test_awslabs, test_devopsbox):
        for name, test in vars(module).items():
            if name.startswith("test_"):
                assert getattr(test, "hazards", ()), f"{name} names no hazard"
                covered.update(test.hazards)
    assert covered == set(LIST)
