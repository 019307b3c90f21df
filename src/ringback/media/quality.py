"""How a call sounds, as a number: the E-model (ITU-T G.107) for G.711, for one leg or for all at once.

The model starts from the best narrowband call, R = 93.2, and subtracts what loss and delay take away; all other
parameters have the defaults of G.107 table 2. R becomes a mean opinion score of 1 (bad) to 4.5 (excellent), MOS-CQ, by
annex B. It is an estimate from the network's figures: nobody has listened.
"""

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

BEST_R: Final = 93.2
"""With neither loss nor delay, all parameters at their defaults (G.107 §7.7)."""
MOST_BURSTY: Final = 8.0
"""Burst ratios count up to here: longer bursts than that of eight-fold chance are outages, for which no burst ratio
was ever calibrated."""
_ECHO_RATING: Final = 65.0
"""TELR in dB: how well the far telephone keeps our voice from coming back."""
_PATH_LOSS: Final = 110.0
"""WEPL in dB, of the whole way round."""
_BASIC_RATIO: Final = 94.77
"""Ro: signal to noise with the default noises."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a codec takes away by itself, and how well it bears loss (ITU-T G.113 appendix I)."""

    impairment: float
    """Ie, on the scale of R."""
    robustness: float
    """Bpl: the higher, the less it minds."""


G711: Final = Equipment(0.0, 4.3)
"""A packet that is missing is silence."""
G711_CONCEALED: Final = Equipment(0.0, 25.1)
"""A packet that is missing is guessed from those before it (G.711 appendix I): so do the plane and most telephones."""


def r_factor(
    loss: ArrayLike, burst_ratio: ArrayLike = 1.0, delay_ms: ArrayLike = 0.0, equipment: Equipment = G711_CONCEALED
) -> Floats:
    """Return the rating R, below 0 to 93.2, as an array of the arguments' common shape (scalars: shape ()).

    `loss` is the share of packets (0 to 1) that were not there when they were due: lost, or late. `burst_ratio` is 1
    where chance strikes each packet alone, more where losses come together (`burst_ratio`). `delay_ms` is one way,
    mouth to ear (`one_way_delay_ms`). Values outside of these are taken to the nearest that make sense.
    """
    percent = 100 * np.clip(np.asarray(loss, np.float64), 0.0, 1.0)
    bursts = np.clip(np.asarray(burst_ratio, np.float64), 1.0, MOST_BURSTY)
    own = equipment.impairment
    effective = own + (95 - own) * percent / (percent / bursts + equipment.robustness)  # G.107 (7-29)
    rating: Floats = np.asarray(BEST_R - _delay_impairment(delay_ms) - effective)
    return rating


