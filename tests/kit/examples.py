"""How many examples Hypothesis tries: the same few for every run of the gate, many and new ones for a long run."""

import os

from hypothesis import HealthCheck, settings

LONG = bool(os.environ.get("PANEVISOR_TEST_LONG"))
"""Whether this is a long run: `./scripts/test --long`."""

_MORE = 20
_common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
settings.register_profile("gate", max_examples=50, derandomize=True, database=None, **_common)
settings.register_profile("long", max_examples=50 * _MORE, print_blob=True, **_common)


def load_profile() -> None:
    """Make the profile of this run the default of all tests."""
    settings.load_profile("long" if LONG else "gate")


def examples(count: int, **more: object) -> settings:
    """Return the settings of a test that tries `count` examples in the gate, and 20 times as many in a long run."""
    return settings(max_examples=count * _MORE if LONG else count, **more)
