"""Real applies against a sandbox of the test process."""

from __future__ import annotations

from tests.terraform.fixtures import image_uri, make_stack, sandbox, terraform, terraform_environment

__all__ = ["image_uri", "make_stack", "sandbox", "terraform", "terraform_environment"]
