"""Lets a Python process find the clusters that the sandbox serves: names of EKS endpoints lead to this machine.

Python imports it at its start where ``PYTHONPATH`` names its folder. Each endpoint has its port, and the client checks
the cluster's certificate against the name as ever: only the look-up of the address is another one.
"""

import socket
from typing import Any, Final

_DOMAIN: Final = ".eks.amazonaws.com"

_getaddrinfo: Final = socket.getaddrinfo


def _resolved(host: Any, *arguments: Any, **named: Any) -> Any:
    return _getaddrinfo("127.0.0.1" if str(host).endswith(_DOMAIN) else host, *arguments, **named)


socket.getaddrinfo = _resolved
