"""Custom Lambda runtimes: a function fails if the image of its runtime version is gone."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant

SOURCES: Final = (
    source(
        "lambda_runtimes",
        "Lambda runtimes of your own",
        "The image of every version",
        "lambda-core",
        # Inferred: the service model names the operations, the Service Authorization Reference does not know them yet.
        (Grant("ReadLambdaRuntimes", ("lambda:ListRuntimeVersions", "lambda:ListRuntimes")),),
        Chain(
            "lambda runtime {RuntimeName}:{Name}",
            (
                Call("ListRuntimes", items="Items[]", params={"MaxResults": 100}),
                Call(
                    "ListRuntimeVersions",
                    items="Items[]",
                    params_from={"RuntimeName": "Name"},
                    params={"MaxResults": 100},
                    images=(Images("ResolvedUri"),),
                ),
            ),
        ),
    ),
)
