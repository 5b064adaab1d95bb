"""A night that is killed, at whatever call of whichever invocation: the next ones take it up and lose nothing."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from ecr_cleaner.clock import utc_now
from ecr_cleaner.errors import RunFailedError
from ecr_cleaner.usage import catalog
from tests.integration import cells
from tests.integration.fault_account import ABROAD, LOCK_TABLE, SETTINGS, TWO_REGIONS, seed, seed_elsewhere
from tests.integration.meanwhile import EDGES
from tests.integration.past import BUCKET, PREFIX
from tests.integration.runner import Context
from tests.integration.test_facts import kept
from tests.integration.test_nights import FOREIGN, HOME, OWN, running

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from tests.fake_aws import Sandbox
    from tests.fake_aws.recorder import Call
    from tests.integration.contract import Digests
    from tests.integration.meanwhile import Edge
    from tests.integration.runner import Outcome, Runner

Account = Literal["home", "organization"]
Settings = dict[str, Any]

WRITES: Final = frozenset({"BatchDeleteImage", "DeleteItem", "PutItem", "PutObject"})
"""Those are in the sample of a first night, and each sample has two operations."""


FEW: Final = {"accepted_gaps": {f"source:{name}": "as any other" for name in catalog.EXCLUDABLE - {"ecs", "lambda"}}}
"""What is asked of one source is asked of each."""


class KilledError(BaseException):
    """The process is there no more; nothing may catch it."""


@dataclass
class Night:
    """One night in several invocations, of which one may be disturbed.

    Attributes:
        run: Invokes the function.
        settings: Of every invocation.
        is_short: Whether the first round has no time after its first removal, so that a second one follows.
        step: Round and action, or account and region, of the invocation that is disturbed; none if it is empty.
        number: At which of its calls, from 1.
        edge: Whether AWS still serves that call.
        meanwhile: What happens at that moment; is given the event of the invocation.
        dies: Whether the invocation ends there.
        is_redriven: Whether a person lets a failed execution go on then, once the lock has expired.
        made: The calls of each invocation.
    """

    run: Runner
    settings: Settings
    is_short: bool = False
    step: str = ""
    number: int = 0
    edge: Edge = "before the first call"
    meanwhile: Callable[[Runner, dict[str, Any]], object] | None = None
    dies: bool = True
    is_redriven: bool = False
    made: dict[str, list[Call]] = field(default_factory=dict)
    _at: str = ""
    _event: dict[str, Any] = field(default_factory=dict)
    _context: Context = field(default_factory=Context)
    _is_dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> Outcome:
        """Run it."""
        sandbox = self.run.sandbox
        sandbox.before("*", "*", self._before, lasting=True)
        sandbox.after("*", "*", self._after, lasting=True)
        outcome = self.run(start=self.states, **self.settings)
        sandbox.clear_callbacks()
        return outcome

    def states(self, request: object) -> dict[str, Any]:
        """As the state machine enters them: a scan that fails fails nothing else."""
        night = {"schema_version": 1, "night": uuid.uuid4().hex}
        common = night | {"request": request}
        try:
            for number in range(1, 10):
                begun = self._enter(f"{number} targets", common | {"action": "targets"})
                items = self.run.sandbox.client("s3").get_object(Bucket=BUCKET, Key=begun["items_key"])["Body"].read()
                for item in json.loads(items):
                    with contextlib.suppress(KilledError):
                        self._invoke(f"{number} {item['account_id']} {item['region']}", item)
                ended = self._enter(f"{number} finish", common | {"action": "finish", "round": begun["round"]})
                if not ended["continues"]:
                    return ended
        except KilledError:
            pass
        return {"status": "killed"}

    def _enter(self, step: str, event: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._invoke(step, event)
        except KilledError:
            if not self.is_redriven:
                raise
        expire_lock(self.run.sandbox)
        return self._invoke("", event)

    def _invoke(self, step: str, event: dict[str, Any]) -> dict[str, Any]:
        self._at, self._event, self._is_dead, self._context = step, event, False, Context(str(uuid.uuid4()))
        self.made[step] = []
        try:
            return self.run.invoke(event, self._context)
        finally:
            self._at = ""

    def _before(self, call: Call) -> None:
        if not self._at:
            return
        with self._lock:
            if self._is_dead:
                raise KilledError
            self.made[self._at].append(call)
        if self.edge == "before the first call":
            self._disturb()

    def _after(self, call: Call) -> None:
        if not self._at:
            return
        if self.is_short and self._at == "1 finish" and call.operation == "BatchDeleteImage":
            self._context.seconds = 60  # enough to report
        if self.edge != "before the first call":
            self._disturb()

    def _disturb(self) -> None:
        """Let it happen; if it dies, no call of the invocation is made from here on, whoever makes it."""
        with self._lock:
            if self._at != self.step or len(self.made[self._at]) < self.number:
                return
            meanwhile, self.meanwhile = self.meanwhile, None
            if self.dies:
                self._is_dead = True
        if meanwhile is not None:
            at, self._at = self._at, ""
            with contextlib.suppress(RunFailedError):
                meanwhile(self.run, self._event)
            self._at = at
        if self.dies:
            raise KilledError


def begun(run: Runner, account: Account, *, is_first: bool = True) -> Digests:
    """An account in which no night was, or one that looked and removed nothing; returns what may go."""
    run.workers = 1
    run.clock = utc_now
    run.sandbox.reset()
    unused = seed(run.sandbox, whole=False) if account == "home" else seed_organization(run.sandbox)
    if not is_first:
        assert Night(run, ALL[account] | {"dry_run": True})().status == "completed"
    return unused


def seed_organization(sandbox: Sandbox) -> Digests:
    """Another region and another account, in each of which something old runs; returns what may go."""
    unused = seed_elsewhere(sandbox)
    sandbox.seed({"organization": {"delegates": ["123456789012"]}, "accounts": {ABROAD: {"reader": True}}})
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    statement = {"Effect": "Allow", "Principal": {"AWS": ABROAD}, "Action": actions}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sandbox.repository("shared", tags={"BoxCleanerEnabled": "true"}, policy=policy)
    for name in ("used", "unused"):
        sandbox.push("shared", id=f"shared-{name}", tags=[name], pushed="90d")
    sandbox.seed({"ecs": running("{home}/shared:used", "{shared-used}")}, account=ABROAD)
    return unused | {"shared": {sandbox.digest("shared-unused")}}


ALL: Final[dict[Account, Settings]] = {
    "home": SETTINGS | FEW,
    "organization": TWO_REGIONS | {"organization": True} | FEW,
}


def expire_lock(sandbox: Sandbox) -> None:
    """Whoever holds it did not renew it."""
    client = sandbox.client("dynamodb")
    found = client.get_item(TableName=LOCK_TABLE, Key={"id": {"S": "run"}}).get("Item")
    if found:
        client.put_item(TableName=LOCK_TABLE, Item=found | {"expires_at": {"N": str(int(utc_now().timestamp()) - 1)}})


def a_day_passes(run: Runner) -> None:
    """The lock has expired, and everything that happened did so a day earlier."""
    expire_lock(run.sandbox)
    before = run.clock
    run.clock = lambda: before() + timedelta(days=1)


def journalled(sandbox: Sandbox) -> str:
    """All that the journal says."""
    return "".join(gzip.decompress(body).decode() for body in kept(sandbox, f"{PREFIX}journal/").values())


def remembered(run: Runner, but: Collection[str] = ()) -> dict[str, Any]:
    """What later runs know of everything that is there but some digests, with times as days before now.

    Not which operations answered: what a scan learned before it was killed need not be asked again.
    """
    now = run.clock()

    def told(text: str) -> str | int:
        try:
            return round((now - datetime.fromisoformat(text)) / timedelta(days=1))
        except ValueError:
            return text

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key not in {"answered", "removed", "sha256", *but}}
        return [*map(plain, value)] if isinstance(value, list) else told(value) if isinstance(value, str) else value

    ours = re.compile(r".*/history/[^/]+/(.*)\.json")
    found = {
        match[1]: json.loads(body)
        for key, body in kept(run.sandbox, f"{PREFIX}history/").items()
        if (match := ours.fullmatch(key))
    }
    return {name: plain(one) for name, one in found.items()}


def problems(night: Night, unused: Digests, expected: dict[str, Any]) -> Iterator[str]:
    """What is wrong after a night and two whole ones that follow."""
    run, outcomes = night.run, [night()]
    for _ in range(2):
        a_day_passes(run)
        outcomes.append(Night(run, night.settings)())
    made = night.made[night.step]
    when = f"{night.edge} {night.number}, {made[min(night.number, len(made)) - 1].operation}"
    # To read a manifest is a pull. Of whom only the run that read it could tell, where others may pull.
    read = {
        one["imageDigest"] for call in made if call.operation == "BatchGetImage" for one in call.parameters["imageIds"]
    }
    pulled = {digest for digest, why in outcomes[2].kept().items() if why[0] == "may_be_in_use_elsewhere"} & read
    unused = {name: left for name, digests in unused.items() if (left := digests - pulled)}
    went: Digests = {}
    for name, digests in (pair for one in outcomes for pair in one.went.items()):
        went[name] = went.get(name, set()) | digests
    if went != unused:
        yield f"{when}: {went} went"
    journal = journalled(run.sandbox)
    if lost := [digest for digests in went.values() for digest in digests if digest not in journal]:
        yield f"{when}: {lost} are not in the journal"
    ends = [(one.status, one.causes) for one in outcomes[1:]]
    if ends != [("completed", "")] * 2 or outcomes[2].went:
        yield f"{when}: the next nights end {ends}"
    if (found := remembered(run, pulled)) != expected:
        yield f"{when}: {found} is remembered and not {expected}"


def moments(made: Sequence[Call], always: frozenset[str]) -> Iterator[tuple[int, Edge]]:
    """Every call at both of its edges, or a sample: two operations and those that are always in it, each once."""
    every = [(number, edge) for number in range(1, len(made) + 1) for edge in EDGES]
    if cells.FULL:
        yield from every
        return
    met: set[str] = set()
    for number, edge in sorted(every, key=lambda one: cells.dice(f"{len(made)} {one}")):
        operation = made[number - 1].operation
        if operation not in met and (operation in always or len(met) < 2):
            met.add(operation)
            yield number, edge


def undisturbed(run: Runner, account: Account, *, is_first: bool, is_short: bool) -> tuple[Night, dict[str, Any]]:
    """A night, and what is remembered after two more; made once."""
    key = account, is_first, is_short
    if key not in _UNDISTURBED:
        begun(run, account, is_first=is_first)
        night = Night(run, ALL[account], is_short)
        night()
        for _ in range(2):
            a_day_passes(run)
            assert Night(run, ALL[account])().status == "completed"
        _UNDISTURBED[key] = night, remembered(run)
    return _UNDISTURBED[key]


_UNDISTURBED: Final[dict[object, tuple[Night, dict[str, Any]]]] = {}


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("step", ["1 targets", f"1 {' '.join(HOME)}", "1 finish"])
def test_a_night_that_is_killed_is_taken_up_by_the_next_one(run: Runner, step: str, *, is_first: bool) -> None:
    """Whatever is unneeded is gone after it and in the journal, nothing else went, and what is known is as ever."""
    night, expected = undisturbed(run, "home", is_first=is_first, is_short=False)
    found: list[str] = []
    for number, edge in moments(night.made[step], WRITES if is_first else frozenset()):
        unused = begun(run, "home", is_first=is_first)
        found += problems(Night(run, ALL["home"], step=step, number=number, edge=edge), unused, expected)
    assert not "\n".join(found)


def again(run: Runner, event: dict[str, Any]) -> None:
    """AWS makes the same invocation a second time."""
    run.invoke(event, Context(str(uuid.uuid4())))


def another(run: Runner, _: object) -> None:
    """A person starts a night."""
    Night(run, {}).states({})


DISTURBANCES: Final[dict[str, dict[str, Any]]] = {
    "killed": {},
    "killed, and let go on by a person": {"is_redriven": True},
    "made twice": {"meanwhile": again, "dies": False},
    "made twice and killed": {"meanwhile": again},
    "with another night in between": {"meanwhile": another, "dies": False},
    "with another night in between and killed": {"meanwhile": another},
}
"""What becomes of an invocation."""


def organization_moments(night: Night, step: str) -> Iterator[tuple[str, int, Edge]]:
    """Every disturbance at every call, or a sample: each at one call of a last state, and of another one two."""
    every = [(number, edge) for number in range(1, len(night.made[step]) + 1) for edge in EDGES]
    rolled = sorted(DISTURBANCES, key=lambda name: cells.dice(f"{step} {name}"))
    for name in DISTURBANCES if cells.FULL or step.endswith("finish") else rolled[:2]:
        some = sorted(every, key=lambda one: cells.dice(f"{step} {name} {one}"))
        yield from ((name, number, edge) for number, edge in (every if cells.FULL else some[:1]))


@pytest.mark.parametrize(
    "step",
    [
        *(f"1 {' '.join(OWN)}", f"1 {' '.join(FOREIGN)}", "1 finish"),
        *("2 targets", f"2 {' '.join(HOME)}", f"2 {' '.join(FOREIGN)}", "2 finish"),
    ],
)
def test_so_is_that_of_an_organization_in_each_of_its_rounds(run: Runner, step: str) -> None:
    """Whatever becomes of one of its invocations."""
    is_short = step.startswith("2 ")
    night, expected = undisturbed(run, "organization", is_first=True, is_short=is_short)
    found: list[str] = []
    for name, number, edge in organization_moments(night, step):
        unused = begun(run, "organization")
        night = Night(run, ALL["organization"], is_short, step, number, edge, **DISTURBANCES[name])
        found += (f"{name} {problem}" for problem in problems(night, unused, expected))
    assert not "\n".join(found)
