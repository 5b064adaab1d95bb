"""The notification of a run as plain text, with all an operator needs to act."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ecr_cleaner import DOCUMENTATION
from ecr_cleaner.model.finding import RUN_FAILING_KINDS, FindingKind
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.report.headline import headline
from ecr_cleaner.report.invocation import InvocationResult
from ecr_cleaner.report.next_step import next_step
from ecr_cleaner.report.remedies import WHAT_TO_DO
from ecr_cleaner.report.units import human_bytes

MAX_SUBJECT: Final = 100
"""Characters, ASCII, on one line, https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""

# At most four bytes a character, so that all of the text stays below the 256 KiB that SNS accepts.
_CAUSES: Final = (12, 3600)

_SKIPPED: Final = (10, 500)

_NOTES: Final = (10, 300)

# These in ASCII: references and ARNs have nothing else.
_WIDE: Final = (6, 700)

_FOUND: Final = (6, 900)

_CHANGED: Final = (5, 300)

_REPOSITORIES: Final = 10

_UNPROTECTED: Final = (40, 300)


def subject(ending: InvocationResult) -> str:
    """One line: the status first, unless the run completed, then what was removed."""
    what = _what(ending)
    if ending.status is not RunStatus.COMPLETED:
        what = f"{ending.status.value.upper()}: {what}"
    line = " ".join(f"{ending.function} {ending.region}: {what}".split())
    plain = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in line)
    # What is said besides is left out before anything is cut.
    while len(plain) > MAX_SUBJECT and "; " in plain:
        plain = plain.rpartition("; ")[0]
    return plain if len(plain) <= MAX_SUBJECT else plain[: MAX_SUBJECT - 3] + "..."


