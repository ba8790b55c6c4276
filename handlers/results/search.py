"""The read side: one picture, lists of pictures, search. Queries only; the table is never scanned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from botocore.exceptions import ClientError

from . import keys
from .codes import Status
from .cursor import FOREIGN, CursorKeys, OpenKey, query_hash
from .document import Result
from .errors import InvalidCursorError, InvalidQueryError
from .item import Item, document
from .keys import iso_ms, name_term
from .query import Kind, Query
from .table import GET_KEYS, Rows, Wire, from_wire, queried, read_item, to_wire, translated_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

IndexPosition: TypeAlias = tuple[str, str]
"""A place in an index: the head of the sort key, a time or a confidence, and the picture's key."""

LISTED_STATUSES: Final = (Status.LABELED, Status.REJECTED, Status.FAILED)
MAX_LIMIT: Final = 100
_MAX_ROUNDS: Final = 10
_BLOCK: Final = 1000
"""The number of entries that each further round of a page reads, if other folders' are among them. A page that ends
before it is full tells that there are such pictures, but not how many: it ends after thousands.
"""
_FIRST, _LAST = "0", ":"
"""Before and after all sort keys, which begin with a digit."""


@dataclass(frozen=True)
class Page:
    """Some of the results, and the cursor of the next page, or None at the end.

    A page may hold fewer items than the limit, even none, and still have a cursor: the work per call is bounded.
    `total` is the number of items on all pages. Only a first page has it, from its own items or from a counter.
    """

    items: list[Result]
    cursor: str | None
    total: int | None = None


