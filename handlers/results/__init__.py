"""Results: the document, the codes, and the table they live in.

The functions, the API and the `labelstack` command share this package; it needs boto3 and nothing else.
"""

from .codes import REJECTION_CODES, Code, Status, sentence
from .document import Analysis, BoundingBox, Face, Instance, Label, Result, Text, json_ready
from .erasure import BACKUP_DAYS, Erasure
from .errors import InvalidCursorError, InvalidQueryError, ResultsError, TableUnavailableError
from .item import MAX_LABELS, Write
from .keys import iso_ms
from .label_rules import LabelRules
from .order import TOMBSTONE_DAYS, Position, State
from .query import Query
from .repair import repair_message
from .search import Order, Page, Results, ResultsReader
from .table import ResultsWriter

__all__ = [
    "BACKUP_DAYS",
    "MAX_LABELS",
    "REJECTION_CODES",
    "TOMBSTONE_DAYS",
    "Analysis",
    "BoundingBox",
    "Code",
    "Erasure",
    "Face",
    "Instance",
    "InvalidCursorError",
    "InvalidQueryError",
    "Label",
    "LabelRules",
    "Order",
    "Page",
    "Position",
    "Query",
    "Result",
    "Results",
    "ResultsError",
    "ResultsReader",
    "ResultsWriter",
    "State",
    "Status",
    "TableUnavailableError",
    "Text",
    "Write",
    "iso_ms",
    "json_ready",
    "repair_message",
    "sentence",
]
