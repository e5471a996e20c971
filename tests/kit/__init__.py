"""What the tests share: sites, stories, fakes. No test is here."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The folder of the repository."""
