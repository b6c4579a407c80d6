"""Unit tests that need no process, no network and no waiting."""

from __future__ import annotations

from tests.examples import THOROUGH, examples

try:
    from hypothesis import HealthCheck, settings
    from hypothesis.internal.conjecture import providers
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
    # Hypothesis also tries the constants in the source of all loaded modules. It takes a second in each
    # process to find them, and the examples would depend on the tests before.
    if not THOROUGH and hasattr(providers, "_get_local_constants"):
        none = providers._get_local_constants.__globals__["Constants"]()
        providers._get_local_constants = lambda: none
