"""Previews: small copies of a bucket's pictures in a private bucket of their own, and the function that makes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Required

import pulumi
from pydantic import Field

from . import access, concurrency, references
from .buckets import Origin, PrivateBucket
from .component import RANDOM_SUFFIX
from .errors import Problem
from .events import BucketEvents
from .pipeline import decoding_environment
from .python_function import SHARED, PythonFunction, ServiceArgs, missing_sources, service_function
from .queues import make_queues, take_messages
from .references import BucketLike

FOLDER, LOCK = "make_previews", "process_image"
MAKER = "make-previews"  # in alarms
TIMEOUT_S, ATTEMPTS = 60, 5


class PreviewsArgs(ServiceArgs, total=False):
    """Arguments of Previews."""

    bucket: Required[BucketLike]
    """The bucket of the pictures: an `UploadBucket`, an `aws.s3.Bucket`, or its name and ARN. EventBridge has to be
    turned on in it, as a pipeline with `eventbridge` does."""
    cors_origins: Sequence[pulumi.Input[Origin]]
    """Web origins whose pages may read previews by a script, as the page does for guests."""
    memory_mb: Annotated[pulumi.Input[int], Field(1024, ge=128, le=10240)]
    """Memory of the function. It decides how large a picture can be."""
    concurrency: Annotated[pulumi.Input[int], Field(concurrency.LEAST, ge=concurrency.LEAST, le=concurrency.MOST)]
    """Previews made at once, each in about half a second."""


class Previews(PrivateBucket):
    """WebP copies, 480 and 1600 pixels long, of each version of a picture: upright and without metadata.

    They come and go with the version that they show, by the bucket's events on EventBridge. No result waits for them:
    they have a queue, dead letters and a function of their own. The bucket is encrypted as the pictures' own is.
    """

    name_limit = 64 - RANDOM_SUFFIX - len("-make")

    queue_url: pulumi.Output[str]
    """The queue of events."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue of events that failed at every attempt."""
    dead_letter_queue_name: pulumi.Output[str]
    """The name of the dead-letter queue."""
    function_name: pulumi.Output[str]
    """The function that makes previews."""
    timeout_seconds: pulumi.Output[int]
    """The longest time that a call of the function may take."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        yield from missing_sources(args, f"handlers/{LOCK}/requirements.txt", packages=[FOLDER, *SHARED])

    def __init__(self, name: str, args: PreviewsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._args = self._start(name, args, opts)
        self._pictures = references.bucket(self._args["bucket"])
        events = BucketEvents(self, self._args["bucket"], "eventbridge")
        self._child = events.after_check()
        self._make(self._pictures.kms_key_arn, protect_data=False)
        self._allow_origins(self._args["cors_origins"], ["GET", "HEAD"])
        self.dead_letter_queue, self.queue = make_queues(self, TIMEOUT_S, TIMEOUT_S, ATTEMPTS)
        self.function = self._function()
        # One at a time: a picture that ends the function takes no others along.
        take_messages(self, "make", self.queue, self.function.arn, 1, self._args["concurrency"])
        events.route(self.queue, self.dead_letter_queue, "Uploads and deletions of the pictures.")
        self.queue_url = self.queue.url
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_name = self.dead_letter_queue.name
        self.function_name, self.timeout_seconds = self.function.name, self.function.timeout_seconds
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _function(self) -> PythonFunction:
        args, pictures, own = self._args, self._pictures, references.bucket(self)
        return service_function(
            self,
            "make",
            FOLDER,
            "Makes previews of pictures, and removes them.",
            {**decoding_environment(args["memory_mb"]), "UPLOAD_BUCKET": pictures.name, "PREVIEWS_BUCKET": self.name},
            [
                *access.read_objects(pictures),
                *access.read_objects(own, operations=["GetObject"]),
                *access.put_objects(own),
                *access.delete_objects(own),
                *access.consume_queue(self.queue.arn),
            ],
            lock=LOCK,
            size=(args["memory_mb"], TIMEOUT_S),
        )
