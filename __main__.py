"""The Pulumi program of Labelstack: settings, then components, then outputs."""

from collections.abc import Callable
from typing import Any, TypeVar

import pulumi

import settings as stack_settings
from components import (
    GuestAccess,
    ImageProcessor,
    LabelApi,
    LabelWorkflow,
    Monitoring,
    Notifications,
    Previews,
    ResultsBucket,
    ResultsStore,
    UploadBucket,
    Website,
    WebsiteFiles,
)

C = TypeVar("C")
settings = stack_settings.load()
service = f"{settings['name']}-{pulumi.get_stack()}"


def make(component: Callable[[str, Any], C], suffix: str, **connections: Any) -> C:
    """Make a component with its settings, and connect it with others."""
    return component(f"{settings['name']}{suffix}", {**settings.of(component), **connections})


def make_if(setting: str, component: Callable[[str, Any], C], suffix: str, **connections: Any) -> C | None:
    """Make a component if a setting says that the stack has it."""
    return None if settings[setting] in (False, "none") else make(component, suffix, **connections)


# Data
site = make_if("website", Website, "-site", sources=[settings["publicEndpoint"]])
origins = [*([site.origin] if site else []), *settings["allowedOrigins"]]
uploads = make(UploadBucket, "-uploads", cors_origins=origins)
results = make(ResultsStore, "-results")
data = {"bucket": uploads, "table": results}
documents = make_if("resultsBucket", ResultsBucket, "-documents")
notifications = make_if("notifications", Notifications, "-notifications")

# From uploads to results
kind: Callable[[str, Any], ImageProcessor | LabelWorkflow] = (
    LabelWorkflow if settings["pipeline"] == "workflow" else ImageProcessor
)
feeds = {"eventbridge": settings["previews"], "results_bucket": documents, "topic": notifications}
processor = make(kind, "", **data, service=service, **feeds)
workflow = processor if isinstance(processor, LabelWorkflow) else None

# The parts that people see
previews = make_if("previews", Previews, "-previews", bucket=uploads, service=service, cors_origins=origins)
own = {"queue": processor.queue, "results_bucket": documents, "previews": previews}
api = make_if("api", LabelApi, "-api", **data, service=service, origins=origins, **own)
guests = make_if("guestAccess", GuestAccess, "-guests", **data, previews=previews)
if site:
    works_with = {"api": api} if settings["siteMode"] == "api" else {"guests": guests}
    make(WebsiteFiles, "-site", **data, previews=previews, site=site, **works_with)
monitoring = make_if(
    "monitoring", Monitoring, "", pipeline=processor, api=api, previews=previews, commands="labelstack"
)

outputs = {
    "uploadBucket": uploads.name,
    "uploadPrefix": settings["uploadPrefix"],
    "resultsTable": results.name,
    "detectors": list(settings["detectors"]),
    "imageProperties": settings["imageProperties"],
    "resultsBucket": documents and documents.name,
    "topicArn": notifications and notifications.topic_arn,
    "queueUrl": processor.queue_url,
    "deadLetterQueueUrl": processor.dead_letter_queue_url,
    "logRetentionDays": settings["logRetentionDays"],
    "processorFunction": processor.function_name,
    "failureRecorderFunction": processor.failure_recorder_name,
    "pauserFunction": processor.pauser_name,
    "stateMachineArn": workflow and workflow.state_machine_arn,
    **{f"{step}Function": function.name for step, function in (workflow.steps if workflow else {}).items()},
    "previewsBucket": previews and previews.name,
    "previewsFunction": previews and previews.function_name,
    "previewsQueueUrl": previews and previews.queue_url,
    "previewsDeadLetterQueueUrl": previews and previews.dead_letter_queue_url,
    "apiUrl": api and api.url,
    "apiAccess": api and settings["apiAccess"],
    "apiKeyId": api and api.api_key_id,
    "websiteUrl": site and site.url,
    "websiteBucket": site and site.bucket_name,
    "identityPoolId": guests and guests.identity_pool_id,
    "alarmTopicArn": monitoring and monitoring.topic_arn,
    "dashboardName": monitoring and monitoring.dashboard_name,
}
for key, value in outputs.items():
    if value is not None:
        pulumi.export(key, value)
