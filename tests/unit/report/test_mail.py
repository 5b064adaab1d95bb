"""The mail about a run: what a person reads, word for word where it matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.result import RunStatus
from ecr_cleaner.report import mail
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
    assert mail.subject(ending(of)) == "ecr-cleaner us-east-1: 9 images removed, at most 9.0 MiB"
    assert (
        mail.text(ending(of))
        == f"""\
ecr-cleaner in account 123456789012, us-east-1: 9 images removed, at most 9.0 MiB.

Removed:
  shop/api  8 of 22 images, 8.0 MiB
  web       1 of 6 images, 1.0 MiB
  (Layers that images share are counted for each of them, so less may be freed.)

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
    assert mail.subject(ending(of)) == "ecr-cleaner us-east-1: dry run, 1 image would be removed, at most 1.0 MiB"
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
        (summary(refusals=["r"]), "REFUSED: nothing removed"),
        (summary(repository(removed=3), refusals=["r"]), "REFUSED: 3 images removed, at most 3.0 MiB"),
        (summary(repository(), refusals=["r"], dry_run=True), "REFUSED: dry run, and what would be removed is unknown"),
        (summary(problems=["p"], dry_run=True), "FAILED: dry run, nothing would be removed"),
        (summary(deferred=["app"]), "INCOMPLETE: nothing removed"),
        (summary(), "nothing removed"),
    ],
)
def test_the_subject_begins_with_the_gravest_word(of: Any, subject: str) -> None:
    """Whoever reads nothing else has read that."""
    assert mail.subject(ending(of)) == f"ecr-cleaner us-east-1: {subject}"
    assert (
        mail.text(ending(of)).splitlines()[0].endswith(f"{subject.rpartition('D: ')[2].removeprefix('INCOMPLETE: ')}.")
    )


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
    assert mail.subject(of) == "ecr-cleaner us-east-1: 1 image removed, 2 images archived, at most 3.0 MiB"
    text = mail.text(of)
    assert "Archived (ecr-cleaner restore brings an image back):\n  attic  2 of 9 images, 2.0 MiB\n" in text
    assert text.count("less may be freed") == 1
    attic = repository("attic", images=9, removable=3, **archived)
    assert mail.subject(ending(summary(attic))) == "ecr-cleaner us-east-1: 2 images archived, at most 2.0 MiB"
    assert ending(summary(attic)).should_notify("removals")


def test_what_waits_because_of_a_limit_is_counted() -> None:
    """Also in the subject: a backlog that shrinks night by night needs nobody."""
    some = repository("app", images=9, removable=5, removed=2, removals={"limited": 3})
    subject = "2 images removed, at most 2.0 MiB; 3 wait for later runs"
    assert mail.subject(ending(summary(some))) == f"ecr-cleaner us-east-1: {subject}"
    none = repository("app", images=9, removable=3, removals={"limited": 3})
    assert mail.subject(ending(summary(none))).endswith(": nothing removed; 3 wait for later runs")
