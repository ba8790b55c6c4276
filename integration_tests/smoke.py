"""A smoke test on AWS: its highest cost, printed before it costs anything, and its clean-up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration_tests.stack import DeployedStack, Uploaded, wait_for
from labelstack import outputs as stack_outputs
from labelstack.clouds import Cloud
from labelstack.engines import configuration
from labelstack.errors import NoOutputsError

# https://aws.amazon.com/rekognition/pricing/: an image and API call, the first million a month, in US dollars.
PRICE_PER_CALL = 0.001
# Of stacks whose file does not say: every detector, and the image properties, which are charged by themselves.
MOST_CALLS = 5


class OverBudgetError(AssertionError):
    """A test wants to upload more pictures than its marker says."""


@dataclass
class Budget:
    """The maximum of pictures that a run may upload, and of their price.

    Attributes:
        pictures: As many as the markers of the chosen tests say.
        calls: Rekognition calls that are charged for each.
        spent: How many were uploaded.
    """

    pictures: int
    calls: int
    spent: int = 0

    @property
    def dollars(self) -> float:
        """Return the most that Rekognition costs. Calls that fail are not charged."""
        return self.pictures * self.calls * PRICE_PER_CALL

    def __str__(self) -> str:
        """Describe the cost for the person who pays."""
        return (
            f"costs at most {self.pictures} pictures x {self.calls} Rekognition calls x ${PRICE_PER_CALL:.3f} = "
            f"${self.dollars:.3f}, and requests to S3, SQS, Lambda and DynamoDB for less than a cent"
        )

    def spend(self) -> None:
        """Take one picture. Raises OverBudgetError when none is left."""
        if self.spent >= self.pictures:
            raise OverBudgetError(f"the smoke test may upload {self.pictures} pictures: say more in its marker")
        self.spent += 1


def charged_calls(project: Path, stack: str) -> int:
    """Count a picture's Rekognition calls on a stack, by the stack's file.

    Raises:
        ProgramError: There is no such stack.
    """
    settings = _settings(project, stack)
    detectors = settings.get("labelstack:detectors")
    if detectors is None:
        return MOST_CALLS
    listed = json.loads(detectors) if detectors.lstrip().startswith("[") else detectors.split(",")
    return len(listed) + (settings.get("labelstack:imageProperties") == "true")


def region(project: Path, stack: str) -> str | None:
    """Return a stack's region, by its file; None without one.

    Raises:
        ProgramError: There is no such stack.
    """
    return _settings(project, stack).get("aws:region")


def _settings(project: Path, stack: str) -> dict[str, str]:
    return configuration.read(configuration.Project.read(project), stack, {}, {})


def deployed_outputs(project: Path, stack: str, variables: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the outputs of a deployed stack: from the file in LABELSTACK_OUTPUTS, else by the Pulumi CLI.

    Raises:
        InputError: The file cannot be used.
        NoOutputsError: There are none, or nobody to ask.
    """
    if file := variables.get("LABELSTACK_OUTPUTS"):
        return stack_outputs.check(stack_outputs.from_file(Path(file)), f"the file {file}")
    outputs = stack_outputs.from_pulumi(project, stack)
    if outputs is None:
        raise NoOutputsError(
            f"the outputs of stack {stack!r} on AWS are not known here, and there is no Pulumi CLI to ask: name a file "
            f"of them in LABELSTACK_OUTPUTS (pulumi stack output --json --stack {stack}), or let the run deploy a "
            "stack of its own (--engine pulumi)"
        )
    return stack_outputs.check(outputs, f"stack {stack!r}")


def settings_for(cloud: Cloud) -> dict[str, str]:
    """Return the settings of a stack of the run's own: its own names, no change of the account's log role."""
    role = cloud.client("apigateway").get_account().get("cloudwatchRoleArn")
    return {"labelstack:name": "labelstack-smoke", "labelstack:apiLogRole": "account" if role else "own"}


@dataclass
class SmokeStack(DeployedStack):
    """A stack on AWS: counts the uploads, and deletes all of them at the end.

    Attributes:
        budget: The limit of uploads.
        uploaded: The uploads.
    """

    budget: Budget = field(default_factory=lambda: Budget(0, MOST_CALLS))
    uploaded: list[Uploaded] = field(default_factory=list)

    def upload(self, key: str, body: bytes, **extra: str) -> Uploaded:
        """Put an object into the upload bucket, if there is budget for it."""
        self.budget.spend()
        done = super().upload(key, body, **extra)
        self.uploaded.append(done)
        return done

    def clean_up(self) -> None:
        """Delete every uploaded version, and wait until the results are deleted too."""
        s3, bucket = self.client("s3"), self.outputs["uploadBucket"]
        keys = sorted({picture.key for picture in self.uploaded})
        for key in keys:
            self.delete(key)
        for key in keys:
            wait_for(
                f"the result of {key!r} to be deleted",
                lambda key=key: (self.result(key) or {}).get("status"),  # type: ignore[misc]  # mypy: no type of key
                lambda status: status in (None, "DELETED"),
            )
            pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key))
            # The markers last: without one, an older version would come to light and be analysed again.
            for kind in ("Versions", "DeleteMarkers"):
                for version in (version for page in pages for version in page.get(kind, []) if version["Key"] == key):
                    s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
        self.uploaded.clear()
