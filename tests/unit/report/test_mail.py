"""The mail about a run: what a person reads, word for word where it matters."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner import DOCUMENTATION
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.report import Changes, Named
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.report import mail
from ecr_cleaner.report.next_step import dry_run_command
from ecr_cleaner.report.remedies import WHAT_TO_DO
from ecr_cleaner.report.summary import run_json
from tests.endings import RUN_ID, ending, outcome, repository, summary
from tests.fake_aws.telling import MAX_BYTES

COMMAND: Final = (
    "  aws logs filter-log-events --region us-east-1 --log-group-name /aws/lambda/ecr-cleaner"
    f" --filter-pattern '\"{RUN_ID}\"' --query 'events[].message' --output text"
)
CONFIRM: Final = "aws lambda invoke --function-name ecr-cleaner --payload '{}' /dev/stdout"


def test_a_real_run_reads_like_this() -> None:
    """Everything that somebody who was not there has to know, and where there is more."""
    skipped = repository(
        "partners/connector",
        images=0,
        removable=0,
        status="skipped",
        detail="its policy lets arn:aws:iam::210987654321:root pull",
        setting="other_accounts:partners/connector",
    )
    of = summary(
        repository("shop/api", images=22, removable=8, removed=8),
        repository("web", images=6, removable=1, removed=1),
        repository("idle", removable=0),
        skipped,
        outcomes=[outcome("ecs"), outcome("lambda", "disabled", "images of functions", notes=["a dead revision"])],
        notes=["the history began 2026-11-01 00:00 UTC"],
    )
    assert mail.subject(ending(of)) == (
        "ecr-cleaner us-east-1: 9 images (at most 9.0 MiB) were removed from 2 repositories"
    )
    assert (
        mail.text(ending(of))
        == f"""\
ecr-cleaner in account 123456789012, us-east-1: 9 images (at most 9.0 MiB) were removed from 2 repositories; \
1 repository was skipped.

Removed:
  shop/api  8 of 22 images, 8.0 MiB
  web       1 of 6 images, 1.0 MiB
  (Layers that images share are counted for each of them, so less may be freed.)

What changed since the last run is not known: no reports are kept (reports_enabled).

Skipped:
  - partners/connector: its policy lets arn:aws:iam::210987654321:root pull; \
accepted_gaps = {{ "other_accounts:partners/connector" = "<reason>" }} would include it

Not protected, by your settings:
  - lambda in 123456789012/us-east-1: images of functions

Notes:
  - the history began 2026-11-01 00:00 UTC
  - a dead revision

Evaluated 33 images (33.0 MiB) in 4 repositories with the usages from 1 sources, in 12 seconds.
Run {RUN_ID}, status completed. All of its log lines:
{COMMAND}
"""
    )


def test_a_dry_run_says_what_would_go() -> None:
    """In the subject already: nothing has gone."""
    of = summary(repository(removable=1), dry_run=True)
    assert mail.subject(ending(of)) == (
        "ecr-cleaner us-east-1: dry run: 1 image (at most 1.0 MiB) would be removed from 1 repository"
    )
    assert "Would be removed:\n  app  1 of 5 images, 1.0 MiB\n" in mail.text(ending(of))


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_in_grace_is_told(*, dry_run: bool) -> None:
    """There is time to say that something needs it; a refused run does not count."""
    line = "In grace: 3 images. They go once every run for grace_days has found them unneeded.\n"
    waiting = repository(removable=0, reasons={"in_grace": 3})
    assert line in mail.text(ending(summary(waiting, dry_run=dry_run)))
    assert "In grace" not in mail.text(ending(summary(repository(), dry_run=dry_run)))
    assert "In grace" not in mail.text(ending(summary(waiting, dry_run=dry_run, refusals=["r"])))


@pytest.mark.parametrize(
    ("of", "subject"),
    [
        (summary(refusals=["r"]), "REFUSED: nothing was removed"),
        (
            summary(repository(removed=3), refusals=["r"]),
            "REFUSED: 3 images (at most 3.0 MiB) were removed from 1 repository",
        ),
        (summary(repository(), refusals=["r"], dry_run=True), "REFUSED: dry run: what would be removed is unknown"),
        (summary(problems=["p"], dry_run=True), "FAILED: dry run: nothing would be removed"),
        (summary(deferred=["app"]), "INCOMPLETE: nothing was removed; time ran out before 1 repository"),
        (summary(), "nothing was removed, because no repository opted in"),
    ],
)
def test_the_subject_begins_with_the_gravest_word(of: Any, subject: str) -> None:
    """Whoever reads nothing else has read that."""
    assert mail.subject(ending(of)) == f"ecr-cleaner us-east-1: {subject}"
    plain = re.sub("^[A-Z]+: ", "", subject)
    assert mail.text(ending(of)).splitlines()[0] == f"ecr-cleaner in account 123456789012, us-east-1: {plain}."


@pytest.mark.parametrize(
    ("status", "subject"),
    [(RunStatus.REFUSED, "REFUSED: nothing was done"), (RunStatus.FAILED, "FAILED: the run ended early")],
)
def test_what_ended_before_a_run_is_told_too(status: RunStatus, subject: str) -> None:
    """With its cause, and the way to the log."""
    of = ending(status=status, causes=("another run is under way",))
    assert mail.subject(of) == f"ecr-cleaner us-east-1: {subject}"
    assert mail.text(of).splitlines()[2:4] == [
        {"refused": "Why it refused, and what to do:", "failed": "What went wrong, and what to do:"}[status],
        "  - another run is under way",
    ]
    assert mail.text(of).endswith(f"{COMMAND}\n")
    assert "Evaluated" not in mail.text(of)


def test_the_mend_stands_with_the_cause() -> None:
    """A refused run's cause says what to do, to the last character of the command."""
    drops = ", ".join(f"source{n} from 44 to 9" for n in range(60))
    cause = f"the number of images in use dropped: {drops}; confirm it: {CONFIRM}"
    of = summary(refusals=[cause], tripwire_tripped=True)
    assert f"  - {cause}\n" in mail.text(ending(of))


