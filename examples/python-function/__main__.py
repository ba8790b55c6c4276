"""PythonFunction alone: a function from a folder, whose role may send to one queue and nothing else."""

from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import PythonFunction, Statement

letters = aws.sqs.Queue("letters")
greeter = PythonFunction(
    "greeter",
    {
        "source_dir": Path(__file__).resolve().parent,
        "packages": ["greeter"],
        "handler": "greeter.handler.handle",
        "environment": {"QUEUE_URL": letters.url},
        "statements": [Statement(["sqs:SendMessage"], [letters.arn])],
        "memory_mb": 128,
        "timeout_seconds": 10,
    },
)

pulumi.export("function", greeter.name)
pulumi.export("queueUrl", letters.url)
