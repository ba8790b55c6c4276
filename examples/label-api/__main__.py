"""LabelApi over a bucket and a table. For the function that fills the table, see image-processor."""

import pulumi

from components import LabelApi, ResultsStore, UploadBucket

pictures = UploadBucket("pictures", {"protect_data": False})
results = ResultsStore("results", {"protect_data": False})
api = LabelApi(
    "labels",
    {
        "kind": "http",
        "access": "open",
        "bucket": pictures,
        "table": results,
        "throttle_rate": 10,
        "throttle_burst": 20,
    },
)

pulumi.export("url", api.url)
pulumi.export("bucket", pictures.name)
