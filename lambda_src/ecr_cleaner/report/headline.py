"""What a run did, in one sentence that can be passed on as it is."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ecr_cleaner.report.savings import per_month
from ecr_cleaner.report.units import human_bytes


def headline(summary: Mapping[str, Any], *, dated: bool = True) -> str:
    """The sentence, without a capital and a full stop.

    ``57 images (at most 8.5 GiB, $0.91 a month) were removed from 4 repositories on 30 November 2026``: sizes and money
    are upper bounds, for layers that images share are counted for each of them.

    Args:
        summary: Of the run.
        dated: Whether it says on which day the run began, in UTC.
    """
    day = f" on {_day(summary['started_at'])}" if dated and summary["started_at"] else ""
    what = _would_go(summary, day) if summary["dry_run"] else _went(summary, day)
    return "; ".join([what, *_besides(summary)])


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def _day(started_at: str) -> str:
    moment = datetime.fromisoformat(started_at)
    return f"{moment.day} {moment:%B %Y}"


def _went(summary: Mapping[str, Any], day: str) -> str:
    went = [
        f"{_some(summary, count)} {_was(summary['totals'][count])} {count} {where} {_repositories(summary, count)}"
        for count, where in (("removed", "from"), ("archived", "in"))
        if summary["totals"][count]
    ]
    return f"{' and '.join(went)}{day}" if went else f"nothing was removed{day}{_why_nothing(summary)}"


def _would_go(summary: Mapping[str, Any], day: str) -> str:
    # The usages are incomplete, so the number of removable images is wrong.
    if summary["status"] == "refused":
        return f"dry run{day}: what would be removed is unknown"
    if not summary["totals"]["removable"]:
        return f"dry run{day}: nothing would be removed{_why_nothing(summary)}"
    return f"dry run{day}: {_some(summary, 'removable')} would be removed from {_repositories(summary, 'removable')}"


def _some(summary: Mapping[str, Any], count: str) -> str:
    """How many images, their size, and what they cost; what is only moved into the archive costs the same."""
    totals, price = summary["totals"], summary["storage_price_per_gb_month"]
    size = totals[f"bytes_{count}"]
    money = f", ${per_month(size, price):,.2f} a month" if price is not None and count != "archived" else ""
    return f"{counted(totals[count], 'image', 'images')} (at most {human_bytes(size)}{money})"


def _repositories(summary: Mapping[str, Any], count: str) -> str:
    return counted(sum(bool(one[count]) for one in summary["repositories"]), "repository", "repositories")


def _why_nothing(summary: Mapping[str, Any]) -> str:
    """Nothing for a run that has causes: they say why."""
    if summary["status"] != "completed":
        return ""
    if not summary["repositories"]:
        return ", because no repository opted in"
    is_evaluated = any(one["keep_days"] is not None for one in summary["repositories"])
    return ", because nothing is old and unused" if is_evaluated and not summary["totals"]["removable"] else ""


def _besides(summary: Mapping[str, Any]) -> Iterator[str]:
    totals, status = summary["totals"], summary["status"]
    plan = summary["plan"]
    if plan and plan["state"] == "awaits_approval":
        yield f"{counted(plan['images'], 'image waits', 'images wait')} for approval"
    if totals["in_grace"] and status != "refused":
        yield f"{counted(totals['in_grace'], 'image is', 'images are')} in grace"
    if totals["limited"]:
        yield f"{counted(totals['limited'], 'image waits', 'images wait')} for later runs"
    if skipped := sum(one["status"] == "skipped" for one in summary["repositories"]):
        yield f"{counted(skipped, 'repository', 'repositories')} {_was(skipped)} skipped"
    if others := summary["other_accounts"]:
        yield from _other_accounts(others)
    if summary["deferred"]:
        yield f"time ran out before {counted(len(summary['deferred']), 'repository', 'repositories')}"


def _other_accounts(others: Mapping[str, Any]) -> Iterator[str]:
    if others["organization_problem"]:
        yield "the accounts of the organization are not known"
    looked_at = others["complete"] + others["failed"]
    if others["failed"]:
        of = f" of {looked_at:,}" if looked_at > others["failed"] else ""
        accounts = "account" if looked_at == 1 else "accounts"
        yield f"{others['failed']:,}{of} other {accounts} could not be looked at completely"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
