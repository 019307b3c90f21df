"""The worker: real sockets and the real clock around the plane, and a server that may say anything or nothing."""

import resource
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from ringback.media import g711, protocol
from ringback.media import plane as plane_module
from ringback.media import sockets as sockets_module
from ringback.media import worker as worker_module
from ringback.rtp.packet import RtpPacket
from tests.unit.media.worker_rig import EVENTS, Phone, WorkerRig, clip_of

pytestmark = pytest.mark.long

SILENCE = b"\xff" * 160


@pytest.fixture
def rig() -> Iterator[WorkerRig]:
    made = WorkerRig()
    yield made
    made.stop()


def sound(level: int) -> bytes:
    return g711.encode(np.full(160, level, np.int16))


# -- a call -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_call_from_its_beginning_to_its_end(rig: WorkerRig, tmp_path: Path, host: str) -> None:
    leg, port, phone = rig.call(host)
    first = phone.receive()
    assert (first.payload, first.marker, first.payload_type) == (SILENCE, True, 0)
    phone.send(port)
    rig.wait_for(protocol.EVENT_HEARD, leg)
    phone.press(port, "5")
    rig.wait_for(protocol.EVENT_KEY, leg, key="5")
    rig.do(protocol.PLAY, leg=leg, path=str(clip_of(tmp_path / "a", 3)), loops=1, token=11)
    for _ in range(3):
        phone.wait_for(sound(1000))
    rig.wait_for(protocol.EVENT_PLAYED, leg, token=11)
    rig.do(protocol.PRESS, leg=leg, keys="7", token=12)
    rig.wait_for(protocol.EVENT_PRESSED, leg, token=12)
    phone.wait_for(bytes([7, 0x8A, 5, 0]), EVENTS)
    figures = rig.hang_up(leg)

    assert port % 2 == 0
    assert (figures["received"], figures["refused"], figures["bytes_in"]) == (2, 0, 172 + 16)
    assert figures["sent"] >= 15


def test_a_clip_is_stopped(rig: WorkerRig, tmp_path: Path) -> None:
    leg, _, phone = rig.call()
    rig.do(protocol.PLAY, leg=leg, path=str(clip_of(tmp_path / "a", 3)), loops=0, token=1)
    phone.wait_for(sound(1000))
    rig.do(protocol.STOP, leg=leg, token=2)
    phone.drain()
    phone.wait_for(sound(1000))
    rig.do(protocol.STOP, leg=leg)
    phone.wait_for(SILENCE)

    assert rig.events == []


def test_a_clip_is_read_on_while_it_plays(rig: WorkerRig, tmp_path: Path) -> None:
    """More than is read at once; the worker is asked for its memory rather than for half a minute of patience."""
    leg, _, phone = rig.call()
    rig.do(protocol.PLAY, leg=leg, path=str(clip_of(tmp_path / "long", 1500)), loops=1, token=1)
    for _ in range(3):
        phone.wait_for(sound(1000))

    assert np.all(rig.worker._plane.arena.samples[1:1501] == 1000)


def test_silence_of_a_peer_is_reported(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane_module, "TICKS_PER_SECOND", 2)  # so that the wait is over soon
    leg, _, _ = rig.call(quiet_seconds=1)
    rig.wait_for(protocol.EVENT_QUIET, leg, times=1)


def test_packets_go_where_they_come_from(rig: WorkerRig) -> None:
    """The phone is behind NAT: the address in its session description is not where it sends from."""
    leg, port, described = rig.call()
    real = rig.phone()
    described.receive()
    real.send(port)
    rig.wait_for(protocol.EVENT_HEARD, leg)
    real.receive()
    described.drain()
    real.wait_for(SILENCE)
    real.receive()

    assert described.drain() == 0


def test_a_stranger_is_refused(rig: WorkerRig) -> None:
    leg, port, phone = rig.call()
    stranger = rig.phone()
    phone.send(port)
    rig.wait_for(protocol.EVENT_HEARD, leg)
    stranger.press(port, "1")
    phone.press(port, "2")
    rig.wait_for(protocol.EVENT_KEY, leg, key="2")

    assert [event for event in rig.events if event["event"] == protocol.EVENT_KEY] == [
        {"event": "key", "leg": leg, "key": "2"}
    ]
    assert rig.hang_up(leg)["refused"] == 1


