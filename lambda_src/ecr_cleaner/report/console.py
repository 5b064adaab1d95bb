"""The collected run as tables on a terminal."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from ecr_cleaner.model.finding import FindingKind, Severity
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import RepositoryPlan, Verdict
from ecr_cleaner.model.repository import Retention
from ecr_cleaner.model.result import RepositoryStatus
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.printable import minute
from ecr_cleaner.report.reporter import CollectingReporter
from ecr_cleaner.report.summary import run_json
from ecr_cleaner.report.terminal import PrintableTable
from ecr_cleaner.report.units import human_bytes

STYLES: Final = {
    RunStatus.COMPLETED: "green",
    RunStatus.CONTINUED: "green",
    RunStatus.DEGRADED: "yellow",
    RunStatus.INCOMPLETE: "yellow",
    RunStatus.REFUSED: "red",
    RunStatus.FAILED: "red",
}
"""Style of the last line of every command."""

_SHOWN: Final = 2
"""Pieces of evidence for an image in a table; the explanation and the JSON have all of them."""

_SHOWN_ELSEWHERE: Final = frozenset({FindingKind.MISCONFIGURED_TAG, FindingKind.OPEN_TO_OTHER_ACCOUNTS})
"""Findings that are notes, causes, or the reason why a repository is skipped."""

_DIGEST_LENGTH: Final = 19  # "sha256:" and the first twelve digits


_TAGS_SHOWN: Final = 5
"""Tags of an image in a table."""


def print_plan(collected: CollectingReporter, console: Console, settings: str, *, everything: bool = False) -> None:
    """What goes, repository by repository, then the totals and what went wrong.

    Args:
        collected: The run.
        console: Where to.
        settings: Where the settings of the run come from.
        everything: Whether to show every image instead of those that go alone.
    """
    for name in sorted(collected.plans):
        plan = collected.plans[name]
        if not everything:
            plan = replace(plan, verdicts=tuple(one for one in plan.verdicts if one.removes or one.unneeded))
        if plan.verdicts:
            console.print(_table(plan))
            console.print()
    print_end(collected, console, settings, everything=everything)


def _table(plan: RepositoryPlan) -> PrintableTable:
    title = f"{plan.repository.name}  ({held(plan.repository.retention)})"
    # As a text, for what is in brackets in a pattern of tags would be markup.
    table = PrintableTable(title=Text(title, "bold"), title_justify="left", expand=False)
    table.add_column("verdict")
    table.add_column("image", overflow="fold")
    table.add_column("age", justify="right")
    table.add_column("size", justify="right")
    table.add_column("why", overflow="fold")
    for verdict in sorted(plan.verdicts, key=lambda v: (not v.removes, not v.unneeded, v.image.pushed_at)):
        kept = Text("in grace", "yellow") if verdict.unneeded else Text("keep", "green")
        table.add_row(
            Text("remove", "red") if verdict.removes else kept,
            Text(" ".join(_names(verdict.image))),
            f"{verdict.age_days} d",
            human_bytes(verdict.image.size_bytes),
            Text(why(verdict)),
        )
    return table


def _totals(summary: dict[str, Any], *, everything: bool) -> PrintableTable:
    """What each repository would keep and lose; sizes are upper bounds, because layers are shared."""
    table = PrintableTable(title="totals", title_justify="left", title_style="bold", expand=False)
    table.add_column("repository", overflow="fold")
    for name in ("images", "kept", "removable", "size", "freed, at most"):
        table.add_column(name, justify="right")
    evaluated = [one for one in summary["repositories"] if one["keep_days"] is not None]
    rows = [one for one in evaluated if everything or one["removable"]]
    if others := [one for one in evaluated if one not in rows]:
        counts = ("images", "kept", "removable", "bytes_total", "bytes_removable")
        summed: dict[str, Any] = {count: sum(one[count] for one in others) for count in counts}
        rows.append({"name": f"({len(others)} others)", **summed})
    for row in [*rows, {"name": "all", **summary["totals"]}]:
        table.add_row(
            Text(row["name"]),
            f"{row['images']:,}",
            f"{row['kept']:,}",
            Text(f"{row['removable']:,}", "red" if row["removable"] else ""),
            human_bytes(row["bytes_total"]),
            human_bytes(row["bytes_removable"]),
            end_section=row["name"] == (rows[-1]["name"] if rows else None),
        )
    return table


def held(retention: Retention) -> str:
    """What keeps the images of a repository: ``default: keeps 30 days; retention_rules[0] keeps v*: 30 days``."""
    return "; ".join([retention.words, *(each.words for each in retention.rules)])


def _rules(verdict: Verdict, retention: Retention) -> list[str]:
    """What each rule that holds for an image says; what the default says if there is none."""
    words = [each.words for each in retention.rules if each.number in verdict.rules]
    return words or [retention.words]


def _names(image: Image) -> list[str]:
    """Names that each command accepts: one for each tag, else one with the beginning of the digest."""
    names = [f"{image.repository}:{tag}" for tag in image.tags[:_TAGS_SHOWN]]
    more = len(image.tags) - _TAGS_SHOWN
    return [*names, *([f"(and {more} more tags)"] if more > 0 else [])] or [short_name(image.repository, image.digest)]


def short_name(repository: str, digest: str) -> str:
    """A name by the beginning of the digest, as commands accept it."""
    return f"{repository}@{digest[:_DIGEST_LENGTH]}"


def why(verdict: Verdict) -> str:
    """Reason and evidence in one text; of much evidence the first, and how much more there is."""
    shown = [*verdict.evidence[:_SHOWN]]
    if len(verdict.evidence) > _SHOWN:
        shown[-1] += f" (and {len(verdict.evidence) - _SHOWN} more)"
    return ": ".join(filter(None, [verdict.reason.value.replace("_", " "), "; ".join(shown)]))


def print_end(collected: CollectingReporter, console: Console, settings: str, *, everything: bool = False) -> None:
    """The totals, by repository and of all, and what went wrong."""
    summary = run_json(collected.result)
    if collected.plans:
        console.print(_totals(summary, everything=everything))
    for repository in summary["repositories"]:
        if repository["status"] != RepositoryStatus.EVALUATED:
            setting = repository["setting"]
            include = f' (accepted_gaps = {{ "{setting}" = "<reason>" }} includes it)' if setting else ""
            console.print(Text(f"{repository['name']}: {repository['status']}: {repository['detail']}{include}"))
    for kind in ("notes", "unprotected"):
        for line in summary[kind]:
            console.print(Text(f"{kind.removesuffix('s')}: {line}", "yellow"))
    _print_findings(collected, console)
    totals = summary["totals"]
    in_grace = f", {totals['in_grace']} of them in grace" if totals["in_grace"] else ""
    for source in summary["slowest_sources"] if everything else ():
        console.print(Text(f"slowest: {slow_source(source)}"))
    console.print(Text(f"settings: {settings}"))
    console.print(
        Text(
            f"{totals['images']} images, {totals['removable']} removable"
            f" (at most {human_bytes(totals['bytes_removable'])}: layers may be shared){in_grace},"
            f" {totals['kept']} kept."
        )
    )
    for cause in summary["causes"]:
        console.print(Text(cause, "red"))
    if collected.result.refusals:
        console.print(Text("A run would be refused: it would remove nothing.", "red"))
    console.print(Text(f"status: {summary['status']}", STYLES[collected.result.status]))


def slow_source(source: Mapping[str, Any]) -> str:
    """One of the slowest sources: ``ecs in 123456789012/us-east-1: 3.1 s, 120 calls, 0 throttled, 40 facts``."""
    counts = ", ".join(f"{source[name]:,} {name}" for name in ("calls", "throttled", "facts"))
    return f"{source['source']} in {source['account_id']}/{source['region']}: {source['seconds']:.1f} s, {counts}"


def _print_findings(collected: CollectingReporter, console: Console) -> None:
    for finding in collected.result.findings:
        # Findings that fail the run are among the causes.
        if finding.severity is not Severity.INFO and finding.kind not in _SHOWN_ELSEWHERE and not finding.fails_run:
            style = "red" if finding.severity is Severity.PROBLEM else "yellow"
            console.print(Text(f"{finding.severity.value}: {finding.subject}: {finding.detail}", style))


def print_verdict(verdict: Verdict, retention: Retention, console: Console) -> None:
    """All of what is known of one image, and what would happen to it."""
    image = verdict.image
    word = "REMOVE" if verdict.removes else "IN GRACE" if verdict.unneeded else "KEEP"
    console.print(Text(f"{word}  {image.name}", "bold"))
    for name, value in (
        *facts(image, f", {verdict.age_days} days ago"),
        *(("rule", line) for line in _rules(verdict, retention)),
        ("reason", verdict.reason.value),
        *(("", line) for line in verdict.evidence),
        *([("goes", f"in the first run after {minute(verdict.goes_after)}")] if verdict.goes_after else []),
    ):
        console.print(Text(f"  {name:8} {value}"))


def facts(image: Image, age: str = "") -> list[tuple[str, str]]:
    """What ECR says of an image, each with its title."""
    return [
        ("digest", image.digest),
        ("tags", ", ".join(image.tags) or "(none)"),
        ("pushed", f"{minute(image.pushed_at)}{age}"),
        ("pulled", f"{image.last_pulled_at:%Y-%m-%d}" if image.last_pulled_at else "never"),
        ("size", human_bytes(image.size_bytes)),
    ]
