"""A message whose turn did not come is sent again as a new one, so that waiting uses up none of its receives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from handlers.labelling.tally import Count, Tally

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONGEST: Final = timedelta(days=3)
"""So long a message may wait for its turn; then it takes the way of what fails."""

_TIMES: Final = "postponed"
_SINCE: Final = "postponedSinceMs"


@dataclass(frozen=True)
class Postponement:
    """Sends a delayed message again. A crash before the first is deleted only doubles it, which does no harm."""

    client: SQSClient
    queue_url: str
    delay_s: Callable[[int], int]
    """By how often the message has been tried; at most SQS's 900."""
    tally: Tally
    logger: Logger
    now: Callable[[], datetime]

    def postpone(self, record: SQSRecord) -> bool:
        """Send the message again; False if it has waited too long already, or SQS does not take it."""
        times = _number(record, _TIMES, 0) + 1
        since_ms = _number(record, _SINCE, int(record.attributes.sent_timestamp or 0))
        if self.now().timestamp() * 1000 - since_ms > LONGEST.total_seconds() * 1000:
            self.logger.error("Delayed for too long: the message is not sent again", since_ms=since_ms)
            return False
        delay_s = max(1, self.delay_s(times))
        try:
            self.client.send_message(
                QueueUrl=self.queue_url,
                MessageBody=record.body,
                DelaySeconds=delay_s,
                MessageAttributes={
                    name: {"DataType": "Number", "StringValue": str(value)}
                    for name, value in ((_TIMES, times), (_SINCE, since_ms))
                },
            )
        except (ClientError, BotoCoreError) as error:
            self.logger.warning("The delayed message could not be sent again", error=str(error))
            return False
        self.tally.add(Count.PICTURES_POSTPONED)
        self.logger.info("Delayed: the message was sent again", delay_s=delay_s, times=times)
        return True


def _number(record: SQSRecord, name: str, default: int) -> int:
    """A number among the message's attributes, which nobody but this module sets."""
    attribute = record["messageAttributes"].get(name)
    return int(attribute["stringValue"]) if attribute else default
