"""Pulumi components of Labelstack: each is reusable alone, and knows of neither settings nor clouds."""
