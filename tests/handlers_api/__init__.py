"""Tests of the API's functions with fakes, and of their edges on an emulator."""
