"""The read side: one picture, lists of pictures, search. Queries only; the table is never scanned."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import merge
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from botocore.exceptions import ClientError

from . import cursor as cursors
from . import keys
from . import walk as walking
from .codes import Status
from .cursor import FOREIGN, CursorKeys, OpenKey
from .document import Label, Result
from .errors import InvalidCursorError, InvalidQueryError
from .item import FACTS_LAYOUT, TERMS_LAYOUT, Item, all_labels, document
from .keys import iso_ms, name_term
from .query import Kind, Query
from .table import GET_KEYS, Rows, Wire, from_wire, queried, read_item, translated_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

Order: TypeAlias = Literal["newest", "confidence", "taken"]

LISTED_STATUSES: Final = (Status.LABELED, Status.REJECTED, Status.FAILED)
MAX_LIMIT: Final = 100
_MAX_ROUNDS: Final = 10
_BLOCK: Final = 1000
"""The number of entries that each further round of a page reads, if other folders' are among them. A page that ends
before it is full tells that there are such pictures, but not how many: it ends after thousands.
"""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of the items, and the cursor of the next page, or None at the end.

    A page may hold fewer items than the limit, even none, and still have a cursor: the work per call is bounded.
    `total` is the number of items on all pages. Only a first page has it, from its own items or from a counter.
    """

    items: list[T]
    cursor: str | None
    total: int | None = None