def test_a_refused_dry_run_names_nothing_that_would_go() -> None:
    """What would go rests on usages that are not complete: nobody is to act on it."""
    of = summary(repository("shop/api"), refusals=["source ecs: denied"], dry_run=True)
    assert "Would be removed" not in mail.text(ending(of))


def test_only_the_largest_repositories_are_named() -> None:
    """The others are summed up."""
    of = summary(*(repository(f"r{n:02}", images=40, removed=n) for n in range(13)))
    lines = mail.text(ending(of)).splitlines()
    start = lines.index("Removed:")
    assert lines[start + 1] == "  r12  12 of 40 images, 12.0 MiB"
    assert lines[start + 10] == "  r03  3 of 40 images, 3.0 MiB"
    assert lines[start + 11] == "  and 3 images of 2 more repositories, 3.0 MiB"


def test_long_lists_say_how_much_is_left_out() -> None:
    """Nothing is left out in silence."""
    text = mail.text(ending(summary(problems=[f"problem {n}" for n in range(20)], notes=["x" * 400])))
    assert "  - problem 11\n  - and 8 more: see the log\n" in text
    assert f"  - {'x' * 300} (cut: the log has all of it)\n" in text


def test_the_report_is_named_where_there_is_one() -> None:
    """It has what no mail has."""
    told = run_json(summary()) | {"report": "s3://reports/ecr-cleaner/run.html"}
    assert "\nReport: s3://reports/ecr-cleaner/run.html\n" in mail.text(ending(summary(), summary=told))


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_subject_is_one_that_sns_takes(function: str, region: str) -> None:
    """At most 100 characters of ASCII on one line."""
    found = mail.subject(ending(function=f"a{function}", region=region))
    assert len(found) <= 100
    assert found.isascii()
    assert found.isprintable()
    assert found[0] != " "


_LONG: Final = st.lists(st.sampled_from(["x", "\N{WHITE SMILING FACE}", "\N{GRINNING FACE}" * 5000]), max_size=60)


@given(_LONG, _LONG, st.integers(0, 200))
def test_no_mail_is_longer_than_sns_takes(causes: list[str], notes: list[str], repositories: int) -> None:
    """However much there is to tell, in whatever script."""
    skipped = [
        repository("s" * 256 + str(n), status="skipped", detail="\N{GRINNING FACE}" * 5000) for n in range(repositories)
    ]
    unprotected = [outcome(f"source{n}", "disabled", "\N{GRINNING FACE}" * 5000, notes) for n in range(40)]
    of = summary(*skipped, problems=causes, notes=notes, outcomes=unprotected)
    face = "\N{GRINNING FACE}" * 5000
    wide = [Finding(FindingKind.WIDE_USAGE, Severity.WARNING, f"{n}", face, n) for n in range(repositories)]
    assert len(mail.text(ending(replace(of, findings=tuple(wide)))).encode()) <= MAX_BYTES


