"""The read side: one picture, lists of pictures, search by label. Queries only; the table is never scanned."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

from botocore.exceptions import ClientError

from . import cursor as cursors
from . import keys
from . import walk as walking
from .codes import Status
from .cursor_keys import FOREIGN, CursorKeys, OpenKey
from .document import Label, Result
from .errors import InvalidCursorError, InvalidQueryError
from .item import Item, Place, all_labels, document
from .table import GET_KEYS, DynamoRows, Wire, from_wire, translated_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

Order: TypeAlias = Literal["newest", "confidence"]

LISTED_STATUSES: Final = (Status.LABELED, Status.REJECTED, Status.FAILED)
MAX_LIMIT: Final = 100
MAX_SEARCH_LABELS: Final = 10
_MAX_ROUNDS: Final = 10
_BLOCK: Final = 1000
"""How many entries each further round of a page looks at. A page that ends before it is full tells that there are other
folders' pictures, but not how many: it ends after thousands."""


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
    other away, in its cursors neither: they are made with the stack's keys. Pages are full whatever else there is in
    the bucket, unless thousands of pictures of other folders come in a row.
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
        self._rows = DynamoRows(client, table_name, sleep)
        self._cursors: CursorKeys | OpenKey = CursorKeys(client, table_name) if folder else OpenKey()

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
        items = self._rows.read_items([(keys.image_pk(key), keys.META) for key in picture_keys], consistent=False)
        return {item["key"]: document(item) for item in items.values()}

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page[Result]:
        """Pictures, newest first; of one status, or of all but DELETED.

        Raises InvalidQueryError for a limit outside 1-100, InvalidCursorError.
        """
        _check_limit(limit)
        statuses = (status,) if status else LISTED_STATUSES
        query = cursors.query_hash(kind="images", statuses=statuses, folder=self._folder)
        state: dict[str, Any] = self._cursors.decode(query, cursor) if cursor else {}
        heads = [self._newest(one, limit, state) for one in statuses if state.get(one, "") is not None]
        # What is older than the end of a head may be older than pictures of that status which were not read.
        end = max((head.end[0] for head in heads if head.end), default="")
        newest = merge(*(head.items for head in heads), key=lambda item: item["gsi2sk"], reverse=True)
        shown = [item for item, _ in zip(newest, range(limit), strict=False) if item["gsi2sk"] >= end]
        for head in heads:
            own = [item for item in shown if item["status"] == head.status]
            if len(own) == len(head.items):
                state[head.status] = cursors.packed(*cursors.hidden(*head.end, self._folder)) if head.end else None
            elif own:
                state[head.status] = cursors.packed(own[-1]["gsi2sk"], own[-1]["key"])
        finished = all(state.get(one, "") is None for one in statuses)
        return Page([document(item) for item in shown], None if finished else self._cursors.encode(query, state))

    def walk(self, statuses: Sequence[Status] = LISTED_STATUSES, prefix: str = "") -> Iterator[Result]:
        """Every result of these statuses whose key begins so; see `handlers.results.walk`."""
        return map(document, self._walk_items(statuses, prefix))

    def walk_labels(self, prefix: str = "") -> Iterator[tuple[Result, list[Label]]]:
        """Every LABELED result whose key begins so, each with all labels that Rekognition gave it."""
        return ((document(item), all_labels(item)) for item in self._walk_items((Status.LABELED,), prefix))

    def _walk_items(self, statuses: Sequence[Status], prefix: str) -> Iterator[Item]:
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
        query = cursors.query_hash(
            kind="search", labels=names, min=min_confidence.normalize(), order=order, folder=self._folder
        )
        state = self._cursors.decode(query, cursor) if cursor else {"l": self._driver(names, order)}
        after = cursors.position(state["p"]) if "p" in state else None
        matches, end = self._search(_Search(names, state["l"], min_confidence, order, self._folder), limit, after)
        if end is None:
            return Page(matches, None)
        end = cursors.hidden(*end, self._folder)
        return Page(matches, self._cursors.encode(query, {"l": state["l"], "p": cursors.packed(*end)}))

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
        request: Wire = {
            "IndexName": "gsi2",
            "KeyConditionExpression": "gsi2pk = :partition",
            "ExpressionAttributeValues": {":partition": {"S": partition}},
        }
        if self._folder:
            request |= {"FilterExpression": "begins_with(#key, :folder)", "ExpressionAttributeNames": {"#key": "key"}}
            request["ExpressionAttributeValues"][":folder"] = {"S": self._folder}
        if status in state:
            sort, key = cursors.position(state[status])
            request |= _start("gsi2", partition, sort, keys.image_pk(key), keys.META)
        items: list[dict[str, Any]] = []
        end: tuple[str, str] | None = None
        for number in range(_MAX_ROUNDS):
            answer = self._query(**request, Limit=_BLOCK if number else limit)
            items += [from_wire(item) for item in answer["Items"]]
            if len(items) > limit:
                return _Head(status, items[:limit], (items[limit - 1]["gsi2sk"], items[limit - 1]["key"]))
            if "LastEvaluatedKey" not in answer:
                return _Head(status, items, None)
            end = _end(answer, "gsi2")
            if len(items) == limit:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return _Head(status, items, end)

    def _driver(self, names: list[str], order: Order) -> str:
        """The label whose pictures are looked through: the rarest; the first when its confidence is the order."""
        if order == "confidence" or len(names) == 1:
            return names[0]
        counts: Counter[str] = Counter()
        for label, count in self.label_counts().items():
            counts[label.lower()] += count
        return min(names, key=lambda name: counts[name])

    def _search(
        self, search: _Search, limit: int, after: tuple[str, str] | None
    ) -> tuple[list[Match], tuple[str, str] | None]:
        """Matches, and where the search goes on; None at its end."""
        others = [name for name in search.names if name != search.driver]
        matches: list[Match] = []
        for number in range(_MAX_ROUNDS):
            page_size = GET_KEYS // len(others) if others else _BLOCK if number else limit
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
                    return matches, after
            if "LastEvaluatedKey" not in answer:
                return matches, None
            after = _end(answer, search.index)
        return matches, after

    def _entries(
        self, candidates: list[dict[str, Any]], labels: list[str], min_confidence: Decimal
    ) -> dict[Place, Item]:
        """The entries of these labels that the candidates have, by partition and sort key."""
        wanted = [(candidate["pk"], keys.label_sk(label)) for candidate in candidates for label in labels]
        found = self._rows.read_items(wanted, consistent=False)
        return {place: item for place, item in found.items() if item["confidence"] >= min_confidence}

    def _query(self, **request: Any) -> Any:
        try:
            with translated_errors():
                return self._client.query(TableName=self._table, ScanIndexForward=False, **request)
        except ClientError as error:
            if "ExclusiveStartKey" in request and error.response["Error"].get("Code") == "ValidationException":
                raise InvalidCursorError(FOREIGN) from error
            raise


@dataclass(frozen=True)
class _Head:
    """The newest pictures of one status, and how far they were read; None when there are no more."""

    status: Status
    items: list[dict[str, Any]]
    end: tuple[str, str] | None


@dataclass(frozen=True)
class _Search:
    names: list[str]
    driver: str
    min_confidence: Decimal
    order: Order
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


def _match(candidate: dict[str, Any], search: _Search, found: Mapping[Place, Item]) -> Match | None:
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


def _end(answer: Any, index: str) -> tuple[str, str]:
    """The sort key and the picture's key of the last entry that a query looked at."""
    last = from_wire(answer["LastEvaluatedKey"])
    return last[f"{index}sk"], last["pk"].removeprefix(keys.IMAGE_PREFIX)


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
        if not _is_text(name) or len(name.encode()) > keys.SORT_KEY_MAX_BYTES:
            raise InvalidQueryError("a label is not text, or too long")
    return names


def _is_text(value: str) -> bool:
    """Whether the string can be written as UTF-8 (half of a surrogate pair cannot)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
