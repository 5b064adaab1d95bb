"""What happens in the demo, in order. Whatever it shows was read back from the account."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from demo.account import Account, own_environment
from tools.aged import age_bucket
from tools.pointing import instructions
from tools.stack import Stack
from tools.terraform import ROOT, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from demo.account import Shelf
    from demo.function import Function
    from demo.screen import Screen
    from tools.processes import Children
    from tools.stack import Invocation
    from tools.terraform import Terraform

FOLDER: Final = ROOT / ".demo"
"""All that the demo writes lies here."""

CLUSTER: Final = "EKS cluster platform: "
"""How consumers in the company's cluster begin."""

ON_KUBERNETES: Final = {
    "shop/search:v5": "Deployment shop/search",
    "shop/search:v4": "ReplicaSet shop/search-5f6c8d",
    "shop/search:reindex-7": "CronJob shop/reindex",
    "shop/search:train-2": "WorkflowTemplate shop/train-ranking",
}
"""Images that the cluster keeps, each with an object that names it."""

STAY: Final = (
    "data/exporter:b77d031",
    "data/nightly-report:14",
    "legacy/billing:prod",
    "marketing/landing:autumn",
    "media/thumbnails:v3",
    "shop/api:v42",
    "shop/payments:7.2.0",
    "shop/web:live",
    *ON_KUBERNETES,
)
"""One image of each kind of consumer in the company that runs or will run: the demo checks that none of them goes,
so that it never applauds a function that sees nobody."""

REPORTS: Final = "company-reports"
"""A bucket that the company has already, for history and reports: making one takes Terraform a minute."""

EXAMPLE: Final = ROOT / "examples" / "minimal"


