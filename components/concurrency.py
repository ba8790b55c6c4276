"""Derive the number of concurrent batches from Rekognition's quota."""

import math
from dataclasses import dataclass

# Lambda's limits of an SQS event source mapping's maximum concurrency.
LEAST, MOST = 2, 1000
# The number of pictures that one function labels in a second, however long Rekognition takes for each.
PICTURES_PER_S = 25


@dataclass(frozen=True)
class Concurrency:
    """`maximum` functions at a time, each with `calls_per_second` of each Rekognition operation."""

    maximum: int
    calls_per_second: float


def derive(rekognition_tps: float) -> Concurrency:
    """Share a quota of `rekognition_tps` calls per second and operation among the functions that run at once.

    A function goes on with what waits in the queue as fast as its share lets it. So there are no more of them than
    their processors need (Lambda asks for at least 2), and the shares add up to the quota and never to more.
    """
    maximum = min(max(LEAST, math.ceil(rekognition_tps / PICTURES_PER_S)), MOST)
    return Concurrency(maximum, rekognition_tps / maximum)


@dataclass(frozen=True)
class AtOnce:
    """`maximum` batches at a time of `batch_size` pictures each."""

    maximum: int
    batch_size: int


def one_by_one(rekognition_tps: float, batch_size: int) -> AtOnce:
    """Return the number and size of batches whose pictures each have an execution: at most tps pictures at a time.

    A picture makes one call of an operation and takes about a second or longer. So a batch is not larger than what
    makes the least number of batches use the quota up; the rest is for retries.
    """
    size = max(1, min(batch_size, math.floor(rekognition_tps / LEAST)))
    return AtOnce(min(max(LEAST, math.floor(rekognition_tps / size)), MOST), size)
