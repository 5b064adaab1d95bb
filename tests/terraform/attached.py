"""A provider that is started once for many commands, as its developers debug it.

Terraform starts the provider for every run block of a test, and starting is most of the time. With `mock_provider` it
is only asked for its schemas, so that nothing of one run can reach the next one.
"""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PLACE: Final = ".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"
_TOLD: Final = re.compile(r"TF_REATTACH_PROVIDERS='(.+)'")
_QUIET: Final = dict.fromkeys(
    ("TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_MUX", "TF_LOG_SDK_PROTO"), "off"
)
"""In this mode it would write down every question."""

_SECONDS: Final = 60


@contextmanager
def attached(folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yields the environment in which Terraform uses one running provider.

    Args:
        folder: Initialised.
        environment: Of the provider and of Terraform.
    """
    (program,) = folder.glob(_PLACE)
    log = folder / "provider.log"
    with (
        log.open("w") as written,
        subprocess.Popen(
            [program, "-debug"],
            env={**environment, **_QUIET},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _SECONDS
            while (told := _TOLD.search(log.read_text())) is None:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield {**environment, "TF_REATTACH_PROVIDERS": told[1]}
        finally:
            process.terminate()
