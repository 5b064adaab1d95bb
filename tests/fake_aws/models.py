"""botocore's models of the services, read once in a process: reading one takes longer than many calls."""

from __future__ import annotations

from functools import cache
from typing import Final

import boto3
import botocore.session
from botocore.loaders import create_loader
from botocore.model import ServiceModel

LOADER: Final = create_loader()
"""Of who reads the models as they are written."""

_OF_CLIENTS: Final = create_loader()
"""Of all sessions: a client of S3 takes the bucket out of the paths of its model."""


def session(**named: str | None) -> boto3.Session:
    """A session with a region or a profile that reads no model that another one has read."""
    core = botocore.session.Session()
    core.register_component("data_loader", _OF_CLIENTS)
    return boto3.Session(botocore_session=core, **named)


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a service, by botocore's name."""
    return ServiceModel(LOADER.load_service_model(service, "service-2"), service_name=service)
