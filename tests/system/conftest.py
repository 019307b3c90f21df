"""The fixtures of the real phones serve here too."""

from tests.interop.conftest import application, phone, pytest_runtest_makereport, ringback, sipp, started

__all__ = ["application", "phone", "pytest_runtest_makereport", "ringback", "sipp", "started"]
