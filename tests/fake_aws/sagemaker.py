"""SageMaker: what can be listed and described there, as told; moto keeps a part of it, with other pages.

A scenario's ``sagemaker`` section holds, by kind and name, the members that the describing call shows beside name and
ARN. ``Status`` is what listings filter by; images of Studio and pipelines hold what hangs on them::

    models: {fraud: {PrimaryContainer: {Image: "{registry}/fraud:v3"}}}
    model_packages: {fraud/3: {InferenceSpecification: {...}}, other: {...}}        # with a number: of a group
    training_jobs: {fit: {Status: InProgress, AlgorithmSpecification: {TrainingImage: "..."}}}
    images: {studio: {versions: {1: {ContainerImage: "..."}}}}
    pipelines:
      nightly:
        definition: "{...}"
        versions: {1: {aliases: [stable], definition: "..."}}
        executions: {e1: {status: Executing, started: 1h, definition: "...", parameters: {Image: "..."}}}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .aws import AwsError
from .models import service_model
from .paging import page
from .push import moment
from .sagemaker_kinds import KINDS, Kind

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping

    from .aws import Request
    from .state import Account


@dataclass(slots=True)
class SageMaker:
    """Things by kind and name, images and pipelines by name, as the scenario tells them."""

    things: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    images: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)


class SageMakerApi:
    """Handlers by operation, and the reader of the section."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._model = service_model("sagemaker")
        self._listings = {kind.listing: (plural, kind) for plural, kind in KINDS.items()}
        self._describing = {kind.describing: (plural, kind) for plural, kind in KINDS.items()}

    def handlers(self) -> dict[str, Callable[[Request], dict[str, Any]]]:
        """The operations served."""
        return {
            **dict.fromkeys(self._listings, self.list),
            **dict.fromkeys(self._describing, self.describe),
            "DescribeImageVersion": self.describe_image_version,
            "DescribePipeline": self.describe_pipeline,
            "DescribePipelineDefinitionForExecution": self.describe_pipeline_definition_for_execution,
            "ListImageVersions": self.list_image_versions,
            "ListImages": self.list_images,
            "ListPipelineExecutions": self.list_pipeline_executions,
            "ListPipelineParametersForExecution": self.list_pipeline_parameters_for_execution,
            "ListPipelineVersions": self.list_pipeline_versions,
            "ListPipelines": self.list_pipelines,
        }

    def load(self, region: str, told: Mapping[str, Any], now: dt.datetime) -> None:
        """Add things; one told again is replaced.

        Raises:
            ValueError: There is no such kind, or describing it shows no such member.
        """
        store = self._account.store(region, SageMaker)
        if unknown := sorted(set(told) - {"images", "pipelines", *KINDS}):
            raise ValueError(f"SageMaker has no {', '.join(unknown)}")
        for plural, kind in KINDS.items():
            shown = self._model.operation_model(kind.describing).output_shape.members
            for name, thing in (told.get(plural) or {}).items():
                if unknown := sorted(set(thing) - {"Status", *shown}):
                    raise ValueError(f"{kind.describing} shows no {', '.join(unknown)}")
                store.things[plural][name] = {"Status": "InService", "CreationTime": now, **thing}
        for name, image in (told.get("images") or {}).items():
            store.images[name] = {int(number): dict(version) for number, version in image["versions"].items()}
        for name, pipeline in (told.get("pipelines") or {}).items():
            executions = {
                key: {**one, "started": moment(one["started"], now)}
                for key, one in (pipeline.get("executions") or {}).items()
            }
            store.pipelines[name] = {"versions": {}, **pipeline, "executions": executions}

    # What takes two calls

    def list(self, request: Request) -> dict[str, Any]:
        """100 a page at most, 10 unless asked; of model packages only those of no group, unless asked."""
        plural, kind = self._listings[request.operation]
        things, status = self._store(request).things[plural], request.get("StatusEquals")
        names = [name for name, thing in things.items() if status in {None, thing["Status"]}]
        if plural == "model_packages":
            wanted = {"Both": (True, False), "Versioned": (True,), "Unversioned": (False,)}
            grouped = wanted[request.get("ModelPackageType", "Unversioned")]
            names = [name for name in names if ("/" in name) in grouped]
        return self._page(request, kind.items, names, lambda name: self._summary(request, kind, name))

    def describe(self, request: Request) -> dict[str, Any]:
        """One thing, by name; a model package of a group by its ARN."""
        plural, kind = self._describing[request.operation]
        asked = str(self._needed(request, kind.asks))
        things = self._store(request).things[plural]
        name = asked.partition(f":{kind.word}/")[2] if asked.startswith("arn:") else asked
        if name not in things or ("/" in name and not asked.startswith("arn:")):
            raise AwsError(kind.missing, f"Could not find {kind.word} {asked!r}.")
        shown = {key: value for key, value in things[name].items() if key != "Status"}
        model = self._model.operation_model(request.operation).output_shape
        status = next((one for one in model.required_members if one == f"{kind.asks.removesuffix('Name')}Status"), None)
        arn = next(one for one in model.required_members if one.endswith("Arn") and one != "RoleArn")
        named = {kind.asks: name, arn: self._arn(request, kind.word, name)}
        return {**named, **({status: things[name]["Status"]} if status else {}), **shown}

    # Images of Studio

    def list_images(self, request: Request) -> dict[str, Any]:
        """100 a page at most."""
        return self._page(request, "Images", self._store(request).images, lambda name: {"ImageName": name})

    def list_image_versions(self, request: Request) -> dict[str, Any]:
        """Of one image; 100 a page at most."""
        versions = self._versions(request)
        return self._page(request, "ImageVersions", versions, lambda number: {"Version": number})

    def describe_image_version(self, request: Request) -> dict[str, Any]:
        """One version, the newest unless asked."""
        versions = self._versions(request)
        number = int(request.get("Version", max(versions, default=0)))
        if number not in versions:
            raise AwsError("ResourceNotFound", f"ImageVersion {number} does not exist.")
        arn = self._arn(request, "image-version", f"{request.get('ImageName')}/{number}")
        return {"ImageVersionArn": arn, "Version": number, "ImageVersionStatus": "CREATED", **versions[number]}

    # Pipelines

    def list_pipelines(self, request: Request) -> dict[str, Any]:
        """100 a page at most."""
        names = self._store(request).pipelines
        return self._page(request, "PipelineSummaries", names, lambda name: {"PipelineName": name})

    def describe_pipeline(self, request: Request) -> dict[str, Any]:
        """The newest version unless asked."""
        pipeline, number = self._pipeline(request), request.get("PipelineVersionId")
        if number is not None and int(number) not in pipeline["versions"]:
            raise AwsError("ResourceNotFound", f"There is no version {number}.")
        shown = pipeline if number is None else pipeline["versions"][int(number)]
        name = str(request.get("PipelineName"))
        arn = self._arn(request, "pipeline", name)
        return {"PipelineName": name, "PipelineArn": arn, "PipelineDefinition": shown["definition"]}

    def list_pipeline_versions(self, request: Request) -> dict[str, Any]:
        """Of one pipeline; 100 a page at most."""
        versions = self._pipeline(request)["versions"]
        return self._page(
            request,
            "PipelineVersionSummaries",
            versions,
            lambda number: {
                "PipelineVersionId": number,
                "PipelineVersionAliases": list(versions[number].get("aliases", [])),
            },
        )

    def list_pipeline_executions(self, request: Request) -> dict[str, Any]:
        """Of one pipeline; 100 a page at most."""
        name, executions = request.get("PipelineName"), self._pipeline(request)["executions"]
        after = float(request.get("CreatedAfter", 0))
        return self._page(
            request,
            "PipelineExecutionSummaries",
            [key for key, one in executions.items() if one["started"].timestamp() > after],
            lambda key: {
                "PipelineExecutionArn": self._arn(request, "pipeline", f"{name}/execution/{key}"),
                "PipelineExecutionStatus": executions[key]["status"],
                "StartTime": executions[key]["started"],
            },
        )

    def describe_pipeline_definition_for_execution(self, request: Request) -> dict[str, Any]:
        """What one execution was started with."""
        return {"PipelineDefinition": self._execution(request)["definition"]}

    def list_pipeline_parameters_for_execution(self, request: Request) -> dict[str, Any]:
        """What one execution was started with; 100 a page at most."""
        parameters = self._execution(request).get("parameters") or {}
        return self._page(
            request, "PipelineParameters", parameters, lambda name: {"Name": name, "Value": parameters[name]}
        )

    def _summary(self, request: Request, kind: Kind, name: str) -> dict[str, Any]:
        member = self._model.operation_model(kind.listing).output_shape.members[kind.items].member
        arn = next(one for one in member.members if one.endswith("Arn") and one.removesuffix("Arn") in kind.name)
        plural, _ = self._listings[request.operation]
        made = {"CreationTime": self._store(request).things[plural][name]["CreationTime"]}
        # A version of a group has no name of its own.
        shown = {kind.name: None if "/" in name else name, arn: self._arn(request, kind.word, name)}
        return shown | (made if "CreationTime" in member.members else {})

    def _page(
        self, request: Request, items: str, keys: Iterable[Any], show: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        sized = {"size": 10, "token": "NextToken", "limit": "MaxResults", "largest": 100}
        shown, token = page(request, keys, lambda key: key, **sized)  # type: ignore[arg-type]
        return {items: [show(key) for key in shown], "NextToken": token}

    def _versions(self, request: Request) -> dict[int, dict[str, Any]]:
        name, images = str(self._needed(request, "ImageName")), self._store(request).images
        if name not in images:
            raise AwsError("ResourceNotFound", f"No Image with the name {name} exists.")
        return images[name]

    def _pipeline(self, request: Request) -> dict[str, Any]:
        name, pipelines = str(self._needed(request, "PipelineName")), self._store(request).pipelines
        if name not in pipelines:
            raise AwsError("ResourceNotFound", f"Pipeline {name} does not exist.")
        return pipelines[name]

    def _execution(self, request: Request) -> dict[str, Any]:
        arn = str(self._needed(request, "PipelineExecutionArn"))
        name, _, key = arn.partition(":pipeline/")[2].partition("/execution/")
        executions: dict[str, dict[str, Any]] = self._store(request).pipelines.get(name, {}).get("executions", {})
        if key not in executions:
            raise AwsError("ResourceNotFound", f"There is no execution {arn}.")
        return executions[key]

    def _needed(self, request: Request, name: str) -> Any:
        if not request.get(name):
            raise AwsError("ValidationException", f"{name} is required.")
        return request.get(name)

    def _arn(self, request: Request, word: str, name: str) -> str:
        return f"arn:aws:sagemaker:{request.region}:{self._account.id}:{word}/{name}"

    def _store(self, request: Request) -> SageMaker:
        return self._account.store(request.region, SageMaker)
