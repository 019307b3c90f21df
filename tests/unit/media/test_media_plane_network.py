"""The plane at the end of a bad network, in virtual time: what is heard, what is counted, and how late it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from ringback.media.arena import ClipArena
from ringback.media.plane import LegSetup, Plane
from ringback.testing.rtp_network import RtpConditions, RtpNetwork, RtpTelephone
from tests.unit.media.plane_rig import FRAME, PCMU_AND_PCMA, PlaneRig

PACKET_TIMES = (10, 20, 30, 40, 60)
SECOND = 50
GOOD = RtpConditions()
CONDITIONS = {
    "loss": RtpConditions(loss=0.03),
    "bursts of loss": RtpConditions(loss=0.03, burst=3),
    "jitter": RtpConditions(jitter=0.08),
    "reordering": RtpConditions(reorder=0.05),
    "duplicates": RtpConditions(duplicate=0.1),
    "all of it": RtpConditions(loss=0.02, burst=2, jitter=0.06, reorder=0.02, duplicate=0.05),
}


@dataclass
class Line:
    """Telephones that talk to the legs of a plane, each through a network of its own."""

    phones: Sequence[RtpTelephone]
    networks: Sequence[RtpNetwork]
    plane: Plane = field(init=False)
    heard: list[NDArray[np.int16]] = field(default_factory=list)
    now: int = 0

    def __post_init__(self) -> None:
        self.plane = Plane(len(self.phones), ClipArena(10))
        for row in range(len(self.phones)):
            self.plane.open(1, 1, 1)
            self.plane.sources.negotiate(row, row)
            self.plane.setup(row, LegSetup(0, PCMU_AND_PCMA, 101))

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.now += 1
            time = self.now * 0.02
            arriving = []
            for row, (phone, network) in enumerate(zip(self.phones, self.networks, strict=True)):
                for when, data in phone.until(time):
                    network.send(data, when)
                arriving += [(row, data) for data in network.arrived(time)]
            self.plane.tick(PlaneRig.received(*arriving) if arriving else None)
            self.heard.append(self.plane.heard.copy())

    def samples(self, row: int, ticks: int) -> NDArray[np.int16]:
        """What a leg has heard in the last ticks."""
        return np.concatenate([frame[row] for frame in self.heard[-ticks:]])


def tone(hertz: float) -> NDArray[np.int16]:
    """A second of it."""
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)).astype(np.int16)


def share_of(samples: NDArray[np.int16], hertz: float) -> float:
    """Which share of the frames are that tone, at about its level."""
    frames = samples.reshape(-1, FRAME).astype(float)
    wave = np.exp(-2j * np.pi * hertz * np.arange(FRAME) / 8000)
    amplitude = 2 * np.abs(frames @ wave) / FRAME
    power = np.square(frames).mean(axis=1) + 1
    return float(np.mean((amplitude > 5000) & (amplitude**2 / 2 > 0.8 * power)))


def lines(conditions: RtpConditions, seed: int) -> Line:
    """A leg for each packet time, each with a tone of its own."""
    phones = [
        RtpTelephone(
            tone(400 + 100 * row), packet_ms=ms, starts=row * 0.007, timestamp=0xFFFFFFFF - row, sequence=0xFFFF - row
        )
        for row, ms in enumerate(PACKET_TIMES)
    ]
    return Line(phones, [RtpNetwork(seed * 10 + row, conditions) for row in range(len(phones))])


@pytest.mark.slow
@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("seed", [1, 2])
def test_each_packet_time_is_heard_through_a_bad_network(name: str, seed: int) -> None:
    """Lost packets are concealed, so that up to 60 ms in a row sound like what was before."""
    line = lines(CONDITIONS[name], seed)
    line.run(14 * SECOND)
    for row, network in enumerate(line.networks):
        figures = line.plane.stats(row)
        heard = share_of(line.samples(row, 10 * SECOND), 400 + 100 * row)
        assert heard > 0.93, (name, PACKET_TIMES[row], heard, figures)
        assert (figures.invalid, figures.refused, figures.resets) == (0, 0, 0)
        assert figures.lost == pytest.approx(network.lost, abs=3)
        assert figures.duplicates + figures.late >= 0.8 * network.doubled
        assert figures.delay_ms < 250


@pytest.mark.long
def test_without_trouble_nothing_is_missing() -> None:
    line = lines(GOOD, 1)
    line.run(6 * SECOND)
    for row in range(len(PACKET_TIMES)):
        figures = line.plane.stats(row)
        assert share_of(line.samples(row, 4 * SECOND), 400 + 100 * row) > 0.99
        assert (figures.lost, figures.late, figures.duplicates, figures.resets) == (0, 0, 0, 0)
        assert figures.mos > 4.2


@pytest.mark.long
def test_another_source_is_heard_at_once_also_where_the_old_ones_packets_come_late() -> None:
    """Reordering at the very moment at which the SSRC changes."""
    line = Line([RtpTelephone(tone(400))], [RtpNetwork(3, RtpConditions(reorder=0.3))])
    line.run(3 * SECOND)
    line.phones = [RtpTelephone(tone(900), ssrc=99, starts=3.0, sequence=40000, timestamp=123)]
    line.run(3 * SECOND)

    assert share_of(line.samples(0, 2 * SECOND), 900) > 0.9
    assert line.plane.stats(0).resets <= 6


@pytest.mark.long
@pytest.mark.parametrize("jump", [5 * 8000, -5 * 8000, 3_000_000_000, 77])
def test_timestamps_that_jump_cost_a_moment(jump: int) -> None:
    line = Line([RtpTelephone(tone(400))], [RtpNetwork(4, RtpConditions(jitter=0.03))])
    line.run(3 * SECOND)
    line.phones[0].timestamp = (line.phones[0].timestamp + jump) & 0xFFFFFFFF
    line.run(3 * SECOND)

    assert share_of(line.samples(0, 5 * SECOND // 2), 400) > 0.9
    assert line.plane.stats(0).lost == 0


@pytest.mark.long
def test_a_burst_after_a_standstill_is_worked_off() -> None:
    line = Line([RtpTelephone(tone(400))], [RtpNetwork(5)])
    line.run(2 * SECOND)
    held: list[bytes] = []
    for _ in range(20):
        line.now += 1
        held += [data for _, data in line.phones[0].until(line.now * 0.02)]
        line.plane.tick(None)
    for data in held:
        line.networks[0].send(data, line.now * 0.02)
    line.run(12 * SECOND)

    assert share_of(line.samples(0, 4 * SECOND), 400) > 0.99
    assert line.plane._inbound.ring.latest_delay(np.array([0]))[0] <= 8


@pytest.mark.long
def test_silence_with_comfort_noise_is_no_loss_whatever_the_network_does() -> None:
    says = np.concatenate([tone(400), np.zeros(16000, np.int16)])
    line = Line([RtpTelephone(says, silence=55)], [RtpNetwork(6, RtpConditions(jitter=0.04, reorder=0.02))])
    line.run(12 * SECOND)
    figures = line.plane.stats(0)

    assert figures.lost == 0
    assert figures.mos > 4.0
    frames = np.array([np.abs(frame[0]).max() for frame in line.heard[2 * SECOND :]])
    assert (frames > 0).mean() > 0.97, "noise where nothing is said"
    assert 0.55 < (frames < 500).mean() < 0.75


@pytest.mark.long
@pytest.mark.timeout(600)
def test_clocks_that_are_off_add_no_delay() -> None:
    """Twenty minutes of 1,200 ppm drift as far as two hours of 200: a frame too much or too few every 17 seconds."""
    phones = [RtpTelephone(tone(500), drift=ppm * 1e-6, starts=0.005 * row) for row, ppm in enumerate((-1200, 0, 1200))]
    line = Line(phones, [RtpNetwork(row, RtpConditions(jitter=0.015)) for row in range(3)])
    delays = []
    for _ in range(20):
        line.run(60 * SECOND)
        delays.append(line.plane._inbound.ring.latest_delay(np.arange(3)).tolist())
        for row in range(3):
            assert share_of(line.samples(row, 60 * SECOND), 500) > 0.99
        line.heard.clear()

    assert np.max(delays) <= 8
    for row in range(3):
        figures = line.plane.stats(row)
        assert (figures.lost, figures.resets) == (0, 0)
        assert figures.late <= 80
        assert figures.mos > 4.2