class Results(Protocol):
    """The read side of the results table, as the API and the command use it."""

    def get(self, key: str) -> Result | None:
        """Return the stored result of a key, a tombstone (status DELETED), or None."""

    def get_many(self, picture_keys: Iterable[str]) -> Mapping[str, Result]:
        """Return several results; keys without a result are absent."""

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page[Result]:
        """Return a page of results, newest first."""

    def search(
        self,
        query: Query,
        *,
        min_confidence: Decimal = Decimal(0),
        order: Order = "newest",
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page[Result]:
        """Return a page of labelled pictures that match."""

    def label_counts(self) -> dict[str, int]:
        """Count the pictures of each label."""


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
        self._rows = Rows(client, table_name, sleep)
        self._cursors: CursorKeys | OpenKey = CursorKeys(client, table_name) if folder else OpenKey()

    def get(self, key: str) -> Result | None:
        """Return the result of one picture, read consistently. A deleted one has the status DELETED for some days."""
        item = read_item(self._client, self._table, keys.image_pk(key))
        return None if item is None else document(item)

    def get_many(self, picture_keys: Iterable[str]) -> dict[str, Result]:
        """Return the results of several pictures by key; those that are not there are left out."""
        items = self._rows.read_items([(keys.image_pk(key), keys.META) for key in picture_keys], consistent=False)
        return {item["key"]: document(item) for item in items.values()}

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page[Result]:
        """List pictures, newest first; of one status, or of all but DELETED.

        Raises InvalidQueryError for a limit outside 1-100, InvalidCursorError.
        """
        _check_limit(limit)
        statuses = (status,) if status else LISTED_STATUSES
        query = cursors.query_hash(kind="images", statuses=statuses, folder=self._folder)
        state: dict[str, Any] = self._cursors.decode(query, cursor) if cursor else {}
        heads = {each: self._newest(each, limit, state) for each in statuses if state.get(each, "") is not None}
        # Pictures older than the end of a head may be older than pictures of that status which were not read.
        oldest = max((end[0] for _, end in heads.values() if end), default="")
        newest = merge(*(results for results, _ in heads.values()), key=_place, reverse=True)
        shown = [result for result, _ in zip(newest, range(limit), strict=False) if _place(result) >= oldest]
        for each, (results, end) in heads.items():
            own = [result for result in shown if result["status"] == each]
            if len(own) == len(results):
                state[each] = cursors.packed(*cursors.hidden(*end, self._folder)) if end else None
            elif own:
                state[each] = cursors.packed(_place(own[-1]), own[-1]["key"])
        finished = all(state.get(each, "") is None for each in statuses)
        total = None if cursor else self._total(len(shown), {_total_of(each) for each in statuses}, finished=finished)
        return Page(shown, None if finished else self._cursors.encode(query, state), total)

    def walk(self, statuses: Sequence[Status] = LISTED_STATUSES, prefix: str = "") -> Iterator[Result]:
        """Return every result of these statuses whose key begins so; see `handlers.results.walk`."""
        return map(document, self._walk_items(statuses, prefix))

    def walk_labels(self, prefix: str = "") -> Iterator[tuple[Result, list[Label]]]:
        """Return every LABELED result whose key begins so, each with all labels that Rekognition gave it."""
        return ((document(item), all_labels(item)) for item in self._walk_items((Status.LABELED,), prefix))

    def _walk_items(self, statuses: Sequence[Status], prefix: str) -> Iterator[Item]:
        if not prefix.startswith(self._folder):
            if not self._folder.startswith(prefix):
                return iter(())
            prefix = self._folder
        return walking.walk(self._client, self._table, statuses, prefix)

    def unannounced(self) -> Iterator[str]:
        """Return the keys of results whose announcement has failed."""
        return (key for key in walking.unannounced(self._client, self._table) if key.startswith(self._folder))

    def outdated(self, prefix: str = "") -> Iterator[str]:
        """Return the keys of results without the terms and totals or the camera's facts of this version.

        A FAILED one gets them by the attempt that replaces it.
        """
        for item in self._walk_items((Status.LABELED, Status.REJECTED), prefix):
            lacks_facts = item["status"] == Status.LABELED and FACTS_LAYOUT not in item.get("fingerprint", "")
            if item.get("terms") != TERMS_LAYOUT or lacks_facts:
                yield item["key"]

    def search(
        self,
        query: Query,
        *,
        min_confidence: Decimal = Decimal(0),
        order: Order = "newest",
        limit: int = 20,
        cursor: str | None = None,
    ) -> Page[Result]:
        """List LABELED pictures that match; labels count with at least this confidence.

        `newest` first, or by the `confidence` of the first label, highest first, or by the date when they were `taken`,
        latest first; where dates alone find, always by date.
        Raises InvalidQueryError for a limit outside 1-100 or a confidence outside 0-100, InvalidCursorError.
        """
        _check_limit(limit)
        if not (min_confidence.is_finite() and 0 <= min_confidence <= 100):
            raise InvalidQueryError(f"the minimum confidence must be between 0 and 100; got {min_confidence}")
        bound = cursors.query_hash(
            kind="search", query=query, min=min_confidence.normalize(), order=order, folder=self._folder
        )
        state: dict[str, Any] = self._cursors.decode(bound, cursor) if cursor else {"l": self._driver(query, order)}
        ways = _ways(query, state["l"], min_confidence, order)
        # By its partition, as with the years there come more ways.
        number = next((at for at, way in enumerate(ways) if way.partition == state.get("w")), 0)
        after = cursors.position(state["p"]) if "p" in state else None
        results, on, end = self._search(query, min_confidence, ways, number, after, limit)
        total = None if cursor else self._total(len(results), _counters(query, min_confidence), finished=on is None)
        if on is None:
            return Page(results, None, total)
        place = {"p": cursors.packed(*cursors.hidden(*end, self._folder))} if end else {}
        return Page(results, self._cursors.encode(bound, {"l": state["l"], "w": on.partition} | place), total)

    def label_counts(self) -> dict[str, int]:
        """Count the pictures of each label, exactly."""
        return {
            name.removeprefix(keys.COUNTER_PREFIX): count
            for name, count in sorted(self._counts().items())
            if name.startswith(keys.COUNTER_PREFIX) and count > 0
        }

    def _total(self, shown: int, counters: Collection[str], *, finished: bool) -> int | None:
        """Return the number of matches, of which `shown` are on this page, or None if no counter has it."""
        if finished or not counters:
            return shown if finished else None
        total = sum(count for name, count in self._counts().items() if name.lower() in counters)
        # Before `labelstack migrate`, results of earlier versions are not counted.
        return total if total >= shown else None

    def _counts(self) -> Counter[str]:
        """Return all counters by their attributes' names, in one request."""
        condition, values = "pk = :pk", {":pk": {"S": keys.COUNTERS_PK}}
        if self._folder:
            condition += " AND begins_with(sk, :folder)"
            values[":folder"] = {"S": keys.counters_of(self._folder)}
        counts: Counter[str] = Counter()
        request: Wire = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
        for item in queried(self._client, self._table, **request):
            counts.update({name: int(value) for name, value in item.items() if name not in ("pk", "sk")})
        return counts

    def _newest(
        self, status: Status, limit: int, state: Mapping[str, Any]
    ) -> tuple[list[Result], tuple[str, str] | None]:
        """Return the newest pictures of a status, and how far they were read; None when there are no more."""
        after = cursors.position(state[status]) if status in state else None
        ways = [_Way("gsi2", keys.status_partition(status), keys.META)]
        results, on, end = self._search(Query(), Decimal(0), ways, 0, after, limit, status)
        return results, end if on else None

    def _driver(self, query: Query, order: Order) -> str:
        """Return the label whose pictures a search reads: the rarest, or the first when it gives the order."""
        names = [] if order == "taken" else query.has(Kind.LABEL)
        if order == "confidence" or len(names) < 2 or _term(query):
            return names[0] if names else ""
        counts: Counter[str] = Counter()
        for label, count in self.label_counts().items():
            counts[label.lower()] += count
        return min(names, key=lambda name: counts[name])

    def _search(
        self,
        query: Query,
        least: Decimal,
        ways: Sequence[_Way],
        number: int,
        after: tuple[str, str] | None,
        limit: int,
        status: Status = Status.LABELED,
    ) -> tuple[list[Result], _Way | None, tuple[str, str] | None]:
        """Return matches, and the index and position where the search continues; no index at its end."""
        results: list[Result] = []
        looks, rounds, page_size = 0, 0, limit
        while rounds < _MAX_ROUNDS:
            way = ways[number]
            answer = self._query(**way.request(page_size, after, self._folder))
            rounds += answer["ScannedCount"] > 0  # a year without pictures costs next to nothing
            page_size = _BLOCK if answer["Count"] < answer["ScannedCount"] else GET_KEYS
            candidates = [item for item in map(from_wire, answer["Items"]) if item.get("confidence", least) >= least]
            is_last = "LastEvaluatedKey" not in answer and number + 1 == len(ways)
            for start in range(0, len(candidates), GET_KEYS):
                chunk = candidates[start : start + GET_KEYS]
                images = self._images(chunk)
                for candidate in chunk:
                    after = (candidate[f"{way.index}sk"], candidate["key"])
                    result = images.get(candidate["key"])
                    if result and result["status"] == status and query.matches(result, least):
                        results.append(result)
                    if len(results) == limit and not (is_last and candidate is candidates[-1]):
                        return results, way, after
                looks += len(chunk)
                if looks >= _MAX_ROUNDS * GET_KEYS and not (is_last and start + GET_KEYS >= len(candidates)):
                    return results, way, after
            if "LastEvaluatedKey" in answer:
                after = _end(answer, way.index)
            elif is_last:
                return results, None, None
            else:
                number, after = number + 1, None
        return results, ways[number], after

    def _images(self, candidates: Sequence[Item]) -> dict[str, Result]:
        """Return the results of candidates by key; those of the listing are whole already."""
        whole = {item["key"]: document(item) for item in candidates if item["sk"] == keys.META}
        return whole | self.get_many(item["key"] for item in candidates if item["key"] not in whole)

    def _query(self, **request: Any) -> Any:
        try:
            with translated_errors():
                return self._client.query(TableName=self._table, ScanIndexForward=False, **request)
        except ClientError as error:
            if "ExclusiveStartKey" in request and error.response["Error"].get("Code") == "ValidationException":
                raise InvalidCursorError(FOREIGN) from error
            raise


@dataclass(frozen=True)
class _Way:
    """A range of one partition of an index, with a search's candidates. Their items decide whether they match."""

    index: str
    partition: str
    sk: str
    """Of the candidates."""
    least: str = ""
    most: str = ""
    """The range of its sort keys; empty where it has no such end."""

    def request(self, page_size: int, after: tuple[str, str] | None, folder: str) -> Wire:
        """Return the query for the next candidates."""
        values, condition = {":partition": self.partition}, f"{self.index}pk = :partition"
        values |= {name: value for name, value in ((":least", self.least), (":most", self.most)) if value}
        if len(values) == 3:
            condition += f" AND {self.index}sk BETWEEN :least AND :most"
        elif len(values) == 2:
            condition += f" AND {self.index}sk {'>= :least' if self.least else '<= :most'}"
        request: Wire = {"IndexName": self.index, "Limit": page_size, "KeyConditionExpression": condition}
        if folder:
            values[":folder"] = folder
            request |= {"FilterExpression": "begins_with(#key, :folder)", "ExpressionAttributeNames": {"#key": "key"}}
        request["ExpressionAttributeValues"] = {name: {"S": value} for name, value in values.items()}
        if after:
            start = {"pk": keys.image_pk(after[1]), "sk": self.sk}
            start |= {f"{self.index}pk": self.partition, f"{self.index}sk": after[0]}
            request["ExclusiveStartKey"] = {name: {"S": value} for name, value in start.items()}
        return request


def _total_of(status_or_class: str) -> str:
    return (keys.TOTAL_PREFIX + status_or_class).lower()


def _counters(query: Query, least: Decimal) -> set[str]:
    """Return the counters, in lower case, that count a search's matches; none where it takes a look at each."""
    if query == Query():
        return {_total_of(Status.LABELED)}
    if query.since or query.before or len(query.conditions) > 1 or query.conditions[0].negative:
        return set()
    [condition] = query.conditions
    match condition.kind:
        case Kind.LABEL if not least:
            return {keys.COUNTER_PREFIX + condition.value}
        case Kind.FACES | Kind.FLAGGED:
            return {_total_of(f"{condition.kind}#{condition.value}")}
        case _:
            return set()


def _term(query: Query) -> str:
    """Return the term whose pictures are looked through, as few pictures have it: a word, or the start of one."""
    words = [word for value in query.has(Kind.TEXT) for word in value.split()]
    if words:
        return f"TEXT#{max(words, key=len)}"
    starts = [start for value in query.has(Kind.NAME) if (start := name_term(value))]
    return f"NAME#{max(starts, key=len)}" if starts else ""


def _class(query: Query) -> str:
    """Return the class whose pictures are looked through, where nothing better is known."""
    kinds = (Kind.CAMERA, Kind.FLAGGED, Kind.FACES)
    classes = [f"{kind.upper()}#{max(value.split(), key=len)}" for kind in kinds for value in query.has(kind)]
    return classes[0] if classes else ""


def _ways(query: Query, label: str, least: Decimal, order: Order) -> list[_Way]:
    """Return a search's ways, one after the other: by label or term where there are any, else by date, else all."""
    if order == "taken":
        return _years(query)
    if label and order == "confidence":
        return [_Way("gsi1", keys.label_sk(label), keys.label_sk(label), keys.confidence_sort(least) if least else "")]
    # A picture is processed after its date, if need be by another clock.
    since = max(query.since, f"{keys.FIRST_YEAR}-01-02T00:00:00.000Z")
    processed = iso_ms(datetime.fromisoformat(since) - timedelta(days=1)) if query.since else ""
    term = _term(query)
    if label and not term:
        return [_Way("gsi2", keys.label_sk(label), keys.label_sk(label), processed)]
    if not term and not (query.since or query.before):
        term = _class(query)
    if term:
        return [_Way("gsi2", keys.term_sk(term), keys.term_sk(term), processed)]
    if query.since or query.before:
        return _years(query)
    return [_Way("gsi2", keys.status_partition(Status.LABELED), keys.META)]


def _years(query: Query) -> list[_Way]:
    """Return the ways through the pictures of a search's time, by their dates."""
    oldest = max(int(query.since[:4] or 0), keys.FIRST_YEAR)
    last = datetime.fromisoformat(query.before) - timedelta(milliseconds=1) if query.before else datetime.max
    newest = max(min(last.year, datetime.now(UTC).year + 1), oldest)
    years = [keys.term_sk(keys.year_term(year)) for year in range(newest, oldest - 1, -1)]
    return [_Way("gsi2", year, year, query.since, query.before) for year in years]


def _place(result: Result) -> str:
    """Return the sort key of a picture among those of its status."""
    return keys.by_time(result["processedAt"], result["key"])


def _end(answer: Any, index: str) -> tuple[str, str]:
    """Return the sort key and the picture's key of the last entry that a query looked at."""
    last = from_wire(answer["LastEvaluatedKey"])
    return last[f"{index}sk"], last["pk"].removeprefix(keys.IMAGE_PREFIX)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidQueryError(f"the limit must be between 1 and {MAX_LIMIT}; got {limit}")
