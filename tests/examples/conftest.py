"""Every example, applied to a sandbox of the test process."""

from __future__ import annotations

from tests.terraform.fixtures import image_uri, sandbox, terraform, terraform_environment

__all__ = ["image_uri", "sandbox", "terraform", "terraform_environment"]
