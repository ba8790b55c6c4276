"""The Pulumi program of Labelstack: settings, then components, then outputs."""

from pathlib import Path

import pulumi
import pulumi_aws as aws

import settings as stack_settings
from components import page_service
from components.alarms import WatchedApi, WatchedFunction
from components.announcements import Announcements
from components.guest_access import GuestAccess, GuestAccessArgs
from components.image_processor import ImageProcessor
from components.label_api import LabelApi, LabelApiArgs
from components.label_workflow import LabelWorkflow
from components.monitoring import Monitoring, MonitoringArgs
from components.notifications import Notifications, NotificationsArgs
from components.pipeline import PipelineArgs
from components.results_bucket import ResultsBucket, ResultsBucketArgs
from components.results_store import ResultsStore, ResultsStoreArgs
from components.upload_bucket import UploadBucket, UploadBucketArgs
from components.website import Website, WebsiteArgs, WebsiteFiles, WebsiteFilesArgs

settings = stack_settings.load()
project = Path(__file__).resolve().parent
service = f"{settings.name}-{pulumi.get_stack()}"

site: Website | None = None
if settings.website != "none":
    site = Website(
        f"{settings.name}-site",
        WebsiteArgs(
            kind=settings.website,
            endpoint=settings.website_endpoint,
            sources=[settings.public_endpoint] if settings.public_endpoint else [],
        ),
    )
origins: list[pulumi.Input[str]] = [*([site.origin] if site else []), *settings.allowed_origins]

uploads = UploadBucket(
    f"{settings.name}-uploads",
    UploadBucketArgs(
        protect_data=settings.protect_data,
        noncurrent_version_days=settings.noncurrent_version_days,
        expiration_days=settings.upload_expiration_days,
        cors_origins=origins,
    ),
)
results = ResultsStore(f"{settings.name}-results", ResultsStoreArgs(protect_data=settings.protect_data))
documents: ResultsBucket | None = None
if settings.results_bucket:
    documents = ResultsBucket(
        f"{settings.name}-documents",
        ResultsBucketArgs(
            protect_data=settings.protect_data,
            noncurrent_version_days=settings.noncurrent_version_days,
            expiration_days=settings.results_expiration_days,
        ),
    )
notifications: Notifications | None = None
if settings.notifications:
    notifications = Notifications(
        f"{settings.name}-notifications",
        NotificationsArgs(
            emails=settings.notify_emails,
            queue_arns=settings.notify_queues,
            filter_policy=settings.notify_filter,
        ),
    )
announcements = Announcements(
    bucket_name=documents.name if documents else None,
    bucket_arn=documents.arn if documents else None,
    topic_arn=notifications.topic_arn if notifications else None,
    notify_min_confidence=settings.notify_min_confidence,
)
pipeline = PipelineArgs(
    source_dir=project,
    service=service,
    bucket_name=uploads.name,
    bucket_arn=uploads.arn,
    table_name=results.name,
    table_arn=results.arn,
    detectors=settings.detectors,
    max_labels=settings.max_labels,
    min_confidence=settings.min_confidence,
    image_properties=settings.image_properties,
    rekognition_tps=settings.rekognition_tps,
    rekognition_timeout_s=settings.rekognition_timeout_seconds,
    rekognition_endpoint=settings.rekognition_endpoint,
    announcements=announcements,
    retry_base_delay_s=settings.retry_base_delay_seconds,
    cache_days=settings.cache_days,
    batch_size=settings.batch_size,
    max_receive_count=settings.max_receive_count,
    runtime=settings.runtime,
    architecture=settings.architecture,
    memory_mb=settings.memory_mb,
    timeout_s=settings.timeout_seconds,
    log_retention_days=settings.log_retention_days,
    log_level=settings.log_level,
)
workflow: LabelWorkflow | None = None
if settings.pipeline == "workflow":
    workflow = LabelWorkflow(settings.name, pipeline)
processor = workflow or ImageProcessor(settings.name, pipeline)

