"""Cleaners that go on without an answer: what they lose in an account, a run of ours on the same account keeps."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fake_aws import Fault
from tests.prior_art import faulty_ecs, faulty_kubernetes
from tests.prior_art.listing import HOST, hazard, keeps, left, named, refuses, seen, service, with_control

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_aws import Sandbox
    from tests.fake_aws.faults import Kind
    from tests.integration.runner import Runner

USES: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "ecs": ("ListClusters", "list_clusters", service("web", "{registry}/app:v1")),
    "lambda": (
        "ListFunctions",
        "list_functions",
        {"lambda": {"functions": {"f": {"versions": {"$LATEST": {"image": "{registry}/app:v1"}}}}}},
    ),
    "apprunner": (
        "ListServices",
        "list_services",
        {"apprunner": {"services": {"landing": {"image": "{registry}/app:v1"}}}},
    ),
    # Where pods cannot be seen it takes an answer that there is no cluster at all.
    "eks": ("ListClusters", "list_clusters", service("web", "{registry}/app:v1")),
}
"""Who may use an image: the listing that has to be answered, and a scenario in which the image ``used`` is used."""


@hazard("SG-1", "SM-1", "MOJ-1")
@pytest.mark.parametrize("kind", ["access_denied", "internal_error"])
@pytest.mark.parametrize("place", USES)
def test_what_cannot_be_asked_may_use_everything(run: Runner, sandbox: Sandbox, place: str, kind: Kind) -> None:
    """Access denied is not unused; the others' answers do not make up for it."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    operation, method, scenario = USES[place]
    sandbox.seed(scenario)
    sandbox.inject(Fault(service=place, operation=operation, kind=kind))

    def ask() -> list[str]:
        getattr(sandbox.client(place), method)()
        return [f"{HOST}/app:v1"]

    known = faulty_kubernetes.texts_of([ask, list])
    assert named(sandbox, faulty_ecs.lost_by_texts(seen(sandbox), known)) == {"used", "unused"}
    where = f"source {place} in 123456789012/us-east-1"
    refuses(run, f":{operation} (source {place}" if kind == "access_denied" else f"{where}: {operation} failed with ")
    sandbox.clear_faults()
    known = faulty_kubernetes.texts_of([ask, list])
    assert named(sandbox, faulty_ecs.lost_by_texts(seen(sandbox), known)) == {"unused"}
    keeps(run, sandbox, "used")


@hazard("MOJ-2")
@pytest.mark.parametrize("operation", ["ListServices", "DescribeServices", "DescribeTaskDefinition"])
def test_an_answer_without_its_list_is_no_empty_list(run: Runner, sandbox: Sandbox, operation: str) -> None:
    """A body that was cut short says nothing of what is in use."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    sandbox.inject(Fault(service="ecs", operation=operation, kind="missing_member"))
    client = sandbox.client("ecs")
    answers = {
        "ListServices": lambda: faulty_kubernetes.listed(client.list_services(cluster="prod"), "serviceArns"),
        "DescribeServices": lambda: faulty_kubernetes.listed(
            client.describe_services(cluster="prod", services=["web"]), "services"
        ),
        "DescribeTaskDefinition": lambda: faulty_kubernetes.listed(
            client.describe_task_definition(taskDefinition="web:1"), "taskDefinition"
        ),
    }
    assert answers[operation]() == []
    assert named(sandbox, faulty_ecs.lost_by_texts(seen(sandbox), set())) == {"used", "unused"}
    refuses(run, "source ecs in ")
    sandbox.clear_faults()
    assert answers[operation]()
    keeps(run, sandbox, "used")


@hazard("SG-2")
def test_every_page_of_repositories_and_images_is_read(run: Runner, sandbox: Sandbox) -> None:
    """What lies on a later one is cleaned as well, and kept as well."""
    with_control(run)
    sandbox.push("app", id="used", tags=["v1"], pushed="90d")
    sandbox.seed(service("web", "{registry}/app:v1"))
    run.opted_in("zoo")
    sandbox.push("zoo", id="unused-too", tags=["v1"], pushed="90d")
    ecr = sandbox.client("ecr")
    for operation in ("DescribeRepositories", "DescribeImages"):
        sandbox.inject(Fault(service="ecr", operation=operation, kind="short_page"))
    repositories = faulty_ecs.first_page(ecr.describe_repositories(), "repositories")
    images = faulty_ecs.first_page(ecr.describe_images(repositoryName="app"), "imageDetails")
    assert ([r["repositoryName"] for r in repositories], len(images)) == (["app"], 1)
    keeps(run, sandbox, "used")
    assert left(sandbox, "zoo") == {}


@hazard("SG-3")
def test_an_untagged_image_may_be_in_use(run: Runner, sandbox: Sandbox) -> None:
    """Its tag moved on while it runs."""
    with_control(run)
    sandbox.push("app", id="running", pushed="90d")
    sandbox.push("app", id="newest", tags=["live"], pushed="60d")
    task = {"task_definition": "web:1", "digests": {"web": "{running}"}}
    definitions = {"web:1": {"image": "{registry}/app:live"}}
    sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"tasks": [task]}}}})
    in_use = run.ids("running", "newest")
    assert named(sandbox, faulty_kubernetes.lost_without_a_look(seen(sandbox), in_use)) == {"running", "unused"}
    keeps(run, sandbox, "running", "newest")


@hazard("SM-2")
def test_a_repository_that_was_empty_stays_with_what_came_since(run: Runner, sandbox: Sandbox) -> None:
    """Repositories are never removed, and so nothing in them is by that."""
    with_control(run)
    for name in ("empty", "theirs"):
        run.opted_in(name)
    doomed = faulty_kubernetes.seen_empty(run.contents())
    assert doomed == ["empty", "theirs"]
    sandbox.push("theirs", id="lost", tags=["v1"])
    sandbox.client("ecr").delete_repository(repositoryName="theirs", force=True)
    assert "theirs" not in run.contents()
    sandbox.after("ecr", "DescribeRepositories", lambda _: sandbox.push("empty", id="first", tags=["v1"]))
    sandbox.clear_calls()
    keeps(run, sandbox)
    assert set(left(sandbox, "empty")) == {"first"}
    assert ("ecr", "DeleteRepository") not in run.asked()
    sandbox.remove("empty", sandbox.digest("first"))
    keeps(run, sandbox)
    assert run.contents() == {"app": set(), "empty": set()}


class Stranger(BaseHTTPRequestHandler):
    """Answers every request with nothing, and notes what was shown to it."""

    shown: list[str]

    def do_GET(self) -> None:
        """Whatever is asked."""
        self.shown.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a server with a certificate of its own making, and what it was shown."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "stranger.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    shown: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Noting", (Stranger,), {"shown": shown}))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", shown
    server.shutdown()
    thread.join()
    server.server_close()


@hazard("SG-5")
def test_nobody_is_told_a_secret_who_is_not_the_one_who_was_asked(
    run: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, stranger: tuple[str, list[str]]
) -> None:
    """And nobody's answer counts but that one's."""
    with_control(run)
    address, shown = stranger
    theirs = HTTPSConnection(address, context=faulty_kubernetes.trusting(), timeout=10)
    theirs.request("GET", "/clusters", headers={"Authorization": "Bearer secret"})
    assert theirs.getresponse().read() == b"{}"
    theirs.close()
    assert shown == ["Bearer secret"]
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("AWS_ENDPOINT_URL_EKS", f"https://{address}")
        refuses(run, "source eks in 123456789012/us-east-1: SSL validation failed")
    assert shown == ["Bearer secret"]
    keeps(run, sandbox)
