"""Tests of the Pulumi engine, with a stand-in for the Pulumi CLI."""
