"""Where results are announced beside the table: what a function that announces is told, and may do."""

from dataclasses import dataclass

import pulumi

from components import access
from components.errors import InvalidArgumentError
from components.policies import Statement


@dataclass(frozen=True)
class Announcements:
    """A results bucket, a topic, both or neither.

    `notify_min_confidence`, in percent: labels that are less certain are no attributes of the messages.
    `topic_kms_key_arn` is the key of the topic's messages where they have one.
    """

    bucket_name: pulumi.Input[str] | None = None
    bucket_arn: pulumi.Input[str] | None = None
    topic_arn: pulumi.Input[str] | None = None
    topic_kms_key_arn: pulumi.Input[str] | None = None
    notify_min_confidence: float = 0

    def __post_init__(self) -> None:
        if (self.bucket_name is None) != (self.bucket_arn is None):
            raise InvalidArgumentError("A results bucket has a name and an ARN: expected both of them, or neither.")

    def environment(self) -> dict[str, pulumi.Input[str]]:
        """The variables of a function that announces; none where nothing is announced."""
        variables: dict[str, pulumi.Input[str]] = {}
        if self.bucket_name is not None:
            variables["RESULTS_BUCKET"] = self.bucket_name
        if self.topic_arn is not None:
            variables["TOPIC_ARN"] = self.topic_arn
            variables["NOTIFY_MIN_CONFIDENCE"] = f"{self.notify_min_confidence:g}"
        return variables

    def statements(self) -> list[Statement]:
        """What such a function may do: put documents, publish messages."""
        statements: list[Statement] = []
        if self.bucket_arn is not None:
            statements += access.put_objects(self.bucket_arn, "")
        if self.topic_arn is not None:
            statements += access.publish(self.topic_arn, self.topic_kms_key_arn)
        return statements
