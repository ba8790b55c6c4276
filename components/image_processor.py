"""ImageProcessor: from the events of a bucket to results in a table, through a queue."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from . import access, concurrency
from .arguments import derive
from .errors import Problem
from .pipeline import BESIDE_REKOGNITION_S, Pipeline, PipelineArgs
from .python_function import service_function

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
        calls_s = batch_size / concurrency.calls_per_second(tps)
        needed = math.ceil(calls_s + BESIDE_REKOGNITION_S + args["rekognition_timeout_seconds"])
        if args["timeout_seconds"] < needed:
            expected = (
                f"{needed} or more, as a batch of {batch_size} pictures takes that long at {tps:g} Rekognition calls "
                "per second (or set a smaller $batch_size)"
            )
            yield Problem("timeout_seconds", args["timeout_seconds"], expected)

    def __init__(self, name: str, args: ImageProcessorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._begin(name, args, opts)
        args = self._args
        tps, batch_size = args["rekognition_tps"], args["batch_size"]
        share = derive(lambda quota: f"{concurrency.calls_per_second(quota):g}", tps)
        taking, take = self._taking()
        _, announce = self._announcing()
        self.processor = service_function(
            self,
            "process-image",
            "process_image",
            "Labels the pictures of a batch of upload events.",
            {
                **self._labelling_environment(),
                **taking,
                "BATCH_SIZE": derive(str, batch_size),
                "REKOGNITION_CALLS_PER_SECOND": share,
            },
            [
                *access.read_objects(self._bucket),
                *access.write_results(self._table["arn"]),
                *access.keep_items(self._table["arn"]),
                *take,
                *access.detect(args["detectors"]),
                *announce,
            ],
            size=(args["memory_mb"], args["timeout_seconds"]),
        )
        if args["events"] == "eventbridge":
            self._events.route(self.queue, self.dead_letter_queue, "Uploads and deletions of the bucket.")
        else:
            self._events.notify(self.queue, self.dead_letter_queue, eventbridge=args["eventbridge"])
        self._finish("process-image", batch_size, derive(concurrency.functions_at_once, tps))