def test_what_was_archived_is_told_by_itself() -> None:
    """It did not go: it can be brought back, and frees nothing."""
    archived: dict[str, Any] = {"removals": {"archived": 2}, "bytes_archived": 2 * 1024**2}
    of = ending(summary(repository("attic", images=9, removable=3, removed=1, **archived)))
    assert mail.subject(of) == (
        "ecr-cleaner us-east-1: 1 image (at most 1.0 MiB) was removed from 1 repository and 2 images (at m..."
    )
    text = mail.text(of)
    assert "Archived (ecr-cleaner restore brings an image back):\n  attic  2 of 9 images, 2.0 MiB\n" in text
    assert text.count("less may be freed") == 1
    attic = repository("attic", images=9, removable=3, **archived)
    assert mail.subject(ending(summary(attic))) == (
        "ecr-cleaner us-east-1: 2 images (at most 2.0 MiB) were archived in 1 repository"
    )
    assert ending(summary(attic)).should_notify("removals")


def test_what_waits_because_of_a_limit_is_counted() -> None:
    """Also in the subject: a backlog that shrinks night by night needs nobody."""
    some = repository("app", images=9, removable=5, removed=2, removals={"limited": 3})
    subject = "2 images (at most 2.0 MiB) were removed from 1 repository; 3 images wait for later runs"
    assert subject in mail.text(ending(summary(some)))
    none = repository("app", images=9, removable=3, removals={"limited": 3})
    assert mail.subject(ending(summary(none))).endswith(": nothing was removed; 3 images wait for later runs")


def test_what_changed_is_told_with_the_first_names() -> None:
    """Whoever knows what was so yesterday reads what is new; a change that is none is not told."""
    changes = Changes("2026-02-28T03:00:00+00:00", "", Named(7, tuple("abcdefg")), Named(0, ()), Named(1, ("hub/x",)))
    text = mail.text(ending(summary(repository(), changes=changes)))
    assert (
        "\nSince the run of 2026-02-28:\n  now old and unused: 7\n    - a\n    - b\n    - c\n    - d\n    - e\n"
        "    - and 2 more: see the report\n  now skipped: 1\n    - hub/x\n\n"
    ) in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (None, "What changed since the last run is not known: no reports are kept (reports_enabled)."),
        (Changes(unknown="there is no earlier report"), "is not known: there is no earlier report."),
        (Changes("2026-02-28T03:00:00+00:00"), "Nothing else changed since the run of 2026-02-28."),
    ],
)
def test_where_nothing_is_compared_it_says_so(changes: Changes | None, told: str) -> None:
    """No change and no knowledge are not the same."""
    assert f"{told}\n" in mail.text(ending(summary(repository(), changes=changes)))


def test_a_problem_comes_with_what_to_do() -> None:
    """Other findings are in the report, and those that fail the run among its causes."""
    kind = FindingKind.DANGLING_REFERENCE
    found = tuple(Finding(kind, severity, f"app:{severity}", "it is missing") for severity in Severity)
    text = mail.text(ending(summary(repository(), findings=found)))
    assert f"Problems that were found:\n  - app:problem: it is missing. {WHAT_TO_DO[kind]}.\n\n" in text
    broken = Finding(FindingKind.REMOVED_IN_USE, Severity.PROBLEM, "app:v1", "it is gone")
    assert "Problems that were found" not in mail.text(ending(summary(repository(), findings=(broken,))))


@pytest.mark.parametrize("more", [{"refusals": ["r"]}, {"problems": ["p"]}])
def test_a_run_that_failed_leads_to_the_next_step(more: Any) -> None:
    """A command to look again, and the page with every cause."""
    text = mail.text(ending(summary(repository(), **more)))
    assert f"\n  {dry_run_command('ecr-cleaner', 'us-east-1')}\n" in text
    assert f"{DOCUMENTATION}/operations.md#failed-and-refused-runs\n" in text


def test_where_nothing_opted_in_the_mail_says_how() -> None:
    """With account and region, ready to paste but for the name."""
    assert (
        "\n  aws ecr tag-resource --region us-east-1 --tags Key=BoxCleanerEnabled,Value=true"
        " --resource-arn arn:aws:ecr:us-east-1:123456789012:repository/NAME\n"
    ) in mail.text(ending(summary()))