api: LabelApi | None = None
if settings.api != "none":
    api = LabelApi(
        f"{settings.name}-api",
        LabelApiArgs(
            source_dir=project,
            service=service,
            kind=settings.api,
            access=settings.api_access,
            bucket_name=uploads.name,
            bucket_arn=uploads.arn,
            table_name=results.name,
            table_arn=results.arn,
            upload_prefix=settings.upload_prefix,
            origins=origins,
            stage=settings.api_stage,
            throttle_rate=settings.api_throttle_rate,
            throttle_burst=settings.api_throttle_burst,
            set_account_log_role=settings.api_log_role,
            public_endpoint=settings.public_endpoint,
            runtime=settings.runtime,
            architecture=settings.architecture,
            log_retention_days=settings.log_retention_days,
            log_level=settings.log_level,
        ),
    )
guests: GuestAccess | None = None
if settings.guest_access:
    guests = GuestAccess(
        f"{settings.name}-guests",
        GuestAccessArgs(bucket_arn=uploads.arn, table_arn=results.arn, upload_prefix=settings.upload_prefix),
    )
if site:
    if settings.site_mode == "guest" and guests:
        page = page_service.as_guest(
            uploads,
            region=aws.get_region_output().region,
            identity_pool_id=guests.identity_pool_id,
            table_name=results.name,
            upload_prefix=settings.upload_prefix,
            min_confidence=settings.min_confidence,
            public_endpoint=settings.public_endpoint,
        )
    else:
        assert api is not None  # the settings are checked for it
        page = page_service.through_api(
            uploads,
            api.url,
            can_delete=settings.api_access == "api_key",
            min_confidence=settings.min_confidence,
            public_endpoint=settings.public_endpoint,
        )
    WebsiteFiles(
        f"{settings.name}-site",
        WebsiteFilesArgs(
            bucket_name=site.bucket_name,
            folder=project / "web",
            config=page.config,
            connect=page.connect,
            pictures=page.pictures,
        ),
    )

monitoring: Monitoring | None = None
if settings.monitoring:
    takes_events = "start" if workflow else "process-image"
    watched = {
        takes_events: WatchedFunction.of(processor.processor, "labelstack logs processor"),
        "record-failure": WatchedFunction.of(processor.failure_recorder, "labelstack logs failureRecorder"),
    }
    if workflow:
        watched |= {
            step: WatchedFunction.of(function, f"labelstack logs {step}", is_step=True)
            for step, function in workflow.steps.items()
        }
    if api:
        watched |= {
            f"api-{duty.replace('_', '-')}": WatchedFunction.of(function) for duty, function in api.functions.items()
        }
    monitoring = Monitoring(
        settings.name,
        MonitoringArgs(
            service=service,
            functions=watched,
            processor=takes_events,
            queue_name=processor.queue.name,
            dead_letter_queue_name=processor.dead_letter_queue.name,
            detectors=settings.detectors,
            image_properties=settings.image_properties,
            api=WatchedApi(settings.api, api.metric_dimensions) if api and settings.api != "none" else None,
            state_machine_arn=workflow.state_machine.arn if workflow else None,
            daily_cost_bound_usd=settings.daily_cost_bound_usd,
            alarm_topic_arn=settings.alarm_topic_arn,
            emails=settings.alarm_emails,
        ),
    )

pulumi.export("uploadBucket", uploads.name)
pulumi.export("uploadPrefix", settings.upload_prefix)
pulumi.export("resultsTable", results.name)
pulumi.export("detectors", list(settings.detectors))
pulumi.export("imageProperties", settings.image_properties)
if documents:
    pulumi.export("resultsBucket", documents.name)
if notifications:
    pulumi.export("topicArn", notifications.topic_arn)
pulumi.export("queueUrl", processor.queue.url)
pulumi.export("deadLetterQueueUrl", processor.dead_letter_queue.url)
pulumi.export("processorFunction", processor.processor.name)
pulumi.export("failureRecorderFunction", processor.failure_recorder.name)
if workflow:
    pulumi.export("stateMachineArn", workflow.state_machine.arn)
    for step, function in workflow.steps.items():
        pulumi.export(f"{step}Function", function.name)
if api:
    pulumi.export("apiUrl", api.url)
    pulumi.export("apiAccess", settings.api_access)
    if api.api_key_id is not None:
        pulumi.export("apiKeyId", api.api_key_id)
if site:
    pulumi.export("websiteUrl", site.url)
    pulumi.export("websiteBucket", site.bucket_name)
if guests:
    pulumi.export("identityPoolId", guests.identity_pool_id)
if monitoring:
    pulumi.export("alarmTopicArn", monitoring.topic_arn)
    pulumi.export("dashboardName", monitoring.dashboard_name)
