"""The seeded network for RTP: as bad as asked for, and the same for one seed."""

import itertools

import numpy as np
import pytest

from ringback.media import g711
from ringback.rtp.packet import parse
from ringback.testing.rtp_network import RtpConditions, RtpNetwork, RtpTelephone

TONE = (8000 * np.sin(np.arange(8000) * 0.3)).astype(np.int16)


def through(
    conditions: RtpConditions, seed: int = 1, packets: int = 5000
) -> tuple[RtpNetwork, list[tuple[float, int]]]:
    """When each packet arrives, and its number."""
    network, arrived = RtpNetwork(seed, conditions), []
    for number in range(packets):
        network.send(number.to_bytes(2, "big"), number * 0.02)
    for step in range(packets * 20 + 2000):
        now = step * 0.001
        arrived += [(now, int.from_bytes(data, "big")) for data in network.arrived(now)]
    return network, arrived


def test_a_good_network_delivers_everything_in_order_and_in_time() -> None:
    _, arrived = through(RtpConditions(), packets=50)
    assert [number for _, number in arrived] == list(range(50))
    assert max(now - number * 0.02 for now, number in arrived) == pytest.approx(0.02, abs=0.0011)


@pytest.mark.parametrize("burst", [1.0, 4.0])
def test_so_much_is_lost_in_runs_of_that_length(burst: float) -> None:
    network, arrived = through(RtpConditions(loss=0.1, burst=burst))
    assert network.lost == 5000 - len(arrived)
    assert network.lost / 5000 == pytest.approx(0.1, abs=0.03)
    numbers = [number for _, number in arrived]
    runs = [b - a - 1 for a, b in itertools.pairwise(numbers) if b - a > 1]
    assert sum(runs) / len(runs) == pytest.approx(max(burst, 1 / 0.9), rel=0.2)


def test_a_queue_holds_up_and_keeps_the_order() -> None:
    _, arrived = through(RtpConditions(jitter=0.1))
    delays = [now - number * 0.02 for now, number in arrived]
    assert min(delays) == pytest.approx(0.02, abs=0.002)
    assert max(delays) == pytest.approx(0.12, abs=0.003)
    assert [number for _, number in arrived] == list(range(5000))


def test_packets_are_overtaken_and_doubled() -> None:
    network, arrived = through(RtpConditions(reorder=0.1, duplicate=0.05))
    numbers = [number for _, number in arrived]
    overtaken = sum(b < a for a, b in itertools.pairwise(numbers))
    assert 0.05 < overtaken / 5000 < 0.2
    assert len(numbers) - len(set(numbers)) == network.doubled
    assert network.doubled / 5000 == pytest.approx(0.05, abs=0.01)


def test_one_seed_is_one_run() -> None:
    bad = RtpConditions(loss=0.1, jitter=0.1, reorder=0.1, duplicate=0.1)
    assert through(bad, 7, 300)[1] == through(bad, 7, 300)[1] != through(bad, 8, 300)[1]
    assert through(RtpConditions(loss=1.0), 1, 50)[1] == []


@pytest.mark.parametrize(("milliseconds", "codec"), [(10, g711.PCMU), (20, g711.PCMA), (60, g711.PCMU)])
def test_a_telephone_says_it_all_in_packets_of_its_length(milliseconds: int, codec: int) -> None:
    phone = RtpTelephone(TONE, codec, milliseconds, timestamp=0xFFFFFFFF, sequence=0xFFFF)
    packets = [(when, parse(data)) for when, data in phone.until(0.6)]
    assert [when for when, _ in packets[:2]] == pytest.approx([milliseconds / 1000, milliseconds / 500])
    assert packets[1][1].sequence == 0
    heard = g711.decode(b"".join(packet.payload for _, packet in packets), codec)
    assert np.array_equal(heard, g711.decode(g711.encode(TONE[: len(heard)], codec), codec))
    assert len(packets) == 600 // milliseconds
    assert list(phone.until(0.6)) == []


def test_a_clock_that_is_fast_says_more() -> None:
    assert len(list(RtpTelephone(TONE, drift=0.001).until(100.0))) == 5005
    assert len(list(RtpTelephone(TONE, drift=-0.001).until(100.0))) == 4995


def test_silence_is_told_once_and_marked_when_it_ends() -> None:
    says = np.concatenate([TONE[:800], np.zeros(800, np.int16)])
    packets = [parse(data) for _, data in RtpTelephone(says, silence=60).until(0.4)]
    assert [(p.payload_type, p.timestamp // 160, p.marker) for p in packets[4:8]] == [
        (0, 4, False),
        (13, 5, False),
        (0, 10, True),
        (0, 11, False),
    ]
    assert packets[5].payload == bytes([60])
    assert [p.sequence for p in packets] == list(range(len(packets)))
