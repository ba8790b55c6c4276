"""LabelWorkflow with a bucket and a table: a state machine turns pictures into labels, a branch for each detector."""

from pathlib import Path

import pulumi

from components.label_workflow import LabelWorkflow, LabelWorkflowArgs
from components.results_store import ResultsStore, ResultsStoreArgs
from components.upload_bucket import UploadBucket, UploadBucketArgs

ROOT = Path(__file__).resolve().parents[2]  # holds the functions' sources, in `handlers/`
config = pulumi.Config()

pictures = UploadBucket("pictures", UploadBucketArgs(protect_data=False))
results = ResultsStore("results", ResultsStoreArgs(protect_data=False))
workflow = LabelWorkflow(
    "labels",
    LabelWorkflowArgs(
        source_dir=ROOT,
        service="label-workflow-example",
        bucket_name=pictures.name,
        bucket_arn=pictures.arn,
        table_name=results.name,
        table_arn=results.arn,
        detectors=["labels", "faces"],
        max_labels=10,
        min_confidence=70,
        image_properties=False,
        rekognition_tps=5,  # the account's quota, which sets how many executions run at once
        rekognition_timeout_s=10,
        rekognition_endpoint=config.get("rekognitionEndpoint"),
        retry_base_delay_s=5,
        cache_days=30,
        batch_size=10,
        max_receive_count=5,
        runtime=config.get("runtime", "python3.13"),
        architecture=config.get("architecture", "arm64"),
        memory_mb=512,
        timeout_s=60,
        log_retention_days=7,
        log_level="INFO",
    ),
)

pulumi.export("bucket", pictures.name)
pulumi.export("table", results.name)
pulumi.export("stateMachineArn", workflow.state_machine.arn)
