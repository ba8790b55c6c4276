"""The Pulumi program of Labelstack: settings, then components, then outputs."""

from collections.abc import Callable
from typing import Any, TypeVar

import pulumi

import components
import settings as stack_settings

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
site = make_if("website", components.Website, "-site", sources=[settings["publicEndpoint"]])
origins = [*([site.origin] if site else []), *settings["allowedOrigins"]]
uploads = make(components.UploadBucket, "-uploads", cors_origins=origins)
results = make(components.ResultsStore, "-results")
data = {"bucket": uploads, "table": results}
documents = make_if("resultsBucket", components.ResultsBucket, "-documents")
notifications = make_if("notifications", components.Notifications, "-notifications")

# From uploads to results
kind: Callable[[str, Any], components.ImageProcessor | components.LabelWorkflow] = (
    components.LabelWorkflow if settings["pipeline"] == "workflow" else components.ImageProcessor
)
feeds = {"eventbridge": settings["previews"], "results_bucket": documents, "topic": notifications}
processor = make(kind, "", **data, service=service, **feeds)
workflow = processor if isinstance(processor, components.LabelWorkflow) else None

# The parts that people see
previews = make_if("previews", components.Previews, "-previews", bucket=uploads, service=service, cors_origins=origins)
own = {"queue": processor.queue, "results_bucket": documents, "previews": previews}
api = make_if("api", components.LabelApi, "-api", **data, service=service, origins=origins, **own)
guests = make_if("guestAccess", components.GuestAccess, "-guests", **data, previews=previews)
if site:
    works_with = {"api": api} if settings["siteMode"] == "api" else {"guests": guests}
    make(components.WebsiteFiles, "-site", **data, previews=previews, site=site, **works_with)
watched = {"pipeline": processor, "api": api, "previews": previews}
monitoring = make_if("monitoring", components.Monitoring, "", **watched, commands="labelstack")

# By the setting that brings them. `make generated` writes docs/outputs.md from this table.
outputs: dict[str, Any] = {
    "always": {
        "uploadBucket": uploads.name,
        "uploadPrefix": settings["uploadPrefix"],
        "resultsTable": results.name,
        "detectors": list(settings["detectors"]),
        "imageProperties": settings["imageProperties"],
        "logRetentionDays": settings["logRetentionDays"],
        "queueUrl": processor.queue_url,
        "deadLetterQueueUrl": processor.dead_letter_queue_url,
        "processorFunction": processor.function_name,
        "failureRecorderFunction": processor.failure_recorder_name,
    },
    "onCostBound: pause": {"pauserFunction": processor.pauser_name},
    "pipeline: workflow": workflow
    and {
        "stateMachineArn": workflow.state_machine_arn,
        "inspectFunction": workflow.steps["inspect"].name,
        "recogniseFunction": workflow.steps["recognise"].name,
        "storeFunction": workflow.steps["store"].name,
        "failFunction": workflow.steps["fail"].name,
    },
    "pipeline: workflow, with resultsBucket or notifications": workflow
    and {"notifyFunction": workflow.steps["notify"].name if "notify" in workflow.steps else None},
    "resultsBucket": {"resultsBucket": documents and documents.name},
    "notifications": {"topicArn": notifications and notifications.topic_arn},
    "previews": previews
    and {
        "previewsBucket": previews.name,
        "previewsFunction": previews.function_name,
        "previewsQueueUrl": previews.queue_url,
        "previewsDeadLetterQueueUrl": previews.dead_letter_queue_url,
    },
    "api": api and {"apiUrl": api.url, "apiAccess": settings["apiAccess"]},
    "apiAccess: api_key": api and {"apiKeyId": api.api_key_id},
    "website": site and {"websiteUrl": site.url, "websiteBucket": site.bucket_name},
    "guestAccess": guests and {"identityPoolId": guests.identity_pool_id},
    "monitoring": monitoring and {"alarmTopicArn": monitoring.topic_arn, "dashboardName": monitoring.dashboard_name},
}
for exports in outputs.values():
    for key, value in (exports or {}).items():
        if value is not None:
            pulumi.export(key, value)
