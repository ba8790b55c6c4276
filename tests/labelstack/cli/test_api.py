"""Reading through a stack's API: the client, the results, and the commands' output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.exceptions import ClientError

from handlers.results.document import Result
from handlers.results.query import Query
from handlers.results.search import Page
from labelstack.api_client import ATTEMPTS, LONGEST_PAUSE_S, ApiClient, access_of, connect
from labelstack.api_results import ApiResults
from labelstack.cli.results import arrivals
from labelstack.errors import ApiError
from tests.labelstack.cli.api_server import ApiServer, serving
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import OUTPUTS, FakeBackend, FakeCloud, FakeResults, make_result, refusal

AT = "2026-11-21T10:00:00.000Z"


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """Yield a stack's API."""
    with serving() as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    """Return how long the client has waited, each time."""
    return []


@pytest.fixture
def client(api: ApiServer, pauses: list[float]) -> ApiClient:
    """Return a client that does not really wait, and has no jitter."""
    return ApiClient(api.url, lambda request: None, refused="Do this", sleep=pauses.append, chance=lambda: 1.0)


@pytest.fixture
def results(client: ApiClient) -> ApiResults:
    """Return the read side of a user who may not read the table."""
    return ApiResults(client, "uploads/")


def summary(key: str, *labels: tuple[str, float], at: str = AT) -> dict[str, Any]:
    label_list = [{"name": name, "confidence": confidence} for name, confidence in labels]
    return {"key": key, "status": "LABELED", "processedAt": at, "labels": label_list, "versionId": "v1"}


class DeniedResults(FakeResults):
    """A table that these credentials may not read."""

    def __init__(self, code: str = "AccessDeniedException") -> None:
        super().__init__()
        self.code = code
        self.calls = 0

    def get(self, key: str) -> Result | None:
        self.calls += 1
        raise refusal("GetItem", self.code, 400)

    def get_many(self, picture_keys: Iterable[str]) -> dict[str, Result]:
        self.calls += 1
        raise refusal("BatchGetItem", self.code, 400)


# --- the client


def test_tries_again_while_the_api_is_busy(client: ApiClient, api: ApiServer, pauses: list[float]) -> None:
    api.busy = [(429, {}), (503, {"Retry-After": "3"}), (500, {})]
    api.answers["/labels"] = 200, {"labels": []}

    assert client.get("/labels").content == {"labels": []}
    assert pauses == [0.25, 3.0, 1.0]


def test_gives_up_on_an_api_that_stays_busy(client: ApiClient, api: ApiServer, pauses: list[float]) -> None:
    api.busy = [(429, {"Retry-After": "100"})] * ATTEMPTS

    with pytest.raises(ApiError, match=r"answered 429: Too many requests at once\.$"):
        client.get("/labels")
    assert pauses == [LONGEST_PAUSE_S] * (ATTEMPTS - 1)


def test_a_problem_is_one_sentence(client: ApiClient, api: ApiServer, pauses: list[float]) -> None:
    api.refuse("/images", 400, "INVALID_CURSOR", "The parameter cursor is not valid.")

    with pytest.raises(ApiError) as caught:
        client.get("/images", {"cursor": "x"})
    assert str(caught.value) == f"the API at {api.url} answered 400 INVALID_CURSOR: The parameter cursor is not valid."
    assert (caught.value.status, caught.value.problem, pauses) == (400, "INVALID_CURSOR", [])


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("document", [{"message": "Forbidden"}, b"<html>", [], {}])
def test_a_refusal_says_what_to_do(client: ApiClient, api: ApiServer, status: int, document: object) -> None:
    api.answers["/labels"] = status, document

    with pytest.raises(ApiError, match=rf"answered {status}: .+\. Do this\.$"):
        client.get("/labels")


def test_something_else_at_the_address_is_told(client: ApiClient, api: ApiServer) -> None:
    api.answers["/labels"] = 200, b"<html>"

    with pytest.raises(ApiError, match="is not a stack's API"):
        client.get("/labels")


def test_an_api_that_is_gone_is_told() -> None:
    gone = ApiClient("http://127.0.0.1:1/v1", lambda request: None, refused="")

    with pytest.raises(ApiError, match=r"the API at http://127\.0\.0\.1:1/v1 does not answer"):
        gone.get("/labels")


# --- who asks


@pytest.mark.parametrize(
    ("outputs", "access"),
    [({"apiAccess": "iam"}, "iam"), ({"apiKeyId": "k"}, "api_key"), ({}, "open")],
)
def test_access_is_told_by_the_outputs(outputs: dict[str, str], access: str) -> None:
    assert access_of(outputs) == access


@pytest.fixture
def cloud() -> FakeCloud:
    """Return a cloud with API Gateway in it, which knows one key."""
    return KeyCloud(FakeBackend().s3)


