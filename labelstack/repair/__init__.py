"""Repairs: comparison of bucket and table, requests to label again, jobs that continue."""
