"""The read side of a stack by its table, which gives every result there is: for exports and repairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from handlers.results import keys
from handlers.results.codes import Status
from handlers.results.document import Label, Result
from handlers.results.item import FACTS_LAYOUT, TERMS_LAYOUT, Item, all_labels, document
from handlers.results.search import LISTED_STATUSES, ResultsReader
from handlers.results.table import Wire, from_wire, queried, to_wire, translated_errors

_PASSES: Final = 2


class TableResults(ResultsReader):
    """Reads results, and walks through them by queries in order of time.

    While a walk goes on, pictures change: one that gets another result may come twice, the newer one later.
    """

    def walk(self, statuses: Sequence[Status] = LISTED_STATUSES, prefix: str = "") -> Iterator[Result]:
        """Return every result of these statuses whose key begins so; of each status the oldest first."""
        return map(document, self._items(statuses, prefix))

    def walk_labels(self, prefix: str = "") -> Iterator[tuple[Result, list[Label]]]:
        """Return every LABELED result whose key begins so, each with all labels that Rekognition gave it."""
        return ((document(item), all_labels(item)) for item in self._items((Status.LABELED,), prefix))

    def outdated(self, prefix: str = "") -> Iterator[str]:
        """Return the keys of results without the terms and totals or the camera's facts of this version.

        A FAILED one gets them by the attempt that replaces it.
        """
        for item in self._items((Status.LABELED, Status.REJECTED), prefix):
            lacks_facts = item["status"] == Status.LABELED and FACTS_LAYOUT not in item.get("fingerprint", "")
            if item.get("terms") != TERMS_LAYOUT or lacks_facts:
                yield item["key"]

    def unannounced(self) -> Iterator[str]:
        """Return the keys of results whose announcement has failed, the longest ago first."""
        return (item["key"] for item in queried(self._client, self._table, keys.UNANNOUNCED, IndexName="gsi1"))

    def _items(self, statuses: Sequence[Status], prefix: str) -> Iterator[Item]:
        # So that a picture does not slip through between two statuses, a second pass reads what has come meanwhile.
        after: dict[Status, Wire] = {}
        for _ in range(_PASSES):
            for status in statuses:
                yield from self._later(status, prefix, after)

    def _later(self, status: Status, prefix: str, after: dict[Status, Wire]) -> Iterator[Item]:
        values = {":partition": keys.STATUS + status}
        request: Wire = {
            "TableName": self._table,
            "IndexName": "gsi2",
            "KeyConditionExpression": "gsi2pk = :partition",
        }
        if prefix:
            values[":prefix"] = prefix
            request |= {"FilterExpression": "begins_with(#key, :prefix)", "ExpressionAttributeNames": {"#key": "key"}}
        request["ExpressionAttributeValues"] = to_wire(values)
        while True:
            if status in after:
                request["ExclusiveStartKey"] = after[status]
            with translated_errors():
                answer = self._client.query(**request)
            for wire in answer["Items"]:
                after[status] = {name: wire[name] for name in ("pk", "sk", "gsi2pk", "gsi2sk")}
                yield from_wire(wire)
            if "LastEvaluatedKey" not in answer:
                return
            after[status] = answer["LastEvaluatedKey"]
