"""ResultsStore alone: the table of results."""

import pulumi

from components import ResultsStore

results = ResultsStore("results", {"protect_data": False})

pulumi.export("table", results.name)
