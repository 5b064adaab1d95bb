"""Which findings stand in the function's result and log: as many of each kind as people read, and how many more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_cleaner.model import Finding

MAX_FINDINGS_PER_KIND: Final = 100
"""Lambda's answer may have 6 MB, and one line of the log a few hundred KB."""


def shown(found: Iterable[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """The first findings of each kind, and by kind how many more there are."""
    seen: Counter[str] = Counter()
    first = []
    for finding in found:
        seen[finding.kind.value] += 1
        if seen[finding.kind.value] <= MAX_FINDINGS_PER_KIND:
            first.append(finding)
    more = {kind: count - MAX_FINDINGS_PER_KIND for kind, count in sorted(seen.items())}
    return first, {kind: count for kind, count in more.items() if count > 0}


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding as JSON-native values."""
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "detail": finding.detail,
        "bytes": finding.bytes,
    }
