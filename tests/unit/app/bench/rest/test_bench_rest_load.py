"""A load of HTTP requests, in virtual time, on a server whose answers take as long as the tests say."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ringback.app.bench.rest import load as module
from ringback.app.bench.rest.load import Connection, Outcome, load
from ringback.testing.clock import VirtualClockLoop, run

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\n\r\n"


class Line(asyncio.Transport):
    """The other end of a connection: it answers each request after a while."""

    def __init__(self, served: "Served", protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._served, self._protocol = served, protocol
        self.closed = False

    def write(self, data: Any) -> None:
        answer = self._served.take(bytes(data))
        if answer is not None:
            asyncio.get_running_loop().call_later(self._served.seconds, self._protocol.data_received, answer)

    def close(self) -> None:
        self.closed = True


class Served:
    """A server that keeps what it was asked, and when."""

    def __init__(self, seconds: float = 0.010, answers: Callable[[int], bytes | None] = lambda number: OK) -> None:
        self.seconds, self._answers = seconds, answers
        self.asked: list[tuple[float, bytes]] = []
        self.lines: list[Line] = []

    def take(self, request: bytes) -> bytes | None:
        self.asked.append((asyncio.get_running_loop().time(), request))
        return self._answers(len(self.asked))

    async def connect(self, loop: object, factory: Callable[[], Connection], host: str, port: int) -> Any:
        assert (host, port) == ("127.0.0.1", 8099)
        protocol = factory()
        self.lines.append(Line(self, protocol))
        protocol.connection_made(self.lines[-1])
        return self.lines[-1], protocol


def loaded(monkeypatch: pytest.MonkeyPatch, served: Served, seconds: float, **options: Any) -> Outcome:
    async def connect(loop: object, *arguments: Any) -> Any:
        return await served.connect(loop, *arguments)

    monkeypatch.setattr(VirtualClockLoop, "create_connection", connect)
    numbers = iter(range(100_000))
    return run(load(8099, lambda: b"GET /%d" % next(numbers), seconds, **options))


def test_each_connection_asks_again_as_soon_as_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(0.010)
    outcome = loaded(monkeypatch, served, 0.995, connections=4)
    assert len(outcome.waits) == 400
    assert {request for _, request in served.asked} == {b"GET /%d" % number for number in range(400)}
    assert outcome.quantile(0.99) == pytest.approx(10)
    assert outcome.seconds == pytest.approx(1.0), "until the last answer"
    assert outcome.per_second == pytest.approx(400)
    assert [line.closed for line in served.lines] == [True] * 4


def test_requests_go_out_at_a_steady_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(0.001)
    outcome = loaded(monkeypatch, served, 2.0, connections=3, rate=5)
    assert [moment for moment, _ in served.asked] == pytest.approx([0.2 * number for number in range(10)])
    assert outcome.waits == pytest.approx([0.001] * 10)
    assert outcome.per_second == pytest.approx(5)


def test_a_slow_server_does_not_slow_its_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes out late waits from the moment when it was due: 0.3 s instead of 0.1, and 0.2 more each time."""
    outcome = loaded(monkeypatch, Served(0.3), 0.4, connections=1, rate=10)
    assert outcome.waits == pytest.approx([0.3, 0.5, 0.7, 0.9])


def test_what_is_refused_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(0.1, lambda number: BUSY if number % 5 == 0 else OK)
    outcome = loaded(monkeypatch, served, 0.95, connections=1)
    assert (len(outcome.waits), outcome.failed) == (10, 2)
    assert outcome.per_second == pytest.approx(8)


def test_what_is_never_answered_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(0.1, lambda number: None if number == 3 else OK)
    with pytest.raises(ExceptionGroup) as raised:
        loaded(monkeypatch, served, 1, connections=2)
    assert raised.group_contains(TimeoutError)
    assert [line.closed for line in served.lines] == [True, True]


def test_answers_may_come_in_pieces_and_nobody_may_wait_for_them() -> None:
    async def talk() -> list[int]:
        served = Served(answers=lambda number: None)
        line = Connection()
        line.connection_made(Line(served, line))
        line.data_received(OK)  # nobody has asked
        codes = []
        for answer in (OK, BUSY, OK):
            asked = asyncio.get_running_loop().create_task(line.ask(b"GET /"))
            await asyncio.sleep(0)
            for octet in answer:
                assert not asked.done()
                line.data_received(bytes((octet,)))
            codes.append(await asked)
        line.data_received(OK)  # answered already
        return codes

    assert run(talk()) == [200, 429, 200]


@pytest.mark.parametrize("error", [None, OSError("reset")])
def test_who_waits_hears_of_a_connection_that_was_lost(error: Exception | None) -> None:
    async def lose() -> None:
        line = Connection()
        line.connection_lost(error)  # nobody waits
        line.connection_made(Line(Served(answers=lambda number: None), line))
        asyncio.get_running_loop().call_later(1, line.connection_lost, error)
        with pytest.raises(OSError, match="reset" if error else "the server closed the connection"):
            await line.ask(b"GET /")
        line.connection_lost(error)

    run(lose())


def test_a_connection_that_was_never_made_can_be_closed() -> None:
    Connection().close()


def test_an_outcome_without_requests() -> None:
    outcome = Outcome(2.0)
    assert (outcome.per_second, outcome.quantile(0.5)) == (0, 0)
    assert module.Outcome(1.0, [0.003, 0.001, 0.002]).quantile(1.0) == 3
