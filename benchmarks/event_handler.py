"""Powertools' event handler beside the API's own router (`handlers/api/application.py`): a cold import, a warm request.

Both answer the same REST event by the same JSON. Each process measures its own processor time, and the least of several
counts, as other work on the machine adds to the others.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.report import Figure, Report

PROJECT = Path(__file__).parent.parent
RUNS = 9
WARM = 2000
# Imports of every function of the API, with either router.
COMMON = """
import time
started = time.process_time()
import boto3
from aws_lambda_powertools import Logger
"""
OWN = """
from handlers.api.application import Answer, Application
imported = time.process_time() - started
application = Application({("GET", "/labels"): lambda request: Answer({"labels": []})}, frozenset(["https://a.example"]),
                          Logger(level="CRITICAL"))
answer = application.handle
"""
POWERTOOLS = """
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
imported = time.process_time() - started
logger, resolver = Logger(level="CRITICAL"), APIGatewayRestResolver(cors=CORSConfig("https://a.example"))
@resolver.get("/labels")
def labels():
    return {"labels": []}
def border(app, following):
    logger.set_correlation_id(app.current_event.request_context.request_id)
    response = following(app)
    response.headers |= {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Origin"}
    logger.info("answered")
    return response
resolver.use([border])
answer = lambda event: resolver.resolve(event, None)
"""
MEASURED = f"""
event = {{"resource": "/labels", "path": "/labels", "httpMethod": "GET", "headers": {{"Origin": "https://a.example"}},
         "multiValueHeaders": {{"Origin": ["https://a.example"]}}, "queryStringParameters": None,
         "multiValueQueryStringParameters": None, "body": None, "isBase64Encoded": False,
         "requestContext": {{"requestId": "r", "stage": "v1", "path": "/v1/labels", "httpMethod": "GET"}}}}
assert answer(event)["statusCode"] == 200
started = time.process_time()
for _ in range({WARM}):
    answer(event)
print(imported * 1e3, (time.process_time() - started) / {WARM} * 1e6)
"""


def measure() -> Report:
    """Run both in turn, several times."""
    codes = {"own router": OWN, "Powertools' event handler": POWERTOOLS}
    runs = [{name: _run(COMMON + code + MEASURED) for name, code in codes.items()} for _ in range(RUNS)]
    figures = []
    for name in codes:
        imported, warm = (min(values) for values in zip(*(run[name] for run in runs), strict=True))
        figures.append(Figure(f"{name}: cold import", imported, "ms", note=f"least of {RUNS}; with boto3 and Logger"))
        figures.append(Figure(f"{name}: warm request", warm, "us", note=f"mean of {WARM:,} without services"))
    return Report("event-handler", figures)


def _run(code: str) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    imported, warm = map(float, done.stdout.split())
    return imported, warm
