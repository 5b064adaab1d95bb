"""What a person types and pastes to have tools and Terraform speak to a sandbox instead of AWS."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from tools.loopback import FOLDER
from tools.stack import CREDENTIALS, PROVIDER, REGION, SERVICES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def exports(endpoint: str) -> dict[str, str]:
    """Environment variables for the AWS CLI, SDKs, ``ecr-cleaner`` and Terraform's provider."""
    return {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,  # the AWS CLI reads no other
        "AWS_ENDPOINT_URL": endpoint,
        # Some services (HealthOmics, IoT SiteWise) put a prefix before the host's name, which 127.0.0.1 cannot have.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        # Whatever runs on Python finds the example company's Kubernetes cluster, which the sandbox serves too.
        "PYTHONPATH": FOLDER,
    }


def provider_block(endpoint: str) -> str:
    """Terraform's provider block, formatted as ``terraform fmt`` does; it needs none of the variables."""
    arguments = {"region": REGION, **PROVIDER}
    endpoints = dict.fromkeys(SERVICES, endpoint)
    return "\n".join(
        ['provider "aws" {', *_aligned(arguments, "  "), "", "  endpoints {", *_aligned(endpoints, "    "), "  }", "}"]
    )


def instructions(endpoint: str, configuration: Path | None = None) -> str:
    """All of it, to read and to copy.

    Args:
        endpoint: The sandbox's URL.
        configuration: Terraform's CLI configuration that offers the provider this project already has; None: none.
    """
    variables = exports(endpoint)
    if configuration is not None:
        variables["TF_CLI_CONFIG_FILE"] = str(configuration)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(
        [
            f"{endpoint} speaks the AWS APIs as account 123456789012 until this command ends.",
            "",
            "In another shell, for the AWS CLI, SDKs, ecr-cleaner and Terraform:",
            "",
            "unset AWS_PROFILE AWS_SESSION_TOKEN",
            *lines,
            "",
            "In a Terraform configuration:",
            "",
            provider_block(endpoint),
            "",
        ]
    )


def _aligned(arguments: Mapping[str, Any], indent: str) -> list[str]:
    width = max(map(len, arguments))
    return [f"{indent}{name:{width}} = {json.dumps(value)}" for name, value in arguments.items()]
