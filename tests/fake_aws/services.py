"""The services of one account: who answers which operation, and who reads which section of a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .account import AccountApi
from .apprunner import AppRunnerApi
from .awslambda import LambdaApi
from .batch import BatchApi
from .cloudwatch import CloudWatchApi
from .codebuild import CodeBuildApi
from .ecr import EcrApi
from .ecr_lifecycle import EcrLifecycleApi
from .ecr_registry import EcrRegistryApi
from .ecs import EcsApi
from .ecs_daemons import EcsDaemonsApi
from .ecs_load import EcsLoader
from .eks import EksApi
from .iam import IamApi
from .inspector import InspectorApi
from .lambda_state import LambdaLoader
from .listings import Listings
from .organizations import OrganizationsApi
from .pipes import PipesApi
from .s3 import S3Api
from .sagemaker import SageMakerApi
from .scenario import Loader
from .stack_sets import StackSetsApi
from .stepfunctions import StepFunctionsApi
from .sts import StsApi
from .tables import TablesApi
from .tag_index import TagIndexApi
from .telling import TellingApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Accounts
    from .state import Account


class Services:
    """All of one account.

    Attributes:
        handlers: By botocore's service and operation; what is not in it is moto's.
        loader: Of scenarios.
        eks: Serves clusters.
        ecr: What a test may set of ECR.
    """

    def __init__(self, account: Account, accounts: Accounts, host: Callable[[], str]) -> None:
        """Make them.

        Args:
            account: Of which they are.
            accounts: Of whom STS knows.
            host: Returns host and port of the sandbox, which is STS too.
        """
        self.ecr = EcrApi(account)
        apprunner, inspector, listings = AppRunnerApi(account), InspectorApi(account), Listings(account)
        # The names of buckets are global: whoever asks is told of the same ones.
        s3 = S3Api(account.home)
        pipes, machines, tables = PipesApi(account), StepFunctionsApi(account), TablesApi(account)
        telling, regions = TellingApi(account).handlers(), AccountApi(account)
        self.eks = EksApi(account, accounts, host)
        batch, codebuild, sagemaker = BatchApi(account), CodeBuildApi(account), SageMakerApi(account)
        self.loader = Loader(
            account,
            {
                "ecs": EcsLoader(account).load,
                "lambda": LambdaLoader(account).load,
                "apprunner": apprunner.load,
                "batch": batch.load,
                "codebuild": codebuild.load,
                "sagemaker": sagemaker.load,
                "events": listings.load_events,
                "scheduler": listings.load_scheduler,
                "eks": self.eks.load,
                "regions": regions.load,
                "s3": s3.load,
                "inspector": inspector.load,
                "pipes": pipes.load,
                "stepfunctions": machines.load,
                "tables": tables.load,
            },
        )
        self.handlers: dict[str, Any] = {
            "account": regions.handlers(),
            "apprunner": apprunner.handlers(),
            "batch": batch.handlers(),
            "cloudformation": StackSetsApi(accounts).handlers(),
            "codebuild": codebuild.handlers(),
            "eks": self.eks.handlers(),
            "sagemaker": sagemaker.handlers(),
            "ecr": EcrRegistryApi(account).handlers() | EcrLifecycleApi(account).handlers() | self.ecr.handlers(),
            "ecs": EcsDaemonsApi(account).handlers() | EcsApi(account).handlers(),
            "iam": IamApi(account).handlers(),
            "inspector2": inspector.handlers(),
            "lambda": LambdaApi(account).handlers(),
            "s3": s3.handlers(),
            "organizations": OrganizationsApi(accounts).handlers(),
            "pipes": pipes.handlers(),
            "stepfunctions": machines.handlers(),
            "sts": StsApi(accounts).handlers(),
            **listings.handlers(),
            "events": listings.handlers()["events"] | telling["events"],
            "resourcegroupstaggingapi": TagIndexApi(account).handlers(),
            "sns": telling["sns"],
            **CloudWatchApi(account).handlers(),
            **tables.handlers(),
        }
