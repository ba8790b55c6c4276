"""LabelWorkflow: from the events of a bucket to results in a table, by a workflow of Step Functions."""

import pulumi
import pulumi_aws as aws

from components import access, concurrency, state_machine
from components.pipeline import MOST_IN_BATCH, RECORDER_TIMEOUT_S, Pipeline, PipelineArgs
from components.policies import Statement, document, trust
from components.python_function import PythonFunction, PythonFunctionArgs
from components.tagging import tags

LabelWorkflowArgs = PipelineArgs

# Beside an execution: to begin it, to note why it failed, and to answer the queue.
START_TIMEOUT_S = state_machine.LONGEST_S + 30
START_MEMORY_MB = 256
# A picture's own function decodes it alone, so its memory is the one that is set; the others touch no pixels.
SMALL_MB = 256
LIBRARIES = "handlers/record_failure/requirements.txt"
PICTURE_LIBRARIES = "handlers/process_image/requirements.txt"


class LabelWorkflow(Pipeline):
    """The bucket's events by EventBridge into a queue; an Express workflow for each; a function for what failed.

    A function takes the events from the queue, runs an execution for each and waits for its end. So the mapping's
    concurrency bounds the executions, and an event whose execution fails comes back as in ImageProcessor, later each
    time, and after `max_receive_count` times goes to the dead-letter queue. `processor` is that function.

    AWS takes about five minutes to begin telling EventBridge of a bucket, and tells nothing of the time before
    (docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html).
    """

    state_machine: aws.sfn.StateMachine
    steps: dict[str, PythonFunction]
    """By name: inspect, recognise, store, fail, and notify where results are announced."""

    def __init__(self, name: str, args: LabelWorkflowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("LabelWorkflow", name, args, START_TIMEOUT_S, opts)
        self.steps = self._steps()
        self.state_machine = self._state_machine()
        self.processor = self._starter()
        self.failure_recorder = self._failure_recorder()
        at_once = concurrency.one_by_one(args.rekognition_tps, min(args.batch_size, MOST_IN_BATCH))
        self._event_source("start-workflow", self.queue, self.processor, at_once.batch_size, at_once.maximum)
        self._record_dead_letters()
        self._route_events()
        self._register()

    def _steps(self) -> dict[str, PythonFunction]:
        args = self._args
        read = access.read_objects(args.bucket_arn, args.bucket_kms_key_arn)
        write, labelling = access.write_results(args.table_arn), self._labelling_environment()
        # What announces knows of pictures only what is in the table.
        common = {**self._common_environment(), **args.announcements.environment()}
        announce = args.announcements.statements()
        steps = {
            "inspect": self._step("inspect", "Ends with what needs no Rekognition.", labelling, [*read, *write]),
            "recognise": self._step(
                "recognise",
                "Asks one detector about a picture.",
                labelling,
                [*read, *write, *access.detect(args.detectors)],
                memory_mb=args.memory_mb,
                timeout_s=args.timeout_s,
            ),
            "store": self._step("store", "Stores what the detectors said of a picture.", labelling, [*read, *write]),
            "fail": self._step("fail", "Records a picture that cannot be labelled.", common, write, LIBRARIES),
        }
        if announce:
            steps["notify"] = self._step("notify", "Announces a result.", common, [*write, *announce], LIBRARIES)
        return steps

    def _step(
        self,
        step: str,
        description: str,
        environment: dict[str, pulumi.Input[str]],
        statements: list[Statement],
        requirements: str = PICTURE_LIBRARIES,
        memory_mb: int = SMALL_MB,
        timeout_s: int = RECORDER_TIMEOUT_S,
    ) -> PythonFunction:
        args = self._args
        return PythonFunction(
            f"{self._prefix}-{step}",
            PythonFunctionArgs(
                source_dir=args.source_dir,
                packages=["handlers/workflow", "handlers/labelling", "handlers/results"],
                handler=f"handlers.workflow.{step}.handle",
                requirements=requirements,
                environment=environment,
                statements=statements,
                description=description,
                runtime=args.runtime,
                architecture=args.architecture,
                memory_mb=memory_mb,
                timeout_s=timeout_s,
                log_retention_days=args.log_retention_days,
                build_dir=args.build_dir,
            ),
            self._child,
        )

    def _state_machine(self) -> aws.sfn.StateMachine:
        """An Express one, whose role may run its steps, and log and trace what it does."""
        name = f"{self._prefix}-workflow"
        arns = state_machine.StepArns(**{step: function.arn for step, function in self.steps.items()})
        role = aws.iam.Role(
            name, assume_role_policy=trust("states.amazonaws.com"), tags=tags(self._prefix), opts=self._child
        )
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            # Below this prefix AWS needs no room of the account's log resource policy, which is small.
            name=pulumi.Output.concat("/aws/vendedlogs/states/", role.name),
            retention_in_days=self._args.log_retention_days,
            tags=tags(self._prefix),
            opts=self._child,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=document(
                [Statement(["lambda:InvokeFunction"], arns.present()), *access.deliver_logs(), *access.trace()]
            ),
            opts=self._child,
        )
        return aws.sfn.StateMachine(
            name,
            name=role.name,
            type="EXPRESS",
            role_arn=role.arn,
            definition=pulumi.Output.json_dumps(
                state_machine.definition(arns, self._args.detectors), separators=(",", ":")
            ),
            # An Express workflow shows what it did nowhere else. Its data are people's pictures: they are not logged.
            logging_configuration={
                "log_destination": pulumi.Output.concat(logs.arn, ":*"),
                "include_execution_data": False,
                "level": "ALL",
            },
            tracing_configuration={"enabled": True},
            tags=tags(self._prefix),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _starter(self) -> PythonFunction:
        args = self._args
        return self._step(
            "start",
            "Runs a workflow for each upload event of a batch.",
            {
                **self._common_environment(),
                "QUEUE_URL": self.queue.url,
                "STATE_MACHINE_ARN": self.state_machine.arn,
                "RETRY_BASE_DELAY_S": str(args.retry_base_delay_s),
            },
            [
                *access.write_results(args.table_arn),
                *access.consume_queue(self.queue.arn),
                *access.postpone_messages(self.queue.arn),
                *access.send_messages(self.queue.arn),
                Statement(["states:StartSyncExecution"], [self.state_machine.arn]),
            ],
            LIBRARIES,
            START_MEMORY_MB,
            START_TIMEOUT_S,
        )

    def _route_events(self) -> None:
        """The bucket tells EventBridge, and a rule sends what it tells of objects to the queue."""
        args = self._args
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created", "Object Deleted"],
            "detail": {"bucket": {"name": [args.bucket_name]}},
        }
        rule = aws.cloudwatch.EventRule(
            f"{self._prefix}-events",
            description="Uploads and deletions of the upload bucket.",
            event_pattern=pulumi.Output.json_dumps(pattern, separators=(",", ":")),
            tags=tags(self._prefix),
            opts=self._child,
        )
        policy = self._queue_policies(
            [self._from_rule(rule, self.queue)], [self._from_rule(rule, self.dead_letter_queue)]
        )
        target = aws.cloudwatch.EventTarget(
            f"{self._prefix}-events",
            rule=rule.name,
            target_id="queue",
            arn=self.queue.arn,
            # What EventBridge cannot deliver for a day; the failure recorder takes it like any dead letter.
            dead_letter_config={"arn": self.dead_letter_queue.arn},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        aws.s3.BucketNotification(
            f"{self._prefix}-events",
            bucket=args.bucket_name,
            eventbridge=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[target]),
        )

    @staticmethod
    def _from_rule(rule: aws.cloudwatch.EventRule, queue: aws.sqs.Queue) -> Statement:
        return Statement(
            actions=["sqs:SendMessage"],
            resources=[queue.arn],
            principal={"Service": "events.amazonaws.com"},
            condition={"ArnEquals": {"aws:SourceArn": rule.arn}},
        )