class ResultsReader:
    """Reads results. Every method raises TableUnavailableError when DynamoDB throttles or fails.

    With `folder`, such as `uploads/`, it lists, searches and counts the pictures below it, and gives nothing of any
    other away, in its cursors neither: they are made with the stack's keys. Pages are full whatever else there is in
    the bucket, unless thousands of pictures of other folders come in a row.
    """

    def __init__(self, client: DynamoDBClient, table_name: str, *, folder: str = "") -> None:
        if folder and keys.folder_of(folder) != folder:
            raise ValueError(f"folder is {folder!r}: expected one folder with its slash, as uploads/")
        self._client = client
        self._table = table_name
        self._folder = folder
        self._rows = Rows(client, table_name)
        self._cursors: CursorKeys | OpenKey = CursorKeys(client, table_name) if folder else OpenKey()

    def get(self, key: str) -> Result | None:
        """Return the result of one picture, read consistently. A deleted one has the status DELETED for some days."""
        item = read_item(self._client, self._table, keys.image_place(key))
        return None if item is None else document(item)

    def get_many(self, picture_keys: Iterable[str]) -> dict[str, Result]:
        """Return the results of several pictures by key; those that are not there are left out."""
        items = self._rows.read_items([keys.image_place(key) for key in picture_keys], consistent=False)
        return {item["key"]: document(item) for item in items.values()}

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page:
        """List pictures, newest first; of one status, or of all but DELETED.

        Raises InvalidQueryError for a limit outside 1-100, InvalidCursorError.
        """
        _check_limit(limit)
        statuses = (status,) if status else LISTED_STATUSES
        bound = query_hash(kind="images", statuses=statuses, folder=self._folder)
        state: dict[str, Any] = self._cursors.decode(bound, cursor) if cursor else {}
        heads = {
            each: self._search(Query(), each, [_pictures(each)], state.get(each), limit)
            for each in statuses
            if state.get(each, ()) is not None
        }
        # Pictures older than the end of a head may be older than pictures of that status which were not read.
        oldest = max((keys.sort_key(*end) for _, _, end in heads.values() if end), default="")
        newest = merge(*(results for results, _, _ in heads.values()), key=_place, reverse=True)
        shown = [result for result, _ in zip(newest, range(limit), strict=False) if _place(result) >= oldest]
        for each, (results, _, end) in heads.items():
            own = [result for result in shown if result["status"] == each]
            if len(own) == len(results):
                state[each] = end and self._unforeign(end)
            elif own:
                state[each] = own[-1]["processedAt"], own[-1]["key"]
        finished = all(state.get(each, "") is None for each in statuses)
        total = None if cursor else self._total(len(shown), {_total_of(each) for each in statuses}, finished=finished)
        return Page(shown, None if finished else self._cursors.encode(bound, state), total)

    def search(self, query: Query, limit: int = 20, cursor: str | None = None) -> Page:
        """List LABELED pictures that match, in the query's order.

        Raises InvalidQueryError for a limit outside 1-100, InvalidCursorError.
        """
        _check_limit(limit)
        least = query.min_confidence.normalize()
        bound = query_hash(kind="search", query=query, min=least, order=query.order, folder=self._folder)
        state: dict[str, Any] = self._cursors.decode(bound, cursor) if cursor else {"l": self._driver(query)}
        ways = _ways(query, state["l"])
        # By its partition, as with the years there come more ways.
        number = next((at for at, way in enumerate(ways) if way.partition == state.get("w")), 0)
        results, on, end = self._search(query, Status.LABELED, ways[number:], state.get("p"), limit)
        total = None if cursor else self._total(len(results), _counters(query), finished=on is None)
        if on is None:
            return Page(results, None, total)
        state |= {"w": on.partition, "p": end and self._unforeign(end)}
        return Page(results, self._cursors.encode(bound, state), total)

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
        counts: Counter[str] = Counter()
        shards = keys.counters_of(self._folder) if self._folder else ""
        for item in queried(self._client, self._table, keys.COUNTERS_PK, shards):
            counts.update({name: int(value) for name, value in item.items() if name not in ("pk", "sk")})
        return counts

    def _driver(self, query: Query) -> str:
        """Return the label whose pictures a search reads: the rarest, or the first when it gives the order."""
        names = [] if query.order == "taken" else query.has(Kind.LABEL)
        if query.order == "confidence" or len(names) < 2 or _term(query):
            return names[0] if names else ""
        counts: Counter[str] = Counter()
        for label, count in self.label_counts().items():
            counts[label.lower()] += count
        return min(names, key=lambda name: counts[name])

    def _search(
        self, query: Query, status: Status, ways: Sequence[_Way], after: IndexPosition | None, limit: int
    ) -> tuple[list[Result], _Way | None, IndexPosition | None]:
        """Return matches, and the way and position where the search continues; no way at its end."""
        results: list[Result] = []
        least = query.min_confidence
        looks, rounds, page_size, number = 0, 0, limit, 0
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
                    after = way.position(candidate)
                    result = images.get(candidate["key"])
                    if result and result["status"] == status and query.matches(result):
                        results.append(result)
                    if len(results) == limit and not (is_last and candidate is candidates[-1]):
                        return results, way, after
                looks += len(chunk)
                if looks >= _MAX_ROUNDS * GET_KEYS and not (is_last and start + GET_KEYS >= len(candidates)):
                    return results, way, after
            if "LastEvaluatedKey" in answer:
                after = way.position(from_wire(answer["LastEvaluatedKey"]))
            elif is_last:
                return results, None, None
            else:
                number, after = number + 1, None
        return results, ways[number], after

    def _images(self, candidates: Sequence[Item]) -> dict[str, Result]:
        """Return the results of candidates by key; those of the listing are whole already."""
        whole = {item["key"]: document(item) for item in candidates if item["sk"] == keys.META}
        return whole | self.get_many(item["key"] for item in candidates if item["key"] not in whole)

    def _unforeign(self, position: IndexPosition) -> IndexPosition:
        """Return a position without a foreign key, from which the search goes on to the same pictures of the folder.

        After a picture of another folder, it goes on where the folder's own keys begin in descending order. Nobody can
        read a cursor, but its length would tell the key's.
        """
        head, key = position
        if key.startswith(self._folder):
            return position
        # "0" is what follows "/": all keys of the folder are below it.
        return head, f"{self._folder[:-1]}0" if key > self._folder else ""

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
    least: str = _FIRST
    most: str = _LAST
    """The range of the sort keys."""

    def request(self, page_size: int, after: IndexPosition | None, folder: str) -> Wire:
        """Return the query for the next candidates."""
        pk, sk = f"{self.index}pk", f"{self.index}sk"
        values = {":partition": self.partition, ":least": self.least, ":most": self.most}
        request: Wire = {
            "IndexName": self.index,
            "Limit": page_size,
            "KeyConditionExpression": f"{pk} = :partition AND {sk} BETWEEN :least AND :most",
        }
        if folder:
            values[":folder"] = folder
            request |= {"FilterExpression": "begins_with(#key, :folder)", "ExpressionAttributeNames": {"#key": "key"}}
        if after:
            _, key = after
            own_sk = keys.META if self.partition.startswith(keys.STATUS) else self.partition
            start = {"pk": keys.IMAGE + key, "sk": own_sk, pk: self.partition, sk: keys.sort_key(*after)}
            request["ExclusiveStartKey"] = to_wire(start)
        return request | {"ExpressionAttributeValues": to_wire(values)}

    def position(self, item: Item) -> IndexPosition:
        """Return the position of a candidate, or of a query's last key."""
        return item[f"{self.index}sk"].partition("#")[0], item["pk"].removeprefix(keys.IMAGE)


