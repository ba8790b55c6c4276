"""The number of concurrent batches, from Rekognition's quota of calls per second and operation."""

import math

# Lambda's limits of an SQS event source mapping's maximum concurrency.
LEAST, MOST = 2, 1000
# The number of pictures that one function labels in a second, however long Rekognition takes for each.
PICTURES_PER_S = 25


def functions_at_once(rekognition_tps: float) -> int:
    """Return the number of functions among which the quota is shared evenly.

    A function goes on with what waits in the queue as fast as its share lets it. So there are no more of them than
    their processors need (Lambda asks for at least 2), and the shares add up to the quota and never to more.
    """
    return min(max(LEAST, math.ceil(rekognition_tps / PICTURES_PER_S)), MOST)


def calls_per_second(rekognition_tps: float) -> float:
    """Return one function's share of the quota."""
    return rekognition_tps / functions_at_once(rekognition_tps)


def workflow_batch_size(rekognition_tps: float, batch_size: int) -> int:
    """Return the size of batches whose pictures each have an execution, `batch_size` at most.

    A picture makes one call of an operation and takes about a second or longer. So a batch is not larger than what
    makes the least number of batches use the quota up; the rest is for retries.
    """
    return max(1, min(batch_size, math.floor(rekognition_tps / LEAST)))


def workflow_batches(rekognition_tps: float, batch_size: int) -> int:
    """Return the number of such batches: at most tps pictures at a time."""
    size = workflow_batch_size(rekognition_tps, batch_size)
    return min(max(LEAST, math.floor(rekognition_tps / size)), MOST)
