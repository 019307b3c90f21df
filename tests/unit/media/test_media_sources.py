"""Whose packets a leg accepts: the negotiated address wins, else the first one that sends; nobody else is heard."""

import numpy as np

from ringback.media.sources import NOBODY, SourceLock

NEGOTIATED, PHONE, STRANGER = 10, 11, 12


def admit(lock: SourceLock, *packets: tuple[int, int], valid: list[bool] | None = None) -> tuple[list[bool], list[int]]:
    """Let packets (row, source) arrive in one tick."""
    rows, sources = (np.array(column, np.int64) for column in zip(*packets, strict=True))
    admitted, moved = lock.admit(rows, sources, np.array(valid or [True] * len(packets)))
    return admitted.tolist(), moved


def test_without_a_packet_ours_go_to_the_negotiated_address() -> None:
    lock = SourceLock(2)
    assert lock.destination(1) == NOBODY
    lock.negotiate(1, NEGOTIATED)

    assert (lock.destination(0), lock.destination(1)) == (NOBODY, NEGOTIATED)


def test_the_negotiated_address_is_accepted_and_nobody_else() -> None:
    lock = SourceLock(1)
    lock.negotiate(0, NEGOTIATED)

    assert admit(lock, (0, NEGOTIATED)) == ([True], [0])
    assert admit(lock, (0, NEGOTIATED), (0, STRANGER), (0, NEGOTIATED)) == ([True, False, True], [])
    assert lock.refused[0] == 1
    assert lock.destination(0) == NEGOTIATED


def test_another_address_is_learnt_until_the_negotiated_one_sends() -> None:
    """A phone behind NAT does not know its address; ours go where its packets come from (RFC 4961)."""
    lock = SourceLock(1)
    lock.negotiate(0, NEGOTIATED)

    assert admit(lock, (0, PHONE)) == ([True], [0])
    assert lock.destination(0) == PHONE
    assert admit(lock, (0, STRANGER), (0, PHONE)) == ([False, True], [])
    assert admit(lock, (0, NEGOTIATED)) == ([True], [0])
    assert lock.destination(0) == NEGOTIATED
    assert admit(lock, (0, PHONE)) == ([False], [])
    assert lock.refused[0] == 2


def test_who_was_first_in_a_tick_is_learnt_once() -> None:
    lock = SourceLock(1)

    assert admit(lock, (0, PHONE), (0, PHONE), (0, STRANGER), (0, PHONE)) == ([True, True, False, True], [0])


def test_what_is_no_packet_of_the_session_teaches_nothing() -> None:
    lock = SourceLock(1)

    assert admit(lock, (0, STRANGER), (0, PHONE), valid=[False, True]) == ([False, True], [0])
    assert admit(lock, (0, PHONE), valid=[False]) == ([False], [])
    assert lock.learnt[0] == PHONE
    assert lock.refused[0] == 0


def test_a_new_address_in_the_session_forgets_the_learnt_one() -> None:
    lock = SourceLock(1)
    lock.negotiate(0, NEGOTIATED)
    admit(lock, (0, PHONE))
    lock.negotiate(0, NEGOTIATED)
    assert lock.destination(0) == PHONE
    lock.negotiate(0, 20)

    assert lock.destination(0) == 20
    assert admit(lock, (0, 20)) == ([True], [0])
    assert admit(lock, (0, PHONE)) == ([False], [])


def test_legs_are_locked_apart() -> None:
    lock = SourceLock(3)
    for row in range(3):
        lock.negotiate(row, row)

    assert admit(lock, (0, 0), (1, 0), (2, 2), (1, 1)) == ([True, True, True, True], [0, 1, 2, 1])
    assert admit(lock, (0, 1), (1, 0), (2, 2)) == ([False, False, True], [])


def test_a_row_that_is_cleared_remembers_nobody() -> None:
    lock = SourceLock(2)
    for row in range(2):
        lock.negotiate(row, NEGOTIATED)
    admit(lock, (0, PHONE), (0, STRANGER), (1, PHONE), (1, STRANGER))
    lock.clear(0)

    assert (lock.destination(0), lock.refused[0]) == (NOBODY, 0)
    assert (lock.destination(1), lock.refused[1]) == (PHONE, 1)
    assert admit(lock, (0, STRANGER)) == ([True], [0])
