"""ResultsBucket: the private bucket of result documents."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.private_bucket import private_bucket


@dataclass(frozen=True)
class ResultsBucketArgs:
    """Arguments of ResultsBucket; see `components.private_bucket`. `expiration_days` deletes documents; None: never."""

    protect_data: bool
    noncurrent_version_days: int = 30
    expiration_days: int | None = None


class ResultsBucket(pulumi.ComponentResource):
    """A bucket with one JSON document for each version of a picture, as `api/result.schema.json` describes it."""

    bucket: aws.s3.Bucket
    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ResultsBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:ResultsBucket", name, None, opts)
        self.bucket = private_bucket(
            name,
            self,
            protect_data=args.protect_data,
            noncurrent_version_days=args.noncurrent_version_days,
            expiration=("expire-documents", args.expiration_days),
        )
        self.name, self.arn = self.bucket.bucket, self.bucket.arn
        self.register_outputs({"name": self.name, "arn": self.arn})
