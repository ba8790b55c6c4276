"""Rules for tests: this key, content or operation → these answers, this error, this delay, a hang.

A rule is a JSON object::

    {"match": {"key": "cats/*.jpg", "sha256": "<hex>", "operation": "DetectLabels"},   all that are given must match
     "times": 2,                                       optional: how often it applies; then it is over
     "labels": ["Cat", {"name": "Sofa", "confidence": 91.5, "parents": ["Furniture"], "categories": ["…"],
                        "instances": [{"boundingBox": {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.5}}]}],
     "faces": [{"boundingBox": {…}, "confidence": 99, "ageRange": {"low": 20, "high": 30}}],
     "moderation": ["Weapons", {"name": "Gambling", "confidence": 88}],
     "text": ["a line of words", {"text": "another", "confidence": 97, "boundingBox": {…}}],
     "error": {"code": "ThrottlingException", "message": "…", "status": 400},
     "delayMs": 250,
     "hang": true}                                     never answers

`labels`, `faces`, `moderation` and `text` take the place of what the pixels say, for their own operation; the rest
of the answer (parents, categories, landmarks, geometry) is filled in, and the picture must still be readable. Rules
are tried in order and every match applies: delays add up, the first answer of a kind wins, an error or a hang ends
the search. `key` is a shell pattern on the S3 key.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rekognition_local.errors import ConfigurationError, RuleError
from rekognition_local.rule_answers import check_items

ANSWERS = {
    "labels": "DetectLabels",
    "faces": "DetectFaces",
    "moderation": "DetectModerationLabels",
    "text": "DetectText",
}
_MATCHES = {"key", "sha256", "operation"}
_MEMBERS = {"match", "times", "error", "delayMs", "hang", *ANSWERS}
_MESSAGES = {
    "ThrottlingException": ("Slow down; sudden increase in rate of requests.", 400),
    "ProvisionedThroughputExceededException": ("Provisioned rate exceeded", 400),
    "AccessDeniedException": ("User is not authorized to perform this operation", 400),
    "InternalServerError": ("Internal server error", 500),
    "ServiceUnavailableException": ("Service Unavailable", 503),
}


@dataclass(slots=True)
class Rule:
    """One rule; `left` is how often it may still apply, None for ever."""

    document: Mapping[str, Any]
    left: int | None

    def matches(self, operation: str, key: str | None, sha256: str | None) -> bool:
        """Return whether the rule applies to a call."""
        match = self.document.get("match", {})
        kinds = [name for name in ANSWERS if name in self.document]
        only_answers = kinds and not any(name in self.document for name in ("error", "delayMs", "hang"))
        return not (
            self.left == 0
            or (only_answers and operation not in [ANSWERS[name] for name in kinds])
            or ("operation" in match and match["operation"] != operation)
            or ("key" in match and (key is None or not fnmatch.fnmatchcase(key, match["key"])))
            or ("sha256" in match and match["sha256"].lower() != sha256)
        )


@dataclass(slots=True)
class Verdict:
    """The rules' decision on one call."""

    delay_s: float = 0.0
    hang: bool = False
    error: RuleError | None = None
    answer: list[Any] | None = None


@dataclass(slots=True)
class RuleBook:
    """The rules in force."""

    rules: list[Rule] = field(default_factory=list)

    def replace(self, documents: Any) -> None:
        """Take a new list of rules. Raises ConfigurationError, and then keeps the old ones."""
        if not isinstance(documents, list):
            raise ConfigurationError(f"Rules must be a JSON list of objects; got {documents!r}")
        self.rules = [_checked(document, number) for number, document in enumerate(documents, 1)]

    def as_documents(self) -> list[dict[str, Any]]:
        """Return the rules as JSON; `times` is the remaining number."""
        return [dict(rule.document) | ({} if rule.left is None else {"times": rule.left}) for rule in self.rules]

    def needs_content(self, operation: str, key: str | None) -> bool:
        """Return whether a rule that could match depends on the picture's content."""
        needed = ((rule, rule.document.get("match", {}).get("sha256")) for rule in self.rules)
        return any(sha256 is not None and rule.matches(operation, key, sha256.lower()) for rule, sha256 in needed)

    def judge(self, operation: str, key: str | None, sha256: str | None) -> Verdict:
        """Apply the rules to a call, and count down those that are used."""
        verdict = Verdict()
        for rule in self.rules:
            if not rule.matches(operation, key, sha256):
                continue
            if rule.left is not None:
                rule.left -= 1
            self._apply(rule.document, operation, verdict)
            if verdict.hang or verdict.error is not None:
                break
        return verdict

    @staticmethod
    def _apply(document: Mapping[str, Any], operation: str, verdict: Verdict) -> None:
        verdict.delay_s += document.get("delayMs", 0) / 1000
        verdict.hang = bool(document.get("hang", False))
        if "error" in document:
            error = document["error"]
            message, status = _MESSAGES.get(error["code"], ("An error that a rule asks for", 400))
            verdict.error = RuleError(error["code"], error.get("message", message), error.get("status", status))
        for name, answered in ANSWERS.items():
            if name in document and answered == operation and verdict.answer is None:
                verdict.answer = document[name]


def read_rules(path: Path) -> list[Any]:
    """Read a rules file. Raises ConfigurationError."""
    try:
        documents: list[Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--rules {path} cannot be read as JSON: {error}") from error
    return documents


def _checked(document: Any, number: int) -> Rule:
    where = f"Rule {number}"
    _require(isinstance(document, dict), f"{where} is not a JSON object")
    _no_unknown(document, _MEMBERS, where)
    match = document.get("match", {})
    _require(isinstance(match, dict), f"{where}: match must be an object")
    _no_unknown(match, _MATCHES, f"{where}, match")
    _require(all(isinstance(value, str) for value in match.values()), f"{where}: match takes strings")
    for name in ANSWERS:
        if name in document:
            _require(isinstance(document[name], list), f"{where}: {name} must be a list")
            check_items(name, document[name], f"{where}, {name}")
    times = document.get("times")
    _require(times is None or (type(times) is int and times >= 0), f"{where}: times must be a whole number")
    delay = document.get("delayMs", 0)
    _require(type(delay) in (int, float) and delay >= 0, f"{where}: delayMs must be a number of milliseconds")
    _require(isinstance(document.get("hang", False), bool), f"{where}: hang must be true or false")
    if "error" in document:
        _check_error(document["error"], where)
    effects = _MEMBERS - {"match", "times"}
    _require(bool(effects & set(document)), f"{where} has no effect: expected one of {', '.join(sorted(effects))}")
    return Rule(document, times)


def _check_error(error: Any, where: str) -> None:
    _require(isinstance(error, dict) and isinstance(error.get("code"), str), f"{where}: error needs a code (a string)")
    _no_unknown(error, {"code", "message", "status"}, f"{where}, error")
    status = error.get("status", 400)
    _require(type(status) is int and 400 <= status <= 599, f"{where}: error's status must be 400 to 599")


def _no_unknown(document: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(document) - known)
    _require(not unknown, f"{where} has unknown members {unknown}: expected {sorted(known)}")


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ConfigurationError(sentence)
