"""LabelApi over a bucket and a table. What fills the table is not here: see image-processor."""

from pathlib import Path

import pulumi

from components.label_api import LabelApi, LabelApiArgs
from components.results_store import ResultsStore, ResultsStoreArgs
from components.upload_bucket import UploadBucket, UploadBucketArgs

ROOT = Path(__file__).resolve().parents[2]  # holds the contract, in `api/`, and the functions' sources, in `handlers/`
config = pulumi.Config()

pictures = UploadBucket("pictures", UploadBucketArgs(protect_data=False))
results = ResultsStore("results", ResultsStoreArgs(protect_data=False))
api = LabelApi(
    "labels",
    LabelApiArgs(
        source_dir=ROOT,
        service="label-api-example",
        kind="http",
        access="open",
        bucket_name=pictures.name,
        bucket_arn=pictures.arn,
        table_name=results.name,
        table_arn=results.arn,
        upload_prefix="uploads/",
        stage="v1",
        throttle_rate=10,
        throttle_burst=20,
        public_endpoint=config.get("publicEndpoint"),
        runtime=config.get("runtime", "python3.13"),
        architecture=config.get("architecture", "arm64"),
        log_retention_days=7,
        log_level="INFO",
    ),
)

pulumi.export("url", api.url)
pulumi.export("bucket", pictures.name)
