"""Where things lie, and the names that the parts agree on."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The module's default base image: there is a stand-in under its own name where nothing can be pulled.
BASE_IMAGE = "public.ecr.aws/lambda/python:3.13"

# The registry of the sandbox's account and region, and the password in the authorization token that it hands out.
ECR_HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
ECR_USER = "AWS"
ECR_PASSWORD = "123456789012-auth-token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder that everything lies in; it can be kept between runs as a cache.

    Attributes:
        root: ``ECR_CLEANER_ENGINE_DIR``, else a folder in the system's temporary one.
    """

    root: Path

    @classmethod
    def from_environment(cls) -> Layout:
        """Makes the folder that the environment asks for."""
        default = Path(tempfile.gettempdir()) / "ecr-cleaner-engine"
        layout = cls(Path(os.environ.get("ECR_CLEANER_ENGINE_DIR") or default).resolve())
        layout.root.mkdir(parents=True, exist_ok=True)
        return layout

    @property
    def socket(self) -> Path:
        """The engine's socket."""
        return self.root / "docker.sock"

    @property
    def docker_host(self) -> str:
        """The engine's address, as ``DOCKER_HOST`` has it."""
        return f"unix://{self.socket}"

    @property
    def docker_config(self) -> Path:
        """The client's configuration folder: our own, so that nothing of the user's is touched."""
        return self.root / "docker-config"

    @property
    def ca_bundle(self) -> Path:
        """The machine's trusted certificates and the registry's."""
        return self.root / "ca-bundle.crt"

    def log(self, name: str) -> Path:
        """The log of one of the processes."""
        return self.root / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """Where the id of a process that was started here is kept."""
        return self.root / f"{name}.pid"
