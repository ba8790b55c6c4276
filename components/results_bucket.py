"""ResultsBucket: the private bucket of result documents."""

import pulumi

from .private_bucket import PrivateBucket, PrivateBucketArgs

ResultsBucketArgs = PrivateBucketArgs


class ResultsBucket(PrivateBucket):
    """A private bucket with a JSON document for each version of a picture, as `api/result.schema.json` describes it."""

    def __init__(
        self, name: str, args: ResultsBucketArgs | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        checked = self._start(name, args, opts)
        self._make(checked["kms_key_arn"], protect_data=checked["protect_data"])
        self._keep_versions(checked, "expire-documents")
        self._finish()