def test_a_closed_port_of_the_peer_does_not_end_a_leg(rig: WorkerRig) -> None:
    """The kernel hears of it by ICMP. Whoever opens the port later is heard and spoken to."""
    leg, port = rig.open()
    gone = Phone()
    gone.socket.close()
    rig.setup(leg, gone.address)
    before = rig.do(protocol.STATUS)["ticks"]
    while rig.do(protocol.STATUS)["ticks"] < before + 3:
        pass
    back = Phone(port=gone.address[1])
    rig.phones.append(back)
    back.receive()
    back.press(port, "3")
    rig.wait_for(protocol.EVENT_KEY, leg, key="3")


@pytest.mark.parametrize("nowhere", [("0.0.0.0", 4000), ("127.0.0.1", 0)])
def test_a_peer_that_wants_nothing_gets_nothing_until_it_speaks(rig: WorkerRig, nowhere: tuple[str, int]) -> None:
    leg, port, phone = rig.call()
    phone.receive()
    rig.setup(leg, nowhere)
    rig.do(protocol.STATUS)
    phone.drain()
    before = rig.do(protocol.STATUS)["ticks"]
    while rig.do(protocol.STATUS)["ticks"] < before + 2:
        pass
    assert phone.drain() == 0
    phone.send(port)

    phone.wait_for(SILENCE)


# -- more than one ----------------------------------------------------------------------------------------------


def test_a_flood_on_one_leg_does_not_starve_another(rig: WorkerRig) -> None:
    """Four packets of a leg are read in a tick, whatever waits; the other legs' keys and audio go on."""
    attacked, its_port, attacker = rig.call()
    leg, port, phone = rig.call()
    before = rig.do(protocol.STATUS)["ticks"]
    for key in "1234":
        for _ in range(250):
            attacker.send(its_port)
        phone.press(port, key)
        rig.wait_for(protocol.EVENT_KEY, leg, key=key)
        phone.drain()
        phone.receive()
    received = rig.hang_up(attacked)["received"]

    assert 0 < received <= 4 * (rig.do(protocol.STATUS)["ticks"] - before + 1)


def test_packets_are_read_up_to_the_room_that_there_is(rig: WorkerRig) -> None:
    """Four legs, each with more waiting than one tick reads."""
    calls = [rig.call() for _ in range(4)]
    for _, port, phone in calls:
        for _ in range(10):
            phone.send(port)
        phone.press(port, "9")
    for leg, _, _ in calls:
        rig.wait_for(protocol.EVENT_KEY, leg, key="9")

    assert [rig.hang_up(leg)["received"] for leg, _, _ in calls] == [11] * 4


def test_addresses_of_strangers_do_not_fill_the_memory(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_module, "_MAX_SOURCES", 8)
    learnt, its_port, described = rig.call()
    quiet, _, silent = rig.call()
    real = rig.phone()
    real.send(its_port)
    rig.wait_for(protocol.EVENT_HEARD, learnt)
    strangers = [rig.phone() for _ in range(20)]
    for stranger in strangers:
        stranger.send(its_port)
    for key in "123456":  # four strangers a tick are heard out
        real.press(its_port, key)
        rig.wait_for(protocol.EVENT_KEY, learnt, key=key)
    described.drain()
    real.drain()
    real.receive()
    silent.drain()
    silent.receive()

    assert len(rig.worker._sockets._addresses) <= 8 + 4
    assert rig.hang_up(learnt)["refused"] == 20
    assert rig.hang_up(quiet)["refused"] == 0


# -- room and ports ---------------------------------------------------------------------------------------------


def test_legs_are_given_out_until_there_are_none(rig: WorkerRig) -> None:
    legs = [rig.open() for _ in range(4)]
    assert len(set(legs)) == 4
    assert rig.refusal(protocol.OPEN, host="127.0.0.1", ports=[32768, 60998]) == "all 4 legs of this worker are taken"
    assert rig.do(protocol.STATUS)["legs"] == 4
    rig.hang_up(legs[1][0])

    assert rig.open()[0] == legs[1][0]


def test_a_port_rests_before_it_is_used_again(rig: WorkerRig) -> None:
    used = []
    for _ in range(3):
        leg, port = rig.open(ports=(42000, 42100))
        used.append(port)
        rig.hang_up(leg)

    assert used == sorted(set(used))


def test_when_all_ports_are_taken_the_reason_says_what_to_do(rig: WorkerRig) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1] // 2 * 2
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            if port != taken.getsockname()[1]:
                other.bind(("127.0.0.1", port))
            reason = rig.refusal(protocol.OPEN, host="127.0.0.1", ports=[port, port + 1])

    assert reason == f"all ports from {port} to {port + 1} are taken: widen media.port_min to media.port_max"


