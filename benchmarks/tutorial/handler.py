"""The function of the tutorials, with the two mends without which it does not run: decoded keys and Decimal.

Source: AWS's own walk-throughs and the five systems in docs/coming-from.md; their steps, in their order.
"""

import json
import os
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import boto3

rekognition = boto3.client("rekognition")
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handle(event: dict[str, Any], context: object) -> None:
    """Call DetectLabels by S3 reference for each record, then put the labels into the table."""
    for message in event["Records"]:
        for record in json.loads(message["body"]).get("Records", []):
            bucket = record["s3"]["bucket"]["name"]
            key = unquote_plus(record["s3"]["object"]["key"])
            answer = rekognition.detect_labels(
                Image={"S3Object": {"Bucket": bucket, "Name": key}}, MaxLabels=10, MinConfidence=70
            )
            labels = [
                {"Name": label["Name"], "Confidence": Decimal(str(label["Confidence"]))} for label in answer["Labels"]
            ]
            table.put_item(Item={"ImageName": key, "Labels": labels})
