"""Tests of labelstack.clouds."""
