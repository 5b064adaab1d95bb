"""Why one image would be removed or kept, or what became of it; with what was looked at and what could not be known."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from rich.console import Console
from rich.text import Text

from ecr_cleaner.aws import errors
from ecr_cleaner.cli import session
from ecr_cleaner.cli.image_timeline import ImageTimeline
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.names import Wanted, require_image
from ecr_cleaner.cli.past import past_of, present_in
from ecr_cleaner.cli.sentences import sentence
from ecr_cleaner.cli.session import Connection, DryRun
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import RepositoryPlan, Verdict
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.registry import opt_in
from ecr_cleaner.report.console import facts, print_verdict
from ecr_cleaner.report.reporter import verdict_json


@dataclass(slots=True)
class Explanation:
    """The answer.

    Attributes:
        meant: What was asked for, with the whole digest if the image is known.
        verdict: Of the image; None if it is not there, or its repository is not judged.
        plan: Of its repository, with the verdict.
        image: The image, where there is no verdict but the image is there.
        says: What a person has to know besides; one sentence each.
        looked_at: What was read.
        unknown: What could not be known, and what would help; one sentence each.
        causes: Why a run would end as anything but completed.
        timelines: Of an image that is not there: what became of it.
    """

    meant: Wanted
    verdict: Verdict | None = None
    plan: RepositoryPlan | None = None
    image: Image | None = None
    says: list[str] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    timelines: list[ImageTimeline] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        """Whether the image exists."""
        return self.verdict is not None or self.image is not None

    def as_json(self) -> dict[str, Any]:
        """The answer as JSON-native values and times; ``images`` has the one image, or what became of several."""
        shown: list[dict[str, Any]] = [] if self.verdict is None else [verdict_json(self.verdict)]
        if self.image is not None:
            shown = [{"repository": self.image.repository, "digest": self.image.digest, "tags": list(self.image.tags)}]
        return {
            "schema_version": 1,
            "name": self.meant.text,
            "present": self.is_there,
            "images": shown,
            "says": self.says,
            "looked_at": self.looked_at,
            "unknown": self.unknown,
            "causes": self.causes,
        }

    def show(self, console: Console) -> None:
        """Print it for people."""
        if self.verdict is not None and self.plan is not None:
            print_verdict(self.verdict, self.plan.repository.retention, console)
        elif self.image is not None:
            console.print(Text(f"KEEP  {self.image.name}", "bold"))
            for name, value in facts(self.image):
                console.print(Text(f"  {name:8} {value}"))
        else:
            console.print(Text(f"NOT THERE  {self.meant.text}", "bold"))
        for line in self.says:
            console.print(Text(f"  {line}"), soft_wrap=True)
        if self.looked_at:
            console.print(Text(f"looked at: {'; '.join(self.looked_at)}", "dim"), soft_wrap=True)
        for line in self.unknown:
            console.print(Text(f"not known: {line}", "yellow"), soft_wrap=True)
        for cause in self.causes:
            console.print(Text(cause, "red"), soft_wrap=True)


def explain(connection: Connection, known: KnownSettings, meant: Wanted) -> tuple[Explanation, DryRun]:
    """Judge one image, also in a repository that did not opt in, or find out what became of it.

    Returns:
        The answer, and the dry run that it comes from.

    Raises:
        AwsError: The registry could not be read.
        CleanerError: Likewise.
        UsageError: It names a repository, or the beginning of several digests.
    """
    if meant.tag is None and meant.digest is None:
        newest = sorted(present_in(connection, meant.repository), key=lambda image: image.pushed_at, reverse=True)
        require_image(meant, (tag for image in newest for tag in image.tags))
    name = meant.repository
    run = session.evaluate(connection, known, frozenset({name}), as_if_opted_in=(name,))
    result, plan = run.collected.result, run.collected.plans.get(name)
    if plan is not None:
        meant = meant.whole(verdict.image.digest for verdict in plan.verdicts)
    told = Explanation(meant, plan=plan, looked_at=list(_looked_at(connection, result)))
    told.unknown += (f"{one.key}: {one.detail}" for one in result.scan.unprotected) if result.scan else ()
    fitting = [one for one in plan.verdicts if meant.fits(one.image.digest, one.image.tags)] if plan else []
    told.verdict = fitting[0] if fitting else None
    if plan is None:
        told.says += _not_judged(connection, run, told)
    if name in run.look.assumed:
        told.says += _not_opted_in(run, told.verdict, name)
    if not told.is_there:
        _tell_past(connection, known, told)
    told.causes += result.causes
    return told, run


def _looked_at(connection: Connection, result: RunResult) -> Iterator[str]:
    yield f"account {result.account_id}, region {connection.clients.region}"
    if result.scan is None or not result.scan.answered:
        yield "no source, because nothing there is old enough to go"
        return
    if (number := len({one.target for one in result.scan.outcomes})) > 1:
        yield f"{number} regions of the account"
    for status in SourceStatus:
        number = len({one.source for one in result.scan.outcomes if one.status is status})
        if number:
            yield f"{number} sources {status.value.replace('_', ' ')}"


def _not_judged(connection: Connection, run: DryRun, told: Explanation) -> Iterator[str]:
    """Why a repository has no verdicts; finds out whether the image is there."""
    name = told.meant.repository
    if name not in run.look.names:
        near = get_close_matches(name, run.look.names, n=3)
        meant = f"; names like it: {', '.join(near)}" if near else ""
        yield f"There is no repository {name} in {connection.clients.region}{meant}."
        return
    summary = run.collected.result.repositories.get(name)
    if summary is None:
        yield f"{name} is never touched: it is the function's own, or was deleted meanwhile."
    else:
        include = (
            f'; accepted_gaps = {{ "{summary.setting}" = "<reason>" }} would include it' if summary.setting else ""
        )
        yield f"Nothing in {name} is removed, for it is {summary.status}: {summary.detail}{include}"
    try:
        present = present_in(connection, name)
    except (CleanerError, *errors.AwsError) as error:
        told.unknown.append(f"whether the image is there: {sentence(error)}")
        return
    told.meant = told.meant.whole(image.digest for image in present)
    fitting = [image for image in present if told.meant.fits(image.digest, image.tags)]
    told.image = fitting[0] if fitting else None


def _not_opted_in(run: DryRun, verdict: Verdict | None, name: str) -> Iterator[str]:
    exact = f"the tag {opt_in.ENABLED_TAG} = true is missing"
    yield f"Nothing in {name} is removed, for it did not opt in: {run.look.near_misses.get(name, exact)}."
    yield f"`ecr-cleaner opt-in {name}` prints the call that opts it in."
    if verdict is not None:
        yield "The verdict above is what would hold if it had opted in."


def _tell_past(connection: Connection, known: KnownSettings, told: Explanation) -> None:
    """Add what history and journal know of an image that is not there."""
    meant = told.meant
    past = past_of(connection, known, meant.repository, ())
    told.looked_at += past.looked_at
    told.unknown += [*past.unknown, *past.problems]
    fitting = [one for one in past.timelines if meant.fits(one.digest, {*one.tags, *one.lost_tags})]
    meant.whole(one.digest for one in fitting)
    told.timelines = fitting
    for timeline in fitting:
        told.says.append(
            f"{meant.repository}@{timeline.digest}" + (f" ({', '.join(timeline.tags)})" if timeline.tags else "")
        )
        told.says += (f"  {line}" for line in timeline.lines())
    if not fitting:
        told.says.append(f"{meant.repository} holds no such image.")
