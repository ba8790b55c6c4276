"""Monitoring: alarms that say what to do, the topic that they tell, and a dashboard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import alarms, dashboard
from components.alarms import Alarm, WatchedApi, WatchedFunction
from components.errors import InvalidArgumentError
from components.policies import Statement, document
from components.tagging import tags


@dataclass(frozen=True)
class MonitoringArgs:
    """Arguments of Monitoring.

    `service` is the dimension under which the functions publish their metrics, and the dashboard's name.
    `functions` by what they are called in alarms; `processor` is the key of the one that takes the events.
    `alarm_topic_arn` is a topic that is there already, whose policy lets CloudWatch publish; None: one is made, and
    `emails` are subscribed to it (each address has to confirm).
    `daily_cost_bound_usd` is what Rekognition may cost within a day before an alarm goes off; None: any sum.
    `state_machine_arn` is the workflow's, where there is one.
    """

    service: str
    functions: Mapping[str, WatchedFunction]
    processor: str
    queue_name: pulumi.Input[str]
    dead_letter_queue_name: pulumi.Input[str]
    detectors: Sequence[str]
    image_properties: bool = False
    api: WatchedApi | None = None
    state_machine_arn: pulumi.Input[str] | None = None
    daily_cost_bound_usd: float | None = None
    alarm_topic_arn: pulumi.Input[str] | None = None
    emails: Sequence[str] = ()


class Monitoring(pulumi.ComponentResource):
    """Alarms on functions, queues, the API, the workflow, Rekognition's quota and its daily cost; one dashboard.

    Every alarm tells the topic when it goes off and when it is over.
    """

    topic_arn: pulumi.Output[str]
    dashboard_name: pulumi.Output[str]
    alarms: Mapping[str, aws.cloudwatch.MetricAlarm]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:Monitoring", name, None, opts)
        if args.processor not in args.functions:
            raise InvalidArgumentError(
                f"processor is {args.processor!r}: expected one of the functions, {', '.join(args.functions)}."
            )
        if args.emails and args.alarm_topic_arn is not None:
            raise InvalidArgumentError("emails are for the topic that is made: expected none beside alarm_topic_arn.")
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        self.topic_arn = (
            self._topic() if args.alarm_topic_arn is None else pulumi.Output.from_input(args.alarm_topic_arn)
        )
        self._usd_per_call = alarms.usd_per_call(args.detectors, image_properties=args.image_properties)
        self.alarms = {alarm.name: self._alarm(alarm) for alarm in self._watched()}
        self.dashboard_name = self._dashboard()
        self.register_outputs({"topicArn": self.topic_arn, "dashboardName": self.dashboard_name})

    def _topic(self) -> pulumi.Output[str]:
        """A topic to which CloudWatch's alarms of this account may publish, and nobody without TLS."""
        name = f"{self._name}-alarms"
        topic = aws.sns.Topic(name, tags=tags(self._name), opts=self._child)
        # Not encrypted with AWS's own key for SNS: CloudWatch cannot use that one, and alarms would be lost.
        from_alarms = Statement(
            actions=["sns:Publish"],
            resources=[topic.arn],
            principal={"Service": "cloudwatch.amazonaws.com"},
            condition={"StringEquals": {"aws:SourceAccount": aws.get_caller_identity_output().account_id}},
        )
        # A topic's policy takes actions on topics by name only, and no `sns:*`.
        without_tls = Statement(
            effect="Deny",
            actions=["sns:Publish"],
            resources=[topic.arn],
            principal="*",
            condition={"Bool": {"aws:SecureTransport": "false"}},
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-policy", arn=topic.arn, policy=document([from_alarms, without_tls]), opts=self._child
        )
        for address in self._args.emails:
            aws.sns.TopicSubscription(
                f"{name}-{address}", topic=topic.arn, protocol="email", endpoint=address, opts=self._child
            )
        # Alarms that go off at once find the topic ready for them.
        return pulumi.Output.all(topic.arn, policy.id).apply(lambda made: str(made[0]))

    def _watched(self) -> list[Alarm]:
        args = self._args
        found = [
            alarm for label, function in args.functions.items() for alarm in alarms.function_alarms(label, function)
        ]
        found += alarms.queue_alarms(args.service, args.queue_name, args.dead_letter_queue_name)
        found += alarms.rekognition_alarms(args.service)
        if args.api is not None:
            found += alarms.api_alarms(args.api)
        if args.state_machine_arn is not None:
            found += alarms.workflow_alarms(args.state_machine_arn)
        if args.daily_cost_bound_usd is not None:
            processor = args.functions[args.processor]
            found.append(alarms.cost_alarm(args.service, args.daily_cost_bound_usd, self._usd_per_call, processor.name))
        return found

    def _alarm(self, alarm: Alarm) -> aws.cloudwatch.MetricAlarm:
        (metric, *others) = alarm.metrics.values()
        plain = alarm.expression is None
        if plain and others:
            raise InvalidArgumentError(f"The alarm {alarm.name} has several metrics: expected an expression of them.")
        percentile = alarm.statistic.startswith("p")
        return aws.cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.name}",
            alarm_description=pulumi.Output.concat(f"{self._args.service}: ", alarm.advice),
            namespace=metric.namespace if plain else None,
            metric_name=metric.name if plain else None,
            dimensions=(dict(metric.dimensions) or None) if plain else None,
            period=alarm.period_s if plain else None,
            statistic=alarm.statistic if plain and not percentile else None,
            extended_statistic=alarm.statistic if plain and percentile else None,
            metric_queries=None if alarm.expression is None else self._queries(alarm, alarm.expression),
            comparison_operator="GreaterThanOrEqualToThreshold",
            evaluation_periods=alarm.periods,
            threshold=alarm.threshold,
            treat_missing_data="notBreaching",
            alarm_actions=[self.topic_arn],
            ok_actions=[self.topic_arn],
            tags=tags(self._name),
            opts=self._child,
        )

    @staticmethod
    def _queries(alarm: Alarm, expression: str) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgsDict]:
        result: aws.cloudwatch.MetricAlarmMetricQueryArgsDict = {
            "id": "result",
            "expression": expression,
            "label": alarm.name,
            "return_data": True,
        }
        return [
            result,
            *(
                aws.cloudwatch.MetricAlarmMetricQueryArgsDict(
                    id=id,
                    metric={
                        "namespace": metric.namespace,
                        "metric_name": metric.name,
                        "dimensions": dict(metric.dimensions),
                        "period": alarm.period_s,
                        "stat": alarm.statistic,
                    },
                    return_data=False,
                )
                for id, metric in alarm.metrics.items()
            ),
        ]

    def _dashboard(self) -> pulumi.Output[str]:
        args = self._args
        content = dashboard.body(
            region=aws.get_region_output().region,
            service=args.service,
            functions=args.functions,
            queue_name=args.queue_name,
            dead_letter_queue_name=args.dead_letter_queue_name,
            api=args.api,
            state_machine_arn=args.state_machine_arn,
            usd_per_call=self._usd_per_call,
            alarm_arns=[alarm.arn for alarm in self.alarms.values()],
        )
        made = aws.cloudwatch.Dashboard(
            f"{self._name}-dashboard",
            dashboard_name=args.service,
            dashboard_body=pulumi.Output.json_dumps(content, separators=(",", ":")),
            opts=self._child,
        )
        return made.dashboard_name
