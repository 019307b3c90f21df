"""A pytest plugin: tell coverage which test file runs. See scripts/module-coverage."""

import coverage
import pytest


def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Name the file before each of its tests. What runs before the first one, the imports, has no name.

    A switch writes down what was collected so far, so there is one for a file, not one for a test.
    """
    running = coverage.Coverage.current()
    name = item.path.relative_to(item.config.rootpath).as_posix()
    if running is not None and item.session.stash.get(_NAME, "") != name:
        item.session.stash[_NAME] = name
        running.switch_context(name)


_NAME: pytest.StashKey[str] = pytest.StashKey()