@pytest.mark.parametrize(
    ("host", "ports", "reason"),
    [
        ("127.0.0.1", [20001, 20001], "no even port between 20001 and 20001: widen media.port_min to media.port_max"),
        ("203.0.113.1", [20000, 20100], "cannot bind 203.0.113.1 port"),
        ("no host", [20000, 20100], "cannot bind no host port"),
    ],
)
def test_an_address_that_cannot_be_bound_is_named(rig: WorkerRig, host: str, ports: list[int], reason: str) -> None:
    assert rig.refusal(protocol.OPEN, host=host, ports=ports).startswith(reason)


def test_without_file_descriptors_the_call_is_refused_and_the_others_go_on(rig: WorkerRig) -> None:
    leg, port, phone = rig.call()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        reason = rig.refusal(protocol.OPEN, host="127.0.0.1", ports=[32768, 60998])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    phone.press(port, "5")
    rig.wait_for(protocol.EVENT_KEY, leg, key="5")

    assert reason == "no socket for another leg: Too many open files (see ulimit -n)"


# -- what a server may say --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["setup", "play", "stop", "press", "close"])
def test_a_leg_that_is_not_there_is_named(rig: WorkerRig, command: str) -> None:
    arguments: dict[str, Any] = {"leg": 3, "path": "a", "loops": 1, "token": 1, "keys": "1", "remote": ["127.0.0.1", 9]}
    arguments |= {"payload_type": 0, "payload_types": {"0": 0}, "telephone_event": None}
    arguments |= {"packet_ms": 20, "sends": True, "quiet_seconds": 0.0}

    assert rig.refusal(command, **arguments) == "no leg 3"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"remote": ["phone.example.com", 4000]}, "'phone.example.com' is no IP address to send RTP to"),
        ({"remote": ["::1", 4000]}, "RTP cannot go to ::1 from here, which is an address of the other family"),
        ({"remote": ["127.0.0.1", 70000]}, "70000 is no port to send RTP to"),
        ({"remote": ["127.0.0.1"]}, "bad command"),
        ({"remote": None}, "bad command"),
        ({"payload_type": 8}, "bad command"),
        ({"payload_types": {"200": 0, "0": 0}}, "bad command"),
        ({"payload_types": {"0": 7}}, "bad command"),
        ({"packet_ms": 200}, "bad command"),
        ({"telephone_event": "101"}, "bad command"),
    ],
)
def test_what_a_call_cannot_be_set_up_with_is_refused_and_changes_nothing(
    rig: WorkerRig, wrong: dict[str, Any], reason: str
) -> None:
    leg, port, phone = rig.call()
    answer = rig.setup(leg, **({"remote": phone.address} | wrong))
    phone.press(port, "5")
    rig.wait_for(protocol.EVENT_KEY, leg, key="5")
    phone.drain()
    phone.receive()

    assert str(answer["error"]).startswith(reason)


@pytest.mark.parametrize("command", [{}, {"do": "dance"}, {"do": "open"}, {"do": "open", "host": 5, "ports": "x"}])
def test_a_command_that_makes_no_sense_is_refused(rig: WorkerRig, command: dict[str, Any]) -> None:
    rig.control.sendall(protocol.encode({"id": 0, **command}))

    assert rig.hear()["error"].startswith("bad command ")
    assert rig.do(protocol.STATUS)["legs"] == 0


def test_clips_and_keys_that_cannot_be_had_are_refused(rig: WorkerRig, tmp_path: Path) -> None:
    leg, _, _ = rig.call()
    missing, large = str(tmp_path / "none"), str(clip_of(tmp_path / "large", 2000))

    assert rig.refusal(protocol.PLAY, leg=leg, path=missing, loops=1, token=1).endswith(
        "cannot be read: No such file or directory"
    )
    assert rig.refusal(protocol.PLAY, leg=leg, path=large, loops=1, token=1).startswith("no room for a clip of 40 s")
    assert rig.refusal(protocol.PRESS, leg=leg, keys="1+", token=1).startswith("not a key: '+'")


def test_commands_may_come_in_pieces_or_many_at_once(rig: WorkerRig) -> None:
    lines = b"".join(protocol.encode({"id": 1000 + number, "do": protocol.STATUS}) for number in range(50))
    for piece in (lines[:7], lines[7:1000], lines[1000:]):
        rig.control.sendall(piece)
        select.select([], [], [], 0.002)
    rig.do(protocol.STATUS)

    assert [answer["id"] for answer in rig.events] == list(range(1000, 1050))


# -- a server that is busy, or gone -----------------------------------------------------------------------------