def _pictures(status: Status) -> _Way:
    return _Way("gsi2", keys.STATUS + status)


def _total_of(status_or_class: str) -> str:
    return (keys.TOTAL_PREFIX + status_or_class).lower()


def _counters(query: Query) -> set[str]:
    """Return the counters, in lower case, that count a search's matches; none where it takes a look at each."""
    if query.since or query.before or len(query.conditions) > 1 or any(each.negative for each in query.conditions):
        return set()
    if not query.conditions:
        return {_total_of(Status.LABELED)}
    [condition] = query.conditions
    match condition.kind:
        case Kind.LABEL if not query.min_confidence:
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


def _ways(query: Query, label: str) -> list[_Way]:
    """Return a search's ways, one after the other: by label or term where there are any, else by date, else all."""
    has_dates, term = bool(query.since or query.before), _term(query)
    if query.order == "taken" or (has_dates and not (label or term)):
        return _years(query)
    if label and query.order == "confidence":
        return [_Way("gsi1", keys.label_sk(label), keys.confidence_sort(query.min_confidence))]
    # A picture is processed after its date, if need be by another clock.
    since = max(query.since, f"{keys.FIRST_YEAR}-01-02T00:00:00.000Z")
    processed = iso_ms(datetime.fromisoformat(since) - timedelta(days=1))
    if label and not term:
        return [_Way("gsi2", keys.label_sk(label), processed)]
    if term := term or _class(query):
        return [_Way("gsi2", keys.TERM + term, processed)]
    return [_pictures(Status.LABELED)]


def _years(query: Query) -> list[_Way]:
    """Return the ways through the pictures of a search's time, by their dates."""
    oldest = max(int(query.since[:4] or 0), keys.FIRST_YEAR)
    last = datetime.fromisoformat(query.before) - timedelta(milliseconds=1) if query.before else datetime.max
    newest = max(min(last.year, datetime.now(UTC).year + 1), oldest)
    years = [keys.TERM + keys.year_term(year) for year in range(newest, oldest - 1, -1)]
    return [_Way("gsi2", year, query.since or _FIRST, query.before or _LAST) for year in years]


def _place(result: Result) -> str:
    """Return the sort key of a picture among those of its status."""
    return keys.sort_key(result["processedAt"], result["key"])


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidQueryError(f"the limit must be between 1 and {MAX_LIMIT}; got {limit}")
