"""The sandbox as its users see it: start it, fill it, disturb it, ask what happened."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast
from urllib.parse import urlsplit

from botocore.config import Config

from .accounts import Accounts
from .aws import ACCOUNT, REGION
from .control import Control
from .faults import Bucket, Fault, FaultBook, Hooks
from .identities import key_of
from .models import session
from .push import Push
from .registry import Registry
from .scenario import contents
from .server import Middleware, Server
from .services import Services
from .shortcut import Shortcut
from .state import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from .aws import Request
    from .ecr import EcrApi
    from .identities import Credentials
    from .images import Image
    from .recorder import Call

_SESSION = session()


class Sandbox:
    """AWS on loopback: one account, and others that it is told of.

    One process holds at most one running sandbox, because moto's state belongs to the process.

    Example:
        >>> with Sandbox() as sandbox:
        ...     sandbox.repository("shop/api", tags={"BoxCleanerEnabled": "true"})
        ...     digest = sandbox.push("shop/api", tags=["v1"], pushed="40d")
        ...     sandbox.client("ecr").describe_images(repositoryName="shop/api")
    """

    _running: ClassVar[threading.Lock] = threading.Lock()
    _kept: ClassVar[Sandbox | None] = None

    def __init__(self, port: int = 0, *, registry_url: str | None = None, registry_ecr_host: bool = False) -> None:
        """Make a sandbox that does not run yet.

        Args:
            port: On 127.0.0.1; 0 takes a free one.
            registry_url: A real registry whose content ECR shows.
            registry_ecr_host: Repository URIs keep ECR's host name although `registry_url` is asked.
        """
        self._address = ("127.0.0.1", port)
        self.state = Account()
        if registry_url:
            self.state.registry = Registry(self.state, registry_url)
            self.state.registry_host = None if registry_ecr_host else self.state.registry.host
        self.accounts = Accounts(self.state)
        self._services: dict[str, Services] = {}
        self._making = threading.Lock()
        self._faults = FaultBook()
        self._before, self._after = Hooks(), Hooks()
        self._app = Middleware(
            accounts=self.accounts,
            handlers=lambda account: self._of(account).handlers,
            control=Control(self).serve,
            faults=self._faults,
            hooks=(self._before, self._after),
            tags=self._tags,
        )
        self._server: Server | None = None
        self._clients: dict[tuple[str, str, str], Any] = {}

    # Life

    def start(self) -> Self:
        """Start serving on a free port.

        Raises:
            RuntimeError: Another sandbox runs in this process.
        """
        self.stop_kept()
        if not self._running.acquire(blocking=False):
            raise RuntimeError("a sandbox is running in this process already: moto's state is global")
        try:
            self.accounts.reset()
            self._server = Server(self._app, *self._address)
        except BaseException:
            self._running.release()
            raise
        return self

    def stop(self) -> None:
        """Stop serving and forget everything.

        Raises:
            ExceptionGroup: Callbacks or handlers of the sandbox failed while it ran.
        """
        if self._server is None:
            return
        self._server.stop()
        self._server = None
        self._close_clusters()
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._running.release()
        self.must_be_well()

    @classmethod
    @contextmanager
    def kept(cls) -> Iterator[Self]:
        """An empty sandbox that runs on afterwards, at its address, for whoever asks for one next.

        So its clients can be kept too: making those of all services takes longer than several runs of the function.
        It ends when another one starts, or with `stop_kept`; until then the process does not end.

        Raises:
            ExceptionGroup: As `must_be_well`.
        """
        sandbox = cast("Self | None", Sandbox._kept) or cls().start()
        Sandbox._kept = None
        try:
            sandbox.reset()
            yield sandbox
        finally:
            Sandbox._kept = sandbox
        sandbox.must_be_well()

    @classmethod
    def stop_kept(cls) -> None:
        """Stop the one that was kept for the next, if there is one."""
        if (kept := Sandbox._kept) is not None:
            Sandbox._kept = None
            kept.stop()

    def must_be_well(self) -> None:
        """Forgets what failed until now.

        Raises:
            ExceptionGroup: Callbacks or handlers of the sandbox failed; nobody else would hear of it.
        """
        failures = [error for error in self._app.errors if isinstance(error, Exception)]
        self._app.errors.clear()
        if failures:
            raise ExceptionGroup("the sandbox or a callback failed", failures)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """The URL for ``AWS_ENDPOINT_URL`` and Terraform's ``endpoints``."""
        if self._server is None:
            raise RuntimeError("the sandbox does not run")
        return f"http://{self._address[0]}:{self._server.port}"

    def reset(self) -> None:
        """Back to one empty account without faults, calls, callbacks, latency or throttling."""
        self.accounts.reset()
        self._close_clusters()
        with self._making:
            self._services = {key: made for key, made in self._services.items() if key == ACCOUNT}
        self.clear_calls()
        self.clear_faults()
        self.clear_callbacks()
        self.clear_throttling()
        self.latency = 0.0
        self.pair_deletes = "tag"
        self.ecr.lost_layers.clear()
        self.ecr.looks_until_active = 1

    def client(self, service: str, region: str = REGION, *, account: str = ACCOUNT, **options: Any) -> Any:
        """A boto3 client that speaks to this sandbox, with the keys of an account, and does not retry."""
        key = (service, region, account)
        if options or key not in self._clients:
            made = _SESSION.client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                **(
                    {
                        "aws_access_key_id": "sandbox" if account == ACCOUNT else key_of(account),
                        "aws_secret_access_key": "sandbox",
                        "config": Config(retries={"total_max_attempts": 1}, max_pool_connections=24),
                    }
                    | options
                ),
            )
            self.shorten(made)
            if options:
                return made
            self._clients[key] = made
        return self._clients[key]

    def shorten(self, client: Any) -> None:
        """Let a client of this process ask the sandbox without a socket, but for what a fault is meant for."""
        # Last, so that whoever holds a call back does so before it is made.
        client.meta.events.register_last("before-send", Shortcut(self._app, self.endpoint))

    # Content

    def seed(self, scenario: Path | Mapping[str, Any], *, account: str = ACCOUNT) -> None:
        """Add a scenario (a YAML file or its content as a dictionary) to what is there.

        Raises:
            LookupError: Nobody told of the account.
            ValueError: The scenario is of another account, and tells of accounts itself.
        """
        content = contents(scenario)
        others, organization = content.pop("accounts", None), content.pop("organization", None)
        if account != ACCOUNT and (others or organization is not None):
            raise ValueError("a scenario of another account tells of no accounts")
        if organization is not None:
            self.accounts.organize(organization)
        for name, told in (others or {}).items():
            if unknown := sorted(set(told) - {"name", "state", "member", "unit", "reader", "holds"}):
                raise ValueError(f"an account has no {', '.join(unknown)}")
            self.account(str(name), **{key: value for key, value in told.items() if key != "holds"})
        self._of(account).loader.load(content)
        for name, told in (others or {}).items():
            for each in told.get("holds") or []:
                self.seed(each, account=str(name))

    def account(self, account: str, *, reader: bool = False, **told: Any) -> None:
        """Tell of another account, or more of one, as `Accounts.tell`; `reader`: it has the role for the function."""
        self.accounts.tell(account, **told)
        if reader:
            self.accounts.add_reader(account)

    def role(self, name: str, *, account: str = ACCOUNT, session: str = "sandbox", seconds: int = 3600) -> Credentials:
        """Credentials of a role, as a service that runs for it has them: nobody is asked whether it may be assumed."""
        return self.accounts.identities.begin(f"arn:aws:iam::{account}:role/{name}", "AROASANDBOX", session, seconds)

    def repository(
        self,
        name: str,
        tags: Mapping[str, str] | None = None,
        *,
        policy: Mapping[str, Any] | None = None,
        mutability: str = "MUTABLE",
        region: str = REGION,
        account: str = ACCOUNT,
    ) -> None:
        """Create a repository."""
        self._of(account).loader.repository(region, name, tags or {}, policy, mutability)

    def push(self, repository: str, *, region: str = REGION, account: str = ACCOUNT, **image: Any) -> str:
        """Push an image and return its digest; the keywords are those of an image in a scenario."""
        return self._of(account).loader.push(region, repository, Push(**image))

    def tag(self, repository: str, digest: str, tag: str, *, region: str = REGION) -> None:
        """Put a tag on an image; it leaves the image that had it."""
        self.state.region(region).images.tag(repository, digest, tag)

    def untag(self, repository: str, tag: str, *, region: str = REGION) -> None:
        """Take a tag away; the image stays, untagged if it was its last."""
        self.state.region(region).images.untag(repository, tag)

    def remove(self, repository: str, digest: str, *, region: str = REGION) -> None:
        """Remove an image as somebody else would, unrecorded and without any check."""
        self.state.region(region).images.remove(repository, digest)

    def digest(self, image_id: str, *, region: str = REGION) -> str:
        """The digest of an image by its scenario id."""
        return self.state.ids[region, image_id]

    def images(self, repository: str, *, region: str = REGION) -> list[Image]:
        """What a repository holds now, oldest push first."""
        found = self.state.region(region).images.of(repository).values()
        return sorted(found, key=lambda image: (image.pushed_at, image.digest))

    # What happened

    @property
    def calls(self) -> list[Call]:
        """Every AWS call so far, in the order of arrival."""
        return list(self._app.calls)

    def clear_calls(self) -> None:
        """Forget the recorded calls."""
        self._app.calls.clear()

    # Disturbances

    def inject(self, fault: Fault) -> None:
        """Put a fault in force until `clear_faults`."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def before(
        self, service: str, operation: str, callback: Callable[[Call], object], *, lasting: bool = False
    ) -> None:
        """Run a callback just before the next such call is served, or before every one."""
        self._before.add(service, operation, callback, lasting=lasting)

    def after(self, service: str, operation: str, callback: Callable[[Call], object], *, lasting: bool = False) -> None:
        """Run a callback just after the next such call was served and before it is answered, or after every one."""
        self._after.add(service, operation, callback, lasting=lasting)

    def clear_callbacks(self) -> None:
        """Forget all callbacks."""
        self._before.clear()
        self._after.clear()

    def throttle(self, service: str, operation: str | Iterable[str], *, burst: float, refill: float) -> None:
        """Let operations share a token bucket; beyond it they are throttled."""
        operations = [operation] if isinstance(operation, str) else operation
        self._app.buckets.append(Bucket(service, operations, burst, refill))

    def clear_throttling(self) -> None:
        """Forget all token buckets."""
        self._app.buckets.clear()

    @property
    def latency(self) -> float:
        """Seconds every call takes longer."""
        return self._app.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._app.latency = seconds

    @property
    def ecr(self) -> EcrApi:
        """What a test may set of ECR itself: which layers it lost, how long it takes to restore from the archive."""
        return self._of(ACCOUNT).ecr

    @property
    def pair_deletes(self) -> Literal["tag", "image"]:
        """What a (digest, tag) pair removes in BatchDeleteImage; AWS does not say."""
        return self.ecr.pair_deletes

    @pair_deletes.setter
    def pair_deletes(self, meaning: Literal["tag", "image"]) -> None:
        self.ecr.pair_deletes = meaning

    def _tags(self, request: Request) -> dict[str, str]:
        name = request.get("repositoryName") or str(request.get("resourceArn", "")).partition(":repository/")[2]
        if request.service != "ecr" or not name or request.account not in self.accounts.told:
            return {}
        return self.accounts.state(request.account).repository_tags(request.region, str(name))

    def _of(self, account: str) -> Services:
        with self._making:
            if account not in self._services:
                self._services[account] = Services(
                    self.accounts.state(account), self.accounts, lambda: urlsplit(self.endpoint).netloc
                )
            return self._services[account]

    def _close_clusters(self) -> None:
        for services in self._services.values():
            services.eks.close()