def test_audio_goes_on_while_the_server_does_not_listen(rig: WorkerRig) -> None:
    _, _, phone = rig.call()
    for _ in range(3000):
        rig.send(protocol.STATUS)
    phone.drain()
    for _ in range(5):
        phone.receive()
    answers = [rig.hear() for _ in range(3000)]

    assert [answer["ok"]["legs"] for answer in answers] == [1] * 3000


def test_a_server_that_is_too_far_behind_with_its_answers_is_given_up(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_MOST_UNSENT", 1000)
    rig.control.settimeout(0.1)
    with pytest.raises(TimeoutError):
        for _ in range(100_000):
            rig.send(protocol.STATUS)
    rig.join()


def test_a_server_that_is_too_far_behind_with_events_is_given_up(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asks for anything, but a peer presses keys all day."""
    monkeypatch.setattr(worker_module, "_MOST_UNSENT", 100)
    _, port, phone = rig.call()
    rig.worker._control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    for _ in range(4000):
        phone.press(port, "5")
        select.select([], [], [], 0.0005)
        if not rig._thread.is_alive():
            break
    rig.join()


def test_the_worker_ends_with_its_server(rig: WorkerRig) -> None:
    rig.control.shutdown(socket.SHUT_RDWR)
    rig.join()


@pytest.mark.parametrize("failing", ["recv", "send"])
def test_the_worker_ends_when_its_socket_fails(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    class Broken:
        def __init__(self, real: socket.socket) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            if name == failing:
                raise ConnectionResetError
            return getattr(self._real, name)

    monkeypatch.setattr(rig.worker, "_control", Broken(rig.worker._control))
    rig.send(protocol.STATUS)
    rig.join()


def test_an_error_that_the_kernel_tells_late_costs_one_read(rig: WorkerRig) -> None:
    leg, port, phone = rig.call()
    sockets = rig.worker._sockets
    fd = sockets._legs[leg].main.fileno()
    row, read, source = sockets._readers[fd]
    failed = False

    def refused(view: memoryview) -> Any:
        """Every first read fails, as after an ICMP message."""
        nonlocal failed
        failed = not failed
        if failed:
            raise ConnectionRefusedError
        return read(view)

    sockets._readers[fd] = (row, refused, source)
    for key in "123":
        phone.press(port, key)
        rig.wait_for(protocol.EVENT_KEY, leg, key=key)


# -- the clock --------------------------------------------------------------------------------------------------


def slow_ticks(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
    """Let the next ticks take so long."""
    tick = rig.worker._plane.tick

    def slow(received: Any) -> Any:
        if seconds:
            select.select([], [], [], seconds.pop(0))
        return tick(received)

    monkeypatch.setattr(rig.worker._plane, "tick", slow)


def test_commands_are_heard_under_overload_and_late_ticks_counted(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_ticks(rig, monkeypatch, [0.03] * 8)
    for _ in range(3):
        rig.do(protocol.STATUS)
    rig.send(protocol.STATUS)
    while (status := rig.do(protocol.STATUS))["ticks"] < 8:
        pass

    assert status["late_ticks"] > 0
    assert status["worst_late_ms"] > 20


def test_a_server_that_goes_under_overload_is_noticed(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no time is left between two ticks."""
    tick = rig.worker._plane.tick

    def slow(received: Any) -> Any:
        select.select([], [], [], 0.05)
        rig.control.shutdown(socket.SHUT_RDWR)
        return tick(received)

    monkeypatch.setattr(rig.worker._plane, "tick", slow)
    rig.join()


def test_after_a_long_stop_no_burst_makes_up_for_it(rig: WorkerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen ticks are missed; ten would be made up for."""
    _, _, phone = rig.call()
    phone.receive()
    began, before = perf_counter(), rig.do(protocol.STATUS)["ticks"]
    slow_ticks(rig, monkeypatch, [0.3])
    while (ticks := rig.do(protocol.STATUS)["ticks"] - before) < 5:
        pass
    in_time = (perf_counter() - began) / 0.02
    numbers = [phone.receive().sequence for _ in range(4)]

    assert ticks <= in_time - 10
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(4)]


def test_packets_are_what_the_sockets_say(rig: WorkerRig) -> None:
    """Empty datagrams, and those longer than the buffer, are packets like others."""
    leg, port, phone = rig.call()
    phone.socket.sendto(b"", ("127.0.0.1", port))
    phone.socket.sendto(bytes(RtpPacket(0, 1, 1, 1, bytes(1400))), ("127.0.0.1", port))
    phone.press(port, "8")
    rig.wait_for(protocol.EVENT_KEY, leg, key="8")
    figures = rig.hang_up(leg)

    assert (figures["received"], figures["invalid"]) == (2, 1)
