"""The parts of both pipelines: the queue of a bucket's events, its dead letters, and the function that records them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import access, arguments, concurrency, references
from .arguments import Configured, Variable, derive
from .component import RANDOM_SUFFIX, Component
from .errors import Problem
from .events import BucketEvents
from .policies import Statement
from .python_function import SHARED, SMALL_TIMEOUT_S, PythonFunction, ServiceArgs, missing_sources, service_function
from .queues import make_queues, take_messages
from .references import BucketLike, DataArgs, TableReference, TopicLike, TopicReference

KINDS = ("ImageProcessor", "LabelWorkflow")
LOCKS = ("handlers/process_image/requirements.txt", "handlers/record_failure/requirements.txt")
RECORDER = "record-failure"  # the longest suffix of the functions' names
LEAST_RECORDER_DELAY_S = 5
# SQS counts receives. The functions count attempts, which are receives that were no waits, and give messages up
# by those. Three days of waits, each up to 15 minutes long and half of that at least, are less than so many.
WAITS, MOST_RECEIVES = 600, 1000
REPORTS = {"function_response_types": ["ReportBatchItemFailures"]}
MOST_IN_BATCH = 10  # of files that are not sent to Rekognition
BESIDE_REKOGNITION_S = 5  # to read a picture, write its result and end in time
# Memory beside the picture that a function decodes: the runtime, the file, and copies for Rekognition.
BESIDE_PICTURE_MB = 208
BESIDE_DECODER_MB, LEAST_DECODER_MB = 112, 64  # of which the process that decodes has none; and what starts it
DECODED_BYTES_PER_PIXEL = 17  # of the format that takes most, WebP: 16 and a little (benchmarks/conversion.py)
EMULATOR = Field(None, pattern=r"^https?://\S+$", description="an http or https URL of an emulator")
EventSource = Literal["notification", "eventbridge"]
Detector = Literal["labels", "faces", "moderation", "text"]
Variables = dict[str, pulumi.Input[str]]
PERCENT = "a number from 0 to 100, in percent"
# A list of labels reaches a function with commas between them.
LabelName = Annotated[
    str,
    Field(
        pattern=r"^[^,\s]([^,]*[^,\s])?$",
        max_length=100,
        description="a label's name of 1 to 100 characters without a comma",
    ),
]
LabelNames = Sequence[LabelName]
LABEL_NAMES = Field(None, description="a list of labels, each at most once and without a comma")
# Lambda takes 4 KB of variables for a function, names and all others included.
MAX_LABEL_RULES_BYTES = 2000
LABEL_RULES = ("label_blocklist", "label_allowlist", "label_aliases", "min_confidence_by_label")


class PipelineArgs(ServiceArgs, DataArgs, total=False):
    """Arguments of a pipeline, ImageProcessor or LabelWorkflow."""

    events: Annotated[EventSource, Field("notification")]
    """The source of the bucket's events. `notification` writes the bucket's notification configuration, of which AWS
    keeps one for each bucket. `eventbridge` adds a rule to EventBridge and leaves the bucket's configuration alone:
    EventBridge has to be turned on in it.
    """
    eventbridge: Annotated[bool, Field(False)]
    """Turn EventBridge on too where `events` is `notification`, for others who listen, as `Previews` do."""
    results_bucket: BucketLike | None
    """A bucket that gets a JSON document of each result: a `ResultsBucket`, an `aws.s3.Bucket`, or its name and ARN."""
    topic: TopicLike | None
    """A topic that announces each result: a `Notifications`, an `aws.sns.Topic`, or its ARN."""
    notify_min_confidence: Annotated[pulumi.Input[float], Field(0, ge=0, le=100, description=PERCENT)]
    """Minimum confidence of labels that filter policies see. Messages have all labels."""
    detectors: Annotated[Sequence[Detector], Field(("labels",), min_length=1), Variable("DETECTORS")]
    """Detectors, each of which costs one Rekognition call a picture."""
    # 49, as one DynamoDB transaction of at most 100 actions replaces a result: the result and the counters, 49 new
    # labels and 49 old ones.
    max_labels: Annotated[pulumi.Input[int], Field(10, ge=1, le=49), Variable("MAX_LABELS")]
    """Labels that a picture keeps, the surest first."""
    min_confidence: Annotated[
        pulumi.Input[float], Field(70, ge=0, le=100, description=PERCENT), Variable("MIN_CONFIDENCE")
    ]
    """Minimum confidence of a result's labels, faces, text and moderation."""
    label_blocklist: Annotated[LabelNames | None, LABEL_NAMES, Variable("LABEL_BLOCKLIST")]
    """Labels that no result shows, by name or alias, in upper or lower case."""
    label_allowlist: Annotated[LabelNames | None, LABEL_NAMES, Variable("LABEL_ALLOWLIST")]
    """The only labels that results show. Empty: all."""
    label_aliases: Annotated[
        Mapping[LabelName, LabelName] | None,
        Field(None, description='a mapping of labels to other names, for example {"Human": "Person"}'),
        Variable("LABEL_ALIASES"),
    ]
    """Other names for labels. Of two labels with one name, a result shows the surer."""
    min_confidence_by_label: Annotated[
        Mapping[LabelName, Annotated[float, Field(ge=0, le=100)]] | None,
        Field(None, description='a mapping of labels to percent, for example {"Weapon": 95}'),
        Variable("MIN_CONFIDENCE_BY_LABEL"),
    ]
    """Minimum confidence of these labels, in place of the general one."""
    image_properties: Annotated[bool, Field(False), Variable("IMAGE_PROPERTIES")]
    """Also request dominant colours and quality, at extra charge."""
    keep_location: Annotated[bool, Field(False), Variable("KEEP_LOCATION")]
    """Keep the place where the camera was. After a change, run `labelstack reprocess --labels`."""
    rekognition_tps: Annotated[pulumi.Input[float], Field(5, ge=1, le=1000)]
    """Your quota of Rekognition calls per second and operation. It sets the concurrency."""
    rekognition_timeout_seconds: Annotated[
        pulumi.Input[float], Field(10, ge=1, le=60), Variable("REKOGNITION_TIMEOUT_S")
    ]
    """Timeout of one Rekognition call."""
    rekognition_endpoint: Annotated[
        pulumi.Input[str] | None, EMULATOR, Variable("AWS_ENDPOINT_URL_REKOGNITION"), Configured("rekognitionEndpoint")
    ]
    """The address of a Rekognition emulator."""
    retry_base_delay_seconds: Annotated[pulumi.Input[int], Field(5, ge=0, le=900)]
    """The pause before the second attempt. It doubles each time."""
    cache_days: Annotated[pulumi.Input[int], Field(30, ge=1), Variable("CACHE_DAYS")]
    """Days for which the same bytes reuse Rekognition's answers."""
    batch_size: Annotated[pulumi.Input[int], Field(10, ge=1, le=10)]
    """Pictures that one invocation analyses concurrently."""
    # AWS: with fewer receives messages may become dead letters only because the function was throttled.
    max_receive_count: Annotated[pulumi.Input[int], Field(5, ge=5, le=1000)]
    """Attempts before a picture is `FAILED`. Waiting for the quota is no attempt, for three days."""
    on_cost_bound: Annotated[Literal["alarm", "pause"], Field("alarm")]
    """At the daily cost bound, `alarm` notifies.
    `pause` also stops the queue until `labelstack resume`; pictures wait for 4 days."""
    # Room to convert a picture of 50 megapixels, and most of a processor to do it with.
    memory_mb: Annotated[pulumi.Input[int], Field(1024, ge=128, le=10240)]
    """The labelling function's memory. It limits the size of converted pictures."""
    # A queue hides a function's messages for six times this, and for 12 hours at most.
    timeout_seconds: Annotated[pulumi.Input[int], Field(60, ge=5, le=900)]
    """Timeout of a batch, or of a step of the workflow."""


