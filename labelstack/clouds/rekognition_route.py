"""Rekognition as a service of ministack, answered by the local Rekognition; imported in ministack's process only.

So one endpoint serves everything, and a function that calls Rekognition needs the permission for it, as on AWS:
ministack asks IAM before it passes a request on.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

SERVICE = "rekognition"
# A request that hangs (rules can make it) costs a connection and no thread, for so long.
TIMEOUT_S = 120.0
KEPT_HEADERS = frozenset({"content-type", "x-amzn-errortype", "retry-after"})
Answer = tuple[int, dict[str, str], bytes]


class LocalRekognition:
    """Passes requests on.

    Args:
        ready_file: The file that the local Rekognition writes when it is up, with its `url`.
    """

    def __init__(self, ready_file: Path) -> None:
        self._ready_file = ready_file

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
    ) -> Answer:
        """Answer a request, as ministack's services do: status, headers, body."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._pass_on(method, path, headers, body)
        except (OSError, ValueError, KeyError) as error:  # gone, or invalid; a time-out is an OSError
            text = f"the local Rekognition does not answer: {type(error).__name__} {error}".rstrip()
            answer = json.dumps({"__type": "InternalServerError", "message": text})
            return 500, {"Content-Type": "application/x-amz-json-1.1"}, answer.encode()

    async def _pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        address = urlsplit(str(json.loads(self._ready_file.read_text())["url"]))
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            passed_headers = {
                k: v for k, v in headers.items() if k not in ("connection", "transfer-encoding", "expect")
            }
            passed_headers |= {"connection": "close", "content-length": str(len(body))}
            head = [
                f"{method} {path} HTTP/1.1",
                *(f"{name}: {value}" for name, value in passed_headers.items()),
                "",
                "",
            ]
            writer.write("\r\n".join(head).encode("latin-1") + body)
            await writer.drain()
            status = int((await reader.readline()).split(b" ")[1:2][0])
            answered: dict[str, str] = {}
            while line := (await reader.readline()).strip():
                name, _, value = line.decode("latin-1").partition(":")
                answered[name.lower()] = value.strip()
            content = await reader.readexactly(int(answered["content-length"]))
        except (asyncio.IncompleteReadError, IndexError) as error:
            raise ConnectionError("it closed the connection") from error
        finally:
            writer.close()
        return status, {name.title(): answered[name] for name in KEPT_HEADERS & set(answered)}, content


def install() -> None:
    """Make Rekognition one of ministack's services."""
    from ministack import app
    from ministack.core import iam_actions, router

    route = LocalRekognition(Path(os.environ["LABELSTACK_REKOGNITION_READY_FILE"]))
    app.SERVICE_HANDLERS[SERVICE] = route.handle
    router.SERVICE_PATTERNS[SERVICE] = {"target_prefixes": ["RekognitionService."], "host_patterns": [r"rekognition\."]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
