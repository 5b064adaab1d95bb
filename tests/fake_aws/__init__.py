"""An AWS account in a box: moto's server on loopback, strict where AWS is strict.

See `Sandbox` for use within a process, and ``python -m tests.fake_aws --help`` for use by hand.
"""

from .faults import Fault
from .images import Image
from .recorder import Call
from .sandbox import Sandbox

__all__ = ["Call", "Fault", "Image", "Sandbox"]
