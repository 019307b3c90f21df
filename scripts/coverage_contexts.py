"""A pytest plugin: tell coverage which test file runs. See scripts/module-coverage."""

from collections.abc import Iterator

import coverage
import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Name the file for as long as one of its tests runs, its fixtures included."""
    running = coverage.Coverage.current()
    if running is not None:
        running.switch_context(item.path.relative_to(item.config.rootpath).as_posix())
    try:
        return (yield)
    finally:
        if running is not None:
            running.switch_context("")
