"""What every test gets: peers that must not be missing in CI, one lane for real phones, reproducible hypothesis."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
REAL = {"interop", "system"}
"""Folders whose tests use processes, ports and the clock of this machine."""

# The same examples in each run, and no failure because the machine was busy. HYPOTHESIS_PROFILE=explore looks further,
# and `few` is for runs that measure something else.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("repeat", derandomize=True, database=None, **COMMON)
settings.register_profile("few", derandomize=True, database=None, max_examples=15, **COMMON)
settings.register_profile("explore", max_examples=2000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known with which a test says what of the API it proves (see docs/conformance.md)."""
    config.addinivalue_line("markers", "conforms(clause, ...): proves these clauses of `ringback conformance`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder. Those with real phones run one after another, whatever the number of workers."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in REAL:
            item.add_marker(folder)
            item.add_marker(pytest.mark.xdist_group("real"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Honour `needs`: a missing program skips the test on somebody's laptop and fails it where CI is set."""
    needed = [command for marker in item.iter_markers("needs") for command in marker.args]
    missing = [command for command in needed if shutil.which(command) is None]
    if missing:
        reason = f"not installed: {', '.join(missing)} (scripts/system-packages installs it)"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
