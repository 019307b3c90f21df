"""Which refusals the log tells of."""

from ringback.calls.refusals import _SOURCES, EVERY_SECONDS, RefusalLog


def test_a_source_is_told_of_once_in_a_while_and_how_often_it_came() -> None:
    log = RefusalLog()
    assert log.line("junk", "192.0.2.1", 5060, 0.0) == "refused: junk (from 192.0.2.1:5060)"
    assert [log.line("junk", "192.0.2.1", 5060 + n, 1.0) for n in range(3)] == [None] * 3
    assert log.line("junk", "192.0.2.2", 5060, 1.0) == "refused: junk (from 192.0.2.2:5060)"
    assert log.line("more", "192.0.2.1", 1, EVERY_SECONDS) == (
        "refused: more (from 192.0.2.1:1), and 3 more from there since the last of these lines"
    )
    assert log.line("again", "192.0.2.1", 1, 2 * EVERY_SECONDS) == "refused: again (from 192.0.2.1:1)"


def test_it_remembers_so_many_sources_and_no_more() -> None:
    log = RefusalLog()
    for number in range(_SOURCES + 1):
        assert log.line("junk", f"source {number}", 1, 0.0)
    assert log.line("junk", "source 0", 1, 0.0) is not None
    assert log.line("junk", "source 2", 1, 0.0) is None