def text(ending: InvocationResult) -> str:
    """The mail."""
    summary = ending.summary or {}
    account = f" in account {summary['account_id']}" if summary.get("account_id") else ""
    parts = [
        [f"{ending.function}{account}, {ending.region}: {_what(ending, dated=True)}."],
        _listed(_HEADINGS[ending.status], ending.causes, *_CAUSES),
        list(_next(ending)),
        list(_went(ending)),
        list(_changed(ending)),
        _listed("Problems that were found:", map(_found, _problems(ending)), *_FOUND),
        _listed("Usages wider than an image:", map(_told, ending.findings("wide_usage")), *_WIDE),
        _listed("Skipped:", map(_left_alone, _skipped(ending)), *_SKIPPED),
        _listed("Not protected, by your settings:", summary.get("unprotected", ()), *_UNPROTECTED),
        _listed("Notes:", summary.get("notes", ()), *_NOTES),
        list(_where(ending)),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


_HEADINGS: Final = {
    **dict.fromkeys((RunStatus.COMPLETED, RunStatus.CONTINUED), ""),
    RunStatus.DEGRADED: "What could not be looked at, so that what it may pull stays, and what to do:",
    RunStatus.INCOMPLETE: "Why it is incomplete:",
    RunStatus.REFUSED: "Why it refused, and what to do:",
    RunStatus.FAILED: "What went wrong, and what to do:",
}


def _what(ending: InvocationResult, *, dated: bool = False) -> str:
    if ending.summary is None:
        return "nothing was done" if ending.status is RunStatus.REFUSED else "the run ended early"
    return headline(ending.summary, dated=dated)


def _images(number: int) -> str:
    return f"{number} image{'' if number == 1 else 's'}"


def _went(ending: InvocationResult) -> Iterator[str]:
    """The repositories with the most removed bytes; archived images separately, because they can be restored."""
    if ending.dry_run and ending.status is not RunStatus.REFUSED:
        yield from _losing(ending, "Would be removed:", "removable", "bytes_removable")
    elif not ending.dry_run:
        yield from _losing(ending, "Removed:", "removed", "bytes_removed")
        yield from _losing(ending, "Archived (ecr-cleaner restore brings an image back):", "archived", "bytes_archived")
    if ending.status is not RunStatus.REFUSED and (waiting := ending.totals.get("in_grace")):
        yield f"In grace: {_images(waiting)}. They go once every run for grace_days has found them unneeded."


_ANCHORS: Final = {RunStatus.DEGRADED: "degraded-runs"}


def _next(ending: InvocationResult) -> Iterator[str]:
    step = next_step(ending.summary, ending.function) if ending.summary else None
    if step is not None:
        sentence, command = step
        yield sentence
        yield f"  {command}"
    if ending.status is not RunStatus.COMPLETED:
        anchor = _ANCHORS.get(ending.status, "failed-and-refused-runs")
        yield f"What each cause means: {DOCUMENTATION}/operations.md#{anchor}"


_CHANGES: Final = (
    ("removable", "now old and unused"),
    ("in_use", "now in use"),
    ("skipped", "now skipped"),
    ("findings", "new finding"),
    ("findings_gone", "no longer found"),
    ("accounts_failed", "other accounts that can no longer be looked at completely"),
    ("accounts_complete", "other accounts that can be looked at completely again"),
)


def _changed(ending: InvocationResult) -> Iterator[str]:
    """What is otherwise than in the last run, or why that is not known."""
    if ending.summary is None:
        return
    changes = ending.summary["changes"]
    if changes is None:
        yield "What changed since the last run is not known: no reports are kept (reports_enabled)."
        return
    since = f" of {changes['since'][:10]}" if changes["since"] else ""
    named = [(words, changes[name]) for name, words in _CHANGES if changes[name] and changes[name]["count"]]
    if changes["since"]:
        yield f"Since the run{since}:" if named else f"Nothing else changed since the run{since}."
    for words, some in named:
        shown, characters = _CHANGED
        yield f"  {words}: {some['count']:,}"
        yield from (f"    - {_cut(name, characters)}" for name in some["first"][:shown])
        if some["count"] > shown:
            yield f"    - and {some['count'] - shown:,} more: see the report"
    if changes["unknown"]:
        yield f"What changed since the last run is not known: {changes['unknown']}."


def _problems(ending: InvocationResult) -> list[Mapping[str, Any]]:
    """Findings that something is or will be broken; those that fail the run are among its causes."""
    found = ending.summary.get("findings", ()) if ending.summary else ()
    return [one for one in found if one["severity"] == "problem" and one["kind"] not in RUN_FAILING_KINDS]


def _found(finding: Mapping[str, Any]) -> str:
    told = f"{finding['subject']}: {finding['detail']}. {WHAT_TO_DO[FindingKind(finding['kind'])]}."
    return told.encode("ascii", "replace").decode()


def _losing(ending: InvocationResult, heading: str, count: str, size: str) -> Iterator[str]:
    if not ending.totals.get(count):
        return
    losing = sorted((one for one in ending.repositories if one[count]), key=lambda one: (-one[size], one["name"]))
    top, rest = losing[:_REPOSITORIES], losing[_REPOSITORIES:]
    yield heading
    width = max(len(one["name"]) for one in top)
    for one in top:
        yield f"  {one['name']:{width}}  {one[count]} of {one['images']} images, {human_bytes(one[size])}"
    if rest:
        images, size_of_rest = sum(one[count] for one in rest), sum(one[size] for one in rest)
        yield f"  and {images} images of {len(rest)} more repositories, {human_bytes(size_of_rest)}"
    if count != "archived":
        yield "  (Layers that images share are counted for each of them, so less may be freed.)"


def _told(finding: Mapping[str, Any]) -> str:
    size = f" ({human_bytes(finding['bytes'])})" if finding["bytes"] else ""
    return f"{finding['detail']}{size}".encode("ascii", "replace").decode()


def _skipped(ending: InvocationResult) -> list[Mapping[str, Any]]:
    return [one for one in ending.repositories if one["status"] == RepositoryStatus.SKIPPED]


def _left_alone(repository: Mapping[str, Any]) -> str:
    return (
        f"{repository['name']}: {repository['detail']};"
        f' accepted_gaps = {{ "{repository["setting"]}" = "<reason>" }} would include it'
    )


def _where(ending: InvocationResult) -> Iterator[str]:
    summary = ending.summary
    if summary:
        totals, sources = ending.totals, ending.sources
        called = len({source["source"] for source in sources if source["outcome"] != "disabled"})
        yield (
            f"Evaluated {totals['images']} images ({human_bytes(totals['bytes_total'])}) in"
            f" {len(ending.repositories)} repositories with the usages from {called} sources,"
            f" in {summary['duration_seconds']:.0f} seconds."
        )
        if summary.get("report"):
            yield f"Report: {summary['report']}"
    yield f"Run {ending.run_id}, status {ending.status.value}. All of its log lines:"
    yield (
        f"  aws logs filter-log-events --region {ending.region} --log-group-name {ending.log_group}"
        f" --filter-pattern '\"{ending.run_id}\"' --query 'events[].message' --output text"
    )


def _listed(heading: str, items: Iterable[str], most: int, characters: int) -> list[str]:
    """A list under its heading, cut to the limits of a mail; nothing if there are no items."""
    listed: Sequence[str] = list(items)
    if not listed:
        return []
    lines = [f"  - {_cut(item, characters)}" for item in listed[:most]]
    rest = [f"  - and {len(listed) - most} more: see the log"] if len(listed) > most else []
    return [*([heading] if heading else []), *lines, *rest]


def _cut(item: str, characters: int) -> str:
    return item if len(item) <= characters else f"{item[:characters]} (cut: the log has all of it)"