class KeyCloud(FakeCloud):
    """A cloud whose API Gateway has one key."""

    def client(self, service: str) -> Any:
        return Keys() if service == "apigateway" else super().client(service)


class Keys:
    """API Gateway's keys."""

    def get_api_key(self, *, apiKey: str, includeValue: bool) -> dict[str, str]:  # boto3's
        """Return the value of the one key."""
        assert includeValue
        if apiKey != "the-id":
            raise refusal("GetApiKey", "NotFoundException", 404)
        return {"value": "the-value"}


def test_an_open_api_gets_no_credentials(api: ApiServer, cloud: FakeCloud) -> None:
    api.answers["/labels"] = 200, {"labels": []}
    connect({"apiUrl": api.url, "apiAccess": "open"}, cloud, "a-key").get("/labels")

    assert {"authorization", "x-api-key"}.isdisjoint(api.requests[0].headers)


@pytest.mark.parametrize(("key", "sent"), [("mine", "mine"), (None, "the-value"), ("", "the-value")])
def test_a_key_is_the_user_s_or_the_stack_s(api: ApiServer, cloud: FakeCloud, key: str | None, sent: str) -> None:
    api.answers["/labels"] = 200, {"labels": []}
    connect({"apiUrl": api.url, "apiKeyId": "the-id"}, cloud, key).get("/labels")

    assert api.requests[0].headers["x-api-key"] == sent


def test_a_key_that_cannot_be_read_is_told(api: ApiServer, cloud: FakeCloud) -> None:
    connection = connect({"apiUrl": api.url, "apiKeyId": "another"}, cloud)

    with pytest.raises(ApiError, match=r"the stack's own key cannot be read .*: set LABELSTACK_API_KEY"):
        connection.get("/labels")


def test_a_wrong_key_is_told(api: ApiServer, cloud: FakeCloud) -> None:
    api.refuse("/labels", 403, "FORBIDDEN", "This needs a valid API key or signature.")

    with pytest.raises(ApiError, match="refused the key in LABELSTACK_API_KEY"):
        connect({"apiUrl": api.url, "apiAccess": "api_key"}, None, "wrong").get("/labels")


@pytest.mark.parametrize("key", ["ключ", "a b", "key\n", '"key"\x00'])
def test_what_can_be_no_key_is_told(api: ApiServer, cloud: FakeCloud, key: str) -> None:
    with pytest.raises(ApiError, match="LABELSTACK_API_KEY has characters that a key cannot contain"):
        connect({"apiUrl": api.url, "apiAccess": "api_key"}, cloud, key)


def test_signs_for_this_service_region_and_query(api: ApiServer, cloud: FakeCloud) -> None:
    api.answers["/images"] = 200, {"images": []}
    connect({"apiUrl": api.url, "apiAccess": "iam"}, cloud).get("/images", {"label": ["a b", "ü+1"], "limit": "5"})

    request = api.requests[0]
    assert request.query == {"label": ["a b", "ü+1"], "limit": ["5"]}
    credential = f"Credential=AKIDEXAMPLE/{request.headers['x-amz-date'][:8]}/us-east-1/execute-api/aws4_request"
    assert credential in request.headers["authorization"]


