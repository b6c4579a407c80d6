"""Unit tests that need no process, no network and no waiting."""

from __future__ import annotations

from tests.examples import examples

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # it comes with the extra "dev"
    pass
else:
    # The same examples in each run, however slow the machine is.
    settings.register_profile(
        "tests",
        max_examples=examples(50),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("tests")
