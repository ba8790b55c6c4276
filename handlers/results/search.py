"""The read side: one picture, lists of pictures, search by label. Queries only; the table is never scanned."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

from botocore.exceptions import ClientError

from handlers.results import cursor as cursors
from handlers.results import keys
from handlers.results import walk as walking
from handlers.results.codes import Status
from handlers.results.document import Result
from handlers.results.errors import InvalidCursorError, InvalidQueryError, TableUnavailableError
from handlers.results.plan import document
from handlers.results.rows import Wire, from_wire, translated_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

Order: TypeAlias = Literal["newest", "confidence"]

LISTED_STATUSES: Final = (Status.LABELED, Status.REJECTED, Status.FAILED)
MAX_LIMIT: Final = 100
MAX_SEARCH_LABELS: Final = 10
_BATCH_GET_KEYS: Final = 100
_MAX_ROUNDS: Final = 10
_BATCH_GET_ATTEMPTS: Final = 6


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of the items, and the cursor that goes on after them; None when there are no more.

    A page may hold fewer items than the limit, even none, and still have a cursor: the work per call is bounded.
    """

    items: list[T]
    cursor: str | None


class MatchedLabel(TypedDict):
    """One of the labels that were searched, as the picture has it."""

    name: str
    confidence: Decimal


class Match(TypedDict):
    """A picture that has all labels that were searched, in the order they were asked for."""

    key: str
    processedAt: str
    labels: list[MatchedLabel]
    versionId: NotRequired[str]


