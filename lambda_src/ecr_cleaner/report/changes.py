"""What is otherwise than in an earlier run, by the documents of both.

Of the earlier one only what is compared is in memory: hashes of images, names of repositories, findings.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from pydantic import AwareDatetime

from ecr_cleaner.model.account_results import AccountStatus, OtherAccountsResult
from ecr_cleaner.model.report import Changes, Named
from ecr_cleaner.schema import Strict, read_json

_SCHEMA_VERSION: Final = 1
_USAGES: Final = b',"usages":[\n'
_IMAGES: Final = b'],"images":[\n'
_END: Final = b"]}\n"
_IN_USE: Final = frozenset({"in_use", "part_of_image_in_use"})

REMIND_AFTER: Final = timedelta(days=7, hours=-2)
"""When people are told again of what lasts: with the same run of the next week, for schedules jitter."""

ORGANIZATION: Final = "organization"
"""What stands among accounts for an organization whose accounts are not known."""


class AccountsNotification(Strict):
    """What the last run knew of other accounts that could not be looked at, and when people were told last.

    Attributes:
        failed: Ids of those accounts, or `ORGANIZATION`; in order.
        notified_at: When the run began whose notification was due.
    """

    failed: list[str]
    notified_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run said, as far as it is compared.

    Attributes:
        started_at: When it began, in ISO 8601.
        removable: Hashes of the images that were to go.
        in_use: Hashes of those in use.
        skipped: Names of the repositories that were skipped.
        findings: As `_findings` names them.
    """

    started_at: str
    removable: frozenset[bytes]
    in_use: frozenset[bytes]
    skipped: frozenset[str]
    findings: frozenset[str]


def earlier(lines: Iterable[bytes]) -> Earlier:
    """What the document of an earlier run says.

    Args:
        lines: Of the document, as `DocumentReporter.write` writes it: each image has a line.

    Raises:
        ValueError: It is none, or not all of it.
    """
    read = iter(lines)
    head = next(read, b"")
    if not head.endswith(_USAGES):
        message = "its first line is none of a report"
        raise ValueError(message)
    told = read_json(head.removesuffix(_USAGES) + b"}")
    if told["schema_version"] != _SCHEMA_VERSION:
        message = f"its schema_version is {told['schema_version']!r}"
        raise ValueError(message)
    removable, in_use = set(), set()
    for image in _images(read):
        if _is_removable(image):
            removable.add(_key(image))
        elif image["reason"] in _IN_USE:
            in_use.add(_key(image))
    return Earlier(told["run"]["started_at"], frozenset(removable), frozenset(in_use), _skipped(told), _findings(told))


def compared(before: Earlier, summary: Mapping[str, Any], images: Iterable[Mapping[str, Any]]) -> Changes:
    """What is otherwise now.

    Args:
        before: The earlier run, which was not refused.
        summary: Of this run, with all findings.
        images: Of this run, as in the document.
    """
    skipped, findings = _skipped(summary), _findings(summary)
    others = Changes(
        before.started_at,
        skipped=Named.of(skipped - before.skipped),
        findings=Named.of(findings - before.findings),
        findings_gone=Named.of(before.findings - findings),
    )
    if summary["status"] == "refused":
        unknown = "this run was refused, so what is in use is not known and no images are compared"
        return Changes(others.since, unknown, None, None, others.skipped, others.findings, others.findings_gone)
    removable, in_use = [], []
    for image in images:
        if _is_removable(image) and _key(image) not in before.removable:
            removable.append(_name(image))
        elif image["reason"] in _IN_USE and _key(image) not in before.in_use:
            in_use.append(_name(image))
    return Changes(
        others.since,
        "",
        Named.of(removable),
        Named.of(in_use),
        others.skipped,
        others.findings,
        others.findings_gone,
    )


def with_accounts(
    changes: Changes, last: AccountsNotification | None, now: OtherAccountsResult | None, began_at: datetime
) -> tuple[Changes, AccountsNotification | None]:
    """The changes with those of other accounts, and what the next run compares with.

    Args:
        changes: In everything else.
        last: What the last run left for this one; None: nothing.
        now: How the look at other accounts ended; None: none was looked at, so nothing is news.
        began_at: When this run began. A later time in `last` is of a clock that was wrong, so it does not count.
    """
    if now is None:
        return replace(changes, accounts_due=False), last
    organization = frozenset({ORGANIZATION})
    failed, complete = now.ids(AccountStatus.FAILED), now.ids(AccountStatus.COMPLETE)
    failed, complete = (
        (failed | organization, complete) if now.organization_problem else (failed, complete | organization)
    )
    before = frozenset(last.failed) if last else frozenset[str]()
    new, ended = failed - before, before & complete
    is_due = bool(new or ended)
    if last is not None and failed:
        is_due = is_due or not last.notified_at <= began_at < last.notified_at + REMIND_AFTER
    notified_at = last.notified_at if last is not None and not is_due else began_at
    compared = replace(changes, accounts_failed=Named.of(new), accounts_complete=Named.of(ended), accounts_due=is_due)
    return compared, AccountsNotification(failed=sorted(failed), notified_at=notified_at)


def _images(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line == _IMAGES:
            break
    for line in lines:
        if line == _END:
            return
        yield read_json(line.rstrip(b",\n"))
    message = "it was cut short"
    raise ValueError(message)


def _is_removable(image: Mapping[str, Any]) -> bool:
    return bool(image["verdict"] == "remove" or image["reason"] == "in_grace")


def _key(image: Mapping[str, Any]) -> bytes:
    return blake2b(f"{image['repository']}@{image['digest']}".encode(), digest_size=16).digest()


def _name(image: Mapping[str, Any]) -> str:
    tags = image["tags"]
    return f"{image['repository']}:{tags[0]}" if tags else f"{image['repository']}@{image['digest']}"


def _skipped(told: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(one["name"] for one in told["repositories"] if one["status"] == "skipped")


def _findings(told: Mapping[str, Any]) -> frozenset[str]:
    """Without details, whose numbers change each night."""
    return frozenset(f"{one['kind']}: {one['subject']}" for one in told["findings"])
