"""Accounts that several tests look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.fake_aws.aws import ACCOUNT
from tests.integration import computing, tabled, under_way

if TYPE_CHECKING:
    from tests.fake_aws import Sandbox

CONSUMERS: Final[tuple[str, ...]] = (
    "service",
    "deployment",
    "task-set",
    "external-task-set",
    "revision",
    "rollback",
    "rollback-before",
    "replaced",
    "running",
    "stopped",
    "rule",
    "disabled-schedule",
    "universal-schedule",
    "lambda",
    "lambda-version",
    "apprunner",
    "extra",
    "inventory",
    "pod",
    *tabled.BY_TAG,
    *tabled.BY_DIGEST,
    tabled.BY_PREFIX,
    *computing.CONSUMERS,
    *under_way.CONSUMERS,
    "family",
    "express",
    "daemon",
    "daemon-definition",
    "daemon-rollback",
    "daemon-rollback-before",
    "daemon-replaced",
    "pipe",
    "state-machine",
    "state-machine-task",
    "state-machine-version",
)
"""One image each, 90 days old and kept by one consumer alone: in the repository ``app``, but for the last."""


IN_APP: Final = frozenset(CONSUMERS) - {tabled.BY_PREFIX}
"""Those whose image lies in the repository ``app``."""

SETTINGS: Final[dict[str, Any]] = {
    "protected_images": ["app:extra"],
    "used_images": {"bucket": "lists", "prefix": "inventories/", "max_age_hours": 24},
}
"""What the settings of a run over the account say: where to look that only a person can know."""


def every_consumer() -> dict[str, Any]:
    """An account in which each image of `CONSUMERS` is used in its own way, and ``unused`` in none.

    Images that only a digest keeps carry no tag: theirs was taken away after it was resolved.
    """
    by_digest = {
        "revision",
        "rollback",
        "rollback-before",
        "replaced",
        "running",
        "stopped",
        "lambda",
        "lambda-version",
        "pod",
        *tabled.BY_DIGEST,
        *computing.BY_DIGEST,
        *under_way.BY_DIGEST,
        "daemon",
        "daemon-rollback",
        "daemon-rollback-before",
        "daemon-replaced",
    }
    without_task_definition = {
        "lambda",
        "lambda-version",
        "apprunner",
        "extra",
        "inventory",
        "pod",
        *tabled.BY_TAG,
        *tabled.BY_DIGEST,
        tabled.BY_PREFIX,
        *computing.CONSUMERS,
        *under_way.BY_TAG,
        *under_way.BY_DIGEST,
        "express",
        "daemon",
        "daemon-definition",
        "daemon-rollback",
        "daemon-rollback-before",
        "daemon-replaced",
        "state-machine",
    }
    images = [
        {"id": name, "pushed": "90d", "tags": [] if name in by_digest else [name]}
        for name in CONSUMERS
        if name != tabled.BY_PREFIX
    ]
    images.append({"id": "unused", "pushed": "90d", "tags": ["unused"]})
    image = "{registry}/app:"
    families = [name for name in CONSUMERS if name not in without_task_definition]
    definitions = {f"{name}:1": {"image": image + name} for name in families}
    # The newest revision of a family is in use by itself; whoever names an earlier one has to keep that alone.
    superseded = set(families) - {"family", "universal-schedule"}
    definitions |= {f"{name}:2": {"image": image + "service"} for name in families if name in superseded}
    # What is left of a family whose third revision a schedule still names.
    definitions["gone:4"] = {"image": image + "service"}
    return {
        "repositories": {
            "app": {"tags": {"BoxCleanerEnabled": "true"}, "images": images},
            "mirror/tools": {
                "tags": {"BoxCleanerEnabled": "true"},
                "images": [{"id": tabled.BY_PREFIX, "pushed": "90d", "tags": ["v1"]}],
            },
        },
        "ecs": {
            "task_definitions": definitions,
            "daemon_task_definitions": {
                "daemon-definition:1": {"image": image + "daemon-definition"},
                "daemon:1": {"image": image + "service"},
            },
            "clusters": {
                "prod": {
                    "services": {
                        "web": {
                            "task_definition": "service:1",
                            "deployments": [{"task_definition": "deployment:1", "status": "ACTIVE"}],
                        },
                        "blue": {
                            "controller": "CODE_DEPLOY",
                            "task_sets": [{"task_definition": "task-set:1", "status": "ACTIVE"}],
                        },
                        "outside": {
                            "controller": "EXTERNAL",
                            "task_sets": [{"task_definition": "external-task-set:1", "status": "ACTIVE"}],
                        },
                        "asleep": {
                            "task_definition": "revision:1",
                            "desired": 0,
                            "revisions": [
                                {
                                    "task_definition": "revision:1",
                                    "digests": {"revision": "{revision}"},
                                    "deployed": "2d",
                                },
                                {
                                    "task_definition": "rollback:1",
                                    "digests": {"rollback": "{rollback}"},
                                    "deployed": "9d",
                                },
                                {
                                    "task_definition": "rollback-before:1",
                                    "digests": {"rollback-before": "{rollback-before}"},
                                    "deployed": "19d",
                                },
                            ],
                        },
                        "fast": {"express": image + "express"},
                        # Only the deployment under way knows what it replaces.
                        "rolling": {
                            "task_definition": "service:1",
                            "revisions": [
                                {"task_definition": "service:1", "deployed": "1h", "status": "IN_PROGRESS"},
                                {
                                    "task_definition": "replaced:1",
                                    "digests": {"replaced": "{replaced}"},
                                    "deployed": "3d",
                                    "status": "STOPPED",
                                },
                            ],
                        },
                    },
                    "daemons": {"agent": _daemon("SUCCESSFUL"), "collector": _daemon("IN_PROGRESS")},
                    "tasks": [
                        {"task_definition": "running:1", "digests": {"running": "{running}"}},
                        {
                            "task_definition": "stopped:1",
                            "status": "STOPPED",
                            "stopped": "20m",
                            "digests": {"stopped": "{stopped}"},
                        },
                    ],
                }
            },
        },
        "inspector": tabled.inspector(),
        "tables": tabled.tables(),
        "lambda": {
            "functions": {
                "resize": {
                    "versions": {
                        "$LATEST": {"image": image + "lambda", "digest": "{lambda}"},
                        "1": {"image": image + "lambda-version", "digest": "{lambda-version}"},
                    }
                }
            }
        },
        "apprunner": {"services": {"landing": {"image": image + "apprunner"}}},
        "eks": {"clusters": ["shop"]},
        "s3": {
            "lists": {
                "inventories/nomad.json": {"json": ["app:inventory", "nginx:1.29"], "modified": "3h"},
                "inventories/eks/us-east-1/shop.json": {
                    "json": [image + "gone", "{registry}/app@{pod}"],
                    "modified": "24h-60s",
                },
                "other/stale.json": {"text": "[", "modified": "900d"},
            },
        },
        "pipes": {
            "pipes": {
                "import": {"task_definition": "pipe:1", "state": "STOPPED"},
                "audit": {"arn": "arn:aws:sqs:us-east-1:123456789012:audit"},
            }
        },
        "stepfunctions": {
            "machines": {
                "train": {
                    "definition": under_way.machine(TrainingImage=image + "state-machine"),
                    "versions": {
                        "1": under_way.machine(TaskDefinition="state-machine-version:1"),
                        "2": under_way.machine(TrainingImage=image + "state-machine"),
                    },
                },
                "report": {"type": "EXPRESS", "definition": under_way.machine(TaskDefinition="state-machine-task:1")},
                "choose": {
                    "definition": under_way.machine(**{"TaskDefinition.$": "$.chosen"}),
                    "versions": {"1": under_way.machine(**{"TaskDefinition.$": "$.chosen"})},
                },
                **under_way.machines(),
            }
        },
        "events": {"rules": {"nightly": {"schedule": "rate(1 day)", "targets": [{"task_definition": "rule:1"}]}}},
        "scheduler": {
            "schedules": {
                "weekly": {
                    "schedule": "rate(7 days)",
                    "state": "DISABLED",
                    "task_definition": "disabled-schedule:1",
                },
                # Nothing can be started from it; the listings have to prove that.
                "dead": {
                    "schedule": "rate(1 day)",
                    "task_definition": "arn:aws:ecs:us-east-1:123456789012:task-definition/gone:3",
                },
            }
        },
        **computing.sections(),
    }


def is_seeded(sandbox: Sandbox) -> bool:
    """Whether the account of `every_consumer` lies in the sandbox."""
    return SETTINGS["used_images"]["bucket"] in sandbox.state.moto("s3", "aws").buckets


def _daemon(status: str) -> dict[str, Any]:
    """A daemon whose newest deployment ended, with two before it; or one that is replaced right now."""
    if status != "SUCCESSFUL":
        return {
            "revisions": [
                {"task_definition": "daemon:1", "deployed": "1h", "status": status},
                {
                    "task_definition": "daemon:1",
                    "digest": "{daemon-replaced}",
                    "deployed": "3d",
                    "status": "STOPPED",
                },
            ]
        }
    return {
        "revisions": [
            {"task_definition": "daemon-definition:1", "digest": "{daemon}", "deployed": "2d"},
            {"task_definition": "daemon:1", "digest": "{daemon-rollback}", "deployed": "9d"},
            {"task_definition": "daemon:1", "digest": "{daemon-rollback-before}", "deployed": "19d"},
        ]
    }


def seed(sandbox: Sandbox, told: dict[str, Any] | None = None, account: str = ACCOUNT) -> None:
    """Put the account of `every_consumer`, or a part of it, into the sandbox, and the schedule that scenarios lack."""
    sandbox.seed(every_consumer() if told is None else told, account=account)
    sandbox.client("scheduler", account=account).create_schedule(
        Name="monthly",
        ScheduleExpression="rate(30 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:ecs:runTask",
            "RoleArn": f"arn:aws:iam::{account}:role/starts-tasks",
            "Input": '{"Cluster": "prod", "TaskDefinition": "universal-schedule"}',
        },
    )