def mos(r: ArrayLike) -> Floats:
    """Return MOS-CQ, 1 to 4.5, for ratings of R (G.107 (B-4)).

    The polynomial dips below 1 for R under 6.5, which no opinion can: it is cut there.
    """
    rating = np.clip(np.asarray(r, np.float64), 0.0, 100.0)
    score: Floats = np.maximum(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
    return score


def burst_ratio(lost: ArrayLike, bursts: ArrayLike, loss: ArrayLike) -> Floats:
    """Return how much longer the bursts of losses are than chance makes them (G.107 §7.5), 1 where nothing was lost.

    `lost` packets in `bursts` runs, out of a stream that loses the share `loss`: chance makes runs of 1 / (1 - loss).
    """
    lost, bursts = np.asarray(lost, np.float64), np.asarray(bursts, np.float64)
    mean = np.divide(lost, bursts, out=np.ones(np.broadcast(lost, bursts).shape), where=bursts > 0)
    ratio: Floats = np.clip(mean * (1 - np.clip(np.asarray(loss, np.float64), 0.0, 1.0)), 1.0, MOST_BURSTY)
    return ratio


def one_way_delay_ms(round_trip: ArrayLike, jitter_buffer_ms: ArrayLike, packet_ms: ArrayLike) -> Floats:
    """Return the delay from mouth to ear: half the round trip (seconds), the jitter buffer, and filling a packet.

    A round trip that is not known (NaN: a peer that sends no reports) counts as 0.
    """
    network = 500 * np.nan_to_num(np.asarray(round_trip, np.float64), nan=0.0)
    here = np.asarray(jitter_buffer_ms, np.float64) + np.asarray(packet_ms, np.float64)
    delay: Floats = np.asarray(np.maximum(network, 0.0) + here)
    return delay


def _delay_impairment(delay_ms: ArrayLike) -> Floats:
    """Return what a delay takes from R: our own echo, the listener's, and talking at once (G.107 §7.4).

    0 where there is none: the small part that G.107 counts even then is in BEST_R. What G.107 adds to the talker's
    echo below 4 ms is left out: it moves R by 0.02, and makes a delay of 1 ms better than none.
    """
    delay = np.maximum(np.asarray(delay_ms, np.float64), 0.0)
    heard = _ECHO_RATING - 40 * np.log10((1 + delay / 10) / (1 + delay / 150))
    talker = (_soft_step(_BASIC_RATIO - 80 - 2.5 * (heard - 14), 100) - 1) * -np.expm1(-delay)
    round_loss = 10.5 * (_PATH_LOSS + 7)
    listener = _soft_step(_BASIC_RATIO - round_loss * (2 * delay + 1) ** -0.25, 169)
    nothing = _soft_step(np.asarray(_BASIC_RATIO - round_loss), 169)
    octaves = np.log2(np.maximum(delay, 100.0) / 100)
    interaction = 25 * ((1 + octaves**6) ** (1 / 6) - 3 * (1 + (octaves / 3) ** 6) ** (1 / 6) + 2)
    impairment: Floats = np.maximum(talker + listener - nothing + interaction, 0.0)
    return impairment


def _soft_step(x: Floats, softness: float) -> Floats:
    """Return about 0 where x is far below 0, about x where it is far above."""
    step: Floats = x / 2 + np.sqrt(x * x / 4 + softness)
    return step


@dataclass(frozen=True, slots=True)
class Quality:
    """How a leg sounds, or sounded: what is heard of the peer."""

    r: float
    mos: float
    loss: float
    """Share of packets, 0 to 1, lost or late."""
    burst_ratio: float
    delay_ms: float

    @classmethod
    def of(cls, loss: float, burst_ratio: float, delay_ms: float, equipment: Equipment = G711_CONCEALED) -> "Quality":
        """Rate one leg; the arguments are those of `r_factor`."""
        r = float(r_factor(loss, burst_ratio, delay_ms, equipment))
        return cls(r, float(mos(r)), loss, burst_ratio, delay_ms)

    def as_dict(self) -> dict[str, float]:
        """The figures by name, as exact as they are worth: R to 0.1, MOS to 0.01, loss to 0.0001."""
        digits = {"r": 1, "mos": 2, "loss": 4, "burst_ratio": 2, "delay_ms": 1}
        return {name: round(value, digits[name]) for name, value in asdict(self).items()}


class QualityMeter:
    """The quality of all legs: live, between the last two updates, and over the whole call."""

    def __init__(self, capacity: int, equipment: Equipment = G711_CONCEALED) -> None:
        self.equipment = equipment
        self.r = np.full(capacity, np.nan)
        """The live rating of each leg; NaN while nothing was expected from it."""
        self.mos = np.full(capacity, np.nan)
        self._missing = np.zeros(capacity, np.bool_)
        self._totals = np.zeros((5, capacity))
        """Of the call: packets expected, lost; frames missing, in how many bursts; expected packets times delay."""
        self._before = np.zeros((4, capacity))
        """The first four at the last update."""
        self._live = np.full((3, capacity), np.nan)

    def clear(self, row: int) -> None:
        """Make the row ready for another leg."""
        self.r[row] = self.mos[row] = np.nan
        self._missing[row] = False
        self._totals[:, row] = self._before[:, row] = 0
        self._live[:, row] = np.nan

    def frames(self, due: NDArray[np.bool_], present: NDArray[np.bool_]) -> None:
        """Take one tick of the first n legs, bool[n]: is a frame due to be heard, and is it there?

        From this come the bursts only. How many packets were lost is told by their numbers, in `update`: a telephone
        that sends nothing while its user is silent has lost nothing.
        """
        count = len(due)
        missing = due & ~present
        self._totals[2, :count] += missing
        self._totals[3, :count] += missing & ~self._missing[:count]
        self._missing[:count] = missing

    def update(self, rows: NDArray[np.int64], expected: ArrayLike, lost: ArrayLike, delay_ms: ArrayLike) -> None:
        """Rate the legs `rows` anew, each named once; the other arguments have a value for each of them.

        `expected` and `lost` count packets since the leg began, `lost` with those that came too late to be heard.
        """
        now = self._totals[:4, rows]
        now[0], now[1] = expected, lost
        due, gone, missing, bursts = np.maximum(now - self._before[:, rows], 0.0)
        # An update within a burst finds frames that are missing, of a burst that was counted before.
        loss = np.divide(np.minimum(gone, due), due, out=np.full(len(due), np.nan), where=due > 0)
        ratio = burst_ratio(missing, np.where(missing > 0, np.maximum(bursts, 1), 0), np.nan_to_num(loss))
        self._live[:, rows] = loss, ratio, np.broadcast_to(delay_ms, loss.shape)
        self.r[rows] = r_factor(loss, ratio, delay_ms, self.equipment)
        self.mos[rows] = mos(self.r[rows])
        self._totals[:4, rows] = now
        self._totals[4, rows] += due * np.asarray(delay_ms, np.float64)
        self._before[:, rows] = now

    def live(self, row: int) -> Quality | None:
        """How the leg sounded between the last two updates; None where nothing was expected from it."""
        loss, ratio, delay = self._live[:, row].tolist()
        return None if np.isnan(loss) else Quality(float(self.r[row]), float(self.mos[row]), loss, ratio, delay)

    def whole(self, row: int) -> Quality | None:
        """How the leg sounded from its beginning to the last update: its whole loss, and the mean of its delay."""
        expected, lost, missing, bursts, delays = self._totals[:, row].tolist()
        if not expected:
            return None
        loss = min(lost / expected, 1.0)
        return Quality.of(loss, float(burst_ratio(missing, bursts, loss)), delays / expected, self.equipment)
