"""What a connection sends, what it bears, and what ends it."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.errors import ClusterError, OutOfTimeError
from ecr_cleaner.kubernetes import clusters, tls
from ecr_cleaner.kubernetes.connection import Bounds, Connection
from ecr_cleaner.kubernetes.token import RENEW_AFTER_SECONDS, ClusterToken
from tests.fake_kubernetes import FakeCluster, FakeServer, Fault, resolving
from tests.fake_kubernetes.certificates import authority
from tests.kubernetes.conftest import aws

if TYPE_CHECKING:
    from tests.kubernetes.conftest import World

PODS = "/api/v1/pods"


def test_the_token_is_accepted_and_its_signature_is_right(world: World) -> None:
    """By the rules of the authenticator and of STS."""
    world.connect().get(PODS)
    assert world.cluster.refusals == []


def test_a_token_for_another_cluster_is_refused(world: World) -> None:
    """Its name is signed."""
    with pytest.raises(ClusterError, match="HTTP 401"):
        world.connect(token=ClusterToken(aws(), "other")).get(PODS)
    assert world.cluster.refusals == ["signature"]


def test_a_token_is_renewed_before_it_ends() -> None:
    """After 14 of its 15 minutes."""
    now = [0.0]
    token = ClusterToken(aws(), "shop", lambda: now[0])
    first = token()
    now[0] = RENEW_AFTER_SECONDS - 1
    assert token() is first
    now[0] = RENEW_AFTER_SECONDS
    assert token() is not first
    assert len(first) < 4096


def test_names_of_clusters_do_not_mix(world: World) -> None:
    """One client signs for all of them."""
    clients = aws()
    tokens = [ClusterToken(clients, name) for name in ("other", "shop")]
    assert tokens[0]() != tokens[1]()
    world.connect(token=tokens[1]).get(PODS)
    assert clients.client("sts").meta.events  # and an ordinary call of the same client is not changed
    url = clients.client("sts").generate_presigned_url("get_caller_identity")
    assert "x-k8s-aws-id" not in url


def test_the_authority_would_be_refused_strictly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no key identifiers, and neither has what it signs."""
    real = ssl.SSLContext.wrap_socket

    def strict(context: ssl.SSLContext, *args: Any, **named: Any) -> Any:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return real(context, *args, **named)

    world.connect().get(PODS)
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", strict)
    with pytest.raises(ClusterError, match=r"TLS failed: .*CERTIFICATE_VERIFY_FAILED"):
        world.connect().get(PODS)


def test_another_authority_is_not_trusted(world: World) -> None:
    """Not even with the same name."""
    world.cluster.authority = authority("other")
    with pytest.raises(ClusterError, match="TLS failed"):
        world.connect().get(PODS)
    assert world.cluster.requests == []


def test_a_server_under_another_name_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to it."""
    other = FakeCluster(name="other")
    with FakeServer(other) as server:
        server.host = "elsewhere.gr7.us-east-1.eks.amazonaws.com"
        resolving(monkeypatch)
        connection = Connection(f"https://{server.host}", tls.trusting(other.authority.pem), lambda: "x")
        with pytest.raises(ClusterError, match="TLS failed"):
            connection.get(PODS)
        connection.close()
    assert other.requests == []


def test_proxies_of_the_environment_are_not_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would see the token."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert world.connect().get(PODS)["items"] == []


@pytest.mark.parametrize(
    ("kind", "message", "tries"),
    [
        ("unauthorized", "HTTP 401: Unauthorized", 1),
        ("forbidden", "HTTP 403: forbidden: as told", 1),
        ("expired", "HTTP 410: The provided continue", 1),
        ("throttled", "HTTP 429: too many requests", 5),
        ("broken", "HTTP 500: etcdserver", 5),
        ("unavailable", "HTTP 503: service unavailable", 5),
        ("redirect", "a redirect, which is not followed", 1),
        ("reset", "the answer ended early", 5),
        ("cut", "the answer ended early", 5),
        ("cut_gzip", "the answer ended early", 5),
        ("no_json", "the answer is no JSON", 5),
    ],
)
def test_a_lasting_fault_ends_it(world: World, kind: Any, message: str, tries: int) -> None:
    """What may pass by itself is tried again, and no message has the token."""
    world.cluster.faults.append(Fault(kind))
    token = ClusterToken(aws(), "shop")
    with pytest.raises(ClusterError, match=message) as caught:
        world.connect(token=token).get(PODS)
    assert len(world.cluster.requests) == tries
    assert token()[:40] not in str(caught.value)


@pytest.mark.parametrize("kind", ["throttled", "broken", "unavailable", "reset", "cut", "cut_gzip", "no_json"])
def test_a_passing_fault_does_not(world: World, kind: Any) -> None:
    """The next try is whole."""
    world.cluster.faults.append(Fault(kind, times=2))
    assert world.connect().get(PODS)["items"] == []
    assert world.slept == ([1.0, 1.0] if kind == "throttled" else [1.0, 2.0])


def test_large_answers_come_packed(world: World) -> None:
    """And are counted unpacked."""
    world.cluster.add("configmaps", "large", data={"a": "x" * 300_000})
    connection = world.connect()
    assert connection.get("/api/v1/configmaps")["items"][0]["data"] == {"a": "x" * 300_000}
    assert connection.received > 300_000


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(answer_bytes=1_000_000), "one answer has more than 1,000,000 bytes"),
        (Bounds(cluster_bytes=3_000_000), "all answers together have more than 3,000,000 bytes"),
    ],
)
def test_bytes_are_bounded(world: World, bounds: Bounds, message: str) -> None:
    """Of one answer and of all; a packed answer of few bytes counts as what it holds."""
    world.cluster.faults.append(Fault("huge"))
    connection = world.connect(bounds=bounds)
    if bounds.answer_bytes > 2_000_000:
        connection.get(PODS)
    with pytest.raises(ClusterError, match=message):
        connection.get(PODS)


def test_time_is_bounded_while_an_answer_drips(world: World) -> None:
    """Each byte is in time, all together are not."""
    world.cluster.faults.append(Fault("slow"))
    with pytest.raises(ClusterError, match="could not be read within 0 seconds"):
        world.connect(bounds=Bounds(cluster_seconds=0.4)).get(PODS)


def test_silence_is_not_waited_for(world: World) -> None:
    """Neither is a pause that would end too late made."""
    world.cluster.faults.append(Fault("timeout"))
    with pytest.raises(ClusterError, match=r"ended early \(ReadTimeoutError\)"):
        world.connect(bounds=Bounds(read_seconds=0.2, cluster_seconds=1)).get(PODS)
    assert world.slept == []


def test_nobody_there_is_told_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private endpoint is looked for once."""
    monkeypatch.setattr(world.cluster, "name", "gone")
    with pytest.raises(ClusterError, match=r"it cannot be reached \(NameResolutionError\)"):
        world.connect().get(PODS)
    assert world.slept == []


