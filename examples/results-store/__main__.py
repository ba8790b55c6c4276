"""ResultsStore alone: the table of results."""

import pulumi

from components.results_store import ResultsStore, ResultsStoreArgs

results = ResultsStore("results", ResultsStoreArgs(protect_data=False))

pulumi.export("table", results.name)
