"""Pulumi components of Labelstack: each is reusable alone, and knows of neither settings nor clouds."""

from .buckets import ResultsBucket, ResultsBucketArgs, UploadBucket, UploadBucketArgs
from .errors import ArgumentError, ComponentError, InvalidArgumentError
from .guest_access import GuestAccess, GuestAccessArgs
from .image_processor import ImageProcessor, ImageProcessorArgs
from .label_api import LabelApi, LabelApiArgs
from .label_workflow import LabelWorkflow, LabelWorkflowArgs
from .monitoring import Monitoring, MonitoringArgs
from .notifications import Notifications, NotificationsArgs
from .policies import AnyResource, Statement, document, let_service
from .previews import Previews, PreviewsArgs
from .python_function import PythonFunction, PythonFunctionArgs
from .results_store import ResultsStore, ResultsStoreArgs
from .website import Website, WebsiteArgs
from .website_files import WebsiteFiles, WebsiteFilesArgs

__all__ = [
    "AnyResource", "ArgumentError", "ComponentError", "GuestAccess", "GuestAccessArgs", "ImageProcessor",
    "ImageProcessorArgs", "InvalidArgumentError", "LabelApi", "LabelApiArgs", "LabelWorkflow", "LabelWorkflowArgs",
    "Monitoring", "MonitoringArgs", "Notifications", "NotificationsArgs", "Previews", "PreviewsArgs", "PythonFunction",
    "PythonFunctionArgs", "ResultsBucket", "ResultsBucketArgs", "ResultsStore", "ResultsStoreArgs", "Statement",
    "UploadBucket", "UploadBucketArgs", "Website", "WebsiteArgs", "WebsiteFiles", "WebsiteFilesArgs", "document",
    "let_service",
]  # fmt: skip
