"""What the contract puts into a cluster, the imitation or a real one."""

from __future__ import annotations

from typing import Any, Final

GROUP: Final = "contract.example.com"
MAPS: Final = ("a", "b", "c", "d", "e")
"""Names of ConfigMaps: several pages of two."""
_LABELS: Final = {"app": "api"}
OBJECTS: Final[dict[str, dict[str, Any]]] = {
    "widgets": {"spec": {"engineImage": "registry.example.com/engine:1"}},
    "deployments": {
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {"containers": [{"name": "api", "image": "registry.example.com/api:1"}]},
            },
        }
    },
}
"""By resource."""
