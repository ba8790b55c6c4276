"""ImageProcessor with a bucket and a table: pictures become labels; no API, no page."""

from pathlib import Path

import pulumi

from components.image_processor import ImageProcessor, ImageProcessorArgs
from components.results_store import ResultsStore, ResultsStoreArgs
from components.upload_bucket import UploadBucket, UploadBucketArgs

ROOT = Path(__file__).resolve().parents[2]  # holds the functions' sources, in `handlers/`
config = pulumi.Config()

pictures = UploadBucket("pictures", UploadBucketArgs(protect_data=False))
results = ResultsStore("results", ResultsStoreArgs(protect_data=False))
processor = ImageProcessor(
    "labels",
    ImageProcessorArgs(
        source_dir=ROOT,
        service="image-processor-example",
        bucket_name=pictures.name,
        bucket_arn=pictures.arn,
        table_name=results.name,
        table_arn=results.arn,
        detectors=["labels"],
        max_labels=10,
        min_confidence=70,
        image_properties=False,
        rekognition_tps=5,  # the account's quota, which sets the concurrency
        rekognition_timeout_s=10,
        rekognition_endpoint=config.get("rekognitionEndpoint"),
        retry_base_delay_s=5,
        cache_days=30,
        batch_size=10,
        max_receive_count=5,
        runtime=config.get("runtime", "python3.13"),
        architecture=config.get("architecture", "arm64"),
        memory_mb=1024,
        timeout_s=60,
        log_retention_days=7,
        log_level="INFO",
    ),
)

pulumi.export("bucket", pictures.name)
pulumi.export("table", results.name)
pulumi.export("deadLetterQueueUrl", processor.dead_letter_queue.url)
