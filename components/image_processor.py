"""ImageProcessor: from the events of a bucket to results in a table, through a queue."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from . import access, concurrency
from .arguments import derive
from .errors import Problem
from .events import may_send
from .pipeline import BESIDE_REKOGNITION_S, Pipeline, PipelineArgs
from .python_function import service_function
from .queues import let_send

ImageProcessorArgs = PipelineArgs


class ImageProcessor(Pipeline):
    """A queue of the bucket's events, a function that labels their pictures, and one that records failures.

    No event is lost. An event that the first function fails at comes back, later each time, and goes to the dead-letter
    queue after `max_receive_count` attempts; that queue's function writes the picture's FAILED result. An event that
    waits for the quota comes back too. For three days that is no attempt.
    """

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        yield from Pipeline.rules(args)
        # The function needs the time that its share of the quota makes one batch take.
        tps, batch_size = args["rekognition_tps"], args["batch_size"]
        share = concurrency.derive(tps).calls_per_second
        needed = math.ceil(batch_size / share + BESIDE_REKOGNITION_S + args["rekognition_timeout_seconds"])
        if args["timeout_seconds"] < needed:
            yield Problem(
                "timeout_seconds",
                args["timeout_seconds"],
                f"{needed} or more, as a batch of {batch_size} pictures takes that long at {tps:g} Rekognition calls "
                "per second (or set a smaller $batch_size)",
            )

    def __init__(self, name: str, args: ImageProcessorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._begin(name, args, opts)
        args, from_bus = self._args, self._args["events"] == "eventbridge"
        rule = self._events.rule("Uploads and deletions of the bucket.") if from_bus else None
        queue_policy = let_send(
            self,
            self.dead_letter_queue,
            self.queue,
            [self._events.may_send(self.queue) if rule is None else may_send(rule, self.queue)],
            [] if rule is None else [may_send(rule, self.dead_letter_queue)],
        )
        tps, batch_size = args["rekognition_tps"], args["batch_size"]
        share = derive(lambda quota: f"{concurrency.derive(quota).calls_per_second:g}", tps)
        self.processor = service_function(
            self,
            "process-image",
            "process_image",
            "Labels the pictures of a batch of upload events.",
            {
                **self._labelling_environment(),
                **self._queue_environment(),
                "BATCH_SIZE": derive(str, batch_size),
                "REKOGNITION_CALLS_PER_SECOND": share,
            },
            [
                *access.read_objects(self._bucket.arn, self._bucket.kms_key_arn),
                *access.write_results(self._table.arn),
                *access.keep_items(self._table.arn),
                *self._queue_statements(),
                *access.detect(args["detectors"]),
                *self._announcing_statements(),
            ],
            memory_mb=args["memory_mb"],
            timeout_s=args["timeout_seconds"],
        )
        self.failure_recorder = self._failure_recorder()
        maximum = derive(lambda quota: concurrency.derive(quota).maximum, tps)
        self._take_events("process-image", batch_size, maximum)
        self._record_dead_letters()
        if rule is None:
            self._events.notify(self.queue, queue_policy, eventbridge=args["eventbridge"])
        else:
            self._events.target(rule, self.queue, self.dead_letter_queue, queue_policy)
        self._finish()
