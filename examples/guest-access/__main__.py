"""GuestAccess to a bucket and a table: visitors work below uploads/<their id>/, each below their own."""

import pulumi

from components import GuestAccess, ResultsStore, UploadBucket

pictures = UploadBucket("pictures", {"protect_data": False})
results = ResultsStore("results", {"protect_data": False})
guests = GuestAccess("guests", {"bucket": pictures, "table": results})

pulumi.export("identityPoolId", guests.identity_pool_id)
pulumi.export("bucket", pictures.name)
pulumi.export("table", results.name)
