"""Events and flows are values."""

import dataclasses

import pytest
from sip_talk import TCP, UDP

from ringback.sip.events import DialogId, Ended, IncomingCall


def test_headers_of_a_call_are_found_without_regard_to_case() -> None:
    call = IncomingCall(
        DialogId(1), UDP, "sip:a", "a", "sip:b", "b", "sip:c", "c", "C", "id", None, (("x-a", "1"), ("x-a", "2"))
    )
    assert (call.header("X-A"), call.header("x-b")) == ("1", None)


def test_only_udp_needs_retransmissions() -> None:
    assert (UDP.reliable, TCP.reliable) == (False, True)


def test_events_do_not_change() -> None:
    ended = Ended(DialogId(1), "bye", True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        ended.code = 5  # type: ignore[misc]
