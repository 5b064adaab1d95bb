"""The parts that all commands share, each on its own."""

from __future__ import annotations

import os
import re
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, TokenRetrievalError
from click.testing import CliRunner

from ecr_cleaner.cli import interrupts, output, texts
from ecr_cleaner.cli.deadline import countdown
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.cli.group import CommandFiles
from ecr_cleaner.cli.known_settings import KnownSettings
from ecr_cleaner.cli.sentences import sentence
from ecr_cleaner.errors import CleanerError, SettingsError
from ecr_cleaner.report import console
from ecr_cleaner.settings.loader import Settings

if TYPE_CHECKING:
    from click.testing import Result


def refused(code: str, message: str = "no") -> ClientError:
    """What AWS answers."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "ListClusters")


DENIED = "User: arn:aws:iam::1:user/a is not authorized to perform: ecs:ListClusters on resource: * because no policy"


@pytest.mark.parametrize(
    ("error", "begins"),
    [
        (CleanerError("as it is"), "as it is"),
        (NoCredentialsError(), "no AWS credentials were found: log in "),
        (TokenRetrievalError(provider="sso", error_msg="x"), "the AWS credentials have expired: log in again "),
        (refused("ExpiredTokenException"), "the AWS credentials have expired: log in again "),
        (refused("UnrecognizedClientException"), "AWS does not accept these credentials: log in again "),
        (refused("InvalidClientTokenId"), "AWS does not accept these credentials: log in again "),
        (
            refused("AccessDeniedException", DENIED),
            "access denied: your credentials lack the permission ecs:ListClusters (",
        ),
        (refused("AccessDenied"), "access denied: your credentials lack the permission ListClusters ("),
        (refused("ServerException"), "ListClusters failed with ServerException: "),
    ],
)
def test_every_error_is_one_sentence(error: Exception, begins: str) -> None:
    """That says what to do, where there is something to do."""
    assert sentence(error).startswith(begins)
    assert "\n" not in sentence(error)


def test_a_file_that_breaks_off_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(output.os, "fsync", full)
    file = tmp_path / "plan"
    file.write_text("an older one")
    with pytest.raises(click.ClickException, match=r"plan cannot be written: No space left on device$"):
        output.replace(file, "a newer one")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"plan": "an older one"}


def test_a_link_keeps_leading_to_the_file(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    (tmp_path / "there").write_text("an older one")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    context, parameter = click.Context(click.Command("x")), click.Option(["--output"])
    found = output.path(context, parameter, str(tmp_path / "link"))
    assert found is not None
    output.replace(found, "a newer one")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_text() == "a newer one"


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so the question itself is answered here."""
    monkeypatch.setattr(output.os, "access", lambda *_: False)
    context, parameter = click.Context(click.Command("x")), click.Option(["--output"])
    with pytest.raises(click.BadParameter, match="is in a folder without write permission"):
        output.path(context, parameter, str(tmp_path / "plan"))


