"""What is otherwise than in the last run, by the documents of both."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.decision.rules import evaluate
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.report import MAX_NAMED, Changes, Named
from ecr_cleaner.model.repository import RepositorySnapshot
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.report.changes import earlier
from tests.builders import ACCOUNT, NOW, REGION, digest, image, repository, usage
from tests.report_page.made import recorder

if TYPE_CHECKING:
    from ecr_cleaner.report.document import DocumentReporter

    Told = tuple[DocumentReporter, RunResult]


def run(
    images: dict[str, str], used: str = "", findings: tuple[Finding, ...] = (), skipped: str = "", **more: Any
) -> Told:
    """A run over the repository app, whose images have the age that is given."""
    made = recorder()
    contents = tuple(image(name, tags=[name] if name != "bare" else [], pushed=age) for name, age in images.items())
    usages = (usage(tag=used, consumer="ecs service prod/app"),) if used else ()
    plan = evaluate(repository(), RepositorySnapshot(contents), usages, NOW)
    made.evaluated(plan, dry_run=False, refused=False)
    results = {"app": RepositoryResult("app").with_plan(plan)}
    if skipped:
        results[skipped] = RepositoryResult(skipped, RepositoryStatus.SKIPPED, "why")
    return made, RunResult(
        "run", dry_run=False, region=REGION, account_id=ACCOUNT, repositories=results, findings=findings, **more
    )


def written(told: Told) -> bytes:
    """Its document."""
    target = BytesIO()
    told[0].write(target, told[1])
    return target.getvalue()


def compared(before: Told, now: Told) -> Changes:
    """What the later run says of the earlier one."""
    return now[0].compared(earlier(BytesIO(written(before))), now[1])


def finding(subject: str, detail: str = "a detail") -> Finding:
    """Something that was found."""
    return Finding(FindingKind.DANGLING_REFERENCE, Severity.WARNING, subject, detail)


def test_a_run_like_the_last_one_changed_nothing() -> None:
    """Also where a detail has another number."""
    images = {"old": "90d", "used": "80d", "young": "1d"}
    before = run(images, "used", (finding("app:x", "3 nights"),), "hub/x")
    now = run(images, "used", (finding("app:x", "4 nights"),), "hub/x")
    none = Named(0, ())
    assert compared(before, now) == Changes(NOW.isoformat(), "", none, none, none, none, none)


def test_everything_that_is_new_is_named() -> None:
    """Images by their tags, else by their digests; findings also where they are no more."""
    before = run({"old": "90d", "used": "80d", "bare": "1d"}, "used", (finding("app:gone"),))
    now = run({"old": "90d", "used": "80d", "bare": "60d"}, "old", (finding("app:new"),), "hub/x")
    changes = compared(before, now)
    assert changes.removable == Named(2, tuple(sorted([f"app@{digest('bare')}", "app:used"])))
    assert changes.in_use == Named(1, ("app:old",))
    assert changes.skipped == Named(1, ("hub/x",))
    assert changes.findings == Named(1, ("dangling_reference: app:new",))
    assert changes.findings_gone == Named(1, ("dangling_reference: app:gone",))


def test_long_lists_are_counted_and_begun() -> None:
    """A repository that opted in brings hundreds."""
    names = {f"v{number:03}": "90d" for number in range(MAX_NAMED + 5)}
    removable = compared(run({}), run(names)).removable
    assert removable
    assert (removable.count, len(removable.first), removable.first[0]) == (MAX_NAMED + 5, MAX_NAMED, "app:v000")


def test_a_refused_run_compares_no_images() -> None:
    """What is in use is not known then; what was found is."""
    changes = compared(run({"old": "90d"}), run({"new": "90d"}, "", (finding("app:x"),), refusals=("denied",)))
    assert (changes.removable, changes.in_use) == (None, None)
    assert "refused" in changes.unknown
    assert changes.findings == Named(1, ("dangling_reference: app:x",))


def test_names_are_compared_as_they_are_written() -> None:
    """A character that cannot be printed makes nothing new."""
    one = finding("bad\x1bname")
    assert compared(run({}, "", (one,)), run({}, "", (one,))).findings == Named(0, ())


@pytest.mark.parametrize("cut", [1, 2, 5, 40, 400])
def test_part_of_a_document_is_refused(cut: int) -> None:
    """Half of it would make half of the images new."""
    whole = written(run({"old": "90d"}))
    assert earlier(BytesIO(whole)).started_at == NOW.isoformat()
    with pytest.raises((ValueError, LookupError)):
        earlier(BytesIO(whole[:-cut]))
