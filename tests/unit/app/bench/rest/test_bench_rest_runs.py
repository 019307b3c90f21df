"""The runs of `ringback bench rest`: which databases, which requests, and what is told. Nothing is started."""

import base64
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ringback.app.bench.rest import postgres, runs
from ringback.app.bench.rest.load import Outcome
from ringback.app.errors import UserError
from ringback.model.records import Account
from ringback.model.status import CallStatus
from ringback.storage.database import Database
from ringback.storage.secrets import SecretBox

ACCOUNT = Account("AC" + "1" * 32, "2" * 32, "bench", datetime(2026, 1, 1, tzinfo=UTC))
FETCH, LIST, CREATE = "fetch", "list", "create"


class Machine:
    """Plays servers, their processor time and the load on them."""

    def __init__(self) -> None:
        self.servers: list[dict[str, str]] = []
        self.loads: list[tuple[int, bytes, float, float | None]] = []
        self.used = 0.0

    @contextmanager
    def running(self, name: str, command: list[str], environment: dict[str, str], directory: Path) -> Iterator[Path]:
        assert command[-2:] == ["ringback", "serve"]
        self.servers.append(environment)
        yield directory / f"{name}.log"

    async def ready(self, log: Path) -> None:
        assert log.name == "server.log"

    async def load(
        self, port: int, request: Callable[[], bytes], seconds: float, *, rate: float | None = None
    ) -> Outcome:
        """A hundred requests a second, each 4 ms of the server's time; every tenth fails at full speed."""
        self.loads.append((port, request(), seconds, rate))
        count = round((rate or 100) * seconds)
        self.used += 0.004 * count
        return Outcome(seconds, [0.020 if rate is None else 0.005] * count, 0 if rate else count // 10)

    async def fill(self, where: str | Path, directory: Path) -> tuple[Account, list[str]]:
        self.filled = where
        return ACCOUNT, ["CA" + "3" * 32]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    played = Machine()
    for name, part in {
        "running": played.running, "until_ready": played.ready, "server_pid": lambda directory: 77,
        "cpu_seconds": lambda pid: played.used, "load": played.load, "_fill": played.fill, "preferred": nullcontext,
    }.items():  # fmt: skip
        monkeypatch.setattr(runs, name, part)
    monkeypatch.setattr(postgres, "programs", lambda: None)
    return played


async def test_each_kind_is_asked_as_fast_as_it_goes_and_then_at_half_of_that(machine: Machine) -> None:
    said: list[str] = []
    told = await runs.bench_rest(10, None, said.append)
    (server,) = machine.servers
    assert "RINGBACK_STORAGE__URL" not in server
    assert {port for port, *_ in machine.loads} == {int(server["RINGBACK_HTTP__PORT"])}
    assert [(seconds, rate) for _, _, seconds, rate in machine.loads] == [(1.0, None), *[(10, None), (10, 45.0)] * 3]
    kinds = [request.split(b" ")[0] + request.partition(b"Calls")[2][:1] for _, request, *_ in machine.loads]
    assert kinds == [b"GET/"] * 3 + [b"GET."] * 2 + [b"POST."] * 2
    for kind in (FETCH, LIST, CREATE):
        assert told[f"{kind}_per_second"] == {"sqlite": 90}
        assert told[f"{kind}_cpu_ms"] == {"sqlite": 4.0}
        assert told[f"{kind}_ms"] == {"p99": {"sqlite": 5.0}}
    assert told["failed"] == 3 * 100
    assert (told["calls_per_second"], told["calls_per_cpu_second"], told["calls_failed"]) == (None, None, None)
    assert set(told["machine"]) == {"python", "cores", "system"}
    assert said[0] == "sqlite: warming up"
    assert said[1:3] == ["sqlite: fetch 90 a second", "sqlite: fetch at half of that, 99 % within 5.0 ms"]


async def test_a_database_that_is_named_is_measured_too(machine: Machine) -> None:
    told = await runs.bench_rest(1, "postgresql://bench", lambda text: None)
    assert [server.get("RINGBACK_STORAGE__URL") for server in machine.servers] == [None, "postgresql://bench"]
    assert machine.filled == "postgresql://bench"
    assert set(told["list_per_second"]) == {"sqlite", "postgresql"}


async def test_without_one_postgresql_is_started_where_it_is_installed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    @contextmanager
    def running(programs: Path, *, careless: bool) -> Iterator[str]:
        assert (programs, careless) == (Path("/bin"), False)
        yield "postgresql://started"
        ended.append(True)

    monkeypatch.setattr(postgres, "programs", lambda: Path("/bin"))
    monkeypatch.setattr(postgres, "running", running)
    await runs.bench_rest(1, None, lambda text: None)
    assert machine.filled == "postgresql://started"
    assert ended == [True]


async def test_whole_calls_come_last(machine: Machine) -> None:
    async def calls(say: runs.Say) -> dict[str, Any]:
        assert len(machine.loads) == 7
        return {"calls_per_second": 9.0, "calls_failed": 0}

    told = await runs.bench_rest(1, None, lambda text: None, calls)
    assert (told["calls_per_second"], told["calls_failed"]) == (9.0, 0)


def test_the_requests_are_those_of_a_client() -> None:
    sids = [f"CA{number:032x}" for number in range(5)]
    made = runs._requests(ACCOUNT, sids, 8099)
    token = base64.b64encode(f"{ACCOUNT.sid}:{ACCOUNT.auth_token}".encode()).decode()
    targets = {}
    for kind, request in made.items():
        head, _, body = request().decode().partition("\r\n\r\n")
        line, *headers = head.split("\r\n")
        method, target, version = line.split(" ")
        fields = dict(header.split(": ") for header in headers)
        assert (fields["Host"], fields["Authorization"]) == ("127.0.0.1:8099", f"Basic {token}")
        assert (version, int(fields.get("Content-Length", 0))) == ("HTTP/1.1", len(body))
        targets[kind] = (method, urlsplit(target), parse_qs(body))
    root = f"/2010-04-01/Accounts/{ACCOUNT.sid}/Calls"
    assert targets[FETCH][1].path.removesuffix(".json").rpartition("/")[0::2] in [(root, sid) for sid in sids]
    assert (targets[LIST][0], targets[LIST][1].path, targets[LIST][1].query) == (
        "GET", f"{root}.json", "PageSize=50&Status=completed",
    )  # fmt: skip
    assert (targets[CREATE][0], targets[CREATE][1].path) == ("POST", f"{root}.json")
    assert targets[CREATE][2]["To"] == ["client:nobody"]
    assert len({made[FETCH]() for _ in range(100)}) == 5, "another call each time"


@pytest.mark.long
async def test_a_store_is_filled_once(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_KEPT", 3)
    store = Path(shutil.copy(empty_store, tmp_path))
    account, sids = await runs._fill(store, tmp_path)
    async with Database.open(store, SecretBox(tmp_path)) as database:
        assert [one.sid for one in await database.accounts.list()] == [account.sid]
        calls = await database.calls.list()
    assert sorted(sids) == sorted(record.sid for record in calls)
    assert len(set(sids)) == 3
    for record in calls:
        assert (record.account_sid, record.status) == (account.sid, CallStatus.COMPLETED)
        assert record.start_time is not None
        assert record.end_time is not None
        assert (record.end_time - record.start_time).total_seconds() == 60
    with pytest.raises(UserError, match="must be empty"):
        await runs._fill(store, tmp_path)
