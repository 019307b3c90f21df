"""Fixtures: real phones that end with their test, and whose logs are shown when it fails."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.peers.application import Application
from tests.interop.peers.baresip import Baresip
from tests.interop.peers.process import Process
from tests.interop.peers.ringback import Ringback
from tests.interop.peers.sipp import Sipp

PROCESSES: pytest.StashKey[list[Process]] = pytest.StashKey()
LINES = 60
"""Of each log that a failed test shows; the whole log stays in the test's folder, which pytest keeps."""


@pytest.fixture
def started(request: pytest.FixtureRequest) -> list[Process]:
    """The processes of this test, for the report of its failure."""
    return request.node.stash.setdefault(PROCESSES, [])


@pytest.fixture
async def phone(tmp_path: Path, started: list[Process]) -> AsyncIterator[Callable[..., Awaitable[Baresip]]]:
    """Make phones: `await phone("alice", tone=600)`. Arguments are those of `Baresip.start`."""
    phones: list[Baresip] = []

    async def make(user: str, **options: Any) -> Baresip:
        made = await Baresip.start(tmp_path / user, user, **options)
        phones.append(made)
        started.append(made.process)
        return made

    yield make
    for made in phones:
        await made.stop()


@pytest.fixture
async def sipp(tmp_path: Path, started: list[Process]) -> AsyncIterator[Callable[..., Awaitable[Sipp]]]:
    """Run scenarios: `await sipp("caller", scenario, remote=5060)`. Arguments are those of `Sipp.start`."""
    runs: list[Sipp] = []

    async def make(name: str, scenario: str, **options: Any) -> Sipp:
        made = await Sipp.start(tmp_path / name, scenario, **options)
        runs.append(made)
        started.append(made.process)
        return made

    yield make
    for made in runs:
        await made.stop()


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    """A web application without pages yet."""
    made = await Application.start()
    yield made
    await made.stop()


@pytest.fixture
async def ringback(tmp_path: Path, started: list[Process]) -> AsyncIterator[Ringback]:
    """A server without numbers yet."""
    made = await Ringback.start(tmp_path / "ringback")
    started.append(made.process)
    yield made
    await made.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the ends of the logs of a failed test's processes to its report."""
    report: Any = yield
    if report.failed:
        for process in item.stash.get(PROCESSES, []):
            report.sections.append((f"log of {process.folder.name} ({process.folder}/log)", process.log(LINES)))
    return report
