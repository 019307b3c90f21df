"""Deadlines in a heap."""

from ringback.sip.timers import Timers


class Log:
    """A target that writes down what runs out, and may start a further timer."""

    def __init__(self, timers: Timers) -> None:
        self.timers = timers
        self.fired: list[tuple[str, float]] = []
        self.then: tuple[float, str] | None = None

    def on_timer(self, letter: str, now: float) -> None:
        self.fired.append((letter, now))
        if self.then is not None:
            (deadline, name), self.then = self.then, None
            self.timers.start(deadline, name, self)


def test_timers_run_out_in_order() -> None:
    timers = Timers()
    log = Log(timers)
    for deadline, letter in [(3.0, "C"), (1.0, "A"), (1.0, "B"), (9.0, "Z")]:
        timers.start(deadline, letter, log)
    assert timers.next() == 1.0
    timers.run_out(0.5)
    assert log.fired == []
    timers.run_out(3.0)
    assert log.fired == [("A", 3.0), ("B", 3.0), ("C", 3.0)]
    assert (timers.next(), len(timers)) == (9.0, 1)


def test_a_stopped_timer_is_forgotten() -> None:
    timers = Timers()
    log = Log(timers)
    timer = timers.start(1.0, "A", log)
    timers.stop(timer)
    timers.stop(timer)
    assert (timers.next(), len(timers)) == (None, 0)
    assert timer.target is None
    timers.run_out(2.0)
    assert log.fired == []
    fired = timers.start(3.0, "B", log)
    timers.run_out(3.0)
    timers.stop(fired)
    assert len(timers) == 0


def test_what_is_started_while_timers_run_out_waits_for_the_next_run() -> None:
    """Else a timer that starts itself with a deadline in the past would never let go."""
    timers = Timers()
    log = Log(timers)
    log.then = (0.5, "again")
    timers.start(1.0, "A", log)
    timers.run_out(1.0)
    assert [letter for letter, _ in log.fired] == ["A"]
    assert timers.next() == 0.5
    timers.run_out(1.0)
    assert [letter for letter, _ in log.fired] == ["A", "again"]


def test_stopped_timers_do_not_pile_up() -> None:
    timers = Timers()
    log = Log(timers)
    kept = timers.start(500.0, "K", log)
    for _ in range(1000):
        timers.stop(timers.start(100.0, "X", log))
    assert len(timers) == 1
    assert len(timers._heap) < 200
    assert kept.target is log
    assert timers.next() == 500.0
