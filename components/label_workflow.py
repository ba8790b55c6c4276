"""LabelWorkflow: from the events of a bucket to results in a table, by a workflow of Step Functions."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws

from . import access, concurrency, state_machine
from .arguments import Configured, derive
from .errors import Problem
from .pipeline import BESIDE_REKOGNITION_S, EMULATOR, Pipeline, PipelineArgs
from .policies import Statement, compact_json, document, trust
from .python_function import SMALL, PythonFunction, Size, missing_sources, service_function

# Beside an execution: to begin it, to note why it failed, and to answer the queue.
START_TIMEOUT_S = state_machine.LONGEST_S + 30
LONGEST_STEP_S = state_machine.LONGEST_S // 2  # so that an execution has room for one step twice
LIBRARIES, PICTURE_LIBRARIES = "record_failure", "process_image"


class LabelWorkflowArgs(PipelineArgs, total=False):
    """Arguments of LabelWorkflow."""

    public_endpoint: Annotated[str | None, EMULATOR, Configured("publicEndpoint")]
    """The address of an emulator. SDKs then put no `sync-` before the name of Step Functions."""


class LabelWorkflow(Pipeline):
    """The bucket's events by EventBridge into a queue, an Express workflow for each, and a function for failures.

    A function takes the events from the queue, runs an execution for each and waits for its end. So the mapping's
    concurrency bounds the executions, and an event whose execution fails comes back as in ImageProcessor, later each
    time, and goes to the dead-letter queue after `max_receive_count` attempts. `processor` is that function.

    AWS takes about five minutes to begin sending a bucket's events to EventBridge, and sends none from before
    (docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html).
    """

    steps: dict[str, PythonFunction]
    """The steps' functions by name: inspect, recognise, store, fail, and notify where results are announced."""
    state_machine_arn: pulumi.Output[str]
    """The workflow."""
    step_function_names: pulumi.Output[Mapping[str, str]]
    """The functions of the steps: inspect, recognise, store, fail, and notify where results are announced."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        yield from Pipeline.rules(args)
        yield from missing_sources(args, packages=["workflow"])
        # A workflow has an end, before which its longest step must have been done or tried again.
        timeout, call = args["timeout_seconds"], args["rekognition_timeout_seconds"]
        needed = math.ceil(BESIDE_REKOGNITION_S + call)
        if timeout > LONGEST_STEP_S:
            why = f"an execution of the workflow ends after {state_machine.LONGEST_S} s"
            yield Problem("timeout_seconds", timeout, f"{LONGEST_STEP_S} or less, as {why}")
        elif timeout < needed:
            why = f"a step asks Rekognition for up to {call:g} s"
            yield Problem("timeout_seconds", timeout, f"{needed} or more, as {why}")

    def __init__(self, name: str, args: LabelWorkflowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._begin(name, args, opts, START_TIMEOUT_S)
        self.steps = self._steps()
        self.state_machine = self._state_machine()
        self.processor = self._starter()
        self._events.turn_on_eventbridge(
            self._events.route(self.queue, self.dead_letter_queue, "Uploads and deletions of the upload bucket.")
        )
        self.state_machine_arn = self.state_machine.arn
        self.step_function_names = pulumi.Output.all(**{step: function.name for step, function in self.steps.items()})
        quota = self._args["rekognition_tps"], self._args["batch_size"]
        batches = derive(concurrency.workflow_batches, *quota)
        self._finish("start-workflow", derive(concurrency.workflow_batch_size, *quota), batches)

    def _steps(self) -> dict[str, PythonFunction]:
        args = self._args
        read = read_one = access.read_objects(self._bucket)
        # Recognise decodes hostile files, and Inspect gives it the version. So it can read no other picture, because
        # ids of versions cannot be guessed. In a bucket without versions it reads objects by key.
        if self._bucket.versioned:
            read_one = access.read_objects(self._bucket, operations=["GetObjectVersion"])
        keep = access.keep_items(self._table["arn"])
        write, labelling = access.write_results(self._table["arn"]), self._labelling_environment()
        # The function that announces knows only what is in the table.
        announcing, announce = self._announcing()
        steps = {
            "inspect": self._step("inspect", "Ends with what needs no Rekognition.", labelling, [*read, *write, *keep]),
            "recognise": self._step(
                "recognise",
                "Asks one detector about a picture.",
                labelling,
                [*read_one, *access.detect(args["detectors"])],
                size=(args["memory_mb"], args["timeout_seconds"]),
            ),
            "store": self._step("store", "Stores what the detectors said of a picture.", labelling, [*write, *keep]),
            "fail": self._step("fail", "Records a picture that cannot be labelled.", announcing, write, LIBRARIES),
        }
        if announce:
            may = [*access.note_on_items(self._table["arn"]), *announce]
            steps["notify"] = self._step("notify", "Announces a result.", announcing, may, LIBRARIES)
        return steps

    def _step(
        self,
        step: str,
        description: str,
        environment: Mapping[str, pulumi.Input[str]],
        statements: list[Statement],
        lock: str = PICTURE_LIBRARIES,
        size: Size = SMALL,
    ) -> PythonFunction:
        return service_function(
            self, step, "workflow", description, environment, statements, entry=step, lock=lock, size=size
        )

    def _state_machine(self) -> aws.sfn.StateMachine:
        """Create the Express state machine, whose role may run its steps, log and trace."""
        name = f"{self._name}-workflow"
        arns = {step: function.arn for step, function in self.steps.items()}
        role = aws.iam.Role(name, assume_role_policy=trust("states.amazonaws.com"), opts=self._child)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            # Below this prefix AWS needs no room of the account's log resource policy, which is small.
            name=pulumi.Output.concat("/aws/vendedlogs/states/", role.name),
            retention_in_days=self._args["log_retention_days"],
            opts=self._child,
        )
        rights = [Statement(["lambda:InvokeFunction"], list(arns.values())), *access.deliver_logs(), *access.trace()]
        policy = aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=document(rights), opts=self._child)
        return aws.sfn.StateMachine(
            name,
            name=role.name,
            type="EXPRESS",
            role_arn=role.arn,
            definition=compact_json(state_machine.definition(arns, self._args["detectors"], self._partition())),
            # An Express workflow has no other trace. Its data are people's pictures, so they are not logged.
            logging_configuration={
                "log_destination": pulumi.Output.concat(logs.arn, ":*"),
                "include_execution_data": False,
                "level": "ALL",
            },
            tracing_configuration={"enabled": True},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _starter(self) -> PythonFunction:
        # An emulator's one address may be a number. A prefix would make it an unknown name.
        emulator = self.arguments["public_endpoint"] is not None
        without_prefix = {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true"} if emulator else {}
        taking, take = self._taking()
        return self._step(
            "start",
            "Runs a workflow for each upload event of a batch.",
            {**self._places(), **without_prefix, **taking, "STATE_MACHINE_ARN": self.state_machine.arn},
            [
                *access.note_on_items(self._table["arn"]),
                *access.keep_items(self._table["arn"]),
                *take,
                Statement(["states:StartSyncExecution"], [self.state_machine.arn]),
            ],
            LIBRARIES,
            (SMALL[0], START_TIMEOUT_S),
        )