def max_converted_pixels(memory_mb: int) -> int:
    """Return the largest picture that a function of this memory decodes; it rejects larger ones."""
    return max(0, memory_mb - BESIDE_PICTURE_MB) * 1024**2 // DECODED_BYTES_PER_PIXEL


def decoding_environment(memory_mb: pulumi.Input[int]) -> Variables:
    """Return the variables of a function of this memory that decodes pictures."""
    return {
        "MAX_CONVERTED_PIXELS": derive(lambda mb: str(max_converted_pixels(mb)), memory_mb),
        "DECODER_MEMORY_MB": derive(lambda mb: str(max(LEAST_DECODER_MB, mb - BESIDE_DECODER_MB)), memory_mb),
    }


def _wrong_label_rules(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Find rules that contradict each other, aliases that are renamed in turn, as in a circle, and rules too long."""
    aliases = args["label_aliases"] or {}
    renamed = {name.casefold() for name in aliases}
    allowed = {name.casefold() for name in args["label_allowlist"] or ()}
    for name in args["label_blocklist"] or ():
        if name.casefold() in allowed:
            yield Problem("label_blocklist", name, "labels that $label_allowlist does not have")
    for rule in ("label_aliases", "min_confidence_by_label"):
        names = [name.casefold() for name in args[rule] or {}]
        for name, value in (args[rule] or {}).items():
            if names.count(name.casefold()) > 1:
                yield Problem(f"{rule}.{name}", value, "each label once, in whatever case")
    for name, alias in aliases.items():
        if alias.casefold() in renamed - {name.casefold()}:
            yield Problem(f"label_aliases.{name}", alias, "a name that $label_aliases does not rename in turn")
    rules = {name: args[name] for name in LABEL_RULES if args[name]}
    if len(json.dumps(rules).encode()) > MAX_LABEL_RULES_BYTES:
        name = max(rules, key=lambda each: len(json.dumps(rules[each])))
        expected = f"shorter rules of labels, together at most {MAX_LABEL_RULES_BYTES:,} bytes as JSON"
        yield Problem(name, f"{len(rules[name])} entries", expected)


class Pipeline(Component):
    """A queue of the bucket's events, what takes them from there, and the function that records what failed."""

    name_limit = 64 - RANDOM_SUFFIX - len(f"-{RECORDER}")

    processor: PythonFunction
    service: pulumi.Output[str]
    """The name of this deployment in logs and metrics."""
    detectors: pulumi.Output[Sequence[str]]
    """The pipeline's detectors."""
    image_properties: pulumi.Output[bool]
    """True if the pipeline also requests dominant colours and quality."""
    queue_url: pulumi.Output[str]
    """The queue of events."""
    queue_name: pulumi.Output[str]
    """The queue's name."""
    pauser_arn: pulumi.Output[str] | None
    """The function that pauses the pipeline, where `on_cost_bound` is `pause`."""
    pauser_name: pulumi.Output[str] | None
    """The name of that function."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue of events that failed at every attempt."""
    dead_letter_queue_name: pulumi.Output[str]
    """The dead-letter queue's name."""
    function_name: pulumi.Output[str]
    """The function that takes the events from the queue."""
    failure_recorder_name: pulumi.Output[str]
    """The function that records failures."""
    timeout_seconds: pulumi.Output[int]
    """The longest time that a call of the function may take."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        if args["image_properties"] and "labels" not in args["detectors"]:
            expected = "false, or labels among $detectors, which finds the image properties"
            yield Problem("image_properties", True, expected)
        yield from _wrong_label_rules(args)
        pausing = ["pause_pipeline"] if args["on_cost_bound"] == "pause" else []
        yield from missing_sources(args, *LOCKS, packages=[*SHARED, *pausing])

    def _begin(
        self, name: str, args: PipelineArgs, opts: pulumi.ResourceOptions | None, taker_timeout_s: int | None = None
    ) -> None:
        """Make the queues. `taker_timeout_s` is the timeout of the function that takes the events."""
        # A stack may change from one pipeline to the other: its queues and their messages stay.
        others = [other for other in KINDS if other != type(self).__name__]
        self._args = self._start(name, args, opts, others)
        self._bucket = references.bucket(self._args["bucket"])
        self._table = references.read(self._args["table"], TableReference)
        announced, topic = self._args["results_bucket"], self._args["topic"]
        self._announced = None if announced is None else references.bucket(announced)
        self._topic = None if topic is None else references.read(topic, TopicReference)
        self._events = BucketEvents(self, self._args["bucket"], self._args["events"])
        self._child = self._events.after_check()
        receives = derive(lambda attempts: min(attempts + WAITS, MOST_RECEIVES), self._args["max_receive_count"])
        self.dead_letter_queue, self.queue = make_queues(
            self, taker_timeout_s or self._args["timeout_seconds"], SMALL_TIMEOUT_S, receives
        )

    def _failure_recorder(self) -> PythonFunction:
        # Dead letters have no last attempt: what cannot be announced yet must not be tried all the time.
        delay_s = self._args["retry_base_delay_seconds"]
        pause = derive(lambda seconds: str(max(seconds, LEAST_RECORDER_DELAY_S)), delay_s)
        announcing, announce = self._announcing()
        return service_function(
            self,
            RECORDER,
            "record_failure",
            "Records the pictures that could not be labelled after all retries.",
            {**announcing, "QUEUE_URL": self.dead_letter_queue.url, "RETRY_BASE_DELAY_S": pause},
            [
                *access.write_results(self._table["arn"]),
                *access.keep_items(self._table["arn"]),
                *access.consume_queue(self.dead_letter_queue.arn),
                *access.hide_messages(self.dead_letter_queue.arn),
                *announce,
            ],
        )

    # --- environment and rights of functions -------------------------------------------------------------------------

    def _places(self) -> Variables:
        """Return the variables of every function."""
        return {"RESULTS_TABLE": self._table["name"], "UPLOAD_BUCKET": self._bucket.name}

    def _labelling_environment(self) -> Variables:
        """Return the variables of a function that calls Rekognition: all arguments that have one."""
        announcing, _ = self._announcing()
        own = arguments.environment(PipelineArgs, self._args)
        return {**own, **announcing, **decoding_environment(self._args["memory_mb"])}

    def _taking(self) -> tuple[Variables, list[Statement]]:
        """Return the variables and rights of the function that takes the events, hides them, and sends dead letters."""
        variables: Variables = {
            "QUEUE_URL": self.queue.url,
            "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue.url,
            "MAX_ATTEMPTS": derive(str, self._args["max_receive_count"]),
            "RETRY_BASE_DELAY_S": derive(str, self._args["retry_base_delay_seconds"]),
        }
        taking = [*access.consume_queue(self.queue.arn), *access.hide_messages(self.queue.arn)]
        return variables, [*taking, *access.send_messages(self.dead_letter_queue.arn)]

    def _announcing(self) -> tuple[Variables, list[Statement]]:
        """Return the variables and rights of a function that announces results: no rights without a bucket or topic."""
        variables, statements = self._places(), list[Statement]()
        if self._announced is not None:
            variables["RESULTS_BUCKET"] = self._announced.name
            statements += access.put_objects(self._announced)
        if self._topic is not None:
            variables["TOPIC_ARN"] = self._topic["arn"]
            variables["NOTIFY_MIN_CONFIDENCE"] = derive(arguments.as_text, self._args["notify_min_confidence"])
            statements += access.publish(self._topic["arn"], self._topic.get("kms_key_arn"))
        return variables, statements

    # --- the ends ----------------------------------------------------------------------------------------------------

    def _pauser(self, taking: aws.lambda_.EventSourceMapping) -> PythonFunction:
        return service_function(
            self,
            "pause",
            "pause_pipeline",
            "Stops taking pictures from the queue when the daily cost bound is reached.",
            {"EVENT_SOURCE_MAPPING_ID": taking.id},
            [Statement(["lambda:UpdateEventSourceMapping"], [taking.arn])],
            lock="record_failure",
        )

    def _finish(self, suffix: str, batch_size: pulumi.Input[int], maximum: pulumi.Input[int]) -> None:
        """Map the events to the processor, until somebody pauses that, and dead letters to the recorder of failures.

        `suffix` is the mapping's, and `maximum` the number of batches at a time.
        """
        args = self._args
        self.failure_recorder = self._failure_recorder()
        recorder, dead_letters = self.failure_recorder.arn, self.dead_letter_queue
        taking = take_messages(self, suffix, self.queue, self.processor.arn, batch_size, maximum, **REPORTS)
        take_messages(self, RECORDER, dead_letters, recorder, MOST_IN_BATCH, concurrency.LEAST, **REPORTS)
        self.pauser = self._pauser(taking) if args["on_cost_bound"] == "pause" else None
        self.pauser_arn, self.pauser_name = (self.pauser.arn, self.pauser.name) if self.pauser else (None, None)
        self.service = pulumi.Output.from_input(args["service"] or "")
        self.detectors = pulumi.Output.from_input(list(args["detectors"]))
        self.image_properties = pulumi.Output.from_input(args["image_properties"])
        self.queue_url, self.queue_name = self.queue.url, self.queue.name
        self.dead_letter_queue_url = self.dead_letter_queue.url
        self.dead_letter_queue_name = self.dead_letter_queue.name
        self.function_name, self.failure_recorder_name = self.processor.name, self.failure_recorder.name
        self.timeout_seconds = self.processor.timeout_seconds
        self.register_outputs({"queueUrl": self.queue_url, "deadLetterQueueUrl": self.dead_letter_queue_url})
