"""DynamoDB indexes of the embedded cloud that are kept in order; imported in ministack's process only.

For each page of a query, ministack sorts the whole partition of the index and evaluates the key condition on each item
of it: 10,000 pictures cost 0.3 s a page. Here each queried partition has a sorted list, which every write keeps, and
ministack's own query gets only the items that can be on the page. It still checks the request, filters, pages and
answers, so nothing else changes.

It covers this project's queries: a GSI or LSI with one partition and one sort key, all keys text, a `Limit`, and a
condition that the partition key equals a value and, at most, that the sort key is BETWEEN two.
Every other query takes ministack's own way, whole.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from ministack.services import dynamodb

# An item's place in an index: sort key, and what breaks ties, the table's own keys.
Entry = tuple[str, str, str]
Item = Mapping[str, Any]
_CONDITION = re.compile(
    r"\s*(#?\w+)\s*=\s*(:\w+)(?:\s+AND\s+(#?\w+)\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+))?\s*", re.IGNORECASE
)


class Members(dict[str, Any]):
    """ministack's record of which items an index has, with the partitions that have been put in order.

    It is dropped by ministack, and the orders with it, whenever a table's items are replaced as a whole.
    """

    def __init__(self, page: Mapping[str, Any]) -> None:
        super().__init__(page)
        self.orders: dict[tuple[str, str], list[Entry]] = {}


@dataclass(frozen=True)
class Page:
    """The entries of a partition that a query selects.

    Attributes:
        index: The index's name.
        partition: The value of its partition key.
        keys: The names of the sort key and the table's keys.
        sort_keys: The least and the greatest sort key; None for all.
        start: Where the page begins, exclusive; None for the partition's end.
    """

    index: str
    partition: str
    keys: tuple[str, str, str]
    sort_keys: tuple[str, str] | None
    start: Entry | None
    forward: bool
    limit: int

    def of(self, order: list[Entry]) -> list[tuple[str, str]]:
        """Return the table's keys of the items that can be on the page."""
        low, high = 0, len(order)
        if self.sort_keys is not None:
            low = bisect_left(order, self.sort_keys[0], key=itemgetter(0))
            high = bisect_right(order, self.sort_keys[1], key=itemgetter(0))
        if self.start is not None and self.forward:
            low = max(low, bisect_right(order, self.start))
        if self.start is not None and not self.forward:
            high = min(high, bisect_left(order, self.start))
        places = order[low:high][: self.limit] if self.forward else order[max(low, high - self.limit) : high]
        return [(pk, sk) for _, pk, sk in places]


def install() -> None:
    """Replace ministack's queries of indexes by ones that read only their page, and keep the order at each write."""
    query: Callable[[dict[str, Any]], Any] = dynamodb._query
    index_members: Callable[[dict[str, Any]], dict[str, Any]] = dynamodb._index_members
    index_item: Callable[..., None] = dynamodb._index_item
    page_stack: list[Page] = []  # of the query that runs: ministack runs one at a time, from its beginning to its end

    def paged_query(request: dict[str, Any]) -> Any:
        page = page_of(request)
        if page is None:
            return query(request)
        page_stack.append(page)
        try:
            return query(request)
        finally:
            page_stack.pop()

    def narrowed_members(table: dict[str, Any]) -> Mapping[str, Any]:
        members = index_members(table)
        if not isinstance(members, Members):
            members = table[dynamodb._INDEX_MEMBERS] = Members(members)
        if not page_stack:
            return members
        page = page_stack[-1]
        partitions = members.get(page.index, {})
        order = _order(members, table, page) if page.partition in partitions else None
        if order is None:
            return members
        return ChainMap({page.index: ChainMap({page.partition: page.of(order)}, partitions)}, members)

    def ordered_index_item(table: dict[str, Any], pk: Any, sk: Any, item: Item, add: bool) -> None:
        index_item(table, pk, sk, item, add)
        members = table.get(dynamodb._INDEX_MEMBERS)
        if isinstance(members, Members) and members.orders:
            _keep(members, table, item, add)

    dynamodb._query = paged_query
    dynamodb._index_members = narrowed_members
    dynamodb._index_item = ordered_index_item


def page_of(request: Mapping[str, Any]) -> Page | None:
    """Return the entries that a query selects; None for a query that ministack must answer itself."""
    table = dynamodb._tables.get(dynamodb._normalize_table_name(request.get("TableName")))
    index, limit = request.get("IndexName"), request.get("Limit")
    condition = _CONDITION.fullmatch(str(request.get("KeyConditionExpression", "")))
    if not table or not isinstance(index, str) or not isinstance(limit, int) or limit < 1 or not condition:
        return None
    schema = dynamodb._index_def(table, index)
    hashes, ranges = dynamodb._index_key_lists(schema) if schema else ([], [])
    if len(hashes) != 1 or len(ranges) != 1:
        return None
    keys = (ranges[0], table["pk_name"], table["sk_name"])
    names_of_keys = {*hashes, *keys}
    if len(names_of_keys) < 4 or any(not name or dynamodb._get_attr_type(table, name) != "S" for name in names_of_keys):
        return None
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    hash_name, partition, range_name, least, most = condition.groups()
    bound = [_text(values.get(attribute)) for attribute in (partition, least, most) if attribute]
    named = [names.get(attribute, attribute) for attribute in (hash_name, range_name) if attribute]
    start = request.get("ExclusiveStartKey") or None
    if None in bound or named != [hashes[0], ranges[0]][: len(named)]:
        return None
    cursor = _entry(start, keys) if isinstance(start, dict) else None
    if start is not None and cursor is None:
        return None
    return Page(
        index=index,
        partition=str(bound[0]),
        keys=keys,
        sort_keys=(str(bound[1]), str(bound[2])) if least else None,
        start=cursor,
        forward=bool(request.get("ScanIndexForward", True)),
        limit=limit,
    )


def _order(members: Members, table: Mapping[str, Any], page: Page) -> list[Entry] | None:
    """Return the page's partition in order; None where an item has a key that is no text."""
    at = page.index, page.partition
    if at not in members.orders:
        items = (table["items"][pk][sk] for pk, sk in members[page.index][page.partition])
        entries = [_entry(item, page.keys) for item in items]
        known = [entry for entry in entries if entry is not None]
        if len(known) < len(entries):
            return None
        members.orders[at] = sorted(known)
    return members.orders[at]


def _keep(members: Members, table: Mapping[str, Any], item: Item, add: bool) -> None:
    """Put an item into the orders it belongs to, or take it out of them."""
    for index, hashes, ranges in dynamodb._index_key_schemas(table):
        at = index, dynamodb._index_partition(item, hashes, ranges)
        order = members.orders.get(at)
        if order is None:
            continue
        entry = _entry(item, (ranges[0], table["pk_name"], table["sk_name"]))
        if entry is None:
            del members.orders[at]  # it is rebuilt, or left out
        elif add:
            insort(order, entry)
        else:
            del order[bisect_left(order, entry)]


def _entry(item: Item, keys: tuple[str, str, str]) -> Entry | None:
    sort, pk, sk = (_text(item.get(name)) for name in keys)
    return None if sort is None or pk is None or sk is None else (sort, pk, sk)


def _text(value: object) -> str | None:
    """Return a text value of DynamoDB; None for any other."""
    return value["S"] if isinstance(value, dict) and list(value) == ["S"] and isinstance(value["S"], str) else None
