"""Guards against strangers."""

from ipaddress import ip_network

import pytest

from ringback.sip.guard import Block, Guard, GuardLimits, source_of, within

BAD = "203.0.113.9"


def test_so_many_wrong_passwords_block_a_source_for_a_time() -> None:
    guard = Guard(GuardLimits(wrong_passwords=3, block_seconds=100.0))
    for second in range(2):
        guard.failed(BAD, "wrong password", float(second))
        assert guard.blocked(BAD, float(second)) is None
    guard.failed(BAD, "unknown user", 2.0)
    assert guard.blocked(BAD, 2.0) == Block(BAD, 102.0, "3 wrong names or passwords")
    assert guard.inspect(BAD, "", 50.0) == "blocked"
    assert guard.inspect(BAD, "", 102.0) is None
    assert guard.totals == {"wrong password": 2, "unknown user": 1, "blocked": 1}
    [source] = guard.sources()
    assert (source.name, source.refusals.total()) == (BAD, 4)


def test_slips_that_are_long_apart_do_not_add_up() -> None:
    guard = Guard(GuardLimits(wrong_passwords=2, window=10.0))
    for second in (0.0, 20.0, 40.0):
        guard.failed(BAD, "wrong password", second)
    assert guard.blocked(BAD, 40.0) is None


def test_the_right_password_forgives_the_wrong_ones() -> None:
    guard = Guard(GuardLimits(wrong_passwords=2))
    guard.failed(BAD, "wrong password", 0.0)
    guard.proven(BAD, 1.0)
    guard.failed(BAD, "wrong password", 2.0)
    assert guard.blocked(BAD, 2.0) is None


@pytest.mark.parametrize("agent", ["friendly-scanner", "Sipvicious 0.3", "pplsip", "SIP-SCAN/1"])
def test_scanners_are_known_by_their_name(agent: str) -> None:
    guard = Guard()
    assert guard.inspect(BAD, agent, 0.0) == "scanner"
    assert guard.inspect(BAD, "Phone", 1.0) == "blocked"
    [block] = guard.blocks(1.0)
    assert agent in block.why


def test_who_asks_for_many_users_is_looking_for_one() -> None:
    guard = Guard(GuardLimits(users=3))
    for name in ("100", "101", "100", "102"):
        guard.asked(BAD, name, 0.0)
    assert guard.blocked(BAD, 0.0) is None
    guard.asked(BAD, "103", 0.0)
    assert guard.blocked(BAD, 0.0) is not None


def test_one_of_ours_is_not_blocked_for_what_comes_in_its_name() -> None:
    """A datagram's address is easily forged; an answer to a challenge is not."""
    guard = Guard(GuardLimits(users=1, wrong_passwords=1))
    guard.proven(BAD, 0.0)
    assert guard.inspect(BAD, "friendly-scanner", 1.0) == "scanner"
    for name in "abc":
        guard.asked(BAD, name, 1.0)
    assert guard.blocked(BAD, 1.0) is None
    assert guard.inspect(BAD, "friendly-scanner", 4000.0) == "scanner"
    assert guard.blocked(BAD, 4000.0) is not None
    guard.failed(BAD, "wrong password", 4001.0)
    assert guard.blocked(BAD, 4001.0) is not None


def test_a_source_may_ask_so_often() -> None:
    guard = Guard(GuardLimits(requests_per_second=2.0, burst=3))
    assert [guard.inspect(BAD, "", 0.0) for _ in range(4)] == [None, None, None, "too many requests"]
    assert guard.inspect(BAD, "", 0.5) is None
    assert guard.inspect(BAD, "", 0.5) == "too many requests"
    assert guard.inspect("198.51.100.1", "", 0.5) is None


def test_the_allow_list_always_wins() -> None:
    guard = Guard(GuardLimits(wrong_passwords=1, users=0, burst=1))
    guard.failed(BAD, "wrong password", 0.0)
    assert guard.blocked(BAD, 0.0) is not None
    guard.allow([ip_network("203.0.113.0/24")])
    guard.failed(BAD, "wrong password", 0.0)
    guard.asked(BAD, "x", 0.0)
    for _ in range(3):
        assert guard.inspect(BAD, "friendly-scanner", 0.0) is None
    assert guard.blocks(0.0) == []
    guard.allow([])
    assert guard.inspect(BAD, "Phone", 0.0) is None


def test_unblocking_and_blocks_from_before_a_restart() -> None:
    guard = Guard()
    guard.allow([ip_network("198.51.100.0/24")])
    blocks = [Block(BAD, 50.0, "a"), Block("203.0.113.8", 60.0, "b"), Block("198.51.100.1", 60.0, "c")]
    guard.restore([*blocks, Block("192.0.2.1", 5.0, "over")], 10.0)
    assert guard.blocks(10.0) == [blocks[1], blocks[0]]
    assert guard.unblock(BAD)
    assert not guard.unblock(BAD)
    assert guard.blocked(BAD, 10.0) is None


def test_its_memory_is_bounded_and_keeps_blocks_first() -> None:
    guard = Guard(GuardLimits(max_sources=20, wrong_passwords=1))
    guard.failed(BAD, "wrong password", 0.0)
    for i in range(200):
        guard.inspect(f"198.51.100.{i}", "", 0.0)
    assert guard.blocked(BAD, 0.0) is not None
    for i in range(200):
        guard.failed(f"192.0.2.{i}", "wrong password", 0.0)
    assert len(guard.blocks(0.0)) == 20


def test_refusals_for_other_reasons_are_counted_and_the_last_heard_comes_first() -> None:
    guard = Guard()
    guard.refused(BAD, "address not allowed", 0.0)
    guard.refused("198.51.100.1", "address not allowed", 1.0)
    guard.inspect("198.51.100.2", "", 1.0)
    assert [source.name for source in guard.sources()] == ["198.51.100.1", BAD]


def test_a_scanner_list_of_nothing_finds_nobody() -> None:
    assert Guard(scanners=()).inspect(BAD, "friendly-scanner", 0.0) is None


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "nonsense"),
    ],
)
def test_what_stands_for_a_source(host: str, source: str) -> None:
    assert source_of(host) == source


def test_addresses_in_networks() -> None:
    """An IPv4 caller of a socket for both families comes with an IPv6 address, and links have names."""
    networks = [ip_network("203.0.113.0/24"), ip_network("2001:db8::/32"), ip_network("fe80::1")]
    assert within("fe80::1%eth0", networks)
    assert not within("fe80::2", networks)
    assert within("::ffff:203.0.113.9", networks)
    assert within("2001:db8::1", networks)
    assert not within("198.51.100.1", networks)
    assert not within("nonsense", networks)
