"""Monitoring of an ImageProcessor: alarms with what to do, the topic that they tell, and a dashboard."""

from pathlib import Path

import pulumi

from components.alarms import WatchedFunction
from components.image_processor import ImageProcessor, ImageProcessorArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.results_store import ResultsStore, ResultsStoreArgs
from components.upload_bucket import UploadBucket, UploadBucketArgs

ROOT = Path(__file__).resolve().parents[2]  # holds the functions' sources, in `handlers/`
SERVICE = "monitoring-example"  # what the functions call themselves in their metrics, and the alarms look for
DETECTORS = ["labels"]
config = pulumi.Config()

pictures = UploadBucket("pictures", UploadBucketArgs(protect_data=False))
results = ResultsStore("results", ResultsStoreArgs(protect_data=False))
labels = ImageProcessor(
    "labels",
    ImageProcessorArgs(
        source_dir=ROOT,
        service=SERVICE,
        bucket_name=pictures.name,
        bucket_arn=pictures.arn,
        table_name=results.name,
        table_arn=results.arn,
        detectors=DETECTORS,
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
watch = Monitoring(
    "watch",
    MonitoringArgs(
        service=SERVICE,
        functions={
            "process-image": WatchedFunction.of(labels.processor),
            "record-failure": WatchedFunction.of(labels.failure_recorder),
        },
        processor="process-image",
        queue_name=labels.queue.name,
        dead_letter_queue_name=labels.dead_letter_queue.name,
        detectors=DETECTORS,
        daily_cost_bound_usd=5,
    ),
)

pulumi.export("bucket", pictures.name)
pulumi.export("alarmTopicArn", watch.topic_arn)
pulumi.export("dashboardName", watch.dashboard_name)