def test_a_second_ctrl_c_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one lets the calls that are under way end."""
    ended: list[int] = []

    def leave(code: int) -> None:
        ended.append(code)
        raise SystemExit(code)

    monkeypatch.setattr(interrupts.os, "_exit", leave)
    before = signal.getsignal(signal.SIGINT)
    with interrupts.listening():
        assert not interrupts.STOPPED.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.STOPPED.is_set()
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGINT)
    assert ended == [130]
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_does_not_listen() -> None:
    """Python lets the main thread alone set handlers; the work goes on all the same."""
    done: list[Any] = []

    def work() -> None:
        with interrupts.listening():
            done.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [before]


def test_equal_settings_have_one_hash() -> None:
    """Whatever the order of what has none, and whatever the mode; each other value changes it."""
    one = Settings(accepted_gaps={"eks:*": "known", "other_accounts:*": "known"}, dry_run=True)
    other = Settings(accepted_gaps={"other_accounts:*": "known", "eks:*": "known"}, dry_run=False)
    assert KnownSettings(one).as_json()["sha256"] == KnownSettings(other, "function", "f").as_json()["sha256"]
    changed = {one.model_copy(update={"keep_recently_used_days": days}).sha256 for days in (1, 2, 3)}
    assert len(changed | {one.sha256}) == 4


def test_every_exit_code_is_in_the_help() -> None:
    """Each with its one meaning."""
    listed = [line.split(maxsplit=1) for line in texts.EXIT_CODES.splitlines()[2:]]
    assert listed == [[str(code.value), code.meaning] for code in ExitCode]
    assert len({code.meaning for code in ExitCode}) == len({code.value for code in ExitCode}) == len(listed)


def test_every_command_says_what_it_is_for() -> None:
    """With examples, the environment and the exit codes at the end of its help, and a word on each option."""
    group = CommandFiles("ecr-cleaner")
    assert {"explain", "plan"} <= set(group.commands)
    for command in group.commands.values():
        assert command.help
        for part in ("Examples:", "Environment:", "Exit codes:"):
            assert part in (command.epilog or ""), (command.name, part)
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, (command.name, parameter.name)


@pytest.mark.parametrize(
    ("on_the_wall", "steady", "left"),
    [
        (60, 60, 840),
        (1200, 60, -300),
        (-1200, 60, 840),
        (60, 1200, -300),
        (0, 0, 900),
    ],
    ids=["awake", "slept", "put back", "stood still", "at once"],
)
def test_the_clock_by_which_more_time_has_passed_is_believed(on_the_wall: float, steady: float, left: float) -> None:
    """One stands still while the machine sleeps, the other one may be put back."""
    interrupts.STOPPED.clear()
    began = datetime(2026, 1, 1, tzinfo=UTC)
    now, seconds = [began], [5.0]
    seconds_left = countdown(900, None, lambda: now[0], lambda: seconds[0])
    now[0], seconds[0] = began + timedelta(seconds=on_the_wall), 5.0 + steady
    assert seconds_left() == left


@pytest.mark.parametrize(("expires", "left"), [(100, 40), (60, 0), (10, -50), (3600, 840)])
def test_what_expires_counts_as_well(expires: float, left: float) -> None:
    """Whichever comes first."""
    interrupts.STOPPED.clear()
    began = datetime(2026, 1, 1, tzinfo=UTC)
    now, seconds = [began], [0.0]
    seconds_left = countdown(900, began + timedelta(seconds=expires), lambda: now[0], lambda: seconds[0])
    now[0], seconds[0] = began + timedelta(seconds=60), 60.0
    assert seconds_left() == left


def test_no_time_is_left_after_an_interrupt() -> None:
    """Whatever the clocks say."""
    interrupts.STOPPED.set()
    try:
        assert countdown(900)() == 0.0
    finally:
        interrupts.STOPPED.clear()
    assert countdown(900)() > 0.0


def emitted(*words: str, file: Path | None = None) -> Result:
    """What a command writes whose result is one number."""

    @click.command()
    @output.formats
    def number(output_format: str) -> None:
        output.emit(output_format, lambda: {"number": 1}, lambda console: console.print("one"), file)

    return CliRunner().invoke(number, words)


def test_a_result_is_written_in_the_format_that_is_asked_for() -> None:
    """Text for people, else a document."""
    assert (emitted().stdout, emitted("--format", "json").stdout) == ("one\n", '{\n  "number": 1\n}\n')


def test_a_new_format_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else has to know it."""
    formats = {**output.FORMATS, "lines": lambda document: "".join(f"{key}={document[key]}\n" for key in document)}
    monkeypatch.setattr(output, "FORMATS", formats)
    assert (emitted().stdout, emitted("--format", "lines").stdout) == ("one\n", "number=1\n")
    assert emitted("--format", "json").stdout == '{\n  "number": 1\n}\n'
    assert "[table|json|csv|lines]" in emitted("--help").stdout


@pytest.mark.parametrize(("words", "content"), [((), "one\n"), (("--format", "json"), '{\n  "number": 1\n}\n')])
def test_a_result_in_a_file_is_nowhere_else(tmp_path: Path, words: tuple[str, ...], content: str) -> None:
    """As a whole, in either format."""
    file = tmp_path / "result"
    assert emitted(*words, file=file).stdout == ""
    assert file.read_text() == content


def test_what_was_printed_already_is_not_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that prints as it goes has no text left at its end, and its document is not even made."""
    output.emit(output.TABLE, lambda: pytest.fail("nobody wants a document"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "error",
    [
        CleanerError("it is \x1b[2J\nnot"),
        SettingsError(["it is \x1b[2J\nnot", "first"]),
        refused("ServerException", "it is \x1b[2J\nnot"),
        click.ClickException("it is \x1b[2J not"),
        click.UsageError("it is \x9b2J\u202e not"),
    ],
)
def test_no_error_controls_the_terminal(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors repeat what AWS and documents say."""

    @click.command("fail")
    def fail() -> None:
        raise error

    group = CommandFiles(name="group")
    group.add_command(fail)
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(group, ["fail"])
    assert result.exit_code in {1, 2}
    assert "it is ?" in result.output.replace("ServerException: ", "")
    assert all(line.isprintable() for line in result.output.split("\n"))
    assert not any(line.startswith("not") for line in result.output.split("\n"))


def test_whatever_commands_print_goes_through_one_place() -> None:
    """Prompts are of our own words."""
    folder = Path(output.__file__).parent
    raw = re.compile(r"click\.s?echo\(|(?<![.\w])print\(|\bConsole\(|\bTable\(|sys\.std(?:out|err)\.write")
    found = {
        path.name
        for path in [*folder.rglob("*.py"), Path(console.__file__)]
        if raw.search(path.read_text().replace("PrintableConsole(", "").replace("PrintableTable(", ""))
    }
    assert found == {"output.py"}
