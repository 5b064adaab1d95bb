"""An imitation of the API of EKS clusters: strict where a real server is, over TLS, and broken on request."""

from tests.fake_kubernetes.cluster import FakeCluster, Fault
from tests.fake_kubernetes.server import FakeServer, resolving

__all__ = ["FakeCluster", "FakeServer", "Fault", "resolving"]
