"""Tests of the Pulumi engine on recordings of Pulumi's own CLI and engine, 3.274.1."""
