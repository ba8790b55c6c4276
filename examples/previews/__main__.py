"""Previews of a bucket's pictures: small WebP copies in a bucket of their own; no labels, no page."""

import pulumi
import pulumi_aws as aws

from components import Previews, UploadBucket

pictures = UploadBucket("pictures", {"protect_data": False})
aws.s3.BucketNotification("pictures-events", bucket=pictures.name, eventbridge=True)
previews = Previews("previews", {"bucket": pictures})

pulumi.export("bucket", pictures.name)
pulumi.export("previews", previews.name)