def test_what_is_asked_before_each_try_may_end_it(world: World) -> None:
    """Such as the deadline of the run."""
    asked: list[int] = []

    def before() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise OutOfTimeError(PODS)

    context = tls.trusting(world.cluster.authority.pem)
    connection = Connection(f"https://{world.cluster.host}", context, ClusterToken(aws(), "shop"), before=before)
    connection.get(PODS)
    with pytest.raises(OutOfTimeError):
        connection.get(PODS)
    connection.close()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://a.eks.amazonaws.com",
        "https://a.eks.amazonaws.com/path",
        "https://user@a.eks.amazonaws.com",
        "https://",
        "",
    ],
)
def test_other_endpoints_are_no_endpoints(endpoint: str) -> None:
    """Of any other form."""
    with pytest.raises(ClusterError, match="its endpoint is"):
        Connection(endpoint, tls.trusting(authority().pem), lambda: "")


@pytest.mark.parametrize(
    ("host", "is_eks"),
    [
        ("ABC.gr7.us-east-1.eks.amazonaws.com", True),
        ("abc.sk1.cn-north-1.eks.amazonaws.com.cn", True),
        ("abc.eks-cluster.us-east-1.api.aws", True),
        ("abc.eks-cluster.cn-north-1.api.amazonwebservices.com.cn", True),
        ("s3.amazonaws.com", False),
        ("eks.amazonaws.com.example.com", False),
        ("bad-eks.amazonaws.com", False),
        ("169.254.169.254", False),
        ("localhost", False),
    ],
)
def test_the_token_goes_to_hosts_of_eks_alone(world: World, host: str, is_eks: bool) -> None:  # noqa: FBT001
    """Whatever DescribeCluster says."""
    described = world.cluster.described(endpoint=f"https://{host}")
    if is_eks:
        clusters.connect(aws(), described).close()
    else:
        with pytest.raises(ClusterError, match="which is not one of EKS: nothing is sent there"):
            clusters.connect(aws(), described)


@pytest.mark.parametrize("data", ["?", "", base64.b64encode(b"no PEM").decode(), base64.b64encode(b"\xff").decode()])
def test_an_authority_has_to_be_readable(world: World, data: str) -> None:
    """Without it nobody is trusted."""
    with pytest.raises(ClusterError, match="certificate authority"):
        clusters.connect(aws(), world.cluster.described(certificateAuthority={"data": data}))


@pytest.mark.parametrize(
    ("more", "signed"),
    [({"outpostConfig": {"outpostArns": ["arn"]}}, "cluster-id-1"), ({}, "local")],
)
def test_a_local_cluster_is_known_by_its_id(world: World, more: dict[str, Any], signed: str) -> None:
    """On Outposts; of all others the name is signed."""
    described = world.cluster.described(**more) | {"name": "local", "id": "cluster-id-1"}
    connection = clusters.connect(aws(), described)
    world.cluster.name = signed
    assert connection.get(PODS)["items"] == []
    connection.close()
