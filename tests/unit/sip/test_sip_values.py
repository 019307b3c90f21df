"""Values of the SIP core."""

import pytest

from ringback.sip.values import Allow, Deny, Flow, RequestView, Silent


@pytest.mark.parametrize(("transport", "reliable"), [("UDP", False), ("TCP", True), ("TLS", True), ("WSS", True)])
def test_only_udp_repeats(transport: str, reliable: bool) -> None:
    assert Flow(transport, ("192.0.2.1", 5060), ("192.0.2.2", 5060)).reliable == reliable


def test_headers_of_a_request_are_found_without_regard_to_case() -> None:
    view = RequestView("INVITE", "sip:a", "sip:b", "b", "sip:a", "a", "c", (("x-a", "1"), ("x-a", "2")), b"")
    assert (view.values("X-A"), view.header("X-a"), view.header("x-b")) == (["1", "2"], "1", None)


def test_verdicts_are_values() -> None:
    assert Allow() == Allow(None)
    assert Silent().reason
    assert Deny(403).reason is None
