"""The read side of a stack by its API, if the stack has one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar, cast

from botocore.exceptions import ClientError

from handlers.results.codes import Status
from handlers.results.document import Result
from handlers.results.query import Kind, Query
from handlers.results.search import Page
from labelstack.api_client import CONNECTIONS, ApiClient
from labelstack.errors import ApiError
from labelstack.service import Results

T = TypeVar("T")

REMEMBERED = 1000
# Error codes for credentials without the right.
DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnrecognizedClientException"})


class ApiResults:
    """Implements `labelstack.service.Results` by HTTP, as `api/openapi.yaml` says.

    It reads the table in two cases, if the credentials allow that:

    - `get` of a key outside the upload prefix: the API shows no other key, but a deployer may put pictures anywhere in
      the bucket, and wants to see their results. `search`, `list_images` and `label_counts` name no key and use only
      the API: they cover the pictures below the prefix.
    - `get_many`, by which the command waits for uploads: the table gives 100 results a call, and the API one, within a
      rate that it shares with everybody else. A thousand pictures would take twenty seconds a look at its default rate.

    Without such credentials keys outside the prefix have no result, as for the API, and `get_many` asks the API for
    each key, a few at once.

    Args:
        api: The stack's API.
        prefix: The only part of the bucket that it shows.
        table: The table's read side; None where there are no credentials.
    """

    def __init__(self, api: ApiClient, prefix: str, table: Results | None = None) -> None:
        self._api = api
        self._prefix = prefix
        self._table = table
        self._results_by_mark: OrderedDict[tuple[str, str, str], Result] = OrderedDict()

    @property
    def sees_all(self) -> bool:
        """Return whether it also returns results of keys outside the prefix."""
        return self._table is not None

    def get(self, key: str) -> Result | None:
        """Return the result of a key; of a deleted picture only its status. None while it has no result."""
        if not key.startswith(self._prefix):
            return self._by_table(lambda table: table.get(key), lambda: None)
        try:
            answer = self._api.get("/result", {"key": key})
        except ApiError as error:
            if error.problem == "PICTURE_NOT_FOUND":
                return None
            if error.problem == "INVALID_REQUEST":  # an older stack's API, which refuses keys with control characters
                return self._by_table(lambda table: table.get(key), lambda: None)
            if error.problem == "PICTURE_DELETED":
                return {"key": key, "bucket": "", "status": Status.DELETED, "sequencer": "", "processedAt": ""}
            raise
        return cast("Result", answer.content) if answer.status == 200 else None

    def get_many(self, picture_keys: Iterable[str]) -> Mapping[str, Result]:
        """Return several results; keys without a result are absent."""
        keys = list(dict.fromkeys(picture_keys))
        return self._by_table(lambda table: table.get_many(keys), lambda: self._each(keys))

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page:
        """Return a page of results, newest first."""
        return self._listed({"limit": str(limit)} | ({"status": str(status)} if status else {}), cursor)

    def search(self, query: Query, limit: int = 20, cursor: str | None = None) -> Page:
        """Return a page of labelled pictures below the prefix that match."""
        labels = query.has(Kind.LABEL)
        others = [each for each in query.conditions if each.kind is not Kind.LABEL or each.negative]
        parameters: dict[str, str | list[str]] = {
            "q": str(replace(query, conditions=tuple(others))),
            "label": labels,
            "minConfidence": f"{query.min_confidence:f}",
            "order": query.order,
            "limit": str(limit),
        }
        return self._listed({name: value for name, value in parameters.items() if value}, cursor)

    def _listed(self, parameters: Mapping[str, str | list[str]], cursor: str | None) -> Page:
        """Return a page of whole results: the API lists summaries, so each result is requested once and remembered."""
        answer = self._api.get("/images", {**parameters, **({"cursor": cursor} if cursor else {})}).content
        total = int(answer["total"]) if "total" in answer else None
        summaries: list[dict[str, Any]] = answer["images"]
        marks = {summary["key"]: (summary["key"], summary["status"], summary["processedAt"]) for summary in summaries}
        fetched = self._each([key for key, mark in marks.items() if mark not in self._results_by_mark])
        listed = [fetched.get(key) or self._results_by_mark.get(mark) for key, mark in marks.items()]
        self._results_by_mark.update((marks[key], result) for key, result in fetched.items())
        while len(self._results_by_mark) > REMEMBERED:
            self._results_by_mark.popitem(last=False)
        # One that has been deleted since it was listed is left out.
        items = [item for item in listed if item is not None and item["status"] != Status.DELETED]
        return Page(items, answer.get("cursor"), total)

    def label_counts(self) -> dict[str, int]:
        """Return how many pictures below the prefix carry each label, by name."""
        labels = self._api.get("/labels").content["labels"]
        return {label["name"]: int(label["count"]) for label in sorted(labels, key=lambda label: str(label["name"]))}

    def _each(self, keys: Sequence[str]) -> dict[str, Result]:
        """Send a request for each key, a few at once."""
        if not keys:
            return {}
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="result") as pool:
            pairs = zip(keys, pool.map(self.get, keys), strict=True)
            return {key: result for key, result in pairs if result is not None}

    def _by_table(self, read: Callable[[Results], T], otherwise: Callable[[], T]) -> T:
        """Read results from the table or, where the credentials may not read it, from the API."""
        if self._table is not None:
            try:
                return read(self._table)
            except ClientError as error:
                if error.response["Error"]["Code"] not in DENIED:
                    raise
                self._table = None
        return otherwise()