def test_signs_anew_for_each_try(api: ApiServer, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[str] = []
    monkeypatch.setattr(SigV4Auth, "add_auth", lambda self, request: times.append(request.url))
    api.answers["/labels"] = 200, {"labels": []}
    api.busy = [(503, {})]
    connect({"apiUrl": api.url, "apiAccess": "iam"}, cloud).get("/labels")

    assert len(times) == 2


@pytest.mark.parametrize(("access", "wants"), [("iam", "signed requests"), ("api_key", "LABELSTACK_API_KEY")])
def test_a_closed_api_without_credentials_is_told(access: str, wants: str) -> None:
    with pytest.raises(ApiError, match=wants):
        connect({"apiUrl": "https://api.example/v1", "apiAccess": access}, None)


# --- the results


def test_a_result_is_the_document(results: ApiResults, api: ApiServer) -> None:
    api.put(make_result("uploads/ü + %.jpg", width=640))

    result = results.get("uploads/ü + %.jpg")

    assert result == make_result("uploads/ü + %.jpg", width=Decimal(640))
    assert isinstance(result["labels"][0]["confidence"], Decimal)


def test_a_pending_and_an_unknown_picture_have_no_result(results: ApiResults, api: ApiServer) -> None:
    api.answers["/result?uploads/a.jpg"] = 202, {"key": "uploads/a.jpg", "status": "PENDING"}

    assert results.get("uploads/a.jpg") is None
    assert results.get("uploads/unknown.jpg") is None


def test_a_deleted_picture_is_told_apart(results: ApiResults, api: ApiServer) -> None:
    api.refuse("/result?uploads/a.jpg", 404, "PICTURE_DELETED", "This picture was deleted.")

    result = results.get("uploads/a.jpg")

    assert result is not None
    assert result["status"] == "DELETED"


def test_a_key_that_an_older_api_refuses_ends_no_list(client: ApiClient, api: ApiServer) -> None:
    odd = "uploads/\x01.jpg"
    api.answers["/images"] = 200, {"images": [summary(odd), summary("uploads/a.jpg")]}
    api.refuse(f"/result?{odd}", 400, "INVALID_REQUEST", "The parameter key must not have control characters.")
    api.answers["/result?uploads/a.jpg"] = 200, dict(make_result("uploads/a.jpg"))
    table = FakeResults()
    table.put(make_result(odd))

    assert [item["key"] for item in ApiResults(client, "uploads/").list_images().items] == ["uploads/a.jpg"]
    assert [item["key"] for item in ApiResults(client, "uploads/", table).list_images().items] == [odd, "uploads/a.jpg"]


def test_another_404_is_no_answer_about_a_picture(results: ApiResults, api: ApiServer) -> None:
    api.refuse("/result?uploads/a.jpg", 404, "UNKNOWN_ROUTE", "There is no such path.")

    with pytest.raises(ApiError, match="UNKNOWN_ROUTE"):
        results.get("uploads/a.jpg")


def test_keys_outside_the_prefix_are_asked_of_the_table(client: ApiClient, api: ApiServer) -> None:
    table = FakeResults()
    table.put(make_result("elsewhere/a.jpg"))
    results = ApiResults(client, "uploads/", table)

    result = results.get("elsewhere/a.jpg")

    assert result is not None
    assert result["key"] == "elsewhere/a.jpg"
    assert (results.sees_all, api.requests) == (True, [])


def test_without_rights_to_the_table_they_have_no_result(client: ApiClient) -> None:
    table = DeniedResults()
    results = ApiResults(client, "uploads/", table)

    assert results.get("elsewhere/a.jpg") is None
    assert results.get("elsewhere/b.jpg") is None
    assert (results.sees_all, table.calls) == (False, 1)


def test_other_faults_of_the_table_are_raised(client: ApiClient) -> None:
    results = ApiResults(client, "uploads/", DeniedResults("ResourceNotFoundException"))

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        results.get("elsewhere/a.jpg")


def test_many_results_are_the_table_s(client: ApiClient, api: ApiServer) -> None:
    table = FakeResults()
    table.put(make_result("uploads/a.jpg"))

    results_by_key = ApiResults(client, "uploads/", table).get_many(["uploads/a.jpg", "uploads/b.jpg"])

    assert (list(results_by_key), api.requests) == (["uploads/a.jpg"], [])


def test_many_results_are_the_api_s_without_rights_to_the_table(client: ApiClient, api: ApiServer) -> None:
    keys = [f"uploads/{number}.jpg" for number in range(20)]
    for key in keys[:15]:
        api.put(make_result(key))

    results_by_key = ApiResults(client, "uploads/", DeniedResults()).get_many([*keys, keys[0]])

    assert {key: result["key"] for key, result in results_by_key.items()} == {key: key for key in keys[:15]}
    assert sorted(api.paths) == sorted(f"/result?{key}" for key in keys)


def test_search_asks_for_everything_and_gives_whole_results(results: ApiResults, api: ApiServer) -> None:
    cat = make_result("uploads/a.jpg")
    api.put(cat)
    api.answers["/images"] = 200, {"images": [summary("uploads/a.jpg", ("Cat", 98.75))], "cursor": "c2"}

    query = Query.of('pet text:"no way" -faces:one', [" cat"], Decimal("1E+1"), "confidence")
    page = results.search(query, 7, "c1")

    assert api.requests[0].query == {
        "q": ['text:"no way" -faces:"one"'],
        "label": ["cat", "pet"],
        "minConfidence": ["10"],
        "order": ["confidence"],
        "limit": ["7"],
        "cursor": ["c1"],
    }
    assert page == Page([cat], "c2")


def test_label_counts_are_by_name(results: ApiResults, api: ApiServer) -> None:
    api.answers["/labels"] = 200, {"labels": [{"name": "Pet", "count": 12}, {"name": "Cat", "count": 3}]}

    assert json.dumps(results.label_counts()) == '{"Cat": 3, "Pet": 12}'


def test_listed_results_are_whole_and_asked_for_once(results: ApiResults, api: ApiServer) -> None:
    newer = make_result("uploads/b.jpg", processedAt="2026-11-21T11:00:00.000Z")
    api.put(make_result("uploads/a.jpg"))
    api.put(newer)
    listed = [summary("uploads/b.jpg", at=newer["processedAt"]), summary("uploads/a.jpg"), summary("uploads/gone.jpg")]
    api.answers["/images"] = 200, {"images": listed, "cursor": "c2", "total": 1234}

    first, second = results.list_images(50), results.list_images(50, "c1")

    whole = [newer, make_result("uploads/a.jpg")]
    assert (first, second) == (Page(whole, "c2", 1234), Page(whole, "c2", 1234))
    asked_twice = [path for path in api.paths if api.paths.count(path) > 1]
    assert sorted(set(asked_twice)) == ["/images", "/result?uploads/gone.jpg"]
    assert [request.query for request in api.requests if request.path == "/images"][1] == {
        "limit": ["50"],
        "cursor": ["c1"],
    }


def test_watch_shows_what_is_labelled_anew(results: ApiResults, api: ApiServer) -> None:
    api.put(make_result("uploads/a.jpg"))
    api.answers["/images"] = 200, {"images": [summary("uploads/a.jpg")]}
    again = make_result("uploads/a.jpg", processedAt="2026-11-21T11:00:00.000Z", sequencer="1" * 64)

    def upload_again(_: float) -> None:
        api.put(again)
        api.answers["/images"] = 200, {"images": [summary("uploads/a.jpg", at=again["processedAt"])]}

    arriving = arrivals(results, 1, sleep=upload_again)

    assert [next(arriving)["processedAt"], next(arriving)["processedAt"]] == [AT, again["processedAt"]]


# --- the commands

Outputs = Callable[..., Path]


@pytest.fixture
def outputs_file(tmp_path: Path) -> Outputs:
    """Return a function that writes a stack's outputs into a file."""

    def write(outputs: Mapping[str, str]) -> Path:
        path = tmp_path / "outputs.json"
        path.write_text(json.dumps(outputs))
        return path

    return write


def test_a_stack_s_api_is_what_the_commands_read(run: Run, backend: FakeBackend, api: ApiServer) -> None:
    backend.deployer.deployed["local"] = {**OUTPUTS, "apiUrl": api.url, "apiAccess": "open"}
    api.put(make_result("uploads/a.jpg"))
    api.answers["/labels"] = 200, {"labels": [{"name": "Cat", "count": 3}]}
    api.answers["/images"] = 200, {"images": [summary("uploads/a.jpg", ("Cat", 98.75))]}

    assert json.loads(run("result", "uploads/a.jpg", "--json").stdout)["key"] == "uploads/a.jpg"
    assert json.loads(run("labels", "--json").stdout) == {"Cat": 3}
    assert json.loads(run("search", "cat", "--json").stdout)["items"][0]["key"] == "uploads/a.jpg"
    assert run("watch", "--count", "1", "--json").exit_code == 0
    assert api.paths == ["/result?uploads/a.jpg", "/labels", *["/images", "/result?uploads/a.jpg"] * 2]


def test_a_refusal_ends_a_command_with_a_sentence(run: Run, backend: FakeBackend, api: ApiServer) -> None:
    backend.deployer.deployed["local"] = {**OUTPUTS, "apiUrl": api.url}
    api.refuse("/labels", 403, "FORBIDDEN", "This needs a valid API key or signature.")

    done = run("labels")

    assert done.exit_code == 1
    message = " ".join(done.stderr.split())
    assert message.startswith("error: the API at ")
    assert "This needs a valid API key or signature. The stack's outputs say that it is open: deploy" in message


def test_who_has_an_address_and_a_key_needs_no_cloud(
    run: Run, backend: FakeBackend, api: ApiServer, outputs_file: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.running = False
    monkeypatch.setenv("LABELSTACK_API_KEY", "mine")
    file = outputs_file({"apiUrl": api.url, "apiAccess": "api_key", "uploadPrefix": "uploads/"})
    api.put(make_result("uploads/a.jpg"))

    assert run("result", "a.jpg", "--outputs", file).exit_code == 0
    unknown = run("result", "b.jpg", "--outputs", file)
    assert api.requests[0].headers["x-api-key"] == "mine"
    assert "the API shows pictures below 'uploads/' only" in " ".join(unknown.stderr.split())


@pytest.mark.parametrize("outputs", [{}, {"apiUrl": "https://api.example/v1", "apiAccess": "iam"}])
def test_without_a_cloud_other_stacks_cannot_be_read(
    run: Run, backend: FakeBackend, outputs_file: Outputs, outputs: Mapping[str, str]
) -> None:
    backend.running = False

    done = run("labels", "--outputs", outputs_file(outputs))

    assert (done.exit_code, "no embedded cloud runs" in done.stderr) == (1, True)
