"""GuestAccess to a bucket and a table: visitors work below uploads/<their id>/, each below his own."""

import pulumi

from components.guest_access import GuestAccess, GuestAccessArgs
from components.results_store import ResultsStore, ResultsStoreArgs
from components.upload_bucket import UploadBucket, UploadBucketArgs

pictures = UploadBucket("pictures", UploadBucketArgs(protect_data=False))
results = ResultsStore("results", ResultsStoreArgs(protect_data=False))
guests = GuestAccess(
    "guests",
    GuestAccessArgs(bucket_arn=pictures.arn, table_arn=results.arn, upload_prefix="uploads/"),
)

pulumi.export("identityPoolId", guests.identity_pool_id)
pulumi.export("bucket", pictures.name)
pulumi.export("table", results.name)
