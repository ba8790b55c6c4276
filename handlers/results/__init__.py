"""Results: the document, the codes, and the table they live in.

The functions, the API and the `labelstack` command share this package; it needs boto3 and nothing else.
"""

from handlers.results.codes import REJECTION_CODES, Code, Status, sentence
from handlers.results.document import Analysis, BoundingBox, Face, Instance, Label, Result, Text, json_ready
from handlers.results.errors import InvalidCursorError, InvalidQueryError, ResultsError, TableUnavailableError
from handlers.results.order import Position, State
from handlers.results.plan import MAX_LABELS, Write
from handlers.results.search import Match, Page, ResultsReader
from handlers.results.table import ResultsTable

__all__ = [
    "MAX_LABELS",
    "REJECTION_CODES",
    "Analysis",
    "BoundingBox",
    "Code",
    "Face",
    "Instance",
    "InvalidCursorError",
    "InvalidQueryError",
    "Label",
    "Match",
    "Page",
    "Position",
    "Result",
    "ResultsError",
    "ResultsReader",
    "ResultsTable",
    "State",
    "Status",
    "TableUnavailableError",
    "Text",
    "Write",
    "json_ready",
    "sentence",
]
