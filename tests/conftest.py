"""What holds for every test: nothing of the caller's AWS or Terraform reaches one, and few may skip."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_SKIPS_FILE: Final = "ECR_CLEANER_SKIPS_FILE"
_WAITING: Final = tuple(
    ("tests", name) for name in ("demo", "examples", "terraform", "container", "iam", "report_page")
)
_AT_ONCE: Final = 3
"""How many files that wait begin first."""
_BETWEEN: Final = 6
"""After how many others each later one of them comes."""
_LONGEST: Final = ("test_fault_matrix.py", "test_meanwhile.py")
_SAFE_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # A client that nobody pointed at the sandbox must fail, not ask the real AWS.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    # Some operations put a word before the host, which an address does not bear.
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
}


def pytest_configure(config: pytest.Config) -> None:
    """Takes the caller's credentials and settings away before anything is imported that reads them."""
    del config
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        del os.environ[name]
    os.environ.update(_SAFE_ENVIRONMENT)
    # How long an example takes says something of the machine and of who else works on it, not of the rule.
    hypothesis.settings.register_profile("any machine", deadline=None)
    hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mixes the files that mostly wait (for Terraform, a browser) with those that compute, so that no core is idle.

    What takes longest begins early: begun last, it would be waited for by idle processes.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.location[0], []).append(item)

    def turn(name: str) -> int:
        path = Path(name)
        if path.parts[:2] in _WAITING:
            return _WAITING.index(path.parts[:2])
        return path.name not in _LONGEST

    waiting = sorted((name for name in files if Path(name).parts[:2] in _WAITING), key=turn)
    order, later = waiting[:_AT_ONCE], waiting[_AT_ONCE:]
    for place, name in enumerate(sorted(files.keys() - waiting, key=lambda name: (turn(name), name))):
        if later and place % _BETWEEN == _BETWEEN - 1:
            order.append(later.pop(0))
        order.append(name)
    items[:] = [item for name in (*order, *later) for item in files[name]]


def pytest_collection_finish() -> None:
    """Takes what was imported out of garbage collection, which would look at all of it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any]:
    """Turns a skip of what needs neither an engine nor a browser into a failure: what is not run proves nothing."""
    outcome = yield
    report = outcome.get_result()
    may = item.get_closest_marker("container") or item.get_closest_marker("browser")
    if report.skipped and not hasattr(report, "wasxfail") and may is None:
        report.outcome = "failed"
        report.longrepr = f"Only tests marked `container` or `browser` may skip. {_reason(report)}"


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any]:
    """Turns the skip of a whole module into a failure."""
    del collector
    outcome = yield
    report = outcome.get_result()
    if report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"A module may not skip as a whole. {report.longrepr}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Writes what was skipped for its report; see tools/skips.py."""
    target = os.environ.get(_SKIPS_FILE)
    if target is not None:
        Path(target).write_text(json.dumps(_by_reason(terminalreporter.stats.get("skipped", []))))


def _by_reason(reports: Iterable[pytest.TestReport]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for report in reports:
        found.setdefault(_reason(report), []).append(report.nodeid)
    return found


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