@dataclass(slots=True)
class Story:
    """One showing of the demo.

    Attributes:
        screen: Where it is shown.
        children: Who starts programs.
        terraform: The command.
        environment: Of everything that is started: no credentials, and no way off this machine.
        function: How the function runs.
        folder: Where Terraform runs.
    """

    screen: Screen
    children: Children
    terraform: Terraform
    environment: Mapping[str, str]
    function: Function
    folder: Path = FOLDER / "terraform"
    _stack: Stack = field(init=False)
    _account: Account = field(init=False)
    _mailbox: str = field(init=False)
    _report: Path = field(init=False)

    def tell(self, *, keep: bool = False) -> None:
        """Tells all of it.

        Args:
            keep: Leave it running until somebody ends this process.

        Raises:
            ToolError: Something failed, or did not happen as it should.
        """
        self.screen.phase("A company's account, on this machine")
        environment = own_environment(self.environment)
        with self.function, Account(self.children, environment, *self.function.sandbox_options) as self._account:
            before = self._beginning()
            dry = self._dry_run(before)
            self._real_run(before, dry)
            self._mail()
            if keep:
                stay(self.screen, self.children, self._account.endpoint, self.environment, self.folder)
            self._end()

    def _beginning(self) -> list[Shelf]:
        account = self._account
        self.screen.say(
            f"{account.endpoint} speaks the AWS APIs as account 123456789012. Nothing here can reach anything else."
        )
        arguments = self.function.arguments(account)
        account.client("s3").create_bucket(Bucket=REPORTS)
        shelves = account.shelves()
        self.screen.registry(shelves)

        self.screen.phase("terraform apply: everything in place, in dry run")
        self.screen.say(self.function.description)
        self._stack = Stack(
            self.folder,
            account.endpoint,
            self.terraform,
            self.environment,
            # At this level the function also says what it keeps, and why.
            arguments={
                **arguments,
                "log_level": "DEBUG",
                "bucket_name": REPORTS,
                "notifications_enabled": True,
            },
            children=self.children,
        )
        self._stack.copy_from(EXAMPLE)
        self._terraform("init")
        self.screen.say(_last_word(self._terraform("apply")))
        self._made()
        (topic,) = (one for one in self._stack.resources() if one["type"] == "aws_sns_topic")
        self._mailbox = account.subscribed(topic["values"]["arn"])
        # With the module's own repository, if it made one.
        return account.shelves()

    def _dry_run(self, before: list[Shelf]) -> dict[str, Any]:
        self.screen.phase("A night in dry run: what would be removed, and what keeps the rest")
        ended = self._invoke()
        result = _completed(ended)
        self.screen.verdicts(result, ended.lines)
        self.screen.console.print()
        kept = self.screen.kept_by(CLUSTER, ended.lines)
        _expect(kept.items() >= ON_KUBERNETES.items(), "what the cluster's objects name is kept for them")
        self.screen.say("Suspended, scaled to zero or a custom resource: whatever names an image keeps it.")
        self.screen.console.print()
        self.screen.sources(result)
        totals = result["totals"]
        self.screen.say(
            f"{totals['removable']} of {totals['images']} images would be removed. Nothing has been removed.", "bold"
        )
        _expect(_digests(self._account.shelves()) == _digests(before), "a dry run changes nothing")
        _expect(totals["removable"] > 0, "there is something to remove")
        _expect(totals["in_grace"] == totals["removable"], "what is found unneeded for the first time is in grace")
        return {
            "removable": totals["removable"],
            "digests": {
                (line["repository"], line["digest"])
                for line in ended.lines
                if line.get("message") == "Found unused image, should be removed"
            },
        }

    def _real_run(self, before: list[Shelf], dry: Mapping[str, Any]) -> None:
        self.screen.phase("dry_run = false: one word changes, and terraform apply says what that means")
        told = self._terraform("apply", dry_run=False)
        for line in re.findall(r"^  # (.+ will be .+|.+ must be .+)$", told, re.MULTILINE):
            self.screen.say(f"~ {line}")
        self.screen.say(_last_word(told))

        self.screen.phase("A real night at once: nothing goes in the first night that finds it unneeded")
        result = _completed(self._invoke())
        removed, in_grace = result["totals"]["removed"], result["totals"]["in_grace"]
        self.screen.say(f"Removed: {removed}. In grace: {in_grace} images (grace_days = 1).", "bold")
        self.screen.say("A tag that moved or an opt-in by mistake shows in a report first: there is time to mend it.")
        _expect(_digests(self._account.shelves()) == _digests(before), "nothing goes before its grace is over")
        _expect(in_grace == dry["removable"], "what the dry run named is in grace")

        self.screen.phase("A day later: the same function removes")
        self.screen.say("No clock can be moved here: the demo makes what the bucket remembers a day older instead.")
        age_bucket(self._account.client("s3"), REPORTS, timedelta(days=1))
        result = _completed(self._invoke())
        after = self._account.shelves()
        self.screen.difference(before, after)
        went = _digests(before) - _digests(after)
        self.screen.say(f"{len(went)} images went: exactly those that the dry run had named.", "bold")
        for image in STAY:
            _expect(self._account.has(*image.split(":")), f"{image} is in use and stays")
        _expect(went == dry["digests"], "what went is what the dry run named")
        _expect(result["totals"]["removed"] == len(went), "the function reports what went")
        self._report = self._account.fetch(result["report"], self.folder.parent / "report.html")
        self.screen.say("It wrote a report as well, which the demo fetches from the bucket: see the end.")

        self.screen.phase("The night after")
        result = _completed(self._invoke())
        self.screen.say(f"Removed: {result['totals']['removed']}. What is in use or young stays, night after night.")
        _expect(_digests(self._account.shelves()) == _digests(after), "the second night removes nothing more")

    def _mail(self) -> None:
        self.screen.phase("The mail about the real night")
        mails = [
            (subject, text) for subject, text in self._account.mails(self._mailbox) if " were removed from " in subject
        ]
        _expect(len(mails) == 1, "there is a mail about the night that removed something, and about no quiet one")
        subject, text = mails[0]
        self.screen.say(f"Subject: {subject}", "bold")
        self.screen.console.print()
        for line in text.splitlines():
            self.screen.say(line)

    def _end(self) -> None:
        self.screen.phase("terraform destroy")
        self.screen.say(_last_word(self._terraform("destroy")))
        shutil.rmtree(self.folder / ".terraform")
        self.screen.console.print()
        self.screen.say(
            "What you saw: a real Terraform with the real AWS provider made the function, its role, schedule, queue, "
            "alarms and lock; the real handler read the settings that Terraform gave it, looked at every consumer, and "
            "removed what nothing needs. Only the account was not real."
        )
        self.screen.say(f"What Terraform ran on lies in {os.path.relpath(self.folder)}/: the example, and an override.")
        self.screen.times()
        self.screen.console.print()
        self.screen.say("The report of the real night, a page that opens in any browser:")
        # On a line of its own and unbroken, to click or to copy.
        self.screen.console.print(str(self._report), soft_wrap=True, highlight=False, markup=False)

    def _terraform(self, command: str, **arguments: Any) -> str:
        with self.screen.working(f"terraform {command}") as status:
            self._stack.on_line = lambda line: status.update(f"terraform {command}: {_brief(line)}")
            match command:
                case "init":
                    return self._stack.init()
                case "apply":
                    return self._stack.apply(**arguments)
                case _:
                    return self._stack.destroy(refresh=False)  # nobody else was here

    def _made(self) -> None:
        """Says which resources there are, without their modules' names."""
        kinds = sorted(
            {one["type"].removeprefix("aws_") for one in self._stack.resources() if one["mode"] == "managed"}
        )
        self.screen.say(f"Made: {', '.join(kinds)}.", "dim")

    def _invoke(self) -> Invocation:
        (function,) = (one for one in self._stack.resources() if one["type"] == "aws_lambda_function")
        client = self._account.client("lambda")
        configuration = client.get_function_configuration(FunctionName=function["values"]["function_name"])
        with self.screen.working(f"the function {configuration['FunctionName']} runs"):
            return self.function.invoke(self._account, configuration)


def stay(screen: Screen, children: Children, endpoint: str, environment: Mapping[str, str], folder: Path) -> None:
    """Says how to look around, and waits until somebody ends this process."""
    screen.phase("Everything stays as it is until you press Ctrl-C")
    told = instructions(endpoint, Path(environment["TF_CLI_CONFIG_FILE"]))
    # Unbroken, to copy.
    screen.console.print(told, soft_wrap=True, highlight=False, markup=False)
    screen.say(f"What the demo applied: cd {os.path.relpath(folder)} && terraform plan")
    children.wait_until_stopped()


def _completed(ended: Invocation) -> dict[str, Any]:
    if ended.result is None:
        log = "\n".join(str(line.get("message")) for line in ended.lines if line.get("level") in {"WARNING", "ERROR"})
        raise ToolError(f"The function failed: {ended.error.get('errorMessage')}\n{log}")
    return ended.result


def _digests(shelves: list[Shelf]) -> set[tuple[str, str]]:
    return {(shelf.name, digest) for shelf in shelves for digest in shelf.images}


def _expect(condition: bool, rule: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not condition:
        raise ToolError(f"The demo did not go as it must: {rule}.")


def _last_word(told: str) -> str:
    """Returns Terraform's closing sentence."""
    found: list[str] = re.findall(r"^(?:Apply|Destroy) complete!.*$|^No changes\..*$", told, re.MULTILINE)
    return found[-1] if found else ""


def _brief(line: str) -> str:
    """Shortens a line of Terraform's for the status line."""
    plain = re.sub(r"module\.[\w-]+\.", "", line).strip()
    return plain[:80].replace("[", "\\[")
