"""How tests are run against a mutant: what is fast first, and alike at every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import hypothesis

if TYPE_CHECKING:
    import pytest

EXAMPLES: Final = 40
"""Of each property: a mutant that more of them would kill is better killed by an example that somebody can read."""

# Nobody reads a counterexample here, so none is made smaller; and a survivor must survive the next run too.
hypothesis.settings.register_profile(
    "mutation",
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    suppress_health_check=tuple(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask the properties last: most mutants die of an example, hundreds of times as fast."""
    items.sort(key=lambda item: (hypothesis.is_hypothesis_test(getattr(item, "obj", None)), item.nodeid))
