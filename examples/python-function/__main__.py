"""PythonFunction alone: a function from a folder, whose role may send to one queue and nothing else."""

from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.policies import Statement
from components.python_function import PythonFunction, PythonFunctionArgs

config = pulumi.Config()
letters = aws.sqs.Queue("letters")
greeter = PythonFunction(
    "greeter",
    PythonFunctionArgs(
        source_dir=Path(__file__).resolve().parent,
        packages=["greeter"],
        handler="greeter.handler.handle",
        environment={"QUEUE_URL": letters.url},
        statements=[Statement(["sqs:SendMessage"], [letters.arn])],
        runtime=config.get("runtime", "python3.13"),
        architecture=config.get("architecture", "arm64"),
        memory_mb=128,
        timeout_s=10,
        log_retention_days=7,
    ),
)

pulumi.export("function", greeter.name)
pulumi.export("queueUrl", letters.url)
