"""Measurements, each a ratio against a reference taken in the same run. Not part of the tests."""