class ResultsReader:
    """Reads results. Every method raises TableUnavailableError when DynamoDB throttles or fails.

    With `folder`, such as `uploads/`, it lists, searches and counts the pictures below it, and gives nothing of any
    other away, in its cursors neither.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        folder: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if folder and keys.folder_of(folder) != folder:
            raise ValueError(f"folder is {folder!r}: expected one folder with its slash, as uploads/")
        self._client = client
        self._table = table_name
        self._folder = folder
        self._sleep = sleep

    def get(self, key: str) -> Result | None:
        """The result of one picture, read consistently. A deleted one has the status DELETED for some days."""
        with translated_errors():
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": keys.image_pk(key)}, "sk": {"S": keys.META}},
                ConsistentRead=True,
            )
        return document(from_wire(answer["Item"])) if "Item" in answer else None

    def get_many(self, picture_keys: Iterable[str]) -> dict[str, Result]:
        """The results of several pictures by key; those that are not there are left out."""
        unique = list(dict.fromkeys(picture_keys))
        found: dict[str, Result] = {}
        for start in range(0, len(unique), _BATCH_GET_KEYS):
            chunk = unique[start : start + _BATCH_GET_KEYS]
            for item in self._batch_get([(keys.image_pk(key), keys.META) for key in chunk]):
                found[item["key"]] = document(item)
        return found

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page[Result]:
        """Pictures, newest first; of one status, or of all but DELETED.

        Raises InvalidQueryError for a limit outside 1-100, InvalidCursorError.
        """
        _check_limit(limit)
        statuses = (status,) if status else LISTED_STATUSES
        query = cursors.query_hash(kind="images", statuses=statuses)
        state: dict[str, Any] = cursors.decode(query, cursor) if cursor else {}
        heads = [self._newest(one, limit, state) for one in statuses if state.get(one, "") is not None]
        newest = merge(*(head.items for head in heads), key=lambda item: item["gsi2sk"], reverse=True)
        shown = [item for item, _ in zip(newest, range(limit), strict=False)]
        for head in heads:
            own = [item for item in shown if item["status"] == head.status]
            if own:
                state[head.status] = list(cursors.hidden(own[-1]["gsi2sk"], own[-1]["key"], self._folder))
            if len(own) == len(head.items) and head.complete:
                state[head.status] = None
        finished = all(state.get(one, "") is None for one in statuses)
        below = [document(item) for item in shown if item["key"].startswith(self._folder)]
        return Page(below, None if finished else cursors.encode(query, state))

    def walk(self, statuses: Sequence[Status] = LISTED_STATUSES, prefix: str = "") -> Iterator[Result]:
        """Every result of these statuses whose key begins so; see `handlers.results.walk`."""
        if not prefix.startswith(self._folder):
            if not self._folder.startswith(prefix):
                return iter(())
            prefix = self._folder
        return walking.walk(self._client, self._table, statuses, prefix)

    def unannounced(self) -> Iterator[str]:
        """The keys of results whose announcement has failed."""
        return (key for key in walking.unannounced(self._client, self._table) if key.startswith(self._folder))

    def search(
        self,
        labels: Sequence[str],
        *,
        min_confidence: Decimal = Decimal(0),
        order: Order = "newest",
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page[Match]:
        """Pictures that have every one of the labels (in any case) with at least this confidence.

        `newest` first, or by the `confidence` of the first label, highest first.
        Raises InvalidQueryError for no or too many labels, a limit outside 1-100 or a confidence outside 0-100,
        InvalidCursorError.
        """
        _check_limit(limit)
        names = _search_names(labels)
        if not (min_confidence.is_finite() and 0 <= min_confidence <= 100):
            raise InvalidQueryError("the minimum confidence must be between 0 and 100")
        query = cursors.query_hash(kind="search", labels=names, min=min_confidence.normalize(), order=order)
        state = cursors.decode(query, cursor) if cursor else {"l": self._driver(names, order)}
        driver = state.get("l")
        if driver not in names:
            raise InvalidCursorError("the cursor is not one of this service's")
        after = cursors.position(state["p"]) if "p" in state else None
        return self._search(_Search(names, driver, min_confidence, order, query, self._folder), limit, after)

    def label_counts(self) -> dict[str, int]:
        """How many pictures have each label; exact."""
        condition, values = "pk = :pk", {":pk": {"S": keys.COUNTERS_PK}}
        if self._folder:
            condition += " AND begins_with(sk, :folder)"
            values[":folder"] = {"S": keys.counters_of(self._folder)}
        counts: Counter[str] = Counter()
        with translated_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    for name, value in item.items():
                        if name.startswith(keys.COUNTER_PREFIX):
                            counts[name.removeprefix(keys.COUNTER_PREFIX)] += int(value["N"])
        return {label: count for label, count in sorted(counts.items()) if count > 0}

    def _newest(self, status: Status, limit: int, state: dict[str, Any]) -> _Head:
        partition = keys.status_partition(status)
        start: Wire = {}
        if status in state:
            sort, key = cursors.position(state[status])
            start = _start("gsi2", partition, sort, keys.image_pk(key), keys.META)
        items: list[dict[str, Any]] = []
        while len(items) < limit:
            answer = self._query(
                IndexName="gsi2",
                KeyConditionExpression="gsi2pk = :partition",
                ExpressionAttributeValues={":partition": {"S": partition}},
                Limit=limit - len(items),
                **start,
            )
            items += [from_wire(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return _Head(status, items, complete=True)
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return _Head(status, items, complete=False)

    def _driver(self, names: list[str], order: Order) -> str:
        """The label whose pictures are looked through: the rarest; the first when its confidence is the order."""
        if order == "confidence" or len(names) == 1:
            return names[0]
        counts: Counter[str] = Counter()
        for label, count in self.label_counts().items():
            counts[label.lower()] += count
        return min(names, key=lambda name: counts[name])

    def _search(self, search: _Search, limit: int, after: tuple[str, str] | None) -> Page[Match]:
        others = [name for name in search.names if name != search.driver]
        page_size = _BATCH_GET_KEYS // len(others) if others else limit
        matches: list[Match] = []
        for _ in range(_MAX_ROUNDS):
            answer = self._query(**search.request(page_size, after))
            candidates = [from_wire(item) for item in answer["Items"]]
            below = [candidate for candidate in candidates if candidate["key"].startswith(search.folder)]
            found = self._entries(below, others, search.min_confidence)
            for candidate in candidates:
                after = (candidate[f"{search.index}sk"], candidate["key"])
                match = _match(candidate, search, found)
                if match:
                    matches.append(match)
                if len(matches) == limit and (candidate is not candidates[-1] or "LastEvaluatedKey" in answer):
                    return Page(matches, search.cursor(after))
            if "LastEvaluatedKey" not in answer:
                return Page(matches, None)
            last = from_wire(answer["LastEvaluatedKey"])
            after = (last[f"{search.index}sk"], last["pk"].removeprefix(keys.IMAGE_PREFIX))
        return Page(matches, search.cursor(after))

    def _entries(
        self, candidates: list[dict[str, Any]], labels: list[str], min_confidence: Decimal
    ) -> dict[tuple[str, str], dict[str, Any]]:
        """The entries of these labels that the candidates have, by partition and sort key."""
        wanted = [(candidate["pk"], keys.label_sk(label)) for candidate in candidates for label in labels]
        return {
            (item["pk"], item["sk"]): item for item in self._batch_get(wanted) if item["confidence"] >= min_confidence
        }

    def _batch_get(self, wanted: list[tuple[str, str]]) -> list[dict[str, Any]]:
        if not wanted:
            return []
        request: Any = {self._table: {"Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in wanted]}}
        items: list[dict[str, Any]] = []
        for attempt in range(_BATCH_GET_ATTEMPTS):
            with translated_errors():
                answer = self._client.batch_get_item(RequestItems=request)
            items += [from_wire(item) for item in answer["Responses"].get(self._table, [])]
            request = answer.get("UnprocessedKeys")
            if not request:
                return items
            self._sleep(0.05 * 2**attempt)
        raise TableUnavailableError("DynamoDB left keys of a batch unread each time")

    def _query(self, **request: Any) -> Any:
        try:
            with translated_errors():
                return self._client.query(TableName=self._table, ScanIndexForward=False, **request)
        except ClientError as error:
            if "ExclusiveStartKey" in request and error.response["Error"].get("Code") == "ValidationException":
                raise InvalidCursorError("the cursor is not one of this service's") from error
            raise


@dataclass(frozen=True)
class _Head:
    """The newest pictures of one status; `complete` when there are no more."""

    status: Status
    items: list[dict[str, Any]]
    complete: bool


@dataclass(frozen=True)
class _Search:
    names: list[str]
    driver: str
    min_confidence: Decimal
    order: Order
    query: str
    folder: str

    @property
    def index(self) -> str:
        return "gsi1" if self.order == "confidence" else "gsi2"

    def request(self, page_size: int, after: tuple[str, str] | None) -> Wire:
        """What to ask DynamoDB for the next candidates."""
        partition = keys.label_partition(self.driver)
        request: Wire = {"IndexName": self.index, "Limit": page_size}
        if self.order == "confidence":
            request["KeyConditionExpression"] = "gsi1pk = :partition AND gsi1sk >= :least"
            least = {"S": keys.confidence_sort(self.min_confidence)}
        else:
            request["KeyConditionExpression"] = "gsi2pk = :partition"
            request["FilterExpression"] = "confidence >= :least"
            least = {"N": str(self.min_confidence)}
        request["ExpressionAttributeValues"] = {":partition": {"S": partition}, ":least": least}
        if after:
            sort, key = after
            request |= _start(self.index, partition, sort, keys.image_pk(key), keys.label_sk(self.driver))
        return request

    def cursor(self, after: tuple[str, str] | None) -> str:
        state: dict[str, Any] = {"l": self.driver}
        if after:
            state["p"] = list(cursors.hidden(*after, self.folder))
        return cursors.encode(self.query, state)


def _match(candidate: dict[str, Any], search: _Search, found: dict[tuple[str, str], dict[str, Any]]) -> Match | None:
    labels: list[MatchedLabel] = []
    if not candidate["key"].startswith(search.folder):
        return None
    for name in search.names:
        entry = candidate if name == search.driver else found.get((candidate["pk"], keys.label_sk(name)))
        if entry is None:
            return None
        labels.append({"name": entry["label"], "confidence": entry["confidence"]})
    match: Match = {"key": candidate["key"], "processedAt": candidate["processedAt"], "labels": labels}
    if "versionId" in candidate:
        match["versionId"] = candidate["versionId"]
    return match


def _start(index: str, partition: str, sort: str, pk: str, sk: str) -> Wire:
    item = {"pk": pk, "sk": sk, f"{index}pk": partition, f"{index}sk": sort}
    return {"ExclusiveStartKey": {name: {"S": value} for name, value in item.items()}}


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidQueryError(f"the limit must be between 1 and {MAX_LIMIT}")


def _search_names(labels: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(label.strip().lower() for label in labels))
    if not names or "" in names:
        raise InvalidQueryError("name at least one label, and none that is empty")
    if len(names) > MAX_SEARCH_LABELS:
        raise InvalidQueryError(f"at most {MAX_SEARCH_LABELS} labels can be searched at once")
    for name in names:
        if not cursors.is_text(name) or len(name.encode()) > keys.SORT_KEY_MAX_BYTES:
            raise InvalidQueryError("a label is not text, or too long")
    return names
